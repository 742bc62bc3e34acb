"""Stack sets that are deployed by themselves: accounts that come to a unit get what is deployed there, and those that go lose it.

What each set knows of the organization, who is where in it, is written down in the same commit as what was made of the last change. So a
region that was dark finds by comparing what it missed. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from kumoniwa.gate.trail import CHANGED
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cloudformation import organization, rollout, stackset, targets
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stackset import Instance, LimitExceededException, Operation, Result, StackSet

WORK = ("cloudformation", "organization")
EVERY_S = 86_400.0
DEPENDENCIES_MAX, DEPENDENCIES_IN_ACCOUNT_MAX = 10, 100


class Seen(Record):
    """Where accounts were when a set was last deployed by itself; shelved by the set's id."""

    paths: dict[str, str]


def remember(call: Call, found: StackSet) -> None:
    """A new set begins with the organization as it is."""
    call.shelf(Seen)[found.id] = Seen(paths=_paths(call))


def _paths(call: Call) -> dict[str, str]:
    return {account: member.path for account, member in organization.members(call).items()}


def forget(call: Call, found: StackSet) -> None:
    """A set is no more: "Dependencies are removed when StackSets are deleted"."""
    call.shelf(Seen).pop(found.id, None)
    arn = call.arn(f"stackset/{found.id}")
    for each in list(call.shelf(StackSet).values()):
        if arn in each.auto.get("DependsOn", ()):
            kept = [other for other in each.auto["DependsOn"] if other != arn]
            rest = {name: said for name, said in each.auto.items() if name != "DependsOn"}
            call.shelf(StackSet)[each.key] = changed(each, auto=rest | ({"DependsOn": kept} if kept else {}))


# What is asked for -----------------------------------------------------------------------------------


def checked(call: Call, name: str, said: dict[str, Any] | None) -> dict[str, Any]:
    """AutoDeployment as it is kept. The words are ours; AWS requires it, and finds circles."""
    if said is None or "Enabled" not in said:
        raise ValidationError("AutoDeployment must be specified for StackSets with SERVICE_MANAGED permission model")
    is_enabled = said["Enabled"]
    if not is_enabled and "RetainStacksOnAccountRemoval" in said:
        raise ValidationError("RetainStacksOnAccountRemoval can only be specified if AutoDeployment is enabled")
    auto: dict[str, Any] = {"Enabled": is_enabled}
    if is_enabled:
        auto["RetainStacksOnAccountRemoval"] = bool(said.get("RetainStacksOnAccountRemoval"))
    if needed := list(dict.fromkeys(said.get("DependsOn") or ())):
        auto["DependsOn"] = _checked_dependencies(call, name, needed)
    return auto


def _checked_dependencies(call: Call, name: str, needed: list[str]) -> list[str]:
    if len(needed) > DEPENDENCIES_MAX:
        raise LimitExceededException(f"A StackSet can depend on at most {DEPENDENCIES_MAX} StackSets")
    others = sum(len(each.auto.get("DependsOn", ())) for each in call.shelf(StackSet).values() if each.name != name and each.status == "ACTIVE")
    if others + len(needed) > DEPENDENCIES_IN_ACCOUNT_MAX:
        raise LimitExceededException(f"The StackSets of an account can have at most {DEPENDENCIES_IN_ACCOUNT_MAX} dependencies")
    for arn in needed:
        found = _by_arn(call, arn)
        if found is None or not found.is_of_organization:
            raise ValidationError(f"StackSet {arn} that is depended on does not exist")
        if name in {found.name, *(each.name for each in _above(call, found))}:
            raise ValidationError(f"StackSet {name} cannot depend on {arn}, which depends on it")
    return needed


def _by_arn(call: Call, arn: str) -> StackSet | None:
    parsed = arns.parse(arn)
    if parsed is None or not arn.startswith(call.arn("stackset/")):
        return None
    return stackset.find(call, arn.partition(":stackset/")[2])


def _above(call: Call, found: StackSet) -> list[StackSet]:
    """All that a set depends on, also by way of others."""
    reached: dict[str, StackSet] = {}
    waiting = [found]
    while waiting:
        for arn in waiting.pop().auto.get("DependsOn", ()):
            if (each := _by_arn(call, arn)) is not None and each.id not in reached:
                reached[each.id] = each
                waiting.append(each)
    return list(reached.values())


# What follows from a change --------------------------------------------------------------------------


class Moves(NamedTuple):
    """What one set has to do."""

    found: StackSet
    gone: list[Result]
    come: list[Result]


