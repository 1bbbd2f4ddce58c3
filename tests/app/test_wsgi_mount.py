"""Where an API is mounted: the route that matched says what stands before it."""

import pytest

from app.mount import mount, text
from tests.events import API_HOST

DOMAIN = "api.example.com"


@pytest.mark.parametrize(
    ("path", "route", "parameters", "expected"),
    [
        ("/echo", "/echo", None, ("", "/echo")),
        ("/v1/echo", "/echo", None, ("/v1", "/echo")),
        ("/v1/echo/", "/echo", None, ("/v1", "/echo/")),
        ("/v1/a/echo", "/echo", None, ("/v1/a", "/echo")),
        ("/v1", "/", None, ("/v1", "/")),
        ("/v1/", "/", None, ("/v1", "/")),
        ("/", "/", None, ("", "/")),
        ("/v1/items/a%2Fb", "/items/{id}", {"id": "a/b"}, ("/v1", "/items/a/b")),
        ("/caff%C3%A8/echo", "/echo", None, ("/caff\xc3\xa8", "/echo")),
        ("/v1/a/b", "/{proxy+}", {"proxy": "a/b"}, ("/v1", "/a/b")),
        ("/v1/a/b/", "/{proxy+}", {"proxy": "a/b"}, ("/v1", "/a/b/")),
        ("/v1/items/1/a/b", "/items/{id}/{rest+}", {"id": "1", "rest": "a/b"}, ("/v1", "/items/1/a/b")),
        ("/v1/caff%C3%A8/b", "/{proxy+}", {"proxy": "caffè/b"}, ("/v1", "/caff\xc3\xa8/b")),
        # Events that contradict themselves, or say too little: all of the path is the application's.
        ("/v1/other", "/echo", None, ("", "/v1/other")),
        ("/echo", "/items/{id}", None, ("", "/echo")),
        ("/v1/a/b", "/{proxy+}", None, ("", "/v1/a/b")),
        ("/v1/a/b", "/{proxy+}", {"proxy": "c"}, ("", "/v1/a/b")),
        ("//echo", "/echo", None, ("", "//echo")),
        ("/v1/echo", "$default", None, ("", "/v1/echo")),
        ("v1/echo", "/echo", None, ("/v1", "/echo")),
    ],
)
def test_custom_domain(
    path: str, route: str, parameters: dict[str, str] | None, expected: tuple[str, str]
) -> None:
    """What stands before the matched route is the mapping's base path; what doesn't match changes nothing."""
    event = {"pathParameters": parameters}

    assert expected == mount(event, {"stage": "Prod"}, DOMAIN, path, route, stage_in_path=False)


@pytest.mark.parametrize(
    ("stage", "path", "in_path", "expected"),
    [
        ("Prod", "/echo", False, ("/Prod", "/echo")),
        ("Prod", "/Prod/echo", False, ("/Prod", "/Prod/echo")),
        ("Prod", "/Prod/echo", True, ("/Prod", "/echo")),
        ("Prod", "/Prod", True, ("/Prod", "/")),
        ("Prod", "/Production", True, ("/Prod", "/Production")),
        ("$default", "/echo", True, ("", "/echo")),
        (None, "/echo", True, ("", "/echo")),
    ],
)
@pytest.mark.parametrize("host", [API_HOST, f"{API_HOST}:443", ""])
def test_own_host(host: str, stage: str | None, path: str, in_path: bool, expected: tuple[str, str]) -> None:
    """On the API's own host the stage stands before the path, whether the event's path has it or not."""
    assert expected == mount({}, {"stage": stage}, host, path, "/echo", stage_in_path=in_path)


@pytest.mark.parametrize("route", ["$default", "", None, "/{proxy+}"])
def test_stage_that_an_http_api_adds_on_a_custom_domain(route: str | None) -> None:
    """The client's URL on a custom domain never has the stage, so neither name nor path shows it."""
    event = {"pathParameters": {"proxy": "echo"}}

    assert ("", "/echo") == mount(event, {"stage": "Prod"}, DOMAIN, "/Prod/echo", route, stage_in_path=True)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a%20b", "/a b"),
        ("/caff%C3%A8", "/caff\xc3\xa8"),
        ("/caffè", "/caff\xc3\xa8"),
        ("/%ff", "/\xff"),
        ("", "/"),
        ("a", "/a"),
    ],
)
def test_text(path: str, expected: str) -> None:
    """A path is decoded to a character a byte, as PEP 3333 wants it, and begins with a slash."""
    assert expected == text(path)
