"""The stages that a commit is judged in."""

STAGES = ("lint", "policy", "test")
