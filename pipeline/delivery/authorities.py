"""Whether the code that reaches a database of Amazon RDS holds the authority that signed the server's certificate.

No system's store holds RDS's own (Amazon RDS user guide, "Using SSL/TLS to encrypt a connection to a DB instance"), so
a first deployment without it ends in its migration, after minutes, as a stack that has to be deleted.
"""

import re
import zipfile
from collections.abc import Collection, Iterator, Mapping

from cryptography import x509

from pipeline.base.errors import GateError
from pipeline.delivery import functions
from pipeline.delivery.bundle import Bundle
from pipeline.source.stacks import Stack as Template
from pipeline.source.stacks import dig

# NAME.ACCOUNT-PART.REGION.rds.amazonaws.com; of RDS Proxy the part begins with `proxy-`, and a certificate manager's
# authority signs (the same guide, "Using TLS/SSL with RDS Proxy").
_HOST = re.compile(
    r"(?:[a-z0-9-]+\.)+[a-z0-9-]+\.[a-z0-9-]+\.rds\.amazonaws\.com(\.cn)?",
    re.IGNORECASE,
)
PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_HINT = """Without it the first deployment fails in its migration. `make certificates` writes rds.pem beside the code;
  for a region that it lacks, review AWS's own file and commit it there as certificates.pem:
  https://truststore.pki.rds.amazonaws.com/REGION/REGION-bundle.pem"""


def check(made: Bundle, template: Template, resolved: Mapping[str, str], folders: Collection[str]) -> None:
    """Raises GateError for a function that is to verify a host of RDS without the authority of its region.

    `resolved` are the values behind SSM parameters, by parameter; `folders` those of the application's own code.
    """
    archives = {digest: name for name, digest in made.files.items()}
    for one in functions.of(template):
        variables = dig(one.settings, "Environment", "Variables", default={})
        told = {name: functions.told(value, resolved) or "" for name, value in variables.items()}
        if one.code not in archives or "verify-full" not in told.values():
            continue
        for host, wanted in ((host, _signs_for(host)) for host in told.values() if _HOST.fullmatch(host)):
            if not any(name.startswith(wanted) for name in _authorities(made, archives[one.code], folders)):
                raise GateError(
                    f"{one.id} is to verify the database {host}, and its code holds no certificate of {wanted}.",
                    _HINT,
                )


def _signs_for(host: str) -> str:
    """How the name of the authority begins that signs for a host of RDS."""
    part, region = host.lower().partition(".rds.amazonaws.com")[0].split(".")[-2:]
    return "Amazon Root CA" if part.startswith("proxy-") else f"Amazon RDS {region} "


def _authorities(made: Bundle, archive: str, folders: Collection[str]) -> Iterator[str]:
    """The names of the authorities in the .pem files of the application's own folders."""
    try:
        with zipfile.ZipFile(made.path(archive)) as code:
            texts = [
                code.read(name)
                for name in code.namelist()
                if name.endswith(".pem") and name.startswith(tuple(f"{folder}/" for folder in folders))
            ]
    except (zipfile.BadZipFile, OSError) as error:
        raise GateError(f"The code of bundle {made.digest} can't be read: {error}") from error
    for pem in (pem for text in texts for pem in PEM.findall(text)):
        try:
            subject = x509.load_pem_x509_certificate(pem).subject
        except ValueError:
            continue  # what is no certificate signs for nothing
        yield from (str(one.value) for one in subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME))
