"""Asking another region, which may be away for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError

T = TypeVar("T")
UNREACHABLE_S_MAX = 60.0
"""How long its answer is waited for before whoever needs it fails."""
AGAIN_S = 0.5


async def asked(call: Call, ask: Callable[[], Awaitable[T]]) -> T:
    until = call.now() + UNREACHABLE_S_MAX
    while True:
        try:
            return await ask()
        except AwsError as error:
            if error.code != "ServiceUnavailable" or call.now() > until:
                raise
        await asyncio.sleep(AGAIN_S)
