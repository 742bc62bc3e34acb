"""Where things are kept: those of a region in it, those for CloudFront, which is asked for in us-east-1, in aws-global."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.firewall import is_global
from kumoniwa.kernel.call import Call
from kumoniwa.services.wafv2.errors import WAFInvalidParameterException

CLOUDFRONT = "CLOUDFRONT"
CONTROL = "us-east-1"
"""Where CloudFront's are asked for."""
_ARNS = ("ResourceArn", "ResourceARN", "WebACLArn", "WebAclArn", "ARN")


def of_params(params: dict[str, Any]) -> bool:
    """Whether an operation is about CloudFront's."""
    if params.get("Scope") is not None:
        return params["Scope"] == CLOUDFRONT
    said = params.get("LoggingConfiguration") or params
    return any(isinstance(said.get(name), str) and is_global(said[name]) for name in _ARNS)


def check_region(call: Call) -> None:
    """https://docs.aws.amazon.com/waf/latest/APIReference/API_CreateWebACL.html: its Scope"""
    if call.region not in (CONTROL, GLOBAL):
        raise WAFInvalidParameterException.of(
            "The scope is not valid.", "SCOPE_VALUE", CLOUDFRONT, hint=f"Ask for the scope CLOUDFRONT in {CONTROL}."
        )


def kept_by_scope(operation: Callable[..., dict | None]) -> Callable[..., dict | None | Awaitable[dict | None]]:
    """Have an operation act where what it is about is kept."""

    @functools.wraps(operation)
    def there(call: Call, **params: Any) -> dict | None | Awaitable[dict | None]:
        if not of_params(params):
            return operation(call, **params)
        check_region(call)
        said = {name: value for name, value in params.items() if value is not None}
        return call.home.exchange(GLOBAL, "wafv2", {"operation": operation.__name__, "account": call.account, "params": said})

    return there
