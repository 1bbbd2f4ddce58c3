"""A bundle on an environment, or the previous one still serving."""

import datetime as dt
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3

from pipeline.base import summary
from pipeline.base.errors import GateError, PipelineError, said
from pipeline.delivery import (
    authorities,
    aws,
    bundle,
    changeset,
    concurrency,
    deployment,
    functions,
    hosting,
    parameters,
    smoke,
    stack,
    store,
)
from pipeline.delivery.bundle import Bundle
from pipeline.delivery.changeset import ChangeSet
from pipeline.delivery.deployment import Deployment
from pipeline.delivery.functions import Function
from pipeline.delivery.stack import Stack
from pipeline.evidence import attestations, issuing, notes, pending, people, records, served, telling
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


def put(
    environment: Environment,
    digest: str,
    *,
    source: Path | None = None,
    reports: Path | None = None,
) -> None:
    """Put the bundle `digest` on the environment, from the folder `source` or the environment's bucket.

    `reports` are those of lint, policy and test, which are signed. Raises GateError when the release doesn't serve
    afterwards, or when it does and evidence of it is missing.
    """
    hosting.check(environment)
    session = aws.session(environment)
    arn = aws.check_account(session, environment)
    with tempfile.TemporaryDirectory(prefix="deploy-") as scratch:
        made = take(session, environment, digest, source, Path(scratch) / "bundle")
        withdrawal.check(session, environment, made)
        tag = deployment.tag()
        decisions = freeze.check(environment, made.commit)
        checks = _statements(session, environment, made, reports)
        actor = deployment.started_by(arn)
        under_way = begin(session, environment, made, actor, version=tag, decisions=decisions)
        if environment.promote_from:
            found = _foreign(under_way, drift.find(session, environment, under_way.before))
            adopted = drift.check(found, environment, made.commit)
            under_way = replace(under_way, decisions=(*decisions, *adopted))
        behind = records.gather(under_way, reports, checks)
        deploy(under_way, checks)
        records.tell(under_way, behind)


def begin(
    session: boto3.Session,
    environment: Environment,
    made: Bundle,
    actor: str,
    *,
    kind: str = "deploy",
    version: str | None = None,
    decisions: tuple[str, ...] = (),
) -> Deployment:
    """Look at what is there, finish what a run before this one left, and see whether this may come after it."""
    under_way = deployment.begin(
        session, environment, made, actor, kind=kind, version=version, decisions=decisions
    )
    _finish(under_way)
    return under_way


def _finish(under_way: Deployment) -> None:
    """Make the evidence of a release that serves without it, as it was noted before it was executed.

    One that can't be shown to serve stops nothing: what comes now replaces it. Raises GateError where it serves, and
    its evidence still can't be made.
    """
    session, environment, before = under_way.session, under_way.environment, under_way.before
    try:
        left = pending.find(session, environment, before.parameters) if before.exists else None
    except notes.DisbelievedError as error:
        summary.warning("Not believed", error.message)
        return
    if left is None:
        return
    log.info(f"{environment.name}: release {left.release} {pending.STATE}; it is made up for")
    with tempfile.TemporaryDirectory(prefix="pending-") as scratch:
        try:
            made = store.get(session, environment.bucket, left.bundle, Path(scratch) / "bundle")
            earlier = Deployment(
                environment,
                application.of(made.commit, environment.repository, environment.application),
                session,
                made,
                parameters.Release(before.parameters, left.release),
                before,
                left.actor,
                left.version,
                left.started_at,
                left.kind,
                tuple(left.decisions),
            )
            live = _prove(earlier, before)
        except Exception as error:  # whatever it is: nobody knows that it serves
            summary.warning(
                "Still without evidence", f"Release {left.release} can't be shown to serve: {said(error)}"
            )
            return
        _complete(earlier, before, left.passport, live)
        checks = (left.passport or {}).get("checks", {})
        records.tell(earlier, records.gather(earlier, None, checks))


