"""Rollback and withdrawal: what may be put back, what may not, and what is recorded."""

import base64
import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.base import github
from pipeline.base.canonical import canonical
from pipeline.base.errors import GateError
from pipeline.delivery import deployment, stack, store
from pipeline.delivery.bundle import TEMPLATE as TEMPLATE_NAME
from pipeline.delivery.bundle import Bundle
from pipeline.evidence import notes, served, versions
from pipeline.release import deploy, drift, rollback, withdrawal
from pipeline.source.samconfig import Environment
from tests.pipeline import statements
from tests.pipeline.bundles import TEMPLATE, Repository, make
from tests.pipeline.cloud import Cloud, environment

DEV = environment()


def code(**migrations: str) -> bytes:
    """An app.zip with these migrations."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in migrations.items():
            archive.writestr(f"app/migrations/{name}.sql", text)
    return made.getvalue()


@pytest.fixture
def releases(cloud: Any, repository: Repository, tmp_path: Path) -> tuple[Bundle, Bundle]:
    """Two releases that served dev, the second one live."""
    made = []
    for number, migrations in enumerate(
        ({"0001_a": "A"}, {"0001_a": "A", "0002_b": "-- Compatible: adds only\nB"})
    ):
        commit = repository.commit(f"release {number}")
        repository.tag(f"v1.{number}.0")
        one = make(tmp_path / f"made{number}", commit, app=code(**migrations), rotation=code())
        store.put(cloud, DEV.bucket, one)
        deploy.deploy(deployment.begin(cloud, DEV, one, "ada"))
        made.append(one)
    return made[0], made[1]


def prove(cloud: Any, name: str, tmp_path: Path) -> Bundle:
    found = versions.find(cloud, DEV, name)
    live = stack.read(cloud, DEV.stack_name)
    return rollback.prove(cloud, DEV, found.bundle, live, tmp_path / "proof")


def test_who_approved_a_rollback_is_recorded(
    cloud: Any, releases: tuple[Bundle, Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no passport to say so; who only looked, or refused, approved nothing."""
    approvals = [
        {"state": state, "user": user, "environments": [{"name": "dev"}]}
        for state, user in (
            ("approved", {"login": "carol"}),
            ("approved", None),
            ("rejected", {"login": "dave"}),
        )
    ]
    monkeypatch.setattr(github, "get", {"actions/runs/7/approvals": approvals}.__getitem__)
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    monkeypatch.setenv("GITHUB_TOKEN", "t")
    made = prove(cloud, "v1.0.0", tmp_path)
    deploy.deploy(deployment.begin(cloud, DEV, made, "ada", kind="rollback", version="v1.0.0"))
    row = list(cloud.ledger.values())[-1]

    assert ("rollback", "approved by carol, an account that is gone") == (row["kind"], row["detail"])


def test_an_earlier_release_serves_again(cloud: Any, releases: tuple[Bundle, Bundle], tmp_path: Path) -> None:
    """It may overtake a newer one, on purpose, and is recorded as what it is."""
    made = prove(cloud, "v1.0.0", tmp_path)
    deploy.deploy(deployment.begin(cloud, DEV, made, "ada", kind="rollback", version="v1.0.0"))
    row = list(cloud.ledger.values())[-1]

    assert releases[0].digest == cloud.parameters["BundleDigest"]
    assert ("rollback", "succeeded", "v1.0.0") == (row["kind"], row["status"], row["version"])


@pytest.fixture
def moving(cloud: Any, repository: Repository, tmp_path: Path) -> tuple[Environment, list[Bundle]]:
    """An environment whose template says how traffic moves, with two releases, the second of which serves."""
    where = environment(parameters={**DEV.parameters, "Traffic": "AsSet"})
    template = TEMPLATE.replace("  LogLevel:", "  Traffic: {Type: String}\n  LogLevel:").encode()
    made = []
    for number in range(2):
        commit = repository.commit(f"release {number}")
        one = make(tmp_path / f"moving{number}", commit, template=template)
        store.put(cloud, where.bucket, one)
        deploy.deploy(deployment.begin(cloud, where, one, "ada"))
        made.append(one)
    return where, made


