"""The usual hygiene, by pre-commit's own hooks: syntax of data files, ends of lines, keys, marks. Python is ruff's."""

import re
from collections.abc import Callable, Iterator

from pipeline.gate.engines.base import Context, Engine, EngineError
from pipeline.gate.engines.programs import call
from pipeline.gate.findings import Finding

_MOST_BYTES = 1_000_000
_MARK = re.compile(rb"^(<{7} |={7}\r?$|>{7} )", re.MULTILINE)  # pre-commit's hook asks git, which isn't here
_KEPT_AS_MADE = ("uv.lock",)  # written by a tool, and not ours to format

# Each hook: the program, which files it sees, and what it says about them. The fixers
# among them change the scratch copy, and fail when they do.
_HOOKS: tuple[tuple[str, tuple[str, ...], Callable[[str], bool], str], ...] = (
    (
        "check-yaml",
        ("--unsafe", "--allow-multiple-documents"),
        lambda f: f.endswith((".yml", ".yaml")),
        "is not valid YAML",
    ),
    ("check-toml", (), lambda f: f.endswith(".toml"), "is not valid TOML"),
    ("check-json", (), lambda f: f.endswith(".json"), "is not valid JSON"),
    ("detect-private-key", (), lambda f: True, "holds a private key"),
    ("end-of-file-fixer", (), lambda f: True, "doesn't end with one line break"),
    (
        "trailing-whitespace-fixer",
        ("--markdown-linebreak-ext=md",),
        lambda f: True,
        "has blanks at the end of a line",
    ),
    ("mixed-line-ending", ("--fix=no",), lambda f: True, "mixes line endings"),
)


def run(context: Context) -> Iterator[Finding]:
    texts = sorted(
        file
        for file, content in context.project.files.items()
        if b"\0" not in content and (context.tree / file).is_file() and file not in _KEPT_AS_MADE
    )
    for program, options, wanted, message in _HOOKS:
        files = [file for file in texts if wanted(file) and not _deliberate(file)]
        if not files:
            continue
        done = call(program, [*options, *files], context, folder=context.tree)
        if done.status not in (0, 1):
            raise EngineError(f"{program} ended with status {done.status}: {done.stderr[-2000:]}")
        if done.status == 1:
            yield from _findings(program, done.stdout + "\n" + done.stderr[-2000:], files, message)
    for file, content in context.project.files.items():
        if len(content) > _MOST_BYTES:
            yield _finding(
                "large-file", file, 1, "is large", f"has {len(content)} bytes, more than {_MOST_BYTES}"
            )
        if (mark := _MARK.search(content)) and not file.endswith(".md"):
            line = content.count(b"\n", 0, mark.start()) + 1
            message = "holds a mark of a merge conflict"
            yield _finding("merge-conflict", file, line, message, message)


def _findings(program: str, output: str, files: list[str], message: str) -> Iterator[Finding]:
    named = [file for file in files if re.search(rf"(?<![\w/.-]){re.escape(file)}(?![\w/-])", output)]
    if not named:
        raise EngineError(f"{program} failed without naming a file: {output.strip()[-300:]}")
    for file in named:
        line = re.search(rf'{re.escape(file)}"?(?::|, line )(\d+)', output)
        yield _finding(program, file, int(line[1]) if line else 1, message, message)


def _finding(program: str, file: str, line: int, fact: str, message: str) -> Finding:
    return Finding(
        rule=f"hygiene/{program}",
        title="Hygiene of files",
        severity="high" if program == "detect-private-key" else "low",
        tool="pre-commit-hooks",
        file=file,
        line=line,
        fact=fact,
        message=f"{file} {message}",
        remediation="Run `pre-commit run --all-files`, which mends what can be mended.",
    )


def _deliberate(file: str) -> bool:
    """Fixtures of rules and seeds are faulty on purpose."""
    return bool(re.match(r"policies/[^/]+/[^/]+/(good|bad)|tests/policies/seeds/", file))


ENGINE = Engine(name="hygiene", packages=("pre_commit_hooks",), reads=lambda file: True, run=run)
