"""What AWS bills for the Data API: requests, each of 32 KiB of what it carries there and back.

https://aws.amazon.com/rds/aurora/pricing/ (Data API)
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call

UNIT_BYTES = 32 << 10


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any] | None) -> list[Use]:
    size = sum(len(orjson.dumps(each, default=_length)) for each in (params, result or {}))
    return [("rds-data:requests", params["resourceArn"], float(max(1, -(-size // UNIT_BYTES))))]


def _length(value: Any) -> str:
    """Of a blob, as JSON carries it."""
    return "x" * (len(value) * 4 // 3)
