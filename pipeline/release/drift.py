"""Drift: what runs, against what git and the bucket say should."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from pipeline.base import git, github, summary
from pipeline.base.canonical import canonical
from pipeline.base.errors import GateError, PipelineError
from pipeline.base.text import one_line
from pipeline.delivery import aws, deployment, functions, parameters, store
from pipeline.delivery.bundle import DIGEST, TEMPLATE
from pipeline.delivery.functions import Function
from pipeline.delivery.stack import Stack
from pipeline.ledger import client as ledger
from pipeline.plan import sources
from pipeline.source import code
from pipeline.source.adoption import owners
from pipeline.source.project import BOOTSTRAP
from pipeline.source.samconfig import Environment
from pipeline.source.stacks import Stack as Template
from pipeline.source.stacks import dig

# Where the record of the live commit's deployment is missing, or is of an earlier release of that commit.
RECORD = (("parameter", "Commit"), ("parameter", "BundleDigest"), ("parameter", "ReleaseDigest"))
# What of a function the template decides and a console can change: its name there, and in Lambda's answer.
_SETTINGS = {
    "Handler": "Handler",
    "KmsKeyArn": "KMSKeyArn",
    "MemorySize": "MemorySize",
    "Runtime": "Runtime",
    "Timeout": "Timeout",
}


@dataclass(frozen=True)
class Drift:
    """One difference: `kind` is template, parameter, code, setting, value or bootstrap.

    A `value` in SSM is no change by the back door: the next deployment takes it over, as a release of its own.
    What is `untold` is no difference: AWS didn't show it, and `actual` says why.
    """

    kind: str
    what: str
    expected: str
    actual: str

    @property
    def blocks(self) -> bool:
        """Whether it has to be reverted or adopted before the next deployment."""
        return self.differs and self.kind != "value"

    @property
    def differs(self) -> bool:
        """Whether it is known to be another than git says."""
        return self.kind != "untold"

    @property
    def text(self) -> str:
        """What it is, on one line."""
        said = f"{self.actual}, not {self.expected}" if self.differs else f"can't be told: {self.actual}"
        return one_line(f"{self.what}: {said}")


def find(session: boto3.Session, environment: Environment, live: Stack, repository: Path) -> list[Drift]:
    """Every difference between what runs and what should, and what of it AWS doesn't show.

    Raises GateError when nothing can be told.
    """
    if not live.exists:
        return []
    digest = live.parameters.get("BundleDigest", "")
    if not DIGEST.fullmatch(digest):
        return [Drift("parameter", "BundleDigest", "the digest of a bundle", digest or "none")]
    text, files = store.template(session, environment.bucket, digest)
    found = [*_template(session, environment, text), *_release(session, environment, live, digest)]
    template = sources.bundled(environment.name, text, files, live.parameters, repository)
    found += _functions(session, live, template)
    found += bootstrap(session, environment, repository)
    return found


def _template(session: boto3.Session, environment: Environment, text: str) -> Iterator[Drift]:
    """The stack's template must be the bundle's, but for where the code was uploaded to."""
    with aws.errors(f"reading the template of {environment.stack_name}"):
        body = session.client("cloudformation", config=aws.CONFIG).get_template(
            StackName=environment.stack_name, TemplateStage="Original"
        )["TemplateBody"]
    actual, expected = _plain(body), _plain(text)
    for section in sorted(actual.keys() | expected.keys()):
        left, right = expected.get(section), actual.get(section)
        if section == "Resources" and isinstance(left, dict) and isinstance(right, dict):
            for name in sorted(left.keys() | right.keys()):
                if left.get(name) != right.get(name):
                    yield Drift("template", name, _state(left.get(name)), _state(right.get(name)))
        elif left != right:
            yield Drift("template", section, _state(left), _state(right))


def _state(value: Any) -> str:
    return "absent" if value is None else "as in the bundle" if isinstance(value, dict) else str(value)[:80]


def _plain(body: Any) -> dict[str, Any]:
    """A template as data; code locations count as one, since uploading changes them."""
    data = body if isinstance(body, dict) else sources.document(str(body), TEMPLATE).data
    found: dict[str, Any] = json.loads(json.dumps(data, default=str))
    packed = [use.function for use in code.uses(found)]
    for properties in code.holders(found):
        properties.pop("CodeUri", None)
    resources = found.get("Resources")
    for name, resource in resources.items() if isinstance(resources, dict) else ():
        if isinstance(resource, dict):
            resource.pop("Metadata", None)  # sam notes there how it packaged
        if name in packed:  # sam writes what Globals gives to all into each function
            resource.setdefault("Properties", {})["CodeUri"] = "uploaded"
    return found


def _release(session: boto3.Session, environment: Environment, live: Stack, digest: str) -> Iterator[Drift]:
    """The stack's parameters must be those that the last recorded release of its commit was made with."""
    commit = live.parameters.get("Commit", "")
    record = store.commit_record(session, environment.bucket, commit)
    if record is None:
        yield Drift("parameter", "Commit", "a commit whose deployment was recorded", commit or "none")
        return
    for name, key in (("BundleDigest", "bundle"), ("ReleaseDigest", "release")):
        if live.parameters.get(name) != record.get(key):
            yield Drift("parameter", name, str(record.get(key)), str(live.parameters.get(name)))
    for name, value in live.resolved.items():
        path = live.parameters.get(name, "")
        now = parameters.value(session, path)
        if now != value:
            yield Drift("value", path, value, now or "absent")
    # Who changes a parameter of the stack by hand doesn't know to change the digest over all of them with it.
    own = {key: value for key, value in live.parameters.items() if key not in parameters.RELEASE}
    if live.resolved:
        ssm = {live.parameters[name]: value for name, value in live.resolved.items()}
        expected = parameters.digest(digest, own, ssm)
        if expected != live.parameters.get("ReleaseDigest"):
            yield Drift(
                "parameter", "the stack's parameters", "what ReleaseDigest was made of", "other values"
            )


