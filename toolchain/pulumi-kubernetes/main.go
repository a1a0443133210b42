// Command pulumi-resource-kubernetes is the Pulumi Kubernetes provider, release 4.25.0.
//
// The provider's module leaves its own main package without the two files that it embeds,
// because its release process generates them. The builder of this toolchain writes both
// beside this file before it compiles:
//
//   - schema.json: the module's schema with "version" set to the release;
//   - terraform-mapping.json: the module's mapping, as it is.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

func main() {
	provider.Serve("kubernetes", version.Version, schema, terraformMapping)
}
