"""The servers of instances and clusters: each is started with what its groups say, told when that changes, and stopped.

What an instance is, its record says; here it is brought to be so, by whichever turn wants it.
"""

from __future__ import annotations

import os
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.rds import classes, engine_list, event, following, hosting, parameter, parameter_group, proxy_running
from kumoniwa.services.rds.engine import ARCHIVE
from kumoniwa.services.rds.instance import RUNNING, SERVICE, Cluster, Instance, by_id, host, keep, look_again, members


def server_of(call: Call, instance: Instance) -> Any:
    held, id_ = hosting.servers(call.home), instance.id
    if id_ not in held.by_id:
        home, account = call.home, call.account

        def ended(words: str) -> None:
            _ended(home.call("rds", account, principals.service(SERVICE, account)), id_, words)

        held.by_id[id_] = engine_list.of(instance).server_of(hosting.folder_of(call, id_), call.home.settings.seal, ended)
    return held.by_id[id_]


def _ended(call: Call, id_: str, words: str) -> None:
    """A server ended that nobody wanted to end."""
    instance = by_id(call, id_)
    if instance is not None and instance.state in RUNNING:
        event.of(call, instance, "RDS-EVENT-0020",
            "Recovery of the DB instance has started. Recovery time will vary with the amount of data to be recovered.",
        )
        look_again(call, id_)


async def started(call: Call, instance: Instance) -> Any:
    """The instance's server, started with what its group says if it does not run. Raises ServerFailed."""
    server = server_of(call, instance)
    async with server.turn:  # its instance and a snapshot may want it at the same time
        if not (server.is_running and server.is_ready):
            await begin(call, instance, server)
    return server


async def started_again(call: Call, instance: Instance) -> None:
    server = server_of(call, instance)
    async with server.turn:
        await server.stop()
        await begin(call, instance, server)


async def begin(call: Call, instance: Instance, server: Any) -> None:
    values, groups = parameter_group.values_of(call, instance), parameter_group.groups_of(call, instance)
    os.makedirs(os.path.join(server.folder, ARCHIVE), mode=0o700, exist_ok=True)
    await following.open_way(call, instance)
    server.configure(await _settings(call, instance, values))
    certificate, engine = hosting.servers(call.home).certificate(host(call, instance.name)), engine_list.of(instance)
    # The usual port would be every database's of this machine: whoever had it would lose it to the next one while its region is dead.
    wanted = instance.wanted_port if instance.wanted_port != engine.port else 0
    await server.start(
        hosting.servers(call.home).addresses(), instance.port or wanted, certificate,
        demands_tls=engine.demands_tls(values), is_port_known=instance.port > 0,
    )  # fmt: skip
    version = engine.version()  # perhaps another than in an earlier life: it is the machine's
    keep(call, by_id(call, instance.id) or instance, port=server.port, version=version, booted=values, booted_group=groups, is_to_reload=False)
    proxy_running.look(call, instance.id)


async def _settings(call: Call, instance: Instance, values: dict[str, str]) -> dict[str, str]:
    writer = members(call, instance)[0] if isinstance(instance, Cluster) and members(call, instance) else instance
    known = parameter.variables(writer.class_ or parameter.SMALLEST[0], instance.storage_gb, instance.wanted_port, is_replica=instance.source is not None)
    if writer.class_ == classes.SERVERLESS and isinstance(instance, Cluster):
        known["DBInstanceClassMemory"] = int(instance.scaling["MaxCapacity"] * classes.UNIT_GIB) << 30
    own = engine_list.of(instance).settings(instance, values, known, is_fsync=call.home.settings.is_fsync)
    return await following.settings(call, instance, own)


async def reload(call: Call, instance: Instance, server: Any) -> None:
    """What a server cannot read while it runs takes an outage."""
    engine, settings = engine_list.of(instance), await _settings(call, instance, instance.booted)
    if await engine.reload(server, settings, demands_tls=engine.demands_tls(instance.booted)):
        keep(call, instance, is_to_reload=False)
        return
    keep(call, instance, **({"state": "modifying"} if instance.state == "available" else {}))
    await server.stop()
    await begin(call, instance, server)
    latest = by_id(call, instance.id)
    if latest is not None and latest.state == "modifying" and instance.state == "available":
        keep(call, latest, state="available")


async def stopped(call: Call, id_: str) -> None:
    server = hosting.servers(call.home).by_id.get(id_)
    if server is not None:
        await server.stop()
        proxy_running.look(call, id_)
