"""What jobs with a role may run: the short list, and every way round it that shells, files and GitHub offer."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from pipeline.base.errors import ConfigurationError
from pipeline.gate.engines import own
from pipeline.source import role_jobs
from pipeline.source.project import Project
from tests.rules import rule

ROOT = Path(__file__).parents[2]
RULE = rule("role_jobs_listed")
FILE = ".github/workflows/deploy.yml"
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
ROLE = "aws-actions/configure-aws-credentials@e6de054238d6b7531b4efff3b6587d9aade6a06c"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"
SHA = "a" * 40


def job(*steps: object, **more: object) -> dict[str, object]:
    """A job that can ask for a token, with these steps."""
    return {"runs-on": "ubuntu-24.04", "permissions": {"id-token": "write"}, "steps": list(steps), **more}


def findings(body: object, files: Mapping[str, str] = {}, **top: object) -> list[tuple[str, int, str]]:
    """What the rule says of a workflow with this job: file, line and message of each finding."""
    workflow = {"name": "Deploy", "on": "push", "jobs": {"deploy": body}, **top}
    texts = {FILE: yaml.safe_dump(workflow, sort_keys=False, width=1000), **files}
    project = Project(ROOT, {name: text.encode() for name, text in texts.items()})
    return [(one.file, one.line, one.message) for one in own.apply(RULE, project)]


def judged(script: str) -> list[str]:
    """The messages about a script in a job with a role."""
    return [message for _, _, message in findings(job({"name": "Ship", "run": script}))]


@pytest.mark.parametrize(
    "script",
    [
        "bin/pipeline deploy dev",
        "./bin/pipeline deploy dev",
        'exec bin/pipeline deploy "$ENVIRONMENT" --bundle "$BUNDLE"',
        "exec ./bin/pipeline rollback dev --dry-run",
        "bin/pipeline deploy $ENVIRONMENT",
        "bin/pipeline environment \\\n  dev",
        "# what samconfig.toml says\nbin/pipeline environment dev # and nothing else",
        "set -euo pipefail\nbin/pipeline drift dev --issue",
        "set -e\nbin/pipeline status",
        'echo "deploying ${ENVIRONMENT} (at ${{ github.sha }})"; bin/pipeline deploy dev',
        "echo 'no $(substitution) here; sam deploy'",
        'echo "::error::it is late" >&2 && exit 1',
        'echo "now=$VALUE" >> "$GITHUB_OUTPUT"',
        "echo done >> $GITHUB_STEP_SUMMARY",
        'printf "%s\\n" "$NOTE" >>"${GITHUB_STEP_SUMMARY}" 2>/dev/null',
        'echo "is $(bin/pipeline status)"',
        "bin/pipeline deploy dev || exit 1",
        "make install-deploy",
        '"bin/pipeline" deploy dev',
        "bin/pipeline deploy dev --note 'it''s $5; sh'",
        "",
    ],
)
def test_what_is_on_the_list(script: str) -> None:
    """The pipeline from the checkout's root, with or without exec; the locked tool chain; lines to read."""
    assert judged(script) == []


