"""What services of other regions ask of certificates here: whether one is there, and what it is for."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import certificate as certificates
from kumoniwa.kernel import principal as principals
from kumoniwa.services.acm.work import SERVICE


async def hear(home: Any, origin: str, message: dict[str, str]) -> dict[str, Any] | None:
    """``{"account": …, "certificate": ARN}``"""
    call = home.call("acm", message["account"], principals.service(SERVICE, message["account"]))
    held = certificates.held(call, message["certificate"])
    return held and {"status": held.status, "names": list(held.names)}
