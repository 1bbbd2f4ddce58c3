"""Documents as plain data, with the line of every key and item."""

import pytest

from pipeline.source.located import DocumentError, key_of, nodes, parse

YAML = """\
Resources:
  Topic: &topic
    Type: AWS::SNS::Topic
    Properties:
      Name: !Sub x-${Environment}
      Arn: !GetAtt Other.Arn
  Copy:
    <<: *topic
    DependsOn:
      - Topic
      - Other
    Version: 2012-10-17
"""


def test_tags_get_their_long_form() -> None:
    """CloudFormation's short tags become the functions that JSON templates write."""
    properties = parse(YAML, "template.yaml").data["Resources"]["Topic"]["Properties"]

    assert properties == {"Name": {"Fn::Sub": "x-${Environment}"}, "Arn": {"Fn::GetAtt": ["Other", "Arn"]}}


def test_dates_stay_text_and_merges_are_merged() -> None:
    """CloudFormation has no dates; a merged key is the alias's, at the alias's line."""
    document = parse(YAML, "template.yaml")

    assert document.data["Resources"]["Copy"]["Version"] == "2012-10-17"
    assert document.data["Resources"]["Copy"]["Type"] == "AWS::SNS::Topic"
    assert document.line("Resources", "Copy", "Type") == 3


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("Resources", "Topic"), 2),
        (("Resources", "Topic", "Properties", "Name", "Fn::Sub"), 5),
        (("Resources", "Copy", "DependsOn", 1), 11),
        (("Resources", "Topic", "Properties", "Gone", "Deeper"), 4),
        (("Gone",), 1),
    ],
)
def test_line_of_a_place(place: tuple[str | int, ...], line: int) -> None:
    """The line of a place is its own, else that of the nearest place around it."""
    assert line == parse(YAML, "template.yaml").line(*place)


@pytest.mark.parametrize(
    ("written", "in_a_workflow", "in_a_template"),
    [
        ("on", "on", True),
        ("yes", "yes", True),
        ("Off", "Off", False),
        ("True", True, True),
        ("~", None, None),
        ("", None, None),
        ("010", 10, 8),
        ("0o10", 8, "0o10"),
        ("0x1F", 31, 31),
        ("1_000", "1_000", 1000),
        ("12:30:45", "12:30:45", 45045),
        ("3.10", 3.1, 3.1),
        ("1.0", 1, 1.0),
        ("1e3", 1000, "1e3"),
        (".inf", float("inf"), float("inf")),
        ("2026-01-01", "2026-01-01", "2026-01-01"),
        ("'on'", "on", "on"),
        ("'1'", "1", "1"),
        ("!!str 1", "1", "1"),
    ],
)
def test_a_scalar_is_what_its_reader_makes_of_it(
    written: str, in_a_workflow: object, in_a_template: object
) -> None:
    """GitHub reads YAML 1.2 (core schema, https://yaml.org/spec/1.2.2/#1032-tag-resolution; actions/runner,
    YamlObjectReader.cs), CloudFormation YAML 1.1 (user guide, "Template formats")."""
    files = (".github/workflows/a.yml", ".github/actions/setup/action.yaml", "action.yml", "template.yaml")
    found = [parse(f"on: {written}\n", file).data["on"] for file in files]

    assert [in_a_workflow] * 3 + [in_a_template] == found


def test_json_with_tabs_is_read() -> None:
    """JSON may be indented by tabs, which YAML forbids; lines stay."""
    document = parse('{\n\t"A": {\n\t\t"B": [1, 2]\n\t}\n}', "template.yaml")

    assert document.data == {"A": {"B": [1, 2]}}
    assert document.line("A", "B") == 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1\nb: 2\n", 2),
        ("a: 1\nb: 2\na: 3\n", 3),
        ("a: &x [*x]\n", 1),
        ("? [1]\n: 2\n", 1),
        ("a: \t\n\t- b", 2),
    ],
)
def test_what_can_not_be_read_names_its_line(text: str, line: int) -> None:
    """A document that is wrong is an error with a line, never half a document."""
    with pytest.raises(DocumentError) as caught:
        parse(text, "template.yaml")

    assert line == caught.value.line


def test_aliases_that_multiply_are_refused() -> None:
    """A billion laughs end as an error, not as a full memory."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    with pytest.raises(DocumentError, match="multiply"):
        parse("\n".join(rows), "template.yaml")


TOML = """\
version = 0.1
[dev.deploy.parameters]
tags = ["a=1", "b=2"]
parameter_overrides = [
    "One=1", # the first
    'Two="2"',
]
name.part = "x"

[[waiver]]
rule = "a"
[[waiver]]
rule = "b"
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("dev", "deploy"), 2),
        (("dev", "deploy", "parameters", "tags", 1), 3),
        (("dev", "deploy", "parameters", "parameter_overrides", 0), 5),
        (("dev", "deploy", "parameters", "parameter_overrides", 1), 6),
        (("dev", "deploy", "parameters", "name", "part"), 8),
        (("waiver", 1, "rule"), 13),
    ],
)
def test_line_in_toml(place: tuple[str | int, ...], line: int) -> None:
    """Tables, keys, items of arrays and arrays of tables have their lines in TOML too."""
    assert line == parse(TOML, "x.toml").line(*place)


def test_wrong_toml_names_its_line() -> None:
    """TOML that is wrong is an error with its line."""
    with pytest.raises(DocumentError) as caught:
        parse("a = 1\nb = [\n", "x.toml")

    assert caught.value.line >= 2


def test_every_value_has_its_place() -> None:
    """Mappings, lists and what they hold, outer ones first; what is whole is one value."""
    data = {"a": [1, {"b": "c"}], "Fn::Sub": {"d": None}}
    every = list(nodes(data))

    assert [
        (),
        ("a",),
        ("a", 0),
        ("a", 1),
        ("a", 1, "b"),
        ("Fn::Sub",),
        ("Fn::Sub", "d"),
    ] == [place for place, _ in every]
    assert (("a", 1, "b"), "c") in every
    assert ("x", "Fn::Sub", "d") not in [
        place for place, _ in nodes(data, ("x",), whole=lambda one: one == {"d": None})
    ]


@pytest.mark.parametrize(
    ("place", "expected"), [((), ""), ((0,), ""), (("a", 1, 2), "a"), (("a", "b"), "b"), (("a", 0, "b"), "b")]
)
def test_the_nearest_key(place: tuple[str | int, ...], expected: str) -> None:
    """Of an item of a list, the list's."""
    assert expected == key_of(place)
