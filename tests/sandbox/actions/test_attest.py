"""The stand-ins for actions/attest and for `gh attestation verify`, against a real issuer and API of the sandbox.

What `gh` compares, and how: github.com/cli/cli, pkg/cmd/attestation/verification/extensions.go; which claim is which
extension of the certificate: sigstore/fulcio, docs/oid-info.md.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.github.api import Api
from sandbox.github.claims import claims
from sandbox.github.event import Event, Repository
from sandbox.oidc import Issuer
from sandbox.programs import gh
from tests.sandbox.actions.conftest import Act

REPOSITORY = Repository.of("acme/ledger", "main")
COMMIT, BYTES = "c" * 40, b"{}"
DIGEST = hashlib.sha256(BYTES).hexdigest()
WORKFLOW = ".github/workflows/attest.yml@refs/heads/main"
OPTIONS = {
    "--repo": "acme/ledger",
    "--cert-identity": f"https://github.com/acme/ledger/{WORKFLOW}",
    "--cert-oidc-issuer": "https://token.actions.githubusercontent.com",
    "--source-ref": "refs/heads/main",
    "--source-digest": COMMIT,
    "--predicate-type": "https://slsa.dev/provenance/v1",
}


class Hub:
    """An issuer and an API, and one job of a run: its token has the claims of main's run, changed as told."""

    def __init__(self, folder: Path) -> None:
        self.issuer, self.api = Issuer(folder), Api(REPOSITORY)
        self.changed: dict[str, str] = {}
        self.may = {"attestations": "write"}
        self.issuer.admit("bearer", lambda ends: self.claims)
        self.api.admit("token", lambda ends: self.may)

    @property
    def claims(self) -> dict[str, Any]:
        event = Event("push", "refs/heads/main", COMMIT, "alice", {})
        found = claims(
            REPOSITORY, event, workflow="Deploy dev", workflow_path=".github/workflows/deploy-dev.yml",
            job_workflow=WORKFLOW, job_workflow_sha=COMMIT, environment="", run_id=1, run_number=1,
        )  # fmt: skip
        return found | self.changed

    @property
    def variables(self) -> dict[str, str]:
        """What a step has of the runner."""
        return {
            "GITHUB_API_URL": self.api.url,
            "GITHUB_REPOSITORY": REPOSITORY.full_name,
            "ACTIONS_ID_TOKEN_REQUEST_URL": self.issuer.request_url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer",
        }


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the issuer's key lies: making one takes its time."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
def hub(keys: Path) -> Iterator[Hub]:
    """Listening."""
    made = Hub(keys)
    made.issuer.start()
    made.api.start()
    yield made
    made.issuer.stop()
    made.api.stop()


