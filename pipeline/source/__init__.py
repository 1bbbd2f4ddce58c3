"""The repository as a model: its files, settings, templates, workflows; each read once, with lines."""
