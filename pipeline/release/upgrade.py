"""A later engine in the place of the one that is here: the engine's files, never the team's, none of both.

Each file of the engine is compared in three states: as the engine had it that was taken once (`base`), as it is here,
and as the later engine has it. Whose a file is, `pipeline/gate/parts.toml` alone says: the later engine's, since only
that knows which modules are new in it.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base import git
from pipeline.base.errors import ConfigurationError, GateError, ToolError
from pipeline.base.run import CHECKOUT, run
from pipeline.gate import parts
from pipeline.gate.parts import DOCUMENT, TEAMS, whose
from pipeline.iam import grants
from pipeline.source import adoption, application, settings
from pipeline.source.located import parse
from pipeline.source.packages import LOCK
from pipeline.source.project import BOOTSTRAP

ADD, CHANGE, REMOVE = "add", "change", "remove"
_ENGINE = "pipeline"  # the folder by which the engine that is here is recognized in the later one's history
_PYPROJECT = "pyproject.toml"
# Made from the rest by `make docs`: what is here is nobody's work.
_MADE = ("policies/rules.txt", "docs/rules.md")
# What the installed tools depend on: see the Makefile.
_TOOLS = (LOCK, _PYPROJECT, "bin/install-uv.txt", ".python-version")
_JUDGED = ("lint", "policy")
_GROUP = r"(?ms)^{name} = \[.*?\]\n"

type Tree = Mapping[str, tuple[str, str]]  # of each path: its mode and its blob


@dataclass(frozen=True)
class Change:
    """What happens to a file: ADD, CHANGE or REMOVE."""

    action: str
    file: str


@dataclass(frozen=True)
class Plan:
    """What an upgrade does. `base` and `head` are the engine's commits: the one that is here, and the later one.

    `kept` are files of the engine that were changed here, and are in the later engine as they were, and documents that
    a team made its own; `clashes` those that both changed, or one changed and the other removed. `relock` tells that
    the lock has to be made anew.
    """

    base: str
    head: str
    changes: tuple[Change, ...]
    kept: tuple[str, ...]
    clashes: tuple[str, ...]
    relock: bool


@dataclass(frozen=True)
class Difference:
    """Open findings in the repository as it is that come with the later engine, and those that go with this one."""

    added: tuple[str, ...]
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class Engine:
    """The later engine: its repository with its history, a folder with its files, and its commit."""

    repository: Path
    files: Path
    head: str


@contextmanager
def fetched(source: str) -> Iterator[Engine]:
    """The engine at PATH_OR_URL@REF, for as long as it is looked at. Raises ConfigurationError."""
    place, at, ref = source.rpartition("@")
    if not at or not place or not ref or ":" in ref or ref.startswith("-") or place.startswith("-"):
        raise ConfigurationError(
            f"--from {source}: it takes PATH_OR_URL@REF, with a tag, branch or commit as REF.",
            "Such as https://github.com/OWNER/REPOSITORY@v1.2.0.",
        )
    with tempfile.TemporaryDirectory(prefix="upgrade-") as scratch:
        repository, files = Path(scratch) / "engine.git", Path(scratch) / "engine"
        files.mkdir()
        run(["git", "init", "--quiet", "--bare", repository])
        where = Path(place).resolve() if Path(place).exists() else place
        done = run(["git", "fetch", "--quiet", "--no-tags", "--", where, ref], cwd=repository, check=False)
        if done.status != 0:
            raise ConfigurationError(
                f"--from {source} can't be fetched: {done.stderr.strip()}.", "Name another."
            )
        head = git.git("rev-parse", "--verify", "FETCH_HEAD^{commit}", cwd=repository)
        if run(["git", "cat-file", "-e", f"{head}:{_ENGINE}/gate"], cwd=repository, check=False).status != 0:
            raise ConfigurationError(f"--from {source} is no engine: it has no {_ENGINE}/gate.")
        words = [
            "git",
            f"--git-dir={repository}",
            f"--work-tree={files}",
            "checkout",
            "--quiet",
            head,
            "--",
            ".",
        ]
        run(words, cwd=files)
        yield Engine(repository, files, head)


def plan(root: Path, engine: Engine, base: str | None) -> Plan:
    """What taking the later engine would do to the repository in `root`.

    Raises ConfigurationError where `root` has changes that are not committed, or `base` isn't known.
    """
    _clean(root)
    ours = _tree("HEAD", root)
    base = _known(engine.repository, base) if base else _base(engine, root, ours)
    before, after = _tree(base, engine.repository), _tree(engine.head, engine.repository)
    team = _Team(root)
    code = (*team.code, *application.read(engine.files).folders)
    known = parts.lists(
        _read(engine.files / parts.FILE) or (CHECKOUT / parts.FILE).read_text(encoding="utf-8")
    )
    changes: list[Change] = []
    kept: list[str] = []
    clashes: list[str] = []
    for file in sorted({*before, *after, *ours} - {LOCK}):
        owner = whose(file, code, known)
        if owner == TEAMS:
            continue
        old, here, new = _states(file, (before, ours, after), base, root, engine, team)
        if here == new:
            continue
        if here == old or file in _MADE:
            changes.append(Change(ADD if here is None else REMOVE if new is None else CHANGE, file))
        elif old == new or owner == DOCUMENT:
            kept += [file] if old is not None else []  # what neither engine has is the team's own
        else:
            clashes.append(file)
    relock = team.has_own_packages(engine.files)
    if ours.get(LOCK) != after.get(LOCK) and not (relock and _PYPROJECT not in {one.file for one in changes}):
        changes.append(Change(CHANGE if LOCK in ours else ADD, LOCK))
    else:
        relock = False
    return Plan(base, engine.head, tuple(changes), tuple(kept), tuple(clashes), relock)


def _states(
    file: str, trees: tuple[Tree, Tree, Tree], base: str, root: Path, engine: Engine, team: "_Team"
) -> tuple[object, object, object]:
    """A file in the engine that was taken, here, and in the later engine: what is alike is equal."""
    if file not in team.mixed:
        old, here, new = (tree.get(file) for tree in trees)
        return old, here, new
    texts = _show(engine.repository, base, file), _read(engine.files / file)
    before, after = (team.told(file, text) for text in texts)
    return before, _read(root / file), after


def difference(root: Path, engine: Engine, planned: Plan) -> Difference:
    """What the verdict on the team's own repository gains and loses. Raises ToolError where there is none."""
    with tempfile.TemporaryDirectory(prefix="upgraded-") as scratch:
        upgraded = Path(scratch) / "repository"
        upgraded.mkdir()
        run(["git", "checkout-index", "--all", f"--prefix={upgraded}/"], cwd=root)
        take(upgraded, engine, planned)
        _equip(upgraded, root)
        now, then = judge(CHECKOUT / "bin/pipeline", root), judge(upgraded / "bin/pipeline", upgraded)
    return Difference(tuple(sorted(then - now)), tuple(sorted(now - then)))


