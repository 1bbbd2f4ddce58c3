"""Bundles and repositories small enough to be made in a test."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.canonical import canonical
from pipeline.base.run import run
from pipeline.delivery import bundle
from pipeline.delivery.bundle import Bundle

FILES = ("app.zip", "rotation.zip", bundle.TEMPLATE, bundle.SBOM)

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  DatabaseHost: {Type: "AWS::SSM::Parameter::Value<String>"}
  LogLevel: {Type: String}
  Architecture: {Type: String}
  Commit: {Type: String}
  BundleDigest: {Type: String}
  ReleaseDigest: {Type: String}
Resources:
  AppFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: app.zip
      Handler: app.aws.handler
      Runtime: python3.13
      AutoPublishAlias: live
      Environment:
        Variables: {COMMIT: !Ref Commit, HOST: !Ref DatabaseHost, RELEASE: !Ref ReleaseDigest, LEVEL: !Ref LogLevel}
"""


def make(folder: Path, commit: str, archives: Sequence[str] = FILES[:2], **contents: bytes) -> Bundle:
    """A bundle of `commit` in `folder`; `contents` replaces files by their names up to the dot."""
    folder.mkdir(parents=True)
    files = {name: name.encode() + commit.encode() for name in (*archives, *FILES[2:])}
    files[bundle.TEMPLATE] = TEMPLATE.encode()
    for name in files:
        files[name] = contents.get(name.partition(".")[0], files[name])
        (folder / name).write_bytes(files[name])
    listed = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in files.items()
    }
    manifest = {"schema": bundle.SCHEMA, "commit": commit, "files": listed}
    (folder / bundle.MANIFEST).write_bytes(canonical(manifest))
    return bundle.load(folder)


class Repository:
    """A git repository in a folder, with a commit on main."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.first = self.commit("first")

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
        return run(["git", *identity, *words], cwd=self.folder).stdout.strip()

    def commit(self, message: str, files: dict[str, str] | None = None) -> str:
        """Commit `files`, or nothing, and return the commit."""
        for name, text in (files or {}).items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            self.git("add", name)
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def tag(self, name: str, commit: str = "HEAD", *, annotated: bool = True) -> None:
        self.git("tag", *(("-a", "-m", name) if annotated else ()), name, commit)
