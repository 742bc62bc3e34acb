"""Asynchronous events: rows that wait for their turn, are tried again when the function fails, and survive a kill.

An event that was being answered when its region was killed is answered again: at least once, as on AWS.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.lambda_ import destination, figures, recursion, sandbox
from kumoniwa.services.lambda_.destination import Result
from kumoniwa.services.lambda_.errors import RequestEntityTooLargeException, TooManyRequestsException
from kumoniwa.services.lambda_.function import Function, Version, found
from kumoniwa.services.lambda_.name import LATEST, arn
from kumoniwa.store.rows import Table

PAYLOAD_BYTES_MAX = 1_048_576
"""Since October 2025: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

RETRY_AFTER_S = 60.0
"""Before the first retry, and twice that before the second."""
THROTTLED_S_MAX = 300.0
GOLDEN_RATIO = 0.618034
"""Multiples of it leave no two neighbours close to each other."""

WAITING = ("lambda", "events")

EVENTS = Table(
    "lambda_event",
    """create table if not exists lambda_event (id integer primary key, function text, version text, qualifier text, request text,
         trace text, born real, due real, attempts integer, throttles integer, payload blob);
       create index if not exists lambda_event_due on lambda_event (due)""",
)


class Event(NamedTuple):
    id: int
    function: str
    version: str
    """What an alias stood for when the event came."""
    qualifier: str
    request: str
    trace: str
    born: float
    due: float
    attempts: int
    throttles: int
    payload: bytes


COLUMNS = "id, function, version, qualifier, request, trace, born, due, attempts, throttles, payload"


def too_large(payload: bytes, kind: str, most: int) -> RequestEntityTooLargeException:
    """https://github.com/ASFHyP3/hyp3/issues/2241"""
    return RequestEntityTooLargeException(f"{len(payload)} byte payload is too large for the {kind} invocation type (limit {most} bytes)")


def put(call: Call, version: Version, qualifier: str | None, payload: bytes, trace: str) -> None:
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise too_large(payload, "Event", PAYLOAD_BYTES_MAX)
    now = call.now()
    call.rows(EVENTS).run(
        "insert into lambda_event (function, version, qualifier, request, trace, born, due, attempts, throttles, payload) "
        "values (?,?,?,?,?,?,?,0,0,?)",
        version.function, version.version, qualifier or "", call.request_id, trace, now, now, payload,
    )  # fmt: skip
    figures.received(call, version.function)
    call.after_commit(lambda: call.home.wake(WAITING))


def taken(call: Call, most: int) -> list[Event]:
    """Events whose time has come. While they are answered they have no time, so that nobody looks at them again."""
    rows = call.rows(EVENTS)
    found = rows.all(f"select {COLUMNS} from lambda_event where due <= ? order by due limit ?", call.now(), most)
    for row in found:
        rows.run("update lambda_event set due = null where id = ?", row[0])
    return [Event(*row) for row in found]


def put_back(call: Call) -> None:
    """Events that were being answered when an earlier life of the region ended: their time is now."""
    call.rows(EVENTS).run("update lambda_event set due = born where due is null")


def next_due(call: Call) -> float | None:
    return call.rows(EVENTS).one("select min(due) from lambda_event where due > ?", call.now())[0]