@pytest.mark.parametrize(
    "script",
    [
        # B1, B13: sam and its like, whatever follows
        *("sam deploy", "sam deploy || echo ok", "sam build", "sam sync --watch", "aws s3 cp a s3://b"),
        *(
            "cdk deploy",
            "terraform apply",
            "aws sts get-caller-identity",
            "aws cloudformation describe-stacks",
        ),
        # by another shell
        *("sh -c 'sam deploy'", "bash -c 'bin/pipeline deploy dev'", "/bin/sh -ec 'sam deploy'", "dash x"),
        *("bash <<'EOF'\nsam deploy\nEOF", "sh <<< 'sam deploy'", "cat <<EOF | sh\nsam deploy\nEOF"),
        *("bash < ship.sh", "bash ship.sh", "./ship.sh", "scripts/ship", ". ./ship.sh", "source ship.sh"),
        *("echo 'sam deploy' | sh", "echo c2FtIGRlcGxveQ== | base64 -d | bash", "bin/pipeline plan | tee x"),
        # by a builtin or a program that runs its words
        *(
            "eval 'sam deploy'",
            "eval $X",
            "env sam deploy",
            "env -i bin/pipeline deploy dev",
            "nohup sam deploy",
        ),
        *(
            "exec sam deploy",
            "exec sh",
            "exec -a pipeline sam deploy",
            "command sam deploy",
            "time sam deploy",
        ),
        *(
            "xargs sam < words",
            "echo deploy | xargs sam",
            "find . -name x -exec sam deploy ';'",
            "nice sam deploy",
        ),
        *(
            "sudo bin/pipeline deploy dev",
            "timeout 60 bin/pipeline deploy dev",
            "builtin eval x",
            "trap 'sh x' EXIT",
        ),
        *("watch sam deploy", "parallel sam ::: deploy", "script -c 'sam deploy'", "ssh host sam deploy"),
        # by a language
        *(
            "python3 -c 'import boto3'",
            "python ship.py",
            "python -m pipeline deploy dev",
            ".venv/bin/python x",
        ),
        *(
            "node ship.js",
            "npm run ship",
            "perl -e 'system(1)'",
            "ruby x",
            "go run .",
            "uv run ship",
            "npx ship",
        ),
        # by make
        *("make", "make ship", "make deploy", "make -f other.mk install-deploy", "make install-deploy ship"),
        # more than what deploys needs, or nobody knows what
        *("make install-check", "make install", "make install-main", "make install-deployment"),
        *('make "install-$WORK"', 'make "install-${WORK}"'),
        *("make install-$WORK", "make SHELL=./ship install-deploy", "make -C other install-deploy"),
        *("make install-deploy UV=./ship", 'make UV="$(./ship)" install-deploy', "make install-deploy -f x"),
        # by what a shell puts together
        *(
            "$CMD",
            '"$CMD" deploy',
            "${CMD:-sam deploy}",
            "s$X deploy",
            "sa''m deploy",
            "s\\am deploy",
            "'sam' deploy",
        ),
        *(
            "sa\\\nm deploy",
            "sam \\\n  deploy",
            "$(echo sam) deploy",
            "`echo sam` deploy",
            "echo `sam deploy`",
        ),
        *(
            'echo "$(sam deploy)"',
            'bin/pipeline deploy "$(./ship)"',
            "bin/pipeline deploy `sam`",
            "echo $((x[$(sam)]))",
        ),
        *("echo ${X@P}", "echo ${!X}", "echo ${X:=$(sam)}", "echo $'x'", "diff <(sam) x", "echo > >(sh)"),
        *("X=1 bin/pipeline deploy dev", "X=1", "PATH=. echo x", "alias echo=sh", "export PATH=."),
        *(
            "(sam deploy)",
            "{ sam deploy; }",
            "! sam deploy",
            "sam deploy &",
            "echo x & sam deploy",
            "echo x |& sh",
        ),
        *(
            "echo() { sam deploy; }\necho",
            "function echo { sam; }",
            "if true; then sam deploy; fi",
            "for x in 1; do",
        ),
        *(
            "while sam deploy; do :; done",
            "[ -v 'a[$(sam)]' ]",
            "[[ x ]]",
            "test x",
            "case x in x) sam;; esac",
        ),
        *(
            "bin/pipel*ne deploy dev",
            "bin/../bin/pipeline x",
            "/tmp/bin/pipeline deploy dev",
            "other/bin/pipeline x",
        ),
        *("pipeline deploy dev", "cd other && bin/pipeline deploy dev", "pushd x\nbin/pipeline deploy dev"),
        *(
            "./make install-deploy",
            "./echo x",
            "bin/make install-deploy",
            "printf -v PATH .",
            "set +e",
            "set -- x",
        ),
        *(
            "command sam",
            "command -p sam deploy",
            "echo 'unended",
            'echo "unended',
            "echo $(bin/pipeline status",
        ),
        # the pipeline's own commands that run tests, tools and packages, or that only the run knows
        *(
            "bin/pipeline test",
            "bin/pipeline check",
            "bin/pipeline bundle",
            'bin/pipeline "$COMMAND"',
            "bin/pipeline",
        ),
        # files that run later
        *(
            "echo sam > bin/pipeline",
            "echo x >> Makefile",
            'echo "BASH_ENV=x" >> "$GITHUB_ENV"',
            "> bin/pipeline",
        ),
        *('bin/pipeline plan --output "$GITHUB_ENV"', "bin/pipeline status $GITHUB_PATH"),
        *('echo . >> "$GITHUB_PATH"', "bin/pipeline plan > $FILE", "echo x >| ~/.bashrc", "echo x &> .env"),
        # text that a workflow puts into the script
        *("bin/pipeline deploy ${{ inputs.environment }}", "echo ${{ github.event.pull_request.title }}"),
        *("echo '${{ github.head_ref }}'", "# ${{ github.ref_name }}\necho x", "${{ inputs.command }}"),
        # programs that have their own way to run others
        *(
            "git -c alias.x='!sam deploy' x",
            "git pull",
            "gh release create v1",
            "docker run x",
            "curl x | sh",
        ),
        *(
            "tar --to-command=sh -xf x",
            "awk 'BEGIN{system(1)}'",
            "vim -c '!sam'",
            "jq -n env",
            "cat x",
            "sleep 1",
        ),
    ],
)
def test_what_is_not(script: str) -> None:
    """Everything else, however it is written: the message names the step, and says what to do instead."""
    messages = judged(script)

    assert messages
    assert all("step 'Ship' " in one for one in messages)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"uses": f"acme/deploy@{SHA}"}, "acme/deploy, which isn't on the list"),
        ({"uses": f"actions/github-script@{SHA}", "with": {"script": "exec()"}}, "actions/github-script"),
        ({"uses": f"actions/checkout-more@{SHA}"}, "actions/checkout-more"),
        ({"uses": f"actions/checkout/sub@{SHA}"}, "actions/checkout/sub"),
        ({"uses": "actions/checkout@v7"}, "another tomorrow"),
        ({"uses": "Actions/Checkout@main"}, "another tomorrow"),
        ({"uses": f"docker://alpine@sha256:{'a' * 64}"}, "docker://alpine, which isn't"),
        ({"uses": "./.github/actions/gone"}, "isn't there"),
        ({"uses": "./.github/actions/node"}, "runs the program"),
        ({"uses": "./tools/box"}, "runs the program"),
        ({"uses": CHECKOUT, "with": {"path": "other"}}, "path: other"),
        ({"uses": CHECKOUT, "with": {"submodules": "true"}}, "the input submodules"),
        ({"uses": DOWNLOAD}, "no path"),
        ({"uses": DOWNLOAD, "with": {"path": "."}}, "path: ."),
        ({"uses": DOWNLOAD, "with": {"path": "bin"}}, "path: bin"),
        ({"uses": DOWNLOAD, "with": {"path": "build/../bin"}}, "path: build/../bin"),
        ({"uses": DOWNLOAD, "with": {"path": "${{ inputs.x }}"}}, "path: ${{"),
        ({"uses": DOWNLOAD, "with": {"path": "build/x", "Run-ID": "1"}}, "run-id"),
        ({"run": "print(1)", "shell": "python"}, "starts its script by python"),
        ({"run": "bin/pipeline status", "shell": "bash -c 'sam deploy' {0}"}, "starts its script by bash -c"),
        ({"run": "bin/pipeline status", "shell": "pwsh"}, "pwsh"),
        ({"run": "bin/pipeline status", "shell": "${{ inputs.shell }}"}, "inputs.shell"),
        ({"run": "bin/pipeline status", "working-directory": "other"}, "runs in other"),
    ],
)
def test_actions_and_shells(step: dict[str, object], said: str) -> None:
    """Those on the list, by a whole commit, with harmless inputs; a shell as GitHub starts it, in the root."""
    files = {
        ".github/actions/node/action.yml": "runs: { using: node24, main: ship.js }\n",
        "tools/box/action.yml": "runs: { using: docker, image: Dockerfile }\n",
    }
    found = findings(job({"name": "Ship", **step}), files)

    assert [said] == [said for _, _, message in found if said in message and "step 'Ship'" in message]
    assert len(found) == 1


