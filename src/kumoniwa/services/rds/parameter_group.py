"""Parameter groups: what customers tell their servers.

What a group says of dynamic parameters with the method ``immediate`` acts at once in all instances that have the group; all else when an
instance is rebooted. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithParamGroups.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.engines.database.program import ServerFailed
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.rds import engine_list, event, hosting, names, parameter, tag
from kumoniwa.services.rds.engine import Engine, filtered
from kumoniwa.services.rds.errors import (
    DBParameterGroupAlreadyExistsFault,
    DBParameterGroupNotFoundFault,
    DBParameterGroupQuotaExceededFault,
    InvalidDBParameterGroupStateFault,
    InvalidParameterCombination,
    InvalidParameterValue,
)
from kumoniwa.services.rds.instance import Instance, keep, look_again

GROUPS_MAX = 50
AT_ONCE_MAX = 20
METHODS = ("immediate", "pending-reboot")


class ParameterGroup(Record):
    """Shelved by name."""

    name: str
    family: str
    description: str
    values: dict[str, str] = {}
    methods: dict[str, str] = {}
    """By which each of them was said to be applied."""
    tags: dict[str, str] = {}


def default_name(engine: Engine) -> str:
    return f"default.{engine.family()}"


def engine_of(group: ParameterGroup) -> Engine:
    """Raises NotImplementedHere if no server of its family runs here any more."""
    found = engine_list.of_family(group.family)
    if found is None:
        raise NotImplementedHere(f"the parameter group family {group.family}")
    return found


def named(call: Call, name: str) -> ParameterGroup:
    """A group, perhaps the default one, which is on no shelf and can be in any account."""
    name = name.lower()
    found = call.shelf(ParameterGroup).get(name)
    if found is None and name.startswith("default.") and (engine := engine_list.of_family(name.removeprefix("default."))) is not None:
        return ParameterGroup(name=name, family=engine.family(), description=f"Default parameter group for {engine.family()}")
    if found is None:
        raise DBParameterGroupNotFoundFault(f"DBParameterGroup not found: {name}")
    return found


def own(call: Call, name: str) -> ParameterGroup:
    """One that can be changed."""
    if name.lower().startswith("default."):
        raise InvalidParameterValue(
            f"The parameter DBParameterGroupName is not a valid identifier: default parameter groups can't be modified: {name}"
        )
    return named(call, name)


def shown(call: Call, group: ParameterGroup) -> dict[str, Any]:
    return {
        "DBParameterGroupName": group.name, "DBParameterGroupFamily": group.family, "Description": group.description,
        "DBParameterGroupArn": call.arn(f"pg:{group.name}"),
    }  # fmt: skip


def _check_family(family: str) -> None:
    if engine_list.of_family(family) is not None:
        return
    engine = engine_list.ENGINES.get(family.rstrip("0123456789."))
    if engine is not None:
        # AWS has other versions, but no server of those runs here.
        raise NotImplementedHere(f"the parameter group family {family}: {engine.title} {engine.major()} runs here")
    raise InvalidParameterValue(f"ParameterGroupFamily {family} is not a valid parameter group family")


def checked_for(call: Call, name: str | None, engine: Engine) -> str:
    """The name of a group that an instance of an engine may have."""
    group = named(call, name or default_name(engine))
    if group.family != engine.family():
        # Of AWS as seen in 2024: mattermost/mattermost-load-test-ng#707.
        raise InvalidParameterCombination(
            f"The parameter group {group.name} with DBParameterGroupFamily {group.family} can't be used for this instance. "
            f"Use a parameter group with DBParameterGroupFamily {engine.family()}."
        )
    return group.name


def CreateDBParameterGroup(
    call: Call, *, DBParameterGroupName: str, DBParameterGroupFamily: str, Description: str, Tags: list[dict] | None = None
) -> dict:
    name, shelf = names.identifier(DBParameterGroupName, "DBParameterGroupName", 255), call.shelf(ParameterGroup)
    if name in shelf:
        raise DBParameterGroupAlreadyExistsFault(f"Parameter group {name} already exists")
    _check_family(DBParameterGroupFamily)
    if len(shelf) >= GROUPS_MAX:
        raise DBParameterGroupQuotaExceededFault(f"Cannot create more than {GROUPS_MAX} parameter groups")
    group = shelf[name] = ParameterGroup(name=name, family=DBParameterGroupFamily, description=Description, tags=tag.checked(Tags))
    return {"DBParameterGroup": shown(call, group)}


def CopyDBParameterGroup(
    call: Call, *, SourceDBParameterGroupIdentifier: str, TargetDBParameterGroupIdentifier: str, TargetDBParameterGroupDescription: str,
    Tags: list[dict] | None = None,
) -> dict:  # fmt: skip
    source = named(call, SourceDBParameterGroupIdentifier.rpartition(":pg:")[2])
    name, shelf = names.identifier(TargetDBParameterGroupIdentifier, "TargetDBParameterGroupIdentifier", 255), call.shelf(ParameterGroup)
    if name in shelf:
        raise DBParameterGroupAlreadyExistsFault(f"Parameter group {name} already exists")
    if len(shelf) >= GROUPS_MAX:
        raise DBParameterGroupQuotaExceededFault(f"Cannot create more than {GROUPS_MAX} parameter groups")
    group = shelf[name] = changed(source, name=name, description=TargetDBParameterGroupDescription, tags=tag.checked(Tags))
    return {"DBParameterGroup": shown(call, group)}


def DescribeDBParameterGroups(call: Call, *, DBParameterGroupName: str | None = None, Filters: list[dict] | None = None) -> dict:
    if Filters:
        raise NotImplementedHere("rds:DescribeDBParameterGroups(Filters)")
    if DBParameterGroupName is not None:
        return {"DBParameterGroups": [shown(call, named(call, DBParameterGroupName))]}
    # The default one is told once an instance has it, as it is then that AWS makes it.
    used = {each.group for each in call.shelf(Instance).values() if each.group.startswith("default.")}
    found = [*call.shelf(ParameterGroup).values(), *(named(call, name) for name in used)]
    return {"DBParameterGroups": [shown(call, each) for each in sorted(found, key=lambda each: each.name)]}


def DeleteDBParameterGroup(call: Call, *, DBParameterGroupName: str) -> None:
    group = own(call, DBParameterGroupName)
    if any(each.group == group.name for each in call.shelf(Instance).values()):
        raise InvalidDBParameterGroupStateFault(
            "One or more database instances are still members of this parameter group, so the group cannot be deleted"
        )
    del call.shelf(ParameterGroup)[group.name]


def DescribeDBParameters(call: Call, *, DBParameterGroupName: str, Source: str | None = None, Filters: list[dict] | None = None) -> dict:
    if Source not in (None, "", "user", "system", "engine-default"):
        raise InvalidParameterValue(f"Invalid source: {Source}. Valid values are: user, system, engine-default")
    group, found = named(call, DBParameterGroupName), []
    engine = engine_of(group)
    for each in engine.parameters().values():
        if each.name in group.values:
            shown_one = each.shown(group.values[each.name], "user", group.methods[each.name])
        else:
            default = engine.default(each.name)
            shown_one = each.shown(default, "system" if default is not None else "engine-default", "pending-reboot")
        if (not Source or shown_one["Source"] == Source) and filtered({"parameter-name": {each.name}}, Filters):
            found.append(shown_one)
    return {"Parameters": found}


def DescribeEngineDefaultParameters(call: Call, *, DBParameterGroupFamily: str, Filters: list[dict] | None = None) -> dict:
    engine = engine_list.of_family(DBParameterGroupFamily)
    if engine is None:
        raise InvalidParameterValue(f"ParameterGroupFamily {DBParameterGroupFamily} is not a valid parameter group family")
    found = [
        each.shown(engine.default(each.name), "engine-default", "pending-reboot")
        for each in engine.parameters().values()
        if filtered({"parameter-name": {each.name}}, Filters)
    ]
    return {"EngineDefaults": {"DBParameterGroupFamily": DBParameterGroupFamily, "Parameters": found}}


def _asked(group: ParameterGroup, Parameters: list[dict]) -> dict[str, tuple[parameter.Parameter, str, str]]:
    """Name, value and method of each. Raises InvalidParameterValue, InvalidParameterCombination."""
    if not 1 <= len(Parameters) <= AT_ONCE_MAX:
        raise InvalidParameterValue(f"Between 1 and {AT_ONCE_MAX} parameters can be modified in a single request")
    found = {}
    for each in Parameters:
        known = parameter.checked(engine_of(group).parameters(), each.get("ParameterName", ""))
        method = each.get("ApplyMethod")
        if method not in METHODS:
            raise InvalidParameterValue(f"Invalid apply method: {method}. Valid values are: {', '.join(METHODS)}")
        if known.is_static and method == "immediate":
            raise InvalidParameterCombination("cannot use immediate apply method for static parameter")
        found[known.name] = (known, str(each.get("ParameterValue", "")), method)
    return found


async def ModifyDBParameterGroup(call: Call, *, DBParameterGroupName: str, Parameters: list[dict]) -> dict:
    """The server itself says whether it takes a value."""
    found = own(call, DBParameterGroupName)
    asked = _asked(found, Parameters)
    for known, value, _ in asked.values():
        await _check(call, engine_of(found), known, value)

    def act() -> dict:
        group = own(call, DBParameterGroupName)
        values = group.values | {name: value for name, (_, value, _) in asked.items()}
        methods = group.methods | {name: method for name, (_, _, method) in asked.items()}
        call.shelf(ParameterGroup)[group.name] = changed(group, values=values, methods=methods)
        for name, (_, value, method) in asked.items():
            event.tell(call, "db-parameter-group", group.name, "RDS-EVENT-0037", f"Updated parameter {name} to {value} with apply method {method}")
        _apply(call, group.name, {name: value for name, (_, value, method) in asked.items() if method == "immediate"})
        return {"DBParameterGroupName": group.name}

    return call.atomically(act)


async def _check(call: Call, engine: Engine, known: parameter.Parameter, value: str) -> None:
    tried = parameter.computed(value, parameter.variables(*parameter.SMALLEST))
    if "\0" in tried or "\n" in tried:
        raise parameter.refused(known, value)
    try:
        await engine.check(hosting.servers(call.home).golden(engine), known, tried)
    except ServerFailed as failed:
        error = parameter.refused(known, value)
        error.hint = str(failed).splitlines()[0] if str(failed) else ""
        raise error from None


def _apply(call: Call, name: str, values: dict[str, str | None]) -> None:
    """Have every instance of a group read these at once; None is the default."""
    if not values:
        return
    for instance in list(call.shelf(Instance).values()):
        if instance.group == name and instance.booted_group == name:
            booted = {**instance.booted, **{key: value for key, value in values.items() if value is not None}}
            booted = {key: value for key, value in booted.items() if key not in values or values[key] is not None}
            keep(call, instance, booted=booted, is_to_reload=True)
            look_again(call, instance.id)


def ResetDBParameterGroup(
    call: Call, *, DBParameterGroupName: str, ResetAllParameters: bool | None = None, Parameters: list[dict] | None = None
) -> dict:
    group = own(call, DBParameterGroupName)
    if Parameters and ResetAllParameters:
        raise InvalidParameterCombination("Cannot specify both ResetAllParameters and a list of parameters")
    if Parameters is None and not ResetAllParameters:
        raise InvalidParameterCombination("The request must specify either ResetAllParameters or a list of parameters")
    if Parameters:
        gone = {name: method for name, (_, _, method) in _asked(group, Parameters).items()}
    else:
        known = engine_of(group).parameters()
        gone = {name: "pending-reboot" if known[name].is_static else "immediate" for name in group.values}
    call.shelf(ParameterGroup)[group.name] = changed(
        group, values={name: value for name, value in group.values.items() if name not in gone},
        methods={name: value for name, value in group.methods.items() if name not in gone},
    )  # fmt: skip
    for name, method in gone.items():
        event.tell(call, "db-parameter-group", group.name, "RDS-EVENT-0037", f"Updated parameter {name} to NULL with apply method {method}")
    _apply(call, group.name, {name: None for name, method in gone.items() if method == "immediate"})
    return {"DBParameterGroupName": group.name}


def status(call: Call, instance: Instance) -> str:
    """Whether an instance runs with what its group says now."""
    if instance.group != instance.booted_group:
        return "pending-reboot"
    if instance.is_to_reload:
        return "applying"
    return "in-sync" if named(call, instance.group).values == instance.booted else "pending-reboot"
