"""Characters that show nothing, or turn around what is shown: a reviewer reads other text than a program."""

import re
import unicodedata
from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.violations import Violation

_HIDDEN = re.compile(
    "[\u202a-\u202e\u2066-\u2069]"  # turn text around: Trojan Source, CVE-2021-42574
    "|[\u061c\u200e\u200f\u206a-\u206f]"  # marks that do so next to them
    "|[\u00ad\u034f\u180e\u200b\u2060-\u2064\ufeff\ufff9-\ufffb]"  # show nothing
    "|[\u115f\u1160\u3164\uffa0]"  # show nothing, and are letters to a compiler
    "|[\U000e0000-\U000e007f]"  # a hidden copy of ASCII
    "|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}"  # one chooses a letter's form, many carry data
    "|(?:(?<=[\x00-\x7f])|^)[\u200c\u200d]|[\u200c\u200d](?=[\x00-\x7f]|$)"  # join letters, of ASCII none
    "|\r(?!\n)|[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u2028\u2029]"  # controls, ends of lines that don't show
)
_ODD = re.compile("[^\n\t\x0c\x20-\x7e]")
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e007a]{1,6}\U000e007f")  # of England, Scotland, Wales
_FIXTURES = re.compile(r"policies/bypass/hidden_text/(good|bad)/")


def check(project: Project) -> Iterator[Violation]:
    for file, content in project.files.items():
        text = None if _FIXTURES.match(file) else _text(content)
        if text is None or not _ODD.search(text):
            continue
        for number, row in enumerate(text.split("\n"), 1):
            if hidden := _HIDDEN.search(_FLAG.sub("", f"{row}\n")):
                yield Violation(
                    f"{_name(hidden[0][0])} can't be seen, or turns text around", file, number, fact=row
                )


def _text(content: bytes) -> str | None:
    """A file's text without a mark at its start; None of one that is no text."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None if b"\0" in content else content.decode("utf-8", errors="replace")


def _name(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X} {name}".rstrip()
