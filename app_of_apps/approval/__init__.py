"""Approvals: signatures over an environment and a release, and the gate that counts them."""
