"""The rules of the policy pack, one module per group. Only `pack` knows of Pulumi.

A rule judges what the engine is about to do with one resource, or the whole stack, as plain data. What is known only
while it is deployed is `UNKNOWN` in a preview, and judged when it is known. No message repeats a value.
"""
