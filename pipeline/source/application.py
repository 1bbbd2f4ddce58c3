"""What the table [application] of samconfig.toml says: what is deployed, and what its names begin with.

Which functions there are, and what they are called, is the template's to say; this says what their code is.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.base.run import run
from pipeline.source.configuration import APPLICATION, DEFAULT, FILE, VERSION, Fault, document, refusal
from pipeline.source.located import Document, Place

BUILT = "build"  # the folder that a CodeUri names; nothing lies there, since a bundle is built elsewhere
_ACCOUNT, _ENVIRONMENT, _BUCKET = 12, 12, 63  # characters; template.yaml holds an environment's name to 12
# Lambda's and IAM's names may have 64 characters, so that a bucket's is the tightest of all that are made of it.
LONGEST_NAME = _BUCKET - len("--access-logs-") - _ENVIRONMENT - _ACCOUNT
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# Sources: S3's rules for bucket names; SSM's constraints on the names of parameters.
_TAKEN = ("amzn-s3-demo-", "aws", "ssm", "sthree-")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
# A part of what git check-ref-format takes: none of it is read as an option or as an address of something else.
_BRANCH = re.compile(r"(?!.*(\.\.|//|/\.|\.lock(/|$)))[A-Za-z0-9_][A-Za-z0-9._/-]*(?<![./])")
_OUTPUT = re.compile(r"[A-Za-z0-9]{1,255}")
_ROUTE = re.compile(r"/[A-Za-z0-9._~/-]*")
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_GROUP = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_WATCH = "-drift"  # the names of environments have no hyphen: bootstrap/template.yaml
_CODE, _SETTING = 3, 1  # how many steps name the table: [application.code.NAME], [application]
_MENDED = "docs/your-application.md shows the table."


def watch(environment: str) -> str:
    """The environment on GitHub of the jobs that look at one, and change nothing: no reviewer is asked for them."""
    return f"{environment}{_WATCH}"


def watched(name: str) -> str:
    """The environment that jobs in an environment of GitHub look at; empty where they may change it."""
    return name.removesuffix(_WATCH) if name.endswith(_WATCH) else ""


@dataclass(frozen=True)
class Code:
    """What functions of one CodeUri run: folders of the repository, and the packages of a group of uv.lock."""

    name: str
    folders: tuple[str, ...]
    group: str

    @property
    def uri(self) -> str:
        """The CodeUri of its functions in the template."""
        return f"{BUILT}/{self.name}/"

    @property
    def archive(self) -> str:
        """The file of it in a bundle."""
        return f"{self.name}.zip"


@dataclass(frozen=True)
class Application:
    """The application. `name` begins every name in its accounts, so that two applications never meet there.

    `url` is the output with the API's address. `health` are the routes that must answer a release with 200, and
    `version` the one that must also name the release. With `ledger` it keeps the records of deployments itself.
    `samples` are values of the functions' variables for a look at its routes, where only AWS knows the real ones.
    """

    name: str
    repository: str
    branch: str
    ledger: bool
    url: str
    health: tuple[str, ...]
    version: str
    code: Mapping[str, Code] = field(hash=False)
    samples: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def folders(self) -> tuple[str, ...]:
        """Every folder whose code is shipped, each once."""
        return tuple(dict.fromkeys(folder for code in self.code.values() for folder in code.folders))

    # -- names that bootstrap/template.yaml makes of it; samconfig.toml has the stack, the bucket and the roles --

    @property
    def bootstrap_stack(self) -> str:
        """The stack that an administrator deploys, once for each application and account."""
        return f"{self.name}-bootstrap"

    def prefix(self, environment: str) -> str:
        """What the names of an environment begin with."""
        return f"{self.name}-{environment}"

    def parameters(self, environment: str) -> str:
        """What the names of an environment's SSM parameters begin with."""
        return f"/{self.name}/{environment}"

    def artifact_bucket(self, environment: str, account: str) -> str:
        """The bucket that bundles lie in."""
        return f"{self.prefix(environment)}-artifacts-{account}"

    def evidence_bucket(self, environment: str, account: str) -> str:
        """The bucket with Object Lock that passports lie in."""
        return f"{self.prefix(environment)}-evidence-{account}"

    def deploy_role(self, environment: str) -> str:
        """The role that a workflow job becomes."""
        return f"{self.prefix(environment)}-deploy"

    def drift_role(self, environment: str, deploy_role: str) -> str:
        """The ARN of the role of jobs that look and change nothing: it stands beside the deploy role's."""
        return f"{deploy_role.rpartition('/')[0]}/{self.prefix(environment)}{_WATCH}"

    def execution_role(self, environment: str) -> str:
        """The role that CloudFormation becomes."""
        return f"{self.prefix(environment)}-execution"

    def boundary(self, environment: str) -> str:
        """The policy that bounds every role of the application."""
        return f"{self.prefix(environment)}-boundary"

    def signing_key(self, environment: str) -> str:
        """The alias of the key that signs what is said of bundles and releases."""
        return f"alias/{self.prefix(environment)}-signing"

    def promotion_key(self, environment: str) -> str:
        """The SSM parameter with the public key that signs what this environment takes over."""
        return f"{self.parameters(environment)}/promotion-key"


