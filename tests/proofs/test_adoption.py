"""The tutorial application of Flask, which nobody here wrote, taken in by docs/first-day.md as it stands, and led on.

Its code comes from Flask's source archive on the package registry. From the clone to prod each command, each change of
a file and each output is the page's. What comes on the days after, a route, settings and a function on the live stack,
stands here, and follows docs/your-application.md.
"""

import json
import re
import shlex
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import urllib3
from werkzeug.test import Client

from pipeline.base.run import CHECKOUT
from tests import documented
from tests.proofs.newcomer import BOX, Newcomer, function, in_the_box, newcomer

pytestmark = [pytest.mark.e2e, pytest.mark.proof]
PAGE = "docs/first-day.md"
_ROUTE = '''\
--- flaskr/blog.py
+@bp.route("/titles")
+def titles() -> dict[str, list[str]]:
+    """What the posts are about, newest first."""
+    database = get_db()  # type: ignore[no-untyped-call]
+    rows = database.execute("SELECT title FROM post ORDER BY created DESC").fetchall()
+    return {"titles": [row["title"] for row in rows]}
+
+
 @bp.route("/create", methods=("GET", "POST"))
--- policies/settings.toml
     "GET /hello",
+    "GET /titles",
'''
_SETTINGS = """\
--- template.yaml
-    MemorySize: 512
+    MemorySize: 768
--- samconfig.toml
-    'LogRetentionDays="30"',
+    'LogRetentionDays="60"',
"""
_CODE = '''"""How many posts a day has."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """The number of the posts that an event has."""
    return {"posts": len(event["posts"])}
'''


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """A newcomer who has done the page up to prod, and let the sandbox run."""
    with newcomer(tmp_path_factory.mktemp("adopted")) as one:
        for number in range(1, 8):
            one.follows(PAGE, f"{number}.")
        yield one


def released(one: Newcomer, environment: str) -> str:
    """The commit that an environment serves."""
    return str(json.loads(one.client(environment).get("/version").data)["commit"])


def wrote(client: Client, title: str) -> str:
    """What the site shows once somebody has registered, logged in and written a post."""
    who = {"username": f"ada of {title}", "password": "analytical"}
    client.post("/auth/register", data=who)
    client.post("/auth/login", data=who)
    client.post("/create", data={"title": title, "body": "Über den Fluß"})
    return client.get("/").text


def test_the_page_has_a_number_for_each_step() -> None:
    """Every step of the page is done here."""
    page = (CHECKOUT / PAGE).read_text(encoding="utf-8")
    headings = dict.fromkeys(one.heading.partition(".")[0] for one in documented.blocks(page))

    assert [str(number) for number in range(1, 9)] == list(headings)


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_it_serves(adopted: Newcomer, environment: str) -> None:
    """What was changed in the pull request is there, and the tutorial does what it teaches: sessions, forms, files."""
    client = adopted.client(environment)

    assert "Hello, everybody!" == client.get("/hello").text
    assert adopted.shell("git rev-parse main", BOX).strip() == released(adopted, environment)
    page = wrote(client, environment)
    assert f"<h1>{environment}</h1>" in page
    assert "Über den Fluß" in page
    assert "text/css" in client.get("/static/style.css").headers["Content-Type"]


def test_a_new_route(adopted: Newcomer) -> None:
    """The live API gets another route, and keeps its address and what was there."""
    before = adopted.sandbox("open dev")
    assert 403 == adopted.client("dev").get("/titles").status_code

    adopted.begins("titles")
    documented.write(in_the_box(_ROUTE), adopted.clone)
    told = adopted.tries(f"bin/pipeline -C {BOX} routes")
    assert 1 == told.status
    assert re.search(
        r"^flaskr/blog\.py:\d+: GET /titles \(blog\.titles\) isn't in the template", told.stdout, re.MULTILINE
    )
    assert "+ GET /titles\n" in adopted.shell(f"bin/pipeline -C {BOX} routes --write")
    adopted.brings("Tell the titles")
    assert before == adopted.sandbox("open dev")
    assert "dev" in json.loads(adopted.client("dev").get("/titles").data)["titles"]
    assert "Hello, everybody!" == adopted.client("dev").get("/hello").text
    assert 403 == adopted.client("prod").get("/titles").status_code


def test_changed_settings(adopted: Newcomer) -> None:
    """Memory, and how long logs are kept, change in place."""
    adopted.begins("settings")
    documented.write(in_the_box(_SETTINGS), adopted.clone)
    adopted.brings("Give it memory, and keep logs for longer")

    groups = adopted.asks("dev", "logs", "describe_log_groups", logGroupNamePrefix="/aws/lambda/shop-dev-app")
    assert [60] == [one["retentionInDays"] for one in groups["logGroups"]]
    assert (
        768
        == adopted.asks("dev", "lambda", "get_function_configuration", FunctionName="shop-dev-app:live")[
            "MemorySize"
        ]
    )
    assert "dev" in json.loads(adopted.client("dev").get("/titles").data)["titles"]


def test_the_page_of_the_sandbox(adopted: Newcomer) -> None:
    """What docs/sandbox.md shows for a shell does what it says, with the words in capitals filled in. (What `curl` is
    given is asked for here without that program.)"""
    page = (CHECKOUT / "docs/sandbox.md").read_text(encoding="utf-8")
    shown = [
        one.text for one in documented.blocks(page) if one.heading == "Working in it" and one.language == "sh"
    ]
    (signed,) = [one for one in shown if one.startswith("eval ")]
    (asked,) = [one for one in shown if one.startswith("curl ")]
    told = adopted.shell(f"{signed}bin/pipeline -C {BOX} status dev")
    assert released(adopted, "dev")[:12] in told

    address = urlsplit(adopted.sandbox("open dev").split()[0])
    name, port = address.netloc.partition(".")[0], address.port
    filled = asked.replace("ID.", f"{name}.").replace("PORT", str(port)).replace("eu-west-1", "us-east-2")
    program, *words = shlex.split(filled)
    options = dict(zip(words[:-1:2], words[1:-1:2], strict=True))
    with urllib3.PoolManager(ca_certs=str(adopted.clone / options["--cacert"])) as pool:
        answer = pool.request("GET", words[-1], headers=dict([options["-H"].split(": ")]))
    assert ("curl", released(adopted, "dev")) == (program, answer.json()["commit"])


def test_a_second_function(adopted: Newcomer) -> None:
    """Code that ships already runs in a function of its own, and of all that happened nothing is drift."""
    adopted.begins("digest")
    (adopted.clone / BOX / "flaskr/digest.py").write_text(_CODE, encoding="utf-8")
    documented.write(function("digest", "app", "flaskr.digest.handler"), adopted.clone)
    adopted.brings("Count the posts")

    found = adopted.asks("dev", "lambda", "get_function_configuration", FunctionName="shop-dev-digest")
    assert ("flaskr.digest.handler", 768) == (found["Handler"], found["MemorySize"])
    assert released(adopted, "dev") == adopted.shell("git rev-parse origin/main", BOX).strip()
    told = adopted.shell(f'eval "$(.venv/bin/python -m sandbox env dev)"; bin/pipeline -C {BOX} drift dev')
    assert "dev: no differences\n" == told
