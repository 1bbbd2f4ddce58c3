"""The routes of an application, held against a template's, and written there: of applications in any form.

Sources: Flask's and werkzeug's own url_map decide what is answered; SAM's transform decides which routes a template
has, whether by events or by an OpenAPI body.
"""

import re
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.errors import ConfigurationError, ToolError
from pipeline.gate.engines import routes as engine
from pipeline.gate.engines.base import Context
from pipeline.gate.fixtures import DESCRIBED
from pipeline.source.functions import routes
from pipeline.source.project import Project
from pipeline.source.route_writing import written
from pipeline.source.routing import differences
from pipeline.source.url_map import UrlMapError, read
from tests.pipeline.flask_project import HEAD, event, project, template

pytestmark = pytest.mark.outside

_ORDERS = """
@application.get("/orders")
def orders():
    return ""
"""


def told(repository: Project) -> list[str]:
    """Each difference: where, and what."""
    found = [one.violation for one in differences(repository, repository.root)]
    return [f"{one.file}:{one.line} {one.message}" for one in found]


def route(rule: str, *methods: str) -> str:
    words = f", methods={list(methods)}" if methods else ""
    return f"\n@application.route({rule!r}{words})\ndef view(**given):\n    return ''\n"


# What is answered, what is led there, what of the one is missing, and what of the other nobody answers. Each case lies
# below an address of its own, so that one application has them all.
CASES: list[tuple[str, list[str], list[str], list[str], list[str]]] = [
    # HEAD and OPTIONS, which Flask answers by itself, may be open and need not be.
    ("/orders", ["GET"], ["GET /orders"], [], []),
    ("/orders", ["GET"], ["GET /orders", "OPTIONS /orders", "HEAD /orders"], [], []),
    ("/orders", ["GET", "POST"], ["ANY /orders"], [], []),
    ("/orders/", ["GET"], ["GET /orders"], [], []),
    ("/orders/<int:number>", ["GET"], ["GET /orders/{id}"], [], []),
    ("/orders/<uuid:id>/lines", ["PUT"], ["PUT /orders/{id}/lines"], [], []),
    ("/v<int:version>/orders", ["GET"], ["GET /{version}/orders"], [], []),
    ("/<any(orders, lines):kind>", ["GET"], ["GET /orders", "GET /{kind}"], [], []),
    ("/<any(orders, lines):kind>", ["GET"], ["GET /orders", "GET /lines"], [], []),
    ("/files/<path:name>", ["GET"], ["GET /files/{name+}"], [], []),
    ("/orders/<id>", ["GET", "DELETE"], ["GET /{proxy+}", "DELETE /{proxy+}"], [], []),
    ("/orders", ["GET", "POST"], ["GET /orders"], ["POST /orders"], []),
    ("/orders/<id>", ["GET"], ["GET /orders"], ["GET /orders/<id>"], ["GET /orders"]),
    ("/files/<path:name>", ["GET"], ["GET /files/{name}"], ["GET /files/<path:name>"], []),
    # API Gateway looks for no other resource when the one that fits best lacks the method.
    (
        "/orders/<id>",
        ["PUT"],
        ["PUT /{all+}", "GET /orders/{id}"],
        ["PUT /orders/<id>"],
        ["GET /orders/{id}", "PUT /{all+}"],
    ),
    (
        "/orders/<id>",
        ["PUT"],
        ["PUT /orders/{id}", "GET /orders/new"],
        ["PUT /orders/<id>"],
        ["GET /orders/new"],
    ),
    ("/orders", ["OPTIONS"], ["GET /x"], ["OPTIONS /orders"], ["GET /x"]),
    ("/orders", ["GET"], ["GET /orders", "GET /order"], [], ["GET /order"]),
    ("/orders", ["GET"], ["GET /orders", "POST /orders"], [], ["POST /orders"]),
    ("/orders", ["GET"], ["GET /orders", "GET /{all+}"], [], ["GET /{all+}"]),
    ("/orders/<int:id>", ["GET"], ["GET /orders/{id}", "GET /orders/new"], [], ["GET /orders/new"]),
    ("/<any(a, b):kind>", ["GET"], ["GET /a"], ["GET /<any(a, b):kind>"], []),
]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[str]]:
    """The repository with all cases, and what differs in it."""
    code, events = "", list[str]()
    for number, (rule, methods, opened, _, _) in enumerate(CASES):
        code += route(f"/c{number}{rule}", *methods).replace("def view", f"def view{number}")
        for one in opened:
            method, _, path = one.partition(" ")
            events.append(event(method, f"/c{number}{path}", name=f"E{len(events)}"))
    repository = project(tmp_path_factory.mktemp("compared"), code, template(*events))
    return repository, told(repository)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_each_difference_is_told_at_its_line(compared: tuple[Project, list[str]], number: int) -> None:
    """What is missing at the route in the Python file, what nobody answers at the event in the template."""
    _, _, _, missing, unanswered = CASES[number]
    repository, everything = compared
    found = [one for one in everything if f" /c{number}/" in one]
    names = {"app": [], "template": []}  # type: dict[str, list[str]]
    for one in found:
        match = re.match(r"(app|template)\S*:(\d+) (\S+) /c\d+(.+?)( \(view| leads to app\.web)", one)
        assert match is not None, one
        names[match[1]].append(f"{match[3]} {match[4]}")
        rows = repository.text("app/web.py" if match[1] == "app" else "template.yaml").splitlines()
        near = "\n".join(rows[int(match[2]) - 7 : int(match[2])])
        assert f"/c{number}{match[4]}" in near
        assert match[3] in near

    assert (sorted(missing), sorted(unanswered)) == (sorted(names["app"]), sorted(names["template"]))


