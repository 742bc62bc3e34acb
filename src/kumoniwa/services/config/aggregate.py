"""What aggregators show: resources, verdicts and packs of their sources, as these were when they were read last.

https://docs.aws.amazon.com/config/latest/developerguide/viewing-the-aggregate-dashboard.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.config import aggregator as aggregators
from kumoniwa.services.config import item, query
from kumoniwa.services.config.aggregator import (
    GATHERED,
    GATHERED_RESULTS,
    Aggregator,
    Source,
    existing,
)
from kumoniwa.services.config.compliance import RULES_CAP, compliance, overall, shown, summary
from kumoniwa.services.config.errors import ResourceNotDiscoveredException, ValidationException
from kumoniwa.services.config.item import Item
from kumoniwa.services.config.result import Result
from kumoniwa.services.config.verdict import COMPLIANT, INSUFFICIENT_DATA, NON_COMPLIANT

PAGE_MAX, COUNTS_MAX = 100, 1_000
_GROUPS = {"ACCOUNT_ID": "account", "AWS_REGION": "region", "RESOURCE_TYPE": "type"}


class Place(NamedTuple):
    """Where something was recorded, and of whom."""

    account: str
    region: str


def _is_in(account: str, region: str, filters: dict[str, Any], member: str = "AwsRegion") -> bool:
    return filters.get("AccountId") in (None, account) and filters.get(member) in (None, region)


def _sources(call: Call, name: str, filters: dict[str, Any] | None) -> list[Source]:
    return [each for each in aggregators.sources(call, existing(call, name)) if _is_in(each.account, each.region, filters or {})]


# Verdicts ------------------------------------------------------------------------------------------


def _results(call: Call, source: Source) -> list[Result]:
    rows = call.rows(GATHERED_RESULTS).all(
        "select rule, type, id, compliance, annotation, ordering, invoked, recorded, since from config_gathered_result"
        " where aggregator = ? and account = ? and region = ? order by rule, type, id", source.aggregator, source.account, source.region,
    )  # fmt: skip
    return [Result(*row) for row in rows]


def _by_rule(call: Call, source: Source) -> dict[str, list[Result]]:
    grouped: dict[str, list[Result]] = {name: [] for name in sorted(source.rules)}
    for each in _results(call, source):
        grouped.setdefault(each.rule, []).append(each)
    return grouped


def DescribeAggregateComplianceByConfigRules(
    call: Call, *, ConfigurationAggregatorName: str, Filters: dict[str, Any] | None = None, Limit: int | None = None, NextToken: str | None = None
) -> dict:
    """Rules without verdicts are not among them.
    https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeAggregateComplianceByConfigRules.html"""
    filters, listed = Filters or {}, []
    for source in _sources(call, ConfigurationAggregatorName, filters):
        for rule, results in _by_rule(call, source).items():
            told = compliance(results, RULES_CAP)
            is_wanted = filters.get("ConfigRuleName") in (None, rule) and filters.get("ComplianceType") in (None, told["ComplianceType"])
            if is_wanted and told["ComplianceType"] != INSUFFICIENT_DATA:
                listed.append({"ConfigRuleName": rule, "Compliance": told, "AccountId": source.account, "AwsRegion": source.region})
    found, token = item.page(listed, Limit, NextToken, unasked=COUNTS_MAX, most=COUNTS_MAX)
    return item.with_token({"AggregateComplianceByConfigRules": found}, token, "NextToken")


def GetAggregateComplianceDetailsByConfigRule(
    call: Call, *, ConfigurationAggregatorName: str, ConfigRuleName: str, AccountId: str, AwsRegion: str, ComplianceType: str | None = None,
    Limit: int | None = None, NextToken: str | None = None,
) -> dict:  # fmt: skip
    listed = [
        {**shown(each), "AccountId": source.account, "AwsRegion": source.region}
        for source in _sources(call, ConfigurationAggregatorName, {"AccountId": AccountId, "AwsRegion": AwsRegion})
        for each in _by_rule(call, source).get(ConfigRuleName, ())
        if ComplianceType in (None, each.compliance)
    ]
    found, token = item.page(listed, Limit, NextToken)
    return item.with_token({"AggregateEvaluationResults": found}, token, "NextToken")


def _grouped(key: str | None, listed: Iterable[tuple[Source, Any]]) -> dict[str | None, list[Any]]:
    groups: dict[str | None, list[Any]] = {} if key else {None: []}
    for source, each in listed:
        groups.setdefault(getattr(source, _GROUPS[key]) if key else None, []).append(each)
    return groups


def _named(group: str | None, told: dict[str, Any]) -> dict[str, Any]:
    return told if group is None else {"GroupName": group, **told}


def GetAggregateConfigRuleComplianceSummary(
    call: Call, *, ConfigurationAggregatorName: str, Filters: dict[str, Any] | None = None, GroupByKey: str | None = None, Limit: int | None = None,
    NextToken: str | None = None,
) -> dict:  # fmt: skip
    """How many rules comply and how many do not, altogether or of each account or region."""
    sources = _sources(call, ConfigurationAggregatorName, Filters)
    groups = _grouped(GroupByKey, ((source, overall(results)) for source in sources for results in _by_rule(call, source).values()))
    listed = [_named(name, {"ComplianceSummary": summary(call, groups[name], RULES_CAP)}) for name in sorted(groups, key=str)]
    found, token = item.page(listed, Limit, NextToken, unasked=COUNTS_MAX, most=COUNTS_MAX)
    reply = {"AggregateComplianceCounts": found} | ({"GroupByKey": GroupByKey} if GroupByKey else {})
    return item.with_token(reply, token, "NextToken")


# Packs ---------------------------------------------------------------------------------------------


def _packs(call: Call, name: str, filters: dict[str, Any] | None) -> Iterator[tuple[Source, dict[str, Any], list[list[Result]]]]:
    """Each pack with the verdicts of each of its rules."""
    for source in _sources(call, name, filters):
        by_rule = _by_rule(call, source)
        for pack in source.packs:
            yield source, pack, [by_rule.get(rule, []) for rule in pack["rules"]]


def DescribeAggregateComplianceByConformancePacks(
    call: Call, *, ConfigurationAggregatorName: str, Filters: dict[str, Any] | None = None, Limit: int | None = None, NextToken: str | None = None
) -> dict:
    filters, listed = Filters or {}, []
    for source, pack, rules in _packs(call, ConfigurationAggregatorName, filters):
        kinds = [overall(results) for results in rules]
        told = {
            "ComplianceType": overall([each for results in rules for each in results]), "CompliantRuleCount": kinds.count(COMPLIANT),
            "NonCompliantRuleCount": kinds.count(NON_COMPLIANT), "TotalRuleCount": len(kinds),
        }  # fmt: skip
        if filters.get("ConformancePackName") in (None, pack["name"]) and filters.get("ComplianceType") in (None, told["ComplianceType"]):
            listed.append({"ConformancePackName": pack["name"], "Compliance": told, "AccountId": source.account, "AwsRegion": source.region})
    found, token = item.page(listed, Limit, NextToken)
    return item.with_token({"AggregateComplianceByConformancePacks": found}, token, "NextToken")


def GetAggregateConformancePackComplianceSummary(
    call: Call, *, ConfigurationAggregatorName: str, Filters: dict[str, Any] | None = None, GroupByKey: str | None = None, Limit: int | None = None,
    NextToken: str | None = None,
) -> dict:  # fmt: skip
    told = (
        (source, overall([each for results in rules for each in results]))
        for source, _, rules in _packs(call, ConfigurationAggregatorName, Filters)
    )
    groups = _grouped(GroupByKey, told)
    listed = [
        _named(name, {"ComplianceSummary": {"CompliantConformancePackCount": kinds.count(COMPLIANT), "NonCompliantConformancePackCount": kinds.count(NON_COMPLIANT)}})
        for name, kinds in sorted(groups.items(), key=str)
    ]  # fmt: skip
    found, token = item.page(listed, Limit, NextToken)
    reply = {"AggregateConformancePackComplianceSummaries": found} | ({"GroupByKey": GroupByKey} if GroupByKey else {})
    return item.with_token(reply, token, "NextToken")


# Resources -----------------------------------------------------------------------------------------


def _found(call: Call, held: Aggregator, key: dict[str, Any]) -> Item | None:
    row = call.rows(GATHERED).one(
        "select n, type, id, captured, status, body from config_gathered where aggregator = ? and type = ? and account = ? and region = ? and id = ?",
        held.name, key["ResourceType"], key["SourceAccountId"], key["SourceRegion"], key["ResourceId"],
    )  # fmt: skip
    seen = Item(*row[:5], orjson.loads(row[5])) if row is not None else None
    return seen if seen is not None and key.get("ResourceName") in (None, seen.name) else None


def _place(key: dict[str, Any]) -> Place:
    return Place(key["SourceAccountId"], key["SourceRegion"])


def GetAggregateResourceConfig(call: Call, *, ConfigurationAggregatorName: str, ResourceIdentifier: dict[str, Any]) -> dict:
    seen = _found(call, existing(call, ConfigurationAggregatorName), ResourceIdentifier)
    if seen is None:
        raise ResourceNotDiscoveredException(
            f"Resource {ResourceIdentifier['ResourceId']} of resourceType:{ResourceIdentifier['ResourceType']} is unknown or has not been discovered"
        )
    return {"ConfigurationItem": item.shown(_place(ResourceIdentifier), seen)}


def BatchGetAggregateResourceConfig(call: Call, *, ConfigurationAggregatorName: str, ResourceIdentifiers: list[dict[str, Any]]) -> dict:
    """What is not known is among what could not be looked at, as getmoto/moto's test_batch_get_aggregate_resource_config has it of AWS."""
    held = existing(call, ConfigurationAggregatorName)
    found = [(key, _found(call, held, key)) for key in ResourceIdentifiers]
    return {
        "BaseConfigurationItems": [item.base(_place(key), seen) for key, seen in found if seen is not None],
        "UnprocessedResourceIdentifiers": [key for key, seen in found if seen is None],
    }


