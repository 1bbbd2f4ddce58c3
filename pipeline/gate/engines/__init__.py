"""The engines of the gate: a file each, with one interface, in the order in which they are listed."""
