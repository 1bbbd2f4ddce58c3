"""Every call that a deployment makes fails in every way; what served goes on serving, and the next run completes."""

import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT
from sandbox.accounts import account
from sandbox.aws import Aws
from tests.proofs.deployed import deployed
from tests.proofs.faults import KINDS, Fault, Proxy
from tests.proofs.releases import Releases

pytestmark = [pytest.mark.proof, pytest.mark.marathon, pytest.mark.e2e]


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Releases]:
    """A release that serves, and the means to make others."""
    with deployed(tmp_path_factory.mktemp("faults")) as found:
        yield Releases(found)


SETTINGS = account("dev").settings
BEFORE, UNSURE, AFTER, TOLD = "before", "unsure", "after", "told"


@dataclass(frozen=True)
class Call:
    """A call of a deployment, the `nth` of its name; what the error says when it fails, and what serves then.

    before: AWS hasn't been asked to change anything. unsure: it has, and may or may not do it. after: the new
    release serves. told: as after, and the deployment succeeds nevertheless. A change set that was made while its
    answer was lost is left (`leaves`): it goes when the next is executed. What comes after a call that is `needed` is
    asked of AWS as well.
    """

    name: str
    said: str
    serves: str
    nth: int = 1
    leaves: bool = False
    needed: bool = False


# Each call in the order of its first time; of one name several where another part of the pipeline makes it.
CALLS = (
    Call("sts:GetCallerIdentity", "asking who the credentials belong to", BEFORE),
    Call("s3:PUT bundles", "storing s3://", BEFORE),
    Call("s3:GET withdrawals", "reading s3://", BEFORE),
    Call("s3:GET withdrawn.json", "reading s3://", BEFORE),
    Call("kms:GetPublicKey", "reading the public half of", BEFORE),
    Call("kms:Sign", "signing with KMS", BEFORE),
    Call("s3:PUT attestations", "storing s3://", BEFORE),
    Call("cloudformation:DescribeStacks", "reading the stack", BEFORE),
    Call("ssm:GetParameter", f"reading {SETTINGS.application.parameters('dev')}/", BEFORE),
    Call("s3:GET releases", "reading s3://", BEFORE),
    Call("s3:GET attestations", "Not recorded", TOLD, needed=True),
    Call("s3:GET bundles", "Not bound to a plan", TOLD, needed=True),
    Call("s3:GET packages", "reading s3://", BEFORE),
    Call("s3:GET packages", "reading s3://", BEFORE, nth=2),
    Call("cloudformation:DescribeStacks", "reading the stack", BEFORE, nth=2),
    Call("cloudformation:CreateChangeSet", "making a change set", BEFORE, leaves=True),
    Call("cloudformation:DescribeChangeSet", "waiting for the change set", BEFORE),
    Call("cloudformation:GetTemplate", "reading the change set's template back", BEFORE),
    Call("cloudformation:DescribeChangeSet", "reading the change set", BEFORE, nth=2),
    Call("kms:Sign", "signing with KMS", BEFORE, nth=3),
    Call("s3:PUT releases", "storing s3://", BEFORE),
    Call("cloudformation:DescribeStacks", "reading the stack", BEFORE, nth=3),
    Call("cloudformation:ExecuteChangeSet", "executing the change set", UNSURE),
    Call("cloudformation:DescribeStacks", "reading the stack", UNSURE, nth=4),
    Call("cloudformation:ListStackResources", "listing the resources of", AFTER),
    Call("lambda:GET functions", "reading back", AFTER),
    Call("execute-api:GET /health", "Smoke test: GET /health", AFTER),
    Call("execute-api:GET /ready", "Smoke test: GET /ready", AFTER),
    Call("execute-api:GET /version", "Smoke test: GET /version", AFTER),
    Call("execute-api:POST /api/deployments", "Not recorded", TOLD, needed=True),
    Call("s3:GET bucket", "Still not recorded", TOLD, needed=True),
    Call("kms:Sign", "signing with KMS", AFTER, nth=4),
    Call("s3:PUT commits", "storing s3://", AFTER),
    Call("s3:PUT releases", "A note is left", TOLD, nth=2),
    Call("execute-api:POST /api/evidence", "Not recorded", TOLD),
)
CASES = [
    pytest.param(call, kind, id=f"{call.name} {call.nth}: {kind}".replace("/", "_"))
    for call in CALLS
    for kind in KINDS
]


