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
from kumoniwa.services.rds.instance import Cluster, Instance, by_id, keep, look_again, members, name_of

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


class ClusterParameterGroup(ParameterGroup):
    """What all instances of a cluster are told, where the group of one of them does not say otherwise.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_WorkingWithParamGroups.html"""


_KINDS = {ParameterGroup: "DBParameterGroup", ClusterParameterGroup: "DBClusterParameterGroup"}


def default_name(engine: Engine) -> str:
    return f"default.{engine.family()}"


def engine_of(group: ParameterGroup) -> Engine:
    """Raises NotImplementedHere if no server of its family runs here any more."""
    found = engine_list.of_family(group.family)
    if found is None:
        raise NotImplementedHere(f"the parameter group family {group.family}")
    return found


def named(call: Call, name: str, type_: type[ParameterGroup] = ParameterGroup) -> ParameterGroup:
    """A group, perhaps the default one, which is on no shelf and can be in any account."""
    name = name.lower()
    found = call.shelf(type_).get(name)
    if found is None and name.startswith("default.") and (engine := engine_list.of_family(name.removeprefix("default."))) is not None:
        if type_ is ParameterGroup or engine.has_clusters:
            whose = "cluster parameter" if type_ is ClusterParameterGroup else "parameter"
            return type_(name=name, family=engine.family(), description=f"Default {whose} group for {engine.family()}")
    if found is None:
        raise DBParameterGroupNotFoundFault(f"{_KINDS[type_]} not found: {name}")
    return found


def own(call: Call, name: str, type_: type[ParameterGroup] = ParameterGroup) -> ParameterGroup:
    """One that can be changed."""
    if name.lower().startswith("default."):
        raise InvalidParameterValue(
            f"The parameter {_KINDS[type_]}Name is not a valid identifier: default parameter groups can't be modified: {name}"
        )
    return named(call, name, type_)


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


def checked_for(call: Call, name: str | None, engine: Engine, type_: type[ParameterGroup] = ParameterGroup) -> str:
    """The name of a group that an instance of an engine may have."""
    group = named(call, name or default_name(engine), type_)
    if group.family != engine.family():
        # Of AWS as seen in 2024: mattermost/mattermost-load-test-ng#707.
        raise InvalidParameterCombination(
            f"The parameter group {group.name} with DBParameterGroupFamily {group.family} can't be used for this instance. "
            f"Use a parameter group with DBParameterGroupFamily {engine.family()}."
        )
    return group.name


def check_new(call: Call, name: str, parameter_: str, type_: type[ParameterGroup]) -> str:
    name, shelf = names.identifier(name, parameter_, 255), call.shelf(type_)
    if name in shelf:
        raise DBParameterGroupAlreadyExistsFault(f"Parameter group {name} already exists")
    if len(shelf) >= GROUPS_MAX:
        raise DBParameterGroupQuotaExceededFault(f"Cannot create more than {GROUPS_MAX} parameter groups")
    return name


def made(call: Call, type_: type[ParameterGroup], name: str, family: str, description: str, tags: list[dict] | None) -> ParameterGroup:
    name = check_new(call, name, f"{_KINDS[type_]}Name", type_)
    _check_family(family)
    group = call.shelf(type_)[name] = type_(name=name, family=family, description=description, tags=tag.checked(tags))
    return group


def CreateDBParameterGroup(
    call: Call, *, DBParameterGroupName: str, DBParameterGroupFamily: str, Description: str, Tags: list[dict] | None = None
) -> dict:
    return {"DBParameterGroup": shown(call, made(call, ParameterGroup, DBParameterGroupName, DBParameterGroupFamily, Description, Tags))}


def CopyDBParameterGroup(
    call: Call, *, SourceDBParameterGroupIdentifier: str, TargetDBParameterGroupIdentifier: str, TargetDBParameterGroupDescription: str,
    Tags: list[dict] | None = None,
) -> dict:  # fmt: skip
    source = named(call, name_of(call, "pg", SourceDBParameterGroupIdentifier))
    name = check_new(call, TargetDBParameterGroupIdentifier, "TargetDBParameterGroupIdentifier", ParameterGroup)
    group = call.shelf(ParameterGroup)[name] = changed(source, name=name, description=TargetDBParameterGroupDescription, tags=tag.checked(Tags))
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


