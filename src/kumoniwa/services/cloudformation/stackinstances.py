"""The operations on the instances of stack sets."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import organization, request, stackset, targets, template
from kumoniwa.services.cloudformation.stackoperations import again, begin, begun, check_may_begin
from kumoniwa.services.cloudformation.stackset import Instance, Result, StackSet

PAGE_MAX = 100


def absent(found: StackSet, account: str, region: str) -> AwsError:
    return stackset.StackInstanceNotFoundException(
        f"Stack instance of StackSet {found.name} in account {account} and region {region} not found"
    )


async def _aimed(
    call: Call, found: StackSet, accounts: list[str] | None, units: dict | None, regions: list[str], action: str
) -> tuple[targets.Wanted, list[str]]:
    """For whom, and in which regions: a request must say both."""
    meant = await targets.wanted(call, found, accounts, units, action)
    if found.is_of_organization and not meant.units:
        raise ValidationError(targets.UNITS_ALONE)
    if not found.is_of_organization and not meant.accounts:
        raise ValidationError("Accounts must be specified for stack sets with self-managed permissions.")
    return meant, targets.check_regions(regions)


def _values(given: dict[str, str | None], before: dict[str, str]) -> dict[str, str]:
    """What an instance overrides after a request said ``given``."""
    values = {key: before.get(key) if value is None else value for key, value in given.items()}
    return {key: value for key, value in values.items() if value is not None}


async def CreateStackInstances(
    call: Call,
    *,
    StackSetName: str,
    Regions: list[str],
    Accounts: list[str] | None = None,
    DeploymentTargets: dict | None = None,
    ParameterOverrides: list[dict] | None = None,
    OperationPreferences: dict | None = None,
    OperationId: str | None = None,
    CallAs: str | None = None,
) -> dict:
    """Instances that are there already are brought to what the set says. Units that are named are deployed to from then on, also as accounts
    come to them, whatever the filter: "Automatic deployments do not consider account level targeting filters."
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html"""
    call = organization.administered(call, CallAs)
    preferences = targets.check_preferences(OperationPreferences or {})
    found = stackset.get(call, StackSetName)
    if answer := again(call, found, OperationId, "CREATE"):
        return answer
    meant, names = await _aimed(call, found, Accounts, DeploymentTargets, Regions, "CREATE")
    given = None if ParameterOverrides is None else template.given(ParameterOverrides)

    def act(held: StackSet) -> dict[str, str]:
        check_may_begin(call, held)
        results = targets.fresh(call, held, meant, names)
        for result in results:
            _promise(call, held, result, given)
        if held.is_of_organization:
            held = call.shelf(StackSet)[held.key] = changed(held, targets=targets.with_regions(held.targets, meant.units, names))
        return begin(call, held, OperationId, "CREATE", results, preferences, said=meant.said)

    return begun(call, StackSetName, OperationId, "CREATE", act)


def _promise(call: Call, found: StackSet, result: Result, given: dict[str, str | None] | None) -> None:
    held = stackset.promise(call, found, result)
    overrides = held.overrides if given is None else _values(given, held.overrides)
    call.shelf(Instance)[held.key] = changed(held, overrides=overrides, unit=result.unit or held.unit)


async def UpdateStackInstances(
    call: Call,
    *,
    StackSetName: str,
    Regions: list[str],
    Accounts: list[str] | None = None,
    DeploymentTargets: dict | None = None,
    ParameterOverrides: list[dict] | None = None,
    OperationPreferences: dict | None = None,
    OperationId: str | None = None,
    CallAs: str | None = None,
) -> dict:
    """What is not overridden any more has the set's value again; of a request that says nothing of parameters all stay as they are."""
    call = organization.administered(call, CallAs)
    preferences = targets.check_preferences(OperationPreferences or {})
    found = stackset.get(call, StackSetName)
    if answer := again(call, found, OperationId, "UPDATE"):
        return answer
    meant, names = await _aimed(call, found, Accounts, DeploymentTargets, Regions, "UPDATE")
    given = None if ParameterOverrides is None else template.given(ParameterOverrides)

    def act(held: StackSet) -> dict[str, str]:
        results = chosen(call, held, meant, names)
        shelf = call.shelf(Instance)
        for result in results if given is not None else ():
            each = shelf[stackset.key_of(held.id, result.account, result.region)]
            shelf[each.key] = changed(each, overrides=_values(given, each.overrides))
        return begin(call, held, OperationId, "UPDATE", results, preferences, said=meant.said)

    return begun(call, StackSetName, OperationId, "UPDATE", act)


