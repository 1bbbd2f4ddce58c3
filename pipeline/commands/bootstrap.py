"""`pipeline bootstrap`: the statements of bootstrap/template.yaml for the resource types of policies/settings.toml, and
the template as an administrator deploys it."""

import argparse
import difflib
from pathlib import Path

from pipeline.base.errors import ConfigurationError, GateError
from pipeline.iam import grants
from pipeline.source import located, quotas
from pipeline.source.project import BOOTSTRAP, Project
from pipeline.source.settings import FILE


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "--write", action="store_true", help=f"change {BOOTSTRAP}; without it, say what is missing"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write it there for CloudFormation, as JSON without comments",
    )


def main(args: argparse.Namespace) -> int:
    """Compare or write; the exit status is 1 when the template is another, 2 when the settings can't be taken.

    With an output the template is written there as well, if it is what the settings make of it.
    """
    root = Path.cwd()
    project = Project.load(root)
    if BOOTSTRAP not in project.files:
        raise ConfigurationError(f"{root / BOOTSTRAP} does not exist.", "Run in the repository's top folder.")
    now = project.text(BOOTSTRAP)
    then = grants.written(now, _granted(project))
    _fits(Project(root, {**project.files, BOOTSTRAP: then.encode()}))
    if then == now:
        print(f"{BOOTSTRAP} grants what {FILE} says")
        _put(then, args.output)
        return 0
    changes = difflib.unified_diff(
        now.splitlines(), then.splitlines(), BOOTSTRAP, BOOTSTRAP, n=1, lineterm=""
    )
    print("\n".join(changes))
    if not args.write:
        print(f"{BOOTSTRAP} isn't what {FILE} makes of it; to write it: {grants.COMMAND}")
        return 1
    (root / BOOTSTRAP).write_text(then, encoding="utf-8")
    _put(then, args.output)
    print(f"{BOOTSTRAP} is written. An administrator deploys it in each account, before a template needs it.")
    return 0


def _put(template: str, output: Path | None) -> None:
    """Write the template as it is deployed. Raises GateError where CloudFormation would refuse it."""
    if output is None:
        return
    body = located.parse(template, BOOTSTRAP).compact
    size = len(body.encode())
    if size > quotas.INLINE_TEMPLATE:
        raise GateError(
            f"{BOOTSTRAP} has {size} bytes as it is deployed, and CloudFormation takes {quotas.INLINE_TEMPLATE}.",
            f"Take resource types or actions off the lists in {FILE}, or give another application a part of them.",
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(body, encoding="utf-8")
    print(f"{output} is the template as it is deployed: {size} bytes of {quotas.INLINE_TEMPLATE}.")


def _granted(project: Project) -> grants.Grants:
    """What the settings grant. Raises ConfigurationError with the line of what can't be taken."""
    for problem in project.problems:
        if problem.file == FILE:
            raise ConfigurationError(f"{FILE}:{problem.line}: {problem.message}.", "Mend that line.")
    settings = project.document(FILE)
    granted, faults = grants.read(settings)
    if settings is not None and faults:
        line = settings.line(*faults[0].place)
        raise ConfigurationError(f"{FILE}:{line}: {faults[0].message}.", "Mend that line, or take it out.")
    return granted


def _fits(project: Project) -> None:
    """Raises GateError where IAM would refuse a policy of the bootstrap for its length."""
    for stack in project.bootstrap:
        for resource, why in grants.too_long(stack):
            raise GateError(
                f"{BOOTSTRAP}: {resource.id} in {stack.environment.name}: {why}.",
                "Take resource types or actions off the list, give another application a part of them, or write "
                "shorter statements by hand.",
            )