ACTION = """\
inputs: {{ for: {{ default: "{default}" }} }}
runs:
  using: composite
  steps: [{{ run: make "install-$WORK", shell: bash, env: {{ WORK: "{work}" }} }}]
"""


@pytest.mark.parametrize(
    ("given", "default", "work", "said"),
    [
        ({"for": "deploy"}, "check", "${{ inputs.for }}", []),
        ({}, "deploy", "${{ inputs.for }}", []),
        ({"for": "check"}, "deploy", "deploy", []),
        ({"for": "check"}, "deploy", "${{inputs.for}}", ["make install-check"]),
        ({}, "check", "${{ inputs.for }}", ["make install-check"]),
        ({}, "", "${{ inputs.for }}", ["make install-"]),
        ({"for": "${{ matrix.x }}"}, "deploy", "${{ inputs.for }}", ["make install-${WORK}"]),
        ({"for": "deploy"}, "deploy", "${{ inputs.other }}", ["make install-${WORK}"]),
        ({"for": "deploy"}, "deploy", "check", ["make install-check"]),
        ({"for": "deploy"}, "deploy", "${{ inputs.for }} ship", ["make install-${WORK}"]),
    ],
)
def test_what_an_action_installs_is_followed(
    given: dict[str, str], default: str, work: str, said: list[str]
) -> None:
    """The input that the job gives it, its default, or what the action says itself; else it isn't known."""
    files = {".github/actions/x/action.yml": ACTION.format(default=default, work=work)}
    found = findings(job({"uses": "./.github/actions/x", "with": given}), files)

    assert said == [message.split("`")[1] for _, _, message in found]


