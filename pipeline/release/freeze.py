"""Times without deployments, and what may be deployed in them all the same: decisions in a file that has owners."""

import datetime as dt
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.base.errors import ConfigurationError, GateError
from pipeline.base.text import one_line
from pipeline.release import decisions
from pipeline.source.samconfig import Environment

log = logging.getLogger(__name__)

FILE = "policies/freezes.toml"
_LONGEST = 90  # days
_TIMES = (dt.date, str)
_FIELDS: Mapping[str, decisions.Fields] = {
    "freeze": {"environment": str, "begins": _TIMES, "until": _TIMES, "reason": str, "owner": str},
    "exception": {"environment": str, "release": str, "reason": str, "owner": str},
}
_HEAD = """\
# Times in which an environment takes no deployment ([[freeze]], also by `pipeline freeze`), and what it takes all the
# same ([[exception]]: `release` is a whole commit, or a tag vX.Y.Z). What stands on the branch that is deployed counts;
# who owns this file decides. A freeze ends by itself.
"""


@dataclass(frozen=True)
class Freeze:
    """No deployment to `environment` from `begins` until `until` (UTC), for `reason`, as `owner` decided."""

    environment: str
    begins: dt.datetime
    until: dt.datetime
    reason: str
    owner: str

    @property
    def text(self) -> str:
        """Until when, why and by whom."""
        return one_line(f"until {self.until:%Y-%m-%d %H:%M} UTC: {self.reason} ({self.owner})")


@dataclass(frozen=True)
class Exemption:
    """A release, by its commit or tag, that `environment` takes in a freeze."""

    environment: str
    release: str
    reason: str
    owner: str


def add(environment: Environment, begins: str | None, until: str, reason: str, owner: str) -> Freeze:
    """Write a freeze into the file; it counts once that is merged. Raises ConfigurationError."""
    now = dt.datetime.now(dt.UTC)
    end = decisions.time(until, f"--until {until}")
    start = decisions.time(begins, f"--from {begins}") if begins else now.replace(microsecond=0)
    if not now < end <= now + dt.timedelta(days=_LONGEST):
        raise ConfigurationError(f"--until {until} is not within the next {_LONGEST} days.")
    if not start < end:
        raise ConfigurationError(f"--from {begins} is not before --until {until}.")
    if not reason.strip() or not owner.strip():
        raise ConfigurationError("A freeze needs a reason and an owner.")
    path = environment.repository / FILE
    text = path.read_text(encoding="utf-8") if path.exists() else _HEAD
    made = Freeze(environment.name, start, end, reason.strip(), owner.strip())
    entry = decisions.written("freeze", vars(made))
    parse(f"{text}\n{entry}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n{entry}", encoding="utf-8")
    return made


def check(environment: Environment, commit: str) -> tuple[str, ...]:
    """Raises GateError while the environment is frozen, unless the file excepts the commit.

    Returns the decision by which it is excepted, for the records.
    """
    freezes, exempt = parse(decisions.merged(environment, FILE))
    frozen = _of_now(freezes, environment, dt.datetime.now(dt.UTC))
    if frozen is None:
        return ()
    for one in exempt:
        if one.environment == environment.name and decisions.names(
            one.release, commit, environment.repository
        ):
            said = one_line(
                f"Deployed in the freeze {frozen.text}, as {one.owner} decided of {one.release}: {one.reason}"
            )
            log.info(f"  {environment.name} is frozen. {said}")
            return (said,)
    entry = {"environment": environment.name, "release": commit, "reason": "...", "owner": "..."}
    raise GateError(
        f"{environment.name} is frozen {frozen.text}",
        f"Wait. What can't wait is excepted by the owners of {FILE}, on {environment.application.branch}:\n"
        + decisions.pasted(decisions.written("exception", entry))
        + "  A title or a message excepts nothing.",
    )


def decide(environment: Environment, actor: str) -> tuple[str, ...]:
    """The decision to put an earlier release back while the environment is frozen: `actor`'s, who started it.

    It isn't stopped: a fault that serves waits for no owner. But it has a name, in the records and in what is printed.
    """
    frozen = active(environment, dt.datetime.now(dt.UTC))
    if frozen is None:
        return ()
    said = one_line(f"Put back in the freeze {frozen.text}, as {actor} decided, who started it")
    log.info(f"  {environment.name} is frozen. {said}")
    return (said,)


def active(environment: Environment, now: dt.datetime) -> Freeze | None:
    """The freeze that holds now, by the file on the application's branch; of several, the one that ends last."""
    freezes, _ = parse(decisions.merged(environment, FILE))
    return _of_now(freezes, environment, now)


def _of_now(freezes: Iterable[Freeze], environment: Environment, now: dt.datetime) -> Freeze | None:
    found = [one for one in freezes if one.environment == environment.name and one.begins <= now < one.until]
    return max(found, key=lambda one: one.until, default=None)


def parse(text: str) -> tuple[list[Freeze], list[Exemption]]:
    """The freezes in a file, and what is excepted. Raises ConfigurationError: none must be overlooked."""
    frozen: list[Freeze] = []
    exempt: list[Exemption] = []
    for table, entry in decisions.entries(text, FILE, _FIELDS):
        if table == "freeze":
            begins, until = (decisions.time(entry[name], f"{FILE}: {name}") for name in ("begins", "until"))
            frozen.append(Freeze(entry["environment"], begins, until, entry["reason"], entry["owner"]))
        else:
            named = decisions.checked_release(entry["release"], f"{FILE}: [[exception]]")
            exempt.append(Exemption(entry["environment"], named, entry["reason"], entry["owner"]))
    return frozen, exempt
