"""The regions of one cloud and what becomes of them: started on first use, killed, paused, brought back.

A region is in one of these states: ``idle`` (never needed), ``running``, ``paused`` (SIGSTOP), ``killed`` (on purpose: its
connections are silent until it is restarted), ``crashed`` (by itself: started again when next needed).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from msgspec import to_builtins

from kumoniwa.aws import regions
from kumoniwa.cloud import channel, process
from kumoniwa.cloud.events import Events
from kumoniwa.cloud.faults import FaultBook
from kumoniwa.cloud.links import Links
from kumoniwa.gate.address import EDGE, GLOBAL
from kumoniwa.gate.settings import Settings
from kumoniwa.kernel.clock import monotonic
from kumoniwa.kernel.fault import FaultRefused
from kumoniwa.store.store import forget

ANSWERED_WITHIN_S = 10.0
STOPPED_WITHIN_S = 5.0
MEASURED_WITHIN_S = 120.0


class NoSuchRegion(Exception):
    """Not one of AWS's regions, or not one of this cloud's."""


class Member:
    """One region as the fleet sees it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.address = regions.loopback(name)
        self.loss = "blackhole"
        """How it is gone when it is killed: ``blackhole``, ``reset`` or ``refuse``."""
        self.ended = asyncio.Event()
        """Set while there is no process."""
        self.ended.set()
        self.state = "idle"
        self.pid = 0
        self.line: channel.Channel | None = None
        self.connections: dict[int, socket.socket] = {}
        """The door's copies of the connections that this region holds."""
        self.waiting: dict[int, bytes] = {}
        """Connections that came while it was down. Like a SYN that is sent again, they find it when it is back."""
        self.frozen: list[int] = []
        """The processes that its pause stopped."""
        self.since = 0.0
        self.stopped: asyncio.Event | None = None

    @property
    def is_up(self) -> bool:
        return self.state in ("running", "paused")