def _functions(session: boto3.Session, live: Stack, template: Template) -> Iterator[Drift]:
    """Each function's code and settings, read back from Lambda, as its aliases serve it and as it stands."""
    names = functions.names(session, live.name)
    for function in functions.of(template):
        for alias in (*function.aliases, ""):
            called, name = function.called(alias), names.get(function.id)
            found = functions.configuration(session, name, alias) if name else None
            if found is None:
                yield Drift("code", called, "a function", "absent")
                continue
            if function.code and found["CodeSha256"] != function.encoded:
                yield Drift("code", called, function.encoded, found["CodeSha256"])
            for setting, key in _SETTINGS.items():
                expected = functions.told(function.settings.get(setting), live.resolved)
                actual = str(found.get(key, ""))
                if expected is not None and actual != expected:
                    yield Drift("setting", f"{called} {setting}", expected, actual or "none")
            yield from _variables(called, function, live, found)


def _variables(called: str, function: Function, live: Stack, found: Mapping[str, Any]) -> Iterator[Drift]:
    """The variables that the template gives a function, as it has them; one that only AWS knows must be there.

    Lambda answers with an Error in their place where they can't be opened, as by who may not decrypt with the
    function's key (EnvironmentResponse in Lambda's API). That the key is the stack's own is a setting of its own.
    """
    environment = found.get("Environment", {})
    if error := environment.get("Error"):
        said = f"{error.get('ErrorCode', 'an error')}: {error.get('Message', 'Lambda gives no reason')}"
        yield Drift("untold", f"{called} variables", "those of the release", said)
        return
    has = environment.get("Variables", {})
    given = dig(function.settings, "Environment", "Variables", default={})
    for variable in sorted(given.keys() | has.keys()):
        expected = functions.told(given[variable], live.resolved) if variable in given else "none"
        actual = str(has[variable]) if variable in has else "none"
        if expected is None and variable not in has:
            yield Drift("setting", f"{called} {variable}", "what the template gives it", actual)
        elif expected is not None and actual != expected:
            yield Drift("setting", f"{called} {variable}", expected, actual)


