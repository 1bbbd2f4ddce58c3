"""Each route of the application is open in template.yaml, and each that is open is answered."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.application.routes import Route, differences, opened
from tests.stacks import ENVIRONMENTS

PROBES = ("/health", "/ready", "/version")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_is_answered_is_open_and_what_is_open_is_answered(
    environment: str, offline: FlaskClient
) -> None:
    """The url_map and the events of template.yaml say the same."""
    found = differences(offline.application, set(opened(environment)))

    assert not found, "\n\n".join(found)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("path", PROBES)
def test_the_probes_are_open_to_everybody(environment: str, path: str) -> None:
    """The pipeline's smoke test and a watching service sign nothing; nor does a browser's preflight."""
    routes = opened(environment)

    assert [("NONE",), ("NONE",)] == [routes.get((method, path)) for method in ("GET", "OPTIONS")]


def test_the_probes_answer(client: FlaskClient) -> None:
    """With a migrated database the smoke test of a deployment passes."""
    assert [200, 200, 200] == [client.get(path).status_code for path in PROBES]


# The comparison itself, tried on applications of one route.


def _app(rule: str, **options: object) -> Flask:
    app = Flask("app", static_folder=None)
    app.add_url_rule(rule, "view", lambda **_: "", **options)  # type: ignore[arg-type]
    return app


@pytest.mark.parametrize(
    ("rule", "methods", "routes"),
    [
        ("/orders", ["GET"], {("GET", "/orders")}),
        ("/orders", ["GET"], {("GET", "/orders"), ("OPTIONS", "/orders"), ("HEAD", "/orders")}),
        ("/orders", ["GET", "POST"], {("ANY", "/orders")}),
        ("/orders/", ["GET"], {("GET", "/orders")}),
        ("/", ["GET"], {("GET", "/")}),
        ("/orders/<int:number>", ["GET"], {("GET", "/orders/{id}")}),
        ("/orders/<uuid:id>/lines", ["PUT"], {("PUT", "/orders/{id}/lines")}),
        ("/v<int:version>/orders", ["GET"], {("GET", "/{version}/orders")}),
        ("/<any(orders, lines):kind>", ["GET"], {("GET", "/orders"), ("GET", "/{kind}")}),
        ("/files/<path:name>", ["GET"], {("GET", "/files/{name+}")}),
        ("/orders/<id>", ["GET", "DELETE"], {("GET", "/{proxy+}"), ("DELETE", "/{proxy+}")}),
    ],
)
def test_equal_routes_differ_in_nothing(rule: str, methods: list[str], routes: set[Route]) -> None:
    """HEAD and OPTIONS, which Flask answers by itself, may be open and need not be."""
    assert [] == differences(_app(rule, methods=methods), routes)


@pytest.mark.parametrize(
    ("rule", "methods", "routes", "told"),
    [
        ("/orders", ["GET"], set(), "GET /orders (view in "),
        ("/orders", ["GET", "POST"], {("GET", "/orders")}, "POST /orders (view in "),
        ("/orders/<id>", ["GET"], {("GET", "/orders")}, "Path: '/orders/{id}', Method: GET"),
        ("/files/<path:name>", ["GET"], {("GET", "/files/{name}")}, "Path: '/files/{name+}', Method: GET"),
        ("/orders/<id>/lines", ["GET"], {("GET", "/orders/{id}")}, "Path: '/orders/{id}/lines', Method: GET"),
        # API Gateway looks for no other resource when the most specific one lacks the method.
        (
            "/orders/<id>",
            ["PUT"],
            {("PUT", "/{all+}"), ("GET", "/orders/{id}")},
            "PUT /orders/<id> (view in ",
        ),
        ("/orders", ["OPTIONS"], set(), "OPTIONS /orders (view in "),
        ("/orders", ["GET"], {("GET", "/orders"), ("GET", "/order")}, "GET /order is open in template.yaml"),
        (
            "/orders",
            ["GET"],
            {("GET", "/orders"), ("POST", "/orders")},
            "POST /orders is open in template.yaml",
        ),
        (
            "/orders",
            ["GET"],
            {("GET", "/orders"), ("GET", "/{all+}")},
            "GET /{all+} is open in template.yaml",
        ),
    ],
)
def test_a_difference_names_route_file_and_what_to_do(
    rule: str, methods: list[str], routes: set[Route], told: str
) -> None:
    """Each way of differing, alone."""
    options: dict[str, object] = {"methods": methods}
    found = differences(_app(rule, **options), routes)

    assert [True] * len(found) == [told in one or "is open" in one for one in found]
    assert any(told in one for one in found)
    assert all("template.yaml" in one for one in found)


def test_static_files_are_routes_where_there_are_some(tmp_path: Path) -> None:
    """Flask has a rule for them in any case."""
    without, having = (Flask("app", static_folder=folder) for folder in ("/nowhere", str(tmp_path)))

    assert [] == differences(without, set())
    assert ["GET"] == [one.partition(" ")[0] for one in differences(having, set())]
