"""The option that IAM lets the application into its database: what the gate says of it, in the real files."""

import re

import pytest

from pipeline.iam import grants
from pipeline.iam.grants import Grants
from pipeline.source.project import BOOTSTRAP
from tests.policies.test_seeds import CLEAN, _judge

pytestmark = [pytest.mark.slow, pytest.mark.proof]


def chosen(resource: str = "db-ABCDEFGHIJKL01234") -> dict[str, bytes]:
    """The files with the option taken in every environment."""
    text = CLEAN["samconfig.toml"].decode()
    text = text.replace('DatabaseAuthentication="password"', 'DatabaseAuthentication="iam"')
    text = text.replace('DatabaseResourceId=""', f'DatabaseResourceId="{resource}"')
    return {**CLEAN, "samconfig.toml": text.encode()}


def test_the_boundary_must_leave_room_for_it() -> None:
    """The one finding says what to put where."""
    (found,) = _judge(chosen())

    assert ("types_granted", "template.yaml") == found[:2]
    assert 'takes "rds-db:connect" in role_actions of policies/settings.toml' in found[3]


def test_with_that_nothing_is_wrong() -> None:
    """As `bootstrap --write` has it: no rule misses the secret, its rotation, or a right."""
    files = chosen()
    settings = files["policies/settings.toml"].decode()
    files["policies/settings.toml"] = settings.replace(
        "role_actions = []", 'role_actions = ["rds-db:connect"]'
    ).encode()
    written = grants.written(files[BOOTSTRAP].decode(), Grants(role_actions=("rds-db:connect",)))
    files[BOOTSTRAP] = written.encode()

    assert set() == _judge(files)
    assert re.search(r"rds-db:connect", written)


def test_a_right_to_every_user_is_found() -> None:
    """The role may become the one user that it is for, of the one database: no other, and of no other."""
    right = "dbuser:${DatabaseResourceId}/ledger_iam"
    text = CLEAN["template.yaml"].decode()
    assert text.count(right) == 1
    for wide in (
        "dbuser:*/*",
        "dbuser:*/ledger_iam",
        "dbuser:${DatabaseResourceId}/*",
        "dbuser:db-?/ledger_iam",
    ):
        found = _judge({**chosen(), "template.yaml": text.replace(right, wide).encode()})
        rules = {one[0] for one in found}

        assert {"types_granted", "wildcard_resource"} == rules, wide


def test_a_resource_id_is_one() -> None:
    """A parameter that holds a pattern is found where it is used."""
    assert "wildcard_resource" in {one[0] for one in _judge(chosen("*"))}


def test_it_is_not_for_a_server_that_nobody_verifies() -> None:
    """A weak TLS mode is found with this option as without it; the functions too refuse to begin."""
    files = chosen()
    text = files["samconfig.toml"].decode()
    files["samconfig.toml"] = text.replace("/esclusa/dev/database/tls", "disable").encode()

    assert "database_tls" in {one[0] for one in _judge(files)}
