"""What customers ask of proxies: to be made, changed, deleted and told.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBProxy.html. Texts without a source of their own are ours.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import names, placing, proxy_family, proxy_placing, tag
from kumoniwa.services.rds.creation import refuse
from kumoniwa.services.rds.errors import DBProxyAlreadyExistsFault, DBProxyQuotaExceededFault, InvalidParameterCombination, InvalidParameterValue
from kumoniwa.services.rds.instance import SERVICE
from kumoniwa.services.rds.proxy import Endpoint, Group, Proxy, becoming, endpoints_of, existing, family_of, new_address, new_id, settled, shown
from kumoniwa.services.rds.proxy_family import Family

PROXIES_MAX, SECRETS_MAX = 20, 200
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations"""
IDLE_S_MAX = 28_800
DEBUGS_S = 86_400.0
"""Detailed logs end by themselves: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-creating.html, Enhanced logging."""


def _checked_auth(family: Family, Auth: list[dict] | None) -> list[dict[str, str]]:
    if not Auth:
        raise InvalidParameterCombination("You must specify Auth if DefaultAuthScheme is NONE.")
    if len(Auth) > SECRETS_MAX:
        raise InvalidParameterValue(f"A proxy can have at most {SECRETS_MAX} secrets.")
    found = []
    for each in Auth:
        if not each.get("SecretArn", "").startswith("arn:") or ":secretsmanager:" not in each["SecretArn"]:
            raise InvalidParameterValue(f"Invalid secret ARN: {each.get('SecretArn', '')}")
        mode, kind = each.get("IAMAuth", "DISABLED"), each.get("ClientPasswordAuthType", next(iter(family.passwords)))
        if mode not in ("DISABLED", "REQUIRED"):
            raise InvalidParameterValue("The IAMAuth value ENABLED is valid only for proxies of the engine family SQLSERVER.")
        if kind not in family.passwords:
            raise InvalidParameterValue(f"The client password authentication type {kind} isn't valid for the engine family {family.name}.")
        told = {"AuthScheme": "SECRETS", "SecretArn": each["SecretArn"], "IAMAuth": mode, "ClientPasswordAuthType": kind}
        found.append(told | {name: each[name] for name in ("Description", "UserName") if each.get(name)})
    if len({each["SecretArn"] for each in found}) < len(found):
        raise InvalidParameterValue("A secret may be named once only.")
    return found


def check_places(operation: str, subnets: list[str], network: str | None, target_network: str | None = None) -> None:
    if not subnets:
        raise InvalidParameterValue("At least one subnet must be specified.")
    refuse(operation, EndpointNetworkType=network if network != "IPV4" else None,
           TargetConnectionNetworkType=target_network if target_network != "IPV4" else None)  # fmt: skip


def _checked_idle(seconds: int | None) -> int:
    if seconds is not None and not 1 <= seconds <= IDLE_S_MAX:
        raise InvalidParameterValue(f"Invalid IdleClientTimeout: {seconds}. It must be between 1 and {IDLE_S_MAX}.")
    return seconds or 1_800


def _pass_role(call: Call, role: str) -> None:
    call.require("iam:PassRole", role, **{"iam:PassedToService": SERVICE})


def CreateDBProxy(
    call: Call, *, DBProxyName: str, EngineFamily: str, RoleArn: str, VpcSubnetIds: list[str], DefaultAuthScheme: str | None = None,
    Auth: list[dict] | None = None, VpcSecurityGroupIds: list[str] | None = None, RequireTLS: bool | None = None,
    IdleClientTimeout: int | None = None, DebugLogging: bool | None = None, Tags: list[dict] | None = None,
    EndpointNetworkType: str | None = None, TargetConnectionNetworkType: str | None = None,
) -> Any:  # fmt: skip
    name = names.identifier(DBProxyName, "DBProxyName", 63)
    family = proxy_family.checked(EngineFamily)
    refuse("CreateDBProxy", DefaultAuthScheme=DefaultAuthScheme if DefaultAuthScheme != "NONE" else None)
    check_places("CreateDBProxy", VpcSubnetIds, EndpointNetworkType, TargetConnectionNetworkType)
    _check_new(call, name)
    _pass_role(call, RoleArn)
    said = {
        "name": name, "role": RoleArn, "family": family.name, "auth": _checked_auth(family, Auth), "subnets": VpcSubnetIds, "requires_tls": bool(RequireTLS),
        "idle_client_s": _checked_idle(IdleClientTimeout), "is_debug": bool(DebugLogging),
        "debugs_until": call.now() + DEBUGS_S if DebugLogging else 0.0, "tags": tag.checked(Tags),
    }  # fmt: skip
    return _placed(call, said, VpcSecurityGroupIds)


