"""The list of what the laptop's GitHub leaves out is shown whole."""

import tomllib

from pipeline.base.run import CHECKOUT


def test_the_document_shows_every_limit() -> None:
    """docs/sandbox.md has a row for each, and none for anything else."""
    listed = tomllib.loads((CHECKOUT / "sandbox" / "limits.toml").read_text(encoding="utf-8"))["github"]
    document = (CHECKOUT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    section = document.partition("### What is not as on GitHub\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and "| what |" not in line]

    assert rows
    assert [f"| {one['what']} | {one['github']} | {one['here']} |" for one in listed] == rows
