"""Paths of the gate that CODEOWNERS gives to nobody in particular, and updates that dependabot doesn't make."""

import itertools
import re
from collections.abc import Iterator
from functools import cache

from pipeline.source.duties import mapping
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at_document

_OWNERS = ".github/CODEOWNERS"
_UPDATES = ".github/dependabot.yml"
# What may be there, now or after the change: each stands for all that its entry must cover.
_GUARDED = (
    *("policies/waivers.toml", ".github/workflows/deploy.yml", "bootstrap/template.yaml", "template.yaml"),
    *(
        "samconfig.toml",
        "pipeline/cli.py",
        "bin/pipeline",
        ".ci/run",
        "Makefile",
        "pyproject.toml",
        "uv.lock",
    ),
    *(".python-version", ".gitattributes", "sitecustomize.py", "any.py", "any.pth"),
    "tests/policies/test_rules.py",
)
# What of the application's code the database's administrator runs.
_ADMINISTERED = re.compile(r"(^|/)(migrate\.py|migrations/[^/]+\.sql)$")
_FOLDERS = re.compile(
    r"^((policies|\.github|bootstrap|pipeline|bin|\.ci|tests/policies|tests/templates)/|[^/]+$)"
    r"|(^|/)\.gitattributes$"
)
_ALL = ("*", "/", "**", "/**", "**/*", "/**/*", "*.*")  # entries that are meant for whatever has no other
_ECOSYSTEMS = ("github-actions", "uv")


def check(project: Project) -> Iterator[Violation]:
    if not any(file.startswith(".github/") for file in project.files):
        return
    yield from _owners(project)
    yield from _updates(project)


def _owners(project: Project) -> Iterator[Violation]:
    entries = []
    for number, row in enumerate(project.text(_OWNERS).splitlines(), 1):
        words = row.split("#", 1)[0].split()
        if words:
            entries.append((number, words[0], words[1:]))
    if not entries:
        yield Violation("nobody owns anything", _OWNERS, 1, fact="no owners")
        return
    guarded = (*_GUARDED, *_of_application(project))
    for path in guarded:
        matching = [entry for entry in entries if _covers(entry[1], path)]
        number, pattern, owners = matching[-1] if matching else (entries[-1][0], "", [])
        if not owners or pattern in _ALL:
            yield Violation(f"{path} has no owners of its own", _OWNERS, number, fact=path)
    yield from _taken(project, entries, guarded)
    yield from _foreign(project.described.repository.partition("/")[0], entries)


def _foreign(organization: str, entries: list[tuple[int, str, list[str]]]) -> Iterator[Violation]:
    """Teams of another organization than the repository's: GitHub passes them over, and nobody is asked."""
    for number, entry, owners in entries:
        for owner in owners:
            theirs, slash, _ = owner.removeprefix("@").partition("/")
            if slash and owner.startswith("@") and organization and theirs.lower() != organization.lower():
                why = f"{owner} is no team of {organization}: GitHub gives {entry} to nobody"
                yield Violation(why, _OWNERS, number, fact=f"{entry} {owner}")


def _of_application(project: Project) -> Iterator[str]:
    """Files of the application that are guarded, now or after the change."""
    yield from (f"{folder}/.gitattributes" for folder in project.described.folders)
    yield from (file for file in project.files if project.ships(file) and _ADMINISTERED.search(file))


def _taken(
    project: Project, entries: list[tuple[int, str, list[str]]], guarded: tuple[str, ...]
) -> Iterator[Violation]:
    """Entries that take a path from who owned it before: of several that match, GitHub heeds the last."""
    found = {}
    for path in (*filter(_FOLDERS.search, project.files), *guarded):
        matching = [entry for entry in entries if entry[1] not in _ALL and _covers(entry[1], path)]
        for earlier, later in itertools.pairwise(matching):
            if not set(earlier[2]) <= set(later[2]):
                why = f"{later[1]} takes {path} from {', '.join(earlier[2])}"
                found[later[0]] = " ".join((later[1], *later[2])), why
    for number, (entry, why) in sorted(found.items()):
        yield Violation(why, _OWNERS, number, fact=entry)


def _covers(pattern: str, path: str) -> bool:
    """Whether an entry of CODEOWNERS is for a path.

    Source: https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
    """
    return pattern in _ALL or _pattern(pattern).match(path) is not None


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    anchored = "/" in pattern.rstrip("/")
    text = re.escape(pattern.strip("/")).replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    # A folder's entry, and a name without a wildcard at its end, are for all below: `docs/*` is not.
    end = "/" if pattern.endswith("/") else "$" if pattern.endswith("/*") else "(/|$)"
    return re.compile(rf"{'' if anchored else '(.*/)?'}{text}{end}")


def _updates(project: Project) -> Iterator[Violation]:
    document = project.document(_UPDATES)
    if document is None:
        yield Violation("nobody updates what the pipeline runs", _UPDATES, 1, fact="no dependabot.yml")
        return
    updates = mapping(document.data).get("updates")
    updates = [mapping(one) for one in updates] if isinstance(updates, list) else []
    for name in _ECOSYSTEMS:
        if not any(one.get("package-ecosystem") == name for one in updates):
            yield at_document(document, f"{name} is not updated", "updates", fact=f"no {name}")
    for index, one in enumerate(updates):
        name = one.get("package-ecosystem")
        which = f"{name} {one.get('directory', '/')}"
        if one.get("open-pull-requests-limit") == 0:
            place = ("updates", index, "open-pull-requests-limit")
            yield at_document(
                document, f"{name} makes no updates", *place, fact=f"{which} open-pull-requests-limit"
            )
        for ignored in one.get("ignore") or []:
            if mapping(ignored).get("dependency-name") == "*":
                yield at_document(
                    document,
                    f"{name} ignores every update",
                    "updates",
                    index,
                    "ignore",
                    fact=f"{which} ignore",
                )
