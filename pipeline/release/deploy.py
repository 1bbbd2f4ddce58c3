"""A bundle on an environment, or the previous one still serving."""

import datetime as dt
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from pipeline.base.errors import GateError, PipelineError, said
from pipeline.delivery import (
    authorities,
    aws,
    bundle,
    changeset,
    deployment,
    functions,
    parameters,
    smoke,
    store,
)
from pipeline.delivery.bundle import Bundle
from pipeline.delivery.changeset import ChangeSet
from pipeline.delivery.deployment import Deployment
from pipeline.delivery.functions import Function
from pipeline.delivery.stack import Stack
from pipeline.evidence import attestations, issuing, people, records
from pipeline.gate import approvals
from pipeline.plan import binding, sources
from pipeline.plan.model import Effect
from pipeline.release import drift, freeze, promote, withdrawal
from pipeline.release.drift import Drift
from pipeline.source import application
from pipeline.source.samconfig import Environment
from pipeline.source.stacks import Stack as Template

log = logging.getLogger(__name__)

BUILT = Path("build/bundle")


@dataclass(frozen=True)
class Applied:
    """A change set that was executed, the plan that it was bound to, and the stack after it."""

    stack: Stack
    changes: ChangeSet
    effect: Effect | None


def put(
    repository: Path,
    environment: Environment,
    digest: str,
    *,
    source: Path | None = None,
    reports: Path | None = None,
    adopt: str = "",
) -> None:
    """Put the bundle `digest` on the environment, from the folder `source` or the environment's bucket.

    `reports` are those of lint, policy and test, which are signed; `adopt` is why drift may be overwritten. Raises
    GateError when the release doesn't serve afterwards.
    """
    session = aws.session(environment)
    arn = aws.check_account(session, environment)
    with tempfile.TemporaryDirectory(prefix="deploy-") as scratch:
        made = take(session, environment, digest, source, Path(scratch) / "bundle")
        withdrawal.check(session, environment, made)
        freeze.check(repository, environment, made.commit)
        checks = _statements(session, environment, made, reports)
        actor, tag = os.environ.get("GITHUB_ACTOR") or arn, deployment.tag()
        under_way = deployment.begin(session, environment, made, actor, version=tag)
        if environment.promote_from:
            found = drift.find(session, environment, under_way.before, repository)
            drift.check(_foreign(under_way, found), environment, adopt or drift.adoption(tag))
        behind = records.gather(under_way, reports, checks)
        deploy(under_way, checks)
        records.tell(under_way, behind)


def _foreign(under_way: Deployment, found: list[Drift]) -> list[Drift]:
    """The drift that isn't left by a run of this very release, which serves, but whose record was never written."""
    live = under_way.before.parameters
    mine = (under_way.bundle.commit, under_way.bundle.digest, under_way.release.digest)
    if tuple(live.get(name) for name in ("Commit", "BundleDigest", "ReleaseDigest")) != mine:
        return found
    return [one for one in found if (one.kind, one.what) not in drift.RECORD]


def _statements(
    session: boto3.Session, environment: Environment, made: Bundle, reports: Path | None
) -> Mapping[str, Any]:
    """Sign what is known of a bundle that was built for here; verify one that was taken over."""
    if not environment.promote_from:
        attestations.publish(session, environment, made, reports)
        if reports is not None:
            records.keep(session, environment, made, reports)
        return {}
    signed = store.attestations(session, environment.bucket, made.digest, attestations.TYPES)
    return promote.verify(session, environment, made, signed)


def deploy(under_way: Deployment, checks: Mapping[str, Any] | None = None) -> None:
    """Make the change set, gate it, execute it, look at what serves, record it.

    Raises GateError when the release does not serve; then the previous one does, if there was any; and when it
    serves, but evidence of it is missing. When nothing changes, this finishes what a run before it may have left
    undone: the proof and the records. `checks` are the verified statements about the bundle, for the passport of a
    release.
    """
    name, version = under_way.environment.name, under_way.released
    try:
        gathered = issuing.gather(under_way, version, checks or {}) if version else None
        applied = _change(under_way)
        if applied is None and _is_recorded(under_way):
            log.info(f"{name}: nothing to change, this release serves already")
            deployment.catch_up(under_way, under_way.before)
            deployment.show_address(under_way, under_way.before)
            return
        after = applied.stack if applied else under_way.before
        try:
            live = _prove(under_way, after)
        except Exception as error:  # whatever it is: nobody knows that the release serves
            hint = error.hint if isinstance(error, PipelineError) else ""
            raise GateError(f"{said(error)}\n  {_restore(under_way, said(error))}", hint) from error
    except PipelineError as error:
        deployment.failed(under_way, error.message)
        raise
    try:
        detail = people.approval() if under_way.kind == "rollback" else None
        if gathered is not None:
            effect, changes = (applied.effect, applied.changes) if applied else (None, None)
            detail = f"passport {issuing.issue(under_way, gathered, effect, changes, live)}"
        deployment.succeeded(under_way, after, detail)
    except Exception as error:  # whatever it is: the release serves, and nothing is to be put back
        raise GateError(
            f"{name}: release {under_way.release.digest} serves, but evidence of it is missing: {said(error)}",
            "Put nothing back. Mend the cause, and run this again: it leaves what serves as it is, and makes up for\n"
            "  what is missing. Until then the next release is refused, since nobody knows what this one is.",
        ) from error
    log.info(f"{name}: release {under_way.release.digest} serves at {live['api']}")


