"""The OpenAPI document is what the code does: requests made from it get the answers that it promises."""

from functools import cache
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from schemathesis import checks
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test

from app.ledger import openapi
from tests.running import signed

# Left out: 'positive data is accepted' (an id may be another's, and times must be in order: no schema says so).
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
DOCUMENT = openapi.document("/")
each_operation = pytest.mark.parametrize(
    ("method", "path"), [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
)


@cache
def _schema() -> Any:
    """The document without its security: API Gateway authorises before the application is asked."""
    schema = schemathesis.openapi.from_dict({**DOCUMENT, "security": []})
    schema.app = Flask("each test puts its own in place")
    schema.config.phases.coverage.enabled = True
    return schema


def _try(method: str, path: str, app: Flask) -> None:
    """Make requests to one operation, those at each bound among them: some 1,600 to the 22 of them.

    What schemathesis' own `parametrize` does, but when the test runs: it makes up the requests whenever a test is
    collected, and its fixtures, which don't, ask for another pytest (4.32.5: 'Function' has no '_nodeid').
    """
    schema = _schema()
    inner = app.wsgi_app

    def authorised(environ: dict[str, Any], start_response: Any) -> Any:
        return inner({**environ, **signed()}, start_response)

    app.wsgi_app = authorised  # type: ignore[method-assign]

    @settings(
        max_examples=10,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    def keeps(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(app=app, checks=CHECKS)

    operation = schema[path][method.upper()]
    build_operation_test(
        config=schema.config,
        operation=operation,
        test_func=keeps,
        given_kwargs={},
        feedback=FeedbackSources(),
    )()


@pytest.mark.slow
@each_operation
def test_the_code_keeps_what_the_document_promises(flask_app: Flask, method: str, path: str) -> None:
    """Valid and invalid requests to every operation, also at and beyond each bound, get documented answers."""
    _try(method, path, flask_app)
