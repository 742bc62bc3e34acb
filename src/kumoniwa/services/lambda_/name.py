"""How functions are named: by name, partial ARN or ARN, each with or without a version or alias behind it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.services.lambda_.errors import InvalidParameterValueException, ResourceNotFoundException

LATEST = "$LATEST"

_NAME = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_.-]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?"
)
# https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html


class Named(NamedTuple):
    region: str | None
    account: str | None
    name: str
    qualifier: str | None


@lru_cache(maxsize=8192)
def parsed(text: str) -> Named | None:
    match = _NAME.fullmatch(text)
    return Named(match["region"], match["account"], match["name"], match["qualifier"]) if match else None


def arn(call: Call, name: str, qualifier: str | None = None) -> str:
    return call.arn(f"function:{name}:{qualifier}" if qualifier else f"function:{name}")


def function_named(call: Call, text: str, qualifier: str | None = None) -> tuple[str, str | None]:
    """The function's bare name, and its qualifier wherever it was said."""
    named = parsed(text)
    if named is None:
        raise InvalidParameterValueException(f"{text} is not a valid function name")
    if named.region is not None and named.region != call.region:
        raise ResourceNotFoundException(f"Functions from '{named.region}' are not reachable in this region ('{call.region}')")
    if named.qualifier is None:
        return named.name, qualifier
    if qualifier is not None and qualifier != named.qualifier:
        raise InvalidParameterValueException("The derived qualifier from the function name does not match the specified qualifier.")
    return named.name, named.qualifier


def unqualified(call: Call, text: str) -> str:
    """The bare name, for operations that concern a whole function."""
    name, qualifier = function_named(call, text)
    if qualifier is not None:
        raise InvalidParameterValueException(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN."
        )
    return name
