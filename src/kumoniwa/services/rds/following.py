"""Where a read replica's server finds its source's, and what it is told so that it follows it.

In the same region that is the private socket of the source's server, beside the replica's own data.
"""

from __future__ import annotations

import os

from kumoniwa.engines.postgresql import replication
from kumoniwa.kernel.call import Call
from kumoniwa.services.rds import hosting
from kumoniwa.services.rds.instance import Instance, Source


def slot_of(region: str, id_: str) -> str:
    """As which a source knows a replica: RDS calls its slots so, such as ``rds_us_west_2_db_555555555``.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PostgreSQL.Replication.ReadReplicas.html"""
    return f"rds_{region}_{id_}".lower().replace("-", "_")


def _socket(call: Call, source: Source) -> str:
    """The folder of the socket, as seen from a replica's data."""
    return f"../../{source.id}/data"


def socket_folder(call: Call, instance: Instance, source: Source) -> str:
    return os.path.normpath(os.path.join(hosting.folder_of(call, instance.id), "data", _socket(call, source)))


async def settings(call: Call, instance: Instance, own: dict[str, str]) -> dict[str, str]:
    """What a replica's server reads, where its group wants ``own``."""
    if instance.source is None:
        return own
    found = own | replication.following_settings(_socket(call, instance.source), slot_of(call.region, instance.id))
    # "The value … must be the same or greater on the replica": such as of a source of a larger class.
    room = await replication.room(os.path.join(hosting.folder_of(call, instance.id), "data"))
    return found | {name: value for name, value in room.items() if int(value) > int(found.get(name, 0))}
