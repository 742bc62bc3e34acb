"""Checks: Security Hub has each enabled control judged by a rule of its own in AWS Config, and makes findings of what the rule says.

The rules are service-linked: ``securityhub-NAME-ID``, put and deleted as Security Hub's role. What is to be is derived from what is enabled,
and held against what is, so that a kill at any moment leaves nothing but work to be done.
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-standards-awsconfigrules.html
https://docs.aws.amazon.com/securityhub/latest/userguide/controls-findings-create-update.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

from kumoniwa.aws import config_rules, security_controls
from kumoniwa.aws.security_controls import Control
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.securityhub import asff, control, finding, hub, importing, recording, resource, standard
from kumoniwa.services.securityhub.finding import Held, Source
from kumoniwa.services.securityhub.judged import CONFIG
from kumoniwa.wire import timestamps

PAGE = 100
PREFIX, NAME_MAX = "securityhub-", 64
EMPTY = (
    "AWS Config evaluated your resources based on the rule. The rule did not apply to the AWS resources in its scope, the specified resources were "
    "deleted, or the evaluation results were deleted."
)
SWITCHED = (
    "The finding is in an ARCHIVED state because consolidated control findings has been turned on or off. This causes findings in the previous state "
    "to be archived when new findings are being generated."
)
"""https://docs.aws.amazon.com/securityhub/latest/userguide/asff-changes-consolidation.html"""
_STATUS = {"COMPLIANT": "PASSED", "NON_COMPLIANT": "FAILED"}
_NO_STANDARD = "-"
"""Where the origin of a finding of all standards has the standard of another."""


class Check(Record):
    """The rule of a control; shelved by the control's id."""

    control: str
    rule: str
    """Empty for a control that Security Hub judges by itself."""
    put: str | None = None
    """The parameters with which it was put; None as long as it was not."""


class Seen(NamedTuple):
    """What a rule says of a resource, or Security Hub of a rule that says nothing."""

    type: str
    id: str
    status: str
    annotation: str = ""
    reasons: tuple[tuple[str, str], ...] = ()


# Rules ---------------------------------------------------------------------------------------------


def _wanted(call: Call) -> dict[str, Control]:
    if hub.held(call) is None:
        return {}
    return {each.id: each for path in standard.BY_PATH for each in control.all_of(path) if control.enabled_in(call, each)}


async def reconcile(call: Call) -> str:
    """Have those rules that are to be. Answers the reason of AWS's for which some are not there, empty if all are."""
    wanted, reason = _wanted(call), ""
    for check in list(call.shelf(Check).values()):
        if check.control not in wanted:
            await _end(call, check)
    for each in wanted.values():
        check = call.shelf(Check).get(each.id)
        text = json.dumps(control.inputs(call, each))
        if check is None:
            check = Check(control=each.id, rule=_name(call, each) if each.id != CONFIG else "")
            call.atomically(partial(_keep, call, check))
        if check.rule and check.put != text:
            reason = reason or await _put(call, each, check, text)
    call.atomically(partial(_settle, call, reason))
    return reason


def _name(call: Call, each: Control) -> str:
    """As AWS calls its own, but cut to the 64 characters of a rule that Config's operations can be asked about."""
    return f"{f'{PREFIX}{each.rule}'[: NAME_MAX - 9]}-{call.ids.lower(8)}"


def _keep(call: Call, check: Check) -> None:
    call.shelf(Check)[check.control] = check


async def _put(call: Call, each: Control, check: Check, text: str) -> str:
    source = {"Owner": "AWS", "SourceIdentifier": _identifiers()[each.rule]}
    said = {"ConfigRuleName": check.rule, "Source": source, "Description": each.title[:256]}
    try:
        await hub.ROLE.assumed(call, "securityhub").ask("config:PutConfigRule", ConfigRule=said | ({"InputParameters": text} if text != "{}" else {}))
    except AwsError as error:
        return "NO_AVAILABLE_CONFIGURATION_RECORDER" if error.code == "NoAvailableConfigurationRecorderException" else "INTERNAL_ERROR"
    call.atomically(partial(_keep, call, changed(check, put=text)))
    return ""


def _identifiers() -> dict[str, str]:
    """The identifiers of AWS's rules by their names."""
    return {each.name: each.identifier for each in config_rules.rules().values()}


