"""What AWS bills for functions: requests, memory by the billed milliseconds that REPORT lines tell, and what is provisioned.

https://aws.amazon.com/lambda/pricing/
"""

from __future__ import annotations

from kumoniwa.engines.lambda_runtime.environment import Outcome
from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.lambda_ import durable_execution
from kumoniwa.services.lambda_.function import Provisioned, Version, found
from kumoniwa.services.lambda_.source import Mapping

FREE_STORAGE_MB = 512
MB_PER_GB = 1024
BYTES_PER_GB = 1_000_000_000


def began(call: Call, version: Version) -> None:
    """Whatever becomes of it."""
    call.bill("lambda:requests", version.function)


def ended(call: Call, version: Version, outcome: Outcome) -> None:
    architecture = "arm" if version.architecture == "arm64" else "x86"
    billed_s = outcome.billed_ms / 1000
    call.bill(f"lambda:duration_{architecture}", version.function, billed_s * version.memory_mb / MB_PER_GB)
    if version.storage_mb > FREE_STORAGE_MB:
        call.bill("lambda:ephemeral_storage", version.function, billed_s * (version.storage_mb - FREE_STORAGE_MB) / MB_PER_GB)


def standing_of(call: Call) -> list[Use]:
    """Gigabytes that are kept ready, pollers of queues, as many as there are at least, and what is kept of durable executions."""
    kept = [
        ("lambda:provisioned_concurrency", held.function, held.requested * found(call, held.function, held.qualifier).memory_mb / MB_PER_GB)
        for held in call.shelf(Provisioned).values()
    ]
    mappings = [held for held in call.shelf(Mapping).values() if held.pollers and held.is_enabled]
    kept += [("lambda:event_pollers", held.uuid, held.pollers[0]) for held in mappings]
    return kept + [("lambda:durable_data_retained", name, written / BYTES_PER_GB) for name, written in durable_execution.retained(call)]
