package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// defaultModule takes the Terraform names that no entry of modules fits.
const defaultModule = "index"

// modules maps the second word of a Terraform name (vault_<module>_<rest>) to the module of the
// Python package.
var modules = map[string]string{
	"ad":              "ad",
	"alicloud":        "alicloud",
	"approle":         "appRole",
	"aws":             "aws",
	"azure":           "azure",
	"config":          "config",
	"consul":          "consul",
	"database":        "database",
	"gcp":             "gcp",
	"generic":         "generic",
	"github":          "github",
	"identity":        "identity",
	"jwt":             "jwt",
	"kmip":            "kmip",
	"kubernetes":      "kubernetes",
	"kv":              "kv",
	"ldap":            "ldap",
	"managed":         "managed",
	"mongodbatlas":    "mongodbatlas",
	"okta":            "okta",
	"pki_secret":      "pkiSecret",
	"rabbitmq":        "rabbitMq",
	"saml":            "saml",
	"secrets":         "secrets",
	"ssh":             "ssh",
	"terraform_cloud": "terraformcloud",
	"token":           "tokenauth",
	"transform":       "transform",
	"transit":         "transit",
}

// resourceTokens lists the resources whose token does not follow from the module rule: the package
// named them before the rule existed, or the whole name is itself the name of a module. One of
// them also has a property whose name does not follow from Terraform's.
func resourceTokens() map[string]*tfbridge.ResourceInfo {
	explicit := map[string]tokens.Type{
		"vault_azure_secret_backend":                         resourceToken("azure", "Backend"),
		"vault_azure_secret_backend_role":                    resourceToken("azure", "BackendRole"),
		"vault_identity_oidc_key_allowed_client_id":          resourceToken("identity", "OidcKeyAllowedClientID"),
		"vault_pki_secret_backend_cert":                      resourceToken("pkiSecret", "SecretBackendCert"),
		"vault_pki_secret_backend_config_ca":                 resourceToken("pkiSecret", "SecretBackendConfigCa"),
		"vault_pki_secret_backend_config_issuers":            resourceToken("pkiSecret", "SecretBackendConfigIssuers"),
		"vault_pki_secret_backend_config_urls":               resourceToken("pkiSecret", "SecretBackendConfigUrls"),
		"vault_pki_secret_backend_crl_config":                resourceToken("pkiSecret", "SecretBackendCrlConfig"),
		"vault_pki_secret_backend_intermediate_cert_request": resourceToken("pkiSecret", "SecretBackendIntermediateCertRequest"),
		"vault_pki_secret_backend_intermediate_set_signed":   resourceToken("pkiSecret", "SecretBackendIntermediateSetSigned"),
		"vault_pki_secret_backend_issuer":                    resourceToken("pkiSecret", "SecretBackendIssuer"),
		"vault_pki_secret_backend_key":                       resourceToken("pkiSecret", "SecretBackendKey"),
		"vault_pki_secret_backend_role":                      resourceToken("pkiSecret", "SecretBackendRole"),
		"vault_pki_secret_backend_root_cert":                 resourceToken("pkiSecret", "SecretBackendRootCert"),
		"vault_pki_secret_backend_root_sign_intermediate":    resourceToken("pkiSecret", "SecretBackendRootSignIntermediate"),
		"vault_pki_secret_backend_sign":                      resourceToken("pkiSecret", "SecretBackendSign"),
		"vault_token":                                        resourceToken(defaultModule, "Token"),
	}
	resources := make(map[string]*tfbridge.ResourceInfo, len(explicit))
	for name, token := range explicit {
		resources[name] = &tfbridge.ResourceInfo{Tok: token}
	}
	resources["vault_pki_secret_backend_role"].Fields = map[string]*tfbridge.SchemaInfo{
		"ou": {Name: "organizationUnit"},
	}
	return resources
}

// resourceToken is the type token of a resource class: vault:module/camelCase:PascalCase.
func resourceToken(module, class string) tokens.Type {
	return tfbridge.MakeResource(packageName, module, class)
}