def test_the_calls_are_these(releases: Releases) -> None:
    """The list of what a deployment asks of AWS and of its own API is whole, and holds nothing else."""
    releases.another()
    with Proxy(releases.dev.box.aws) as proxy:
        ended = releases.deploy(proxy.variables())

    assert 0 == ended.status, ended.said
    assert list(dict.fromkeys(call.name for call in CALLS)) == list(dict.fromkeys(proxy.heard))


@pytest.mark.parametrize(("call", "kind"), CASES)
def test_one_fails(releases: Releases, call: Call, kind: str) -> None:
    """What is put where is never half: the old release serves or the new one; the next run completes, once."""
    before = releases.serving()
    releases.another()
    with Proxy(releases.dev.box.aws, Fault(call.name, kind, nth=call.nth), releases.kill) as proxy:
        ended = releases.deploy(proxy.variables())
    serving = releases.serving()
    left = executable(releases)
    again = releases.deploy(releases.dev.box.aws.variables())

    assert proxy.spoiled, f"{call.name} was not made {call.nth} times: {proxy.heard}\n{ended.said}"
    assert "Traceback" not in ended.said
    if kind.startswith("killed"):
        assert -signal.SIGKILL == ended.status
    else:
        told = call.serves == TOLD and not (kind == "refused" and call.needed)  # then AWS is gone for good
        assert told == (ended.status == 0), ended.said
        assert call.said in ended.said
        assert kind == "refused" or call.leaves or [] == left
    if call.serves == BEFORE and ended.status != 0:
        assert before == serving
    assert 0 == again.status, again.said
    release = re.search(r"release ([0-9a-f]{64}) serves|this release serves already", again.said)
    assert release is not None
    after = releases.serving()
    assert after != before
    assert serving in (before, after)
    assert release[1] in (None, after)
    assert 1 == releases.recorded(after)
    assert [] == executable(releases)


def executable(releases: Releases) -> list[str]:
    """The change sets that somebody could still execute; one without changes is none of these."""
    found = releases.dev.client("cloudformation").list_change_sets(StackName=SETTINGS.stack_name)["Summaries"]
    return [one["ChangeSetName"] for one in found if one["ExecutionStatus"] == "AVAILABLE"]


@pytest.mark.parametrize("kind", ["time-out", "throttled", "error"])
@pytest.mark.parametrize("name", ["sts:GetCallerIdentity", "s3:PUT bundles", "kms:Sign", "ssm:GetParameter"])
def test_one_fails_once(releases: Releases, name: str, kind: str) -> None:
    """What passes by itself stops nothing: the call is made again."""
    releases.another()
    with Proxy(releases.dev.box.aws, Fault(name, kind, times=1)) as proxy:
        ended = releases.deploy(proxy.variables())

    assert (1, 0) == (proxy.spoiled, ended.status), ended.said


def test_the_list_can_be_wrong(releases: Releases) -> None:
    """Sabotage: a fault in a call that nobody makes hits nothing, and the proof says so."""
    with pytest.raises(AssertionError, match="was not made 1 times"):
        test_one_fails(releases, Call("s3:GET nothing", "", BEFORE), "error")


@pytest.mark.parametrize("skew", [-600, 0, 600])
def test_the_database_is_down(releases: Releases, skew: int) -> None:
    """The migration fails and says why, also by a clock ten minutes off; what to do then is told, and completes.

    CloudFormation undoes a migration by the same function, which needs the database as well.
    """
    before, database = releases.serving(), releases.dev.box.postgres["dev"]
    releases.another()
    database.pause()
    ended = releases.deploy({**releases.dev.box.aws.variables(), "SKEW": str(skew)})
    database.resume()
    database.wait().close()
    serving = releases.serving()
    releases.undo()
    again = releases.deploy(releases.dev.box.aws.variables())

    assert 1 == ended.status
    assert "its state is UPDATE_ROLLBACK_FAILED" in ended.said
    assert f"aws cloudformation continue-update-rollback --stack-name {SETTINGS.stack_name}" in ended.said
    assert re.search(r"\| Migration: .*no connection|\| Migration: .*refused", ended.said)
    assert before == serving
    assert 0 == again.status, again.said
    assert before != releases.serving()


