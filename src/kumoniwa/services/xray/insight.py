"""Insights: issues that began when services faulted more than expected, with what they did to clients, until they are resolved.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html#xray-api-insights
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.xray import group as groups
from kumoniwa.services.xray.errors import InvalidRequestException
from kumoniwa.services.xray.graph import Node
from kumoniwa.services.xray.group import Group
from kumoniwa.store.rows import Table

ACTIVE, CLOSED = "ACTIVE", "CLOSED"
UPDATE = "AWS X-Ray Insight Update"
KEPT_S = 30 * 86_400.0
SUMMARIES_MAX, EVENTS_MAX = 100, 50
EVENTS = Table(
    "xray_insight_event",
    "create table if not exists xray_insight_event (insight text, at real, body blob, primary key (insight, at)) without rowid",
)


class Impact(NamedTuple):
    """Of one minute."""

    clients: dict[str, int]
    root: dict[str, int]
    affected: tuple[Node, ...]
    """Those that fault the most before the others."""


class Insight(Record):
    """Shelved by its id."""

    id: str
    group: str
    group_arn: str
    root: Node
    starts: float
    ends: float
    """Of the last minute out of range."""
    updated: float
    clients: dict[str, int]
    at_root: dict[str, int]
    affected: tuple[Node, ...]
    state: str = ACTIVE


def _service(call: Call, node: Node) -> dict[str, Any]:
    shown = {"Name": node[0], "Names": [node[0]], "AccountId": call.account, "Type": node[1]}
    return {name: value for name, value in shown.items() if value}


def _summary(held: Insight) -> str:
    """The words are ours: no source tells AWS's."""
    faults, requests = held.at_root["FaultCount"], held.at_root["TotalCount"]
    return f"{held.root[0]} faulted in {faults} of {requests} requests, more than expected. {held.clients['FaultCount']} requests of clients were affected."


def _shown(call: Call, held: Insight) -> dict[str, Any]:
    shown = {
        "InsightId": held.id, "GroupARN": held.group_arn, "GroupName": held.group, "RootCauseServiceId": _service(call, held.root),
        "Categories": ["FAULT"], "State": held.state, "StartTime": held.starts, "Summary": _summary(held),
        "ClientRequestImpactStatistics": held.clients, "RootCauseServiceRequestImpactStatistics": held.at_root,
        "TopAnomalousServices": [{"ServiceId": _service(call, node)} for node in held.affected],
    }  # fmt: skip
    return shown | ({"EndTime": held.ends} if held.state == CLOSED else {})


# Life ----------------------------------------------------------------------------------------------


def _active(call: Call, group: Group) -> list[Insight]:
    arn = groups.arn(call, group)
    return [each for each in call.shelf(Insight).values() if each.group_arn == arn and each.state == ACTIVE]


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one[name] + other[name] for name in one}


def go_on(call: Call, group: Group, root: Node, starts: float, ends: float, impact: Impact) -> None:
    """A minute in which a service was out of range: an insight begins, or goes on."""
    held = next((each for each in _active(call, group) if tuple(each.root) == root), None)
    if held is None:
        held = Insight(
            id=call.new_id(), group=group.name, group_arn=groups.arn(call, group), root=root, starts=starts, ends=ends, updated=call.now(),
            clients=impact.clients, at_root=impact.root, affected=impact.affected,
        )  # fmt: skip
    else:
        held = changed(
            held, ends=ends, updated=call.now(), clients=_sum(held.clients, impact.clients), at_root=_sum(held.at_root, impact.root),
            affected=impact.affected
        )
    _keep(call, group, held, ends)


def resolve(call: Call, group: Group, quiet_since: float) -> None:
    """What has been in range since then is over."""
    for held in _active(call, group):
        if held.ends <= quiet_since:
            _keep(call, group, changed(held, state=CLOSED, updated=call.now()), call.now())


def end(call: Call, group_arn: str) -> None:
    """Of a group that nobody watches any more."""
    for held in list(call.shelf(Insight).values()):
        if held.group_arn == group_arn and held.state == ACTIVE:
            call.shelf(Insight)[held.id] = changed(held, state=CLOSED, updated=call.now())


def _keep(call: Call, group: Group, held: Insight, at: float) -> None:
    call.shelf(Insight)[held.id] = held
    event = {
        "Summary": _summary(held), "EventTime": at, "ClientRequestImpactStatistics": held.clients,
        "RootCauseServiceRequestImpactStatistics": held.at_root,
        "TopAnomalousServices": [{"ServiceId": _service(call, node)} for node in held.affected],
    }  # fmt: skip
    call.rows(EVENTS).run("insert or replace into xray_insight_event values (?,?,?)", held.id, at, orjson.dumps(event))
    if group.has_notifications:
        # Its members are those of https://docs.aws.amazon.com/cdk/api/v2/python/aws_cdk.mixins_preview.aws_xray.events/AWSXRayInsightUpdate.html
        detail = {name: value for name, value in _shown(call, held).items() if name != "GroupARN"}
        call.tell(UPDATE, {**detail, "Event": event, "resources": [held.group_arn]})


def expire(call: Call) -> None:
    for id_ in [id_ for id_, each in call.shelf(Insight).items() if each.state == CLOSED and each.updated < call.now() - KEPT_S]:
        del call.shelf(Insight)[id_]
        call.rows(EVENTS).run("delete from xray_insight_event where insight = ?", id_)


# Looking -------------------------------------------------------------------------------------------


def existing(call: Call, id_: str) -> Insight:
    found = call.shelf(Insight).get(id_)
    if found is None:
        raise InvalidRequestException(f"Insight {id_} not found.")
    return found


def _page(listed: list[Any], limit: int, token: str | None) -> tuple[list[Any], dict[str, str]]:
    if token is not None and not token.isdecimal():
        raise InvalidRequestException("Invalid NextToken.")
    start = int(token or 0)
    return listed[start : start + limit], {"NextToken": str(start + limit)} if start + limit < len(listed) else {}


def GetInsight(call: Call, *, InsightId: str) -> dict:
    return {"Insight": _shown(call, existing(call, InsightId))}


def GetInsightEvents(call: Call, *, InsightId: str, MaxResults: int = EVENTS_MAX, NextToken: str | None = None) -> dict:
    id_ = existing(call, InsightId).id
    rows = call.rows(EVENTS).all("select body from xray_insight_event where insight = ? order by at desc", id_)
    found, more = _page(rows, MaxResults, NextToken)
    return {"InsightEvents": [orjson.loads(body) for (body,) in found], **more}


def GetInsightSummaries(
    call: Call, *, StartTime: float, EndTime: float, States: list[str] | None = None, GroupARN: str | None = None, GroupName: str | None = None,
    MaxResults: int = SUMMARIES_MAX, NextToken: str | None = None,
) -> dict:  # fmt: skip
    """Those of a group that went on in a time, the latest first."""
    if StartTime > EndTime:
        raise InvalidRequestException("Start time must be before end time.")
    arn = groups.arn(call, groups.found(call, GroupName, GroupARN))
    listed = [
        each for each in call.shelf(Insight).values()
        if each.group_arn == arn and each.starts <= EndTime and (each.state == ACTIVE or each.ends >= StartTime) and (not States or each.state in States)
    ]  # fmt: skip
    found, more = _page(sorted(listed, key=lambda each: (-each.starts, each.id)), MaxResults, NextToken)
    return {"InsightSummaries": [{**_shown(call, each), "LastUpdateTime": each.updated} for each in found], **more}
