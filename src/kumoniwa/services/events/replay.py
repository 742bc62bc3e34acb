"""Replays: what an archive kept of some hours is put on its bus once more, in the order in which it came.

How far a replay is, is kept in the same commit as what it put: a region that was killed goes on where it stood.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from kumoniwa.gate import patience
from kumoniwa.gate.data_key import opening
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.events import archive as archives
from kumoniwa.services.events import arrival, bill, delivery
from kumoniwa.services.events import bus as buses
from kumoniwa.services.events.errors import (
    LimitExceededException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ValidationException,
)
from kumoniwa.services.events.page import at_most_one, paged

ACTIVE_MAX = 10
"""At once: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"""
STEP = 100
IDLE_S = 3600.0
AGAIN_S = 1.0
"""While KMS gives no answer."""
WAITING = ("events", "replays")
ACTIVE = ("STARTING", "RUNNING", "CANCELLING")


class IllegalStatusException(AwsError): ...


class Replay(Record):
    """Shelved by its name."""

    name: str
    archive: str
    bus: str
    begin: float
    end: float
    started: float
    state: str = "STARTING"
    description: str | None = None
    filters: tuple[str, ...] = ()
    """ARNs of the rules that hear it; none for all."""
    at: float = 0.0
    last: int = 0
    """Of the last event that was put: the time in it, and its row."""
    ended: float = 0.0
    reason: str = ""


def _arn_of(call: Call, name: str) -> str:
    return call.arn(f"replay/{name}")


def existing(call: Call, name: str) -> Replay:
    found = call.shelf(Replay).get(name)
    if found is None:
        raise ResourceNotFoundException(f"Replay {name} does not exist.")
    return found


def StartReplay(
    call: Call, *, ReplayName: str, EventSourceArn: str, EventStartTime: float, EventEndTime: float, Destination: dict[str, Any],
    Description: str | None = None,
) -> dict:  # fmt: skip
    """Refusals recorded: test_archive_and_replay, test_start_replay_error_…"""
    if ":event-bus/" not in Destination["Arn"]:
        # moto's test_start_replay_error_invalid_event_bus_arn
        raise ValidationException("Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN.")
    bus = buses.existing(call, Destination["Arn"]).name
    name = EventSourceArn.rpartition("archive/")[2]
    archive = call.shelf(archives.Archive).get(name)
    if archive is None:
        raise ValidationException(f"Parameter EventSourceArn is not valid. Reason: Archive {name} does not exist.")
    if EventEndTime <= EventStartTime:
        raise ValidationException("Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
    if archive.bus != bus:
        raise ValidationException("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
    if ReplayName in call.shelf(Replay):
        raise ResourceAlreadyExistsException(f"Replay {ReplayName} already exists.")
    if sum(each.state in ACTIVE for each in call.shelf(Replay).values()) >= ACTIVE_MAX:
        raise LimitExceededException
    call.shelf(Replay)[ReplayName] = Replay(
        name=ReplayName, archive=name, bus=bus, begin=EventStartTime, end=EventEndTime, started=call.now(), description=Description,
        filters=tuple(Destination.get("FilterArns") or ()),
    )  # fmt: skip
    call.after_commit(lambda: call.home.wake(WAITING))
    return {"ReplayArn": _arn_of(call, ReplayName), "State": "STARTING", "ReplayStartTime": call.now()}


def CancelReplay(call: Call, *, ReplayName: str) -> dict:
    replay = existing(call, ReplayName)
    if replay.state not in ("STARTING", "RUNNING"):
        raise IllegalStatusException(f"Replay {ReplayName} is not in a valid state for this operation.")
    call.shelf(Replay)[ReplayName] = changed(replay, state="CANCELLING")
    call.after_commit(lambda: call.home.wake(WAITING))
    return {"ReplayArn": _arn_of(call, ReplayName), "State": "CANCELLING"}


def _listed(call: Call, replay: Replay) -> dict[str, Any]:
    shown = {
        "ReplayName": replay.name,
        "EventSourceArn": archives.arn_of(call, replay.archive),
        "State": replay.state,
        "StateReason": replay.reason,
        "EventStartTime": replay.begin,
        "EventEndTime": replay.end,
        "EventLastReplayedTime": replay.at,
        "ReplayStartTime": replay.started,
        "ReplayEndTime": replay.ended,
    }
    return {name: value for name, value in shown.items() if value}


def DescribeReplay(call: Call, *, ReplayName: str) -> dict:
    replay = existing(call, ReplayName)
    destination = {"Arn": buses.arn_of(call, replay.bus), **({"FilterArns": list(replay.filters)} if replay.filters else {})}
    more = {"Description": replay.description} if replay.description is not None else {}
    return {"ReplayArn": _arn_of(call, ReplayName), "Destination": destination, **more, **_listed(call, replay)}


def ListReplays(
    call: Call, *, NamePrefix: str | None = None, State: str | None = None, EventSourceArn: str | None = None,
    NextToken: str | None = None, Limit: int | None = None,
) -> dict:  # fmt: skip
    at_most_one("ListReplays", State, EventSourceArn, NamePrefix)
    found = {
        name: replay
        for name, replay in call.shelf(Replay).items()
        if name.startswith(NamePrefix or "") and State in (None, replay.state)
        and EventSourceArn in (None, archives.arn_of(call, replay.archive))
    }  # fmt: skip
    return paged(found, NextToken, Limit, lambda replay: _listed(call, replay), "Replays")


# Work ----------------------------------------------------------------------------------------------


async def run(region: Any) -> None:
    while True:
        is_busy = False
        for call in region.calls("events", delivery.SERVICE):
            for replay in [each for each in call.shelf(Replay).values() if each.state in ACTIVE]:
                is_busy = True
                await _go_on(call, replay)
        if is_busy:
            await asyncio.sleep(0)
        else:
            await region.wait(WAITING, region.clock.now() + IDLE_S)


async def _go_on(call: Call, replay: Replay) -> None:
    try:
        await opening(call, partial(_step, call, replay))
    except AwsError as error:
        if patience.is_passing(error):
            await call.home.wait(WAITING, call.now() + AGAIN_S)
            return
        failed = changed(replay, state="FAILED", reason=error.text, ended=call.now())
        call.atomically(partial(call.shelf(Replay).__setitem__, replay.name, failed))


def _step(call: Call, replay: Replay) -> None:
    """What is heard again, and in which order, goes by the time in the event:
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_StartReplay.html"""
    if replay.state == "CANCELLING":
        call.shelf(Replay)[replay.name] = changed(replay, state="CANCELLED", ended=call.now())
        return
    found = call.rows(archives.ARCHIVED).all(
        "select id, at, body from events_archived where archive = ? and at between ? and ? and (at, id) > (?, ?) order by at, id limit ?",
        replay.archive, replay.begin, replay.end, replay.at, replay.last, STEP,
    )  # fmt: skip
    for id_, at, body in found:
        event = archives.event_in(call, archives.existing(call, replay.archive), body)
        bill.replayed(call, replay.name, len(body))
        arrival.route(call, replay.bus, _renamed(event, replay.name), only=frozenset(replay.filters))
        replay = changed(replay, at=at, last=id_)
    is_over = len(found) < STEP
    call.shelf(Replay)[replay.name] = changed(replay, state="COMPLETED" if is_over else "RUNNING", ended=call.now() if is_over else 0.0)


def _renamed(event: dict[str, Any], name: str) -> dict[str, Any]:
    """AWS tells the replay's name before the resources (recorded: test_start_list_describe_canceled_replay)."""
    made = {}
    for key, value in event.items():
        if key == "resources":
            made["replay-name"] = name
        made[key] = value
    return made
