"""Where traces are kept: with X-Ray alone, or as lines of the log group ``aws/spans`` of which X-Ray indexes a part.

The second is what AWS calls Transaction Search, and what its OTLP endpoint asks for. A trace that is not indexed is found in the log
and nowhere else. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Transaction-Search.html
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.xray.errors import (
    AccessDeniedException,
    InvalidRequestException,
    ResourceNotFoundException,
)

SERVICE = "xray.amazonaws.com"
GROUP, STREAM = "aws/spans", "default"
XRAY, LOGS = "XRay", "CloudWatchLogs"
RULE = "Default"
PENDING_FOR_S = 300.0
"""How long a change takes where lifecycles take time."""
BATCH_BYTES_MAX, BATCH_LINES_MAX, LINE_OVERHEAD_BYTES = 1_048_576, 10_000, 26


class Destination(Record):
    """Shelved under one key."""

    name: str = XRAY
    settles: float = 0.0
    percentage: float = 1.0
    """How many of a hundred traces are indexed: https://docs.aws.amazon.com/xray/latest/api/API_ProbabilisticRuleValue.html"""
    modified: float = 0.0


_KEY = "destination"
_UNSAID = Destination()


def of(call: Call) -> Destination:
    return call.shelf(Destination).get(_KEY, _UNSAID)


def is_indexed(destination: Destination, trace: str) -> bool:
    """Whether a trace, in X-Ray's form, is among those that X-Ray shows: all of its segments are, or none."""
    return int(trace[-12:], 16) < destination.percentage / 100 * (1 << 48)


def _shown(call: Call, destination: Destination) -> dict[str, Any]:
    return {"Destination": destination.name, "Status": "PENDING" if call.now() < destination.settles else "ACTIVE"}


def GetTraceSegmentDestination(call: Call) -> dict:
    return _shown(call, of(call))


async def UpdateTraceSegmentDestination(call: Call, *, Destination: str | None = None) -> dict:
    held = of(call)
    if call.now() < held.settles:
        raise InvalidRequestException("Updates are not allowed while the current status is PENDING")
    wanted = Destination or XRAY
    if wanted == held.name:
        raise InvalidRequestException(f"The trace segment destination is {wanted} already.")
    if wanted == LOGS:
        await _see_that_it_may_write(call)
    settles = call.now() + PENDING_FOR_S if call.home.settings.pace == "real" else 0.0

    def settle() -> dict[str, Any]:
        new = call.shelf(type(held))[_KEY] = changed(held, name=wanted, settles=settles)
        return _shown(call, new)

    return call.atomically(settle)


async def _see_that_it_may_write(call: Call) -> None:
    """Ask for a line that is too old for any log: it is refused or let in, and leaves nothing behind."""
    await _put(call, [{"timestamp": 0, "message": "-"}])


async def _put(call: Call, lines: list[dict[str, Any]]) -> None:
    """Write to the group, which X-Ray itself makes. Raises AccessDeniedException where no policy of the logs lets it."""
    writer = call.acting(SERVICE, **{"aws:SourceArn": call.arn("spans"), "aws:SourceAccount": call.account})
    place = {"logGroupName": GROUP, "logStreamName": STREAM}
    try:
        try:
            await writer.ask("logs:PutLogEvents", **place, logEvents=lines)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            await _make(call, place)
            await writer.ask("logs:PutLogEvents", **place, logEvents=lines)
    except AwsError as error:
        if error.code != "AccessDeniedException":
            raise
        raise AccessDeniedException(
            "XRay does not have permission to call PutLogEvents on the aws/spans Log Group.",
            hint=f"logs:PutResourcePolicy that allows {SERVICE} logs:PutLogEvents on {call.arn(f'log-group:{GROUP}:*', 'logs')}",
        )


async def _make(call: Call, place: dict[str, str]) -> None:
    owner = call.by_owner()
    for operation, params in (("logs:CreateLogGroup", {"logGroupName": GROUP}), ("logs:CreateLogStream", place)):
        try:
            await owner.ask(operation, **params)
        except AwsError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise


async def write(call: Call, lines: list[tuple[float, dict[str, Any]]]) -> None:
    """Spans with the moments (epoch seconds) at which they ended, in batches as large as the logs take them."""
    batch: list[dict[str, Any]] = []
    size = 0
    for at, told in sorted(lines, key=lambda each: each[0]):
        message = orjson.dumps(told)
        cost = len(message) + LINE_OVERHEAD_BYTES
        if batch and (size + cost > BATCH_BYTES_MAX or len(batch) == BATCH_LINES_MAX):
            await _put(call, batch)
            batch, size = [], 0
        batch.append({"timestamp": milliseconds(at), "message": message.decode()})
        size += cost
    if batch:
        await _put(call, batch)


# Who else hears of them -----------------------------------------------------------------------------

SPANS = "Spans"


def is_told(call: Call) -> bool:
    """Whether somebody wants to know of each span that comes in."""
    return call.home.is_wanted(call.service, SPANS, call.account)


def tell(call: Call, spans: list[dict[str, Any]]) -> None:
    """Spans in the form in which they are logged, once they are kept."""
    if spans:
        call.after_commit(lambda: call.home.tell((call.service, SPANS, call.account, spans)))


# Which traces are indexed --------------------------------------------------------------------------


def _rule(destination: Destination) -> dict[str, Any]:
    percentage = {"DesiredSamplingPercentage": destination.percentage, "ActualSamplingPercentage": destination.percentage}
    return {"Name": RULE, "ModifiedAt": destination.modified, "Rule": {"Probabilistic": percentage}}


def GetIndexingRules(call: Call, *, NextToken: str | None = None) -> dict:
    """An account has the one rule, so that there is never a second page."""
    return {"IndexingRules": [_rule(of(call))]}


def UpdateIndexingRule(call: Call, *, Name: str, Rule: dict[str, Any]) -> dict:
    if Name != RULE:
        raise ResourceNotFoundException("Indexing rule not found.")
    percentage = Rule.get("Probabilistic", {}).get("DesiredSamplingPercentage")
    if percentage is None or not 0 <= percentage <= 100:
        raise InvalidRequestException("DesiredSamplingPercentage must be between 0 and 100.")
    new = call.shelf(Destination)[_KEY] = changed(of(call), percentage=float(percentage), modified=call.now())
    return {"IndexingRule": _rule(new)}
