"""Universal targets: any operation of any service, named as the SDKs name it, with its parameters as JSON.

``arn:aws:scheduler:::aws-sdk:sqs:sendMessage``.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from kumoniwa.aws import models, sdk
from kumoniwa.aws.models import Shape

_ARN = re.compile(r"arn:[\w-]+:scheduler:::aws-sdk:(?P<service>\w+):(?P<operation>\w+)")
READS = ("get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "batchget")
"""Operations that begin like this are refused as targets: nobody would see what they answer."""


class UnknownOperation(ValueError):
    """AWS has no such operation."""


def is_universal(arn: str) -> bool:
    return ":scheduler:::aws-sdk:" in arn


@lru_cache(maxsize=1024)
def operation_of(arn: str) -> str:
    """``sqs:SendMessage``. Raises UnknownOperation."""
    said = _ARN.fullmatch(arn)
    found = sdk.operation(said["service"].lower(), said["operation"]) if said is not None else None
    if found is None:
        raise UnknownOperation(arn)
    return ":".join(found)


def params_of(operation: str, said: dict[str, Any]) -> dict[str, Any]:
    """Parameters in the model's names and types: a first letter may be large, and blobs are texts."""
    service, _, name = operation.partition(":")
    shape = models.service(service).operation(name).input
    return _read(shape, said) if shape is not None else {}


def _read(shape: Shape, value: Any) -> Any:
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
