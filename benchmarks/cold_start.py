"""Time a function's first answer from the built bundle, against plain packaging behind each peer and a floor.

    bin/pipeline bundle && .venv/bin/python -m benchmarks.cold_start

What is timed begins in a fresh interpreter, after what Lambda's own runtime has imported and before the handler's
module is, and ends with the answer to its first request. Exit status 1 if a promise is broken.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import emulated, packages
from benchmarks.packages import BUILT, FLOOR, PEERS, Package
from pipeline.base.run import CHECKOUT, run
from tests.events import rest_event

OF_BEST_PEER = 0.45
OF_FLOOR = 1.3
ROUNDS = 15

# Lambda's runtime has json and logging imported when it comes to the handler.
_CHILD = """\
import importlib, json, logging, sys, time
folder, handler, file = sys.argv[1:]
with open(file) as opened:
    event = json.load(opened)
module, _, name = handler.rpartition(".")
sys.path.insert(0, folder)
began = time.perf_counter()
function = getattr(importlib.import_module(module), name)
imported = time.perf_counter()
reply = function(event, None)
answered = time.perf_counter()
if int(reply["statusCode"]) != 200:
    sys.exit(f"the handler answered {reply}")
print(json.dumps([imported - began, answered - began]), file=sys.stderr)
"""
SETTINGS = {
    "ENVIRONMENT": "dev",
    "COMMIT": "0" * 40,
    "BUNDLE_DIGEST": "0" * 64,
    "RELEASE_DIGEST": "0" * 64,
    "DATABASE_HOST": "localhost",
    "DATABASE_PORT": "5432",
    "DATABASE_NAME": "ledger",
    "DATABASE_SECRET_ARN": "arn:of:a:secret:that:is:not:asked",
    "DATABASE_TLS": "disable",
}
"""The application's, none of which a request for /health uses."""


def first_answer(package: Package, child: Path) -> tuple[float, float]:
    """Milliseconds to the handler's import, and to its first answer, in a fresh interpreter."""
    # -B besides the folder's read-only mode, which root doesn't heed: no bytecode is written, as on Lambda.
    # -I and -S: no other package is seen than those in the folder.
    python = CHECKOUT / ".venv/bin/python"
    done = run(
        [python, "-I", "-S", "-B", child, package.folder, package.handler, child.with_name("event.json")],
        env=SETTINGS,
        inherit=False,
    )
    imported, answered = json.loads(done.stderr.splitlines()[-1])
    return imported * 1000, answered * 1000


def cold(made: dict[str, Package], scratch: Path) -> dict[str, list[tuple[float, float]]]:
    """Every package's times, from rounds in which the packages take turns, after one that isn't counted."""
    child = scratch / "child.py"
    child.write_text(_CHILD)
    child.with_name("event.json").write_text(json.dumps(rest_event(path="/health")))
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in made}
    for number in range(ROUNDS + 1):
        for name, package in made.items():
            times = first_answer(package, child)
            if number:
                took[name].append(times)
    return took


def main() -> int:
    """Print the tables; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start")
    parser.add_argument("--bundle", type=Path, default=Path("build/bundle"), help="folder (build/bundle)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cold-start-") as folder, packages.removable(Path(folder)):
        scratch = Path(folder)
        made = packages.make(args.bundle, scratch)
        took = cold(made, scratch)
        warm = emulated.requests(made, SETTINGS, scratch)
        archives = {name: package.archive.stat().st_size for name, package in made.items()}
        inside = {name: packages.contents(package) for name, package in made.items()}

    console = Console(width=100)
    best = {name: min(answered for _, answered in times) for name, times in took.items()}
    columns = "package", "import, ms", "first answer, ms", "shortest, ms", "to the bundle"
    table = Table(*columns, title=f"Cold start, medians of {ROUNDS}")
    for name, times in took.items():
        imported = statistics.median(imported for imported, _ in times)
        answered = statistics.median(answered for _, answered in times)
        row = f"{imported:.0f}", f"{answered:.0f}", f"{best[name]:.0f}", f"{best[name] / best[BUILT]:.2f}"
        table.add_row(name, *row)
    console.print(table)

    title = "GET /health through the emulator's API"
    table = Table("package", "first, ms", "warm median, ms", "shortest, ms", title=title)
    for name, (first, later) in warm.items():
        table.add_row(name, f"{first:.0f}", f"{statistics.median(later):.1f}", f"{min(later):.1f}")
    console.print(table)

    table = Table("package", "archive, MB", "unpacked, MB", "of it bytecode, MB", title="Size")
    for name, entries in inside.items():
        compiled = sum(compiled for compiled, _ in entries.values())
        unpacked = compiled + sum(other for _, other in entries.values())
        table.add_row(name, *(f"{size / 1e6:.1f}" for size in (archives[name], unpacked, compiled)))
    console.print(table)

    table = Table("in the bundle's app.zip", "kB", "of it bytecode, kB", title="Contents")
    for name, (compiled, other) in sorted(inside[BUILT].items()):
        table.add_row(name, f"{(compiled + other) / 1e3:.0f}", f"{compiled / 1e3:.0f}")
    console.print(table)

    powertools = best[packages.POWERTOOLS] - best[BUILT]
    console.print(f"the logger and metrics of Powertools would cost {powertools:.0f} ms more")
    # The shortest of the rounds are compared: whatever else the machine does only makes one longer.
    share = best[BUILT] / min(best[name] for name in PEERS)
    over = best[BUILT] / best[FLOOR]
    console.print(f"the bundle to the best packaged peer: {share:.2f} (at most {OF_BEST_PEER})")
    console.print(f"the bundle to the floor: {over:.2f} (at most {OF_FLOOR})")
    if share > OF_BEST_PEER or over > OF_FLOOR:
        console.print("FAILED: python -X importtime shows which import costs what", style="bold red")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
