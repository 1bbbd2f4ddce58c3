"""Hooks of .pre-commit-config.yaml that are gone, call nothing, or leave own files out."""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.source.duties import mapping
from pipeline.source.located import Place
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at_document

_FILE = ".pre-commit-config.yaml"
_NEEDED = (
    *("trailing-whitespace-fixer", "end-of-file-fixer", "mixed-line-ending", "check-yaml", "check-toml"),
    *("check-added-large-files", "check-merge-conflict", "detect-private-key", "ruff check", "ruff format"),
    "pipeline policy",
)
_WORKFLOW = ".github/workflows/deploy.yml"
# Files that every hook may see, and those that make `pipeline policy` run; the application's code in both.
_OWN = ("pipeline/cli.py", "sandbox/story/__init__.py", _WORKFLOW)
_JUDGED = ("template.yaml", "samconfig.toml", "bootstrap/template.yaml", "policies/waivers.toml", _WORKFLOW)
_HIDING = re.compile(r"\|\||;|\bbash -c|\bsh -c|--exit-zero|--no-error")
_BIGGEST = 5000  # kilobytes


def check(project: Project) -> Iterator[Violation]:
    document = project.document(_FILE)
    if document is None:
        return
    data = mapping(document.data)
    for name in ("exclude", "files", "default_stages"):
        if name in data and not (name == "default_stages" and "pre-commit" in data[name]):
            yield at_document(
                document,
                f"{name} leaves files or commits out of every hook",
                name,
                fact=f"{name} {data[name]}",
            )
    hooks = list(_hooks(data))
    for program in _NEEDED:
        if not any(_calls(hook, program) for _, hook in hooks):
            yield at_document(document, f"no hook calls {program}", "repos", fact=f"no {program}")
    code = tuple(f"{folder}/module.py" for folder in project.described.folders)
    for place, hook in hooks:
        for key, what, why in _faults(hook, code):
            yield at_document(
                document, f"hook {hook.get('id')} {why}", *place, key, fact=f"{hook.get('id')} {what}"
            )


def _hooks(data: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    for index, repository in enumerate(data.get("repos") or []):
        for number, hook in enumerate(mapping(repository).get("hooks") or []):
            yield ("repos", index, "hooks", number), mapping(hook)


def _calls(hook: dict[str, Any], program: str) -> bool:
    return re.match(rf"(\.venv/bin|bin)/{re.escape(program)}\b", str(hook.get("entry", ""))) is not None


def _faults(hook: dict[str, Any], code: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """What a hook does wrong: the key that says it, the fact, and the rest of the sentence."""
    entry = str(hook.get("entry", ""))
    if _HIDING.search(entry):
        yield "entry", f"entry {entry}", "hides how its tool ended"
    if (size := re.search(r"--maxkb=(\d+)", entry)) and int(size[1]) > _BIGGEST:
        yield "entry", f"--maxkb={size[1]}", f"lets files of {size[1]} kB in"
    stages = hook.get("stages")
    if stages is not None and not {"pre-commit", "commit"} & set(map(str, stages)):
        yield "stages", "stages", "doesn't run before a commit"
    hidden = [file for file in (*code, *_OWN, *_JUDGED) if _matches(hook.get("exclude"), file)]
    if hidden:
        yield "exclude", f"exclude {hook['exclude']}", f"leaves {hidden[0]} out"
    if "files" in hook:
        missed = [
            file
            for file in (*code, *(_JUDGED if "pipeline policy" in entry else _OWN))
            if not _matches(hook["files"], file)
        ]
        if missed:
            yield "files", f"files {hook['files']}", f"leaves {missed[0]} out"


def _matches(pattern: Any, file: str) -> bool:
    try:
        return pattern is not None and re.search(str(pattern), file) is not None
    except re.error:
        return True
