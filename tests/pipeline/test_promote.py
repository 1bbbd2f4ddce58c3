"""pipeline promote: the bytes that one environment ran, in the next one's bucket, or nothing."""

import argparse
import datetime as dt
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline.base import git
from pipeline.base.errors import ConfigurationError, GateError, PipelineError
from pipeline.base.run import CHECKOUT
from pipeline.commands import promote as command
from pipeline.delivery import aws, store
from pipeline.delivery.bundle import Bundle
from pipeline.evidence import passport
from pipeline.release import promote
from pipeline.source.tags import Release
from tests.pipeline import statements
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
    record = {"environment": "dev", "commit": COMMIT, "bundle": made.digest, "release": "0" * 64}
    record["url"] = URL
    store.record_commit(cloud, DEV.bucket, {**record, "deployed_at": "2026-01-01T00:00:00.000Z"})
    cloud.answers |= {path: (200, {"commit": COMMIT, "bundle": made.digest}) for path in ROUTES}
    monkeypatch.setattr(git, "is_ancestor", lambda older, newer: older == newer or newer == NEWER)
    monkeypatch.setattr(git, "exists", lambda _: True)
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


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"[]",
        b"null",
        b'{"schema": 2}',
        b'{"schema": 1, "commit": "other", "bundle": "x"}',
        b'{"schema": 1, "commit": "' + COMMIT.encode() + b'", "bundle": 7}',
        b'{"schema": 1, "commit": "' + COMMIT.encode() + b'", "bundle": "../../' + b"a" * 64 + b'"}',
        b"[" * 100_000,
    ],
)
def test_a_malformed_record_is_refused(cloud: Cloud, made: Bundle, tmp_path: Path, record: bytes) -> None:
    """Truncated, of another schema or type, or pointing elsewhere."""
    cloud.objects[DEV.bucket, f"commits/{COMMIT}.json"] = record

    with pytest.raises(GateError, match="is not a record of that commit"):
        go(made, tmp_path)


def test_another_commits_bundle_is_refused(cloud: Cloud, made: Bundle, tmp_path: Path) -> None:
    """The record points to a bundle that is whole, but of another commit: a replay."""
    other = make(tmp_path / "other", "d" * 40)
    store.put(cloud, DEV.bucket, other)  # type: ignore[arg-type]
    _recorded_as(cloud, made, other)
    cloud.answers["/version"] = (200, {"commit": COMMIT, "bundle": other.digest})

    with pytest.raises(GateError, match="is of " + "d" * 40):
        go(other, tmp_path)


def _recorded_as(cloud: Cloud, made: Bundle, other: Bundle) -> None:
    """Nobody signs a record: whoever may write to the bucket lets it name another bundle."""
    raw = cloud.objects[DEV.bucket, f"commits/{COMMIT}.json"]
    cloud.objects[DEV.bucket, f"commits/{COMMIT}.json"] = raw.replace(
        made.digest.encode(), other.digest.encode()
    )


def test_a_bundle_that_devs_role_signed_and_main_never_built_is_refused(
    cloud: Any, made: Bundle, tmp_path: Path
) -> None:
    """All that dev's deploy role can do: other code under the same commit, statements signed with dev's own key, the
    record, and what dev serves. Only the digest that somebody else built tells it; nothing reaches prod's bucket."""
    forged = make(tmp_path / "forged", COMMIT, app=b"import pwned", sbom=b'{"bomFormat": "CycloneDX"}')
    store.put(cloud, DEV.bucket, forged)
    statements.publish(cloud, DEV, forged, tmp_path / "invented")
    _recorded_as(cloud, made, forged)
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


def test_a_withdrawn_bundle_is_refused(cloud: Any, made: Bundle, tmp_path: Path) -> None:
    """Whichever of the two environments withdrew it; also when the note can't be read."""
    for bucket in (DEV.bucket, PROD.bucket):
        store.write(cloud, bucket, f"bundles/{made.digest}/withdrawn.json", b"garbage")
        with pytest.raises(GateError, match=r"was withdrawn from .* by a note that can't be read"):
            go(made, tmp_path)
        del cloud.objects[bucket, f"bundles/{made.digest}/withdrawn.json"]


def test_a_bundle_soaks_before_it_is_promoted(made: Bundle, tmp_path: Path) -> None:
    """It must have run in dev for as long as prod asks; the message says how long is left."""
    record = {"commit": COMMIT, "deployed_at": "2026-01-01T00:00:00.000Z"}
    target = environment(name="prod", promote_from="dev", soak_minutes=60)
    at = dt.datetime(2026, 1, 1, 0, 20, tzinfo=dt.UTC)

    with pytest.raises(GateError, match=r"for 20 minutes only; prod asks for 60") as caught:
        promote._soaked(record, DEV, target, at)

    assert "in 40 minutes" in caught.value.hint
    promote._soaked(record, DEV, target, at + dt.timedelta(minutes=40))


@pytest.mark.parametrize("time", [None, "", "yesterday", 7, "2026-01-01T00:00:00"])
def test_a_record_without_a_time_has_not_soaked(time: object) -> None:
    """Also one without a time zone: an hour could be missing."""
    with pytest.raises(GateError, match="has no time of deployment"):
        promote._soaked({"commit": COMMIT, "deployed_at": time}, DEV, PROD, dt.datetime.now(dt.UTC))


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


@pytest.mark.parametrize("url", ["", "http://169.254.169.254", None])
def test_a_record_without_an_address_is_refused(url: str | None) -> None:
    """Nobody can be asked; and nobody is asked without TLS."""
    with pytest.raises(GateError, match="does not say where it answers"):
        promote._healthy({"commit": COMMIT, "url": url}, DEV)


def _passport(cloud: Any, commit: str) -> None:
    sections: dict[str, Any] = {name: {} for name in ("people", "checks", "plan", "live", "times")}
    content = {
        **sections,
        "version": "v1.0.0",
        "environment": "prod",
        "commit": {"sha": commit},
        "waivers": [],
        "changes": [],
        "digests": {"files": {"app.zip": "a" * 64}},
    }
    passport.issue(cloud, PROD, content, {"app.zip": "a" * 64})


def test_a_moved_tag_is_refused(cloud: Any, made: Bundle, tmp_path: Path) -> None:
    """The version was released from another commit before."""
    _passport(cloud, "d" * 40)

    with pytest.raises(GateError, match=r"was released from d{40}, and names c{40} now: the tag was moved"):
        go(made, tmp_path)


def test_the_same_tag_again_is_promoted_again(
    cloud: Any, made: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing new comes of it, which is said; how dev is by now doesn't count."""
    _passport(cloud, COMMIT)
    cloud.answers["/ready"] = (503, {})

    assert made.digest == go(made, tmp_path).digest
    assert "v1.0.0 was released from this commit already" in capsys.readouterr().out


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
