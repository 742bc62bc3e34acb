"""Remediation: what a rule finds wrong is made right by an automation of Systems Manager, when somebody asks or by itself.

By itself it acts as the service-linked role of remediations, which may start automations and pass their roles to them; for somebody who asks
it acts as that somebody. What cannot be made right is an exception after so many attempts, and left alone until that is taken away.
https://docs.aws.amazon.com/config/latest/developerguide/remediation.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec import convert, to_builtins

from kumoniwa.gate.linked_role import LinkedRole
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.config import item, result
from kumoniwa.services.config import recorder as recorders
from kumoniwa.services.config import rule as rules
from kumoniwa.services.config.channel import as_account
from kumoniwa.services.config.errors import (
    InsufficientPermissionsException,
    InvalidParameterValueException,
    NoSuchRemediationConfigurationException,
    NoSuchRemediationExceptionException,
    RemediationInProgressException,
)
from kumoniwa.services.config.result import Result
from kumoniwa.services.config.rule import Rule
from kumoniwa.services.config.verdict import NON_COMPLIANT

ROLE = LinkedRole("remediation.config.amazonaws.com", "AWSServiceRoleForConfigRemediation")
ATTEMPTS, WINDOW_S = 5, 60
"""Where a configuration does not say: https://docs.aws.amazon.com/config/latest/APIReference/API_RemediationConfiguration.html"""
QUEUED, RUNNING, SUCCEEDED, FAILED = "QUEUED", "IN_PROGRESS", "SUCCEEDED", "FAILED"
LOOKED_EVERY_S, AGAIN_AFTER_S = 1.0, 5.0
KEYS_MAX = 100
ASSUME_ROLE = "AutomationAssumeRole"


class Remediation(Record):
    """Shelved by its rule's name."""

    rule: str
    id: str
    document: str
    version: str | None = None
    parameters: dict[str, Any] = {}
    type: str | None = None
    is_automatic: bool = False
    attempts_max: int | None = None
    window_s: int | None = None
    controls: dict[str, Any] | None = None
    created_by: str = ""


class Execution(Record):
    """One resource being made right, or how that went last; shelved by rule, type and id."""

    rule: str
    type: str
    id: str
    state: str
    invoked: float
    updated: float
    due: float = 0.0
    who: dict[str, Any] | None = None
    """Who asked; None if it began by itself."""
    automation: str = ""
    steps: tuple[dict[str, Any], ...] = ()
    attempts: tuple[float, ...] = ()
    """When it was tried by itself, as far back as the window reaches."""


class Exempt(Record):
    """A resource that is left alone; shelved by rule, type and id."""

    rule: str
    type: str
    id: str
    message: str = ""
    expires: float | None = None


def _key(rule: str, type_: str, id_: str) -> str:
    return f"{rule}|{type_}|{id_}"


def of(call: Call, rule: str) -> Remediation | None:
    return call.shelf(Remediation).get(rule)


def existing(call: Call, rule: str) -> Remediation:
    found = of(call, rule)
    if found is None:
        raise NoSuchRemediationConfigurationException(f"No RemediationConfiguration for rule {rule} exists.")
    return found


def arn_of(call: Call, each: Remediation) -> str:
    service = f"aws-service-remediation-configuration/{each.created_by}/" if each.created_by else ""
    return call.arn(f"remediation-configuration/{service}{each.rule}/{each.id}")


# Beginning -----------------------------------------------------------------------------------------


def heard(call: Call, rule: Rule, verdict: Result) -> None:
    """A rule has said something of a resource: if that is wrong, and is made right by itself, begin."""
    held = of(call, rule.name)
    if held is not None and held.is_automatic and verdict.compliance == NON_COMPLIANT and held.type in (None, verdict.type):
        _begin_by_itself(call, held, verdict.type, verdict.id)


