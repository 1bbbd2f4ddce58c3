"""Makes a statement about a subject, and has the API keep it with the job's token, which is for that statement."""

import base64
import hashlib
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

_PATIENCE = 30.0  # seconds
_AUDIENCE = "sigstore"  # what the real action asks a token for


def main() -> int:
    """Fail with a message that a person can act on, as the real action does."""
    name, digest = os.environ["NAME"], os.environ["DIGEST"]
    if not name:
        print("::error::subject-name must be provided when using subject-digest")
        return 1
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        print(f"::error::subject-digest is {digest!r}: it must be sha256: and 64 hexadecimal digits")
        return 1
    try:
        statement = json.dumps(_statement(name, digest, _claims(_token(_AUDIENCE)))).encode()
        kept = _keep(statement, _token(hashlib.sha256(statement).hexdigest()))
    except RefusedError as error:
        print(f"::error::Failed to attest: {error}")
        return 1
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as out:
        out.write(f"attestation-id={kept}\n")
    print(f"Attested {name} {digest}, as number {kept} (stand-in: no Sigstore)")
    return 0


class RefusedError(Exception):
    """The issuer or the API said no, or could not be asked."""


def _token(audience: str) -> str:
    """The job's OIDC token, from the place that the runner names."""
    url, bearer = (os.environ.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}", "") for name in ("URL", "TOKEN"))
    if not url or not bearer:
        raise RefusedError("this job has no permission `id-token: write`.")
    found = _ask(urllib.request.Request(f"{url}&audience={audience}"), bearer)  # noqa: S310 - the runner gives it
    print(f"::add-mask::{found['value']}", flush=True)
    return str(found["value"])


def _claims(token: str) -> dict[str, Any]:
    """What a token says. Nobody is believed by this: who verifies looks at the signed token."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _statement(name: str, digest: str, claims: dict[str, Any]) -> dict[str, Any]:
    """As @actions/attest fills in GitHub's build type. Source: https://actions.github.io/buildtypes/workflow/v1"""
    page = f"https://github.com/{claims['repository']}"
    path, _, ref = claims["workflow_ref"].removeprefix(f"{claims['repository']}/").partition("@")
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {"workflow": {"ref": ref, "repository": page, "path": path}},
                "internalParameters": {
                    "github": {
                        name: claims[name]
                        for name in (
                            "event_name", "repository_id", "repository_owner_id", "runner_environment",
                        )
                    }
                },
                "resolvedDependencies": [
                    {"uri": f"git+{page}@{claims['ref']}", "digest": {"gitCommit": claims["sha"]}}
                ],
            },
            "runDetails": {
                "builder": {"id": f"https://github.com/{claims['job_workflow_ref']}"},
                "metadata": {
                    "invocationId": f"{page}/actions/runs/{claims['run_id']}/attempts/{claims['run_attempt']}"
                },
            },
        },
    }  # fmt: skip


def _keep(statement: bytes, token: str) -> int:
    """The number under which the API keeps it."""
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"standInToken": token},  # a certificate, in a real one
        "dsseEnvelope": {
            "payloadType": "application/vnd.in-toto+json",
            "payload": base64.b64encode(statement).decode(),
            "signatures": [],
        },
    }
    address = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/attestations"
    data = json.dumps({"bundle": bundle}).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method="POST")  # noqa: S310 - the sandbox gives it
    return int(_ask(request, os.environ["TOKEN"])["id"])


def _ask(request: urllib.request.Request, bearer: str) -> dict[str, Any]:
    request.add_header("Authorization", f"Bearer {bearer}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback goes through no proxy
    try:
        with opener.open(request, timeout=_PATIENCE) as reply:
            found: dict[str, Any] = json.loads(reply.read())
            return found
    except urllib.error.HTTPError as error:
        raise RefusedError(
            json.loads(error.read()).get("message", f"it was answered {error.code}.")
        ) from error
    except OSError as error:
        raise RefusedError(f"{request.full_url.partition('?')[0]} can't be reached: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
