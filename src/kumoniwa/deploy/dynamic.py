"""Dynamic references: ``{{resolve:ssm:name}}`` and its like, which a template writes and only a deploy may read.

A plain parameter is read when its resource is looked at, and what it said is what stands. A secret is read at the moment a
call is sent, so that no state, no event and no comparison ever holds it.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.kernel.errors import NotImplementedHere, ValidationError

Look = Callable[..., Awaitable[dict[str, Any]]]
PLAIN = ("ssm",)
SECRET = ("ssm-secure", "secretsmanager")
_REFERENCE = re.compile(r"\{\{resolve:([A-Za-z-]{1,40}):([^{}]{1,2048})\}\}")
_ARN_PARTS = 7
DEPTH_MAX = 64


async def resolved(value: Any, services: tuple[str, ...], look: Look, depth: int = 0) -> Any:
    """The same value with the references to these services read. ``look("ssm:GetParameter", Name=…)``."""
    if depth > DEPTH_MAX:
        return value
    if isinstance(value, dict):
        return {key: await resolved(member, services, look, depth + 1) for key, member in value.items()}
    if isinstance(value, list):
        return [await resolved(member, services, look, depth + 1) for member in value]
    if not isinstance(value, str) or "{{resolve:" not in value:
        return value
    pieces, end = [], 0
    for found in _REFERENCE.finditer(value):
        if found[1] not in PLAIN + SECRET:
            raise NotImplementedHere(f"the dynamic reference {found[0]}")
        if found[1] in services:
            pieces += (value[end : found.start()], await _read(found[1], found[2], look))
            end = found.end()
    return "".join((*pieces, value[end:]))


def is_secret(value: Any) -> bool:
    """Whether a secret is written anywhere in a value."""
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, dict | list):
            pending.extend(value.values() if isinstance(value, dict) else value)
        elif isinstance(value, str) and any(found[1] in SECRET for found in _REFERENCE.finditer(value)):
            return True
    return False


async def _read(service: str, rest: str, look: Look) -> str:
    if service != "secretsmanager":
        asked = {"Name": rest} | ({"WithDecryption": True} if service == "ssm-secure" else {})
        return str((await look("ssm:GetParameter", **asked))["Parameter"]["Value"])
    parts = rest.split(":")
    if parts[0] == "arn":
        parts = [":".join(parts[:_ARN_PARTS]), *parts[_ARN_PARTS:]]
    secret, _, key, stage, version = (parts + [""] * 5)[:5]
    asked = {"SecretId": secret, "VersionStage": stage, "VersionId": version}
    text = (
        await look("secretsmanager:GetSecretValue", **{name: said for name, said in asked.items() if said})
    )["SecretString"]
    if not key:
        return text
    try:
        return str(json.loads(text)[key])
    except (ValueError, KeyError, TypeError):
        raise ValidationError(
            f"Could not find a value associated with JSONKey in SecretString: {key}"
        ) from None
