"""What AWS bills for streams of tables: each GetRecords, but those by which Lambda reads for its functions; global tables ask for none.

https://aws.amazon.com/dynamodb/pricing/on-demand/; pipes are not named there, and pay.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call

READER = "lambda.amazonaws.com"
"""Who assumed a function's role to read for it; what a function reads itself comes by keys of its own."""


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> tuple[Use, ...]:
    if operation != "GetRecords" or call.principal.held_by == READER:
        return ()
    table = params["ShardIterator"].partition(":table/")[2].partition("/")[0]
    return (("dynamodb:streams_read", table, 1.0),)
