"""Two releases through dev to prod by the command itself, on the laptop's AWS with its roles enforced.

Signed, promoted, bound to their plans, put back, withdrawn, drifted, and at last verified when AWS is gone.
"""

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from unittest import mock
from urllib.parse import urljoin, urlsplit

import boto3
import pytest
import urllib3
from playwright.sync_api import expect, sync_playwright

from pipeline.base import http
from pipeline.base.run import CHECKOUT, Completed, run
from sandbox.accounts import account
from sandbox.aws import Aws
from sandbox.reach import Reach
from sandbox.state import Sandbox
from tests.browser import CHROMIUM, NO_BROWSER
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.proof]
GITHUB = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_ACTOR": "bob",
}


@dataclass
class Team:
    """People who release with the command, each command as the deploy role of its environment.

    `others` is the sandbox's AWS with the accounts of an application that is not the sandbox's own.
    """

    box: Sandbox
    clone: Path
    bundles: dict[str, str] = field(default_factory=dict)
    others: Aws | None = None

    @property
    def aws(self) -> Aws:
        """The AWS of the application's own accounts."""
        return self.others or self.box.aws

    @property
    def repository(self) -> str:
        """The application's repository on GitHub."""
        return self.aws.accounts[0].settings.application.repository

    @property
    def hub(self) -> dict[str, str]:
        """What GitHub tells a job of its repository."""
        workflow = f"{self.repository}/.github/workflows/deploy-dev.yml@refs/heads/main"
        return {**GITHUB, "GITHUB_REPOSITORY": self.repository, "GITHUB_WORKFLOW_REF": workflow}

    def pipeline(self, role: str, *words: str, **more: str) -> Completed:
        environment = {**self._plain(), **self.hub, **self._role(role), **more}
        return run([CHECKOUT / "bin/pipeline", *words], cwd=self.clone, env=environment, check=False)

    def _plain(self) -> Mapping[str, str]:
        return {**self.box.aws.variables(), "GITHUB_ACTIONS": ""}

    def _role(self, environment: str) -> Mapping[str, str]:
        """A token of the environment's job, exchanged for its role; none for `build`."""
        if environment == "build":
            return {}
        if environment in ("auditor", "reader"):
            mine = getattr(self, environment).get_credentials()
            assert mine is not None
            return {
                "AWS_ACCESS_KEY_ID": str(mine.access_key),
                "AWS_SECRET_ACCESS_KEY": str(mine.secret_key),
                "AWS_SESSION_TOKEN": str(mine.token),
            }
        keys = self.assume(environment, Reach(self.aws, environment).deploy_role)
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    def assume(self, environment: str, role: str) -> dict[str, str]:
        """The credentials of a role, for a token of the environment's own job. Raises ClientError."""
        now = int(time.time())
        token = self.box.github.issuer.sign(
            {
                "iss": "https://token.actions.githubusercontent.com",
                "sub": f"repo:{self.repository}:environment:{environment}",
                "aud": "sts.amazonaws.com",
                "job_workflow_ref": f"{self.repository}/.github/workflows/deploy.yml@refs/heads/main",
                "iat": now,
                "nbf": now,
                "exp": now + 300,
            }
        )
        answer = self.aws.client("sts", environment).assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="test", WebIdentityToken=token
        )
        return dict(answer["Credentials"])

    @cached_property
    def auditor(self) -> boto3.Session:
        """Somebody who audits dev."""
        return self._person("auditor")

    @cached_property
    def reader(self) -> boto3.Session:
        """Somebody who looks at dev."""
        return self._person("reader")

    def _person(self, kind: str) -> boto3.Session:
        """Somebody whose role an administrator gave the policy that dev's bootstrap makes for it."""
        number, iam = account("dev").number, self.box.aws.client("iam", "dev")
        trusted = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{number}:root"},
            "Action": "sts:AssumeRole",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
        iam.create_role(RoleName=f"{kind}s", AssumeRolePolicyDocument=policy)
        arn = f"arn:aws:iam::{number}:policy/{account('dev').settings.stack_name}-{kind}"
        iam.attach_role_policy(RoleName=f"{kind}s", PolicyArn=arn)
        role = f"arn:aws:iam::{number}:role/{kind}s"
        keys = self.box.aws.client("sts", "dev").assume_role(RoleArn=role, RoleSessionName="ada")[
            "Credentials"
        ]
        return boto3.Session(
            keys["AccessKeyId"],
            keys["SecretAccessKey"],
            keys["SessionToken"],
            region_name=account("dev").region,
        )

    def get(self, url: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """Ask for an address of the API as a browser does, unsigned; redirects aren't followed."""
        parts = urlsplit(url)
        with urllib3.PoolManager(ca_certs=str(self.box.ca_bundle)) as pool:
            target = f"{self.box.endpoint}{parts.path}?{parts.query}"
            return pool.request("GET", target, headers={"Host": parts.netloc, **headers}, redirect=False)

    def git(self, *words: str) -> str:
        names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        return run(["git", *names, *words], cwd=self.clone).stdout.strip()

    def bring_to_dev(self, tag: str, change: tuple[str, str, str] = ("", "", "")) -> Completed:
        """Commit something, build it, let its checks pass, deploy it to dev, and tag it.

        `change` is a file, a text in it, and what takes the text's place.
        """
        (self.clone / "app" / "note.py").write_text(f'"""{tag}."""\n')
        if change[0]:
            text = (self.clone / change[0]).read_text()
            assert change[1] in text
            (self.clone / change[0]).write_text(text.replace(*change[1:], 1))
        self.git("add", "app/note.py", *filter(None, change[:1]))
        self.git("commit", "--quiet", "-m", f"Prepare {tag}")
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")
        commit = self.git("rev-parse", "HEAD")
        for stage in ("lint", "policy", "test"):
            file = self.clone / "build/reports" / stage / "report.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            one = {"name": stage, "status": "passed", "seconds": 1.0}
            file.write_text(json.dumps({"schema": 1, "commit": commit, "stages": [one], "findings": []}))
        said = self.pipeline("build", "bundle").stdout
        self.bundles[tag] = said.rsplit("bundle ", 1)[1].split()[0]
        words = ("deploy", "dev", "--bundle", self.bundles[tag], "--checks", "build/reports")
        self.git("tag", "-a", "-m", tag, tag)
        return self.pipeline("dev", *words)

    def release(self, tag: str) -> Completed:
        """Promote a tag, and deploy it to prod."""
        done = self.pipeline("prod", "promote", tag, "--expect", self.bundles[tag])
        if done.status:
            return done
        more = {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": tag}
        return self.pipeline("prod", "deploy", "prod", "--bundle", self.bundles[tag], **more)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Two releases that served prod, the second one live; the sandbox ends with the module."""
    os.umask(0o022)
    with Sandbox(tmp_path_factory.mktemp("releases") / "box") as box:
        found = Team(box, box.github.remote.clone)
        for tag in ("v1.0.0", "v1.1.0"):
            for done in (found.bring_to_dev(tag), found.release(tag)):
                assert done.status == 0, done.stdout + done.stderr
        yield found


def test_nothing_has_drifted(team: Team) -> None:
    """What was deployed is what git says, in both accounts and in their bootstraps."""
    for environment in ("dev", "prod"):
        done = team.pipeline(environment, "drift", environment)

        assert (0, f"{environment}: no differences\n") == (done.status, done.stdout)


def test_an_auditor_opens_the_ledger(team: Team) -> None:
    """By a link that works once; behind it a session of theirs, whose reads are recorded; nobody else gets in."""
    asked = team.pipeline("auditor", "ledger", "open", "dev")
    assert asked.status == 0, asked.stderr
    url = asked.stdout.split()[0]
    opened, again = team.get(url), team.get(url)
    home = url.partition("/session")[0] + "/ledger"
    cookie = opened.headers["Set-Cookie"]
    name, _, flags = cookie.partition(";")
    read, stranger = team.get(home, Cookie=name), team.get(home)
    page = read.data.decode()

    assert (303, 403, 200, 401) == (opened.status, again.status, read.status, stranger.status)
    assert "Set-Cookie" not in again.headers
    assert urljoin(url, opened.headers["Location"]) == home
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=3600"} <= set(flags.strip().split("; "))
    assert "Signed in as" in page
    assert "assumed-role/auditors/ada" in page
    assert 'href="/live/ledger/policy"' in page
    assert "What runs where" not in stranger.data.decode()


def test_a_reader_sees_what_runs(team: Team) -> None:
    """With the reader's policy alone `status` tells all that it tells: what is refused would be its end."""
    seen = team.pipeline("reader", "status", "dev", "--format", "json")
    assert 0 == seen.status, seen.stdout + seen.stderr
    (row,) = json.loads(seen.stdout)["environments"]

    assert ("none", "no") == (row["drift"], row["withdrawn"])
    assert row["address"] == Reach(team.box.aws, "dev").url
    assert row["soak"].endswith("prod")


def test_the_auditor_reads_and_the_deployer_writes(team: Team) -> None:
    """Each by the rights of bootstrap/template.yaml; what the auditor looked at is in the chain, which is whole."""
    verified = team.pipeline("auditor", "ledger", "verify", "dev")
    refused = team.pipeline("dev", "ledger", "open", "dev")
    url = Reach(team.box.aws, "dev").url
    with mock.patch.dict(os.environ, team.box.aws.variables()):
        reads = http.request("GET", f"{url}/api/reads?limit=1", session=team.auditor)
        written = http.request("POST", f"{url}/api/deployments", body={}, session=team.auditor)
        checks = http.request("GET", f"{url}/api/checks", session=team.auditor)
        evidence = http.request("GET", f"{url}/api/evidence", session=team.auditor)

    assert 0 == verified.status, verified.stderr
    assert "The ledger of dev is whole" in verified.stdout
    assert 1 == refused.status
    assert "gave no link: 403" in refused.stderr
    assert "/ledger" == reads.data["items"][0]["path"]
    assert reads.data["items"][0]["identity"].endswith(":assumed-role/auditors/ada")
    assert 403 == written.status
    assert ["test", "policy", "lint"] * 2 == [one["name"] for one in checks.data["items"]]
    assert {"attestation", "checks", "bill-of-materials", "drift"} == {
        one["name"] for one in evidence.data["items"]
    }


@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_the_link_opens_in_a_browser(team: Team) -> None:
    """Behind the stage's address: the pages, their style, their links and the search."""
    url = team.pipeline("auditor", "ledger", "open", "dev").stdout.split()[0]
    rules = f"--host-resolver-rules=MAP {urlsplit(url).netloc} {urlsplit(team.box.endpoint).netloc}"
    options = [rules, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(ignore_https_errors=True)
        page.on("console", lambda message: faults.append(message.text))
        page.goto(url)
        expect(page.get_by_role("heading", level=1)).to_have_text("What runs where")
        page.get_by_role("link", name="Measures").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Measures of dev")
        page.get_by_role("searchbox").fill("dev")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_text("2 deployments for")).to_be_visible()
        styled = page.evaluate("getComputedStyle(document.querySelector('nav ul')).listStyleType")
        browser.close()

    assert ("none", []) == (styled, faults)


def test_the_ledger_of_prod_knows_the_release(team: Team) -> None:
    """Version, bundle and passport, as the pipeline told it; and what dev ran, to be seen side by side."""
    url = Reach(team.box.aws, "prod").url
    with mock.patch.dict(os.environ, team.box.aws.variables()):
        root = team.box.aws.session("prod")
        releases = http.request("GET", f"{url}/api/releases", session=root).data["items"]
        deployments = http.request("GET", f"{url}/api/deployments", session=root).data["items"]
        checks = http.request("GET", f"{url}/api/checks", session=root).data["items"]
        passports = http.request("GET", f"{url}/api/evidence?name=passport", session=root).data["items"]

    expected = [("v1.1.0", team.bundles["v1.1.0"]), ("v1.0.0", team.bundles["v1.0.0"])]
    assert expected == [(one["version"], one["bundle"]) for one in releases]
    assert [bundle for _, bundle in expected] == [one["bundle"] for one in passports]
    assert ["test", "policy", "lint"] * 2 == [one["name"] for one in checks]
    assert [("dev", None), ("prod", "v1.1.0"), ("dev", None), ("prod", "v1.0.0")] == [
        (one["environment"], one["version"]) for one in deployments
    ]


def test_an_earlier_release_is_put_back_and_a_bad_one_withdrawn(team: Team) -> None:
    """Through the same gates, in seconds; afterwards nobody deploys the withdrawn one again."""
    steps = [
        team.pipeline("prod", "rollback", "prod", "v1.0.0", "--dry-run"),
        team.pipeline("prod", "rollback", "prod", "v1.0.0"),
        team.pipeline("prod", "withdraw", "prod", "v1.1.0", "--reason", "it loses mail"),
        team.pipeline("prod", "rollback", "prod", "v1.1.0"),
        team.release("v1.1.0"),
    ]
    status = json.loads(team.pipeline("prod", "status", "prod", "--format", "json").stdout)

    assert [0, 0, 0, 1, 1] == [step.status for step in steps]
    assert "it loses mail" in steps[3].stderr
    assert "it loses mail" in steps[4].stderr
    assert "v1.0.0" == status["environments"][0]["version"]


def test_a_change_by_hand_is_found_and_stops_the_next_release(team: Team) -> None:
    """Until somebody reverts it."""
    function = team.box.aws.client("lambda", "prod")
    function.update_function_configuration(
        FunctionName=f"{Reach(team.box.aws, 'prod').stack}-app", Timeout=19
    )
    found = team.pipeline("prod", "drift", "prod")
    assert team.bring_to_dev("v1.2.0").status == 0
    stopped = team.release("v1.2.0")
    function.update_function_configuration(
        FunctionName=f"{Reach(team.box.aws, 'prod').stack}-app", Timeout=20
    )
    released = team.release("v1.2.0")
    url = f"{Reach(team.box.aws, 'prod').url}/api/evidence?name=drift"
    with mock.patch.dict(os.environ, team.box.aws.variables()):
        seen = http.request("GET", url, session=team.box.aws.session("prod")).data["items"]

    assert [["AppFunction Timeout"], []] == [
        [each["what"] for each in one["document"]["drift"]] for one in seen
    ]
    assert 1 == found.status
    assert "AppFunction Timeout: 19, not 20" in found.stdout
    assert "was changed outside of git" in stopped.stderr
    assert 0 == released.status, released.stdout + released.stderr


def test_a_changed_bundle_is_refused(team: Team) -> None:
    """Somebody wrote into dev's bucket; prod's gate reads every byte."""
    assert team.bring_to_dev("v1.3.0").status == 0
    bucket, key = account("dev").artifacts, f"bundles/{team.bundles['v1.3.0']}/app.zip"
    client = team.box.aws.client("s3", "dev")
    content = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    client.put_object(Bucket=bucket, Key=key, Body=content[:-1] + bytes([content[-1] ^ 1]))
    done = team.release("v1.3.0")

    assert 1 == done.status
    assert "app.zip of the bundle in" in done.stderr
    assert "was changed" in done.stderr


IN_PROD_ALONE = """\
    import os

    from flask import abort, request

    @app.before_request
    def _ready() -> None:
        if os.environ.get("ENVIRONMENT") == "prod" and request.path == "/ready":
            abort(500)

    for blueprint in """


@contextmanager
def looking(team: Team) -> Iterator[set[str]]:
    """What prod's users are answered meanwhile: the commits that /version names, and the status of an error."""
    prod, seen, over = Reach(team.box.aws, "prod"), set[str](), threading.Event()

    def look() -> None:
        while not over.is_set():
            found = prod.get("/version")
            seen.add(str(found.get("commit", found.get("status"))))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def test_a_release_that_fails_in_prod_alone_gets_no_traffic(team: Team) -> None:
    """Dev ran it; in prod its new version is asked before anybody else asks it. No user meets it."""
    before = Reach(team.box.aws, "prod").get("/version")["commit"]
    assert (
        team.bring_to_dev("v1.4.0", ("app/ledger/__init__.py", "    for blueprint in ", IN_PROD_ALONE)).status
        == 0
    )
    with looking(team) as seen:
        done = team.release("v1.4.0")

    assert 1 == done.status
    assert "HEALTH_CONSTRAINTS_INVALID" in done.stderr  # what the hook in front of the traffic said no to
    assert {before} == seen


def test_an_alarm_of_the_new_version_takes_its_traffic_back(team: Team) -> None:
    """A tenth of the users met it; the rest, and everybody afterwards, are answered by the one before."""
    prod = Reach(team.box.aws, "prod")
    before = prod.get("/version")["commit"]
    team.git("checkout", "--quiet", "v1.2.0", "--", "app")
    assert team.bring_to_dev("v1.5.0").status == 0
    client, alarms = team.box.aws.client("lambda", "prod"), team.box.aws.client("cloudwatch", "prod")
    alias = f"{prod.stack}-app"

    def shared() -> bool:
        return bool(client.get_alias(FunctionName=alias, Name="live").get("RoutingConfig"))

    def ring() -> None:
        until(shared, "the new version has a share of the traffic")
        names = [one["AlarmName"] for one in alarms.describe_alarms()["MetricAlarms"]]
        for name in names:
            if "-new-failures-" in name:
                alarms.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="5xx")

    with looking(team) as seen, ThreadPoolExecutor(1) as threads:
        rung = threads.submit(ring)
        done = team.release("v1.5.0")
        rung.result()

    assert 1 == done.status
    assert "ALARM_ACTIVE" in done.stderr
    assert before == prod.get("/version")["commit"]
    assert seen <= {before, team.git("rev-parse", "HEAD")}


def test_passports_are_verified_when_aws_is_gone(team: Team, tmp_path: Path) -> None:
    """Files and a key are enough; one changed byte is named. The last test: it ends the sandbox."""
    chain = tmp_path / "passports"
    tags = ("v1.0.0", "v1.1.0", "v1.2.0")
    for tag in tags:
        done = team.pipeline("prod", "passport", tag, "--output", str(chain / f"{tag}.json"))
        assert done.status == 0, done.stderr
    (tmp_path / "key.pem").write_text(team.pipeline("prod", "passport", "key").stdout)
    team.box.stop()
    words: list[str | Path] = [CHECKOUT / "bin/pipeline", "passport", "verify"]
    whole = run([*words, chain, "--key", tmp_path / "key.pem"], check=False)
    file = chain / "v1.1.0.json"
    file.write_bytes(file.read_bytes().replace(b'"payload":"ey', b'"payload":"eY', 1))
    broken = run([*words, file, "--key", tmp_path / "key.pem"], check=False)

    assert 0 == whole.status, whole.stderr
    assert list(tags) == [
        line.split()[0] for line in whole.stdout.splitlines() if " on prod: signed by " in line
    ]
    assert 1 == broken.status
    assert "is not signed by the key" in broken.stderr
