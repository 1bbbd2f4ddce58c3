"""samconfig.toml as `sam deploy` reads it: the installed sam is asked, and a value that differs is refused."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT
from pipeline.source import samconfig
from pipeline.source.configuration import Fault
from pipeline.source.environments import environments
from pipeline.source.located import parse
from pipeline.source.samconfig import Assignment, assignments
from tests.pipeline.applications import TABLE

pytestmark = pytest.mark.outside

# Answers a line of JSON for each: what sam makes of overrides, of tags, or of an environment's table in a folder.
_SAM = """
import json, sys
from pathlib import Path
from samcli.cli.types import CfnParameterOverridesType, CfnTags
from samcli.lib.config.samconfig import SamConfig

def answer(kind, value, name):
    if kind == "file":
        return SamConfig(Path(value)).get_all(["deploy"], "parameters", env=name)
    return {"overrides": CfnParameterOverridesType(), "tags": CfnTags()}[kind].convert(value, None, None)

for line in sys.stdin:
    try:
        print(json.dumps(answer(*json.loads(line))), flush=True)
    except Exception as error:
        print("null", flush=True)
"""
type Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def sam() -> Iterator[Ask]:
    """Asks the sam that deploys; None for what it refuses."""
    command = [str(CHECKOUT / ".tools/sam/bin/python"), "-c", _SAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        questions, answers = child.stdin, child.stdout

        def ask(kind: str, value: Any, name: str = "") -> Any:
            print(json.dumps([kind, value, name]), file=questions, flush=True)
            return json.loads(answers.readline())

        yield ask
        questions.close()


_PIECES = (
    """a b1 = " ' \\ \\" $ ${x} , { } : é A= "" ParameterKey=A,ParameterValue=b file:// -- arn:aws:s3:::a"""
)
PIECES = st.sampled_from([*_PIECES.split(), " ", "  ", "\n", "\t", " B="])
TEXT = st.lists(PIECES, max_size=7).map("".join)
PLAIN = st.text("ab1 =\"'\n\t$,{}:é@%&*;|<>()[]#!~`", max_size=12)
IN_TAGS = st.text("ab1é_ +=.:/@-", max_size=12)


def quoted(parameters: Mapping[str, str]) -> list[str]:
    """Parameters as `sam deploy --parameter-overrides` takes them whole, each in double quotes."""
    return [f"{name}={samconfig._in_quotes(value)}" for name, value in parameters.items()]


def read(value: Any, *, tags: bool = False) -> dict[str, str] | None:
    """What the pipeline reads; None for what it refuses."""
    taken = list(assignments(value, tags=tags))
    if any(isinstance(one, Fault) for one in taken):
        return None
    pairs = [(one.name, one.value) for one in taken if isinstance(one, Assignment)]
    return dict(pairs) if len(dict(pairs)) == len(pairs) else None


@given(
    items=st.lists(st.one_of(TEXT, TEXT.map("A=".__add__), TEXT.map(lambda one: f'B="{one}"')), max_size=3)
)
@example(items=["Msg=hello world"])
@example(items=['Json={"a": "b"}'])
@example(items=['Folder="C:\\temp\\"'])
def test_overrides_that_are_read_are_those_that_sam_reads(sam: Ask, items: list[str]) -> None:
    """As a list and as one text: what the pipeline takes is what sam takes, and arrives when it is handed on."""
    for value in (items, " ".join(items)):
        if taken := read(value):
            assert taken == sam("overrides", value)
            assert taken == sam("overrides", quoted(taken))


@given(value=PLAIN)
@example(value="hello world")
@example(value='{"a": "b=c", "d": ["e", ""]}')
@example(value="two\nlines")
@example(value="")
def test_value_without_backslash_arrives_whole(sam: Ask, value: str) -> None:
    """Blanks, line ends, quotes, `$`, commas, nothing at all: written in quotes, each is read as it is."""
    written = quoted({"A": value})

    assert {"A": value} == read(written) == sam("overrides", written)


@given(value=TEXT)
@example(value="\\")
@example(value='a\\"b')
@example(value="a\\ b")
@example(value="it\\'s")
def test_value_that_sam_would_change_is_refused(sam: Ask, value: str) -> None:
    """Whatever is in the quotes: it is read as sam reads it, or told to be changed."""
    written = quoted({"A": value})
    expected = {"A": value} if sam("overrides", written) == {"A": value} else None

    assert read(written) in (expected, None)


