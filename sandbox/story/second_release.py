"""The second half of the story: a release tampered with, put back, withdrawn; drift; a passport."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.base.run import CHECKOUT, run
from pipeline.plan import markdown
from sandbox.github import PullRequest, Run
from sandbox.story import changes
from sandbox.story.scene import ExpectationError, Scene, text

_FIRST, _SECOND = "v1.0.0", "v1.1.0"
_REASON = "it says too little"
_PASSPORT = (CHECKOUT / "bin/pipeline", "passport")


def plan_comment(scene: Scene, request: PullRequest) -> str:
    """The one comment that the plan left on a pull request."""
    found = [
        one["body"]
        for one in scene.box.github.api.records.comments_of(request.number)
        if markdown.MARK in one["body"]
    ]
    if len(found) != 1 or "dev" not in found[0] or "prod" not in found[0]:
        raise ExpectationError(f"the plan is not one comment on both environments: {found}")
    return str(found[0])


@dataclass
class SecondRelease(Scene):
    """v1.1.0, after v1.0.0 serves prod. `keep`: the sandbox goes on when the story is told."""

    keep: bool = False

    @property
    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """What happens, in its order."""
        return [
            ("a second change: dev serves it, prod what it had", self.second_change),
            ("v1.1.0 with a tampered bundle is refused", self.tampered),
            ("v1.1.0, its bytes as they were, is promoted", self.promoted),
            ("while alarms ring v1.0.0 is put back, v1.1.0 withdrawn", self.put_back),
            ("v1.1.0, withdrawn, is refused", self.withdrawn),
            ("dev is changed by hand: drift opens an issue", self.drifted),
            ("the change is undone: the issue is closed", self.undone),
        ]

    def second_change(self) -> str:
        """Merge it, without a pull request's run: the first showed that."""
        event = self.merged("Say it once more", changes.good_again())
        self.passed(self.box.github.run(event))
        self.commits["dev"] = event.sha
        self.serves("dev", event.sha)
        self.serves("prod", self.commits["prod"])
        return f"dev serves {event.sha[:7]}, prod {self.commits['prod'][:7]}"

    def tampered(self) -> str:
        """One bit of the bundle's code in dev's bucket, changed by somebody who may write there."""
        client = self.box.aws.client("s3", "dev")
        dev = self.box.aws.of("dev")
        archive = next(iter(dev.settings.application.code.values())).archive
        bucket, key = dev.artifacts, f"bundles/{self._digest()}/{archive}"
        whole = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        client.put_object(Bucket=bucket, Key=key, Body=whole[:-1] + bytes([whole[-1] ^ 1]))
        self.release = self.box.github.tag(_SECOND)
        try:
            self.failed(self.box.github.run(self.release), "was changed")
        finally:
            client.put_object(Bucket=bucket, Key=key, Body=whole)
        self.serves("prod", self.commits["prod"])
        return f"{archive} was changed; prod serves {self.commits['prod'][:7]}"

    def promoted(self) -> str:
        """The same tag, run again."""
        told = text(self.passed(self.box.github.run(self.release)))
        if "signed by dev: " not in told:
            raise ExpectationError("the promotion does not say whose signature it found")
        self.serves("prod", self.release.sha)
        return f"prod serves {self.release.sha[:7]}, signed by dev"

    def put_back(self) -> str:
        """By rollback.yml, from the tag that is put back. CodeDeploy would begin nothing while an alarm rings."""
        ringing = self._ring()
        inputs = {"environment": "prod", "version": _FIRST, "withdraw": _SECOND, "reason": _REASON}
        done = self.passed(self.box.github.run(self.box.github.dispatch("rollback.yml", inputs, ref=_FIRST)))
        self.serves("prod", self.commits["prod"])
        return f"{ringing} alarms ring; prod serves {self.commits['prod'][:7]} after {done.seconds:.0f} s"

    def withdrawn(self) -> str:
        """Nobody brings it back, and the reason is told."""
        self.failed(self.box.github.run(self.release), _REASON)
        self.serves("prod", self.commits["prod"])
        return _REASON

    def drifted(self) -> str:
        """An administrator changes a function's timeout at the console."""
        self.timeout = self._set_timeout(19)
        changed = f"{self._function()[0]} Timeout: 19, not "
        self.failed(self._drift(), changed)
        number = self._issue("open")
        self.failed(self._drift(), changed)
        if self._issue("open") != number:
            raise ExpectationError("the second look opened another issue")
        return f"issue {number}, once"

    def undone(self) -> str:
        """As git says: the issue closes by itself."""
        self._set_timeout(self.timeout)
        self.passed(self._drift())
        return f"issue {self._issue('closed')} is closed"

    def passport(self) -> str:
        """The passport that the release on GitHub offers, verified by somebody who has the file and the key."""
        folder = self.box.folder / "auditor"
        folder.mkdir(exist_ok=True)
        key = folder / "key.pem"
        key.write_text(
            run([*_PASSPORT, "key"], env=self.role_variables("prod", self.commits["prod"])).stdout,
            encoding="utf-8",
        )
        file = folder / f"{_FIRST}.json"
        file.write_bytes(self._asset(_FIRST))
        if not self.keep:
            self.box.stop()
        plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        good = run([*_PASSPORT, "verify", file, "--key", key], env=plain, inherit=False).stdout
        if f"{_FIRST} on prod: signed by " not in good:
            raise ExpectationError(f"the passport says {good}")
        file.write_bytes(file.read_bytes().replace(b'"payload":"ey', b'"payload":"eY', 1))
        changed = run([*_PASSPORT, "verify", file, "--key", key], env=plain, inherit=False, check=False)
        if changed.status != 1 or "is not signed by the key" not in changed.stderr:
            raise ExpectationError(f"of a changed passport it is said: {changed.stdout}{changed.stderr}")
        where = "without AWS" if self.keep else "after AWS has ended"
        return f"{where}; with one letter changed it is refused"

    def _ring(self) -> int:
        """Put every alarm of prod's application into ALARM; returns how many there are."""
        client = self.box.aws.client("cloudwatch", "prod")
        prefix = self.box.aws.of("prod").settings.stack_name
        names = [
            one["AlarmName"]
            for page in client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{prefix}-")
            for one in page["MetricAlarms"]
        ]
        for name in names:
            client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="the release is bad")
        if not names:
            raise ExpectationError(f"{prefix} has no alarm")
        return len(names)

    def _digest(self) -> str:
        """The digest of the bundle that dev runs."""
        found: str = self.reach("dev").version()["bundle"]
        return found

    def _drift(self) -> Run:
        return self.box.github.run(self.box.github.dispatch("drift.yml", {"environment": "dev"}))

    def _issue(self, state: str) -> int:
        """The number of the one issue there is. It must be in this state."""
        found = [(one["number"], one["state"]) for one in self.box.github.api.records.issues.values()]
        if [each for _, each in found] != [state]:
            raise ExpectationError(f"the issues are {found}, not one that is {state}")
        return int(found[0][0])

    def _function(self) -> tuple[str, str]:
        """The logical id and the name of the first function of dev's stack."""
        return next(iter(self.reach("dev").resources("AWS::Lambda::Function").items()))

    def _set_timeout(self, seconds: int) -> int:
        """Change the function's timeout; returns what it was."""
        client, name = self.box.aws.client("lambda", "dev"), self._function()[1]
        before: int = client.get_function_configuration(FunctionName=name)["Timeout"]
        client.update_function_configuration(FunctionName=name, Timeout=seconds)
        return before

    def _asset(self, version: str) -> bytes:
        """The passport of a release, as GitHub offers it."""
        records = self.box.github.api.records
        for record, data in records.assets.values():
            if f"/{version}/" in record["browser_download_url"] and record["name"].endswith(".json"):
                json.loads(data)
                return data
        raise ExpectationError(f"the release {version} offers no passport")
