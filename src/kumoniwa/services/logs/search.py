"""FilterLogEvents: one question to many streams of a group, in order of time.

A call looks at a bounded number of events; if it has not seen all of them its token says where to go on, even if it
found nothing, as on AWS.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.logs.event import (
    EVENTS,
    MOMENT_MAX,
    OVERHEAD_BYTES,
    PAGE_BYTES_MAX,
    PAGE_EVENTS_MAX,
    STREAMS,
    readable,
    text_of,
)
from kumoniwa.services.logs.filter_pattern import matcher
from kumoniwa.services.logs.group import Group, InvalidParameterException, named
from kumoniwa.services.logs.page import InvalidToken

SEEN_MAX = 20_000
FROM_TAIL_SINCE_MS = 1_704_067_200_000
"""Before 2024 AWS does not search from the end: API_FilterLogEvents."""


def FilterLogEvents(
    call: Call,
    *,
    logGroupName: str | None = None,
    logGroupIdentifier: str | None = None,
    logStreamNames: list[str] | None = None,
    logStreamNamePrefix: str | None = None,
    startTime: int | None = None,
    endTime: int | None = None,
    filterPattern: str | None = None,
    nextToken: str | None = None,
    limit: int | None = None,
    startFromHead: bool | None = None,
    interleaved: bool | None = None,
    unmask: bool | None = None,
) -> dict:
    """``interleaved`` is accepted and ignored, as on AWS since 2019: events of all streams are always interleaved."""
    group = named(call, logGroupName, logGroupIdentifier)
    if unmask:
        call.require("logs:Unmask", call.arn(f"log-group:{group.name}:*"))
    if logStreamNames and logStreamNamePrefix:
        raise InvalidParameterException("Cannot specify both logStreamNames and logStreamNamePrefix.")
    if startTime is not None and endTime is not None and startTime > endTime:
        raise InvalidParameterException("End time must be greater than or equal to start time.")
    matches = matcher(filterPattern)
    is_from_head, place = _place(nextToken) if nextToken else (startFromHead is not False, None)
    if not is_from_head and (startTime or 0) < FROM_TAIL_SINCE_MS:
        raise InvalidParameterException(
            "startFromHead can be false only if startTime is on or after January 1, 2024 00:00:00 UTC."
        )
    names = _streams(call, group, logStreamNames, logStreamNamePrefix)
    end_ms = MOMENT_MAX if endTime is None else min(endTime, MOMENT_MAX)
    rows = _candidates(call, group, names, min(startTime or 0, MOMENT_MAX), end_ms, is_from_head, place, bool(unmask))
    events: list[dict[str, Any]] = []
    size, most, is_full = 0, limit or PAGE_EVENTS_MAX, False
    for seen, (at_ms, stream, seq, ingested, message) in enumerate(rows, 1):
        if matches(message):
            size += len(message) + OVERHEAD_BYTES
            if events and size > PAGE_BYTES_MAX:
                is_full = True
                break
            events.append(
                {
                    "logStreamName": names[stream],
                    "timestamp": at_ms,
                    "message": message,
                    "ingestionTime": ingested,
                    "eventId": f"{at_ms:030d}{stream:010d}{seq:016d}",
                }
            )
        place = (at_ms, stream, seq)
        if len(events) == most or seen == SEEN_MAX:
            break
    reply: dict[str, Any] = {"events": events, "searchedLogStreams": []}
    if is_full or next(rows, None) is not None:
        reply["nextToken"] = ("f" if is_from_head else "b") + "-{:x}-{:x}-{:x}".format(*place)
    return reply


def _streams(call: Call, group: Group, wanted: list[str] | None, prefix: str | None) -> dict[int, str]:
    found = call.rows(STREAMS).all("select id, name from log_stream where grp = ?", group.number)
    if wanted:
        chosen = {number: name for number, name in found if name in wanted}
        if len(chosen) < len(set(wanted)):
            raise InvalidParameterException("The specified log stream does not exist.")
        return chosen
    return {number: name for number, name in found if name.startswith(prefix or "")}


def _place(token: str) -> tuple[bool, tuple[int, int, int]]:
    """Whether a token leads on to later events, and from where."""
    direction, _, rest = token.partition("-")
    try:
        at_ms, stream, seq = (int(part, 16) for part in rest.split("-"))
    except ValueError:
        raise InvalidToken
    if direction not in ("f", "b") or not 0 <= min(at_ms, stream, seq) <= max(at_ms, stream, seq) <= MOMENT_MAX:
        raise InvalidToken
    return direction == "f", (at_ms, stream, seq)


def _candidates(
    call: Call, group: Group, names: dict[int, str], start_ms: int, end_ms: int, is_from_head: bool, place: tuple[int, int, int] | None,
    unmask: bool,
):  # fmt: skip
    """Events in the order of their times or against it, from where an earlier call stopped. The end of the range is in it."""
    beyond = ""
    if place is not None:
        beyond = " and (at, stream, seq) {} ({}, {}, {})".format(">" if is_from_head else "<", *place)
        start_ms, end_ms = (max(start_ms, place[0]), end_ms) if is_from_head else (start_ms, min(end_ms, place[0]))
    numbers, order = ",".join(map(str, names)), "asc" if is_from_head else "desc"
    rows = call.rows(EVENTS).each(
        f"select at, stream, seq, ingested, {text_of(group, unmask)} from log_event where stream in ({numbers}) and at >= ? and at <= ?{beyond} "
        f"order by at {order}, stream {order}, seq {order} limit ?",
        start_ms, end_ms, SEEN_MAX + 1,
    )  # fmt: skip
    return readable(call, group, rows)
