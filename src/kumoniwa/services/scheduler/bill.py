"""What AWS bills for schedules: each time one fires, and each 64 KB of what it says as one more.

https://aws.amazon.com/eventbridge/pricing/. Whether another try counts is not said there; here it does not.
"""

from __future__ import annotations

from kumoniwa.gate.ledger import chunks
from kumoniwa.kernel.call import Call
from kumoniwa.services.scheduler.schedule import Schedule


def fired(call: Call, schedule: Schedule) -> None:
    size = len(schedule.sealed) or len((schedule.target.get("Input") or "").encode())
    call.bill("scheduler:invocations", f"{schedule.group}/{schedule.name}", chunks(size))
