"""`pipeline passport TAG` fetches a release's passport; `pipeline passport verify FILE --key PEM` needs no AWS."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.base.errors import ConfigurationError, GateError
from pipeline.base.text import one_line
from pipeline.delivery import aws
from pipeline.evidence import envelope, passport
from pipeline.evidence import passport_page as page
from pipeline.release import promote
from pipeline.source import samconfig


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument(
        "what", metavar="TAG|verify|key", help="a release tag, verify, or key (the public key)"
    )
    parser.add_argument("file", nargs="?", type=Path, help="with verify: a passport, or a folder of them")
    parser.add_argument("--key", type=Path, metavar="PEM", help="with verify: the environment's public key")
    parser.add_argument("--environment", metavar="ENV", help="the environment (the one that is promoted to)")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write it there; beside a passport, an .html"
    )


def main(args: argparse.Namespace) -> int:
    """Exit 0 when the passport is there and good."""
    if args.what == "verify":
        return _verify(args.file, args.key)
    environment = (
        samconfig.read(Path.cwd(), args.environment)
        if args.environment
        else promote.route(Path.cwd(), None)[1]
    )
    session = aws.session(environment)
    aws.check_account(session, environment)
    by = envelope.signer(session, environment.signing_key).public_key
    if args.what == "key":
        if args.output:
            _write(args.output, by.keyval["public"].encode())
        else:
            print(by.keyval["public"], end="")
        return 0
    raw = passport.load(session, environment, args.what)
    if raw is None:
        raise GateError(
            f"{environment.name} has no passport of {args.what}.", "It is issued when the tag is deployed."
        )
    found = passport.verify(raw, by, f"The passport of {args.what}")
    if args.output:
        _write(args.output, raw)
        _write(args.output.with_suffix(".html"), page.of_passport(found.content).encode())
    _say(found)
    return 0


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(f"{file} can't be written: {error.strerror}.") from error


def _verify(file: Path | None, key: Path | None) -> int:
    if file is None or key is None:
        raise ConfigurationError(
            "verify takes a passport and a key.", "pipeline passport verify FILE --key PEM"
        )
    try:
        by = envelope.public_key(key.read_text(encoding="utf-8"))
        if file.is_dir():
            chain = passport.verify_chain(file, by)
            for one in chain:
                _say(one)
            if not passport.tells_its_end(file):
                print("Whether releases after it were left out can't be told: latest.json isn't beside them.")
            return 0
        if file.stat().st_size > envelope.LARGEST:
            raise GateError(f"{file} is larger than {envelope.LARGEST} bytes.")
        _say(passport.verify(file.read_bytes(), by, str(file)))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{error}") from error
    return 0


def _say(found: passport.Passport) -> None:
    content = found.content
    for label, text in (
        (f"{found.version} on", f"{content['environment']}: signed by {found.keyid}"),
        ("  commit   ", f"{content['commit'].get('sha')} by {content['commit'].get('author')}"),
        ("  bundle   ", f"{content['digests'].get('bundle')}"),
        ("  live code", _code(content["live"])),
        ("  passport ", f"SHA-256 {found.digest}"),
        ("  after    ", found.previous or "none: the first release"),
    ):
        print(label, one_line(text))


def _code(live: Mapping[str, Any]) -> str:
    """The digests that Lambda told of what serves; a passport from before it told of each function has one."""
    rows = live.get("functions")
    if not isinstance(rows, list):
        return str(live.get("code_sha256"))
    return ", ".join(
        f"{one.get('function')} {one.get('code_sha256')}" for one in rows if isinstance(one, dict)
    )
