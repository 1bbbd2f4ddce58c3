"""The passport of a release: signed, linked, verified without AWS, and nothing in it can be changed."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import Key

from pipeline import cli
from pipeline.base.canonical import canonical
from pipeline.base.errors import GateError
from pipeline.base.run import CHECKOUT
from pipeline.delivery import deployment, store
from pipeline.delivery.bundle import Bundle
from pipeline.evidence import envelope, passport
from pipeline.evidence import passport_page as page
from pipeline.release import deploy
from tests.pipeline import statements
from tests.pipeline.bundles import Repository, make
from tests.pipeline.cloud import Cloud, environment

PROD = environment(name="dev", promote_from="dev")  # the account in memory is dev's; the rules are prod's
FILES = {"app.zip": "a" * 64, "manifest.json": "b" * 64}


def content(version: str = "v1.0.0", **changes: Any) -> dict[str, Any]:
    return {
        "version": version,
        "environment": "dev",
        "commit": {"sha": "c" * 40, "author": "Ada <ada@example.com>"},
        "people": {"approvers": None},
        "checks": {},
        "waivers": [],
        "plan": {},
        "changes": [],
        "digests": {"bundle": "d" * 64, "files": FILES},
        "live": {"code_sha256": "a" * 64},
        "times": {},
        **changes,
    }


@pytest.fixture
def key(cloud: Any) -> Key:
    return envelope.signer(cloud, "alias/dev").public_key


def issue(cloud: Any, version: str = "v1.0.0", **changes: Any) -> bytes:
    return passport.issue(cloud, PROD, content(version, **changes), FILES)


EVIDENCE = "esclusa-dev-evidence-111111111111"


def test_it_is_where_nobody_removes_it(cloud: Cloud, key: Key) -> None:
    """Under Object Lock, and nowhere else, so that no other copy is believed."""
    raw = issue(cloud)

    assert [(EVIDENCE, "passports/v1.0.0.json"), (EVIDENCE, passport.LATEST)] == list(cloud.objects)
    assert raw == cloud.objects[EVIDENCE, "passports/v1.0.0.json"]
    assert "v1.0.0" == passport.verify(raw, key).version


def test_passports_are_linked(cloud: Cloud, key: Key) -> None:
    """Each names the digest of the one before; the first names none."""
    first, second = issue(cloud, "v1.0.0"), issue(cloud, "v1.1.0")

    assert passport.verify(first, key).previous is None
    assert hashlib.sha256(first).hexdigest() == passport.verify(second, key).previous


def test_a_release_gets_one_passport(cloud: Cloud) -> None:
    """Issued again, it is the one that is there: evidence is not written over."""
    first = issue(cloud)

    assert first == issue(cloud, live={"code_sha256": "f" * 64})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"commit": {"sha": "e" * 40}},
            f"from commit {'c' * 40} as bundle {'d' * 64}; this is commit {'e' * 40}",
        ),
        ({"digests": {"bundle": "e" * 64, "files": FILES}}, f"bundle {'e' * 64}"),
    ],
)
def test_a_version_is_released_once(cloud: Cloud, changes: dict[str, Any], said: str) -> None:
    """From another commit, or as another bundle, it isn't the same release: the passport that is there is no answer."""
    issue(cloud)

    with pytest.raises(GateError, match=said):
        issue(cloud, **changes)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("v1.1.0", {}, "is of v1.0.0 on dev"),
        ("v1.0.0", {"environment": "prod"}, "is of v1.0.0 on prod"),
    ],
)
def test_a_passport_of_something_else_is_not_taken(
    cloud: Any, name: str, changes: dict[str, Any], said: str
) -> None:
    """Another version's, or another environment's, signed and laid where this one's belongs."""
    by = envelope.signer(cloud, "alias/dev")
    raw = envelope.sign(by, FILES, passport.TYPE, {"schema": 1, **content(**changes), "previous": None})
    cloud.objects[EVIDENCE, f"passports/{name}.json"] = raw

    with pytest.raises(GateError, match=said):
        issue(cloud, name)


