"""Fixtures of rules as projects: one file that stands for a surface, or a folder as a small repository."""

import re
from pathlib import Path

from pipeline.gate.rules import Rule
from pipeline.source.environments import SAMCONFIG
from pipeline.source.project import APPLICATION, Project, links

# A line with this mark is one that the rule must report.
MARK = re.compile(rb"(#|//|<!--)\s*fault\b")

_SETTINGS = b"""version = 0.1
[dev.global.parameters]
stack_name = "esclusa-dev"
region = "eu-west-1"
[dev.deploy.parameters]
parameter_overrides = ["Environment=dev"]
[dev.pipeline.parameters]
account = "111111111111"
"""
# An application, for a fixture that describes none.
DESCRIBED = """
[application]
name = "esclusa"
repository = "acme/ledger"
branch = "main"
ledger = true
url = "ApiUrl"
health = ["/health", "/ready"]
version = "/version"
[application.code.app]
folders = ["app"]
group = "lambda"
"""
_TEMPLATE = b"""Resources:
  Topic:
    Type: AWS::SNS::Topic
"""


def project(rule: Rule, path: Path) -> Project:
    """The fixture at `path` as a project. What it leaves out is the least that can be judged, and any application."""
    files = {SAMCONFIG: _SETTINGS, APPLICATION: _TEMPLATE}
    if path.is_dir():
        files |= {
            p.relative_to(path).as_posix(): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()
        }
    else:
        files[rule.surface] = path.read_bytes()
    if b"[application" not in files[SAMCONFIG]:
        files[SAMCONFIG] += DESCRIBED.encode()
    return Project(path, files, links(path))


def marked(files: Project) -> set[tuple[str, int]]:
    """The (file, line) of every mark in a fixture."""
    return {
        (name, number)
        for name, content in files.files.items()
        for number, row in enumerate(content.splitlines(), 1)
        if MARK.search(row)
    }