def chosen(call: Call, found: StackSet, meant: targets.Wanted, names: list[str] | None) -> list[Result]:
    """The instances that an update is about. Whoever names accounts names none that have none; those that are inoperable are left out."""
    results = targets.standing(call, found, meant, names)
    if not found.is_of_organization and names is not None:
        there = {(each.account, each.region) for each in results}
        if missing := [(account, name) for name in names for account in meant.accounts if (account, name) not in there]:
            raise absent(found, *missing[0])
    shelf = call.shelf(Instance)
    return [each for each in results if shelf[stackset.key_of(found.id, each.account, each.region)].status != "INOPERABLE"]


async def DeleteStackInstances(
    call: Call,
    *,
    StackSetName: str,
    Regions: list[str],
    RetainStacks: bool,
    Accounts: list[str] | None = None,
    DeploymentTargets: dict | None = None,
    OperationPreferences: dict | None = None,
    OperationId: str | None = None,
    CallAs: str | None = None,
) -> dict:
    """What is not there is deleted already. A unit that is named as a whole is not deployed to any more; no source tells what AWS makes of
    one that is named with a filter, and here it is deployed to as before."""
    call = organization.administered(call, CallAs)
    preferences = targets.check_preferences(OperationPreferences or {})
    found = stackset.get(call, StackSetName)
    if answer := again(call, found, OperationId, "DELETE"):
        return answer
    meant, names = await _aimed(call, found, Accounts, DeploymentTargets, Regions, "DELETE")

    def act(held: StackSet) -> dict[str, str]:
        results = targets.standing(call, held, meant, names)
        if meant.filter in (targets.NONE, targets.UNION) and meant.units:
            held = call.shelf(StackSet)[held.key] = changed(held, targets=targets.without_regions(held.targets, meant.units, names))
        return begin(call, held, OperationId, "DELETE", results, preferences, retains=RetainStacks, said=meant.said)

    return begun(call, StackSetName, OperationId, "DELETE", act)


# Looking ---------------------------------------------------------------------------------------------


def DescribeStackInstance(
    call: Call, *, StackSetName: str, StackInstanceAccount: str, StackInstanceRegion: str, CallAs: str | None = None
) -> dict:
    call = organization.administered(call, CallAs)
    found = stackset.get(call, StackSetName)
    each = _found(call, found, StackInstanceAccount, StackInstanceRegion)
    overrides = {"ParameterOverrides": stackset.given(each.overrides, found.hidden)}
    return {"StackInstance": stackset.instance_shown(each) | overrides}


def _found(call: Call, found: StackSet, account: str, region: str) -> Instance:
    each = call.shelf(Instance).get(stackset.key_of(found.id, account, region))
    if each is None:
        raise absent(found, account, region)
    return each


_READS: dict[str, Any] = {
    "DETAILED_STATUS": lambda each: each.detailed,
    "LAST_OPERATION_ID": lambda each: each.operation,
    "DRIFT_STATUS": lambda each: each.drift,
}


def ListStackInstances(
    call: Call,
    *,
    StackSetName: str,
    Filters: list[dict] | None = None,
    StackInstanceAccount: str | None = None,
    StackInstanceRegion: str | None = None,
    CallAs: str | None = None,
) -> dict:
    call = organization.administered(call, CallAs)
    found = stackset.instances(call, stackset.get(call, StackSetName))
    for wanted in Filters or ():
        found = [each for each in found if _READS[wanted["Name"]](each) == wanted["Values"]]
    return {
        "Summaries": [
            stackset.instance_shown(each)
            for each in found
            if StackInstanceAccount in (None, each.account) and StackInstanceRegion in (None, each.region)
        ]
    }


def ListStackInstanceResourceDrifts(
    call: Call,
    *,
    StackSetName: str,
    StackInstanceAccount: str,
    StackInstanceRegion: str,
    OperationId: str,
    StackInstanceResourceDriftStatuses: list[str] | None = None,
    MaxResults: int | None = None,
    NextToken: str | None = None,
    CallAs: str | None = None,
) -> dict:
    """Of the most recent detection alone, as AWS says."""
    call = organization.administered(call, CallAs)
    found = stackset.get(call, StackSetName)
    operation = stackset.operation(call, found, OperationId)
    each = _found(call, found, StackInstanceAccount, StackInstanceRegion)
    rows = call.rows(stackset.DRIFTS).all(
        "select status, body from cloudformation_set_drift where instance = ? and operation = ? order by logical", each.key, operation.id
    )
    wanted = StackInstanceResourceDriftStatuses
    told = [json.loads(body) for status, body in rows if not wanted or status in wanted]
    first = request.place(NextToken) or 0
    last = first + (MaxResults or PAGE_MAX)
    return {"Summaries": told[first:last]} | ({"NextToken": str(last)} if last < len(told) else {})