async def _end(call: Call, check: Check) -> None:
    try:
        if check.rule:
            await hub.ROLE.assumed(call, "securityhub").ask("config:DeleteConfigRule", ConfigRuleName=check.rule)
    except AwsError as error:
        if error.code != "NoSuchConfigRuleException":
            return  # Whatever it is, it may be gone when this is tried again.
    call.atomically(partial(_ended, call, check))


def _ended(call: Call, check: Check) -> None:
    archive(call, finding.of_origins(call, f"{check.control}\n"))
    del call.shelf(Check)[check.control]


def _settle(call: Call, reason: str) -> None:
    """Tell of each standard how far it has come."""
    for held in list(call.shelf(standard.Subscription).values()):
        if held.status == standard.DELETING:
            del call.shelf(standard.Subscription)[held.path]
            control.forget(call, held.path)
        else:
            status = standard.INCOMPLETE if reason else standard.READY
            if (held.status, held.reason) != (status, reason):
                call.shelf(standard.Subscription)[held.path] = changed(held, status=status, reason=reason)


# Findings ------------------------------------------------------------------------------------------


async def look(call: Call, check: Check) -> bool:
    """Make findings of what a rule says now. Answers False if it has not said anything yet."""
    each = security_controls.controls()[check.control]
    try:
        ours = hub.ROLE.assumed(call, "securityhub")
        seen = await _seen(ours, check) if check.rule else await _own(ours, call, each)
        if seen is None:
            return False
        arns = await _arns(ours, call, [one for one in seen if not _is_known(call, each, one)])
    except AwsError:
        return False
    call.atomically(partial(_make, call, each, check, seen, arns))
    return True


async def _own(ours: Call, call: Call, each: Control) -> list[Seen]:
    wanted = recording.needed(_wanted(call).values())
    found = await recording.faults(ours, wanted, wants_role=control.values(call, each)["includeConfigServiceLinkedRoleCheck"][1])
    return [Seen(resource.ACCOUNT, call.account, "FAILED" if found else "PASSED", reasons=tuple(found))]


