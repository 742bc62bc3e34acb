"""The daemon that programs outside of this cloud find at ``127.0.0.1:2000``, in the name of the default account's root.

It stands beside the door, where no fault reaches it, and speaks to the default region through the door as everybody does.
"""

from __future__ import annotations

import asyncio
import sys

from kumoniwa.gate import signing
from kumoniwa.gate.settings import Settings
from kumoniwa.gate.trace_daemon import TraceDaemon
from kumoniwa.kernel.clock import Clock
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.outbound import Unreachable, fetch

PORT = 2000
WITHIN_S = 10.0


async def begin(settings: Settings, host: str, port: int) -> TraceDaemon:
    """The daemon, at this port or, where somebody else is there already, at a free one."""
    tasks: set[asyncio.Task] = set()
    clock = Clock(asyncio.get_running_loop())

    def spawn(coroutine) -> asyncio.Task:
        task = asyncio.get_running_loop().create_task(coroutine)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    async def send(request: Request) -> Response:
        request.headers["host"] = settings.endpoint.partition("://")[2]
        key_id, secret = settings.root_key or (settings.account, "test")
        proof = signing.signed(key_id, secret, None, request, settings.region, "xray", clock.now())
        target = settings.endpoint + request.path + (f"?{request.query}" if request.query else "")
        headers = [(name, value) for name, value in (request.headers | proof).items() if name != "host"]
        try:
            answer = await fetch(request.method, target, headers, request.body, WITHIN_S)
        except (Unreachable, TimeoutError) as error:
            return Response(504, body=str(error).encode(), headers={"content-type": "text/plain"})
        headers = {name: value for name, value in answer.headers if name.lower() not in _OURS}
        return Response(answer.status, body=answer.body, headers=headers)

    daemon = TraceDaemon(send, spawn)
    try:
        await daemon.listen(host, port)
    except OSError as error:
        if not port:
            raise
        print(f"kumoniwa: the X-Ray daemon cannot listen on {host}:{port} ({error.strerror}) and takes a free port", file=sys.stderr)
        await daemon.listen(host)
    return daemon


_OURS = ("content-length", "connection", "date", "transfer-encoding")
"""Headers that our own server writes."""
