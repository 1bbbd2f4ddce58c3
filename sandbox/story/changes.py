"""The changes that the story makes to any application: a good one, and two that pass every check and then fail."""

from sandbox.github import GitHub

PLATFORM = "app"  # each package of this folder is taken into the application by its `init_app`
MIGRATIONS = f"{PLATFORM}/migrations"
BY_HAND = "CREATE TABLE ledger.left_by_hand (id int)"  # in the schema that migrations own: app/roles.py
MADE = '"left_by_hand" already exists'
_FILE = f"{PLATFORM}/demo_story/__init__.py"  # the application's: what it asks for is the application's own tests alone
_GOOD = '''\
"""What `make demo` changes{}."""

from flask import Flask


def init_app(_app: Flask) -> None:
    """Add nothing to the application."""
'''
_BROKEN = '''\
"""What `make demo` changes: readiness, on Lambda alone."""

import os

from flask import Flask, abort, request


def init_app(app: Flask) -> None:
    """Ask too much of readiness."""

    @app.before_request
    def _ready() -> None:
        if "AWS_LAMBDA_FUNCTION_NAME" in os.environ and request.path == "%s":
            abort(500)
'''


def good() -> dict[str, str]:
    """A harmless change of the application's code."""
    return {_FILE: _GOOD.format("")}


def good_again() -> dict[str, str]:
    """Another one, after the first."""
    return {_FILE: _GOOD.format(", once more")}


def broken_smoke(route: str) -> dict[str, str]:
    """A route of health that answers everywhere but on Lambda, so that only the smoke test can see it fail."""
    return {_FILE: _BROKEN % route}


def broken_migration(hub: GitHub) -> dict[str, str]:
    """A table that an empty database takes, and dev's, where somebody did BY_HAND what this does, does not.

    What an earlier change broke is mended with it, as one would do.
    """
    names = hub.remote.git("ls-tree", "--name-only", hub.repository.branch, f"{MIGRATIONS}/").splitlines()
    last = max((int(name.rsplit("/", 1)[-1][:4]) for name in names if name.endswith(".sql")), default=0)
    return {
        f"{MIGRATIONS}/{last + 1:04}_left_by_hand.sql": (
            f"-- An empty database has none of that name, and dev's has.\n{BY_HAND};\n"
        ),
        **good_again(),
    }


def own_workflow(role: str, region: str) -> dict[str, str]:
    """A workflow that a tag brings along, to become a role by itself."""
    return {
        ".github/workflows/mine.yml": f"""\
name: Mine
on: {{ push: {{ tags: ["v*"] }} }}
permissions: {{}}
jobs:
  mine:
    name: Mine
    runs-on: ubuntu-24.04
    environment: prod
    permissions: {{ id-token: write }}
    steps:
      - uses: aws-actions/configure-aws-credentials@e6de054238d6b7531b4efff3b6587d9aade6a06c
        with: {{ role-to-assume: "{role}", aws-region: "{region}", retry-max-attempts: 1 }}
"""
    }