@pytest.mark.parametrize(
    "name",
    [
        "http-proxy",
        "HTTPS-Proxy",
        "sts-endpoint",
        "aws-profile",
        "web-identity-token-file",
        "role-chaining",
        "new",
    ],
)
def test_the_role_is_taken_with_nothing_else(name: str) -> None:
    """An input that isn't listed could send the token elsewhere, or take another's credentials."""
    found = findings(job({"uses": ROLE, "with": {"role-to-assume": "x", name: "y"}}))

    assert [f"the input {name.lower()}: leave it out"] == [
        one.split("credentials ")[1] for _, _, one in found
    ]


@pytest.mark.parametrize(
    "step",
    [
        {"uses": CHECKOUT, "with": {"fetch-depth": 0, "persist-credentials": False}},
        {"uses": ROLE, "with": {"role-to-assume": "x", "role-session-name": "deploy"}},
        {"uses": DOWNLOAD, "with": {"name": "bundle", "path": "build/bundle"}},
        {"uses": DOWNLOAD, "with": {"pattern": "report-*", "path": "build/reports/"}},
        {"uses": f"actions/upload-artifact@{SHA}", "with": {"path": "build/passport"}},
        {"run": "bin/pipeline status", "shell": "bash", "working-directory": "."},
        {"run": "bin/pipeline status", "shell": "sh", "working-directory": "${{ github.workspace }}"},
    ],
)
def test_actions_and_shells_of_the_list(step: dict[str, object]) -> None:
    """What a deployment needs is no finding."""
    assert findings(job(step)) == []


