"""Receipt rules: what is done with mail that comes in, kept in sets of which one is active.

``reception`` does it. Rules stand in the order in which they are tried.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ses import account
from kumoniwa.services.ses.errors import (
    AlreadyExistsException,
    CannotDeleteException,
    InvalidLambdaFunctionException,
    InvalidParameterValue,
    InvalidS3ConfigurationException,
    InvalidSnsTopicException,
    LimitExceededException,
    RuleDoesNotExistException,
    RuleSetDoesNotExistException,
)

SERVICE = "ses.amazonaws.com"
SETS_MAX, RULES_MAX, ACTIONS_MAX = 40, 200, 10
# https://docs.aws.amazon.com/ses/latest/dg/quotas.html
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")
ELSEWHERE = ("WorkmailAction", "ConnectAction")


class RuleSet(Record):
    """Shelved by its name. Rules are kept as they are said."""

    name: str
    created: float
    rules: tuple[dict[str, Any], ...] = ()


def check_name(member: str, name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise ValidationError(
            f"Value at '{member}' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9_.-]+$"
        )
    if len(name) > 64:
        raise ValidationError(f"Not a valid {member}: {name}")


def existing(call: Call, name: str) -> RuleSet:
    found = call.shelf(RuleSet).get(name)
    if found is None:
        raise RuleSetDoesNotExistException(f"Rule set does not exist: {name}")
    return found


def active(call: Call) -> RuleSet | None:
    return call.shelf(RuleSet).get(account.of(call).active_rules)


def _keep(call: Call, held: RuleSet, rules: list[dict[str, Any]]) -> None:
    call.shelf(RuleSet)[held.name] = changed(held, rules=tuple(rules))


def _place(held: RuleSet, name: str) -> int:
    """Where a rule stands in its set."""
    for n, rule in enumerate(held.rules):
        if rule["Name"] == name:
            return n
    raise RuleDoesNotExistException(f"Rule does not exist: {name}")


def _after(held: RuleSet, name: str | None) -> int:
    return 0 if name is None else _place(held, name) + 1


# Sets ----------------------------------------------------------------------------------------------


def CreateReceiptRuleSet(call: Call, *, RuleSetName: str) -> dict:
    check_name("ruleSetName", RuleSetName)
    _make(call, RuleSetName, ())
    return {}


def _make(call: Call, name: str, rules: tuple[dict[str, Any], ...]) -> None:
    sets = call.shelf(RuleSet)
    if name in sets:
        raise AlreadyExistsException(f"Rule set already exists: {name}")
    if len(sets) >= SETS_MAX:
        raise LimitExceededException(f"An account has at most {SETS_MAX} receipt rule sets.")
    sets[name] = RuleSet(name=name, created=call.now(), rules=rules)


def CloneReceiptRuleSet(call: Call, *, RuleSetName: str, OriginalRuleSetName: str) -> dict:
    check_name("ruleSetName", RuleSetName)
    original = existing(call, OriginalRuleSetName)
    _make(call, RuleSetName, original.rules)
    return {}


def DeleteReceiptRuleSet(call: Call, *, RuleSetName: str) -> dict:
    """To delete what is not there does no harm; the active set cannot be deleted."""
    if account.of(call).active_rules == RuleSetName:
        raise CannotDeleteException(f"Cannot delete active rule set: {RuleSetName}")
    call.shelf(RuleSet).pop(RuleSetName, None)
    return {}


def _told(held: RuleSet) -> dict[str, Any]:
    return {"Metadata": {"Name": held.name, "CreatedTimestamp": held.created}, "Rules": [_shown(rule) for rule in held.rules]}


def _shown(rule: dict[str, Any]) -> dict[str, Any]:
    return {"Enabled": False, "TlsPolicy": "Optional", "Actions": [], "Recipients": [], "ScanEnabled": False, **rule}


def DescribeReceiptRuleSet(call: Call, *, RuleSetName: str) -> dict:
    return _told(existing(call, RuleSetName))


def ListReceiptRuleSets(call: Call) -> dict:
    sets = sorted(call.shelf(RuleSet).values(), key=lambda held: held.name)
    return {"RuleSets": [{"Name": held.name, "CreatedTimestamp": held.created} for held in sets]}


def SetActiveReceiptRuleSet(call: Call, *, RuleSetName: str | None = None) -> dict:
    """Without a name no set is active any more."""
    if RuleSetName:
        existing(call, RuleSetName)
    account.change(call, active_rules=RuleSetName or "")
    return {}


def DescribeActiveReceiptRuleSet(call: Call) -> dict:
    held = active(call)
    return _told(held) if held is not None else {}


def ReorderReceiptRuleSet(call: Call, *, RuleSetName: str, RuleNames: list[str]) -> dict:
    held = existing(call, RuleSetName)
    places = [_place(held, name) for name in RuleNames]
    if sorted(places) != list(range(len(held.rules))):
        raise RuleDoesNotExistException("All rules of the set must be named, each once.")
    _keep(call, held, [held.rules[n] for n in places])
    return {}


# Rules ---------------------------------------------------------------------------------------------


async def CreateReceiptRule(call: Call, *, RuleSetName: str, Rule: dict[str, Any], After: str | None = None) -> dict:
    """Without ``After`` a rule is the first of its set."""
    check_name("ruleSetName", RuleSetName)
    check_name("rule.name", Rule["Name"])
    held = existing(call, RuleSetName)
    if any(rule["Name"] == Rule["Name"] for rule in held.rules):
        raise AlreadyExistsException(f"Rule already exists: {Rule['Name']}")
    if len(held.rules) >= RULES_MAX:
        raise LimitExceededException(f"A rule set has at most {RULES_MAX} rules.")
    _after(held, After)
    await _check_actions(call, Rule)

    def put() -> None:
        now = existing(call, RuleSetName)
        place = _after(now, After)
        _keep(call, now, [*now.rules[:place], Rule, *now.rules[place:]])

    call.atomically(put)
    return {}


async def UpdateReceiptRule(call: Call, *, RuleSetName: str, Rule: dict[str, Any]) -> dict:
    _place(existing(call, RuleSetName), Rule["Name"])
    await _check_actions(call, Rule)

    def put() -> None:
        held = existing(call, RuleSetName)
        place = _place(held, Rule["Name"])
        _keep(call, held, [*held.rules[:place], Rule, *held.rules[place + 1 :]])

    call.atomically(put)
    return {}


def DeleteReceiptRule(call: Call, *, RuleSetName: str, RuleName: str) -> dict:
    """To delete a rule that is not there does no harm."""
    held = existing(call, RuleSetName)
    _keep(call, held, [rule for rule in held.rules if rule["Name"] != RuleName])
    return {}


def DescribeReceiptRule(call: Call, *, RuleSetName: str, RuleName: str) -> dict:
    held = existing(call, RuleSetName)
    return {"Rule": _shown(held.rules[_place(held, RuleName)])}


def SetReceiptRulePosition(call: Call, *, RuleSetName: str, RuleName: str, After: str | None = None) -> dict:
    held = existing(call, RuleSetName)
    rule = held.rules[_place(held, RuleName)]
    rest = changed(held, rules=tuple(each for each in held.rules if each["Name"] != RuleName))
    place = _after(rest, After)
    _keep(call, held, [*rest.rules[:place], rule, *rest.rules[place:]])
    return {}


# Actions -------------------------------------------------------------------------------------------


def kind_of(action: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """``S3Action`` and what it says. Raises InvalidParameterValue."""
    said = [(kind, what) for kind, what in action.items() if what is not None]
    if len(said) != 1:
        raise InvalidParameterValue("Each action must be of exactly one kind.")
    return said[0]


async def _check_actions(call: Call, rule: dict[str, Any]) -> None:
    """What an action names must be there and let SES in, as far as AWS looks: a bucket is written to."""
    actions = rule.get("Actions") or []
    if len(actions) > ACTIONS_MAX:
        raise LimitExceededException(f"A rule has at most {ACTIONS_MAX} actions.")
    owner = call.by_owner()
    for action in actions:
        kind, said = kind_of(action)
        if kind in ELSEWHERE:
            raise NotImplementedHere(f"{kind} of SES's receipt rules")
        if kind == "S3Action":
            await _check_bucket(call, said)
        if kind == "LambdaAction":
            try:
                await owner.ask("lambda:GetFunction", FunctionName=said["FunctionArn"])
            except AwsError:
                raise InvalidLambdaFunctionException(f"Invalid Lambda function: {said['FunctionArn']}") from None
        if said.get("TopicArn"):
            try:
                await owner.ask("sns:GetTopicAttributes", TopicArn=said["TopicArn"])
            except AwsError:
                raise InvalidSnsTopicException(f"Invalid SNS topic: {said['TopicArn']}") from None


async def _check_bucket(call: Call, said: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-s3.html: AMAZON_SES_SETUP_NOTIFICATION is what SES writes there."""
    if said.get("KmsKeyArn"):
        raise NotImplementedHere("KmsKeyArn of SES's S3 action, which encrypts in the client")
    try:
        us = writer(call, said)
    except AwsError:
        raise InvalidParameterValue("Could not assume the provided IAM role") from None
    key = f"{said.get('ObjectKeyPrefix') or ''}AMAZON_SES_SETUP_NOTIFICATION"
    try:
        await us.ask("s3:PutObject", Bucket=said["BucketName"], Key=key, Body=b"Hello from Amazon SES.\n")
    except AwsError as error:
        raise InvalidS3ConfigurationException(f"Could not write to bucket: {said['BucketName']}", hint=error.hint) from None


def writer(call: Call, said: dict[str, Any]) -> Call:
    """Who writes to an action's bucket: the role that it names, or SES itself."""
    if said.get("IamRoleArn"):
        return call.assuming(said["IamRoleArn"], SERVICE, "ses")
    return call.acting(SERVICE, **{"aws:SourceAccount": call.account})
