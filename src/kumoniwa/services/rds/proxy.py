"""What a proxy of databases is, with its target group and its further endpoints, and how it is told.

All proxies of a family listen at its one port, as on AWS, where a name says which is meant. Here each endpoint has a loopback address of its own for
that, which its name spells: the last six letters before the region are three bytes, in hexadecimal, that come after 127.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html
"""

from __future__ import annotations

import os
from typing import Any

from kumoniwa.gate import private_network
from kumoniwa.gate.turns import Turns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.rds import hosting, proxy_family
from kumoniwa.services.rds.errors import DBProxyEndpointNotFoundFault, DBProxyNotFoundFault, DBProxyTargetGroupNotFoundFault, InvalidDBProxyStateFault
from kumoniwa.services.rds.instance import SERVICE, Instance, Place, by_id, name_of

TURNS = Turns("rds", SERVICE, "rds_proxy_turn")
GROUP = "default"
"""A proxy has one target group, and this is its name: the model's documentation of DBProxyTargetGroup."""
SETTLING_S = {"creating": 300.0, "modifying": 60.0, "deleting": 60.0}
"""How long each takes at AWS's pace, about."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Group(Record):
    """How a proxy uses its target; shelved by its id. Defaults are the model's."""

    id: str
    created: float
    updated: float
    max_percent: int = 100
    idle_percent: int = 50
    borrow_s: int = 120
    init: str = ""
    filters: list[str] = []
    tags: dict[str, str] = {}


class Proxy(Record):
    """Shelved by its name, which can change."""

    id: str
    name: str
    role: str
    auth: list[dict[str, str]]
    subnets: list[str]
    place: Place
    address: str
    created: float
    updated: float
    group: str
    """The id of its target group."""
    family: str = proxy_family.POSTGRESQL.name
    requires_tls: bool = False
    idle_client_s: int = 1_800
    is_debug: bool = False
    debugs_until: float = 0.0
    state: str = "creating"
    target: str = ""
    """The resource id of the instance, or the cluster, it stands before."""
    tags: dict[str, str] = {}


class Endpoint(Record):
    """One more of a proxy; shelved by its name."""

    id: str
    name: str
    proxy: str
    """The proxy's id."""
    subnets: list[str]
    place: Place
    address: str
    created: float
    state: str = "creating"
    tags: dict[str, str] = {}


def new_address() -> str:
    """Any that no region has: two clouds of one machine shall not meet there."""
    first, second, third = os.urandom(3)
    return f"127.{64 + first % 128}.{second}.{1 + third % 254}"


def new_id(kind: str) -> str:
    return f"prx{kind}-{os.urandom(9).hex()[:17]}"


def host(call: Call, name: str, address: str, kind: str = "") -> str:
    """``NAME.proxy-….REGION.rds.localhost``; a further endpoint's has ``endpoint.`` before its mark, as on AWS."""
    mark = "".join(_LETTERS[each % 26] for each in f"{call.account} {call.region}".encode()[-6:])
    spelled = bytes(map(int, address.split(".")[1:])).hex()
    return f"{name}.{kind}proxy-{mark}{spelled}.{call.region}.rds.localhost"


def own_host(call: Call, proxy: Proxy) -> str:
    return host(call, proxy.name, proxy.address)


def endpoint_host(call: Call, endpoint: Endpoint) -> str:
    return host(call, endpoint.name, endpoint.address, "endpoint.")


def existing(call: Call, name: str) -> Proxy:
    said = name_of(call, "db-proxy", name)
    found = call.shelf(Proxy).get(said) or proxy_by_id(call, said)
    if found is None:
        raise DBProxyNotFoundFault(
            f"The specified proxy name {name} doesn't correspond to a proxy owned by your Amazon Web Services account in the specified Amazon Web "
            "Services Region."
        )
    return found


def settled(call: Call, name: str) -> Proxy:
    """One that may be changed. The text is one of ours: how AWS says it was not found."""
    found = existing(call, name)
    if found.state not in ("available", "incompatible-network"):
        raise InvalidDBProxyStateFault(f"DBProxy {found.name} is in the state {found.state}.")
    return found


def proxy_by_id(call: Call, id_: str) -> Proxy | None:
    return next((each for each in call.shelf(Proxy).values() if each.id == id_), None)


def existing_endpoint(call: Call, name: str) -> Endpoint:
    found = call.shelf(Endpoint).get(name.lower())
    if found is None:
        raise DBProxyEndpointNotFoundFault(f"DBProxyEndpoint {name} not found.")
    return found


def endpoints_of(call: Call, proxy: Proxy) -> list[Endpoint]:
    return [each for each in call.shelf(Endpoint).values() if each.proxy == proxy.id]


def check_group(name: str | None, proxy: Proxy) -> None:
    if name not in (None, "", GROUP):
        raise DBProxyTargetGroupNotFoundFault(f"The target group {name} was not found for the proxy {proxy.name}.")


def family_of(proxy: Proxy) -> proxy_family.Family:
    return proxy_family.FAMILIES[proxy.family]


def group_of(call: Call, proxy: Proxy) -> Group:
    return call.shelf(Group)[proxy.group]


