"""What is stated about a bundle: everything that promotion asks for, and nothing that isn't so."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import Key

from pipeline import cli
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.delivery import bundle, store
from pipeline.delivery.bundle import Bundle
from pipeline.evidence import attestations, envelope
from tests.pipeline import statements
from tests.pipeline.bundles import FILES, make
from tests.pipeline.cloud import Cloud, environment

COMMIT = "c" * 40
SBOM = json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6"}).encode()


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    for name, value in statements.GITHUB.items():
        monkeypatch.setenv(name, value)
    return make(tmp_path / "made", COMMIT, sbom=SBOM)


@pytest.fixture
def signed(cloud: Cloud, made: Bundle, tmp_path: Path) -> dict[str, bytes]:
    return statements.publish(cloud, environment(), made, tmp_path / "reports")


@pytest.fixture
def key(cloud: Any) -> Key:
    return envelope.signer(cloud, "alias/dev").public_key


def verify(signed: dict[str, bytes], made: Bundle, key: Key, repository: str = statements.REPOSITORY) -> Any:
    return attestations.verify(signed, made, key, repository, "main")


def test_a_whole_set_is_good(cloud: Any, signed: dict[str, bytes], made: Bundle, key: Key) -> None:
    """Provenance, tests, policy and bill of materials, as they lie in the bucket."""
    stored = store.attestations(cloud, "dev-artifacts", made.digest, attestations.TYPES)
    found = verify(stored, made, key)

    assert signed == stored
    assert {"provenance", "tests", "policy", "sbom"} == set(found)
    assert COMMIT == found["provenance"]["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"]
    assert ["lint", "test"] == found["tests"]["passedTests"]
    assert "PASSED" == found["policy"]["verificationResult"]
    assert "CycloneDX" == found["sbom"]["bomFormat"]


@pytest.mark.parametrize("name", attestations.TYPES)
def test_a_missing_statement_is_refused(signed: dict[str, bytes], made: Bundle, key: Key, name: str) -> None:
    """Each of them is needed."""
    with pytest.raises(GateError, match=f"The statement {name} about bundle .* is missing"):
        verify({one: raw for one, raw in signed.items() if one != name}, made, key)


def test_statements_can_not_take_each_others_place(signed: dict[str, bytes], made: Bundle, key: Key) -> None:
    """A good signature over the bill of materials is no test result."""
    with pytest.raises(GateError, match="is of the type"):
        verify({**signed, "tests": signed["sbom"]}, made, key)


def test_statements_of_another_bundle_are_refused(
    cloud: Cloud, signed: dict[str, bytes], made: Bundle, key: Key, tmp_path: Path
) -> None:
    """Replayed from one that passed."""
    other = make(tmp_path / "other", "d" * 40, sbom=SBOM)

    with pytest.raises(GateError, match="its subjects are not this bundle's files"):
        verify(signed, other, key)


@pytest.mark.parametrize(
    ("stage", "message"),
    [("lint", "ended as 'FAILED': lint"), ("test", "ended as 'FAILED': test"), ("policy", "said 'FAILED'")],
)
def test_failed_checks_are_stated_and_refused(
    cloud: Cloud, made: Bundle, key: Key, tmp_path: Path, stage: str, message: str
) -> None:
    """The failure is signed like a success, and stops the promotion."""
    signed = statements.publish(cloud, environment(), made, tmp_path / "failed", **{stage: "failed"})

    with pytest.raises(GateError, match=message):
        verify(signed, made, key)


@pytest.mark.parametrize(
    "workflow",
    [
        "evil/ledger/.github/workflows/deploy-dev.yml@refs/heads/main",
        "acme/ledger/.github/workflows/deploy-dev.yml@refs/heads/feature",
        "acme/ledger/.github/workflows/deploy-dev.yml@refs/heads/main/x",
        "acme/ledger-evil/.github/workflows/deploy-dev.yml@refs/heads/main",
    ],
)
def test_another_builder_is_refused(
    cloud: Cloud, made: Bundle, key: Key, tmp_path: Path, workflow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another repository, or of a branch beside main."""
    monkeypatch.setenv("GITHUB_REPOSITORY", workflow.partition("/.github")[0])
    monkeypatch.setenv("GITHUB_WORKFLOW_REF", workflow)
    signed = statements.publish(cloud, environment(), made, tmp_path / "elsewhere")

    with pytest.raises(GateError, match=r"not by a workflow of https://github.com/acme/ledger on main"):
        verify(signed, made, key)


