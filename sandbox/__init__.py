"""The laptop's GitHub and AWS. It knows all of the project; nothing knows it."""
