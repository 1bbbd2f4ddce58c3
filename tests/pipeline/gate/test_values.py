"""Intrinsic functions, resolved as far as they can be before a deployment."""

from typing import Any

import pytest

from pipeline.source.values import Hole, Partial, Scope, Trail, as_template, holes, known, mentioned, refers

SCOPE = Scope(
    parameters={"Name": "dev", "List": ["a", "b"]},
    pseudo={"AWS::Region": "eu-west-1", "AWS::AccountId": "111111111111"},
    mappings={"Map": {"dev": {"Size": 3}}},
    conditions={
        "IsDev": {"Fn::Equals": [{"Ref": "Name"}, "dev"]},
        "IsProd": {"Fn::Not": [{"Condition": "IsDev"}]},
        "Open": {"Fn::Equals": [{"Ref": "FromSsm"}, "x"]},
        "Either": {"Fn::Or": [{"Condition": "Open"}, {"Condition": "IsDev"}]},
        "Both": {"Fn::And": [{"Condition": "Open"}, {"Condition": "IsProd"}]},
        "Self": {"Condition": "Self"},
        "Assumed": {"Fn::Equals": [{"Fn::Join": ["", [{"Ref": "Defaulted"}]]}, ""]},
    },
    declared=frozenset({"Name", "List", "FromSsm", "Defaulted"}),
    assumed=frozenset({"Defaulted"}),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Name"}, "dev"),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Fn::Sub": "a-${Name}-${!Literal}"}, "a-dev-${Literal}"),
        ({"Fn::Sub": ["${X}-${Name}", {"X": {"Ref": "Name"}}]}, "dev-dev"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Name"}, 3, True]]}, "a-dev-3-true"),
        ({"Fn::Join": [",", {"Ref": "List"}]}, "a,b"),
        ({"Fn::Select": ["1", {"Ref": "List"}]}, "b"),
        ({"Fn::Split": ["-", "a-b"]}, ["a", "b"]),
        ({"Fn::FindInMap": ["Map", {"Ref": "Name"}, "Size"]}, 3),
        ({"Fn::Base64": "a"}, "YQ=="),
        ({"Fn::ToJsonString": {"a": 1}}, '{"a": 1}'),
        ({"Fn::If": ["IsDev", "yes", "no"]}, "yes"),
        ({"Fn::If": ["IsProd", "yes", {"Ref": "AWS::NoValue"}]}, None),
        ({"a": {"Fn::If": ["IsProd", 1, {"Ref": "AWS::NoValue"}]}, "b": 2}, {"b": 2}),
        ([1, {"Fn::If": ["IsProd", 2, {"Ref": "AWS::NoValue"}]}, 3], [1, 3]),
        ([{"Fn::If": ["Open", 1, 2]}], [1, 2]),
        ({"Fn::If": ["Open", "same", "same"]}, "same"),
    ],
)
def test_what_is_known_is_resolved(value: Any, expected: Any) -> None:
    """A function of known values is its value; where a condition is open, a list holds both branches."""
    assert expected == SCOPE.resolve(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Ref": "FromSsm"}, "${FromSsm}"),
        ({"Ref": "Topic"}, "${Topic}"),
        ({"Fn::GetAtt": ["Topic", "TopicArn"]}, "${Topic.TopicArn}"),
        ({"Fn::GetAtt": "Topic.TopicArn"}, "${Topic.TopicArn}"),
        ({"Fn::Sub": "arn:${AWS::Partition}:x:${Topic.Name}/*"}, "arn:${AWS::Partition}:x:${Topic.Name}/*"),
        ({"Fn::ImportValue": "x"}, "${Fn::ImportValue}"),
        ({"Fn::If": ["Open", "a", "b"]}, "${Fn::If Open}"),
        ({"Fn::FindInMap": ["Map", "gone", "Size"]}, "${Fn::FindInMap}"),
        ({"Fn::Select": ["9", {"Ref": "List"}]}, "${Fn::Select}"),
    ],
)
def test_what_is_not_known_says_so(value: Any, text: str) -> None:
    """A hole stays a hole: the value reads as its name, equals no expected value, and is not known."""
    resolved = SCOPE.resolve(value)

    assert text == resolved
    assert not known(resolved)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IsDev", True),
        ("IsProd", False),
        ("Open", None),
        ("Either", True),
        ("Both", False),
        ("Self", None),
        ("Gone", None),
        ("Assumed", None),
    ],
)
def test_conditions(name: str, expected: bool | None) -> None:
    """A condition holds, doesn't, or hangs on what isn't known: SSM values, defaults, itself."""
    assert expected is SCOPE.holds(name)


def test_holes_tell_what_a_value_refers_to() -> None:
    """Resources are told from parameters, wherever in a value they stand."""
    value = SCOPE.resolve({"a": [{"Ref": "Topic"}], "b": {"Fn::Sub": "${FromSsm}-${Queue.Arn}"}})

    assert refers(value) == {"Topic", "Queue"}
    assert {hole.kind for hole in holes(value)} == {"resource", "parameter"}


def test_trail_leads_back_to_where_a_value_was_written() -> None:
    """A place in the result leads to the place in the source, through branches and dropped items."""
    trail: Trail = {}
    source = {"L": [{"Fn::If": ["IsProd", "x", {"Ref": "AWS::NoValue"}]}, {"Fn::If": ["IsDev", {"k": 1}, 0]}]}

    assert SCOPE.resolve(source, trail) == {"L": [{"k": 1}]}
    assert trail[("L", 0, "k")] == ("L", 1, "Fn::If", 1, "k")


def test_holes_become_functions_again() -> None:
    """For other tools a hole is the reference that it was."""
    value = {"a": Partial(Hole("Topic")), "b": [Partial("x-", Hole("Queue", "Arn"))]}

    assert as_template(value) == {
        "a": {"Ref": "Topic"},
        "b": [{"Fn::Join": ["", ["x-", {"Fn::GetAtt": ["Queue", "Arn"]}]]}],
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "A"}, {"A"}),
        ({"Fn::GetAtt": ["A", "Arn"]}, {"A"}),
        ({"Fn::GetAtt": "A.Arn"}, {"A"}),
        ({"Fn::Sub": "${A}-${!B}-${ C.Arn }-${AWS::Region}"}, {"A", "C", "AWS::Region"}),
        (
            [{"Fn::Join": ["", [{"Ref": "A"}, "text"]]}, {"Fn::Sub": ["${B}", {"B": {"Ref": "C"}}]}],
            {"A", "B", "C"},
        ),
        ({"Fn::Equals": [{"Ref": "A"}, "A.B"]}, {"A"}),
        ("text", set()),
    ],
)
def test_the_names_that_a_value_mentions(value: Any, expected: set[str]) -> None:
    """By whatever function, however deep."""
    assert expected == mentioned(value)
