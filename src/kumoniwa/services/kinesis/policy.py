"""Who else may read and write a stream, or use a consumer: its resource policy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.services.kinesis.errors import InvalidArgumentException, ResourceNotFoundException
from kumoniwa.services.kinesis.tag import keep, resource

_STATEMENTS = re.compile(r'"Statement"\s*:\s*\[?\s*')


def _statements(text: str) -> Iterator[tuple[dict[str, Any], int]]:
    """Each statement of a policy and where its text begins."""
    place, decoder = _STATEMENTS.search(text).end(), json.JSONDecoder()
    while text[place] == "{":
        statement, end = decoder.raw_decode(text, place)
        yield statement, place
        place = re.compile(r"[\s,\]]*").match(text, end).end()
        if place >= len(text) or "]" in text[end:place]:
            return


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _why_not(statement: dict[str, Any], arn: str) -> str:
    """As cdk-preflight saw it of AWS: pf-kinesis-resource-policy-action, -resource."""
    if any(":" in action and not action.lower().startswith("kinesis:") for action in _listed(statement.get("Action"))):
        return "Action field includes AWS services that are inconsistent with specified vendor"
    if any(each != arn for each in _listed(statement.get("Resource"))):
        return "The resource policy's resource must be the same as the resource ARN."
    return ""


def PutResourcePolicy(call: Call, *, ResourceARN: str, Policy: str) -> None:
    held = resource(call, ResourceARN)
    refusal = "Policy validation error: {}"
    try:
        parse(Policy, "resource")
    except MalformedPolicyDocument as error:
        raise InvalidArgumentException(refusal.format(error.text))
    for statement, place in _statements(Policy):
        if why := _why_not(statement, ResourceARN):
            line, column = Policy.count("\n", 0, place) + 1, place - Policy.rfind("\n", 0, place)
            where = f"Resource policy contains invalid statement at line {line}, column {column}"
            raise InvalidArgumentException(refusal.format(f"{where}: {why}"))
    keep(call, held, policy=Policy)


def GetResourcePolicy(call: Call, *, ResourceARN: str) -> dict:
    return {"Policy": resource(call, ResourceARN).policy or "{}"}


def DeleteResourcePolicy(call: Call, *, ResourceARN: str) -> None:
    held = resource(call, ResourceARN)
    if not held.policy:
        raise ResourceNotFoundException(f"No resource policy found for resource ARN {ResourceARN}.")
    keep(call, held, policy="")
