"""What the laptop's AWS says of trust policies: run by the sandbox's Python, which has it.

Reads a JSON list of [policy, provider, context] and prints a JSON list of truth values.
"""

import json
import sys

from ministack.core.iam_evaluator import EvalContext, evaluate_trust_policy

ACTION = "sts:AssumeRoleWithWebIdentity"


def main() -> None:
    """Judge them all."""
    print(json.dumps([_allows(*one) for one in json.load(sys.stdin)]))


def _allows(policy: dict[str, object], provider: str, context: dict[str, object]) -> bool:
    asked = EvalContext(
        principal_arn=provider,
        principal_type="WebIdentityUser",
        principal_account="111111111111",
        action=ACTION,
        resource_arn="arn:aws:iam::111111111111:role/x",
        region="eu-west-1",
        service_context=context,
    )
    return bool(evaluate_trust_policy(policy, provider, asked))


if __name__ == "__main__":
    main()
