"""`pipeline rules`: the rules of the gate, as a list and as the page docs/rules.md."""

import argparse
import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.base.text import visible
from pipeline.gate import lock
from pipeline.gate.engines.programs import CHECKOUT
from pipeline.gate.fixtures import MARK
from pipeline.gate.rules import FRAMEWORKS, Rule, load
from pipeline.source.project import Project

_MOST = 24  # lines of an example
_LANGUAGES = {"yml": "yaml", "yaml": "yaml", "toml": "toml", "py": "python", "json": "json"}
_HEAD = """\
# The rules of the gate

<!-- Written by `make docs` from policies/. Change a rule in its folder, then run that. -->

Each rule is a folder in [`policies/`](../policies): what it says of itself, its check, and what it refuses and
accepts as examples. [CONTRIBUTING.md](../CONTRIBUTING.md) tells how to add a rule and how to waive a finding.
Beside these rules run cfn-lint, checkov, zizmor, actionlint, gitleaks, ruff and mypy with their own.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="write the page of all rules into this file"
    )
    parser.add_argument(
        "--lock", type=Path, metavar="FILE", help="write the digests of the gate's code into this file"
    )


def main(args: argparse.Namespace) -> int:
    """List the rules, or write their page."""
    rules = load(CHECKOUT / "policies")
    if args.write is None and args.lock is None:
        for rule in rules:
            print(f"{rule.severity:<9} {rule.group + '/' + rule.id:<40} {rule.title}")
        return 0
    if args.write is not None:
        _write(args.write, "--write", page(rules))
    if args.lock is not None:
        _write(args.lock, "--lock", lock.render(lock.digests(Project.load(CHECKOUT).files)))
    return 0


def _write(path: Path, option: str, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{path} can't be written: {error.strerror}.", f"Give {option} a file in a folder that exists."
        ) from error


def page(rules: Sequence[Rule]) -> str:
    """The page: a table of all rules, then each with its meaning, reason, remedy, examples and controls."""
    return "\n".join([_HEAD, *_table(rules), *(line for rule in rules for line in _section(rule))])


def _table(rules: Sequence[Rule]) -> Iterator[str]:
    for group, members in groupby(rules, key=lambda rule: rule.group):
        yield f"## {group}\n"
        yield "| rule | severity | meaning |"
        yield "|---|---|---|"
        for rule in members:
            yield f"| [`{rule.id}`](#{rule.id}) | {rule.severity} | {_paragraph(rule.title)} |"
        yield ""


def _section(rule: Rule) -> Iterator[str]:
    yield f"### {rule.id}\n"
    yield f"**{_paragraph(rule.title)}.** Severity: {rule.severity}.\n"
    yield f"*Why:* {_paragraph(rule.rationale)}\n"
    yield f"*Fix:* {_paragraph(rule.remediation)}\n"
    before, after = _examples(rule)
    yield from (
        "<details><summary>Before and after</summary>\n",
        f"Fails: {before[0]}",
        *before[1:],
        "",
        f"Passes: {after[0]}",
        *after[1:],
        "\n</details>\n",
    )
    yield f"*Controls:* {_controls(rule.controls)}\n"


def _paragraph(text: str) -> str:
    """A text of a rule on one line, with nothing in it that would end a cell or become HTML."""
    return re.sub(r"([<>|*\\])", r"\\\1", " ".join(text.split()))


def _controls(controls: Sequence[str]) -> str:
    names = []
    for key in FRAMEWORKS:
        numbers = [one.partition(" ")[2] for one in controls if one.partition(" ")[0] == key]
        if numbers:
            names.append(f"{FRAMEWORKS[key]}: {', '.join(numbers)}")
    return "; ".join(names)


def _examples(rule: Rule) -> tuple[list[str], list[str]]:
    """The first marked place among the bad examples, and its counterpart in the good one."""
    for bad in rule.fixtures("bad"):
        for file in _files(bad):
            lines = _lines(file)
            mark = next((n for n, line in enumerate(lines) if MARK.search(line.encode())), None)
            if mark is not None:
                return _block(rule, bad, file, _window(lines, mark)), _counterpart(
                    rule, bad, file, lines, mark
                )
    blocks = []
    for kind in ("bad", "good"):
        fixture = next(rule.fixtures(kind))
        file = _files(fixture)[0]
        blocks.append(_block(rule, fixture, file, _window(_lines(file), 0)))
    return blocks[0], blocks[1]


def _counterpart(rule: Rule, bad: Path, file: Path, lines: list[str], mark: int) -> list[str]:
    good = next(rule.fixtures("good"))
    same = good / file.relative_to(bad) if bad.is_dir() else good
    other = same if same.is_file() else _files(good)[0]
    theirs = _lines(other)
    blocks = difflib.SequenceMatcher(None, lines, theirs, autojunk=False).get_matching_blocks()
    # The line that stands after as many lines as the mark does after the last thing that both share.
    start = max((b.b + b.size + mark - b.a - b.size for b in blocks if b.a + b.size <= mark), default=0)
    return _block(rule, good, other, _window(theirs, min(start, len(theirs) - 1)))


def _files(path: Path) -> list[Path]:
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def _lines(file: Path) -> list[str]:
    return visible(file.read_text(encoding="utf-8")).splitlines()


def _window(lines: list[str], middle: int) -> list[str]:
    """The lines around one of them, as many as an example has; all, where that is enough."""
    start = max(0, min(middle - _MOST // 2, len(lines) - _MOST))
    shown = lines[start : start + _MOST]
    return ["…"] * (start > 0) + shown + ["…"] * (start + _MOST < len(lines))


def _block(rule: Rule, fixture: Path, file: Path, lines: list[str]) -> list[str]:
    name = file.relative_to(fixture).as_posix() if fixture.is_dir() else rule.surface
    text = [re.sub(r"\s*(#|//|<!--)\s*fault\b.*", r"  \1 fails", line) for line in lines]
    # An example's made-up key would make the page a place where the gate finds a key.
    text = [re.sub(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b", r"\1…", line) for line in text]
    fence = "````" if any("```" in line for line in text) else "```"
    return [f"`{name}`", f"{fence}{_LANGUAGES.get(file.suffix[1:], '')}", *text, fence]
