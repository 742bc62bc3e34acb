"""Anomalies: minutes in which services fault more than was to be expected of them, and the insights that follow.

AWS says that an insight begins when fault rates leave the range that statistical modelling expects of a service, that it is looked at
again and again until it is resolved, and that it names a root cause and the services that are most affected
(https://docs.aws.amazon.com/xray/latest/devguide/xray-console-insights.html). It does not publish the model. Ours is three deviations of a
binomial: a service is expected to fault as often as in the sixty minutes before in which it was as expected, by the rule of succession; a
minute is out of range if its faults are more than that and three standard deviations of it, and three at the least. A service of which
fewer than thirty requests were seen is not judged. The root cause is the anomalous service that calls no other anomalous one; an insight is
resolved when its root cause was in range, or asked nothing, for five minutes.
"""

from __future__ import annotations

import asyncio
from functools import partial
from math import sqrt
from typing import Any, NamedTuple

from kumoniwa.gate.data_key import opening
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.xray import group as groups
from kumoniwa.services.xray import insight, segment
from kumoniwa.services.xray.graph import Node, Tally
from kumoniwa.services.xray.group import Group
from kumoniwa.services.xray.insight import Impact
from kumoniwa.services.xray.trace import Trace
from kumoniwa.store.rows import Table

MINUTE_S, BASELINE_S, RESOLVED_S = 60.0, 3_600.0, 300.0
SETTLED_S = 20.0
"""So long after a minute its traces have come."""
REQUESTS_MIN, FAULTS_MIN, DEVIATIONS = 30, 3, 3.0
READ_AT_ONCE = 50
RATES = Table(
    "xray_rate",
    """create table if not exists xray_rate (watched text, name text, type text, minute real, count integer, faults integer,
         primary key (watched, minute, name, type)) without rowid""",
)
"""Minutes in which services were as expected."""


class Watched(Record):
    """Up to when a group was looked at; shelved by the group's ARN."""

    until: float


class Minute(NamedTuple):
    """What a group's services did in one."""

    starts: float
    tallies: dict[Node, Tally]
    calls: set[tuple[Node, Node]]
    clients: Tally
    by_service: dict[Node, Tally]
    """Requests of clients that came to a service sooner or later."""


async def look(call: Call) -> float | None:
    """Judge the minutes that are over, of groups whose insights are enabled. Answers when the next one is; None where none are."""
    watched = [each for each in call.shelf(Group).values() if each.has_insights]
    arns = {groups.arn(call, each) for each in watched}
    for gone in set(call.shelf(Watched)) - arns:
        call.atomically(partial(_forget, call, gone))
    for each in watched:
        try:
            await _judge_all(call, each)
        except AwsError:
            continue  # Traces under a key that is shut are looked at when it is open.
    return (call.now() - SETTLED_S) // MINUTE_S * MINUTE_S + MINUTE_S + SETTLED_S if watched else None


def _forget(call: Call, arn: str) -> None:
    """A group that is gone, or whose insights are disabled."""
    insight.end(call, arn)
    del call.shelf(Watched)[arn]
    call.rows(RATES).run("delete from xray_rate where watched = ?", arn)


async def _judge_all(call: Call, group: Group) -> None:
    arn, last = groups.arn(call, group), (call.now() - SETTLED_S) // MINUTE_S * MINUTE_S
    held = call.shelf(Watched).get(arn)
    at = max(held.until, last - BASELINE_S) if held is not None else last - MINUTE_S
    while at < last:
        minute = await _minute(call, group, at)
        call.atomically(partial(_judge, call, group, arn, minute))
        at += MINUTE_S


async def _minute(call: Call, group: Group, starts: float) -> Minute:
    wanted, after = groups.compiled(group.expression) if group.expression else None, ""
    found = Minute(starts, {}, set(), Tally(), {})
    while ids := segment.traces_between(call, "TraceId", starts, starts + MINUTE_S, after, READ_AT_ONCE):
        for id_ in ids:
            trace = await opening(call, partial(_trace, call, id_))
            if trace is not None and (wanted is None or wanted(trace)):
                _count(found, trace)
        after = ids[-1]
        await asyncio.sleep(0)
    return found


def _trace(call: Call, id_: str) -> Trace | None:
    documents = segment.documents(call, id_)
    return Trace(id_, call.account, documents, groups.membership(call)) if documents else None


def _count(minute: Minute, trace: Trace) -> None:
    minute.clients.add(trace.root)
    for service in trace.all:
        minute.tallies.setdefault((service.name, service.type), Tally()).add(service)
    for node in {(service.name, service.type) for service in trace.all}:
        minute.by_service.setdefault(node, Tally()).add(trace.root)
    minute.calls.update(((begin.name, begin.type), (end.name, end.type)) for begin, end in trace.pairs)


# Judging -------------------------------------------------------------------------------------------


def _is_out_of_range(call: Call, arn: str, node: Node, starts: float, tally: Tally) -> bool:
    requests, faults = call.rows(RATES).one(
        "select coalesce(sum(count), 0), coalesce(sum(faults), 0) from xray_rate where watched = ? and minute >= ? and minute < ? and name = ? and type = ?",
        arn, starts - BASELINE_S, starts, *node,
    )  # fmt: skip
    if requests < REQUESTS_MIN or tally.faults < FAULTS_MIN:
        return False
    rate = (faults + 1) / (requests + 2)
    return tally.faults > tally.count * rate + DEVIATIONS * sqrt(tally.count * rate * (1 - rate))


def _judge(call: Call, group: Group, arn: str, minute: Minute) -> None:
    anomalous = {node: tally for node, tally in minute.tallies.items() if _is_out_of_range(call, arn, node, minute.starts, tally)}
    rows = call.rows(RATES)
    for node, tally in minute.tallies.items():
        if node not in anomalous:
            rows.run("insert or replace into xray_rate values (?,?,?,?,?,?)", arn, *node, minute.starts, tally.count, tally.faults)
    rows.run("delete from xray_rate where watched = ? and minute < ?", arn, minute.starts - BASELINE_S)
    most = sorted(anomalous, key=lambda node: (-anomalous[node].faults, node))
    for root in (node for node in most if not any((node, other) in minute.calls for other in anomalous if other != node)):
        affected = [node for node in most if node == root or _leads(node, root, minute.calls)]
        impact = Impact(_counts(minute.by_service[root]), _counts(minute.tallies[root]), tuple(affected))
        insight.go_on(call, group, root, minute.starts, minute.starts + MINUTE_S, impact)
    insight.resolve(call, group, minute.starts + MINUTE_S - RESOLVED_S)
    call.shelf(Watched)[arn] = Watched(until=minute.starts + MINUTE_S)


def _leads(begin: Node, end: Node, calls: set[tuple[Node, Node]]) -> bool:
    """Whether what one service asks comes to another."""
    seen, waiting = set(), [begin]
    while waiting:
        node = waiting.pop()
        if node == end:
            return True
        if node not in seen:
            seen.add(node)
            waiting += [callee for caller, callee in calls if caller == node]
    return False


def _counts(tally: Tally) -> dict[str, Any]:
    return {"FaultCount": tally.faults, "OkCount": tally.count - tally.faults, "TotalCount": tally.count}
