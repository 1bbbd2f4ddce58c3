"""What CloudFormation takes from the bucket: these bytes, by their version, whoever else writes there."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.errors import ConfigurationError, GateError
from pipeline.delivery import changeset, packages, store
from pipeline.delivery.bundle import Bundle
from pipeline.delivery.packages import Location
from pipeline.release import deploy
from pipeline.source.located import parse
from tests.pipeline.bundles import Repository, make
from tests.pipeline.cloud import Cloud
from tests.pipeline.test_deploy import begin, put

BUCKET = "dev-artifacts"
PLACES = {
    "app.zip": Location("b", "packages/1.zip", "v1"),
    "rotation.zip": Location("b", "packages/2.zip", "v'2\""),
}


@pytest.fixture
def release(tmp_path: Path, repository: Repository, cloud: Any) -> Bundle:
    """A bundle of the first commit, in dev's bucket."""
    made = make(tmp_path / "one", repository.first)
    store.put(cloud, BUCKET, made)
    return made


def key(content: bytes, ending: str = "zip") -> str:
    return f"packages/{hashlib.sha256(content).hexdigest()}.{ending}"


@pytest.mark.parametrize("archive", ["app.zip", "rotation.zip"])
def test_what_somebody_laid_at_the_key_is_not_used(cloud: Cloud, release: Bundle, archive: str) -> None:
    """Every key can be foreseen. Code of any function, there before the release: the functions run the bundle's."""
    cloud.functions = {"AppFunction": "app.zip"}
    mine = release.path(archive).read_bytes()
    cloud.objects[BUCKET, key(mine)] = b"foreign"
    put(cloud, release)
    at = parse(cloud.template, "template.yaml").data["Resources"]["AppFunction"]["Properties"]["CodeUri"]

    assert release.path("app.zip").read_bytes() == cloud.versions[BUCKET, at["Key"], at["Version"]]
    assert mine == cloud.objects[BUCKET, key(mine)]


def test_what_is_written_over_it_afterwards_is_not_used(
    cloud: Cloud, release: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the upload and CloudFormation's look, the code and the template alike: a version never changes."""
    create = cloud.create_change_set

    def after_the_attacker(**given: Any) -> dict[str, str]:
        for bucket, name in list(cloud.objects):
            if name.startswith("packages/"):
                cloud.put_object(Bucket=bucket, Key=name, Body=b"foreign")
        return create(**given)

    monkeypatch.setattr(cloud, "create_change_set", after_the_attacker)
    put(cloud, release)

    assert release.digest == cloud.parameters["BundleDigest"]
    assert b"foreign" not in {cloud.template.encode(), *(cloud.versions[one] for one in _used(cloud))}


def _used(cloud: Cloud) -> list[tuple[str, str, str]]:
    data = parse(cloud.template, "template.yaml").data["Resources"].values()
    return [tuple(one["Properties"]["CodeUri"].values()) for one in data]


def _foreign_variable(text: str) -> str:
    return text.replace("Variables: {", "Variables: {PYTHONPATH: /tmp, ")


def _foreign_code(text: str) -> str:
    return text.replace('"version-1"', '"version-2"')


def _foreign_resource(text: str) -> str:
    return text + "  Backdoor: {Type: AWS::IAM::User}\n"


def _foreign_section(text: str) -> str:
    return text.replace(
        "Resources:", "Outputs: {Secret: {Value: '{{resolve:secretsmanager:x}}'}}\nResources:"
    )


@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        (_foreign_variable, "Resources.AppFunction"),
        (_foreign_code, "Resources.AppFunction"),
        (_foreign_resource, "Resources.Backdoor"),
        (_foreign_section, "Outputs"),
        (lambda _: "a: [", "cannot|expected|parse"),
        (lambda _: "[]", "it is no template"),
    ],
)
@pytest.mark.parametrize("kind", ["deploy", "rollback"])
def test_a_template_that_is_not_the_bundles_is_not_executed(
    cloud: Cloud,
    release: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    foreign: Callable[[str], str],
    said: str,
    kind: str,
) -> None:
    """However it came to CloudFormation: it is read back, and its change set removed."""
    create = cloud.create_change_set

    def another(**given: Any) -> dict[str, str]:
        made = create(**given)
        waits = cloud.waiting[made["Id"]]
        changed = foreign(waits["template"])
        assert changed != waits["template"]
        waits["template"] = changed
        return made

    monkeypatch.setattr(cloud, "create_change_set", another)

    with pytest.raises(GateError, match=f"is not of the bundle's template: .*({said})"):
        put(cloud, release, kind=kind)

    assert ("execute" in cloud.calls, cloud.waiting) == (False, {})


