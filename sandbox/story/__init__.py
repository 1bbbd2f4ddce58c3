"""A change's whole path, told by the real workflows: `make demo`. Each step expects something, or fails."""

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.base.errors import PipelineError
from pipeline.base.run import run, tool
from sandbox import progress
from sandbox.github import Event
from sandbox.progress import Progress
from sandbox.state import Sandbox
from sandbox.story import changes, spent
from sandbox.story.scene import ExpectationError, Scene
from sandbox.story.second_release import SecondRelease, plan_comment

_RECORD = "story.json"  # in the sandbox's folder


@dataclass
class Told:
    """What came of a step: `passed`, what there was to say, and the wall time in seconds."""

    name: str
    passed: bool
    said: str
    seconds: float
    log: Path | None = None


@dataclass
class Story(Scene):
    """The steps in their order, on one sandbox. `tell` runs them and stops at the first that fails."""

    console: Console = field(default_factory=lambda: Console(highlight=False))
    progress: Progress = field(default_factory=lambda: Progress(progress.to(sys.stdout), terminal=False))
    keep: bool = False
    told: list[Told] = field(default_factory=list)
    address: str = ""
    refusals: list[str] = field(default_factory=list)  # the titles of the changes that dev refused
    status: int = 1  # that of a story that isn't told to its end

    @property
    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """The table of contents."""
        second = SecondRelease(self.box, self.commits, self.keep)
        steps = [
            ("start the sandbox, bootstrap both accounts", self.start),
            ("a pull request changes the application", self.pull_request),
            ("its token is refused by both roles", self.token_of_the_pull_request),
            ("merged: dev serves the new version", self.merge),
            ("a tag outside of main is refused", self.tag_outside_of_main),
            ("one with its own workflow gets no role", self.tag_with_its_own_workflow),
            ("v1.2 is refused", lambda: self.bad_tag("v1.2", "is not a release tag")),
            ("v1.2.3-rc.1 is refused", lambda: self.bad_tag("v1.2.3-rc.1", "is not a release tag")),
            ("a lightweight tag is refused", self.lightweight_tag),
            ("v1.0.0 is promoted: prod serves dev's bytes", self.release),
            ("the deploy roles are refused the secret", self.secret),
            *second.steps,
            ("a failing smoke test: the previous version serves", self.broken_smoke),
            ("a failing migration: the previous version serves", self.broken_migration),
            ("the ledger lists what happened", self.what_happened),
            ("the passport is verified without AWS", second.passport),
        ]
        left_out = self.left_out
        return [(name, step) for name, step in steps if step not in left_out]

    @property
    def left_out(self) -> list[Callable[[], str]]:
        """The steps that ask for what this application hasn't."""
        migrates = (self.box.github.source / changes.MIGRATIONS).is_dir()
        return [
            *([] if migrates else [self.broken_migration]),
            *([] if self.box.application.ledger else [self.what_happened]),
        ]

    def tell(self) -> bool:
        """Run the steps, a line each; whether all went as they should."""
        self.box.github.progress = self.progress.inside
        self.box.say = lambda text: self.progress.inside("so far", text)
        for number, (name, step) in enumerate(self.steps, 1):
            start = time.monotonic()
            log: Path | None = None
            self.progress.begin(f"{number}/{len(self.steps)} {name}")
            try:
                said, passed = step(), True
            except ExpectationError as error:
                said, passed, log = str(error), False, error.log
            except PipelineError as error:
                said, passed, self.status = str(error), False, error.exit_code
            except Exception as error:  # whatever a step raises, it has failed, and the sandbox must be ended
                said, passed = f"{type(error).__name__}: {error}", False
            self.progress.end()
            self.told.append(Told(name, passed, said, time.monotonic() - start, log))
            self._keep_record()
            mark = "[green]ok  [/]" if passed else "[red]FAIL[/]"
            self.console.print(f"{mark} {name:<52}{self.told[-1].seconds:6.1f} s  {said}", soft_wrap=True)
            if not passed:
                where = log or self.box.logs / "emulator.log"
                self.console.print(f"     read {where}, which ends with:", soft_wrap=True, markup=False)
                self.console.print(_end(where), soft_wrap=True, markup=False)
                return False
        return True

    def _keep_record(self) -> None:
        """Write down how far the story is told, whatever comes next."""
        record = json.dumps([one.__dict__ for one in self.told], default=str, indent=1)
        (self.box.folder / _RECORD).write_text(record, encoding="utf-8")

    # The steps. Each returns what there is to say of it, or raises ExpectationError.

    def start(self) -> str:
        self.box.start()
        self.box.github.aws = {
            **self.box.aws.variables(),
            "PIPELINE_TIMINGS": str(self.box.folder / "timings.jsonl"),
            # What `make install` fetched is there; a bundle is built without the network.
            "UV_CACHE_DIR": run([tool("uv"), "cache", "dir"]).stdout.strip(),
            "UV_OFFLINE": "1",
        }
        self.box.github.variables["ATTESTATIONS"] = "on"  # as on a plan of GitHub's that has them
        return f"dev and prod on {self.box.aws.endpoint}"

    def pull_request(self) -> str:
        hub = self.box.github
        hub.commit("Say what the demo changes", changes.good(), branch="demo")
        self.request = hub.open_pull_request("demo", "Say what the demo changes")
        run = self.passed(hub.run(hub.pull_request_event(self.request)))
        plan_comment(self, self.request)
        return f"{len(run.jobs)} jobs passed, and the plan is its one comment"

    def token_of_the_pull_request(self) -> str:
        event = self.box.github.pull_request_event(self.request)
        token = self.token(event, ".github/workflows/pull-request.yml", "")
        for environment in ("dev", "prod"):
            self.refused(token, environment, "the pull request's token")
        return "AccessDenied, twice"

    def merge(self) -> str:
        event = self.box.github.merge(self.request)
        self.passed(self.box.github.run(event))
        self.commits["dev"] = self.commits["first"] = event.sha
        self.serves("dev", event.sha)
        self.address = self.reach("dev").url
        return f"dev serves {event.sha[:7]}"

    def tag_outside_of_main(self) -> str:
        hub = self.box.github
        commit = hub.commit("Try something", {"docs/idea.md": "# An idea\n"}, branch="idea")
        hub.push("idea")
        return self._tag_refused(hub.tag("v0.9.0", commit), "not on main's history")

    def tag_with_its_own_workflow(self) -> str:
        """On a branch that nobody reviewed: the tag may enter prod by its name, and its reviewers approve."""
        hub = self.box.github
        evil = changes.own_workflow(self.reach("prod").deploy_role, self.reach("prod").settings.region)
        commit = hub.commit("Deploy it myself", evil, branch="mine")
        hub.push("mine")
        run = self.failed(hub.run(hub.tag("v99.0.0", commit)), "")
        ended = {
            one.path.rsplit("/", 1)[-1]: (one.conclusion, one.log.read_text(encoding="utf-8"))
            for one in run.workflows
        }
        conclusion, told = ended["mine.yml"]
        if conclusion != "failure" or "Not authorized to perform sts:AssumeRoleWithWebIdentity" not in told:
            raise ExpectationError(f"the tag's own workflow ended with {conclusion}", run.log)
        return "Not authorized to perform sts:AssumeRoleWithWebIdentity"

    def bad_tag(self, name: str, reason: str) -> str:
        return self._tag_refused(self.box.github.tag(name), reason)

    def lightweight_tag(self) -> str:
        return self._tag_refused(self.box.github.tag("v1.0.1", annotated=False), "lightweight")

    def release(self) -> str:
        event = self.box.github.tag("v1.0.0")
        self.passed(self.box.github.run(event))
        self.serves("prod", event.sha)
        dev, prod = (self.reach(name).code_digests() for name in ("dev", "prod"))
        if dev != prod:
            raise ExpectationError(f"dev runs code {dev}, prod {prod}")
        if len(self.box.github.api.records.attestations) != 1:
            raise ExpectationError("main's one bundle isn't what GitHub's stand-in attested")
        self.commits["prod"] = event.sha
        return f"prod serves {event.sha[:7]}, code SHA-256 {dev[0][:12]}... on both"

    def secret(self) -> str:
        event = self.box.github.remote.head(self.box.github.repository.branch)
        for environment in ("dev", "prod"):
            session = self.deploy_role(environment, event)
            client = self.box.aws.client("secretsmanager", environment, session)
            for arn in self.reach(environment).secret_arns():
                self.denied(partial(client.get_secret_value, SecretId=arn), f"{arn} was read")
            other = "prod" if environment == "dev" else "dev"
            self.refused(self.environment_token(environment, event), other, f"the token of {environment}")
        return "AccessDenied; and neither environment's token opens the other's role"

    def broken_smoke(self) -> str:
        change = changes.broken_smoke(self.box.application.health[-1])
        return self._broken("Ask too much of readiness", change, "Smoke test")

    def broken_migration(self) -> str:
        """Somebody made by hand what the migration is to make."""
        server = self.box.postgres["dev"]
        with server.wait(server.administrator.database) as connection:
            connection.execute(changes.BY_HAND)
        change = changes.broken_migration(self.box.github)
        return self._broken("Make what is there", change, changes.MADE)

    def what_happened(self) -> str:
        found = self.reach("dev").deployments()
        statuses = [(row["commit"], row["status"]) for row in reversed(found)]
        expected = [
            (self.commits["first"], "succeeded"),
            (self.commits["dev"], "succeeded"),
            *((self.commits[title], "failed") for title in self.refusals),
        ]
        if statuses != expected:
            raise ExpectationError(f"dev's ledger lists {statuses}, not {expected}")
        rows = self.reach("prod").deployments()
        own = [(row["version"], row["status"]) for row in reversed(rows) if row["environment"] == "prod"]
        if own != [("v1.0.0", "succeeded"), ("v1.1.0", "succeeded"), ("v1.0.0", "succeeded")]:
            raise ExpectationError(f"prod's ledger lists {own}")
        # What dev ran stands there too, so that both are seen side by side.
        if len(rows) - len(own) != 2:
            raise ExpectationError(f"prod's ledger lists {rows}: dev's two are not all there")
        return f"dev: 2 succeeded, {len(self.refusals)} failed; prod: v1.0.0, v1.1.0, and v1.0.0 again"

    # What steps share.

    def _tag_refused(self, event: Event, reason: str) -> str:
        run = self.failed(self.box.github.run(event), reason)
        if any(job.result == "success" for job in run.jobs):
            raise ExpectationError("a job of the refused tag's run succeeded", run.log)
        return reason

    def _broken(self, title: str, change: Mapping[str, str], reason: str) -> str:
        """Merge a change whose deployment fails: dev must go on serving what it serves."""
        event = self.merged(title, change)
        self.refusals.append(title)
        self.failed(self.box.github.run(event), reason)
        self.serves("dev", self.commits["dev"])
        return f"refused {event.sha[:7]}, dev serves {self.commits['dev'][:7]}"


