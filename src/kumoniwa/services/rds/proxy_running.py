"""How proxies do what their records say: each in a process of its own, which is told what to do whenever that has changed.

A turn brings a process to what the record, its target and its secrets say; the next comes by itself after a while, for secrets change unheard.
What a process asks and logs is heard between turns. A region that was killed finds its records, and begins the processes again.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from kumoniwa.engines.database_proxy.proxy import Proxy as Process
from kumoniwa.gate import log_delivery, private_network
from kumoniwa.gate.trail import CHANGED
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import event, hosting, placing, proxy_access, proxy_family, proxy_placing
from kumoniwa.services.rds.instance import PREFIX, RUNNING, SERVICE
from kumoniwa.services.rds.proxy import (
    GROUP,
    SETTLING_S,
    TURNS,
    Endpoint,
    Group,
    Proxy,
    data_of,
    endpoint_host,
    endpoints_of,
    family_of,
    group_of,
    keep,
    look_again,
    own_host,
    proxy_by_id,
    target_of,
)

AGAIN_S, REFRESHED_S = 1.0, 300.0
"""After how long an address that was taken is tried again, and secrets are read anew that nobody was refused for."""
LOGGED_AFTER_S = 1.0
_FIGURES_OF_CLIENTS = frozenset((
    "ClientConnections", "ClientConnectionsTLS", "ClientConnectionsNoTLS", "ClientConnectionsClosed", "ClientConnectionsReceived",
    "ClientConnectionsSetupFailedAuth", "ClientConnectionsSetupSucceeded", "QueryRequests", "QueryRequestsTLS", "QueryRequestsNoTLS",
))  # fmt: skip
"""Those that are told without the target."""
AVAILABILITY = "AvailabilityPercentage"


class _Lines:
    """What processes logged and nobody has carried yet, by the ids of their proxies."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[tuple[float, str]]] = {}
        self.unreadable: dict[str, list[str]] = {}
        """What was last said of secrets that could not be read."""
        self.looking: set[str] = set()
        """Proxies that are about to look at whom they reach."""


def unfinished(call: Call) -> list[str]:
    """All shall run when a region begins; those that are becoming something keep the turn that they have."""
    waiting = {id_ for (id_,) in call.rows(TURNS.table).all(f"select id from {TURNS.name}")}
    return [each.id for each in call.shelf(Proxy).values() if each.state not in SETTLING_S or each.id not in waiting]


async def move(call: Call, id_: str) -> None:
    proxy = proxy_by_id(call, id_)
    if proxy is not None:
        await (_delete if proxy.state == "deleting" else _serve)(call, proxy)


# A turn --------------------------------------------------------------------------------------------


async def _serve(call: Call, proxy: Proxy) -> None:
    now = call.now()
    if proxy.is_debug and proxy.debugs_until <= now:
        proxy = keep(call, proxy, is_debug=False)
    failed = await _told(call, proxy)
    latest = proxy_by_id(call, proxy.id)
    if latest is None or latest.state == "deleting":
        return
    gone = [each for each in endpoints_of(call, latest) if each.state == "deleting"]
    for each in gone:
        placing.disconnect(call, each.place)
    call.atomically(partial(_settle, call, latest, {name for name, _ in failed}, gone))
    call.keeps_otherwise()
    soon = [now + REFRESHED_S] + ([now + AGAIN_S] if failed else []) + ([latest.debugs_until] if latest.is_debug else [])
    look_again(call, proxy.id, min(soon))


async def _told(call: Call, proxy: Proxy) -> list[list[str]]:
    """Tell a proxy's process what it shall be, if that is not what it is; answers the endpoints that could not be opened."""
    process = hosting.servers(call.home).proxies.get(proxy.id)
    if process is None or not process.is_running:
        process = hosting.servers(call.home).proxies[proxy.id] = Process(family_of(proxy).package, partial(_hear, call.home, call.account, proxy.id), partial(
            _ended, call.home, call.account, proxy.id
        ))  # fmt: skip
        await process.start()
    config = await _config(call, proxy, process)
    return await process.configure(config) if config != process.config else []


