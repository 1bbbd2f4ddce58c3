"""The changes that the story makes to the application: a good one, and two that pass every check and then fail."""

from sandbox.github import GitHub

_FILE = "app/ledger/__init__.py"  # the application's: what these changes ask for is its own tests alone
_SAID = "Add the ledger to the application."
_SAYS = "Add the ledger: its API, its sessions and its pages."


def good(hub: GitHub) -> dict[str, str]:
    """A harmless change of the application's code."""
    return {_FILE: _replaced(_text(hub, _FILE), _SAID, _SAYS)}


def good_again(hub: GitHub) -> dict[str, str]:
    """Another one, after the first."""
    return {_FILE: _replaced(_text(hub, _FILE), _SAYS, "Add the ledger's blueprints.")}


_BROKEN = """\
    @app.before_request
    def _ready() -> None:
        if "AWS_LAMBDA_FUNCTION_NAME" in os.environ and request.path == "/ready":
            abort(500)

"""


def broken_smoke(hub: GitHub) -> dict[str, str]:
    """A readiness check that holds everywhere but on Lambda, so that only the smoke test can see it fail."""
    text = _text(hub, _FILE)
    for old, new in (
        ("from flask import Flask\n", "import os\n\nfrom flask import Flask, abort, request\n"),
        ("    for blueprint in ", f"\n{_BROKEN}    for blueprint in "),
    ):
        text = _replaced(text, old, new)
    return {_FILE: text}


def broken_migration(hub: GitHub, before: str) -> dict[str, str]:
    """A constraint that an empty database takes, and dev's, which holds a deployment by bob, does not.

    What an earlier change broke is mended with it, as one would do: the file is that of `before`.
    """
    names = hub.remote.git("ls-tree", "--name-only", hub.repository.branch, "app/migrations/").splitlines()
    last = max(int(name.rsplit("/", 1)[-1][:4]) for name in names if name.endswith(".sql"))
    return {
        f"app/migrations/{last + 1:04}_nobody_called_bob.sql": (
            "-- Holds on an empty table, and not on one with bob's deployments.\n"
            "ALTER TABLE ledger.deployment ADD CONSTRAINT nobody_called_bob CHECK (actor <> 'bob');\n"
        ),
        _FILE: _text(hub, _FILE, before),
    }


def _text(hub: GitHub, path: str, commit: str = "") -> str:
    return hub.remote.git("show", f"{commit or hub.repository.branch}:{path}") + "\n"


def _replaced(text: str, old: str, new: str) -> str:
    """`text` with its one `old` replaced. Raises LookupError when it isn't there once: the story must be mended."""
    if text.count(old) != 1:
        raise LookupError(f"{_FILE} does not hold {old!r} once")
    return text.replace(old, new)
