"""The routes that an application answers, held against those that a template opens.

API Gateway leads a request to the resource that fits it best, part by part: a fixed part before {one} before {more+}.
Sources: API Gateway's developer guide, 'Set up a proxy integration with a proxy resource' and 'Important notes' (which
characters a path part takes, one variable among siblings); emulators and tools differ on whether a resource that lacks
the method falls through to a {more+}, so that nothing here relies on it.
"""

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.source.application import Application
from pipeline.source.functions import Route, routes, served, through_aliases
from pipeline.source.project import Project
from pipeline.source.settings import FILE, Settings
from pipeline.source.stacks import Resource, Stack
from pipeline.source.url_map import Part, Rule, UrlMap, UrlMapError, read
from pipeline.source.values import known
from pipeline.source.violations import Violation, at

ANY = "ANY"
_PART = re.compile(r"[A-Za-z0-9._:-]+")
_MOST = 100  # paths that are tried for one rule
_OTHER = "some-name"  # stands for a part that no resource has as it is

type Name = tuple[str, str]  # method and path, as in ("GET", "/orders/{id}")


@dataclass(frozen=True)
class Server:
    """A function behind an API whose handler's module has WSGI applications, and what they answer."""

    function: Resource
    module: str
    answers: UrlMap


def servers(project: Project, stack: Stack, root: Path) -> Iterator[Server]:
    """The functions that an application answers for, imported from `root`, which has the project's files.

    Raises UrlMapError and ToolError where one can't be read.
    """
    for name in sorted(served(stack) or _unserved(project, stack)):
        function = stack.resources[name]
        module = _module(project, function)
        if module:
            answers = read(root, module, _variables(function, project.described))
            if answers.rules or answers.silent:
                yield Server(function, module, answers)


def _unserved(project: Project, stack: Stack) -> Iterator[str]:
    """Before a template opens its first route: the functions whose module reads events as a WSGI application does."""
    for function in stack.of_type("AWS::Lambda::Function"):
        module = _module(project, function).replace(".", "/")
        if re.search(r"\bapp\.wsgi\b|\bWSGI", project.text(f"{module}.py")):
            yield function.id


def _module(project: Project, function: Resource) -> str:
    """The module of a function's handler, if this repository has it; '' for a function in another language too."""
    handler, runtime = str(function.get("Handler", default="")), str(function.get("Runtime", default=""))
    module = handler.rpartition(".")[0].replace("/", ".")
    path = module.replace(".", "/")
    there = any(file in project.files for file in (f"{path}.py", f"{path}/__init__.py"))
    return module if there and runtime.startswith("python") else ""


def _variables(function: Resource, described: Application) -> dict[str, str]:
    """The function's variables: as the template gives them, a sample where AWS alone knows them, else a word."""
    given = function.get("Environment", "Variables", default={})
    found = {name: str(value) if known(value) else name.lower() for name, value in given.items()}
    region = function.stack.environment.region
    lambdas = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return {**lambdas, **found, **{name: value for name, value in described.samples.items() if name in found}}


# -- one path --


def path_of(rule: Rule) -> str:
    """The API's path of a rule: what is variable is a parameter, and what takes slashes takes all that follows."""
    names = []
    for part in rule.parts:
        if part.several:
            names.append(f"{{{part.name}+}}")
            break
        names.append(f"{{{part.name}}}" if part.name else part.text)
    return "/" + "/".join(names)


def takes_all(path: str) -> bool:
    """Whether an API's path takes all that follows it."""
    return "+}" in path or "$default" in path


def odd(path: str) -> str:
    """The part of a path that API Gateway doesn't take; '' where it takes all."""
    parts = path.strip("/").split("/") if path != "/" else []
    return next((one for one in parts if not _PART.fullmatch(re.sub(r"^\{(.*?)\+?\}$", r"\1", one))), "")


def chosen(path: str, resources: Iterable[str]) -> str | None:
    """The resource that API Gateway leads a request for the path to; None for none."""
    ranks = {one: rank for one in resources if (rank := _rank(one, path)) is not None}
    return min(ranks, key=lambda one: ranks[one]) if ranks else None


def _rank(resource: str, path: str) -> tuple[int, ...] | None:
    """How loosely each part of a resource fits the path; None where it doesn't fit."""
    rank: list[int] = []
    parts, wanted = path.strip("/").split("/"), resource.strip("/").split("/")
    for number, part in enumerate(wanted):
        if part.startswith("{") and part.endswith("+}"):
            return (*rank, 2) if len(parts) > number and parts[number] else None
        if number >= len(parts) or not (part == parts[number] or (part.startswith("{") and parts[number])):
            return None
        rank.append(int(part.startswith("{")))
    return tuple(rank) if len(parts) == len(wanted) else None


def examples(rule: Rule, resources: Iterable[str]) -> Iterator[str]:
    """Paths that the rule takes: one that no resource has as it is, and one for each resource that shares some."""
    yield from (f"/{'/'.join(one)}" for one in _plain(rule.parts))
    for resource in resources:
        met = _met(rule.parts, [one for one in resource.strip("/").split("/") if one])
        if met is not None:
            yield f"/{'/'.join(met)}"


