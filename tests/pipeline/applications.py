"""An application as the tests need one: the table of samconfig.toml, and what is read from it."""

import tomllib

from pipeline.source.application import Application, settle

TABLE = """\
[application]
name = "esclusa"
repository = "acme/ledger"
branch = "main"
ledger = true
url = "ApiUrl"
health = ["/health", "/ready"]
version = "/version"
[application.code.app]
folders = ["app"]
group = "lambda"
[application.code.rotation]
folders = ["rotation"]
group = "rotation"
"""


def application(old: str = "", new: str = "") -> Application:
    """The application of the table, or of one in which `old` is `new`."""
    assert old in TABLE
    described, faults = settle(tomllib.loads(TABLE.replace(old, new)))
    assert [] == faults
    return described
