"""The laptop's AWS: the emulator's process, how clients reach it, and the administrator of each account."""

import contextlib
import os
import signal
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from pipeline.base.run import CHECKOUT, INSTALL
from pipeline.source.environments import LAPTOP_ACCOUNT
from sandbox import accounts as of_application
from sandbox import certificates, children, descriptions  # noqa: F401 - imported for what it does
from sandbox.accounts import Account
from sandbox.children import HOST
from sandbox.errors import SandboxError

_PYTHON = CHECKOUT / ".tools" / "sandbox" / "bin" / "python"


def variables(endpoint: str, ca_bundle: Path, region: str) -> dict[str, str]:
    """What a program needs to reach a sandbox instead of AWS, in the variables that the SDKs know."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_EXECUTE_API": endpoint,
        "AWS_CA_BUNDLE": str(ca_bundle),
        "NODE_EXTRA_CA_CERTS": str(ca_bundle),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


class Aws:
    """ministack with this project's mends, on loopback, from `launch` to `stop`.

    `accounts` are those that it has (all of this checkout's application). `endpoint` is its URL, `ca_bundle` the PEM
    file that clients trust. `jwks` is the file with the public keys of the OIDC issuer, read whenever a token is
    verified. It ends when this process dies.
    """

    _process: children.Child | None = None

    def __init__(
        self, folder: Path, jwks: Path, port: int = 0, *, accounts: Sequence[Account] | None = None
    ) -> None:
        self.folder = folder.absolute() / "aws"
        self.jwks = jwks.absolute()
        self.port = port
        self.accounts = of_application.accounts() if accounts is None else tuple(accounts)
        self.log = folder.absolute() / "logs" / "emulator.log"
        self.trail = self.log.with_name("trail.jsonl")  # every decision on an identity's rights

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"https://localhost:{self.port}"

    @property
    def ca_bundle(self) -> Path:
        """What clients trust."""
        return self.folder / "ca.pem"

    @property
    def pid(self) -> int:
        """The emulator's process; 0 when it isn't running."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the emulator and wait until it answers. Raises SandboxError."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Begin to start the emulator, in an environment of its own. Raises SandboxError."""
        if not _PYTHON.exists():
            raise SandboxError(f"The emulator is not in {_PYTHON.parent.parent}.", INSTALL)
        schemas = next(CHECKOUT.glob(".tools/policy/lib/python3*/site-packages/cfnlint/data/schemas"), None)
        if schemas is None:
            raise SandboxError(f"CloudFormation's registry is not in {CHECKOUT}.", INSTALL)
        if self.port:
            children.require_free(self.port)
        self.port = self.port or children.free_port()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.folder / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        certificate = certificates.make(self.folder)
        self._process = children.start(
            [_PYTHON, "-P", "-m", "sandbox.emulator"],
            log=self.log,
            cwd=self.folder,
            death=signal.SIGKILL,
            env={
                "PATH": f"{_PYTHON.parent}:/usr/bin:/bin",  # functions run by the python3.13 of its environment
                "PYTHONPATH": str(CHECKOUT),
                "LANG": "C.UTF-8",
                "TMPDIR": str(scratch),
                "STATE_DIR": str(self.folder / "state"),
                "BIND_HOST": HOST,  # the default is every interface
                "GATEWAY_PORT": str(self.port),
                "MINISTACK_ACCOUNT_ID": LAPTOP_ACCOUNT,
                "MINISTACK_REGION": self.accounts[0].region,
                "AUTH": "true",
                "IOT_MTLS_ENABLED": "0",  # it would listen on another port
                "SFTP_ENABLED": "0",
                "USE_SSL": "1",
                "MINISTACK_SSL_CERT": str(certificate.certificate),
                "MINISTACK_SSL_KEY": str(certificate.key),
                "SANDBOX_CA_BUNDLE": str(certificate.authority),
                "SANDBOX_JWKS": str(self.jwks),
                "SANDBOX_TRAIL": str(self.trail),
                "SANDBOX_SCHEMAS": str(schemas),
                "SANDBOX_PACKAGES": sysconfig.get_path("platlib"),  # the locked ones, built for this machine
            },
        )

    def wait(self) -> None:
        """Wait until the emulator listens. Raises SandboxError."""
        if self._process is None:
            raise SandboxError("The emulator is not started.")
        children.wait_for_port(self.port, self._process, "The AWS emulator", self.log)

    def stop(self) -> None:
        """End the emulator and the functions that it started. A second stop does nothing."""
        if self._process is not None:
            # It has nothing to tidy up, and an orderly end would wait for every open connection.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process.forget()
            self._process = None

    def stay(self) -> None:
        """From now on it outlives this process."""
        if self._process is not None:
            self._process.stay()

    def variables(self, name: str = "") -> dict[str, str]:
        """What a program needs to reach it instead of AWS, in the variables that the SDKs know; no credentials.

        The region is that of an environment, or else of the first.
        """
        region = self.of(name).region if name else self.accounts[0].region
        return variables(self.endpoint, self.ca_bundle, region)

    def root(self, name: str) -> dict[str, str]:
        """The same with the credentials of an account's root user; `name` is its environment or its number."""
        return {
            **self.variables(name),
            "AWS_ACCESS_KEY_ID": self.of(name).number,
            "AWS_SECRET_ACCESS_KEY": "root",  # the emulator asks no root user for the right one
        }

    def session(self, name: str) -> boto3.Session:
        """A session as the root user of an account."""
        return boto3.Session(
            aws_access_key_id=self.of(name).number,
            aws_secret_access_key="root",  # noqa: S106 - as above
            region_name=self.of(name).region,
        )

    def account(self, environment: str) -> str:
        """An environment's account number."""
        return self.of(environment).number

    def of(self, name: str) -> Account:
        """The account with this environment's name or this number. Raises KeyError."""
        return of_application.account(name, self.accounts)

    def client(self, service: str, name: str, session: boto3.Session | None = None) -> Any:
        """A client of a service, as the root user of an account unless `session` says as whom."""
        chosen: Any = session or self.session(name)
        return chosen.client(
            service,
            endpoint_url=self.endpoint,
            verify=str(self.ca_bundle),
            config=Config(retries={"mode": "standard", "max_attempts": 2}),
        )
