"""The changes that the story makes to the application: a good one, and two that pass every check and then fail."""

from sandbox.github import GitHub

_HEALTH = "app/health.py"


def good(hub: GitHub) -> dict[str, str]:
    """A harmless change of the application's code."""
    text = _text(hub, "main", _HEALTH)
    return {_HEALTH: _replaced(text, "The process answers; no database is asked.", "The process answers.")}


def good_again(hub: GitHub) -> dict[str, str]:
    """Another one, after the first."""
    return {_HEALTH: _replaced(_text(hub, "main", _HEALTH), "The process answers.", "It answers.")}


def broken_smoke(hub: GitHub) -> dict[str, str]:
    """A readiness check that holds everywhere but on Lambda, so that only the smoke test can see it fail."""
    text = _text(hub, "main", _HEALTH)
    for old, new in (
        ("import psycopg\n", "import os\n\nimport psycopg\n"),
        ("from flask import Blueprint, current_app", "from flask import Blueprint, abort, current_app"),
        ("    try:\n", '    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:\n        abort(500)\n    try:\n'),
    ):
        text = _replaced(text, old, new)
    return {_HEALTH: text}


def broken_migration(hub: GitHub, before: str) -> dict[str, str]:
    """A constraint that an empty database takes, and dev's, which holds a deployment by bob, does not.

    What an earlier change broke is mended with it, as one would do: the readiness check is that of `before`.
    """
    names = hub.remote.git("ls-tree", "--name-only", "main", "app/migrations/").splitlines()
    last = max(int(name.rsplit("/", 1)[-1][:4]) for name in names if name.endswith(".sql"))
    return {
        f"app/migrations/{last + 1:04}_nobody_called_bob.sql": (
            "-- Holds on an empty table, and not on one with bob's deployments.\n"
            "ALTER TABLE ledger.deployment ADD CONSTRAINT nobody_called_bob CHECK (actor <> 'bob');\n"
        ),
        _HEALTH: _text(hub, before, _HEALTH),
    }


def _text(hub: GitHub, commit: str, path: str) -> str:
    return hub.remote.git("show", f"{commit}:{path}") + "\n"


def _replaced(text: str, old: str, new: str) -> str:
    """`text` with its one `old` replaced. Raises LookupError when it isn't there once: the story must be mended."""
    if text.count(old) != 1:
        raise LookupError(f"{_HEALTH} does not hold {old!r} once")
    return text.replace(old, new)
