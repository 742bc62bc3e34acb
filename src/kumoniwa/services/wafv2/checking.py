"""What rules must be: whole, where they stand, and of what can be done here.

https://docs.aws.amazon.com/waf/latest/APIReference/API_Statement.html and the types it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from kumoniwa.engines import automaton
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages.firewall import capacity, field, managed, rate, transformation
from kumoniwa.languages.firewall.rule import GROUP, GROUPS
from kumoniwa.languages.firewall.statement import KINDS
from kumoniwa.services.wafv2 import part
from kumoniwa.services.wafv2.errors import (
    EXACTLY_ONE,
    NESTED,
    REFERENCE,
    TOO_LOW,
    WAFInvalidParameterException,
    WAFLimitsExceededException,
    WAFNonexistentItemException,
)
from kumoniwa.services.wafv2.scope import CLOUDFRONT

SEARCH_BYTES_MAX, REGEX_CHARACTERS_MAX = 200, 512
"""https://docs.aws.amazon.com/waf/latest/developerguide/limits.html"""
LABELS_MAX = 10
WINDOWS_S = (60, 120, 300, 600)
RESERVED = frozenset(("awswaf", "aws", "waf", "rulegroup", "webacl", "regexpatternset", "ipset", "managed"))
"""https://docs.aws.amazon.com/waf/latest/APIReference/API_Label.html"""
_REFERRED = {GROUP: "rulegroup", "IPSetReferenceStatement": "ipset", "RegexPatternSetReferenceStatement": "regexpatternset"}
_UNTOLD = {
    "AsnMatchStatement": "AsnMatchStatement: there is no map from addresses to autonomous systems here",
}


class Standing(NamedTuple):
    """Where a statement stands."""

    call: Call
    scope: str
    is_in_group: bool
    bodies: dict[str, Any]
    """Custom response bodies that actions may name."""
    is_nested: bool = False


def wrong(reason: str, name: str, parameter: str, hint: str = "") -> WAFInvalidParameterException:
    return WAFInvalidParameterException.of(reason, name, parameter, hint=hint)


def _only(said: dict[str, Any], name: str, parameter: str) -> str:
    """The one member of a structure that must have exactly one."""
    if len(said) != 1:
        raise wrong(EXACTLY_ONE, name, parameter, f"{parameter} has {', '.join(said) or 'nothing'}.")
    return next(iter(said))


def check_rules(call: Call, scope: str, rules: list[dict[str, Any]], bodies: dict[str, Any], *, is_in_group: bool = False) -> int:
    """What the rules cost. Raises what AWS answers to rules that it does not take."""
    for member in ("Name", "Priority"):
        if len({rule[member] for rule in rules}) < len(rules):
            raise wrong("Some of your rules have the same name or priority.", "RULE", "Rules", f"Give every rule a {member} of its own.")
    if len({rule["VisibilityConfig"]["MetricName"] for rule in rules}) < len(rules):
        raise wrong("Some of your rules have the same metric name.", "METRIC_NAME", "MetricName")
    for rule in rules:
        _check_rule(Standing(call, scope, is_in_group, bodies), rule)
    return capacity.of_rules(rules, lambda arn: part.by_arn(call, arn).document["Capacity"])


def _check_rule(standing: Standing, rule: dict[str, Any]) -> None:
    kind = _only(rule["Statement"], "STATEMENT", "Statement")
    check_statement(standing, rule["Statement"])
    if ("Action" in rule) == ("OverrideAction" in rule) or (kind in GROUPS) != ("OverrideAction" in rule):
        raise wrong(
            EXACTLY_ONE, "RULE", "Rule", "A rule with a rule group has an OverrideAction, every other rule an Action, and no rule both."
        )
    if "Action" in rule:
        check_action(rule["Action"], standing.bodies)
    else:
        _only(rule["OverrideAction"], "OVERRIDE_ACTION", "OverrideAction")
    labels = rule.get("RuleLabels") or ()
    if labels and kind in GROUPS:
        # https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-label-add.html; no source has the words of it.
        raise wrong("The statement doesn't take labels.", "RULE", "RuleLabels", "The rules of the group give the labels.")
    if len(labels) > LABELS_MAX:
        raise WAFLimitsExceededException
    for label in labels:
        if RESERVED & set(label["Name"].split(":")[:1]) or label["Name"].endswith(":"):
            raise wrong(
                "The parameter contains formatting that is not valid.",
                "RULE_LABELS",
                label["Name"],
                f"{', '.join(sorted(RESERVED))} are reserved.",
            )