def test_without_reports_nothing_is_stated_of_them(
    cloud: Any, made: Bundle, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deployed by hand it serves, and can't be promoted; that is said."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    signed = attestations.publish(cloud, environment(), made, None)

    assert {"provenance", "sbom"} == set(signed)
    assert "There is no report for: policy, tests" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"commit": 1, "stages": [1]}', "[" * 100_000])
def test_a_malformed_report_is_named(cloud: Any, made: Bundle, tmp_path: Path, text: str) -> None:
    """It is not taken for one that passed."""
    folder = statements.reports(tmp_path / "reports", made)
    (folder / "report-test" / "report.json").write_text(text)

    with pytest.raises(ConfigurationError, match="is not a report of this command"):
        attestations.publish(cloud, environment(), made, folder)


def test_a_report_of_another_commit_is_refused(cloud: Any, made: Bundle, tmp_path: Path) -> None:
    """Yesterday's checks say nothing of today's bundle."""
    other = make(tmp_path / "other", "d" * 40)
    folder = statements.reports(tmp_path / "reports", other)

    with pytest.raises(ConfigurationError, match="is of commit " + "d" * 40):
        attestations.publish(cloud, environment(), made, folder)


def test_a_report_of_what_is_not_committed_is_refused(cloud: Any, made: Bundle, tmp_path: Path) -> None:
    """It judged another tree than the bundle was made of."""
    folder = statements.reports(tmp_path / "reports", made)
    file = folder / "report-lint/report.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "commit": None, "head": COMMIT}))

    with pytest.raises(ConfigurationError, match=f"is of changes to {COMMIT} that aren't committed"):
        attestations.publish(cloud, environment(), made, folder)


def digests(folder: Path) -> dict[str, str]:
    return {
        stage: hashlib.sha256((folder / f"report-{stage}" / "report.json").read_bytes()).hexdigest()
        for stage in ("lint", "policy", "test")
    }


def test_reports_are_those_that_their_jobs_made(made: Bundle, tmp_path: Path) -> None:
    """Each as its job told: another one under its name, one that is gone or one beside it is refused."""
    folder = statements.reports(tmp_path / "reports", made)
    told = digests(folder)
    attestations.hold(folder, told)
    file = folder / "report-test" / "report.json"
    kept = file.read_bytes()
    for change in (kept + b" ", kept.replace(b"passed", b"failed"), None):
        file.unlink() if change is None else file.write_bytes(change)

        with pytest.raises(GateError, match=f"The report of test .* told {told['test']}"):
            attestations.hold(folder, told)
    file.write_bytes(kept)
    (folder / "test").mkdir()
    (folder / "test" / "report.json").write_bytes(b"{}")
    with pytest.raises(GateError, match="The report of test"):
        attestations.hold(folder, told)


@pytest.mark.parametrize(
    "words",
    [
        ["--check", "lint=" + "a" * 64],
        ["--check", "lint=x", "--check", "policy=x", "--check", "test=x"],
        [word for stage in ("lint", "policy", "lint") for word in ("--check", f"{stage}={'a' * 64}")],
        [word for stage in ("lint", "policy", "test", "x") for word in ("--check", f"{stage}={'a' * 64}")],
    ],
)
def test_digests_are_given_for_every_stage_or_for_none(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that was left out would be taken unseen."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("pipeline.source.samconfig.read", lambda *_: environment())

    assert 2 == cli.main(["deploy", "dev", "--bundle", "a" * 64, "--checks", "x", *words])
    assert "--check takes STAGE=SHA256, once for each" in capsys.readouterr().err


def test_the_subjects_are_every_file(signed: dict[str, bytes], made: Bundle, key: Key) -> None:
    """The manifest is one of them, so that the bundle's digest is signed too."""
    found = envelope.verify(signed["sbom"], key, "it")

    assert {*FILES, bundle.MANIFEST} == set(found.subjects)
    assert made.digest == found.subjects[bundle.MANIFEST]
