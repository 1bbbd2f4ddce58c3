"""`python -m sandbox`: start the laptop's GitHub and AWS, work with them, end them."""

import argparse
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from pipeline.base.errors import PipelineError
from sandbox import desk, keeper, state
from sandbox.accounts import account
from sandbox.aws import variables
from sandbox.errors import SandboxError
from sandbox.state import FOLDER, Running

UP, DEMO = FOLDER / "up", FOLDER / "demo"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command: 0 when it did, 1 when the story failed or nothing is up, 2 when it couldn't work."""
    args = _parser().parse_args(argv)
    forget_own_credentials()
    commands = {
        "up": _up,
        "down": _down,
        "status": _status,
        "demo": _demo,
        "keep": _keep,
        **dict.fromkeys(("push", "pr", "merge", "tag", "dispatch", "approve"), _ask),
        "logs": _logs,
        "env": _env,
        "open": _open,
    }
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
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
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
    _work(commands)
    keep = commands.add_parser("keep")  # what `up` starts; not for a person
    keep.add_argument("folder", type=Path)
    keep.add_argument("port", type=int)
    return parser


def _work(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands for whoever works in the repository that `up` prints."""
    push = commands.add_parser("push", help="push a branch, and run what that starts")
    pr = commands.add_parser("pr", help="open a pull request of a branch, or push to it, and run its checks")
    for one in (push, pr):
        one.add_argument("branch", nargs="?", default="", help="the one that is checked out, unless named")
    pr.add_argument("--title", default="", help="the newest commit's, unless given")
    merge = commands.add_parser("merge", help="merge a pull request, and run what that starts")
    approve = commands.add_parser("approve", help="approve a pull request")
    for one in (merge, approve):
        one.add_argument("number", type=int, help="the pull request's")
    approve.add_argument("--as", dest="reviewer", default=desk.REVIEWER, help=f"who ({desk.REVIEWER})")
    tag = commands.add_parser("tag", help="make and push an annotated tag, and run what that starts")
    tag.add_argument("name", help="such as v1.0.0")
    tag.add_argument("--commit", default="", help="the default branch's newest, unless given")
    dispatch = commands.add_parser("dispatch", help="start a workflow by hand")
    dispatch.add_argument("workflow", help="its file's name, such as rollback.yml")
    dispatch.add_argument("inputs", nargs="*", metavar="NAME=VALUE", help="what it is given")
    logs = commands.add_parser("logs", help="list the runs, or show the log of one")
    logs.add_argument("run", nargs="?", default="", help="its number in the list, or `last`")
    env = commands.add_parser("env", help='print variables for a shell: eval "$(python -m sandbox env dev)"')
    opened = commands.add_parser("open", help="print where an environment's API answers, for a browser")
    for one in (env, opened):
        one.add_argument("environment", help="such as dev")


def _ask(args: argparse.Namespace) -> int:
    words = dict(vars(args))
    if args.command == "dispatch":
        odd = next((one for one in args.inputs if "=" not in one), "")
        if odd:
            raise SandboxError(f"{odd} is not NAME=VALUE.")
        words["inputs"] = dict(one.split("=", 1) for one in args.inputs)
    told = desk.ask(UP, words, lambda text: print(f"  {text}", flush=True))
    print(told.done)
    for run in told.runs:
        print(f"{run['workflow']}: {run['conclusion']} in {run['seconds']} s")
        for name, result in run["jobs"]:
            print(f"  {name}: {result}")
        for error in run["errors"]:
            print(f"  {error}")
        print(f"  log: {_short(Path(run['log']))}")
    if not told.runs and args.command != "approve":
        print("No workflow is started by that.")
    return 0 if told.ok else 1


def _logs(args: argparse.Namespace) -> int:
    found = state.running(UP)
    if found is None:
        print("no sandbox is up")
        return 1
    logs = sorted(Path(found.repository).parents[1].glob("runs/*/log.txt"))
    if not args.run:
        for number, each in enumerate(logs, 1):
            print(f"{number:3}  {each.parent.name}")
        return 0
    chosen = str(len(logs)) if args.run == "last" else args.run
    if not chosen.isdigit() or not 0 < int(chosen) <= len(logs):
        raise SandboxError(f"There is no run {args.run}.", f"{len(logs)} are there: python -m sandbox logs")
    print(logs[int(chosen) - 1].read_text(encoding="utf-8"), end="")
    return 0


def _env(args: argparse.Namespace) -> int:
    for name, value in _variables(args.environment).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _variables(environment: str) -> dict[str, str]:
    """What a program needs to be the administrator of an environment's account. Raises SandboxError."""
    found = state.running(UP)
    if found is None:
        raise SandboxError("No sandbox is up.", "Run: make up")
    if environment not in found.accounts:
        raise SandboxError(
            f"There is no environment {environment}.", f"There are: {', '.join(found.accounts)}."
        )
    return {
        **variables(found.endpoint, found.ca_bundle, account(environment).region),
        "AWS_ACCESS_KEY_ID": found.accounts[environment],
        "AWS_SECRET_ACCESS_KEY": "root",
    }


def _open(args: argparse.Namespace) -> int:
    given = _variables(args.environment)
    settings = account(args.environment).settings
    with mock.patch.dict(os.environ, given):
        stacks = boto3.client("cloudformation")
        try:
            outputs = stacks.describe_stacks(StackName=settings.stack_name)["Stacks"][0].get("Outputs", [])
        except ClientError as error:
            raise SandboxError(
                f"Nothing is deployed to {args.environment} yet.",
                "Merge a pull request: python -m sandbox merge NUMBER",
            ) from error
    address = next(one["OutputValue"] for one in outputs if one["OutputKey"] == settings.application.url)
    parts = urlsplit(address)
    port = urlsplit(given["AWS_ENDPOINT_URL"]).port
    print(f"https://{parts.netloc.split('.')[0]}.execute-api.localhost:{port}{parts.path}/")
    print(
        f"  Its certificate is of {given['AWS_CA_BUNDLE']}: let the browser trust that, or go on past its warning."
    )
    return 0


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
