"""Time a rollback against the forward deployment that it undoes, both by their workflows.

    .venv/bin/python -m benchmarks.rollback [--rounds N]

In one sandbox a change goes to dev by deploy-dev.yml, then rollback.yml puts the release before back, N times in
turn. The exit status is 1 when the median ratio is above a third.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sandbox.github import Event, Run
from sandbox.state import Sandbox

MOST = 1 / 3


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="forward and back, so many times")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Sandbox(Path(folder) / "box") as box:
        hub = box.github
        first = _change(box, 0)
        _passed(hub.run(first))
        rounds = []
        for number in range(1, args.rounds + 1):
            forward = _passed(hub.run(_change(box, number))).seconds
            asked = hub.dispatch("rollback.yml", {"environment": "dev", "version": first.sha})
            rounds.append((forward, _passed(hub.run(asked)).seconds))
    table = Table("round", "forward, s", "rollback, s", "rollback / forward")
    for number, (forward, back) in enumerate(rounds, 1):
        table.add_row(str(number), f"{forward:.1f}", f"{back:.1f}", f"{back / forward:.2f}")
    Console().print(table)
    median = statistics.median(back / forward for forward, back in rounds)
    print(
        f"median {median:.2f} of a forward deployment; at most {MOST:.2f}: {'yes' if median <= MOST else 'NO'}"
    )
    return 0 if median <= MOST else 1


def _change(box: Sandbox, number: int) -> Event:
    """A commit on main, pushed."""
    box.github.commit(f"Note {number}", {"app/note.py": f'"""Note {number}."""\n'})
    return box.github.push()


def _passed(run: Run) -> Run:
    if not run.ok:
        raise SystemExit(f"the run failed: {run.log}")
    return run


if __name__ == "__main__":
    raise SystemExit(main())