def test_an_operation_of_a_body_is_named_at_its_line(tmp_path: Path) -> None:
    """The same rules read a body and events alike."""
    repository = project(tmp_path, _ORDERS, template(event("GET", "/orders"), event("GET", "/gone")))
    body = written(
        project(tmp_path, f"{_ORDERS}\n{route('/gone')}", repository.text("template.yaml")), tmp_path
    ).after
    repository = project(tmp_path, _ORDERS, body)
    found = told(repository)
    line = next(number for number, row in enumerate(body.splitlines(), 1) if "/gone:" in row)

    assert ["GET /gone", "HEAD /gone", "OPTIONS /gone"] == sorted(
        one.split()[1] + " " + one.split()[2] for one in found
    )
    assert all(line < int(re.split("[: ]", one)[1]) <= line + 26 for one in found)


def test_decorators_blueprints_and_classes_are_found(tmp_path: Path) -> None:
    """Each route is named where it is written: its own decorator of several, a blueprint's, or the class."""
    code = """
    import functools

    def guarded(view):
        @functools.wraps(view)
        def inner(**given):
            return view(**given)
        return inner

    part = Blueprint("part", __name__, url_prefix="/part")

    @part.route("/one")
    @part.route("/other")
    @guarded
    def several():
        return ""

    class Thing(MethodView):
        def get(self):
            return ""

    application.register_blueprint(part)
    application.add_url_rule("/thing", view_func=Thing.as_view("thing"))
    """
    repository = project(tmp_path, code, template(event("GET", "/x")))
    rows = repository.text("app/web.py").splitlines()
    found = {
        one.split()[2]: rows[int(re.split("[: ]", one)[1]) - 1].strip()
        for one in told(repository)
        if "app/" in one
    }

    assert {
        "/part/one": '@part.route("/one")',
        "/part/other": '@part.route("/other")',
        "/thing": "class Thing(MethodView):",
    } == found


def test_static_files_are_routes_where_there_are_some(tmp_path: Path) -> None:
    """Flask has a rule for them in any case."""
    code = HEAD.replace(", static_folder=None", "")
    text = template(event("GET", "/orders"))
    without = told(project(tmp_path, code + _ORDERS, text))
    (tmp_path / "app/static").mkdir()
    having = told(project(tmp_path, code + _ORDERS, text))

    assert [] == without
    assert [True] == ["GET /static/<path:filename> (static)" in one for one in having]


