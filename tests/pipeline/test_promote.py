"""pipeline promote: the bytes that one environment ran, in the next one's bucket, or nothing."""

import argparse
import datetime as dt
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline.base import git, http
from pipeline.base.canonical import canonical
from pipeline.base.errors import ConfigurationError, GateError, PipelineError
from pipeline.base.run import CHECKOUT
from pipeline.commands import promote as command
from pipeline.delivery import aws, store
from pipeline.delivery.bundle import Bundle
from pipeline.evidence import envelope, notes, passport
from pipeline.evidence.served import Served
from pipeline.release import promote
from pipeline.source.tags import Release
from tests.pipeline import statements
from tests.pipeline.applications import application
from tests.pipeline.bundles import Repository, make
from tests.pipeline.cloud import URL, Cloud, environment

ROUTES = ("/health", "/ready", "/version")
COMMIT, NEWER = "c" * 40, "e" * 40
DEV = environment()
PROD = environment(name="prod", bucket="prod-artifacts", promote_from="dev")


@pytest.fixture
def made(cloud: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A bundle that dev has, and ran."""
    monkeypatch.setattr(aws, "session", lambda _environment: cloud)
    for name, value in statements.GITHUB.items():
        monkeypatch.setenv(name, value)
    made = make(tmp_path / "made", COMMIT, sbom=b'{"bomFormat": "CycloneDX"}')
    store.put(cloud, DEV.bucket, made)
    statements.publish(cloud, DEV, made, tmp_path / "reports")
    cloud.trust_own_key()
    statements.note(cloud, DEV, made)
    cloud.answers |= {path: (200, {"commit": COMMIT, "bundle": made.digest}) for path in ROUTES}
    monkeypatch.setattr(git, "is_ancestor", lambda older, newer, _: older == newer or newer == NEWER)
    monkeypatch.setattr(git, "exists", lambda _, __: True)
    return made


def go(made: Bundle, tmp_path: Path, commit: str = COMMIT) -> Bundle:
    return promote.promote(Release("v1.0.0", commit), DEV, PROD, made.digest, tmp_path / "scratch")


def test_the_same_bytes_arrive(cloud: Cloud, made: Bundle, tmp_path: Path) -> None:
    """Every object of the bundle is in both buckets, byte for byte."""
    go(made, tmp_path)
    keys = [key for bucket, key in cloud.objects if bucket == DEV.bucket and key.startswith("bundles/")]

    assert keys
    assert [cloud.objects[DEV.bucket, key] for key in keys] == [
        cloud.objects[PROD.bucket, key] for key in keys
    ]


def test_what_dev_never_ran_is_refused(made: Bundle, tmp_path: Path) -> None:
    """A bundle in the bucket is not enough: its deployment must have succeeded."""
    with pytest.raises(GateError, match="dev never ran"):
        go(made, tmp_path, "d" * 40)


@pytest.mark.parametrize("name", ["app.zip", "template.yaml", "manifest.json"])
def test_a_changed_byte_is_refused(cloud: Cloud, made: Bundle, tmp_path: Path, name: str) -> None:
    """Whichever file it is in; nothing reaches prod's bucket."""
    cloud.objects[DEV.bucket, f"bundles/{made.digest}/{name}"] += b" "

    with pytest.raises(GateError, match=r"was changed|it hashes to"):
        go(made, tmp_path)

    assert not [key for bucket, key in cloud.objects if bucket == PROD.bucket]


def test_a_lost_file_is_named(cloud: Cloud, made: Bundle, tmp_path: Path) -> None:
    """Half a bundle is none."""
    del cloud.objects[DEV.bucket, f"bundles/{made.digest}/rotation.zip"]

    with pytest.raises(GateError, match=r"has lost rotation\.zip"):
        go(made, tmp_path)


RECORD = f"commits/{COMMIT}.json"


@pytest.mark.parametrize(
    "record",
    [
        b"[]",
        b"null",
        b'{"schema": 2}',
        b'{"schema": 1, "commit": "' + COMMIT.encode() + b'", "bundle": "../../' + b"a" * 64 + b'"}',
        b"[" * 100_000,
        b"x" * (envelope.LARGEST + 1),
    ],
)
def test_a_malformed_record_is_refused(cloud: Cloud, made: Bundle, tmp_path: Path, record: bytes) -> None:
    """Of another form, too long, or pointing elsewhere; what to do is said."""
    cloud.objects[DEV.bucket, RECORD] = record

    with pytest.raises(GateError, match=f"That dev ran {COMMIT} isn't believed") as caught:
        go(made, tmp_path)
    assert "release a newer commit" in caught.value.hint


def test_a_record_that_nobody_signed_is_refused(cloud: Cloud, made: Bundle, tmp_path: Path) -> None:
    """As it was written before records were signed, or by whoever may write to dev's bucket: without soak, unseen."""
    record = {"schema": 1, "environment": "dev", "commit": COMMIT, "bundle": made.digest, "release": "0" * 64}
    cloud.objects[DEV.bucket, RECORD] = canonical(
        {**record, "deployed_at": "2020-01-01T00:00:00.000Z", "url": URL}
    )

    with pytest.raises(
        GateError, match=f"isn't believed: {RECORD} in dev-artifacts is not a signed statement"
    ):
        go(made, tmp_path)
    assert not [key for bucket, key in cloud.objects if bucket == PROD.bucket]


def another(**changes: Any) -> Any:
    """Dev as another repository, account or name has it."""
    return environment(**changes)


@pytest.mark.parametrize(
    "elsewhere",
    [
        another(name="test"),
        another(account="999999999999"),
        another(application=application('"acme/ledger"', '"acme/other"')),
    ],
    ids=["environment", "account", "repository"],
)
def test_a_record_of_elsewhere_is_refused(cloud: Any, made: Bundle, tmp_path: Path, elsewhere: Any) -> None:
    """Signed by the same key, and copied to where it says something else."""
    statements.note(cloud, elsewhere, made)

    with pytest.raises(GateError, match=r"is signed, but was made in .*, not in .*'environment': 'dev'"):
        go(made, tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"commit": "d" * 40}, "its commit"),
        ({"bundle": "../" + "a" * 61}, "its bundle is '../"),
        ({"release": 7}, "its release is '7'"),
        ({"deployed_at": "yesterday"}, "its deployed_at is 'yesterday'"),
        ({"deployed_at": "2026-01-01T00:00:00"}, "its deployed_at"),
        ({"deployed_at": "2026-13-01T00:00:00Z"}, "its deployed_at"),
        ({"deployed_at": None}, "its deployed_at is 'None'"),
        ({"version": []}, "its version"),
        ({"address": None}, "its address"),
    ],
)
def test_a_signed_record_is_read_as_hostile(
    cloud: Any, made: Bundle, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    """Whoever may sign may be mistaken: each of its fields has the form that it must have."""
    if "commit" in changes:
        raw = cloud.objects[DEV.bucket, RECORD]
        statements.note(cloud, DEV, make(tmp_path / "other", "d" * 40))
        cloud.objects[DEV.bucket, RECORD] = cloud.objects[DEV.bucket, f"commits/{'d' * 40}.json"]
        assert raw != cloud.objects[DEV.bucket, RECORD]
        said = f"is signed, but is about commit {'d' * 40}"
    else:
        statements.note(cloud, DEV, made, **changes)

    with pytest.raises(GateError, match=re.escape(said)):
        go(made, tmp_path)


def test_a_record_of_another_kind_is_refused(cloud: Any, made: Bundle, tmp_path: Path) -> None:
    """The same key signs other things: a note of one kind isn't one of another."""
    content = {"version": "v1", "reason": "x", "by": "ada", "at": "2026-01-01T00:00:00Z"}
    raw = notes.sign(cloud, DEV, "withdrawn", {"manifest.json": made.digest}, content)
    store.write(cloud, DEV.bucket, RECORD, raw)

    with pytest.raises(GateError, match="is signed, but as 'urn:esclusa:withdrawn:1'"):
        go(made, tmp_path)


def test_another_commits_bundle_is_refused(cloud: Cloud, made: Bundle, tmp_path: Path) -> None:
    """The record points to a bundle that is whole, but of another commit: a replay."""
    other = make(tmp_path / "other", "d" * 40)
    session: Any = cloud
    store.put(session, DEV.bucket, other)
    statements.note(cloud, DEV, made, bundle=other.digest)
    cloud.answers["/version"] = (200, {"commit": COMMIT, "bundle": other.digest})

    with pytest.raises(GateError, match="is of " + "d" * 40):
        go(other, tmp_path)


def test_a_bundle_that_devs_role_signed_and_main_never_built_is_refused(
    cloud: Any, made: Bundle, tmp_path: Path
) -> None:
    """All that dev's deploy role can do: other code under the same commit, statements signed with dev's own key, the
    record, and what dev serves. Only the digest that somebody else built tells it; nothing reaches prod's bucket."""
    forged = make(tmp_path / "forged", COMMIT, app=b"import pwned", sbom=b'{"bomFormat": "CycloneDX"}')
    store.put(cloud, DEV.bucket, forged)
    statements.publish(cloud, DEV, forged, tmp_path / "invented")
    statements.note(cloud, DEV, made, bundle=forged.digest)
    cloud.answers["/version"] = (200, {"commit": COMMIT, "bundle": forged.digest})

    with pytest.raises(GateError, match="as the bundle") as refused:
        go(made, tmp_path)

    assert (True, True) == (forged.digest in refused.value.message, made.digest in refused.value.message)
    assert not [key for bucket, key in cloud.objects if bucket == PROD.bucket]
    assert forged.files == go(forged, tmp_path).files  # all else of it was as it should be


@pytest.mark.parametrize("told", [None, "", "0" * 64, 7])
def test_dev_must_serve_the_bundle_that_is_promoted(
    cloud: Cloud, made: Bundle, tmp_path: Path, told: object
) -> None:
    """Where it serves that very commit, its own answer names the bundle."""
    cloud.answers["/version"] = (200, {"commit": COMMIT, "bundle": told})

    with pytest.raises(GateError, match=f"dev serves {COMMIT} as the bundle .*, not as {made.digest}"):
        go(made, tmp_path)


@pytest.mark.parametrize("given", ["", "main", "A" * 64, "0" * 63])
def test_what_is_expected_is_a_digest(repository: Repository, given: str) -> None:
    """An output that a job never set is empty."""
    repository.tag("v1.0.0", repository.commit("x"))
    with pytest.raises(ConfigurationError, match="is not a bundle's digest"):
        command.main(argparse.Namespace(tag="v1.0.0", to=None, expect=given))


def test_the_route_is_samconfigs() -> None:
    """This repository promotes from dev to prod."""
    source, target = promote.route(CHECKOUT, None)

    assert ("dev", "prod") == (source.name, target.name)


def test_a_route_to_nowhere_is_a_configuration_error() -> None:
    """dev takes over nobody's bundles."""
    with pytest.raises(ConfigurationError, match="is not clear: none"):
        promote.route(CHECKOUT, "dev")


def test_credentials_of_another_account_are_refused(cloud: Cloud, made: Bundle, tmp_path: Path) -> None:
    """Bytes for prod don't go anywhere else by mistake."""
    target = environment(account="222222222222", promote_from="dev")

    with pytest.raises(ConfigurationError, match="The credentials are of account 111111111111"):
        promote.promote(Release("v1.0.0", COMMIT), DEV, target, made.digest, tmp_path / "scratch")


def test_samconfig_is_read_where_the_command_runs(tmp_path: Path) -> None:
    """No samconfig, no route."""
    with pytest.raises(ConfigurationError, match=r"samconfig.toml does not exist"):
        promote.route(tmp_path, None)


def test_no_bucket_fills_a_job(
    cloud: Any, made: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read further than it may be long; what is too long is named."""
    monkeypatch.setattr(store, "MOST_CODE", 20)

    with pytest.raises(GateError, match=r"/app\.zip is larger than 20 bytes, and not read"):
        go(made, tmp_path)

    monkeypatch.undo()
    session: Any = cloud
    cloud.objects[DEV.bucket, "x"] = b"x" * (store.MOST + 1)
    with pytest.raises(GateError, match=f"s3://{DEV.bucket}/x is larger than {store.MOST} bytes"):
        store.read(session, DEV.bucket, "x")


def test_an_unsigned_bundle_is_refused(cloud: Cloud, made: Bundle, tmp_path: Path) -> None:
    """Its bytes are whole, but nobody says where they came from; nothing reaches prod's bucket."""
    for key in [key for _, key in cloud.objects if "attestations" in key]:
        del cloud.objects[DEV.bucket, key]

    with pytest.raises(GateError, match=r"The statement provenance about bundle .* is missing"):
        go(made, tmp_path)

    assert not [key for bucket, key in cloud.objects if bucket == PROD.bucket]


def test_a_signature_of_another_key_is_refused(cloud: Cloud, made: Bundle, tmp_path: Path) -> None:
    """The administrator of prod trusts one key."""
    other = Cloud()
    other.trust_own_key()
    cloud.ssm.update(other.ssm)

    with pytest.raises(GateError, match="is not signed by the key"):
        go(made, tmp_path)


def test_without_a_trusted_key_nothing_is_promoted(cloud: Cloud, made: Bundle, tmp_path: Path) -> None:
    """The account's bootstrap has not said whose signature counts."""
    del cloud.ssm["/esclusa/prod/promotion-key"]

    with pytest.raises(ConfigurationError, match="nobody's signature is trusted"):
        go(made, tmp_path)


def withdrawn(cloud: Any, where: Any, made: Bundle) -> bytes:
    content = {"version": "v1.0.0", "reason": "it loses mail", "by": "ada", "at": "2026-01-01T00:00:00Z"}
    return notes.sign(cloud, where, "withdrawn", {"manifest.json": made.digest}, content)


@pytest.mark.parametrize("where", [DEV, PROD], ids=lambda one: one.name)
def test_a_withdrawn_bundle_is_refused(cloud: Any, made: Bundle, tmp_path: Path, where: Any) -> None:
    """Whichever of the two environments withdrew it."""
    key = f"bundles/{made.digest}/withdrawn.json"
    cloud.objects[where.bucket, key] = withdrawn(cloud, where, made)

    with pytest.raises(GateError, match=f"was withdrawn from {where.name} by ada at .*: it loses mail"):
        go(made, tmp_path)


def test_who_may_delete_undoes_no_withdrawal_of_the_target(cloud: Any, made: Bundle, tmp_path: Path) -> None:
    """It stands in the evidence bucket as well, from where nobody removes it."""
    cloud.objects[PROD.evidence_bucket, f"withdrawals/{made.digest}.json"] = withdrawn(cloud, PROD, made)

    with pytest.raises(GateError, match="was withdrawn from prod by ada"):
        go(made, tmp_path)


@pytest.mark.parametrize(
    "raw", [b"garbage", b"{}", b'{"schema": 1, "by": "eve", "at": "now", "reason": "x"}']
)
@pytest.mark.parametrize("where", [DEV, PROD], ids=lambda one: one.name)
def test_a_withdrawal_that_nobody_signed_stops_nothing(
    cloud: Any, made: Bundle, tmp_path: Path, where: Any, raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else whoever may write to dev's bucket stops prod's releases. It is told of: it may be from before."""
    cloud.objects[where.bucket, f"bundles/{made.digest}/withdrawn.json"] = raw

    assert made.digest == go(made, tmp_path).digest
    said = capsys.readouterr().err
    assert "Withdrawal not believed" in said
    assert "Then withdraw it again." in said


@pytest.mark.parametrize("where", [DEV, PROD], ids=lambda one: one.name)
def test_a_withdrawal_of_another_bundle_or_environment_stops_nothing(
    cloud: Any, made: Bundle, tmp_path: Path, where: Any
) -> None:
    """Signed, and copied beside a bundle that it isn't about; or from the other bucket."""
    other = make(tmp_path / "other", "d" * 40)
    key = f"bundles/{made.digest}/withdrawn.json"
    for raw in (withdrawn(cloud, where, other), withdrawn(cloud, PROD if where is DEV else DEV, made)):
        cloud.objects[where.bucket, key] = raw

        assert made.digest == go(made, tmp_path / str(len(raw))).digest


def test_a_bundle_soaks_before_it_is_promoted(made: Bundle, tmp_path: Path) -> None:
    """It must have run in dev for as long as prod asks; the message says how long is left."""
    record = Served(COMMIT, made.digest, "0" * 64, None, "2026-01-01T00:00:00.000Z", URL)
    target = environment(name="prod", promote_from="dev", soak_minutes=60)
    at = dt.datetime(2026, 1, 1, 0, 20, tzinfo=dt.UTC)

    with pytest.raises(GateError, match=r"for 20 minutes only; prod asks for 60") as caught:
        promote._soaked(record, DEV, target, at)

    assert "in 40 minutes" in caught.value.hint
    promote._soaked(record, DEV, target, at + dt.timedelta(minutes=40))


@pytest.mark.parametrize("path", ROUTES)
def test_a_source_that_is_not_well_is_no_source(
    cloud: Cloud, made: Bundle, tmp_path: Path, path: str
) -> None:
    """Whichever of its answers is bad."""
    cloud.answers[path] = (503, {"status": "down"})

    with pytest.raises(GateError, match=f"dev is not well. Smoke test: GET {path} answered 503"):
        go(made, tmp_path)


@pytest.mark.parametrize("live", ["d" * 40, "main", "", None])
def test_what_the_source_was_put_back_from_is_refused(
    cloud: Cloud, made: Bundle, tmp_path: Path, live: str | None
) -> None:
    """It serves a commit without this one in it, so somebody went back; or it doesn't say what it serves."""
    cloud.answers["/version"] = (200, {"commit": live})

    with pytest.raises(GateError, match=f"dev runs {live} now, which does not contain {COMMIT}"):
        go(made, tmp_path)


def test_a_newer_commit_of_the_source_is_no_obstacle(
    cloud: Cloud, made: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Development goes on while a release waits."""
    cloud.answers["/version"] = (200, {"commit": NEWER})

    assert made.digest == go(made, tmp_path).digest
    assert f"dev is well, with {NEWER} by now" in capsys.readouterr().out


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://169.254.169.254",
        "https://evil.example/live",
        "https://api1.execute-api.eu-west-1.amazonaws.com.evil.example/live",
        "https://api1.execute-api.us-east-1.amazonaws.com/live",
        "https://u@api1.execute-api.eu-west-1.amazonaws.com/live",
        "https://api1.execute-api.eu-west-1.amazonaws.com:8443/live",
    ],
)
def test_nobody_is_asked_where_a_record_says(cloud: Any, made: Bundle, tmp_path: Path, url: str) -> None:
    """Unless it is an API of the source's own region; samconfig.toml names any other address."""
    statements.note(cloud, DEV, made, address=url)

    with pytest.raises(GateError, match="which is no API of eu-west-1") as caught:
        go(made, tmp_path)
    assert '[dev.pipeline.parameters] address = "https://' in caught.value.hint


def test_samconfig_s_address_goes_before_a_record_s(
    cloud: Any, made: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reviewed; the record's is then not asked at all."""
    asked = []

    def request(method: str, url: str, **_: Any) -> http.Answer:
        asked.append(url)
        return http.Answer(200, {"commit": COMMIT, "bundle": made.digest}, "")

    monkeypatch.setattr(http, "request", request)
    monkeypatch.setattr("pipeline.delivery.smoke.check", lambda _, url, *__, **___: asked.append(url))
    source = environment(address="https://dev.example.com/ledger")
    promote.promote(Release("v1.0.0", COMMIT), source, PROD, made.digest, tmp_path / "scratch")

    assert ["https://dev.example.com/ledger", "https://dev.example.com/ledger/version"] == asked


def _passport(cloud: Any, commit: str, bundle: str = "b" * 64, **changes: Any) -> bytes:
    sections: dict[str, Any] = {name: {} for name in ("people", "checks", "plan", "live", "times")}
    content = {
        **sections,
        "version": "v1.0.0",
        "environment": "prod",
        "commit": {"sha": commit},
        "waivers": [],
        "changes": [],
        "digests": {"bundle": bundle, "files": {"app.zip": "a" * 64}},
        **changes,
    }
    return passport.issue(cloud, PROD, content, {"app.zip": "a" * 64})


def test_a_moved_tag_is_refused(cloud: Any, made: Bundle, tmp_path: Path) -> None:
    """The version was released from another commit before."""
    _passport(cloud, "d" * 40)

    with pytest.raises(GateError, match=r"was released from d{40}, and names c{40} now: the tag was moved"):
        go(made, tmp_path)


def test_the_same_tag_again_is_promoted_again(
    cloud: Any, made: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing new comes of it, which is said; how dev is by now, and what it noted, doesn't count."""
    _passport(cloud, COMMIT, made.digest)
    cloud.answers["/ready"] = (503, {})
    del cloud.objects[DEV.bucket, RECORD]

    assert made.digest == go(made, tmp_path).digest
    assert "v1.0.0 was released from this commit already" in capsys.readouterr().out


@pytest.mark.parametrize("gone", ["releases/passports/v1.0.0.json", "passports/latest.json"])
def test_who_may_delete_in_a_bucket_moves_no_version(
    cloud: Any, made: Bundle, tmp_path: Path, gone: str
) -> None:
    """What a version was released from stands in the evidence bucket; no other object says so."""
    _passport(cloud, "d" * 40)
    for place in [place for place in cloud.objects if place[1] == gone]:
        del cloud.objects[place]

    with pytest.raises(GateError, match="the tag was moved"):
        go(made, tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"version": "v2.0.0"}, "is of v2.0.0 on prod"), ({"environment": "dev"}, "is of v1.0.0 on dev")],
)
def test_a_passport_of_something_else_is_refused(
    cloud: Any, made: Bundle, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    """Signed, and laid where v1.0.0's belongs."""
    raw = _passport(cloud, COMMIT, **changes)
    cloud.objects[PROD.evidence_bucket, "passports/v1.0.0.json"] = raw

    with pytest.raises(GateError, match=said):
        go(made, tmp_path)


@pytest.mark.parametrize("number", range(1, 30))
def test_any_failing_call_is_made_good_by_the_next_run(
    cloud: Cloud, made: Bundle, tmp_path: Path, number: int
) -> None:
    """The network fails at one call, whichever; a half copied bundle is never taken for a whole one."""
    cloud.calls.clear()
    cloud.fails_at = number
    with suppress(PipelineError):
        go(made, tmp_path / "first")
    cloud.fails_at = 0

    assert made.files == go(made, tmp_path / "second").files
