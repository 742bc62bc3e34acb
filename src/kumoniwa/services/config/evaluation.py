"""Evaluation: rules are put to resources, when these change, when a time comes, or when somebody asks; verdicts are kept, and told when they
are new.

AWS's rules that judge by a configuration item do so in the commit of that item, so that no kill comes between. What a customer's function
is to judge is promised to it, with a token by which it puts its evaluations.
https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html
"""

from __future__ import annotations

import traceback
from functools import partial
from typing import Any

import msgspec
import orjson

from kumoniwa.aws import config_rules
from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.config import bill, channel, item, managed, remediation, result
from kumoniwa.services.config import recorder as recorders
from kumoniwa.services.config import rule as rules
from kumoniwa.services.config.delivery import notify
from kumoniwa.services.config.errors import (
    InvalidParameterValueException,
    InvalidResultTokenException,
    ResourceInUseException,
)
from kumoniwa.services.config.item import DELETED, Item
from kumoniwa.services.config.resource import Reader, Unseen
from kumoniwa.services.config.rule import CHANGE, DUE, SCHEDULE, Rule
from kumoniwa.services.config.verdict import NOT_APPLICABLE, Judged, Surveyor, Verdict
from kumoniwa.wire import timestamps

EVALUATIONS_MAX = 100
RETRIES = {"MaximumRetryAttempts": 5, "MaximumEventAgeInSeconds": 3_600}
TOKENS_KEPT_S = 86_400.0


class Token(Record):
    """What a function was asked; shelved by the token by which it answers."""

    rule: str
    rule_id: str
    invoked: float


class Question(msgspec.Struct, array_like=True):
    """An event for the function of a rule."""

    rule: str
    body: str
    token: str


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Question).decode


# Set off by changes --------------------------------------------------------------------------------


def changed(call: Call, news: Item) -> None:
    """Put every rule that changes set off to a resource of which there is a new item."""
    before = item.before_last(call, news)
    for rule in list(call.shelf(Rule).values()):
        if not rule.is_set_off_by_changes:
            if news.status == DELETED:
                result.drop(call, rule.name, news.type, news.id)
            continue
        is_covered = rule.covers(news) and news.status != DELETED
        has_left = not is_covered and before is not None and rule.covers(before)
        if rule.is_managed:
            if is_covered:
                _judge(call, rule, news)
            elif has_left or news.status == DELETED:
                result.drop(call, rule.name, news.type, news.id)
        elif is_covered or has_left:
            _ask(call, rule, {"configurationItemDiff": None, "configurationItem": item.told(call, news), "messageType": CHANGE}, has_left=has_left)


def _judge(call: Call, rule: Rule, each: Item) -> None:
    """One resource by one of AWS's rules. A defect of ours fails the rule that it meets, and no other."""
    now = call.now()
    kind = config_rules.rules()[rule.source]
    try:
        verdict = managed.CHECKS[rule.source](call, each, managed.given(kind, rule.inputs))
    except Exception as error:
        traceback.print_exception(error)
        rules.note(call, rule, failed=now, error_code="InternalError", error="An internal error has occurred", has_begun=True)
        return
    keep(call, rule, Judged(each.type, each.id, verdict), invoked=now, ordering=each.captured)
    rules.note(call, rule, invoked=now, evaluated=now, error_code="", error="", has_begun=True)


# Set off by time, or by somebody -------------------------------------------------------------------


async def evaluate_due(call: Call) -> float:
    """Put the rules whose time has come to everything. Answers when the next one has its."""
    idle = call.now() + TOKENS_KEPT_S
    for (name,) in call.rows(DUE).all("select rule from config_due where at <= ? order by at", call.now()):
        rule = call.shelf(Rule).get(name)
        if rule is not None:
            await _evaluate(call, rule)
        call.atomically(partial(_plan, call, name))
    return call.rows(DUE).one("select min(at) from config_due")[0] or idle


def _plan(call: Call, name: str) -> None:
    rule = call.shelf(Rule).get(name)
    if rule is None or rule.period_s is None:
        call.rows(DUE).run("delete from config_due where rule = ? and at <= ?", name, call.now())
    else:
        call.rows(DUE).run("update config_due set at = ? where rule = ? and at <= ?", call.now() + rule.period_s, name, call.now())


async def _evaluate(call: Call, rule: Rule) -> None:
    _tell_begun(call, rule)
    if not rule.is_managed:
        call.atomically(partial(_ask_all, call, rule))
    elif rule.source in managed.CHECKS:
        call.atomically(partial(_judge_all, call, rule))
    else:
        await _survey(call, rule)


def _tell_begun(call: Call, rule: Rule) -> None:
    """https://docs.aws.amazon.com/config/latest/developerguide/config-rules-evaluation-started.html"""
    told = {
        "awsAccountId": call.account, "awsRegion": call.region, "configRuleNames": [rule.name],
        "notificationCreationTime": timestamps.to_millisecond(call.now()), "messageType": "ConfigRulesEvaluationStarted", "recordVersion": "1.0",
    }  # fmt: skip
    notify(call, f"Config Rules Evaluation Started for Account {call.account}", told)
    call.tell("Config Rules Re-evaluation Status", {**told, "resources": []})


