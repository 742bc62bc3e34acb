"""AWS integrations with Lambda: a template's text is the function's event, what it returns goes through a template back."""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.apigateway import endpointlog, mapping
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.services.apigateway.proxy import caller, invoked
from kumoniwa.services.apigateway.target import function_of
from kumoniwa.services.apigateway.transform import Outgoing, Reply, Send, misconfigured


def sender(served: Any, path: str, integration: dict[str, Any]) -> Send:
    function = mapping.with_variables(function_of(integration["uri"]), served.variables)
    role = integration.get("credentials")
    timeout_s = integration["timeoutInMillis"] / 1000
    is_callable = integration["httpMethod"] == "POST" and function.startswith("arn:")

    async def send(exchange: Exchange, outgoing: Outgoing) -> Reply:
        if not is_callable:
            raise misconfigured(exchange, "Invalid endpoint address")
        event = outgoing.body or b"{}"
        try:
            orjson.loads(event)
        except orjson.JSONDecodeError:
            # Lambda's answer to Invoke, which API Gateway matches with the patterns like a failure of the function.
            body = b'{"Type":"User","message":"Could not parse request body into json"}'
            return Reply(
                400, [("Content-Type", "application/json")], body, "Could not parse request body into json"
            )
        source_arn, since = f"{served.arn}/{exchange.verb}{path}", exchange.home.clock.now()
        endpointlog.function_asked(exchange, function, outgoing.body, "" if role else source_arn)
        kind = next((value for name, value in outgoing.headers.items() if name.lower() == "x-amz-invocation-type"), "")
        reply = await _invoked(exchange, source_arn, event, kind)
        payload, status = bytes(reply.get("Payload", b"")), reply.get("StatusCode", 200)
        endpointlog.function_heard(exchange, since, status, reply.get("ExecutedVersion", "$LATEST"), payload)
        return Reply(status, [("Content-Type", "application/json")], payload, _error_of(reply, payload))

    async def _invoked(exchange: Exchange, source_arn: str, event: bytes, kind: str) -> dict[str, Any]:
        try:
            asker = caller(exchange, source_arn, role)
            return await invoked(exchange, asker, function, event, timeout_s, exchange.passed_trace, kind)
        except TimeoutError:
            exchange.note("Execution failed due to a timeout error")
            raise Refused("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        except NotImplementedHere:
            raise
        except AwsError as error:
            raise misconfigured(exchange, f"Invalid permissions on Lambda function: {error.text}")

    return send


def _error_of(reply: dict[str, Any], payload: bytes) -> str | None:
    """The message of a failed function, which responses are chosen by; None for one that went well."""
    if not reply.get("FunctionError"):
        return None
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return ""
    message = found.get("errorMessage") if isinstance(found, dict) else None
    return message if isinstance(message, str) else ""
