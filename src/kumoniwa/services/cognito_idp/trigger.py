"""Triggers: the customer's functions that are asked, or told, while people sign up and in.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-identity-pools-working-with-aws-lambda-triggers.html
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp.delivery import SERVICE
from kumoniwa.services.cognito_idp.errors import (
    InvalidLambdaResponseException,
    UnexpectedLambdaException,
    UserLambdaValidationException,
)
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.user import User


def described(user: User) -> dict[str, str]:
    """A user's attributes as functions are told them."""
    return {"sub": user.sub, "cognito:user_status": user.status, **user.attributes}


def function_of(pool: UserPool, kind: str) -> str | None:
    if kind == "PreTokenGeneration":
        return (pool.triggers.get("PreTokenGenerationConfig") or {}).get("LambdaArn") or pool.triggers.get(kind)
    held = pool.triggers.get(kind)
    return held.get("LambdaArn") if isinstance(held, dict) else held


async def asked(
    call: Call, pool: UserPool, kind: str, source: str, name: str | None, client_id: str, request: dict[str, Any],
    response: dict[str, Any] | None = None, metadata: dict[str, str] | None = None, version: str = "1",
) -> dict[str, Any]:  # fmt: skip
    """What the function of a kind answers in ``response``; what was put to it where there is none. Raises what AWS answers if it fails."""
    response = response or {}
    if function_of(pool, kind) is None:
        return response
    if metadata is not None:
        request = {**request, "clientMetadata": metadata}
    payload = await _invoked(call, pool, kind, source, name, client_id, request, response, version)
    try:
        answer = orjson.loads(payload)["response"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise InvalidLambdaResponseException from None
    if not isinstance(answer, dict):
        raise InvalidLambdaResponseException
    return answer


async def told(call: Call, pool: UserPool, kind: str, source: str, name: str | None, client_id: str, request: dict[str, Any]) -> None:
    """Tell a function that has nothing to answer. Raises what AWS answers if it fails."""
    await _invoked(call, pool, kind, source, name, client_id, request, {}, "1")


async def _invoked(
    call: Call, pool: UserPool, kind: str, source: str, name: str | None, client_id: str, request: dict[str, Any], response: dict[str, Any],
    version: str,
) -> bytes:  # fmt: skip
    function = function_of(pool, kind)
    event = {
        "version": version, "region": call.region, "userPoolId": pool.id, "userName": name,
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client_id}, "triggerSource": source,
        "request": request, "response": response,
    }  # fmt: skip
    context = {"aws:SourceArn": pools.arn_of(call, pool.id), "aws:SourceAccount": call.account}
    try:
        reply = await call.acting(SERVICE, **context).ask(
            "lambda:Invoke", to_region=function.split(":")[3] if function.count(":") >= 6 else None, FunctionName=function,
            Payload=orjson.dumps(event)
        )
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise UnexpectedLambdaException(f"{kind} invocation failed due to error {error.code}.", hint=error.text) from None
    payload = bytes(reply["Payload"])
    if reply.get("FunctionError"):
        raise UserLambdaValidationException(f"{kind} failed with error {_message(payload)}.")
    return payload


async def signed_in(call: Call, pool: UserPool, user: User, client_id: str, metadata: dict[str, str] | None = None, *, on_new: bool = False) -> None:
    """Tell of somebody who has proved who he is. What the function answers changes nothing, but it may fail, and so keep him out."""
    await asked(
        call, pool, "PostAuthentication", "PostAuthentication_Authentication", user.name, client_id,
        {"userAttributes": described(user), "newDeviceUsed": on_new}, metadata=metadata,
    )  # fmt: skip


def _message(payload: bytes) -> str:
    try:
        return str(orjson.loads(payload)["errorMessage"]).rstrip(".")
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "unknown"
