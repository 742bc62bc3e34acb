"""A process of our own that lives no longer than the block that started it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kumoniwa.kernel.clock import outside


@asynccontextmanager
async def child(*command: str, env: dict[str, str] | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process of a command, with pipes to its three ends. If it has not ended with the block it is ended, and waited for. Virtual
    time is held meanwhile."""
    pipe = asyncio.subprocess.PIPE
    with outside():
        started = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
        try:
            yield started
        finally:
            await ended(started)


async def ended(process: asyncio.subprocess.Process) -> None:
    """Kill a process that still runs, and wait until it is gone. Whoever is cancelled meanwhile waits all the same, and hears of it
    afterwards: a process that outlived the region's loop would be nobody's."""
    if process.returncode is None:
        process.kill()
    is_cancelled = False
    with outside():
        end = asyncio.ensure_future(process.wait())
        while not end.done():
            try:
                await asyncio.shield(end)
            except asyncio.CancelledError:
                is_cancelled = True
    if is_cancelled:
        raise asyncio.CancelledError
