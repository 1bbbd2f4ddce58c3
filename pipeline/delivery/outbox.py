"""What the ledger did not take: kept in the artifact bucket, and delivered by the next deployment, exactly once."""

import json
from dataclasses import asdict

import boto3

from pipeline.base import summary
from pipeline.base.canonical import canonical
from pipeline.base.errors import PipelineError
from pipeline.delivery import store
from pipeline.ledger import client as ledger
from pipeline.source.samconfig import Environment

_FOLDER = "releases/unrecorded"  # no other account reads this, unlike what is promoted
_DELIVERED = b""  # the deploy role can write objects, and delete none


def keep(session: boto3.Session, environment: Environment, row: ledger.Deployment) -> str:
    """Keep a deployment for later, under its id; returns where."""
    key = f"{_FOLDER}/{row.id}.json"
    store.write(session, environment.bucket, key, canonical(asdict(row)))
    return f"s3://{environment.bucket}/{key}"


def deliver(session: boto3.Session, environment: Environment, url: str) -> int:
    """Tell the ledger behind `url` what was kept; how many deployments it took.

    The ledger knows a record by its id, so that one which is told twice, or by two at once, is recorded once.
    What can't be delivered stays for the next time, and a warning tells of it.
    """
    count = 0
    try:
        for key in store.filled(session, environment.bucket, f"{_FOLDER}/"):
            raw = store.read(session, environment.bucket, key)
            if raw:
                ledger.add(session, url, ledger.PATH, json.loads(raw))
                store.write(session, environment.bucket, key, _DELIVERED)
                count += 1
    except (PipelineError, ValueError) as error:
        said = error.message if isinstance(error, PipelineError) else f"{key} is no JSON: {error}"
        summary.warning("Still not recorded", f"An earlier deployment waits to be recorded: {said}")
    return count
