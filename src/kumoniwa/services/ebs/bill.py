"""What AWS bills for the EBS direct APIs: lists by the request, blocks by units of up to 512 KiB. https://aws.amazon.com/ebs/pricing/"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call

_USAGES = {
    "ListSnapshotBlocks": "ebs:list_requests", "ListChangedBlocks": "ebs:list_requests", "GetSnapshotBlock": "ebs:get_units",
    "PutSnapshotBlock": "ebs:put_units",
}  # fmt: skip


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> list[Use]:
    usage = _USAGES.get(operation)
    return [(usage, params.get("SnapshotId") or params["SecondSnapshotId"], 1.0)] if usage is not None else []