def _plain(parts: Sequence[Part]) -> Iterator[list[str]]:
    """A part that takes slashes is tried as one part and as two: one folder deep isn't enough."""
    for depth in (1, 2) if any(one.several for one in parts) else (1,):
        other = ("/".join([_OTHER] * depth),)
        choices = [
            one.choices or (other if one.several else (_OTHER,)) if one.name else (one.text,) for one in parts
        ]
        yield from (list(one) for one in itertools.islice(itertools.product(*choices), _MOST))


def _met(parts: Sequence[Part], wanted: Sequence[str]) -> list[str] | None:
    """Parts of a path that both a rule and a resource take; None where there are none."""
    if not parts or not wanted:
        return [] if not parts and not wanted else None
    first, want = parts[0], wanted[0]
    if first.several:  # it takes any number of the resource's parts, at least one
        for count in range(1, len(wanted) + 1):
            rest = _met(parts[1:], wanted[count:])
            if rest is not None:
                return [_OTHER if one.startswith("{") else one for one in wanted[:count]] + rest
        return (
            [_OTHER if one.startswith("{") else one for one in wanted] if wanted[-1].endswith("+}") else None
        )
    if want.endswith("+}"):
        return next(_plain(parts))
    if want.startswith("{"):
        here = (first.choices or (_OTHER,))[0] if first.name else first.text
    elif (first.name and re.fullmatch(first.regex, want)) or (not first.name and first.text == want):
        here = want
    else:
        return None
    rest = _met(parts[1:], wanted[1:])
    return None if rest is None else [here, *rest]


# -- a catch-all --


def caught(settings: Settings, described: Application) -> dict[Name, bool]:
    """The routes of a catch-all, each with whether it is open; none where security let there be no catch-all.

    Every method of a prefix and of all below it is led to the application, so that it answers 404, 405, HEAD and
    OPTIONS itself. Who is asked to sign is asked nothing by a preflight: a browser sends no credentials with one.
    """
    found: dict[Name, bool] = {}
    for prefix, is_open in settings.prefixes.items():
        below = f"{prefix.rstrip('/')}/{{proxy+}}"
        for path in (prefix, below):
            found[(ANY, path)] = is_open
            if not is_open:
                found[("OPTIONS", path)] = True
    for path in (*described.health, described.version) if found else ():
        if not settings.opens(path):
            found |= {(method, path): True for method in ("GET", "HEAD", "OPTIONS")}
            found[(ANY, path)] = False
    return found


# -- the comparison --


def opened(stack: Stack, function: Resource) -> list[Route]:
    """The routes of the stack that lead to a function, itself or by an alias."""
    return [one for one in routes(stack) if function.id in through_aliases(stack, one.targets)]


@dataclass(frozen=True)
class Difference:
    """A route that one side alone has: `missing` in the template, else led to an application that has it not."""

    missing: bool
    violation: Violation


def differences(project: Project, root: Path) -> Iterator[Difference]:
    """What an application answers and its API doesn't lead there, and what is led there and nobody answers.

    The application is imported from `root`, which has the project's files, as the first environment that is deployed.
    Raises UrlMapError and ToolError.
    """
    for server in servers(project, imported_as(project), root) if project.application else ():
        for stack in project.application:
            function = stack.resources.get(server.function.id)
            if function is not None:
                yield from _uncaught(project, function)
                yield from _differ(project, function, server)


def imported_as(project: Project) -> Stack:
    """The stack whose variables the application is imported with."""
    return next((one for one in project.application if not one.environment.laptop), project.application[0])


def _uncaught(project: Project, function: Resource) -> Iterator[Difference]:
    """What a catch-all should have and the template doesn't, or doesn't close."""
    led = {(one.method, one.path): one for one in opened(function.stack, function)}
    for name, is_open in caught(project.settings, project.described).items():
        fact = " ".join(name)
        if name not in led:
            message = f"{fact} isn't in the template; the catch-all of {FILE} has it {'open' if is_open else 'closed'}"
            yield Difference(True, at(function, message, "Handler", fact=fact))
        elif led[name].open and not is_open:
            yield Difference(
                False, led[name].violation(f"{fact} is open; the catch-all of {FILE} has it closed")
            )


def _differ(project: Project, function: Resource, server: Server) -> Iterator[Difference]:
    led = {(one.method, one.path): one for one in opened(function.stack, function)}
    resources = {path for _, path in led}
    used: set[Name] = set(caught(project.settings, project.described))
    for rule in server.answers.rules:
        for method in rule.methods:
            names = [leading(method, path, led) for path in examples(rule, resources)]
            used |= {name for name in names if name is not None}
            if None in names and method not in rule.automatic:
                yield Difference(True, _missing(rule, method, function))
    for name in sorted(led.keys() - used) if not server.answers.silent else ():
        message = f"{' '.join(name)} leads to {server.module}, and no route there answers it"
        yield Difference(False, led[name].violation(message))


def leading(method: str, path: str, names: Collection[Name]) -> Name | None:
    """The route by which API Gateway leads a request; None where the resource that fits best lacks the method."""
    best = chosen(path, {one for _, one in names})
    found = [(one, best) for one in (method, ANY) if best is not None and (one, best) in names]
    return found[0] if found else None


