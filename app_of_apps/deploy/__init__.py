"""Runs the program as a local Pulumi program, follows it, and tells afterwards what happened in one report.

``report``, ``health``, ``facts`` and ``diagnose`` need no engine: they work from a release and a cluster alone, so
that the program itself can use them. Nothing here declares a resource or imports the program.
"""
