"""checkov's built-in checks and our own YAML policies, on every stack without its conditions."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.model import Finding

from pipeline.gate.engines.base import Context, Engine, EngineError, parsed
from pipeline.gate.engines.programs import CHECKOUT, call
from pipeline.gate.environments import SAMCONFIG
from pipeline.gate.project import APPLICATION, BOOTSTRAP
from pipeline.gate.rules import Rule, load


def run(context: Context) -> Iterator[Finding]:
    folder = context.resolved
    if not any(folder.iterdir()):
        return
    own = {f"ESCLUSA_{rule.id.upper()}": rule for rule in load(CHECKOUT / "policies") if rule.checkov}
    arguments = ["--directory", str(folder), "--framework", "cloudformation", "--output", "json"]
    arguments += ["--skip-download", "--compact", "--quiet", "--soft-fail"]
    if own:
        arguments += ["--external-checks-dir", str(_policies(context, own))]
    done = call("checkov", arguments, context)
    if done.status != 0:
        raise EngineError(f"checkov ended with status {done.status}: {done.errors}")
    report = parsed("checkov", done.output)
    report = report[0] if isinstance(report, list) else report
    if "results" not in report:
        raise EngineError(f"checkov judged nothing: {done.output[:200]!r} {done.errors}")
    results = report["results"]
    # checkov ends with status 0 on a template that it can't read, having judged nothing of it.
    if results.get("parsing_errors"):
        raise EngineError(f"checkov can't parse {', '.join(results['parsing_errors'])}")
    if int(report["summary"]["resource_count"]) == 0:
        raise EngineError("checkov saw no resource at all")
    for check in results["failed_checks"]:
        yield _finding(context, check, own)


def _policies(context: Context, own: dict[str, Rule]) -> Path:
    """A folder with our policies alone: checkov reads every YAML file that it finds as a policy."""
    folder = context.scratch / "checkov-policies"
    folder.mkdir()
    for name, rule in own.items():
        shutil.copyfile(rule.folder / "rule.yaml", folder / f"{name}.yaml")
    return folder


def _finding(context: Context, check: dict[str, Any], own: dict[str, Rule]) -> Finding:
    stack = context.stack_of(check["file_path"])
    name = str(check["resource"]).rpartition(".")[2]
    source = stack.origin(name)
    rule = own.get(check["check_id"])
    keys = check["check_result"].get("evaluated_keys") or []
    place = [int(step) if step.isdigit() else step for step in str(keys[0]).split("/")[1:]] if keys else []
    return Finding(
        rule=rule.id if rule else check["check_id"],
        title=rule.title if rule else str(check["check_name"]),
        severity=rule.severity if rule else "medium",
        tool="checkov",
        file=stack.document.file,
        line=stack.line(source, *place),
        resource=source,
        environment=stack.environment.name,
        message=f"{check['check_name']} ({name})" if name != source else str(check["check_name"]),
        remediation=rule.remediation if rule else str(check.get("guideline") or ""),
        controls=rule.controls if rule else (),
    )


ENGINE = Engine(
    name="checkov",
    packages=("checkov", "aws_sam_translator"),
    reads=lambda file: file in (APPLICATION, BOOTSTRAP, SAMCONFIG),
    run=run,
)
