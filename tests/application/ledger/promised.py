"""Requests made from the OpenAPI document, and what their answers must keep to: some 1,600 to 22 operations.

A module of its own, since schemathesis takes longer to load than most tests take.
"""

from functools import cache
from typing import Any

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


@cache
def _schema() -> Any:
    """The document without its security: API Gateway authorises before the application is asked."""
    schema = schemathesis.openapi.from_dict({**openapi.document("/"), "security": []})
    schema.app = Flask("each test puts its own in place")
    schema.config.phases.coverage.enabled = True
    return schema


def requests(method: str, path: str, app: Flask) -> None:
    """Make requests to one operation, those at each bound among them.

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
