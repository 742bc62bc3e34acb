"""Invocations: what the log of a bus tells of each attempt to reach a target, and of how it ended.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-logs-schema.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel import arn as arns
from kumoniwa.services.events import bus as buses
from kumoniwa.services.events.log import Log
from kumoniwa.services.events.promise import Promise


class Failure(NamedTuple):
    """Of one attempt."""

    code: str
    text: str
    is_passing: bool = False
    """Whether another may help."""
    after_s: float = 0.0
    """How long the target asked to wait."""
    status: int = 0


class End(NamedTuple):
    """Of one attempt: when the next one is, and whether the event lies in the dead-letter queue."""

    wait_s: float | None = None
    is_dead: bool = False


def bus_of(promise: Promise) -> str:
    """The name of the bus whose rule it was."""
    return arns.parse(promise.rule_arn).resource.removeprefix("rule/").rpartition("/")[0] or buses.DEFAULT


def tell(log: Log, promise: Promise, attempts: int, began: float, given: str | None, failure: Failure | None, end: End) -> None:
    """Of the attempt behind ``attempts`` others, which began at ``began``; ``given`` is what the target is told. AWS does not say how it counts
    before the first attempt, nor that it tells of a failure before it tells of the dead-letter queue."""
    event_id, now, count = orjson.loads(promise.body)["id"], log.call.now(), attempts + 1
    role = promise.target.get("RoleArn")
    where = {"rule_arn": promise.rule_arn, **({"role_arn": role} if role else {}), "target_arn": promise.target["Arn"]}
    told = {"target_input": given} if given is not None else {}
    taken = {"target_duration_ms": _ms(now - began)}
    error = _error(promise, failure) if failure is not None else None

    def write(step: str, *details: dict[str, Any], error: dict[str, Any] | None = None) -> None:
        said = {name: value for each in (where, *details) for name, value in each.items()}
        log.write(step, event_id, said, invocation=promise.invocation, error=error)

    if attempts == 0:
        write("INVOCATION_START", told)
    write("INVOCATION_ATTEMPT_START", {"attempt_count": count}, told)
    kind = {"attempt_type": "RETRY" if attempts else "FIRST", "attempt_count": count}
    if failure is None:
        write("INVOCATION_ATTEMPT_SUCCESS", kind, taken)
    else:
        write(f"INVOCATION_ATTEMPT_{'RETRYABLE' if failure.is_passing else 'PERMANENT'}_FAILURE", kind, taken, error=error)
    if end.wait_s is not None:
        return
    total = {"total_attempts": count}
    if attempts == 0:
        total |= {"ingestion_to_start_latency_ms": _ms(began - promise.ingested), "ingestion_to_complete_latency_ms": _ms(now - promise.ingested)}
    if failure is None:
        write("INVOCATION_SUCCESS", told, total, {"ingestion_to_success_latency_ms": _ms(now - promise.ingested)}, taken)
        return
    write("INVOCATION_FAILURE", told, total, taken, error=error)
    if end.is_dead:
        write("INVOCATION_DLQ", told, total, taken, error=error)


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1_000))


def _error(promise: Promise, failure: Failure) -> dict[str, Any]:
    """How AWS spells the services that it calls was not found: this is how their ARNs do."""
    status = {"http_status_code": failure.status} if failure.status else {}
    return {**status, "error_message": failure.text, "aws_service": arns.parse(promise.target["Arn"]).service}
