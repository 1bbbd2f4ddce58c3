"""What a secret looks like: by the name of what holds it, by its value, or by where it comes from."""

import re
from typing import Any

from pipeline.source.located import nodes
from pipeline.source.stacks import Stack
from pipeline.source.values import Partial, mentioned

# Words of a name, written with _ between them, that say: what I hold opens something.
_NAMED = re.compile(
    r"password|passwd|passphrase|passcode|basic_?auth(?![a-z])"
    r"|(?<![^_])(pwd|pass|pin|secrets?|tokens?|credentials?|dsn|(api|access|private|secret|signing|encryption|auth|license)_?key"
    r"|client_?secret|conn(ection)?_?str(ing)?|(database|db|jdbc|redis|webhook)_?ur[li])(?![^_])"
)
# Last words that say: I only tell where, which or how long.
_ABOUT = re.compile(
    r"(^|_)(arns?|ids?|names?|paths?|file|prefix|ttl|days|length|policy|rotation|version|alias|header|enabled|issuer"
    r"|endpoint|type|ref|count|size|timeout|seconds|max|min|region|audience|expiry|characters|stages?|template|key|manager"
    r"|lifetime|bytes|minutes|hours|age|attempts|retries|limit|page|(reset|change|policy|forgotten|help)_ur[li])$"
)
_DIGEST = re.compile(
    r"digest|sha\d*|checksum|hash|commit|revision|fingerprint|thumbprint|etag|version", re.IGNORECASE
)
_KNOWN_FORMS = re.compile(
    r"(AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"  # an AWS access key id
    r"|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50,}"  # tokens of GitHub
    r"|xox[abprs]-[A-Za-z0-9-]{10,}"  # of Slack
    r"|sk_live_[A-Za-z0-9]{16,}|rk_live_[A-Za-z0-9]{16,}"  # of Stripe
    r"|AIza[A-Za-z0-9_-]{35}"  # of Google
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"  # a signed JSON web token
    r"|https://(hooks\.slack\.com/services/\w+|events\.pagerduty\.com/(integration|generic)/\w+|discord(app)?\.com/api/webhooks/\w+"
    r"|api\.telegram\.org/bot\w+|[\w.-]+\.webhook\.office\.com/\w+)"  # addresses that are keys
    r"|https?://[^\s\"']+[?&](api_?key|access_?token|token|key|secret|sig)=[A-Za-z0-9%+/_-]{12,}"
    r"|glpat-[A-Za-z0-9_-]{20}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,}"
)
_IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/:@${}]*:(?P<password>[^\s/@]+)@", re.IGNORECASE)
_IN_DSN = re.compile(
    r"\b(password|passwd|pwd)(=|\\?\"\s*:\s*\\?\")(?P<value>[^\s;,&\"'\\]{4,})", re.IGNORECASE
)
RESOLVED = re.compile(r"\{\{\s*resolve:\s*(secretsmanager|ssm-secure)\s*:", re.IGNORECASE)


def named(name: str) -> bool:
    """Whether a name promises a secret: `DB_PASSWORD`, `apiKey`; but not `DATABASE_SECRET_ARN`."""
    if ":" in name:  # a condition's key, such as iam:PassedToService
        return False
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).lower()
    found = list(_NAMED.finditer(words))  # the last one decides: TOKEN_SECRET, SECRET_NAME
    return bool(found) and (found[-1].end() == len(words) or not _ABOUT.search(words))


def form(value: str) -> str:
    """What kind of secret a text holds by its form alone; '' for none."""
    if RESOLVED.search(value):
        return "resolves a secret into plain text"
    if _KNOWN_FORMS.search(value):
        return "holds a key or token"
    found = _IN_URL.search(value)
    if found and not _placeholder(found["password"]):
        return "holds a URL with a password"
    if (found := _IN_DSN.search(value)) and not _placeholder(found["value"]):
        return "holds a password"
    return ""


def _placeholder(text: str) -> bool:
    return bool(re.fullmatch(r"[<{$%*x.].*|\.\.\.", text)) and not RESOLVED.search(text)


def secret_parameters(stack: Stack) -> set[str]:
    """The template's parameters that hold a secret: by NoEcho, by name, or by what their default resolves."""
    found: set[str] = stack.once("secret parameters", _secret_parameters)
    return found


def _secret_parameters(stack: Stack) -> set[str]:
    found = set()
    for name, body in stack.section("Parameters").items():
        body = body if isinstance(body, dict) else {}
        default = str(body.get("Default", ""))
        no_echo = str(body.get("NoEcho", "")).lower() == "true"
        if no_echo or named(name) or form(default) or form(stack.environment.parameters.get(name, "")):
            found.add(name)
    return found


def why_secret(stack: Stack, name: str, value: Any) -> str:
    """Why a value under a name, as the template writes it, is a secret; '' when it isn't.

    `value` is unresolved: what it refers to says more than what it becomes.
    """
    return _why(stack, name, value, secret_parameters(stack))


def _why(stack: Stack, name: str, value: Any, secrets: set[str]) -> str:
    for parameter in sorted(mentioned(value) & secrets):
        return f"hands on the parameter {parameter}, which holds a secret"
    for text in texts(value):
        if why := form(text):
            return why
    resolved = stack.scope.resolve(value)
    if isinstance(resolved, str):
        if why := form(resolved):
            return why
        if _is_random(resolved) and not _DIGEST.search(name):
            return "looks like a key: so many letters by chance"
        if named(name) and resolved and not isinstance(resolved, Partial) and not _tells_where(resolved):
            return "has a name that promises a secret, and a value in plain text"
        if named(name) and isinstance(resolved, Partial) and not _only_points(stack, resolved):
            return "has a name that promises a secret, and is given a value; give the secret's ARN instead"
    return ""


def _is_random(value: str) -> bool:
    """Whether a text is hexadecimal or base64 of 16 bytes or more, and nothing else."""
    if re.fullmatch(r"[0-9a-f]{32,}|[0-9A-F]{32,}", value):
        return len(set(value)) > 6
    return (
        bool(re.fullmatch(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9+/_-]{32,}={0,2}", value))
        and "/" not in value[:1]
    )


def _tells_where(value: str) -> bool:
    return value.startswith(("arn:", "/")) or value.lower() in ("true", "false", "none", "verify-full")


def _only_points(stack: Stack, value: Partial) -> bool:
    """Whether a partial value is the ARN or name of a resource, and nothing that is a secret itself."""
    for hole in value.holes:
        if hole.kind != "resource":
            return False
        if hole.attribute and hole.attribute not in ("Arn", "Id", "Name"):
            return False
    return bool(value.holes)


def texts(value: Any) -> list[str]:
    """Every text in an unresolved value, and the items of each list joined."""
    return [
        one if isinstance(one, str) else "".join(map(str, one))
        for _, one in nodes(value)
        if isinstance(one, str) or (isinstance(one, list) and one)
    ]
