"""Contributor Insights: who is behind what is logged, and how much.

A rule counts events of the time in which it was enabled. They are read when somebody asks, in the name of the rule's account, so that
what is told of them is no estimate. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContributorInsights.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from kumoniwa.gate import contributors
from kumoniwa.gate.contributors import ServiceRule
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationException
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import insight_rule, metric_math, metric_select
from kumoniwa.services.cloudwatch.errors import (
    InvalidNextToken,
    InvalidParameterValueException,
    ResourceNotFoundException,
)

ENABLED, DISABLED = "ENABLED", "DISABLED"
SCHEMA = '{"Name" : "CloudWatchLogRule", "Version" : 1}'
"""As getmoto/moto's test_put_insight_rule has it from AWS."""
SERVICE_SCHEMA = '{"Name" : "ServiceLogRule", "Version" : 1}'
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_InsightRule.html"""
PAGE_MAX, CONTRIBUTORS_MAX, CONTRIBUTORS = 500, 100, 10
SERVICE_CONTRIBUTORS_MAX = 25
"""Of DynamoDB's rules: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/contributorinsights_HowItWorks.html"""
METRICS = ("UniqueContributors", "MaxContributorValue", "SampleCount", "Sum", "Minimum", "Maximum", "Average")
READ_MAX = 1_000_000
"""More events than that nobody counts in one answer."""


class InsightRule(Record):
    """Shelved by its name."""

    name: str
    state: str
    definition: str
    enabled: tuple[tuple[float, float | None], ...]
    """When it was enabled, from when until when."""
    tags: dict[str, str] = {}


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"insight-rule/{name}", "cloudwatch")


def PutInsightRule(
    call: Call,
    *,
    RuleName: str,
    RuleDefinition: str,
    RuleState: str | None = None,
    Tags: list[dict[str, str]] | None = None,
    ApplyOnTransformedLogs: bool | None = None,
) -> dict:
    """A rule that is put again counts by its new definition what it counted by the old."""
    if ApplyOnTransformedLogs:
        raise NotImplementedHere("cloudwatch:PutInsightRule(ApplyOnTransformedLogs)")
    if RuleName in call.shelf(ServiceRule):
        raise InvalidParameterValueException(_not_yours(RuleName))
    if RuleState not in (None, ENABLED, DISABLED):
        raise InvalidParameterValueException(f"The value {RuleState} for parameter RuleState is invalid.")
    try:
        insight_rule.rule(RuleDefinition)
    except insight_rule.InvalidRule as error:
        raise InvalidParameterValueException(str(error)) from None
    held = call.shelf(InsightRule).get(RuleName)
    tags = held.tags if held is not None else {tag["Key"]: tag["Value"] for tag in Tags or ()}
    made = InsightRule(name=RuleName, state=DISABLED, definition=RuleDefinition, enabled=held.enabled if held is not None else (), tags=tags)
    if held is not None and held.state == ENABLED:
        made = changed(made, state=ENABLED)
    call.shelf(InsightRule)[RuleName] = _switched(call, made, RuleState or ENABLED)
    return {}


def _not_yours(name: str) -> str:
    """AWS says that rules of its services can neither be changed nor deleted here, not how it refuses that: the words are ours."""
    return f"The rule {name} belongs to an AWS service and can be changed by that service only."


def _definition(rule: ServiceRule) -> str:
    """What AWS tells of the rules that DynamoDB makes was not found: this is how one would write them."""
    contribution = {"Keys": list(rule.labels), "ValueOf": rule.value, "Filters": []}
    told = {"Schema": {"Name": "ServiceLogRule", "Version": 1}, "AggregateOn": "Sum", "Contribution": contribution, "LogFormat": "JSON"}
    return orjson.dumps(told).decode()


def groups_in(text: Any) -> list[str]:
    """The log groups of a definition, as a condition of a policy asks for them:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-contributor.html"""
    try:
        return list(insight_rule.rule(text).groups) if isinstance(text, str) else []
    except insight_rule.InvalidRule:
        return []


def _switched(call: Call, rule: InsightRule, state: str) -> InsightRule:
    if state == rule.state:
        return rule
    times = (*rule.enabled, (call.now(), None)) if state == ENABLED else (*rule.enabled[:-1], (rule.enabled[-1][0], call.now()))
    return changed(rule, state=state, enabled=times)


def DescribeInsightRules(call: Call, *, NextToken: str | None = None, MaxResults: int | None = None) -> dict:
    if NextToken is not None and not (NextToken.isascii() and NextToken.isdigit() and len(NextToken) < 16):
        raise InvalidNextToken
    rules = sorted([*call.shelf(InsightRule).values(), *call.shelf(ServiceRule).values()], key=lambda rule: rule.name)
    start = int(NextToken or 0)
    end = start + (MaxResults or PAGE_MAX)
    shown = [
        {"Name": rule.name, "State": rule.state, "Schema": SCHEMA, "Definition": rule.definition, "ManagedRule": False}
        if isinstance(rule, InsightRule)
        else {"Name": rule.name, "State": ENABLED, "Schema": SERVICE_SCHEMA, "Definition": _definition(rule), "ManagedRule": False}
        for rule in rules[start:end]
    ]
    return {"InsightRules": shown} | ({"NextToken": str(end)} if end < len(rules) else {})


