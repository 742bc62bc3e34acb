"""Stacks that stand become instances of a set, and stay as they are.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-import.html. No source tells AWS's words but the one code.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import fetched, organization, rollout, stackset, targets
from kumoniwa.services.cloudformation.stackoperations import again, begin, begun, check_may_begin
from kumoniwa.services.cloudformation.stackset import (
    Instance,
    InvalidOperationException,
    LimitExceededException,
    Operation,
    Result,
    StackSet,
)

NAMED_MAX, LISTED_MAX = 10, 10_000


class StackNotFoundException(AwsError): ...


def _parsed(id_: str) -> arns.Arn:
    found = arns.parse(id_)
    if found is None or found.service != "cloudformation" or not found.resource.startswith("stack/") or not re.fullmatch(r"\d{12}", found.account):
        raise ValidationError(f"{id_} is not the ID of a stack")
    return found


async def ImportStacksToStackSet(
    call: Call,
    *,
    StackSetName: str,
    StackIds: list[str] | None = None,
    StackIdsUrl: str | None = None,
    OrganizationalUnitIds: list[str] | None = None,
    OperationPreferences: dict | None = None,
    OperationId: str | None = None,
    CallAs: str | None = None,
) -> dict:
    """Stacks of an organization are by units of the set from then on, each by the nearest. Other accounts of these units get nothing by it."""
    call = organization.administered(call, CallAs)
    preferences = targets.check_preferences(OperationPreferences or {})
    found = stackset.get(call, StackSetName)
    if answer := again(call, found, OperationId, "CREATE"):
        return answer
    ids = await _ids(call, StackIds, StackIdsUrl)
    named = list(dict.fromkeys(OrganizationalUnitIds or ()))
    if named and not found.is_of_organization:
        raise ValidationError(targets.ACCOUNTS_ALONE)
    if found.is_of_organization and not named:
        raise ValidationError("OrganizationalUnitIds are required")
    units = [(unit, await organization.path(call, unit)) for unit in named]

    def act(held: StackSet) -> dict[str, str]:
        check_may_begin(call, held)
        results, imports = _results(call, held, ids, units)
        for result in results:
            stackset.promise(call, held, result)
        if held.is_of_organization:
            held = call.shelf(StackSet)[held.key] = _targeted(held, units, results)
        said = {"OrganizationalUnitIds": named} if named else {}
        return begin(call, held, OperationId, "CREATE", results, preferences, said=said, imports=imports)

    return begun(call, StackSetName, OperationId, "CREATE", act)


async def _ids(call: Call, named: list[str] | None, url: str | None) -> list[str]:
    if bool(named) == bool(url):
        raise ValidationError("Either StackIds or StackIdsUrl must be specified.")
    if url:
        text = await fetched.text(call, url, "StackIdsUrl", targets.ACCOUNTS_BYTES_MAX, "The list of stacks")
        named = [word.strip() for word in re.split(r"[,\n]", text) if word.strip()]
    ids, most = list(dict.fromkeys(named or ())), LISTED_MAX if url else NAMED_MAX
    if len(ids) > most:
        raise LimitExceededException(f"At most {most} stacks can be imported at a time")
    for id_ in ids:
        _parsed(id_)
    return ids


def _results(call: Call, found: StackSet, ids: list[str], units: list[tuple[str, str]]) -> tuple[list[Result], dict[str, str]]:
    taken = {each.stack_id for each in call.shelf(Instance).values() if each.stack_id}
    members = organization.members(call) if found.is_of_organization else {}
    results, imports = [], {}
    for id_ in ids:
        parsed, unit = _parsed(id_), ""
        if found.is_of_organization:
            unit = targets.unit_of(units, members[parsed.account].path) if parsed.account in members else ""
            if not unit:
                raise StackNotFoundException(f"Stack {id_} is in none of the organizational units")
        key = stackset.key_of(found.id, parsed.account, parsed.region)
        held = call.shelf(Instance).get(key)
        if id_ in taken or key in imports or (held is not None and held.detailed != "FAILED_IMPORT"):
            raise InvalidOperationException(f"Stack {id_} cannot be imported: a stack belongs to one StackSet, which has one in each place")
        results.append(Result(account=parsed.account, region=parsed.region, unit=unit))
        imports[key] = id_
    return results, imports


def _targeted(found: StackSet, units: list[tuple[str, str]], results: list[Result]) -> StackSet:
    held = found.targets
    for unit, path in units:
        if names := sorted({each.region for each in results if each.unit == unit}):
            held = targets.with_regions(held, [(unit, path)], names)
    return changed(found, targets=held)


async def source(call: Call, id_: str, roles: dict[str, str]) -> dict[str, Any]:
    """The template of a stack of which a set is made, and the values of its parameters, read by the roles by which the set will be deployed."""
    parsed = _parsed(id_)
    reading = Operation(id=call.new_id(), set_id="", number=0, action="CREATE", created=call.now(), **roles)
    try:
        there = await rollout.executor(call, reading, parsed.account)
        text = (await there.ask("cloudformation:GetTemplate", to_region=parsed.region, StackName=id_))["TemplateBody"]
        (stack,) = (await there.ask("cloudformation:DescribeStacks", to_region=parsed.region, StackName=id_))["Stacks"]
    except (rollout.Failed, AwsError) as error:
        raise ValidationError(str(error)) from None
    return {"text": text, "parameters": stack.get("Parameters", [])}
