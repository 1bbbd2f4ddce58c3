"""Identity and access: statements, conditions, and who can become whom."""
