"""The real attest.yml, and the real job of release.yml that asks for what it made, on a small repository whose `verify`
says which bundle was built again. GitHub's attestation counts where main's own run made it, and nowhere else."""

import base64
import contextlib
import hashlib
import io
import itertools
import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from pipeline.base.run import CHECKOUT, run
from pipeline.source import application
from pipeline.source.scripts import commands
from sandbox.github import GitHub
from sandbox.github.event import Repository
from sandbox.programs import gh

pytestmark = pytest.mark.e2e
FOLDER = ".github/workflows"
APPLICATION = application.read(CHECKOUT)
REPOSITORY, MAIN = Repository.of(APPLICATION.repository, APPLICATION.branch), APPLICATION.branch
# Built, or built again, is what lies in `manifest`; as its digest a variable may stand there instead.
STEPS = [
    {"uses": "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"},
    {
        "id": "again",
        "env": {"SAID": "${{ vars.SAID }}"},
        "run": "mkdir -p build/again && cp manifest build/again/manifest.json\n"
        'echo "digest=${SAID:-$(sha256sum < manifest | cut -c 1-64)}" >> "$GITHUB_OUTPUT"',
    },
    {
        "uses": "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
        "with": {"name": "manifest", "path": "build/again/manifest.json"},
    },
]
BUILD = {
    "runs-on": "ubuntu-24.04",
    "permissions": {"contents": "read"},
    "outputs": {"digest": "${{ steps.again.outputs.digest }}", "bundle": "${{ steps.again.outputs.digest }}"},
    "steps": STEPS,
}


def real(file: str, job: str) -> dict[str, Any]:
    """A job of one of the repository's own workflows."""
    found: dict[str, Any] = yaml.safe_load((CHECKOUT / FOLDER / file).read_text())["jobs"][job]
    return found


def workflow(name: str, on: object, **jobs: object) -> str:
    return yaml.safe_dump({"name": name, "on": on, "permissions": {}, "jobs": jobs}, sort_keys=False)


def pushed(**branches: object) -> str:
    """deploy-dev.yml, as far as it attests."""
    return workflow("Deploy dev", {"push": branches}, bundle=BUILD, attest=real("deploy-dev.yml", "attest"))


FILE = "build/again/manifest.json"
ASKED = next(
    command.words[1:]
    for step in real("release.yml", "attested")["steps"]
    for command in commands(step.get("run", ""))
    if command.program == "gh"
)
RELEASE = workflow(
    "Release",
    {"push": {"tags": ["v*"]}},
    verify=BUILD,
    attested=real("release.yml", "attested"),
    deploy={
        "runs-on": "ubuntu-24.04",
        "needs": real("release.yml", "deploy")["needs"],
        "permissions": {},
        "steps": [{"run": "echo deployed"}],
    },
)


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    """A repository that attests what is pushed to main, with GitHub's attestations on."""
    root = tmp_path_factory.mktemp("source")
    run(["git", "init", "-q", root])
    (root / FOLDER).mkdir(parents=True)
    shutil.copy(CHECKOUT / FOLDER / "attest.yml", root / FOLDER / "attest.yml")
    (root / FOLDER / "deploy-dev.yml").write_text(pushed(branches=[MAIN]))
    (root / FOLDER / "release.yml").write_text(RELEASE)
    (root / "manifest").write_text("{}")
    with GitHub(root, tmp_path_factory.mktemp("state"), repository=REPOSITORY) as made:
        made.create()
        made.variables["ATTESTATIONS"] = "on"
        yield made


NUMBERS = itertools.count()


def commit(github: GitHub, branch: str, bytes_: str, **files: str) -> str:
    """A commit on a branch whose bundle has these bytes."""
    found = {f"{FOLDER}/{name.replace('_', '-')}.yml": text for name, text in files.items()}
    return github.commit("Change", {"manifest": bytes_, **found}, branch=branch)


def attested(github: GitHub, branch: str) -> None:
    """Push a branch, whose run attests its newest commit."""
    ran = github.run(github.push(branch))

    assert ran.ok, ran.log and ran.log.read_text()
    assert "attest" in {job.id for job in ran.jobs}


def released(github: GitHub, at: str) -> tuple[dict[str, str], str]:
    """How the jobs of a release of a commit ended, and its log."""
    ran = github.run(github.tag(f"v1.0.{next(NUMBERS)}", at))
    assert ran.log is not None
    return {job.id: job.result for job in ran.jobs}, ran.log.read_text()


