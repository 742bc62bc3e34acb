"""What AWS bills for databases: instances by the hour while they run, storage as long as they are there, copies beyond as much as there is storage.

https://aws.amazon.com/rds/postgresql/pricing/
"""

from __future__ import annotations

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.rds import classes
from kumoniwa.services.rds.instance import Instance
from kumoniwa.services.rds.proxy import Proxy
from kumoniwa.services.rds.snapshot import Snapshot

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
    instances = list(call.shelf(Instance).values())
    for each in instances:
        if each.state in ("creating", "failed") and not each.is_made:
            continue
        found.append((_STORAGE[each.storage_type], each.name, float(each.storage_gb)))
        if each.storage_type in ("io1", "io2"):
            found.append(("rds:provisioned_iops", each.name, float(each.iops or 0)))
        if each.state not in ("stopped", "deleting"):
            found.append((f"rds:{each.class_}", each.name, 1.0))
    for proxy in call.shelf(Proxy).values():
        if proxy.state not in ("creating", "deleting"):
            found += [("rds:proxy_vcpus", proxy.name, float(max(PROXY_VCPUS_MIN, classes.of(each.class_).processors))) for each in instances
                      if each.id == proxy.target]  # fmt: skip
    kept = sum(each.storage_gb for each in call.shelf(Snapshot).values() if each.state == "available" and each.kind == "manual")
    beyond = kept - sum(each.storage_gb for each in instances)
    if beyond > 0:
        found.append(("rds:backup_storage", "snapshots", float(beyond)))
    return found
