"""An earlier release, put back through the gates of a deployment.

It is quick since nothing is checked or built again: the bundle was, and its bytes and signatures are looked at.
"""

import logging
import re
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import boto3

from pipeline.base.errors import GateError
from pipeline.delivery import aws, deployment, hosting, parameters, stack, store
from pipeline.delivery.bundle import Bundle
from pipeline.delivery.stack import Stack
from pipeline.evidence import attestations, versions
from pipeline.release import deploy, freeze, promote, withdrawal
from pipeline.source import application
from pipeline.source.samconfig import Environment

log = logging.getLogger(__name__)

_MIGRATION = re.compile(r"/migrations/[^/]+\.sql$")


def put_back(environment: Environment, version: str, *, only_prove: bool = False) -> None:
    """Put the release `version` back, or with `only_prove` show that it could be. Raises GateError."""
    if not only_prove:
        hosting.check(environment)
    session = aws.session(environment)
    arn = aws.check_account(session, environment)
    live = stack.ready(session, environment.stack_name)
    with tempfile.TemporaryDirectory(prefix="rollback-") as scratch:
        found = versions.find(session, environment, version)
        made = prove(session, environment, found.bundle, live, Path(scratch))
        if made.commit != found.commit:
            raise GateError(
                f"{version} is commit {found.commit}; the bundle {made.digest} is of {made.commit}."
            )
        log.info(
            f"{environment.name}: {version} can be put back: whole, signed, fits the schema and the parameters"
        )
        if only_prove:
            return
        actor = deployment.started_by(arn)
        decisions = freeze.decide(environment, actor)
        under_way = deploy.begin(
            session, environment, made, actor, kind="rollback", version=found.tag, decisions=decisions
        )
        deploy.deploy(under_way)


def prove_before(environment: Environment) -> None:
    """Prove, before a deployment, that what serves now could be put back after it. Raises GateError."""
    session = aws.session(environment)
    aws.check_account(session, environment)
    live = stack.ready(session, environment.stack_name)
    digest = live.parameters.get("BundleDigest", "")
    if not live.exists or digest == "unreleased":
        log.info(f"{environment.name}: nothing was released yet, so there is nothing to put back")
        return
    with tempfile.TemporaryDirectory(prefix="rollback-") as scratch:
        made = prove(session, environment, digest, live, Path(scratch))
    log.info(f"{environment.name}: what serves (commit {made.commit}) could be put back after a deployment")


def prove(
    session: boto3.Session, environment: Environment, digest: str, live: Stack, scratch: Path
) -> Bundle:
    """The bundle `digest`, if it may be put back over what is live. Raises GateError with the reason.

    It must be retrievable and intact, not withdrawn, signed where the environment takes over another's bundles,
    fit samconfig's parameters, and know how to live with the schema that the live release has made.
    """
    made = store.get(session, environment.bucket, digest, scratch / "earlier")
    withdrawal.check(session, environment, made)
    if environment.promote_from:
        signed = store.attestations(session, environment.bucket, digest, attestations.TYPES)
        promote.verify(session, environment, made, signed)
    parameters.of_release(session, environment, made)
    now = live.parameters.get("BundleDigest", "")
    if live.exists and now not in (digest, "unreleased"):
        live_bundle = store.get(session, environment.bucket, now, scratch / "live")
        _fits_schema(made, live_bundle, environment)
    return made


def _fits_schema(earlier: Bundle, live: Bundle, environment: Environment) -> None:
    """What the earlier release knows of the schema must be unchanged, and what came after must say that it fits.

    A migration fits the release before it when it leaves the schema usable by it, which its first line says:
    `-- Compatible: ` and why. One that doesn't say so was never meant to be rolled back over.
    """
    known, made = _migrations(earlier, environment), _migrations(live, environment)
    for name, text in known.items():
        if name in made and made[name] != text:
            raise GateError(
                f"The migration {name} was changed after {earlier.commit}: its schema can't be known."
            )
    breaking = [
        name
        for name in made.keys() - known.keys()
        if not all(text.startswith(b"-- Compatible: ") for text in made[name])
    ]
    if breaking:
        raise GateError(
            f"The schema has moved on since {earlier.commit}, by {', '.join(sorted(breaking))}.",
            "Go forward: mend the fault in a new release. A migration after which the release before it still runs\n"
            "  says so in its first line: `-- Compatible: ` and why.",
        )


def _migrations(made: Bundle, environment: Environment) -> Mapping[str, frozenset[bytes]]:
    """The SQL files of folders `migrations` in the code of its commit, by name: what the files of that name hold."""
    folders = application.of(made.commit, environment.repository, environment.application).folders
    found: dict[str, set[bytes]] = {}
    for name in made.archives:
        try:
            with zipfile.ZipFile(made.path(name)) as archive:
                for one in filter(_MIGRATION.search, archive.namelist()):
                    if one.startswith(tuple(f"{folder}/" for folder in folders)):
                        found.setdefault(one.rpartition("/")[2], set()).add(archive.read(one))
        except (zipfile.BadZipFile, OSError) as error:
            raise GateError(f"The code of bundle {made.digest} can't be read: {error}") from error
    return {name: frozenset(texts) for name, texts in found.items()}
