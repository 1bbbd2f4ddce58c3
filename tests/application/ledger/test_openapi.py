"""The OpenAPI document is what the code does: requests made from it get the answers that it promises."""

import pytest
from flask import Flask

from app.ledger import openapi

each_operation = pytest.mark.parametrize(
    ("method", "path"),
    [(method, path) for path, methods in openapi.document("/")["paths"].items() for method in methods],
)


@pytest.mark.slow
@each_operation
def test_the_code_keeps_what_the_document_promises(flask_app: Flask, method: str, path: str) -> None:
    """Valid and invalid requests to every operation, also at and beyond each bound, get documented answers."""
    from tests.application.ledger import promised

    promised.requests(method, path, flask_app)
