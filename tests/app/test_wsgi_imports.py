"""What a cold start imports."""

import subprocess
import sys
from pathlib import Path

import app
from benchmarks.cold_start import SETTINGS


def test_handler_imports_nothing_that_a_request_does_not_need() -> None:
    """No AWS SDK and no cryptography in the handler's imports; the database's driver while Lambda initialises."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, app.aws; print(*sys.modules)"],
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
