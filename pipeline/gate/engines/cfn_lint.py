"""cfn-lint on the templates as written, and on what the transform makes of them in each environment."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.gate.engines.base import Context, Engine, EngineError, parsed, subject
from pipeline.gate.engines.programs import call
from pipeline.gate.findings import Finding
from pipeline.source import located
from pipeline.source.environments import SAMCONFIG
from pipeline.source.project import APPLICATION, BOOTSTRAP

_SEVERITY = {"Error": "high", "Warning": "medium", "Informational": "low"}
_FOUND_NOTHING_BAD = {0, 2, 4, 6, 8, 10, 12, 14}  # bits: errors, warnings, informational

# Rules of cfn-lint that own rules say as well, and more than they do: a fact is told once.
SAID = {
    "E2531": "runtime",  # another Python than the one that the code was built for
    "E2533": "runtime",
    "E3006": "known_type",  # what brings in resources that don't stand in the template
    "E3038": "known_type",
    "W1011": "secret_in_template",  # secrets by name and form, in any property
    "W2001": "unused_name",  # in SAM's templates, too
    "W2010": "secret_in_output",
    "W2501": "secret_in_template",
    "W2511": "policy_version",  # policies without a version
    "W2531": "runtime",
    "W3045": "bucket_public",  # what else opens a bucket
    "W3663": "service_principal_tied",  # every service
    "W7001": "unused_name",
    "W8001": "unused_name",
}
# Rules that are wrong for expanded templates alone, with the reason.
_EXPANDED_IGNORES = ("W3005",)  # the transform writes dependencies that a reference implies


def run(context: Context) -> Iterator[Finding]:
    project = context.project
    written = [name for name in (APPLICATION, BOOTSTRAP) if name in project.files]
    if written:
        for match in _lint(context, [context.tree / name for name in written], ()):
            yield _finding(context, match, Path(match["Filename"]))
    if alike := _alike(context):
        for match in _lint(context, [same[0] for same in alike], _EXPANDED_IGNORES):
            for file in next(same for same in alike if same[0] == Path(match["Filename"])):
                yield _finding(context, match, file)


def _alike(context: Context) -> list[list[Path]]:
    """The expanded templates, those of one content together: each takes seconds. Without what no transform changed."""
    found: dict[bytes, list[Path]] = {}
    for file in sorted(context.expanded.iterdir()):
        stack = context.stack_of(str(file))
        if stack.expanded is not stack.document.data:
            found.setdefault(file.read_bytes(), []).append(file)
    return list(found.values())


def _lint(context: Context, files: list[Path], ignored: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """What cfn-lint says, without what is ignored. Raises EngineError."""
    regions = sorted({one.region for one in context.project.environments if one.region})
    # Mandatory checks can't be switched off by the Metadata of a template.
    arguments = ["--format", "json", "--mandatory-checks", "E", "W"]
    arguments += ["--regions", *regions] if regions else []  # else what cfn-lint itself takes
    # `--config-file` of our own: else .cfnlintrc of the judged folder would have a say.
    empty = context.scratch / "cfnlintrc"
    empty.write_text("{}\n", encoding="utf-8")
    done = call("cfn-lint", [*arguments, "--config-file", str(empty), "--", *map(str, files)], context)
    if done.status not in _FOUND_NOTHING_BAD:
        raise EngineError(f"cfn-lint ended with status {done.status}: {done.stderr[-2000:]}")
    for match in parsed("cfn-lint", done.stdout):
        if match["Rule"]["Id"] not in (
            *SAID,
            *ignored,
        ):  # its own --ignore-checks has no effect beside mandatory ones
            yield match


def _finding(context: Context, match: dict[str, Any], name: Path) -> Finding:
    """What cfn-lint says of a file, told of this one, which has the same content."""
    rule, path = match["Rule"], tuple(match["Location"].get("Path") or ())
    severity = _SEVERITY.get(match["Level"], "high")
    resource = str(path[1]) if len(path) > 1 and path[0] == "Resources" else ""
    environment, below = None, 2 if resource else 0
    if name.is_relative_to(context.tree):
        file = name.relative_to(context.tree).as_posix()
        line = int(match["Location"]["Start"]["LineNumber"])
        document = context.project.document(file)
        made, place = "", located.path(document.data if document else None, tuple(path))
    else:
        stack = context.stack_of(str(name))
        file, environment = stack.document.file, stack.environment.name
        source = stack.origin(resource) if resource else ""
        line = stack.line(source, *path[3:]) if source else stack.document.line(*path)
        made, place = stack.made(resource) if resource else "", located.path(stack.expanded, tuple(path))
        resource = source
    place = ".".join(place.split(".")[below:])
    return Finding(
        rule=str(rule["Id"]),
        title=str(rule["ShortDescription"]),
        severity=severity,
        tool="cfn-lint",
        file=file,
        line=line,
        resource=resource or None,
        fact=" ".join(filter(None, (made, place, subject(str(match["Message"]))))),
        environment=environment,
        message=str(match["Message"]),
        remediation=f"See {rule['Source']}" if rule.get("Source") else "",
    )


ENGINE = Engine(
    name="cfn-lint",
    packages=("cfn_lint", "aws_sam_translator"),
    reads=lambda file: file in (APPLICATION, BOOTSTRAP, SAMCONFIG),
    run=run,
)
