"""Sampling rules, and how SDKs share what a rule lets through.

SDKs fetch the rules, match requests themselves and report every ten seconds how many they saw. Of a rule's reservoir, traces a second
that are always taken, each client that reported lately gets its equal part.
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sampling.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.sampling import DEFAULT, Rule, default, rules
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.xray import tag
from kumoniwa.services.xray.errors import InvalidRequestException, RuleLimitExceededException

RULES_MAX = 25
# https://docs.aws.amazon.com/general/latest/gr/xray.html
INTERVAL_S = 10
FORGOTTEN_AFTER_S = 3 * INTERVAL_S
"""How long a client that no longer reports keeps its part of a reservoir."""


class Removal(Record):
    """When a rule was last deleted, shelved under one key."""

    at: float


class Reports:
    """What clients reported lately, by rule: when each was last heard, and what it said. Gone with the process, as its clients'
    parts of a reservoir may be: they report again in ten seconds."""

    def __init__(self) -> None:
        self.clients: dict[str, dict[str, float]] = {}
        self.summaries: dict[str, dict[str, Any]] = {}


def arn(call: Call, rule: Rule) -> str:
    return call.arn(f"sampling-rule/{rule.name}")


def found(call: Call, name: str | None, rule_arn: str | None) -> Rule:
    if (name is None) == (rule_arn is None):
        raise InvalidRequestException("Exactly one of RuleName and RuleARN must be specified.")
    named = name if name is not None else rule_arn.partition(":sampling-rule/")[2]
    rule = default(call) if named == DEFAULT else call.shelf(Rule).get(named)
    if rule is None or (rule_arn is not None and arn(call, rule) != rule_arn):
        raise InvalidRequestException("Sampling rule does not exist.")
    return rule


def _shown(call: Call, rule: Rule) -> dict[str, Any]:
    said = {"RuleName": rule.name, "RuleARN": arn(call, rule)} | rule.said
    return {"SamplingRule": said, "CreatedAt": rule.created, "ModifiedAt": rule.modified}


def CreateSamplingRule(call: Call, *, SamplingRule: dict[str, Any], Tags: list[dict[str, str]] | None = None) -> dict:
    name, shelf = SamplingRule.get("RuleName"), call.shelf(Rule)
    if not name:
        raise InvalidRequestException("RuleName must be specified.")
    if name == DEFAULT or name in shelf:
        raise InvalidRequestException("A sampling rule with this name already exists.")
    if sum(rule.name != DEFAULT for rule in shelf.values()) >= RULES_MAX:
        raise RuleLimitExceededException(f"An account may have {RULES_MAX} sampling rules at most.")
    if SamplingRule["Version"] != 1:
        raise InvalidRequestException("Sampling rules have the version 1.")
    said = {key: value for key, value in SamplingRule.items() if key not in ("RuleName", "RuleARN")}
    _check(said)
    now = call.now()
    shelf[name] = Rule(name=name, said={"Attributes": {}} | said, created=now, modified=now, tags=tag.checked({}, Tags or []))
    return {"SamplingRuleRecord": _shown(call, shelf[name])}


def _check(said: dict[str, Any]) -> None:
    if "SamplingRateBoost" in said:
        raise NotImplementedHere("SamplingRateBoost of sampling rules of xray")
    if len(said.get("Attributes") or {}) > 5:
        raise InvalidRequestException("A sampling rule has 5 attributes at most.")
    if not 1 <= said.get("Priority", 1) <= 9999 or not 0 <= said.get("FixedRate", 0) <= 1 or said.get("ReservoirSize", 0) < 0:
        raise InvalidRequestException("Invalid priority, fixed rate or reservoir size.")


def UpdateSamplingRule(call: Call, *, SamplingRuleUpdate: dict[str, Any]) -> dict:
    rule = found(call, SamplingRuleUpdate.get("RuleName"), SamplingRuleUpdate.get("RuleARN"))
    said = {key: value for key, value in SamplingRuleUpdate.items() if key not in ("RuleName", "RuleARN")}
    if rule.name == DEFAULT and said.keys() - {"FixedRate", "ReservoirSize"}:
        # Recorded: https://github.com/hashicorp/terraform-provider-aws/issues/49597
        raise InvalidRequestException("Invalid update request for default sampling rule")
    _check(said)
    rule = call.shelf(Rule)[rule.name] = changed(rule, said=rule.said | said, modified=call.now())
    return {"SamplingRuleRecord": _shown(call, rule)}


def DeleteSamplingRule(call: Call, *, RuleName: str | None = None, RuleARN: str | None = None) -> dict:
    rule = found(call, RuleName, RuleARN)
    if rule.name == DEFAULT:
        raise InvalidRequestException("The default sampling rule cannot be deleted.")
    del call.shelf(Rule)[rule.name]
    call.shelf(Removal)["last"] = Removal(at=call.now())
    return {"SamplingRuleRecord": _shown(call, rule)}


def GetSamplingRules(call: Call) -> dict:
    return {"SamplingRuleRecords": [_shown(call, rule) for rule in rules(call)]}


def GetSamplingTargets(call: Call, *, SamplingStatisticsDocuments: list[dict[str, Any]]) -> dict:
    now, reports = call.now(), call.memory(Reports)
    known = {rule.name: rule for rule in rules(call)}
    targets, unprocessed = [], []
    for said in SamplingStatisticsDocuments:
        rule = known.get(said["RuleName"])
        if rule is None:
            unprocessed.append({"RuleName": said["RuleName"], "ErrorCode": "400", "Message": "Unknown rule"})
            continue
        clients = reports.clients.setdefault(rule.name, {})
        clients[said["ClientID"]] = now
        for client in [client for client, at in clients.items() if at < now - FORGOTTEN_AFTER_S]:
            del clients[client]
        reports.summaries[rule.name] = _summed(reports.summaries.get(rule.name), rule.name, said, now)
        targets.append({
            "RuleName": rule.name, "FixedRate": rule.said["FixedRate"],
            "ReservoirQuota": _part(rule.said["ReservoirSize"], clients, said["ClientID"]),
            "ReservoirQuotaTTL": now + INTERVAL_S, "Interval": INTERVAL_S,
        })  # fmt: skip
    removal = call.shelf(Removal).get("last")
    last = max([rule.modified for rule in known.values()] + ([removal.at] if removal else []))
    return {"SamplingTargetDocuments": targets, "LastRuleModification": last, "UnprocessedStatistics": unprocessed}


def _part(reservoir: int, clients: dict[str, float], client: str) -> int:
    """Of a reservoir for one of its clients: equal parts, and what is left goes to the first."""
    place = sorted(clients).index(client)
    return reservoir // len(clients) + (place < reservoir % len(clients))


def _summed(held: dict[str, Any] | None, name: str, said: dict[str, Any], now: float) -> dict[str, Any]:
    """What was reported of a rule in the interval that began last."""
    if held is None or now - held["Timestamp"] >= INTERVAL_S:
        held = {"RuleName": name, "Timestamp": now, "RequestCount": 0, "BorrowCount": 0, "SampledCount": 0}
    return held | {field: held[field] + said.get(field, 0) for field in ("RequestCount", "BorrowCount", "SampledCount")}


def GetSamplingStatisticSummaries(call: Call) -> dict:
    return {"SamplingStatisticSummaries": [held for _, held in sorted(call.memory(Reports).summaries.items())]}
