"""httpbin, which nobody here wrote, is served as a package of the lock, by the steps of docs/your-application.md.

It comes from the package registry, as a dependency, and none of it is in the repository. Its own tests, of its source
archive, then ask the API in dev: what they find amiss is told apart by what API Gateway, a stage's prefix or the
client is, each test with its reason.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests import documented
from tests.proofs.newcomer import BOX, Newcomer, example, function, in_the_box, newcomer

pytestmark = [pytest.mark.e2e, pytest.mark.proof]
PAGE = "docs/your-application.md"
NAME = "bin-o-matic"
INIT = (
    f"bin/pipeline init --name {NAME} --repository Initech/http.bin --region ap-southeast-2 --yes"
    " --account dev=314159265358 --account prod=271828182845"
)
# What httpbin's tests expect that isn't so behind an API Gateway, and why.
_PREFIX = "its addresses begin with the stage's name, /live, and with https"
_CHUNKED = "it expects 501 of a body in chunks, which a server of its own may not know; API Gateway hands it on whole"
_NAMELESS = "it sends a header without a name, which no client can"
NATURE = {
    **dict.fromkeys(
        (
            "test_absolute_redirect_n_equals_to_1",
            "test_absolute_redirect_n_higher_than_1",
            "test_anything",
            "test_digest_auth",  # whose digest is of the path
            "test_get",
            "test_redirect_absolute_param_n_higher_than_1",
            "test_redirect_n_equals_to_1",
            "test_redirect_n_higher_than_1",
            "test_relative_redirect_n_equals_to_1",
            "test_relative_redirect_n_higher_than_1",
        ),
        _PREFIX,
    ),
    "test_post_chunked": _CHUNKED,
    "test_bearer_auth_with_wrong_authorization_type": _NAMELESS,
    "test_digest_auth_with_wrong_authorization_type": _NAMELESS,
}
_PACKAGE = """\
--- samconfig.toml
-ledger = true                 # it keeps the records of deployments itself
+ledger = false
--- pyproject.toml
-lambda = ["aws-wsgi==0.2.7", "flask>=3.1", "psycopg[binary]>=3.3"]
+lambda = ["aws-wsgi==0.2.7", "flask>=3.1", "httpbin>=0.10.4", "psycopg[binary]>=3.3"]
--- policies/settings.toml
 open_routes = [
-    "GET /session",
-    "GET /ledger",
-    "GET /ledger/{page}",
-    "GET /ledger/{page}/{name}",
 ]
@@
-[days]
+[catch_all]
+open = ["/"]
+
+[days]
"""
_REPORT = '''"""What came in on a day."""


def handler(event: dict[str, int], context: object) -> int:
    """The sum of it."""
    return sum(event.values())
'''
_NEXT = """\
--- app/aws.py
-application = beside(shop, platform)
+application = beside(shop, platform, ("health", "orders"))
--- samconfig.toml
+[application.code.report]
+folders = ["report"]
+group = "migrate"
+
 [application.code.rotation]