class Fleet:
    def __init__(self, settings: Settings, folder: str, links: Links) -> None:
        self.settings, self.folder, self.links = settings, folder, links
        self.members: dict[str, Member] = {}
        self.events = Events()
        self.events.on_watched = self._watch
        self.faults = FaultBook(self)
        self._tasks: set[asyncio.Task] = set()
        self.numbers = itertools.count(1)
        self.asked: dict[int, tuple[Member, asyncio.Future]] = {}
        self.on_elsewhere: Callable[[Member, int, bytes], None] = lambda *_: None
        """A region gives a connection back: (member, number, bytes already read)."""
        self.on_let_in: Callable[[Member, int, list, int], None] = lambda *_: None
        """A region has a socket in a private network to accept from: (member, its number, what the network is, the socket)."""
        self.on_keep_out: Callable[[Member, int], None] = lambda *_: None
        """It shall not be accepted from any more."""
        self.on_stand: Callable[[Member, str, bool], None] = lambda *_: None
        """Something of a region is asked at an address of its own, or no more: (member, address, whether it is)."""
        self.on_back: Callable[[Member], None] = lambda _: None
        """A region began a life: connections may be waiting for it."""
        self.on_gone: Callable[[Member], None] = lambda _: None
        """A region's connections must end: it was restarted, it crashed, or it is gone in a way that its clients notice."""

    # States ----------------------------------------------------------------------------------------

    def member(self, name: str) -> Member:
        """The region of that name. Raises NoSuchRegion."""
        if name not in self.members:
            if name not in (GLOBAL, EDGE) and (not regions.is_region(name) or (self.settings.regions and name not in self.settings.regions)):
                raise NoSuchRegion(name)
            self.members[name] = Member(name)
        return self.members[name]

    def needed(self, name: str) -> Member:
        """The region, started unless it was killed on purpose."""
        member = self.member(name)
        if member.state in ("idle", "crashed"):
            self._start(member)
        return member

    def _start(self, member: Member) -> None:
        ours, theirs = channel.pair()
        member.pid = process.spawn(member.name, self.settings, self.folder_of(member), theirs)
        theirs.close()
        member.state, member.since, member.loss = "running", monotonic(), "blackhole"
        member.ended.clear()
        pid = member.pid
        member.line = channel.Channel(ours, lambda m, d: self._hear(member, m, d), lambda: self._line_gone(member, pid))
        follows = member.name != GLOBAL and self._has_identities()
        if self.faults.overview(member.name):
            self.spawn(self.tell_faults(member))
        if self.events.watchers:
            member.line.say(["watch", True])
        member.line.say(["serve", follows])
        self.events.add("region", region=member.name, state="running", pid=pid)
        if follows:
            self._introduce(member, self.needed(GLOBAL))
        elif member.name == GLOBAL:
            for other in list(self.members.values()):
                if other.is_up and other is not member:
                    self._introduce(other, member)
        self.on_back(member)

    def _has_identities(self) -> bool:
        home = self.member(GLOBAL)
        return home.state != "killed" and (home.is_up or os.path.exists(os.path.join(self.folder, GLOBAL)))

    def _introduce(self, one: Member, other: Member) -> None:
        """Give two regions a line of their own."""
        if one.line is None or other.line is None:
            return
        first, second = socket.socketpair()
        with first, second:
            one.line.say(["peer", other.name, to_builtins(self.links.conditions(other.name, one.name))], [first.fileno()])
            other.line.say(["peer", one.name, to_builtins(self.links.conditions(one.name, other.name))], [second.fileno()])

    def kill(self, name: str, loss: str = "blackhole") -> None:
        """SIGKILL, and silence: the door holds the region's connections open and answers nothing. Unless ``loss`` says
        that its clients notice: by a ``reset``, or because it is gone and refuses connections."""
        member = self.member(name)
        was_up, member.state, member.loss = member.is_up, "killed", loss
        self.events.add("region", region=name, state="killed", loss=loss)
        if was_up:
            os.kill(member.pid, signal.SIGKILL)
        if loss != "blackhole":
            self.on_gone(member)

    async def dead(self, member: Member) -> None:
        """Wait until a killed region's process is no more."""
        await member.ended.wait()

    def folder_of(self, member: Member) -> str:
        return os.path.join(self.folder, member.name)

    def lose_disk(self, member: Member, why: str) -> None:
        """A dead region's data is out of its reach, and out of ours only if somebody deletes ``REGION.lost-WHY``."""
        if os.path.exists(folder := self.folder_of(member)):
            os.rename(folder, f"{folder}.lost-{why}")

    def pause(self, name: str) -> None:
        member = self.needed(name)
        if member.state == "running":
            member.frozen = process.freeze(member.pid)
            member.state = "paused"
            self.events.add("region", region=name, state="paused")

    def resume(self, name: str) -> None:
        member = self.member(name)
        if member.state == "paused":
            process.thaw(member.frozen)
            member.state = "running"
            self.events.add("region", region=name, state="running")
            self.spawn(self.tell_faults(member))

    async def restart(self, name: str) -> None:
        """Begin a new life on the data of the old one. What was connected before is reset, as by a host that came back."""
        member = self.member(name)
        if member.is_up:
            self.kill(name)
        if not member.is_up:
            await self.dead(member)
        if not member.is_up:  # else somebody who asked for the same was faster
            self.on_gone(member)
            self._start(member)
        await self.ask(member, "report")

    def reap(self) -> None:
        """Notice children that ended."""
        for member in self.members.values():
            if member.pid:
                try:
                    pid, status = os.waitpid(member.pid, os.WNOHANG)
                except ChildProcessError:
                    pid, status = member.pid, 0
                if pid:
                    self._ended(member, status)

    def _ended(self, member: Member, status: int) -> None:
        member.pid = 0
        member.ended.set()
        if member.line is not None:
            member.line.close()
            member.line = None
        if member.state in ("running", "paused"):
            member.state = "crashed"
            self.events.add("region", region=member.name, state="crashed", status=status)
            print(f"kumoniwa: {member.name} ended by itself (status {status}); it starts again when next needed", file=sys.stderr)
            self.on_gone(member)
        for asked, answer in self.asked.values():
            if asked is member and not answer.done():
                answer.set_result(None)
        if member.stopped is not None:
            member.stopped.set()

    def _line_gone(self, member: Member, pid: int) -> None:
        if member.pid == pid:
            self.reap()

    async def stop(self) -> None:
        """End every region in good order."""
        for member in self.members.values():
            if member.is_up:
                if member.state == "paused":
                    process.thaw(member.frozen)
                member.state, member.stopped = "stopping", asyncio.Event()
                member.line.say(["stop"])
        waits = [asyncio.ensure_future(m.stopped.wait()) for m in self.members.values() if m.stopped is not None and m.pid]
        if waits:
            await asyncio.wait(waits, timeout=STOPPED_WITHIN_S)
        for member in self.members.values():
            if member.pid:
                os.kill(member.pid, signal.SIGKILL)

    # Talk --------------------------------------------------------------------------------------------

    async def ask(self, member: Member, kind: str, *rest: Any, within_s: float = ANSWERED_WITHIN_S) -> Any:
        """A question to a region, such as ``report``; None if it ends before it answers, or does not answer in time."""
        if member.line is None:
            return None
        number = next(self.numbers)
        answer = asyncio.get_running_loop().create_future()
        self.asked[number] = (member, answer)
        member.line.say([kind, number, *rest])
        try:
            async with asyncio.timeout(within_s):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self.asked[number]

    def _hear(self, member: Member, message: list, descriptors: list[int]) -> None:
        kind, *rest = message
        if kind == "elsewhere":
            self.on_elsewhere(member, *rest)
        elif kind == "done":
            number, value = rest
            if number in self.asked and not self.asked[number][1].done():
                self.asked[number][1].set_result(value)
        elif kind == "let_in":
            self.on_let_in(member, *rest, *descriptors)
        elif kind == "keep_out":
            self.on_keep_out(member, *rest)
        elif kind == "stand_at":
            self.on_stand(member, *rest)
        elif kind == "introduce":
            self._bring_together(member, rest[0])
        elif kind == "news":
            for facts in rest[0]:
                self.events.add(**facts)
        elif kind == "inject":
            self.spawn(self._inject(member, *rest))

    def _bring_together(self, member: Member, name: str) -> None:
        try:
            other = self.needed(name)
        except NoSuchRegion:
            member.line.say(["unreachable", name])
            return
        if other.is_up and not self.links.is_refused(member.name, name):
            self._introduce(member, other)
        elif other.is_up or other.loss != "blackhole":
            member.line.say(["unreachable", name])
        # A region that is dark says nothing, nor does anybody for it: who asks learns it by waiting.

    # Links and faults --------------------------------------------------------------------------------

    async def relink(self) -> bool:
        """Let every region know how its lines are now; answers whether those that run have said so."""
        members = [member for member in self.members.values() if member.is_up]
        asked = []
        for member in members:
            for other in members:
                if other is not member:
                    conditions = to_builtins(self.links.conditions(other.name, member.name))
                    asked.append(self._relink(member, other, conditions))
        return all(await asyncio.gather(*asked))

    async def _relink(self, member: Member, other: Member, conditions: dict) -> bool:
        if self.links.is_refused(member.name, other.name):
            member.line.say(["reset_link", other.name])
        if member.state == "paused":
            member.line.say(["link", 0, other.name, conditions])
            return True
        return await self.ask(member, "link", other.name, conditions) is not None

    async def tell_faults(self, member: Member) -> bool:
        """Tell a region all that it suffers now; answers whether it has said so."""
        return await self.ask(member, "faults", to_builtins(self.faults.overview(member.name))) is not None

    async def measure(self, source: str, destination: str, count: int, size_bytes: int) -> dict[str, Any] | None:
        """Round trips and throughput of a link, through it; None if nobody answers."""
        self.needed(destination)
        return await self.ask(self.needed(source), "measure", destination, count, size_bytes, within_s=MEASURED_WITHIN_S)

    async def _inject(self, member: Member, number: int, what: str, asked: dict[str, Any]) -> None:
        """A region asks for a fault on behalf of a service, as FIS does."""
        try:
            if what == "start":
                reply = await self.faults.start(asked)
            elif what == "heal":
                reply = await self.faults.heal(asked["id"])
            else:
                reply = {"faults": self.faults.listed()}
            answer = ["injected", number, reply, None]
        except (FaultRefused, KeyError) as error:
            answer = ["injected", number, {}, str(error)]
        except NoSuchRegion as error:
            answer = ["injected", number, {}, f"There is no region {error} in this cloud."]
        if member.line is not None:
            member.line.say(answer)

    def _watch(self, is_watched: bool) -> None:
        for member in self.members.values():
            if member.line is not None:
                member.line.say(["watch", is_watched])

    def spawn(self, coroutine: Coroutine) -> None:
        """Run something that nobody waits for."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def reset(self, account: str | None) -> None:
        """Empty the cloud, or one account of it. A region that is down is emptied on its disk, a paused one when it goes on."""
        for member in self.members.values():
            if member.state == "paused":
                member.line.say(["reset", next(self.numbers), account])
        asked = [self.ask(m, "reset", account) for m in self.members.values() if m.state == "running"]
        await asyncio.gather(*asked)
        up = {m.name for m in self.members.values() if m.is_up}
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            if name not in up and os.path.isdir(path):
                forget(path, account)
