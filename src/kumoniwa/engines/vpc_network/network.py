"""The region's end of its switch: networks, and the doors in them.

What is told here is done when it has been answered; virtual time is held meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from kumoniwa.engines.vpc_network import namespace
from kumoniwa.engines.vpc_network.namespace import HOSTS
from kumoniwa.kernel.clock import outside

_ANSWER_BYTES_MAX = 1 << 12


class SwitchGone(Exception):
    """The process is no more, and with it all networks are: the kernel killed what was in them, too."""


@cache
def refusal() -> str | None:
    """Why nothing can be put into a network on this machine, or None if it can."""
    if sys.platform != "linux":
        return "on a system other than Linux, whose kernel has network namespaces"
    if not os.path.exists(HOSTS):
        return f"without the file {HOSTS}, in whose place a network's names are shown"
    tried = subprocess.run([sys.executable, "-I", "-S", namespace.__file__], check=False, capture_output=True, text=True)
    words = tried.stderr.strip().rpartition("\n")[2]
    return f"where the kernel gives no network namespaces ({words})" if tried.returncode else None


class Switch:
    """A process of the zygote's, ordered from a nursery like any other."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.setblocking(False)
        self.ends = [theirs.detach()]
        self.pid, self.is_over = 0, False
        self.numbers, self.networks = itertools.count(1), itertools.count(1)
        self.asked: dict[int, asyncio.Future[int]] = {}
        loop.add_reader(self.socket, self._hear)

    # What the nursery tells

    def born(self, pid: int) -> None:
        self.pid = pid
        self._close_ends()

    def _close_ends(self) -> None:
        for descriptor in self.ends:
            os.close(descriptor)
        self.ends = []

    def ended(self, status: int) -> None:
        self._gone()

    def abandoned(self) -> None:
        self._close_ends()
        self._gone()

    def crash(self) -> None:
        if self.pid and not self.is_over:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _gone(self) -> None:
        if self.is_over:
            return
        self.is_over = True
        self.loop.remove_reader(self.socket)
        self.socket.close()
        asked, self.asked = self.asked, {}
        for answer in asked.values():
            if not answer.done():
                answer.set_exception(SwitchGone())

    # What is asked of it

    async def ask(self, do: str, **order: Any) -> int:
        """Have something done; answers the descriptor that it gave, or -1. Raises OSError, SwitchGone."""
        if self.is_over:
            raise SwitchGone
        number = next(self.numbers)
        answer = self.asked[number] = self.loop.create_future()
        body = json.dumps({"n": number, "do": do, **order}).encode()
        with outside():
            while True:
                try:
                    self.socket.send(body)
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.01)
                except OSError:
                    raise SwitchGone from None
            return await answer

    def _hear(self) -> None:
        while not self.is_over:
            try:
                body, passed, _, _ = socket.recv_fds(self.socket, _ANSWER_BYTES_MAX, 1)
            except BlockingIOError:
                return
            except OSError:
                body, passed = b"", []
            if not body:
                self._gone()
                return
            told = json.loads(body)
            answer = self.asked.pop(told["n"], None)
            descriptor = passed[0] if passed else -1
            if answer is None or answer.done():
                if passed:
                    os.close(descriptor)
            elif "error" in told:
                answer.set_exception(OSError(told["error"]))
            else:
                answer.set_result(descriptor)

    async def begin(self, own: str, hosts: str) -> Network:
        """A network whose one interface has that address; ``hosts`` is a file of the names that are known in it."""
        number = next(self.networks)
        return Network(self, number, await self.ask("begin", network=number, own=own), hosts)


class Network:
    """Where one environment is, from its first process to its last."""

    def __init__(self, switch: Switch, number: int, descriptor: int, hosts: str) -> None:
        self.switch, self.number, self.namespace, self.hosts = switch, number, descriptor, hosts
        self.on_end: Callable[[], None] = lambda: None
        self.own: int | None = None
        """The port at which its own process finds its Runtime API, if it does."""

    async def open(self, address: str, port: int, host: str, to: int) -> None:
        """Let connections to ``address`` and ``port`` through to a server of this machine's; what was held goes on."""
        await self.switch.ask("open", network=self.number, address=address, port=port, to=[host, to])

    async def shut(self, address: str, port: int, *, is_held: bool) -> None:
        """Let no more in. If it ``is_held``, what had come in is passed on no more either."""
        await self.switch.ask("shut", network=self.number, address=address, port=port, is_held=is_held)

    async def pass_datagrams(self, port: int, host: str, to: int) -> None:
        await self.switch.ask("datagrams", network=self.number, port=port, to=[host, to])

    async def let_in(self, address: str, port: int) -> socket.socket:
        """A socket that listens at that port of the loopback's addresses, and of ``address``, for somebody else to accept from."""
        return socket.socket(fileno=await self.switch.ask("let_in", network=self.number, address=address, port=port))

    async def keep_out(self, address: str, port: int) -> None:
        """Have nobody get through to that port any more. Whoever had its socket has closed it."""
        await self.switch.ask("keep_out", network=self.number, address=address, port=port)

    async def show_own(self, port: int) -> None:
        """Let the process of the environment reach what its region has for it alone, at the same port as outside; what was there before is gone."""
        before, self.own = self.own, port
        if before is not None:
            await self.shut("127.0.0.1", before, is_held=False)
        await self.open("127.0.0.1", port, "127.0.0.1", port)

    async def end(self) -> None:
        if self.namespace >= 0:
            os.close(self.namespace)
            self.namespace = -1
            self.on_end()
            with contextlib.suppress(SwitchGone, OSError):
                await self.switch.ask("end", network=self.number)
