"""What the execution log tells of the exchange with an endpoint (recorded: test_apigw_test_invoke_method_api).

Signatures and tokens are not told, as AWS does not tell them.
"""

from __future__ import annotations

import time
from email.utils import formatdate

from kumoniwa.services.apigateway import event
from kumoniwa.services.apigateway.exchange import Exchange

HIDDEN = "*" * 40


def sent(exchange: Exchange, uri: str, headers: str, body: bytes) -> None:
    """The request as it leaves."""
    exchange.note(f"Endpoint request URI: {uri}")
    exchange.note(f"Endpoint request headers: {headers}")
    exchange.note(f"Endpoint request body after transformations: {body.decode('utf-8', 'replace')}")
    exchange.note(f"Sending request to {uri}")


def signed(exchange: Exchange, uri: str, body: bytes, *, more: dict[str, str] | None = None, source_arn: str = "") -> None:
    """The request as it leaves for one of AWS's services; ``source_arn`` is told where no role asks."""
    api = exchange.served.api_id
    headers = {
        **(more or {}), "Authorization": HIDDEN, "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(exchange.home.clock.now())),
        "x-amzn-apigateway-api-id": api, **({"X-Amz-Source-Arn": source_arn} if source_arn else {}), "Accept": "application/json",
        "User-Agent": f"AmazonAPIGateway_{api}", "X-Amz-Security-Token": HIDDEN,
    }  # fmt: skip
    # AWS breaks the line off in the token.
    sent(exchange, uri, event.shown(list(headers.items())).removesuffix("}") + " [TRUNCATED]", body)


def heard_head(exchange: Exchange, status: int, since: float, headers: list[tuple[str, str]]) -> None:
    """The head of a response, whose body is streamed."""
    latency_ms = int((exchange.home.clock.now() - since) * 1000)
    exchange.note(f"Received response. Status: {status}, Integration latency: {latency_ms} ms")
    exchange.note(f"Endpoint response headers: {event.shown(headers)}")


def heard(exchange: Exchange, status: int, since: float, headers: list[tuple[str, str]], body: bytes) -> None:
    """The response as it came to what was sent at ``since``."""
    if exchange.log is not None:
        heard_head(exchange, status, since, headers)
        exchange.note(f"Endpoint response body before transformations: {body.decode('utf-8', 'replace')}")


# Lambda ------------------------------------------------------------------------------------------------


def function_url(region: str, function: str, *, is_streamed: bool) -> str:
    """Where a function is invoked."""
    since, how = ("2021-11-15", "response-streaming-invocations") if is_streamed else ("2015-03-31", "invocations")
    return f"https://lambda.{region}.amazonaws.com/{since}/functions/{function}/{how}"


def function_asked(exchange: Exchange, function: str, body: bytes, source_arn: str, *, is_streamed: bool = False) -> None:
    if exchange.log is None:
        return
    uri = function_url(exchange.home.name, function, is_streamed=is_streamed)
    signed(exchange, uri, body, more={"x-amzn-lambda-integration-tag": exchange.request_id}, source_arn=source_arn)


def function_heard(exchange: Exchange, since: float, status: int, version: str, payload: bytes) -> None:
    if exchange.log is None:
        return
    headers = [
        ("Date", formatdate(exchange.home.clock.now(), usegmt=True)), ("Content-Type", "application/json"),
        ("Content-Length", str(len(payload))), ("Connection", "keep-alive"), ("x-amzn-RequestId", exchange.home.ids.uuid()),
        ("x-amzn-Remapped-Content-Length", "0"), ("X-Amz-Executed-Version", version), ("X-Amzn-Trace-Id", exchange.trace),
    ]  # fmt: skip
    heard(exchange, status, since, headers, payload)
