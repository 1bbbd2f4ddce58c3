"""When an environment was deployed last, by GitHub's own records."""

import datetime as dt
import os
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from pipeline.base import github, summary
from pipeline.base.errors import PipelineError
from pipeline.base.github import RefusedError
from pipeline.plan.model import Deployed

_MOST = 10  # records of an environment that are looked at: if all of them failed, nothing is said


def last(environments: Iterable[str]) -> dict[str, Deployed]:
    """The last deployment of each environment that succeeded, as far as this run's token may ask; else nothing.

    Source: https://docs.github.com/rest/deployments
    """
    if not os.environ.get("GITHUB_TOKEN") or not os.environ.get("GITHUB_REPOSITORY"):
        return {}
    try:
        found = {name: _last(name) for name in environments}
    except RefusedError:
        return {}
    # The last three: an answer that isn't as documented.
    except (PipelineError, LookupError, TypeError, ValueError) as error:
        summary.warning("The plan doesn't say when an environment was deployed last", str(error))
        return {}
    return {name: one for name, one in found.items() if one is not None}


def _last(environment: str) -> Deployed | None:
    asked = f"deployments?environment={quote(environment, safe='')}&per_page={_MOST}"
    for record in github.ask("GET", asked, None):
        states = github.ask("GET", f"deployments/{int(record['id'])}/statuses?per_page=100", None)
        if ended := _first(states, "success"):
            begun = _first(states, "in_progress")
            seconds = int((ended - begun).total_seconds()) if begun and begun <= ended else None
            return Deployed(str(record["sha"]), ended, seconds)
    return None


def _first(states: Iterable[Mapping[str, Any]], state: str) -> dt.datetime | None:
    """When a deployment came into a state first."""
    return min(
        (dt.datetime.fromisoformat(one["created_at"]) for one in states if one["state"] == state),
        default=None,
    )
