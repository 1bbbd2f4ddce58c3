"""A call of AWS's API for each action that IAM knows, with arguments that are valid and name nothing that exists."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import OperationModel, Shape, StructureShape

REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}
_X = "x1"  # a name that nothing bears
# IAM's name of a permission, where it isn't that of an operation: service, operation, and what must be given beside.
_NAMED_OTHERWISE: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "apigateway:DELETE": ("apigateway", "DeleteRestApi", {}),
    "apigateway:GET": ("apigateway", "GetRestApi", {}),
    "apigateway:PATCH": ("apigateway", "UpdateRestApi", {}),
    "apigateway:POST": ("apigateway", "CreateRestApi", {}),
    "apigateway:PUT": ("apigateway", "PutRestApi", {}),
    "lambda:InvokeFunction": ("lambda", "Invoke", {}),
    "s3:DeleteObjectVersion": ("s3", "DeleteObject", {"VersionId": _X}),
    "s3:GetObjectVersion": ("s3", "GetObject", {"VersionId": _X}),
    "s3:ListBucket": ("s3", "ListObjectsV2", {}),
}


def operation(action: str) -> tuple[str, OperationModel, Mapping[str, Any]] | None:
    """The service, the operation, and the arguments that make an action of it; None where no call asks for it alone."""
    service, name = action.split(":")
    more: Mapping[str, Any] = {}
    if action in _NAMED_OTHERWISE:
        service, name, more = _NAMED_OTHERWISE[action]
    model = _model(service)
    if model is None or name not in model.operation_names:
        return None
    return service, model.operation_model(name), more


@cache
def _model(service: str) -> Any:
    session = botocore.session.get_session()
    return session.get_service_model(service) if service in session.get_available_services() else None


def refused(client: Callable[[str], Any], action: str, names: Mapping[str, str]) -> bool:
    """Whether AWS says to this call that its caller may not; `client` makes a service's client.

    `names` gives values to arguments of these names. Raises LookupError.
    """
    found = operation(action)
    if found is None:
        raise LookupError(f"no call asks for {action}")
    service, model, more = found
    needed = _filled(model.input_shape) if model.input_shape else {}
    given = {name: names.get(name, value) for name, value in {**needed, **more}.items()}
    try:
        getattr(client(service), xform_name(model.name))(**given)
    except ClientError as error:
        return error.response["Error"]["Code"] in REFUSED
    return False


def _filled(shape: StructureShape) -> dict[str, Any]:
    return {name: _value(shape.members[name]) for name in shape.required_members}


def _value(shape: Shape) -> Any:
    """The least that a shape allows."""
    match shape.type_name:
        case "structure":
            return _filled(shape)  # type: ignore[arg-type]
        case "list":
            return [_value(shape.member)] * max(1, shape.metadata.get("min", 0))  # type: ignore[attr-defined]
        case "map":
            return {}
        case "string":
            return shape.enum[0] if shape.enum else _X * max(1, shape.metadata.get("min", 0))  # type: ignore[attr-defined]
        case "blob":
            return b"x"
        case "boolean":
            return False
        case "timestamp":
            return 0
        case _:
            return max(1, shape.metadata.get("min", 1))
