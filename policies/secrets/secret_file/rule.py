"""Files that hold keys or credentials by their nature."""

import hashlib
import re
from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.violations import Violation

_NAMES = re.compile(
    r"(^|/)(\.env(\.(?!example$|sample$|template$)[a-z]+)?|\.netrc|\.pgpass|\.npmrc|\.pypirc|\.htpasswd|credentials"
    r"|id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(p12|pfx|jks|keystore|kdbx|ppk)|[^/]+[-_.]key\.pem|key\.pem"
    r"|service[-_]account[^/]*\.json|client_secret[^/]*\.json|terraform\.tfstate)$",
    re.IGNORECASE,
)
_KEY = re.compile(rb"-----BEGIN ([A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{20}")
_FIXTURES = re.compile(r"(policies/[^/]+/[^/]+/(good|bad)|tests/policies/)")


def check(project: Project) -> Iterator[Violation]:
    for file, content in project.files.items():
        if _FIXTURES.match(file):
            continue
        if _NAMES.search(file):
            yield Violation(f"{file} is a file for secrets", file, 1, fact="a file for secrets")
        elif found := _KEY.search(content):
            line = content.count(b"\n", 0, found.start()) + 1
            digest = hashlib.sha256(content[found.start() :]).hexdigest()[:12]
            yield Violation(f"{file} holds a private key", file, line, fact=f"private key {digest}")
