"""Annotations of a GitHub run."""

import dataclasses

from pipeline.report import annotations
from tests.pipeline.report.sample import FINDINGS, evidence


def test_each_finding_is_one_command() -> None:
    """Hostile line ends, colons and commas neither end a command, nor a property, nor begin another command."""
    report = evidence().report
    lines = annotations.render(report.findings, report.silent).splitlines()
    commands = [line.split(" ", 1)[0] for line in lines]
    properties = [line.split(" ", 1)[1].split("::", 1)[0] for line in lines]
    keys = [[pair.split("=", 1)[0] for pair in one.split(",")] for one in properties]

    assert ["::error", "::error", "::error", "::warning", "::notice"] == commands
    assert [["title"], *[["file", "line", "title"]] * 4] == keys
    assert lines[0].startswith(
        "::error title=No verdict%3A zizmor::zizmor ended with status 3: out of memory%0AFix:"
    )


def test_raw_text_is_escaped_too() -> None:
    """The escaping doesn't lean on anybody having cleaned the text before."""
    finding = dataclasses.replace(FINDINGS[0], file="a,b:c\n::d", message="100%\r\n::stop-commands::x")
    rendered = annotations.render([finding])

    assert 1 == rendered.count("\n")
    assert "file=a%2Cb%3Ac%0A%3A%3Ad," in rendered
    assert "::100%25%0D%0A::stop-commands::x%0AFact: TOKEN%0AFix:" in rendered


def test_no_more_than_github_shows() -> None:
    """Ten of a kind are written, the worst first, so that GitHub drops none at will."""
    low = [dataclasses.replace(FINDINGS[-1], line=line) for line in range(1, 30)]
    high = [dataclasses.replace(FINDINGS[0], line=line) for line in range(1, 30)]
    lines = annotations.render([*high, *low]).splitlines()

    assert 10 == sum(line.startswith("::error") for line in lines)
    assert 10 == sum(line.startswith("::notice") for line in lines)
