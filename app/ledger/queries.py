"""What the pages ask the database, each question one function."""

from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from app.database import Connection
from app.ledger.kinds import Values

Rows = list[Values]


def environments(connection: Connection) -> list[str]:
    """Return the environments' names, in the order in which releases pass through them.

    That is the order of their first deployments in time; they may have been recorded in another.
    """
    # A walk from one name to the next through the index: a plain DISTINCT reads every row.
    rows = connection.execute(
        """
        WITH RECURSIVE environments AS (
            (SELECT environment FROM ledger.deployment ORDER BY environment LIMIT 1)
            UNION ALL
            SELECT (SELECT d.environment FROM ledger.deployment AS d
                    WHERE d.environment > e.environment ORDER BY d.environment LIMIT 1)
            FROM environments AS e WHERE e.environment IS NOT NULL
        )
        SELECT environment, (SELECT min(finished_at) FROM ledger.deployment AS d
                             WHERE d.environment = e.environment)
        FROM environments AS e WHERE environment IS NOT NULL ORDER BY 2, 1
        """
    ).fetchall()
    return [str(row[0]) for row in rows]


def running(connection: Connection, environment: str) -> Values | None:
    """Return the deployment that runs in an environment: the newest that succeeded."""
    return _one(
        connection,
        "SELECT * FROM ledger.deployment WHERE environment = %s AND status = 'succeeded'"
        " ORDER BY sequence DESC LIMIT 1",
        environment,
    )


def latest(connection: Connection, environment: str) -> Values | None:
    """Return the newest attempt in an environment, however it ended."""
    return _one(
        connection,
        "SELECT * FROM ledger.deployment WHERE environment = %s ORDER BY sequence DESC LIMIT 1",
        environment,
    )


def ahead(connection: Connection, environment: str, of: str, most: int = 50) -> list[str]:
    """Return the commits that succeeded in an environment after the one that runs in `of` did, newest first."""
    there = running(connection, of)
    rows = connection.execute(
        """
        SELECT commit, max(sequence) AS newest FROM (
            SELECT commit, sequence FROM ledger.deployment
            WHERE environment = %(environment)s AND status = 'succeeded' AND sequence > coalesce(
                (SELECT max(sequence) FROM ledger.deployment
                 WHERE environment = %(environment)s AND status = 'succeeded' AND commit = %(commit)s), 0)
            ORDER BY sequence DESC LIMIT 500
        ) AS later GROUP BY commit ORDER BY newest DESC LIMIT %(most)s
        """,
        {"environment": environment, "commit": there["commit"] if there else None, "most": most},
    ).fetchall()
    return [str(row[0]) for row in rows]


def evidence(connection: Connection, bundles: list[str], most: int = 100) -> Rows:
    """Return the evidence about bundles, without the documents themselves; of what was looked at again the newest."""
    return _all(
        connection,
        """
        SELECT id, bundle, name, media_type, sha256, size, location, recorded_at, recorded_by FROM (
            SELECT DISTINCT ON (bundle, name, location) * FROM ledger.evidence
            WHERE bundle = ANY(%s) ORDER BY bundle, name, location, sequence DESC
        ) AS newest ORDER BY sequence DESC LIMIT %s
        """,
        bundles,
        most,
    )


def withdrawals(connection: Connection, bundles: list[str]) -> dict[str, str]:
    """Return of the bundles that were withdrawn from where, by whom, when and why, by the newest withdrawal."""
    rows = _all(
        connection,
        """
        SELECT DISTINCT ON (bundle) bundle, document FROM ledger.evidence
        WHERE bundle = ANY(%s) AND name = 'withdrawal' ORDER BY bundle, sequence DESC
        """,
        bundles,
    )
    return {row["bundle"]: _withdrawn(row["document"]) for row in rows}


def _withdrawn(document: Any) -> str:
    said = document if isinstance(document, dict) else {}
    where, by, at, reason = (str(said.get(name, "?")) for name in ("environment", "by", "at", "reason"))
    return f"from {where} by {by} at {at}: {reason}"


def release(connection: Connection, version: str) -> Values | None:
    """Return what is recorded about a version: its release, else its newest deployment."""
    return _one(
        connection, "SELECT * FROM ledger.release WHERE version = %s ORDER BY sequence DESC LIMIT 1", version
    ) or _one(
        connection,
        "SELECT * FROM ledger.deployment WHERE version = %s ORDER BY sequence DESC LIMIT 1",
        version,
    )


