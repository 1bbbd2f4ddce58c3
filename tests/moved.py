"""This repository as somebody else's: other names, ids, region and owners, written where an adopter writes them."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base.run import CHECKOUT, run
from pipeline.source import adoption


@dataclass(frozen=True)
class Somebody:
    """Whose it is: the application's name, the repository OWNER/NAME, the region, and the accounts in their order."""

    name: str = "web-shop2"
    repository: str = "Globex-Corp/web.shop"
    region: str = "ap-southeast-2"
    accounts: tuple[str, ...] = ("987654321098", "876543210987")


def moved(folder: Path, to: Somebody, source: Path = CHECKOUT) -> Path:
    """A copy of the work tree in `folder`, a repository of one commit, that uses this checkout's tools.

    Only what `pipeline init` writes differs.
    """
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=source).stdout
    for file in filter(None, listed.split("\0")):
        if (source / file).is_file():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / file, folder / file)
    now = adoption.current(folder)
    accounts = dict(zip(now.accounts, to.accounts, strict=True))
    teams = {role: f"@{to.repository.partition('/')[0]}/{role}" for role in now.teams}
    names = replace(
        now, name=to.name, repository=to.repository, region=to.region, accounts=accounts, teams=teams
    )
    adoption.write(folder, adoption.changes(folder, names))
    for tools in (".venv", ".tools"):
        (folder / tools).symlink_to(CHECKOUT / tools)
    for words in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        ["commit", "--quiet", "-m", "Ours"],
    ):
        run(["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *words], cwd=folder)
    return folder
