"""The operations of X-Ray. The retrieval of traces that are not indexed and root causes are refused by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from kumoniwa.gate.data_key import opening
from kumoniwa.gate.sampling import Rule
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.languages.trace_filter import Test
from kumoniwa.services.xray import account, sampling, segment, tag
from kumoniwa.services.xray import group as groups
from kumoniwa.services.xray import insight as insights
from kumoniwa.services.xray.account import (
    DeleteResourcePolicy,
    ListResourcePolicies,
    PutResourcePolicy,
)
from kumoniwa.services.xray.bill import uses_of  # noqa: F401 (the gate's hook)
from kumoniwa.services.xray.destination import (
    GetIndexingRules,
    GetTraceSegmentDestination,
    UpdateIndexingRule,
    UpdateTraceSegmentDestination,
)
from kumoniwa.services.xray.encryption import GetEncryptionConfig, PutEncryptionConfig
from kumoniwa.services.xray.errors import InvalidRequestException, ResourceNotFoundException
from kumoniwa.services.xray.graph import Graph, Tally
from kumoniwa.services.xray.group import CreateGroup, DeleteGroup, GetGroup, GetGroups, UpdateGroup
from kumoniwa.services.xray.insight import GetInsight, GetInsightEvents, GetInsightSummaries
from kumoniwa.services.xray.sampling import (
    CreateSamplingRule,
    DeleteSamplingRule,
    GetSamplingRules,
    GetSamplingStatisticSummaries,
    GetSamplingTargets,
    UpdateSamplingRule,
)
from kumoniwa.services.xray.segment import PutTraceSegments
from kumoniwa.services.xray.summary import summary
from kumoniwa.services.xray.tag import reserved_tag  # noqa: F401 (the gate's hook)
from kumoniwa.services.xray.trace import Trace

__all__ = [
    "CreateGroup", "CreateSamplingRule", "DeleteGroup", "DeleteResourcePolicy", "DeleteSamplingRule", "GetEncryptionConfig", "GetGroup",
    "GetGroups", "GetIndexingRules", "GetInsight", "GetInsightEvents", "GetInsightSummaries", "GetSamplingRules",
    "GetSamplingStatisticSummaries", "GetSamplingTargets", "GetTraceSegmentDestination",
    "ListResourcePolicies", "PutEncryptionConfig", "PutResourcePolicy", "PutTraceSegments", "UpdateGroup", "UpdateIndexingRule",
    "UpdateSamplingRule", "UpdateTraceSegmentDestination",
]  # fmt: skip

TRACES_ASKED_MAX = 5
PAGE_TRACES = 500
READ_AT_ONCE = 50
"""How many traces are read before others have their turn on the loop."""


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """Only groups and rules are resources to IAM: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html"""
    if isinstance(named := params.get("GroupARN") or params.get("RuleARN") or params.get("ResourceARN"), str) and operation != "PutTelemetryRecords":
        return named
    if operation.endswith("Group"):
        held = next((each for each in call.shelf(groups.Group).values() if each.name == params.get("GroupName")), None)
        return groups.arn(call, held) if held is not None else call.arn(f"group/{params.get('GroupName')}/*")
    if operation.endswith("SamplingRule"):
        said = params.get("SamplingRule") or params.get("SamplingRuleUpdate") or params
        return call.arn(f"sampling-rule/{said.get('RuleName')}") if isinstance(said, dict) else "*"
    return "*"


policy_of = account.binding


# Traces --------------------------------------------------------------------------------------------


def _trace(call: Call, id_: str) -> Trace | None:
    documents = segment.documents(call, id_)
    return Trace(id_, call.account, documents, groups.membership(call)) if documents else None


def BatchGetTraces(call: Call, *, TraceIds: list[str]) -> dict:
    if len(TraceIds) > TRACES_ASKED_MAX:
        raise InvalidRequestException(f"Only up to {TRACES_ASKED_MAX} trace ids may be requested at a time.")
    found = {id_: _trace(call, id_) for id_ in dict.fromkeys(TraceIds)}
    return {
        "Traces": [trace.shown() for trace in found.values() if trace is not None],
        "UnprocessedTraceIds": [id_ for id_, trace in found.items() if trace is None],
    }


def _check_range(start: float, end: float) -> None:
    if start > end:
        raise InvalidRequestException("Start time must be before end time.")


async def _traces(call: Call, kind: str, start: float, end: float, after: str, wanted: Test | None) -> AsyncIterator[tuple[str, Trace | None]]:
    """The traces of a time in the order of their ids; None in the place of one that is not wanted."""
    while ids := segment.traces_between(call, kind, start, end, after, READ_AT_ONCE):
        for id_ in ids:
            trace = await opening(call, partial(_trace, call, id_))
            yield id_, trace if trace is not None and (wanted is None or wanted(trace)) else None
        after = ids[-1]
        await asyncio.sleep(0)


async def GetTraceSummaries(
    call: Call, *, StartTime: float, EndTime: float, TimeRangeType: str = "TraceId", Sampling: bool | None = None,
    SamplingStrategy: dict[str, Any] | None = None, FilterExpression: str | None = None, NextToken: str | None = None,
) -> dict:  # fmt: skip
    """All traces are looked at, also by who would be content with some of them."""
    _check_range(StartTime, EndTime)
    if SamplingStrategy and SamplingStrategy.get("Name") == "FixedRate":
        raise NotImplementedHere("xray:GetTraceSummaries with SamplingStrategy FixedRate")
    wanted = groups.compiled(FilterExpression) if FilterExpression and FilterExpression.strip() else None
    found, seen, last, is_more = [], 0, "", False
    async for id_, trace in _traces(call, TimeRangeType, StartTime, EndTime, NextToken or "", wanted):
        if seen == PAGE_TRACES:
            is_more = True
            break
        seen, last = seen + 1, id_
        if trace is not None:
            found.append(summary(trace))
    reply = {"TraceSummaries": found, "ApproximateTime": call.now(), "TracesProcessedCount": seen}
    return reply | ({"NextToken": last} if is_more else {})


async def GetServiceGraph(
    call: Call, *, StartTime: float, EndTime: float, GroupName: str | None = None, GroupARN: str | None = None
) -> dict:
    _check_range(StartTime, EndTime)
    graph = Graph(call.account)
    async for _, trace in _traces(call, "TraceId", StartTime, EndTime, "", groups.filter_of(call, GroupName, GroupARN)):
        if trace is not None:
            graph.add(trace)
    return {"StartTime": StartTime, "EndTime": EndTime, "Services": graph.shown(), "ContainsOldGroupVersions": False}


def GetTraceGraph(call: Call, *, TraceIds: list[str]) -> dict:
    if len(TraceIds) > TRACES_ASKED_MAX:
        raise InvalidRequestException(f"Only up to {TRACES_ASKED_MAX} trace ids may be requested at a time.")
    graph = Graph(call.account)
    for id_ in dict.fromkeys(TraceIds):
        if (trace := _trace(call, id_)) is not None:
            graph.add(trace)
    return {"Services": graph.shown()}


async def GetInsightImpactGraph(call: Call, *, InsightId: str, StartTime: float, EndTime: float) -> dict:
    """Of the requests of that time that came to the root cause and were faults, as far as they are of the time of the insight."""
    _check_range(StartTime, EndTime)
    held, graph = insights.existing(call, InsightId), Graph(call.account)
    start, end = max(StartTime, held.starts), min(EndTime, held.ends)
    async for _, trace in _traces(call, "TraceId", start, end, "", groups.filter_of(call, None, held.group_arn)):
        if trace is not None and any(each.is_fault and (each.name, each.type) == tuple(held.root) for each in trace.all):
            graph.add(trace)
    kept = ("ReferenceId", "Type", "Name", "Names", "AccountId")
    listed = [
        {**{name: each[name] for name in kept if name in each}, "Edges": [{"ReferenceId": edge["ReferenceId"]} for edge in each["Edges"]]}
        for each in graph.shown()
    ]
    return {
        "InsightId": held.id, "StartTime": StartTime, "EndTime": EndTime, "ServiceGraphStartTime": start, "ServiceGraphEndTime": end,
        "Services": listed,
    }  # fmt: skip


PERIODS_S = (60, 300)


async def GetTimeSeriesServiceStatistics(
    call: Call, *, StartTime: float, EndTime: float, GroupName: str | None = None, GroupARN: str | None = None,
    EntitySelectorExpression: str | None = None, Period: int = 60, ForecastStatistics: bool | None = None,
) -> dict:  # fmt: skip
    """Without a selector the edges into the first service of each trace are counted."""
    _check_range(StartTime, EndTime)
    if ForecastStatistics:
        raise NotImplementedHere("xray:GetTimeSeriesServiceStatistics(ForecastStatistics)")
    if Period not in PERIODS_S:
        raise InvalidRequestException("Period must be 60 or 300.")
    selected = _selected(EntitySelectorExpression)
    tallies: dict[float, Tally] = {}
    async for _, trace in _traces(call, "TraceId", StartTime, EndTime, "", groups.filter_of(call, GroupName, GroupARN)):
        for service in selected[1](trace) if trace is not None else ():
            tallies.setdefault(service.document["start_time"] // Period * Period, Tally()).add(service)
    kind = "EdgeSummaryStatistics" if selected[0] == "edge" else "ServiceSummaryStatistics"
    return {
        "TimeSeriesServiceStatistics": [
            {"Timestamp": at, kind: tally.statistics(), "ResponseTimeHistogram": tally.histogram()} for at, tally in sorted(tallies.items())
        ],
        "ContainsOldGroupVersions": False,
    }


def _selected(expression: str | None) -> tuple[str, Any]:
    """Whether services or edges are counted, and which ones of a trace."""
    if not expression:
        return "edge", lambda trace: [trace.root]
    test = groups.compiled(expression)
    if expression.lstrip().lower().startswith("edge"):
        return "edge", lambda trace: [service for service in trace.all if test(service)] or ([trace.root] if test(trace) else [])
    return "service", lambda trace: [service for service in trace.all if test(service)]


def PutTelemetryRecords(
    call: Call, *, TelemetryRecords: list[dict[str, Any]], EC2InstanceId: str | None = None, Hostname: str | None = None,
    ResourceARN: str | None = None,
) -> None:  # fmt: skip
    """What a daemon counts of itself. AWS takes it and shows it to nobody, and no more do we."""


# Tags ----------------------------------------------------------------------------------------------


def _tagged(call: Call, arn: str) -> groups.Group | Rule:
    for group in call.shelf(groups.Group).values():
        if groups.arn(call, group) == arn:
            return group
    for rule in call.shelf(Rule).values():
        if sampling.arn(call, rule) == arn:
            return rule
    raise ResourceNotFoundException("Resource not found.", ResourceName=arn)


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _tagged(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    found = [(groups.arn(call, each), each.tags) for each in call.shelf(groups.Group).values()]
    return found + [(sampling.arn(call, each), each.tags) for each in call.shelf(Rule).values()]


def TagResource(call: Call, *, ResourceARN: str, Tags: list[dict[str, str]]) -> None:
    held = _tagged(call, ResourceARN)
    call.shelf(type(held))[held.name] = changed(held, tags=tag.checked(held.tags, Tags))


def UntagResource(call: Call, *, ResourceARN: str, TagKeys: list[str]) -> None:
    held = _tagged(call, ResourceARN)
    call.shelf(type(held))[held.name] = changed(held, tags={key: value for key, value in held.tags.items() if key not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceARN: str) -> dict:
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(_tagged(call, ResourceARN).tags.items())]}
