"""Mend of authorization: each decision is written down, as CloudTrail does."""

import json
import os
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator


def decisions() -> None:
    """AWS: CloudTrail tells who was allowed what. ministack: it keeps no word of it. The file that SANDBOX_TRAIL
    names gets one JSON object a line: principal, action, resource, context, decision, and the statement's sid."""
    evaluate, file = iam_evaluator.evaluate, Path(os.environ["SANDBOX_TRAIL"])

    def noted(asked: Any, *policies: Any) -> Any:
        result = evaluate(asked, *policies)
        said = {
            "principal": asked.principal_arn,
            "action": asked.action,
            "resource": asked.resource_arn,
            "context": asked.service_context,
            "decision": result.decision,
            "sid": result.matched_sid,
        }
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(said, default=str) + "\n")
        return result

    iam_evaluator.evaluate = noted


MENDS = (decisions,)