def _begin_by_itself(call: Call, held: Remediation, type_: str, id_: str) -> None:
    key, now = _key(held.rule, type_, id_), call.now()
    before = call.shelf(Execution).get(key)
    if _is_exempt(call, key) or (before is not None and before.state in (QUEUED, RUNNING)):
        return
    window_s, most = held.window_s or WINDOW_S, held.attempts_max or ATTEMPTS
    attempts = tuple(at for at in (before.attempts if before is not None else ()) if at > now - window_s)
    if len(attempts) >= most:
        text = f"Config has put this exception: {most} attempts in {window_s} seconds did not remediate the resource."
        call.shelf(Exempt)[key] = Exempt(rule=held.rule, type=type_, id=id_, message=text)
        return
    call.shelf(Execution)[key] = Execution(rule=held.rule, type=type_, id=id_, state=QUEUED, invoked=now, updated=now, due=now, attempts=attempts)
    recorders.wake(call)


def _is_exempt(call: Call, key: str) -> bool:
    held = call.shelf(Exempt).get(key)
    return held is not None and (held.expires is None or held.expires > call.now())


def StartRemediationExecution(call: Call, *, ConfigRuleName: str, ResourceKeys: list[dict[str, str]]) -> dict:
    held, now, failed = existing(call, ConfigRuleName), call.now(), []
    for each in ResourceKeys:
        key = _key(held.rule, each["resourceType"], each["resourceId"])
        before = call.shelf(Execution).get(key)
        if item.latest(call, each["resourceType"], each["resourceId"]) is None or (before is not None and before.state in (QUEUED, RUNNING)):
            failed.append(each)
            continue
        call.shelf(Execution)[key] = Execution(
            rule=held.rule, type=each["resourceType"], id=each["resourceId"], state=QUEUED, invoked=now, updated=now, due=now,
            who=to_builtins(call.principal),
        )  # fmt: skip
    recorders.wake(call)
    if not failed:
        return {}
    return {"FailureMessage": "The resource is not discovered, or its remediation is in progress.", "FailedItems": failed}


# Going on ------------------------------------------------------------------------------------------


async def go_on(call: Call) -> float:
    """Begin what is queued and look at what runs. Answers when there is something to do next."""
    now = call.now()
    until = now + 3_600.0
    for key, each in list(call.shelf(Execution).items()):
        if each.state in (QUEUED, RUNNING):
            if each.due <= now:
                await _go_on(call, key, each)
            held = call.shelf(Execution).get(key)
            if held is not None and held.state in (QUEUED, RUNNING):
                until = min(until, held.due)
    return until


async def _go_on(call: Call, key: str, each: Execution) -> None:
    held = of(call, each.rule)
    if held is None:
        call.shelf(Execution).pop(key, None)
    elif each.state == QUEUED:
        await _start(call, key, each, held)
    else:
        await _look(call, key, each, held)


def _as_whom(call: Call, each: Execution) -> Call:
    if each.who is not None:
        return call.home.call("config", call.account, convert(each.who, Principal))
    return ROLE.assumed(call, "ConfigRemediation")


async def _start(call: Call, key: str, each: Execution, held: Remediation) -> None:
    version = {"DocumentVersion": held.version} if held.version else {}
    parameters = {name: _values(said, each.id) for name, said in held.parameters.items()}
    try:
        begun = await _as_whom(call, each).ask(
            "ssm:StartAutomationExecution", once=f"{key}|{each.invoked}|{len(each.attempts)}", DocumentName=held.document,
            Parameters=parameters, **version
        )
    except AwsError as error:
        now = call.now()
        step = {"Name": "Initialization", "State": FAILED, "ErrorMessage": f"({error.code}) {error.text}", "StartTime": now, "StopTime": now}
        call.atomically(partial(_ended, call, key, changed(each, attempts=(*each.attempts, now)), held, FAILED, (step,)))
        return
    now = call.now()
    call.shelf(Execution)[key] = changed(
        each, state=RUNNING, automation=begun["AutomationExecutionId"], updated=now, due=now + LOOKED_EVERY_S, attempts=(*each.attempts, now)
    )


def _values(said: dict[str, Any], id_: str) -> list[str]:
    return [id_] if "ResourceValue" in said else said["StaticValue"]["Values"]


_STATES = {"Success": SUCCEEDED, "Failed": FAILED, "TimedOut": FAILED, "Cancelled": FAILED}
_STEP_STATES = {"Success": "SUCCEEDED", "Failed": "FAILED", "TimedOut": "FAILED", "Cancelled": "FAILED"}


