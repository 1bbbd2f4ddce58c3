"""The OpenAPI document is what the code does: requests made from it get the answers that it promises."""

from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from schemathesis import checks

from app.ledger import openapi

# Left out: 'positive data is accepted' (an id may be another's, and times must be in order: no schema says so).
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]

# Without its security: API Gateway authorises before the application is asked.
schema = schemathesis.openapi.from_dict({**openapi.document("/"), "security": []})
schema.app = Flask("each test puts its own in place")


@schema.parametrize()
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_code_keeps_what_the_document_promises(case: schemathesis.Case[Any], flask_app: Flask) -> None:
    """Valid and invalid requests to every operation get documented answers, and never a server error."""
    case.call_and_validate(app=flask_app, checks=CHECKS)