def test_what_is_put_back_takes_all_traffic_at_once(
    cloud: Any, moving: tuple[Environment, list[Bundle]]
) -> None:
    """CodeDeploy begins nothing under a ringing alarm (aws/serverless-application-model#716), and what is broken is to
    meet nobody any more. It is the same release all the same: neither digest nor drift knows of it."""
    where, (first, _) = moving
    recorded = served.find(cloud, where, first.commit)
    assert recorded is not None
    before = dict(cloud.parameters)
    deploy.deploy(deployment.begin(cloud, where, first, "ada", kind="rollback"))
    live = stack.read(cloud, where.stack_name)

    assert ("AsSet", "AtOnce") == (before["Traffic"], cloud.parameters["Traffic"])
    assert recorded.release == cloud.parameters["ReleaseDigest"]
    assert [] == list(drift._release(cloud, where, live, first.digest))

    deploy.deploy(deployment.begin(cloud, where, moving[1][1], "ada"))

    assert "AsSet" == cloud.parameters["Traffic"]


def test_what_is_restored_takes_all_traffic_at_once(
    cloud: Any, moving: tuple[Environment, list[Bundle]], repository: Repository, tmp_path: Path
) -> None:
    """After a release that doesn't serve, too."""
    where, made = moving
    third = make(
        tmp_path / "third", repository.commit("third"), template=made[0].path(TEMPLATE_NAME).read_bytes()
    )
    store.put(cloud, where.bucket, third)
    cloud.broken = {third.commit}
    with pytest.raises(GateError, match="was put back, and serves"):
        deploy.deploy(deployment.begin(cloud, where, third, "ada"))

    assert (made[1].digest, "AtOnce") == (cloud.parameters["BundleDigest"], cloud.parameters["Traffic"])


def test_a_template_that_moves_traffic_in_no_way_of_its_own_is_put_back(
    cloud: Any, releases: tuple[Bundle, Bundle]
) -> None:
    """As one was before templates could: samconfig knows the parameter by then, and the bundle doesn't."""
    where = environment(parameters={**DEV.parameters, "Traffic": "AsSet"})
    deploy.deploy(deployment.begin(cloud, where, releases[0], "ada", kind="rollback"))

    assert releases[0].digest == cloud.parameters["BundleDigest"]
    assert "Traffic" not in cloud.parameters


@pytest.mark.parametrize("name", ["latest", "v1", "main", "../x"])
def test_only_a_version_or_a_commit_names_a_release(
    cloud: Any, releases: Any, tmp_path: Path, name: str
) -> None:
    """Nothing that moves."""
    with pytest.raises(GateError, match="is not a release tag"):
        prove(cloud, name, tmp_path)


def test_what_never_served_is_refused(cloud: Any, repository: Repository, tmp_path: Path) -> None:
    """A tag without a deployment, and a tag that isn't there."""
    repository.tag("v9.0.0")

    with pytest.raises(GateError, match=r"dev never ran v9\.0\.0"):
        prove(cloud, "v9.0.0", tmp_path)
    with pytest.raises(GateError, match=r"There is no tag v9\.0\.1 here"):
        prove(cloud, "v9.0.1", tmp_path)


def test_a_changed_bundle_is_refused(cloud: Cloud, releases: tuple[Bundle, Bundle], tmp_path: Path) -> None:
    """It lay in the bucket for a while."""
    cloud.objects[DEV.bucket, f"bundles/{releases[0].digest}/app.zip"] += b" "

    with pytest.raises(GateError, match=r"app\.zip of the bundle in .* was changed"):
        prove(cloud, "v1.0.0", tmp_path)


