"""The parameters that a template declares, as a deployment reads them."""

from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.delivery.parameters import declarations


def _template(folder: Path, text: str) -> Path:
    path = folder / "template.yaml"
    path.write_text(text)
    return path


def test_reads_the_type_of_each_parameter(tmp_path: Path) -> None:
    """Also beside short tags and values that are told by an alias."""
    text = """
Parameters:
  Name: &text {Type: String}
  Host: {Type: "AWS::SSM::Parameter::Value<String>", Default: /x}
  Other: *text
Conditions: {Any: !Not [!Equals [!Ref Name, ""]]}
Resources: {}
"""

    assert {
        "Name": "String",
        "Host": "AWS::SSM::Parameter::Value<String>",
        "Other": "String",
    } == declarations(_template(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Parameters: [", r"template\.yaml:\d+ does not parse"),
        (
            "Parameters:\n  A: {Type: String}\n  A: {Type: Number}\n",
            r"template\.yaml:3 does not parse: it has the key 'A' twice",
        ),
        ("Parameters: {A: {Default: 1}}", "does not parse: 'Type'"),
        ("Parameters: 3", "does not parse"),
        ("- a", "does not parse"),
    ],
)
def test_a_template_that_declares_nothing_readable_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    """With the line where there is one, and never the last of two parameters of one name."""
    with pytest.raises(ConfigurationError, match=said):
        declarations(_template(tmp_path, text))
