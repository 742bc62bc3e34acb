"""What AWS bills for REST APIs: the calls that reach a stage, and its cache by the hour.

Who is not let in costs nothing: a failed authorization, a missing or invalid API key, a rate or a quota that is exceeded; nor does a path that
the API does not have. What is let in and then refused (a body that does not validate), or fails behind it, is paid for.
https://aws.amazon.com/api-gateway/pricing/, and AWS's answers where that page is silent:
https://repost.aws/questions/QU5y4fo-e3RWyU5r4VmyPIzA/pricing-clarification-for-api-gateway,
https://repost.aws/questions/QUY2x146iORPmsJHpff8u0eA/will-i-get-charged-for-these-invalid-api-key-quota-exceeded-or-throttled-request-errors
Nothing says what becomes of a call that a web ACL blocks, or whose body is larger than API Gateway takes; both are taken for calls that were not
let in.
"""

from __future__ import annotations

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.services.apigateway.restapi import RestApi
from kumoniwa.services.apigateway.stage import Stage

FREE = frozenset(
    [
        "ACCESS_DENIED", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE", "EXPIRED_TOKEN", "INVALID_API_KEY", "INVALID_SIGNATURE",
        "MISSING_AUTHENTICATION_TOKEN", "QUOTA_EXCEEDED", "REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND", "THROTTLED", "UNAUTHORIZED",
        "WAF_FILTERED",
    ]
)  # fmt: skip
"""Refusals of those who are not let in, by the gateway response."""


STREAMED_BYTES = 10 << 20


def taken(exchange: Exchange) -> None:
    """Each 10 MB of a response that is streamed are billed as a request.
    https://aws.amazon.com/blogs/compute/building-responsive-apis-with-amazon-api-gateway-response-streaming/"""
    found, flow = exchange.served, exchange.flow
    count = 1 if flow is None else max(1, -(-flow.passed_bytes // STREAMED_BYTES))
    exchange.home.gate.ledger.use(found.account, "apigateway:rest_api_requests", found.api.document["name"], float(count))


def refused(exchange: Exchange, refusal: Refused) -> None:
    if refusal.kind not in FREE:
        taken(exchange)


def standing_of(call: Call) -> list[Use]:
    """Caches, by their size in GB: each size has a price of its own."""
    apis = call.shelf(RestApi)
    return [
        (f"apigateway:cache_{stage.document['cacheClusterSize']}_gb", f"{apis[key.partition('/')[0]].document['name']}/{stage.document['stageName']}", 1.0)
        for key, stage in call.shelf(Stage).items()
        if stage.document["cacheClusterEnabled"]
    ]