def refused(github: GitHub, at: str, why: str) -> None:
    """The release of a commit ends before it deploys. gh says why, asked once more: act may lose a step's last line."""
    jobs, text = released(github, at)
    file = github.state / "manifest.json"
    file.write_bytes(github.remote.git("show", f"{at}:manifest").encode())
    github.api.admit("reader", lambda ends: {"attestations": "read"})
    given = {"GH_TOKEN": "reader", "GITHUB_API_URL": github.api.url}
    given["ACTIONS_ID_TOKEN_REQUEST_URL"] = github.issuer.request_url
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(said):
        for name, value in given.items():
            patch.setenv(name, value)
        status = gh.main([{FILE: str(file), "$GITHUB_SHA": at}.get(word, word) for word in ASKED])

    assert ("success", "failure") == (jobs["verify"], jobs["attested"]), text
    assert "success" != jobs.get("deploy")
    assert (1, True) == (status, why in said.getvalue()), said.getvalue()


def test_a_release_of_what_main_s_run_attested_goes_on(github: GitHub) -> None:
    """The statement is about the digest that names the bundle, as SLSA's provenance of main's commit."""
    at = commit(github, MAIN, "right")
    attested(github, MAIN)
    (kept,) = github.api.records.attestations[f"sha256:{hashlib.sha256(b'right').hexdigest()}"]
    said = json.loads(base64.b64decode(kept["bundle"]["dsseEnvelope"]["payload"]))
    jobs, text = released(github, at)

    assert "https://slsa.dev/provenance/v1" == said["predicateType"]
    built = said["predicate"]["buildDefinition"]["resolvedDependencies"][0]
    assert ({"gitCommit": at}, True) == (
        built["digest"],
        built["uri"].endswith(f"{REPOSITORY.full_name}@{REPOSITORY.branch_ref}"),
    )
    assert said["predicate"]["runDetails"]["builder"]["id"].endswith(f"/attest.yml@{REPOSITORY.branch_ref}")
    assert {"verify": "success", "attested": "success", "deploy": "success"} == jobs, text


def test_what_no_run_attested_is_not_released(github: GitHub) -> None:
    """Two commits in one push: the run is about the last, and the first one's bundle was never built by it."""
    first = commit(github, MAIN, "passed over")
    commit(github, MAIN, "last of the push")
    attested(github, MAIN)

    refused(github, first, "no attestations found")


def test_another_commit_s_attestation_is_none(github: GitHub) -> None:
    """Of the same bytes, and of main: what was attested is what a run made of its own commit."""
    commit(github, MAIN, "the same bytes")
    attested(github, MAIN)
    later = github.commit("Change nothing of it", {"README.md": ""}, branch=MAIN)

    refused(github, later, "expected SourceRepositoryDigest")


def test_another_workflow_s_attestation_is_none(github: GitHub) -> None:
    """Of main, by a job that does more than attest: what it runs beside the action could attest what it likes."""
    called = real("deploy-dev.yml", "attest")
    (action,) = real("attest.yml", "attest")["steps"]
    action["with"]["subject-digest"] = "sha256:${{ needs.bundle.outputs.digest }}"
    inline = {key: called[key] for key in ("permissions", "needs")} | {
        "runs-on": "ubuntu-24.04",
        "steps": [action],
    }
    text = workflow("Deploy dev", {"push": {"branches": [MAIN]}}, bundle=BUILD, attest=inline)
    at = commit(github, MAIN, "by another", deploy_dev=text)
    attested(github, MAIN)
    commit(github, MAIN, "as before", deploy_dev=pushed(branches=[MAIN]))

    refused(github, at, "expected SubjectAlternativeName")


def test_another_branch_s_attestation_is_none(github: GitHub) -> None:
    """A branch that nobody reviewed can call main's attest.yml, with whatever digest."""
    at = commit(github, "topic", "unreviewed", deploy_dev=pushed(branches=["topic"]))
    attested(github, "topic")

    refused(github, at, "expected SourceRepositoryRef")


def test_the_bytes_that_are_attested_are_those_that_are_deployed(github: GitHub) -> None:
    """`verify` runs the tag's own engine, which could hand over what is attested, and say another's digest."""
    at = commit(github, MAIN, "attested")
    attested(github, MAIN)
    github.variables["SAID"] = "f" * 64
    try:
        other, text = released(github, at)
    finally:
        del github.variables["SAID"]
    own, _ = released(github, at)

    assert ("success", "failure") == (other["verify"], other["attested"]), text
    assert "success" != other.get("deploy")
    assert {"verify": "success", "attested": "success", "deploy": "success"} == own


def test_where_attestations_are_off_nothing_is_made_and_nothing_asked_for(github: GitHub) -> None:
    """Not on GitHub's plan, the release goes on; another word than `on` is off."""
    github.variables["ATTESTATIONS"] = "true"
    try:
        at = commit(github, MAIN, "off")
        ran = github.run(github.push(MAIN))
        jobs, text = released(github, at)
    finally:
        github.variables["ATTESTATIONS"] = "on"

    assert {"bundle": "success"} == {job.id: job.result for job in ran.jobs if job.result != "skipped"}
    assert f"sha256:{hashlib.sha256(b'off').hexdigest()}" not in github.api.records.attestations
    assert {"verify": "success", "attested": "success", "deploy": "success"} == jobs, text
