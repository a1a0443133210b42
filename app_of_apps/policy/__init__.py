"""Pulumi policy packs of an environment: their configuration, and how the engine can start them. Reads no cluster."""
