"""pipeline deploy: what serves afterwards, what is recorded, and what each failure leaves behind."""

import copy
import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from pipeline.base import http
from pipeline.base.errors import GateError, PipelineError, said
from pipeline.delivery import changeset, deployment, stack, store
from pipeline.delivery.bundle import Bundle
from pipeline.delivery.deployment import Deployment
from pipeline.evidence import notes, passport, pending, records, served, telling
from pipeline.release import deploy, drift
from pipeline.release.drift import Drift
from tests.pipeline.applications import application
from tests.pipeline.bundles import Repository, make
from tests.pipeline.cloud import URL, Cloud, change, environment


@pytest.fixture
def release(tmp_path: Path, repository: Repository, cloud: Cloud) -> Bundle:
    """A bundle of the first commit, in dev's bucket."""
    return stored(cloud, make(tmp_path / "one", repository.first))


def stored(cloud: Cloud, made: Bundle) -> Bundle:
    store.put(session(cloud), "dev-artifacts", made)
    return made


def session(cloud: Cloud) -> Any:
    return cloud


def begin(cloud: Cloud, made: Bundle, **more: Any) -> Deployment:
    return deploy.begin(session(cloud), environment(), made, "ada", **more)


def put(cloud: Cloud, made: Bundle, **more: Any) -> None:
    deploy.deploy(begin(cloud, made, **more))


def because(resource: str, *properties: str) -> dict[str, Any]:
    """A change of a function with its causes, as a change set has them."""
    details = [{"Target": {"Attribute": "Properties", "Name": one}} for one in properties]
    return change("Modify", resource, Details=details, Scope=["Properties"])


def rows(cloud: Cloud) -> list[tuple[str, str]]:
    return [(row["commit"], row["status"]) for row in cloud.ledger.values() if "kind" in row]


@pytest.fixture
def live(cloud: Cloud, release: Bundle) -> Bundle:
    """A release that serves dev."""
    put(cloud, release)
    return release


@pytest.fixture
def newer(tmp_path: Path, repository: Repository, cloud: Cloud, live: Bundle) -> Bundle:
    """A bundle of a commit on top of what serves."""
    return stored(cloud, make(tmp_path / "two", repository.commit("second")))


def test_a_release_serves_and_is_recorded(cloud: Cloud, live: Bundle) -> None:
    """The stack runs the bundle, the ledger and the bucket say so, no change set is left."""
    record = served.find(session(cloud), environment(), live.commit)

    assert live.digest == cloud.parameters["BundleDigest"]
    assert [(live.commit, "succeeded")] == rows(cloud)
    assert record is not None
    assert (live.digest, cloud.parameters["ReleaseDigest"]) == (record.bundle, record.release)
    assert {} == cloud.waiting