@pytest.fixture
def manifest(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that is asked about, by a step with a token that may read."""
    for name, value in {**hub.variables, "GH_TOKEN": "token"}.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "manifest.json"
    path.write_bytes(BYTES)
    return path


def attested(act: Act, hub: Hub, digest: str = DIGEST) -> None:
    """Have the stand-in for the action attest a digest."""
    done = act(
        "actions/attest/attest.py",
        **hub.variables,
        NAME="manifest.json",
        DIGEST=f"sha256:{digest}",
        TOKEN="token",
    )

    assert 0 == done.status, done.printed


def verified(manifest: Path, **changed: str | None) -> int:
    """How `gh attestation verify` ends, with options changed or left out."""
    options = OPTIONS | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
    given = [word for name, value in options.items() if value is not None for word in (name, value)]
    return gh.main(["attestation", "verify", str(manifest), *given, "--deny-self-hosted-runners"])


def test_what_was_attested_is_verified(act: Act, hub: Hub, manifest: Path) -> None:
    """Also where others attested the same bytes before and after: one that fits is enough."""
    hub.changed = {"ref": "refs/heads/topic"}
    attested(act, hub)
    hub.changed = {}
    attested(act, hub)
    hub.changed = {"sha": "d" * 40}
    attested(act, hub)

    assert 0 == verified(manifest)


def test_what_nobody_attested_is_refused(
    hub: Hub, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """GitHub answers that there is nothing."""
    assert 1 == verified(manifest)
    assert "no attestations found" in capsys.readouterr().err


def test_other_bytes_are_refused(act: Act, hub: Hub, manifest: Path) -> None:
    """One more byte is another digest."""
    attested(act, hub)
    manifest.write_bytes(BYTES + b"\n")

    assert 1 == verified(manifest)


@pytest.mark.parametrize(
    ("claim", "value", "named"),
    [
        (
            "job_workflow_ref",
            "acme/ledger/.github/workflows/deploy-dev.yml@refs/heads/main",
            "SubjectAlternativeName",
        ),
        (
            "job_workflow_ref",
            "acme/ledger/.github/workflows/attest.yml@refs/heads/topic",
            "SubjectAlternativeName",
        ),
        (
            "job_workflow_ref",
            "acme/ledger/.github/workflows/attest.yml@refs/heads/main2",
            "SubjectAlternativeName",
        ),
        (
            "job_workflow_ref",
            "acme/ledger/.github/workflows/attest.yml@refs/tags/main",
            "SubjectAlternativeName",
        ),
        (
            "job_workflow_ref",
            "other/ledger/.github/workflows/attest.yml@refs/heads/main",
            "SubjectAlternativeName",
        ),
        ("ref", "refs/heads/topic", "SourceRepositoryRef"),
        ("ref", "refs/tags/v1.0.0", "SourceRepositoryRef"),
        ("ref", "refs/pull/1/merge", "SourceRepositoryRef"),
        ("sha", "d" * 40, "SourceRepositoryDigest"),
        ("repository", "other/ledger", "SourceRepositoryURI"),
        ("iss", "https://token.actions.example.com", "Issuer"),
        ("runner_environment", "self-hosted", "RunnerEnvironment"),
    ],
)
def test_another_s_attestation_is_refused(
    act: Act, hub: Hub, manifest: Path, claim: str, value: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By another workflow, of another ref, commit, repository, issuer or runner: each by the option that asks."""
    hub.changed = {claim: value}
    attested(act, hub)

    assert 1 == verified(manifest)
    assert f"expected {named} to be" in capsys.readouterr().err


def test_a_branch_of_other_capitals_passes_as_gh_has_it(act: Act, hub: Hub, manifest: Path) -> None:
    """gh compares refs without regard to case: what keeps a branch `Main` out is the commit."""
    hub.changed = {"ref": "refs/heads/Main"}
    attested(act, hub)

    assert (0, 1) == (verified(manifest), verified(manifest, source_digest="d" * 40))


def test_another_predicate_is_refused(act: Act, hub: Hub, manifest: Path) -> None:
    """Of the statements that GitHub keeps, provenance alone says who built."""
    attested(act, hub)

    assert 1 == verified(manifest, predicate_type="https://spdx.dev/Document/v2.3")


@pytest.mark.parametrize(
    "left_out", ["repo", "cert_identity", "source_ref", "source_digest", "predicate_type"]
)
def test_an_option_that_is_left_out_is_an_error(manifest: Path, left_out: str) -> None:
    """gh would judge less; here the pipeline gives all of them."""
    with pytest.raises(SystemExit, match="2"):
        verified(manifest, **{left_out: None})


def test_a_statement_under_another_s_token_is_refused(act: Act, hub: Hub, manifest: Path) -> None:
    """Who may write attestations can store what they like, and sign none of it: a true token with other bytes, a
    statement changed under its token, and a token of another issuer."""
    attested(act, hub, "d" * 64)
    (other,) = hub.api.records.attestations[f"sha256:{'d' * 64}"]
    envelope = other["bundle"]["dsseEnvelope"]
    said = json.loads(base64.b64decode(envelope["payload"]))
    said["subject"][0]["digest"]["sha256"] = DIGEST
    payload = base64.b64encode(json.dumps(said).encode())
    audience = hashlib.sha256(base64.b64decode(payload)).hexdigest()
    forged = Issuer(manifest.parent / "forger").sign({**hub.claims, "aud": audience})
    for bundle in (
        other["bundle"],
        other["bundle"] | {"dsseEnvelope": envelope | {"payload": payload.decode()}},
        {
            "dsseEnvelope": envelope | {"payload": payload.decode()},
            "verificationMaterial": {"standInToken": forged},
        },
    ):
        hub.api.records.attestations[f"sha256:{DIGEST}"] = [{"bundle": bundle, "repository_id": 1}]

        assert 1 == verified(manifest)


def test_a_job_that_may_not_attest_is_refused(act: Act, hub: Hub) -> None:
    """The API asks for `attestations: write`."""
    hub.may = {"attestations": "read"}
    done = act(
        "actions/attest/attest.py", **hub.variables, NAME="x", DIGEST=f"sha256:{DIGEST}", TOKEN="token"
    )

    assert (1, True) == (done.status, "attestations: write" in done.printed)


@pytest.mark.parametrize(
    "digest", ["", DIGEST, f"sha256:{DIGEST[:-1]}", f"sha256:{DIGEST.upper()}x", "sha256:"]
)
def test_what_is_no_digest_is_refused(act: Act, hub: Hub, digest: str) -> None:
    """A bundle job that said nothing, or something else."""
    done = act("actions/attest/attest.py", **hub.variables, NAME="x", DIGEST=digest, TOKEN="token")

    assert (1, True) == (done.status, "subject-digest" in done.printed)
    assert {} == hub.api.records.attestations


def test_without_a_token_gh_asks_for_one(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends as gh does where nobody is logged in."""
    monkeypatch.delenv("GH_TOKEN")

    assert 4 == verified(manifest)
