"""Starts checkov ahead of its input: importing it takes seconds, in which the templates are expanded.

Run with the Python of checkov's environment: MARK FOLDER POLICIES ARGUMENTS... The mark is a file that appears
once the folder is filled. In the folder POLICIES each of our policies is a file of its id's name.
"""

import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any


def main() -> int:
    """Wait for the mark, then be checkov. Status 3: nobody is left to fill the folder; 4: a policy of ours was not
    loaded."""
    parent = os.getppid()
    mark, folder, policies, *arguments = sys.argv[1:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=SyntaxWarning)
        from checkov.cloudformation.graph_builder.local_graph import (  # type: ignore[import-not-found]
            CloudformationLocalGraph,
        )
        from checkov.main import Checkov  # type: ignore[import-not-found]

        _render_nothing(CloudformationLocalGraph)
        while not Path(mark).exists():
            if os.getppid() != parent:
                return 3
            time.sleep(0.01)
        if not any(Path(folder).iterdir()):
            print("{}")
            return 0
        own = {path.stem for path in Path(policies).iterdir()}
        if own:
            arguments += ["--external-checks-dir", policies]
        status = int(Checkov(["--directory", folder, *arguments]).run() or 0)
        return status or _unloaded(own)


def _render_nothing(graph: Any) -> None:
    """Two thirds of checkov's time go into putting values in the place of references, which is done already:
    the templates in the folder are resolved by what each environment says, not by the parameters' defaults."""
    build = graph.build_graph
    graph.build_graph = lambda self, render_variables: build(self, render_variables=False)


def _unloaded(own: set[str]) -> int:
    """checkov passes over a policy that it doesn't understand, with a warning and status 0."""
    from checkov.common.checks_infra.registry import get_graph_checks_registry  # type: ignore[import-not-found]

    missing = own - {check.id for check in get_graph_checks_registry("cloudformation").checks}
    for name in sorted(missing):
        lacks = "this id, a name, a category, or a definition that checkov knows"
        print(f"the policy {name} was not loaded; it lacks {lacks}", file=sys.stderr)
    return 4 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