def _change(under_way: Deployment) -> Applied | None:
    """Put the release on the stack as planned; None when there was nothing to change."""
    made, release = under_way.bundle, under_way.release
    template = _template(under_way, release.parameters)
    authorities.check(made, template, release.ssm, under_way.application.folders)
    effect = binding.plan(
        under_way.session,
        under_way.environment,
        under_way.before,
        made,
        release.parameters,
        release.ssm,
    )
    return _apply(under_way, made, release.parameters, effect)


def _template(under_way: Deployment, values: Mapping[str, str]) -> Template:
    """The bundle's template as these parameters deploy it."""
    made = under_way.bundle
    text = made.path(bundle.TEMPLATE).read_text(encoding="utf-8")
    return sources.bundled(under_way.environment.name, text, made.files, values, Path.cwd())


def take(
    session: boto3.Session, environment: Environment, digest: str, source: Path | None, scratch: Path
) -> Bundle:
    """The bundle `digest`: from a folder into the bucket, or from the bucket. Raises GateError."""
    if source is None and bundle.digest_of(BUILT) == digest:
        source = BUILT
    if source is None:
        return store.get(session, environment.bucket, digest, scratch)
    made = bundle.load(source, digest)
    store.put(session, environment.bucket, made)
    return made


def _is_recorded(under_way: Deployment) -> bool:
    known = store.commit_record(under_way.session, under_way.environment.bucket, under_way.bundle.commit)
    return known is not None and known.get("release") == under_way.release.digest


def _apply(
    under_way: Deployment, made: Bundle, values: Mapping[str, str], effect: Effect | None = None
) -> Applied | None:
    """Change the stack to `made` with these parameters; None when there was nothing to change.

    With `effect`, the change set may do nothing that isn't in it.
    """
    session, environment = under_way.session, under_way.environment
    changes = changeset.make(session, environment, made, values)
    if changes is None:
        return None
    executed = False
    try:
        log.info(f"change set of {changes.stack}:\n{changeset.show(changes)}")
        today = dt.datetime.now(dt.UTC).date()
        changeset.gate(changes, approvals.stateful(Path.cwd(), environment.name, today))
        if effect is not None:
            binding.check(effect, changes)
        executed = True
        return Applied(changeset.execute(session, changes), changes, effect)
    finally:
        if not executed:  # refused or interrupted: no change set stays behind that somebody could execute
            changeset.delete(session, changes.stack, changes.arn)


def _prove(under_way: Deployment, after: Stack) -> dict[str, Any]:
    """Is what serves the bytes of the bundle, and does it answer as the release? Returns what Lambda says of it."""
    made, url = under_way.bundle, after.output(under_way.application.url)
    template = _template(under_way, after.parameters)
    names = functions.names(under_way.session, after.name)
    live = [
        row
        for function in functions.of(template)
        if function.code
        for row in _run(under_way, function, names.get(function.id))
    ]
    expected = {
        "commit": made.commit,
        "bundle": made.digest,
        "environment": under_way.environment.name,
        "release": under_way.release.digest,
    }
    smoke.check(under_way.application, url, expected)
    return {"api": url, "functions": live}


def _run(under_way: Deployment, function: Function, name: str | None) -> Iterator[dict[str, str]]:
    """What a function runs by each of its aliases, or as it stands. Raises GateError where it isn't the bundle's."""
    for alias in function.aliases or ("",):
        called = function.called(alias)
        found = functions.configuration(under_way.session, name, alias) if name else None
        if found is None:
            raise GateError(f"The stack has no function {called}, which the bundle's template makes.")
        if found["CodeSha256"] != function.encoded:
            other = found["CodeSha256"]
            raise GateError(
                f"{called} runs code with the SHA-256 {other}; the bundle's is {function.encoded} (base64)."
            )
        log.info(f"  {called} runs the bundle's code, SHA-256 {function.code}")
        yield {
            "function": function.id,
            "name": str(name),
            "alias": alias,
            "version": str(found.get("Version", "")),
            "code_sha256": function.code,
        }


def _restore(under_way: Deployment, why: str) -> str:
    """Put the previous release back, from its bundle and parameters; says what came of it, and raises nothing.

    `why` is told before that, so that it is known also when this is interrupted.
    """
    previous = under_way.before
    digest = previous.parameters.get("BundleDigest", "")
    if not previous.exists:
        return "There was no previous release to put back: the failed one is in place."
    if previous.parameters.get("ReleaseDigest") == under_way.release.digest:
        return "This release was in place already, and has come to fail: roll back to an earlier one."
    log.info(f"{under_way.environment.name}: putting the previous release back: {why}")
    try:
        with tempfile.TemporaryDirectory(prefix="previous-") as scratch:
            made = store.get(
                under_way.session, under_way.environment.bucket, digest, Path(scratch) / "bundle"
            )
            _apply(under_way, made, parameters.at_once(previous.parameters))
            own = application.of(made.commit, Path.cwd(), under_way.environment.application)
            smoke.check(own, previous.output(own.url), {"commit": made.commit, "bundle": made.digest})
    except Exception as error:  # none of them may hide why the release was to be taken away
        return f"The previous release (bundle {digest}) could not be put back: {said(error)}"
    return f"The previous release (commit {made.commit}) was put back, and serves."
