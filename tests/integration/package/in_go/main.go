// A program that names the component, as the SDK that Pulumi generates for Go does it.
package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

type parentApp struct {
	pulumi.ResourceState

	Release     pulumi.StringOutput `pulumi:"release"`
	Environment pulumi.StringOutput `pulumi:"environment"`
}

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		var parent parentApp
		inputs := pulumi.Map{"environment": pulumi.String("staging")}
		if err := ctx.RegisterRemoteComponentResource("aoa:index:ParentApp", "ours", inputs, &parent); err != nil {
			return err
		}
		ctx.Export("release", parent.Release)
		ctx.Export("environment", parent.Environment)
		return nil
	})
}
