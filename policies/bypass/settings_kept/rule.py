"""What pyproject.toml and uv.lock take away from ruff, mypy, pytest, coverage and uv."""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.source.duties import mapping
from pipeline.source.located import Place
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at_document

_FILE = "pyproject.toml"
_SELECTED = {"B", "C90", "E", "F", "I", "N", "PT", "PTH", "RUF", "S", "SIM", "TRY", "UP", "W"}
_GUARDED = re.compile(r"ALL|(S|F|B|E9)\d*|[A-Z]+")  # security, real mistakes, or a whole family
_COMPLEX = 15  # branches of a function
_REASONED = {"S603"}  # every program is run through pipeline.run
_FIXTURES = re.compile(r"policies/(\*+/)+(good|bad)\*?")
_UNTYPED = re.compile(
    r"ignore_errors|exclude|disable_error_code|follow_imports|(allow|disallow|warn|check|no|strict)_\w+"
)
_DESELECTING = re.compile(
    r"-[kmxW].*|--(deselect|ignore|ignore-glob|co|collect-only|lf|last-failed|sw|stepwise|maxfail|exitfirst|no-cov"
    r"|disable-warnings|continue-on-collection-errors|noconftest)(=.*)?|no:.*"
)
_COLLECTING = (
    "norecursedirs",
    "python_files",
    "python_functions",
    "python_classes",
    "collect_imported_tests",
)
_SOURCES = {"pipeline", "policies"}  # and the application's code
_INDEXES = (
    "index",
    "index-url",
    "extra-index-url",
    "find-links",
    "index-strategy",
    "allow-insecure-host",
    "sources",
)
_HIDING = re.compile(
    r"collect_ignore|pytest_ignore_collect|pytest_deselected|\bitems(\[[^\]]*\])?\s*[-+]?=(?!=)|\bdel\s+items\b"
    r"|\bitems\.(clear|remove|pop)\b|add_marker\(\s*pytest\.mark\.skip"
    r"|pytestmark.*\b(skip|xfail)\b|@pytest\.mark\.(skip\b|xfail)|\bpytest\.skip\("
)

# Where it stands below the tool's table, what there is wrong where the place alone doesn't say it, and a sentence.
type _Fault = tuple[Place, str, str]


def check(project: Project) -> Iterator[Violation]:
    document = project.document(_FILE)
    if document is not None:
        tools = mapping(mapping(document.data).get("tool"))
        for name, judge in (
            ("ruff", _ruff),
            ("mypy", lambda tool: _mypy(tool, project.roots)),
            ("pytest", _pytest),
            ("coverage", lambda tool: _coverage(tool, project)),
            ("uv", _uv),
        ):
            for place, what, why in judge(mapping(tools.get(name))) if name in tools else ():
                fact = " ".join(filter(None, (document.path(name, *place), what)))
                yield at_document(document, f"{name}: {why}", "tool", name, *place, fact=fact)
    yield from _lock(project)
    yield from _conftests(project)


def _ruff(tool: dict[str, Any]) -> Iterator[_Fault]:
    lint = mapping(tool.get("lint"))
    if "extend" in tool:
        yield (
            ("extend",),
            str(tool["extend"]),
            f"it takes settings from {tool['extend']}, which nobody judges",
        )
    if int(mapping(lint.get("mccabe")).get("max-complexity", 10)) > _COMPLEX:
        yield ("lint", "mccabe", "max-complexity"), "", "a function may be as tangled as it likes"
    selected = set(map(str, lint.get("select", [])))
    if missing := sorted(_SELECTED - selected) if "ALL" not in selected else []:
        yield ("lint", "select"), " ".join(missing), f"{', '.join(missing)} not selected"
    for name in ("ignore", "extend-ignore"):
        for code in map(str, lint.get(name, [])):
            if _GUARDED.fullmatch(code) and code not in _REASONED:
                yield ("lint", name), code, f"{code} is ignored everywhere"
    for name in ("per-file-ignores", "extend-per-file-ignores"):
        for pattern, codes in mapping(lint.get(name)).items():
            for code in filter(lambda one: _is_wide(one, pattern), map(str, codes)):
                yield ("lint", name, pattern), code, f"{code} is ignored in {pattern}"
    yield from _left_out(tool, ())
    yield from _left_out(lint, ("lint",))


def _is_wide(code: str, pattern: str) -> bool:
    """Whether it is a whole family, or a rule on mistakes or security outside of tests."""
    outside = not pattern.startswith(("tests/", "benchmarks/"))
    return bool(re.fullmatch(r"[A-Z]+", code) or (outside and _GUARDED.fullmatch(code)))


