"""``aoa``: validate, look at, deploy and watch a parent and its children from a terminal.

One module per verb; each imports what it runs when it runs, so that ``--help`` and completion stay quick. The safety
of a deployment is in the program, not here: ``pulumi up`` without this CLI does the same.
"""