def read(folder: Path) -> Application:
    """What `folder`/samconfig.toml says of the application. Raises ConfigurationError with the line."""
    return described(document(folder))


def described(settings: Document) -> Application:
    """What a samconfig.toml that was read says of the application. Raises ConfigurationError with the line."""
    application, faults = settle(settings.data)
    if faults:
        raise refusal(settings, faults[0])
    return application


def of(commit: str, repository: Path, today: Application) -> Application:
    """What the file said of the application at a commit, for what that commit's code answers and is made of.

    `today`'s where this clone has no such commit, or the commit no table that can be taken: it is from before.
    """
    done = run(["git", "show", f"{commit}:{FILE}"], cwd=repository, check=False)
    try:
        application, faults = settle(tomllib.loads(done.stdout))
    except tomllib.TOMLDecodeError:
        return today
    return application if done.status == 0 and not faults else today


def settle(data: Mapping[str, Any]) -> tuple[Application, list[Fault]]:
    """The application in a parsed samconfig.toml, and all that can't be taken; it is whole where that is nothing."""
    table = data.get(APPLICATION)
    reader = _Reader(data, table if isinstance(table, dict) else {})
    application = reader.application()
    if isinstance(table, dict):
        return application, reader.faults
    message = "is missing: it says what is deployed" if table is None else "is not a table"
    return application, [Fault((APPLICATION,), message, _MENDED)]


