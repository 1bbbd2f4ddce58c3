"""Who can become whom, as the reports show it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One cell of the trust matrix: a job that can ask for a token, and a role.

    who       the job, as WORKFLOW / JOB, with the event that starts it
    subject   the `sub` that GitHub puts into the job's token
    role      the role's name
    allowed   whether the role's trust policy lets that subject in
    intended  whether it should
    """

    who: str
    subject: str
    role: str
    allowed: bool
    intended: bool

    @property
    def wrong(self) -> bool:
        return self.allowed != self.intended
