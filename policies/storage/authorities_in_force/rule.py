"""Certificates beside the code that have ended, or end within half a year."""

import datetime as dt
import re
from collections.abc import Iterator

from cryptography import x509

from pipeline.source.project import Project
from pipeline.source.violations import Violation

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_AHEAD = dt.timedelta(days=180)


def check(project: Project) -> Iterator[Violation]:
    by = dt.datetime.now(dt.UTC) + _AHEAD
    for file in project.files:
        if not (file.endswith(".pem") and project.ships(file)):
            continue
        text = project.text(file)
        for found in _PEM.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            try:
                certificate = x509.load_pem_x509_certificate(found[0].encode())
            except ValueError:
                yield Violation("this is no certificate", file, line, fact=found[0][28:60].strip())
                continue
            ends, name = certificate.not_valid_after_utc, certificate.subject.rfc4514_string()
            if ends < by:
                yield Violation(f"{name} ends on {ends:%Y-%m-%d}", file, line, fact=name)