def _each(call: Call, names: list[str], act: Any) -> dict:
    shelf = call.shelf(InsightRule)
    failures = []
    for name in dict.fromkeys(names):
        if name in shelf:
            act(shelf, name)
        elif name in call.shelf(ServiceRule):
            told = {"ExceptionType": "InvalidParameterValueException", "FailureCode": "400", "FailureDescription": _not_yours(name)}
            failures.append({"FailureResource": name} | told)
        else:
            told = {"ExceptionType": "ResourceNotFoundException", "FailureCode": "404", "FailureDescription": f"Insight rule {name} does not exist."}
            failures.append({"FailureResource": name} | told)
    return {"Failures": failures}


def EnableInsightRules(call: Call, *, RuleNames: list[str]) -> dict:
    return _each(call, RuleNames, lambda shelf, name: shelf.__setitem__(name, _switched(call, shelf[name], ENABLED)))


def DisableInsightRules(call: Call, *, RuleNames: list[str]) -> dict:
    return _each(call, RuleNames, lambda shelf, name: shelf.__setitem__(name, _switched(call, shelf[name], DISABLED)))


def DeleteInsightRules(call: Call, *, RuleNames: list[str]) -> dict:
    return _each(call, RuleNames, lambda shelf, name: shelf.pop(name))


# What is logged ------------------------------------------------------------------------------------------------


class Tally(NamedTuple):
    """One contributor in one period."""

    count: int
    total: float
    least: float
    most: float


Tallies = dict[int, dict[tuple[str, ...], Tally]]
"""By the beginning of a period and the contributor."""


def held(call: Call, name: str) -> InsightRule | ServiceRule | None:
    return call.shelf(InsightRule).get(name) or call.shelf(ServiceRule).get(name)


async def counted(call: Call, rule: InsightRule | ServiceRule, start: int, end: float, period: int) -> Tallies:
    if isinstance(rule, ServiceRule):
        minutes = contributors.counted(call, rule.name, start, end)
        tallies = {at: {keys: Tally(int(each[0]), *each[1:]) for keys, each in found.items()} for at, found in minutes.items()}
        return gathered_by(tallies, start, period)
    read = insight_rule.rule(rule.definition)
    us = call.by_owner()
    found: Tallies = {}
    left = READ_MAX
    for group in await _groups(us, read.groups):
        for since, until in rule.enabled:
            first, last = max(start, since), min(end, until if until is not None else end)
            if first < last:
                left = await _count(us, read, group, milliseconds(first), milliseconds(last), (start, period), found, left)
    return found


async def _groups(us: Call, names: tuple[str, ...]) -> list[str]:
    found: dict[str, None] = {}
    for name in names:
        if not name.endswith("*"):
            found[name] = None
            continue
        token: dict[str, str] = {}
        while True:
            prefix = {"logGroupNamePrefix": name[:-1]} if name != "*" else {}
            page = await us.ask("logs:DescribeLogGroups", **prefix, **token)
            found.update((each["logGroupName"], None) for each in page["logGroups"])
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
    return list(found)


async def _count(
    us: Call, read: insight_rule.Rule, group: str, first_ms: int, last_ms: int, grid: tuple[int, int], found: Tallies, left: int
) -> int:
    start, period = grid
    token: dict[str, str] = {}
    while True:
        try:
            page = await us.ask("logs:FilterLogEvents", logGroupName=group, startTime=first_ms, endTime=last_ms, **token)
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return left  # A group that is not there yet, or no more, has no events.
            raise
        for event in page["events"]:
            hit = read.hit(event["message"])
            # The end of a stretch is its own here, and the next one's beginning.
            if hit is not None and event["timestamp"] < last_ms:
                at = start + int(event["timestamp"] / 1000 - start) // period * period
                tallies = found.setdefault(at, {})
                held = tallies.get(hit.keys)
                tallies[hit.keys] = (
                    Tally(1, hit.value, hit.value, hit.value) if held is None
                    else Tally(held.count + 1, held.total + hit.value, min(held.least, hit.value), max(held.most, hit.value))
                )  # fmt: skip
        left -= len(page["events"])
        if left < 0:
            raise ValidationException(f"More than {READ_MAX} log events lie in this time range: ask for a shorter one.")
        if "nextToken" not in page:
            return left
        token = {"nextToken": page["nextToken"]}


