"""`python -m sandbox up|down|status|demo`."""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.base.errors import PipelineError
from sandbox import keeper, state
from sandbox.errors import SandboxError
from sandbox.state import FOLDER, Running

UP, DEMO = FOLDER / "up", FOLDER / "demo"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command: 0 when it did, 1 when the story failed or nothing is up, 2 when it couldn't work."""
    args = _parser().parse_args(argv)
    forget_own_credentials()
    commands = {"up": _up, "down": _down, "status": _status, "demo": _demo, "keep": _keep}
    try:
        with _interrupted_once():
            return commands[args.command](args)
    except PipelineError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("sandbox: interrupted; what was started has been ended", file=sys.stderr)
        return 130


@contextlib.contextmanager
def _interrupted_once() -> Iterator[None]:
    """Ctrl-C and SIGTERM end what was started, and a second one doesn't disturb that."""

    def interrupted(number: int, _frame: object) -> None:
        for each in kept:
            signal.signal(each, signal.SIG_IGN)
        os.write(2, b"\nsandbox: ending what was started; this takes a few seconds\n")
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(143)

    # Whoever runs it in the background may have Ctrl-C ignored; so it stays.
    kept = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    kept = {each: handler for each, handler in kept.items() if handler is not signal.SIG_IGN}
    for each in kept:
        signal.signal(each, interrupted)
    try:
        yield
    finally:
        for each, handler in kept.items():
            signal.signal(each, handler)


def forget_own_credentials() -> None:
    """Who runs this may have keys for the real AWS, and settings for it: nothing that is started here sees them."""
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        del os.environ[name]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The laptop's GitHub and AWS.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="{up,down,status,demo}")
    up = commands.add_parser("up", help="start it, and leave it running")
    up.add_argument("--port", type=_port, default=0, help="port of the laptop's AWS (default: a free one)")
    commands.add_parser("down", help="end it, and remove its state")
    commands.add_parser("status", help="say what runs")
    demo = commands.add_parser("demo", help="tell a change's whole path")
    demo.add_argument(
        "--action",
        action="append",
        default=[],
        metavar="OWNER/REPO@SHA=DIR",
        help="a folder with the real action, in place of the stand-in",
    )
    demo.add_argument("--keep", action="store_true", help="leave it running until `down`, for a look around")
    keep = commands.add_parser("keep")  # what `up` starts; not for a person
    keep.add_argument("folder", type=Path)
    keep.add_argument("port", type=int)
    return parser


def _up(args: argparse.Namespace) -> int:
    found = state.running(UP)
    if found is None:
        print("starting the sandbox", flush=True)
        state.place(FOLDER)
        found = keeper.up(UP, args.port, lambda text: print(f"  {text}", flush=True))
        print("the sandbox is up")
    else:
        print("the sandbox is up already")
    _show(found)
    return 0


def _down(_args: argparse.Namespace) -> int:
    there = [state.clean(folder) for folder in (UP, DEMO)]
    state.remove(FOLDER)
    print("the sandbox is down" if any(there) else "no sandbox is up")
    return 0


def _status(_args: argparse.Namespace) -> int:
    found = [each for each in (state.running(UP), state.running(DEMO)) if each]
    for each in found:
        _show(each)
    if not found:
        print("no sandbox is up")
    return 0 if found and not any(each.dead for each in found) else 1


def _demo(args: argparse.Namespace) -> int:
    from sandbox import story  # it needs much that the other commands don't

    state.place(FOLDER)
    return story.tell(DEMO, actions=_actions(args.action), keep=args.keep)


def _keep(args: argparse.Namespace) -> int:
    return keeper.keep(args.folder, args.port)


def _actions(given: Sequence[str]) -> dict[str, Path]:
    """`OWNER/REPO@SHA=DIR` words as a mapping. Raises SandboxError."""
    found = {}
    for word in given:
        name, _, folder = word.partition("=")
        if "/" not in name or "@" not in name or not Path(folder).is_dir():
            raise SandboxError(
                f"--action {word}: that is not OWNER/REPO@SHA=DIR with a folder that exists.",
                "For example: --action aws-actions/configure-aws-credentials@e6de054=../configure-aws-credentials",
            )
        found[name] = Path(folder).resolve()
    return found


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 1 << 16:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 1 to 65535")
    return int(text)


def _show(found: Running) -> None:
    for name in found.dead:
        print(f"{name} has ended: look into {_short(found.logs / f'{name}.log')}, then run: make down")
    print(f"AWS         {found.endpoint} (trust {_short(found.ca_bundle)})")
    print("PostgreSQL  " + ", ".join(f"{name} on {where}" for name, where in found.databases.items()))
    if found.repository:
        print(f"repository  {_short(Path(found.repository))}")
    print(f"logs        {_short(found.logs)}")
    numbers = ", ".join(f"{number} for {name}" for name, number in found.accounts.items())
    print(f"As an account's administrator: AWS_ACCESS_KEY_ID={numbers}; AWS_SECRET_ACCESS_KEY is anything.")


def _short(path: Path) -> str:
    """A path as a person types it from where they are."""
    here = Path.cwd()
    return os.path.relpath(path, here) if path.is_relative_to(here) else str(path)


if __name__ == "__main__":
    sys.exit(main())
