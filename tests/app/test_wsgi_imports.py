"""What a cold start imports."""

import subprocess
import sys
from pathlib import Path

import pytest

import app
from benchmarks.cold_start import SETTINGS

pytestmark = pytest.mark.outside

# The platform alone: what a team's own entry imports is the team's.
STARTED = """
import os, sys
import app.entry
from app import create_app
from app.config import Config
create_app(Config.from_environ(os.environ))
print(*sys.modules)
"""


def test_handler_imports_nothing_that_a_request_does_not_need() -> None:
    """No AWS SDK and no cryptography in the handler's imports; the database's driver while Lambda initialises."""
    loaded = subprocess.run(
        [sys.executable, "-c", STARTED],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(app.__file__).parents[1],
        env=SETTINGS,
    ).stdout.split()

    assert {"app.wsgi", "awsgi", "flask", "psycopg"} <= set(loaded)
    assert not {"boto3", "botocore", "urllib3", "requests", "cryptography", "joserfc", "pydantic"} & set(
        loaded
    )
