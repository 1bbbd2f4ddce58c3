"""Judges a clone of HEAD in which `pipeline init` wrote drawn names: `python3 bin/drawn.py [SEED]`, after make install.

What holds for the example's names and pages must hold for a team's, which has a README of its own and no docs/. Each
run draws others, and says how to draw them again. All that a night's check runs is run there: lint, policy, the
application's tests and the engine's fast ones. Standard library alone, for any Python 3.
"""

import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# No letters of which an environment's name could come, which an application may not hold, nor what AWS and GitHub keep
# to themselves: a name that begins with ssm, a repository that ends in .git or .wiki.
_LETTERS = "bcfhjknqtuxyz"
_REGIONS = (
    "af-south-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-north-1",
    "me-central-1",
    "sa-east-1",
    "us-east-1",
)


def words(seed: str) -> list[str]:
    """The words that `pipeline init` is given, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - names, no secrets

    def word(least: int, most: int) -> str:
        return "".join(chance.choices(_LETTERS, k=chance.randint(least, most)))

    name = f"{word(1, 12)}-{word(1, 12)}" if chance.random() < 0.5 else word(2, 25)
    owner = word(1, 20).title()
    ids = [f"{number:012}" for number in chance.sample(range(1, 10**12), 2)]
    return [
        *("init", "--yes", "--name", name, "--region", chance.choice(_REGIONS)),
        *("--repository", f"{owner}/{word(1, 10)}.{word(1, 10)}"),
        *("--account", f"dev={ids[0]}", "--account", f"prod={ids[1]}"),
        *("--team", f"security=@{owner}/{word(1, 20)}"),
    ]


def main(given: list[str]) -> int:
    """Judge the clone; the status of the gate."""
    seed = given[0] if given else f"{random.randrange(10**6)}"  # noqa: S311
    print(f"drawn: {' '.join(words(seed))} (again: python3 bin/drawn.py {seed})", flush=True)
    box = Path(tempfile.mkdtemp(prefix="drawn-"))
    box.chmod(0o755)  # PostgreSQL runs as another user where the caller is root
    clone = box / "clone"
    try:
        _run("git", "clone", "--quiet", "--no-local", str(ROOT), str(clone), cwd=box)
        for name in (".venv", ".tools"):
            (clone / name).symlink_to(ROOT / name)
        _run(str(clone / "bin/pipeline"), *words(seed), cwd=clone)
        _own_pages(clone)
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        _run("git", *who, "commit", "--quiet", "--all", "--message", "Write our names", cwd=clone)
        return subprocess.run([str(clone / "bin/pipeline"), "check"], cwd=str(clone)).returncode
    finally:
        shutil.rmtree(str(box), ignore_errors=True)


def _own_pages(clone: Path) -> None:
    """What a team writes into its pages instead: commands of its own, a link that the engine knows nothing of."""
    (clone / "CONTRIBUTING.md").unlink()
    for page in clone.glob("*.md"):
        page.write_text(
            "# Ours\n\nSee [it](ours/it.md#here), ADR 9000.\n\n```sh\nmake ours\nawk 1 x\naws s3 ls s3://ours\n```\n"
        )
    shutil.rmtree(str(clone / "docs"))


def _run(*command: str, cwd: Path) -> None:
    subprocess.run(command, cwd=str(cwd), check=True, stdout=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
