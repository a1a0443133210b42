"""The service: what the CLI does, behind an authenticated door, with a queue, one page, and a way in for agents.

It decides nothing about a deployment. An operation is a process of ``aoa`` of its own, so guard, gate and record are
the program's; what this package adds is who may ask, in which order things run, and what can be seen meanwhile. It
never holds a secret's value, and never a person's credential for longer than one request.
"""
