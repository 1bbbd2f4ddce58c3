"""The hash chain: whole records verify; whatever is changed behind the ledger's back is found, and named."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from psycopg import sql

from app import roles
from app.ledger import chain
from app.ledger.kinds import WRITTEN
from tests.another_value import OTHER, loosen
from tests.application.ledger.test_kinds import a_record
from tests.conftest import Connection, TestDatabase
from tests.running import PASSWORD, Ledger, a_deployment


@pytest.fixture
def owner(migrated: dict[str, str], ledger: Ledger) -> Iterator[Connection]:
    """Somebody with the owner's rights, who has switched the triggers off."""
    with ledger.database.connect() as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(roles.OWNER)))
        connection.execute(_TRIGGERS.format(sql.SQL("DISABLE")))
        yield connection
        connection.execute(_TRIGGERS.format(sql.SQL("ENABLE")))


_TRIGGERS = sql.SQL(
    "ALTER TABLE ledger.deployment {0} TRIGGER USER; ALTER TABLE ledger.chain {0} TRIGGER USER"
)


@pytest.fixture
def kind(client: FlaskClient, plural: str) -> str:
    """A kind's table, with one record in it."""
    assert client.post(f"/api/{plural}", json=a_record(plural)).status_code == 201
    return WRITTEN[plural].name


@pytest.fixture
def three(client: FlaskClient) -> FlaskClient:
    """A client of a ledger with three deployments."""
    for number in range(3):
        client.post("/api/deployments", json=a_deployment(actor=f"writer {number}"))
    return client


def test_a_whole_chain_is_valid(three: FlaskClient) -> None:
    """Every link is recomputed, and the head's hash is told, to be kept as a proof."""
    verdict = three.get("/api/verify").get_json()

    assert (True, 3, None, None) == tuple(verdict[name] for name in ("valid", "last", "next", "broken"))
    assert len(verdict["head"]) == 64


def test_an_empty_chain_is_valid(client: FlaskClient) -> None:
    """Nothing recorded, nothing broken."""
    assert client.get("/api/verify").get_json()["valid"] is True


def test_a_chain_is_verified_in_stretches(three: FlaskClient, owner: Connection) -> None:
    """Each stretch begins at the hash where the one before it ended, and ends with the same head."""
    whole = chain.verify(owner, 0)

    first = chain.verify(owner, 0, stretch=2)
    second = chain.verify(owner, first.last, stretch=2)

    assert (False, 2) == (first.complete, first.as_json()["next"])
    assert (True, whole.head) == (second.complete, second.head)
    assert ("0" * 64, first.head) == (first.begin, second.begin)


@pytest.mark.parametrize(
    ("tampering", "sequence", "reason"),
    [
        (
            "UPDATE ledger.deployment SET actor = 'mallory' WHERE sequence = 2",
            2,
            "deployment it stands for was changed",
        ),
        ("UPDATE ledger.deployment SET recorded_at = now() WHERE sequence = 1", 1, "was changed"),
        ("UPDATE ledger.deployment SET detail = '' WHERE sequence = 3", 3, "was changed"),
        ("DELETE FROM ledger.deployment WHERE sequence = 2", 2, "deployment it stands for is missing"),
        ("UPDATE ledger.chain SET digest = sha256('x') WHERE sequence = 2", 2, "link itself was changed"),
        ("UPDATE ledger.chain SET hash = sha256('x') WHERE sequence = 2", 2, "link itself was changed"),
        ("UPDATE ledger.chain SET kind = 'release' WHERE sequence = 1", 1, "link itself was changed"),
        ("UPDATE ledger.chain SET previous = sha256('x') WHERE sequence = 3", 3, "does not follow"),
        (
            "DELETE FROM ledger.deployment WHERE sequence = 2; DELETE FROM ledger.chain WHERE sequence = 2",
            2,
            "link is missing",
        ),
    ],
)
def test_tampering_is_found_and_the_first_broken_link_named(
    three: FlaskClient, owner: Connection, tampering: str, sequence: int, reason: str
) -> None:
    """Whoever has the owner's rights can change rows, but not without a trace."""
    owner.execute(sql.SQL(tampering))

    verdict = three.get("/api/verify").get_json()

    assert verdict["valid"] is False
    assert verdict["broken"]["sequence"] == sequence
    assert reason in verdict["broken"]["reason"]


@pytest.mark.parametrize("plural", list(WRITTEN))
def test_every_column_of_every_kind_is_covered(kind: str, owner: Connection) -> None:
    """Another value in any of them breaks the link, which is named; the same value breaks nothing."""
    table = sql.Identifier("ledger", kind)
    columns = owner.execute(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'ledger' AND table_name = %s",
        [kind],
    ).fetchall()
    for column, form in [("sequence", "same"), *columns]:
        with owner.transaction(force_rollback=True):
            owner.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(table))
            loosen(owner, kind)
            name = sql.Identifier(str(column))
            value = sql.SQL(OTHER.get(str(form), "{0}")).format(name)
            owner.execute(sql.SQL("UPDATE {} SET {} = {}").format(table, name, value))
            broken = chain.verify(owner, 0).broken
            if form == "same":
                assert broken is None
            else:
                assert broken is not None, column
                assert (1, kind) == (broken.sequence, broken.kind), column
    assert len(columns) > 8


def test_a_head_kept_elsewhere_shows_a_cut_off_end(three: FlaskClient, owner: Connection) -> None:
    """A chain that lost its last links is valid in itself; a head noted before is where verifying goes on."""
    noted = three.get("/api/verify").get_json()
    owner.execute("DELETE FROM ledger.deployment WHERE sequence = 3")
    owner.execute("DELETE FROM ledger.chain WHERE sequence = 3")

    assert three.get("/api/verify").get_json()["head"] != noted["head"]
    after = three.get(f"/api/verify?after={noted['last']}").get_json()
    assert after["broken"]["reason"] == "the link is missing"


def test_the_application_s_user_can_t_forge_a_link(three: FlaskClient, migrated: dict[str, str]) -> None:
    """A writer can't choose number, time or hash: the database sets them."""
    database = TestDatabase(
        migrated["DATABASE_HOST"],
        int(migrated["DATABASE_PORT"]),
        migrated["DATABASE_NAME"],
        "ledger_app",
        PASSWORD,
    )
    with database.connect() as connection:
        connection.execute(
            """
            INSERT INTO ledger.deployment
            SELECT (jsonb_populate_record(d, '{"id": "018f2a6e-7c1b-7d4e-9a52-0b8d5a7c9e10", "sequence": 1,
                "recorded_at": "2020-01-01T00:00:00Z"}')).* FROM ledger.deployment AS d WHERE sequence = 1
            """
        )
        row = connection.execute(
            "SELECT sequence, recorded_at > now() - interval '1 hour' FROM ledger.deployment"
            " ORDER BY sequence DESC LIMIT 1"
        ).fetchone()

    assert row == (4, True)
    assert three.get("/api/verify").get_json()["valid"] is True
