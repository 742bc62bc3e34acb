"""Live Tail: a session that is told, second by second, what was just written into its log groups.

Whoever writes tells the sessions that are open, so that nobody has to look for the events afterwards. A
second holds 500 events of a session at most, chosen evenly from all that matched; ten seconds wait for a client that
reads more slowly than they come. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.logs.event import Listeners
from kumoniwa.services.logs.filter_pattern import matcher
from kumoniwa.services.logs.group import InvalidParameterException, identified
from kumoniwa.services.logs.policy import LimitExceededException

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

EVENTS_PER_SECOND_MAX = 500
SECONDS_WAITING_MAX = 10
SESSION_S_MAX = 3 * 3_600
SESSIONS_MAX = 15
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""


class SessionTimeoutException(AwsError):
    message = "Session timed out"


class Second:
    """What matched within one second: all of it, or a sample in which each event had the same chance (Vitter's R)."""

    def __init__(self, at_s: int) -> None:
        self.at_s, self.matched = at_s, 0
        self.events: list[dict[str, Any]] = []

    def offer(self, event: dict[str, Any], random: Random) -> None:
        self.matched += 1
        if len(self.events) < EVENTS_PER_SECOND_MAX:
            self.events.append(event)
        elif (place := random.randrange(self.matched)) < EVENTS_PER_SECOND_MAX:
            self.events[place] = event


class Session:
    """One open stream: which events it wants, and those that wait to be sent."""

    def __init__(
        self, groups: dict[int, str], names: list[str], prefixes: list[str], matches: Callable[[str], bool], random: Random
    ) -> None:
        self.groups = groups
        """From a group's number to the identifier it was asked for by."""
        self.names, self.prefixes, self.matches = frozenset(names), tuple(prefixes), matches
        self.seconds: deque[Second] = deque(maxlen=SECONDS_WAITING_MAX)
        self.random = random

    def hear(self, group: int, stream: str, batch: list[tuple[int, str]], now_ms: int) -> None:
        identifier = self.groups.get(group)
        if identifier is None or (self.names and stream not in self.names):
            return
        if self.prefixes and not stream.startswith(self.prefixes):
            return
        for at_ms, message in batch:
            if self.matches(message):
                if not self.seconds or self.seconds[-1].at_s != now_ms // 1000:
                    self.seconds.append(Second(now_ms // 1000))
                event = {
                    "logStreamName": stream, "logGroupIdentifier": identifier, "message": message, "timestamp": at_ms,
                    "ingestionTime": now_ms,
                }  # fmt: skip
                self.seconds[-1].offer(event, self.random)

    def update(self, before_s: int) -> dict[str, Any]:
        """The oldest second that is over, or nothing at all."""
        second = self.seconds.popleft() if self.seconds and self.seconds[0].at_s < before_s else Second(before_s)
        return {
            "sessionUpdate": {
                "sessionMetadata": {"sampled": second.matched > len(second.events)},
                "sessionResults": sorted(second.events, key=lambda event: event["timestamp"]),
            }
        }


def StartLiveTail(
    call: Call, *, logGroupIdentifiers: list[str], logStreamNames: list[str] | None = None,
    logStreamNamePrefixes: list[str] | None = None, logEventFilterPattern: str | None = None,
) -> dict:  # fmt: skip
    if logStreamNames and logStreamNamePrefixes:
        raise InvalidParameterException("Cannot specify both logStreamNames and logStreamNamePrefixes.")
    if len(logGroupIdentifiers) > 1 and (logStreamNames or logStreamNamePrefixes):
        raise InvalidParameterException("Log streams can only be specified with exactly one log group.")
    for identifier in logGroupIdentifiers:
        if not identifier.startswith("arn:") or identifier.endswith("*"):
            raise InvalidParameterException(f"The log group identifier {identifier} is not the ARN of a log group.")
    groups = {identified(call, identifier).number: identifier for identifier in logGroupIdentifiers}
    matches = matcher(logEventFilterPattern)
    if len(call.memory(Listeners).open) >= SESSIONS_MAX:
        raise LimitExceededException
    session = Session(groups, logStreamNames or [], logStreamNamePrefixes or [], matches, call.ids.random)
    start = {
        "requestId": call.request_id, "sessionId": call.new_id(), "logGroupIdentifiers": logGroupIdentifiers,
        "logStreamNames": logStreamNames, "logStreamNamePrefixes": logStreamNamePrefixes,
        "logEventFilterPattern": logEventFilterPattern or "",
    }  # fmt: skip
    return {"responseStream": _stream(call, session, {name: value for name, value in start.items() if value is not None})}


async def _stream(call: Call, session: Session, start: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """It begins when the client is there to read, and ends when the client is gone."""
    number, listeners = start["sessionId"], call.memory(Listeners).open
    end_s, next_s = call.now() + SESSION_S_MAX, int(call.now()) + 1
    listeners[number] = session.hear
    try:
        yield {"sessionStart": start}
        while call.now() < end_s:
            await call.wait("live tail", number, until=float(next_s))
            yield session.update(next_s)
            next_s = max(next_s + 1, int(call.now()) - SECONDS_WAITING_MAX)
        raise SessionTimeoutException
    finally:
        listeners.pop(number, None)
