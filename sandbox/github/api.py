"""The part of GitHub's REST API that workflows of this project use, on loopback.

A job asks with its run's GITHUB_TOKEN, and may do what its `permissions:` say: which job asks is found out
from the connection, as for OIDC tokens. Source: GitHub's REST API documentation, version 2022-11-28.
"""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus

from sandbox.github.endpoints import ROUTES, AnswerError, Call
from sandbox.github.event import Repository
from sandbox.github.records import Records
from sandbox.loopback import Connection, Reply, Request, Server
from sandbox.oidc import RefusedError

_PAGE = 30  # records a page where the request doesn't say, at most 100

type Permissions = Callable[[Connection], Mapping[str, str]]
type Begin = Callable[[Connection], Reply]


class Api:
    """Listens from `start` to `stop`; `records` is what it knows."""

    def __init__(self, repository: Repository) -> None:
        self.records = Records(repository)
        self.faults: list[Reply] = []  # what the next requests are answered in place of an answer
        self._runs: dict[str, Permissions] = {}
        self._gates: dict[str, Begin] = {}
        self._server = Server(self._answer)
        self.start, self.stop = self._server.start, self._server.stop

    @property
    def url(self) -> str:
        """What GITHUB_API_URL holds. Raises RuntimeError before `start`."""
        return self._server.url

    def admit(self, token: str, permissions: Permissions, begin: Begin | None = None) -> None:
        """Let a run's jobs ask with `token`; `permissions` gets a connection and says what its job may do.

        `begin` answers a job that asks whether it may begin, when it may: that is the sandbox's own, and not GitHub's.
        """
        self._runs[token] = permissions
        if begin is not None:
            self._gates[token] = begin

    def dismiss(self, token: str) -> None:
        """End a run's right to ask."""
        self._runs.pop(token, None)
        self._gates.pop(token, None)

    def _answer(self, request: Request) -> Reply:
        if self.faults:
            return self.faults.pop(0)
        try:
            return self._routed(request)
        except AnswerError as other:
            return other.reply

    def _routed(self, request: Request) -> Reply:
        if request.bearer not in self._runs:
            raise AnswerError(HTTPStatus.UNAUTHORIZED, "Bad credentials")
        if (request.method, request.path) == ("POST", "/begin") and request.bearer in self._gates:
            return self._gates[request.bearer](request.ends)
        prefix = f"/repos/{self.records.repository.full_name}"
        if not request.path.lower().startswith(prefix.lower()):
            raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")
        address = request.path[len(prefix) :]
        for method, pattern, scopes, handler in ROUTES:
            found = re.fullmatch(pattern, address)
            if found and method == request.method:
                self._permit(request, scopes, self._scopes(scopes, found.groupdict()))
                return _paged(handler(Call(request, found.groupdict(), self.records)), request, self.url)
        raise AnswerError(
            HTTPStatus.NOT_FOUND, f"Not Found: the sandbox has no {request.method} {request.path}"
        )

    def _scopes(self, level: str, found: Mapping[str, str]) -> tuple[str, ...]:
        """The permissions of which one is enough; a pull request's comments go by either of two."""
        scope = level.partition(":")[0]
        number = found.get("issue") or self._issue_of(found.get("comment"))
        if scope == "issues" and number and int(number) in self.records.pulls:
            return ("issues", "pull-requests")
        return (scope,)

    def _issue_of(self, comment: str | None) -> str:
        record = self.records.comments.get(int(comment)) if comment else None
        return record["issue_url"].rpartition("/")[2] if record else ""

    def _permit(self, request: Request, level: str, scopes: tuple[str, ...]) -> None:
        try:
            allowed = self._runs[request.bearer](request.ends)
        except RefusedError as error:
            raise AnswerError(HTTPStatus.UNAUTHORIZED, str(error)) from error
        enough = ("write",) if level.endswith(":write") else ("read", "write")
        if not any(allowed[scope] in enough for scope in scopes):
            raise AnswerError(
                HTTPStatus.FORBIDDEN,
                f"Resource not accessible by integration: it takes `{' or '.join(scopes)}: {enough[0]}`.",
            )


def _paged(reply: Reply, request: Request, url: str) -> Reply:
    """Cut a list into pages, and name the next one as GitHub does."""
    if not isinstance(reply.body, list):
        return reply
    try:
        size = max(1, min(100, int(request.query.get("per_page", _PAGE))))
        page = max(1, int(request.query.get("page", 1)))
    except ValueError as error:
        raise AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, "page and per_page are numbers") from error
    headers = {}
    if page * size < len(reply.body):
        headers = {"Link": f'<{url}{request.path}?per_page={size}&page={page + 1}>; rel="next"'}
    return Reply(reply.status, reply.body[(page - 1) * size : page * size], headers)
