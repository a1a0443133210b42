"""The same program as the shop's: everything that makes this example different stands in its YAML files."""

from components.program import run

run()
