"""Time lint, policy and plan as a repository grows to 10,000 files, and as its waivers grow to 200.

    .venv/bin/python -m benchmarks.growth [--files N ...] [--waivers N ...]

It promises nothing: machines differ. The last column tells how a command grows, in milliseconds for one more.
"""

import argparse
import datetime as dt
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.base.run import CHECKOUT, run

FILES = (0, 1_000, 10_000)
WAIVERS = (0, 20, 200)
COMMANDS = {
    "lint": ("lint",),
    "policy, cold": ("policy", "--no-cache"),
    "plan": ("plan", "--base", "HEAD~1"),
}
_MODULE = '''"""Numbers around {number}."""


def above(value: int) -> bool:
    """Tell whether a value is above {number}."""
    return value > {number}
'''
_WAIVER = """
[[waiver]]
rule = "CKV_AWS_18"
resource = "Bucket{number}"
fact = "LoggingConfiguration"
reason = "a reason that is long enough to be one, number {number}"
owner = "ada"
approver = "tomasz"
ticket = "https://example.com/tickets/{number}"
expires = {expires}
"""


def repository(folder: Path, files: int, waivers: int) -> None:
    """This repository's last commit in one of its own, with more modules and more waivers, and a change on top."""
    run(["git", "clone", "--quiet", "--no-hardlinks", CHECKOUT, folder])
    expires = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=90)
    for number in range(files):
        module = folder / f"app/more/m{number // 100:03}/n{number:05}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(_MODULE.format(number=number))
    with (folder / "policies/waivers.toml").open("a") as out:
        out.writelines(_WAIVER.format(number=number, expires=expires) for number in range(waivers))
    _commit(folder, "Grow")
    settings = folder / "samconfig.toml"
    settings.write_text(settings.read_text().replace('LogLevel="INFO"', 'LogLevel="DEBUG"'))
    _commit(folder, "Change a setting")


def _commit(folder: Path, subject: str) -> None:
    names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    run(["git", "add", "--all"], cwd=folder)
    run(["git", *names, "commit", "--quiet", "--allow-empty", "--no-verify", "-m", subject], cwd=folder)


def seconds(folder: Path, words: tuple[str, ...]) -> float:
    """How long a command takes. What it finds, such as waivers that waive nothing, is no matter here."""
    began = time.perf_counter()
    cache = {"XDG_CACHE_HOME": str(folder.parent / "cache")}  # nothing is known of one size from another
    done = run([CHECKOUT / "bin/pipeline", *words], cwd=folder, env=cache, check=False)
    took = time.perf_counter() - began
    if done.status not in (0, 1):
        raise SystemExit(f"pipeline {' '.join(words)} ended with {done.status}:\n{done.stdout}{done.stderr}")
    return took


def measure(title: str, sizes: tuple[int, ...], make: Callable[[Path, int], None]) -> None:
    """Print a table: a row a command, a column a size."""
    table = Table("seconds", *(f"{size:,}" for size in sizes), "ms for one more", title=title)
    took: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="growth-") as name:
            folder = Path(name) / "clone"
            make(folder, size)
            for command, words in COMMANDS.items():
                took[command].append(seconds(folder, words))
    for command, row in took.items():
        more = (row[-1] - row[0]) / max(1, sizes[-1] - sizes[0]) * 1000
        table.add_row(command, *(f"{one:.1f}" for one in row), f"{more:.2f}")
    Console(width=100).print(table)


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, nargs="*", default=FILES, metavar="N")
    parser.add_argument("--waivers", type=int, nargs="*", default=WAIVERS, metavar="N")
    args = parser.parse_args()
    if args.files:
        measure("modules more", tuple(args.files), lambda folder, size: repository(folder, size, 0))
    if args.waivers:
        measure("waivers", tuple(args.waivers), lambda folder, size: repository(folder, 0, size))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
