"""Deploy many services as one: everything of App of Apps that is not a Pulumi resource.

The data flows one way: YAML → manifest → release for one environment → plan → objects → components → records.
Imports follow it downwards (``cli`` → ``deploy`` → ``objects`` → ``environment`` → ``release`` → ``graph`` →
``manifest`` → ``errors``) and import-linter holds them to it.
"""

__version__ = "0.1.0"
