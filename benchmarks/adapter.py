"""Compare the adapter with aws-wsgi alone, apig-wsgi and serverless-wsgi: which cases each gets right, and time.

    .venv/bin/python -m benchmarks.adapter

Exit status 1 if the adapter gets a case wrong or takes over 1.1 times as long as the fastest peer.
"""

import contextlib
import io
import logging
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import apig_wsgi
import awsgi
import serverless_wsgi
from flask import Flask
from rich.console import Console
from rich.table import Table

from app.wsgi import respond
from tests.events import http_event, rest_event
from tests.events.cases import CASES
from tests.events.judge import faults

LIMIT = 1.1
ROUNDS = 400
REQUESTS = 25
"""Requests a round: each adapter's share of a round takes about a millisecond."""

type Adapter = Callable[[Any, Any, Any], Any]

BINARY = {"image/png", "application/octet-stream", "application/vnd.example"}


def aws_wsgi(app: Any, event: Any, context: Any) -> Any:
    """aws-wsgi alone, told the binary types it can't see."""
    return awsgi.response(app, event, context, base64_content_types=BINARY)


def apig(app: Any, event: Any, context: Any) -> Any:
    """apig-wsgi, with its binary support on. Its handler costs nothing to make."""
    return apig_wsgi.make_lambda_handler(app, binary_support=True)(event, context)


ADAPTERS: dict[str, Adapter] = {
    "app.wsgi": respond,
    "aws-wsgi": aws_wsgi,
    "apig-wsgi": apig,
    "serverless-wsgi": serverless_wsgi.handle_request,
}


def minimal(environ: Any, start_response: Any) -> Iterable[bytes]:
    """The least an application can do, so that what is measured is the adapter."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    return [b'{"status": "ok"}']


flask = Flask(__name__)
flask.add_url_rule("/echo", view_func=lambda: {"status": "ok"})

# Only what every adapter can answer can be compared; aws-wsgi alone answers payload 1.0 only.
REQUESTS_TIMED: dict[str, tuple[Any, Any, list[str]]] = {
    "GET, REST": (minimal, rest_event(query=[("limit", "20"), ("cursor", "abc")]), list(ADAPTERS)),
    "POST of 1 kB, REST": (
        minimal,
        rest_event("POST", body=b"{" + b" " * 1000 + b"}", headers=[("Content-Type", "application/json")]),
        list(ADAPTERS),
    ),
    "GET, HTTP API": (
        minimal,
        http_event(query=[("limit", "20"), ("cursor", "abc")]),
        [name for name in ADAPTERS if name != "aws-wsgi"],
    ),
    "GET through Flask, REST": (flask, rest_event(), list(ADAPTERS)),
}


def correctness() -> dict[str, dict[str, tuple[int, int]]]:
    """For each id of a case and each adapter: how many cases are right, of how many."""
    table: dict[str, dict[str, tuple[int, int]]] = {}
    logging.disable(logging.CRITICAL)  # the failing applications are meant to
    for case in CASES:
        row = table.setdefault(case.id, {})
        for name, adapter in ADAPTERS.items():
            with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
                right = not faults(case, adapter)
            before, total = row.get(name, (0, 0))
            row[name] = (before + right, total + 1)
    logging.disable(logging.NOTSET)
    return table


def timing(app: Any, event: Any, names: list[str]) -> dict[str, float]:
    """Microseconds a request, from rounds in which the adapters take turns, the first one changing.

    Of each adapter's rounds the first decile counts: whatever else the machine does only makes rounds longer.
    """
    took: dict[str, list[float]] = {name: [] for name in names}
    for number in range(ROUNDS):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            adapter = ADAPTERS[name]
            begun = time.perf_counter()
            for _ in range(REQUESTS):
                adapter(app, event, None)
            took[name].append((time.perf_counter() - begun) / REQUESTS)
    return {name: statistics.quantiles(values, n=10)[0] * 1e6 for name, values in took.items()}


def main() -> int:
    """Print both tables; 1 if a promise is broken."""
    console = Console(width=100)
    broken = []

    table = Table("cases", *ADAPTERS, title="Cases right, of all")
    rows = correctness()
    for number, row in rows.items():
        table.add_row(number, *(f"{right} of {total}" for right, total in row.values()))
    table.add_section()
    sums = {name: [sum(row[name][i] for row in rows.values()) for i in (0, 1)] for name in ADAPTERS}
    table.add_row("all", *(f"{right} of {total}" for right, total in sums.values()))
    console.print(table)
    right, total = sums["app.wsgi"]
    if right < total:
        broken.append(f"app.wsgi gets {total - right} cases wrong: pytest tests/app/test_wsgi.py names them")

    title = "Microseconds a request, first decile of the rounds"
    table = Table("request", *ADAPTERS, "to the fastest peer", title=title)
    for title, (app, event, names) in REQUESTS_TIMED.items():
        took = timing(app, event, names)
        ratio = took["app.wsgi"] / min(took[name] for name in names[1:])
        table.add_row(title, *(f"{took[n]:.1f}" if n in took else "-" for n in ADAPTERS), f"{ratio:.2f}")
        if ratio > LIMIT:
            broken.append(
                f"{title}: app.wsgi takes {ratio:.2f} times as long as the fastest peer, over {LIMIT}"
            )
    console.print(table)

    for line in broken:
        console.print(f"FAILED {line}", style="bold red")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