async def known(call: Call, engine: Engine) -> dict[str, parameter.Parameter]:
    """What servers of an engine can be told."""
    golden = hosting.servers(call.home).golden(engine)
    await engine.ready(golden)
    return engine.parameters(golden)


async def DescribeDBParameters(call: Call, *, DBParameterGroupName: str, Source: str | None = None, Filters: list[dict] | None = None) -> dict:
    return {"Parameters": await told(call, named(call, DBParameterGroupName), Source, Filters)}


async def told(call: Call, group: ParameterGroup, Source: str | None, Filters: list[dict] | None) -> list[dict]:
    if Source not in (None, "", "user", "system", "engine-default"):
        raise InvalidParameterValue(f"Invalid source: {Source}. Valid values are: user, system, engine-default")
    engine, found = engine_of(group), []
    for each in (await known(call, engine)).values():
        if each.name in group.values:
            shown_one = each.shown(group.values[each.name], "user", group.methods[each.name])
        else:
            default = engine.default(each.name)
            shown_one = each.shown(default, "system" if default is not None else "engine-default", "pending-reboot")
        if (not Source or shown_one["Source"] == Source) and filtered({"parameter-name": {each.name}}, Filters):
            found.append(shown_one)
    return found


async def DescribeEngineDefaultParameters(call: Call, *, DBParameterGroupFamily: str, Filters: list[dict] | None = None) -> dict:
    return {"EngineDefaults": await defaults(call, DBParameterGroupFamily, Filters)}


async def defaults(call: Call, DBParameterGroupFamily: str, Filters: list[dict] | None) -> dict:
    engine = engine_list.of_family(DBParameterGroupFamily)
    if engine is None:
        raise InvalidParameterValue(f"ParameterGroupFamily {DBParameterGroupFamily} is not a valid parameter group family")
    found = [
        each.shown(engine.default(each.name), "engine-default", "pending-reboot")
        for each in (await known(call, engine)).values()
        if filtered({"parameter-name": {each.name}}, Filters)
    ]
    return {"DBParameterGroupFamily": DBParameterGroupFamily, "Parameters": found}


def _asked(knows: dict[str, parameter.Parameter], Parameters: list[dict]) -> dict[str, tuple[parameter.Parameter, str, str]]:
    """Name, value and method of each. Raises InvalidParameterValue, InvalidParameterCombination."""
    if not 1 <= len(Parameters) <= AT_ONCE_MAX:
        raise InvalidParameterValue(f"Between 1 and {AT_ONCE_MAX} parameters can be modified in a single request")
    found = {}
    for each in Parameters:
        one = parameter.checked(knows, each.get("ParameterName", ""))
        method = each.get("ApplyMethod")
        if method not in METHODS:
            raise InvalidParameterValue(f"Invalid apply method: {method}. Valid values are: {', '.join(METHODS)}")
        if one.is_static and method == "immediate":
            raise InvalidParameterCombination("cannot use immediate apply method for static parameter")
        found[one.name] = (one, str(each.get("ParameterValue", "")), method)
    return found


async def ModifyDBParameterGroup(call: Call, *, DBParameterGroupName: str, Parameters: list[dict]) -> dict:
    await modify(call, ParameterGroup, DBParameterGroupName, Parameters)
    return {"DBParameterGroupName": DBParameterGroupName.lower()}


async def modify(call: Call, type_: type[ParameterGroup], name: str, Parameters: list[dict]) -> None:
    """The server itself says whether it takes a value."""
    engine = engine_of(own(call, name, type_))
    asked = _asked(await known(call, engine), Parameters)
    for each, value, _ in asked.values():
        await _check(call, engine, each, value)

    def act() -> None:
        group = own(call, name, type_)
        values = group.values | {name: value for name, (_, value, _) in asked.items()}
        methods = group.methods | {name: method for name, (_, _, method) in asked.items()}
        call.shelf(type_)[group.name] = changed(group, values=values, methods=methods)
        for key, (_, value, method) in asked.items():
            _tell(call, group, f"Updated parameter {key} to {value} with apply method {method}")
        _apply(call, group, {key: value for key, (_, value, method) in asked.items() if method == "immediate"})

    call.atomically(act)


