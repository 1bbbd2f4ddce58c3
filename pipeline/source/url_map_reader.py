"""Reads the routes of a Flask application. A program of its own: ROOT MODULE ANSWER, variables in its environment.

It imports what it is told, so nothing of the pipeline lives in it: it runs with no credentials and no network, and
writes what it found as JSON into the file ANSWER. See url_map.py, which starts it and reads that.
"""

import importlib
import inspect
import itertools
import json
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("application", "app")  # what a module calls its WSGI application
_VARIABLE = re.compile(r"<(?:(?P<kind>[A-Za-z_]\w*)(?:\(.*?\))?:)?(?P<name>[A-Za-z_]\w*)>")
_MOST_CHOICES = 20  # of one `any`; with more, it is a variable like others


class UnreadableError(Exception):
    """Why there is no list of routes: in words, with file and line where the repository has a part in it."""

    def __init__(self, message: str, file: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.message, self.file, self.line = message, file, line


def _alone(event: str, arguments: tuple[Any, ...]) -> None:
    """Reading routes asks nobody: an import that opens a connection would judge what no pull request may reach."""
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        raise OSError(f"no network while routes are read: {arguments[1:] or arguments}")


def main() -> int:
    """Write the rules, or why there are none, and end with 0; any other end is a crash."""
    root, module, answer = sys.argv[1:]
    sys.path.insert(0, root)
    sys.dont_write_bytecode = True
    sys.addaudithook(_alone)
    top = Path(root).resolve()
    try:
        told = list(_read(_imported(module, top), module, top))
        found: dict[str, Any] = {
            "rules": [one for one in told if "rule" in one],
            "silent": [
                one["silent"] for one in told if "silent" in one
            ],  # WSGI applications without such a list
        }
    except UnreadableError as error:
        found = {"fault": error.message, "file": error.file, "line": error.line}
    Path(answer).write_text(json.dumps(found), encoding="utf-8")
    return 0


def _imported(name: str, top: Path) -> Any:
    try:
        return importlib.import_module(name)
    except BaseException as error:  # also what a module ends the process with
        frames = traceback.extract_tb(error.__traceback__)
        if isinstance(error, SyntaxError) and error.filename:
            frames.append(traceback.FrameSummary(error.filename, error.lineno or 1, ""))
        own = [one for one in frames if _within(one.filename, top)]
        file, line = (_within(own[-1].filename, top), own[-1].lineno or 0) if own else ("", 0)
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        raise UnreadableError(f"{name} can't be imported: {said}", file, line) from error


def _read(module: Any, name: str, top: Path) -> Iterator[dict[str, Any]]:
    flask = sys.modules.get("flask")
    file = _within(module.__file__ or "", top)
    found = [getattr(module, one) for one in NAMES if hasattr(module, one)]
    if not found and flask is not None:
        found = list({id(one): one for one in vars(module).values() if isinstance(one, flask.Flask)}.values())
        if len(found) > 1:
            message = f"{name} has {len(found)} Flask applications: call the one that answers `application`"
            raise UnreadableError(message, file, 1)
    if not found:
        if flask is not None and (factory := _factory(module, flask)):
            raise UnreadableError(f"{name} has no application: {factory}", file, 1)
        return
    application = found[0]
    if flask is None:
        yield {"silent": type(application).__name__}
        return
    if inspect.isfunction(application) or inspect.isclass(application):
        raise UnreadableError(f"`application` of {name} is no application: {_call(application)}", file, 1)
    for each, blueprints in getattr(application, "routed", [(application, None)]):
        if isinstance(each, flask.Flask):
            yield from _rules(each, blueprints, top)
        else:
            yield {"silent": type(each).__name__}


def _factory(module: Any, flask: Any) -> str:
    """What to do with a function of the module that makes an application; '' where none seems to."""
    for one in vars(module).values():
        made = getattr(one, "__annotations__", {}).get("return")
        if inspect.isfunction(one) and (
            one.__name__.startswith(("create_app", "make_app")) or made is flask.Flask
        ):
            return _call(one)
    return ""


def _call(factory: Any) -> str:
    needed = [
        one.name
        for one in inspect.signature(factory).parameters.values()
        if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    words = f"{factory.__name__}({', '.join(f'{one}=...' for one in needed)})"
    takes = f", which takes {', '.join(needed)}," if needed else ""
    return f"{factory.__name__}{takes} makes one. Write there: application = {words}"


def _rules(application: Any, blueprints: Any, top: Path) -> Iterator[dict[str, Any]]:
    static = application.static_folder is not None and Path(application.static_folder).is_dir()
    for rule in application.url_map.iter_rules():
        if rule.build_only or (rule.endpoint == "static" and not static):
            continue
        if blueprints is not None and rule.endpoint.rpartition(".")[0] not in blueprints:
            continue
        view = application.view_functions.get(rule.endpoint)
        file, line = _place(view, rule.rule, top)
        if rule.websocket:
            raise UnreadableError(f"{rule.rule} is a websocket: a REST API has none", file, line)
        if rule.subdomain or rule.host:
            where = f"the subdomain {rule.subdomain}" if rule.subdomain else f"the host {rule.host}"
            raise UnreadableError(f"{rule.rule} is a route of {where} alone: an API has one host", file, line)
        methods = sorted(rule.methods or ())
        yield {
            "rule": rule.rule,
            "endpoint": rule.endpoint,
            "methods": methods,
            "automatic": [one for one in methods if _automatic(rule, one)],
            "parts": _parts(rule, application.url_map.converters),
            "file": file,
            "line": line,
        }


def _automatic(rule: Any, method: str) -> bool:
    """Whether Flask answers the method without having been asked to."""
    if method == "OPTIONS":
        return bool(getattr(rule, "provide_automatic_options", True))  # Flask's, unknown to werkzeug
    return method == "HEAD" and "GET" in (rule.methods or ())


def _parts(rule: Any, converters: Any) -> list[dict[str, Any]]:
    """The path as parts between slashes. A part that is one `any` has its choices, as long as they are few."""
    texts, found = [], []
    end = 0
    for variable in _VARIABLE.finditer(rule.rule):
        texts.append(rule.rule[end : variable.start()])
        found.append(variable)
        end = variable.end()
    made = getattr(rule, "_converters", {})
    parts = [_part()]
    for text, variable in itertools.zip_longest([*texts, rule.rule[end:]], found):
        for number, piece in enumerate(text.split("/")):
            if number:
                parts.append(_part())
            parts[-1]["text"] += piece
            parts[-1]["regex"] += re.escape(piece)
        if variable is not None:
            converter = made.get(variable["name"]) or converters.get(variable["kind"] or "default")
            choices = sorted(getattr(converter, "items", None) or ()) if variable["kind"] == "any" else []
            alone = not parts[-1]["name"] and not parts[-1]["text"]
            parts[-1]["choices"] = choices if alone and len(choices) <= _MOST_CHOICES else []
            parts[-1]["name"] = parts[-1]["name"] or variable["name"]
            parts[-1]["several"] |= getattr(converter, "part_isolating", True) is False
            parts[-1]["regex"] += f"(?:{getattr(converter, 'regex', '[^/]+')})"
    for part in parts:
        if part["text"]:
            part["choices"] = []
    return [one for one in parts if one["text"] or one["name"]]


def _part() -> dict[str, Any]:
    return {"text": "", "name": "", "several": False, "regex": "", "choices": []}


def _place(view: Any, rule: str, top: Path) -> tuple[str, int]:
    """Where the route is written: the decorator with its path, else the view; nothing where that isn't ours."""
    if view is None:
        return "", 0
    target = inspect.unwrap(getattr(view, "view_class", view))
    try:
        file = _within(inspect.getsourcefile(target) or "", top)
        rows, first = inspect.getsourcelines(target)
    except (OSError, TypeError):
        return "", 0
    if not file:
        return "", 0
    best, line = -1, first
    for number, row in enumerate(rows, first):
        if re.match(r"\s*(async\s+)?(def|class)\b", row):
            break
        for text in re.findall(r"""["']([^"']*)["']""", row):
            if rule.endswith(text) and len(text) > best and row.lstrip().startswith("@"):
                best, line = len(text), number
    return file, line


def _within(file: str, top: Path) -> str:
    """The file's name in the repository; '' for one from elsewhere."""
    path = Path(file).resolve() if file else None
    if path is None or not path.is_relative_to(top) or ".venv" in path.parts:
        return ""
    return path.relative_to(top).as_posix()


if __name__ == "__main__":
    sys.exit(main())
