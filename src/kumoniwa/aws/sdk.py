"""Services and operations as AWS's SDKs name them where a definition spells them: ``aws-sdk:sfn:startExecution``."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from kumoniwa.aws import models
from kumoniwa.aws.models import Shape

_NAMES = {
    "sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs", "cognitoidentityprovider": "cognito-idp",
    "cognitoidentity": "cognito-identity", "elasticloadbalancingv2": "elbv2", "elasticloadbalancing": "elb",
}  # fmt: skip


@lru_cache(maxsize=1)
def _services() -> dict[str, str]:
    return {name.replace("-", ""): name for name in models.service_names()} | _NAMES


def operation(service: str, action: str) -> tuple[str, str] | None:
    """The service and the operation by the names of the model; None if AWS has none of these names."""
    known = _services().get(service)
    if known is None:
        return None
    name = next((name for name in models.service(known).operation_names if name.lower() == action.lower()), None)
    return (known, name) if name is not None else None


class WrongType(ValueError):
    """A parameter is a list, a structure or neither, where the model says otherwise."""


_CONTAINERS = {"structure": dict, "map": dict, "list": list}


def params_of(service: str, operation: str, said: dict[str, Any]) -> dict[str, Any]:
    """Parameters that were written as JSON, in the model's names and types: a first letter may be large, and blobs are texts. Raises
    WrongType."""
    shape = models.service(service).operation(operation).input
    return _read(shape, said) if shape is not None else {}


def _read(shape: Shape, value: Any) -> Any:
    wanted = _CONTAINERS.get(shape.type)
    if value is not None and not shape.is_document:
        is_right = isinstance(value, wanted) if wanted is not None else not isinstance(value, (dict, list))
        if not is_right:
            raise WrongType(f"{value} is no {shape.type}")
    if shape.type == "structure" and isinstance(value, dict) and not shape.is_document:
        names = {name.lower(): name for name in shape.members}
        read = {}
        for said, inner in value.items():
            name = said if said in shape.members else names.get(said.lower(), said)
            read[name] = _read(shape.members[name].shape, inner) if name in shape.members else inner
        return read
    if shape.type == "list" and isinstance(value, list):
        return [_read(shape.element.shape, inner) for inner in value]
    if shape.type == "map" and isinstance(value, dict):
        return {key: _read(shape.value.shape, inner) for key, inner in value.items()}
    return value.encode() if shape.type == "blob" and isinstance(value, str) else value


def plain(service: str, operation: str, reply: dict[str, Any]) -> dict[str, Any]:
    """An answer as JSON: moments are texts, and so are blobs."""
    shape = models.service(service).operation(operation).output
    return _plain(shape, reply) if shape is not None else {}


def _plain(shape: Shape | None, value: Any) -> Any:
    if isinstance(value, dict):
        of = shape.members if shape is not None and shape.type == "structure" else {}
        inner = shape.value.shape if shape is not None and shape.type == "map" else None
        return {key: _plain(of[key].shape if key in of else inner, member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(shape.element.shape if shape is not None and shape.type == "list" else None, each) for each in value]
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    if shape is not None and shape.type == "timestamp" and isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, UTC).isoformat()
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
