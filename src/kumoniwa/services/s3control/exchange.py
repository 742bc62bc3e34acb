"""What ``aws-global`` is told: how much of public access an account blocks in all of its buckets."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.public_access import PublicAccess, of_accounts


async def hear(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    shelf, account, access = of_accounts(home), message["account"], message["access"]
    if access is not None:
        shelf[account] = PublicAccess(**access)
    elif account in shelf:
        del shelf[account]
    return {}
