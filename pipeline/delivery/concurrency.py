"""Whether an account has the executions left that a template's functions reserve.

Lambda refuses a reservation that it hasn't, late in a deployment: a first one ends as a stack that has to be deleted.
New accounts have few (AWS Lambda developer guide, "Lambda quotas").
"""

from typing import Any

import boto3

from pipeline.base.errors import GateError
from pipeline.delivery import aws
from pipeline.source.functions import functions
from pipeline.source.stacks import Stack as Template

# "You can reserve up to the Unreserved account concurrency value minus 100": AWS Lambda developer guide,
# "Configuring reserved concurrency for a function".
UNRESERVED = 100


def wanted(template: Template) -> int:
    """How many executions the functions of a template reserve, as far as that is known before a deployment."""
    texts = (str(one.get("ReservedConcurrentExecutions", default="")) for one in functions(template))
    return sum(int(text) for text in texts if text.isdigit())


def left(limits: Any) -> int:
    """How many may still be reserved, by the AccountLimit that Lambda tells."""
    return max(0, int(limits["UnreservedConcurrentExecutions"]) - UNRESERVED)


def hint(limits: Any) -> str:
    """What to do where they aren't enough."""
    return (
        f"The account runs {limits['ConcurrentExecutions']} at once, of which AWS keeps {UNRESERVED} unreserved. Ask "
        "for more (Service Quotas, AWS Lambda, Concurrent executions), or reserve less in samconfig.toml."
    )


def check(session: boto3.Session, template: Template) -> None:
    """Raises GateError where nothing is there yet, and the account has fewer than the template reserves."""
    asked = wanted(template)
    if not asked:
        return
    with aws.errors("asking Lambda for the account's limits"):
        limits = session.client("lambda", config=aws.CONFIG).get_account_settings()["AccountLimit"]
    if asked > left(limits):
        raise GateError(
            f"The functions reserve {asked} executions, and the account has {left(limits)} left.",
            hint(limits),
        )
