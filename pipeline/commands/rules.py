"""`pipeline rules`: the rules of the gate as a list, one of them explained, and what is made from them."""

import argparse
import difflib
import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.base.text import visible
from pipeline.gate import register
from pipeline.gate.engines.programs import CHECKOUT
from pipeline.gate.fixtures import MARK
from pipeline.gate.rules import FRAMEWORKS, Rule, load

_MOST = 24  # lines of an example
_WIDTH = 100  # of a paragraph in a terminal
_HEAD = """\
# The rules of the gate

<!-- Written by `make docs` from policies/. Change a rule in its folder, then run that. -->

Each rule is a folder in [`policies/`](../policies): what it says of itself, its check, and what it refuses and
accepts as examples. `bin/pipeline rules ID` explains one: why it is there, how to mend what breaks it, and an
example that fails and one that passes. [CONTRIBUTING.md](../CONTRIBUTING.md) tells how to add a rule and how to
waive a finding. Beside these rules run cfn-lint, checkov, zizmor, actionlint, gitleaks, ruff and mypy with their own.
"""
# By option: what it writes, and where `make docs` has it.
_WRITTEN = {
    "write": "the page of all rules (docs/rules.md)",
    "register": f"the register of promised rules ({register.FILE})",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("rule", nargs="?", help="explain this rule")
    for option, what in _WRITTEN.items():
        parser.add_argument(f"--{option}", type=Path, metavar="FILE", help=f"write {what} into this file")


def main(args: argparse.Namespace) -> int:
    """List the rules, explain one, or write what is made from them."""
    rules = load(CHECKOUT / "policies")
    asked = {option: getattr(args, option) for option in _WRITTEN if getattr(args, option) is not None}
    for option, path in asked.items():
        _write(path, f"--{option}", _content(option, rules))
    if args.rule is not None:
        print(explanation(_rule(args.rule, rules)), end="")
    elif not asked:
        for rule in rules:
            print(f"{rule.severity:<9} {rule.group + '/' + rule.id:<40} {rule.title}")
    return 0


def _rule(name: str, rules: Sequence[Rule]) -> Rule:
    """The rule of this id, also with its group in front."""
    known = {key: rule for rule in rules for key in (rule.id, f"{rule.group}/{rule.id}")}
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, sorted({rule.id for rule in rules}), 1)
    meant = f"Did you mean {close[0]}? " if close else ""
    raise ConfigurationError(
        f"No rule is called {name!r}.",
        f"{meant}`pipeline rules` lists them; what another tool found is explained by that tool.",
    )


def _content(option: str, rules: Sequence[Rule]) -> str:
    return page(rules) if option == "write" else register.render(rules)


def _write(path: Path, option: str, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{path} can't be written: {error.strerror}.", f"Give {option} a file in a folder that exists."
        ) from error


def page(rules: Sequence[Rule]) -> str:
    """The page: of each group a table of its rules, each with its folder, severity and meaning."""
    return "\n".join([_HEAD, *_tables(rules)])


def _tables(rules: Sequence[Rule]) -> Iterator[str]:
    for group, members in groupby(rules, key=lambda rule: rule.group):
        yield f"## {group}\n"
        yield "| rule | severity | meaning |"
        yield "|---|---|---|"
        for rule in members:
            link = f"[`{rule.id}`](../policies/{group}/{rule.id})"
            yield f"| {link} | {rule.severity} | {_cell(rule.title)} |"
        yield ""


def _cell(text: str) -> str:
    """A text on one line, with nothing in it that would end a cell or become HTML."""
    return re.sub(r"([<>|*\\])", r"\\\1", " ".join(text.split()))


def explanation(rule: Rule) -> str:
    """A rule in full: its meaning, reason and remedy, an example that fails and one that passes, its controls."""
    fails, passes = _examples(rule)
    parts = [
        f"{rule.group}/{rule.id}, {rule.severity}",
        _paragraph(f"{rule.title}."),
        _paragraph(f"Why: {rule.rationale}"),
        _paragraph(f"Fix: {rule.remediation}"),
        _shown("Fails", *fails),
        _shown("Passes", *passes),
        _paragraph(f"Controls: {_controls(rule.controls)}"),
    ]
    return "\n\n".join(parts) + "\n"


def _paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)


def _shown(title: str, name: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{title} ({name}):", *(f"    {line}".rstrip() for line in lines)])


def _controls(controls: Sequence[str]) -> str:
    names = []
    for key in FRAMEWORKS:
        numbers = [one.partition(" ")[2] for one in controls if one.partition(" ")[0] == key]
        if numbers:
            names.append(f"{FRAMEWORKS[key]}: {', '.join(numbers)}")
    return "; ".join(names)


type Example = tuple[str, list[str]]  # a file's name, and lines of it


def _examples(rule: Rule) -> tuple[Example, Example]:
    """The first marked place among the bad examples, and its counterpart in the good one."""
    for bad in rule.fixtures("bad"):
        for file in _files(bad):
            lines = _lines(file)
            mark = next((n for n, line in enumerate(lines) if MARK.search(line.encode())), None)
            if mark is not None:
                shown = _example(rule, bad, file, _window(lines, mark))
                return shown, _counterpart(rule, bad, file, lines, mark)
    return _beginning(rule, "bad"), _beginning(rule, "good")


def _beginning(rule: Rule, kind: str) -> Example:
    fixture = next(rule.fixtures(kind))
    file = _files(fixture)[0]
    return _example(rule, fixture, file, _window(_lines(file), 0))


def _counterpart(rule: Rule, bad: Path, file: Path, lines: list[str], mark: int) -> Example:
    good = next(rule.fixtures("good"))
    same = good / file.relative_to(bad) if bad.is_dir() else good
    other = same if same.is_file() else _files(good)[0]
    theirs = _lines(other)
    blocks = difflib.SequenceMatcher(None, lines, theirs, autojunk=False).get_matching_blocks()
    # The line that stands after as many lines as the mark does after the last thing that both share.
    start = max((b.b + b.size + mark - b.a - b.size for b in blocks if b.a + b.size <= mark), default=0)
    return _example(rule, good, other, _window(theirs, min(start, len(theirs) - 1)))


def _files(path: Path) -> list[Path]:
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def _lines(file: Path) -> list[str]:
    return visible(file.read_text(encoding="utf-8")).splitlines()


def _window(lines: list[str], middle: int) -> list[str]:
    """The lines around one of them, as many as an example has; all, where that is enough."""
    start = max(0, min(middle - _MOST // 2, len(lines) - _MOST))
    shown = lines[start : start + _MOST]
    return ["…"] * (start > 0) + shown + ["…"] * (start + _MOST < len(lines))


def _example(rule: Rule, fixture: Path, file: Path, lines: list[str]) -> Example:
    name = file.relative_to(fixture).as_posix() if fixture.is_dir() else rule.surface
    return name, [re.sub(r"\s*(#|//|<!--)\s*fault\b.*", r"  \1 fails", line) for line in lines]
