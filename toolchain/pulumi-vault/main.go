// Command pulumi-resource-vault is the Pulumi Vault provider, release 7.9.0.
//
// It bridges the Terraform provider that the official plugin of that release bridges
// (hashicorp/vault 5.9.0). The Python package pulumi-vault 7.9.0 fixes tokens and property names,
// so what is declared in tokens.go has to agree with it; tests/integration/toolchain compares the
// two token by token and property by property.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-provider-vault/vault"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
)

const (
	packageName    = "vault"
	packageVersion = "7.9.0"

	// Vault names live in one flat space per mount, hence the suffix that Pulumi appends to names
	// the program does not choose, with the length limit and separator of the official plugin.
	autonameLength    = 255
	autonameSeparator = "-"
)

func main() {
	info := tfbridge.ProviderInfo{
		P:              shimv2.NewProvider(vault.Provider()),
		Name:           packageName,
		ResourcePrefix: packageName,
		Version:        packageVersion,
		GitHubOrg:      "hashicorp",
		Resources:      resourceTokens(),
	}
	info.MustComputeTokens(tokens.MappedModules(
		"vault_", defaultModule, modules, tokens.MakeStandard(packageName),
	))
	info.SetAutonaming(autonameLength, autonameSeparator)

	if len(os.Args) == 2 && os.Args[1] == propertiesFlag {
		if err := printProperties(&info); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}

	tfbridge.Main(packageName, packageVersion, info, schema())
}

// schema is what the plugin answers when it is asked for its package schema: the name and the
// version only. Deployments never ask for it (types live in the language SDKs), and generating the
// full schema would pull the bridge's code generator into every build of this toolchain.
func schema() []byte {
	spec, err := json.Marshal(map[string]string{"name": packageName, "version": packageVersion})
	if err != nil {
		panic(err) // two constant strings always marshal
	}
	return spec
}