def _left_out(holder: dict[str, Any], place: Place) -> Iterator[_Fault]:
    for name in ("exclude", "extend-exclude", "include"):
        for pattern in map(str, holder.get(name, [])):
            if not _FIXTURES.fullmatch(pattern):
                yield (*place, name), pattern, f"{name} leaves {pattern} out"


def _mypy(tool: dict[str, Any], roots: tuple[str, ...]) -> Iterator[_Fault]:
    if tool.get("strict") is not True:
        yield ("strict",), "", "strict is off"
    if "plugins" in tool:
        yield ("plugins",), str(tool["plugins"]), "a plugin may take any type for good"
    for key, value in tool.items():
        if _UNTYPED.fullmatch(key) and not (
            key.startswith(("disallow", "warn", "check", "strict", "no_")) and value is True
        ):
            yield (key,), "", f"{key} loosens it for everything"
    for index, override in enumerate(tool.get("overrides", [])):
        modules = override.get("module", [])
        names = [modules] if isinstance(modules, str) else list(map(str, modules))
        own = [name for name in names if name.partition(".")[0] in (*roots, "*")]
        for key in override:
            if key != "module" and own:
                yield ("overrides", index, key), " ".join(own), f"{key} loosens it for {', '.join(own)}"


def _pytest(tool: dict[str, Any]) -> Iterator[_Fault]:
    options = mapping(tool.get("ini_options")) or tool
    at = ("ini_options",) if "ini_options" in tool else ()
    added = options.get("addopts", [])
    for word in added.split() if isinstance(added, str) else map(str, added):
        if _DESELECTING.fullmatch(word):
            yield (*at, "addopts"), word, f"{word} leaves tests or warnings out"
    if "tests" not in options.get("testpaths", ["tests"]):
        yield (*at, "testpaths"), "", "testpaths leaves tests out"
    filters = list(map(str, options.get("filterwarnings", [])))
    if filters[:1] != ["error"]:
        yield (*at, "filterwarnings"), "", "warnings are no errors"
    for one in filters[1:]:
        if (
            re.fullmatch(r"(ignore|default|always|once|module)(:[^:]*)?(::\w*Warning)?:*", one)
            and one.count(":") < 2
        ):
            yield (*at, "filterwarnings"), one, f"{one} hides every warning"
    if options.get("xfail_strict") is not True:
        yield (*at, "xfail_strict"), "", "a test that is expected to fail, and passes, is not told"
    for name in _COLLECTING:
        if name in options:
            yield (*at, name), "", f"{name} leaves tests out"


def _coverage(tool: dict[str, Any], project: Project) -> Iterator[_Fault]:
    sources = _SOURCES | {folder.partition("/")[0] for folder in project.described.folders}
    run, report = mapping(tool.get("run")), mapping(tool.get("report"))
    if run.get("branch") is not True:
        yield ("run", "branch"), "", "branches aren't measured"
    measured = set(map(str, run.get("source", ["."])))
    if missing := [] if "." in measured else sorted(sources - measured):
        yield ("run", "source"), " ".join(missing), f"{', '.join(missing)} not measured"
    for name, part in (("run", run), ("report", report)):
        for key in ("omit", "exclude_lines", "exclude_also", "ignore_errors"):
            if key in part:
                yield (name, key), str(part[key]), f"{key} leaves code out"


def _uv(tool: dict[str, Any]) -> Iterator[_Fault]:
    for name in _INDEXES:
        if name in tool:
            yield (name,), str(tool[name]), f"{name} takes packages from elsewhere"


def _lock(project: Project) -> Iterator[Violation]:
    """Packages of uv.lock from another registry than PyPI, or without a hash."""
    package = ""
    for number, row in enumerate(project.text("uv.lock").splitlines(), 1):
        package = row if row.startswith("name = ") else package
        source = re.match(r"source = \{ (\w+) = \"([^\"]*)\"", row)
        if source and source[1] != "virtual" and source[2].rstrip("/") != "https://pypi.org/simple":
            yield Violation(
                f"a package comes from {source[2]}", "uv.lock", number, fact=f"{package} {source[2]}"
            )
        if re.search(r"\{ url = ", row) and 'hash = "sha256:' not in row:
            yield Violation("a package has no hash", "uv.lock", number, fact=f"{package} {row}")


def _conftests(project: Project) -> Iterator[Violation]:
    for file in project.files:
        own = file.startswith(("tests/policies/test_", "tests/templates/test_", "tests/application/test_"))
        if own or (file.endswith("conftest.py") and not file.startswith("policies/")):
            for number, row in enumerate(project.text(file).splitlines(), 1):
                if found := _HIDING.search(row):
                    yield Violation(f"`{found[0]}` leaves tests out", file, number, fact=row)
