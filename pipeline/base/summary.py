"""What a step tells the run it belongs to: outputs and the step summary. Outside of a run, nothing."""

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.base import markdown
from pipeline.base.text import shown, unfiltered, visible


def output(values: Mapping[str, str]) -> None:
    """Set the step's outputs.

    Each value stands between delimiters that can't be guessed, so that a value with line ends can't set another
    output (GitHub, "Workflow commands", multiline strings).
    """
    path = os.environ.get("GITHUB_OUTPUT")
    if not path:
        return
    with Path(path).open("a", encoding="utf-8") as out:
        for name, value in values.items():
            mark = f"end-{secrets.token_hex(16)}"
            out.write(f"{name}<<{mark}\n{value}\n{mark}\n")


def add(markdown: str) -> None:
    """Append to the step summary. One that can't be written stops nothing: what it says was said elsewhere."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as out:
            out.write(markdown.rstrip("\n") + "\n\n")
    except OSError as error:
        warning("No step summary", f"{path}: {error.strerror}")


def warning(title: str, text: str) -> None:
    """Tell of something that doesn't stop the run: as an annotation in a workflow, else on the terminal.

    What AWS or GitHub answered can't become a workflow command, nor write over the terminal.
    """
    if "GITHUB_ACTIONS" in os.environ:
        said = command("warning", visible(text), title=visible(title))
        print(said, file=unfiltered(sys.stderr))  # a runner reads both; stdout may be JSON
    else:
        print(shown(f"warning: {title}: {text}"), file=sys.stderr)


def command(name: str, text: str, **properties: str) -> str:
    """A line that a runner takes as a command: no text ends it, or sets a property of it.

    Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
    """
    given = ",".join(
        f"{key}={_data(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties.items()
    )
    return f"::{name} {given}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of texts: they show as they are, and can't end the cell, the row or the table."""
    return markdown.table(head, [[markdown.escape(cell) for cell in row] for row in rows])
