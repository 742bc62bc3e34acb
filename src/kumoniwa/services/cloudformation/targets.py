"""Whom an operation on a stack set is about: accounts in regions, named one by one, or by the units of an organization that they are in.

What a request says of an organization is a number of units and how a list of accounts narrows or widens them.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from kumoniwa.aws import regions
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.services.cloudformation import fetched, organization, stackset
from kumoniwa.services.cloudformation.stackset import Instance, Result, StackSet, Target

UNITS_MAX = 50
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackInstances.html"""
ACCOUNTS_BYTES_MAX = 10 * 1024 * 1024
NONE, INTERSECTION, DIFFERENCE, UNION = "NONE", "INTERSECTION", "DIFFERENCE", "UNION"
_ACCOUNT = re.compile(r"[0-9]{12}")
UNITS_ALONE = "StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target"
ACCOUNTS_ALONE = "StackSets with SELF_MANAGED permission model can only have accounts as target"
"""The first is recorded, aws/aws-cli#8248; both as getmoto/moto's test_stack_sets has them."""


class Wanted(NamedTuple):
    """What a request names."""

    accounts: tuple[str, ...] = ()
    units: tuple[tuple[str, str], ...] = ()
    """Units and their paths, in the order in which they were named."""
    filter: str = NONE
    said: dict[str, Any] = {}
    """DeploymentTargets, as it was."""


# Regions ---------------------------------------------------------------------------------------------


def check_preferences(said: dict[str, Any]) -> dict[str, Any]:
    for one, other in (("FailureToleranceCount", "FailureTolerancePercentage"), ("MaxConcurrentCount", "MaxConcurrentPercentage")):
        if one in said and other in said:
            raise ValidationError(f"Only one of {one} and {other} can be specified.")
    is_strict = said.get("ConcurrencyMode", "STRICT_FAILURE_TOLERANCE") == "STRICT_FAILURE_TOLERANCE"
    if is_strict and "MaxConcurrentCount" in said and said["MaxConcurrentCount"] > said.get("FailureToleranceCount", 0) + 1:
        raise ValidationError("MaxConcurrentCount may be at most one more than FailureToleranceCount.")
    return said


def check_regions(names: list[str] | None) -> list[str]:
    if not names:
        raise ValidationError("At least one region must be specified.")
    if unknown := [name for name in names if not regions.is_region(name)]:
        raise ValidationError(f"The following regions are not supported: [{', '.join(unknown)}]")
    return list(dict.fromkeys(names))


def ordered(results: Iterable[Result], preferences: dict[str, Any]) -> tuple[Result, ...]:
    """Region by region, as an operation prefers them; those that it does not name come in their own order after them."""
    results = list(results)
    order = list(dict.fromkeys([*preferences.get("RegionOrder", []), *(each.region for each in results)]))
    return tuple(sorted(results, key=lambda each: order.index(each.region)))


# What is named ---------------------------------------------------------------------------------------


async def wanted(call: Call, found: StackSet, accounts: list[str] | None, said: dict[str, Any] | None, verb: str) -> Wanted:
    """What ``Accounts`` and ``DeploymentTargets`` of a request name; nothing where it says nothing."""
    listed = list(accounts or ())
    if said and accounts:
        # "You can specify Accounts or DeploymentTargets, but not both"; in which words is not told.
        raise ValidationError("Accounts and DeploymentTargets cannot be specified together.")
    if said and (url := said.get("AccountsUrl")):
        if said.get("Accounts"):
            raise ValidationError("Only one of Accounts and AccountsUrl can be specified.")
        text = await fetched.text(call, url, "AccountsUrl", ACCOUNTS_BYTES_MAX, "The list of accounts")
        listed = [word.strip() for word in re.split(r"[,\n]", text) if word.strip()]
    elif said:
        listed = list(said.get("Accounts") or ())
    if malformed := [account for account in listed if not _ACCOUNT.fullmatch(account)]:
        raise ValidationError(f"Invalid account id: {malformed[0]}")
    listed = list(dict.fromkeys(listed))
    if not found.is_of_organization:
        if said and said.get("OrganizationalUnitIds"):
            raise ValidationError(ACCOUNTS_ALONE)
        return Wanted(accounts=tuple(listed), filter=UNION, said=said or {})
    if accounts or (said and not said.get("OrganizationalUnitIds") and verb != "CREATE"):
        raise ValidationError(UNITS_ALONE)
    if not said:
        return Wanted()
    named = list(dict.fromkeys(said.get("OrganizationalUnitIds") or ()))
    if not named:
        raise ValidationError("OrganizationalUnitIds are required")
    if len(named) > UNITS_MAX:
        raise ValidationError(f"The number of organizational units may not exceed {UNITS_MAX}.")
    how = _filter(said, listed, verb)
    units = tuple([(unit, await organization.path(call, unit)) for unit in named])
    return Wanted(accounts=tuple(listed), units=units, filter=how, said=said)


