"""What the documents have in fences: commands, what they print, and what to write into which file."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.run import CHECKOUT
from pipeline.source import adoption, application

_FENCED = re.compile(
    r"^#+ (?P<heading>[^\n]+)$|^(?P<indent> *)```(?P<language>[a-z]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
SHELL = ("sh", "console")
"""Languages of fences that a person types."""

ENGINES_OWN = application.read(CHECKOUT).repository == adoption.example().repository
"""Whether this repository is the engine's. A team that wrote its own names may rewrite or delete the pages: what holds
them, `tests/pages`, collects nothing then."""


@dataclass(frozen=True)
class Block:
    """A fenced block: the heading that it stands below, its language, its text without the page's indent."""

    heading: str
    language: str
    text: str


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in its order. A line of a block is no heading."""
    heading, place = "", 0
    while found := _FENCED.search(page, place):
        place = found.end()
        if found["heading"]:
            heading = found["heading"]
        else:
            yield Block(heading, found["language"], textwrap.dedent(found["text"]))


def printed(block: str, output: str) -> bool:
    """Whether `output` is what a block shows: `...` in a line stands for any text, alone in one for any lines."""
    lines = [
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", ".*?") + " *\n"
        for line in block.splitlines()
    ]
    return re.fullmatch("".join(lines), output if output.endswith("\n") else f"{output}\n") is not None


def write(block: str, folder: Path) -> None:
    """Make the changes that a block in the language `diff` tells.

    `--- FILE` begins a file, `@@` stands between two pieces of it; what a piece keeps and takes out must be in the
    file once. Raises AssertionError where it isn't.
    """
    for file, changes in re.findall(r"^--- (\S+)\n((?:(?!--- ).*\n?)*)", block, re.MULTILINE):
        path = folder / file
        text = path.read_text(encoding="utf-8")
        for piece in re.split(r"^@@\n", changes, flags=re.MULTILINE):
            rows = piece.splitlines()
            old, new = ("".join(f"{row[1:]}\n" for row in rows if row[:1] != sign) for sign in "+-")
            assert text.count(old) == 1, f"{file} has it {text.count(old)} times:\n{old}"
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