@pytest.mark.parametrize("skew", [-600, 600])
def test_a_clock_is_ten_minutes_off(releases: Releases, skew: int) -> None:
    """The deployment completes."""
    releases.another()
    ended = releases.deploy({**releases.dev.box.aws.variables(), "SKEW": str(skew)})

    assert 0 == ended.status, ended.said
    assert 1 == releases.recorded(releases.serving())


def test_the_emulator_is_started_anew(releases: Releases, tmp_path: Path) -> None:
    """One that begins again is an empty account: it refuses whoever came from the one before, in words."""
    before = releases.serving()
    releases.another()
    fresh = Aws(tmp_path, releases.dev.box.aws.jwks)
    fresh.start()
    try:
        ended = releases.deploy(fresh.variables())
    finally:
        fresh.stop()
    again = releases.deploy(releases.dev.box.aws.variables())

    assert 2 == ended.status, ended.said
    assert "Traceback" not in ended.said
    assert "AWS does not know these credentials" in ended.said
    assert 0 == again.status, again.said
    assert before != releases.serving()


def test_two_at_once(releases: Releases, tmp_path: Path) -> None:
    """One of two releases serves, whole; whoever lost says so, and completes when run again."""
    clones = []
    for name in ("one", "two"):
        releases.another()
        clones.append(shutil.copytree(releases.dev.team.clone, tmp_path / name, symlinks=True))
    begun = [releases.begin(releases.dev.box.aws.variables(), clone) for clone in clones]
    ended = [(one.communicate()[0], one.returncode) for one in begun]
    served = {found[1] for said, _ in ended if (found := re.search(r"release ([0-9a-f]{64}) serves", said))}
    serving = releases.serving()
    again = releases.deploy(releases.dev.box.aws.variables())

    assert 0 in {status for _, status in ended}, ended
    assert serving in served
    for said, status in ended:
        assert "Traceback" not in said
        assert status == 0 or re.search(r"^pipeline: .+", said, re.MULTILINE), said
    assert 0 == again.status, again.said
    assert [] == executable(releases)


def test_the_disk_is_full_for_the_summary(releases: Releases) -> None:
    """The deployment completes, and says that its summary is lost."""
    releases.another()
    ended = releases.deploy({**releases.dev.box.aws.variables(), "GITHUB_STEP_SUMMARY": "/dev/full"})

    assert 0 == ended.status, ended.said
    assert "/dev/full: No space left on device" in ended.said


def test_the_disk_is_full_for_reports(releases: Releases, tmp_path: Path) -> None:
    """The gate says which report it could not write, and ends with status 2.

    It runs once before: Python would compile its modules into files that are cut, and everybody would read these.
    """
    limit = 1000  # bytes a file
    words: list[str | Path] = [CHECKOUT / "bin/pipeline", "lint", "--output"]
    subprocess.run(
        [*words, tmp_path / "before"], cwd=releases.dev.team.clone, capture_output=True, check=False
    )
    done = subprocess.run(
        [*words, tmp_path / "reports"],
        cwd=releases.dev.team.clone,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
    )

    assert 2 == done.returncode, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert re.search(
        r"^pipeline: The reports can't be written into .*: File too large\.$", done.stderr, re.MULTILINE
    ), done.stderr


def test_what_the_ledger_missed_is_recorded_later(releases: Releases) -> None:
    """Two deployments while nobody listens; the third tells of all, and each is in the ledger once."""
    missed = []
    for _ in range(2):
        releases.another()
        with Proxy(releases.dev.box.aws, Fault("execute-api:POST /api/deployments", "error")) as proxy:
            ended = releases.deploy(proxy.variables())
        assert 0 == ended.status, ended.said
        missed.append(releases.serving())
    before = [releases.recorded(one) for one in missed]
    releases.another()
    late = releases.deploy(releases.dev.box.aws.variables())
    again = releases.deploy(releases.dev.box.aws.variables())

    assert [0, 0] == before
    assert "earlier records told late: 2" in late.said
    assert "told late" not in again.said
    assert [1, 1, 1] == [releases.recorded(one) for one in (*missed, releases.serving())]
