"""Whose pool a call touches, and which: for the gate."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.cognito_idp import token
from kumoniwa.services.cognito_idp.place import places


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str | None:
    """The account of the pool, client or token that is named: those who sign in name no account."""
    known = places(call.home)
    for name in ("UserPoolId", "ClientId"):
        if isinstance(params.get(name), str) and (place := known.get(params[name])) is not None:
            return place.account
    if isinstance(params.get("AccessToken"), str) and (place := known.get(token.pool_of(params["AccessToken"]))) is not None:
        return place.account
    # A session that names nobody else is of the cloud's own account, or of whoever signed.
    return None


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    if isinstance(params.get("ResourceArn"), str):
        return params["ResourceArn"]
    pool = params.get("UserPoolId")
    return call.arn(f"userpool/{pool}") if isinstance(pool, str) else "*"
