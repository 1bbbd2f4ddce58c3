"""Rules that are gone, less severe than the register says, without fixtures, or blind to their own."""

import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from pipeline.gate import fixtures, register
from pipeline.gate.rules import Rule, load
from pipeline.source.project import Project
from pipeline.source.violations import Violation

_FOLDER = re.compile(r"policies/([^/]+)/([^/]+)/(rule\.toml|rule\.py|good[^/]*|bad[^/]*)(/.*)?")
_TESTS = ("tests/policies/test_rules.py", "tests/policies/test_seeds.py")


def check(project: Project) -> Iterator[Violation]:
    parts = _parts(project)
    if not parts:
        return
    promised = register.read(project.text(register.FILE))
    yield from _missing(project, parts, promised)
    for name, kinds in parts.items():
        where = kinds.get("rule.toml", next(iter(kinds.values())))
        if name not in promised:
            yield Violation(
                f"{name} is not in {register.FILE}: run `make docs`", where, 1, fact=f"{name} is not listed"
            )
        for kind in ("rule.py", "good", "bad"):
            if kind not in kinds:
                yield Violation(
                    f"{name} has no {kind.replace('.py', '')}", where, 1, fact=f"{name} has no {kind}"
                )
    for file in _TESTS:
        if file not in project.files:
            yield Violation(f"{file} is gone: nothing tries the rules", register.FILE, 1, fact=file)
    for name, file in _blind(project.root):
        yield Violation(f"{name} finds nothing in its own bad example", file, 1, fact=f"{name} is blind")


def _parts(project: Project) -> dict[str, dict[str, str]]:
    """By rule: which of rule.toml, rule.py, good and bad its folder holds, with a file of each."""
    parts: dict[str, dict[str, str]] = {}
    for file in project.files:
        if found := _FOLDER.fullmatch(file):
            kind = re.sub(r"^(good|bad).*", r"\1", found[3])
            parts.setdefault(found[2], {})[kind] = file
    return parts


def _missing(
    project: Project, parts: dict[str, dict[str, str]], promised: dict[str, tuple[str, int]]
) -> Iterator[Violation]:
    for name, (severity, line) in promised.items():
        file = parts.get(name, {}).get("rule.toml")
        if file is None:
            yield Violation(f"the rule {name} is gone", register.FILE, line, fact=f"{name} is gone")
        elif (now := _severity(project, file)) != severity:
            number = _line(project, file, "severity")
            yield Violation(
                f"{name} is {now}, and {register.FILE} promises {severity}",
                file,
                number,
                fact=f"severity {now}",
            )


def _severity(project: Project, file: str) -> str:
    try:
        return str(tomllib.loads(project.text(file)).get("severity"))
    except tomllib.TOMLDecodeError:
        return "unreadable"


def _line(project: Project, file: str, key: str) -> int:
    rows = enumerate(project.text(file).splitlines(), 1)
    return next((number for number, row in rows if row.startswith(key)), 1)


@lru_cache(4)
def _blind(root: Path) -> tuple[tuple[str, str], ...]:
    """The rules of a checkout that give nothing for one of their bad fixtures, with their check's file."""
    if not (root / "policies" / "controls.toml").is_file():
        return ()
    return tuple(
        (rule.id, (rule.folder / "rule.py").relative_to(root).as_posix())
        for rule in load(root / "policies")
        if rule.id != "rules_kept" and not _sees(rule)
    )


def _sees(rule: Rule) -> bool:
    return all(any(True for _ in rule.check(fixtures.project(rule, path))) for path in rule.fixtures("bad"))
