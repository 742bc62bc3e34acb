"""What happened to a stack, one row for each change of a status."""

from __future__ import annotations

import json
from bisect import bisect_right
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.services.cloudformation import notification, telling
from kumoniwa.store.rows import Table
from kumoniwa.wire import timestamps

STACK = "AWS::CloudFormation::Stack"
PAGE_MAX = 100
SEQ_MAX = 2**63 - 1
EVENTS = Table(
    "cloudformation_event",
    """create table if not exists cloudformation_event
       (seq integer primary key, id text, stack text, name text, arn text, logical text, physical text, type text, at real,
        status text, reason text, properties text, token text);
       create index if not exists cloudformation_event_stack on cloudformation_event (stack, seq)""",
)


OPERATIONS = Table(
    "cloudformation_operation",
    """create table if not exists cloudformation_operation
       (seq integer primary key, id text, stack text, type text, first integer);
       create index if not exists cloudformation_operation_id on cloudformation_operation (id);
       create index if not exists cloudformation_operation_stack on cloudformation_operation (stack, first)""",
)
"""What was done to a stack: an operation's events begin with the row ``first`` and end where the next operation begins."""


def begun(call: Call, stack: Any, kind: str, id: str) -> None:
    """From now on a stack's events belong to this operation: ``CREATE_STACK`` and its like."""
    call.rows(EVENTS, OPERATIONS).run(
        """insert into cloudformation_operation select null, ?, ?, ?, coalesce(max(seq), 0) + 1 from cloudformation_event""",
        id, stack.id, kind,
    )  # fmt: skip


def operations(call: Call, stack_id: str) -> list[tuple[int, str, str]]:
    """What was done to a stack, oldest first: (first event, id, type)."""
    return call.rows(OPERATIONS).all(
        "select first, id, type from cloudformation_operation where stack = ? order by seq", stack_id
    )


def last_operations(call: Call, stack_id: str) -> list[dict[str, str]]:
    """What was done to a stack lately, as it is shown with the stack: the last operation alone."""
    found = call.rows(OPERATIONS).all(
        "select type, id from cloudformation_operation where stack = ? order by seq desc limit 1", stack_id
    )
    return [{"OperationType": kind, "OperationId": id} for kind, id in found]


def stack_of(call: Call, operation_id: str) -> str | None:
    found = call.rows(OPERATIONS).one("select stack from cloudformation_operation where id = ?", operation_id)
    return found[0] if found else None


def happened(
    call: Call,
    stack: Any,
    logical_id: str,
    kind: str,
    physical_id: str,
    status: str,
    reason: str,
    properties: dict | None = None,
) -> None:
    """Write one event of a `stack.Stack` down."""
    rows = call.rows(EVENTS)
    last = rows.one("select at from cloudformation_event where stack = ? order by seq desc limit 1", stack.id)
    # No two events of a stack share a moment on AWS, and people put them in order by it.
    at = max(call.now(), (milliseconds(last[0]) + 1) / 1000) if last else call.now()
    moment = timestamps.to_millisecond(at)
    id = call.new_id() if kind == STACK else f"{logical_id}-{status}-{moment}"
    rows.run(
        "insert into cloudformation_event values (null,?,?,?,?,?,?,?,?,?,?,?,?)",
        id, stack.id, stack.name, stack.arn, logical_id, physical_id, kind, at, status, reason,
        "" if properties is None else json.dumps(properties), stack.token,
    )  # fmt: skip
    if kind == STACK and physical_id == stack.arn:
        telling.of_stack(call, stack, status, reason)
    else:
        telling.of_resource(call, stack, logical_id, kind, physical_id, status, reason)
    if stack.notified:
        notification.promise(call, stack, {
            "StackId": stack.arn, "Timestamp": timestamps.to_millisecond(at), "EventId": id, "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id, "ResourceProperties": "null" if properties is None else json.dumps(properties),
            "ResourceStatus": status, "ResourceStatusReason": reason or "", "ResourceType": kind, "StackName": stack.name,
            "ClientRequestToken": stack.token or "null",
        })  # fmt: skip


