"""One durable execution: a run of a function that goes on over many invocations, and the operations it has come to.

Everything about it is rows: what it was given, its operations in the order in which they began, its history. When something is due next,
a wait's end or its own, is the column ``due``, so that a region which was killed goes on where it was.
https://docs.aws.amazon.com/lambda/latest/dg/durable-basic-concepts.html
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, pack, unpack
from kumoniwa.services.lambda_.errors import InvalidParameterValueException, ResourceNotFoundException
from kumoniwa.services.lambda_.function import Durable
from kumoniwa.services.lambda_.name import arn as function_arn
from kumoniwa.store.rows import Table

RUNNING, SUCCEEDED, FAILED, TIMED_OUT, STOPPED = "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"
DAY_S = 86_400.0
LONGEST_S = 366 * DAY_S
"""An execution whose timeout is paused still ends then: https://docs.aws.amazon.com/lambda/latest/api/API_PauseDurableExecution.html"""
PAGE, PAGE_MAX = 100, 1_000
ASYNCHRONOUS, SYNCHRONOUS, CHILD = "asynchronous", "synchronous", "child"

WAITING = ("lambda", "durable")
"""Whoever drives executions sleeps here."""

EXECUTIONS = Table(
    "lambda_durable",
    """create table if not exists lambda_durable (id text primary key, function text, version text, name text, status text, started real,
         due real, written integer, body blob, input text, result text, answer blob);
       create index if not exists lambda_durable_name on lambda_durable (function, name);
       create index if not exists lambda_durable_status on lambda_durable (status);
       create index if not exists lambda_durable_started on lambda_durable (function, started);
       create index if not exists lambda_durable_due on lambda_durable (due) where due is not null""",
)
OPERATIONS = Table(
    "lambda_durable_operation",
    """create table if not exists lambda_durable_operation (execution text, id text, n integer, changed integer, due real, body blob,
         primary key (execution, id)) without rowid;
       create index if not exists lambda_durable_operation_n on lambda_durable_operation (execution, n);
       create index if not exists lambda_durable_operation_changed on lambda_durable_operation (execution, changed);
       create index if not exists lambda_durable_operation_due on lambda_durable_operation (execution, due) where due is not null""",
)
EVENTS = Table(
    "lambda_durable_event",
    """create table if not exists lambda_durable_event (execution text, n integer, body blob, primary key (execution, n)) without rowid""",
)
TABLES = (EXECUTIONS, OPERATIONS, EVENTS)

Error = dict[str, Any]
"""An ErrorObject of AWS's model."""


class Pause(Record):
    requested: float
    reason: str | None = None
    holds_timeout: bool = True
    began: float | None = None
    """When the execution had paused; until then an invocation is on its way to its next checkpoint."""


class Execution(Record):
    id: str
    name: str
    function: str
    version: str
    qualifier: str
    """By which it was invoked: its version, or an alias."""
    kind: str
    """Who waits for it: nobody, whoever invoked it, or another execution."""
    started: float
    config: Durable
    deadline: float
    request: str
    """The id of the request that began it."""
    trace: str = ""
    status: str = RUNNING
    ended: float | None = None
    error: Error | None = None
    has_input: bool = True
    parent: str = ""
    parent_operation: str = ""
    invocation: str = ""
    """The request id of the invocation in flight."""
    invoked: float = 0.0
    token: int = 0
    """How many checkpoints there were: what the next one is asked for."""
    changes: int = 0
    """Counts what happens to operations; ``seen`` is what of it the function has been told."""
    seen: int = 0
    is_owed: bool = True
    """Whether the function is to be invoked, because of what it has not seen."""
    next_try: float = 0.0
    failures: int = 0
    """Invocations in a row that failed or were throttled."""
    idle_answers: int = 0
    """Answers in a row that were PENDING without anything to wait for."""
    events: int = 0
    operations: int = 0
    metered: int = 0
    """Operations as they are billed, attempts and invocations that failed among them."""
    written: int = 0
    """Bytes as they are billed."""
    pause: Pause | None = None
    client_token: str = ""
    """Of the last checkpoint, which is answered again if it is asked again."""
    asked_token: str = ""
    answered_at: float = 0.0
    is_buried: bool = True
    """Whether nothing is left to tell a dead-letter queue."""

    @property
    def is_closed(self) -> bool:
        return self.status != RUNNING

    @property
    def shown(self) -> str:
        """Its status as it is told."""
        if self.is_closed or self.pause is None:
            return self.status
        return "PAUSING" if self.pause.began is None else "PAUSED"

    @property
    def is_paused(self) -> bool:
        return self.pause is not None and self.pause.began is not None

    @property
    def ends(self) -> float:
        """When it times out."""
        if self.is_paused and self.pause.holds_timeout:
            return self.started + LONGEST_S
        return self.deadline

    @property
    def result_bytes_max(self) -> int:
        """https://docs.aws.amazon.com/lambda/latest/api/API_OperationUpdate.html"""
        return 6_291_456 if self.kind == SYNCHRONOUS else 1_048_576


