"""Conformance packs: rules and remediations that a template holds, made, changed and looked at together.

AWS deploys a pack as a stack of its own, by a role that only it has; here Config makes the rules itself, and there is no stack to see.
Functions of the template are evaluated as CloudFormation evaluates them, before anything is made.
https://docs.aws.amazon.com/config/latest/developerguide/conformance-packs.html
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

from kumoniwa.deploy import template
from kumoniwa.deploy.workshop import Workshop
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.config import evaluation, item, remediation, result
from kumoniwa.services.config import recorder as recorders
from kumoniwa.services.config import rule as rules
from kumoniwa.services.config.compliance import overall, shown
from kumoniwa.services.config.errors import (
    ConformancePackTemplateValidationException,
    InvalidLimitException,
    InvalidParameterValueException,
    MaxNumberOfConformancePacksExceededException,
    NoSuchConfigRuleInConformancePackException,
    NoSuchConformancePackException,
    ResourceInUseException,
)
from kumoniwa.services.config.remediation import Remediation
from kumoniwa.services.config.result import Result
from kumoniwa.services.config.rule import Rule
from kumoniwa.services.config.verdict import COMPLIANT, INSUFFICIENT_DATA, NON_COMPLIANT

SERVICE = "config-conforms.amazonaws.com"
PACKS_MAX, RULES_MAX = 50, 130
"""https://docs.aws.amazon.com/config/latest/developerguide/configlimits.html"""
RULE, REMEDIATION = "AWS::Config::ConfigRule", "AWS::Config::RemediationConfiguration"
_OWN_TYPES = frozenset({"int", "double", "CSV", "boolean", "StringMap"})
"""Types of parameters that templates of packs know besides CloudFormation's."""


class Pack(Record):
    """Shelved by its name."""

    name: str
    id: str
    requested: float
    completed: float | None = None
    state: str = "CREATE_COMPLETE"
    reason: str = ""
    rules: tuple[str, ...] = ()
    bucket: str | None = None
    prefix: str | None = None
    inputs: tuple[dict[str, str], ...] = ()
    tags: dict[str, str] = {}
    created_by: str = ""
    """The service that keeps it in the accounts of an organization."""


def arn_of(call: Call, pack: Pack) -> str:
    return call.arn(f"conformance-pack/{f'aws-service-conformance-pack/{pack.created_by}/' if pack.created_by else ''}{pack.name}/{pack.id}")


def existing(call: Call, name: str) -> Pack:
    found = call.shelf(Pack).get(name)
    if found is None:
        raise NoSuchConformancePackException(f"There is no conformance pack with the name {name}.")
    return found


def _chosen(call: Call, names: list[str] | None) -> list[Pack]:
    return [existing(call, name) for name in names] if names else [call.shelf(Pack)[name] for name in sorted(call.shelf(Pack))]


# Making --------------------------------------------------------------------------------------------


def _is_wrong(text: str) -> ConformancePackTemplateValidationException:
    return ConformancePackTemplateValidationException(f"Template error: {text}")