def judge(pipeline: Path, root: Path) -> set[str]:
    """The open findings of an engine's lint and policy, a line each. Raises ToolError where something wasn't judged."""
    found = set()
    for stage in _JUDGED:
        done = run([pipeline, stage, "--format", "json"], cwd=root, check=False)
        try:
            report = json.loads(done.stdout)
        except json.JSONDecodeError as error:
            said = done.stderr.strip() or done.stdout[:200]
            raise ToolError(f"{pipeline} {stage} gave no verdict: {said}", "Run: make install") from error
        for silent in (one for one in report.get("engines", ()) if one.get("broken")):
            raise ToolError(f"{pipeline} {stage}: no verdict of {silent['name']}: {silent['broken']}")
        found |= {_line(one) for one in report["findings"] if one["waiver"] is None}
    return found


def _line(finding: Mapping[str, str]) -> str:
    """A finding as both engines would tell it, wherever its line moves to."""
    about = f" on {finding['resource']}" if finding.get("resource") else ""
    where = f" in {finding['environment']}" if finding.get("environment") else ""
    return f"{finding['severity']} {finding['rule']} {finding['file']}{about}{where}: {finding['message']}"


def take(root: Path, engine: Engine, planned: Plan) -> None:
    """Put the later engine's files into `root`; where its lock can't be the team's, make that anew.

    Raises GateError, before anything is written, where both sides changed a file.
    """
    if planned.clashes:
        raise GateError(
            f"{', '.join(planned.clashes)}: changed here and in the later engine.",
            "The engine's files are never mixed with a team's. Take your change out, in a commit of its own, and run\n"
            "  this again; what it was for may go into a file of yours. Nothing was written.",
        )
    team = _Team(root)
    written = {
        one.file: team.told(one.file, _read(engine.files / one.file))
        for one in planned.changes
        if one.file in team.mixed
    }
    for one in planned.changes:
        path = root / one.file
        if one.action == REMOVE:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        shutil.copy2(engine.files / one.file, path, follow_symlinks=False)
        if (text := written.get(one.file)) is not None:
            path.write_text(text, encoding="utf-8")
    for folder in {(root / one.file).parent for one in planned.changes if one.action == REMOVE}:
        _drop_empty(folder, root)
    if planned.relock:
        run(["make", "--no-print-directory", "lock"], cwd=root)


def _drop_empty(folder: Path, root: Path) -> None:
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _equip(upgraded: Path, root: Path) -> None:
    """The tools of the later engine: those that are installed here where it asks for the same, else installed anew."""
    if all(_read(upgraded / file) == _read(CHECKOUT / file) for file in _TOOLS):
        for name in (".venv", ".tools"):
            if not (upgraded / name).exists():
                (upgraded / name).symlink_to(CHECKOUT / name)
    else:
        run(["make", "--no-print-directory", "install-check"], cwd=upgraded)


