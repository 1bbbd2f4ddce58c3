"""PostgreSQL on loopback: a server with a database and a master user, as an RDS instance has them."""

import hashlib
import os
import secrets
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from pipeline.base.run import CHECKOUT, INSTALL
from pipeline.base.standstill import Stillness, watched
from sandbox import children
from sandbox.certificates import Certificate
from sandbox.children import HOST
from sandbox.errors import SandboxError

# The server refuses to run as root. Every Unix has this user, who owns nothing.
_NOBODY = "nobody"
_OUTSIDE = "esclusa-data-"  # how a folder outside of the sandbox's own begins
# The one locale that every system has; without a valid one a Mac's server ends.
_ENVIRONMENT = {"LC_ALL": "C"}


@dataclass(frozen=True)
class Administrator:
    """The master user of a database, as RDS makes it: no superuser, may create roles, owns the database."""

    user: str
    password: str
    database: str

    def __repr__(self) -> str:
        return f"Administrator(user={self.user!r}, database={self.database!r})"


class PostgreSQL:
    """A server from `start` to `stop`, or as a context manager; its data lives no longer than it does.

    `database` is made in it, with a master user whose password is in `administrator` and nowhere else. With a
    certificate it speaks TLS, and refuses who doesn't; `host` is then the certificate's name. It ends when this process
    dies. Raises SandboxError when it can't start.
    """

    _server: children.Child | None = None

    def __init__(
        self,
        folder: Path,
        *,
        database: str = "ledger",
        port: int = 0,
        name: str = "postgres",
        certificate: Certificate | None = None,
    ) -> None:
        self.host = certificate.name if certificate else HOST
        self.port = port
        self.certificate = certificate
        self.log = folder.absolute() / "logs" / f"{name}.log"
        self.administrator = Administrator(f"{database}_admin", secrets.token_urlsafe(24), database)
        self._home = folder.absolute() / name  # what its user owns
        self._superuser = secrets.token_urlsafe(24)

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

    def start(self) -> None:
        """Make the cluster, start the server, make the database and its master user."""
        self.launch()
        self.prepare()

    def launch(self) -> None:
        """Make the cluster and begin to start the server."""
        self._make_home()
        self._initdb()
        self.resume()

    def _make_home(self) -> None:
        if self.port:
            children.require_free(self.port)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        remove(self._home)
        if os.geteuid() == 0 and _closed(self._home):
            # Its user could not even find its files below a folder that is closed to others, such as /root.
            self._home.symlink_to(tempfile.mkdtemp(prefix=_OUTSIDE, dir="/tmp"))
        else:
            self._home.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self._home, _NOBODY)

    def restored(self, name: str, host: str) -> "PostgreSQL":
        """Begin to start another server, on a copy of this one's data, which has stopped by then: as RDS restores a
        snapshot, with its users and their passwords. `host` is one that the certificate is for. `stop` ends it.
        """
        other = PostgreSQL(
            self._home.parent,
            database=self.administrator.database,
            name=name,
            certificate=self.certificate and replace(self.certificate, name=host),
        )
        other.administrator, other._superuser = self.administrator, self._superuser
        self.pause()
        other._make_home()
        shutil.copytree(self.data, other.data)
        if os.geteuid() == 0:
            for path in (other.data, *other.data.rglob("*")):
                shutil.chown(path, _NOBODY)
        other.resume()
        return other

    def resume(self) -> None:
        """Start the server on the cluster that is there: also after `pause`."""
        self.port = self.port or children.free_port()
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",
            # The data is gone when the sandbox is: nothing to gain from waiting for the disk.
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": "200",
            # In the cluster's folder, which is removed: a server that was killed leaves what lies in /dev/shm.
            "dynamic_shared_memory_type": "mmap",
            "io_method": "sync",  # its workers would be processes of their own
            # As on RDS by default: no statement in the log, whatever it holds.
            "log_statement": "none",
            "log_min_error_statement": "panic",
            **self._tls(),
        }
        self._server = children.start(
            [
                _binary("postgres"),
                "-D",
                self.data,
                *(f"--{name}={value}" for name, value in settings.items()),
            ],
            log=self.log,
            env=_ENVIRONMENT,
            cwd=Path("/"),
            death=signal.SIGINT,
            user=_user(),
        )

    def pause(self) -> None:
        """Stop the server and keep the data."""
        if self._server is not None:
            children.stop(self._server, signal.SIGINT)
            self._server = None

    def prepare(self) -> None:
        """Wait for the server and make the database and its master user."""
        admin = self.administrator
        with self.wait() as connection:
            verifier = connection.pgconn.encrypt_password(
                admin.password.encode(), admin.user.encode(), b"scram-sha-256"
            )
            user, database = sql.Identifier(admin.user), sql.Identifier(admin.database)
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER CREATEROLE CREATEDB PASSWORD {}").format(
                    user, sql.Literal(verifier.decode())
                )
            )
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, user))

    def wait(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """Wait until the server answers; returns a superuser's connection to a database."""
        if self._server is None:
            raise SandboxError("PostgreSQL is not started.")
        server, stillness = self._server, Stillness()
        while True:
            children.wait_for_port(self.port, server, "PostgreSQL", self.log)
            try:
                return psycopg.connect(
                    host=self.host,
                    port=self.port,
                    **self.verified,
                    user="postgres",
                    password=self._superuser,
                    dbname=database,
                    autocommit=True,
                )
            except psycopg.OperationalError as error:
                if stillness.over(lambda: children.signs(server, self.log)):
                    raise SandboxError(
                        f"PostgreSQL answers no query: {error}", children.last_lines(self.log)
                    ) from None
                time.sleep(0.05)

    @property
    def verified(self) -> dict[str, Any]:
        """What libpq is told, so that it speaks to this server and to no other."""
        if self.certificate is None:
            return {"sslmode": "disable"}
        return {"sslmode": "verify-full", "sslrootcert": str(self.certificate.authority)}

    def _tls(self) -> dict[str, str]:
        """The settings of a server that speaks TLS alone; the key is a copy, which its user owns."""
        if self.certificate is None:
            return {}
        settings = {"ssl": "on", "hba_file": str(self.data.with_name("pg_hba.conf"))}
        # As RDS has it with rds.force_ssl = 1: who speaks no TLS finds no line.
        self._own("pg_hba.conf", f"hostssl all all {HOST}/32 scram-sha-256\n")
        for setting, file in (
            ("ssl_cert_file", self.certificate.certificate),
            ("ssl_key_file", self.certificate.key),
        ):
            settings[setting] = str(self._own(file.name, file.read_text()))
        return settings

    def _own(self, name: str, content: str) -> Path:
        """Write a file beside the data, which the server's user alone may read."""
        file = self.data.with_name(name)
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_text(content)
        if os.geteuid() == 0:
            shutil.chown(file, _NOBODY)
        return file

    def stop(self) -> None:
        """End the server and remove its data. A second stop does nothing."""
        self.pause()
        remove(self._home)

    def stay(self) -> None:
        """From now on the server outlives this process."""
        if self._server is not None:
            self._server.stay()

    @property
    def pid(self) -> int:
        """The server's process; 0 when it isn't running."""
        return self._server.pid if self._server else 0

    @property
    def data(self) -> Path:
        """The folder of the cluster."""
        return self._home.resolve() / "data"

    def _initdb(self) -> None:
        # The superuser's password goes by a file, which is gone with what its user owns, whatever happens.
        password = self._own("password", self._superuser)
        child = children.start(
            [
                _binary("initdb"),
                *("-D", self.data, "-U", "postgres", "--pwfile", password),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--wal-segsize=1"),
            ],
            log=self.log,
            env=_ENVIRONMENT,
            cwd=Path("/"),
            death=signal.SIGKILL,
            user=_user(),
        )
        try:
            with watched(lambda: children.signs(child, self.log), child.kill):
                status = child.wait()
        finally:
            children.stop(child, signal.SIGKILL)
            password.unlink()
        if status:
            raise SandboxError(
                f"initdb could not make a PostgreSQL cluster in {self.data}.", children.last_lines(self.log)
            )


def _binary(name: str) -> Path:
    """One of PostgreSQL's programs, as bin/postgresql lays them out, where its user may run it."""
    found = CHECKOUT / ".tools/postgresql/bin" / name
    if not found.exists():
        raise SandboxError(f"PostgreSQL's {name} is not in {found.parent}.", INSTALL)
    found = found.resolve()  # a job's checkout links the laptop's environments
    if os.geteuid() != 0 or not _closed(found):
        return found
    return _open_copy(found.parents[1]) / "bin" / name


def _open_copy(package: Path) -> Path:
    """A copy of the folder where every user may read it.

    Its programs look for each other by access(2), which heeds no capability: below a folder that is closed to
    others, such as /root, they would not find each other.
    """
    stamp = hashlib.sha256(f"{package} {package.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    target = Path("/tmp") / f"esclusa-postgresql-{stamp}"  # noqa: S108 - the owner is checked below
    if not target.exists():
        made = Path(tempfile.mkdtemp(prefix="esclusa-postgresql-", dir=target.parent))
        shutil.copytree(package, made, symlinks=True, dirs_exist_ok=True)
        made.chmod(0o755)
        try:
            made.rename(target)
        except OSError:  # another sandbox was quicker
            shutil.rmtree(made, ignore_errors=True)
    if target.stat().st_uid != 0 or target.is_symlink():
        raise SandboxError(f"{target} belongs to somebody else.", "Remove it, and try again.")
    return target


def _closed(*paths: Path) -> bool:
    """Whether a folder above one of the paths is closed to others."""
    return any(not folder.stat().st_mode & 0o001 for path in paths for folder in path.parents)


def _user() -> str:
    """Who the server runs as, where it isn't this process's user."""
    return _NOBODY if os.geteuid() == 0 else ""


def remove(home: Path) -> None:
    """Remove what a server's user owns, also where a link leads to it."""
    if home.is_symlink():
        outside = home.readlink()
        if outside.parent == Path("/tmp") and outside.name.startswith(_OUTSIDE):  # noqa: S108 - as made by `launch`
            shutil.rmtree(outside, ignore_errors=True)
        home.unlink()
    shutil.rmtree(home, ignore_errors=True)


def remove_all(folder: Path) -> None:
    """Remove what the servers in `folder` left, wherever that lies."""
    for home in folder.glob("postgres*"):
        remove(home)