class Operation(Record):
    id: str
    n: int
    type: str
    status: str
    started: float
    changed: int
    parent: str | None = None
    name: str | None = None
    subtype: str | None = None
    ended: float | None = None
    result: str | None = None
    error: Error | None = None
    attempt: int | None = None
    due: float | None = None
    """When a wait ends, a step is tried again, a callback gives up."""
    scheduled: float | None = None
    """When a wait was to end."""
    replays_children: bool | None = None
    callback: str = ""
    timeout_at: float | None = None
    heartbeat_at: float | None = None
    heartbeat_s: int = 0
    function: str = ""
    payload: str | None = None
    """What a function that is invoked from within is given."""
    child: str = ""
    """The id of the execution that it began."""

    @property
    def is_waited_for(self) -> bool:
        """Whether its end will come from outside the function."""
        return self.status == ("PENDING" if self.type == "STEP" else "STARTED") and self.type != "CONTEXT"


# Rows ----------------------------------------------------------------------------------------------


def load(call: Call, id_: str) -> Execution | None:
    row = call.rows(*TABLES).one("select body from lambda_durable where id = ?", id_)
    return unpack(row[0], Execution) if row is not None else None


def named(call: Call, function: str, name: str) -> Execution | None:
    row = call.rows(*TABLES).one("select body from lambda_durable where function = ? and name = ?", function, name)
    return unpack(row[0], Execution) if row is not None else None


def input_of(call: Call, id_: str) -> str | None:
    return call.rows(*TABLES).one("select input from lambda_durable where id = ?", id_)[0]


def result_of(call: Call, id_: str) -> str | None:
    return call.rows(*TABLES).one("select result from lambda_durable where id = ?", id_)[0]


def add(call: Call, execution: Execution, payload: str | None) -> None:
    call.rows(*TABLES).run(
        "insert into lambda_durable (id, function, version, name, status, started, due, body, input) values (?,?,?,?,?,?,?,?,?)",
        execution.id, execution.function, execution.version, execution.name, execution.shown, execution.started, execution.started,
        pack(execution), payload,
    )  # fmt: skip


def save(call: Call, execution: Execution) -> None:
    due = due_of(call, execution)
    call.rows(*TABLES).run(
        "update lambda_durable set status = ?, due = ?, written = ?, body = ? where id = ?",
        execution.shown, due, execution.written, pack(execution), execution.id,
    )  # fmt: skip
    if due is not None:
        call.after_commit(lambda: call.home.wake(WAITING))


def due_of(call: Call, execution: Execution) -> float | None:
    """When something is to be done about it next, if nobody comes before."""
    if execution.is_closed:
        return execution.ended + execution.config.retention_days * DAY_S if execution.is_buried else execution.ended
    due = execution.ends
    first = call.rows(*TABLES).one("select min(due) from lambda_durable_operation where execution = ? and due is not null", execution.id)[0]
    if first is not None:
        due = min(due, first)
    if execution.is_owed and not execution.invocation and not execution.is_paused:
        due = min(due, execution.next_try)
    return due


