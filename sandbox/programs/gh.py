"""A stand-in for `gh attestation verify` on the laptop, for attestations of the stand-in for actions/attest.

As the real one, it takes an attestation that the API keeps under the file's SHA-256, and asks of who made it what the
options say; one that fits is enough, and none is a failure. Who made it stands in the job's OIDC token, which the
sandbox's issuer signed for that statement; the real one reads a certificate of Sigstore's. It does nothing else.

Sources: the command's manual, https://cli.github.com/manual/gh_attestation_verify, and its source (github.com/cli/cli,
pkg/cmd/attestation); which claim becomes which extension of the certificate: Fulcio's docs/oidc.md.
"""

import argparse
import base64
import hashlib
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

_PATIENCE = 30.0  # seconds
_PAGE = "https://github.com/"
_NO_TOKEN = 4  # how gh ends where nobody is logged in


def main(words: list[str]) -> int:
    """0 where an attestation fits, 1 where none does, or the options aren't known here."""
    options = _options(words)
    if not os.environ.get("GH_TOKEN"):
        print(
            "gh: To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable.",
            file=sys.stderr,
        )
        return _NO_TOKEN
    try:
        digest = hashlib.sha256(Path(options.file).read_bytes()).hexdigest()
        print(f"Loaded digest sha256:{digest} for file://{options.file} (stand-in: no Sigstore)")
        bundles = _kept(options.repo, digest)
        keys = KeySet.import_key_set(_get(f"{_issuer()}/.well-known/jwks"))
    except OSError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    reasons = [_fault(bundle, digest, keys, options) for bundle in bundles]
    if "" in reasons:
        print(f"✓ Verification succeeded! sha256:{digest} was attested by {options.cert_identity}")
        return 0
    print(f"✗ Verification failed for sha256:{digest}", file=sys.stderr)
    print(f"Error: {reasons[-1] if reasons else 'no attestations found'}", file=sys.stderr)
    return 1


def _options(words: list[str]) -> argparse.Namespace:
    """What the pipeline gives, all of it: an option that isn't known, or is left out, is an error here."""
    parser = argparse.ArgumentParser(prog="gh attestation verify", allow_abbrev=False, exit_on_error=True)
    parser.add_argument("file")
    for name in (
        "repo",
        "cert-identity",
        "cert-oidc-issuer",
        "source-ref",
        "source-digest",
        "predicate-type",
    ):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--deny-self-hosted-runners", action="store_true", required=True)
    if words[:2] != ["attestation", "verify"]:
        parser.exit(
            1, f"unknown command: the sandbox's gh knows `attestation verify`, not {' '.join(words[:2])!r}\n"
        )
    return parser.parse_args(words[2:])


def _issuer() -> str:
    """Where the sandbox's issuer answers; every job is told."""
    parts = urlsplit(os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"])
    return f"{parts.scheme}://{parts.netloc}"


def _kept(repository: str, digest: str) -> list[dict[str, Any]]:
    """The attestations of a digest; none where GitHub answers that there is nothing."""
    try:
        found = _get(f"{os.environ['GITHUB_API_URL']}/repos/{repository}/attestations/sha256:{digest}")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return []
        raise
    return [one["bundle"] for one in found["attestations"]]


def _get(address: str) -> Any:
    token = os.environ["GH_TOKEN"] if address.startswith(os.environ["GITHUB_API_URL"]) else ""
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310 - the sandbox gives it
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback goes through no proxy
    with opener.open(request, timeout=_PATIENCE) as reply:
        return json.loads(reply.read())


def _fault(bundle: dict[str, Any], digest: str, keys: KeySet, options: argparse.Namespace) -> str:
    """Why an attestation isn't the one that is asked for; empty where it is."""
    statement = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    try:
        signed = jwt.decode(bundle["verificationMaterial"]["standInToken"], keys, algorithms=["RS256"]).claims
    except (JoseError, ValueError) as error:
        return f"verifying its signature failed: {error}"
    if signed.get("aud") != hashlib.sha256(statement).hexdigest():
        return "the token was signed for another statement"
    said = json.loads(statement)
    if not any(one["digest"].get("sha256") == digest for one in said["subject"]):
        return "the statement is about another artifact"
    page = f"{_PAGE}{signed['repository']}"
    asked = (
        ("predicate type", options.predicate_type, said["predicateType"], False),
        ("SubjectAlternativeName", options.cert_identity, f"{_PAGE}{signed['job_workflow_ref']}", False),
        ("Issuer", options.cert_oidc_issuer, signed["iss"], True),
        ("SourceRepositoryURI", f"{_PAGE}{options.repo}", page, True),
        ("SourceRepositoryRef", options.source_ref, signed["ref"], True),
        ("SourceRepositoryDigest", options.source_digest, signed["sha"], True),
        ("RunnerEnvironment", "github-hosted", signed["runner_environment"], False),
    )
    for name, expected, found, fold in asked:
        if (expected.lower() != found.lower()) if fold else (expected != found):
            return f"expected {name} to be {expected}, got {found}"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