SUBDOMAIN = """
application = Flask("app", subdomain_matching=True)
application.config["SERVER_NAME"] = "shop.test"

@application.route("/x", subdomain="admin")
def view():
    return ""
"""
HOST = """
application = Flask("app", host_matching=True, static_host="x")

@application.route("/x", host="admin.test")
def view():
    return ""
"""


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (
            "import nowhere_to_be_found",
            "app.web can't be imported: ModuleNotFoundError: No module named 'nowhere",
        ),
        ("raise SystemExit(3)", "app.web can't be imported: SystemExit: 3"),
        ("import os\nos.environ['NOT_THERE']", "app.web can't be imported: KeyError: 'NOT_THERE'"),
        ("x = (", "app.web can't be imported: SyntaxError"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 9))", "no network while routes are read"),
        (
            "del application\ndef create_app(config):\n    return Flask(__name__)",
            "create_app, which takes config, makes one. Write there: application = create_app(config=...)",
        ),
        (
            "def create_app():\n    return Flask(__name__)\napplication = create_app",
            "application = create_app()",
        ),
        ("del application\none, two = Flask('one'), Flask('two')", "has 2 Flask applications"),
        (
            "@application.route('/talk', websocket=True)\ndef talk():\n    return ''",
            "/talk is a websocket: a REST API has none",
        ),
        (
            SUBDOMAIN,
            "/x is a route of the subdomain admin alone: an API has one host",
        ),
        (
            HOST,
            "/x is a route of the host admin.test alone",
        ),
    ],
)
def test_what_has_no_routes_is_told(
    tmp_path: Path, code: str, fault: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in one message that names the file, by the command and in the gate, and nothing is written."""
    repository = project(tmp_path, HEAD + code + "\n", template(event("GET", "/x")))
    with pytest.raises(UrlMapError) as raised:
        list(differences(repository, repository.root))
    assert fault in raised.value.message
    (finding,) = engine.run(Context(repository, tmp_path))
    assert ("routes/unreadable", "app/web.py") == (finding.rule, finding.file)

    monkeypatch.chdir(tmp_path)
    before = (tmp_path / "template.yaml").read_bytes()
    assert 2 == cli.main(["routes", "--write"])
    assert fault in capsys.readouterr().err
    assert before == (tmp_path / "template.yaml").read_bytes()


def test_a_crash_is_no_verdict(tmp_path: Path) -> None:
    """A process that ends without an answer has judged nothing."""
    repository = project(tmp_path, HEAD + "import os\nos._exit(7)\n", template(event("GET", "/x")))

    with pytest.raises(ToolError, match="with status 7"):
        list(differences(repository, repository.root))


def test_the_import_has_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process has stays here; the function's own variables, and samples for what AWS knows, are there."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "confidential")
    monkeypatch.setenv("GITHUB_TOKEN", "confidential")
    code = """
    import os
    assert "confidential" not in os.environ.values(), "a credential"
    application.add_url_rule(f"/{os.environ['STAGE']}/{os.environ['TABLE']}", view_func=lambda: "")
    """
    table = 'samples = { TABLE = "orders", OTHER = "x" }\n[application.code.app]'
    plain = project(tmp_path, code, template(event("GET", "/dev/table")))
    assert [] == told(plain)
    sampled = project(
        tmp_path,
        code,
        template(event("GET", "/dev/orders")),
        described=DESCRIBED.replace("[application.code.app]", table),
    )
    assert [] == told(sampled)


def test_another_application_beside_has_no_list(tmp_path: Path) -> None:
    """What isn't Flask's can't be held against the template; the rest is, and writing needs a catch-all."""
    code = """
    class Pair:
        routed = ((len, None), (application, None))
    @application.get("/health")
    def health():
        return ""
    application = Pair()
    """
    repository = project(tmp_path, code, template(event("GET", "/anything")))

    assert ["GET /health"] == [" ".join(one.split()[1:3]) for one in told(repository)]
    with pytest.raises(UrlMapError, match="set a catch_all"):
        written(repository, tmp_path)


def test_a_function_without_flask_is_left_alone(tmp_path: Path) -> None:
    """A handler that reads events itself has no list of routes."""
    repository = project(
        tmp_path, "def handler(event, context):\n    return {}\n", template(event("GET", "/x"))
    )

    assert [] == told(repository)
    with pytest.raises(ConfigurationError, match="has a Flask application"):
        written(repository, tmp_path)


# -- writing --

_SHOP = """
@application.get("/orders/<int:number>")
def order(number):
    return ""

@application.post("/orders/<name>/lines")
def lines(name):
    return ""

@application.get("/files/<path:name>")
def file(name):
    return ""

@application.get("/login")
def login():
    return ""

@application.get("/health")
def health():
    return ""
"""


def names(repository: Project) -> dict[str, tuple[str, ...]]:
    """The routes of the template as it expands, with their authorizers."""
    return {f"{one.method} {one.path}": one.authorizers for one in routes(repository.application[0])}


def test_routes_are_written_as_a_body_with_one_permission(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open is what security lets be open, and a preflight; all else asks for a signature. A second run has nothing
    to do, and what else the template says stays to the letter."""
    text = template(
        event("GET", "/login"),
        event("DELETE", "/gone"),
        "Nightly:\n  Type: Schedule\n  Properties:\n    Schedule: rate(1 day)\n",
    )
    project(tmp_path, _SHOP, text, security='open_routes = ["GET /login"]\n')
    monkeypatch.chdir(tmp_path)

    assert 0 == cli.main(["routes", "--write"])
    said = capsys.readouterr().out
    assert "- DELETE /gone" in said
    assert "/files/{name+} takes every path below, which the gate refuses: name it in open_routes" in said
    now = Project.load(tmp_path)
    closed, opened = ("AWS_IAM",), ("NONE",)
    assert {
        "GET /files/{name+}": closed,
        "HEAD /files/{name+}": closed,
        "OPTIONS /files/{name+}": opened,
        "GET /health": opened,
        "HEAD /health": opened,
        "OPTIONS /health": opened,
        "GET /login": opened,
        "HEAD /login": opened,
        "OPTIONS /login": opened,
        "GET /orders/{number}": closed,
        "HEAD /orders/{number}": closed,
        "OPTIONS /orders/{number}": opened,
        "POST /orders/{number}/lines": closed,
        "OPTIONS /orders/{number}/lines": opened,
    } == names(now)
    permissions = [
        one.properties
        for one in now.application[0].of_type("AWS::Lambda::Permission")
        if one.get("Principal") == "apigateway.amazonaws.com"
    ]
    assert ["${WebAliaslive}"] == [str(one["FunctionName"]) for one in permissions]
    assert "rate(1 day)" in now.text("template.yaml")
    assert [row for row in text.splitlines() if row in now.text("template.yaml").splitlines()][
        -4:
    ] == text.splitlines()[-4:]
    assert [] == told(now)
    assert 1 == len(
        re.findall(r"        What the shop answers\n      DefinitionBody:", now.text("template.yaml"))
    )
    assert 1 == len(re.findall(r"/\*/\*\n\n  Web: # the application\n", now.text("template.yaml")))

    before = now.text("template.yaml")
    assert 0 == cli.main(["routes", "--write"])
    assert before == (tmp_path / "template.yaml").read_text(encoding="utf-8")
    assert 0 == cli.main(["routes", "--check"])


@pytest.mark.parametrize(
    "security", ['open_routes = ["GET /files/{name+}"]\n', '[catch_all]\nopen = ["/"]\n']
)
def test_what_the_gate_takes_is_not_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    """Files that security opened by their name or prefix are written without another word."""
    project(tmp_path, _SHOP, template(event("GET", "/login")), security=security)
    monkeypatch.chdir(tmp_path)

    assert 0 == cli.main(["routes", "--write"])
    assert "which the gate refuses" not in capsys.readouterr().out


def test_a_new_route_goes_into_a_body_that_is_there(tmp_path: Path) -> None:
    """What a person wrote beside the paths stays, and so do routes of other functions."""
    first = project(tmp_path, _ORDERS, template(event("GET", "/orders", auth="NONE")))
    body = written(first, tmp_path).after.replace('version: "1.0"', 'version: "7.0" # ours')
    other = body.replace(
        "          /orders:",
        "          /hook:\n            post: # a mock\n              x-amazon-apigateway-integration: { type: mock }\n"
        "          /orders:",
    )
    now = project(tmp_path, _ORDERS + route("/added"), other)
    after = written(now, tmp_path)

    assert ("GET /added", "HEAD /added", "OPTIONS /added") == after.added
    assert 'version: "7.0" # ours' in after.after
    assert "post: # a mock" in after.after
    changed = names(project(tmp_path, _ORDERS + route("/added"), after.after))
    assert (("NONE",), ("AWS_IAM",)) == (changed["GET /orders"], changed["GET /added"])


def test_events_of_another_function_move_with_it(tmp_path: Path) -> None:
    """SAM leaves events out of an API that has a body of its own: each function gets its own permission."""
    second = """  Hook:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: build/app/
      Handler: app.hook.handler
      Runtime: python3.13
      Events:
        Post:
          Type: Api
          Properties: { RestApiId: !Ref Api, Path: /hook, Method: POST }
"""
    hook = {"app/hook.py": "def handler(event, context):\n    return {}\n"}
    text = template(event("GET", "/x")) + second
    after = written(project(tmp_path, _ORDERS, text, **hook), tmp_path).after
    now = project(tmp_path, _ORDERS, after, **hook)
    callers = sorted(
        str(one.get("FunctionName")) for one in now.application[0].of_type("AWS::Lambda::Permission")
    )

    assert ("AWS_IAM",) == names(now)["POST /hook"]
    assert ["${Hook.Arn}", "${WebAliaslive}"] == callers
    assert "Events" not in after


def test_the_first_routes_of_a_template_are_written(tmp_path: Path) -> None:
    """An application that no event names yet is known by its module, which reads events as WSGI."""
    code = HEAD.replace(
        "from flask.views import MethodView", "from flask.views import MethodView\n# app.wsgi\n"
    )
    now = project(tmp_path, code + _ORDERS, template())

    assert ("GET /orders", "HEAD /orders", "OPTIONS /orders") == written(now, tmp_path).added


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("Method: GET\n", "Method: GET\n            Auth: { ApiKeyRequired: true }\n", "says ApiKeyRequired"),
        ("RestApiId: !Ref Api\n", "# none\n", "APIs that lead to the application"),
        (
            "Resources:\n",
            "Resources: { X: { Type: AWS::SNS::Topic } }\nOld:\n",
            "No function of template.yaml",
        ),
    ],
)
def test_what_would_be_lost_is_refused(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """What a body says in other words is no matter of a program."""
    text = template(event("GET", "/orders"))
    assert old in text
    repository = project(tmp_path, _ORDERS, text.replace(old, new))

    with pytest.raises(ConfigurationError, match=fault):
        written(repository, tmp_path)


def test_a_path_that_api_gateway_does_not_take(tmp_path: Path) -> None:
    """A tilde is none of the characters of a path part: told at the route."""
    repository = project(tmp_path, route("/~user/<name>"), template(event("GET", "/x")))

    with pytest.raises(UrlMapError, match="takes no '~user' in a path"):
        written(repository, tmp_path)
    assert any("only a catch-all would lead there" in one for one in told(repository))


# -- the catch-all --


def test_a_catch_all_is_written_by_its_prefixes(tmp_path: Path) -> None:
    """All that is below a prefix goes to the application; what is closed still lets a preflight pass."""
    now = project(
        tmp_path,
        _SHOP,
        template(event("GET", "/login")),
        security='[catch_all]\nopen = ["/files"]\nclosed = ["/"]\n',
    )
    assert {True} == {"catch-all of policies/settings.toml" in one for one in told(now) if "{proxy+}" in one}
    after = written(now, tmp_path).after
    now = project(tmp_path, _SHOP, after, security=now.text("policies/settings.toml"))
    closed, opened = ("AWS_IAM",), ("NONE",)

    assert [] == told(now)
    health = {
        f"{method} {path}": opened
        for method in ("GET", "HEAD", "OPTIONS")
        for path in ("/health", "/ready", "/version")
    }
    assert {
        "ANY /": closed,
        "OPTIONS /": opened,
        "ANY /{proxy+}": closed,
        "OPTIONS /{proxy+}": opened,
        "ANY /files": opened,
        "ANY /files/{proxy+}": opened,
        **{f"ANY {path}": closed for path in ("/health", "/ready", "/version")},
        **health,
    } == names(now)


def test_a_catch_all_that_is_opened_in_the_template_is_told(tmp_path: Path) -> None:
    """Who edits the template alone opens nothing."""
    security = '[catch_all]\nclosed = ["/"]\n'
    now = project(tmp_path, _SHOP, template(event("GET", "/login")), security=security)
    after = written(now, tmp_path).after
    wide = re.sub(
        r"(/\{proxy\+\}:\n(?:.*\n)*?            x-amazon-apigateway-any-method:\n)",
        r"\1              security: [{ NONE: [] }]\n",
        after,
    )
    found = told(project(tmp_path, _SHOP, wide, security=security))

    assert after != wide
    assert ["ANY /{proxy+} is open; the catch-all of policies/settings.toml has it closed"] == [
        one.partition(" ")[2] for one in found
    ]


def test_reading_is_one_process_with_the_rules_of_flask(tmp_path: Path) -> None:
    """Converters of one's own count by what they take: slashes or none."""
    code = """
    from werkzeug.routing import BaseConverter

    class Deep(BaseConverter):
        regex = "[a-z/]+"
        part_isolating = False

    class Short(BaseConverter):
        regex = "[a-z]{2}"

    application.url_map.converters |= {"deep": Deep, "short": Short}
    application.add_url_rule("/d/<deep:where>", view_func=lambda where: "", endpoint="deep")
    application.add_url_rule("/s/<short(minimum=2):code>" if False else "/s/<short:code>", view_func=lambda code: "")
    """
    project(tmp_path, code, template())
    found = read(tmp_path, "app.web", {})

    assert [("/d/<deep:where>", True), ("/s/<short:code>", False)] == [
        (one.rule, one.parts[-1].several) for one in found.rules
    ]
