"""The Pulumi program: everything that it deploys stands in parent.yaml, apps/ and Pulumi.<environment>.yaml."""

from components.program import run

run()
