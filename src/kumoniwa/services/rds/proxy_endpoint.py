"""Further endpoints of proxies: each a place of its own where clients come in.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-endpoints.html. Texts without a source of their own are ours.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import private_network
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import names, placing, proxy_placing, tag
from kumoniwa.services.rds.creation import refuse
from kumoniwa.services.rds.errors import (
    DBProxyEndpointAlreadyExistsFault,
    DBProxyEndpointQuotaExceededFault,
    InvalidDBProxyEndpointStateFault,
    InvalidParameterCombination,
)
from kumoniwa.services.rds.instance import Cluster, Place
from kumoniwa.services.rds.proxy import (
    Endpoint,
    Proxy,
    endpoint_shown,
    endpoints_of,
    existing,
    existing_endpoint,
    look_again,
    new_address,
    new_id,
    proxy_by_id,
    settled,
    target_of,
)
from kumoniwa.services.rds.proxy_change import check_places

ENDPOINTS_MAX = 20


def CreateDBProxyEndpoint(
    call: Call, *, DBProxyName: str, DBProxyEndpointName: str, VpcSubnetIds: list[str], VpcSecurityGroupIds: list[str] | None = None,
    TargetRole: str | None = None, Tags: list[dict] | None = None, EndpointNetworkType: str | None = None,
) -> Any:  # fmt: skip
    proxy = settled(call, DBProxyName)
    name = names.identifier(DBProxyEndpointName, "DBProxyEndpointName", 63)
    check_places("CreateDBProxyEndpoint", VpcSubnetIds, EndpointNetworkType)
    if TargetRole == "READ_ONLY":
        # Reader endpoints only work for proxies of clusters: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-endpoints.html
        if isinstance(target_of(call, proxy), Cluster):
            raise NotImplementedHere("read-only endpoints of proxies: clusters have no readers")
        raise InvalidParameterCombination("READ_ONLY endpoints are supported only for proxies that are associated with DB clusters.")
    _check_new(call, proxy, name)
    return _placed(call, proxy, {"name": name, "subnets": VpcSubnetIds, "tags": tag.checked(Tags)}, VpcSecurityGroupIds)


def _check_new(call: Call, proxy: Proxy, name: str) -> None:
    if name in call.shelf(Endpoint):
        raise DBProxyEndpointAlreadyExistsFault(f"DBProxyEndpoint {name} already exists.")
    if len(endpoints_of(call, proxy)) >= ENDPOINTS_MAX:
        raise DBProxyEndpointQuotaExceededFault


async def _placed(call: Call, proxy: Proxy, said: dict[str, Any], groups: list[str] | None) -> dict:
    """An endpoint may be in another VPC than its proxy."""
    place = await proxy_placing.chosen(call, said["subnets"], groups)
    proxy = settled(call, proxy.name)
    _check_new(call, proxy, said["name"])
    place = placing.connected(call, place)

    def act() -> dict:
        made = Endpoint(id=new_id("-endpoint"), proxy=proxy.id, place=place, address=new_address(), created=call.now(), **said)
        call.shelf(Endpoint)[made.name] = made
        look_again(call, proxy.id)
        return {"DBProxyEndpoint": endpoint_shown(call, proxy, made)}

    return call.atomically(act)


def _settled(call: Call, name: str) -> tuple[Proxy, Endpoint]:
    endpoint = existing_endpoint(call, name)
    proxy = proxy_by_id(call, endpoint.proxy)
    if endpoint.state != "available" or proxy is None:
        raise InvalidDBProxyEndpointStateFault(f"DBProxyEndpoint {endpoint.name} is in the state {endpoint.state}.")
    return proxy, endpoint


def ModifyDBProxyEndpoint(
    call: Call, *, DBProxyEndpointName: str, NewDBProxyEndpointName: str | None = None, VpcSecurityGroupIds: list[str] | None = None
) -> Any:
    _, endpoint = _settled(call, DBProxyEndpointName)
    name = names.identifier(NewDBProxyEndpointName, "NewDBProxyEndpointName", 63) if NewDBProxyEndpointName else endpoint.name
    if name != endpoint.name and name in call.shelf(Endpoint):
        raise DBProxyEndpointAlreadyExistsFault(f"DBProxyEndpoint {name} already exists.")
    if VpcSecurityGroupIds is None:
        return _changed(call, endpoint, name, endpoint.place)
    return _regrouped(call, endpoint, name, VpcSecurityGroupIds)


def _changed(call: Call, endpoint: Endpoint, name: str, place: Place) -> dict:
    proxy, endpoint = _settled(call, endpoint.name)
    shelf = call.shelf(Endpoint)
    del shelf[endpoint.name]
    shelf[name] = made = changed(endpoint, name=name, place=place)
    private_network.changed(call)
    look_again(call, proxy.id)
    return {"DBProxyEndpoint": endpoint_shown(call, proxy, made)}


async def _regrouped(call: Call, endpoint: Endpoint, name: str, groups: list[str]) -> dict:
    wanted = await placing.security_groups(call, endpoint.place.vpc, groups)
    place = proxy_placing.regrouped(call, endpoint.place, wanted)
    return call.atomically(lambda: _changed(call, endpoint, name, place))


def DeleteDBProxyEndpoint(call: Call, *, DBProxyEndpointName: str) -> dict:
    proxy, endpoint = _settled(call, DBProxyEndpointName)
    shelf = call.shelf(Endpoint)
    shelf[endpoint.name] = endpoint = changed(endpoint, state="deleting")
    look_again(call, proxy.id)
    return {"DBProxyEndpoint": endpoint_shown(call, proxy, endpoint)}


def DescribeDBProxyEndpoints(
    call: Call, *, DBProxyName: str | None = None, DBProxyEndpointName: str | None = None, Filters: list[dict] | None = None
) -> dict:
    """Those that customers made: a proxy's own is told with the proxy."""
    refuse("DescribeDBProxyEndpoints", Filters=Filters)
    wanted = existing(call, DBProxyName).id if DBProxyName else None
    found = [existing_endpoint(call, DBProxyEndpointName)] if DBProxyEndpointName else sorted(call.shelf(Endpoint).values(), key=lambda each: each.name)
    told = [(proxy_by_id(call, each.proxy), each) for each in found if wanted in (None, each.proxy)]
    return {"DBProxyEndpoints": [endpoint_shown(call, proxy, each) for proxy, each in told if proxy is not None]}
