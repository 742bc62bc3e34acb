"""What is kept of an execution: one row, the strands that are alive in it, and its history in pieces.

A strand is one line of states: the execution's own, one for each branch of a Parallel and each iteration of a Map. What a
strand waits for is in its row, with the time at which it is due; so nothing but rows waits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from kumoniwa.gate.key_chain import Lock
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed, pack, unpack
from kumoniwa.services.stepfunctions.encryption import Encryption
from kumoniwa.services.stepfunctions.errors import ExecutionDoesNotExist
from kumoniwa.store.rows import Table

EXECUTIONS = Table(
    "sfn_execution",
    """create table if not exists sfn_execution (number integer primary key autoincrement, arn text unique, machine text, kind text,
         status text, started real, deadline real, body blob);
       create index if not exists sfn_execution_machine on sfn_execution (machine, number);
       create index if not exists sfn_execution_deadline on sfn_execution (deadline) where deadline is not null""",
)
STRANDS = Table(
    "sfn_strand",
    """create table if not exists sfn_strand (execution text, id integer, parent integer, waiting text, due real, token text,
         body blob, primary key (execution, id)) without rowid;
       create index if not exists sfn_strand_nested on sfn_strand (nested) where nested is not null;
       create index if not exists sfn_strand_due on sfn_strand (due) where due is not null;
       create index if not exists sfn_strand_token on sfn_strand (token) where token != '';
       create index if not exists sfn_strand_parent on sfn_strand (execution, parent);
       create index if not exists sfn_strand_asking on sfn_strand (waiting) where waiting = 'ask'""",
    added=("nested text",),
)
HISTORY = Table(
    "sfn_history",
    """create table if not exists sfn_history (execution text, first integer, body blob, primary key (execution, first)) without rowid""",
)


class Execution(Record):
    arn: str
    name: str
    machine: str
    machine_name: str
    kind: str
    definition: str
    role: str
    input: str
    started: float
    status: str = "RUNNING"
    stopped: float | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    events: int = 0
    strands: int = 0
    """The highest number a strand ever had."""
    version: str = ""
    alias: str = ""
    trace: str = ""
    """The trace header that it was started with."""
    traced: str = ""
    """The header that it hands on, whose parent is its own segment; empty if X-Ray is not told of it."""
    caller: str = ""
    """The id of whoever called it in its trace."""
    is_of_tracing: bool = False
    """Whether its machine traced when it began."""
    redrives: int = 0
    redriven: float | None = None
    timeout_s: float | None = None
    is_sync: bool = False
    """Whether somebody waits for the answer: then it goes with the region that was asked."""
    flow: int = 0
    """Which of its machine's flows it runs: not the first if it is of a map run."""
    map_run: str = ""
    place: int = 0
    logging: dict[str, Any] = {}
    """What of its history becomes lines of a log, by ``logging``."""
    encryption: Encryption | None = None
    """Its machine's when it began."""
    sealed: bytes = b""
    """What it was given and came to, as it lies on the disk; empty where it is open."""

    @property
    def is_express(self) -> bool:
        return self.kind == "EXPRESS"

    @property
    def is_of_express(self) -> bool:
        """Whether its machine is Express: what a map run begins may be Express under a machine that is not."""
        return self.is_express and not self.map_run


class Strand(msgspec.Struct, omit_defaults=True):
    """Where one line of states stands. ``waiting`` is what for: ``""`` (it is moving), ``wait``, ``retry``, ``ask`` (another
    service), ``token``, ``activity``, ``nested`` (an execution), ``children``, ``turn`` (many steps were made at once),
    ``queued`` (an iteration, for its turn) or ``done`` (its siblings)."""

    id: int
    parent: int
    place: int
    flow: int
    state: str
    input: Any
    previous: int = 0
    entered: int = 0
    entered_after: int = 0
    entered_at: float = 0.0
    waiting: str = ""
    due: float | None = None
    token: str = ""
    nested: str = ""
    """The execution that it waits for."""
    retries: dict[str, int] = {}
    variables: dict[str, Any] = {}
    item: Any = None
    """What a Map's iteration is for."""
    is_item: bool = False
    scheduled: int = 0
    """The event that says what is being waited for: an answer to an earlier question is not heard."""
    parameters: Any = None
    timeout_at: float | None = None
    heartbeat_s: float | None = None
    credentials: str = ""
    first: int = 0
    """The first of its children, which have the numbers after it."""
    count: int = 0
    begun: int = 0
    ended: int = 0
    concurrency: int = 0
    output: Any = None
    lost: list[Strand] = []
    """How its children stood when one of them failed and took the others along, for a redrive."""


class Event(NamedTuple):
    at: float
    previous: int
    type: str
    details: dict[str, Any] | None


encode = msgspec.msgpack.Encoder().encode
_decode_strand = msgspec.msgpack.Decoder(Strand).decode
_decode_said = msgspec.msgpack.Decoder(tuple[str, str | None, str | None, str | None]).decode
_decode_events = msgspec.msgpack.Decoder(list[Event]).decode


def _closed(execution: Execution, lock: Lock) -> Execution:
    if lock.chain is None:
        return execution
    said = (execution.input, execution.output, execution.error, execution.cause)
    return changed(execution, input="", output=None, error=None, cause=None, sealed=lock.shut(encode(said)))


