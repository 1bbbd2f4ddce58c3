"""What the lock covers: all that decides what the gate finds, by what imports what."""

import sys

import pytest

from pipeline.base.run import CHECKOUT, run
from pipeline.gate import lock
from pipeline.source.project import Project

GATE = {
    "pipeline/gate/check.py": "from pipeline.far import away\n",
    "policies/iam/one/rule.py": "import pipeline.near\n",
}
NATIVE = "pipeline/near.cpython-313-x86_64-linux-gnu.so"


@pytest.mark.parametrize(
    ("more", "reached"),
    [
        ({"pipeline/far.py": ""}, ["pipeline/far.py"]),
        (
            {"pipeline/far/__init__.py": "", "pipeline/far/away.py": ""},
            ["pipeline/far/__init__.py", "pipeline/far/away.py"],
        ),
        (
            {"pipeline/near.py": "def f():\n    import elsewhere.deep\n", "elsewhere/deep.py": ""},
            ["pipeline/near.py", "elsewhere/deep.py"],
        ),
        (
            {"pipeline/near.py": "from . import other\n", "pipeline/other.py": ""},
            ["pipeline/near.py", "pipeline/other.py"],
        ),
        (
            {"pipeline/near/__init__.py": "from .deep import x\n", "pipeline/near/deep.py": ""},
            ["pipeline/near/__init__.py", "pipeline/near/deep.py"],
        ),
        ({NATIVE: "", "pipeline/near.py": ""}, [NATIVE, "pipeline/near.py"]),
        ({"pipeline/near.py": "def (", "pipeline/other.py": ""}, ["pipeline/near.py"]),
        ({"pipeline/near.md": "", "app/far.py": "import pipeline.near\n"}, []),
    ],
)
def test_what_the_gate_imports_is_the_gates(more: dict[str, str], reached: list[str]) -> None:
    """Wherever it lies and wherever in a file it is imported; nothing that no import leads to."""
    files = {name: text.encode() for name, text in {**GATE, **more}.items()}

    assert {*GATE, *reached} == lock.digests(files).keys()


def test_every_module_that_judging_loads_is_locked() -> None:
    """Held against what Python itself has loaded, once all rules and engines and reports are imported."""
    code = (
        "import sys; from pathlib import Path; from pipeline.gate import rules;"
        "from pipeline.commands import check;"
        f"rules.load(Path({str(CHECKOUT / 'policies')!r}));"
        "from pipeline.report import annotations, files, sarif, step_summary;"
        "print(*[m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)], sep='\\n')"
    )
    loaded = run(
        [sys.executable, "-c", code], cwd=CHECKOUT, env={"PYTHONPATH": str(CHECKOUT)}
    ).stdout.splitlines()
    own = {
        one.removeprefix(f"{CHECKOUT}/")
        for one in loaded
        if one.startswith((f"{CHECKOUT}/pipeline", f"{CHECKOUT}/app"))
    }

    assert len(own) > 50
    assert own <= lock.digests(Project.load(CHECKOUT).files).keys()


@pytest.mark.parametrize(
    "file",
    [
        "iam/matrix",
        "iam/trust_policy",
        "base/errors",
        "base/text",
        "report/evidence",
        "gate/findings",
        "base/run",
    ],
)
def test_the_gate_s_helpers_are_locked(file: str) -> None:
    """Two lines in the trust matrix once hid every hole for one owner."""
    assert f"  pipeline/{file}.py\n" in (CHECKOUT / lock.FILE).read_text()