def test_a_chain_is_verified_whole(cloud: Cloud, key: Key, tmp_path: Path) -> None:
    """In their order, whatever the files are called."""
    for number, version in enumerate(("v1.0.0", "v1.1.0", "v1.2.0")):
        (tmp_path / f"{9 - number}.json").write_bytes(issue(cloud, version))

    assert ["v1.0.0", "v1.1.0", "v1.2.0"] == [one.version for one in passport.verify_chain(tmp_path, key)]


def test_a_chain_that_is_cut_at_its_end_is_found(cloud: Cloud, key: Key, tmp_path: Path) -> None:
    """By the note on the last one, which lies beside them; without it that can't be told, which is said."""
    for version in ("v1.0.0", "v1.1.0"):
        (tmp_path / f"{version}.json").write_bytes(issue(cloud, version))
    (tmp_path / "latest.json").write_bytes(cloud.objects[EVIDENCE, passport.LATEST])
    whole = passport.verify_chain(tmp_path, key)
    (tmp_path / "v1.1.0.json").unlink()

    assert 2 == len(whole)
    assert passport.tells_its_end(tmp_path)
    with pytest.raises(
        GateError, match=r"cut at its end: the last one here is v1\.0\.0, .* names v1\.1\.0\.json"
    ):
        passport.verify_chain(tmp_path, key)


def test_a_missing_link_is_found(cloud: Cloud, key: Key, tmp_path: Path) -> None:
    """Somebody left a release out."""
    for version in ("v1.0.0", "v1.1.0", "v1.2.0"):
        raw = issue(cloud, version)
        if version != "v1.1.0":
            (tmp_path / f"{version}.json").write_bytes(raw)

    with pytest.raises(GateError, match=r"The chain of passports is broken: v1\.2\.0"):
        passport.verify_chain(tmp_path, key)


def test_two_first_releases_are_found(cloud: Cloud, key: Key, tmp_path: Path) -> None:
    """A second history beside the first."""
    (tmp_path / "one.json").write_bytes(issue(cloud))
    cloud.objects.clear()
    (tmp_path / "two.json").write_bytes(issue(cloud, "v2.0.0"))

    with pytest.raises(GateError, match="holds 2 passports without one before"):
        passport.verify_chain(tmp_path, key)


@pytest.mark.parametrize("text", ["Ada", "v1.0.0", "dev", "a" * 64])
def test_a_changed_fact_is_named(cloud: Cloud, key: Key, text: str) -> None:
    """Another author, version, environment or digest: the signature no longer fits."""
    data = json.loads(issue(cloud))
    payload = base64.b64decode(data["payload"])
    assert text.encode() in payload
    data["payload"] = base64.b64encode(payload.replace(text.encode(), text[::-1].upper().encode())).decode()

    with pytest.raises(GateError, match="is not signed by the key"):
        passport.verify(canonical(data), key)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": "latest"}, "is not a release tag"),
        ({"people": []}, "has no people"),
        ({"changes": {}}, "has no changes"),
        ({"digests": {"files": {"app.zip": "e" * 64}}}, "names other files"),
        ({"digests": {}}, "names other files"),
        ({"schema": 2}, "has schema 2"),
        ({"schema": "1"}, "has schema '1'"),
    ],
)
def test_a_signed_passport_of_another_shape_is_refused(
    cloud: Any, key: Key, changes: dict[str, Any], message: str
) -> None:
    """A signature doesn't make a document whole."""
    whole = {"schema": 1, **content(), "previous": None, **changes}
    raw = envelope.sign(envelope.signer(cloud, "alias/dev"), FILES, passport.TYPE, whole)

    with pytest.raises(GateError, match=message):
        passport.verify(raw, key)


def test_another_statement_is_no_passport(cloud: Any, key: Key) -> None:
    """The same key signs other things too."""
    raw = envelope.sign(envelope.signer(cloud, "alias/dev"), FILES, "https://example.com/other", content())

    with pytest.raises(GateError, match="and not a passport"):
        passport.verify(raw, key)


