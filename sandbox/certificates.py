"""The sandbox's own certificate authority, and the one certificate that it signs."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = dt.timedelta(days=30)


@dataclass(frozen=True)
class Certificate:
    """PEM files: what clients trust, the server's certificate, its key; and the first name that it is for."""

    authority: Path
    certificate: Path
    key: Path
    name: str


def at(folder: Path, name: str = "localhost") -> Certificate:
    """Where `make` writes them."""
    return Certificate(folder / "ca.pem", folder / "server.pem", folder / "server-key.pem", name)


def make(
    folder: Path,
    names: tuple[str, ...] = ("localhost", "*.localhost", "*.execute-api.localhost"),
    *,
    life: dt.timedelta = _LIFE,
    trusted: dt.timedelta = _LIFE,
) -> Certificate:
    """Make an authority and a certificate for these names and 127.0.0.1; the authority's key is not kept.

    `life` is the certificate's from now on, `trusted` the authority's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = at(folder, names[0])
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("Esclusa sandbox authority")
    authority = (
        _builder(
            authority_name, authority_name, authority_key.public_key(), authority_key.public_key(), trusted
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    server = (
        _builder(_name(names[0]), authority_name, key.public_key(), authority_key.public_key(), life)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    made.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    made.key.touch(mode=0o600)
    made.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return made


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    life: dt.timedelta,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + min(life, dt.timedelta()) - dt.timedelta(minutes=10))
        .not_valid_after(now + life)
        # Python's strict verification wants both of these.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
