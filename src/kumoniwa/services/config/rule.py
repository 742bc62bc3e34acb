"""Rules: what resources should be like, by which of AWS's rules or which function of the customer's that is judged, and when.

https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws import config_rules
from kumoniwa.gate import organization
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.config import item, managed
from kumoniwa.services.config import recorder as recorders
from kumoniwa.services.config.channel import FREQUENCIES_S, source_arn
from kumoniwa.services.config.errors import (
    InsufficientPermissionsException,
    InvalidParameterValueException,
    MaxNumberOfConfigRulesExceededException,
    NoSuchConfigRuleException,
)
from kumoniwa.services.config.item import Item
from kumoniwa.services.config.recorder import SERVICE
from kumoniwa.store.rows import Table

RULES_MAX, PAGE = 400, 25
"""https://docs.aws.amazon.com/config/latest/developerguide/configlimits.html"""
DAILY = "TwentyFour_Hours"
SECURITY_HUB = "securityhub.amazonaws.com"
CHANGE, OVERSIZED, SCHEDULE, SNAPSHOT = (
    "ConfigurationItemChangeNotification", "OversizedConfigurationItemChangeNotification", "ScheduledNotification",
    "ConfigurationSnapshotDeliveryCompleted",
)  # fmt: skip
DUE = Table("config_due", "create table if not exists config_due (rule text primary key, at real) without rowid")
"""When each rule is evaluated next against everything."""


class Rule(Record):
    """Shelved by its name."""

    name: str
    id: str
    owner: str
    source: str
    """The identifier of one of AWS's, or the ARN of a function."""
    activated: float
    details: tuple[dict[str, Any], ...] = ()
    scope: dict[str, Any] | None = None
    description: str | None = None
    inputs: str | None = None
    frequency: str | None = None
    modes: tuple[dict[str, Any], ...] | None = None
    created_by: str = ""
    tags: dict[str, str] = {}
    invoked: float | None = None
    failed: float | None = None
    evaluated: float | None = None
    error_code: str = ""
    error: str = ""
    has_begun: bool = False

    @property
    def is_managed(self) -> bool:
        return self.owner == "AWS"

    @property
    def is_set_off_by_changes(self) -> bool:
        if self.is_managed:
            return self.source in managed.CHECKS
        return any(each.get("MessageType") == CHANGE for each in self.details)

    @property
    def period_s(self) -> float | None:
        """How often everything is evaluated; None for a rule that only changes set off."""
        if self.is_managed:
            return FREQUENCIES_S[self.frequency or DAILY] if config_rules.rules()[self.source].is_periodic else None
        scheduled = [each for each in self.details if each.get("MessageType") == SCHEDULE]
        return FREQUENCIES_S[scheduled[0].get("MaximumExecutionFrequency", DAILY)] if scheduled else None

    def covers(self, seen: Item) -> bool:
        """Whether it has a say about a resource."""
        if self.is_managed and seen.type not in config_rules.rules()[self.source].types:
            return False
        scope = self.scope or {}
        if scope.get("ComplianceResourceTypes") and seen.type not in scope["ComplianceResourceTypes"]:
            return False
        if scope.get("ComplianceResourceId") and seen.id != scope["ComplianceResourceId"]:
            return False
        key, value = scope.get("TagKey"), scope.get("TagValue")
        return not key or (key in seen.tags and value in (None, "", seen.tags[key]))


def arn_of(call: Call, rule: Rule) -> str:
    return call.arn(f"config-rule/{f'aws-service-rule/{rule.created_by}/' if rule.created_by else ''}{rule.id}")


def existing(call: Call, name: str) -> Rule:
    found = call.shelf(Rule).get(name)
    if found is None:
        raise NoSuchConfigRuleException(f"The ConfigRule '{name}' provided in the request is invalid. Please check the configRule name")
    return found


def chosen(call: Call, names: list[str] | None) -> list[Rule]:
    return [existing(call, name) for name in names] if names else [call.shelf(Rule)[name] for name in sorted(call.shelf(Rule))]


def note(call: Call, rule: Rule, **changes: Any) -> None:
    """Write down how its evaluation goes, unless it is gone."""
    held = call.shelf(Rule).get(rule.name)
    if held is not None and held.id == rule.id:
        call.shelf(Rule)[rule.name] = changed(held, **changes)


def put_due(call: Call, name: str, at: float) -> None:
    call.rows(DUE).run("insert or replace into config_due values (?, ?)", name, at)
    recorders.wake(call)


# Putting -------------------------------------------------------------------------------------------


def _refuse(text: str) -> None:
    raise InvalidParameterValueException(text)


def _before(call: Call, said: dict[str, Any]) -> Rule | None:
    """The rule that is changed, if there is one. getmoto/moto's test_put_config_rule_update_errors and test_config_rule_errors."""
    name, id_, arn = said.get("ConfigRuleName"), said.get("ConfigRuleId"), said.get("ConfigRuleArn")
    for each in call.shelf(Rule).values():
        if name == each.name or (name is None and (id_ == each.id or arn == arn_of(call, each))):
            return each
    if name is None:
        _refuse("One or more identifiers needs to be provided. Provide Name or Id or Arn")
    if id_ is not None or arn is not None:
        _refuse("ConfigRule Arn and Id can not be specified when creating a new ConfigRule. ConfigRule Arn and Id are populated by AWS Config.")
    return None


