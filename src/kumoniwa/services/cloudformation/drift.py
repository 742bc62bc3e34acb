"""Drift: what somebody changed behind a stack's back, looked for when asked and remembered until asked again.

Everything is read while the request lasts, as whoever asks: a detection is over when its id is known, and none can be lost with
its process.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from kumoniwa.deploy import drift, types
from kumoniwa.deploy.drift import Drift
from kumoniwa.deploy.standing import Standing
from kumoniwa.deploy.step import Work
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import Record
from kumoniwa.services.cloudformation import request, telling, template
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stack import CHECKED, Checked, Stack
from kumoniwa.services.cloudformation.surroundings import Surroundings

DETECTABLE = frozenset(
    ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "IMPORT_COMPLETE")
)
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/detect-drift-stack.html"""
DETECTIONS_MAX = 1000
DRIFTS_MAX = 100
AT_ONCE_MAX = 16


class Detection(Record):
    """One answer to DetectStackDrift, shelved by its id. The oldest give way."""

    id: str
    stack_arn: str
    at: float
    status: str
    drifted: int
    failed: tuple[str, ...]


async def DetectStackDrift(
    call: Call, *, StackName: str, LogicalResourceIds: list[str] | None = None
) -> dict:
    stack = _detectable(call, StackName)
    resources = stacks.resources_of(call, stack)
    if unknown := [name for name in LogicalResourceIds or () if name not in resources]:
        raise ValidationError(f"Resources [{', '.join(unknown)}] do not exist for stack {stack.name}")
    turn = asyncio.Semaphore(AT_ONCE_MAX)

    async def one(standing: Standing) -> Drift | None:
        async with turn:
            try:
                return await _detected(call, stack, standing)
            except AwsError:
                return None

    wanted = [
        each for name, each in resources.items() if LogicalResourceIds is None or name in LogicalResourceIds
    ]
    found = await asyncio.gather(*(one(standing) for standing in wanted))
    for standing, each in zip(wanted, found, strict=True):
        if each is not None:
            _remember(call, stack, standing, each)
    failed = tuple(standing.logical_id for standing, each in zip(wanted, found, strict=True) if each is None)
    drifted = sum(each is not None and each.status in ("MODIFIED", "DELETED") for each in found)
    id = call.new_id()
    shelf = call.shelf(Detection)
    if len(shelf) >= DETECTIONS_MAX:
        oldest = min(shelf.values(), key=lambda detection: detection.at)
        del shelf[oldest.id]
    status = "DRIFTED" if drifted else "IN_SYNC"
    shelf[id] = Detection(
        id=id, stack_arn=stack.arn, at=call.now(), status=status, drifted=drifted, failed=failed
    )
    telling.of_drift(call, shelf[id])
    call.shelf(Checked)[stack.id] = Checked(status=status, at=call.now())
    return {"StackDriftDetectionId": id}


def _detectable(call: Call, name: str) -> Stack:
    stack = request.named(call, name, "Stack [{}] does not exist")
    if stack.status not in DETECTABLE:
        raise ValidationError(
            f"Drift detection cannot be performed on stack [{stack.arn}] while it is in [{stack.status}] state."
        )
    return stack


async def _detected(call: Call, stack: Stack, standing: Standing) -> Drift:
    entry = types.find(standing.type)
    if entry is None:
        return Drift(status="NOT_CHECKED")
    looking = Work(
        host=Surroundings(call, stack.name, is_reading=True),
        entry=entry,
        logical_id=standing.logical_id,
        pseudo=template.pseudo_parameters(call, stack.name, stack.arn, stack.notified),
        token="",
        properties=dict(standing.properties),
        id=standing.physical_id,
        made=standing.made,
    )
    return await drift.detect(looking)


def _remember(call: Call, stack: Stack, standing: Standing, found: Drift) -> None:
    rows = call.rows(CHECKED)
    rows.run(
        "delete from cloudformation_drift where stack = ? and logical = ?", stack.id, standing.logical_id
    )
    if found.status != "NOT_CHECKED":
        shown = _shown(call, stack, standing, found)
        rows.run(
            "insert into cloudformation_drift values (?,?,?,?,?)",
            stack.id, standing.logical_id, found.status, call.now(), json.dumps(shown),
        )  # fmt: skip


def _shown(call: Call, stack: Stack, standing: Standing, found: Drift) -> dict[str, Any]:
    """As DescribeStackResourceDrifts answers it."""
    reply: dict[str, Any] = {
        "StackId": stack.arn,
        "LogicalResourceId": standing.logical_id,
        "PhysicalResourceId": standing.physical_id,
        "ResourceType": standing.type,
        "ExpectedProperties": json.dumps(found.expected, default=str),
        "PropertyDifferences": list(found.differences),
        "StackResourceDriftStatus": found.status,
        "Timestamp": call.now(),
    }
    if found.status != "DELETED":
        reply["ActualProperties"] = json.dumps(found.actual, default=str)
    return reply


async def DetectStackResourceDrift(call: Call, *, StackName: str, LogicalResourceId: str) -> dict:
    stack = _detectable(call, StackName)
    standing = stacks.resources_of(call, stack).get(LogicalResourceId)
    if standing is None:
        raise ValidationError(f"Resource {LogicalResourceId} does not exist for stack {stack.name}")
    found = await _detected(call, stack, standing)
    if found.status == "NOT_CHECKED":
        raise ValidationError(
            f"Drift detection is not supported for resource {LogicalResourceId} of type {standing.type}."
        )
    _remember(call, stack, standing, found)
    return {"StackResourceDrift": _shown(call, stack, standing, found)}


def DescribeStackDriftDetectionStatus(call: Call, *, StackDriftDetectionId: str) -> dict:
    found = call.shelf(Detection).get(StackDriftDetectionId)
    if found is None:
        raise ValidationError(f"DriftDetectionId {StackDriftDetectionId} does not exist")
    reply = {
        "StackId": found.stack_arn,
        "StackDriftDetectionId": found.id,
        "StackDriftStatus": found.status,
        "DetectionStatus": "DETECTION_FAILED" if found.failed else "DETECTION_COMPLETE",
        "DriftedStackResourceCount": found.drifted,
        "Timestamp": found.at,
    }
    if found.failed:
        reply["DetectionStatusReason"] = f"Failed to detect drift on resource [{', '.join(found.failed)}]"
    return reply


def DescribeStackResourceDrifts(
    call: Call, *, StackName: str, StackResourceDriftStatusFilters: list[str] | None = None, MaxResults: int | None = None,
    NextToken: str | None = None,
) -> dict:
    """Only what was checked is told, a hundred at a time."""
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    found = call.rows(CHECKED).all(
        "select status, body from cloudformation_drift where stack = ? order by logical", stack.id
    )
    wanted = StackResourceDriftStatusFilters
    told = [json.loads(body) for status, body in found if not wanted or status in wanted]
    first = request.place(NextToken) or 0
    last = first + (MaxResults or DRIFTS_MAX)
    return {"StackResourceDrifts": told[first:last]} | ({"NextToken": str(last)} if last < len(told) else {})
