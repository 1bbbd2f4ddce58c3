"""The same application packaged in several ways, each in a folder as Lambda lays it out."""

import json
import py_compile
import shutil
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from pipeline.base.run import CHECKOUT, run, tool
from pipeline.delivery import bundle
from sandbox.accounts import accounts

PEERS = ("aws-wsgi", "apig-wsgi", "serverless-wsgi")
BUILT, FLOOR, POWERTOOLS = "bundle", "floor", "with powertools"


@dataclass(frozen=True)
class Package:
    """A function's code: where it lies, its handler, and the bytes of its archive."""

    name: str
    folder: Path
    handler: str
    archive: Path


_APPLICATION = """\
import os

from app import create_app
from app.config import Config

application = create_app(Config.from_environ(os.environ))
"""
_HANDLERS = {
    "aws-wsgi": """\
import awsgi


def handler(event, context):
    return awsgi.response(application, event, context)
""",
    "apig-wsgi": """\
from apig_wsgi import make_lambda_handler

handler = make_lambda_handler(application)
""",
    "serverless-wsgi": """\
import serverless_wsgi


def handler(event, context):
    return serverless_wsgi.handle_request(application, event, context)
""",
}
# As little as a function can be that has Flask and psycopg and logs a request: all of it with bytecode.
_FLOOR = """\
import awsgi
import psycopg
from flask import Flask

application = Flask(__name__)


@application.get("/health")
def health():
    return {"status": "ok"}


def handler(event, context):
    print("request")
    return awsgi.response(application, event, context)
"""

# The built function, with the logger and the metrics of Powertools besides its own few lines for the same.
_POWERTOOLS = """\
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from app import aws

logger = Logger(service="ledger")
metrics = Metrics(namespace="Esclusa", service="ledger")


def handler(event, context):
    logger.append_keys(request_id="none")
    reply = aws.handler(event, context)
    metrics.add_metric(name="errors", unit=MetricUnit.Count, value=0)
    logger.info("request", extra={"status": reply["statusCode"]})
    metrics.flush_metrics()
    return reply
"""
_POWERTOOLS_PACKAGES = ("aws_lambda_powertools", "jmespath", "typing_extensions.py")


def make(built: Path, scratch: Path) -> dict[str, Package]:
    """The built bundle of `built`, its application behind each peer by plain `sam build`, and the floor."""
    archive = bundle.load(built).path("app.zip")
    ours = scratch / BUILT
    with zipfile.ZipFile(archive) as code:
        code.extractall(ours)
    packages = {BUILT: Package(BUILT, ours, "app.aws.handler", archive)}
    for name, folder in _sam_build(ours, scratch / "sam").items():
        zipped = _zip(folder, scratch / f"{name}.zip")
        packages[name] = Package(name, folder, "main.handler", zipped)
    floor = scratch / FLOOR
    shutil.copytree(ours, floor, ignore=shutil.ignore_patterns("app"))
    (floor / "main.py").write_text(_FLOOR)
    py_compile.compile(
        str(floor / "main.py"), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    packages[FLOOR] = Package(FLOOR, floor, "main.handler", _zip(floor, scratch / f"{FLOOR}.zip"))
    packages[POWERTOOLS] = _powertools(ours, scratch / "powertools")
    for package in packages.values():
        run(["chmod", "-R", "a-w", package.folder])
    return packages


def _powertools(ours: Path, folder: Path) -> Package:
    """The built bundle with Powertools beside it, all of it with bytecode."""
    shutil.copytree(ours, folder)
    installed = Path(find_spec("aws_lambda_powertools").origin).parents[1]  # type: ignore[union-attr, arg-type]
    for name in _POWERTOOLS_PACKAGES:
        source = installed / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    (folder / "main.py").write_text(_POWERTOOLS)
    for name in (*_POWERTOOLS_PACKAGES, "main.py"):
        files = (folder / name).rglob("*.py") if (folder / name).is_dir() else [folder / name]
        for file in files:
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(file), doraise=True, invalidation_mode=mode)
    return Package(POWERTOOLS, folder, "main.handler", _zip(folder, folder.with_suffix(".zip")))


@contextmanager
def removable(scratch: Path) -> Iterator[None]:
    """Make what lies in a folder removable again at the end."""
    try:
        yield
    finally:
        run(["chmod", "-R", "u+w", scratch])


def _sam_build(ours: Path, folder: Path) -> dict[str, Path]:
    """What `sam build` makes of the same sources and the same versions of the same packages, for each peer."""
    lock = run(
        [tool("uv"), "export", "--quiet", "--locked", "--no-hashes", "--only-group", "lambda"], cwd=CHECKOUT
    )
    resources = {}
    for number, name in enumerate(PEERS):
        source = folder / f"source{number}"
        shutil.copytree(ours / "app", source / "app", ignore=shutil.ignore_patterns("__pycache__"))
        (source / "main.py").write_text(_APPLICATION + _HANDLERS[name])
        (source / "requirements.txt").write_text(f"{lock.stdout}\n{name}=={version(name)}\n")
        resources[f"Peer{number}"] = {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "main.handler",
                "CodeUri": source.name,
                "Architectures": ["x86_64"],
            },
        }
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": resources,
    }
    (folder / "template.yaml").write_text(json.dumps(template))
    venv.create(folder / "pip", with_pip=True)  # sam build looks for a python3.13 with pip on the path
    run(
        [tool("sam"), "build"],
        cwd=folder,
        env={
            "PATH": f"{folder / 'pip' / 'bin'}:/usr/bin:/bin",
            "SAM_CLI_TELEMETRY": "0",
            "AWS_DEFAULT_REGION": accounts()[0].region,
        },
    )
    return {name: folder / ".aws-sam" / "build" / f"Peer{number}" for number, name in enumerate(PEERS)}


def _zip(folder: Path, archive: Path) -> Path:
    """The folder as an archive, compressed as `sam deploy` does."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            out.write(path, path.relative_to(folder).as_posix())
    return archive


def contents(package: Package) -> dict[str, tuple[int, int]]:
    """What is in the archive, by its folders on top: the bytes of bytecode, and of everything else."""
    sizes: dict[str, tuple[int, int]] = {}
    with zipfile.ZipFile(package.archive) as archive:
        for entry in archive.infolist():
            top = entry.filename.partition("/")[0]
            compiled, other = sizes.get(top, (0, 0))
            if entry.filename.endswith(".pyc"):
                compiled += entry.file_size
            else:
                other += entry.file_size
            sizes[top] = compiled, other
    return sizes