def _check_new(call: Call, name: str) -> None:
    shelf = call.shelf(Proxy)
    if name in shelf:
        raise DBProxyAlreadyExistsFault(f"Cannot create the DBProxy because a DBProxy with the identifier {name} already exists.")
    if len(shelf) >= PROXIES_MAX:
        raise DBProxyQuotaExceededFault


async def _placed(call: Call, said: dict[str, Any], groups: list[str] | None) -> dict:
    place = await proxy_placing.chosen(call, said["subnets"], groups)
    _check_new(call, said["name"])
    place, now = placing.connected(call, place), call.now()

    def act() -> dict:
        group = Group(id=new_id("-tg"), created=now, updated=now)
        call.shelf(Group)[group.id] = group
        made = Proxy(id=new_id(""), place=place, address=new_address(), created=now, updated=now, group=group.id, **said)
        call.shelf(Proxy)[made.name] = made
        return {"DBProxy": shown(call, becoming(call, made, "creating"))}

    return call.atomically(act)


def ModifyDBProxy(
    call: Call, *, DBProxyName: str, NewDBProxyName: str | None = None, DefaultAuthScheme: str | None = None, Auth: list[dict] | None = None,
    RequireTLS: bool | None = None, IdleClientTimeout: int | None = None, DebugLogging: bool | None = None, RoleArn: str | None = None,
    SecurityGroups: list[str] | None = None,
) -> Any:  # fmt: skip
    proxy = settled(call, DBProxyName)
    refuse("ModifyDBProxy", DefaultAuthScheme=DefaultAuthScheme if DefaultAuthScheme != "NONE" else None)
    changes: dict[str, Any] = {}
    if Auth is not None:
        changes["auth"] = _checked_auth(family_of(proxy), Auth)
    if RequireTLS is not None:
        changes["requires_tls"] = RequireTLS
    if IdleClientTimeout is not None:
        changes["idle_client_s"] = _checked_idle(IdleClientTimeout)
    if DebugLogging is not None:
        changes |= {"is_debug": DebugLogging, "debugs_until": call.now() + DEBUGS_S if DebugLogging else 0.0}
    if RoleArn:
        _pass_role(call, RoleArn)
        changes["role"] = RoleArn
    name = names.identifier(NewDBProxyName, "NewDBProxyName", 63) if NewDBProxyName else proxy.name
    if name != proxy.name:
        _check_new(call, name)
    return _changed(call, proxy, name, changes) if SecurityGroups is None else _regrouped(call, proxy, name, changes, SecurityGroups)


def _changed(call: Call, proxy: Proxy, name: str, changes: dict[str, Any]) -> dict:
    shelf = call.shelf(Proxy)
    if name != proxy.name:
        del shelf[proxy.name]
        shelf[name] = proxy = changed(proxy, name=name)
    return {"DBProxy": shown(call, becoming(call, proxy, "modifying", **changes))}


async def _regrouped(call: Call, proxy: Proxy, name: str, changes: dict[str, Any], groups: list[str]) -> dict:
    wanted = await placing.security_groups(call, proxy.place.vpc, groups)
    proxy = settled(call, proxy.name)
    place = proxy_placing.regrouped(call, proxy.place, wanted)
    return call.atomically(lambda: _changed(call, proxy, name, {**changes, "place": place}))


def DeleteDBProxy(call: Call, *, DBProxyName: str) -> dict:
    """Its further endpoints go with it."""
    proxy = settled(call, DBProxyName)
    shelf = call.shelf(Endpoint)
    for each in endpoints_of(call, proxy):
        shelf[each.name] = changed(each, state="deleting")
    proxy = becoming(call, proxy, "deleting")
    call.keeps_otherwise()
    return {"DBProxy": shown(call, proxy)}


def DescribeDBProxies(call: Call, *, DBProxyName: str | None = None, Filters: list[dict] | None = None) -> dict:
    refuse("DescribeDBProxies", Filters=Filters)
    found = [existing(call, DBProxyName)] if DBProxyName else sorted(call.shelf(Proxy).values(), key=lambda each: each.name)
    return {"DBProxies": [shown(call, each) for each in found]}

