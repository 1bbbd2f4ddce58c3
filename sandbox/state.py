"""A sandbox: everything that runs, how it begins, how it ends, and the file that says so."""

import contextlib
import datetime as dt
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.base.run import CHECKOUT
from pipeline.source.application import Application
from sandbox import certificates, processes
from sandbox.accounts import Account
from sandbox.accounts import pair as pair_of
from sandbox.aws import Aws
from sandbox.bootstrap import bootstrap
from sandbox.github import GitHub
from sandbox.github.event import Repository
from sandbox.postgres import PostgreSQL, remove_all

FOLDER = CHECKOUT / ".sandbox"
_FILE = "state.json"
_END_SECONDS = 20.0
# What functions verify the database by lies beside the code: Amazon RDS's authorities, and a team's own, which are then
# trusted alone.
_RDS_AUTHORITIES, _OWN_AUTHORITIES = "rds.pem", "certificates.pem"
_TRUSTED = dt.timedelta(days=730)  # the rule on certificates beside the code wants half a year
_SAME_SECONDS = 0.5  # no system gives an id out again so soon; what psutil says of a Mac is rounded


class Sandbox:
    """PostgreSQL, AWS with its accounts bootstrapped, and GitHub, in one folder; a context manager.

    Leaving it ends everything and keeps logs and repository; what it starts also ends when this process is
    killed, until `leave` is called: from then on only `clean` ends it. `source` is the application's work tree, whose
    samconfig.toml names the accounts (those that workflows deploy to) and the repository on GitHub. `actions` maps
    OWNER/REPO@REF to a folder that takes a stand-in's place; `say` hears each step. With `github` false
    there is an issuer's key, but no repository. Sandboxes in different folders don't meet.
    """

    def __init__(
        self,
        folder: Path,
        *,
        source: Path = CHECKOUT,
        actions: Mapping[str, Path] | None = None,
        port: int = 0,
        accounts: tuple[Account, ...] | None = None,
        github: bool = True,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.folder = folder.absolute()
        self.logs = self.folder / "logs"
        self.accounts = pair_of(source) if accounts is None else accounts
        self.seconds: dict[str, float] = {}
        self.say = say
        self._with_github = github
        self._jwks = self.folder / "jwks.json"
        self.authority = certificates.at(self.folder / "authority")
        # Roles belong to a server, not to a database: environments that share one would share their users.
        self.postgres = {
            each.environment: PostgreSQL(
                self.folder,
                database=each.database,
                name=f"postgres-{each.environment}",
                certificate=self.authority,
            )
            for each in self.accounts
        }
        self.aws = Aws(self.folder, self._jwks, port, accounts=self.accounts)
        clean(self.folder)
        repository = Repository.of(self.application.repository, self.application.branch)
        self.github = GitHub(source, self.folder / "github", actions=actions, repository=repository)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def application(self) -> Application:
        """What samconfig.toml says of the application."""
        return self.accounts[0].settings.application

    @property
    def endpoint(self) -> str:
        """URL of the laptop's AWS."""
        return self.aws.endpoint

    @property
    def ca_bundle(self) -> Path:
        """PEM file that clients of `endpoint` trust."""
        return self.aws.ca_bundle

    def environment(self, name: str = "") -> dict[str, str]:
        """Variables for boto3, sam or aws; with an environment's name or account's number also its root's keys."""
        return self.aws.root(name) if name else self.aws.variables()

    def start(self) -> None:
        """Start everything. Raises SandboxError or ToolError when a part doesn't start; call `stop` then too."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self._jwks.write_text(json.dumps(self.github.issuer.jwks()), encoding="utf-8")
        with self._step("PostgreSQL and AWS"):
            self.aws.launch()  # it takes longest: meanwhile the rest
            self._write()
            certificates.make(self.authority.authority.parent, (self.authority.name,), trusted=_TRUSTED)
            for server in self.postgres.values():
                server.launch()
            self.github.aws = self.aws.variables()
            if self._with_github:
                self.github.create()
                self._trust()
            for server in self.postgres.values():
                server.prepare()
            self.aws.wait()
        self._write()
        with self._step("bootstrap of the accounts"), ThreadPoolExecutor(len(self.accounts)) as pool:
            list(
                pool.map(
                    lambda account: bootstrap(
                        self.aws,
                        self.postgres[account.environment],
                        account,
                        self.github.repository,
                        self.accounts,
                    ),
                    self.accounts,
                )
            )

    def _trust(self) -> None:
        """Commit the databases' authority as bootstrap/README.md has it for one that no system knows: beside the code,
        wherever Amazon RDS's are."""
        remote, own = self.github.remote, self.authority.authority.read_bytes()
        listed = remote.git("ls-files", "-z", _RDS_AUTHORITIES, f"*/{_RDS_AUTHORITIES}").split("\0")
        files = {str(Path(name).with_name(_OWN_AUTHORITIES)) for name in filter(None, listed)}
        there = {name: remote.clone / name for name in files}
        trusted = {name: (path.read_bytes() if path.exists() else b"") + own for name, path in there.items()}
        if trusted:
            self.github.commit("Trust what signed the laptop's databases", trusted)
            self.github.push()

    def stop(self) -> None:
        """End everything; logs and repository stay. A second stop does nothing, and one that is interrupted goes on."""
        try:
            self._end()
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        with contextlib.ExitStack() as parts:  # what happens to one of them keeps none of the others
            parts.callback((self.folder / _FILE).unlink, missing_ok=True)
            for server in self.postgres.values():
                parts.callback(server.stop)
            parts.callback(self.aws.stop)
            parts.callback(self.github.close)

    def leave(self) -> None:
        """End GitHub, and let AWS and its databases outlive this process."""
        self.github.close()
        self.aws.stay()
        for server in self.postgres.values():
            server.stay()

    @contextlib.contextmanager
    def _step(self, name: str) -> Any:
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start
        self.say(f"{name}: {self.seconds[name]:.1f} s")

    def _write(self) -> None:
        state = {
            "owner": _identity(os.getpid()),
            "servers": {
                "emulator": _identity(self.aws.pid),
                **{f"postgres-{name}": _identity(server.pid) for name, server in self.postgres.items()},
            },
            "endpoint": self.endpoint,
            "ca_bundle": str(self.ca_bundle),
            "databases": {
                server.administrator.database: f"{server.host}:{server.port}"
                for server in self.postgres.values()
            },
            "accounts": {account.environment: account.number for account in self.accounts},
            "repository": str(self.github.remote.clone) if self._with_github else "",
            "logs": str(self.logs),
        }
        partial = self.folder / f"{_FILE}.new"
        partial.write_text(json.dumps(state, indent=2), encoding="utf-8")
        partial.replace(self.folder / _FILE)


@dataclass(frozen=True)
class Running:
    """A sandbox that runs, in whichever process: what its state file says, and what has become of it."""

    owner: int  # the process to ask; 0 where that one is gone and left it running
    servers: Mapping[str, int]  # the id of each server's process; 0 for one that has ended
    endpoint: str
    ca_bundle: Path
    databases: Mapping[str, str]  # host and port of each
    accounts: Mapping[str, str]
    repository: str
    logs: Path

    @property
    def dead(self) -> list[str]:
        """The servers that ended though they should run."""
        return [name for name, pid in self.servers.items() if not pid]


def place(folder: Path) -> None:
    """Make the folder of all sandboxes where there is none: a link to one among temporary files, often in memory."""
    if not folder.exists():
        folder.unlink(missing_ok=True)  # a link to what is gone, as after a restart
        made = Path(tempfile.mkdtemp(prefix="sandbox-"))
        made.chmod(0o755)  # PostgreSQL runs as another user where the caller is root
        folder.symlink_to(made)


def remove(folder: Path) -> None:
    """Remove the folder of all sandboxes, and what it is a link to, unless something is in it."""
    if folder.exists() and not any(folder.iterdir()):
        folder.resolve().rmdir()
        if folder.is_symlink():
            folder.unlink()


def running(folder: Path) -> Running | None:
    """The sandbox that runs in `folder`; None when none does, also where one was killed and left its state."""
    try:
        state = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        servers = {name: _alive(identity) for name, identity in state["servers"].items()}
        found = Running(
            _alive(state["owner"]),
            servers,
            state["endpoint"],
            Path(state["ca_bundle"]),
            state["databases"],
            state["accounts"],
            state["repository"],
            Path(state["logs"]),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return found if found.owner or any(servers.values()) else None


def clean(folder: Path) -> bool:
    """End the sandbox that runs in `folder`, if one does, and remove the folder; says whether there was any."""
    found = running(folder)
    if found is not None:
        left = [
            _identity(pid) for pid in (found.owner, *found.servers.values()) if pid and pid != os.getpid()
        ]
        # The owner ends its servers itself. For PostgreSQL SIGINT means not to wait for clients.
        _send(signal.SIGTERM, found.owner or found.servers["emulator"])
        for name, pid in found.servers.items():
            if not found.owner and name != "emulator":
                _send(signal.SIGINT, pid)
        until = time.monotonic() + _END_SECONDS
        while any(map(_alive, left)) and time.monotonic() < until:
            time.sleep(0.05)
        for identity in left:
            _send(signal.SIGKILL, _alive(identity))
    there = folder.exists()
    remove_all(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return there


def _send(number: signal.Signals, pid: int) -> None:
    if pid and pid != os.getpid():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _identity(pid: int) -> list[float]:
    """A process's id and when it began: an id alone is used again."""
    return [pid, processes.began(pid) if pid else 0.0]


def _alive(identity: list[Any]) -> int:
    """The id of the process with this identity; 0 when it has ended."""
    pid, began = int(identity[0]), float(identity[1])
    return pid if pid and began and abs(processes.began(pid) - began) < _SAME_SECONDS else 0