def ListAggregateDiscoveredResources(
    call: Call, *, ConfigurationAggregatorName: str, ResourceType: str, Filters: dict[str, Any] | None = None, Limit: int | None = None,
    NextToken: str | None = None,
) -> dict:  # fmt: skip
    held, filters, listed = existing(call, ConfigurationAggregatorName), Filters or {}, []
    for account, region, id_, body in call.rows(GATHERED).all(
        "select account, region, id, body from config_gathered where aggregator = ? and type = ? order by account, region, id", held.name,
        ResourceType
    ):
        name = orjson.loads(body)["name"]
        is_so = (
            _is_in(account, region, filters, "Region")
            and filters.get("ResourceId") in (None, id_)
            and filters.get("ResourceName") in (None, name)
        )
        if is_so:
            told = {"SourceAccountId": account, "SourceRegion": region, "ResourceId": id_, "ResourceType": ResourceType, "ResourceName": name}
            listed.append({member: value for member, value in told.items() if value is not None})
    found, token = item.page(listed, Limit, NextToken)
    return item.with_token({"ResourceIdentifiers": found}, token, "NextToken")


def GetAggregateDiscoveredResourceCounts(
    call: Call, *, ConfigurationAggregatorName: str, Filters: dict[str, Any] | None = None, GroupByKey: str | None = None, Limit: int | None = None,
    NextToken: str | None = None,
) -> dict:  # fmt: skip
    held, filters, counts = existing(call, ConfigurationAggregatorName), Filters or {}, Counter()
    for type_, account, region, count in call.rows(GATHERED).all(
        "select type, account, region, count(*) from config_gathered where aggregator = ? group by type, account, region", held.name
    ):
        if _is_in(account, region, filters, "Region") and filters.get("ResourceType") in (None, type_):
            counts[{"RESOURCE_TYPE": type_, "ACCOUNT_ID": account, "AWS_REGION": region}[GroupByKey] if GroupByKey else ""] += count
    reply: dict[str, Any] = {"TotalDiscoveredResources": counts.total()}
    if not GroupByKey:
        return reply
    listed = [{"GroupName": name, "ResourceCount": count} for name, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))]
    found, token = item.page(listed, Limit, NextToken, unasked=COUNTS_MAX, most=COUNTS_MAX)
    return item.with_token(reply | {"GroupByKey": GroupByKey, "GroupedResourceCounts": found}, token, "NextToken")


