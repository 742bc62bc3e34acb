"""A region as an object: its store, its gate, its background work.

In production one process hosts one region; in tests several live in one loop on virtual time. The code is the same.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from kumoniwa.gate import identity
from kumoniwa.gate.address import GLOBAL, GLOBAL_SERVICES
from kumoniwa.gate.authorize import Authorizer
from kumoniwa.gate.ledger import Ledger
from kumoniwa.gate.names import HostName
from kumoniwa.gate.passage import REPLICATED, Gate
from kumoniwa.gate.private_network import Network
from kumoniwa.gate.settings import Settings
from kumoniwa.gate.trail import Trail
from kumoniwa.gate.usage import LastUse, Usage
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.arn import partition
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import Clock, monotonic
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.fault import Fault, Faults
from kumoniwa.kernel.ids import Ids
from kumoniwa.kernel.meter import Meter
from kumoniwa.kernel.operation import Service, load
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record
from kumoniwa.links.peer import EXCHANGED_WITHIN_S
from kumoniwa.store.store import Store
from kumoniwa.wire.http import Reply
from kumoniwa.wire.message import Request

RESTART_AFTER_S = 1.0
"""How long a background task that failed rests before it is started again."""


class StsUnavailable(AwsError):
    """STS is down by somebody's wish: nobody assumes a role, and sessions go on until they expire."""

    code = "ServiceUnavailable"
    status = 503
    message = "The service is unavailable."


class Peers(Protocol):
    """The way to other regions."""

    by_name: dict[str, Any]

    def ask(
        self, region: str, principal: Principal, operation: str, params: dict[str, Any], once: str | None, trace: str
    ) -> Awaitable[dict]: ...
    def used(self, key_id: str, use: LastUse) -> None: ...
    def exchange(self, region: str, service: str, message: Any, within_s: float = ...) -> Awaitable[Any]: ...


class Outside(Protocol):
    """Whoever stands around the regions, sees them all and can break them."""

    def noted(self, kind: str, facts: dict[str, Any]) -> None: ...
    def stand_at(self, address: str, is_there: bool) -> None: ...
    def let_in(self, listener: socket.socket, network: Network) -> Callable[[], None]: ...
    def inject(self, what: str, asked: dict[str, Any]) -> Awaitable[dict]: ...


class UsedService(Record):
    """A service that has been used here: its background work starts again with the region."""

    name: str
    has_work: bool = True


