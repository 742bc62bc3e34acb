"""A denial in a sealed envelope: the services that say no without saying why hand it out, and STS opens it for who may ask.

EC2 is such a service. The message holds whose request it was, what was asked and which statements decided it.
https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.engines import cipher

if TYPE_CHECKING:
    from kumoniwa.languages.policy import Statement
    from kumoniwa.languages.policy_decision import Decision

_PURPOSE = b"denial"
MESSAGE_BYTES_MAX = 64 << 10


def encoded(seal: bytes, decision: Decision, context: dict[str, Any]) -> str:
    """``context`` are the condition keys of the request; those that were never asked for are not worked out for this."""
    told = {key: value for key, value in context.items() if not callable(value) and value is not None}
    principal = decision.principal
    message = {
        "allowed": False,
        "explicitDeny": decision.is_explicit,
        "matchedStatements": {"items": [_statement(decision.denied_by)] if decision.denied_by is not None else []},
        "failures": {"items": []},
        "context": {
            "principal": {"id": principal.user_id, "name": principal.arn.rpartition("/")[2], "arn": principal.arn},
            "action": decision.action,
            "resource": decision.resource,
            "conditions": {"items": [{"key": key, "values": _items(value)} for key, value in sorted(told.items())]},
        },
    }
    return base64.urlsafe_b64encode(cipher.seal(seal, zlib.compress(orjson.dumps(message)), _PURPOSE)).decode()


def _statement(statement: Statement) -> dict[str, Any]:
    source = statement.source
    return {
        "statementId": source.get("Sid", ""),
        "effect": source["Effect"].upper(),
        "actions": _items(source.get("Action", ())),
        "resources": _items(source.get("Resource", ())),
    }


def _items(value: Any) -> dict[str, Any]:
    listed = value if isinstance(value, (list, tuple)) else [value]
    return {"items": [{"value": str(one).lower() if isinstance(one, bool) else str(one)} for one in listed]}


def decoded(seal: bytes, text: str) -> str | None:
    """The message as JSON, None for what this cloud did not encode."""
    try:
        packed = cipher.unseal(seal, base64.b64decode(text, altchars=b"-_", validate=True), _PURPOSE)
        return None if packed is None else zlib.decompressobj().decompress(packed, MESSAGE_BYTES_MAX).decode()
    except (binascii.Error, ValueError, zlib.error):
        return None