def _complete(
    under_way: Deployment, after: Stack, gathered: Mapping[str, Any] | None, live: Mapping[str, Any]
) -> None:
    """Issue and record what there is to tell of a release that serves. Raises GateError when that isn't whole."""
    name = under_way.environment.name
    try:
        detail = None
        if gathered is not None:
            detail = f"passport {issuing.issue(under_way, gathered, live)}"
        telling.succeeded(under_way, after, detail)
    except Exception as error:  # whatever it is: the release serves, and nothing is to be put back
        raise GateError(
            f"{name}: release {under_way.release.digest} serves, but evidence of it is missing: {said(error)}",
            "Put nothing back. Mend the cause, and run this again: it leaves what serves as it is, and makes up for\n"
            "  what is missing. So does the next release, before it changes anything.",
        ) from error
    _unnote(under_way)  # it is recorded, and so isn't taken for one that is missing


def _unnote(under_way: Deployment) -> None:
    """What was noted as pending is so no longer. Raises nothing."""
    with telling.spared("A note is left", "Nothing depends on it"):
        pending.done(under_way)


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


class _UnsureError(GateError):
    """Nobody knows what serves."""


def deploy(under_way: Deployment, checks: Mapping[str, Any] | None = None) -> None:
    """Make the change set, gate it, execute it, look at what serves, record it.

    Raises GateError when the release does not serve; then the previous one does, if there was any; when it
    serves, but evidence of it is missing; and when nobody can tell. When nothing changes, and it was recorded, there
    is nothing to do. `checks` are the verified statements about the bundle, for the passport of a release.
    """
    name, version = under_way.environment.name, under_way.released
    if under_way.kind == "rollback" and (approved := people.approval()):  # it has no passport that says so
        under_way = replace(under_way, decisions=(*under_way.decisions, approved))
    try:
        known = issuing.gather(under_way, version, checks or {}) if version else None
        after, gathered = _change(under_way, known)
        if after is None and _is_recorded(under_way):
            log.info(f"{name}: nothing to change, this release serves already")
            telling.catch_up(under_way, under_way.before)
            telling.show_address(under_way, under_way.before)
            return
        after = after or under_way.before
        try:
            live = _prove(under_way, after)
        except Exception as error:  # whatever it is: nobody knows that the release serves
            hint = error.hint if isinstance(error, PipelineError) else ""
            raise GateError(f"{said(error)}\n  {_restore(under_way, said(error))}", hint) from error
    except _UnsureError:
        raise  # what is noted as pending tells the next run
    except PipelineError as error:
        telling.failed(under_way, error.message)
        raise
    _complete(under_way, after, gathered, live)
    log.info(f"{name}: release {under_way.release.digest} serves at {live['api']}")


def _change(
    under_way: Deployment, gathered: Mapping[str, Any] | None
) -> tuple[Stack | None, Mapping[str, Any] | None]:
    """Put the release on the stack as planned; returns the stack after it, None when there was nothing to change.

    Also what was gathered for its passport, with the plan and the change set.
    """
    made, release = under_way.bundle, under_way.release
    template = _template(under_way, release.parameters)
    authorities.check(made, template, release.ssm, under_way.application.folders)
    if not under_way.before.exists:
        concurrency.check(under_way.session, template)
    effect = binding.plan(under_way.session, under_way.environment, under_way.before, template, release.ssm)
    whole: Mapping[str, Any] | None = gathered

    def note(changes: ChangeSet | None) -> None:
        nonlocal whole
        whole = None if gathered is None else issuing.planned(gathered, effect if changes else None, changes)
        if changes is not None:
            pending.note(under_way, whole)

    after = _apply(under_way, made, release.parameters, effect, note)
    return after, whole