def _filter(said: dict[str, Any], listed: list[str], verb: str) -> str:
    """Two of the words are those of AWS's own handler of AWS::CloudFormation::StackSet, which says them before the service does."""
    how = said.get("AccountFilterType")
    if how in (INTERSECTION, DIFFERENCE, UNION) and not listed:
        raise ValidationError("Accounts should be specified when Account-level Targeting is enabled")
    if listed and (how == NONE or (how is None and verb == "CREATE")):
        raise ValidationError("AccountFilterType should be specified when both OrganizationalUnitIds and Accounts are provided")
    if how == UNION and verb == "CREATE":
        raise ValidationError("AccountFilterType UNION is not supported for CreateStackInstances")
    return how or (UNION if listed else NONE)


# Who that is -----------------------------------------------------------------------------------------


def unit_of(units: Iterable[tuple[str, str]], path: str) -> str:
    """The unit by which an account on ``path`` is meant: the nearest above it. No source tells which AWS answers of several."""
    above = [(len(its), unit) for unit, its in units if path.startswith(its)]
    return max(above)[1] if above else ""


def in_organization(call: Call, found: StackSet, meant: Wanted) -> dict[str, str]:
    """The accounts that are meant now, and the unit by which each is. Of instances that are left of an account which was moved away or out
    of the organization, the unit is that by which they came."""
    units: dict[str, str] = {}
    for each in stackset.instances(call, found):
        paths = [target.path for target in found.targets if target.unit == each.unit]
        if each.unit in dict(meant.units) or any(unit_of(meant.units, path) for path in paths):
            units[each.account] = each.unit
    members = organization.members(call)
    for account, member in members.items():
        if unit := unit_of(meant.units, member.path):
            units[account] = unit
    if meant.filter == INTERSECTION:
        return {account: unit for account, unit in units.items() if account in meant.accounts}
    if meant.filter == DIFFERENCE:
        return {account: unit for account, unit in units.items() if account not in meant.accounts}
    if meant.filter == UNION:
        units |= {account: "" for account in meant.accounts if account not in units and account in members}
    return units


def joined(call: Call, meant: Wanted) -> dict[str, str]:
    """The same of accounts that may get an instance: those that are there now."""
    units = {account: unit_of(meant.units, member.path) for account, member in organization.members(call).items()}
    return {
        account: unit
        for account, unit in units.items()
        if unit and (meant.filter == NONE or (account in meant.accounts) == (meant.filter == INTERSECTION))
    }


def fresh(call: Call, found: StackSet, meant: Wanted, names: list[str]) -> list[Result]:
    """Where instances are to be made."""
    units = joined(call, meant) if found.is_of_organization else dict.fromkeys(meant.accounts, "")
    return [Result(account=account, region=name, unit=unit) for name in names for account, unit in units.items()]


def standing(call: Call, found: StackSet, meant: Wanted, names: list[str] | None) -> list[Result]:
    """The instances that are meant, in regions or everywhere; all of them where nothing is named."""
    units = in_organization(call, found, meant) if meant.units else dict.fromkeys(meant.accounts, "")
    return [
        result_of(each)
        for each in stackset.instances(call, found)
        if (not meant.said and not meant.accounts or each.account in units) and (names is None or each.region in names)
    ]


def result_of(each: Instance) -> Result:
    return Result(account=each.account, region=each.region, unit=each.unit)


# What a set is deployed to ---------------------------------------------------------------------------


def with_regions(targets: tuple[Target, ...], units: Iterable[tuple[str, str]], names: list[str]) -> tuple[Target, ...]:
    held = {each.unit: each for each in targets}
    for unit, path in units:
        before = held[unit].regions if unit in held else ()
        held[unit] = Target(unit=unit, path=path, regions=tuple(sorted({*before, *names})))
    return tuple(held[unit] for unit in sorted(held))


def without_regions(targets: tuple[Target, ...], units: Iterable[tuple[str, str]], names: list[str]) -> tuple[Target, ...]:
    """What is taken from a unit is taken from all that are in it."""
    left = []
    for each in targets:
        is_meant = any(each.path.startswith(path) for _, path in units)
        kept = tuple(name for name in each.regions if not is_meant or name not in names)
        if kept:
            left.append(Target(unit=each.unit, path=each.path, regions=kept))
    return tuple(left)


def regions_of(targets: tuple[Target, ...], path: str) -> dict[str, str]:
    """Where accounts on ``path`` are deployed to, and the unit by which they are."""
    names = sorted({name for each in targets if path.startswith(each.path) for name in each.regions})
    return {name: unit_of([(each.unit, each.path) for each in targets if name in each.regions], path) for name in names}