def _tell(call: Call, group: ParameterGroup, text: str) -> None:
    """Of groups of clusters nothing is told."""
    if not isinstance(group, ClusterParameterGroup):
        event.tell(call, "db-parameter-group", group.name, "RDS-EVENT-0037", text)


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


def values_of(call: Call, instance: Instance) -> dict[str, str]:
    """What its groups say to an instance's server, or to a cluster's."""
    if not isinstance(instance, Cluster):
        return named(call, instance.group).values
    of_writer = [named(call, each.group).values for each in members(call, instance)[:1]]
    return {**named(call, instance.group, ClusterParameterGroup).values, **(of_writer[0] if of_writer else {})}


def groups_of(call: Call, instance: Instance) -> str:
    if not isinstance(instance, Cluster):
        return instance.group
    return " ".join((instance.group, *(each.group for each in members(call, instance)[:1])))


def _readers(call: Call, group: ParameterGroup) -> list[Instance]:
    """Whose servers were started with a group."""
    if isinstance(group, ClusterParameterGroup):
        return [each for each in call.shelf(Cluster).values() if each.group == group.name and each.booted_group.split(" ")[0] == group.name]
    found: list[Instance] = []
    for each in call.shelf(Instance).values():
        target = by_id(call, each.cluster) if each.cluster else each
        if target is not None and each.group == group.name and target.booted_group.split(" ")[-1] == group.name:
            found.append(target)
    return found


def _apply(call: Call, group: ParameterGroup, values: dict[str, str | None]) -> None:
    """Have every instance of a group read these at once; None is the default."""
    if not values:
        return
    for instance in _readers(call, group):
        now = values_of(call, instance)
        booted = {key: value for key, value in instance.booted.items() if key not in values}
        keep(call, instance, booted=booted | {key: now[key] for key in values if key in now}, is_to_reload=True)
        look_again(call, instance.id)


async def ResetDBParameterGroup(
    call: Call, *, DBParameterGroupName: str, ResetAllParameters: bool | None = None, Parameters: list[dict] | None = None
) -> dict:
    await reset(call, ParameterGroup, DBParameterGroupName, ResetAllParameters, Parameters)
    return {"DBParameterGroupName": DBParameterGroupName.lower()}


async def reset(call: Call, type_: type[ParameterGroup], name: str, ResetAllParameters: bool | None, Parameters: list[dict] | None) -> None:
    engine = engine_of(own(call, name, type_))
    if Parameters and ResetAllParameters:
        raise InvalidParameterCombination("Cannot specify both ResetAllParameters and a list of parameters")
    if Parameters is None and not ResetAllParameters:
        raise InvalidParameterCombination("The request must specify either ResetAllParameters or a list of parameters")
    knows = await known(call, engine)
    asked = {key: method for key, (_, _, method) in _asked(knows, Parameters).items()} if Parameters else None
    call.atomically(lambda: _reset(call, own(call, name, type_), knows, asked))


def _reset(call: Call, group: ParameterGroup, knows: dict[str, parameter.Parameter], asked: dict[str, str] | None) -> None:
    gone = asked if asked is not None else {key: "pending-reboot" if knows[key].is_static else "immediate" for key in group.values}
    call.shelf(type(group))[group.name] = changed(
        group, values={key: value for key, value in group.values.items() if key not in gone},
        methods={key: value for key, value in group.methods.items() if key not in gone},
    )  # fmt: skip
    for key, method in gone.items():
        _tell(call, group, f"Updated parameter {key} to NULL with apply method {method}")
    _apply(call, group, {key: None for key, method in gone.items() if method == "immediate"})


def status(call: Call, instance: Instance) -> str:
    """Whether an instance runs with what its group says now."""
    server = (by_id(call, instance.cluster) if instance.cluster else instance) or instance
    if groups_of(call, server) != server.booted_group:
        return "pending-reboot"
    if server.is_to_reload:
        return "applying"
    return "in-sync" if values_of(call, server) == server.booted else "pending-reboot"
