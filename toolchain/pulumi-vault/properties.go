package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
)

// propertiesFlag prints, by token, the properties of every resource as the bridge names and shapes
// them: what the package's generated classes have to agree with. The full package schema would
// say the same, for the price of the bridge's code generator in the binary.
const propertiesFlag = "-get-properties"

// A shape is "bool", "int", "float", "str" or "any", ["list", shape], ["map", shape], or an object
// of properties.
type shape any

func printProperties(info *tfbridge.ProviderInfo) error {
	resources := make(map[string]shape, len(info.Resources))
	for name, resource := range info.Resources {
		terraform, found := info.P.ResourcesMap().GetOk(name)
		if !found {
			return fmt.Errorf("a token is declared for %s, which the Terraform provider lacks", name)
		}
		properties := objectShape(terraform.Schema(), resource.Fields)
		delete(properties, "id") // Pulumi keeps it outside the properties
		resources[string(resource.Tok)] = properties
	}
	return json.NewEncoder(os.Stdout).Encode(resources)
}

func objectShape(
	fields shim.SchemaMap, overrides map[string]*tfbridge.SchemaInfo,
) map[string]shape {
	properties := make(map[string]shape, fields.Len())
	fields.Range(func(name string, field shim.Schema) bool {
		pulumiName := tfbridge.TerraformToPulumiNameV2(name, fields, overrides)
		properties[pulumiName] = fieldShape(field, overrides[name])
		return true
	})
	return properties
}

func fieldShape(field shim.Schema, override *tfbridge.SchemaInfo) shape {
	var nested map[string]*tfbridge.SchemaInfo
	var element *tfbridge.SchemaInfo
	if override != nil {
		nested, element = override.Fields, override.Elem
	}
	switch field.Type() {
	case shim.TypeBool:
		return "bool"
	case shim.TypeInt:
		return "int"
	case shim.TypeFloat:
		return "float"
	case shim.TypeString:
		return "str"
	case shim.TypeMap:
		if object, ok := field.Elem().(shim.Resource); ok {
			return objectShape(object.Schema(), nested)
		}
		return []shape{"map", elementShape(field.Elem(), element)}
	case shim.TypeList, shim.TypeSet:
		inner := elementShape(field.Elem(), element)
		if tfbridge.IsMaxItemsOne(field, override) {
			return inner
		}
		return []shape{"list", inner}
	default:
		return "any"
	}
}

func elementShape(element any, override *tfbridge.SchemaInfo) shape {
	switch element := element.(type) {
	case shim.Resource:
		var nested map[string]*tfbridge.SchemaInfo
		if override != nil {
			nested = override.Fields
		}
		return objectShape(element.Schema(), nested)
	case shim.Schema:
		return fieldShape(element, override)
	default:
		return "str" // Terraform's default for elements that declare no type
	}
}
