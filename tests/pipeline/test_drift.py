"""Drift: what was changed outside of git is found, named, and stops the next deployment to prod."""

import argparse
import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.base import github
from pipeline.base.canonical import canonical
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.commands import drift as command
from pipeline.delivery import aws, parameters, stack, store
from pipeline.delivery.bundle import Bundle
from pipeline.evidence import notes
from pipeline.ledger import client as ledger
from pipeline.release import decisions, drift
from pipeline.release.drift import Drift
from pipeline.source import samconfig
from pipeline.source.adoption import owners
from tests.pipeline import statements
from tests.pipeline.applications import application
from tests.pipeline.bundles import Repository, make
from tests.pipeline.cloud import URL, Cloud, environment, refused

DEV = environment()
COMMIT = "c" * 40
KEY = "arn:aws:kms:eu-west-1:111111111111:key/data"
# Lambda's answer to who may not decrypt with the function's key: `EnvironmentResponse` in Lambda's API has Variables
# or an Error; the words are those that users of update-function-code and get-function quote.
SHUT = {
    "Error": {
        "ErrorCode": "AccessDeniedException",
        "Message": "Lambda was unable to decrypt your environment variables because the KMS access was denied.",
    }
}
NETWORK = {"SubnetIds": ["subnet-a", "subnet-b"], "SecurityGroupIds": ["sg-1"], "VpcId": "vpc-1"}
TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: python3.13
    MemorySize: 512
    KmsKeyArn: !Ref KeyArn
    Environment: {Variables: {COMMIT: !Ref Commit, LOG_LEVEL: !Ref LogLevel, HOST: !Sub "db:${DatabaseHost}"}}
Parameters:
  DatabaseHost: {Type: "AWS::SSM::Parameter::Value<String>"}
  KeyArn: {Type: String}
  LogLevel: {Type: String}
  Commit: {Type: String}
  Group: {Type: String, Default: sg-1}
Conditions: {Never: !Equals [!Ref LogLevel, never]}
Resources:
  AppFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: app.zip
      Handler: app.aws.handler
      Timeout: 20
      AutoPublishAlias: live
      Environment: {Variables: {QUEUE: !Ref Queue}}
  MigrateFunction:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: app.zip, Handler: app.migrate.handler, Timeout: 300}
  RotationFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: rotation.zip
      Handler: rotation.function.handler
      Timeout: 60
      VpcConfig: {SubnetIds: !Split [";", "subnet-a;subnet-b"], SecurityGroupIds: [!Ref Group]}
  NeverFunction:
    Type: AWS::Serverless::Function
    Condition: Never
    Properties: {CodeUri: app.zip, Handler: app.never.handler}
  Queue: {Type: AWS::SQS::Queue}
