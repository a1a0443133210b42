"""The Kubernetes and Vault objects of a release, as data: what the components declare and what `aoa render` prints."""
