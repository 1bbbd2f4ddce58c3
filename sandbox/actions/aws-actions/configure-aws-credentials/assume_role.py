"""Trades the job's OIDC token for a role's credentials, and exports them to the steps that follow."""

import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree
from pathlib import Path

_PATIENCE = 30.0  # seconds


def main() -> int:
    """Fail with a message that a person can act on, as the real action does."""
    try:
        session = assume(os.environ["ROLE"], token(os.environ["AUDIENCE"]))
    except RefusedError as error:
        print(f"::error::Could not assume role with OIDC: {error}")
        return 1
    account = session["arn"].split(":")[4]
    allowed = [each.strip() for each in os.environ["ALLOWED_ACCOUNTS"].split(",") if each.strip()]
    if allowed and account not in allowed:
        print(f"::error::The account of the credentials is not one of {', '.join(allowed)}.")
        return 1
    secret = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    for value in [*(session[name] for name in secret), *([account] if _on("MASK_ACCOUNT") else [])]:
        print(f"::add-mask::{value}", flush=True)
    region = os.environ["REGION"]
    exported = {_variable(name): session[name] for name in secret}
    _append("GITHUB_ENV", exported | {"AWS_REGION": region, "AWS_DEFAULT_REGION": region})
    outputs = {"aws-account-id": account, "authenticated-arn": session["arn"]}
    if _on("OUTPUT_CREDENTIALS"):
        outputs |= {_variable(name).lower().replace("_", "-"): session[name] for name in secret}
    _append("GITHUB_OUTPUT", outputs)
    print(f"Authenticated as {session['arn']}")
    return 0


class RefusedError(Exception):
    """The issuer or STS said no, or could not be asked."""


def token(audience: str) -> str:
    """The job's OIDC token, from the place that the runner names."""
    url, bearer = (os.environ.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}", "") for name in ("URL", "TOKEN"))
    if not url or not bearer:
        raise RefusedError("this job has no permission `id-token: write`.")
    request = urllib.request.Request(  # noqa: S310 - the runner gives the address
        f"{url}&audience={urllib.parse.quote(audience, safe='')}",
        headers={"Authorization": f"Bearer {bearer}"},
    )
    status, body = _ask(request)
    found = json.loads(body)
    if status != 200:
        raise RefusedError(found.get("message", f"the issuer answered {status}."))
    return str(found["value"])


def assume(role: str, web_identity: str) -> dict[str, str]:
    """The credentials of a session of `role`, and its ARN."""
    values = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": role,
        "RoleSessionName": re.sub(r"[^\w+=,.@-]", "-", os.environ["SESSION"])[:64],
        "WebIdentityToken": web_identity,
        "DurationSeconds": os.environ["DURATION"],
    }
    if os.environ["POLICY"]:
        values["Policy"] = os.environ["POLICY"]
    endpoint = os.environ.get("AWS_ENDPOINT_URL_STS") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        raise RefusedError(
            "AWS_ENDPOINT_URL is not set; this stand-in asks nothing but the sandbox's emulator."
        )
    form = urllib.parse.urlencode(values).encode()
    status, body = _ask(urllib.request.Request(endpoint, data=form))  # noqa: S310 - the sandbox gives the address
    try:
        answer = ElementTree.fromstring(body)  # noqa: S314 - see the import
    except ElementTree.ParseError as error:
        raise RefusedError(f"STS answered {status} with what is no XML: {body[:200]!r}") from error
    found = {re.sub(r"^\{.*\}", "", node.tag): (node.text or "").strip() for node in answer.iter()}
    if status != 200:
        raise RefusedError(f"{found.get('Code', status)}: {found.get('Message', 'no message')} ({role})")
    return {**found, "arn": found["Arn"]}


def _ask(request: urllib.request.Request) -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
    # Loopback goes through no proxy.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(request, timeout=_PATIENCE) as reply:
            return int(reply.status), reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        raise RefusedError(f"{request.full_url.partition('?')[0]} can't be reached: {error}") from error


def _variable(name: str) -> str:
    return "AWS_" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def _on(name: str) -> bool:
    return os.environ[name].lower() == "true"


def _append(file: str, values: dict[str, str]) -> None:
    with Path(os.environ[file]).open("a", encoding="utf-8") as out:
        out.writelines(f"{name}={value}\n" for name, value in values.items())


if __name__ == "__main__":
    sys.exit(main())