@pytest.mark.parametrize(
    "body",
    [
        job({"run": "./ship"}),
        job({"run": "./ship"}, permissions="write-all"),
        job({"run": "./ship"}, permissions={}, environment="dev"),
        job({"run": "./ship"}, permissions={}, environment={"name": "${{ inputs.environment }}"}),
        job({"run": "./ship"}, permissions={}, env={"AWS_ACCESS_KEY_ID": "${{ secrets.KEY }}"}),
        job({"run": "./ship", "env": {"AWS_SESSION_TOKEN": "x"}}, permissions={}),
        job({"run": "./ship"}, {"uses": ROLE}),  # before the role is assumed
        job({"run": "./ship"}, {"uses": ROLE}, permissions={}),
        job({"run": "./ship"}, {"uses": "./.github/actions/become"}, permissions={}),
        job({"run": "./ship", "if": "failure()"}),
        job({"uses": "./.github/actions/ship"}),
        job({"uses": "./.github/actions/outer"}),
        job({"uses": "./tools/ship"}),
    ],
)
def test_jobs_that_hold_a_role(body: dict[str, object]) -> None:
    """By permission, environment, keys or an action, at any step: in all of them, through composite actions too."""
    files = {
        ".github/actions/become/action.yml": f"runs: {{ using: composite, steps: [{{ uses: {ROLE} }}] }}\n",
        ".github/actions/ship/action.yml": "runs:\n  using: composite\n  steps: [{ run: ./ship, shell: bash }]\n",
        ".github/actions/outer/action.yml": "runs: { using: composite, steps: [{ uses: ./.github/actions/ship }] }\n",
        "tools/ship/action.yml": "runs:\n  using: composite\n  steps: [{ run: ./ship, shell: bash }]\n",
    }
    found = findings(body, files)

    assert ["`./ship`"] == ["`./ship`" for _, _, message in found if "`./ship`" in message]


def test_jobs_without_a_role() -> None:
    """They build and test, by whatever it takes."""
    assert findings(job({"run": "make ship && python x"}, permissions={"contents": "read"})) == []
    assert findings(job({"run": "./ship"}, permissions={"id-token": "none"})) == []


def test_a_called_workflow_has_its_callers_role() -> None:
    """What says nothing of permissions has the caller's; and one that asks for itself is judged without a caller."""
    called = "on: workflow_call\njobs: {{ x: {{ runs-on: ubuntu-24.04, {0}steps: [{{ run: ./ship }}] }} }}\n"
    caller = {"permissions": {"id-token": "write"}, "uses": "./.github/workflows/called.yml"}
    alone = {"runs-on": "ubuntu-24.04", "permissions": {}, "steps": []}
    name = ".github/workflows/called.yml"

    assert [name] == [file for file, _, _ in findings(caller, {name: called.format("")})]
    assert [name] == [
        file for file, _, _ in findings(alone, {name: called.format("permissions: { id-token: write }, ")})
    ]
    assert findings(alone, {name: called.format("")}) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"container": "alpine"}, "images by `container`"),
        ({"container": {"image": "alpine"}}, "images by `container`"),
        ({"services": {"db": {"image": "postgres"}}}, "images by `services`"),
        ({"defaults": {"run": {"shell": "python"}}}, "starts its script by python"),
        ({"defaults": {"run": {"working-directory": "other"}}}, "runs in other"),
    ],
)
def test_what_surrounds_the_steps(more: dict[str, object], said: str) -> None:
    """Images and the defaults of scripts, of the job and of the workflow."""
    found = findings(job({"run": "bin/pipeline status"}, **more))

    assert [said] == [said for _, _, message in found if said in message]


def test_defaults_of_the_workflow() -> None:
    """A shell that every job has is this job's too."""
    found = findings(job({"run": "bin/pipeline status"}), defaults={"run": {"shell": "node {0}"}})

    assert ["starts its script by node {0}"] == [m.split("and ")[1].split(":")[0] for _, _, m in found]


