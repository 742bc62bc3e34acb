"""Universal targets: any operation of any service, named as the SDKs name it, with its parameters as JSON.

``arn:aws:scheduler:::aws-sdk:sqs:sendMessage``.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from kumoniwa.aws import sdk
from kumoniwa.kernel.errors import SerializationException

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
    """Parameters in the model's names and types. Raises SerializationException."""
    try:
        return sdk.params_of(*operation.split(":"), said)
    except sdk.WrongType as wrong:
        raise SerializationException(str(wrong)) from None