def _judge_all(call: Call, rule: Rule) -> None:
    covered = set()
    for each in item.standing(call, config_rules.rules()[rule.source].types):
        if rule.covers(each):
            covered.add((each.type, each.id))
            _judge(call, rule, each)
    result.drop_others(call, rule.name, covered)
    rules.note(call, rule, has_begun=True)


def _ask_all(call: Call, rule: Rule) -> None:
    """A function that changes set off is asked about each resource, and one that has its time is asked once."""
    if rule.is_set_off_by_changes:
        for each in item.standing(call):
            if rule.covers(each):
                _ask(call, rule, {"configurationItemDiff": None, "configurationItem": item.told(call, each), "messageType": CHANGE})
    if rule.period_s is not None:
        told = {
            "awsAccountId": call.account, "notificationCreationTime": timestamps.to_millisecond(call.now()), "messageType": SCHEDULE,
            "recordVersion": "1.0",
        }  # fmt: skip
        _ask(call, rule, told)


async def _survey(call: Call, rule: Rule) -> None:
    """Let a rule look around as the recorder's role. What it no longer finds it no longer judges."""
    now, held = call.now(), recorders.held(call)
    if held is None:
        return
    try:
        reader = Reader(channel.as_role(call, held.role))
        judged = await managed.SURVEYS[rule.source](Surveyor(call, reader), managed.given(config_rules.rules()[rule.source], rule.inputs))
    except Unseen as unseen:
        rules.note(call, rule, failed=now, error_code=unseen.error.code, error=f"{unseen.operation}: {unseen.error.text}", has_begun=True)
        return
    except AwsError as error:
        rules.note(call, rule, failed=now, error_code=error.code, error=error.text, has_begun=True)
        return
    scope = rule.scope or {}
    judged = [each for each in judged if not scope.get("ComplianceResourceId") or each.id == scope["ComplianceResourceId"]]
    call.atomically(partial(_keep_all, call, rule, judged, now))


def _keep_all(call: Call, rule: Rule, judged: list[Judged], invoked: float) -> None:
    for each in judged:
        keep(call, rule, each, invoked=invoked, ordering=invoked)
    result.drop_others(call, rule.name, {(each.type, each.id) for each in judged})
    rules.note(call, rule, invoked=invoked, evaluated=call.now(), error_code="", error="", has_begun=True)


def StartConfigRulesEvaluation(call: Call, *, ConfigRuleNames: list[str] | None = None) -> dict:
    for name in dict.fromkeys(ConfigRuleNames or ()):
        rules.existing(call, name)
        rules.put_due(call, name, call.now())
    return {}


# Verdicts ------------------------------------------------------------------------------------------


def keep(call: Call, rule: Rule, judged: Judged, *, invoked: float, ordering: float) -> None:
    """Keep a verdict, tell it if it is new, and let it be made right."""
    if judged.verdict.compliance == NOT_APPLICABLE:
        result.drop(call, rule.name, judged.type, judged.id)
        return
    before = result.of(call, rule.name, judged.type, judged.id)
    if before is not None and before.ordering > ordering:
        return
    now = result.Result(
        rule.name, judged.type, judged.id, judged.verdict.compliance, judged.verdict.annotation, ordering, invoked, call.now(),
        before.since if before is not None and before.compliance == judged.verdict.compliance else call.now(),
    )  # fmt: skip
    result.put(call, now)
    bill.evaluated(call, rule)
    if before is None or before.compliance != now.compliance:
        _tell_verdict(call, rule, before, now)
    remediation.heard(call, rule, now)


def _tell_verdict(call: Call, rule: Rule, before: result.Result | None, now: result.Result) -> None:
    """https://docs.aws.amazon.com/config/latest/developerguide/example-config-rule-compliance-notification.html"""
    told = {
        "awsAccountId": call.account, "configRuleName": rule.name, "configRuleARN": rules.arn_of(call, rule), "resourceType": now.type,
        "resourceId": now.id, "awsRegion": call.region, "newEvaluationResult": _told(now), "oldEvaluationResult": _told(before) if before else None,
        "notificationCreationTime": timestamps.to_millisecond(call.now()), "messageType": "ComplianceChangeNotification", "recordVersion": "1.0",
    }  # fmt: skip
    notify(call, f"{now.type} {now.id} is {now.compliance} with {rule.name} in Account {call.account}", told)
    call.tell("Config Rules Compliance Change", {**{name: value for name, value in told.items() if value is not None}, "resources": []})


