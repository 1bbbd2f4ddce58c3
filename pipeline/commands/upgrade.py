"""`pipeline upgrade`: a later engine in the place of the one that is here; the team's files stay as they are."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from pipeline.base.text import one_line
from pipeline.release import upgrade
from pipeline.release.upgrade import Difference, Plan

_SHOWN = 40  # files of a kind


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument(
        "--from", required=True, dest="source", metavar="PATH_OR_URL@REF", help="the engine, and its version"
    )
    parser.add_argument(
        "--base", metavar="COMMIT", help="the engine's commit that was taken (found by its pipeline/)"
    )
    parser.add_argument("--yes", action="store_true", help="write without asking")


def main(args: argparse.Namespace) -> int:
    """Show what changes in files and in the verdict, and write it once that is confirmed; exit 1 when it wasn't."""
    root = Path.cwd()
    with upgrade.fetched(args.source) as engine:
        planned = upgrade.plan(root, engine, args.base)
        _files(planned)
        if not planned.changes and not planned.clashes:
            print("The engine is that one already: nothing to change.")
            return 0
        if not planned.clashes:
            print("Judging this repository by both engines, some minutes ...", flush=True)
            _verdict(upgrade.difference(root, engine, planned))
            if not args.yes and not _confirmed():
                print("Nothing was written. To write it: --yes")
                return 1
        upgrade.take(root, engine, planned)
    print(
        f"written: {len(planned.changes)} files. Look at it with `git diff`, then run `make install` and `make check`."
    )
    return 0


def _files(planned: Plan) -> None:
    print(
        f"engine {planned.base[:12]} -> {planned.head[:12]}: {len(planned.changes)} files of the engine change"
    )
    for action in (upgrade.ADD, upgrade.CHANGE, upgrade.REMOVE):
        _list(action, [one.file for one in planned.changes if one.action == action])
    _list("changed here, and left as it is", planned.kept)
    _list("changed here and in the engine", planned.clashes)
    if planned.relock:
        print("uv.lock is made anew, since the application has packages of its own.")


def _verdict(difference: Difference) -> None:
    if not difference.added and not difference.dropped:
        print("The verdict on this repository stays the same.")
    _list("findings that the later engine adds", difference.added)
    _list("findings that it drops", difference.dropped)


def _list(title: str, entries: Iterable[str]) -> None:
    rows = list(entries)
    if rows:
        print(f"{title} ({len(rows)}):")
        print("\n".join(f"  {one_line(row)}" for row in rows[:_SHOWN]))
        if len(rows) > _SHOWN:
            print(f"  and {len(rows) - _SHOWN} more")


def _confirmed() -> bool:
    return sys.stdin.isatty() and input("Write this? [y/N] ").strip().lower() in ("y", "yes")