async def answer(call: Call, event: Event) -> None:
    """Try an event once; it is gone afterwards, or due again later."""
    try:
        version = found(call, event.function, event.version)
    except AwsError:
        return _drop(call, event)
    function = call.shelf(Function)[event.function]
    config = destination.config_of(call, event.function, event.qualifier or None)
    age_s_max = config.age_s_max if config and config.age_s_max is not None else destination.AGE_S_MAX
    retries = config.retries_max if config and config.retries_max is not None else destination.RETRIES_MAX
    result = Result(
        request_id=event.request, arn=arn(call, event.function, event.qualifier or LATEST), condition="Success",
        attempts=event.attempts, request=event.payload, executed=version.version,
    )  # fmt: skip
    if function.reserved == 0:
        return await _fail(call, event, version, result, "ZeroReservedConcurrency")
    if call.now() - event.born > age_s_max:
        return await _fail(call, event, version, result, "EventAgeExceeded")
    if event.attempts == 0:
        figures.aged(call, event.function, call.now() - event.born)
    try:
        trace = recursion.stepped(call, event.function, event.trace)
        outcome = await sandbox.of(call.home).invoke(
            call, version, event.request, event.payload, arn=arn(call, event.function, event.qualifier or None), trace_id=trace
        )
    except recursion.RecursiveInvocationException:
        return await _fail(call, event, version, result, "RetriesExhausted")
    except TooManyRequestsException:
        # Those that were throttled together do not come again together, or one would be taken and the others throttled for longer.
        spread = 0.5 + event.id * GOLDEN_RATIO % 1.0
        after_s = min(THROTTLED_S_MAX, 2.0**event.throttles * spread)
        return _later(call, event, after_s, event.attempts, event.throttles + 1)
    except AwsError:
        # Its role cannot be assumed: nothing ran, and nothing will until somebody repairs it.
        return _later(call, event, THROTTLED_S_MAX, event.attempts, event.throttles)
    attempts = event.attempts + 1
    result = Result(
        request_id=event.request, arn=result.arn, condition="Success", attempts=attempts, request=event.payload,
        executed=version.version, error=outcome.function_error or "", response=outcome.payload,
    )  # fmt: skip
    if outcome.function_error is None:
        return await _conclude(call, event, version, result)
    after_s = RETRY_AFTER_S * attempts
    if attempts > retries:
        return await _fail(call, event, version, result, "RetriesExhausted")
    if call.now() + after_s - event.born > age_s_max:
        return await _fail(call, event, version, result, "EventAgeExceeded")
    return _later(call, event, after_s, attempts, event.throttles)


def _later(call: Call, event: Event, after_s: float, attempts: int, throttles: int) -> None:
    call.rows(EVENTS).run(
        "update lambda_event set due = ?, attempts = ?, throttles = ? where id = ?", call.now() + after_s, attempts, throttles, event.id
    )
    call.home.wake(WAITING)


def _drop(call: Call, event: Event) -> None:
    call.rows(EVENTS).run("delete from lambda_event where id = ?", event.id)


async def _fail(call: Call, event: Event, version: Version, result: Result, condition: str) -> None:
    result = Result(
        request_id=result.request_id, arn=result.arn, condition=condition, attempts=result.attempts, request=result.request,
        executed=result.executed, error=result.error, response=result.response,
    )  # fmt: skip
    await _conclude(call, event, version, result)


async def _conclude(call: Call, event: Event, version: Version, result: Result) -> None:
    """Tell whoever wants to know, then forget the event. A killed region tells again; those who were told notice."""
    config = destination.config_of(call, event.function, event.qualifier or None)
    is_success = result.condition == "Success"
    wanted = (config.on_success if is_success else config.on_failure) if config else ""
    if wanted:
        await _tell(call, version, result, destination.deliver, wanted, "DestinationDeliveryFailures")
    if version.dead_letter and not is_success:
        await _tell(call, version, result, destination.bury, version.dead_letter, "DeadLetterErrors")
    if not is_success:
        figures.lost(call, version.function, "AsyncEventsDropped")
    _drop(call, event)


async def _tell(call: Call, version: Version, result: Result, tell: Callable, target: str, failure: str) -> None:
    """AWS drops what its destination refuses, and counts it."""
    try:
        await tell(sandbox.role_of(call, version), target, result)
    except AwsError as error:
        figures.lost(call, version.function, failure)
        print(f"kumoniwa: {result.arn}: {error.code} from the destination of an event: {error.text}", file=sys.stderr)


async def run(region, account: str, event: Event, answering: Counter[str]) -> None:
    """Answer one event on its own, so that one defect does not stop the others."""
    call = Call(region, account, principals.service(sandbox.SERVICE, account), "lambda", "Invoke", event.request)
    try:
        await answer(call, event)
    except Exception:
        traceback.print_exc()
        _later(call, event, THROTTLED_S_MAX, event.attempts, event.throttles)
    finally:
        answering[account] -= 1
        region.wake(WAITING)
