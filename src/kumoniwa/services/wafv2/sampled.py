"""What rules met: the last requests of each, and whom rate-based rules hold off now."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.gate import firewall_guard
from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.firewall_record import POPULATION_MAX, SAMPLED_S
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.wafv2 import errors, part
from kumoniwa.services.wafv2.checking import wrong
from kumoniwa.services.wafv2.scope import CLOUDFRONT, check_region


async def GetSampledRequests(
    call: Call, *, WebAclArn: str, RuleMetricName: str, Scope: str, TimeWindow: dict[str, float], MaxItems: int
) -> dict:
    """Of the last three hours; a window that begins before is cut."""
    start, end = max(TimeWindow["StartTime"], call.now() - SAMPLED_S), TimeWindow["EndTime"]
    if TimeWindow["StartTime"] >= end:
        raise wrong("The time window is not valid.", "TIME_WINDOW", "TimeWindow", "EndTime lies after StartTime.")
    asked = {"web_acl": WebAclArn, "metric": RuleMetricName, "start": start, "end": end}
    if Scope == CLOUDFRONT:
        check_region(call)
        told = await call.home.exchange(GLOBAL, "wafv2", {"account": call.account, "everywhere": asked})
    else:
        part.by_arn(call, WebAclArn, "webacl")
        told = [of_region(call.home, asked)]
    samples = sorted((sample for each in told for sample in each["samples"]), key=lambda sample: sample["Timestamp"])
    population = min(sum(each["population"] for each in told), POPULATION_MAX)
    return {"SampledRequests": samples[:MaxItems], "PopulationSize": population, "TimeWindow": {"StartTime": start, "EndTime": end}}


def of_region(home: Any, asked: dict[str, Any]) -> dict[str, Any]:
    guard = firewall_guard.known(home, asked["web_acl"])
    return guard.samples.told(asked["metric"], asked["start"], asked["end"]) if guard is not None else {"population": 0, "samples": []}


async def of_all_regions(call: Call, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """What edge locations saw that aws-global can reach; those that it cannot tell nothing."""
    part.by_arn(call, asked["web_acl"], "webacl")
    names = [name for name in call.home.neighbours if not name.startswith("aws-")]
    return [told for told in await asyncio.gather(*(_of(call, name, asked) for name in names)) if told is not None]


async def _of(call: Call, region: str, asked: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return await call.home.exchange(region, "wafv2", {"account": call.account, "samples": asked})
    except AwsError:
        return None


def GetRateBasedStatementManagedKeys(
    call: Call, *, Scope: str, WebACLName: str, WebACLId: str, RuleName: str, RuleGroupRuleName: str | None = None
) -> dict:
    if Scope == CLOUDFRONT:
        raise NotImplementedHere("GetRateBasedStatementManagedKeys of wafv2 for CLOUDFRONT: every edge location counts for itself")
    found = part.named(call, Scope, "webacl", WebACLName, WebACLId)
    rule = _rule(call, found.document["Rules"], RuleName)
    namespace = found.document["LabelNamespace"]
    if RuleGroupRuleName is not None:
        group = part.by_arn(call, rule["Statement"]["RuleGroupReferenceStatement"]["ARN"], "rulegroup").document
        rule, namespace = _rule(call, group["Rules"], RuleName), group["LabelNamespace"]
    said = rule["Statement"].get("RateBasedStatement")
    if said is None:
        raise errors.WAFNonexistentItemException(hint=f"{RuleName} is no rate-based rule.")
    if said["AggregateKeyType"] not in ("IP", "FORWARDED_IP"):
        raise errors.WAFUnsupportedAggregateKeyTypeException
    guard = firewall_guard.known(call.home, found.arn)
    rates = guard.ruleset.rates.get((namespace, rule["Name"], repr(said))) if guard is not None else None
    held = [key[0] for key in rates.limited(call.now())] if rates is not None else []

    def told(version: str, mark: str, bits: int) -> dict[str, Any]:
        return {"IPAddressVersion": version, "Addresses": [f"{address}/{bits}" for address in held if mark in address]}

    return {"ManagedKeysIPV4": told("IPV4", ".", 32), "ManagedKeysIPV6": told("IPV6", ":", 128)}


def _rule(call: Call, rules: list[dict[str, Any]], name: str) -> dict[str, Any]:
    found = next((each for each in rules if each["Name"] == name), None)
    if found is None:
        raise errors.WAFNonexistentItemException
    return found


