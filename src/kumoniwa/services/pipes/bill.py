"""What AWS bills for pipes: requests that their filters let through, of which each 64 KB of a batch is one.

https://aws.amazon.com/eventbridge/pricing/. Whether a batch that is tried again counts again is not said there; here it does.
"""

from __future__ import annotations

from kumoniwa.gate.ledger import chunks
from kumoniwa.kernel.call import Call
from kumoniwa.services.pipes.pipe import Pipe


def taken(call: Call, pipe: Pipe, size: int) -> None:
    call.bill("pipes:requests", pipe.name, chunks(size))
