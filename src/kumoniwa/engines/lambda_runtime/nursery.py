"""The region's end of the zygote: orders go in, process ids come out, and the dead are reported.

Nothing here waits in a thread, and nothing blocks the loop while the zygote warms up.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import kumoniwa

if TYPE_CHECKING:
    from kumoniwa.engines.lambda_runtime.process import ForkedProcess
    from kumoniwa.engines.vpc_network.network import Switch

_REPORT_BYTES_MAX = 1 << 12
_HERE = str(Path(kumoniwa.__file__).parents[1])
_BEGIN = f"import sys; {_HERE!r} in sys.path or sys.path.insert(0, {_HERE!r}); from {__package__} import zygote; zygote.main()"
"""Isolated, Python finds the package that is installed; the zygote is to be of the package that this is."""


class Nursery:
    """One region's zygote and the processes born of it. Made when the first Python function needs it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.socket: socket.socket | None = None
        self.zygote: subprocess.Popen | None = None
        self.orders: dict[int, ForkedProcess | Switch] = {}
        self.living: dict[int, ForkedProcess | Switch] = {}
        self.count = itertools.count(1)

    def warm(self) -> None:
        """Start the zygote if it is not running."""
        if self.zygote is not None:
            return
        # One message is one order or report: SEQPACKET keeps them apart and carries the descriptors beside them.
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.setblocking(False)
        command = [sys.executable, "-I", "-X", "utf8", "-c", _BEGIN, str(theirs.fileno()), str(os.getpid())]
        self.zygote = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env={"TZ": ":UTC", "PATH": os.defpath, "HOME": os.devnull},
            start_new_session=True,
        )
        theirs.close()
        self.loop.add_reader(self.socket, self._read)

    def bear(self, process: ForkedProcess | Switch, order: dict) -> None:
        """Have ``process`` forked. It becomes known to it when the zygote answers; until then it just waits."""
        self.warm()
        number = next(self.count)
        self.orders[number] = process
        body = json.dumps(order | {"order": number}).encode()
        self._send(body, process)

    def _send(self, body: bytes, process: ForkedProcess | Switch) -> None:
        if self.socket is None:
            return
        try:
            socket.send_fds(self.socket, [body], process.ends)
        except BlockingIOError:
            # The zygote is still importing and its queue is full.
            self.loop.call_later(0.01, self._send, body, process)
        except OSError:
            self._zygote_ended()

    def _read(self) -> None:
        while self.socket is not None:
            try:
                body = self.socket.recv(_REPORT_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError:
                body = b""
            if not body:
                self._zygote_ended()
                return
            report = json.loads(body)
            if "pid" in report:
                process = self.orders.pop(report["order"])
                self.living[report["pid"]] = process
                process.born(report["pid"])
            else:
                self.living.pop(report["ended"]).ended(report["status"])

    def _zygote_ended(self) -> None:
        """It never ends by itself: somebody killed it, and its children with it. The next order makes another."""
        self.close()

    def close(self) -> None:
        """Kill the zygote, and through the kernel every process born of it."""
        if self.zygote is None:
            return
        self.loop.remove_reader(self.socket)
        self.socket.close()
        self.zygote.kill()
        self.zygote.wait()
        self.zygote = self.socket = None
        orphans = [*self.orders.values(), *self.living.values()]
        self.orders.clear()
        self.living.clear()
        for process in orphans:
            process.abandoned()