async def _read(call: Call, pack: Pack, text: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rules and the remediations that a template says."""
    try:
        body = (await asyncio.to_thread(template.read, text)).body
    except ValidationError as error:
        raise _is_wrong(error.text) from None
    if not isinstance(body, dict) or not isinstance(body.get("Resources"), dict):
        raise _is_wrong("the template has no Resources.")
    for said in (body.get("Parameters") or {}).values():
        if isinstance(said, dict) and said.get("Type") in _OWN_TYPES:
            said["Type"] = "String"
    pseudo = {
        "AWS::AccountId": call.account, "AWS::Partition": call.home.partition, "AWS::Region": call.region, "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": f"awsconfigconforms-{pack.name}-{pack.id}",
    }  # fmt: skip
    inputs: dict[str, str | None] = {each["ParameterName"]: each["ParameterValue"] for each in pack.inputs}
    try:
        drawn = await call.home.engines.setdefault("workshop", Workshop()).draw(json.dumps(body), inputs, pseudo)
    except ValidationError as error:
        raise _is_wrong(error.text) from None
    made: dict[str, list[dict[str, Any]]] = {RULE: [], REMEDIATION: []}
    names: dict[str, str] = {}
    for logical_id, entry in drawn.resources.items():
        if entry["Type"] not in made:
            raise _is_wrong(f"a conformance pack has resources of the types {RULE} and {REMEDIATION}, not {entry['Type']}.")
        properties = dict(entry.get("Properties") or {})
        if entry["Type"] == RULE:
            names[logical_id] = properties["ConfigRuleName"] = f"{properties.get('ConfigRuleName') or logical_id}-{pack.id}"
        made[entry["Type"]].append(properties)
    for said in made[REMEDIATION]:
        wanted = said.get("ConfigRuleName")
        wanted = names.get(wanted.get("Ref", "")) if isinstance(wanted, dict) else f"{wanted}-{pack.id}"
        if wanted not in names.values():
            raise _is_wrong(f"a remediation names a rule that the template does not have: {said.get('ConfigRuleName')}.")
        said["ConfigRuleName"] = wanted
    if len(made[RULE]) > RULES_MAX:
        raise _is_wrong(f"a conformance pack has {RULES_MAX} rules at most.")
    return made[RULE], made[REMEDIATION]


def _rule(call: Call, said: dict[str, Any]) -> Rule:
    before = call.shelf(Rule).get(said["ConfigRuleName"])
    said = dict(said)
    if isinstance(said.get("InputParameters"), dict):
        said["InputParameters"] = json.dumps(said["InputParameters"])
    if not isinstance(said.get("Source"), dict) or "Owner" not in said["Source"]:
        raise InvalidParameterValueException(f"The rule {said['ConfigRuleName']} has no Source.")
    return changed(rules.read(call, said, before), created_by=SERVICE)


async def template_of(call: Call, text: str | None, uri: str | None) -> str:
    if (text is None) == (uri is None):
        raise InvalidParameterValueException("Specify one of TemplateS3Uri, TemplateBody and TemplateSSMDocumentDetails.")
    if uri is None:
        return text
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        reply = await call.ask("s3:GetObject", Bucket=bucket, Key=key)
    except AwsError as error:
        raise _is_wrong(f"the template at {uri} cannot be read: {error.text}") from None
    body = reply["Body"]
    return (body if isinstance(body, bytes) else await body.whole(300 << 10)).decode("utf-8", "replace")


async def PutConformancePack(
    call: Call, *, ConformancePackName: str, TemplateS3Uri: str | None = None, TemplateBody: str | None = None, DeliveryS3Bucket: str | None = None,
    DeliveryS3KeyPrefix: str | None = None, ConformancePackInputParameters: list[dict[str, str]] | None = None,
    Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    before, now = call.shelf(Pack).get(ConformancePackName), call.now()
    recorders.must_exist(call, "Configuration recorder is not available to put conformance pack.")
    if before is not None:
        _check_own(before)
    pack = read(
        call, before, ConformancePackName, tags=before.tags if before is not None else recorders.tags_said(Tags), bucket=DeliveryS3Bucket,
        prefix=DeliveryS3KeyPrefix, inputs=tuple(ConformancePackInputParameters or ()),
    )  # fmt: skip
    text = await template_of(call, TemplateBody, TemplateS3Uri)
    said, remedies = await _read(call, pack, text)
    try:
        await _make(call, pack, text, said, remedies)
    except NotImplementedHere:
        raise
    except AwsError as error:
        failed = "CREATE_FAILED" if before is None else "UPDATE_FAILED"
        call.shelf(Pack)[pack.name] = changed(before or pack, requested=now, completed=call.now(), state=failed, reason=error.text)
    return {"ConformancePackArn": arn_of(call, pack)}


def read(call: Call, before: Pack | None, name: str, **more: Any) -> Pack:
    """The pack that is said."""
    if before is None and len(call.shelf(Pack)) >= PACKS_MAX:
        raise MaxNumberOfConformancePacksExceededException(f"An account has {PACKS_MAX} conformance packs at most.")
    pack = before or Pack(name=name, id=f"conformance-pack-{call.ids.lower(9)}", requested=call.now())
    return changed(pack, requested=call.now(), state="CREATE_COMPLETE" if before is None else "UPDATE_COMPLETE", reason="", **more)


async def check(call: Call, pack: Pack, text: str) -> None:
    """Whether rules can be made of a template. Raises what is wrong with it."""
    said, _ = await _read(call, pack, text)
    for each in said:
        _rule(call, each)


async def make(call: Call, pack: Pack, text: str) -> None:
    """Have what a template says, or nothing of it."""
    await _make(call, pack, text, *await _read(call, pack, text))


async def _make(call: Call, pack: Pack, text: str, said: list[dict[str, Any]], remedies: list[dict[str, Any]]) -> None:
    made = [_rule(call, each) for each in said]
    for each in made:
        if not each.is_managed:
            await rules.check_function(call, each)
    rules.check_room(call, pack.name, len(set(each.name for each in made) - set(call.shelf(Rule))))
    await _store(call, pack, text)
    call.atomically(partial(_keep, call, pack, made, remedies))


def _check_own(pack: Pack) -> None:
    if pack.created_by:
        raise ResourceInUseException(f"The conformance pack {pack.name} is of an organization, and only its service changes or deletes it.")


async def _store(call: Call, pack: Pack, text: str) -> None:
    """The bucket for templates of packs gets this one."""
    if pack.bucket is not None:
        key = "/".join(filter(None, (pack.prefix, "AWSLogs", call.account, "Config", f"{pack.name}-{pack.id}.template")))
        await call.ask("s3:PutObject", Bucket=pack.bucket, Key=key, Body=text.encode(), ACL="bucket-owner-full-control")


def _keep(call: Call, pack: Pack, made: list[Rule], remedies: list[dict[str, Any]]) -> None:
    names = tuple(each.name for each in made)
    for name in set(pack.rules) - set(names):
        _drop(call, name)
    for each in made:
        rules.keep(call, each)
    wanted: dict[str, Remediation] = {}
    for said in remedies:
        parameters = said.get("Parameters") or {}
        parameters = json.loads(parameters) if isinstance(parameters, str) else parameters
        each = remediation.read(call, {**said, "Parameters": parameters}, remediation.of(call, said["ConfigRuleName"]))
        wanted[each.rule] = changed(each, created_by=SERVICE)
    for name in names:
        held = remediation.of(call, name)
        if held is not None and name not in wanted:
            remediation.drop(call, held)
    for each in wanted.values():
        remediation.keep(call, each)
    call.shelf(Pack)[pack.name] = changed(pack, rules=names, completed=call.now())
    recorders.tell_news(call)


def _drop(call: Call, name: str) -> None:
    held = remediation.of(call, name)
    if held is not None:
        remediation.drop(call, held)
    if name in call.shelf(Rule):
        evaluation.drop_rule(call, call.shelf(Rule)[name])


def DeleteConformancePack(call: Call, *, ConformancePackName: str) -> None:
    pack = existing(call, ConformancePackName)
    _check_own(pack)
    drop(call, pack)


def drop(call: Call, pack: Pack) -> None:
    for name in pack.rules:
        _drop(call, name)
    del call.shelf(Pack)[pack.name]
    recorders.tell_news(call)


# Looking -------------------------------------------------------------------------------------------


def DescribeConformancePacks(call: Call, *, ConformancePackNames: list[str] | None = None) -> dict:
    listed = []
    for each in _chosen(call, ConformancePackNames):
        told = {
            "ConformancePackName": each.name, "ConformancePackArn": arn_of(call, each), "ConformancePackId": each.id, "DeliveryS3Bucket": each.bucket,
            "DeliveryS3KeyPrefix": each.prefix, "ConformancePackInputParameters": list(each.inputs), "LastUpdateRequestedTime": each.requested,
            "CreatedBy": each.created_by or None,
        }  # fmt: skip
        listed.append({name: value for name, value in told.items() if value is not None})
    return {"ConformancePackDetails": listed}


def DescribeConformancePackStatus(call: Call, *, ConformancePackNames: list[str] | None = None) -> dict:
    """Of a pack that there is not there is no status, and nothing is refused."""
    found = [each for each in _chosen(call, None) if not ConformancePackNames or each.name in ConformancePackNames]
    listed = []
    for each in found:
        told = {
            "ConformancePackName": each.name, "ConformancePackId": each.id, "ConformancePackArn": arn_of(call, each),
            "ConformancePackState": each.state,
            "ConformancePackStatusReason": each.reason or None, "LastUpdateRequestedTime": each.requested, "LastUpdateCompletedTime": each.completed,
        }  # fmt: skip
        listed.append({name: value for name, value in told.items() if value is not None})
    return {"ConformancePackStatusDetails": listed}


def _of_pack(pack: Pack, names: list[str] | None) -> list[str]:
    if unknown := sorted(set(names or ()) - set(pack.rules)):
        raise NoSuchConfigRuleInConformancePackException(f"The conformance pack {pack.name} has no rule {', '.join(unknown)}.")
    return [name for name in pack.rules if not names or name in names]


def DescribeConformancePackCompliance(call: Call, *, ConformancePackName: str, Filters: dict[str, Any] | None = None) -> dict:
    pack, filters = existing(call, ConformancePackName), Filters or {}
    listed = [
        {"ConfigRuleName": name, "ComplianceType": overall(result.of_rule(call, name)), "Controls": []}
        for name in _of_pack(pack, filters.get("ConfigRuleNames"))
    ]
    wanted = filters.get("ComplianceType")
    return {
        "ConformancePackName": pack.name,
        "ConformancePackRuleComplianceList": [each for each in listed if wanted in (None, each["ComplianceType"])],
    }


def _results(call: Call, pack: Pack) -> list[Result]:
    return [each for name in pack.rules for each in result.of_rule(call, name)]


def GetConformancePackComplianceDetails(
    call: Call, *, ConformancePackName: str, Filters: dict[str, Any] | None = None, Limit: int | None = None, NextToken: str | None = None
) -> dict:
    pack, filters = existing(call, ConformancePackName), Filters or {}
    names = _of_pack(pack, filters.get("ConfigRuleNames"))
    ids, type_, kind = filters.get("ResourceIds"), filters.get("ResourceType"), filters.get("ComplianceType")
    listed = [
        shown(each) for each in _results(call, pack)
        if each.rule in names and (not ids or each.id in ids) and type_ in (None, each.type) and kind in (None, each.compliance)
    ]  # fmt: skip
    found, token = item.page(listed, Limit, NextToken)
    return item.with_token({"ConformancePackName": pack.name, "ConformancePackRuleEvaluationResults": found}, token, "NextToken")


def GetConformancePackComplianceSummary(call: Call, *, ConformancePackNames: list[str]) -> dict:
    listed = [
        {"ConformancePackName": each.name, "ConformancePackComplianceStatus": overall(_results(call, each))}
        for each in _chosen(call, ConformancePackNames)
    ]
    return {"ConformancePackComplianceSummaryList": listed}


def ListConformancePackComplianceScores(
    call: Call, *, Filters: dict[str, Any] | None = None, SortOrder: str | None = None, SortBy: str | None = None, Limit: int | None = None,
    NextToken: str | None = None,
) -> dict:  # fmt: skip
    """How many of a hundred combinations of a rule and a resource comply."""
    if Limit is not None and Limit > 20:
        raise InvalidLimitException(f"Value '{Limit}' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 20")
    wanted = (Filters or {}).get("ConformancePackNames")
    scored = []
    for each in _chosen(call, None):
        if not wanted or each.name in wanted:
            results = [one for one in _results(call, each) if one.compliance in (COMPLIANT, NON_COMPLIANT)]
            share = 100 * sum(one.compliance == COMPLIANT for one in results) / len(results) if results else -1.0
            score = f"{share:.2f}".rstrip("0").rstrip(".") if results else INSUFFICIENT_DATA
            at = max((one.recorded for one in results), default=each.requested)
            scored.append((share, {"Score": score, "ConformancePackName": each.name, "LastUpdatedTime": at}))
    if SortBy == "SCORE" or SortOrder is not None:
        scored.sort(key=lambda each: each[0], reverse=SortOrder == "DESCENDING")
    found, token = item.page([told for _, told in scored], Limit, NextToken, unasked=20)
    return item.with_token({"ConformancePackComplianceScores": found}, token, "NextToken")
