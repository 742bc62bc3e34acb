"""Policies made from what a user or role was seen to do, by the gates of the regions that are asked about.

A generation is a row that a restart takes up again. With a trail it needs what AWS needs: the trail, and a role that Access Analyzer may
assume, which the caller may pass. What was done is known here without the trail's files; AWS reads those.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-policy-generation.html
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from kumoniwa.aws import authorization
from kumoniwa.gate.address import GLOBAL
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.policy_proposal import proposed
from kumoniwa.services.accessanalyzer import analyzer as analyzers
from kumoniwa.services.accessanalyzer.analyzer import SERVICE
from kumoniwa.services.accessanalyzer.errors import AccessDeniedException, ValidationException
from kumoniwa.services.accessanalyzer.exchange import seen

KEPT_S, WINDOW_S_MAX = 7 * 86_400.0, 90 * 86_400.0
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-policy-generation.html#access-analyzer-policy-generation-considerations


class Generation(Record):
    """Shelved by its job's id."""

    id: str
    principal: str
    started: float
    status: str = "IN_PROGRESS"
    completed: float = 0.0
    trails: tuple[dict[str, Any], ...] = ()
    role: str = ""
    since: float = 0.0
    until: float = 0.0
    actions: tuple[str, ...] = ()
    is_complete: bool = True
    error: tuple[str, str] = ("", "")


class Failed(Exception):
    """A generation that comes to nothing, with the code and the words for it."""


def _purge(call: Call) -> None:
    for id_ in [id_ for id_, held in call.shelf(Generation).items() if held.started + KEPT_S <= call.now()]:
        del call.shelf(Generation)[id_]


async def StartPolicyGeneration(
    call: Call,
    *,
    policyGenerationDetails: dict[str, str],
    cloudTrailDetails: dict[str, Any] | None = None,
    clientToken: str | None = None,
) -> dict:
    principal = policyGenerationDetails["principalArn"]
    parsed = arns.parse(principal)
    if parsed is None or parsed.account != call.account:
        raise ValidationException(f"The principal {principal} is not of this account.")
    details = cloudTrailDetails or {}
    since, until = details.get("startTime", call.now() - WINDOW_S_MAX), details.get("endTime", call.now())
    if since >= until:
        raise ValidationException("The start time must be before the end time.")
    if until - since > WINDOW_S_MAX + 1:
        raise ValidationException("The period must not be longer than 90 days.")
    if details:
        try:
            call.require("iam:PassRole", details["accessRole"], **{"iam:PassedToService": SERVICE})
        except AwsError as error:
            raise AccessDeniedException(error.text, hint=error.hint) from None
    await analyzers.know_actions()
    made = Generation(
        id=call.new_id(), principal=principal, started=call.now(), trails=tuple(details.get("trails", ())), role=details.get("accessRole", ""),
        since=since, until=until,
    )  # fmt: skip
    call.atomically(lambda: _put(call, made))
    return {"jobId": made.id}


def _put(call: Call, made: Generation) -> None:
    _purge(call)
    call.shelf(Generation)[made.id] = made
    analyzers.look_again(call)


def _found(call: Call, id_: str) -> Generation:
    held = call.shelf(Generation).get(id_)
    if held is None:
        raise ValidationException(f"The job {id_} does not exist.")
    return held


def CancelPolicyGeneration(call: Call, *, jobId: str) -> None:
    held = _found(call, jobId)
    if held.status != "IN_PROGRESS":
        raise ValidationException(f"The job {jobId} is not in progress.")
    call.shelf(Generation)[jobId] = changed(held, status="CANCELED", completed=call.now())


def _summary(held: Generation) -> dict[str, Any]:
    told: dict[str, Any] = {"jobId": held.id, "status": held.status, "startedOn": held.started}
    return told | ({"completedOn": held.completed} if held.completed else {})


def ListPolicyGenerations(call: Call, *, principalArn: str | None = None) -> dict:
    held = sorted(call.shelf(Generation).values(), key=lambda each: (-each.started, each.id))
    return {"policyGenerations": [{**_summary(each), "principalArn": each.principal} for each in held if principalArn in (None, each.principal)]}


