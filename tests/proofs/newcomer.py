"""Somebody who has this repository since today: does what a page of the documents says, block by block, in a clone."""

import json
import os
import re
import shlex
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

import urllib3
from werkzeug.datastructures import EnvironHeaders
from werkzeug.test import Client

from pipeline.base.run import CHECKOUT, Completed, run
from tests import documented

_NAMES = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
}
_PATIENCE = 1200.0  # seconds
BOX = ".sandbox/up/github/git/clone"  # the repository that `make up` prints


@dataclass
class Newcomer:
    """A clone, and what its owner does in it. What fails is an AssertionError with all that was said."""

    clone: Path

    def shell(self, text: str, folder: str = ".") -> str:
        """What lines of a shell print on standard output."""
        done = self.tries(text, folder)
        assert done.status == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def tries(self, text: str, folder: str = ".") -> Completed:
        """The same, whatever comes of it."""
        words = ["bash", "-euo", "pipefail", "-c", text]
        # Who asks the sandbox waits for its jobs, and is silent meanwhile.
        return run(words, cwd=self.clone / folder, env=_NAMES, check=False, patience=_PATIENCE)

    def follows(self, page: str, heading: str) -> None:
        """Do what a section says: run its commands, hold what they print against what it shows, write its changes.

        How long it took is printed, for the page's headings: pytest -s shows it.
        """
        output, began = "", time.monotonic()
        found = [one for one in documented.blocks(_page(page)) if one.heading.startswith(heading)]
        assert found, f"{page} has nothing to do below {heading}"
        for block in found:
            if block.language == "sh":
                output = self.shell(block.text)
            elif block.language == "diff":
                documented.write(block.text, self.clone)
            elif block.language == "":
                assert documented.printed(block.text, output), (
                    f"{page} shows\n{block.text}\nand it was\n{output}"
                )
        print(f"{page}, {found[0].heading}: {time.monotonic() - began:.0f} s")

    def brings(self, message: str) -> None:
        """Commit what was written into the sandbox's repository, have it judged as a pull request, and merge it."""
        self.shell(f"git add --all; git commit -q -m {shlex.quote(message)}", BOX)
        opened = re.search(r"^pull request (\d+): ", self.sandbox("pr"), re.MULTILINE)
        assert opened is not None
        self.sandbox(f"merge {opened[1]}")

    def begins(self, branch: str) -> None:
        """Begin a branch of the sandbox's repository, from main as it is."""
        self.shell(f"git switch -q main; git pull -q; git switch -q -c {branch}", BOX)

    def sandbox(self, words: str) -> str:
        """Ask the sandbox for something."""
        return self.shell(f".venv/bin/python -m sandbox {words}")

    def asks(self, environment: str, service: str, operation: str, **words: str) -> Any:
        """What AWS answers an environment's administrator, in a shell as docs/sandbox.md has it."""
        code = f"import boto3, json; print(json.dumps(boto3.client({service!r}).{operation}(**{words!r}), default=str))"
        signed = f'eval "$(.venv/bin/python -m sandbox env {environment})"'
        return json.loads(self.shell(f"{signed}\n.venv/bin/python -c {shlex.quote(code)}"))

    def client(self, environment: str) -> Client:
        """A client of the API of an environment, which keeps cookies, as a browser does."""
        address = urlsplit(self.sandbox(f"open {environment}").split()[0])
        return Client(
            Elsewhere(address.netloc, address.path.rstrip("/"), self.clone / ".sandbox/up/aws/ca.pem")
        )


class Elsewhere:
    """A WSGI application that hands each request on, as it came, to an API, and its answer back."""

    def __init__(self, host: str, prefix: str, authority: Path) -> None:
        self.host, self.prefix = host, prefix
        port = host.rpartition(":")[2]
        trust = ssl.create_default_context(cafile=str(authority))
        self._pool = urllib3.HTTPSConnectionPool(
            "localhost", int(port), ssl_context=trust, timeout=60, retries=False
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        given = EnvironHeaders(environ)
        dropped = ("Host", "Connection", "Transfer-Encoding")
        headers = urllib3.HTTPHeaderDict([(name, value) for name, value in given if name not in dropped])
        headers["Host"] = self.host
        headers.setdefault("Accept", "*/*")  # as curl and every browser do
        chunked = given.get("Transfer-Encoding") == "chunked"
        length = None if chunked else int(environ.get("CONTENT_LENGTH") or 0)
        answer = self._pool.request(
            environ["REQUEST_METHOD"],
            f"{self.prefix}{environ['REQUEST_URI']}",
            body=environ["wsgi.input"].read(*([] if length is None else [length])) or None,
            headers=headers,
            chunked=chunked,
            redirect=False,
            decode_content=False,
        )
        start_response(f"{answer.status} {answer.reason or 'Unknown'}", list(answer.headers.items()))
        return [answer.data]


def _page(page: str) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def example(page: str, heading: str, language: str) -> str:
    """The first block of a section of a page in a language."""
    found = [
        one for one in documented.blocks(_page(page)) if (one.heading, one.language) == (heading, language)
    ]
    assert found, f"{page} has no {language} below {heading}"
    return found[0].text


def function(name: str, code: str, handler: str) -> str:
    """The function that docs/your-application.md adds, with another name, code and handler, for the sandbox."""
    words = {
        "build/app/": f"build/{code}/",
        "app.digest.handler": handler,
        "digest": name,
        "Digest": name.title(),
    }
    text = example("docs/your-application.md", "Add a function", "diff")
    return in_the_box(re.sub("|".join(map(re.escape, words)), lambda word: words[word[0]], text))


def in_the_box(changes: str) -> str:
    """Changes of the sandbox's repository, as a block of the language `diff` in the clone around it."""
    return re.sub(r"^--- ", f"--- {BOX}/", changes, flags=re.MULTILINE)


@contextmanager
def newcomer(folder: Path) -> Iterator[Newcomer]:
    """One with a clone in a folder, of what is committed here; what they left running is ended."""
    clone = folder / "clone"
    run(["git", "clone", "--quiet", "--no-local", CHECKOUT, clone])
    run(["git", "switch", "--quiet", "--force-create", "main"], cwd=clone)
    run(["git", "update-ref", "refs/remotes/origin/main", "HEAD"], cwd=clone)
    os.umask(0o022)
    one = Newcomer(clone)
    try:
        yield one
    finally:
        if (clone / ".venv").exists():
            one.tries("make down; make clean")
