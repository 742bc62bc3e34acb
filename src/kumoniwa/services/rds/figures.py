"""What CloudWatch is told of each instance, a figure a minute: what is really there of it on this machine.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import monotonic
from kumoniwa.services.rds import classes, engine_list, hosting, proxy_running, replicating
from kumoniwa.services.rds.instance import RUNNING, SERVICE, Cluster, Instance, by_id, keep

EVERY_S = 60.0
GIB = 1 << 30
HELD_STEP = 8 << 20
"""By how much a cluster's data grows or shrinks before that is written down."""
_TICKS = os.sysconf("SC_CLK_TCK")


class _Used:
    """By the id of an instance: when its processor time was last read, and what it was."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[float, float]] = {}


async def run(region: Any) -> None:
    while True:
        await region.wait(("rds", "figures"), region.clock.now() + EVERY_S)
        for call in region.calls("rds", SERVICE):
            for instance in list(call.shelf(Instance).values()):
                server = hosting.servers(region).by_id.get(instance.cluster or instance.id)
                if instance.state in RUNNING and server is not None and server.is_ready:
                    await _measure(call, instance, server)
            await proxy_running.measure(call)


async def _measure(call: Call, instance: Instance, server: Any) -> None:
    def tell(name: str, value: float, unit: str) -> None:
        call.measure("AWS/RDS", name, "DBInstanceIdentifier", instance.name, value=value, unit=unit)

    if instance.source is not None or instance.has_slots:
        await replicating.measure(call, instance, server, tell)
    count = await engine_list.of(instance).connections(server)
    if count is not None:
        tell("DatabaseConnections", float(count), "Count")
    used = await asyncio.to_thread(_bytes, server.folder)
    if instance.cluster:
        # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
        parent = by_id(call, instance.cluster)
        if isinstance(parent, Cluster):
            call.measure("AWS/RDS", "VolumeBytesUsed", "DBClusterIdentifier", parent.name, value=float(used), unit="Bytes")
            if abs(used - parent.held) > HELD_STEP:
                keep(call, parent, held=used)
    else:
        tell("FreeStorageSpace", max(0.0, instance.storage_gb * float(GIB) - used), "Bytes")
    now, spent = monotonic(), _processor_s(server.pid)
    before = call.memory(_Used).seen.get(instance.id)
    call.memory(_Used).seen[instance.id] = (now, spent)
    if before is not None and now > before[0] and spent >= before[1]:
        # Of as many processors as the class has; the machine may have others.
        share = (spent - before[1]) / (now - before[0]) / classes.of(instance.class_).processors
        tell("CPUUtilization", min(100.0, 100.0 * share), "Percent")


def _bytes(folder: str) -> int:
    """What lies under a folder, while it changes."""
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
    return total


def _processor_s(pid: int) -> float:
    """Seconds of processors that a process and all that came of it have used."""
    ticks, waiting = 0, [pid]
    while waiting:
        each = waiting.pop()
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
            waiting += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
    return ticks / _TICKS
