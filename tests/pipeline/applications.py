"""An application as the tests need one: the table of samconfig.toml, and what is read from it."""

import tomllib

from pipeline.gate.fixtures import DESCRIBED
from pipeline.source.application import Application, settle

TABLE = f"""{DESCRIBED.lstrip()}\
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