def opened(execution: Execution, lock: Lock) -> Execution:
    """With what it was given and came to."""
    if not execution.sealed:
        return execution
    input_, output, error, cause = _decode_said(lock.open(execution.sealed))
    # What ended it is told openly where the key was lost.
    error, cause = (error, cause) if execution.error is None else (execution.error, execution.cause)
    return changed(execution, input=input_, output=output, error=error, cause=cause, sealed=b"")


def insert(call: Call, execution: Execution, lock: Lock) -> None:
    deadline = execution.started + execution.timeout_s if execution.timeout_s and execution.status == "RUNNING" else None
    call.rows(EXECUTIONS).run(
        "insert into sfn_execution (arn, machine, kind, status, started, deadline, body) values (?,?,?,?,?,?,?)",
        execution.arn, execution.machine, "SYNC" if execution.is_sync else execution.kind, execution.status, execution.started, deadline,
        pack(_closed(execution, lock)),
    )  # fmt: skip


def update(call: Call, execution: Execution, lock: Lock) -> None:
    is_over = execution.status != "RUNNING"
    call.rows(EXECUTIONS).run(
        f"update sfn_execution set status = ?, body = ?{', deadline = null' if is_over else ''} where arn = ?",
        execution.status, pack(_closed(execution, lock)), execution.arn,
    )  # fmt: skip


def unheard(call: Call) -> list[str]:
    """Executions whose answer nobody waits for any more."""
    return [row[0] for row in call.rows(EXECUTIONS).all("select arn from sfn_execution where kind = 'SYNC'")]


def limit(call: Call, arn: str, deadline: float) -> None:
    call.rows(EXECUTIONS).run("update sfn_execution set deadline = ? where arn = ?", deadline, arn)


def find(call: Call, arn: str) -> Execution | None:
    found = call.rows(EXECUTIONS).one("select body from sfn_execution where arn = ?", arn)
    return unpack(found[0], Execution) if found else None


def existing(call: Call, arn: str) -> Execution:
    found = find(call, arn)
    if found is None:
        raise ExecutionDoesNotExist(f"Execution Does Not Exist: '{arn}'")
    return found


def put_strand(call: Call, execution: str, strand: Strand, lock: Lock) -> None:
    call.rows(STRANDS).run(
        "insert or replace into sfn_strand values (?,?,?,?,?,?,?,?)",
        execution, strand.id, strand.parent, strand.waiting, strand.due, strand.token, lock.shut(encode(strand)), strand.nested or None,
    )  # fmt: skip


def strand_of(call: Call, execution: str, id_: int, lock: Lock) -> Strand | None:
    found = call.rows(STRANDS).one("select body, due from sfn_strand where execution = ? and id = ?", execution, id_)
    if found is None:
        return None
    strand = _decode_strand(lock.open(found[0]))
    strand.due = found[1]
    if strand.waiting == "nested" and not strand.nested:
        # Of an older store, where the execution stood in the place of the token.
        strand.nested, strand.token = strand.token, ""
    return strand


def waiting_for(call: Call, arn: str) -> list[tuple[str, int]]:
    """The strands, with their executions, that wait for an execution; in older stores their token says so."""
    return call.rows(STRANDS).all(
        "select execution, id from sfn_strand where nested = ?1 or (token = ?1 and token != '' and waiting = 'nested' and nested is null)", arn
    )


def lay_by(call: Call, execution: str) -> None:
    """Nothing moves the strands of an execution any more, but a redrive may go on with them."""
    call.rows(STRANDS).run("update sfn_strand set waiting = '', due = null, token = '', nested = null where execution = ?", execution)


def drop_strands(call: Call, execution: str, ids: list[int] | None = None) -> None:
    rows = call.rows(STRANDS)
    if ids is None:
        rows.run("delete from sfn_strand where execution = ?", execution)
    for id_ in ids or ():
        rows.run("delete from sfn_strand where execution = ? and id = ?", execution, id_)


def keep_events(call: Call, execution: str, first: int, events: list[Event], lock: Lock) -> None:
    call.rows(HISTORY).run("insert into sfn_history values (?,?,?)", execution, first, lock.shut(encode(events)))


def history(call: Call, execution: str, lock: Lock) -> list[tuple[int, Event]]:
    """Every event with its number."""
    rows = call.rows(HISTORY).all("select first, body from sfn_history where execution = ? order by first", execution)
    return [(first + at, event) for first, body in rows for at, event in enumerate(_decode_events(lock.open(body)))]


def forget(call: Call, execution: str) -> None:
    """Nothing of it is kept."""
    drop_strands(call, execution)
    call.rows(HISTORY).run("delete from sfn_history where execution = ?", execution)
    call.rows(EXECUTIONS).run("delete from sfn_execution where arn = ?", execution)


REDRIVABLE_S = 14 * 86_400


def redrive_of(execution: Execution, now: float) -> dict[str, Any]:
    """Whether an execution could be redriven, as Describe tells. Those of a map run are redriven with it."""
    if execution.status == "RUNNING":
        return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": "Execution is RUNNING and cannot be redriven"}
    if execution.status == "SUCCEEDED":
        return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven"}
    if now - (execution.stopped or now) > REDRIVABLE_S:
        return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": "Execution has exceeded the redrivable period and cannot be redriven"}
    return {"redriveStatus": "REDRIVABLE_BY_MAP_RUN" if execution.map_run else "REDRIVABLE"}
