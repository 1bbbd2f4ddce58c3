"""What is stated about a bundle, signed: how it was built, tested, judged, and what is in it.

    provenance  SLSA provenance v1: which workflow built it, from which commit
    tests       test result v0.1: the stages lint and test
    policy      verification summary v1: the verdict of the policy gate
    sbom        its bill of materials, CycloneDX

They lie beside the bundle, as bundles/DIGEST/attestations/NAME.json.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult
from in_toto_attestation.predicates.vsa.v1.vsa_pb2 import VerificationSummary
from securesystemslib.signer import Key, Signer

from pipeline.base import summary
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.delivery import bundle, deployment, parameters, store
from pipeline.delivery.bundle import Bundle
from pipeline.evidence import envelope
from pipeline.source.samconfig import Environment

log = logging.getLogger(__name__)

PROVENANCE = "https://slsa.dev/provenance/v1"
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
POLICY = "https://slsa.dev/verification_summary/v1"
SBOM = "https://cyclonedx.org/bom"
TYPES = {"provenance": PROVENANCE, "tests": TESTS, "policy": POLICY, "sbom": SBOM}
_BUILD = "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1"
_STATED = {"tests": ("lint", "test"), "policy": ("policy",)}
LARGEST_REPORT = 32 << 20  # bytes


@dataclass(frozen=True)
class Builder:
    """Who built: the repository's address, the workflow's path and ref, and the run. Of a laptop, `local`."""

    repository: str
    workflow: str
    ref: str
    run: str

    @property
    def id(self) -> str:
        """As SLSA's `builder.id` names it."""
        return f"{self.repository}/{self.workflow}@{self.ref}" if self.workflow else self.repository


def builder() -> Builder:
    """Who runs this, by the variables that GitHub sets."""
    server, name = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    if not server or not name:
        return Builder("local", "", "", "")
    path, _, ref = os.environ.get("GITHUB_WORKFLOW_REF", "").removeprefix(f"{name}/").partition("@")
    ref = ref or os.environ.get("GITHUB_REF", "")
    return Builder(f"{server}/{name}", path, ref, deployment.run_url() or "")


def publish(
    session: boto3.Session, environment: Environment, made: Bundle, reports: Path | None
) -> dict[str, bytes]:
    """Sign what is known of a bundle, and store it beside it; returns the envelopes by name.

    `reports` holds a folder a stage with its report.json, as `pipeline check` writes them. What has no report is
    not stated, and a bundle without it can't be promoted.
    """
    by = envelope.signer(session, environment.signing_key)
    signed = dict(_signed(by, made, reports))
    for name, content in signed.items():
        store.put_attestation(session, environment.bucket, made.digest, name, content)
    missing = sorted(TYPES.keys() - signed.keys())
    if missing:
        summary.warning(
            "Not promotable", f"There is no report for: {', '.join(missing)}. The bundle can't be promoted."
        )
    log.info(f"  signed by {by.public_key.keyid[:16]}: {', '.join(signed)}")
    return signed


def _signed(by: Signer, made: Bundle, reports: Path | None) -> Iterator[tuple[str, bytes]]:
    subjects = of(made)
    yield "provenance", envelope.sign(by, subjects, PROVENANCE, _provenance(made))
    sbom = json.loads(made.path(bundle.SBOM).read_bytes())
    yield "sbom", envelope.sign(by, subjects, SBOM, sbom)
    for name, stages in _STATED.items():
        found = [one for stage in stages if reports and (one := report(reports, stage, made.commit))]
        if reports and len(found) == len(stages):
            policy = report(reports, "policy", made.commit) if name == "tests" else None
            every = [*found, *([policy] if policy else [])]
            predicate = _tests(found, every) if name == "tests" else _policy(found[0], made)
            yield name, envelope.sign(by, subjects, TYPES[name], predicate)


def of(made: Bundle) -> dict[str, str]:
    """The subjects of every statement about a bundle: its files and its manifest, by SHA-256."""
    return {**made.files, bundle.MANIFEST: made.digest}


def trusted_key(session: boto3.Session, target: Environment) -> Key:
    """Whose signatures an environment believes of what it takes over: the key that its administrator named.

    It stands in the account's bootstrap. Raises ConfigurationError where there is none.
    """
    name = target.application.promotion_key(target.name)
    value = parameters.value(session, name)
    if value is None:
        raise ConfigurationError(
            f"SSM has no parameter {name}, so nobody's signature is trusted.",
            "Deploy bootstrap/template.yaml with PromotionSourceKey; see bootstrap/README.md.",
        )
    return envelope.public_key(value)


def verify(
    raw: Mapping[str, bytes], made: Bundle, key: Key, repository: str | None, branch: str
) -> dict[str, Any]:
    """Check that every statement is there, signed by `key`, about this bundle, and good; returns the predicates.

    With `repository` (its address), the bundle must have been built by a workflow of it on `branch`: a
    bundle of another repository, or of another branch, is refused. Raises GateError.
    """
    found: dict[str, Any] = {}
    for name, predicate_type in TYPES.items():
        what = f"The statement {name} about bundle {made.digest[:16]}"
        if name not in raw:
            raise GateError(f"{what} is missing.", "Deploy its commit to dev anew, by its workflow.")
        said = envelope.verify(raw[name], key, what)
        if said.predicate_type != predicate_type:
            raise GateError(f"{what} is of the type {said.predicate_type!r}, not {predicate_type}.")
        if dict(said.subjects) != of(made):
            raise GateError(f"{what} is about something else: its subjects are not this bundle's files.")
        found[name] = said.predicate
    _check_provenance(found["provenance"], made, repository, branch)
    _check_verdicts(found)
    return found