@given(value=IN_TAGS)
@example(value="a=1 b=2")
@example(value="Ada Ledger")
@example(value="a=b")
@example(value="")
def test_tag_arrives_whole_or_is_refused(sam: Ask, value: str) -> None:
    """A tag with a blank and an equals sign is the only one of CloudFormation's characters that sam can't take."""
    written = quoted({"Key": value})
    expected = None if " " in value and "=" in value else {"Key": value}

    assert expected == read(written, tags=True)
    if expected is not None:
        assert expected == sam("tags", written)


@given(
    items=st.lists(st.one_of(TEXT, TEXT.map("A=".__add__), TEXT.map(lambda one: f'B="{one}"')), max_size=3)
)
@example(items=['A="1"', 'B="b c"'])
@example(items=["a/b=1", "c:d=2"])
def test_tags_that_are_read_are_those_that_sam_reads(sam: Ask, items: list[str]) -> None:
    """As a list and as one text."""
    for value in (items, " ".join(items)):
        if taken := read(value, tags=True):
            assert taken == sam("tags", value)
            assert taken == sam("tags", quoted(taken))


GUIDED = f"""\
version = 0.1
[dev.global.parameters]
region = "eu-west-1"
stack_name = "other"
[dev.deploy.parameters]
stack_name = "esclusa-dev"
s3_bucket = "bucket"
s3_prefix = "packages"
role_arn = "arn"
confirm_changeset = true
capabilities = "CAPABILITY_IAM CAPABILITY_NAMED_IAM"
tags = "application=\\"esclusa\\" stage=dev"
parameter_overrides = "Msg=\\"hello \\\\\\"you\\\\\\"\\" Empty=\\"\\" Size=small"
[dev.pipeline.parameters]
account = "111111111111"
deploy_role = "arn"
promote_from = ""
soak_minutes = 0
{TABLE}"""


def test_file_of_guided_is_read_alike_by_sam_the_gate_and_the_commands(sam: Ask, tmp_path: Path) -> None:
    """Texts instead of lists, and stack_name under deploy, where it is taken before the one under global."""
    (tmp_path / "samconfig.toml").write_text(GUIDED)
    by_sam = sam("file", str(tmp_path), "dev")
    command = samconfig.read(tmp_path, "dev")
    (gate,) = environments(parse(GUIDED, "samconfig.toml"))

    assert by_sam["stack_name"] == command.stack_name == gate.stack_name == "esclusa-dev"
    assert by_sam["region"] == command.region == gate.region
    assert ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM") == command.capabilities
    assert sam("tags", by_sam["tags"]) == command.tags == {"application": "esclusa", "stage": "dev"}
    assert sam("overrides", by_sam["parameter_overrides"]) == command.parameters == gate.parameters
    assert {"Msg": 'hello "you"', "Empty": "", "Size": "small"} == gate.parameters


@pytest.mark.parametrize("name", ["local", "dev", "prod"])
def test_sam_reads_an_environment_as_if_the_application_did_not_stand_beside_it(sam: Ask, name: str) -> None:
    """The table of our own changes nothing of what the installed sam deploys with."""
    settings = sam("file", str(CHECKOUT), name)

    assert samconfig.read(CHECKOUT, name).stack_name == settings["stack_name"]
    assert samconfig.read(CHECKOUT, name).parameters == sam("overrides", settings["parameter_overrides"])
    assert set() == {"application", "code"} & settings.keys()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('account = "111111111111"', "account = 111111111111"),
        ("soak_minutes = 0", "soak_minutes = false"),
        ("Size=small", "Size=small and more"),
        ("Size=small", 'Size={\\"a\\": 1}'),
        ("Size=small", "Msg=again"),
        ("stage=dev", 'stage=\\"a=1 b=2\\"'),
        ('capabilities = "CAPABILITY_IAM CAPABILITY_NAMED_IAM"', "capabilities = [1]"),
        ('s3_prefix = "packages"', 's3_prefix = ""'),
        ("[dev.global.parameters]", "[default.global.parameters]"),
        ("version = 0.1", 'version = 0.1\nprod = "esclusa"'),
    ],
)
def test_what_the_commands_refuse_the_gate_tells_at_its_line(tmp_path: Path, old: str, new: str) -> None:
    """One reader: its faults are the gate's findings, in the line that was changed."""
    text = GUIDED.replace(old, new)
    (tmp_path / "samconfig.toml").write_text(text)
    document = parse(text, "samconfig.toml")
    lines = [document.line(*fault.place) for fault in samconfig.faults(document.data)]
    changed = [
        n for n, (a, b) in enumerate(zip(GUIDED.splitlines(), text.splitlines(), strict=False), 1) if a != b
    ]

    assert changed[0] in lines
    with pytest.raises(ConfigurationError, match=rf"samconfig.toml:{lines[0]}: "):
        samconfig.read_all(tmp_path)
