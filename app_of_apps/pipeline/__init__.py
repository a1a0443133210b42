"""What a pipeline needs around the other verbs: who it is, its login, one comment, one issue, one proposal.

Nothing in here deploys. Credentials are handed to one process and are in no file of the checkout, no argument and no
output.
"""