def releases(connection: Connection, most: int = 30) -> Rows:
    """Return the newest releases."""
    return _all(connection, "SELECT * FROM ledger.release ORDER BY sequence DESC LIMIT %s", most)


def deployments(connection: Connection, most: int = 30) -> Rows:
    """Return the newest deployments, of all environments."""
    return _all(connection, "SELECT * FROM ledger.deployment ORDER BY sequence DESC LIMIT %s", most)


def findings_by_commit(connection: Connection, most: int = 30) -> Rows:
    """Return, for the newest commits that the gate judged, how many findings of each severity there were."""
    return _all(
        connection,
        """
        WITH judged AS (
            SELECT commit, max(finished_at) AS at, bool_and(status <> 'failed') AS passed, max(sequence) AS newest
            FROM (SELECT * FROM ledger."check" ORDER BY sequence DESC LIMIT 2000) AS c
            GROUP BY commit ORDER BY newest DESC LIMIT %s
        )
        SELECT commit, at, passed,
            count(f.id) FILTER (WHERE severity = 'critical' AND waiver IS NULL) AS critical,
            count(f.id) FILTER (WHERE severity = 'high' AND waiver IS NULL) AS high,
            count(f.id) FILTER (WHERE severity = 'medium' AND waiver IS NULL) AS medium,
            count(f.id) FILTER (WHERE severity = 'low' AND waiver IS NULL) AS low,
            count(f.id) FILTER (WHERE waiver IS NOT NULL) AS waived
        FROM judged LEFT JOIN ledger.finding AS f USING (commit)
        GROUP BY commit, at, passed, newest ORDER BY newest DESC
        """,
        most,
    )


def waivers(connection: Connection, most: int = 500) -> Rows:
    """Return the waivers of the newest commit that recorded any, the soonest to expire first."""
    return _all(
        connection,
        """
        SELECT *, expires_on - (now() AT TIME ZONE 'UTC')::date AS days FROM ledger.waiver
        WHERE commit = (SELECT commit FROM ledger.waiver ORDER BY sequence DESC LIMIT 1)
        ORDER BY expires_on, name LIMIT %s
        """,
        most,
    )


def since(connection: Connection, environment: str, begin: datetime, most: int = 5000) -> Rows:
    """Return an environment's deployments that finished since `begin`, oldest first.

    `first_started` is when the commit was first seen in any environment.
    """
    return _all(
        connection,
        """
        SELECT commit, kind, status, started_at, finished_at,
            (SELECT min(f.started_at) FROM ledger.deployment AS f WHERE f.commit = d.commit) AS first_started
        FROM ledger.deployment AS d
        WHERE environment = %s AND finished_at >= %s
        ORDER BY finished_at DESC LIMIT %s
        """,
        environment,
        begin,
        most,
    )[::-1]


def search(connection: Connection, words: str, most: int = 50) -> Rows:
    """Return deployments by version, by the beginning of commit or bundle, or by environment."""
    rows = _all(
        connection,
        """
        (SELECT * FROM ledger.deployment WHERE version = %(q)s ORDER BY sequence DESC LIMIT %(n)s)
        UNION (SELECT * FROM ledger.deployment WHERE environment = %(q)s ORDER BY sequence DESC LIMIT %(n)s)
        UNION (SELECT * FROM ledger.deployment
               WHERE %(hex)s AND commit BETWEEN %(q)s AND %(q)s || 'g' ORDER BY commit, sequence DESC LIMIT %(n)s)
        UNION (SELECT * FROM ledger.deployment
               WHERE %(hex)s AND bundle BETWEEN %(q)s AND %(q)s || 'g' ORDER BY bundle, sequence DESC LIMIT %(n)s)
        """,
        {
            "q": words,
            "n": most,
            # At least four digits, all of them hexadecimal; 'g' sorts after them in every collation.
            "hex": len(words) >= 4 and all(digit in "0123456789abcdef" for digit in words),
        },
    )
    return sorted(rows, key=lambda row: -row["sequence"])[:most]


def _one(connection: Connection, query: str, *parameters: Any) -> Values | None:
    return connection.cursor(row_factory=dict_row).execute(query.encode(), parameters).fetchone()


def _all(connection: Connection, query: str, *parameters: Any) -> Rows:
    given = parameters[0] if len(parameters) == 1 and isinstance(parameters[0], dict) else parameters
    return connection.cursor(row_factory=dict_row).execute(query.encode(), given).fetchall()