def _end(log: Path, lines: int = 60) -> str:
    """The last lines of a log, without those in which act tells of its own steps: a sign stands before these."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else "(it does not exist)"
    told = [line for line in text.splitlines() if not re.match(r"\[[^]]*\] *[^ -~]", line)]
    return "\n".join(f"     {line}" for line in told[-lines:])


def tell(folder: Path, *, actions: Mapping[str, Path] | None = None, keep: bool = False) -> int:
    """Tell the story in a new sandbox; 0 when all went as it should, 1 when something did not, 2 when that can't be
    told.

    Ends what it started, with `keep` only where it is interrupted.
    """
    start = time.monotonic()
    console = Console(highlight=False)
    steps = told_before(folder)
    box = Sandbox(folder, actions=actions)  # ends and removes what is there
    with Progress(progress.to(sys.stdout), terminal=progress.rewrites(sys.stdout)) as shown:
        story = Story(box, console=console, progress=shown, keep=keep)
        if 0 < steps < len(story.steps):
            console.print(
                f"an earlier demo ended after {steps} of {len(story.steps)} steps; this one begins anew"
            )
        try:
            passed = story.tell()
        except BaseException:
            box.stop()
            raise
    wall = time.monotonic() - start
    if keep and box.aws.pid:
        box.leave()
    else:
        box.stop()
    console.print(_table(story.told, spent.of(box.folder / "timings.jsonl"), wall), soft_wrap=True)
    if passed:
        console.print(f"the story is told: {len(story.told)} steps in {wall:.0f} s", markup=False)
        console.print(
            f"dev: {story.address} (runs on; end it with `make down`)"
            if keep
            else f"dev: {story.address} (ended with the demo; to keep it: make demo KEEP=1)",
            soft_wrap=True,
        )
    return 0 if passed else story.status


def told_before(folder: Path) -> int:
    """How many steps an earlier story in this folder has told; 0 where there is none."""
    try:
        return len(json.loads((folder / _RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return 0


def _table(told: list[Told], time_of: spent.Spent, wall: float) -> Table:
    table = Table(title="Where the time went", title_justify="left")
    for column, justify in (("", "left"), ("seconds", "right"), ("share", "right")):
        table.add_column(column, justify="left" if justify == "left" else "right")
    first = told[0].seconds if told else 0.0
    tools = [row for row in time_of.external if row[1] >= wall / 100]
    small = sum(seconds for _, seconds in time_of.external) - sum(seconds for _, seconds in tools)
    rows = [
        ("the sandbox's start (PostgreSQL, emulator, bootstrap)", first),
        *tools,
        ("smaller tools", small),
    ]
    rest = max(0.0, wall - first - sum(seconds for _, seconds in time_of.external) - time_of.own)
    rows += [("act, git and make: jobs and their set-up", rest), ("pipeline's own code", time_of.own)]
    for name, seconds in rows:
        table.add_row(name, f"{seconds:.1f}", f"{seconds / wall:.0%}")
    table.add_section()
    table.add_row("wall", f"{wall:.1f}", "100%")
    return table
