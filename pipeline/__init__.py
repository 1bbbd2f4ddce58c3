"""The command `pipeline`: what the workflows do, where it can be tested."""