def live_with(cloud: Any, repository: Repository, tmp_path: Path, **migrations: str) -> None:
    """A third release, with these migrations, served last."""
    one = make(tmp_path / "third", repository.commit("third"), app=code(**migrations), rotation=code())
    store.put(cloud, DEV.bucket, one)
    deploy.deploy(deployment.begin(cloud, DEV, one, "ada"))


@pytest.mark.parametrize(
    ("migrations", "message"),
    [
        ({"0001_a": "A", "0003_c": "DROP TABLE x"}, "The schema has moved on since .*, by 0003_c.sql"),
        ({"0001_a": "other"}, "The migration 0001_a.sql was changed after"),
    ],
)
def test_a_schema_that_moved_on_is_refused(
    cloud: Any,
    repository: Repository,
    releases: Any,
    tmp_path: Path,
    migrations: dict[str, str],
    message: str,
) -> None:
    """The earlier code would meet tables that it doesn't know; a migration that fits it says so."""
    live_with(cloud, repository, tmp_path, **migrations)

    with pytest.raises(GateError, match=message):
        prove(cloud, "v1.0.0", tmp_path)


def withdraw(cloud: Any, made: Bundle, reason: str) -> None:
    content = {"version": "v1.0.0", "by": "ada", "at": "2026-01-01T00:00:00Z", "reason": reason}
    raw = notes.sign(cloud, DEV, "withdrawn", {"manifest.json": made.digest}, content)
    store.write(cloud, DEV.evidence_bucket, f"withdrawals/{made.digest}.json", raw)


def test_a_withdrawn_release_is_neither_deployed_nor_put_back(
    cloud: Any, releases: tuple[Bundle, Bundle], tmp_path: Path
) -> None:
    """The note says who, when and why."""
    withdraw(cloud, releases[0], "it loses mail")

    with pytest.raises(
        GateError, match="was withdrawn from dev by ada at 2026-01-01T00:00:00Z: it loses mail"
    ):
        prove(cloud, "v1.0.0", tmp_path)
    with pytest.raises(GateError, match="was withdrawn from dev"):
        withdrawal.check(cloud, DEV, releases[0])
    withdrawal.check(cloud, DEV, releases[1])


def test_a_note_of_a_withdrawal_is_one_line(cloud: Any, releases: tuple[Bundle, Bundle]) -> None:
    """Whoever may write to the bucket writes the reason: it begins no line of its own."""
    withdraw(cloud, releases[0], "it loses mail\n::stop-commands::x\x1b[2K")

    with pytest.raises(
        GateError,
        match=r"by ada at 2026-01-01T00:00:00Z: it loses mail ::stop-commands::x\\u001b\[2K\n  Mend",
    ):
        withdrawal.check(cloud, DEV, releases[0])


def test_parameters_that_no_longer_fit_are_refused(
    cloud: Any, releases: tuple[Bundle, Bundle], tmp_path: Path
) -> None:
    """samconfig has moved on: the earlier template doesn't know a parameter, or wants one that is gone."""
    found = versions.find(cloud, DEV, "v1.0.0")
    moved = environment(parameters={**DEV.parameters, "New": "1"})

    with pytest.raises(Exception, match="the template has no New"):
        rollback.prove(cloud, moved, found.bundle, stack.read(cloud, DEV.stack_name), tmp_path / "proof")


def test_a_record_that_nobody_signed_is_not_believed(cloud: Any, releases: tuple[Bundle, Bundle]) -> None:
    """As whoever may write to the bucket writes it, or as it was written before records were signed."""
    first, second = releases
    forged = {
        "schema": 1,
        "environment": "dev",
        "commit": second.commit,
        "bundle": first.digest,
        "release": "0" * 64,
    }
    store.write(cloud, DEV.bucket, f"commits/{second.commit}.json", canonical(forged))

    with pytest.raises(GateError, match=r"is not a signed statement.*counts for nothing") as caught:
        versions.find(cloud, DEV, "v1.1.0")
    assert "README.md" in caught.value.hint