async def _seen(ours: Call, check: Check) -> list[Seen] | None:
    (status,) = (await ours.ask("config:DescribeConfigRuleEvaluationStatus", ConfigRuleNames=[check.rule]))["ConfigRulesEvaluationStatus"]
    found: list[Seen] = []
    asked: dict[str, Any] = {"ConfigRuleName": check.rule, "Limit": PAGE}
    while True:
        reply = await ours.ask("config:GetComplianceDetailsByConfigRule", **asked)
        for each in reply["EvaluationResults"]:
            qualifier = each["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
            found.append(Seen(qualifier["ResourceType"], qualifier["ResourceId"], _STATUS[each["ComplianceType"]], each.get("Annotation", "")))
        if not reply.get("NextToken"):
            break
        asked["NextToken"] = reply["NextToken"]
    if not status["FirstEvaluationStarted"]:
        return None
    if not found and "LastErrorCode" in status:
        reason = ("CONFIG_RULE_EVALUATION_ERROR", status.get("LastErrorMessage") or status["LastErrorCode"])
        return [Seen(resource.ACCOUNT, ours.account, "NOT_AVAILABLE", reasons=(reason,))]
    return found or [Seen(resource.ACCOUNT, ours.account, "PASSED", reasons=(("CONFIG_EVALUATIONS_EMPTY", EMPTY),))]


async def _arns(ours: Call, call: Call, unknown: list[Seen]) -> dict[tuple[str, str], str]:
    """The ARNs of resources of which there was no finding: as Config recorded them, or as they follow from their ids."""
    found = {(each.type, each.id): resource.computed(call, each.type, each.id) for each in unknown}
    asked = [{"resourceType": each.type, "resourceId": each.id} for each in unknown if each.type != resource.ACCOUNT and not each.id.startswith("arn:")]
    for start in range(0, len(asked), PAGE):
        reply = await ours.ask("config:BatchGetResourceConfig", resourceKeys=asked[start : start + PAGE])
        found |= {(each["resourceType"], each["resourceId"]): each["arn"] for each in reply["baseConfigurationItems"] if each.get("arn")}
    return found


def _origins(call: Call, each: Control, one: Seen) -> Iterable[tuple[str, str]]:
    """The standards and the origins of the findings that one result makes: one finding for all standards, or one for each."""
    is_one = hub.existing(call).generator == hub.SECURITY_CONTROL
    for path in (_NO_STANDARD,) if is_one else [held.path for held in control.enabled_in(call, each)]:
        yield path, f"{each.id}\n{path}\n{one.type}\n{one.id}"


def _is_known(call: Call, each: Control, one: Seen) -> bool:
    return hub.held(call) is not None and all(finding.of_origin(call, origin) is not None for _, origin in _origins(call, each, one))


def _make(call: Call, each: Control, check: Check, seen: list[Seen], arns: dict[tuple[str, str], str]) -> None:
    if call.shelf(Check).get(check.control) != check or hub.held(call) is None:
        return  # It ended meanwhile, or is put anew.
    standing = {held.origin: held for held in finding.of_origins(call, f"{each.id}\n")}
    for one in seen:
        for path, origin in _origins(call, each, one):
            _make_one(call, each, check, one, path, origin, standing.pop(origin, None), arns)
    is_switched = hub.existing(call).generator == hub.SECURITY_CONTROL
    switched = [held for held in standing.values() if (held.origin.split("\n")[1] == _NO_STANDARD) != is_switched]
    archive(call, switched, SWITCHED)
    archive(call, [held for held in standing.values() if held not in switched])


def _make_one(
    call: Call, each: Control, check: Check, one: Seen, path: str, origin: str, held: Held | None, arns: dict[tuple[str, str], str]
) -> None:
    if held is None and (one.type, one.id) not in arns:
        return  # Its finding grew too old meanwhile; the next look makes another.
    body = _body(call, each, check, one, path, held, arns)
    if held is None or _differs(held.body, body):
        importing.take(call, body, origin=origin, is_control=True)


def said(detail: dict[str, Any]) -> Seen:
    """A verdict as Config tells that it is new."""
    result = detail["newEvaluationResult"]
    return Seen(detail["resourceType"], detail["resourceId"], _STATUS[result["complianceType"]], result.get("annotation") or "")


async def hear(call: Call, check: Check, news: dict[tuple[str, str], Seen | None]) -> bool:
    """Make findings of verdicts that are new, and archive those of resources of which there is none any more. Answers False if the rule must be
    asked for all that it says: with one resource among many thousands that would be long."""
    each, seen = security_controls.controls()[check.control], [one for one in news.values() if one is not None]
    if hub.held(call) is None:
        return True
    try:
        ours = hub.ROLE.assumed(call, "securityhub")
        arns = await _arns(ours, call, [one for one in seen if not _is_known(call, each, one)])
    except AwsError:
        return False
    return call.atomically(partial(_take, call, each, check, news, arns))


def _take(call: Call, each: Control, check: Check, news: dict[tuple[str, str], Seen | None], arns: dict[tuple[str, str], str]) -> bool:
    if call.shelf(Check).get(check.control) != check or hub.held(call) is None:
        return True
    for (type_, id_), verdict in news.items():
        for path, origin in _origins(call, each, verdict or Seen(type_, id_, "")):
            held = finding.of_origin(call, origin)
            if verdict is not None:
                _make_one(call, each, check, verdict, path, origin, held, arns)
            elif held is not None:
                archive(call, [held])
    account = (resource.ACCOUNT, call.account)
    if account not in news and any(news.values()):
        # What said that there was nothing to judge.
        empty = [finding.of_origin(call, origin) for _, origin in _origins(call, each, Seen(*account, ""))]
        archive(call, [held for held in empty if held is not None])
    return finding.has_active(call, f"{each.id}\n")


def _differs(held: dict[str, Any], body: dict[str, Any]) -> bool:
    is_annotated = [each["ProductFields"].get("aws/securityhub/annotation") for each in (held, body)]
    return held["RecordState"] != "ACTIVE" or held["Compliance"] != body["Compliance"] or is_annotated[0] != is_annotated[1]


def _body(call: Call, each: Control, check: Check, one: Seen, path: str, held: Held | None, arns: dict[tuple[str, str], str]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/latest/userguide/sample-control-findings.html"""
    now = timestamps.to_millisecond(call.now())
    product = f"arn:{call.home.partition}:securityhub:{call.region}::product/aws/securityhub"
    is_one, type_ = path == _NO_STANDARD, "Software and Configuration Checks/Industry and Regulatory Standards"
    place = "security-control" if is_one else f"subscription/{path}"
    number = each.id if is_one else control.number(each, path)
    label = each.severity if one.status == "FAILED" else "INFORMATIONAL"
    enabled = [path] if not is_one else [held.path for held in control.enabled_in(call, each)]
    resources = held.body["Resources"] if held is not None else [resource.told(call, one.type, arns[one.type, one.id])]
    related = {"RelatedAWSResources:0/name": check.rule, "RelatedAWSResources:0/type": "AWS::Config::ConfigRule"} if check.rule else {}
    fields = {
        **related, "Resources:0/Id": resources[0]["Id"],
        **({"aws/securityhub/annotation": one.annotation} if one.annotation else {}),
    }  # fmt: skip
    if not is_one:
        arn = standard.arn_of(call, standard.BY_PATH[path])
        fields |= {
            "StandardsArn": arn, "StandardsSubscriptionArn": standard.subscription_arn(call, path), "ControlId": number,
            "RecommendationUrl": control.url(each), "StandardsControlArn": control.standard_arn(call, each, path),
        }  # fmt: skip
    return {
        "SchemaVersion": asff.SCHEMA_VERSION, "Id": held.body["Id"] if held is not None else call.arn(f"{place}/{number}/finding/{call.new_id()}"),
        "ProductArn": product, "ProductName": "Security Hub", "CompanyName": "AWS", "AwsAccountId": call.account,
        "GeneratorId": f"security-control/{each.id}" if is_one else f"{path}/{number}",
        "Types": [type_ if is_one else f"{type_}/{standard.BY_PATH[path].type}"],
        "FirstObservedAt": held.body["FirstObservedAt"] if held is not None else now, "LastObservedAt": now,
        "CreatedAt": held.body["CreatedAt"] if held is not None else now, "UpdatedAt": now,
        "Severity": {"Label": label, "Normalized": asff.LABELS[label], "Original": label},
        "Title": each.title if is_one else f"{number} {each.title}", "Description": each.description[:1024],
        "Remediation": {
            "Recommendation": {
                "Text": "For directions on how to correct this issue, consult the AWS Security Hub controls documentation.", "Url": control.url(each),
            }
        },
        "ProductFields": fields, "Resources": resources, "Compliance": _compliance(call, each, one, enabled),
    }  # fmt: skip


def _compliance(call: Call, each: Control, one: Seen, enabled: list[str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "Status": one.status, "SecurityControlId": each.id, "AssociatedStandards": [{"StandardsId": f"standards/{path}"} for path in enabled],
    }  # fmt: skip
    if required := [text for path in enabled for text in control.requirements(each, path)]:
        told["RelatedRequirements"] = required
    if one.reasons:
        told["StatusReasons"] = [{"ReasonCode": code, "Description": text} for code, text in one.reasons]
    parameters = {name: value for name, (_, value) in control.values(call, each).items() if value is not None}
    if parameters:
        told["SecurityControlParameters"] = [{"Name": name, "Value": [_text(value)]} for name, value in parameters.items()]
    return told


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def archive(call: Call, several: Iterable[Held], why: str = "") -> None:
    """What is not judged any more, because its resource is gone or its control is not enabled."""
    for held in several:
        if held.body["RecordState"] == "ARCHIVED":
            continue
        fields = held.body["ProductFields"]
        if why:
            fields = {**fields, "ArchivalReasons:0/Description": why, "ArchivalReasons:0/ReasonCode": "CONSOLIDATED_CONTROL_FINDINGS_UPDATE"}
        body = {**held.body, "RecordState": "ARCHIVED", "UpdatedAt": timestamps.to_millisecond(call.now()), "ProductFields": fields}
        finding.put(call, body, held, Source(importing.BY_IMPORT, body["ProductArn"]), customers=held.customers)


def refresh(call: Call) -> None:
    """Tell again what stands, as AWS does of change-triggered checks every 18 hours.
    https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-standards-schedule.html"""
    for check in call.shelf(Check).values():
        for held in finding.of_origins(call, f"{check.control}\n"):
            if held.body["RecordState"] == "ACTIVE":
                now = timestamps.to_millisecond(call.now())
                body = {**held.body, "UpdatedAt": now, "LastObservedAt": now}
                finding.put(call, body, held, Source(importing.BY_IMPORT, body["ProductArn"]), customers=held.customers)