class Region:
    def __init__(
        self, name: str, settings: Settings, folder: str, *, peers: Peers | None = None, outside: Outside | None = None, seed: int | None = None
    ) -> None:
        self.name, self.settings, self.peers, self.outside = name, settings, peers, outside
        self.partition = partition(name)
        self.ids = Ids(seed)
        self.store = Store(folder, self.ids, fsync=settings.is_fsync)
        self.clock = Clock()
        self.faults = Faults(self.ids.random)
        self.gate = Gate(self)
        self.meter = Meter(self)
        self.memory: dict[tuple, Any] = {}
        """What services remember without promising to: caches, estimates."""
        self.engines: dict[str, Any] = {}
        """Foreign machinery this region has started, by name; closed with the region."""
        self._sleepers: dict[tuple, set[asyncio.Future]] = {}
        self._tasks: set[asyncio.Task] = set()
        self._working: set[str] = set()
        self._listeners: list = []
        self._wanting: dict[Any, Callable[[str, str, str], bool]] = {}
        self._is_open = False
        self.is_watched = False
        """Whether somebody wants to hear of every call and every applied write."""
        self.tellers: dict[str, Callable[[], Any]] = {}
        """What services add to the region's report, by name."""
        self.followers: list[Callable[[list[tuple[str, str, bytes | None]]], None]] = []
        """Told of every committed change of a replicated record; only ``aws-global`` has any."""
        self.store.journal.on_change = self._changed

    # Life -------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Begin to serve: on a fresh folder or on what an earlier life left there."""
        self.clock = Clock(asyncio.get_running_loop())
        self._is_open = True
        self._start_all_work()

    def _start_all_work(self) -> None:
        services = [load(used.name) for used in self.store.shelf(identity.SHARED, UsedService).values() if used.has_work]
        # Some tell at once of what a kill has left undone: whoever is to hear of that must be there before them.
        for service in sorted(services, key=lambda service: not getattr(service.work, "HEARS_ALL", False)):
            self._start_work(service)

    async def close(self) -> None:
        """End in good order. A region that is killed instead loses nothing it acknowledged."""
        self._is_open = False
        await self._rest()
        self.gate.ledger.end()
        self.store.close()

    async def _rest(self) -> None:
        """End all that is under way, and what engines begin while they end."""
        await self.end_tasks()
        for engine in self.engines.values():
            await engine.close()
        self.engines.clear()
        await self.end_tasks()

    async def end_tasks(self) -> None:
        """End all that was spawned, and what it spawns while it ends: a group's members run on until the group hears of its end."""
        while self._tasks:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def reset(self, account: str | None = None) -> None:
        """Forget everything, or one account. Background work starts afresh."""
        await self._rest()
        self._working = set()
        used = dict(self.store.shelf(identity.SHARED, UsedService))
        self._sleepers.clear()
        self.memory.clear()
        self.tellers.clear()
        self.meter = Meter(self)
        if account is None:
            self.store.reset()
            self.gate.gaps.clear()
        else:
            self.store.reset(account)
            for kind in (*REPLICATED.values(), HostName):
                shelf = self.store.shelf(identity.SHARED, kind)
                # An organization is gone with the account that manages it.
                for key in [key for key, held in shelf.items() if account in (held.account, getattr(held, "management", ""))]:
                    del shelf[key]
        self.gate.authorizer = Authorizer(self)
        self.gate.trail = Trail(self)
        self.gate.usage = Usage(self)
        self.gate.ledger = Ledger(self)
        self.gate.ways.forget()
        self.store.shelf(identity.SHARED, UsedService).update(used)
        self._start_all_work()

    # The wire's side --------------------------------------------------------------------------

    def answer(self, request: Request, reply: Reply) -> None:
        self.gate.answer(request, reply)

    # What a call needs of its home --------------------------------------------------------------

    async def ask(
        self, principal: Principal, operation: str, params: dict[str, Any], *, region: str | None = None, once: str | None = None,
        trace: str = "",
    ) -> dict:  # fmt: skip
        region = region or (GLOBAL if operation.partition(":")[0] in GLOBAL_SERVICES else self.name)
        if region != self.name:
            return await self.peers.ask(region, principal, operation, params, once, trace)
        return await self.gate.ask(principal, operation, params, once, trace=trace)

    async def ask_along(self, principal: Principal, operation: str, params: dict[str, Any], trace: str = "") -> dict:
        """An ``ask`` that does not wait for its commit, by a call whose own answer does."""
        return await self.gate.ask(principal, operation, params, settles=False, trace=trace)

    def ask_at_once(self, principal: Principal, operation: str, params: dict[str, Any], trace: str = "") -> dict:
        """An ``ask`` that waits for nothing. Raises MustWait where the answer would take longer than this turn of the loop."""
        return self.gate.ask_at_once(principal, operation, params, trace)

    async def exchange(self, region: str, service: str, message: Any, within_s: float = EXCHANGED_WITHIN_S) -> Any:
        """Say something to the same service in another region, over the link; answers its reply. Raises RegionUnreachable."""
        return await self.peers.exchange(region, service, message, within_s)

    @property
    def neighbours(self) -> list[str]:
        """The regions to which there is a line: of ``aws-global``, all that follow it."""
        return list(self.peers.by_name)

    async def heard(self, origin: str, service: str, message: Any) -> Any:
        """Answer what another region's instance of a service said to ours, once everything that it changed here is committed."""
        ours = load(service)
        self.service_used(ours)
        reply = await ours.exchange.hear(self, origin, message)
        await self.store.journal.settled()
        return reply

    def note(self, kind: str, **facts: Any) -> None:
        """Something that whoever watches this cloud would like to see. ``t`` is CLOCK_MONOTONIC, which all its processes share."""
        if self.outside is not None:
            self.outside.noted(kind, {"t": monotonic(), "region": self.name, **facts})

    async def inject(self, what: str, **asked: Any) -> dict:
        """Ask for a fault (``start``, ``heal``, ``list``) as the admin door would. Raises FaultRefused."""
        return await self.outside.inject(what, asked)

    def report(self) -> dict[str, Any]:
        """What there is to know of this region from outside."""
        return {
            "gaps": dict(self.gate.gaps),
            "accounts": self.store.accounts(),
            **self.gate.report(),
            "faults": [fault.id for fault in self.faults],
            **{name: told() for name, told in self.tellers.items()},
        }

    def suffer(self, faults: list[Fault]) -> None:
        """These faults and no others act here from now on."""
        began, ended = self.faults.replace(faults)
        skews = self.faults.active("clock.skew")
        self.clock.skew(sum(f.params.get("offset", 0.0) for f in skews), sum(f.params.get("drift_ppm", 0.0) for f in skews))
        self.gate.usage.noted.clear()  # which may have been in another year
        self.store.suffer(self.faults)
        for fault in began:
            self.tell(("faults", "began", "", fault))
        for fault in ended:
            self.tell(("faults", "ended", "", fault))

    def call(self, service: str, account: str, principal: Principal) -> Call:
        """A call of a service's own, for its background work."""
        return Call(self, account, principal, service)

    def calls(self, service: str, by: str) -> list[Call]:
        """The same for each customer's account that has state here, made by the service principal ``by``."""
        return [self.call(service, account, principals.service(by, account)) for account in self.store.accounts() if account.isdigit()]

    def assume(
        self, role_arn: str, service: str, session_name: str, account: str, context: dict[str, str] | None = None
    ) -> Principal:
        if self.faults and self.faults.hit("iam.sts-down", role=role_arn):
            raise StsUnavailable
        return self.gate.authorizer.assume(role_arn, service, session_name, account, context or {})

    def require(self, call: Call, action: str, arn: str, context: dict[str, Any]) -> None:
        self.gate.authorizer.require(call, action, arn, context)

    async def wait(self, key: tuple, until: float) -> bool:
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        self._sleepers.setdefault(key, set()).add(woken)
        timer = loop.call_later(max(0.0, until - self.clock.now()), lambda: woken.done() or woken.set_result(False))
        try:
            return await woken
        finally:
            timer.cancel()
            sleepers = self._sleepers.get(key)
            if sleepers is not None:
                sleepers.discard(woken)
                if not sleepers:
                    del self._sleepers[key]

    def wake(self, key: tuple) -> None:
        if key in self._sleepers:
            for woken in self._sleepers[key]:
                if not woken.done():
                    woken.set_result(True)

    def tell(self, fact: tuple) -> None:
        for listener in self._listeners:
            listener(fact)

    def listen(self, listener, wants: Callable[[str, str, str], bool] | None = None) -> None:
        """Hear every fact told in this region: ``listener((service, kind, account, detail))``. For facts that take work to find out, ``wants``
        says whether the listener would hear of them: ``wants(service, kind, account)``."""
        self._listeners.append(listener)
        if wants is not None:
            self._wanting[listener] = wants

    def unlisten(self, listener) -> None:
        self._listeners.remove(listener)
        self._wanting.pop(listener, None)

    def is_wanted(self, service: str, kind: str, account: str) -> bool:
        """Whether somebody would hear of such facts, asked where to find one out costs work."""
        return any(wants(service, kind, account) for wants in self._wanting.values())

    def _changed(self, changes: list) -> None:
        shared = [(shelf.name, key, body) for shelf, key, body in changes if shelf.name in REPLICATED]
        if shared:
            self.gate.authorizer.forget()
            self.gate.trail.forget()
            for follower in self.followers:
                follower(shared)

    # Background work ----------------------------------------------------------------------------

    def spawn(self, coroutine: Coroutine) -> asyncio.Task:
        """Run something that ends with the region."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        # An AwsError is an answer, and belongs to whoever awaits the task; anything else is a defect of ours.
        if not task.cancelled() and task.exception() is not None and not isinstance(task.exception(), AwsError):
            print(f"kumoniwa: a task of {self.name} failed", file=sys.stderr)
            traceback.print_exception(task.exception())

    def service_used(self, service: Service) -> None:
        """Remember that a service has state here, and see that its background work runs."""
        if service.work is not None or service.all_tags is not None:
            shelf = self.store.shelf(identity.SHARED, UsedService)
            if service.name not in shelf:
                shelf[service.name] = UsedService(name=service.name, has_work=service.work is not None)
        self._start_work(service)

    @property
    def used_services(self) -> list[str]:
        """Those of which something may be kept here."""
        return sorted(self.store.shelf(identity.SHARED, UsedService))

    def _start_work(self, service: Service) -> None:
        if service.work is not None and service.name not in self._working and self._is_open:
            self._working.add(service.name)
            self.spawn(self._supervised(service))

    async def _supervised(self, service: Service) -> None:
        while True:
            try:
                await service.work.run(self)
                return
            except Exception as error:
                print(f"kumoniwa: {service.name} in {self.name}: background work failed and starts again", file=sys.stderr)
                traceback.print_exception(error)
                await asyncio.sleep(RESTART_AFTER_S)