async def _config(call: Call, proxy: Proxy, process: Process) -> dict[str, Any]:
    users, failed = await proxy_access.users(call, proxy)
    lines = call.memory(_Lines)
    for words in failed:
        if words not in lines.unreadable.get(proxy.id, ()):
            _log(call, proxy, "WARN", words)
    lines.unreadable[proxy.id] = failed
    group = group_of(call, proxy)
    further = [each for each in endpoints_of(call, proxy) if each.state != "deleting"]
    target = target_of(call, proxy)
    names = [own_host(call, proxy), *(endpoint_host(call, each) for each in further)]
    addresses = {"default": proxy.address, **{each.name: each.address for each in further}}
    return {
        "endpoints": addresses, "certificate": _certificate(call, process, (*names, *addresses.values())), "requires_tls": proxy.requires_tls,
        "idle_client_s": proxy.idle_client_s, "is_debug": proxy.is_debug, "users": users,
        "folder": data_of(call, target) if target is not None and target.is_made else "",
        "barred": await proxy_placing.barred(call, proxy, target) if target is not None else "",
        "pool": {
            "most_percent": group.max_percent, "idle_percent": group.idle_percent, "borrow_s": group.borrow_s, "init": group.init,
            "is_free_of_settings": bool(group.filters),
        },
        "version": proxy_family.version_told(target) if family_of(proxy) is proxy_family.MYSQL else "",
    }  # fmt: skip


def _certificate(call: Call, process: Process, names: tuple[str, ...]) -> str:
    """The same for as long as the names are the same."""
    if process.certificate is None or process.certificate[0] != names:
        process.certificate = (names, hosting.servers(call.home).certificate(*names).decode())
    return process.certificate[1]


def _settle(call: Call, proxy: Proxy, failed: set[str], gone: list[Endpoint]) -> None:
    """What was asked is done."""
    state = "incompatible-network" if "default" in failed else "available"
    if proxy.state != state:
        if state == "available" and proxy.state in ("creating", "modifying"):
            id_, verb = ("RDS-EVENT-0203", "created") if proxy.state == "creating" else ("RDS-EVENT-0204", "modified")
            event.tell(call, "db-proxy", proxy.name, id_, f"RDS {verb} DB proxy {proxy.name}.", proxy.id)
        proxy = keep(call, proxy, state=state)
    if proxy.target and target_of(call, proxy) is None:
        keep(call, proxy, target="")
        id_, kind = ("RDS-EVENT-0215", "cluster") if proxy.target.startswith(PREFIX) else ("RDS-EVENT-0214", "instance")
        words = f"RDS detected deletion of DB {kind} and automatically removed it from target group {GROUP} of DB proxy {proxy.name}."
        event.tell(call, "db-proxy", proxy.name, id_, words, proxy.id)
    shelf = call.shelf(Endpoint)
    for each in endpoints_of(call, proxy):
        wanted = "incompatible-network" if each.name in failed else "available"
        if each in gone:
            del shelf[each.name]
            event.tell(call, "db-proxy", proxy.name, "RDS-EVENT-0208", f"RDS deleted endpoint {each.name} for DB proxy {proxy.name}.", proxy.id)
        elif each.state not in (wanted, "deleting"):
            if each.state == "creating" and wanted == "available":
                event.tell(call, "db-proxy", proxy.name, "RDS-EVENT-0206", f"RDS created endpoint {each.name} for DB proxy {proxy.name}.", proxy.id)
            shelf[each.name] = changed(each, state=wanted)
            private_network.changed(call)


async def _delete(call: Call, proxy: Proxy) -> None:
    process = hosting.servers(call.home).proxies.pop(proxy.id, None)
    if process is not None:
        await process.stop()
    for place in (proxy.place, *(each.place for each in endpoints_of(call, proxy))):
        placing.disconnect(call, place)

    def act() -> None:
        shelf = call.shelf(Endpoint)
        for each in endpoints_of(call, proxy):
            del shelf[each.name]
        del call.shelf(Group)[proxy.group], call.shelf(Proxy)[proxy.name]
        event.tell(call, "db-proxy", proxy.name, "RDS-EVENT-0205", f"RDS deleted DB proxy {proxy.name}.", proxy.id)
        private_network.changed(call)

    call.atomically(act)
    call.keeps_otherwise()


def look(call: Call, instance: str) -> None:
    """A database has begun, or ended: those that stand before it shall see."""
    for each in call.shelf(Proxy).values():
        process = hosting.servers(call.home).proxies.get(each.id)
        if each.target == instance and process is not None and process.is_running:
            process.say({"look": True})
            if target_of(call, each) is None:
                look_again(call, each.id)


# Between turns -------------------------------------------------------------------------------------


def _us(home: Any, account: str) -> Call:
    return home.call("rds", account, principals.service(SERVICE, account))


def _ended(home: Any, account: str, id_: str) -> None:
    """A process ended that nobody wanted to end."""
    call = _us(home, account)
    home.note("proxy-ended", proxy=id_)
    if proxy_by_id(call, id_) is not None:
        look_again(call, id_)