def _check_scope(scope: dict[str, Any] | None) -> None:
    """Recorded: getmoto/moto's test_config_rules_scope_errors."""
    if scope is None:
        return
    types, id_, key = scope.get("ComplianceResourceTypes") or [], scope.get("ComplianceResourceId"), scope.get("TagKey")
    if "ServicePrincipals" in scope:
        raise NotImplementedHere("config:PutConfigRule(Scope.ServicePrincipals)")
    if scope.get("TagValue") and not key:
        _refuse("Tag key should not be empty when tag value is provided in scope")
    if key and (types or id_):
        _refuse("Scope cannot be applied to both resource and tag")
    if id_ and len(types) != 1:
        _refuse("A single resourceType should be provided when resourceId is provided in scope")


def read(call: Call, said: dict[str, Any], before: Rule | None) -> Rule:
    """The rule that is said. Raises what AWS refuses it with."""
    state, source = said.get("ConfigRuleState", "ACTIVE"), said["Source"]
    managed.parsed(said.get("InputParameters"))
    if state != "ACTIVE":
        _refuse(f"The ConfigRuleState {state} is invalid.  Only the following values are permitted: ACTIVE")
    modes = said.get("EvaluationModes")
    if modes and any(each.get("Mode") != "DETECTIVE" for each in modes):
        raise NotImplementedHere("proactive evaluation of rules")
    if "RuleEvaluationVisibility" in said:
        raise NotImplementedHere("config:PutConfigRule(ConfigRule.RuleEvaluationVisibility)")
    _check_scope(said.get("Scope"))
    name = said["ConfigRuleName"] if before is None else before.name
    rule = Rule(
        name=name, id=before.id if before is not None else f"config-rule-{call.ids.lower(6)}", owner=source["Owner"],
        source=source.get("SourceIdentifier", ""), details=tuple(source.get("SourceDetails") or ()), scope=said.get("Scope"),
        description=said.get("Description"), inputs=said.get("InputParameters"), frequency=said.get("MaximumExecutionFrequency"),
        modes=tuple(modes) if modes else None, activated=before.activated if before is not None else call.now(),
        tags=before.tags if before is not None else {}, created_by=before.created_by if before is not None else "",
        has_begun=before is not None and before.has_begun,
    )  # fmt: skip
    {"AWS": _check_managed, "CUSTOM_LAMBDA": _check_custom, "CUSTOM_POLICY": _check_policy}[rule.owner](rule, source)
    return rule


_DETAILS = "SourceDetails should be null/empty if the owner is AWS. SourceDetails should be provided if the owner is CUSTOM_LAMBDA"


def _check_managed(rule: Rule, source: dict[str, Any]) -> None:
    if rule.details:
        _refuse(_DETAILS)
    if "CustomPolicyDetails" in source:
        _refuse("CustomPolicyDetails should be null/empty if the owner is AWS.")
    kind = managed.existing(rule.source)
    managed.given(kind, rule.inputs)
    if rule.frequency is not None and not kind.is_periodic:
        _refuse("A maximum execution frequency is not allowed if the rule is triggered by changes only.")


def _check_policy(rule: Rule, source: dict[str, Any]) -> None:
    raise NotImplementedHere("custom policy rules in the language of Guard")


def _check_custom(rule: Rule, source: dict[str, Any]) -> None:
    if "CustomPolicyDetails" in source:
        _refuse("CustomPolicyDetails should be null/empty if the owner is CUSTOM_LAMBDA.")
    if not rule.source:
        _refuse("The ARN of the function must be given as SourceIdentifier if the owner is CUSTOM_LAMBDA.")
    if not rule.details:
        _refuse(_DETAILS)
    if rule.frequency is not None and not any(each.get("MessageType") == SNAPSHOT for each in rule.details):
        _refuse("A maximum execution frequency of a custom rule belongs to its SourceDetails.")
    for each in rule.details:
        kind = each.get("MessageType")
        if each.get("EventSource", "aws.config") != "aws.config" or kind is None:
            _refuse("SourceDetails must have EventSource aws.config and a MessageType.")
        if kind == SNAPSHOT:
            raise NotImplementedHere(f"rules set off by {SNAPSHOT}")
        if "MaximumExecutionFrequency" in each and kind != SCHEDULE:
            _refuse(f"A maximum execution frequency is not allowed if MessageType is {CHANGE} or {OVERSIZED}")


