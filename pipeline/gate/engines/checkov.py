"""checkov's built-in checks, on every stack without its conditions."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pipeline.base.run import Completed
from pipeline.gate.engines.base import Context, Engine, EngineError, parsed
from pipeline.gate.engines.programs import CHECKOUT, call
from pipeline.gate.findings import Finding
from pipeline.source.environments import SAMCONFIG
from pipeline.source.project import APPLICATION, BOOTSTRAP
from pipeline.source.values import refers

# Built-in checks that are switched off, each with its reason. Where one has a true core, a rule of our own
# takes its place, which knows more than one resource.
_OFF = {
    "CKV_AWS_117": "a function outside of a VPC is sound: what it may reach is said by IAM",
    "CKV_AWS_120": "a cache may serve one caller's answer to another; rule api_cache judges those there are",
    "CKV_AWS_116": "what an API calls leaves no dead letters; rule dead_letters judges the others",
    "CKV_AWS_18": "the bucket of the logs can't log to itself; rule bucket_access_log judges the others",
}
# Checks of identity policies that are wrong for a permissions boundary, which is a ceiling and grants nothing.
# The rules of the group iam judge boundaries.
_NOT_ON_BOUNDARIES = {"CKV_AWS_107", "CKV_AWS_108", "CKV_AWS_109", "CKV_AWS_110", "CKV_AWS_111"}


def run(context: Context) -> Iterator[Finding]:
    arguments = ["--framework", "cloudformation", "--output", "json"]
    arguments += ["--skip-check", ",".join(_OFF), "--skip-download", "--compact", "--quiet", "--soft-fail"]
    done = _call(context, arguments)
    if done.status != 0:
        raise EngineError(f"checkov ended with status {done.status}: {done.stderr[-2000:]}")
    if not context.project.stacks:
        return
    report = parsed("checkov", done.stdout)
    report = report[0] if isinstance(report, list) else report
    if "results" not in report:
        raise EngineError(f"checkov judged nothing: {done.stdout[:200]!r} {done.stderr[-2000:]}")
    results = report["results"]
    # checkov ends with status 0 on a template that it can't read, having judged nothing of it.
    if results.get("parsing_errors"):
        raise EngineError(f"checkov can't parse {', '.join(results['parsing_errors'])}")
    if int(report["summary"]["resource_count"]) == 0:
        raise EngineError("checkov saw no resource at all")
    for check in results["failed_checks"]:
        finding = _finding(context, check)
        if finding.rule not in _NOT_ON_BOUNDARIES or not _is_boundary(context, check):
            yield finding


def _call(context: Context, arguments: list[str]) -> Completed:
    """Let checkov start while another thread expands the templates; see the driver."""
    mark, folder = context.scratch / "expanded.mark", context.scratch / "resolved"

    def prepare() -> None:
        try:
            _ = context.resolved
        finally:
            folder.mkdir(exist_ok=True)
            mark.touch()

    with ThreadPoolExecutor(1) as pool:
        prepared = pool.submit(prepare)
        driver = Path(__file__).with_name("checkov_driver.py")
        python = CHECKOUT / ".tools/policy/bin/python"
        done = call(python, ["-P", str(driver), str(mark), str(folder), *arguments], context)
        prepared.result()
    return done


def _is_boundary(context: Context, check: dict[str, Any]) -> bool:
    """Whether the resource is a policy that serves as a boundary, and is attached to nothing."""
    stack = context.stack_of(check["file_path"])
    name = str(check["resource"]).rpartition(".")[2]
    resources = stack.resources.values()
    attached = any(name in refers(one.get("ManagedPolicyArns")) for one in resources)
    attached = attached or any(name == one.id and one.get("Roles") for one in resources)
    return not attached and any(name in refers(one.get("PermissionsBoundary")) for one in resources)


def _finding(context: Context, check: dict[str, Any]) -> Finding:
    stack = context.stack_of(check["file_path"])
    name = str(check["resource"]).rpartition(".")[2]
    source = stack.origin(name)
    keys = check["check_result"].get("evaluated_keys") or []
    named = (
        ".".join(step for step in str(keys[0]).split("/")[1:] if not step.strip("[]").isdigit())
        if keys
        else ""
    )
    place = [int(step) if step.isdigit() else step for step in str(keys[0]).split("/")[1:]] if keys else []
    return Finding(
        rule=check["check_id"],
        title=str(check["check_name"]),
        severity="medium",
        tool="checkov",
        file=stack.document.file,
        line=stack.line(source, *place),
        resource=source,
        fact=" ".join(filter(None, (stack.made(name), named))) or str(check["resource"]).rpartition(".")[0],
        environment=stack.environment.name,
        message=f"{check['check_name']} ({name})" if name != source else str(check["check_name"]),
        remediation=str(check.get("guideline") or ""),
    )


ENGINE = Engine(
    name="checkov",
    packages=("checkov", "aws_sam_translator"),
    reads=lambda file: file in (APPLICATION, BOOTSTRAP, SAMCONFIG),
    run=run,
)