def _template(under_way: Deployment, values: Mapping[str, str]) -> Template:
    """The bundle's template as these parameters deploy it."""
    made = under_way.bundle
    text = made.path(bundle.TEMPLATE).read_text(encoding="utf-8")
    environment = under_way.environment
    return sources.bundled(environment.name, text, made.files, values, environment.repository)


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
    try:
        known = served.find(under_way.session, under_way.environment, under_way.bundle.commit)
    except notes.DisbelievedError as error:
        summary.warning("Not believed", f"{error.message} The release is looked at, and noted anew.")
        return False
    return known is not None and known.release == under_way.release.digest


def _apply(
    under_way: Deployment,
    made: Bundle,
    values: Mapping[str, str],
    effect: Effect | None = None,
    note: Callable[[ChangeSet | None], None] = lambda _: None,
) -> Stack | None:
    """Change the stack to `made` with these parameters; None when there was nothing to change.

    With `effect`, the change set may do nothing that isn't in it. `note` is told of the change set last of all before
    its execution, or that there is none.
    """
    session, environment = under_way.session, under_way.environment
    changes = changeset.make(session, environment, made, values)
    if changes is None:
        note(None)
        return None
    executed = False
    try:
        log.info(f"change set of {changes.stack}:\n{changeset.show(changes)}")
        today = dt.datetime.now(dt.UTC).date()
        changeset.gate(changes, approvals.stateful(environment.repository, environment.name, today))
        if effect is not None:
            binding.check(effect, changes)
        note(changes)
        executed = True
        return _execute(under_way, changes, values["ReleaseDigest"])
    finally:
        if not executed:  # refused or interrupted: no change set stays behind that somebody could execute
            changeset.delete(session, changes.stack, changes.arn)


def _execute(under_way: Deployment, changes: ChangeSet, release: str) -> Stack:
    """Execute the change set, and wait for its end; a look at AWS that fails says nothing about what serves."""
    try:
        return changeset.execute(under_way.session, changes)
    except PipelineError as error:
        try:
            found = stack.read(under_way.session, changes.stack)
        except PipelineError:
            found = None
        if (
            found is not None
            and found.status in stack.READY
            and found.parameters.get("ReleaseDigest") == release
        ):
            if found.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
                return found
        elif (
            found is not None
            and found.status != "REVIEW_IN_PROGRESS"
            and not found.status.endswith("_IN_PROGRESS")
        ):
            raise  # it was not begun, or CloudFormation ended it
        raise _UnsureError(
            f"{under_way.environment.name}: whether release {release} serves can't be told: {error.message}",
            "Run this again: it takes what is there for what it is, and finishes it. So does the next release.",
        ) from error


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
            earlier = _earlier(under_way, made)
            moved = earlier.release.digest != previous.parameters.get("ReleaseDigest")
            if moved:
                with telling.spared("Not noted", "What is put back"):
                    pending.note(earlier, None)
            after = _apply(earlier, made, earlier.release.parameters) or previous
            _unnote(under_way)
            live = _prove(earlier, after)
            if moved:
                with telling.spared("Evidence is missing", "What was put back"):
                    _complete(earlier, after, None, live)
    except Exception as error:  # none of them may hide why the release was to be taken away
        return f"The previous release (bundle {digest}) could not be put back: {said(error)}"
    again = ", as a release of its own: a value in SSM has moved since" if moved else ""
    return f"The previous release (commit {made.commit}) was put back, and serves{again}."


def _earlier(under_way: Deployment, made: Bundle) -> Deployment:
    """What served before, as a deployment of its own: a rollback, with what SSM says now."""
    session, environment, previous = under_way.session, under_way.environment, under_way.before
    known = None
    with telling.spared("Not known", "The version of what is put back"):
        known = served.find(session, environment, made.commit)
    return replace(
        under_way,
        application=application.of(made.commit, environment.repository, environment.application),
        bundle=made,
        release=parameters.as_before(session, made, previous.parameters),
        version=known.version if known else None,
        started_at=deployment.now(),
        kind="rollback",
        decisions=(),
    )