def test_a_bucket_that_gives_other_bytes_stops_the_deployment(
    cloud: Cloud, release: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version that was just written doesn't hold what was written: no change set is made."""
    read = cloud.get_object

    def other(**given: Any) -> dict[str, Any]:
        found = read(**given)
        if given["Key"].startswith("packages/"):
            found["Body"].write(b"x")
            found["Body"].seek(0)
        return found

    monkeypatch.setattr(cloud, "get_object", other)

    with pytest.raises(GateError, match=r"packages/[0-9a-f]{64}\.zip does not hold what was put there"):
        put(cloud, release)

    assert "create change set" not in cloud.calls


@pytest.mark.parametrize("version", ["", "null"])
def test_a_bucket_without_versions_is_refused(
    cloud: Cloud, release: Bundle, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """There a key is all there is, and anybody who may write has the last word."""
    read = cloud.get_object
    monkeypatch.setattr(cloud, "get_object", lambda **given: {**read(**given), "VersionId": version})

    with pytest.raises(GateError, match="The bucket dev-artifacts keeps no versions"):
        put(cloud, release)

    assert "create change set" not in cloud.calls


def test_the_same_bytes_keep_their_version(cloud: Cloud, release: Bundle) -> None:
    """So that a function whose code is as it was is no change: nothing is written again."""
    put(cloud, release)
    cloud.calls.clear()
    cloud.ssm["/esclusa/dev/database/host"] = "other.example.com"
    before = dict(cloud.versions)
    put(cloud, release)

    assert not [one for one in cloud.calls if one.startswith("put") and one.endswith(".zip")]
    assert {at for at in cloud.versions if at[1].startswith("packages/")} == {
        at for at in before if at[1].startswith("packages/")
    }


def test_a_change_set_that_fails_says_why_and_is_removed(
    cloud: Cloud, release: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation's own words, on one line."""
    said = {"Status": "FAILED", "StatusReason": "Transform failed\n::error::x"}
    monkeypatch.setattr(cloud, "describe_change_set", lambda **_: said)

    with pytest.raises(
        GateError, match="could not make a change set of esclusa-dev: FAILED: Transform failed"
    ):
        put(cloud, release)

    assert {} == cloud.waiting


def test_a_change_set_that_never_comes_is_given_up(
    cloud: Cloud, release: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some minutes; it is removed."""
    monkeypatch.setattr(changeset, "_PATIENCE", 0.0)
    monkeypatch.setattr(cloud, "describe_change_set", lambda **_: {"Status": "CREATE_IN_PROGRESS"})

    with pytest.raises(GateError, match="could not make a change set of esclusa-dev: CREATE_IN_PROGRESS"):
        deploy.deploy(begin(cloud, release))

    assert {} == cloud.waiting


_TEMPLATE = """\
# CodeUri: app.zip in a comment
Globals: {Function: {CodeUri: app.zip}}
Shared: &shared
  CodeUri: &code 'rotation.zip'   # kept
Resources:
  One: {Type: "AWS::Serverless::Function", Properties: {CodeUri: "app.zip", Handler: x.y}}
  Two:
    Type: AWS::Serverless::Function
    Properties:
      <<: *shared
      Description: "CodeUri: app.zip \u00e9"
  Three: {Type: AWS::Serverless::Function, Properties: {CodeUri: *code, Handler: !Sub "${A}.b"}}
  Four: {Type: AWS::Serverless::Function, Properties: {CodeUri: other.zip, Handler: !Sub "${A}.b"}}
"""


def test_each_archive_gets_its_place_and_nothing_else_changes() -> None:
    """In any form that YAML has for it."""
    text = packages.located(_TEMPLATE, "template.yaml", PLACES)
    data = parse(text, "template.yaml").data

    assert PLACES["app.zip"].data == data["Globals"]["Function"]["CodeUri"]
    assert [
        PLACES["app.zip"].data,
        PLACES["rotation.zip"].data,
        PLACES["rotation.zip"].data,
        "other.zip",
    ] == [one["Properties"]["CodeUri"] for one in data["Resources"].values()]


def test_a_place_over_several_lines_is_refused() -> None:
    """What stands there can't be replaced without a guess at the lines after it."""
    text = "Resources:\n  A:\n    Properties:\n      CodeUri: |-\n        app.zip\n      B: 1\n"

    with pytest.raises(ConfigurationError, match=r"template.yaml:4: CodeUri takes several lines"):
        packages.located(text, "template.yaml", PLACES)
