"""One finding is enough."""