def _told(each: result.Result) -> dict[str, Any]:
    qualifier = {"configRuleName": each.rule, "resourceType": each.type, "resourceId": each.id, "evaluationMode": "DETECTIVE"}
    return {
        "evaluationResultIdentifier": {"evaluationResultQualifier": qualifier, "orderingTimestamp": timestamps.to_millisecond(each.ordering)},
        "complianceType": each.compliance, "resultRecordedTime": timestamps.to_millisecond(each.recorded),
        "configRuleInvokedTime": timestamps.to_millisecond(each.invoked), "annotation": each.annotation or None, "resultToken": None,
    }  # fmt: skip


# Functions of customers ----------------------------------------------------------------------------


def _ask(call: Call, rule: Rule, invoking: dict[str, Any], *, has_left: bool = False) -> None:
    """Promise an event to the rule's function."""
    token, held = call.ids.secret(64), recorders.held(call)
    call.shelf(Token)[token] = Token(rule=rule.name, rule_id=rule.id, invoked=call.now())
    event = {
        "version": "1.0", "invokingEvent": orjson.dumps(invoking).decode(), "ruleParameters": rule.inputs or "{}", "resultToken": token,
        "eventLeftScope": has_left, "executionRoleArn": held.role if held is not None else "", "configRuleArn": rules.arn_of(call, rule),
        "configRuleName": rule.name, "configRuleId": rule.id, "accountId": call.account, "evaluationMode": "DETECTIVE",
    }  # fmt: skip
    QUESTIONS.put(call, _encode(Question(rule.name, orjson.dumps(event).decode(), token)))


async def _invoke(call: Call, delivery: Delivery) -> float | None:
    question = _decode(delivery.body)
    rule, now = call.shelf(Rule).get(question.rule), call.now()
    if rule is None or question.token not in call.shelf(Token):
        return None
    try:
        await rules.as_ourselves(call).ask(
            "lambda:Invoke", to_region=arns.parse(rule.source).region, once=delivery.token, FunctionName=rule.source, InvocationType="Event",
            Payload=question.body.encode(),
        )  # fmt: skip
    except AwsError as error:
        rules.note(call, rule, failed=now, error_code=error.code, error=error.text, has_begun=True)
        wait_s = patience.pause(RETRIES, delivery, now, delivery.born, call.ids.random)[0] if patience.is_passing(error) else 0.0
        return wait_s or None
    rules.note(call, rule, invoked=now, has_begun=True)
    return None


QUESTIONS = Outbox("config", _invoke, kind="question")


def forget_tokens(call: Call) -> None:
    for token in [token for token, each in call.shelf(Token).items() if each.invoked < call.now() - TOKENS_KEPT_S]:
        del call.shelf(Token)[token]


def PutEvaluations(
    call: Call, *, ResultToken: str, Evaluations: list[dict[str, Any]] | None = None, TestMode: bool | None = None
) -> dict:
    """``TestMode`` looks at what is sent and keeps none of it."""
    if not Evaluations:
        raise InvalidParameterValueException("The Evaluations object in your request cannot be null. Add the required parameters and try again.")
    if len(Evaluations) > EVALUATIONS_MAX:
        raise InvalidParameterValueException(f"More than {EVALUATIONS_MAX} evaluations.")
    if not ResultToken:
        raise InvalidResultTokenException("The resultToken provided is invalid")
    if TestMode:
        return {"FailedEvaluations": []}
    token = call.shelf(Token).get(ResultToken)
    if token is None:
        raise InvalidResultTokenException("The resultToken provided is invalid")
    rule = rules.existing(call, token.rule)
    if rule.id != token.rule_id:
        raise InvalidResultTokenException("The resultToken provided is invalid")
    for each in Evaluations:
        verdict = Verdict(each["ComplianceType"], each.get("Annotation", ""))
        judged = Judged(each["ComplianceResourceType"], each["ComplianceResourceId"], verdict)
        keep(call, rule, judged, invoked=token.invoked, ordering=each["OrderingTimestamp"])
    rules.note(call, rule, evaluated=call.now(), error_code="", error="")
    return {"FailedEvaluations": []}


# Forgetting ----------------------------------------------------------------------------------------


def DeleteEvaluationResults(call: Call, *, ConfigRuleName: str) -> dict:
    result.drop_all(call, rules.existing(call, ConfigRuleName).name)
    return {}


def drop_rule(call: Call, rule: Rule) -> None:
    result.drop_all(call, rule.name)
    call.rows(DUE).run("delete from config_due where rule = ?", rule.name)
    del call.shelf(Rule)[rule.name]


def DeleteConfigRule(call: Call, *, ConfigRuleName: str) -> None:
    rule = rules.existing(call, ConfigRuleName)
    if rule.created_by and rule.created_by != rules.linked_service(call):
        raise ResourceInUseException(f"The config rule {rule.name} is a service-linked rule, and only its service deletes it.")
    if remediation.of(call, rule.name) is not None:
        raise ResourceInUseException(
            f"The config rule '{rule.name}' has a remediation action associated with it. Delete the remediation action and try again."
        )
    drop_rule(call, rule)