def listed(call: Call, stack_id: str, before: int | None = None) -> tuple[list[dict[str, Any]], int | None]:
    """A page of events, newest first, as DescribeStackEvents answers, and where the next one begins."""
    found, next_ = _page(call, stack_id, 0, SEQ_MAX if before is None else before)
    done = operations(call, stack_id)
    return [_shown(row) | _operation_of(done, row[0])[0] for row in found], next_


def _page(call: Call, stack_id: str, since: int, before: int, suffix: str = "") -> tuple[list[tuple], int | None]:
    """Rows from ``since`` up to but without ``before``, newest first, whose status ends in ``suffix``."""
    found = call.rows(EVENTS).all(
        """select seq, id, name, arn, logical, physical, type, at, status, reason, properties, token from cloudformation_event
           where stack = ? and seq >= ? and seq < ? and status like ? order by seq desc limit ?""",
        stack_id, since, before, f"%{suffix}", PAGE_MAX + 1,
    )  # fmt: skip
    return found[:PAGE_MAX], found[PAGE_MAX - 1][0] if len(found) > PAGE_MAX else None


def _operation_of(done: list[tuple[int, str, str]], seq: int) -> tuple[dict[str, str], str]:
    """The operation an event belongs to, as it is shown, and its type. Nothing for events before the first."""
    at = bisect_right(done, seq, key=lambda operation: operation[0])
    return ({"OperationId": done[at - 1][1]}, done[at - 1][2]) if at else ({}, "")


def _shown(row: tuple) -> dict[str, Any]:
    _, id, name, arn, logical, physical, kind, at, status, reason, properties, token = row
    reply: dict[str, Any] = {
        "StackId": arn,
        "EventId": id,
        "StackName": name,
        "LogicalResourceId": logical,
        "PhysicalResourceId": physical,
        "ResourceType": kind,
        "Timestamp": at,
        "ResourceStatus": status,
    }
    optional = {"ResourceStatusReason": reason, "ResourceProperties": properties, "ClientRequestToken": token}
    return reply | {member: value for member, value in optional.items() if value}


def told(
    call: Call, stack_id: str, operation_id: str | None, is_failed_only: bool, before: int | None
) -> tuple[list[dict[str, Any]], int | None]:
    """A page of events as DescribeEvents answers: of one operation, or of all that was done to a stack."""
    done = operations(call, stack_id)
    since, until = 0, SEQ_MAX
    for at, (first, id, _) in enumerate(done):
        if id == operation_id:
            since, until = first, done[at + 1][0] if at + 1 < len(done) else SEQ_MAX
    suffix = "_FAILED" if is_failed_only else ""
    found, next_ = _page(call, stack_id, since, min(until, SEQ_MAX if before is None else before), suffix)
    return [_told(row, done) for row in found], next_


def _told(row: tuple, done: list[tuple[int, str, str]]) -> dict[str, Any]:
    reply = _shown(row)
    operation, kind = _operation_of(done, row[0])
    reply |= operation | ({"OperationType": kind} if kind else {})
    is_failure = row[8].endswith("_FAILED")
    is_of_stack = row[6] == STACK and row[5] == row[3]
    del reply["StackName"]
    reply["EventType"] = "PROVISIONING_ERROR" if is_failure and not is_of_stack else "STACK_EVENT"
    if is_of_stack:
        ended = "FAILED" if is_failure else "SUCCEEDED" if row[8].endswith("_COMPLETE") else "IN_PROGRESS"
        reply |= {"OperationStatus": ended, "StartTime" if ended == "IN_PROGRESS" else "EndTime": row[7]}
    return reply


def last_of_each(call: Call, stack_id: str) -> dict[tuple[str, str], tuple[str, str, str, str, float, str]]:
    """The latest event of every resource: (logical id, physical id) → (logical id, type, physical id, status, when, why)."""
    found = call.rows(EVENTS).all(
        """select logical, type, physical, status, at, reason, max(seq) from cloudformation_event
           where stack = ? and not (type = ? and physical = arn) group by logical, physical""",
        stack_id, STACK,
    )  # fmt: skip
    return {(row[0], row[2]): row[:6] for row in found}


def forget(call: Call, stack_id: str) -> None:
    call.rows(OPERATIONS).run("delete from cloudformation_operation where stack = ?", stack_id)
    call.rows(EVENTS).run("delete from cloudformation_event where stack = ?", stack_id)
