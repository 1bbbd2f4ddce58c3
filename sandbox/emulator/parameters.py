"""Mends of what a stack tells of its parameters."""

from typing import Any
from xml.sax.saxutils import escape

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers


def names_of_ssm_parameters() -> None:
    """AWS: a stack tells the name that an SSM parameter was given as its value, and what it resolved to beside it.
    ministack: it tells the resolved value as the value, so that a stack can't be put back from what it tells."""
    describe = handlers._ACTION_HANDLERS["DescribeStacks"]

    def with_names(params: Any) -> Any:
        status, headers, body = describe(params)
        text = body.decode()
        for stack in list(cloudformation._stacks.values()):
            for key, value in stack.get("_resolved_params", {}).items():
                name = value.get("SsmName") if isinstance(value, dict) else None
                if name:
                    head = f"<ParameterKey>{escape(key)}</ParameterKey><ParameterValue>"
                    resolved = escape(str(value["Value"]))
                    told = f"{escape(name)}</ParameterValue><ResolvedValue>{resolved}</ResolvedValue>"
                    text = text.replace(f"{head}{resolved}</ParameterValue>", head + told)
        return status, headers, text.encode()

    handlers._ACTION_HANDLERS["DescribeStacks"] = with_names


MENDS = (names_of_ssm_parameters,)
