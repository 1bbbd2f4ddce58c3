"""The adapter: every case right, WSGI kept to, nothing told that the client may not know."""

import pytest

from app.wsgi import respond
from tests.events.cases import CASES, Case
from tests.events.judge import faults


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.id}: {case.title}")
def test_case_is_right(case: Case) -> None:
    """The application sees the request as the client made it, and the client gets the reply as it was given."""
    actual = faults(case, respond)

    assert [] == actual
