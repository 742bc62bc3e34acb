"""Pipes whose patterns and input templates are encrypted under a key of KMS, which the role of the pipe uses.

A pipe that runs is read by what of it is open, in memory, for as long as its data key may be used again; then its key is asked anew. While the
key is lost nothing is read, and what the source holds stays there.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-pipes-cmkey.html
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import msgspec

from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate.key_chain import REUSED_S, Chain, Lock, refused_as
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.pipes import life
from kumoniwa.services.pipes.errors import ValidationException
from kumoniwa.services.pipes.pipe import Pipe, arn_of

AGAIN_S = 60.0
_SEALED = {"source_parameters": "FilterCriteria", "enrichment_parameters": "InputTemplate", "target_parameters": "InputTemplate"}
_pack, _unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


_in_words_of_pipes = partial(refused_as, ValidationException)


def lock(call: Call, pipe: Pipe) -> Lock:
    arn = arn_of(call, pipe)
    with _in_words_of_pipes():
        return Lock(Chain(arn, pipe.key, {"aws:pipe:arn": arn}, _in_words_of_pipes, is_direct=True), life.as_role(call, pipe))


def log_lock(call: Call, pipe: Pipe, speaker: Call) -> Lock:
    """Lines of a log that hold execution data, for the role."""
    chain = Chain(f"logs of {arn_of(call, pipe)}", pipe.key, {"SourceArn": call.arn("*", "logs")}, _in_words_of_pipes, is_direct=True)
    return Lock(chain, speaker)


def delivered(delivery: Call) -> Lock:
    """The same lines for the delivery of logs, which opens what the role has sealed."""
    return Lock(Chain("", "", {}, _in_words_of_pipes, is_direct=True), delivery)


def closed(call: Call, pipe: Pipe) -> Pipe:
    """As it may lie on the disk. Raises ``data_key.Shut`` until there is a key to seal with."""
    if not pipe.key:
        return changed(pipe, sealed=b"")
    parts = {name: {each: said for each, said in getattr(pipe, name).items() if each != member} for name, member in _SEALED.items()}
    said = [getattr(pipe, name).get(member) for name, member in _SEALED.items()]
    return changed(pipe, **parts, sealed=lock(call, pipe).shut(_pack(said)))


def opened(call: Call, pipe: Pipe) -> Pipe:
    """With its patterns and templates. Raises ``data_key.Shut`` until its key is open."""
    return _with(pipe, _unpack(lock(call, pipe).open(pipe.sealed))) if pipe.sealed else pipe


def _with(pipe: Pipe, said: list[Any]) -> Pipe:
    parts = {name: getattr(pipe, name) | ({} if part is None else {member: part}) for (name, member), part in zip(_SEALED.items(), said)}
    return changed(pipe, **parts, sealed=b"")


# Pipes that run --------------------------------------------------------------------------------------


class _Seen(NamedTuple):
    sealed: bytes
    said: list[Any] | None
    """None if the key was lost."""
    until: float


class Seen:
    """What of pipes is open in this life of the region, by their ids."""

    def __init__(self) -> None:
        self.by_id: dict[str, _Seen] = {}
        self.under_way: set[str] = set()


def seen(call: Call, pipe: Pipe) -> Pipe | None:
    """The pipe as it runs; None while it is not open."""
    if not pipe.sealed:
        return pipe
    found = call.memory(Seen).by_id.get(pipe.id)
    return _with(pipe, found.said) if found is not None and found.said is not None and found.sealed == pipe.sealed else None


def look(call: Call, pipe: Pipe) -> None:
    """See to it that a pipe which runs is open, and stays so only as long as its key can be used."""
    held = call.memory(Seen)
    found = held.by_id.get(pipe.id)
    is_fresh = found is not None and found.sealed == pipe.sealed and found.until > call.now()
    if pipe.sealed and not is_fresh and pipe.id not in held.under_way:
        held.under_way.add(pipe.id)
        call.home.spawn(_look(call, pipe, held))


async def _look(call: Call, pipe: Pipe, held: Seen) -> None:
    try:
        said = _unpack(await data_keys.opening(call, lambda: lock(call, pipe).open(pipe.sealed)))
        held.by_id[pipe.id] = _Seen(pipe.sealed, said, call.now() + REUSED_S)
    except AwsError as error:
        call.home.note("shut", pipe=pipe.name, code=error.code)
        held.by_id[pipe.id] = _Seen(pipe.sealed, None, call.now() + AGAIN_S)
    finally:
        held.under_way.discard(pipe.id)
        call.home.wake(life.CHANGED)


def next_look(call: Call) -> float:
    """When a pipe that runs is to be looked at again."""
    by_id = call.memory(Seen).by_id
    running = [pipe.id for pipe in call.shelf(Pipe).values() if pipe.sealed and pipe.state == "RUNNING"]
    return min((by_id[id_].until for id_ in running if id_ in by_id), default=math.inf)
