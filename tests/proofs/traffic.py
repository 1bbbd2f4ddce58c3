"""Requests at a steady rate to a deployed API, and the instances behind it that come and go."""

import http.client
import itertools
import json
import os
import signal
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import boto3
import psutil
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from sandbox import processes

CLIENTS = 6  # at once; fewer than the function's reserved concurrency


@dataclass(frozen=True)
class Ask:
    """One request; signed where it has a body or the path is the API's."""

    method: str
    path: str
    body: dict[str, Any] | None = None


@dataclass(frozen=True)
class Answered:
    """What came back. `status` is 0 where nothing did."""

    ask: Ask
    status: int
    text: str
    at: float  # seconds since the traffic began
    seconds: float


@dataclass
class Traffic:
    """Asks `rate` requests a second, whether or not the ones before were answered, while the context lasts.

    `quiet` holds the next requests back for a moment, until none is under way: AWS ends no instance that works
    on a request, so neither does who ends one here.
    """

    endpoint: str
    trust: Path
    url: str
    session: boto3.Session
    next_ask: Callable[[int], Ask]
    rate: float
    answers: list[Answered] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.began, self._ending = time.monotonic(), False
        self._number, self._under_way = itertools.count(), 0
        self._change = threading.Condition()
        self._held = False
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending = True
        for thread in self._threads:
            thread.join()
        self.seconds = time.monotonic() - self.began

    @property
    def failed(self) -> list[Answered]:
        """The requests that weren't answered with success."""
        return [one for one in self.answers if not 200 <= one.status < 300]

    def tell(self) -> str:
        """The figures on one line."""
        took = sorted(one.seconds for one in self.answers)
        return (
            f"{len(took)} requests, {len(took) / self.seconds:.1f} a second, {len(self.failed)} failed, "
            f"median {took[len(took) // 2] * 1000:.0f} ms, longest {took[-1] * 1000:.0f} ms"
            + "".join(
                f"; {count} times {what}"
                for what, count in Counter((f.status, f.text[:120]) for f in self.failed).items()
            )
        )

    @contextmanager
    def quiet(self) -> Any:
        """Nothing is under way inside; what is due meanwhile is asked at once afterwards."""
        with self._change:
            self._held = True
            self._change.wait_for(lambda: self._under_way == 0)
        try:
            yield
        finally:
            with self._change:
                self._held = False
                self._change.notify_all()

    def _client(self) -> None:
        place = urlsplit(self.endpoint)
        context = ssl.create_default_context(cafile=str(self.trust))
        connection = http.client.HTTPSConnection(place.netloc, context=context, timeout=35)
        while not self._ending:
            ask_number = next(self._number)
            time.sleep(max(0.0, self.began + ask_number / self.rate - time.monotonic()))
            with self._change:
                self._change.wait_for(lambda: not self._held)
                self._under_way += 1
            try:
                self.answers.append(self._one(connection, self.next_ask(ask_number)))
            finally:
                with self._change:
                    self._under_way -= 1
                    self._change.notify_all()
        connection.close()

    def _one(self, connection: http.client.HTTPSConnection, ask: Ask) -> Answered:
        parts = urlsplit(self.url)
        payload = None if ask.body is None else json.dumps(ask.body).encode()
        headers = {"Host": parts.netloc, **({"Content-Type": "application/json"} if payload else {})}
        if ask.path.startswith("/api/"):
            signed = AWSRequest(ask.method, self.url + ask.path, data=payload, headers=headers)
            credentials = self.session.get_credentials()
            assert credentials is not None
            SigV4Auth(credentials, "execute-api", self.session.region_name).add_auth(signed)
            headers = {name: str(value) for name, value in signed.headers.items()}
        began = time.monotonic()
        try:
            connection.request(ask.method, parts.path + ask.path, payload, headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            status, text = 0, f"{type(error).__name__}: {error}"
        ended = time.monotonic()
        return Answered(ask, status, text, began - self.began, ended - began)


@dataclass
class Instances:
    """The processes of a function's instances."""

    emulator: int
    function: str
    _worked: dict[int, float] = field(default_factory=dict)

    def all(self) -> list[int]:
        """Their ids."""
        return list(self._seconds())

    def end_busiest(self) -> bool:
        """End the one that worked most since the last time, as AWS takes an instance away; False when none is there.

        The others keep what they have in memory.
        """
        before, self._worked = self._worked, self._seconds()
        if not self._worked:
            return False
        end(max(self._worked, key=lambda pid: self._worked[pid] - before.get(pid, 0)))
        return True

    def _seconds(self) -> dict[int, float]:
        """What each has worked, in seconds of a processor."""
        worked = {}
        for process in psutil.Process(self.emulator).children():
            with suppress(psutil.Error):
                if process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == self.function:
                    times = process.cpu_times()
                    worked[process.pid] = times.user + times.system
        return worked


def end(pid: int) -> None:
    """End an instance, and wait until it is no more."""
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)
        while processes.alive(pid):
            time.sleep(0.001)
