"""This repository as somebody else's: other names, ids, region and owners, written where an adopter writes them."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.run import CHECKOUT, run
from pipeline.source import application, samconfig
from pipeline.source.environments import LAPTOP_ACCOUNT

SAMCONFIG, OWNERS = "samconfig.toml", ".github/CODEOWNERS"


@dataclass(frozen=True)
class Somebody:
    """Whose it is: the application's name, the repository OWNER/NAME, the region, and the accounts in their order."""

    name: str = "web-shop2"
    repository: str = "Globex-Corp/web.shop"
    region: str = "ap-southeast-2"
    accounts: tuple[str, ...] = ("987654321098", "876543210987")


def moved(folder: Path, to: Somebody, source: Path = CHECKOUT) -> Path:
    """A copy of the work tree in `folder`, a repository of one commit, that uses this checkout's tools.

    Only samconfig.toml and CODEOWNERS differ; that each old value is gone from them is checked.
    """
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=source).stdout
    for file in filter(None, listed.split("\0")):
        if (source / file).is_file():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / file, folder / file)
    for file in (SAMCONFIG, OWNERS):
        text = (folder / file).read_text(encoding="utf-8")
        for old, new in _changes(source, to).items():
            text = text.replace(old, new)
            assert old not in text
        (folder / file).write_text(text, encoding="utf-8")
    for tools in (".venv", ".tools"):
        (folder / tools).symlink_to(CHECKOUT / tools)
    for words in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        ["commit", "--quiet", "-m", "Ours"],
    ):
        run(["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *words], cwd=folder)
    return folder


def _changes(source: Path, to: Somebody) -> dict[str, str]:
    """What becomes what, the longest first: a repository's owner is a part of the repository."""
    now = application.read(source)
    environments = [one for one in samconfig.read_all(source).values() if one.account != LAPTOP_ACCOUNT]
    (region,) = {one.region for one in environments}
    old = [one.account for one in environments]
    changes = dict(zip(old, to.accounts, strict=True))
    changes |= {now.repository: to.repository, now.name: to.name, region: to.region}
    return changes | {f"@{now.repository.split('/')[0]}/": f"@{to.repository.split('/')[0]}/"}
