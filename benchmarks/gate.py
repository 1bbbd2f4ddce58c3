"""Time the gate's policy stage against its tools one after the other, from the cache, and as a template grows.

    .venv/bin/python -m benchmarks.gate [--rounds N] [--quick]

Exit status 1 if a promise is broken: cold at most 1.2 times the slowest tool and 0.6 of the tools one after the
other, warm under half a second, and near linear from 100 to 500 functions. A quiet machine with two cores or
more is what the promises are made for.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.base.run import CHECKOUT, run, tool
from pipeline.gate.engines.base import Context
from pipeline.source.project import Project
from sandbox.accounts import accounts

OF_SLOWEST = 1.2
OF_SUM = 0.6
WARM = 0.5  # seconds
GROWTH = 1.3  # times linear, from 100 to 500 functions
SIZES = (1, 10, 100, 250, 500)
_CHECKOV = (
    "--framework",
    "cloudformation",
    "--skip-download",
    "--output",
    "json",
    "--quiet",
    "--compact",
    "--soft-fail",
)
_OWN = (
    "from pathlib import Path; from pipeline.gate.engines import own; from pipeline.gate.engines.base import Context;"
    "from pipeline.source.project import Project;"
    "list(own.ENGINE.run(Context(Project.load(Path.cwd()), Path.cwd())))"
)


def main() -> int:
    """Measure, print, and tell whether the promises hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="times that each thing is measured; the median counts"
    )
    parser.add_argument("--quick", action="store_true", help="leave out the growth with the template's size")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(scratch / "cache")
        held = _against_tools(scratch, args.rounds)
        if not args.quick:
            held = _growth(scratch) and held
    return 0 if held else 1


def _against_tools(scratch: Path, rounds: int) -> bool:
    project = Project.load(CHECKOUT)
    context = Context(project, scratch)
    tree, resolved = context.tree, context.resolved
    environments = [one.name for one in project.environments]
    tools: dict[str, Callable[[], object]] = {}
    for name in environments:
        files = [word for path in sorted(resolved.glob(f"*-{name}.json")) for word in ("--file", str(path))]
        tools[f"checkov, {name}"] = partial(run, [tool("checkov"), *files, *_CHECKOV], cwd=scratch)
    tools["zizmor"] = lambda: run([tool("zizmor"), "--offline", "--no-exit-codes", "."], cwd=tree)
    tools["gitleaks"] = lambda: run([tool("gitleaks"), "dir", ".", "--exit-code", "0"], cwd=tree)
    python: list[str | Path] = [CHECKOUT / ".venv/bin/python", "-c", _OWN]
    tools["own rules"] = lambda: run(python, cwd=tree, env={"PYTHONPATH": str(CHECKOUT)})
    whole = ["--directory", str(resolved), *_CHECKOV]
    seconds = {name: _median(call, rounds) for name, call in tools.items()}
    slowest = _median(lambda: run([tool("checkov"), *whole], cwd=scratch), rounds)
    cold = _median(lambda: _pipeline(tree, "--no-cache"), rounds)
    _pipeline(tree)
    warm = _median(lambda: _pipeline(tree), max(5, rounds))
    total = sum(seconds.values())
    table = Table(title=f"policy stage, median of {rounds} rounds")
    table.add_column("what")
    table.add_column("seconds", justify="right")
    for name, value in seconds.items():
        table.add_row(name, f"{value:.2f}")
    table.add_row("one after the other", f"{total:.2f}", end_section=True)
    table.add_row("slowest tool: checkov, all environments at once", f"{slowest:.2f}")
    table.add_row("pipeline policy, cold", f"{cold:.2f}")
    table.add_row("pipeline policy, warm", f"{warm:.2f}")
    Console().print(table)
    return all(
        (
            _promise("cold / slowest tool", cold / slowest, OF_SLOWEST),
            _promise("cold / one after the other", cold / total, OF_SUM),
            _promise("warm, seconds", warm, WARM),
        )
    )


def _growth(scratch: Path) -> bool:
    table = Table(title="policy stage as a template grows, cold")
    for column in ("functions", "seconds", "ms a function"):
        table.add_column(column, justify="right")
    seconds = {}
    for size in SIZES:
        folder = scratch / f"size-{size}"
        _sized(folder, size)
        seconds[size] = _median(partial(_pipeline, folder, "--no-cache"), 1)
        table.add_row(str(size), f"{seconds[size]:.2f}", f"{seconds[size] / size * 1000:.0f}")
    Console().print(table)
    # What the tools cost with one function is start-up, and no part of the growth.
    start = seconds[SIZES[0]]
    return _promise("growth / linear", (seconds[500] - start) / (seconds[100] - start) / 5, GROWTH)


def _sized(folder: Path, size: int) -> None:
    """A project whose template has `size` functions, each with its role, log group and route."""
    resources: dict[str, object] = {}
    for number in range(size):
        resources[f"Function{number}"] = {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": "build/app/",
                "Handler": "app.aws.handler",
                "Runtime": "python3.13",
                "Timeout": 20,
                "Environment": {"Variables": {"NUMBER": str(number)}},
                "Policies": [
                    {
                        "Version": "2012-10-17",
                        "Statement": {
                            "Effect": "Allow",
                            "Action": "sqs:SendMessage",
                            "Resource": {
                                "Fn::Sub": f"arn:aws:sqs:${{AWS::Region}}:${{AWS::AccountId}}:q{number}"
                            },
                        },
                    }
                ],
                "Events": {"Get": {"Type": "Api", "Properties": {"Path": f"/{number}", "Method": "GET"}}},
            },
        }
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}
    settings = f'[dev.global.parameters]\nstack_name = "x-dev"\nregion = "{accounts()[0].region}"\n'
    folder.mkdir(parents=True)
    (folder / "template.yaml").write_text(json.dumps(template, indent=1))
    (folder / "samconfig.toml").write_text(settings)


def _pipeline(folder: Path, *options: str) -> object:
    return run([CHECKOUT / "bin/pipeline", "policy", "--format", "json", *options], cwd=folder, check=False)


def _median(call: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _promise(what: str, value: float, most: float) -> bool:
    held = value <= most
    Console().print(
        f"{what}: {value:.2f}, promised at most {most} {'[green]held' if held else '[red]broken'}"
    )
    return held


if __name__ == "__main__":
    sys.exit(main())
