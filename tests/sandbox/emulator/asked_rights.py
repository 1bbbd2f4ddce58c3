"""What the laptop's CloudFormation asks for: run by the sandbox's Python, which has it.

Reads a JSON object of resources, each with Type and Properties, and prints a JSON list of [resource, operation, action,
ARN, context], with those of an alias that CodeDeploy moves.
"""

import json
import os
import sys

os.environ.setdefault("MINISTACK_ACCOUNT_ID", "111111111111")

from sandbox.emulator.rights import Right, Subject, aliased, needed


def main() -> None:
    """Ask for each."""
    found = []
    for name, resource in json.load(sys.stdin).items():
        for operation in ("create", "update", "delete"):
            subject = Subject(
                resource["Type"], resource.get("Physical", f"stack-{name}"), resource["Properties"]
            )
            found += [_shown(name, operation, right) for right in needed(operation, subject)]
    found += [_shown("alias", "update", right) for right in aliased("stack-application", "stack-group")]
    print(json.dumps(found))


def _shown(name: str, operation: str, right: Right) -> list[object]:
    return [name, operation, right.action, right.resource, right.context]


if __name__ == "__main__":
    main()
