"""`pipeline deploy ENV --bundle DIGEST`: put a bundle on an environment, or leave the previous one serving."""

import argparse
import base64
import datetime as dt
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3

from pipeline import aws, bundle, changeset, git, ledger, parameters, samconfig, smoke, stack, store, summary
from pipeline.bundle import Bundle
from pipeline.errors import GateError, PipelineError
from pipeline.samconfig import Environment
from pipeline.stack import Stack

BUILT = Path("build/bundle")


@dataclass(frozen=True)
class Deployment:
    """One deployment under way: where, what, with which credentials, over which previous stack."""

    environment: Environment
    session: boto3.Session
    bundle: Bundle
    release: parameters.Release
    before: Stack
    actor: str
    version: str | None
    started_at: str

    def record(self, status: str, detail: str | None) -> ledger.Deployment:
        """What the ledger is told of it."""
        now = _now()
        run = _run()
        return ledger.Deployment(
            id=ledger.identity(self.environment.name, self.release.digest, run, self.started_at),
            environment=self.environment.name,
            commit=self.bundle.commit,
            bundle=self.bundle.digest,
            release=self.release.digest,
            version=self.version,
            kind="deploy",
            status=status,
            started_at=self.started_at,
            finished_at=now,
            run=run,
            actor=self.actor,
            detail=detail,
        )


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("environment", help="a table of samconfig.toml")
    parser.add_argument(
        "--bundle", required=True, metavar="DIGEST", help="the bundle's digest, 64 hex digits"
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        default=None,
        help=f"the bundle's folder ({BUILT}, else the bucket)",
    )


def main(args: argparse.Namespace) -> int:
    """Deploy; exit 0 when the release serves."""
    environment = samconfig.read(Path.cwd(), args.environment)
    session = aws.session(environment)
    arn = aws.check_account(session, environment)
    with tempfile.TemporaryDirectory(prefix="deploy-") as scratch:
        made = _bundle(session, environment, args.bundle, args.source, Path(scratch) / "bundle")
        deployment = begin(session, environment, made, os.environ.get("GITHUB_ACTOR") or arn)
        deploy(deployment)
    return 0


def begin(session: boto3.Session, environment: Environment, made: Bundle, actor: str) -> Deployment:
    """Look at what is there, and whether this may come after it. Raises GateError when not."""
    print(f"{environment.name}: bundle {made.digest} of commit {made.commit}")
    before = stack.ready(session, environment.stack_name)
    if before.exists:
        _no_overtaking(environment, before, made)
    return Deployment(
        environment=environment,
        session=session,
        bundle=made,
        release=parameters.of_release(session, environment, made),
        before=before,
        actor=actor,
        version=os.environ.get("GITHUB_REF_NAME") if os.environ.get("GITHUB_REF_TYPE") == "tag" else None,
        started_at=_now(),
    )


def deploy(deployment: Deployment) -> None:
    """Make the change set, gate it, execute it, look at what serves, record it.

    Raises GateError when the release does not serve; then the previous one does, if there was any.
    """
    try:
        after = _execute(deployment)
        if after is None:
            print(f"{deployment.environment.name}: nothing to change, this release serves already")
            return
        try:
            _prove(deployment, after)
        except PipelineError as error:
            raise GateError(f"{error.message}\n  {_restore(deployment)}", error.hint) from error
    except PipelineError as error:
        _record(deployment, deployment.before, "failed", error.message)
        _summarize(deployment, "failed", error.message)
        raise
    store.record_commit(deployment.session, deployment.environment.bucket, _commit_record(deployment))
    _record(deployment, after, "succeeded", None)
    _summarize(deployment, "succeeded", after.outputs.get("ApiUrl", ""))
    print(f"{deployment.environment.name}: release {deployment.release.digest} serves")


def _bundle(
    session: boto3.Session, environment: Environment, digest: str, source: Path | None, scratch: Path
) -> Bundle:
    """The bundle, from a folder into the bucket, or from the bucket."""
    folder = source or (BUILT if (BUILT / bundle.MANIFEST).exists() else None)
    if folder is None:
        return store.get(session, environment.bucket, digest, scratch)
    made = bundle.load(folder, digest)
    store.put(session, environment.bucket, made)
    return made


