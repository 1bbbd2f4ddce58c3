import json
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.actions.conftest import Act, Done

pytestmark = pytest.mark.outside

GOOD = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t"}}, "results": []}]}


def upload(act: Act, workspace: Path, content: str, **inputs: str) -> Done:
    (workspace / "report.sarif").write_text(content)
    return act("github/codeql-action/upload-sarif/upload.py", SARIF="report.sarif", CATEGORY="lint", **inputs)


def test_keeps_what_is_sarif(act: Act, workspace: Path, tmp_path: Path) -> None:
    """A good file is kept by category, as it is."""
    done = upload(act, workspace, json.dumps(GOOD))

    assert 0 == done.status
    assert GOOD == json.loads((tmp_path / "artifacts/sarif/lint/report.sarif").read_text())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({**GOOD, "version": "2.0.0"}, "its version is not 2.1.0"),
        ({**GOOD, "runs": [{}]}, "holds no runs with a tool"),
        ({"version": "2.1.0"}, "holds no runs with a tool"),
        ([], "its version is not 2.1.0"),
    ],
)
def test_refuses_what_the_service_refuses(act: Act, workspace: Path, content: Any, said: str) -> None:
    """Another version or a run without a tool fails the step, with the reason."""
    done = upload(act, workspace, json.dumps(content))

    assert 1 == done.status
    assert said in done.printed


def test_refuses_what_is_no_json(act: Act, workspace: Path) -> None:
    """A truncated file fails the step."""
    assert "it is no JSON" in upload(act, workspace, '{"version"').printed


def test_refuses_a_missing_file(act: Act) -> None:
    """No file is a failure, not an empty upload."""
    done = act("github/codeql-action/upload-sarif/upload.py", SARIF="gone.sarif", CATEGORY="")

    assert (1, True) == (done.status, "Path does not exist: gone.sarif" in done.printed)
