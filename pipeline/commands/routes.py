"""`pipeline routes`: hold the application's routes against the template's, or write them there."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.source.project import APPLICATION, Project
from pipeline.source.route_writing import written
from pipeline.source.routing import Wanted, caught, differences, takes_all
from pipeline.source.settings import FILE
from pipeline.source.url_map import SAMPLES, UrlMapError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    does = parser.add_mutually_exclusive_group()
    does.add_argument(
        "--check", action="store_true", help="say what differs, which is what it does without --write"
    )
    does.add_argument(
        "--write", action="store_true", help=f"write the application's routes into {APPLICATION}"
    )


def main(args: argparse.Namespace) -> int:
    """Tell each difference, and exit with 1 where there is one; or write the routes."""
    root = Path.cwd()
    project = Project.load(root)
    try:
        return _write(project, root) if args.write else _check(project, root)
    except UrlMapError as error:
        place = f"{error.file}:{error.line}: " if error.file else ""
        raise ConfigurationError(
            f"{place}{error.message}.",
            f"Nothing was written. {SAMPLES}",
        ) from error


def _check(project: Project, root: Path) -> int:
    found: dict[tuple[str, int, str], list[str]] = {}
    for one in (difference.violation for difference in differences(project, root)):
        found.setdefault((one.file, one.line, one.message), []).append(one.environment)
    for (file, line, message), environments in sorted(found.items()):
        everywhere = len(environments) == len(project.environments)
        print(f"{file}:{line}: {message}{'' if everywhere else f' ({", ".join(environments)})'}")
    if found:
        print(
            f"{len(found)} differ. To write the application's routes into {APPLICATION}: bin/pipeline routes --write"
        )
        return 1
    print(f"The application and {APPLICATION} have the same routes.")
    return 0


def _write(project: Project, root: Path) -> int:
    made = written(project, root)
    opened = [f"{one.method} {one.path}" for one in made.routes if one.open and one.method != "OPTIONS"]
    told = (
        f"{len(made.routes)} routes, {len(opened)} of them open to everybody: {', '.join(opened) or 'none'}"
    )
    if made.after == made.before:
        print(f"{APPLICATION} has them as they are: {told}.")
        return 0
    fresh = root / f"{APPLICATION}.new"
    try:
        fresh.write_text(made.after, encoding="utf-8")
        fresh.replace(root / APPLICATION)
    finally:
        fresh.unlink(missing_ok=True)
    for sign, names in (("+", made.added), ("-", made.gone)):
        for name in names:
            print(f"{sign} {name}")
    print(f"written: {APPLICATION}, {told}. Look at it with `git diff`, then run `make check`.")
    _tell_deep(project, made.routes)
    return 0


def _tell_deep(project: Project, made: Sequence[Wanted]) -> None:
    """Say which routes the gate won't take as they are, and what to do."""
    catching = caught(project.settings, project.described)
    deep = {
        one.path
        for one in made
        if takes_all(one.path) and (one.method, one.path) not in catching
        if one.method != "OPTIONS" and not project.settings.lets_open(one.method, one.path)
    }
    for path in sorted(deep):
        print(
            f"{path} takes every path below, which the gate refuses: name it in open_routes of {FILE}, if everybody "
            "may call it, or set a catch_all there."
        )
