"""AWS_PROXY: the caller's request becomes an event, a Lambda function's answer the response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.principal import Principal
from kumoniwa.services.apigateway import endpointlog, event, mapping, streaming
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.services.apigateway.target import function_of
from kumoniwa.services.apigateway.transform import is_sendable, misconfigured
from kumoniwa.wire.message import Response

SERVICE = "apigateway.amazonaws.com"
PASSED_ON = "arn:aws:iam::*:user/*"
"""The credentials of an integration that is asked for in the name of whoever calls.
https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html#apigw-PutIntegration-request-credentials"""


def failed() -> Refused:
    """The function could not be asked: it is gone, does not let us, or is throttled."""
    return Refused("API_CONFIGURATION_ERROR", "Internal server error")


async def invoked(
    exchange: Exchange, principal: Principal, function: str, payload: bytes, timeout_s: float, trace: str = "", kind: str = ""
) -> dict[str, Any]:
    """The reply of ``lambda:Invoke``, of an invocation of a kind: ``Event`` waits for nobody. Raises AwsError, or TimeoutError; the function itself goes on then, as on AWS."""
    home = exchange.home
    region = function.split(":", 4)[3] or home.name
    params = {"FunctionName": function, "Payload": payload, **({"InvocationType": kind} if kind else {})}
    asked = home.ask(principal, "lambda:Invoke", params, region=region, trace=trace)
    task = home.spawn(asked)
    await asyncio.wait((task,), timeout=timeout_s)
    if not task.done():
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
        raise TimeoutError
    return task.result()


def acting(exchange: Exchange, role: str) -> Principal:
    """The role that an integration names, or the caller. Raises AwsError."""
    if role != PASSED_ON:
        return exchange.home.assume(role, SERVICE, "BackplaneAssumeRoleSession", exchange.served.account)
    if exchange.principal is None:
        # No source tells what AWS answers where nobody has signed.
        raise misconfigured(exchange, "The caller's credentials are passed on by methods with the authorization AWS_IAM alone")
    return exchange.principal


def caller(exchange: Exchange, source_arn: str, role: str | None) -> Principal:
    """Who asks Lambda: API Gateway for this method, or whom the integration names."""
    served = exchange.served
    if role is not None:
        return acting(exchange, role)
    return principals.service(
        SERVICE, served.account, **{"aws:SourceArn": source_arn, "aws:SourceAccount": served.account}
    )


def prepared(
    served: Any, path: str, integration: dict[str, Any]
) -> Callable[[Exchange], Awaitable[Response]]:
    is_streaming = streaming.is_asked(integration)
    function = mapping.with_variables(function_of(integration["uri"]), served.variables)
    role = integration.get("credentials")
    timeout_s = integration["timeoutInMillis"] / 1000
    # Lambda's Invoke is a POST; AWS passes on whatever verb the owner wrote, and fails.
    is_callable = (
        integration["httpMethod"] == "POST" and function.startswith("arn:") and is_sendable(integration)
    )
    callers: dict[str, Principal] = {}

    async def integrate(exchange: Exchange) -> Response:
        if not is_callable:
            raise failed()
        verb = exchange.verb
        try:
            if role is not None:
                principal = caller(exchange, "", role)
            else:
                principal = callers.get(verb)
                if principal is None:
                    # The path is the resource's own, with its labels: one function policy serves all of them alike.
                    principal = callers[verb] = caller(exchange, f"{served.arn}/{verb}{path}", None)
            payload = event.of(exchange)
            since = exchange.home.clock.now()
            endpointlog.function_asked(exchange, function, payload, "" if role else f"{served.arn}/{verb}{path}", is_streamed=is_streaming)
            if is_streaming:
                return await _streamed(exchange, principal, function, payload, timeout_s)
            reply = await invoked(exchange, principal, function, payload, timeout_s, exchange.passed_trace)
        except TimeoutError:
            raise Refused("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        except NotImplementedHere:
            raise
        except AwsError:
            raise failed()
        endpointlog.function_heard(exchange, since, 200, reply.get("ExecutedVersion", "$LATEST"), bytes(reply["Payload"]))
        if reply.get("FunctionError"):
            raise event.malformed()
        response = event.response(exchange, reply["Payload"])
        response.headers["X-Amzn-Trace-Id"] = exchange.trace
        return response

    return integrate


async def _streamed(exchange: Exchange, principal: Principal, function: str, payload: bytes, timeout_s: float) -> Response:
    """The function's answer as soon as its head is here."""
    named = arns.parse(function)
    if named is not None and named.region not in ("", exchange.home.name):
        # A stage variable named it, or it would have been refused when it was put.
        raise NotImplementedHere("apigateway response streaming of functions of another region")
    flow = streaming.Flow(exchange, timeout_s)
    source = await streaming.invoked(exchange, flow, principal, function, payload, exchange.passed_trace)
    try:
        said = await streaming.head_of(flow, source)
        response = Response(event.status_of(said), b"", streaming.headers_of(flow, said))
    except BaseException as error:
        await source.aclose()
        # Whatever is wrong with its head, the page tells of one answer.
        raise streaming.malformed() if isinstance(error, Refused) else error
    endpointlog.heard_head(exchange, response.status, flow.since, [("X-Amzn-Trace-Id", exchange.trace)])
    response.headers["X-Amzn-Trace-Id"] = exchange.trace
    response.body, exchange.flow = flow.body(source), flow
    return response
