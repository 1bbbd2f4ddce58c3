"""Drift: what runs, against what git and the bucket say should."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
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
from pipeline.evidence import notes, pending, served
from pipeline.ledger import client as ledger
from pipeline.plan import sources
from pipeline.release import decisions
from pipeline.source import code
from pipeline.source.adoption import owners
from pipeline.source.project import BOOTSTRAP
from pipeline.source.samconfig import Environment
from pipeline.source.stacks import Stack as Template
from pipeline.source.stacks import dig

# Where the record of the live commit's deployment is missing, or is of an earlier release of that commit.
RECORD = (("parameter", "Commit"), ("parameter", "BundleDigest"), ("parameter", "ReleaseDigest"))
ADOPTIONS = "policies/adoptions.toml"
_ADOPTION: Mapping[str, decisions.Fields] = {
    "adoption": {"environment": str, "release": str, "drift": list, "reason": str, "owner": str}
}
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
    """One difference: `kind` is template, parameter, code, setting, value, evidence or bootstrap.

    What is missing as `evidence` isn't different from git: a run ended before it had told all of a release that serves,
    and the next one makes up for it. A `value` in SSM is no change by the back door: the next deployment takes it over,
    as a release of its own. What is `untold` is no difference: AWS didn't show it, and `actual` says why.
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
        return self.kind not in ("untold", "evidence")

    @property
    def missing(self) -> bool:
        """Whether it is what git says, and nobody told of it."""
        return self.kind == "evidence"

    @property
    def text(self) -> str:
        """What it is, on one line."""
        if self.missing:
            return one_line(f"{self.what}: {self.actual}. {self.expected}")
        said = f"{self.actual}, not {self.expected}" if self.differs else f"can't be told: {self.actual}"
        return one_line(f"{self.what}: {said}")


@dataclass(frozen=True)
class Adoption:
    """What of an environment's drift a release may overwrite, word for word as it was seen."""

    environment: str
    release: str
    drift: tuple[str, ...]
    reason: str
    owner: str


def find(session: boto3.Session, environment: Environment, live: Stack) -> list[Drift]:
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
    template = sources.bundled(environment.name, text, files, live.parameters, environment.repository)
    found += _functions(session, live, template)
    found += bootstrap(session, environment)
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
    if left := _left(session, environment, live):
        yield left
    else:
        yield from _recorded(session, environment, live, commit)
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


def _left(session: boto3.Session, environment: Environment, live: Stack) -> Drift | None:
    """What serves as the pipeline put it there, when no run has told of it yet."""
    try:
        left = pending.find(session, environment, live.parameters)
    except notes.DisbelievedError as error:
        summary.warning("Not believed", error.message)
        return None
    if left is None:
        return None
    said = f"{pending.STATE}; {left.actor} began it at {left.started_at}"
    return Drift(
        "evidence", f"release {left.release}", "The next run makes up for it, or the same one again", said
    )


def _recorded(session: boto3.Session, environment: Environment, live: Stack, commit: str) -> Iterator[Drift]:
    """The release must be the one that was noted of its commit; a note that isn't signed is none."""
    wanted = "a commit whose deployment was recorded"
    if not git.COMMIT.fullmatch(commit):
        yield Drift("parameter", "Commit", wanted, commit or "none")
        return
    try:
        record = served.find(session, environment, commit)
    except notes.DisbelievedError as error:
        summary.warning("Not believed", f"{error.message} {error.hint}")
        yield Drift("parameter", "Commit", f"{wanted} and signed", commit)
        return
    if record is None:
        yield Drift("parameter", "Commit", wanted, commit)
        return
    for name, noted in (("BundleDigest", record.bundle), ("ReleaseDigest", record.release)):
        if live.parameters.get(name) != noted:
            yield Drift("parameter", name, noted, str(live.parameters.get(name)))


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
            yield from _network(called, function, live, found)
            yield from _variables(called, function, live, found)


def _network(called: str, function: Function, live: Stack, found: Mapping[str, Any]) -> Iterator[Drift]:
    """The subnets and security groups of a function, in whichever order; Lambda names empty lists where it has none."""
    given, has = dig(function.settings, "VpcConfig", default={}), found.get("VpcConfig") or {}
    for part in ("SubnetIds", "SecurityGroupIds"):
        value = given.get(part, []) if isinstance(given, dict) else given
        wanted = [
            functions.told(one, live.resolved) for one in (value if isinstance(value, list) else [value])
        ]
        expected = sorted(name for one in wanted if one is not None for name in one.split(",") if name)
        actual = sorted(map(str, has.get(part, ())))
        if None not in wanted and actual != expected:
            yield Drift(
                "setting", f"{called} {part}", ", ".join(expected) or "none", ", ".join(actual) or "none"
            )


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


def bootstrap(session: boto3.Session, environment: Environment) -> Iterator[Drift]:
    """The account's bootstrap must be what this checkout's template says. One that can't be read is told of."""
    path = environment.repository / BOOTSTRAP
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


def check(found: list[Drift], environment: Environment, commit: str) -> tuple[str, ...]:
    """Raises GateError when something blocks the next deployment that nobody adopted for this commit.

    Returns the decisions by which what blocks is overwritten, for the records.
    """
    for one in found:
        if not one.differs:
            summary.warning("Evidence missing" if one.missing else "Drift that can't be told", one.text)
    blocking = [f"{one.kind} {one.text}" for one in found if one.blocks]
    adopted: dict[str, str] = {}
    for entry in _adoptions(environment) if blocking else ():
        if entry.environment == environment.name and decisions.names(
            entry.release, commit, environment.repository
        ):
            adopted |= dict.fromkeys(entry.drift, one_line(f"as {entry.owner} decided: {entry.reason}"))
    left = [text for text in blocking if text not in adopted]
    if left:
        pasted = {
            "environment": environment.name,
            "release": commit,
            "drift": left,
            "reason": "...",
            "owner": "...",
        }
        raise GateError(
            f"{environment.name} was changed outside of git:\n" + "\n".join(f"  | {text}" for text in left),
            "Revert it by hand. If git is right and what is live is to be overwritten, its owners say so in"
            f" {ADOPTIONS},\n  on {environment.application.branch}:\n"
            + decisions.pasted(decisions.written("adoption", pasted)).rstrip("\n"),
        )
    told = tuple(f"Overwrites {text}, {adopted[text]}" for text in blocking)
    if told:
        summary.warning("Drift adopted", "\n".join(told))
    return told


def _adoptions(environment: Environment) -> list[Adoption]:
    text = decisions.merged(environment, ADOPTIONS)
    return [
        Adoption(
            entry["environment"],
            decisions.checked_release(entry["release"], f"{ADOPTIONS}: [[adoption]]"),
            tuple(str(one) for one in entry["drift"]),
            entry["reason"],
            entry["owner"],
        )
        for _, entry in decisions.entries(text, ADOPTIONS, _ADOPTION)
    ]


def rows(found: list[Drift]) -> dict[str, list[dict[str, str]]]:
    """The differences, and apart from them what can't be told, and what wasn't told of what serves."""
    told: dict[str, list[dict[str, str]]] = {"drift": [], "untold": [], "missing": []}
    for one in found:
        told["drift" if one.differs else "missing" if one.missing else "untold"].append(asdict(one))
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
        owner = owners(environment.repository).get("platform", "")
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