def test_a_finding_stands_at_its_row() -> None:
    """Of a script of several rows, the row that isn't on the list."""
    workflow = (
        "on: push\njobs:\n  x:\n    environment: dev\n    steps:\n"
        "      - run: |\n          bin/pipeline status\n          # and\n          python ship.py\n"
    )
    project = Project(ROOT, {FILE: workflow.encode()})

    assert [9] == [one.line for one in own.apply(RULE, project)]


@pytest.mark.parametrize(
    "name",
    [
        "BASH_FUNC_echo%%",
        "BASH_ENV",
        "ENV",
        "PATH",
        "LD_PRELOAD",
        "MAKEFLAGS",
        "NODE_OPTIONS",
        "GIT_SSH_COMMAND",
        "GIT_DIR",
        "GIT_CONFIG_COUNT",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_STS",
        "AWS_CONFIG_FILE",
        "AWS_CA_BUNDLE",
        "AWS_PROFILE_X",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "https_proxy",
        "ALL_PROXY",
        "XDG_CONFIG_HOME",
        "DYLD_INSERT_LIBRARIES",
        "ACTIONS_ALLOW_UNSECURE_COMMANDS",
        "GITHUB_API_URL",
    ],
)
@pytest.mark.parametrize("where", ["workflow", "job", "step", "action"])
def test_variables_that_change_what_runs(name: str, where: str) -> None:
    """By name, wherever they are set; a deployment's own are no finding."""
    harmless = {"ENVIRONMENT": "dev", "GIT_AUTHOR_NAME": "x", "GITHUB_TOKEN": "x", "AWS_REGION": "eu-west-1"}
    env = {name: "() { sam deploy; }", **harmless}
    step: dict[str, object] = {"run": "bin/pipeline status"}
    if where == "workflow":
        found = findings(job(step), env=env)
    elif where == "job":
        found = findings(job(step, env=env))
    elif where == "step":
        found = findings(job({**step, "env": env}))
    else:
        action = {"runs": {"using": "composite", "steps": [{**step, "shell": "bash", "env": env}]}}
        files = {".github/actions/x/action.yml": yaml.safe_dump(action)}
        found = findings(job({"uses": "./.github/actions/x"}), files)

    assert [f"sets {name}, which"] == [
        f"sets {name}, which" for _, _, one in found if f"sets {name}, which" in one
    ]
    assert len(found) == 1


def test_an_action_by_both_names() -> None:
    """The one that GitHub takes is judged."""
    files = {
        ".github/actions/x/action.yaml": "runs: { using: composite, steps: [] }\n",
        ".github/actions/x/action.yml": "runs: { using: composite, steps: [{ run: ./ship, shell: bash }] }\n",
    }

    assert [".github/actions/x/action.yml"] == [
        file for file, _, _ in findings(job({"uses": "./.github/actions/x"}), files)
    ]


MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGET = next(row for row in MAKEFILE.splitlines() if row.startswith("install-deploy:"))
CHECKED = next(row for row in MAKEFILE.splitlines() if row.startswith("install-check:"))