def figure(name: str, tallies: dict[tuple[str, ...], Tally]) -> float:
    """A statistic of one period."""
    each = list(tallies.values())
    total, count = sum(tally.total for tally in each), sum(tally.count for tally in each)
    return {
        "UniqueContributors": float(len(each)), "MaxContributorValue": max(tally.total for tally in each), "SampleCount": float(count), "Sum": total,
        "Minimum": min(tally.least for tally in each), "Maximum": max(tally.most for tally in each), "Average": total / count,
    }[name]  # fmt: skip


async def GetInsightRuleReport(
    call: Call,
    *,
    RuleName: str,
    StartTime: float,
    EndTime: float,
    Period: int,
    MaxContributorCount: int | None = None,
    Metrics: list[str] | None = None,
    OrderBy: str | None = None,
) -> dict:
    """Contributors in the order of what they come to, from the most on."""
    rule = held(call, RuleName)
    if rule is None:
        raise ResourceNotFoundException(f"Insight rule {RuleName} does not exist.")
    if StartTime >= EndTime:
        raise InvalidParameterValueException("The parameter StartTime must be less than the parameter EndTime.")
    if Period < 60 or Period % 60:
        raise InvalidParameterValueException("The parameter Period must be a multiple of 60.")
    most = SERVICE_CONTRIBUTORS_MAX if isinstance(rule, ServiceRule) else CONTRIBUTORS_MAX
    if MaxContributorCount is not None and not 1 <= MaxContributorCount <= most:
        raise InvalidParameterValueException(f"The parameter MaxContributorCount must be from 1 to {most}.")
    if OrderBy not in (None, "Sum", "Maximum"):
        raise InvalidParameterValueException(f"The value {OrderBy} for parameter OrderBy is invalid.")
    if wrong := [name for name in Metrics or () if name not in METRICS]:
        raise InvalidParameterValueException(f"The value {wrong[0]} for parameter Metrics is invalid.")
    if isinstance(rule, ServiceRule):
        labels, aggregate = rule.labels, "SUM"
    else:
        read = insight_rule.rule(rule.definition)
        labels, aggregate = read.labels, read.aggregate.upper()
    found = await counted(call, rule, int(StartTime) // 60 * 60, EndTime, Period)
    who: dict[tuple[str, ...], list[tuple[int, Tally]]] = {}
    for at, tallies in sorted(found.items()):
        for keys, tally in tallies.items():
            who.setdefault(keys, []).append((at, tally))
    weigh = (
        (lambda points: max(tally.most for _, tally in points))
        if OrderBy == "Maximum"
        else (lambda points: sum(tally.total for _, tally in points))
    )
    ranked = sorted(who.items(), key=lambda each: (-weigh(each[1]), each[0]))
    return {
        "KeyLabels": list(labels),
        "AggregationStatistic": aggregate,
        "AggregateValue": sum(tally.total for points in who.values() for _, tally in points),
        "ApproximateUniqueCount": len(who),
        "Contributors": [
            {
                "Keys": list(keys), "ApproximateAggregateValue": sum(tally.total for _, tally in points),
                "Datapoints": [{"Timestamp": float(at), "ApproximateValue": tally.total} for at, tally in points],
            }
            for keys, points in ranked[: MaxContributorCount or CONTRIBUTORS]
        ],
        "MetricDatapoints": [
            {"Timestamp": float(at), **{name: figure(name, tallies) for name in Metrics}} for at, tallies in sorted(found.items())
        ] if Metrics else [],
    }  # fmt: skip


# In metric math ------------------------------------------------------------------------------------------------


MINUTE_S = 60


def asked_for(queries: list[dict[str, Any]]) -> set[str]:
    """The rules that queries name."""
    names: set[str] = set()
    for query in queries:
        text = query.get("Expression")
        if text and "INSIGHT_RULE_METRIC" in text and not metric_select.is_query(text):
            try:
                names |= metric_math.texts_of(metric_math.parse(text), "INSIGHT_RULE_METRIC")
            except metric_math.InvalidExpression:
                continue  # It is refused in its place.
    return names


async def counted_for(call: Call, queries: list[dict[str, Any]], start: float, end: float) -> dict[str, Tallies]:
    """What the rules counted that queries name, by the minute."""
    first = int(start) // MINUTE_S * MINUTE_S
    asked = {name: held(call, name) for name in sorted(asked_for(queries))}
    return {name: await counted(call, rule, first, end, MINUTE_S) for name, rule in asked.items() if rule is not None}


def gathered_by(minutes: Tallies, start: int, period: int) -> Tallies:
    """The same by longer periods: whoever came in several minutes is one contributor."""
    found: Tallies = {}
    for at, tallies in minutes.items():
        if at < start:
            continue
        held = found.setdefault(start + (at - start) // period * period, {})
        for keys, tally in tallies.items():
            before = held.get(keys)
            held[keys] = tally if before is None else Tally(
                before.count + tally.count, before.total + tally.total, min(before.least, tally.least), max(before.most, tally.most)
            )  # fmt: skip
    return found
