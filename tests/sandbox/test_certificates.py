"""The sandbox's own certificate."""

import datetime as dt
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509

from sandbox import certificates


def _serve(made: certificates.Certificate, listener: socket.socket) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    for _ in range(3):
        connection, _ = listener.accept()
        try:
            context.wrap_socket(connection, server_side=True).close()
        except (ssl.SSLError, OSError):
            connection.close()


@pytest.mark.outside
def test_clients_verify_it_strictly(tmp_path: Path) -> None:
    """Python's strictest verification takes it for localhost and 127.0.0.1, and for no other name."""
    made = certificates.make(tmp_path)
    context = ssl.create_default_context(cafile=str(made.authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_serve, args=(made, listener), daemon=True)
        server.start()
        for name in ("localhost", "127.0.0.1"):
            with (
                socket.create_connection(listener.getsockname()) as plain,
                context.wrap_socket(plain, server_hostname=name) as secure,
            ):
                assert "TLSv1.3" == secure.version()
        with (
            socket.create_connection(listener.getsockname()) as plain,
            pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"),
        ):
            context.wrap_socket(plain, server_hostname="example.com")
        server.join(5)


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    """Nobody else can read the key, and the authority's own key is kept nowhere."""
    made = certificates.make(tmp_path)

    assert 0o600 == made.key.stat().st_mode & 0o777
    assert {made.authority, made.certificate, made.key} == set(tmp_path.iterdir())
    assert "PRIVATE" not in made.authority.read_text() + made.certificate.read_text()


def test_both_ends_are_chosen(tmp_path: Path) -> None:
    """The certificate's and its authority's, each from now on: also one that is over."""
    day = dt.timedelta(days=1)
    made = certificates.make(tmp_path, ("db.example.com",), life=-day, trusted=400 * day)
    authority, own = (
        x509.load_pem_x509_certificate(file.read_bytes()) for file in (made.authority, made.certificate)
    )
    now = dt.datetime.now(dt.UTC)

    assert own.not_valid_before_utc < own.not_valid_after_utc < now - 0.9 * day
    assert now + 399 * day < authority.not_valid_after_utc
    assert ("db.example.com", certificates.at(tmp_path, "db.example.com")) == (made.name, made)