def running(call: Call) -> int:
    return call.rows(*TABLES).one("select count(*) from lambda_durable where status = ?", RUNNING)[0]


def retained(call: Call) -> list[tuple[str, int]]:
    """How many bytes are kept of each function's executions."""
    return call.rows(*TABLES).all("select function, sum(written) from lambda_durable group by function order by function")


def drop(call: Call, id_: str) -> None:
    rows = call.rows(*TABLES)
    rows.run("delete from lambda_durable where id = ?", id_)
    rows.run("delete from lambda_durable_operation where execution = ?", id_)
    rows.run("delete from lambda_durable_event where execution = ?", id_)


def operation(call: Call, execution: str, id_: str) -> Operation | None:
    row = call.rows(*TABLES).one("select body from lambda_durable_operation where execution = ? and id = ?", execution, id_)
    return unpack(row[0], Operation) if row is not None else None


def operations(call: Call, execution: str, where: str = "", *args: Any) -> list[Operation]:
    """Those that a condition holds for, in the order in which they began."""
    found = call.rows(*TABLES).all(
        f"select body from lambda_durable_operation where execution = ? {where and 'and ' + where} order by n", execution, *args
    )
    return [unpack(body, Operation) for (body,) in found]


# Names ---------------------------------------------------------------------------------------------

_ARN = re.compile(
    r"arn:(?P<partition>[a-zA-Z0-9-]+):lambda:(?P<region>[a-zA-Z0-9-]+):(?P<account>\d{12}):function:(?P<function>[a-zA-Z0-9_-]+):"
    r"(?P<version>\$LATEST(?:\.PUBLISHED)?|[0-9]+)/durable-execution/(?P<name>[a-zA-Z0-9_-]+)/(?P<id>[a-zA-Z0-9_-]+)"
)


def arn_of(call: Call, execution: Execution) -> str:
    """It extends the ARN of the version: https://docs.aws.amazon.com/lambda/latest/dg/durable-security.html"""
    return f"{function_arn(call, execution.function, execution.version)}/durable-execution/{execution.name}/{execution.id}"


def found(call: Call, arn: str) -> Execution:
    """The execution of an ARN. The words were seen of AWS by floci-io/floci (DurableExecutionService, DurableExecutionController)."""
    parsed = _ARN.fullmatch(arn)
    if parsed["region"] != call.region:
        raise ResourceNotFoundException("Function not found")
    execution = load(call, parsed["id"])
    if execution is None or arn_of(call, execution) != arn:
        raise ResourceNotFoundException("Durable Execution does not exist")
    return execution


class Token(NamedTuple):
    """What lets an invocation make the next checkpoint: it is of one execution, one invocation and one place in its order."""

    execution: str
    invocation: str
    number: int

    def spelled(self) -> str:
        return base64.b64encode(f"{self.execution} {self.invocation} {self.number}".encode()).decode()


def token_of(execution: Execution) -> Token:
    return Token(execution.id, execution.invocation, execution.token)


def read_token(text: str) -> Token | None:
    try:
        id_, invocation, number = base64.b64decode(text, validate=True).decode().split(" ")
        return Token(id_, invocation, int(number))
    except (binascii.Error, ValueError):
        return None


def marker(number: int) -> str:
    return base64.b64encode(b"durable:%d" % number).decode()


def read_marker(text: str | None) -> int:
    """Where a page begins that a marker was given out for. Raises InvalidParameterValueException."""
    if not text:
        return 0
    try:
        head, _, number = base64.b64decode(text, validate=True).partition(b":")
        if head == b"durable":
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise InvalidParameterValueException("Invalid Marker")


def page_length(asked: int | None) -> int:
    """"A value of 0 uses the default": https://docs.aws.amazon.com/lambda/latest/api/API_GetDurableExecutionHistory.html"""
    return asked or PAGE


def error_bytes(error: Error | None) -> int:
    return len(orjson.dumps(error)) if error is not None else 0


def text_bytes(text: str | None) -> int:
    return len(text.encode()) if text is not None else 0