class _Reader:
    """The table, read in order; `faults` gathers what can't be taken."""

    def __init__(self, data: Mapping[str, Any], table: Mapping[str, Any]) -> None:
        self.faults: list[Fault] = []
        self.environments = [name for name in data if name not in (VERSION, DEFAULT, APPLICATION)]
        self.table = table

    def application(self) -> Application:
        self._known(self.table, (APPLICATION,), (*_KEYS, "code", _SAMPLES), _SETTING)
        return Application(
            name=self._name(),
            repository=self._text("repository", _REPOSITORY, "OWNER/REPOSITORY as GitHub spells it"),
            branch=self._text("branch", _BRANCH, "the name of a branch, such as main"),
            ledger=self._flag("ledger"),
            url=self._text("url", _OUTPUT, "the name of one of the template's outputs"),
            health=self._texts((APPLICATION, "health"), _ROUTE, "routes such as /health", may_be_empty=True),
            version=self._text("version", _ROUTE, "a route such as /version"),
            code={name: self._code(name, body) for name, body in self._codes()},
            samples=self._samples(),
        )

    def _samples(self) -> dict[str, str]:
        found = self.table.get(_SAMPLES, {})
        if not isinstance(found, dict):
            self._refuse(
                (APPLICATION, _SAMPLES), f"{_SAMPLES} is not a table of variables and values: {found!r}"
            )
            return {}
        for name, value in found.items():
            if not isinstance(value, str):
                self._refuse((APPLICATION, _SAMPLES, name), f"{_SAMPLES}.{name} is not a text: {value!r}")
        return {name: str(value) for name, value in found.items()}

    def _name(self) -> str:
        name = self._text("name", _NAME, "lower-case letters and digits in words joined by one hyphen")
        place: Place = (APPLICATION, "name")
        if not name:
            return ""
        if not 2 <= len(name) <= LONGEST_NAME:
            message = f"name has {len(name)} characters; 2 to {LONGEST_NAME} can be"
            hint = f"NAME-ENVIRONMENT-access-logs-ACCOUNT is a bucket's name, which may have {_BUCKET} characters."
            self._refuse(place, message, hint)
        if taken := next((one for one in _TAKEN if name.startswith(one)), ""):
            message = f"name begins with {taken}, which AWS keeps to itself in names of buckets or parameters"
            self._refuse(place, message, "Take another name.")
        if inner := next((part for part in name.split("-")[1:] if part in self.environments), ""):
            message = f"name has -{inner} in it: what an application {name.partition(f'-{inner}')[0]!r} may do in its"
            hint = "Leave the environment out of the name."
            self._refuse(place, f"{message} environment {inner} would reach this one's", hint)
        return name

    def _codes(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        codes = self.table.get("code")
        if not isinstance(codes, dict) or not codes:
            message = "has no table [application.code.NAME]" if codes in (None, {}) else "code is not a table"
            self._refuse((APPLICATION, "code"), message, _MENDED)
            return
        for name, body in codes.items():
            if not isinstance(body, dict):
                self._refuse((APPLICATION, "code", name), f"code.{name} is not a table", _MENDED)
            elif not _NAME.fullmatch(name):
                message = f"{name!r} is not lower-case letters and digits in words joined by one hyphen"
                self._refuse((APPLICATION, "code", name), message, f"It is a folder in {BUILT}/ and a file.")
            else:
                yield name, body

    def _code(self, name: str, body: Mapping[str, Any]) -> Code:
        place: Place = (APPLICATION, "code", name)
        self._known(body, place, ("folders", "group"), _CODE)
        folders = self._texts((*place, "folders"), _FOLDER, "folders of this repository, such as app")
        for folder in folders:
            if outer := next((one for one in folders if folder.startswith(f"{one}/")), ""):
                self._refuse((*place, "folders"), f"folders has {folder}, which {outer} holds", depth=_CODE)
        group = self._value((*place, "group"))
        if group is not None and not (isinstance(group, str) and _GROUP.fullmatch(group)):
            message = f"group is not the name of a group of pyproject.toml: {group!r}"
            self._refuse((*place, "group"), message, depth=_CODE)
        return Code(name, folders, str(group))

    # -- values --

    def _known(self, table: Mapping[str, Any], place: Place, keys: tuple[str, ...], depth: int) -> None:
        for key in table:
            if key not in keys:
                self._refuse((*place, key), f"knows no {key}", f"It has: {', '.join(keys)}.", depth)

    def _refuse(self, place: Place, message: str, hint: str = "", depth: int = _SETTING) -> None:
        self.faults.append(Fault(place, message, hint, depth=depth))

    def _value(self, place: Place) -> Any:
        value: Any = self.table
        for step in place[1:]:
            value = value.get(step)
        if value is None:
            self._refuse(place, f"has no {place[-1]}", _MENDED, len(place) - 1)
        return value

    def _text(self, key: str, shape: re.Pattern[str], what: str) -> str:
        value = self._value((APPLICATION, key))
        if isinstance(value, str) and shape.fullmatch(value):
            return value
        if value is not None:
            self._refuse((APPLICATION, key), f"{key} is not {what}: {value!r}")
        return ""

    def _texts(
        self, place: Place, shape: re.Pattern[str], what: str, *, may_be_empty: bool = False
    ) -> tuple[str, ...]:
        key, value, depth = place[-1], self._value(place), len(place) - 1
        if value is None:
            return ()
        if not isinstance(value, list) or not (value or may_be_empty):
            self._refuse(place, f"{key} is not a list of {what}: {value!r}", depth=depth)
            return ()
        for index, one in enumerate(value):
            if not (isinstance(one, str) and shape.fullmatch(one)):
                self._refuse((*place, index), f"{key} holds {one!r}; it is a list of {what}", depth=depth)
            elif one in value[:index]:
                self._refuse((*place, index), f"{key} holds {one} twice", depth=depth)
        return tuple(str(one) for one in value)

    def _flag(self, key: str) -> bool:
        value = self._value((APPLICATION, key))
        if value is not None and not isinstance(value, bool):
            self._refuse((APPLICATION, key), f"{key} is neither true nor false: {value!r}", "Without quotes.")
        return value is True


_SAMPLES = "samples"  # the only key that may be missing
_KEYS = ("name", "repository", "branch", "ledger", "url", "health", "version")