"""
SETTINGS = """\
[dev.global.parameters]
stack_name = "esclusa-dev"
region = "eu-west-1"
[dev.pipeline.parameters]
account = "111111111111"
"""
BOOTSTRAP = "Resources:\n  Key: {Type: AWS::KMS::Key, Properties: {PendingWindowInDays: 30}}\n"


class Account(Cloud):
    """An account whose functions and templates can be changed by hand."""

    def setup(self, made: Bundle, folder: Path) -> None:
        (folder / "bootstrap").mkdir(parents=True)
        (folder / "samconfig.toml").write_text(SETTINGS)
        (folder / "bootstrap/template.yaml").write_text(BOOTSTRAP)
        self.templates = {
            "esclusa-dev": TEMPLATE.replace("app.zip", "s3://bucket/1").replace(
                "rotation.zip", "s3://bucket/2"
            ),
            "esclusa-bootstrap": BOOTSTRAP,
        }
        own = {
            "LogLevel": "INFO",
            "CorsOrigins": "",
            "DatabaseHost": "/esclusa/dev/database/host",
            "KeyArn": KEY,
        }
        release = parameters.digest(made.digest, own, self.ssm)
        self.parameters = {**own, "Commit": COMMIT, "BundleDigest": made.digest, "ReleaseDigest": release}
        self.status = "UPDATE_COMPLETE"
        shared = {"COMMIT": COMMIT, "LOG_LEVEL": "INFO", "HOST": "db:db.example.com"}
        self.code = {}
        self.functions = {}
        self.live: dict[str, dict[str, Any]] = {}
        for name, archive, handler, timeout, more in (
            ("AppFunction", "app.zip", "app.aws.handler", 20, {"QUEUE": "https://sqs.example.com/queue"}),
            ("MigrateFunction", "app.zip", "app.migrate.handler", 300, {}),
            ("RotationFunction", "rotation.zip", "rotation.function.handler", 60, {}),
        ):
            self.functions[name] = archive
            self.live[f"esclusa-dev-{name}"] = {
                "CodeSha256": base64.b64encode(bytes.fromhex(made.files[archive])).decode(),
                "Handler": handler,
                "Timeout": timeout,
                "MemorySize": 512,
                "Runtime": "python3.13",
                "KMSKeyArn": KEY,
                "Environment": {"Variables": {**shared, **more}},
            }
        self.live["esclusa-dev-RotationFunction"]["VpcConfig"] = NETWORK

    def get_template(self, **given: str) -> dict[str, Any]:
        if given["StackName"] not in self.templates:
            raise refused("ValidationError", f"Stack with id {given['StackName']} does not exist")
        return {"TemplateBody": self.templates[given["StackName"]]}

    def get_function(self, *, FunctionName: str, Qualifier: str = "") -> dict[str, Any]:  # noqa: N803
        if FunctionName not in self.live:
            raise refused("ResourceNotFoundException")
        return {"Configuration": self.live[FunctionName]}

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        found = super().describe_stacks(StackName=StackName)
        for one in found["Stacks"][0]["Parameters"]:
            if one["ParameterKey"] == "DatabaseHost":
                one["ResolvedValue"] = "db.example.com"
        return found


@pytest.fixture
def account(tmp_path: Path) -> Account:
    made = make(tmp_path / "made", COMMIT, template=TEMPLATE.encode())
    account = Account()
    account.setup(made, tmp_path)
    session: Any = account
    store.put(session, DEV.bucket, made)
    statements.note(account, DEV, made, release=account.parameters["ReleaseDigest"])
    return account


def found(account: Any, folder: Path) -> list[tuple[str, str]]:
    live = stack.read(account, DEV.stack_name)
    return [(one.kind, one.what) for one in drift.find(account, replace(DEV, repository=folder), live)]


def test_what_was_deployed_has_not_drifted(account: Account, tmp_path: Path) -> None:
    """Where the code was uploaded to is no difference."""
    assert [] == found(account, tmp_path)


def test_other_code_is_found(account: Account, tmp_path: Path) -> None:
    """In any of the functions, as the alias serves it or as it stands."""
    account.live["esclusa-dev-RotationFunction"]["CodeSha256"] = "b3RoZXI="

    assert [("code", "RotationFunction")] == found(account, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Timeout", 900),
        ("MemorySize", 128),
        ("Handler", "evil.handler"),
    ],
)
def test_another_setting_is_found(account: Account, tmp_path: Path, name: str, value: object) -> None:
    """What a console can change, of what the template or its globals say."""
    account.live["esclusa-dev-MigrateFunction"][name] = value

    assert [("setting", f"MigrateFunction {name}")] == found(account, tmp_path)


@pytest.mark.parametrize(
    ("function", "network", "expected"),
    [
        ("RotationFunction", {**NETWORK, "SubnetIds": ["subnet-b", "subnet-a"]}, []),
        (
            "RotationFunction",
            {**NETWORK, "SubnetIds": ["subnet-b"]},
            ["SubnetIds: subnet-b, not subnet-a, subnet-b"],
        ),
        ("RotationFunction", {**NETWORK, "SecurityGroupIds": ["sg-2"]}, ["SecurityGroupIds: sg-2, not sg-1"]),
        (
            "RotationFunction",
            None,
            ["SecurityGroupIds: none, not sg-1", "SubnetIds: none, not subnet-a, subnet-b"],
        ),
        ("MigrateFunction", {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""}, []),
        (
            "MigrateFunction",
            NETWORK,
            ["SecurityGroupIds: sg-1, not none", "SubnetIds: subnet-a, subnet-b, not none"],
        ),
    ],
)
def test_another_network_is_found(
    account: Any, tmp_path: Path, function: str, network: dict[str, Any] | None, expected: list[str]
) -> None:
    """Subnets and security groups are the template's, in whichever order; without any Lambda names empty lists
    (VpcConfigResponse in Lambda's API), or nothing."""
    account.live[f"esclusa-dev-{function}"]["VpcConfig"] = network
    live = stack.read(account, DEV.stack_name)
    seen = drift.find(account, replace(DEV, repository=tmp_path), live)

    assert [f"{function} {one}" for one in expected] == sorted(one.text for one in seen)


def test_another_variable_is_found(account: Account, tmp_path: Path) -> None:
    """The log level was turned up by hand."""
    account.live["esclusa-dev-AppFunction"]["Environment"]["Variables"]["LOG_LEVEL"] = "DEBUG"

    assert ("setting", "AppFunction LOG_LEVEL") in found(account, tmp_path)


@pytest.mark.parametrize("key", ["arn:aws:kms:eu-west-1:999999999999:key/other", ""])
def test_another_key_is_found(account: Account, tmp_path: Path, key: str) -> None:
    """Under a key of somebody else's no variable could be read back, whatever it was set to by hand."""
    account.live["esclusa-dev-AppFunction"] |= {"KMSKeyArn": key, "Environment": SHUT}

    assert [
        ("setting", "AppFunction:live KmsKeyArn"),
        ("untold", "AppFunction:live variables"),
        ("setting", "AppFunction KmsKeyArn"),
        ("untold", "AppFunction variables"),
    ] == found(account, tmp_path)


@pytest.mark.parametrize(
    "environment", [SHUT, {"Error": {"ErrorCode": "KMSDisabledException"}}, {"Error": {"Message": "Sorry"}}]
)
def test_variables_that_lambda_does_not_show_can_not_be_told(
    account: Any, tmp_path: Path, environment: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are no difference and block nothing, but are told of: each time, with Lambda's reason."""
    account.live["esclusa-dev-AppFunction"]["Environment"] = environment
    drifted = drift.find(account, replace(DEV, repository=tmp_path), stack.read(account, DEV.stack_name))
    drift.check(drifted, replace(DEV, repository=tmp_path), COMMIT)
    reason = " ".join(environment["Error"].values())

    assert ["AppFunction:live variables", "AppFunction variables"] == [one.what for one in drifted]
    assert {False} == {one.blocks or one.differs for one in drifted}
    assert all("variables: can't be told: " in one.text for one in drifted)
    assert all(word in drifted[0].text for word in reason.split())
    assert 2 == capsys.readouterr().err.count("Drift that can't be told")


def test_variables_that_are_shown_are_compared(account: Account, tmp_path: Path) -> None:
    """That some function's can't be told hides no difference elsewhere; none at all is a difference."""
    account.live["esclusa-dev-AppFunction"]["Environment"] = {}

    assert {"setting"} == {kind for kind, _ in found(account, tmp_path)}


@pytest.mark.parametrize(("status", "differs"), [(0, False), (1, True)])
def test_the_command_counts_differences_alone(
    account: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: int,
    differs: bool,
) -> None:
    """What can't be told has words of its own, fails nothing, and stands apart in JSON."""
    account.live["esclusa-dev-AppFunction"]["Environment"] = SHUT
    if differs:
        account.live["esclusa-dev-RotationFunction"]["Timeout"] = 61
    monkeypatch.setattr(samconfig, "read", lambda *_: DEV)
    monkeypatch.setattr(aws, "session", lambda *_: account)
    monkeypatch.setattr(aws, "check_account", lambda *_: "")
    monkeypatch.setattr(ledger, "add", lambda *_: True)
    monkeypatch.chdir(tmp_path)

    def said(form: str) -> str:
        options = argparse.Namespace(environment="dev", format=form, issue=False)
        assert status == command.main(options)
        return capsys.readouterr().out

    text, data = said("text"), json.loads(said("json"))

    assert f"dev: {'1 difference' if differs else 'no differences'}, 2 can not be told" in text
    assert "untold    AppFunction variables: can't be told: AccessDeniedException: Lambda was unable" in text
    assert [status, 2] == [len(data["drift"]), len(data["untold"])]


def test_a_missing_function_is_found(account: Account, tmp_path: Path) -> None:
    """Somebody deleted it."""
    del account.live["esclusa-dev-RotationFunction"]

    assert [("code", "RotationFunction")] == found(account, tmp_path)


def test_another_template_is_found(account: Account, tmp_path: Path) -> None:
    """A resource was added, another changed, past the pipeline."""
    account.templates["esclusa-dev"] = (
        account.templates["esclusa-dev"].replace("Timeout: 60", "Timeout: 61")
        + "  Door: {Type: AWS::IAM::Role}\n"
    )

    assert [("template", "Door"), ("template", "RotationFunction")] == found(account, tmp_path)


def test_another_parameter_is_found(account: Account, tmp_path: Path) -> None:
    """The digest over all of them was not changed with it."""
    account.parameters["LogLevel"] = "DEBUG"

    assert ("parameter", "the stack's parameters") in found(account, tmp_path)


def test_another_release_is_found(account: Account, tmp_path: Path) -> None:
    """Somebody put another digest into the stack."""
    account.parameters["ReleaseDigest"] = "f" * 64

    assert ("parameter", "ReleaseDigest") in found(account, tmp_path)


def test_a_release_that_nobody_recorded_is_found(account: Account, tmp_path: Path) -> None:
    """Deployed past the pipeline, or its record was lost."""
    del account.objects[DEV.bucket, f"commits/{COMMIT}.json"]

    assert ("parameter", "Commit") in found(account, tmp_path)


@pytest.mark.parametrize("raw", [b"{}", b"x"])
def test_a_record_that_nobody_signed_is_none(
    account: Account, tmp_path: Path, raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one from before records were signed: what then to do is said."""
    account.objects[DEV.bucket, f"commits/{COMMIT}.json"] = raw

    assert [("parameter", "Commit")] == found(account, tmp_path)
    assert "README.md" in capsys.readouterr().err


def pending_note(account: Any, **changes: Any) -> bytes:
    """The note of the live release, as it is written just before its execution."""
    live = account.parameters
    content = {
        **{name: live[key] for name, key in (("commit", "Commit"), ("bundle", "BundleDigest"))},
        "release": live["ReleaseDigest"],
        "version": None,
        "kind": "deploy",
        "actor": "ada",
        "started_at": "2026-01-01T00:00:00Z",
        "decisions": [],
        "passport": None,
    }
    whole = {**content, **changes}
    return notes.sign(account, DEV, "pending", {"manifest.json": whole["bundle"]}, whole)


def test_what_serves_and_was_not_told_of_is_no_change_outside_of_git(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run ended just after its execution: a state of its own, exit 1, which stops no release and opens no issue."""
    del account.objects[DEV.bucket, f"commits/{COMMIT}.json"]
    release = account.parameters["ReleaseDigest"]
    account.objects[DEV.bucket, f"releases/pending/{release}.json"] = pending_note(account)
    session: Any = account
    rows = drift.find(session, replace(DEV, repository=tmp_path), stack.read(session, DEV.stack_name))
    monkeypatch.setattr(drift, "record", lambda *_: None)
    monkeypatch.setattr("pipeline.source.samconfig.read", lambda *_: DEV)
    monkeypatch.setattr("pipeline.delivery.aws.session", lambda *_: account)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    status = cli.main(["drift", "dev"])
    said = capsys.readouterr().out

    assert [("evidence", f"release {release}")] == [(one.kind, one.what) for one in rows]
    assert () == drift.check(rows, replace(DEV, repository=tmp_path), COMMIT)
    assert not any(one.differs or one.blocks for one in rows)
    assert 1 == status
    assert f"release {release}: serves, evidence missing; ada began it at 2026-01-01T00:00:00Z" in said
    assert "dev: no differences, serves, evidence missing\n" in said
    assert "" == drift.keep_issue(DEV, rows, "")


@pytest.mark.parametrize(
    "changes",
    [{"release": "f" * 64}, {"commit": "e" * 40}, {"bundle": "d" * 64}],
    ids=lambda one: next(iter(one)),
)
def test_a_note_of_another_release_hides_no_change(
    account: Account, tmp_path: Path, changes: dict[str, str]
) -> None:
    """Signed, and laid where the live release's belongs; nor one that nobody signed."""
    del account.objects[DEV.bucket, f"commits/{COMMIT}.json"]
    place = (DEV.bucket, f"releases/pending/{account.parameters['ReleaseDigest']}.json")
    for raw in (pending_note(account, **changes), b"{}", b"x"):
        account.objects[place] = raw

        assert [("parameter", "Commit")] == found(account, tmp_path)


def test_a_value_that_moved_is_found_and_blocks_nothing(account: Any, tmp_path: Path) -> None:
    """The next deployment takes it over, as a release of its own."""
    account.ssm["/esclusa/dev/database/host"] = "other.example.com"
    live = stack.read(account, DEV.stack_name)
    (one,) = drift.find(account, replace(DEV, repository=tmp_path), live)

    assert ("value", "db.example.com", "other.example.com") == (one.kind, one.expected, one.actual)
    assert () == drift.check([one], replace(DEV, repository=tmp_path), COMMIT)


def test_another_bootstrap_is_found(account: Account, tmp_path: Path) -> None:
    """What the account trusts is not what main says; nor if it is gone."""
    account.templates["esclusa-bootstrap"] = BOOTSTRAP.replace("30", "7")
    changed = found(account, tmp_path)
    del account.templates["esclusa-bootstrap"]

    assert [("bootstrap", "Key")] == changed
    assert [("bootstrap", "esclusa-bootstrap")] == found(account, tmp_path)


def test_nothing_deployed_has_not_drifted(account: Account, tmp_path: Path) -> None:
    """A first deployment is not held up."""
    account.status = "ABSENT"

    assert [] == found(account, tmp_path)


TIMEOUT = Drift("setting", "AppFunction Timeout", "20", "900")
OTHER = Drift("code", "AppFunction", "a", 'b"\\')


def adoption(*drift: str, release: str, **changes: str) -> str:
    entry = {
        "environment": "dev",
        "release": release,
        "drift": list(drift),
        "reason": "outage",
        "owner": "sec",
    }
    return decisions.written("adoption", {**entry, **changes})


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository(tmp_path / "clone")
    monkeypatch.chdir(made.folder)
    return made


def stopped(found: list[Drift], repository: Repository, commit: str) -> GateError:
    with pytest.raises(GateError, match="dev was changed outside of git") as caught:
        drift.check(found, replace(DEV, repository=repository.folder), commit)
    return caught.value


@pytest.mark.parametrize("named", ["commit", "tag"])
def test_drift_stops_a_deployment_until_its_owners_adopt_it(
    repository: Repository, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    """What the refusal shows is pasted into the file; merged, it lets this release overwrite exactly that."""
    commit = repository.commit("release")
    repository.tag("v1.0.0")
    both = [TIMEOUT, OTHER]
    shown = stopped(both, repository, commit)
    pasted = "\n".join(
        line.removeprefix("  | ") for line in shown.hint.splitlines() if line.startswith("  | ")
    )
    assert "  | setting AppFunction Timeout: 900, not 20\n" in shown.message + "\n"
    if named == "tag":
        pasted = pasted.replace(commit, "v1.0.0")
    repository.commit("adopt", {drift.ADOPTIONS: pasted + "\n"})
    told = drift.check(both, replace(DEV, repository=repository.folder), commit)

    assert "Overwrites setting AppFunction Timeout: 900, not 20, as ... decided: ..." == told[0]
    assert 2 == len(told)
    assert told[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            lambda commit: adoption("setting AppFunction Timeout: 900, not 20", release=commit),
            "code AppFunction",
        ),
        (
            lambda commit: adoption("setting AppFunction Timeout: 901, not 20", release=commit),
            "setting AppFunction",
        ),
        (
            lambda _: adoption("setting AppFunction Timeout: 900, not 20", release="f" * 40),
            "setting AppFunction",
        ),
        (
            lambda _: adoption("setting AppFunction Timeout: 900, not 20", release="v9.9.9"),
            "setting AppFunction",
        ),
        (
            lambda commit: adoption(
                "setting AppFunction Timeout: 900, not 20", release=commit, environment="prod"
            ),
            "setting AppFunction",
        ),
        (lambda _: "", "setting AppFunction"),
    ],
)
def test_nothing_else_is_adopted_with_it(repository: Repository, text: Any, left: str) -> None:
    """What changed after the decision, another value, another release, another environment."""
    commit = repository.commit("release")
    repository.commit("adopt", {drift.ADOPTIONS: text(commit)})

    assert left in stopped([TIMEOUT, OTHER], repository, commit).message


def test_a_tag_s_message_adopts_nothing(repository: Repository) -> None:
    """A tag can be made anew at the same commit, after the approval; and its maker needs nobody's."""
    message = "v1.0.0\n\nAdopt-Drift: raised during the outage of Monday"
    repository.git("tag", "--annotate", "v1.0.0", "--message", message)

    stopped([TIMEOUT], repository, repository.first)


def test_an_adoption_on_another_branch_counts_for_nothing(repository: Repository) -> None:
    """The tag's own commit may hold it; main doesn't."""
    repository.git("checkout", "--quiet", "-b", "other")
    text = adoption(f"setting {TIMEOUT.text}", release="v1.0.0")
    commit = repository.commit("adopt", {drift.ADOPTIONS: text})
    repository.tag("v1.0.0")

    stopped([TIMEOUT], repository, commit)


@pytest.mark.parametrize(
    "text",
    [
        "[[",
        "adoption = 1\n",
        adoption(release="main"),
        adoption(release="v1.0.0").replace("reason", "why"),
        adoption(release="v1.0.0", owner=" "),
    ],
)
def test_an_adoption_that_can_not_be_read_stops(repository: Repository, text: str) -> None:
    """By whom, for what and why: none is guessed."""
    repository.commit("adopt", {drift.ADOPTIONS: text})

    with pytest.raises(ConfigurationError, match=r"policies/adoptions\.toml.* can't be read"):
        drift.check([TIMEOUT], replace(DEV, repository=repository.folder), repository.first)


class Issues:
    """GitHub's issues in memory."""

    def __init__(self) -> None:
        self.issues: list[dict[str, Any]] = []
        self.comments: list[str] = []

    def ask(self, method: str, path: str, body: Any) -> Any:
        if method == "GET":
            return [one for one in self.issues if one["state"] == "open"] if "page=1" in path else []
        if path.endswith("/comments"):
            self.comments.append(body["body"])
        elif method == "POST":
            number = len(self.issues) + 1
            mine = {"user": {"login": "github-actions[bot]"}, "html_url": f"https://x/{number}"}
            self.issues.append({"number": number, "state": "open", **mine, **body})
            return self.issues[-1]
        else:
            self.issues[int(path.rsplit("/", 1)[1]) - 1].update(body)
            return self.issues[int(path.rsplit("/", 1)[1]) - 1]
        return {}


def test_one_issue_is_kept_and_closes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found twice, gone, found again: the first issue is updated and closed, the second is new."""
    issues = Issues()
    monkeypatch.setattr(github, "ask", issues.ask)
    one = Drift("setting", "AppFunction Timeout", "20", "900")
    for state in ([one], [one, one], [], [], [one]):
        drift.keep_issue(DEV, state, json.dumps(len(state)))

    assert ["closed", "open"] == [each["state"] for each in issues.issues]
    assert ("2", ["drift"]) == (issues.issues[0]["body"].splitlines()[1], issues.issues[0]["labels"])
    assert issues.issues[0]["body"].endswith(f"\n{owners(Path.cwd())['platform']}")
    assert ["dev is what git says again."] == issues.comments

    untold = Drift("untold", "AppFunction variables", "those of the release", "AccessDeniedException: no")
    drift.keep_issue(DEV, [untold], "")
    assert ["closed", "open"] == [each["state"] for each in issues.issues]
    drift.keep_issue(DEV, [], "")
    drift.keep_issue(DEV, [untold], "")
    assert ["closed", "closed"] == [each["state"] for each in issues.issues]


def test_the_ledger_is_told_once_a_day(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was found, or that nothing was, about the bundle that serves: the same finding has the same id."""
    told: list[Any] = []
    monkeypatch.setattr(ledger, "add", lambda *words: told.append(words[1:]))
    session: Any = account
    one = Drift("setting", "AppFunction Timeout", "20", "900")
    for state in ([one], [one], []):
        drift.record(session, DEV, stack.read(session, DEV.stack_name), state)
    (url, path, first), (_, _, second), (_, _, none) = told

    assert (URL, "/api/evidence") == (url, path)
    assert first["id"] == second["id"] != none["id"]
    assert account.parameters["BundleDigest"] == first["bundle"]
    assert (
        "drift",
        [],
        [{"kind": "setting", "what": "AppFunction Timeout", "expected": "20", "actual": "900"}],
    ) == (
        first["name"],
        none["document"]["drift"],
        first["document"]["drift"],
    )
    assert first["size"] == len(canonical(first["document"]))

    def deaf(*_: Any) -> bool:
        raise GateError("The ledger answered 503")

    monkeypatch.setattr(ledger, "add", deaf)
    drift.record(session, DEV, stack.read(session, DEV.stack_name), [])
    assert "The ledger answered 503" in capsys.readouterr().err


def test_an_application_without_a_ledger_is_told_nothing(account: Account) -> None:
    """What was found is printed, and recorded nowhere."""
    session: Any = account
    silent = environment(application=application("ledger = true", "ledger = false"))
    before = len(account.calls)
    drift.record(session, silent, stack.read(session, DEV.stack_name), [])

    assert ["stack"] == account.calls[before:]


@pytest.mark.parametrize(
    ("function", "variable", "value"),
    [
        ("AppFunction", "HOST", "db:elsewhere.example.com"),
        ("MigrateFunction", "COMMIT", "f" * 40),
        ("RotationFunction", "LOG_LEVEL", "DEBUG"),
        ("RotationFunction", "PYTHONPATH", "/tmp/evil"),
        ("MigrateFunction", "LOG_LEVEL", None),
        ("AppFunction", "QUEUE", None),
    ],
)
def test_a_variable_of_any_function_is_compared(
    account: Account, tmp_path: Path, function: str, variable: str, value: str | None
) -> None:
    """Changed, added or taken away; also what hangs on a value in SSM, and what only AWS can know."""
    variables = account.live[f"esclusa-dev-{function}"]["Environment"]["Variables"]
    if value is None:
        del variables[variable]
    else:
        variables[variable] = value

    assert ("setting", f"{function} {variable}") in found(account, tmp_path)


def test_a_function_that_a_condition_leaves_out_is_not_missed(account: Account, tmp_path: Path) -> None:
    """It is in no stack of this environment; another one that is gone from the stack is missed."""
    assert [] == found(account, tmp_path)
    del account.functions["MigrateFunction"]

    assert [("code", "MigrateFunction")] == found(account, tmp_path)


def test_code_that_globals_name_is_code(account: Account, tmp_path: Path) -> None:
    """sam writes the CodeUri of Globals into each function that it packs: that is no difference."""
    template = TEMPLATE.replace("CodeUri: app.zip, ", "").replace("      CodeUri: app.zip\n", "")
    template = template.replace(
        "    Runtime: python3.13\n", "    Runtime: python3.13\n    CodeUri: app.zip\n"
    )
    made = make(tmp_path / "globals", COMMIT, template=template.encode())
    session: Any = account
    store.put(session, DEV.bucket, made)
    account.setup(made, tmp_path / "again")
    packed = template.replace(
        "    Properties:\n      Handler", "    Properties:\n      CodeUri: s3://b/1\n      Handler"
    )
    packed = packed.replace("Properties: {Handler", "Properties: {CodeUri: s3://b/1, Handler")
    account.templates["esclusa-dev"] = packed.replace("rotation.zip", "s3://b/2")

    assert [("parameter", "BundleDigest"), ("parameter", "ReleaseDigest")] == found(account, tmp_path)
