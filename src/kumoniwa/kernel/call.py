"""The one argument every operation receives: who asks, where, and the few words a service may say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import msgspec

from kumoniwa.aws import actions
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.record import changed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from kumoniwa.kernel.clock import Clock
    from kumoniwa.kernel.fault import Faults
    from kumoniwa.kernel.ids import Ids
    from kumoniwa.kernel.meter import Meter
    from kumoniwa.kernel.principal import Principal

T = TypeVar("T")


class Home(Protocol):
    """What a call needs of its region. ``cloud.region.Region`` is one."""

    name: str
    partition: str
    store: Any
    clock: Clock
    ids: Ids
    settings: Any
    memory: dict
    faults: Faults
    meter: Meter
    neighbours: list[str]
    outside: Any
    used_services: list[str]

    def ask(
        self, principal: Principal, operation: str, params: dict[str, Any], *, region: str | None, once: str | None, trace: str = ...
    ) -> Awaitable[dict]: ...
    def ask_along(self, principal: Principal, operation: str, params: dict[str, Any], trace: str = ...) -> Awaitable[dict]: ...
    def ask_at_once(self, principal: Principal, operation: str, params: dict[str, Any], trace: str = ...) -> dict: ...
    def assume(
        self, role_arn: str, service: str, session_name: str, account: str, context: dict[str, str] | None = None
    ) -> Principal: ...
    def require(self, call: Call, action: str, arn: str, context: dict[str, Any]) -> None: ...
    def wait(self, key: tuple, until: float) -> Awaitable[bool]: ...
    def wake(self, key: tuple) -> None: ...
    def tell(self, fact: Any) -> None: ...
    def is_wanted(self, service: str, kind: str, account: str) -> bool: ...
    def exchange(self, region: str, service: str, message: Any, within_s: float = ...) -> Awaitable[Any]: ...
    def heard(self, origin: str, service: str, message: Any) -> Awaitable[Any]: ...
    def note(self, kind: str, **facts: Any) -> None: ...
    def inject(self, what: str, **asked: Any) -> Awaitable[dict]: ...
    def spawn(self, coroutine: Any) -> Any: ...


class Afterwards(NamedTuple):
    """What an atomic operation answers that is not done when its own step is kept: ``act`` runs in the same turn of the loop, asks others
    at once, and its answer is the operation's."""

    act: Callable[[], dict[str, Any]]


