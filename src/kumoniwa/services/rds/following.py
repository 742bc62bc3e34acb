"""Where a read replica's server finds its source's, and what it is told so that it follows it.

In the same region that is the private socket of the source's server, beside the replica's own data; in another, one from which a relay leads there.
"""

from __future__ import annotations

import os

from kumoniwa.engines.postgresql import replication
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.rds import event, hosting, relay
from kumoniwa.services.rds.instance import SERVICE, Instance, Source, by_id, keep


def slot_of(region: str, id_: str) -> str:
    """As which a source knows a replica: RDS calls its slots so, such as ``rds_us_west_2_db_555555555``.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PostgreSQL.Replication.ReadReplicas.html"""
    return f"rds_{region}_{id_}".lower().replace("-", "_")


def _socket(call: Call, source: Source) -> str:
    """The folder of the socket, as seen from a replica's data."""
    return f"../../{source.id}/data" if source.region == call.region else f"../{relay.FOLDER}"


def socket_folder(call: Call, instance: Instance, source: Source) -> str:
    return os.path.normpath(os.path.join(hosting.folder_of(call, instance.id), "data", _socket(call, source)))


async def open_way(call: Call, instance: Instance) -> None:
    """Have a replica reach its source in another region."""
    held, source = hosting.servers(call.home).relays, instance.source
    if source is None or source.region == call.region or instance.id in held:
        return
    home, account, id_ = call.home, call.account, instance.id
    made = held[id_] = relay.Relay(
        home, account, socket_folder(call, instance, source), source,
        lambda: terminated(home.call("rds", account, principals.service(SERVICE, account)), id_),
    )  # fmt: skip
    await made.open()


def copying(call: Call, id_: str, *, is_copying: bool) -> None:
    """Whether a replica's way to its source is there for its copy to be made."""
    made = hosting.servers(call.home).relays.get(id_)
    if made is not None:
        made.is_copying = is_copying


def close_way(call: Call, id_: str) -> None:
    made = hosting.servers(call.home).relays.pop(id_, None)
    if made is not None:
        made.close()


def terminated(call: Call, id_: str) -> None:
    """The source is no more. In another region nobody promotes its replicas for that.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.XRgn.html#USER_ReadRepl.XRgn.Cnsdr"""
    instance = by_id(call, id_)
    if instance is not None and instance.source is not None and instance.replication not in ("", "terminated"):
        keep(call, instance, replication="terminated")
        event.of(call, instance, "RDS-EVENT-0057", "Replication streaming has been terminated.")


async def settings(call: Call, instance: Instance, own: dict[str, str]) -> dict[str, str]:
    """What a replica's server reads, where its group wants ``own``."""
    if instance.source is None:
        return own
    found = replication.PACE | own | replication.following_settings(_socket(call, instance.source), slot_of(call.region, instance.id))
    # "The value … must be the same or greater on the replica": such as of a source of a larger class.
    room = await replication.room(os.path.join(hosting.folder_of(call, instance.id), "data"))
    return found | {name: value for name, value in room.items() if int(value) > int(found.get(name, 0))}
