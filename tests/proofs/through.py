"""A plugin of pytest: httpbin's own tests ask the API at $API_ADDRESS, in place of the application in their process."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import httpbin  # type: ignore[import-not-found,import-untyped,unused-ignore] # a package of the clone that took it in
from werkzeug.test import Client

from tests.proofs.newcomer import Elsewhere


def pytest_configure() -> None:
    """Give the tests a client of the API where they ask the application for one."""
    address = urlsplit(os.environ["API_ADDRESS"])
    api = Elsewhere(address.netloc, address.path.rstrip("/"), Path(os.environ["API_AUTHORITY"]))
    httpbin.app.test_client = lambda: Client(api)
