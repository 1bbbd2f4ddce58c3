"""A workflow file as data: its triggers, and every job that a run of it can reach, callees included."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.base.errors import ConfigurationError, GateError
from sandbox.github import expressions, permissions
from sandbox.github.permissions import Permissions

FOLDER = ".github/workflows"
_DEPTH = 10  # levels of reusable workflows that GitHub allows


@dataclass(frozen=True)
class Workflow:
    """One file below `.github/workflows`, with every scalar as the text that stands there."""

    path: str
    name: str
    document: Mapping[str, Any]

    @property
    def triggers(self) -> dict[str, Any]:
        """Each event of `on:` with its filters."""
        found = self.document.get("on", {})
        if isinstance(found, str):
            return {found: {}}
        if isinstance(found, list):
            return {name: {} for name in found}
        return {name: filters or {} for name, filters in found.items()}

    @property
    def jobs(self) -> Mapping[str, Any]:
        """The jobs as written, by id."""
        return self.document["jobs"]  # type: ignore[no-any-return] # `load` has looked at it


@dataclass(frozen=True)
class Job:
    """A job that a run can reach: by its own file or through calls.

    `path` holds the ids from the triggered workflow's job to this one, `callers` the names of the jobs
    before it, `contexts` what its expressions may use (`github`, `inputs`, `vars`).
    """

    path: tuple[str, ...]
    callers: tuple[str, ...]
    workflow: Workflow
    written: Mapping[str, Any]
    permissions: Permissions
    contexts: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The id in its own file, which is GITHUB_JOB."""
        return self.path[-1]

    def environment(self, matrix: Mapping[str, Any] | None = None) -> str:
        """The name of its environment, empty for none. Raises Unknown where only the running job knows."""
        found = self.written.get("environment", "")
        name = found.get("name", "") if isinstance(found, Mapping) else found
        return expressions.interpolate(name, {**self.contexts, "matrix": matrix or {}})

    def environments(self) -> set[str]:
        """Its environment in each combination of its matrix. Raises Unknown."""
        return {self.environment(matrix) for matrix in combinations(self.written)}


