"""What AWS bills for databases: instances by the hour while they run, storage as long as they are there, copies beyond as much as there is storage.
Read replicas are instances like others. Those of clusters have prices of their own, and serverless ones by their capacity; what Aurora's storage is
asked for is not counted here.
Classes have the prices of PostgreSQL for MariaDB, too, whose own are a little lower.

https://aws.amazon.com/rds/postgresql/pricing/ https://aws.amazon.com/rds/aurora/pricing/
"""

from __future__ import annotations

from collections.abc import Iterable

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.rds import classes
from kumoniwa.services.rds.figures import GIB
from kumoniwa.services.rds.instance import Cluster, Instance, members
from kumoniwa.services.rds.proxy import Proxy
from kumoniwa.services.rds.snapshot import ClusterSnapshot, Snapshot

_STORAGE = {
    "gp2": "rds:gp2_storage",
    "gp3": "rds:gp3_storage",
    "io1": "rds:io1_storage",
    "io2": "rds:io1_storage",
    "standard": "rds:magnetic_storage",
}

PROXY_VCPUS_MIN = 2
"""Of a proxy's target: https://aws.amazon.com/rds/proxy/pricing/"""


def standing_of(call: Call) -> list[Use]:
    found: list[Use] = []
    instances = [each for each in call.shelf(Instance).values() if not each.cluster]
    for each in instances:
        if not _is_there(each):
            continue
        found.append((_STORAGE[each.storage_type], each.name, float(each.storage_gb)))
        if each.storage_type in ("io1", "io2"):
            found.append(("rds:provisioned_iops", each.name, float(each.iops or 0)))
        if each.state not in ("stopped", "deleting"):
            found.append((f"rds:{each.class_}", each.name, 1.0))
    for proxy in call.shelf(Proxy).values():
        if proxy.target and proxy.state not in ("creating", "deleting"):
            found += [("rds:proxy_vcpus", proxy.name, float(max(PROXY_VCPUS_MIN, classes.of(each.class_).processors))) for each in instances
                      if proxy.target in (each.id, each.cluster)]  # fmt: skip
    found += _beyond("rds:backup_storage", call.shelf(Snapshot).values(), sum(each.storage_gb for each in instances))
    clusters = list(call.shelf(Cluster).values())
    for each in clusters:
        found += _of_cluster(call, each)
    return found + _beyond("rds:aurora_backup_storage", call.shelf(ClusterSnapshot).values(), sum(each.held for each in clusters) / GIB)


def _of_cluster(call: Call, cluster: Cluster) -> list[Use]:
    if not _is_there(cluster):
        return []
    found: list[Use] = [("rds:aurora_storage", cluster.name, cluster.held / GIB)]
    for each in members(call, cluster):
        if each.is_made and each.state not in ("stopped", "deleting"):
            if each.class_ == classes.SERVERLESS:
                found.append(("rds:aurora_capacity_units", each.name, cluster.scaling["MinCapacity"]))
            else:
                found.append((f"rds:aurora_{each.class_}", each.name, 1.0))
    return found


def _is_there(instance: Instance) -> bool:
    return instance.is_made or instance.state not in ("creating", "failed")


def _beyond(usage: str, snapshots: Iterable[Snapshot], free_gib: float) -> list[Use]:
    kept = sum(each.storage_gb for each in snapshots if each.state == "available" and each.kind == "manual")
    return [(usage, "snapshots", kept - free_gib)] if kept > free_gib else []