# Queries -------------------------------------------------------------------------------------------


def SelectAggregateResourceConfig(
    call: Call, *, Expression: str, ConfigurationAggregatorName: str, Limit: int | None = None, MaxResults: int | None = None,
    NextToken: str | None = None,
) -> dict:  # fmt: skip
    held, wanted = existing(call, ConfigurationAggregatorName), query.parsed(Expression)
    if Limit is not None and MaxResults is not None and Limit != MaxResults:
        # Both mean the same; no source tells what AWS makes of two that differ.
        raise ValidationException("Limit and MaxResults differ.")
    return query.selected(wanted, _rows(call, held, wanted.types), Limit if Limit is not None else MaxResults, NextToken)


def _rows(call: Call, held: Aggregator, types: frozenset[str] | None) -> Iterator[dict[str, Any]]:
    among = "" if types is None else f" and type in ({','.join('?' * len(types))})"
    for account, region, *row in call.rows(GATHERED).all(
        f"select account, region, n, type, id, captured, status, body from config_gathered where aggregator = ?{among} order by account, region, type, id",
        held.name, *(types or ()),
    ):  # fmt: skip
        yield query.row(Place(account, region), Item(*row[:5], orjson.loads(row[5])))
    for source in aggregators.sources(call, held):
        place = Place(source.account, source.region)
        if types is None or query.RESOURCE_COMPLIANCE in types:
            known = {name: (said["id"], said["arn"]) for name, said in source.rules.items()}
            yield from query.compliances(place, _results(call, source), known)
        if types is None or query.PACK_COMPLIANCE in types:
            by_rule = _by_rule(call, source)
            for pack in source.packs:
                yield query.pack_compliance(place, pack["id"], pack["name"], [each for rule in pack["rules"] for each in by_rule.get(rule, ())])
