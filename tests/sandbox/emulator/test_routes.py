"""Routes that `pipeline routes --write` wrote answer as those of events do, and a catch-all lets everything through."""

import json
from pathlib import Path
from typing import Any

import pytest
import urllib3

from pipeline.source.project import Project
from pipeline.source.route_writing import written
from tests.pipeline.flask_project import event, project, template
from tests.sandbox.emulator.cloud import Cloud

pytestmark = pytest.mark.e2e
_ECHO = """
def handler(event, context):
    return {"statusCode": 200, "headers": {"X-Route": event["resource"]}, "body": event["httpMethod"] + event["path"]}
"""
_SHOP = """
@application.get("/orders/<name>")
def order(name):
    return ""

@application.post("/login")
def login():
    return ""
"""
_PLACES = (
    *(("GET", "/orders/7"), ("HEAD", "/orders/7"), ("OPTIONS", "/orders/7"), ("POST", "/orders/7")),
    *(("POST", "/login"), ("GET", "/login"), ("OPTIONS", "/login"), ("GET", "/nowhere/at/all"), ("PUT", "/")),
)


def deployable(repository: Project) -> dict[str, Any]:
    """The template with code that needs no bundle and no database."""
    document: Any = repository.document("template.yaml")
    data = json.loads(json.dumps(document.data))
    web = data["Resources"]["Web"]["Properties"]
    for name in ("CodeUri", "Environment"):
        del web[name]
    web |= {"InlineCode": _ECHO, "Handler": "index.handler"}
    del data["Resources"]["Table"], data["Parameters"]
    return {**data, "Outputs": {"Id": {"Value": {"Ref": "Api"}}}}


def answers(cloud: Cloud, api: str) -> dict[tuple[str, str], int]:
    """The status of each request, unsigned."""
    with urllib3.PoolManager(ca_certs=str(cloud.aws.ca_bundle), retries=False) as pool:
        host = {"Host": f"{api}.execute-api.eu-west-1.amazonaws.com"}
        return {
            (method, path): pool.request(method, f"{cloud.aws.endpoint}/live{path}", headers=host).status
            for method, path in _PLACES
        }


def test_a_live_stack_goes_from_events_to_a_body_to_a_catch_all(cloud: Cloud, tmp_path: Path) -> None:
    """At one address: what was open and closed stays so, and what no event named answers once it is written."""
    security = 'open_routes = ["POST /login"]\n'
    events = template(event("GET", "/orders/{name}"), event("POST", "/login", auth="NONE"))
    assert "CREATE_COMPLETE" == cloud.deploy("routes", deployable(project(tmp_path, _SHOP, events)))
    api = cloud.outputs("routes")["Id"]
    before = answers(cloud, api)
    assert {200} == {before[("POST", "/login")]}
    assert {403} == {status for place, status in before.items() if place != ("POST", "/login")}

    def updated(repository: Project) -> dict[tuple[str, str], int]:
        text = written(repository, tmp_path).after
        changed = project(tmp_path, _SHOP, text, security=repository.text("policies/settings.toml"))
        cloud.client("cloudformation").update_stack(
            StackName="routes",
            TemplateBody=json.dumps(deployable(changed)),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        assert "UPDATE_COMPLETE" == cloud.settled("routes")
        assert api == cloud.outputs("routes")["Id"]
        return answers(cloud, api)

    body = updated(project(tmp_path, _SHOP, events, security=security))
    opened = {("POST", "/login"), ("OPTIONS", "/login"), ("OPTIONS", "/orders/7")}
    assert {place: 200 if place in opened else 403 for place in _PLACES} == body
    allowed = json.loads(
        cloud.client("lambda").get_policy(FunctionName=_function(cloud), Qualifier="live")["Policy"]
    )
    assert 1 == len(allowed["Statement"])

    text = (tmp_path / "template.yaml").read_text(encoding="utf-8")
    catching = '[catch_all]\nopen = ["/login"]\nclosed = ["/"]\n'
    caught = updated(project(tmp_path, _SHOP, text, security=catching))
    opened = {place for place in _PLACES if place[1] == "/login" or place[0] == "OPTIONS"}
    assert {place: 200 if place in opened else 403 for place in _PLACES} == caught

    public = updated(project(tmp_path, _SHOP, text, security='[catch_all]\nopen = ["/"]\n'))
    assert {200} == set(public.values())


def _function(cloud: Cloud) -> str:
    found = cloud.client("cloudformation").describe_stack_resource(
        StackName="routes", LogicalResourceId="Web"
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])