--- template.yaml
-      Timeout: 20 # below API Gateway's 29 seconds, so that the caller gets our answer
+      Timeout: 25 # below API Gateway's 29 seconds, so that the caller gets our answer
"""


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """A newcomer who has taken httpbin in and brought a first change to dev and prod."""
    with newcomer(tmp_path_factory.mktemp("package")) as one:
        one.shell(f"make install; {INIT}")
        one.shell(example(PAGE, "Keep the ledger, or take it out", "sh"))
        documented.write(_PACKAGE, one.clone)
        served, own = example(PAGE, "Another WSGI application", "python"), r"^from app\.shop import .*$"
        assert re.search(own, served, re.MULTILINE)
        serving = re.sub(
            own, "from httpbin import app as shop  # type: ignore[import-untyped]", served, flags=re.MULTILINE
        )
        entry = one.clone / "app/aws.py"
        text, line = (
            entry.read_text(encoding="utf-8"),
            "application = create_app(Config.from_environ(os.environ))\n",
        )
        assert text.count(line) == 1
        entry.write_text(text.replace(line, serving), encoding="utf-8")
        one.shell("make lock; make install; make format")
        one.shell("bin/pipeline routes --write; git add --all; git commit -q -m 'Take httpbin in'; make up")
        one.begins("first")
        (one.clone / BOX / "README.md").write_text("# Our httpbin\n", encoding="utf-8")
        one.brings("Say whose it is")
        one.sandbox("tag v1.0.0")
        yield one


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_it_serves(adopted: Newcomer, environment: str) -> None:
    """Both environments serve the merged commit, httpbin's pages among it, and its 404 and 405 are Flask's own."""
    client = adopted.client(environment)

    merged = adopted.shell("git rev-parse main", BOX).strip()
    assert merged == json.loads(client.get("/version").data)["commit"]
    assert {"a": "1"} == json.loads(client.get("/get?a=1").data)["args"]
    assert (404, 405) == (client.get("/nothing/here").status_code, client.delete("/get").status_code)
    assert client.get("/image/png").data.startswith(b"\x89PNG\r\n")


def test_its_own_tests(adopted: Newcomer, tmp_path: Path) -> None:
    """All but those of `NATURE` pass through the API in dev."""
    archive, own, results = tmp_path / "source", tmp_path / "own", tmp_path / "results.xml"
    own.mkdir()
    version = adopted.shell(
        ".venv/bin/python -c 'import importlib.metadata as m; print(m.version(\"httpbin\"))'"
    ).strip()
    # Its file of tests alone: beside its source it would try that.
    adopted.shell(
        ".tools/uv/bin/python -m pip download --quiet --no-deps --no-binary :all:"
        f" --dest {archive} httpbin=={version}\n"
        f"tar -xzf {archive}/*.tar.gz -C {archive} --strip-components=1\n"
        f"cp {archive}/tests/test_httpbin.py {own}"
    )
    address = adopted.sandbox("open dev").split()[0]
    done = adopted.tries(
        f"API_ADDRESS={shlex.quote(address)} API_AUTHORITY=.sandbox/up/aws/ca.pem .venv/bin/python -m pytest -q"
        f" -p tests.proofs.through -c /dev/null --rootdir {own} --junit-xml={results} {own}"
    )
    cases = list(ElementTree.parse(results).iter("testcase"))  # noqa: S314 - pytest wrote it
    failed = {
        str(one.get("name"))
        for one in cases
        if one.find("failure") is not None or one.find("error") is not None
    }

    assert len(cases) >= 70
    assert failed == set(NATURE), done.stdout[-20_000:]


def test_what_comes_next(adopted: Newcomer) -> None:
    """A route of a blueprint beside it, another timeout, and a function with code of its own, on the live stack."""
    adopted.begins("next")
    box = adopted.clone / BOX
    for folder, text in (("app/orders", example(PAGE, "Add a blueprint", "python")), ("report", _REPORT)):
        (box / folder).mkdir()
        (box / folder / "__init__.py").write_text(text, encoding="utf-8")
    documented.write(in_the_box(_NEXT) + function("report", "report", "report.handler"), adopted.clone)
    assert 404 == adopted.client("dev").get("/orders").status_code
    adopted.brings("Take orders, and report them")

    assert {"items": []} == json.loads(adopted.client("dev").get("/orders").data)
    found = adopted.asks("dev", "lambda", "get_function_configuration", FunctionName=f"{NAME}-dev-app:live")
    assert 25 == found["Timeout"]
    found = adopted.asks("dev", "lambda", "get_function_configuration", FunctionName=f"{NAME}-dev-report")
    assert "report.handler" == found["Handler"]
    assert {"a": "1"} == json.loads(adopted.client("dev").get("/get?a=1").data)["args"]
