"""The order of the children: cycles, waves, transitive needs."""