def _missing(rule: Rule, method: str, function: Resource) -> Violation:
    path, fact = path_of(rule), f"{method} {rule.rule}"
    message = f"{fact} ({rule.endpoint}) isn't in the template, so that API Gateway answers 403"
    if wrong := odd(path):
        message += f"; it takes no {wrong!r} in a path, only a catch-all would lead there"
    if rule.file:
        name = function.stack.environment.name
        return Violation(message, rule.file, rule.line, function.source, name, fact=fact)
    return at(function, message, "Handler", fact=fact)


# -- what the template should have --


@dataclass(frozen=True)
class Wanted:
    """One method of one path as the template should have it. `authorizers` are those that it has today, if any."""

    method: str
    path: str
    open: bool
    authorizers: tuple[str, ...] = ()


def wanted(project: Project, server: Server, stack: Stack, led: Sequence[Route]) -> list[Wanted]:
    """The routes that lead to what the server answers, in the order of the paths.

    Names of variables stay as they are in the template. Raises UrlMapError for a path that API Gateway doesn't take.
    """
    today = {(one.method, one.path): one for one in led}
    described, settings = project.described, project.settings
    if catching := caught(settings, described):
        return [
            Wanted(method, path, is_open) for (method, path), is_open in sorted(catching.items(), key=_order)
        ]
    if server.answers.silent:
        silent = ", ".join(server.answers.silent)
        raise UrlMapError(
            f"{server.module} serves a {silent}, which has no list of its routes: set a catch_all in "
            "policies/settings.toml, or write the routes by hand"
        )
    rules = server.answers.rules
    resources = _resources(rules, {one.path for one in led}, settings)
    found: dict[Name, Wanted] = {}
    for rule in rules:
        for path in _leading(rule, resources):
            found |= {(method, path): _as_today(project, method, path, today) for method in rule.methods}
    return [found[name] for name in sorted(found, key=lambda one: _order((one, True)))]


def _as_today(project: Project, method: str, path: str, today: Mapping[Name, Route]) -> Wanted:
    """A route as it is, and of a new one: open where security lets it be, else closed; HEAD as GET."""
    described = project.described
    before = today.get((method, path)) or (today.get(("GET", path)) if method == "HEAD" else None)
    is_open = (
        method == "OPTIONS"  # a browser sends no credentials with a preflight
        or project.settings.lets_open(method, path)
        or (path in (*described.health, described.version) and method in ("GET", "HEAD"))
        or (before is not None and before.open)
    )
    return Wanted(method, path, is_open, before.authorizers if before is not None and not is_open else ())


def _leading(rule: Rule, resources: Collection[str]) -> set[str]:
    """The resources that lead to some path of a rule."""
    found = {chosen(example, resources) for example in examples(rule, resources)}
    return {path for path in found if path is not None}


def _resources(rules: Sequence[Rule], today: Collection[str], settings: Settings) -> set[str]:
    """Those of today's paths that some rule takes, and for each rule that none of them leads to one of its own.

    Raises UrlMapError for a path that API Gateway doesn't take.
    """
    kept = {path for rule in rules for path in _leading(rule, today)}
    new = [rule for rule in rules if any(chosen(one, kept) is None for one in examples(rule, kept))]
    named = [*sorted(kept), *(one.partition(" ")[2] for one in settings.open_routes)]
    paths = [path_of(rule) for rule in new]
    for rule, path in zip(new, paths, strict=True):
        if wrong := odd(path):
            raise UrlMapError(
                f"{rule.rule}: API Gateway takes no {wrong!r} in a path. Rename it, or set a catch_all in {FILE}",
                rule.file,
                rule.line,
            )
    return set(_unified([*sorted(kept), *paths], named))


def _order(item: tuple[Name, bool]) -> tuple[str, str]:
    (method, path), _ = item
    return path, method


def _unified(paths: Sequence[str], known_paths: Iterable[str]) -> list[str]:
    """The paths with one variable among siblings, as API Gateway wants it, by the name that comes first.

    Where one of them takes all that follows, so do the others.
    """
    names: dict[tuple[str, ...], str] = {}
    several: set[tuple[str, ...]] = set()
    for path in (*known_paths, *paths):
        above: tuple[str, ...] = ()
        for part in path.strip("/").split("/"):
            if part.startswith("{"):
                names.setdefault(above, part.strip("{}+"))
                if part.endswith("+}") and path in paths:
                    several.add(above)
            above = (*above, "{}" if part.startswith("{") else part)
    return [_named(path, names, several) for path in paths]


def _named(path: str, names: Mapping[tuple[str, ...], str], several: Collection[tuple[str, ...]]) -> str:
    above: tuple[str, ...] = ()
    done = []
    for part in path.strip("/").split("/"):
        if part.startswith("{"):
            greedy = above in several
            done.append(f"{{{names[above]}{'+' * greedy}}}")
            if greedy:
                break
        else:
            done.append(part)
        above = (*above, "{}" if part.startswith("{") else part)
    return "/" + "/".join(done)
