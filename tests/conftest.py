"""The same world for every test, whoever runs it; and a real PostgreSQL for those that need one."""

import os
import sys
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from pipeline.base import surroundings
from pipeline.cli import narrate
from pipeline.gate.parts import TESTS
from sandbox import descriptions  # noqa: F401 - imported for what it does
from sandbox.progress import Progress

if TYPE_CHECKING:
    from sandbox.postgres import PostgreSQL


narrate()
# Besides what programs see: what pytest and its plugins tell each other, and what a person asks of the tests.
surroundings.settle(also=("PYTEST_*", "COV_CORE_*", "PLAYWRIGHT_*", "CI", "UPDATE_GOLDEN", "SCREENSHOTS"))
# The person's own profiles for AWS lie in HOME.
for _name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
    os.environ[_name] = os.devnull

Connection = psycopg.Connection[tuple[Any, ...]]


QUIET_SECONDS = 30.0


class Quiet:
    """Says which tests run, and for how long, whenever nothing was heard for QUIET_SECONDS."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins, here or in a worker."""
        self.progress.inside(nodeid, "runs")

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test has ended, and pytest has said so."""
        self.progress.inside(nodeid, "")
        self.progress.heard()


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """With workers, where they are told what to do: a process that runs tests itself would write into their output."""
    plugins = session.config.pluginmanager
    reporter = plugins.get_plugin("terminalreporter")
    if not plugins.has_plugin("dsession") or reporter is None:
        return (yield)

    def write(text: str) -> None:
        # Behind its own dots: ensure_newline knows only of lines with a file's name.
        if reporter._tw.width_of_current_line:
            reporter.write("\n")
        reporter.write(text, flush=True)

    with Progress(write, terminal=False, every=QUIET_SECONDS) as progress:
        plugins.register(Quiet(progress))
        progress.begin("the tests run")
        return (yield)


_STARTS_SOMETHING = {"postgresql", "secrets_manager", "repository", "hub"}  # fixtures
_BESIDE = ("outside", "slow", "e2e", "proof")  # the marks of tests that may


@pytest.hookimpl(tryfirst=True)  # before those are left out that have a mark
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts something by its fixtures. Begin with the modules that take longest, so that no worker is left
    with one at the end."""
    for item in items:
        if not _STARTS_SOMETHING.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("outside")
    items.sort(key=lambda item: not (item.get_closest_marker("e2e") or item.get_closest_marker("slow")))


_alone: list[pytest.Item] = []  # the test that runs, where it may start nothing
_STARTS = ("subprocess.Popen", "os.fork", "os.posix_spawn", "socket.bind")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Fail a test that starts something and isn't marked: `make test-fast` is to stay fast. A team's own may."""
    if not item.nodeid.startswith(f"{TESTS}/") and not any(map(item.get_closest_marker, _BESIDE)):
        _alone.append(item)
    try:
        return (yield)
    finally:
        _alone.clear()


def _audited(event: str, _: object) -> None:
    if event in _STARTS and _alone and threading.current_thread() is threading.main_thread():
        pytest.fail(f"{event}: what starts a program, a server or a database is marked `outside`")


sys.addaudithook(_audited)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around pytest's own, whose list of the skipped comes late
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say last what was not tested, and how to get it."""
    yield
    for reason, count in _skipped(terminalreporter).items():
        terminalreporter.write_line(f"not tested: {count} test{'s' * (count > 1)}: {reason}", yellow=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI nobody reads that line: there a test that was skipped has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and _skipped(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skipped(reporter: pytest.TerminalReporter) -> Counter[str]:
    """How many tests were skipped for each reason."""
    places = [report.longrepr for report in reporter.stats.get("skipped", [])]
    reasons = [place[2] if isinstance(place, tuple) else str(place) for place in places]
    return Counter(reason.removeprefix("Skipped: ") for reason in reasons)


@dataclass(frozen=True)
class TestDatabase:
    """A database, and its administrator, who is no superuser (as on RDS)."""

    __test__ = False

    host: str
    port: int
    name: str
    admin_user: str
    admin_password: str

    def connect(self, user: str | None = None, password: str | None = None) -> Connection:
        """Connect, as the administrator unless told otherwise."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=self.name,
            user=user or self.admin_user,
            password=password or self.admin_password,
            autocommit=True,
        )


@pytest.fixture(scope="session")
def postgresql() -> Iterator["PostgreSQL"]:
    """A running server, ended with the session."""
    from sandbox.postgres import PostgreSQL

    # Not below pytest's folder: the server runs as another user, who may not enter there.
    with tempfile.TemporaryDirectory(prefix="esclusa-tests-") as folder:
        Path(folder).chmod(0o755)
        with PostgreSQL(Path(folder)) as server:
            yield server


@contextmanager
def new_database(server: "PostgreSQL") -> Iterator[TestDatabase]:
    """Make an empty database, and drop it afterwards; its roles are the whole server's."""
    administrator = server.administrator
    made = TestDatabase(
        server.host, server.port, f"test_{uuid.uuid4().hex}", administrator.user, administrator.password
    )
    with replace(made, name=administrator.database).connect() as connection:
        name = sql.Identifier(made.name)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield made
        connection.execute(sql.SQL("DROP DATABASE {}").format(name))


@pytest.fixture(scope="session")
def unmigrated(postgresql: "PostgreSQL") -> Iterator[TestDatabase]:
    """The database of all tests that want an empty one: to make one takes a tenth of a second."""
    with new_database(postgresql) as made:
        yield made


@pytest.fixture
def database(unmigrated: TestDatabase) -> Iterator[TestDatabase]:
    """An empty database: what a test makes in it, the schema `ledger`, is gone afterwards."""
    yield unmigrated
    with unmigrated.connect() as connection:
        connection.execute("DROP SCHEMA IF EXISTS ledger CASCADE")
