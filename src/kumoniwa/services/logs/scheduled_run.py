"""Asks scheduled queries when their time has come, each in the name of its role."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.logs import destination as destinations
from kumoniwa.services.logs.query import FAILED, Asked
from kumoniwa.services.logs.scheduled_query import ENABLED, SCHEDULES, ScheduledQuery, arn_of, next_due

FOREVER_S = 86_400.0


async def run(region: Any) -> None:
    while True:
        due = region.clock.now() + FOREVER_S
        for call in region.calls("logs", "logs.amazonaws.com"):
            for each in list(call.shelf(ScheduledQuery).values()):
                if each.state == ENABLED and each.due_s is not None and each.due_s <= region.clock.now():
                    await _ask(call, each)
            times = [each.due_s for each in call.shelf(ScheduledQuery).values() if each.state == ENABLED and each.due_s is not None]
            due = min([due, *times])
        await region.wait(SCHEDULES, due)


async def _ask(call: Call, scheduled: ScheduledQuery) -> None:
    """A query whose time passed while the region was dead is asked once, of the time it was for."""
    at_s = int(scheduled.due_s or 0)
    said = {"startTime": at_s - scheduled.back_s, "endTime": at_s - scheduled.until_s, "queryString": scheduled.text}
    if scheduled.groups:
        said["logGroupIdentifiers"] = list(scheduled.groups)
    number, failure = "", None
    try:
        role = destinations.assumed(call, scheduled.role, arn_of(call, scheduled.id))
        number = (await role.ask("logs:StartQuery", once=f"{scheduled.id} {at_s}", **said))["queryId"]
    except AwsError as error:
        failure = error
    call.atomically(lambda: _keep(call, scheduled, at_s, number, failure))


def _keep(call: Call, scheduled: ScheduledQuery, at_s: int, number: str, failure: AwsError | None) -> None:
    shelf = call.shelf(Asked)
    if failure is not None:
        number = call.new_id()
        shelf[number] = Asked(
            id=number, text=scheduled.text, groups=scheduled.groups, start_s=at_s - scheduled.back_s, end_s=at_s - scheduled.until_s,
            created_ms=milliseconds(call.now()), status=FAILED, who=scheduled.role, schedule=scheduled.id, error=failure.text,
            is_invalid=failure.code == "MalformedQueryException",
        )  # fmt: skip
    elif number in shelf:
        shelf[number] = changed(shelf[number], schedule=scheduled.id)
    held = call.shelf(ScheduledQuery).get(scheduled.id)
    if held is not None:
        due = next_due(held, call.now()) if held.due_s == scheduled.due_s else held.due_s
        call.shelf(ScheduledQuery)[held.id] = changed(held, due_s=due, last_ms=milliseconds(call.now()))