# Both sides in one file ---------------------------------------------------------------------------------------


class _Team:
    """What stands in files of the engine and is a team's: names, packages, what the bootstrap grants.

    `mixed` are these files, which are compared and written with the team's part in them.
    """

    mixed = (*(file for file in adoption.FILES if file != "samconfig.toml"), _PYPROJECT, BOOTSTRAP)

    def __init__(self, root: Path) -> None:
        self._names = adoption.current(root)
        self._example = replace(adoption.example(), environments=self._names.environments)
        described = application.read(root)
        self.code = described.folders
        self._groups = {code.group for code in described.code.values()}
        self._own = _assigned(_read(root / _PYPROJECT) or "", self._groups)
        text = _read(root / settings.FILE)
        self._granted = grants.read(parse(text, settings.FILE) if text is not None else None)[0]

    def told(self, file: str, text: str | None) -> str | None:
        """A file of the engine with the team's part in it."""
        if text is None:
            return None
        if file == _PYPROJECT:
            return _with_groups(text, self._own)
        if file == BOOTSTRAP:
            try:
                return grants.written(text, self._granted)
            except ConfigurationError:
                return text  # of an engine that had no place for it
        return adoption.renamed(text, self._example, self._names, file)

    def has_own_packages(self, engine: Path) -> bool:
        """Whether its groups aren't those that the engine's lock was made for."""
        return self._own != _assigned(_read(engine / _PYPROJECT) or "", self._groups)


def _assigned(pyproject: str, groups: Collection[str]) -> dict[str, str]:
    """The rows of pyproject.toml that say what is in these groups, by group."""
    found = {}
    for group in sorted(groups):
        if match := re.search(_GROUP.format(name=re.escape(group)), pyproject):
            found[group] = match[0]
    return found


def _with_groups(pyproject: str, own: Mapping[str, str]) -> str:
    """pyproject.toml with these rows in the place of its own, or behind the heading of the groups."""
    for group, rows in own.items():
        pattern = _GROUP.format(name=re.escape(group))
        if re.search(pattern, pyproject):
            pyproject = re.sub(pattern, lambda _, rows=rows: rows, pyproject, count=1)  # type: ignore[misc]
        else:
            pyproject = pyproject.replace("[dependency-groups]\n", f"[dependency-groups]\n{rows}", 1)
    return pyproject


# Repositories -------------------------------------------------------------------------------------------------


def _clean(root: Path) -> None:
    if not (root / ".git").exists():
        raise ConfigurationError(f"{root} is no git repository.", "An upgrade is looked at with git diff.")
    dirty = git.entries("status", "--porcelain", "-z", "--untracked-files=normal", cwd=root)
    if dirty:
        shown = ", ".join(entry[3:] for entry in dirty[:5])
        raise ConfigurationError(
            f"There are changes that are not committed, which would mix with the engine's: {shown}.",
            "Commit them, or put them aside (git stash --include-untracked). Nothing was written.",
        )


def _tree(commit: str, repository: Path) -> Tree:
    found = {}
    for entry in git.entries("ls-tree", "-r", "-z", commit, cwd=repository):
        about, _, path = entry.partition("\t")
        mode, _, blob = about.split(" ")
        found[path] = mode, blob
    return found


def _base(engine: Engine, root: Path, ours: Tree) -> str:
    """The commit of the later engine's history that has this `pipeline/`; of several the one that is most alike."""
    here = git.git("rev-parse", f"HEAD:{_ENGINE}", cwd=root)
    listed = git.git("rev-list", engine.head, cwd=engine.repository).split()
    alike: dict[str, int] = {}
    for commit in listed:
        done = run(["git", "rev-parse", f"{commit}:{_ENGINE}"], cwd=engine.repository, check=False)
        if done.status == 0 and done.stdout.strip() == here:
            tree = _tree(commit, engine.repository)
            alike[commit] = sum(1 if ours.get(file) == one else -1 for file, one in tree.items())
        elif alike:
            break  # the engine that is here was a stretch of that history
    if not alike:
        raise ConfigurationError(
            f"No commit of that engine has the {_ENGINE}/ that is here, so that nothing tells what was changed here.",
            "Name the commit that this engine was taken from: --base COMMIT.",
        )
    return max(alike, key=lambda commit: alike[commit])


def _known(repository: Path, base: str) -> str:
    done = run(
        ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}"],
        cwd=repository,
        check=False,
    )
    if done.status != 0:
        raise ConfigurationError(f"--base {base} is no commit of that engine's history.", "Name one that is.")
    return done.stdout.strip()


def _show(repository: Path, commit: str, file: str) -> str | None:
    done = run(["git", "show", f"{commit}:{file}"], cwd=repository, check=False)
    return done.stdout if done.status == 0 else None


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