@pytest.mark.parametrize("name", ["v1.1.0", "the commit"])
def test_a_record_that_names_another_release_is_refused(
    cloud: Any, releases: tuple[Bundle, Bundle], name: str
) -> None:
    """Signed even so: the version is v1.1.0's, the bytes would be v1.0.0's; nothing is put back."""
    first, second = releases
    statements.note(cloud, DEV, second, bundle=first.digest)

    with pytest.raises(GateError) as caught:
        versions.find(cloud, DEV, second.commit if name == "the commit" else name)
    assert second.commit in caught.value.message
    assert f"names the bundle {first.digest}, which is of commit {first.commit}" in caught.value.message


def test_a_record_of_another_commit_is_refused(cloud: Any, releases: tuple[Bundle, Bundle]) -> None:
    """Signed, of an earlier release, and copied over a later one's."""
    first, second = releases
    cloud.objects[DEV.bucket, f"commits/{second.commit}.json"] = cloud.objects[
        DEV.bucket, f"commits/{first.commit}.json"
    ]

    with pytest.raises(GateError, match=f"is signed, but is about commit {first.commit}"):
        versions.find(cloud, DEV, "v1.1.0")


def test_a_record_of_another_environment_is_refused(cloud: Any, releases: tuple[Bundle, Bundle]) -> None:
    """Copied from there, it says nothing about here."""
    other = environment(name="prod")
    statements.note(cloud, other, releases[0])

    with pytest.raises(GateError, match=r"was made in .*'prod'"):
        versions.find(cloud, DEV, "v1.0.0")


PROD = environment(name="dev", promote_from="dev")  # the account in memory is dev's; the rules are prod's


@pytest.fixture
def released(
    cloud: Any, releases: tuple[Bundle, Bundle], monkeypatch: pytest.MonkeyPatch
) -> tuple[Bundle, Bundle]:
    """The same two with passports, as prod has them; v1.1.0 serves."""
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    cloud.parameters.clear()
    cloud.status = "ABSENT"
    for made, version in zip(releases, ("v1.0.0", "v1.1.0"), strict=True):
        deploy.deploy(deployment.begin(cloud, PROD, made, "ada", version=version))
    return releases


def test_a_version_is_what_its_passport_says(cloud: Any, released: tuple[Bundle, Bundle]) -> None:
    """No record of the bucket counts: forged or gone, v1.0.0 is the bundle that was released as it."""
    for made in released:
        store.write(cloud, PROD.bucket, f"commits/{made.commit}.json", b"{}")

    assert released[0].digest == versions.find(cloud, PROD, "v1.0.0").bundle
    assert released[1].digest == versions.find(cloud, PROD, "v1.1.0").bundle


def test_a_tag_that_was_moved_names_no_release(
    cloud: Any, released: tuple[Bundle, Bundle], repository: Repository
) -> None:
    """It names v1.0.0's commit now; v1.1.0 isn't that."""
    repository.git("tag", "-f", "-a", "-m", "x", "v1.1.0", released[0].commit)

    with pytest.raises(GateError, match=f"v1.1.0 was released from {released[1].commit}, and names"):
        versions.find(cloud, PROD, "v1.1.0")


def command(cloud: Any, monkeypatch: pytest.MonkeyPatch, *words: str, where: Any = DEV) -> int:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("pipeline.source.samconfig.read", lambda *_: where)
    monkeypatch.setattr("pipeline.delivery.aws.session", lambda *_: cloud)
    return cli.main(list(words))