def previous(raw: bytes, key: Key) -> Any:
    return passport.verify(raw, key).content["previous"]


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"version": "v1.0.0", "sha256": "x"}', b"[" * 100_000, None]
)
def test_without_a_note_on_the_last_one_the_links_say_which_it_is(
    cloud: Any, key: Key, raw: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is gone, that nobody signed, or that is from before notes were signed: the chain goes on at its end."""
    issue(cloud, "v1.0.0")
    second = issue(cloud, "v1.1.0")
    if raw is None:
        del cloud.objects[EVIDENCE, passport.LATEST]
    else:
        cloud.objects[EVIDENCE, passport.LATEST] = raw
    # Where it lay, unsigned, before.
    cloud.objects["dev-artifacts", "releases/latest.json"] = canonical(
        {"version": "v1.0.0", "sha256": "a" * 64}
    )

    assert {"version": "v1.1.0", "sha256": hashlib.sha256(second).hexdigest()} == previous(
        issue(cloud, "v1.2.0"), key
    )
    assert (raw is not None) == ("Last release not believed" in capsys.readouterr().err)


def test_an_earlier_note_on_the_last_one_forks_nothing(cloud: Cloud, key: Key) -> None:
    """Put back by somebody, or left when a run ended between passport and note."""
    issue(cloud, "v1.0.0")
    earlier = cloud.objects[EVIDENCE, passport.LATEST]
    second = issue(cloud, "v1.1.0")
    cloud.objects[EVIDENCE, passport.LATEST] = earlier

    assert hashlib.sha256(second).hexdigest() == previous(issue(cloud, "v1.2.0"), key)["sha256"]


def test_a_lower_version_may_be_issued_later(cloud: Cloud, key: Key) -> None:
    """After a rollback: it follows the one that was issued before it."""
    issue(cloud, "v1.0.0")
    second = issue(cloud, "v1.2.0")
    third = issue(cloud, "v1.1.0")

    assert hashlib.sha256(second).hexdigest() == previous(third, key)["sha256"]
    assert hashlib.sha256(third).hexdigest() == previous(issue(cloud, "v1.3.0"), key)["sha256"]


def test_what_is_no_passport_holds_up_no_release(
    cloud: Cloud, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever may write to the evidence bucket can remove nothing; what they add is told of."""
    first = issue(cloud, "v1.0.0")
    cloud.objects[EVIDENCE, "passports/v99.0.0.json"] = b"{}"
    cloud.objects[EVIDENCE, "passports/odd"] = b"x"

    assert hashlib.sha256(first).hexdigest() == previous(issue(cloud, "v1.1.0"), key)["sha256"]
    assert "passports/v99.0.0.json" in capsys.readouterr().err


def test_the_last_passport_written_over_stops(cloud: Cloud, key: Key) -> None:
    """The chain would go on from another one; how to bring it back is said."""
    issue(cloud, "v1.0.0")
    cloud.objects[EVIDENCE, "passports/v1.0.0.json"] = envelope.sign(
        envelope.signer(cloud, "alias/dev"),  # type: ignore[arg-type]
        FILES,
        passport.TYPE,
        {"schema": 1, **content(run="other"), "previous": None},
    )

    with pytest.raises(GateError, match=r"passports/latest\.json names") as caught:
        issue(cloud, "v1.1.0")
    assert "list-object-versions" in caught.value.hint


def test_several_ends_stop(cloud: Cloud, key: Key) -> None:
    """Somebody added a history of their own, or took a link away; nobody guesses which is right."""
    first, second = issue(cloud, "v1.0.0"), issue(cloud, "v1.1.0")
    del cloud.objects[EVIDENCE, passport.LATEST]
    for version, raw in (("v1.0.0", first), ("v1.1.0", second)):
        cloud.objects[EVIDENCE, f"passports/{version}.json"] = raw
    other = Cloud(signing=cloud.signing)
    cloud.objects[EVIDENCE, "passports/v3.0.0.json"] = issue(other, "v3.0.0")

    with pytest.raises(GateError, match=r"several ends: v1\.1\.0, v3\.0\.0"):
        issue(cloud, "v4.0.0")


def test_an_auditor_verifies_it_offline(
    cloud: Cloud,
    key: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file and a key, no AWS; a changed byte is exit status 1, a missing file 2."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    file, pem = tmp_path / "v1.0.0.json", tmp_path / "key.pem"
    file.write_bytes(issue(cloud))
    pem.write_text(key.keyval["public"])
    words = ["passport", "verify", str(file), "--key", str(pem)]
    good = cli.main(words)
    said = capsys.readouterr().out
    file.write_bytes(file.read_bytes()[:-40])
    bad = cli.main(words)
    file.unlink()

    assert (0, 1, 2) == (good, bad, cli.main(words))
    assert "v1.0.0 on dev: signed by" in said
    assert "Ada <ada@example.com>" in said


def test_the_key_is_written_where_it_is_wanted(
    cloud: Any,
    key: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To a file, with its folder, or to standard output; a place that can't be written is exit status 2."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("pipeline.delivery.aws.session", lambda _: cloud)
    monkeypatch.setattr("pipeline.source.samconfig.read", lambda *_: environment())
    words = ["passport", "key", "--environment", "dev"]
    pem = tmp_path / "keys/dev.pem"
    printed = (cli.main(words), capsys.readouterr().out)
    written = (cli.main([*words, "--output", str(pem)]), capsys.readouterr().out)
    nowhere = cli.main([*words, "--output", str(pem / "dev.pem")])

    assert (0, key.keyval["public"]) == printed
    assert (0, "") == written
    assert key.keyval["public"] == pem.read_text()
    assert 2 == nowhere
    assert "can't be written" in capsys.readouterr().err


def test_the_page_shows_everything_as_text() -> None:
    """What a stranger wrote into a commit stays text."""
    html = page.of_passport(content(commit={"author": "<script>alert(1)</script>"}))

    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "nobody said" in html
    assert "d" * 64 in html


@pytest.fixture
def released(cloud: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A release that was deployed by a tag, with everything that goes into its passport."""
    repository = Repository(tmp_path / "clone")
    (repository.folder / "samconfig.toml").write_text((CHECKOUT / "samconfig.toml").read_text())
    monkeypatch.chdir(repository.folder)
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in statements.GITHUB.items():
        monkeypatch.setenv(name, value)
    repository.tag("v1.0.0")
    made = make(tmp_path / "made", repository.first, sbom=b'{"bomFormat": "CycloneDX"}')
    store.put(cloud, "dev-artifacts", made)
    statements.publish(cloud, environment(), made, tmp_path / "reports")
    under_way = deployment.begin(cloud, PROD, made, "ada", version="v1.0.0")
    deploy.deploy(under_way, {"tests": {"result": "PASSED"}})
    return made


@pytest.mark.outside
def test_a_deployed_tag_gets_its_passport(cloud: Cloud, released: Bundle, key: Key) -> None:
    """With commit, people, checks, change set, digests, and what Lambda says that it runs."""
    raw = cloud.objects[EVIDENCE, "passports/v1.0.0.json"]
    found = passport.verify(raw, key).content
    row = next(iter(cloud.ledger.values()))

    assert (released.commit, "Ada <ada@example.com>") == (found["commit"]["sha"], found["commit"]["author"])
    assert "Ada <ada@example.com>" == found["people"]["tagger"]
    assert found["people"]["approvers"] is None
    assert {"provenance", "tests", "policy", "sbom"} == set(found["checks"]["statements"])
    assert [released.files["app.zip"]] == [one["code_sha256"] for one in found["live"]["functions"]]
    assert cloud.parameters == found["digests"]["parameters"]
    assert ["AppFunction"] == [one["resource"] for one in found["changes"]]
    assert f"passport {hashlib.sha256(raw).hexdigest()}" == row["detail"]
    assert Path("build/passport/v1.0.0.html").exists()


def test_a_passport_writes_nothing_over_an_auditor_s_screen(
    cloud: Cloud,
    key: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its author is whoever made the commit."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    file, pem = tmp_path / "v1.0.0.json", tmp_path / "key.pem"
    author = "Eve\x1b[1A\x1b[2K\n::add-mask::x\r\u202e"
    file.write_bytes(issue(cloud, commit={"sha": "c" * 40, "author": author}))
    pem.write_text(key.keyval["public"])

    assert 0 == cli.main(["passport", "verify", str(file), "--key", str(pem)])
    said = capsys.readouterr().out
    assert f"  commit    {'c' * 40} by Eve\\u001b[1A\\u001b[2K ::add-mask::x \\u202e\n" in said
    assert 6 == said.count("\n")
