"""The tutorial application of Flask, which nobody here wrote, taken in by the steps of docs/first-day.md.

Its code comes from Flask's source archive on the package registry. What has to be changed in it stands here: each line
is what the gate asks for, or what Lambda doesn't have, a folder beside the code that can be written.
"""

import re
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, run

pytestmark = [pytest.mark.e2e, pytest.mark.proof]
_GLUE = """\
from app import secret_key, static
from app.beside import beside
from flaskr import create_app as create_shop
from flaskr.db import init_db

shop = create_shop({"DATABASE": os.environ["SHOP_DATABASE"]})  # type: ignore[no-untyped-call]
secret_key.init_app(shop, os.environ["SESSION_SECRET_ARN"])
static.init_app(shop)
application = beside(shop, create_app(Config.from_environ(os.environ)))
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:  # the tutorial's own command does this once, by hand
    with shop.app_context():
        init_db()  # type: ignore[no-untyped-call]
"""
INIT = (
    *("--name", "shop", "--repository", "acme-inc/shop", "--region", "us-east-2", "--yes"),
    *("--account", "dev=123456789012", "--account", "prod=210987654321"),
)


def replaced(path: Path, *pairs: tuple[str, str]) -> None:
    """Replace each text, which must be there."""
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, (path.name, old)
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def fetched(folder: Path) -> Path:
    """The tutorial, as Flask's source archive of the locked version has it."""
    version = run(
        [CHECKOUT / ".venv/bin/python", "-c", "import importlib.metadata as m; print(m.version('flask'))"]
    )
    words: list[str | Path] = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        ":all:",
        "--dest",
        folder,
    ]
    pip = folder / "pip"
    run([Path(sys.executable).resolve(), "-m", "venv", pip])
    run([pip / "bin/python", *words, f"flask=={version.stdout.strip()}"])
    (archive,) = folder.glob("flask-*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder / "source", filter="data")
    (found,) = folder.glob("source/flask-*/examples/tutorial/flaskr")
    return found


def mended(shop: Path) -> None:
    """What the tutorial has that the gate refuses, or that Lambda has no place for."""
    init = shop / "__init__.py"
    text = re.sub(
        r"    app\.config\.from_mapping\(.*?\n    \)\n", "", init.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    text = re.sub(r"    # ensure the instance folder exists\n    os\.makedirs.*\n", "", text)
    init.write_text(text.replace("import os\n", ""), encoding="utf-8")
    blog = shop / "blog.py"
    text = re.sub(
        r"(def \w+\(id\b.*\):)", r"\1  # noqa: A002 - the tutorial's name", blog.read_text(encoding="utf-8")
    )
    blog.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this repository with the tutorial in it, and the ledger out of it."""
    folder = tmp_path_factory.mktemp("adopted")
    source, clone = fetched(folder), folder / "clone"
    run(["git", "clone", "--quiet", CHECKOUT, clone])
    run(["git", "remote", "remove", "origin"], cwd=clone)
    for name in (".venv", ".tools"):
        (clone / name).symlink_to(CHECKOUT / name)
    done = run([clone / "bin/pipeline", "init", *INIT], cwd=clone)
    assert "written: samconfig.toml" in done.stdout

    run(["git", "rm", "-rq", "app/ledger", "tests/application/ledger", "benchmarks/ledger.py"], cwd=clone)
    shutil.copytree(source, clone / "flaskr")
    mended(clone / "flaskr")
    replaced(
        clone / "samconfig.toml",
        ('folders = ["app"]', 'folders = ["app", "flaskr"]'),
        ("ledger = true", "ledger = false"),
    )
    replaced(clone / "app/aws.py", ("application = create_app(Config.from_environ(os.environ))\n", _GLUE))
    replaced(
        clone / "template.yaml",
        (
            "          SESSION_SECRET_ARN: !GetAtt SessionSecret.Id\n",
            "          SESSION_SECRET_ARN: !GetAtt SessionSecret.Id\n          SHOP_DATABASE: /tmp/flaskr.sqlite\n",
        ),
    )
    replaced(clone / "pyproject.toml", ('source = ["app", ', 'source = ["app", "flaskr", '))
    replaced(clone / ".pre-commit-config.yaml", ("|app/|rotation/)", "|app/|flaskr/|rotation/)"))
    settings = clone / "policies/settings.toml"
    text = re.sub(
        r"open_routes = \[.*?\n\]\n",
        "open_routes = []\n",
        settings.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    settings.write_text(
        text.replace("mypy_baseline = 0", "mypy_baseline = 100").replace(
            "[days]", '[catch_all]\nopen = ["/"]\n\n[days]', 1
        ),
        encoding="utf-8",
    )
    run(["make", "format"], cwd=clone)
    return clone


def test_the_tutorial_is_taken_in(adopted: Path) -> None:
    """Its routes are told and written, its types are taken into the list, and lint and policy pass."""
    told = run([adopted / "bin/pipeline", "routes"], cwd=adopted, check=False)
    assert 1 == told.status
    assert re.search(
        r"^flaskr/auth\.py:\d+: POST /auth/login \(auth\.login\) isn't in the template",
        told.stdout,
        re.MULTILINE,
    )
    assert "GET /static/<path:filename> (static)" in told.stdout
    assert (
        "2 routes, 2 of them open" in run([adopted / "bin/pipeline", "routes", "--write"], cwd=adopted).stdout
    )
    assert "same routes" in run([adopted / "bin/pipeline", "routes", "--check"], cwd=adopted).stdout

    taken = run([adopted / "bin/pipeline", "baseline", "--write", "--take-in"], cwd=adopted).stdout
    assert "findings are left to mend" in taken
    for words in (["add", "--all"], ["commit", "--quiet", "--message", "Take the tutorial in"]):
        run(["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *words], cwd=adopted)
    done = [run([adopted / "bin/pipeline", stage], cwd=adopted, check=False) for stage in ("lint", "policy")]
    assert [0, 0] == [one.status for one in done], "".join(one.stdout + one.stderr for one in done)
