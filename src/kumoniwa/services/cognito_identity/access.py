"""Whose pool a call touches, and which: for the gate."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.cognito_identity.pool import places


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str | None:
    """The account of the pool or identity that is named: those who come with a login name no account."""
    for name in ("IdentityPoolId", "IdentityId"):
        if isinstance(params.get(name), str) and (place := places(call.home).get(params[name])) is not None:
            return place.account
    return None


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    if isinstance(params.get("ResourceArn"), str):
        return params["ResourceArn"]
    pool = params.get("IdentityPoolId")
    return call.arn(f"identitypool/{pool}") if isinstance(pool, str) else "*"