def test_withdrawing_what_serves_says_so(
    cloud: Any,
    released: tuple[Bundle, Bundle],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And what to do: go back to the release before; when that is withdrawn as well, forward."""
    words = ("withdraw", "dev", "v1.1.0", "--reason", "x")
    statuses = [command(cloud, monkeypatch, *words, where=PROD)]
    first = capsys.readouterr().err
    withdraw(cloud, released[0], "it loses mail")
    statuses.append(command(cloud, monkeypatch, *words, where=PROD))
    second = capsys.readouterr().err

    assert [0, 0] == statuses
    assert "v1.1.0 serves in dev all the same" in first
    assert "pipeline rollback dev v1.0.0" in first
    assert "No earlier release is left that could be put back" in second


def test_the_ledger_hears_of_a_withdrawal(
    cloud: Any,
    released: tuple[Bundle, Bundle],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of which bundle, by whom and why; what doesn't serve is not warned of."""
    assert 0 == command(
        cloud, monkeypatch, "withdraw", "dev", "v1.0.0", "--reason", "it loses mail", where=PROD
    )
    row = list(cloud.ledger.values())[-1]

    assert "serves in dev all the same" not in capsys.readouterr().err
    assert ("withdrawal", released[0].digest) == (row["name"], row["bundle"])
    assert ("v1.0.0", "it loses mail") == (row["document"]["version"], row["document"]["reason"])
    assert row["location"].endswith(f"-evidence-111111111111/withdrawals/{released[0].digest}.json")


def test_a_withdrawal_stands_where_nobody_removes_it(
    cloud: Any, released: tuple[Bundle, Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted beside the bundle, it still counts."""
    assert 0 == command(cloud, monkeypatch, "withdraw", "dev", "v1.0.0", "--reason", "x", where=PROD)
    del cloud.objects[PROD.bucket, f"bundles/{released[0].digest}/withdrawn.json"]

    with pytest.raises(GateError, match="was withdrawn from dev"):
        withdrawal.check(cloud, PROD, released[0])


@pytest.mark.parametrize("frozen", [True, False])
def test_a_rollback_in_a_freeze_is_somebody_s_decision(
    cloud: Any,
    released: tuple[Bundle, Bundle],
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    frozen: bool,
) -> None:
    """It isn't stopped; who started it stands in what is printed and in the ledger. Else nothing is said."""
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "bob")  # who ran the job again
    if frozen:
        until = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).isoformat()
        times = f'begins = "2026-01-01"\nuntil = "{until}"\n'
        text = f'[[freeze]]\nenvironment = "dev"\n{times}reason = "audit"\nowner = "sec"\n'
        repository.commit("freeze", {"policies/freezes.toml": text})
    promote_key = base64.b64encode(cloud.get_public_key()["PublicKey"]).decode()
    cloud.ssm["/esclusa/dev/promotion-key"] = promote_key
    monkeypatch.setattr("pipeline.release.promote.verify", lambda *_: {})
    status = command(cloud, monkeypatch, "rollback", "dev", "v1.0.0", where=PROD)
    row = next(one for one in cloud.ledger.values() if one["kind"] == "rollback")

    assert 0 == status
    assert ("bob", "succeeded") == (row["actor"], row["status"])
    assert frozen == bool(row["detail"])
    assert frozen == ("Put back in the freeze until" in capsys.readouterr().out)
    if frozen:
        assert "audit (sec), as bob decided, who started it" in row["detail"]


@pytest.mark.parametrize(
    "words", [["rollback", "dev", "v1.1.0"], ["withdraw", "dev", "v1.1.0", "--reason", "x"]]
)
def test_neither_rollback_nor_withdrawal_acts_on_another_release(
    cloud: Any,
    releases: tuple[Bundle, Bundle],
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the command: exit status 1, and the account is as it was."""
    first, second = releases
    statements.note(cloud, DEV, second, bundle=first.digest)
    before = dict(cloud.objects)

    assert 1 == command(cloud, monkeypatch, *words)
    assert f"commit {first.commit}" in capsys.readouterr().err
    assert before == cloud.objects
    assert second.digest == cloud.parameters["BundleDigest"]
