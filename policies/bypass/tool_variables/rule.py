"""Variables of workflows, actions, scripts and the Makefile that tools of the gate obey."""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.source.duties import mapping
from pipeline.source.located import Place
from pipeline.source.project import Project
from pipeline.source.violations import Violation
from pipeline.source.workflows import Action, Workflow

_NAME = (
    r"(?:CKV_|CHECKOV_|BC_|CFN_LINT_|ZIZMOR_|GITLEAKS_|RUFF_|MYPY|PYTEST_|PRE_COMMIT|ACTIONLINT_|SHELLCHECK_|COVERAGE_"
    r"|HYPOTHESIS_|PIP_|UV_(?:INDEX|EXTRA|NO_|INSECURE|DEFAULT_INDEX|FIND_LINKS|CONFIG|OVERRIDE|CONSTRAINT)|SAM_CLI_"
    r"|ACTIONS_(?:STEP|RUNNER)_DEBUG|GIT_(?:SSL|CONFIG|EXEC)\w*|NODE_(?:TLS_|OPTIONS)|LD_|XDG_"
    r"|PYTHON(?:PATH|STARTUP|WARNINGS|HTTPSVERIFY|OPTIMIZE|HOME|USERBASE|INSPECT|BREAKPOINT|PYCACHEPREFIX|PLATLIBDIR)"
    r"|AWS_(?:ENDPOINT_URL|CA_BUNDLE))\w*|SKIP|BASH_ENV"
)
_WHOLE = re.compile(rf"{_NAME}|BASH_ENV|ENV|HOME|PATH|SHELLOPTS|BASHOPTS|PS4")
_SET = re.compile(rf"(?:^|[\s;&|@]|export\s+|env\s+)({_NAME})\s*[:?+]?=")


def check(project: Project) -> Iterator[Violation]:
    for one in project.automations:
        for who, place, given in _environments(one):
            for name in filter(_WHOLE.fullmatch, map(str, given)):
                line = one.document.line(*place, name)
                yield Violation(f"{name} changes what a tool does", one.file, line, fact=f"{who}: {name}")
        for step in one.steps:
            for row in step.run.splitlines():
                if found := _SET.search(row):
                    line = step.line_of(row.strip(), "run")
                    yield Violation(
                        f"{found[1]} changes what a tool does", one.file, line, fact=f"{step.path}: {row}"
                    )
    for file in ("Makefile", ".ci/run"):
        for number, row in enumerate(project.text(file).splitlines(), 1):
            if (found := _SET.search(row)) and not re.match(rf"{found[1]}\s*:=", row):
                yield Violation(f"{found[1]} changes what a tool does", file, number, fact=row)


def _environments(one: Workflow | Action) -> Iterator[tuple[str, Place, dict[str, Any]]]:
    """Whose variables, as a fact names it, with their place and values."""
    yield "all jobs", ("env",), mapping(one.data.get("env"))
    for job in one.jobs if isinstance(one, Workflow) else ():
        yield job.id, (*job.place, "env"), mapping(job.body.get("env"))
    for step in one.steps:
        yield step.path, (*step.place, "env"), mapping(step.body.get("env"))
