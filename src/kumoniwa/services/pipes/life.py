"""How a pipe changes its state: what was asked for begins at once and is done a while later, if the role may read the source.

The states that end in -ING are rows like all others: what a kill interrupts is taken up again.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-start-stop.html
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

from kumoniwa.intake import feed as feeds
from kumoniwa.intake.place import forget, places, remember_start
from kumoniwa.intake.queue import queue_url
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.pipes.errors import ConflictException
from kumoniwa.services.pipes.pipe import SERVICE, Pipe, arn_of

CHANGED = ("pipes", "pipes")
SETTLING_S = 60.0
"""At AWS's pace: "typically a minute or two"."""
IDLE_S = 3600.0
FAILED = {"CREATING": "CREATE_FAILED", "UPDATING": "UPDATE_FAILED", "STARTING": "START_FAILED"}


def desired(pipe: Pipe) -> str:
    return "DELETED" if pipe.state == "DELETING" else pipe.desired


def is_changing(pipe: Pipe) -> bool:
    return pipe.state.endswith("ING") and pipe.state != "RUNNING"


def settled(pipe: Pipe, verb: str) -> Pipe:
    if is_changing(pipe):
        raise ConflictException(f"Pipe {pipe.name} cannot be {verb} while it is {pipe.state}.")
    return pipe


def begin(call: Call, pipe: Pipe, state: str) -> Pipe:
    after_s = SETTLING_S if call.home.settings.pace == "real" else 0.0
    pipe = changed(pipe, state=state, settled=call.now() + after_s, reason="")
    call.shelf(Pipe)[pipe.name] = pipe
    call.after_commit(lambda: call.home.wake(CHANGED))
    return pipe


def stop(call: Call, pipe: Pipe, reason: str) -> None:
    """A pipe that cannot work is stopped, and says why."""
    call.shelf(Pipe)[pipe.name] = changed(call.shelf(Pipe)[pipe.name], state="STOPPED", desired="STOPPED", reason=reason)
    call.home.wake(CHANGED)


def next_change(call: Call) -> float:
    return min((pipe.settled for pipe in call.shelf(Pipe).values() if is_changing(pipe)), default=math.inf)


def as_role(call: Call, pipe: Pipe) -> Call:
    return call.assuming(pipe.role, SERVICE, pipe.name, **{"aws:SourceArn": arn_of(call, pipe), "aws:SourceAccount": call.account})


# Whether the source can be read --------------------------------------------------------------------


async def _starts(call: Call, pipe: Pipe) -> list[tuple[str, str]]:
    """Where each shard stands now, for a pipe that begins at the latest record. Raises AwsError if the role cannot read the source."""
    role = as_role(call, pipe)
    service = arns.parse(pipe.source).service
    if service == "sqs":
        await role.ask("sqs:GetQueueAttributes", QueueUrl=queue_url(pipe.source), AttributeNames=["VisibilityTimeout"])
        _require(role, pipe, ("sqs:ReceiveMessage", "sqs:DeleteMessage"))
        return []
    feed = feeds.feed_of(pipe.wishes)
    shards = await feed.shards(role)
    _require(role, pipe, tuple(f"{service}:{action}" for action in feed.actions))
    if pipe.wishes.position != "LATEST":
        return []
    return [(shard.id, await feed.iterator(role, shard.id, "LATEST") if shard.is_open else "") for shard in shards]


def _require(role: Call, pipe: Pipe, actions: tuple[str, ...]) -> None:
    if role.home.settings.iam == "enforce":
        for action in actions:
            role.require(action, pipe.source)


def _trouble(pipe: Pipe, error: AwsError) -> str:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-error-troubleshooting.html"""
    is_queue = arns.parse(pipe.source).service == "sqs"
    if error.code in ("ResourceNotFoundException", "QueueDoesNotExist"):
        return "Queue not found." if is_queue else "Stream not found. To resume processing please delete the pipe and create a new one."
    if is_queue:
        return (
            "Pipes does not have required permissions to perform Queue operations (sqs:ReceiveMessage, sqs:DeleteMessage and "
            "sqs:GetQueueAttributes)"
        )
    return f"Pipes does not have required permissions to read {pipe.source}: {error.text}"


# Doing what was asked for --------------------------------------------------------------------------


async def run(region: Any) -> None:
    """Bring pipes from where they are changing to where they shall be."""
    under_way: set[tuple[str, str]] = set()
    while True:
        until = region.clock.now() + IDLE_S
        for call in region.calls("pipes", SERVICE):
            for pipe in list(call.shelf(Pipe).values()):
                key = (call.account, pipe.id)
                if not is_changing(pipe) or key in under_way:
                    continue
                if pipe.settled > call.now():
                    until = min(until, pipe.settled)
                    continue
                under_way.add(key)
                region.spawn(_settle(call, pipe)).add_done_callback(lambda _, key=key: under_way.discard(key))
        await region.wait(CHANGED, until)


async def _settle(call: Call, pipe: Pipe) -> None:
    # The reader of a pipe that is no more to run has had its notice, and nothing is given to it any more.
    await asyncio.sleep(0)
    if pipe.state == "DELETING":
        call.atomically(lambda: _drop(call, pipe))
        return
    if pipe.state == "STOPPING":
        _become(call, pipe, "STOPPED")
        return
    try:
        starts = await _starts(call, pipe)
    except AwsError as error:
        _become(call, pipe, FAILED[pipe.state], reason=_trouble(pipe, error))
        return

    def keep() -> None:
        known = places(call, pipe.id)
        for shard, iterator in starts:
            if shard not in known and pipe.state == "CREATING":
                remember_start(call, pipe.id, shard, iterator)
        _become(call, pipe, pipe.desired)

    call.atomically(keep)


def _drop(call: Call, pipe: Pipe) -> None:
    call.shelf(Pipe).pop(pipe.name, None)
    forget(call, pipe.id)


def _become(call: Call, pipe: Pipe, state: str, *, reason: str = "") -> None:
    held = call.shelf(Pipe).get(pipe.name)
    if held is not None and held.id == pipe.id:
        call.shelf(Pipe)[pipe.name] = changed(held, state=state, reason=reason)
        call.after_commit(lambda: call.home.wake(CHANGED))