def follow(call: Call) -> None:
    """Begin whatever follows from what changed in the organization since the last time."""
    sets = [each for each in call.shelf(StackSet).values() if each.is_of_organization and each.status == "ACTIVE"]
    if not sets or organization.management(call) is None:
        return
    paths = _paths(call)
    moves = [_moved(call, found, paths) for found in sorted(sets, key=lambda each: (len(_above(call, each)), each.created))]
    _begin(call, moves)


def _moved(call: Call, found: StackSet, paths: dict[str, str]) -> Moves:
    """What accounts that moved mean to a set. One that comes to another of its units keeps what is deployed there, too; AWS's documentation
    tells but of units that are targets of different sets."""
    seen = call.shelf(Seen)[found.id].paths if found.id in call.shelf(Seen) else {}
    if seen != paths:
        remember(call, found)
    gone, come = [], []
    if not found.auto.get("Enabled") or not organization.is_let_in(call):
        return Moves(found, gone, come)
    shelf, going = call.shelf(Instance), _going(call, found)
    for account in sorted(account for account in {*seen, *paths} if seen.get(account) != paths.get(account)):
        wanted = targets.regions_of(found.targets, paths[account]) if account in paths else {}
        for each in [each for each in stackset.instances(call, found) if each.account == account]:
            if each.region not in wanted and each.key not in going:
                gone.append(targets.result_of(each))
            elif each.region in wanted and each.unit != wanted[each.region]:
                shelf[each.key] = changed(each, unit=wanted[each.region])
        come += [
            Result(account=account, region=region, unit=unit)
            for region, unit in wanted.items()
            if (key := stackset.key_of(found.id, account, region)) not in shelf or key in going
        ]
    return Moves(found, gone, come)


def _going(call: Call, found: StackSet) -> set[str]:
    """Instances that will not be there for long."""
    going: set[str] = set()
    for operation in reversed([each for each in stackset.operations(call, found) if not each.is_over]):
        keys = {stackset.key_of(found.id, each.account, each.region) for each in operation.results}
        going = going | keys if operation.action == "DELETE" else going - keys if operation.action == "CREATE" else going
    return going


def _begin(call: Call, moves: list[Moves]) -> None:
    """First what goes, then what comes, each set after those that it depends on. What goes, goes in the opposite order, which no source
    tells of AWS: what depends on a set must be able to use it until it is gone itself."""
    going: dict[str, str] = {}
    for found, gone, _ in reversed(moves):
        if gone:
            after = [going[each.found.id] for each in moves if each.found.id in going and found.id in {up.id for up in _above(call, each.found)}]
            retains = found.auto.get("RetainStacksOnAccountRemoval", False)
            going[found.id] = _written(call, found, "DELETE", gone, after=after, retains=retains)
    coming: dict[str, str] = {}
    for found, _, come in moves:
        if come:
            for result in come:
                stackset.promise(call, found, result)
            coming[found.id] = _written(call, found, "CREATE", come, after=list(going.values()), needs=_needs(call, found, coming))


def _needs(call: Call, found: StackSet, coming: dict[str, str]) -> list[str]:
    """What must have succeeded before: what its dependencies are doing just now, for this change or another."""
    needs = []
    for up in _above(call, found):
        needs += [each.key for each in stackset.operations(call, up) if not each.is_over and each.action in ("CREATE", "UPDATE")]
        needs += [coming[up.id]] if up.id in coming else []
    return list(dict.fromkeys(needs))


def _written(
    call: Call, found: StackSet, action: str, results: list[Result], *, after: list[str], needs: list[str] | None = None, retains: bool = False
) -> str:
    """An operation that nobody asked for; answers its key. "StackSetOperationPreferences don't apply to AutoDeployment"."""
    operation = Operation(
        id=call.new_id(),
        set_id=found.id,
        number=len(stackset.operations(call, found)) + 1,
        action=action,
        created=call.now(),
        results=targets.ordered(results, {}),
        retains=retains,
        administration_role=found.administration_role,
        execution_role=found.execution_role,
        targets={"OrganizationalUnitIds": sorted({each.unit for each in results})},
        after=tuple(after),
        needs=tuple(needs or ()),
    )
    rollout.begin(call, operation)
    return operation.key


# Work ------------------------------------------------------------------------------------------------


def _ear(region: Any) -> Callable[[tuple], None]:
    def heard(fact: tuple[str, str, str, Any]) -> None:
        if fact[0] == CHANGED and fact[3] == "organizations":
            region.wake(WORK)

    return heard


async def run(region: Any) -> None:
    """Look again whenever something changed in an organization; what changed while the region was dark is seen as it comes up."""
    ear = _ear(region)
    region.listen(ear)
    try:
        while True:
            for call in region.calls("cloudformation", stacks.SERVICE):
                call.atomically(partial(follow, call))
            await region.wait(WORK, region.clock.now() + EVERY_S)
    finally:
        region.unlisten(ear)
