"""zizmor on workflows and actions, as its strictest persona, with no say of the judged repository."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.gate.engines.base import Context, Engine, EngineError, parsed
from pipeline.gate.engines.programs import call
from pipeline.gate.findings import Finding
from pipeline.source.located import Document, path

_SEVERITY = {"High": "high", "Medium": "medium", "Low": "low", "Informational": "low", "Unknown": "medium"}

# Audits whose facts own rules tell, and more: each is told once.
SAID = {
    "adhoc-packages": "hashed_installs",  # whatever brings code: downloads, images, actions that install
    "overprovisioned-secrets": "secret_in_workflow",  # no secret is stored on GitHub, but its own token
    "secrets-outside-env": "secret_in_workflow",
    "self-hosted-runner": "hosted_runner",  # what an expression names
    "unpinned-uses": "pins_agree",  # but for this repository's own workflows, which are the branch's on purpose
}
# Audits that are switched off, with the reason.
_OFF = {
    "self-repository",  # wants `uses: $/...`, a form that act doesn't know; `./...` means the same
}


def run(context: Context) -> Iterator[Finding]:
    if not any(map(_reads, context.project.files)):
        return
    arguments = ["--offline", "--persona", "auditor", "--no-config", "--no-ignores"]
    arguments += ["--format", "json", "--no-exit-codes", "--collect", "all", "--strict-collection", "."]
    done = call("zizmor", arguments, context, folder=context.tree)
    if done.status != 0:
        raise EngineError(f"zizmor ended with status {done.status}: {done.stderr[-2000:]}")
    for match in parsed("zizmor", done.stdout):
        if match["ident"] not in (*_OFF, *SAID) and not _is_style(match):
            yield _finding(context, match)


def _reads(file: str) -> bool:
    """Whether zizmor looks into a file: workflows, and actions in whatever folder they lie."""
    return ".github/" in file or file.rsplit("/", 1)[-1] in ("action.yml", "action.yaml")


def _is_style(match: dict[str, Any]) -> bool:
    """Whether it is about an expression in a script that nobody can choose, such as github.sha: zizmor's persona
    for matters of style tells of it, and nothing could come in by it."""
    return bool(match["ident"] == "template-injection" and match["determinations"]["persona"] == "Pedantic")


def _finding(context: Context, match: dict[str, Any]) -> Finding:
    locations = match["locations"]
    best = next((one for one in locations if one["symbolic"]["kind"] == "Primary"), locations[0])
    key = best["symbolic"]["key"]
    file = Path(next(iter(key.values()))["verbatim_path"]).as_posix()
    return Finding(
        rule=f"zizmor/{match['ident']}",
        title=str(match["desc"]),
        severity=_SEVERITY[match["determinations"]["severity"]],
        tool="zizmor",
        file=file,
        line=int(best["concrete"]["location"]["start_point"]["row"]) + 1,
        fact=_fact(context.project.document(file), best["symbolic"]),
        message=f"{match['desc']}: {best['symbolic']['annotation']}",
        remediation=f"See {match['url']}",
    )


def _fact(document: Document | None, symbolic: dict[str, Any]) -> str:
    """Where it is in the file, by names, and the part of the text that it is about."""
    place = tuple(next(iter(step.values())) for step in symbolic["route"]["route"])
    kind = symbolic["feature_kind"]
    part = kind["Subfeature"]["fragment"] if isinstance(kind, dict) and "Subfeature" in kind else {}
    where = path(document.data if document else None, place)
    return " ".join([where or str(symbolic["annotation"]), *map(str, part.values())])


ENGINE = Engine(name="zizmor", packages=("zizmor",), reads=_reads, run=run)