def target_of(call: Call, proxy: Proxy) -> Instance | None:
    return by_id(call, proxy.target) if proxy.target else None


def data_of(call: Call, instance: Instance) -> str:
    """Where a database's socket lies."""
    return f"{hosting.folder_of(call, instance.id)}/data"


def keep(call: Call, proxy: Proxy, **changes: Any) -> Proxy:
    """The latest of it, with changes."""
    shelf = call.shelf(Proxy)
    before = shelf[proxy.name]
    shelf[proxy.name] = latest = changed(before, **changes)
    if (before.state, before.place) != (latest.state, latest.place):
        private_network.changed(call)
    return latest


def becoming(call: Call, proxy: Proxy, state: str, **changes: Any) -> Proxy:
    """Have a proxy be in a state until what that says is done."""
    proxy = keep(call, proxy, state=state, updated=call.now(), **changes)
    look_again(call, proxy.id, call.now() + (SETTLING_S[state] if call.home.settings.pace == "real" else 0.0))
    return proxy


def look_again(call: Call, id_: str, at: float = 0.0) -> None:
    TURNS.put(call, id_, at or call.now())


def arns_of(call: Call, operation: str, params: dict[str, Any]) -> list[str] | str:
    """What a request touches. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html"""
    said, found = str(params.get("DBProxyName") or ""), []
    proxy = call.shelf(Proxy).get(said.lower())
    if operation in ("RegisterDBProxyTargets", "ModifyDBProxyTargetGroup", "DeregisterDBProxyTargets", "DescribeDBProxyTargets"):
        found.append(call.arn(f"target-group:{proxy.group if proxy is not None else said}"))
    if said and operation not in ("CreateDBProxy", "RegisterDBProxyTargets", "ModifyDBProxyTargetGroup"):
        found.append(call.arn(f"db-proxy:{proxy.id if proxy is not None else said}"))
    if operation == "DeregisterDBProxyTargets":
        found += [call.arn(f"db:{name.lower()}") for name in params.get("DBInstanceIdentifiers") or ()]
        found += [call.arn(f"cluster:{name.lower()}") for name in params.get("DBClusterIdentifiers") or ()]
    if name := str(params.get("DBProxyEndpointName") or ""):
        endpoint = call.shelf(Endpoint).get(name.lower()) if operation != "CreateDBProxyEndpoint" else None
        found.append(call.arn(f"db-proxy-endpoint:{endpoint.id if endpoint is not None else name}"))
    return found or {"DescribeDBProxies": call.arn("db-proxy:*"), "DescribeDBProxyEndpoints": call.arn("db-proxy-endpoint:*")}.get(operation, "*")


# Telling -------------------------------------------------------------------------------------------


def shown(call: Call, proxy: Proxy) -> dict[str, Any]:
    return {
        "DBProxyName": proxy.name, "DBProxyArn": call.arn(f"db-proxy:{proxy.id}", "rds"), "Status": proxy.state, "EngineFamily": proxy.family,
        "VpcId": proxy.place.vpc, "VpcSecurityGroupIds": list(proxy.place.groups), "VpcSubnetIds": proxy.subnets,
        "DefaultAuthScheme": "NONE", "Auth": proxy.auth, "RoleArn": proxy.role, "Endpoint": own_host(call, proxy),
        "RequireTLS": proxy.requires_tls, "IdleClientTimeout": proxy.idle_client_s, "DebugLogging": proxy.is_debug, "CreatedDate": proxy.created,
        "UpdatedDate": proxy.updated, "EndpointNetworkType": "IPV4", "TargetConnectionNetworkType": "IPV4",
    }  # fmt: skip


def group_shown(call: Call, proxy: Proxy) -> dict[str, Any]:
    group = group_of(call, proxy)
    return {
        "DBProxyName": proxy.name, "TargetGroupName": GROUP, "TargetGroupArn": call.arn(f"target-group:{group.id}", "rds"), "IsDefault": True,
        "Status": "available" if proxy.state != "creating" else "creating",
        "ConnectionPoolConfig": {
            "MaxConnectionsPercent": group.max_percent, "MaxIdleConnectionsPercent": group.idle_percent, "ConnectionBorrowTimeout": group.borrow_s,
            "SessionPinningFilters": group.filters, **({"InitQuery": group.init} if group.init else {}),
        },
        "CreatedDate": group.created, "UpdatedDate": group.updated,
    }  # fmt: skip


def endpoint_shown(call: Call, proxy: Proxy, endpoint: Endpoint) -> dict[str, Any]:
    return {
        "DBProxyEndpointName": endpoint.name, "DBProxyEndpointArn": call.arn(f"db-proxy-endpoint:{endpoint.id}", "rds"), "DBProxyName": proxy.name,
        "Status": endpoint.state, "VpcId": endpoint.place.vpc, "VpcSecurityGroupIds": list(endpoint.place.groups),
        "VpcSubnetIds": endpoint.subnets, "Endpoint": endpoint_host(call, endpoint), "CreatedDate": endpoint.created, "TargetRole": "READ_WRITE",
        "IsDefault": False, "EndpointNetworkType": "IPV4",
    }  # fmt: skip
