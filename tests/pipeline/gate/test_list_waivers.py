"""`pipeline waivers`: what it prints, and how it ends."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.gate import waivers

pytestmark = pytest.mark.outside

type Listed = Callable[..., tuple[int, list[str]]]
TODAY = dt.datetime.now(dt.UTC).date()


def entry(days: int, **changes: str) -> str:
    """A waiver that ends in so many days, as the file has it."""
    known = {
        "rule": "CKV_AWS_18",
        "resource": "Bucket",
        "fact": "LoggingConfiguration",
        "reason": "it receives the logs of the others",
        "owner": "ana",
        "approver": "bo",
        "ticket": "OPS-1",
        **changes,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in known.items()]
    return "\n".join(["[[waiver]]", *lines, f"expires = {TODAY + dt.timedelta(days)}", ""])


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Listed:
    """Asks the command in a folder with this waivers file; gives its exit status and the lines that it printed."""

    def ask(content: str, *options: str) -> tuple[int, list[str]]:
        file = tmp_path / waivers.FILE
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        status = cli.main(["waivers", *options])
        return status, capsys.readouterr().out.splitlines()

    return ask


def test_what_ends_first_comes_first(listed: Listed) -> None:
    """Each with its reason, its owner and its approver; what ends within 30 days says in how many."""
    status, lines = listed(entry(60) + entry(12, resource="Logs", environment="prod"))

    assert 0 == status
    assert (
        f"CKV_AWS_18 on Logs in prod (LoggingConfiguration): until {TODAY + dt.timedelta(12)}, in 12 days"
        == lines[0]
    )
    assert "    it receives the logs of the others" == lines[1]
    assert "    owner ana, approved by bo, OPS-1" == lines[2]
    assert f"CKV_AWS_18 on Bucket (LoggingConfiguration): until {TODAY + dt.timedelta(60)}" == lines[3]
    assert "2 waivers, 1 ends within 30 days" == lines[-1]


@pytest.mark.parametrize(
    ("days", "line"),
    [
        ([], "0 waivers, 0 end within 30 days"),
        ([60], "1 waiver, 0 end within 30 days"),
        ([12], "1 waiver, 1 ends within 30 days"),
        ([12, 13, 60], "3 waivers, 2 end within 30 days"),
    ],
)
def test_they_are_counted(listed: Listed, days: list[int], line: str) -> None:
    """In words that fit the number."""
    _, lines = listed("".join(entry(one, resource=f"Logs{one}") for one in days))

    assert line == lines[-1]


def test_only_what_ends_soon(listed: Listed) -> None:
    """The thirtieth day is soon, the next one isn't."""
    _, lines = listed(entry(30, resource="Soon") + entry(31, resource="Later"), "--expiring")

    assert "on Soon" in lines[0]
    assert not any("Later" in line for line in lines)


def test_as_json(listed: Listed) -> None:
    """The same for machines."""
    status, lines = listed(entry(5), "--format", "json")
    found = json.loads("\n".join(lines))["waivers"]

    assert 0 == status
    assert ["CKV_AWS_18:Bucket:LoggingConfiguration", "LoggingConfiguration", 5, None] == [
        found[0][name] for name in ("id", "fact", "days", "environment")
    ]


def test_one_that_does_not_hold(listed: Listed) -> None:
    """An expired waiver isn't listed but named, with its line; the exit status is 1."""
    status, lines = listed(entry(5) + entry(-1, resource="Old"))

    assert 1 == status
    assert not any("on Old" in line for line in lines[:-1])
    assert lines[-1].startswith(f"{waivers.FILE}:10: ")
    assert "expired" in lines[-1]


def test_one_without_a_fact(listed: Listed) -> None:
    """It holds no more: the gate knows the findings, and so what to write instead."""
    status, lines = listed(entry(5).replace('fact = "LoggingConfiguration"\n', ""))

    assert 1 == status
    assert lines[-1].endswith(
        "lacks 'fact', so it covers nothing: `pipeline policy` says what to write instead"
    )


def test_a_file_that_can_not_be_read(listed: Listed) -> None:
    """Status 2, with file and line."""
    status, lines = listed("[[waiver]\n")

    assert 2 == status
    assert lines[0].startswith(f"{waivers.FILE}:1: ")


def test_hostile_text_stays_text(listed: Listed) -> None:
    """What a pull request writes into the file commands no runner and no terminal."""
    hostile = "fine\n::set-output name=a::b\x1b[31m ##[error]"
    _, lines = listed(entry(5, reason=hostile, owner="::error::x"))

    assert not [line for line in lines if line.lstrip().startswith("::")]
    assert "\x1b" not in "".join(lines)
    assert "##[" not in "".join(lines)