def _no_overtaking(environment: Environment, before: Stack, made: Bundle) -> None:
    """An older commit must not replace a newer one that is live already."""
    live = before.parameters.get("Commit", "")
    if live == made.commit or not git.COMMIT.fullmatch(live):
        return
    if not git.exists(live):
        raise GateError(
            f"{environment.name} runs commit {live}, which this clone does not hold.",
            "Fetch the whole history (fetch-depth: 0). Whether this deployment is newer can't be told without it.",
        )
    if not git.is_ancestor(live, made.commit):
        raise GateError(
            f"{environment.name} runs commit {live}, which {made.commit} does not contain.",
            "An older or foreign commit does not overtake a newer one. Merge first, and deploy the merge.",
        )


def _execute(deployment: Deployment) -> Stack | None:
    """Change the stack; None when there was nothing to change."""
    return _apply(deployment, deployment.bundle, deployment.release.parameters)


def _apply(deployment: Deployment, made: Bundle, values: Mapping[str, str]) -> Stack | None:
    session, environment = deployment.session, deployment.environment
    changes = changeset.make(session, environment, made.path(bundle.TEMPLATE), values)
    if changes is None:
        return None
    executed = False
    try:
        print(f"change set of {changes.stack}:\n{changeset.show(changes)}")
        changeset.gate(changes)
        executed = True
        return changeset.execute(session, changes)
    finally:
        if not executed:  # refused or interrupted: no change set stays behind that somebody could execute
            changeset.delete(session, changes.arn)


def _prove(deployment: Deployment, after: Stack) -> None:
    """Is what serves the bytes of the bundle, and does it answer as the release?"""
    alias = after.outputs["AppFunctionAlias"]
    function, _, qualifier = alias.rpartition(":")
    with aws.errors("reading back the function's code"):
        client = deployment.session.client("lambda", config=aws.CONFIG)
        live = client.get_function(FunctionName=function, Qualifier=qualifier)["Configuration"]["CodeSha256"]
    built = base64.b64encode(bytes.fromhex(deployment.bundle.files["app.zip"])).decode()
    if live != built:
        raise GateError(f"The function runs code with the SHA-256 {live}; the bundle's is {built} (base64).")
    print(f"  the function's code is the bundle's, SHA-256 {deployment.bundle.files['app.zip']}")
    expected = {
        "commit": deployment.bundle.commit,
        "bundle": deployment.bundle.digest,
        "environment": deployment.environment.name,
        "release": deployment.release.digest,
    }
    smoke.check(after.outputs["ApiUrl"], expected)


def _restore(deployment: Deployment) -> str:
    """Put the previous release back, from its bundle and parameters; says what came of it."""
    previous = deployment.before
    digest = previous.parameters.get("BundleDigest", "")
    if not previous.exists:
        return "There was no previous release to put back: the failed one is in place."
    print(f"{deployment.environment.name}: putting the previous release back")
    try:
        with tempfile.TemporaryDirectory(prefix="previous-") as scratch:
            made = store.get(
                deployment.session, deployment.environment.bucket, digest, Path(scratch) / "bundle"
            )
            _apply(deployment, made, previous.parameters)
            smoke.check(previous.outputs["ApiUrl"], {"commit": made.commit, "bundle": made.digest})
    except PipelineError as error:
        return f"The previous release (bundle {digest}) could not be put back: {error.message}"
    return f"The previous release (commit {made.commit}) was put back, and serves."


def _record(deployment: Deployment, at: Stack, status: str, detail: str | None) -> None:
    """Tell the ledger. A ledger that doesn't listen changes nothing about the deployment, but is told of."""
    row = deployment.record(status, detail[:2000] if detail else None)
    url = at.outputs.get("ApiUrl")
    if url is None:
        print("  not recorded: there is no ledger yet")
        return
    try:
        ledger.record(deployment.session, url, row)
        print(f"  recorded in the ledger as {row.id}")
    except PipelineError as error:
        said = f"The deployment could not be recorded in the ledger: {error.message} Record it by hand: {row}"
        print(f"::warning title=Not recorded::{said}" if "GITHUB_ACTIONS" in os.environ else said)
        summary.add(said)


def _commit_record(deployment: Deployment) -> dict[str, str]:
    return {
        "environment": deployment.environment.name,
        "commit": deployment.bundle.commit,
        "bundle": deployment.bundle.digest,
        "release": deployment.release.digest,
        "deployed_at": _now(),
    }


def _summarize(deployment: Deployment, status: str, detail: str) -> None:
    rows = [
        ("environment", deployment.environment.name),
        ("commit", deployment.bundle.commit),
        ("bundle", deployment.bundle.digest),
        ("release", deployment.release.digest),
        ("detail", detail),
    ]
    summary.add(f"### Deployment {status}\n\n" + summary.table(("", ""), rows))


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _run() -> str | None:
    parts = [os.environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*parts) if all(parts) else None