def bootstrap(session: boto3.Session, environment: Environment, repository: Path) -> Iterator[Drift]:
    """The account's bootstrap must be what this checkout's template says. One that can't be read is told of."""
    path = repository / BOOTSTRAP
    if not path.exists():
        return
    stack = environment.application.bootstrap_stack
    with aws.errors(f"reading the template of {stack}"):
        try:
            body = session.client("cloudformation", config=aws.CONFIG).get_template(
                StackName=stack, TemplateStage="Original"
            )["TemplateBody"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            yield Drift("bootstrap", stack, "a stack", "absent")
            return
    actual, expected = _plain(body), _plain(path.read_text(encoding="utf-8"))
    for section in ("Parameters", "Conditions", "Resources"):
        left, right = expected.get(section) or {}, actual.get(section) or {}
        for name in sorted(left.keys() | right.keys()):
            if left.get(name) != right.get(name):
                yield Drift(
                    "bootstrap",
                    name,
                    _state(left.get(name)),
                    _state(right.get(name)).replace("as in", "other than in"),
                )


def check(found: list[Drift], environment: Environment, adopt: str) -> None:
    """Raises GateError when something blocks the next deployment, unless it is adopted for a reason."""
    for one in found:
        if not one.differs:
            summary.warning("Drift that can't be told", one.text)
    blocking = [one for one in found if one.blocks]
    if not blocking:
        return
    listed = "\n".join(f"  | {one.kind} {one.text}" for one in blocking)
    if adopt.strip():
        summary.warning("Drift adopted", f"{adopt.strip()}\n{listed}")
        return
    raise GateError(
        f"{environment.name} was changed outside of git:\n{listed}",
        "Revert it by hand. If git is right and what is live is to be overwritten, say why in the message of the tag,\n"
        "  in a line of its own at the end: `Adopt-Drift: REASON` (without a tag: --adopt-drift REASON).",
    )


def adoption(tag: str | None) -> str:
    """Why a release may overwrite drift, from the tag's own message: a trailer `Adopt-Drift: why`."""
    if tag is None:
        return ""
    wanted = "--format=%(contents:trailers:key=Adopt-Drift,valueonly)"
    return git.git("for-each-ref", wanted, f"refs/tags/{tag}").strip()


def rows(found: list[Drift]) -> dict[str, list[dict[str, str]]]:
    """The differences, and apart from them what can't be told."""
    told: dict[str, list[dict[str, str]]] = {"drift": [], "untold": []}
    for one in found:
        told["drift" if one.differs else "untold"].append(asdict(one))
    return told


def record(session: boto3.Session, environment: Environment, live: Stack, found: list[Drift]) -> None:
    """Tell the ledger, if there is one, what was found, or that nothing was, once a day.

    One that doesn't listen is told of.
    """
    if not environment.application.ledger:
        return
    url, bundle = live.outputs.get(environment.application.url), live.parameters.get("BundleDigest", "")
    if url is None or not DIGEST.fullmatch(bundle):
        return
    now, whole = deployment.now(), [asdict(one) for one in found]
    document = {"schema": 1, "environment": environment.name, "observed_at": now, **rows(found)}
    key = ledger.identity("drift", environment.name, bundle, now[:10], canonical(whole).decode())
    path, content = ledger.evidence(bundle, "drift", canonical(document), key=key, document=document)
    try:
        ledger.add(session, url, path, content)
    except PipelineError as error:
        summary.warning(
            "Not recorded", f"What the look for drift found is not in the ledger: {error.message}"
        )


def keep_issue(environment: Environment, found: list[Drift], text: str) -> str:
    """One open issue while there is drift; says what came of it. What can't be told neither opens nor closes it.

    Who owns the pipeline by CODEOWNERS hears of it: a person is assigned, a team, which GitHub assigns nothing, named.
    """
    mark = f"<!-- esclusa: drift of {environment.name} -->"
    if any(one.differs for one in found):
        owner = owners(Path.cwd()).get("platform", "")
        where = github.keep_issue(
            mark,
            f"{environment.name} has drifted from git",
            f"{text}\n\n{owner}" if owner else text,
            labels=["drift"],
            assignees=[owner.removeprefix("@")] if owner and "/" not in owner else [],
        )
        return f"issue: {where}" if where else ""
    if not found and github.close_issue(mark, f"{environment.name} is what git says again."):
        return "the issue on drift is closed"
    return ""