def _hear(home: Any, account: str, id_: str, fact: dict[str, Any]) -> None:
    call = _us(home, account)
    proxy = proxy_by_id(call, id_)
    if proxy is None:
        return
    if "log" in fact:
        _log(call, proxy, *fact["log"])
    elif "ask" in fact:
        home.spawn(_answer(call, proxy, fact))


async def _answer(call: Call, proxy: Proxy, fact: dict[str, Any]) -> None:
    if "token" in fact:
        said = proxy_access.is_let_in(call, proxy, fact["token"], fact["user"])
    else:
        await _told(call, proxy)
        said = True
    process = hosting.servers(call.home).proxies.get(proxy.id)
    if process is not None:
        process.say({"answer": fact["ask"], "said": said})


def _log(call: Call, proxy: Proxy, level: str, words: str) -> None:
    waiting = call.memory(_Lines).waiting
    if proxy.id not in waiting:
        waiting[proxy.id] = []
        call.home.spawn(_carry(_us(call.home, call.account), proxy))
    waiting[proxy.id].append((call.now(), f"[{level}] {words}"))


async def _carry(call: Call, proxy: Proxy) -> None:
    """Write down what has been logged meanwhile. AWS does so by a role of its own."""
    await call.wait("log", proxy.id, until=call.now() + LOGGED_AFTER_S)
    lines, group = call.memory(_Lines).waiting.pop(proxy.id, []), f"/aws/rds/proxy/{proxy.name}"
    us = call.speaking(principals.root(call.account, partition=call.home.partition))
    events = [{"timestamp": milliseconds(at), "message": words} for at, words in lines]
    try:
        try:
            await log_delivery.to_group(us, None, group, proxy.id, events, None)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            await us.ask("logs:CreateLogGroup", logGroupName=group)
            await log_delivery.to_group(us, None, group, proxy.id, events, None)
    except AwsError as error:
        call.home.note("unlogged", service="rds", source=proxy.id, code=error.code)


# Figures -------------------------------------------------------------------------------------------


async def measure(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.monitoring.html"""
    for proxy in list(call.shelf(Proxy).values()):
        process = hosting.servers(call.home).proxies.get(proxy.id)
        told = await process.figures() if process is not None and process.is_running else None
        if told is None:
            continue
        target = target_of(call, proxy)
        for name, value in (*told["now"].items(), *told["counts"].items()):
            call.measure("AWS/RDS", name, "ProxyName", proxy.name, value=float(value), unit="Count")
            if target is not None and name not in _FIGURES_OF_CLIENTS:
                where = ("ProxyName", proxy.name, "TargetGroup", GROUP, "Target", f"db:{target.name}")
                call.measure("AWS/RDS", name, *where, value=float(value), unit="Count")
        for name, values in told["times"].items():
            call.measure_all("AWS/RDS", name, "ProxyName", proxy.name, values={float(each): count for each, count in values}, unit="Microseconds")
        if target is not None and target.state in RUNNING:
            where = ("ProxyName", proxy.name, "TargetGroup", GROUP, "TargetRole", "READ_WRITE")
            call.measure("AWS/RDS", AVAILABILITY, *where, value=100.0 if process.health[0] == "AVAILABLE" else 0.0, unit="Percent")


def _network_changed(home: Any, fact: tuple) -> None:
    """Whoever has proxies: they look anew at whom they reach."""
    service, kind, account, detail = fact
    if account.isdigit() and ((service == CHANGED and detail == "ec2") or (service, kind) == (private_network.NETWORK, private_network.CHANGED)):
        call = _us(home, account)
        for each in call.shelf(Proxy).values():
            if each.target and each.id not in call.memory(_Lines).looking:
                call.memory(_Lines).looking.add(each.id)
                home.spawn(_look_out(call, each.id))


async def _look_out(call: Call, id_: str) -> None:
    """Tell a process whether its database is to be reached, if that has changed."""
    await asyncio.sleep(0)  # whatever else is done in this turn counts, too
    call.memory(_Lines).looking.discard(id_)
    proxy, process = proxy_by_id(call, id_), hosting.servers(call.home).proxies.get(id_)
    target = target_of(call, proxy) if proxy is not None else None
    if target is None or process is None or process.config is None or not process.is_running:
        return
    barred = await proxy_placing.barred(call, proxy, target)
    if barred != process.config["barred"]:
        await process.configure({**process.config, "barred": barred})


async def run(region: Any) -> None:
    hear = partial(_network_changed, region)
    region.listen(hear)
    try:
        await TURNS.run(region, unfinished, move)
    finally:
        region.unlisten(hear)
