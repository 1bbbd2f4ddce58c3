"""A work tree whose environments are guarded as this repository's are."""

import shutil
from pathlib import Path

from pipeline.base.run import CHECKOUT


def guarded(root: Path) -> None:
    """Put this repository's environments, and who owns what, beside the workflows of `root`."""
    for name in ("environments", "CODEOWNERS"):
        source = CHECKOUT / ".github" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / ".github" / name)
