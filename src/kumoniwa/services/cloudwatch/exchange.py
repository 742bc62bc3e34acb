"""What CloudWatch of a region asks aws-global: the dashboards, which no region has of its own."""

from __future__ import annotations

from functools import partial
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.services.cloudwatch import dashboard


async def hear(home: Any, origin: str, message: dict[str, Any]) -> Any:
    account = message["account"]
    call = home.call("cloudwatch", account, principals.service("cloudwatch.amazonaws.com", account))
    call.keeps_otherwise()
    return call.atomically(partial(dashboard.answer, call, message))
