"""What happened to a stack, one row for each change of a status."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

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
    fresh = call.new_id()
    id = fresh if kind == STACK else f"{logical_id}-{status}-{fresh}"
    call.rows(EVENTS).run(
        "insert into cloudformation_event values (null,?,?,?,?,?,?,?,?,?,?,?,?)",
        id, stack.id, stack.name, stack.arn, logical_id, physical_id, kind, call.now(), status, reason,
        "" if properties is None else json.dumps(properties), stack.token,
    )  # fmt: skip


def listed(call: Call, stack_id: str, before: int | None = None) -> tuple[list[dict[str, Any]], int | None]:
    """A page of events, newest first, as DescribeStackEvents answers, and where the next one begins."""
    found = call.rows(EVENTS).all(
        """select seq, id, name, arn, logical, physical, type, at, status, reason, properties, token
           from cloudformation_event where stack = ? and seq < ? order by seq desc limit ?""",
        stack_id, SEQ_MAX if before is None else before, PAGE_MAX + 1,
    )  # fmt: skip
    next_ = found[PAGE_MAX - 1][0] if len(found) > PAGE_MAX else None
    return [_shown(*row[1:]) for row in found[:PAGE_MAX]], next_


def _shown(
    id: str,
    name: str,
    arn: str,
    logical: str,
    physical: str,
    kind: str,
    at: float,
    status: str,
    reason: str,
    properties: str,
    token: str,
) -> dict[str, Any]:
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


def last_of_each(call: Call, stack_id: str) -> dict[tuple[str, str], tuple[str, str, str, str, float, str]]:
    """The latest event of every resource: (logical id, physical id) → (logical id, type, physical id, status, when, why)."""
    found = call.rows(EVENTS).all(
        """select logical, type, physical, status, at, reason, max(seq) from cloudformation_event
           where stack = ? and not (type = ? and physical = arn) group by logical, physical""",
        stack_id, STACK,
    )  # fmt: skip
    return {(row[0], row[2]): row[:6] for row in found}


def forget(call: Call, stack_id: str) -> None:
    call.rows(EVENTS).run("delete from cloudformation_event where stack = ?", stack_id)
