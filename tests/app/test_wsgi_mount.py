"""Where an API is mounted: the route that matched says what stands before it."""

import pytest

from app.mount import decoded, encoded, mount
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
        # The parameter as AWS sends it: encoded. Recorded on AWS: localstack's
        # tests/aws/services/apigateway/test_apigateway_lambda.snapshot.json, hotsock/voker's
        # vokerhttp/testdata/apigwv1-request.json.
        ("/v1/caff%C3%A8/b", "/{proxy+}", {"proxy": "caff%C3%A8/b"}, ("/v1", "/caff\xc3\xa8/b")),
        (
            "/v1/user/a%2Bb@c.de/a+b@c.de",
            "/{proxy+}",
            {"proxy": "user/a%2Bb@c.de/a+b@c.de"},
            ("/v1", "/user/a+b@c.de/a+b@c.de"),
        ),
        ("/v1/a%2Fb/c", "/{proxy+}", {"proxy": "a%2Fb/c"}, ("/v1", "/a/b/c")),
        ("/v1/a%2Fb/c", "/{proxy+}", {"proxy": "a/b/c"}, ("/v1", "/a/b/c")),
        ("/v1/50%25/20%2525", "/{proxy+}", {"proxy": "50%25/20%2525"}, ("/v1", "/50%/20%25")),
        ("/v1/50%25/20%2525", "/{proxy+}", {"proxy": "50%/20%25"}, ("/v1", "/50%/20%25")),
        ("/v%31/caff%C3%A8/", "/{proxy+}", {"proxy": "caff%C3%A8"}, ("/v1", "/caff\xc3\xa8/")),
        ("/v1/shop%20one/x%20y", "/shop%20one/{id}", {"id": "x%20y"}, ("/v1", "/shop one/x y")),
        ("/v1/%65cho", "/echo", None, ("/v1", "/echo")),
        ("/v1/a/b/a/b", "/a/{rest+}", {"rest": "b/a/b"}, ("/v1", "/a/b/a/b")),
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

    assert expected == mount(event, {"stage": "Prod"}, DOMAIN, path, route, text=encoded, stage_in_path=False)


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
@pytest.mark.parametrize("host", [API_HOST, f"{API_HOST}:443", f"{API_HOST}.cn", ""])
def test_own_host(host: str, stage: str | None, path: str, in_path: bool, expected: tuple[str, str]) -> None:
    """On the API's own host the stage stands before the path, whether the event's path has it or not."""
    assert expected == mount({}, {"stage": stage}, host, path, "/echo", text=encoded, stage_in_path=in_path)


@pytest.mark.parametrize("route", ["$default", "", None, "/{proxy+}"])
def test_stage_that_an_http_api_adds_on_a_custom_domain(route: str | None) -> None:
    """The client's URL on a custom domain never has the stage, so neither name nor path shows it."""
    event = {"pathParameters": {"proxy": "echo"}}

    assert ("", "/echo") == mount(
        event, {"stage": "Prod"}, DOMAIN, "/Prod/echo", route, text=decoded, stage_in_path=True
    )


@pytest.mark.parametrize(
    ("path", "route", "parameters", "expected"),
    [
        ("/v1/a b", "/{proxy+}", {"proxy": "a b"}, ("/v1", "/a b")),
        ("/v1/a%20b", "/{proxy+}", {"proxy": "a%20b"}, ("/v1", "/a%20b")),
        ("/v1/caffè/b", "/{proxy+}", {"proxy": "caffè/b"}, ("/v1", "/caff\xc3\xa8/b")),
        ("/v1/items/50%", "/items/{id}", {"id": "50%"}, ("/v1", "/items/50%")),
        ("/v1/items/50%25", "/items/{id}", {"id": "50%25"}, ("/v1", "/items/50%")),
    ],
)
def test_custom_domain_of_a_sender_that_decodes(
    path: str, route: str, parameters: dict[str, str], expected: tuple[str, str]
) -> None:
    """An HTTP API's path is decoded already: below a base path too it is not decoded a second time."""
    event = {"pathParameters": parameters}

    assert expected == mount(
        event, {"stage": "$default"}, DOMAIN, path, route, text=decoded, stage_in_path=True
    )


@pytest.mark.parametrize(
    ("base", "path"),
    [("/Prod", "/echo"), ("/Prod", "/a%2Bb/c+d"), ("/shop/Prod", "/echo"), ("/shop/Prod", "/a%20b")],
)
@pytest.mark.parametrize("greedy", [True, False])
def test_mapping_without_stage(base: str, path: str, greedy: bool) -> None:
    """A custom domain whose mapping names no stage has it in its URLs, behind the base path.

    Recorded on AWS: localstack/localstack#12296.
    """
    route, event = ("/{proxy+}", {"pathParameters": {"proxy": path[1:]}}) if greedy else (path, {})
    actual = mount(event, {"stage": "Prod"}, DOMAIN, base + path, route, text=encoded, stage_in_path=False)

    assert (base, encoded(path)) == actual


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a%20b", "/a b"),
        ("/a+b%2Bc", "/a+b+c"),
        ("/100%25", "/100%"),
        ("/a%2520b", "/a%20b"),
        ("/caff%C3%A8", "/caff\xc3\xa8"),
        ("/caffè", "/caff\xc3\xa8"),
        ("/%ff", "/\xff"),
        ("/50%", "/50%"),
    ],
)
def test_encoded(path: str, expected: str) -> None:
    """A path is decoded once, to a character a byte, as PEP 3333 wants it."""
    assert expected == encoded(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a b", "/a b"),
        ("/a+b", "/a+b"),
        ("/a%20b", "/a%20b"),
        ("/a%2Fb", "/a%2Fb"),
        ("/50%", "/50%"),
        ("/50%25", "/50%"),
        ("/a%252Eb", "/a%2Eb"),
        ("/caffè%C3%A8", "/caff\xc3\xa8%C3%A8"),
        ("/日本", "/" + "日本".encode().decode("latin-1")),
    ],
)
def test_decoded(path: str, expected: str) -> None:
    """A path that came decoded is not decoded again, but for the one escape that an HTTP API leaves."""
    assert expected == decoded(path)
