"""Releases of one bundle, again and again, each by the command in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.base.run import CHECKOUT
from tests.proofs.deployed import DEV, Deployed
from tests.waiting import until


@dataclass(frozen=True)
class Ended:
    """A deployment that ended: its exit status, below zero for a signal, and what it said."""

    status: int
    said: str


@dataclass
class Releases:
    """One bundle that is deployed to dev again and again, each time with another setting: each time a new release."""

    dev: Deployed
    number: int = 0
    process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    def another(self) -> None:
        """Change a setting in the clone's samconfig.toml, as a commit would."""
        self.number += 1
        self.dev.set("ThrottlingBurst", str(100 + self.number))

    def undo(self) -> None:
        """Do what an error asks of an administrator, if the last rollback failed: roll back further."""
        stacks = self.dev.client("cloudformation")

        def status() -> str:
            return str(stacks.describe_stacks(StackName=self.dev.reach.stack)["Stacks"][0]["StackStatus"])

        if status() == "UPDATE_ROLLBACK_FAILED":
            stacks.continue_update_rollback(StackName=self.dev.reach.stack)
            until(lambda: status() == "UPDATE_ROLLBACK_COMPLETE", "the end of the rollback")

    def deploy(self, surroundings: Mapping[str, str]) -> Ended:
        """Deploy what the clone holds, as the deploy role, and wait for the end."""
        self.process = self.begin(surroundings, self.dev.team.clone)
        said, _ = self.process.communicate()
        return Ended(self.process.returncode, said)

    def begin(self, surroundings: Mapping[str, str], clone: Path) -> "subprocess.Popen[str]":
        """Begin to deploy what a clone holds."""
        digest = list(self.dev.team.bundles.values())[-1]  # an older one would be refused
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.proofs.impatient", "deploy", DEV, "--bundle", digest],
            cwd=clone,
            env={
                **{name: os.environ[name] for name in ("PATH", "HOME")},
                "PYTHONPATH": str(CHECKOUT),
                "AWS_RETRY_MODE": "standard",
                "AWS_MAX_ATTEMPTS": "2",  # sam's
                **self.dev.team.hub,
                **self.dev.team._role(DEV),
                **surroundings,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill(self) -> None:
        """End the deployment under way, with all that it started, at once."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def serving(self) -> str:
        """The digest of the release that answers; the health of the application is looked at too."""
        assert self.dev.reach.get("/ready") == {"status": "ok"}
        return str(self.dev.reach.get("/version")["release"])

    def recorded(self, release: str) -> int:
        """How many times the ledger says that this release succeeded."""
        return sum(
            (one["release"], one["status"]) == (release, "succeeded") for one in self.dev.reach.deployments()
        )
