"""The Serverless transform without its copies: what comes of it is what comes of the transform as it is."""

import copy
import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import pytest
from samtranslator.policy_template_processor.processor import PolicyTemplatesProcessor
from samtranslator.swagger import swagger

from pipeline.base.run import CHECKOUT
from pipeline.source import expansion
from pipeline.source.expansion import ExpansionError, expand
from pipeline.source.located import DocumentError, parse

pytestmark = pytest.mark.slow
SOURCES = [CHECKOUT / "template.yaml", *sorted((CHECKOUT / "policies").glob("*/*/**/*.yaml"))]
ROUTES = 60


def templates() -> list[dict[str, Any]]:
    """Every template of this repository and of its rules that the transform is for."""
    found = []
    for path in SOURCES:
        try:
            data = parse(path.read_text(encoding="utf-8"), path.name).data
        except DocumentError:
            continue
        if isinstance(data, dict) and expansion.SERVERLESS in expansion.transforms(data):
            found.append(data)
    return found


def many_routes() -> dict[str, Any]:
    """One API with many functions, some of whose routes share a path."""
    functions = {
        f"Function{number}": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "app.handler",
                "CodeUri": "s3://bucket/key",
                "Events": {
                    "Api": {
                        "Type": "Api",
                        "Properties": {
                            "Path": f"/{number // 2}/{{id}}",
                            "Method": "get" if number % 2 else "post",
                            "Auth": {"Authorizer": "AWS_IAM"} if number % 3 else {"ApiKeyRequired": True},
                        },
                    }
                },
            },
        }
        for number in range(ROUTES)
    }
    return {"Transform": expansion.SERVERLESS, "Resources": functions}


def expanded(template: dict[str, Any]) -> str:
    """What the transform makes, without regard to the order of keys and to hashes that come of it."""
    try:
        found = json.dumps(
            expand(copy.deepcopy(template), {"Environment": "dev"}, "eu-west-1"), sort_keys=True, default=str
        )
    except ExpansionError as error:
        found = str(error)
    return re.sub(r"(Deployment|deployment id: )[0-9a-f]{10,40}", r"\1HASH", found)


def test_the_same_comes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every template there is, and of one with many routes."""
    found = [*templates(), many_routes()]
    without = [expanded(one) for one in found]
    monkeypatch.setattr(expansion, "_same", copy.deepcopy)
    with_copies = [expanded(one) for one in found]

    assert len(found) > 40
    assert without == with_copies
    assert without[-1].count("AWS::Lambda::Function") == ROUTES


@pytest.mark.parametrize(
    "template",
    [
        many_routes(),
        {"Transform": expansion.SERVERLESS, "Resources": {"A": {"Type": "AWS::Serverless::Function"}}},
        {"Transform": expansion.SERVERLESS},
    ],
)
def test_the_translator_is_left_as_it_was(template: dict[str, Any]) -> None:
    """After an expansion that works, one that is refused, and two at a time."""
    log = logging.getLogger("samtranslator")

    def state() -> tuple[object, ...]:
        return (
            swagger._deepcopy,
            vars(PolicyTemplatesProcessor)["_is_valid_templates_dict"],
            log.level,
        )

    before = state()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(expanded, [template] * 4))

    assert before == state()


def test_copies_are_what_makes_it_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """With them, more than one copy of the API's document for each route."""
    copied: list[object] = []

    def noted(document: Any) -> Any:
        copied.append(document)
        return copy.deepcopy(document)

    monkeypatch.setattr(expansion, "_same", noted)
    expanded(many_routes())

    assert len(copied) > ROUTES


def test_policy_templates_fit_their_schema() -> None:
    """The package's own list is valid: what `expand` doesn't ask again each time."""
    templates = PolicyTemplatesProcessor.get_default_policy_templates_json()

    jsonschema.validate(templates, PolicyTemplatesProcessor._read_schema())
    assert len(templates["Templates"]) > 50