def GetGeneratedPolicy(
    call: Call, *, jobId: str, includeResourcePlaceholders: bool | None = None, includeServiceLevelTemplate: bool | None = None
) -> dict:
    """Every action that was seen is known, so that no service is left to be told by a template alone."""
    held = _found(call, jobId)
    details, properties = _summary(held), {"principalArn": held.principal}
    if held.error[0]:
        details["jobError"] = {"code": held.error[0], "message": held.error[1]}
    result: dict[str, Any] = {"properties": properties}
    if held.status == "SUCCEEDED":
        properties["isComplete"] = held.is_complete
        if held.trails:
            properties["cloudTrailProperties"] = {"trailProperties": list(held.trails), "startTime": held.since, "endTime": held.until}
        document = proposed((action, arn) for action in held.actions for arn in _resources(action, bool(includeResourcePlaceholders)))
        result["generatedPolicies"] = [{"policy": orjson.dumps(document).decode()}] if document else []
    return {"jobDetails": details, "generatedPolicyResult": result}


def _resources(action: str, is_placed: bool) -> list[str]:
    """Where the policy lets an action be done: everywhere, or at a place to be filled in."""
    prefix, _, name = action.partition(":")
    namespace = authorization.reference().get(prefix) if is_placed else None
    known = namespace.actions.get(name.lower()) if namespace is not None else None
    if namespace is None or known is None:
        return ["*"]
    forms = [re.sub(r"\$\{Partition\}", "aws", namespace.resources[kind]) for kind in known.resources if kind in namespace.resources]
    return forms or ["*"]


# Making --------------------------------------------------------------------------------------------


async def make_due(call: Call) -> None:
    """Make what was asked for, also in an earlier life of the region."""
    for held in [each for each in call.shelf(Generation).values() if each.status == "IN_PROGRESS"]:
        try:
            actions, is_complete = await _seen(call, held)
            ended = changed(held, status="SUCCEEDED", actions=actions, is_complete=is_complete)
        except Failed as failure:
            ended = changed(held, status="FAILED", error=failure.args)
        call.atomically(lambda ended=ended: _end(call, ended))


def _end(call: Call, ended: Generation) -> None:
    held = call.shelf(Generation).get(ended.id)
    if held is not None and held.status == "IN_PROGRESS":  # It may have been canceled meanwhile.
        call.shelf(Generation)[ended.id] = changed(ended, completed=call.now())


async def _seen(call: Call, held: Generation) -> tuple[tuple[str, ...], bool]:
    """The actions that were seen in the period, and whether every region told."""
    await analyzers.know_actions()
    if held.role:
        await _check_trails(call, held)
    entity = call.home.gate.authorizer.identity(held.principal)
    if entity is None:
        raise Failed("RESOURCE_NOT_FOUND_ERROR", f"The principal {held.principal} does not exist.")
    told: dict[str, dict[str, Any]] = {}
    is_complete = await _ask(call, held.principal, entity.id, GLOBAL, told)
    for name in _regions(call, held, told):
        is_complete &= await _ask(call, held.principal, entity.id, name, told)
    last = told[GLOBAL]["last"] if GLOBAL in told else {}
    of_regions = [each for name in told for each in told[name]["seen"]]
    return tuple(sorted({action for action, first in of_regions if first <= held.until and last.get(action, held.until) >= held.since})), is_complete


async def _ask(call: Call, who: str, id_: str, region: str, told: dict[str, dict[str, Any]]) -> bool:
    """Ask one region; whether it told."""
    try:
        if region == call.region:
            told[region] = seen(call.home, who, id_)
        elif region not in told:
            told[region] = await call.home.exchange(region, "accessanalyzer", {"who": who, "id": id_})
    except (AwsError, ConnectionError):
        return False
    return True


def _regions(call: Call, held: Generation, told: dict[str, dict[str, Any]]) -> list[str]:
    """Those that the trails name, or all in which anything was done."""
    if held.trails and not any(trail.get("allRegions") for trail in held.trails):
        return [region for trail in held.trails for region in trail.get("regions", ())] or [call.region]
    return list(dict.fromkeys((call.region, *told.get(GLOBAL, {}).get("regions", ()))))


async def _check_trails(call: Call, held: Generation) -> None:
    try:
        reader = call.assuming(held.role, SERVICE, "access-analyzer")
        for trail in held.trails:
            await reader.ask("cloudtrail:GetTrail", Name=trail["cloudTrailArn"])
    except AwsError as error:
        is_absent = "NotFound" in error.code
        raise Failed("RESOURCE_NOT_FOUND_ERROR" if is_absent else "AUTHORIZATION_ERROR", error.text) from None
