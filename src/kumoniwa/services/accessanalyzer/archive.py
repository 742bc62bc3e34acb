"""Archive rules: which findings their owner need not see.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-archive-rules.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.accessanalyzer import analyzer as analyzers
from kumoniwa.services.accessanalyzer import filtering, finding
from kumoniwa.services.accessanalyzer.analyzer import Analyzer, Rule
from kumoniwa.services.accessanalyzer.errors import (
    ConflictException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)

RULES_MAX = 100
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-quotas.html


def _rule(analyzer: Analyzer, name: str) -> Rule:
    if name not in analyzer.rules:
        raise ResourceNotFoundException.of("archive-rule", name)
    return analyzer.rules[name]


def _shown(name: str, rule: Rule) -> dict[str, Any]:
    return {"ruleName": name, "filter": rule.filter, "createdAt": rule.created, "updatedAt": rule.updated}


def CreateArchiveRule(
    call: Call, *, analyzerName: str, ruleName: str, filter: dict[str, dict[str, Any]], clientToken: str | None = None
) -> None:
    """It archives what is found from now on."""
    analyzer = analyzers.found(call, analyzerName)
    held = analyzer.rules.get(ruleName)
    if held is not None and clientToken and (held.token, held.filter) == (clientToken, filter):
        return
    if held is not None:
        raise ConflictException.of("archive-rule", ruleName, f"The archive rule {ruleName} already exists.")
    if len(analyzer.rules) >= RULES_MAX:
        raise ServiceQuotaExceededException.of("archive-rule", ruleName, f"An analyzer has {RULES_MAX} archive rules at most.")
    rule = Rule(filter=filtering.checked(filter), created=call.now(), updated=call.now(), token=clientToken or "")
    analyzers.keep(call, changed(analyzer, rules={**analyzer.rules, ruleName: rule}))


def UpdateArchiveRule(
    call: Call, *, analyzerName: str, ruleName: str, filter: dict[str, dict[str, Any]], clientToken: str | None = None
) -> None:
    analyzer = analyzers.found(call, analyzerName)
    rule = changed(_rule(analyzer, ruleName), filter=filtering.checked(filter), updated=call.now())
    analyzers.keep(call, changed(analyzer, rules={**analyzer.rules, ruleName: rule}))


def DeleteArchiveRule(call: Call, *, analyzerName: str, ruleName: str, clientToken: str | None = None) -> None:
    analyzer = analyzers.found(call, analyzerName)
    _rule(analyzer, ruleName)
    analyzers.keep(call, changed(analyzer, rules={name: rule for name, rule in analyzer.rules.items() if name != ruleName}))


def GetArchiveRule(call: Call, *, analyzerName: str, ruleName: str) -> dict:
    return {"archiveRule": _shown(ruleName, _rule(analyzers.found(call, analyzerName), ruleName))}


def ListArchiveRules(call: Call, *, analyzerName: str) -> dict:
    return {"archiveRules": [_shown(name, rule) for name, rule in sorted(analyzers.found(call, analyzerName).rules.items())]}


def ApplyArchiveRule(call: Call, *, analyzerArn: str, ruleName: str, clientToken: str | None = None) -> None:
    """To what has been found already."""
    analyzer = analyzers.of_arn(call, analyzerArn)
    rule = _rule(analyzer, ruleName)
    for each in finding.of(call, analyzer):
        if each.status == "ACTIVE" and filtering.meets(finding.fields(each), rule.filter):
            finding.put(call, each, "ARCHIVED")
