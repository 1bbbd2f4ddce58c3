"""A bundle and the stack that it goes to: built, stored, changed, asked."""
