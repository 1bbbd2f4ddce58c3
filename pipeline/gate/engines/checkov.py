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

# Built-in checks that are switched off, each with its reason. Where one has a true core, a rule of our own
# takes its place, which knows more than one resource.
OFF = {
    "CKV_AWS_117": "a function outside of a VPC is sound: what it may reach is said by IAM",
    "CKV_AWS_120": "a cache may serve one caller's answer to another; rule api_cache judges those there are",
    "CKV_AWS_116": "what an API calls leaves no dead letters; rule dead_letters judges the others",
    "CKV_AWS_18": "the bucket of the logs can't log to itself; rule bucket_access_log judges the others",
}
# Built-in checks that own rules say as well, and more than they do: a fact is told once. Which, and what the rule knows
# that the check doesn't. A test holds the two against each other.
SAID = {
    "CKV_AWS_7": ("key_kept",),  # how soon a key is gone, and how it signs
    "CKV_AWS_16": ("encrypted_at_rest",),  # clusters beside instances
    "CKV_AWS_17": ("database_guarded",),  # clusters, protection, backups
    "CKV_AWS_19": ("encrypted_at_rest",),  # dsse is sound
    "CKV_AWS_20": ("bucket_public",),  # any ACL, web sites, copies
    "CKV_AWS_24": ("database_guarded",),  # any port
    "CKV_AWS_25": ("database_guarded",),
    "CKV_AWS_26": ("encrypted_at_rest",),  # keys of AWS
    "CKV_AWS_27": ("encrypted_at_rest",),  # SQS's own encryption is sound
    "CKV_AWS_28": ("database_guarded",),
    "CKV_AWS_33": ("public_principal",),  # every resource's policy
    "CKV_AWS_40": ("no_users",),  # groups, users themselves
    "CKV_AWS_42": ("encrypted_at_rest",),
    "CKV_AWS_43": ("encrypted_at_rest",),
    "CKV_AWS_45": ("secret_in_environment",),  # names, tokens of others, parameters that hold a secret
    "CKV_AWS_53": ("bucket_public",),  # one finding a bucket
    "CKV_AWS_54": ("bucket_public",),
    "CKV_AWS_55": ("bucket_public",),
    "CKV_AWS_56": ("bucket_public",),
    "CKV_AWS_57": ("bucket_public",),
    "CKV_AWS_59": ("open_route",),  # SAM's routes, HTTP APIs
    "CKV_AWS_60": ("public_principal",),  # conditions that tie a principal
    "CKV_AWS_61": ("foreign_principal",),  # more than the first statement
    "CKV_AWS_62": ("wildcard_action",),  # any pattern of actions
    "CKV_AWS_63": ("wildcard_action",),
    "CKV_AWS_66": ("log_retention",),  # how long
    "CKV_AWS_73": ("api_traced",),  # functions beside stages
    "CKV_AWS_76": ("api_logged",),  # what the log tells
    "CKV_AWS_95": ("api_logged",),
    "CKV_AWS_96": ("encrypted_at_rest",),
    # These five tell what a policy on every resource may do; the rules tell each such policy, but for actions that
    # know no resource. Boundaries, which grant nothing, are judged by rules of their own.
    "CKV_AWS_107": ("wildcard_resource", "wildcard_action", "escalation"),
    "CKV_AWS_108": ("wildcard_resource", "wildcard_action"),
    "CKV_AWS_109": ("wildcard_resource", "wildcard_action"),
    "CKV_AWS_110": ("wildcard_resource", "wildcard_action"),
    "CKV_AWS_111": ("wildcard_resource", "wildcard_action"),
    "CKV_AWS_115": ("concurrency",),  # none at all, and more than an account has
    "CKV_AWS_119": ("encrypted_at_rest",),
    "CKV_AWS_149": ("encrypted_at_rest",),
    "CKV_AWS_158": ("encrypted_at_rest",),
    "CKV_AWS_173": ("encrypted_settings",),  # functions that call themselves
    "CKV_AWS_258": ("function_url",),  # URLs beside an API
    "CKV_AWS_260": ("database_guarded",),
    "CKV_AWS_363": ("runtime",),  # any but the one that the code was built for
    "CKV_AWS_364": ("service_principal_tied",),  # sources that tie nothing
    "CKV_AWS_384": ("ssm_plain_secret",),  # any name that promises a secret
}


def run(context: Context) -> Iterator[Finding]:
    arguments = ["--framework", "cloudformation", "--output", "json"]
    arguments += [
        "--skip-check",
        ",".join((*OFF, *SAID)),
        "--skip-download",
        "--compact",
        "--quiet",
        "--soft-fail",
    ]
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
        yield _finding(context, check)


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