async def _look(call: Call, key: str, each: Execution, held: Remediation) -> None:
    try:
        reply = await as_account(call).ask("ssm:GetAutomationExecution", AutomationExecutionId=each.automation)
    except AwsError:
        call.shelf(Execution)[key] = changed(each, due=call.now() + AGAIN_AFTER_S)
        return
    told = reply["AutomationExecution"]
    steps = tuple(_step(step) for step in told.get("StepExecutions") or ())
    state = _STATES.get(told["AutomationExecutionStatus"])
    if state is None:
        call.shelf(Execution)[key] = changed(each, steps=steps, updated=call.now(), due=call.now() + LOOKED_EVERY_S)
    else:
        call.atomically(partial(_ended, call, key, each, held, state, steps))


def _step(said: dict[str, Any]) -> dict[str, Any]:
    told = {
        "Name": said["StepName"], "State": _STEP_STATES.get(said["StepStatus"], "PENDING"), "ErrorMessage": said.get("FailureMessage"),
        "StartTime": said.get("ExecutionStartTime"), "StopTime": said.get("ExecutionEndTime"),
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _ended(call: Call, key: str, each: Execution, held: Remediation, state: str, steps: tuple[dict[str, Any], ...]) -> None:
    """It is over. What began by itself and failed is tried again, until it is an exception."""
    now = call.now()
    each = call.shelf(Execution)[key] = changed(each, state=state, steps=steps, updated=now)
    if state == FAILED and each.who is None and held.is_automatic:
        _begin_by_itself(call, held, each.type, each.id)
        again = call.shelf(Execution)[key]
        if again.state == QUEUED:
            call.shelf(Execution)[key] = changed(again, due=now + AGAIN_AFTER_S, steps=steps)


# Configurations ------------------------------------------------------------------------------------


def read(call: Call, said: dict[str, Any], before: Remediation | None) -> Remediation:
    """Raises what AWS refuses it with."""
    name = said["ConfigRuleName"]
    rules.existing(call, name)
    if "TargetVersion" in said and not said["TargetVersion"]:
        raise InvalidParameterValueException("TargetVersion must not be empty.")
    parameters = said.get("Parameters") or {}
    for parameter, value in parameters.items():
        if ("ResourceValue" in value) == ("StaticValue" in value):
            raise InvalidParameterValueException(f"The parameter {parameter} must have either a ResourceValue or a StaticValue.")
    is_automatic = said.get("Automatic", False)
    if is_automatic and "StaticValue" not in parameters.get(ASSUME_ROLE, {}):
        raise InvalidParameterValueException(f"Automatic remediation needs the parameter {ASSUME_ROLE} with a static value.")
    controls = said.get("ExecutionControls")
    return Remediation(
        rule=name, id=before.id if before is not None else call.ids.lower(8), document=said["TargetId"], version=said.get("TargetVersion"),
        parameters=parameters, type=said.get("ResourceType"), is_automatic=is_automatic, attempts_max=said.get("MaximumAutomaticAttempts"),
        window_s=said.get("RetryAttemptSeconds"), controls=controls, created_by=before.created_by if before is not None else "",
    )  # fmt: skip


async def _check_document(call: Call, each: Remediation) -> None:
    """The document must exist, take what it is given and get what it needs."""
    version = {"DocumentVersion": each.version} if each.version else {}
    try:
        reply = await call.ask("ssm:DescribeDocument", Name=each.document, **version)
    except NotImplementedHere:
        raise
    except AwsError as error:
        if error.code.startswith("AccessDenied"):
            raise InsufficientPermissionsException(error.text, hint=error.hint) from None
        raise InvalidParameterValueException(f"The SSM document {each.document} does not exist or cannot be used: {error.text}") from None
    document = reply["Document"]
    if document["DocumentType"] != "Automation":
        raise InvalidParameterValueException(f"The SSM document {each.document} is no Automation document.")
    declared = {said["Name"]: said for said in document.get("Parameters") or ()}
    if unknown := sorted(set(each.parameters) - set(declared)):
        raise InvalidParameterValueException(f"The SSM document {each.document} has no parameter {', '.join(unknown)}.")
    if missing := sorted(name for name, said in declared.items() if "DefaultValue" not in said and name not in each.parameters):
        raise InvalidParameterValueException(f"The SSM document {each.document} needs the parameter {', '.join(missing)}.")


async def PutRemediationConfigurations(call: Call, *, RemediationConfigurations: list[dict[str, Any]]) -> dict:
    made = []
    for said in RemediationConfigurations:
        for member in ("CreatedByService", "Arn"):
            if member in said:
                raise InvalidParameterValueException(f"{member} is set by AWS Config.")
        if rules.existing(call, said["ConfigRuleName"]).created_by:
            raise InsufficientPermissionsException(f"The config rule {said['ConfigRuleName']} is a service-linked rule.")
        each = read(call, said, of(call, said["ConfigRuleName"]))
        if each.controls is not None and each.controls.get("SsmControls", {}).keys() - {"ConcurrentExecutionRatePercentage", "ErrorPercentage"}:
            raise NotImplementedHere("config:PutRemediationConfigurations(ExecutionControls)")
        await _check_document(call, each)
        made.append(each)
    if any(each.is_automatic for each in made):
        await ROLE.ensure(call, InsufficientPermissionsException)
    call.atomically(partial(_keep, call, made))
    return {"FailedBatches": []}


def _keep(call: Call, made: list[Remediation]) -> None:
    for each in made:
        keep(call, each)


def keep(call: Call, each: Remediation) -> None:
    """Put it on its shelf, and make right by itself what is wrong already."""
    call.shelf(Remediation)[each.rule] = each
    rule = rules.existing(call, each.rule)
    for held in result.of_rule(call, each.rule):
        heard(call, rule, held)


def DescribeRemediationConfigurations(call: Call, *, ConfigRuleNames: list[str]) -> dict:
    found = (of(call, name) for name in dict.fromkeys(ConfigRuleNames))
    return {"RemediationConfigurations": [_shown(call, each) for each in found if each is not None]}


def _shown(call: Call, each: Remediation) -> dict[str, Any]:
    told = {
        "ConfigRuleName": each.rule, "TargetType": "SSM_DOCUMENT", "TargetId": each.document, "TargetVersion": each.version,
        "Parameters": each.parameters,
        "ResourceType": each.type, "Automatic": each.is_automatic, "ExecutionControls": each.controls,
        "MaximumAutomaticAttempts": each.attempts_max or (ATTEMPTS if each.is_automatic else None),
        "RetryAttemptSeconds": each.window_s or (WINDOW_S if each.is_automatic else None), "Arn": arn_of(call, each),
        "CreatedByService": each.created_by or None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def drop(call: Call, each: Remediation) -> None:
    for kind in (Execution, Exempt):
        shelf = call.shelf(kind)
        for key in [key for key, held in shelf.items() if held.rule == each.rule]:
            del shelf[key]
    del call.shelf(Remediation)[each.rule]


def DeleteRemediationConfiguration(call: Call, *, ConfigRuleName: str, ResourceType: str | None = None) -> dict:
    held = existing(call, ConfigRuleName)
    if ResourceType not in (None, held.type):
        raise NoSuchRemediationConfigurationException(f"No RemediationConfiguration for rule {ConfigRuleName} and {ResourceType} exists.")
    if held.created_by:
        raise InsufficientPermissionsException(f"The remediation of {ConfigRuleName} is service-linked.")
    if any(each.rule == held.rule and each.state in (QUEUED, RUNNING) for each in call.shelf(Execution).values()):
        raise RemediationInProgressException(f"A remediation of the rule {held.rule} is in progress. Try again when it is over.")
    drop(call, held)
    return {}


def DescribeRemediationExecutionStatus(call: Call, *, ConfigRuleName: str, ResourceKeys: list[dict[str, str]] | None = None) -> dict:
    held = existing(call, ConfigRuleName)
    wanted = {(each["resourceType"], each["resourceId"]) for each in ResourceKeys or ()}
    listed = []
    for each in call.shelf(Execution).values():
        if each.rule == held.rule and (not wanted or (each.type, each.id) in wanted):
            listed.append(
                {
                    "ResourceKey": {"resourceType": each.type, "resourceId": each.id}, "State": each.state, "StepDetails": list(each.steps),
                    "InvocationTime": each.invoked, "LastUpdatedTime": each.updated,
                }
            )  # fmt: skip
    return {"RemediationExecutionStatuses": listed}


def _keys_said(keys: list[dict[str, str]] | None) -> list[tuple[str, str]]:
    """Neither member is required by the model."""
    if not all(each.get("ResourceType") and each.get("ResourceId") for each in keys or ()):
        raise InvalidParameterValueException("A resource key must have both ResourceType and ResourceId.")
    return [(each["ResourceType"], each["ResourceId"]) for each in keys or ()]


# Exceptions ----------------------------------------------------------------------------------------


def PutRemediationExceptions(
    call: Call, *, ConfigRuleName: str, ResourceKeys: list[dict[str, str]], Message: str | None = None, ExpirationTime: float | None = None
) -> dict:
    """Only what is not compliant can be left alone."""
    held, failed = existing(call, ConfigRuleName), []
    if held.created_by:
        raise InsufficientPermissionsException(f"The remediation of {ConfigRuleName} is service-linked.")
    if ExpirationTime is not None and ExpirationTime <= call.now():
        raise InvalidParameterValueException("The ExpirationTime is in the past.")
    for type_, id_ in _keys_said(ResourceKeys):
        found = result.of(call, held.rule, type_, id_)
        told = {"ConfigRuleName": held.rule, "ResourceType": type_, "ResourceId": id_}
        if found is None or found.compliance != NON_COMPLIANT:
            failed.append(told)
        else:
            call.shelf(Exempt)[_key(held.rule, type_, id_)] = Exempt(
                rule=held.rule, type=type_, id=id_, message=Message or "", expires=ExpirationTime
            )
    if not failed:
        return {"FailedBatches": []}
    return {"FailedBatches": [{"FailureMessage": "The resource is not NON_COMPLIANT.", "FailedItems": failed}]}


def _exempt(call: Call, rule: str) -> list[Exempt]:
    return [each for each in call.shelf(Exempt).values() if each.rule == rule and (each.expires is None or each.expires > call.now())]


def DescribeRemediationExceptions(
    call: Call, *, ConfigRuleName: str, ResourceKeys: list[dict[str, str]] | None = None, Limit: int | None = None, NextToken: str | None = None
) -> dict:
    wanted = set(_keys_said(ResourceKeys))
    listed = []
    for each in _exempt(call, ConfigRuleName):
        if not wanted or (each.type, each.id) in wanted:
            told = {
                "ConfigRuleName": each.rule,
                "ResourceType": each.type,
                "ResourceId": each.id,
                "Message": each.message or None,
                "ExpirationTime": each.expires,
            }
            listed.append({name: value for name, value in told.items() if value is not None})
    found, token = item.page(listed, Limit, NextToken)
    return item.with_token({"RemediationExceptions": found}, token, "NextToken")


def DeleteRemediationExceptions(call: Call, *, ConfigRuleName: str, ResourceKeys: list[dict[str, str]]) -> dict:
    """What was left alone is looked after again."""
    keys = {_key(ConfigRuleName, *said): each for said, each in zip(_keys_said(ResourceKeys), ResourceKeys, strict=True)}
    held = {key for key in keys if key in call.shelf(Exempt)}
    if not held:
        raise NoSuchRemediationExceptionException("The remediation exceptions do not exist.")
    for key in held:
        del call.shelf(Exempt)[key]
        if key in call.shelf(Execution):
            call.shelf(Execution)[key] = changed(call.shelf(Execution)[key], attempts=())
    rule = rules.existing(call, ConfigRuleName)
    for each in result.of_rule(call, ConfigRuleName):
        if _key(each.rule, each.type, each.id) in held:
            heard(call, rule, each)
    missing = [keys[key] for key in keys if key not in held]
    return {"FailedBatches": [{"FailureMessage": "The remediation exceptions do not exist.", "FailedItems": missing}] if missing else []}
