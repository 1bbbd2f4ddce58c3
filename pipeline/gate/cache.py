"""Verdicts of engines kept by content: the same files, tools and settings are not judged twice."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pipeline.gate.engines.base import Context, Engine
from pipeline.gate.engines.programs import CHECKOUT
from pipeline.gate.findings import Finding

_MOST_ENTRIES = 400


def folder() -> Path:
    """The user's cache folder. It lies outside of any repository: a commit can't bring verdicts along."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "esclusa" / "gate"


def key(engine: Engine, context: Context) -> str:
    """SHA-256 over what decides the verdict: engine, what it looks at, tool versions, the gate's code and rules, the
    files."""
    digest, project = hashlib.sha256(), context.project
    digest.update("\n".join([engine.name, engine.scope(context), *versions(engine), _gate()]).encode())
    digest.update(repr((sorted(project.links.items()), project.index)).encode(errors="replace"))
    for name, content in project.files.items():
        if engine.reads(name):
            digest.update(f"\n{name}\n{len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def versions(engine: Engine) -> list[str]:
    """The installed versions of the engine's packages, as NAME-VERSION."""
    return [name for package in engine.packages for name in _installed() if name.startswith(f"{package}-")]


@cache
def _installed() -> tuple[str, ...]:
    places = [
        *CHECKOUT.glob(".venv/lib/python3*/site-packages"),
        *CHECKOUT.glob(".tools/policy/lib/python3*/site-packages"),
    ]
    return tuple(
        sorted(
            entry.name.removesuffix(".dist-info")
            for place in places
            for entry in os.scandir(place)
            if entry.name.endswith(".dist-info")
        )
    )


@cache
def _gate() -> str:
    """SHA-256 of the gate itself: its code, its tools' settings, the rules with their lists, and the lock."""
    digest = hashlib.sha256()
    paths = [p for p in (CHECKOUT / "pipeline").rglob("*") if p.suffix in (".py", ".toml", ".json")]
    paths += [*(CHECKOUT / "policies").glob("*/*/rule.*"), *(CHECKOUT / "policies").glob("*.toml")]
    for path in sorted([*paths, CHECKOUT / "uv.lock"]):
        digest.update(f"\n{path.relative_to(CHECKOUT)}\n".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def load(name: str) -> list[Finding] | None:
    """The findings kept under a key; None when there are none, or they can't be read."""
    try:
        kept = json.loads((folder() / f"{name}.json").read_text(encoding="utf-8"))
        return [Finding(**{**item, "controls": tuple(item["controls"])}) for item in kept]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def store(name: str, findings: Iterable[Finding]) -> None:
    """Keep findings under a key. A cache that can't be written is no failure."""
    place = folder()
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = place / f"{name}.{os.getpid()}.part"
        path.write_text(json.dumps([dataclasses.asdict(one) for one in findings]), encoding="utf-8")
        path.replace(place / f"{name}.json")
        entries = sorted(place.glob("*.json"), key=lambda entry: entry.stat().st_mtime)
        for entry in entries[:-_MOST_ENTRIES]:
            entry.unlink(missing_ok=True)
    except OSError:
        return
