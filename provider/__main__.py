"""The component provider for programs in any Pulumi language; docs/package.md tells how it is used."""

from components.plugin import main

main()
