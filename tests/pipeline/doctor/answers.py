"""AWS as the doctor asks it: boto3's own clients, whose calls are answered here, by AWS's own shapes.

What is asked and what is answered are both held against botocore's models of the services, and no call may be one that
changes something.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

type Answer = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]
# Made once: it keeps the models of the services.
_REAL = boto3.Session(
    aws_access_key_id="AKIA" + "A" * 16, aws_secret_access_key="none", region_name="eu-west-1"
)
_READS = re.compile(r"(Get|List|Describe|Simulate)[A-Z]\w*")


def refusal(code: str, message: str = "no") -> ClientError:
    """An error to be answered with."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


def _http(status: int) -> AWSResponse:
    return AWSResponse("https://aws", status, HTTPHeaders(), None)


class Session:
    """A session of boto3, as far as it is used. `answers` are by operation; an error in it is raised; `asked` is what
    was called, in order."""

    def __init__(self, answers: Mapping[str, Answer | ClientError]) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def client(self, service: str, config: Any = None) -> Any:
        """A client that is answered here: it asks the session that asked for it last."""
        made = _client(service, config)
        _SESSIONS[service] = self
        return made

    def called(self, params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        assert _READS.fullmatch(model.name), f"{model.name} changes something"
        context["asked"] = params
        self.asked.append((model.name, params))

    def answer(self, model: Any, context: dict[str, Any], **_: Any) -> Any:
        answer = self.answers[model.name]
        if callable(answer):
            answer = answer(context["asked"])
        if isinstance(answer, ClientError):
            return _http(400), {"ResponseMetadata": {}, **answer.response}
        validate_parameters(answer, model.output_shape)
        return _http(200), {"ResponseMetadata": {}, **answer}


_SESSIONS: dict[str, Session] = {}


@cache  # to make one takes as long as all that a test asks of it
def _client(service: str, config: Any) -> Any:
    made = _REAL.client(service, config=config)  # type: ignore[call-overload]
    made.meta.events.register("before-parameter-build", lambda **given: _SESSIONS[service].called(**given))
    made.meta.events.register("before-call", lambda **given: _SESSIONS[service].answer(**given))
    return made