def check_action(action: dict[str, Any], bodies: dict[str, Any], name: str = "RULE_ACTION", parameter: str = "RuleAction") -> None:
    kind = _only(action, name, parameter)
    if kind in ("Captcha", "Challenge", "Monetize"):
        raise NotImplementedHere(f"the action {kind} of wafv2")
    response = action[kind].get("CustomResponse") or {}
    key = response.get("CustomResponseBodyKey")
    if key is not None and key not in bodies:
        raise wrong("The referenced custom response body doesn't exist.", "CUSTOM_RESPONSE_BODY_KEY", key)
    for header in response.get("ResponseHeaders") or ():
        if header["Name"].lower() == "content-type" and key is not None:
            raise wrong(
                "The header name is not valid.",
                "CUSTOM_RESPONSE_HEADER",
                header["Name"],
                "A response with a body has its body's content type.",
            )


# Statements -----------------------------------------------------------------------------------------------------


def check_statement(standing: Standing, statement: dict[str, Any]) -> None:
    kind = _only(statement, "STATEMENT", "Statement")
    if kind in _UNTOLD:
        raise NotImplementedHere(f"wafv2 {_UNTOLD[kind]}")
    said = statement[kind]
    if kind in _REFERRED:
        check_reference(standing, _REFERRED[kind], said["ARN"])
    if kind in GROUPS:
        if standing.is_nested or standing.is_in_group:
            raise wrong(NESTED, "STATEMENT", kind, "A rule group stands in a rule of a web ACL alone.")
        (_check_group if kind == GROUP else _check_managed)(standing, said)
        return
    if kind not in KINDS:
        raise NotImplementedHere(f"{kind} of wafv2")
    if "PreParseTextTransformations" in said:
        raise NotImplementedHere(f"PreParseTextTransformations of wafv2 {kind}")
    if "FieldToMatch" in said:
        check_field(said["FieldToMatch"], said.get("TextTransformations") or ())
    _CHECKS.get(kind, _pass)(standing._replace(is_nested=True), said, standing.is_nested)


def _pass(standing: Standing, said: dict[str, Any], is_nested: bool) -> None:
    """Whatever the model asks of it is enough."""


def check_reference(standing: Standing, kind: str, text: str) -> None:
    """That it is there, of this kind and scope."""
    arn = arns.parse(text)
    scope = "global" if standing.scope == CLOUDFRONT else "regional"
    if arn is None or arn.service != "wafv2" or not arn.resource.startswith(f"{scope}/{kind}/"):
        raise wrong(REFERENCE, "RULE", "Statement", f"{text} is no {kind} of the scope {standing.scope}.")
    part.by_arn(standing.call, text, kind)


def _check_group(standing: Standing, said: dict[str, Any]) -> None:
    group = part.by_arn(standing.call, said["ARN"]).document
    names = {rule["Name"] for rule in group.get("Rules") or ()}
    overridden = said.get("RuleActionOverrides") or ()
    for name in [each["Name"] for each in (*overridden, *(said.get("ExcludedRules") or ()))]:
        if name not in names:
            raise wrong(REFERENCE, "EXCLUDED_RULE", name, f"The rule group has no rule {name}.")
    for each in overridden:
        check_action(each["ActionToUse"], {**(group.get("CustomResponseBodies") or {}), **standing.bodies})