def load(root: Path, path: str) -> Workflow:
    """The workflow file `path` of the tree at `root`. Raises ConfigurationError, naming file and line."""
    try:
        text = (root / path).read_text(encoding="utf-8")
        # BaseLoader makes text of every scalar, so that `on` stays a key and `1.0` a version.
        document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes no objects
    except OSError as error:
        raise ConfigurationError(f"The workflow {path} can't be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The workflow {path} doesn't parse: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("jobs"), dict) or "on" not in document:
        raise ConfigurationError(f"{path} is no workflow.", "A workflow has the keys `on` and `jobs`.")
    for job, written in document["jobs"].items():
        if not isinstance(written, dict):
            raise ConfigurationError(f"{path}: the job `{job}` is not a mapping.")
    return Workflow(path, document.get("name") or path, document)


def all_of(root: Path) -> list[Workflow]:
    """Every workflow of the tree at `root`, by file name."""
    folder = root / FOLDER
    return [load(root, f"{FOLDER}/{path.name}") for path in sorted(folder.glob("*.y*ml"))]


def reachable(root: Path, workflow: Workflow, contexts: Mapping[str, Any]) -> list[Job]:
    """Every job that a run of `workflow` can reach, with what it may do.

    Raises GateError where GitHub wouldn't start the run (a callee asks for more than its caller has), and
    ConfigurationError for a callee that isn't in the tree.
    """
    return list(_jobs(root, workflow, contexts, (), (), None))


def _jobs(
    root: Path,
    workflow: Workflow,
    contexts: Mapping[str, Any],
    path: tuple[str, ...],
    callers: tuple[str, ...],
    ceiling: Permissions | None,
) -> list[Job]:
    if len(path) > _DEPTH:
        raise GateError(f"{workflow.path}: workflows call each other more than {_DEPTH} levels deep.")
    of_workflow = permissions.parse(workflow.document.get("permissions"), workflow.path)
    jobs = []
    for name, written in workflow.jobs.items():
        where = f"{workflow.path}: job `{name}`"
        own = permissions.parse(written.get("permissions"), where)
        job = Job(
            (*path, name),
            callers,
            workflow,
            written,
            permissions.effective(own, of_workflow, ceiling, where),
            contexts,
        )
        if "uses" not in written:
            jobs.append(job)
            continue
        callee = load(root, _local(written["uses"], where))
        label = _label(job)
        for inputs in _inputs(callee, written, contexts):
            within = {**contexts, "inputs": inputs}
            jobs += _jobs(root, callee, within, job.path, (*callers, label), job.permissions)
    return jobs


def _local(uses: str, where: str) -> str:
    if not uses.startswith("./"):
        raise ConfigurationError(
            f"{where} calls {uses}.", "The sandbox runs reusable workflows of this repository only (./...)."
        )
    return uses.removeprefix("./")


def _label(job: Job) -> str:
    """The name that a job's callees carry in front of theirs."""
    try:
        return expressions.interpolate(job.written.get("name") or job.id, job.contexts)
    except expressions.Unknown:
        return job.id


def _inputs(
    callee: Workflow, written: Mapping[str, Any], contexts: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What a call passes, once for each different outcome of the calling job's matrix.

    An input that only the running job knows is left out, so that what depends on it is Unknown.
    """
    declared = (callee.triggers.get("workflow_call") or {}).get("inputs") or {}
    outcomes: list[dict[str, Any]] = []
    for matrix in combinations(written):
        known: dict[str, Any] = _Inputs()
        for name, about in declared.items():
            given = written.get("with", {}).get(name, (about or {}).get("default", ""))
            try:
                known[name] = expressions.value(given, {**contexts, "matrix": matrix})
            except expressions.Unknown as error:
                known.unknown[name] = str(error)  # type: ignore[attr-defined]
        if known not in outcomes:
            outcomes.append(known)
    return outcomes


class _Inputs(dict[str, Any]):
    """Inputs whose unknown values raise Unknown when they are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.unknown: dict[str, str] = {}

    def get(self, key: str, default: Any = None) -> Any:
        if key in self.unknown:
            raise expressions.Unknown(f"inputs.{key}: {self.unknown[key]}")
        return super().get(key, default)


def combinations(written: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The matrix combinations of a job as written; one empty one for a job without (or an unknown) matrix."""
    matrix = (written.get("strategy") or {}).get("matrix")
    if not isinstance(matrix, dict):
        return [{}]
    axes = {key: found for key, found in matrix.items() if key not in ("include", "exclude")}
    if not all(isinstance(found, list) for found in axes.values()):
        return [{}]
    rows: list[dict[str, Any]] = [
        dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    ]
    excluded = [row for row in matrix.get("exclude", []) if isinstance(row, dict)]
    rows = [row for row in rows if not any(out.items() <= row.items() for out in excluded)]
    product = rows if axes else []
    rows = list(product)
    for extra in (row for row in matrix.get("include", []) if isinstance(row, dict)):
        # It extends the combinations whose axes it doesn't change; where there are none, it is one of its own.
        fitting = [row for row in product if all(row[key] == extra[key] for key in axes if key in extra)]
        for row in fitting:
            row.update(extra)
        if not fitting:
            rows.append(dict(extra))
    return rows or [{}]


def actions(root: Path) -> dict[str, str]:
    """Every third-party action that the workflows and local actions of `root` name: `OWNER/REPO@REF` to
    the file that names it first.
    """
    found: dict[str, str] = {}
    files = sorted((root / FOLDER).glob("*.y*ml")) + sorted((root / ".github/actions").rglob("action.y*ml"))
    for file in files:
        text = file.read_text(encoding="utf-8")
        try:
            document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes no objects
        except yaml.YAMLError as error:
            raise ConfigurationError(f"{file.relative_to(root)} doesn't parse: {error}") from error
        for uses in _uses(document):
            name, at, ref = uses.partition("@")
            if at and not uses.startswith(("./", "docker://")):
                found.setdefault("/".join(name.split("/")[:2]) + at + ref, str(file.relative_to(root)))
    return found


def _uses(node: Any) -> list[str]:
    if isinstance(node, dict):
        here = [node["uses"]] if isinstance(node.get("uses"), str) else []
        return here + [uses for child in node.values() for uses in _uses(child)]
    return [uses for child in node for uses in _uses(child)] if isinstance(node, list) else []
