"""`pipeline deploy ENV --bundle DIGEST`: put a bundle on an environment, or leave the previous one serving."""

import argparse
import base64
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import boto3

from pipeline import aws, bundle, changeset, deployment, samconfig, smoke, store
from pipeline.bundle import Bundle
from pipeline.deployment import Deployment
from pipeline.errors import GateError, PipelineError
from pipeline.samconfig import Environment
from pipeline.stack import Stack

BUILT = Path("build/bundle")


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
        help=f"the bundle's folder ({BUILT} if it holds that bundle, else the bucket)",
    )


def main(args: argparse.Namespace) -> int:
    """Deploy; exit 0 when the release serves."""
    environment = samconfig.read(Path.cwd(), args.environment)
    session = aws.session(environment)
    arn = aws.check_account(session, environment)
    with tempfile.TemporaryDirectory(prefix="deploy-") as scratch:
        made = take(session, environment, args.bundle, args.source, Path(scratch) / "bundle")
        actor = os.environ.get("GITHUB_ACTOR") or arn
        deploy(deployment.begin(session, environment, made, actor, version=deployment.tag()))
    return 0


def deploy(under_way: Deployment) -> None:
    """Make the change set, gate it, execute it, look at what serves, record it.

    Raises GateError when the release does not serve; then the previous one does, if there was any. When nothing
    changes, this finishes what a run before it may have left undone: the proof and the records.
    """
    name = under_way.environment.name
    try:
        after = _apply(under_way, under_way.bundle, under_way.release.parameters)
        if after is None and _is_recorded(under_way):
            print(f"{name}: nothing to change, this release serves already")
            return
        try:
            _prove(under_way, after or under_way.before)
        except PipelineError as error:
            raise GateError(f"{error.message}\n  {_restore(under_way)}", error.hint) from error
    except PipelineError as error:
        deployment.failed(under_way, error.message)
        raise
    deployment.succeeded(under_way, after or under_way.before)
    print(f"{name}: release {under_way.release.digest} serves")


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


def _apply(under_way: Deployment, made: Bundle, values: Mapping[str, str]) -> Stack | None:
    """Change the stack to `made` with these parameters; None when there was nothing to change."""
    session, environment = under_way.session, under_way.environment
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
            changeset.delete(session, changes.stack, changes.arn)


def _prove(under_way: Deployment, after: Stack) -> None:
    """Is what serves the bytes of the bundle, and does it answer as the release?"""
    function, _, qualifier = after.output("AppFunctionAlias").rpartition(":")
    with aws.errors("reading back the function's code"):
        client = under_way.session.client("lambda", config=aws.CONFIG)
        live = client.get_function(FunctionName=function, Qualifier=qualifier)["Configuration"]["CodeSha256"]
    built = base64.b64encode(bytes.fromhex(under_way.bundle.files["app.zip"])).decode()
    if live != built:
        raise GateError(f"The function runs code with the SHA-256 {live}; the bundle's is {built} (base64).")
    print(f"  the function's code is the bundle's, SHA-256 {under_way.bundle.files['app.zip']}")
    expected = {
        "commit": under_way.bundle.commit,
        "bundle": under_way.bundle.digest,
        "environment": under_way.environment.name,
        "release": under_way.release.digest,
    }
    smoke.check(after.output("ApiUrl"), expected)


def _restore(under_way: Deployment) -> str:
    """Put the previous release back, from its bundle and parameters; says what came of it."""
    previous = under_way.before
    digest = previous.parameters.get("BundleDigest", "")
    if not previous.exists:
        return "There was no previous release to put back: the failed one is in place."
    if previous.parameters.get("ReleaseDigest") == under_way.release.digest:
        return "This release was in place already, and has come to fail: roll back to an earlier one."
    print(f"{under_way.environment.name}: putting the previous release back")
    try:
        with tempfile.TemporaryDirectory(prefix="previous-") as scratch:
            made = store.get(
                under_way.session, under_way.environment.bucket, digest, Path(scratch) / "bundle"
            )
            _apply(under_way, made, previous.parameters)
            smoke.check(previous.output("ApiUrl"), {"commit": made.commit, "bundle": made.digest})
    except PipelineError as error:
        return f"The previous release (bundle {digest}) could not be put back: {error.message}"
    return f"The previous release (commit {made.commit}) was put back, and serves."