def managed_group(vendor: str, name: str, version: str | None) -> managed.Group:
    """Raises what AWS answers where there is no such group (https://github.com/trussworks/terraform-aws-wafv2/issues/23)."""
    if vendor == managed.VENDOR and name in managed.NOT_HERE:
        raise NotImplementedHere(f"the managed rule group {name} of wafv2: {managed.NOT_HERE[name]}")
    group = managed.GROUPS.get(name) if vendor == managed.VENDOR else None
    if group is None:
        raise WAFNonexistentItemException(f"ManagedRules with name {name} by vendor {vendor} does not exist. Please check your inputs")
    if version not in (None, group.version):
        raise NotImplementedHere(f"the version {version} of the managed rule group {name} of wafv2, which has {group.version} here")
    if not automaton.is_here():
        raise NotImplementedHere(automaton.MISSING)
    return group


def _check_managed(standing: Standing, said: dict[str, Any]) -> None:
    """Overrides of rules that are not there do nothing, as on AWS:
    https://docs.aws.amazon.com/waf/latest/APIReference/API_ManagedRuleGroupStatement.html"""
    managed_group(said["VendorName"], said["Name"], said.get("Version"))
    if said.get("ManagedRuleGroupConfigs"):
        raise NotImplementedHere(f"ManagedRuleGroupConfigs of the managed rule group {said['Name']} of wafv2")
    for each in said.get("RuleActionOverrides") or ():
        check_action(each["ActionToUse"], standing.bodies)
    if "ScopeDownStatement" in said:
        check_statement(standing._replace(is_nested=True), said["ScopeDownStatement"])


def check_field(said: dict[str, Any], transformations: Iterable[dict[str, Any]]) -> None:
    kind = _only(said, "FIELD_TO_MATCH", "FieldToMatch")
    if kind not in field.KINDS:
        raise NotImplementedHere(f"the FieldToMatch {kind} of wafv2")
    if "MatchPattern" in said[kind]:
        name = {"JsonBody": "JSON_MATCH_PATTERN", "Headers": "HEADER_MATCH_PATTERN"}.get(kind, "COOKIE_MATCH_PATTERN")
        _only(said[kind]["MatchPattern"], name, "MatchPattern")
    _check_transformations(transformations)


def _check_transformations(transformations: Iterable[dict[str, Any]]) -> None:
    priorities = [each["Priority"] for each in transformations]
    if len(set(priorities)) < len(priorities):
        raise wrong("The priorities of text transformations must all be different.", "TEXT_TRANSFORMATION", "Priority")
    for each in transformations:
        if each["Type"] not in transformation.TRANSFORMS:
            raise NotImplementedHere(f"the text transformation {each['Type']} of wafv2")


def check_regex(pattern: str) -> None:
    if not pattern or len(pattern) > REGEX_CHARACTERS_MAX:
        raise wrong("The parameter contains formatting that is not valid.", "REGEX_PATTERN", "RegexString", "An expression has 1 to 512 characters.")
    if not automaton.is_here():
        raise NotImplementedHere(automaton.MISSING)
    try:
        automaton.searcher(pattern)
    except automaton.InvalidPattern as error:
        if "repetition size" in str(error):
            raise NotImplementedHere("regular expressions of wafv2 that repeat more than 1,000 times") from None
        raise wrong("The regular expression is not valid.", "REGEX_PATTERN", pattern, str(error)) from None


def _check_bytes(standing: Standing, said: dict[str, Any], is_nested: bool) -> None:
    if not said["SearchString"]:
        raise wrong("The parameter is empty.", "BYTE_MATCH_STATEMENT", "SearchString")
    if len(said["SearchString"]) > SEARCH_BYTES_MAX:
        raise WAFLimitsExceededException
    if said["PositionalConstraint"] == "CONTAINS_WORD" and not all(chr(each).isalnum() and each < 128 or each == 95 for each in said["SearchString"]):
        raise wrong(
            "The parameter contains formatting that is not valid.",
            "BYTE_MATCH_STATEMENT",
            "SearchString",
            "A word has letters, digits and _ only.",
        )