def _check_provenance(
    predicate: Mapping[str, Any], made: Bundle, repository: str | None, branch: str
) -> None:
    message = _parsed(predicate, Provenance(), "provenance")
    sources = [dict(one.digest).get("gitCommit") for one in message.build_definition.resolved_dependencies]
    if sources != [made.commit]:
        raise GateError(
            f"The provenance says that the bundle was built from {sources}, not from {made.commit}."
        )
    built_by = message.run_details.builder.id
    own = (f"{repository}/.github/workflows/", f"@refs/heads/{branch}")
    if repository is not None and not (built_by.startswith(own[0]) and built_by.endswith(own[1])):
        raise GateError(
            f"The bundle was built by {built_by}, not by a workflow of {repository} on {branch}.",
            f"Only what a workflow of {branch} built is promoted.",
        )


def _check_verdicts(found: Mapping[str, Any]) -> None:
    tests = _parsed(found["tests"], TestResult(), "test result")
    if tests.result != "PASSED":
        raise GateError(
            f"The checks of this bundle ended as {tests.result!r}: {', '.join(tests.failed_tests)}."
        )
    policy = _parsed(found["policy"], VerificationSummary(), "policy verdict")
    if policy.verification_result != "PASSED":
        raise GateError(f"The policy gate said {policy.verification_result!r} of this bundle.")


def _parsed(predicate: Mapping[str, Any], message: Any, what: str) -> Any:
    try:
        json_format.ParseDict(dict(predicate), message)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise GateError(f"The {what} is signed, but malformed: {error}") from error
    return message


def _provenance(made: Bundle) -> dict[str, Any]:
    by = builder()
    source = {"uri": f"git+{by.repository}@{by.ref}", "digest": {"gitCommit": made.commit}}
    names = {
        "event_name": "GITHUB_EVENT_NAME",
        "actor": "GITHUB_ACTOR",
        "repository_id": "GITHUB_REPOSITORY_ID",
    }
    return {
        "buildDefinition": {
            "buildType": _BUILD,
            "externalParameters": {
                "workflow": {"repository": by.repository, "path": by.workflow, "ref": by.ref}
            },
            "internalParameters": {"github": {key: os.environ.get(name, "") for key, name in names.items()}},
            "resolvedDependencies": [source],
        },
        "runDetails": {
            "builder": {"id": by.id},
            "metadata": {
                "invocationId": by.run,
                "finishedOn": deployment.now(),
            },
        },
    }


@dataclass(frozen=True)
class StageReport:
    """A stage's report as it was read: its bytes, and what they say."""

    stage: str
    status: str
    content: bytes
    data: Mapping[str, Any]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def report(reports: Path, stage: str, commit: str) -> StageReport | None:
    """A stage's report, if there is one. Raises ConfigurationError when it isn't of this commit."""
    for path in (reports / f"report-{stage}" / "report.json", reports / stage / "report.json"):
        if path.is_file():
            if path.stat().st_size > LARGEST_REPORT:
                raise ConfigurationError(f"{path} is larger than {LARGEST_REPORT} bytes.")
            raw = path.read_bytes()
            try:
                found = json.loads(raw)
                stages = {one["name"]: one["status"] for one in found["stages"]}
                of_commit = found["commit"]
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise ConfigurationError(f"{path} is not a report of this command: {error!r}") from error
            if of_commit != commit:
                changed = f"changes to {found.get('head')} that aren't committed"
                what = f"commit {of_commit}" if of_commit else changed
                raise ConfigurationError(f"{path} is of {what}, not of commit {commit}.")
            return StageReport(stage, str(stages.get(stage)), raw, found)
    return None


def hold(reports: Path, digests: Mapping[str, str]) -> None:
    """The reports must be those whose SHA-256 the jobs told that made them. Raises GateError with the first other one.

    What is fetched by a name may be what another job, or another run, stored under it.
    """
    for stage, expected in digests.items():
        found = {
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (reports / f"report-{stage}" / "report.json", reports / stage / "report.json")
            if path.is_file() and path.stat().st_size <= LARGEST_REPORT
        }
        if found != {expected}:
            said = ", ".join(sorted(found)) or "not there"
            raise GateError(
                f"The report of {stage} in {reports} is {said}; the job that made it told {expected}.",
                "Somebody stored another one under its name, or the job ran again: run the whole workflow anew.",
            )


def _tests(reports: list[StageReport], every: list[StageReport]) -> dict[str, Any]:
    """The result of `reports`; the configuration names every report, its tools, and what they left out."""
    passed = [one.stage for one in reports if one.status == "passed"]
    failed = [one.stage for one in reports if one.status != "passed"]
    return {
        "result": "FAILED" if failed else "PASSED",
        "configuration": [
            {
                "name": f"{one.stage}/report.json",
                "digest": {"sha256": one.digest},
                "annotations": {
                    "tools": [str(tool) for tool in one.data.get("tools", [])],
                    "scopes": [
                        str(engine["scope"]) for engine in one.data.get("engines", []) if engine.get("scope")
                    ],
                },
            }
            for one in every
        ],
        "url": builder().run,
        "passedTests": passed,
        "failedTests": failed,
    }


def _policy(found: StageReport, made: Bundle) -> dict[str, Any]:
    return {
        "verifier": {"id": builder().id},
        "timeVerified": deployment.now(),
        "resourceUri": f"bundle:{made.digest}",
        "policy": {"uri": f"git+{builder().repository}#policies", "digest": {"gitCommit": made.commit}},
        "inputAttestations": [{"uri": "policy/report.json", "digest": {"sha256": found.digest}}],
        "verificationResult": "PASSED" if found.status == "passed" else "FAILED",
        "slsaVersion": "1.0",
    }
