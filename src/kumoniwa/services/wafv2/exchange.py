"""What WAF of other regions asks for: in aws-global an operation on what is CloudFront's, at an edge location its samples."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.services.wafv2 import api, logging, sampled

SERVICE = "wafv2.amazonaws.com"


async def hear(home: Any, origin: str, message: dict[str, Any]) -> Any:
    """``{"account", "operation", "params"}``, or what ``GetSampledRequests`` asks: ``{"account", "everywhere": …}``, ``{"account", "samples": …}``"""
    call = home.call("wafv2", message["account"], principals.service(SERVICE, message["account"]))
    if (asked := message.get("samples")) is not None:
        return sampled.of_region(home, asked)
    if (asked := message.get("everywhere")) is not None:
        return await sampled.of_all_regions(call, asked)
    operation = getattr(api, message["operation"], None) or getattr(logging, message["operation"])
    call.keeps_otherwise()
    return call.atomically(lambda: operation.__wrapped__(call, **message["params"]))
