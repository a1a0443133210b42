"""A release: the resolved content of one environment, named by its digest."""
