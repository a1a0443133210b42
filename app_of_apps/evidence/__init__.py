"""Records of every attempt: a signed chain, where it is kept, and how an auditor checks it."""
