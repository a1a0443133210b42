"""One environment: its settings, as the stack file describes them, and the checks that we are where we say we are."""