def _check_regex(standing: Standing, said: dict[str, Any], is_nested: bool) -> None:
    check_regex(said["RegexString"])


def _check_sql(standing: Standing, said: dict[str, Any], is_nested: bool) -> None:
    if said.get("SensitivityLevel") == "HIGH" and not automaton.is_here():
        raise NotImplementedHere(automaton.MISSING)


def _check_place(standing: Standing, said: dict[str, Any], is_nested: bool) -> None:
    if not said.get("CountryCodes"):
        raise wrong(TOO_LOW, "GEO_MATCH_STATEMENT", "CountryCodes")


def _check_rate(standing: Standing, said: dict[str, Any], is_nested: bool) -> None:
    if is_nested:
        raise wrong(NESTED, "STATEMENT", "RateBasedStatement", "A rate-based statement stands at the top of a rule.")
    kind, keys = said["AggregateKeyType"], said.get("CustomKeys") or ()
    if said.get("EvaluationWindowSec", rate.WINDOW_S) not in WINDOWS_S:
        raise wrong("The parameter is not valid.", "RATE_BASED_STATEMENT", "EvaluationWindowSec", f"It is one of {', '.join(map(str, WINDOWS_S))}.")
    if (kind == "CUSTOM_KEYS") != bool(keys):
        raise wrong(EXACTLY_ONE, "RATE_BASED_STATEMENT", "CustomKeys", "CustomKeys belong to the AggregateKeyType CUSTOM_KEYS, and it to them.")
    needs_header = kind == "FORWARDED_IP" or any("ForwardedIP" in each for each in keys)
    if needs_header != ("ForwardedIPConfig" in said):
        raise wrong(EXACTLY_ONE, "FORWARDED_IP_CONFIG", "ForwardedIPConfig", "It belongs to keys that are forwarded addresses, and they to it.")
    if kind == "CONSTANT" and "ScopeDownStatement" not in said:
        raise wrong(EXACTLY_ONE, "RATE_BASED_STATEMENT", "ScopeDownStatement", "To count all requests together needs a statement that says which.")
    for key in keys:
        name = _only(key, "CUSTOM_KEY", "CustomKeys")
        if name not in rate.KINDS:
            raise NotImplementedHere(f"the custom key {name} of wafv2 RateBasedStatement")
        _check_transformations(key[name].get("TextTransformations") or ())
    if len(keys) == 1 and {"IP", "ForwardedIP"} & set(keys[0]):
        raise wrong("The parameter is not valid.", "CUSTOM_KEY", "CustomKeys", "An address alone is the AggregateKeyType IP or FORWARDED_IP.")
    if "ScopeDownStatement" in said:
        check_statement(standing, said["ScopeDownStatement"])


def _check_several(standing: Standing, said: dict[str, Any], is_nested: bool) -> None:
    if len(said["Statements"]) < 2:
        raise wrong(TOO_LOW, "STATEMENT", "Statements")
    for each in said["Statements"]:
        check_statement(standing, each)


def _check_not(standing: Standing, said: dict[str, Any], is_nested: bool) -> None:
    check_statement(standing, said["Statement"])


_CHECKS = {
    "ByteMatchStatement": _check_bytes,
    "RegexMatchStatement": _check_regex,
    "GeoMatchStatement": _check_place,
    "SqliMatchStatement": _check_sql,
    "RateBasedStatement": _check_rate,
    "AndStatement": _check_several,
    "OrStatement": _check_several,
    "NotStatement": _check_not,
}


def labels_of(rules: Iterable[dict[str, Any]], namespace: str) -> Iterator[str]:
    """In full, the labels that rules give."""
    for rule in rules:
        for label in rule.get("RuleLabels") or ():
            yield namespace + label["Name"]


