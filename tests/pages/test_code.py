"""Code that the documents show, and that works as it stands there."""

import json
import runpy
import sys
from pathlib import Path
from types import ModuleType

import pytest
from flask.testing import FlaskClient

from pipeline.base.run import CHECKOUT
from tests import documented
from tests.app.test_beside import ask, plain

__test__ = documented.ENGINES_OWN
IMPORTS = """
import os
from app import create_app
from app.beside import beside
from app.config import Config
"""


def test_the_docs_code_works(offline: FlaskClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As docs/your-application.md writes it, with a module of that name."""
    shop = ModuleType("app.shop")
    monkeypatch.setattr(shop, "application", plain, raising=False)
    monkeypatch.setitem(sys.modules, "app.shop", shop)
    said = (CHECKOUT / "docs/your-application.md").read_text(encoding="utf-8")
    code = said.split("from app.beside import beside\n")[1].split("```")[0]
    entry = tmp_path / "aws.py"
    entry.write_text(f"{IMPORTS}{code}", encoding="utf-8")
    application = runpy.run_path(str(entry))["application"]

    assert {"status": "ok"} == json.loads(ask(application, "GET", "/health")["body"])
    assert "GET /Prod /orders  " == ask(application, "GET", "/orders")["body"]