async def check_function(call: Call, rule: Rule) -> None:
    """Whether Config may call the function; it is not run. https://repost.aws/knowledge-center/config-service-error-cannot-be-invoked"""
    parsed = arns.parse(rule.source)
    try:
        if parsed is None or parsed.service != "lambda":
            raise InvalidParameterValueException("no ARN of a function")
        await as_ourselves(call).ask("lambda:Invoke", to_region=parsed.region, FunctionName=rule.source, InvocationType="DryRun")
    except AwsError as error:
        raise InsufficientPermissionsException(
            f"The AWS Lambda function {rule.source} cannot be invoked. Check the specified function ARN, and check the function's permissions.",
            hint=f"Let {SERVICE} lambda:InvokeFunction by aws lambda add-permission. {error.text}",
        ) from None


def as_ourselves(call: Call) -> Call:
    return call.acting(SERVICE, **{"aws:SourceAccount": call.account, "aws:SourceArn": source_arn(call)})


def keep(call: Call, rule: Rule) -> None:
    """Put it on its shelf, and evaluate everything as soon as can be."""
    call.shelf(Rule)[rule.name] = rule
    put_due(call, rule.name, call.now())


def linked_service(call: Call) -> str:
    """The service as whose service-linked role somebody asks, empty if he does not: what it puts is a rule of its own."""
    return call.principal.held_by if organization.is_service_linked(call.principal) else ""


async def PutConfigRule(call: Call, *, ConfigRule: dict[str, Any], Tags: list[dict[str, str]] | None = None) -> None:
    if "CreatedBy" in ConfigRule:
        _refuse("AWS Config populates the CreatedBy field for ServiceLinkedConfigRule. Try again without populating the CreatedBy field")
    before = _before(call, ConfigRule)
    if before is not None and before.created_by != linked_service(call):
        raise InsufficientPermissionsException(f"The config rule {before.name} is a service-linked rule, and only its service changes it.")
    rule = read(call, ConfigRule, before)
    recorders.must_exist(call, "Configuration recorder is not available to put config rule.")
    if not linked_service(call):
        check_room(call, rule.name, 1 if before is None else 0)
    if before is None:
        rule = changed(rule, tags=recorders.tags_said(Tags), created_by=linked_service(call))
    if not rule.is_managed:
        await check_function(call, rule)
    call.atomically(lambda: keep(call, rule))


def check_room(call: Call, name: str, more: int) -> None:
    """Rules of Security Hub do not count: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-standards-awsconfigrules.html"""
    if sum(each.created_by != SECURITY_HUB for each in call.shelf(Rule).values()) + more > RULES_MAX:
        raise MaxNumberOfConfigRulesExceededException(
            f"Failed to put config rule '{name}' because the maximum number of config rules: {RULES_MAX} is reached."
        )


# Looking -------------------------------------------------------------------------------------------


def DescribeConfigRules(
    call: Call, *, ConfigRuleNames: list[str] | None = None, Filters: dict[str, Any] | None = None, NextToken: str | None = None
) -> dict:
    """Twenty-five a page, as getmoto/moto's test_describe_config_rules has it of AWS."""
    if (Filters or {}).get("EvaluationMode", "DETECTIVE") != "DETECTIVE":
        return {"ConfigRules": []}
    if "RuleEvaluationVisibility" in (Filters or {}):
        raise NotImplementedHere("config:DescribeConfigRules(Filters.RuleEvaluationVisibility)")
    found, token = item.page(chosen(call, ConfigRuleNames), None, NextToken, unasked=PAGE)
    return item.with_token({"ConfigRules": [shown(call, each) for each in found]}, token, "NextToken")


def shown(call: Call, rule: Rule) -> dict[str, Any]:
    source = {"Owner": rule.owner, "SourceIdentifier": rule.source, "SourceDetails": list(rule.details) or None}
    told = {
        "ConfigRuleName": rule.name, "ConfigRuleArn": arn_of(call, rule), "ConfigRuleId": rule.id, "Description": rule.description,
        "Scope": rule.scope,
        "Source": {name: value for name, value in source.items() if value is not None}, "InputParameters": rule.inputs,
        "MaximumExecutionFrequency": rule.frequency, "ConfigRuleState": "ACTIVE", "CreatedBy": rule.created_by or None,
        "EvaluationModes": list(rule.modes) if rule.modes else [{"Mode": "DETECTIVE"}],
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def DescribeConfigRuleEvaluationStatus(call: Call, *, ConfigRuleNames: list[str] | None = None) -> dict:
    listed = []
    for each in chosen(call, ConfigRuleNames):
        told = {
            "ConfigRuleName": each.name, "ConfigRuleArn": arn_of(call, each), "ConfigRuleId": each.id,
            "LastSuccessfulInvocationTime": each.invoked, "LastFailedInvocationTime": each.failed, "LastSuccessfulEvaluationTime": each.evaluated,
            "LastFailedEvaluationTime": each.failed, "FirstActivatedTime": each.activated, "LastErrorCode": each.error_code or None,
            "LastErrorMessage": each.error or None, "FirstEvaluationStarted": each.has_begun,
        }  # fmt: skip
        listed.append({name: value for name, value in told.items() if value is not None})
    return {"ConfigRulesEvaluationStatus": listed}