class Call(msgspec.Struct, eq=False):
    home: Home
    account: str
    principal: Principal
    service: str
    operation: str = ""
    request_id: str = ""
    request: Any = None
    """The HTTP request, None for an ``ask``. Only for what no model states, such as a source address."""
    once: str | None = None
    asked: bytes = b""
    """A sum of the parameters, where a client's own token stands for ``once``: with other parameters it is refused."""
    within: str = ""
    """The trace header that this call was asked with from inside."""
    confided: tuple[str, ...] = ()
    """Texts the caller said or is told that go to the disk sealed, though the model calls them no secrets: no trail tells them."""
    retagging: Any = None
    """How everything was tagged before this call, where it may change tags and somebody wants to hear of it."""

    @property
    def trace(self) -> str:
        """The trace this call is part of (``Root=…;Parent=…;Sampled=1``), empty if nobody spoke of one. What it asks is part of it, too."""
        if self.within or self.request is None:
            return self.within
        return self.request.headers.get("x-amzn-trace-id", "")

    @property
    def region(self) -> str:
        return self.home.name

    def now(self) -> float:
        """Epoch seconds."""
        return self.home.clock.now()

    @property
    def ids(self) -> Ids:
        return self.home.ids

    def new_id(self) -> str:
        """A fresh UUID."""
        return self.home.ids.uuid()

    def arn(self, resource: str, service: str = "") -> str:
        """An ARN in this call's region and account: ``call.arn("queue-name")``."""
        return f"arn:{self.home.partition}:{service or self.service}:{self.home.name}:{self.account}:{resource}"

    # State ------------------------------------------------------------------------------------

    def shelf(self, kind: type):
        """The account's records of one type, by key."""
        return self.home.store.shelf(self.account, kind)

    def rows(self, *tables: Any):
        """The account's SQLite with these tables in it."""
        rows = self.home.store.rows(self.account)
        for table in tables:
            if table.name not in rows.tables:
                rows.use(table)
        return rows

    @property
    def blobs(self):
        """The account's files of this service."""
        return self.home.store.blobs(self.account, self.service)

    def memory(self, kind: type):
        """The one instance of ``kind`` this region holds for the account: caches, estimates. Not durable, gone with the process."""
        held = self.home.memory
        found = held.get((self.account, kind))
        if found is None:
            found = held[self.account, kind] = kind()
        return found

    def atomically(self, act: Callable[[], T]) -> T:
        """Do something wholly or not at all, in an operation that waits before or after: ``act`` does not wait."""
        journal = self.home.store.journal
        journal.begin_call()
        try:
            result = act()
        except BaseException:
            journal.undo_call()
            raise
        journal.end_call()
        return result

    def start_over(self) -> None:
        """Undo what this atomic operation has written so far, because it must wait before it can go on."""
        journal = self.home.store.journal
        journal.undo_call()
        journal.begin_call()

    def after_commit(self, callback) -> None:
        """Call back once what this call wrote is safe, such as to drop a blob nobody names any more."""
        self.home.store.journal.after_commit(callback)

    # Others -----------------------------------------------------------------------------------

    def wait(self, *key: Any, until: float) -> Awaitable[bool]:
        """Sleep until somebody wakes ``key`` (True) or the clock reads ``until`` (False)."""
        return self.home.wait((self.service, self.account, *key), until)

    def wake(self, *key: Any) -> None:
        self.home.wake((self.service, self.account, *key))

    def forwarding(self, operation: str) -> Principal:
        """Whoever calls, as those see him who are asked for him. Within one service nothing is passed on."""
        own = actions.prefix(self.service)
        return self.principal if own == actions.prefix(operation.partition(":")[0]) else principals.forwarded(self.principal, own)

    async def ask(self, operation: str, /, *, to_region: str | None = None, once: str | None = None, **params: Any) -> dict:
        """An AWS call through the gate: ``await call.ask("kms:Encrypt", KeyId=…)``. Raises the AwsError AWS would answer.

        A token ``once`` makes asking again harmless: the answer that was given is given again.
        """
        return await self.home.ask(self.forwarding(operation), operation, params, region=to_region, once=once, trace=self.trace)

    async def ask_along(self, operation: str, /, **params: Any) -> dict:
        """An ``ask`` in this region that shares the commit of the call which asks: what both write in one turn of the loop is kept
        together or not at all, and the answer is no safer than the caller's own."""
        return await self.home.ask_along(self.forwarding(operation), operation, params, trace=self.trace)

    def ask_at_once(self, operation: str, /, **params: Any) -> dict:
        """An ``ask_along`` that lets no other turn of the loop come between: raises MustWait where the answer takes longer, such as for a
        key that must be opened first. So what is asked one after the other is kept together or not at all. It is no part of an atomic step:
        an atomic operation answers ``Afterwards`` to ask."""
        return self.home.ask_at_once(self.forwarding(operation), operation, params, self.trace)

    def acting(self, service: str, **context: str) -> Call:
        """The same place, asked by an AWS service: ``call.acting("apigateway.amazonaws.com", **{"aws:SourceArn": arn})``."""
        return self.speaking(principals.service(service, self.account, **context))

    def assuming(self, role_arn: str, service: str, session_name: str, **context: str) -> Call:
        """The same place, asked by the session of a role which ``service`` assumes, for the resource that ``context`` tells:
        ``**{"aws:SourceArn": rule_arn}``. Raises AccessDenied if its trust policy refuses."""
        return self.speaking(self.home.assume(role_arn, service, session_name, self.account, context))

    def speaking(self, principal: Principal, trace: str | None = None) -> Call:
        """The same place, asked by somebody else, as part of the same trace or another one."""
        trace = self.trace if trace is None else trace
        return Call(self.home, self.account, principal, self.service, self.operation, self.request_id, within=trace)

    def by_owner(self, through: str = "") -> Call:
        """What a service does for itself in the account, asked by the account's owner: on AWS a role does it that is linked to the service, which
        ``through`` names (``rds.amazonaws.com``) where others are to see it."""
        partition = self.home.partition
        owner = principals.linked(through, self.account, partition) if through else principals.root(self.account, partition=partition)
        return Call(self.home, self.account, owner, self.service)

    def carried_out(self, service: str) -> Call:
        """The same place, asked for the same principal by an AWS service that carries out his wish: it may set tags that are reserved for it."""
        return self.speaking(changed(self.principal, through=service))

    def traced(self, header: str) -> Call:
        """The same call, as part of a trace."""
        return self.speaking(self.principal, header)

    def require(self, action: str, arn: str, **context: Any) -> None:
        """One more permission this operation needs: ``call.require("iam:PassRole", role_arn)``. Raises AccessDenied."""
        self.home.require(self, action, arn, context)

    def measure(self, namespace: str, name: str, *dimensions: str, value: float = 1.0, unit: str = "Count", times: int = 1) -> None:
        """A figure of a service's own for CloudWatch: ``call.measure("AWS/SQS", "NumberOfMessagesSent", "QueueName", "orders")``."""
        self.home.meter.count(self.account, namespace, name, dimensions, value, unit, times=times)

    def measure_all(self, namespace: str, name: str, *dimensions: str, values: Mapping[float, int], unit: str = "Count") -> None:
        """Many figures of one metric: how many there are of each."""
        self.home.meter.count_all(self.account, namespace, name, dimensions, values, unit)

    def bill(self, usage: str, resource: str, quantity: float = 1.0) -> None:
        """Something that AWS bills the account for, apart from what its call is billed for: ``call.bill("lambda:requests", arn)``."""
        self.home.gate.ledger.use(self.account, usage, resource, quantity)

    def keeps_otherwise(self, *, is_managed: bool = True) -> None:
        """What the account keeps here has changed otherwise than by a call: whatever is billed by time is looked at, now if somebody who
        manages it did it, once an hour if it changes by its use."""
        self.home.gate.ledger.touch(self.account, self.service, is_managed=is_managed)

    def tell(self, kind: str, detail: dict[str, Any]) -> None:
        """A fact for the region's bus."""
        self.home.tell((self.service, kind, self.account, detail))


def account_of(arn: str, default: str) -> str:
    """The account an ARN names, or ``default`` for ARNs without one."""
    parsed = arns.parse(arn)
    return parsed.account if parsed and parsed.account else default
