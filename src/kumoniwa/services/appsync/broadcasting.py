"""Events on their way from who publishes them to who listens in this region. Nothing is kept: who does not listen has not heard.

https://docs.aws.amazon.com/appsync/latest/eventapi/publish-http.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from kumoniwa.services.appsync import channel
from kumoniwa.services.appsync.connection import Connection
from kumoniwa.services.appsync.errors import BadRequestException
from kumoniwa.services.appsync.failure import Failure
from kumoniwa.services.appsync.handling import PUBLISH, Met, handled

EVENTS_MAX = 5
EVENT_BYTES_MAX = 240 << 10
"""https://docs.aws.amazon.com/appsync/latest/eventapi/event-api-concepts.html"""


class Listening(NamedTuple):
    """One client's interest in one channel, or in all below one."""

    connection: Connection
    id: str
    segments: tuple[str, ...]


class Audience:
    """All who listen in a region, by API and namespace."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], dict[tuple[int, str], Listening]] = {}

    def add(self, api_id: str, one: Listening) -> None:
        self._held.setdefault((api_id, one.segments[0]), {})[id(one.connection), one.id] = one

    def remove(self, api_id: str, one: Listening) -> None:
        key = (api_id, one.segments[0])
        held = self._held.get(key, {})
        held.pop((id(one.connection), one.id), None)
        if not held:
            self._held.pop(key, None)

    def of(self, api_id: str, segments: tuple[str, ...]) -> list[Listening]:
        return [one for one in self._held.get((api_id, segments[0]), {}).values() if channel.is_heard(one.segments, segments)]


def audience(home: Any) -> Audience:
    held = home.memory.get(("appsync", Audience))
    if held is None:
        held = home.memory["appsync", Audience] = Audience()
    return held


def checked(events: Any) -> list[Any]:
    """The events of a publication as values. AWS's own texts are stated nowhere. Raises BadRequestException."""
    if not isinstance(events, list) or not 1 <= len(events) <= EVENTS_MAX or not all(isinstance(each, str) for each in events):
        raise BadRequestException(f"A publication has from 1 to {EVENTS_MAX} events, each one a text of JSON.")
    if any(len(each.encode()) > EVENT_BYTES_MAX for each in events):
        raise BadRequestException(f"An event has at most {EVENT_BYTES_MAX} bytes.")
    try:
        return [orjson.loads(each) for each in events]
    except orjson.JSONDecodeError:
        raise BadRequestException("An event must be valid JSON.") from None


async def published(met: Met, payloads: list[Any]) -> dict[str, Any]:
    """What the publisher is told of each event. Those that the handler lets through are heard. Raises Failure if it refuses all."""
    ids = [met.call.home.ids.uuid() for _ in payloads]
    answer = await handled(met, PUBLISH, [{"id": id_, "payload": payload} for id_, payload in zip(ids, payloads)])
    failed: set[str] = set()
    for event in _events(answer):
        if event.get("error") is not None:
            failed.add(event.get("id"))
        elif event.get("id") in ids:
            _tell(met, orjson.dumps(event.get("payload")).decode())
    told: dict[str, list[dict[str, Any]]] = {"failed": [], "successful": []}
    for index, id_ in enumerate(ids):
        told["failed" if id_ in failed else "successful"].append({"identifier": id_, "index": index})
    return told


def _events(answer: Any) -> list[dict[str, Any]]:
    if answer is None:
        return []
    if not isinstance(answer, list) or not all(isinstance(each, dict) for each in answer):
        raise Failure("The handler's answer is no list of events.", "Code")
    return answer


def _tell(met: Met, event: str) -> None:
    for one in audience(met.call.home).of(met.namespace.api, met.segments):
        one.connection.say(type="data", id=one.id, event=event)