def test_the_address_is_an_output_of_the_step(
    cloud: Cloud, live: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the release serves already: the environment's page on GitHub leads there."""
    outputs = tmp_path / "outputs"
    outputs.touch()
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    put(cloud, live)
    first, _, rest = outputs.read_text(encoding="utf-8").partition("\n")

    assert ("url<<", URL) == (first[:5], rest.partition("\n")[0])


def test_the_address_is_said(cloud: Cloud, release: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    """At the end of what a deployment prints."""
    caplog.set_level("INFO")
    put(cloud, release)

    assert caplog.messages[-1].endswith(f" serves at {URL}")


def dynamic(**more: Any) -> dict[str, Any]:
    """A change by a value that CloudFormation only knows when it executes: Evaluation, in its API's
    ResourceChangeDetail."""
    details = [{"Target": {"Attribute": "Properties", "Name": "Role"}, "Evaluation": "Dynamic"}]
    return change("Modify", "Queue", "AWS::SQS::Queue", Replacement="False", Details=details, **more)


def test_what_may_turn_out_to_be_no_change_is_told_of(
    cloud: Cloud, live: Bundle, newer: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """It replaces nothing, and no plan made beforehand could know it."""
    cloud.changes = [change("Modify", "AppFunction"), dynamic()]
    put(cloud, newer)

    assert "Perhaps beyond the plan" in capsys.readouterr().err
    assert newer.digest == cloud.parameters["BundleDigest"]


@pytest.mark.parametrize(
    "wider",
    [
        {**dynamic(), "Replacement": "Conditional"},
        {**dynamic(), "Action": "Remove"},
        {**dynamic(), "PolicyAction": "ReplaceAndRetain"},
        {**dynamic(), "Details": [*dynamic()["Details"], {"Evaluation": "Static"}]},
        {**dynamic(), "Details": []},
    ],
)
def test_what_surely_changes_is_in_the_plan(cloud: Cloud, newer: Bundle, wider: dict[str, Any]) -> None:
    """A change that is certain, replaces, or takes away is refused."""
    cloud.changes = [change("Modify", "AppFunction"), {**wider, "ResourceType": "AWS::SNS::TopicPolicy"}]

    with pytest.raises(GateError, match="goes beyond the plan"):
        put(cloud, newer)


def test_names_of_any_length_stand_apart() -> None:
    """In a change set's lines: each column as wide as its widest cell."""
    long = "AppFunctionGetLogoutPermissionlive"
    rows = [change("Add", "A"), change("Modify", long, ResourceType="AWS::Lambda::Permission")]
    changes = changeset.ChangeSet("arn", "esclusa-dev", tuple(map(changeset._change, rows)))
    lines = changeset.show(changes).splitlines()

    assert [["Add", "A"], ["Modify", long, "AWS::Lambda::Permission"]] == [
        line.split()[: 2 + number] for number, line in enumerate(lines)
    ]
    assert len({line.index("AWS::") for line in lines}) == 1


def test_the_same_release_again_changes_nothing(cloud: Cloud, live: Bundle) -> None:
    """An empty change set is a success, and no second record."""
    put(cloud, live)

    assert 1 == cloud.updates
    assert [(live.commit, "succeeded")] == rows(cloud)


def test_a_changed_ssm_value_is_another_release(cloud: Cloud, live: Bundle) -> None:
    """The template and the bundle are the same; the digest that publishes a version is not."""
    before = cloud.parameters["ReleaseDigest"]
    cloud.ssm["/esclusa/dev/database/host"] = "other.example.com"
    put(cloud, live)

    assert before != cloud.parameters["ReleaseDigest"]
    assert 2 == cloud.updates


def test_a_failing_smoke_test_puts_the_previous_release_back(
    cloud: Cloud, live: Bundle, newer: Bundle
) -> None:
    """The previous bundle with its own parameters serves; the failure is recorded as one."""
    before = dict(cloud.parameters)
    cloud.broken = {newer.commit}

    with pytest.raises(GateError, match="was put back, and serves"):
        put(cloud, newer)

    assert before == cloud.parameters
    assert [(live.commit, "succeeded"), (newer.commit, "failed")] == rows(cloud)
    assert ("dev-artifacts", f"commits/{newer.commit}.json") not in cloud.objects


@pytest.mark.parametrize(
    "lost", ["nothing", "releases/pending/", "commits/"], ids=["all told", "not noted", "not told"]
)
def test_what_is_put_back_over_a_moved_value_is_a_release_of_its_own(
    cloud: Cloud, live: Bundle, newer: Bundle, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation reads SSM anew with each change set: the bytes before serve with the new value.

    Nothing of that is drift that stops the next release, also where a note or a record could not be written. Source:
    its user guide, on parameters of the types of Parameter Store.
    """
    before, write = cloud.parameters["ReleaseDigest"], store.write
    cloud.ssm["/esclusa/dev/database/host"] = "other.example.com"
    cloud.broken = {newer.commit}

    def losing(client: Any, bucket: str, key: str, raw: bytes) -> None:
        if key.startswith(lost) and cloud.updates:  # after the failed release was executed
            raise GateError(f"{key} was not written")
        write(client, bucket, key, raw)

    monkeypatch.setattr(cloud, "updates", 0)
    monkeypatch.setattr(store, "write", losing)
    with pytest.raises(GateError, match="was put back, and serves, as a release of its own"):
        put(cloud, newer)
    at = stack.read(session(cloud), "esclusa-dev")
    found = list(drift._release(session(cloud), environment(), at, live.digest))

    assert (live.commit, {"DatabaseHost": "other.example.com"}) == (at.parameters["Commit"], at.resolved)
    assert before != at.parameters["ReleaseDigest"]
    assert [] == [one.text for one in found if one.blocks]
    assert (lost == "commits/") == any(one.missing for one in found)


def test_code_that_is_not_the_bundles_is_a_failure(
    cloud: Cloud, live: Bundle, newer: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Lambda says it runs is compared with the bundle, whatever the application answers."""

    def other(**_: Any) -> dict[str, Any]:
        return {"Configuration": {"CodeSha256": "b3RoZXI="}}

    monkeypatch.setattr(cloud, "get_function", other)

    with pytest.raises(GateError, match="AppFunction:live runs code with the SHA-256 b3RoZXI="):
        put(cloud, newer)


def test_a_first_release_that_fails_says_that_nothing_can_be_put_back(cloud: Cloud, release: Bundle) -> None:
    """There is no previous release then, and the message must not claim one."""
    cloud.broken = {release.commit}

    with pytest.raises(GateError, match="There was no previous release"):
        put(cloud, release)


def test_a_rollback_by_cloudformation_is_a_failure(cloud: Cloud, live: Bundle, newer: Bundle) -> None:
    """CloudFormation put the previous one back itself; the ledger learns of the failure."""
    cloud.outcome = "ROLLBACK_COMPLETE"

    with pytest.raises(GateError, match="its state is UPDATE_ROLLBACK_COMPLETE"):
        put(cloud, newer)

    assert live.digest == cloud.parameters["BundleDigest"]
    assert (newer.commit, "failed") in rows(cloud)


def test_a_change_set_that_validation_refuses_says_why(
    cloud: Cloud, newer: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation's status says that it failed; the reasons are those of this very change set."""
    place = "/Resources/AppFunction/Properties/Timeout"
    event = {"ValidationPath": place, "EventType": "VALIDATION_ERROR"}

    def events(*, ChangeSetName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        assert ChangeSetName in cloud.waiting
        return {"OperationEvents": [{**event, "ValidationStatusReason": "901 is not less or equal to 900"}]}

    said = {"Status": "FAILED", "StatusReason": "Validation failed"}
    monkeypatch.setattr(cloud, "describe_change_set", lambda **_: said)
    monkeypatch.setattr(cloud, "describe_events", events)

    with pytest.raises(GateError, match=f"Validation failed\n  . {place}: 901 is not less or equal to 900"):
        put(cloud, newer)


@pytest.mark.parametrize(
    "loss",
    [
        change("Remove", "DatabaseSecret", "AWS::SecretsManager::Secret"),
        change("Modify", "Queue", "AWS::SQS::Queue", Replacement="True"),
        change("Modify", "Table", "AWS::DynamoDB::Table", Replacement="Conditional"),
        change("Dynamic", "Bucket", "AWS::S3::Bucket"),
        change("Modify", "Warehouse", "AWS::Redshift::Cluster", Replacement="True"),
        change(
            "Modify", "Users", "AWS::Cognito::UserPool", Replacement="True", PolicyAction="ReplaceAndDelete"
        ),
        change("Modify", "Ring", "AWS::KMS::Key", Replacement="True", PolicyAction="ReplaceAndRetain"),
        change("Modify", "Table", "AWS::DynamoDB::Table", PolicyAction="ReplaceAndDelete"),
        change(
            "Modify", "Table", "AWS::DynamoDB::Table", Replacement="False", PolicyAction="ReplaceAndSnapshot"
        ),
        change("Remove", "Events", "AWS::Events::Archive", PolicyAction="Retain"),
        change("Remove", "Drawer", "Acme::Storage::Drawer"),
        change("Modify", "Part", "Acme::Storage::Drawer::MODULE", Replacement="True"),
        change("Remove", "Nested", "AWS::CloudFormation::Stack"),
        change("Dynamic", "Nested", "AWS::CloudFormation::Stack"),
        change("Modify", "Nested", "AWS::CloudFormation::Stack", Replacement="False"),
        change("Modify", "Everywhere", "AWS::CloudFormation::StackSet"),
        change("Unheard", "Volume", "AWS::EC2::Volume"),
    ],
)
def test_what_holds_data_is_never_lost(cloud: Cloud, newer: Bundle, loss: dict[str, Any]) -> None:
    """The change set is refused, removed, and recorded as a failure; what served serves.

    AWS tells of a replacement by Replacement and by PolicyAction, and not for certain by both: aws/aws-cdk-cli#1971.
    Of a nested stack's own resources a change set says nothing: cloudformation-coverage-roadmap#142.
    """
    cloud.changes = [change("Modify", "AppFunction"), loss]

    with pytest.raises(GateError, match=f"would lose what can't be made again: {loss['LogicalResourceId']}"):
        put(cloud, newer)

    assert {} == cloud.waiting
    assert 1 == cloud.updates
    assert (newer.commit, "failed") in rows(cloud)


@pytest.mark.parametrize(
    "harmless",
    [
        change("Modify", "Table", "AWS::DynamoDB::Table", Replacement="False"),
        change("Add", "Nested", "AWS::CloudFormation::Stack"),
        change("Import", "Bucket", "AWS::S3::Bucket"),
        change("SyncWithActual", "Bucket", "AWS::S3::Bucket"),
        change("Remove", "Topic", "AWS::SNS::Topic", PolicyAction="Delete"),
        change(
            "Modify", "Task", "AWS::ECS::TaskDefinition", Replacement="True", PolicyAction="ReplaceAndDelete"
        ),
        change("Remove", "Migration", "Custom::Migration"),
    ],
)
def test_what_can_be_made_again_may_go(harmless: dict[str, Any]) -> None:
    """So may what stays where it is, and what comes new."""
    assert not changeset._change(harmless).loses


@pytest.mark.parametrize(
    ("said", "fate"),
    [
        (change("Remove", "A"), "removed"),
        (change("Modify", "A", PolicyAction="ReplaceAndDelete"), "replaced"),
        (change("Modify", "A", Replacement="True"), "replaced"),
        (change("Modify", "A", Replacement="Conditional"), "replaced, perhaps"),
        (change("Dynamic", "A"), "changed in a way that can't be known yet"),
        (change("Modify", "A"), "changed in a way that can't be known yet"),
    ],
)
def test_the_refusal_says_what_would_become_of_it(said: dict[str, Any], fate: str) -> None:
    """As far as AWS tells."""
    assert fate == changeset._change(said).fate


def test_an_interrupted_deployment_leaves_no_change_set(
    cloud: Cloud, newer: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between the change set and its execution: nobody finds it later and executes it."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.delivery.changeset.gate", interrupt)

    with pytest.raises(KeyboardInterrupt):
        put(cloud, newer)

    assert {} == cloud.waiting


def test_an_older_commit_does_not_overtake(cloud: Cloud, live: Bundle, newer: Bundle) -> None:
    """A deployment that comes late finds a newer one live, and stops."""
    put(cloud, newer)

    with pytest.raises(GateError, match="does not overtake"):
        put(cloud, live)

    assert newer.digest == cloud.parameters["BundleDigest"]


def test_a_live_commit_that_the_clone_lacks_stops(cloud: Cloud, live: Bundle, newer: Bundle) -> None:
    """In a shallow clone nobody can tell which one is newer: refused, not guessed."""
    cloud.parameters["Commit"] = "f" * 40

    with pytest.raises(GateError, match="this clone does not hold " + "f" * 40):
        begin(cloud, newer)


def test_a_deaf_ledger_does_not_undo_the_deployment(
    cloud: Cloud, newer: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """The release serves; that it was not recorded is said, and the next deployment makes up for it, once."""
    known = rows(cloud)
    cloud.answers["/api/deployments"] = (503, {})
    put(cloud, newer)
    said, missed = capsys.readouterr().err, rows(cloud)
    del cloud.answers["/api/deployments"]
    for _ in range(2):
        put(cloud, newer)

    assert newer.digest == cloud.parameters["BundleDigest"]
    assert "the next deployment to dev records it" in said
    assert known == missed
    assert [*known, (newer.commit, "succeeded")] == rows(cloud)
    assert 1 == capsys.readouterr().out.count("told late: 1")


def test_what_cannot_be_kept_is_to_be_recorded_by_hand(
    cloud: Cloud, newer: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the ledger nor the bucket takes it: the error holds the row itself."""
    under_way = begin(cloud, newer)
    cloud.answers["/api/deployments"] = (503, {})
    cloud.calls.clear()
    cloud.fails_at = 1
    telling.failed(under_way, "a reason")

    said = capsys.readouterr().err
    assert "Nor could it be kept" in said
    assert f"commit='{newer.commit}'" in said


OUTBOX = "releases/unrecorded"


def kept(cloud: Any, where: Any = None, path: Any = "/api/deployments", **changes: Any) -> tuple[str, bytes]:
    """A row as the pipeline keeps it for later, signed by the account's key; its name, and its content."""
    made = where or environment()
    row = {
        "id": "0" * 8,
        "environment": made.name,
        "commit": "c" * 40,
        "bundle": "b" * 64,
        "release": "d" * 64,
        "version": "v6.6.6",
        "kind": "deploy",
        "status": "succeeded",
        "run": None,
        "actor": "carol",
        "started_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:00:01Z",
        "detail": None,
        **changes,
    }
    note = {"path": path, "record": row}
    raw = notes.sign(cloud, made, "unrecorded", {"manifest.json": "b" * 64}, note)
    return f"{OUTBOX}/{row['id']}.json", raw


def forged(_: Any) -> tuple[str, bytes]:
    """Any deployment, as whoever may write to the bucket would have it recorded."""
    row = {
        "id": "x",
        "environment": "dev",
        "version": "v6.6.6",
        "actor": "carol",
        "detail": "approved by security",
    }
    return f"{OUTBOX}/x.json", json.dumps(row).encode()


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (forged, "is not a signed statement"),
        (lambda _: (f"{OUTBOX}/x.json", b"{"), "is not a signed statement"),
        (lambda _: (f"{OUTBOX}/x.json", b"[" * 100_000), "is not a signed statement"),
        (lambda _: kept(Cloud()), "is not signed by the key"),
        (lambda cloud: kept(cloud, environment(name="prod")), "was made in"),
        (lambda cloud: kept(cloud, environment(account="999999999999")), "was made in"),
        (lambda cloud: (f"{OUTBOX}/y.json", kept(cloud)[1]), "is signed, but is about"),
        (lambda cloud: kept(cloud, environment="prod"), "is signed, but is about"),
        (lambda cloud: kept(cloud, bundle="a" * 64), "is signed, but is about"),
        (lambda cloud: kept(cloud, status="approved"), "its status is 'approved'"),
        (lambda cloud: kept(cloud, started_at="yesterday"), "its started_at is 'yesterday'"),
        (lambda cloud: kept(cloud, actor=["carol"]), "its actor is"),
        (lambda cloud: kept(cloud, detail="x" * 5000), "its detail is"),
        (lambda cloud: kept(cloud, id="../../x"), ""),
        (lambda cloud: kept(cloud, path="/api/sessions"), "its path is '/api/sessions'"),
        (lambda cloud: kept(cloud, path=["/api/deployments"]), "its path is"),
    ],
)
def test_what_nobody_signed_of_here_is_recorded_as_nobody_s(
    cloud: Cloud, live: Bundle, newer: Bundle, capsys: pytest.CaptureFixture[str], note: Any, said: str
) -> None:
    """It stays, is told of, and keeps neither this deployment nor another that waits from being recorded."""
    good, raw = kept(cloud, id="good")
    bad, hostile = note(cloud)
    cloud.objects |= {("dev-artifacts", bad): hostile, ("dev-artifacts", good): raw}
    put(cloud, newer)
    told = capsys.readouterr()

    assert said in told.err
    assert "earlier records told late: 1" in told.out or not said
    assert "good" in cloud.ledger
    assert (newer.commit, "succeeded") in rows(cloud)
    assert hostile == cloud.objects["dev-artifacts", bad] or not said
    assert b"" == cloud.objects["dev-artifacts", good]
    assert {"x", "00000000"}.isdisjoint(cloud.ledger)


def test_whatever_the_ledger_misses_of_a_release_is_told_later(
    cloud: Cloud, live: Bundle, newer: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """Evidence, reports and waivers too, each with the path of its kind; what dev ran is read anew, and isn't kept."""
    under_way = begin(cloud, newer)
    deploy.deploy(under_way)
    for path in ("/api/evidence", "/api/waivers", "/api/deployments"):
        cloud.answers[path] = (503, {})
    told: list[tuple[str, dict[str, Any]]] = [
        ("/api/evidence", {"id": "e"}),
        ("/api/waivers", {"id": "w", "environment": None}),
        ("/api/deployments", {"id": "d"}),
    ]
    records.tell(under_way, told)
    waiting = {key for _, key in cloud.objects if key.startswith(OUTBOX)}
    cloud.answers.clear()
    put(cloud, newer)

    assert {f"{OUTBOX}/e.json", f"{OUTBOX}/w.json"} == waiting
    assert {"e", "w"} <= cloud.ledger.keys()
    assert "earlier records told late: 2" in capsys.readouterr().out


def test_what_the_ledger_refuses_waits_and_holds_up_nothing(
    cloud: Cloud,
    live: Bundle,
    newer: Bundle,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each on its own: a row that the ledger doesn't take stays in the outbox, and the others are recorded."""
    found = [kept(cloud, id=name) for name in ("first", "second", "third")]
    cloud.objects |= {("dev-artifacts", name): raw for name, raw in found}
    take = http.request

    def request(method: str, url: str, *, body: Any = None, **more: Any) -> http.Answer:
        if body and body.get("id") == "second":
            return http.Answer(422, {}, "no")
        return take(method, url, body=body, **more)

    monkeypatch.setattr(http, "request", request)
    put(cloud, newer)

    assert {"first", "third"} <= cloud.ledger.keys()
    assert "second" not in cloud.ledger
    assert [b"", found[1][1], b""] == [cloud.objects["dev-artifacts", name] for name, _ in found]
    assert "The ledger answered 422" in capsys.readouterr().err


MOST_CALLS = 46


@pytest.mark.parametrize("number", range(1, MOST_CALLS))
def test_any_failing_call_leaves_nothing_that_the_next_run_does_not_finish(
    cloud: Cloud, live: Bundle, newer: Bundle, number: int
) -> None:
    """The network fails at one call, whichever; the run after it ends with everything in place."""
    cloud.calls.clear()
    cloud.fails_at = number
    with suppress(PipelineError):
        put(cloud, newer)
    cloud.fails_at = 0
    put(cloud, newer)

    assert newer.digest == cloud.parameters["BundleDigest"]
    assert 1 == rows(cloud).count((newer.commit, "succeeded"))
    assert ("dev-artifacts", f"commits/{newer.commit}.json") in cloud.objects
    assert {} == cloud.waiting


@pytest.mark.parametrize(
    ("call", "earlier", "said"),
    [
        ("change set", 0, "reading the change set"),
        ("execute", 1, "reading the stack"),
        ("execute", 0, "executing the change set"),
    ],
)
def test_a_change_set_that_could_not_be_executed_is_removed(
    cloud: Cloud, live: Bundle, newer: Bundle, call: str, earlier: int, said: str
) -> None:
    """Nor one that could not be read, nor one whose stack could not: nobody executes it later by hand."""
    put(cloud, newer)
    cloud.calls.clear()
    put(cloud, live, kind="rollback")
    number = cloud.calls.index(call, cloud.calls.index("template")) + 1 - earlier
    failing = cloud.calls[number - 1]
    put(cloud, newer)
    cloud.calls.clear()
    cloud.fails_at = number
    with pytest.raises(PipelineError, match=said):
        put(cloud, live, kind="rollback")

    assert failing == cloud.calls[number - 1]
    assert {} == cloud.waiting


def test_the_injected_failures_reach_every_call(cloud: Cloud, live: Bundle, newer: Bundle) -> None:
    """The test above tries as many calls as a deployment makes."""
    cloud.calls.clear()
    put(cloud, newer)

    assert 12 < len(cloud.calls) < MOST_CALLS


@pytest.mark.parametrize(
    ("surprise", "said"),
    [
        (change("Modify", "Other"), "Other .*: Modify; the plan leaves it as it is"),
        (change("Remove", "AppFunction"), "AppFunction .*: Remove; the plan only has it change"),
        (
            change("Modify", "AppFunction", Replacement="True"),
            "AppFunction .*: replaced; the plan only has it",
        ),
        (change("Add", "Backdoor", "AWS::IAM::Role"), r"Backdoor \(AWS::IAM::Role\): Add"),
        (
            because("AppFunction", "Code", "Environment", "KmsKeyArn"),
            "AppFunction .*: changed because of KmsKeyArn; the plan only has Code, Environment",
        ),
        (
            change("Modify", "AppFunction", Scope=["Properties", "UpdatePolicy"]),
            "AppFunction .*: changed because of UpdatePolicy; the plan only has Code, Environment",
        ),
    ],
)
def test_what_goes_beyond_the_plan_is_not_executed(
    cloud: Cloud, newer: Bundle, surprise: dict[str, Any], said: str
) -> None:
    """AWS would do more than git asks for: something was changed there, and nobody reviewed it."""
    cloud.changes = [surprise]

    with pytest.raises(GateError, match=f"goes beyond the plan:\n  . {said}"):
        put(cloud, newer)

    assert 1 == cloud.updates
    assert {} == cloud.waiting


def test_what_the_plan_has_is_no_surprise(cloud: Cloud, newer: Bundle) -> None:
    """The code and the variables of another commit, and what names what changes."""
    cloud.changes = [because("AppFunction", "Code", "Environment")]
    put(cloud, newer)

    assert newer.digest == cloud.parameters["BundleDigest"]


def test_tags_of_the_stack_are_no_surprise(cloud: Cloud, newer: Bundle) -> None:
    """They reach every resource, and change nothing else of it."""
    cloud.changes = [change("Modify", "Other", Scope=["Tags"]), change("Modify", "AppFunction")]
    put(cloud, newer)

    assert newer.digest == cloud.parameters["BundleDigest"]


def test_a_lost_bundle_is_told_and_not_guessed(
    cloud: Cloud, live: Bundle, newer: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is live can't be compared any more; the gate on stateful resources still holds."""
    del cloud.objects["dev-artifacts", f"bundles/{live.digest}/template.yaml"]
    put(cloud, newer)

    assert "What is live can't be compared" in capsys.readouterr().err


def _approve(fact: str, expires: dt.date) -> None:
    """Write the waiver of a loss of AppFunction."""
    Path("policies").mkdir()
    Path("policies/waivers.toml").write_text(
        f'[[waiver]]\nrule = "deploy/stateful"\nresource = "AppFunction"\n{fact}'
        'reason = "its content was copied on Monday"\nowner = "ada"\napprover = "bob"\nticket = "OPS-1"\n'
        f"expires = {expires}\n"
    )


SOON = (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).date()


def test_an_approved_loss_goes_through(cloud: Cloud, newer: Bundle) -> None:
    """A waiver in git, by an owner and an approver, until a day: the named loss of the named resource."""
    _approve('fact = "replaced"\n', SOON)
    cloud.changes = [change("Modify", "AppFunction", "AWS::SQS::Queue", Replacement="Conditional")]
    put(cloud, newer)

    assert newer.digest == cloud.parameters["BundleDigest"]


@pytest.mark.parametrize(
    ("action", "replacement", "policy", "loss"),
    [
        ("Modify", "True", "", "replaced"),
        ("Modify", "Conditional", "", "replaced"),
        ("Modify", "False", "ReplaceAndRetain", "replaced"),
        ("Remove", "", "Retain", "removed"),
        ("Dynamic", "", "", "changed"),
    ],
)
def test_a_waiver_names_what_becomes_of_a_resource(
    action: str, replacement: str, policy: str, loss: str
) -> None:
    """In one word, however sure CloudFormation is of it; no other word lets it through."""
    change = changeset.Change(action, "Queue", "AWS::SQS::Queue", replacement, policy=policy)
    changes = changeset.ChangeSet("arn", "x", (change,))
    changeset.gate(changes, {("Queue", loss)})

    for other in {"replaced", "removed", "changed", ""} - {loss}:
        with pytest.raises(GateError):
            changeset.gate(changes, {("Queue", other), ("Other", loss)})


@pytest.mark.parametrize(
    ("fact", "expires"),
    [
        ('fact = "replaced"\n', dt.date(2020, 1, 1)),
        ('fact = "removed"\n', SOON),
        ('fact = "changed"\n', SOON),
        ("", SOON),
    ],
)
def test_an_approval_of_another_loss_does_not(
    cloud: Cloud, newer: Bundle, fact: str, expires: dt.date
) -> None:
    """One that has ended, or names no loss or another one, approves nothing; the error says what would."""
    _approve(fact, expires)
    cloud.changes = [change("Modify", "AppFunction", "AWS::SQS::Queue", Replacement="Conditional")]

    with pytest.raises(GateError, match="would lose what can't be made again") as caught:
        put(cloud, newer)

    assert '| resource = "AppFunction"\n  | fact = "replaced"\n' in str(caught.value)


PROD = environment(name="dev", promote_from="dev")  # the account in memory is dev's; the rules are prod's
EVIDENCE = PROD.evidence_bucket
KEY = "passports/v1.0.0.json"


def release_of(cloud: Cloud, made: Bundle) -> Deployment:
    """A release by a tag, as prod has it: with a passport."""
    return deploy.begin(session(cloud), PROD, made, "ada", version="v1.0.0")


@pytest.fixture
def tagged(repository: Repository, newer: Bundle, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A bundle of a commit that a tag names."""
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    repository.tag("v1.0.0")
    return newer


@contextmanager
def tried(cloud: Cloud) -> Iterator[None]:
    """Whatever is deployed within, the account is as before afterwards."""
    kept = {
        name: copy.deepcopy(getattr(cloud, name))
        for name in ("objects", "parameters", "resolved", "ledger", "waiting")
    }
    plain = {name: getattr(cloud, name) for name in ("status", "updates", "code", "fails_at")}
    cloud.calls.clear()
    yield
    for name, value in {**kept, **plain}.items():
        setattr(cloud, name, value)
    cloud.calls.clear()


def calls_of(cloud: Cloud, made: Bundle) -> list[str]:
    """The calls of a release that nothing stops."""
    with tried(cloud):
        deploy.deploy(release_of(cloud, made))
        return list(cloud.calls)


def whole(cloud: Cloud, made: Bundle) -> None:
    """Everything there is to tell of a release that serves, or did until the next one, is told, once."""
    issued = passport.issued(session(cloud), PROD, "v1.0.0")
    assert issued is not None
    assert ["AppFunction"] == [one["resource"] for one in issued.content["changes"]]
    assert {} != issued.content["plan"]
    record = served.find(session(cloud), PROD, made.commit)
    assert record is not None
    assert (made.digest, issued.content["digests"]["release"]) == (record.bundle, record.release)
    assert 1 == rows(cloud).count((made.commit, "succeeded"))
    own = {"version": "v1.0.0", "sha256": issued.digest}
    last = passport.latest(session(cloud), PROD)
    assert last is not None
    following = passport.issued(session(cloud), PROD, last["version"])
    assert following is not None
    assert own in (last, following.content["previous"])
    assert pending.find(session(cloud), PROD, cloud.parameters) is None


def rerun(cloud: Cloud, made: Bundle, _: Bundle) -> None:
    deploy.deploy(release_of(cloud, made))


def next_release(cloud: Cloud, _: Bundle, later: Bundle) -> None:
    """Another version, which finishes what it finds before it changes anything."""
    under_way = deploy.begin(session(cloud), PROD, later, "bob", version="v1.1.0")
    assert later.digest != under_way.before.parameters["BundleDigest"]
    deploy.deploy(under_way)
    assert later.digest == cloud.parameters["BundleDigest"]


@pytest.fixture
def later(cloud: Cloud, tagged: Bundle, repository: Repository, tmp_path: Path) -> Bundle:
    """The release after it."""
    made = stored(cloud, make(tmp_path / "later", repository.commit("third")))
    repository.tag("v1.1.0")
    return made


@pytest.mark.parametrize("finish", [rerun, next_release])
def test_whatever_fails_after_the_execution_the_next_run_finishes(
    cloud: Cloud, tagged: Bundle, later: Bundle, capsys: pytest.CaptureFixture[str], finish: Any
) -> None:
    """Each call from the execution on fails in turn: exit status 1 in words of its own, and nothing is lost.

    Up to the smoke test the release before is put back, or nobody can tell; after it the release serves, and nothing
    is put back. The next run, of this release or of another, has everything in place; the ledger alone may fail
    without failing the release.
    """
    calls = calls_of(cloud, tagged)
    begun, seen = calls.index("execute") + 1, calls.index("GET /version") + 1
    failed, states = [], set()
    for number in range(begun, len(calls) + 1):
        with tried(cloud):
            before = cloud.parameters["BundleDigest"]
            cloud.fails_at = number
            try:
                deploy.deploy(release_of(cloud, tagged))
                told, status = capsys.readouterr().err, 0
            except PipelineError as error:
                told, status = error.message, error.exit_code
                failed.append(calls[number - 1])
            cloud.fails_at = 0
            there = cloud.parameters["BundleDigest"]
            if number > seen:
                assert ("serves, but evidence of it is missing: " if status else "ot recorded") in told
                assert tagged.digest == there
                assert status in (0, 1)
            elif there == before:
                assert status  # 2 where AWS could not be asked to begin
                states.add("back")
                continue  # the release before serves: there is nothing to finish
            else:
                states.add("unsure" if status else "seen")
            finish(cloud, tagged, later)
            whole(cloud, tagged)

    assert {"sign", "put v1.0.0.json", "put latest.json", f"put {tagged.commit}.json"} < set(failed)
    assert "back" in states


@pytest.mark.parametrize("finish", [rerun, next_release])
@pytest.mark.parametrize("looks", [0, 1, 2, 5])
def test_an_execution_of_which_nothing_was_heard(
    cloud: Cloud, tagged: Bundle, later: Bundle, monkeypatch: pytest.MonkeyPatch, finish: Any, looks: int
) -> None:
    """AWS did it, and its answer was lost; so were the next looks at the stack. Nobody is told that it failed."""
    execute, down = cloud.execute_change_set, iter([True] * looks)
    describe = cloud.describe_stacks

    def lost(**given: str) -> None:
        execute(**given)
        monkeypatch.setattr(cloud, "describe_stacks", deaf)
        raise EndpointConnectionError(endpoint_url="https://aws.example.com")

    def deaf(**given: str) -> dict[str, Any]:
        if next(down, False):
            raise EndpointConnectionError(endpoint_url="https://aws.example.com")
        return describe(**given)

    under_way = release_of(cloud, tagged)
    monkeypatch.setattr(cloud, "execute_change_set", lost)
    if looks:
        with pytest.raises(GateError, match=r"whether release .* serves can't be told"):
            deploy.deploy(under_way)
        monkeypatch.setattr(cloud, "describe_stacks", describe)
        monkeypatch.setattr(cloud, "execute_change_set", execute)
        finish(cloud, tagged, later)
    else:
        deploy.deploy(under_way)

    assert (tagged.commit, "failed") not in rows(cloud)
    whole(cloud, tagged)


class KilledError(BaseException):
    """No code handles it, as none does once a process is gone; a worker of the tests would end at an interrupt."""


@pytest.mark.parametrize("finish", [rerun, next_release])
@pytest.mark.parametrize("after", ["execute", "GET /version", "put v1.0.0.json", "put latest.json"])
def test_a_run_that_is_killed_after_the_execution_loses_nothing(
    cloud: Cloud, tagged: Bundle, later: Bundle, after: str, finish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that is cancelled, or whose machine goes, says nothing more."""
    take = cloud._called

    def called(name: str) -> None:
        take(name)
        if killed and cloud.calls.count(after) and name != after:
            raise KilledError

    killed = False
    monkeypatch.setattr(cloud, "_called", called)
    under_way = release_of(cloud, tagged)
    cloud.calls.clear()
    killed = True
    with pytest.raises(KilledError):
        deploy.deploy(under_way)
    killed = False

    assert tagged.digest == cloud.parameters["BundleDigest"]
    assert pending.find(session(cloud), PROD, cloud.parameters) is not None
    finish(cloud, tagged, later)
    whole(cloud, tagged)


def test_what_is_to_be_executed_is_noted_before(cloud: Cloud, tagged: Bundle) -> None:
    """Where that can't be, nothing is executed, and no change set is left."""
    calls = calls_of(cloud, tagged)
    at = calls.index("execute")
    noted = max(number for number, call in enumerate(calls[:at]) if call.startswith("put "))
    served_before = cloud.parameters["BundleDigest"]
    cloud.fails_at = noted + 1

    with pytest.raises(PipelineError, match="storing s3://dev-artifacts/releases/pending/"):
        deploy.deploy(release_of(cloud, tagged))
    assert served_before == cloud.parameters["BundleDigest"]
    assert {} == cloud.waiting


def test_what_can_not_be_shown_to_serve_stops_no_release(
    cloud: Cloud, tagged: Bundle, later: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """The release that mends it comes next: it is let through, and no passport says that the broken one served."""
    cloud.fails_at = calls_of(cloud, tagged).index(f"put {tagged.commit}.json") + 1
    with pytest.raises(GateError, match="evidence of it is missing"):
        deploy.deploy(release_of(cloud, tagged))
    cloud.fails_at = 0
    for key in (KEY, passport.LATEST):
        cloud.objects.pop((EVIDENCE, key), None)
    cloud.broken = {tagged.commit}
    deploy.deploy(deploy.begin(session(cloud), PROD, later, "bob", version="v1.1.0"))

    assert "can't be shown to serve: Smoke test: GET /ready" in capsys.readouterr().err
    assert later.digest == cloud.parameters["BundleDigest"]
    assert (EVIDENCE, KEY) not in cloud.objects


@pytest.mark.parametrize("raw", [b"{}", b"x", b"[" * 100_000])
def test_a_note_that_nobody_signed_makes_no_evidence(
    cloud: Cloud, live: Bundle, newer: Bundle, raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever may write to the bucket makes no passport of what serves, and stops nothing."""
    del cloud.objects["dev-artifacts", f"commits/{live.commit}.json"]
    cloud.objects["dev-artifacts", f"releases/pending/{cloud.parameters['ReleaseDigest']}.json"] = raw
    put(cloud, newer)

    assert "It counts for nothing" in capsys.readouterr().err
    assert newer.digest == cloud.parameters["BundleDigest"]


def test_who_may_delete_releases_no_version_from_another_commit(
    cloud: Cloud, tagged: Bundle, later: Bundle
) -> None:
    """v1.0.0 was released; all that lies in the artifact bucket of it is gone, and the tag names another commit."""
    deploy.deploy(release_of(cloud, tagged))
    for place in [
        place for place in cloud.objects if place[0] == "dev-artifacts" and "bundles/" not in place[1]
    ]:
        del cloud.objects[place]
    updates = cloud.updates

    with pytest.raises(GateError, match=f"v1.0.0 was released already, from commit {tagged.commit}"):
        deploy.deploy(release_of(cloud, later))
    assert updates == cloud.updates


@pytest.mark.parametrize("raw", [b"{}", b'{"schema": 1}', b""])
def test_a_record_from_before_records_were_signed_is_made_anew(
    cloud: Cloud, tagged: Bundle, raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """The way out: the same release again. Nothing changes; it is looked at, and noted."""
    deploy.deploy(release_of(cloud, tagged))
    cloud.objects["dev-artifacts", f"commits/{tagged.commit}.json"] = raw
    cloud.objects["dev-artifacts", "releases/latest.json"] = b'{"version": "v0.9.0", "sha256": "x"}'
    updates = cloud.updates
    deploy.deploy(release_of(cloud, tagged))

    assert "The release is looked at, and noted anew" in capsys.readouterr().err
    assert updates == cloud.updates
    whole(cloud, tagged)


@pytest.mark.parametrize(
    "error", [KeyError("x"), TypeError("x"), OSError(28, "No space left"), RecursionError("x")]
)
def test_whatever_is_raised_once_it_serves_is_told(
    cloud: Cloud, tagged: Bundle, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody foresaw it; still no traceback, and still nothing is put back."""

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("pipeline.evidence.passport_page.of_passport", fail)

    with pytest.raises(GateError, match=f"evidence of it is missing: {type(error).__name__}"):
        deploy.deploy(release_of(cloud, tagged))
    assert tagged.digest == cloud.parameters["BundleDigest"]


def write(name: str, content: str) -> None:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(content)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (
            lambda cloud: cloud.objects.update({(EVIDENCE, KEY): b"{"}),
            r"The passport of v1\.0\.0 in .* is not a signed statement",
        ),
        (lambda _: write("policies/waivers.toml", "["), "waivers.toml"),
        (lambda _: write("build", "a file"), "Not a directory"),
    ],
)
def test_what_a_passport_needs_is_read_before_anything_changes(
    cloud: Cloud, tagged: Bundle, break_it: Any, said: str
) -> None:
    """A release that could get no passport is refused while the one before it serves."""
    served = cloud.parameters["BundleDigest"]
    break_it(cloud)

    with pytest.raises((PipelineError, OSError), match=said):
        deploy.deploy(release_of(cloud, tagged))
    assert served == cloud.parameters["BundleDigest"]
    assert {} == cloud.waiting
    assert 1 == cloud.updates


@pytest.mark.parametrize("version", ["main", "v1", "v1.0.0-rc.1"])
def test_a_tag_that_is_no_version_is_refused_before_anything_changes(
    cloud: Cloud, tagged: Bundle, version: str
) -> None:
    """Its passport would have no name."""
    with pytest.raises(GateError, match="is not a release tag"):
        deploy.deploy(deployment.begin(session(cloud), PROD, tagged, "ada", version=version))
    assert 1 == cloud.updates


@pytest.mark.parametrize("part", ["author", "subject"])
def test_a_commit_too_long_to_be_told_of_is_refused(
    cloud: Cloud,
    repository: Repository,
    live: Bundle,
    tmp_path: Path,
    part: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A passport of that size is one that nobody reads."""
    monkeypatch.setattr("pipeline.evidence.issuing._LARGEST", 4000)
    long = "x" * 5000
    (tmp_path / "message").write_text(long if part == "subject" else "short")
    name = ("-c", f"user.name={long if part == 'author' else 'Ada'}")
    repository.git(*name, "commit", "--quiet", "--allow-empty", "-F", str(tmp_path / "message"))
    repository.tag("v1.0.0")
    made = stored(cloud, make(tmp_path / "long", repository.git("rev-parse", "HEAD")))

    with pytest.raises(GateError, match=r"The passport of v1\.0\.0 would take \d+ bytes and more; 4000"):
        deploy.deploy(release_of(cloud, made))
    assert live.digest == cloud.parameters["BundleDigest"]


@pytest.mark.parametrize("end", ["\r", "\x85", "\u2028", "\x0b", "\x1e"])
def test_no_character_of_a_subject_undoes_a_release(
    cloud: Cloud, repository: Repository, live: Bundle, tmp_path: Path, end: str
) -> None:
    """Anybody's pull request brings a subject, and a rebase merge keeps it."""
    made = stored(cloud, make(tmp_path / "odd", repository.commit(f"Reword{end}the readme")))
    repository.tag("v1.0.0")
    deploy.deploy(release_of(cloud, made))

    assert (EVIDENCE, KEY) in cloud.objects
    assert (made.commit, "succeeded") in rows(cloud)


@pytest.mark.parametrize(
    "error", [KeyError("x"), ValueError("x"), OSError(28, "No space left"), GateError("gone")]
)
def test_a_failed_restoration_hides_no_first_error(
    cloud: Cloud, live: Bundle, newer: Bundle, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are told: why the release doesn't serve, and why the one before couldn't be put back."""
    cloud.broken = {newer.commit}

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("pipeline.delivery.store.get", fail)

    with pytest.raises(GateError) as caught:
        put(cloud, newer)
    assert "Smoke test: GET /ready" in caught.value.message
    assert f"could not be put back: {said(error)}" in caught.value.message
    assert (newer.commit, "failed") in rows(cloud)


def test_an_interrupted_restoration_has_told_why(
    cloud: Cloud,
    live: Bundle,
    newer: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A job that is cancelled then says no more."""
    cloud.broken = {newer.commit}

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.delivery.store.get", interrupt)

    with pytest.raises(KeyboardInterrupt):
        put(cloud, newer)
    assert "putting the previous release back: Smoke test: GET /ready" in capsys.readouterr().out


def test_a_failure_that_can_not_be_told_hides_no_first_error(
    cloud: Cloud,
    live: Bundle,
    newer: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nor does the ledger's."""
    cloud.broken = {newer.commit}

    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("odd")

    monkeypatch.setattr("pipeline.ledger.client.record", fail)

    with pytest.raises(GateError, match="Smoke test: GET /ready"):
        put(cloud, newer)
    assert "could not be told: KeyError('odd')" in capsys.readouterr().err


def test_an_answer_without_a_digest_is_no_proof(
    cloud: Cloud, live: Bundle, newer: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the proof raises, what serves wasn't proved: the release before is put back."""
    answers: Iterator[dict[str, Any]] = iter([{"Configuration": {}}])
    good = cloud.get_function
    monkeypatch.setattr(cloud, "get_function", lambda **given: next(answers, None) or good(**given))

    with pytest.raises(GateError, match=r"KeyError\('CodeSha256'\)\n  .*was put back, and serves"):
        put(cloud, newer)
    assert live.digest == cloud.parameters["BundleDigest"]


LEFT = [Drift("parameter", name, "a record", "none") for name in ("Commit", "BundleDigest", "ReleaseDigest")]
OTHERS = [Drift("code", "AppFunction", "a", "b"), Drift("parameter", "LogLevel", "INFO", "DEBUG")]


def test_the_rerun_of_an_unrecorded_release_is_not_stopped_by_its_own_traces(
    cloud: Cloud, tagged: Bundle
) -> None:
    """It serves without a record: that is drift to every other release, and to this one what is to be done."""
    cloud.fails_at = calls_of(cloud, tagged).index(f"put {tagged.commit}.json") + 1
    with pytest.raises(GateError, match="evidence of it is missing"):
        deploy.deploy(release_of(cloud, tagged))
    cloud.fails_at = 0

    assert OTHERS == deploy._foreign(release_of(cloud, tagged), [*LEFT, *OTHERS])


def test_another_release_is_stopped_by_what_nobody_recorded(
    cloud: Cloud, live: Bundle, tagged: Bundle
) -> None:
    """Nobody knows then what it would overwrite."""
    assert [*LEFT, *OTHERS] == deploy._foreign(release_of(cloud, tagged), [*LEFT, *OTHERS])


@pytest.mark.parametrize("fails", [False, True])
def test_an_application_without_a_ledger_is_told_nothing(
    cloud: Cloud, release: Bundle, capsys: pytest.CaptureFixture[str], fails: bool
) -> None:
    """No request, no warning, and no object that waits to be delivered, whether the release serves or not."""
    cloud.broken = {release.commit} if fails else set()
    silent = environment(application=application("ledger = true", "ledger = false"))
    under_way = deployment.begin(session(cloud), silent, release, "ada")
    with suppress(GateError):
        deploy.deploy(under_way)
    records.tell(under_way, records.gather(under_way, None))
    said = capsys.readouterr()

    assert {} == cloud.ledger
    assert [] == [call for call in cloud.calls if call.startswith("POST")]
    assert not [key for _, key in cloud.objects if "unrecorded" in key]
    assert "ledger" not in said.out + said.err
    assert "ecorded" not in said.out + said.err
    assert fails == (("dev-artifacts", f"commits/{release.commit}.json") not in cloud.objects)
