"""Recipes of the Makefile, and scripts of CI, that judge less, hide a failure, or install without hashes."""

import re
from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.violations import Violation

_SCRIPTS = (".ci/run",)
_LAUNCHER = "bin/pipeline"
_HIDDEN = re.compile(r"\|\|\s*(true|:|echo|exit\s+0|printf)|;\s*(true|:|exit\s+0)\s*$|\bset\s+\+e")
_IGNORING = re.compile(
    r"^\s*\.IGNORE\b|^\s*(export\s+)?(MAKEFLAGS|GNUMAKEFLAGS)\b.*(-[a-z]*[ik]|--ignore-errors|--keep-going)"
)
_DESELECTING = re.compile(
    r"\s(-k|--deselect|--ignore|--ignore-glob|--co|--collect-only|--lf|--sw|--maxfail|-p\s+no:)\b"
)
_UNLOCKED = re.compile(r"\bsync\b(?!.*--(locked|frozen))")
_UNHASHED = re.compile(r"\bpip3?\s+install\s(?!.*--require-hashes)")
_NEEDED = {
    "check": r"\bpipeline check( --base)?\s*$",
    "test": r"(\$\(PYTEST\)|-m pytest)(?!.*\s-m\s(?!\"not proof\"))",
}


def check(project: Project) -> Iterator[Violation]:
    if "Makefile" in project.files:
        yield from _makefile(project.text("Makefile").splitlines())
    if _LAUNCHER in project.files:
        yield from _launcher(project.text(_LAUNCHER).splitlines())
    makefile = project.text("Makefile") if "Makefile" in project.files else ""
    everything = [
        "test",
        *(["test-all"] if re.search(r"^test-all:[^#]*\stest\b", makefile, re.MULTILINE) else []),
    ]
    for file in _SCRIPTS:
        if file in project.files:
            yield from _script(file, project.text(file).splitlines(), everything)
    yield from _requirements(project)


def _launcher(rows: list[str]) -> Iterator[Violation]:
    """The launcher becomes the gate, so that the gate's exit status is its own, and with nothing around it."""
    for number, row in enumerate(rows, 1):
        if found := _HIDDEN.search(row):
            yield Violation(f"`{found[0].strip()}` hides a failure", _LAUNCHER, number, fact=row)
    number, last = next(((at, row) for at, row in reversed(list(enumerate(rows, 1))) if row.strip()), (1, ""))
    if not re.fullmatch(r'exec \S*/python"? -I -S (-X utf8 )?\S*/pipeline/__main__\.py"? "\$@"', last):
        yield Violation(
            "the launcher doesn't end by becoming the gate, isolated (-I) and without site (-S)",
            _LAUNCHER,
            number,
            fact="the last line",
        )


def _makefile(rows: list[str]) -> Iterator[Violation]:
    for number, row in enumerate(rows, 1):
        for what, why in _row(row):
            yield Violation(why, "Makefile", number, fact=f"{what}: {row}")
    flags = [(number, row) for number, row in enumerate(rows, 1) if row.startswith(".SHELLFLAGS")]
    number, row = flags[-1] if flags else (1, "")
    if not re.search(r"\s-[a-z]*e", row) or "pipefail" not in row:
        yield Violation(
            ".SHELLFLAGS lets a recipe go on after a failure", "Makefile", number, fact=".SHELLFLAGS"
        )
    for target, pattern in _NEEDED.items():
        yield from _target(rows, target, pattern)


def _row(row: str) -> Iterator[tuple[str, str]]:
    """What a row does wrong: in a word or two, and as a sentence."""
    if re.match(r"\t[@+]*-", row):
        yield "goes on", "a recipe goes on when its command fails"
    if found := _HIDDEN.search(row) or _IGNORING.search(row):
        yield "hides", f"`{found[0].strip()}` hides a failure"
    if "pytest" in row.lower() and (found := _DESELECTING.search(row)):
        yield "leaves out", f"{found[1]} leaves tests out"
    if re.match(r"\w+ [:?]?=.*pytest.*\stests/", row):
        yield "a part", "pytest is held to a part of the tests"
    if row.startswith("\t") or re.match(r"\w+ :?=", row):
        if re.search(r"\buv\b", row, re.IGNORECASE) and _UNLOCKED.search(row):
            yield "unlocked", "uv may install other packages than the lock's"
        if _UNHASHED.search(row):
            yield "unhashed", "pip installs without hashes"


def _target(rows: list[str], target: str, pattern: str) -> Iterator[Violation]:
    for number, row in enumerate(rows, 1):
        if re.match(rf"{target}:", row):
            recipe = []
            for following in rows[number:]:
                if not following.startswith("\t"):
                    break
                recipe.append(following)
            if not any(re.search(pattern, one) for one in recipe):
                yield Violation(
                    f"`make {target}` doesn't run all that it should",
                    "Makefile",
                    number,
                    fact=f"make {target} runs less",
                )
            return
    yield Violation(f"there is no `make {target}`", "Makefile", 1, fact=f"no make {target}")


def _script(file: str, rows: list[str], everything: list[str]) -> Iterator[Violation]:
    """`everything` are the targets that run all tests."""
    for number, row in enumerate(rows, 1):
        if found := _HIDDEN.search(row):
            yield Violation(f"`{found[0].strip()}` hides a failure", file, number, fact=row)
    if not any(re.match(r"\s*set\s+-[a-z]*e", row) for row in rows):
        yield Violation("the script goes on after a failure: set -e", file, 1, fact="set -e")
    if not any(re.search(rf"\bmake\b.*\s({'|'.join(everything)})\s*$", row) for row in rows):
        yield Violation("the script doesn't run `make test`", file, len(rows) or 1, fact="make test")


def _requirements(project: Project) -> Iterator[Violation]:
    for file in project.files:
        if not re.fullmatch(r"bin/[\w-]+\.txt", file):
            continue
        start, whole = 0, ""
        for number, row in enumerate(project.text(file).splitlines(), 1):
            start = start if whole else number
            whole += re.sub(r"(^|\s)#.*", "", row)
            if whole.endswith("\\"):
                whole = f"{whole[:-1]} "
                continue
            if whole.strip() and not whole.startswith("-") and "--hash=sha256:" not in whole:
                yield Violation(f"{whole.split()[0]} has no hash", file, start, fact=whole.split()[0])
            whole = ""