def made(makefile: str, name: str = "Makefile") -> list[str]:
    """The messages about a job with a role that calls `make install-deploy` of this Makefile."""
    return [message for _, _, message in findings(job({"run": "make install-deploy"}), {name: makefile})]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("test: ##", "ship: install ##\n\tsam deploy\n\ntest: ##"),  # nobody calls it there
        ("lock: $(UV)", "release:\n\t@./ship $(shell ./ship)\n\nlock: $(UV)"),
        (CHECKED, f"{CHECKED}\n\t@echo done"),
        (TARGET, "install-deploy: \\\n  install-main install-sam"),
    ],
)
def test_recipes_of_the_list(old: str, new: str) -> None:
    """What the Makefile here installs, and what other targets do."""
    assert old in MAKEFILE
    assert made(MAKEFILE.replace(old, new, 1)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TARGET, f"{TARGET}\n\t@sam deploy"),
        (TARGET, f"{TARGET} ; sam deploy"),
        (TARGET, "install-deploy: ship install-sam\nship:\n\t-./ship"),
        (TARGET, "install-deploy: $(SHIP)\nSHIP = ship\nship:\n\tpython x"),
        (TARGET, "install-deploy: SHELL := ./ship"),
        ("(LOCK)-deploy > .venv/.lock", "(LOCK)-deploy > .venv/bin/python"),
        (".venv $(LOCKED) deploy", ".venv $(LOCKED) deploy && ./ship"),
        ("install-main: $(call installed,.venv)", "install-main: $(call installed,.venv)\n\t@$(MAKE) ship"),
        ("@touch $@", "@touch $@ && ./ship"),
        ("@touch $@", "@touch $@\n\t@$$SHIP"),
        ("@touch $@", "@$(if x,./ship)"),
        ("@ln -sf ../../bin/pipeline .venv/bin/pipeline", "@ln -sf ../../ship .venv/bin/pipeline"),
        ("@echo $(LOCK) > .venv/.lock", "@echo $(LOCK) > bin/pipeline"),
        ("--require-hashes -r", "-r"),
        ("sync --quiet --locked", "sync --quiet"),
        ("--locked --no-build", "--locked"),
        ("LOCK := $(shell python3", "LOCK := $(shell ./ship; python3"),
        ("SHELL := /bin/bash", "SHELL := ./ship"),
        (".SHELLFLAGS := -euo pipefail -c", ".SHELLFLAGS := ./ship -c"),
        ("SHELL := /bin/bash", "SHELL := /bin/bash\ninclude ship.mk"),
        ("SHELL := /bin/bash", "SHELL := /bin/bash\n-include ship.mk"),
        ("SHELL := /bin/bash", "SHELL := /bin/bash\nexport PATH := .:$(PATH)"),
        ("SHELL := /bin/bash", "SHELL := /bin/bash\nX != ./ship"),
        ("SHELL := /bin/bash", "SHELL := /bin/bash\n$(eval x: ; ./ship)"),
        ("SHELL := /bin/bash", "SHELL := /bin/bash\n.RECIPEPREFIX = >"),
        ("SHELL := /bin/bash", "SHELL := /bin/bash\ndefine X\n./ship\nendef"),
        ("SHELL := /bin/bash", "SHELL := /bin/bash\n%:\n\t./ship"),
        ("SHELL := /bin/bash", "SHELL := /bin/bash\nMakefile:\n\t./ship"),
        ("UV := .tools/uv/bin/uv", "UV := ./ship"),
    ],
)
def test_recipes_that_are_not(old: str, new: str) -> None:
    """What a target of the list reaches, and what reading the Makefile runs, is judged as the steps are."""
    assert old in MAKEFILE
    assert made(MAKEFILE.replace(old, new, 1))


@pytest.mark.parametrize("name", ["GNUmakefile", "makefile"])
def test_the_makefile_that_make_reads(name: str) -> None:
    """One by another name goes before."""
    files = {"Makefile": MAKEFILE, name: "install-deploy:\n\t./ship\n"}
    found = findings(job({"run": "make install-deploy"}), files)

    assert [(name, 2)] == [(file, line) for file, line, _ in found]


def test_an_action_that_uses_itself() -> None:
    """It is told of, and the judging ends."""
    text = "runs: { using: composite, steps: [{ uses: ./.github/actions/loop }] }\n"
    found = findings(job({"uses": "./.github/actions/loop"}), {".github/actions/loop/action.yml": text})

    assert ["in itself"] == ["in itself" for _, _, message in found if "in itself" in message]


@pytest.mark.parametrize("text", ["", "shells = 1", "[commands", "shells=[]\nexpressions=[]\nwrites=['(']\n"])
def test_a_list_that_can_not_be_read(tmp_path: Path, text: str) -> None:
    """It is an error that names the file, never a list that lets everything in."""
    path = tmp_path / "role_jobs.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"role_jobs\.toml is no list"):
        role_jobs.listed(path)
