"""What AWS bills for state machines: of Standard ones each state that is entered and each retry, of Express ones requests, and memory by duration.

"Step Functions counts a state transition each time a step of your workflow is executed … including retries"; of an Express execution duration counts
in 100 ms and memory in 64 MB. https://aws.amazon.com/step-functions/pricing/
AWS's memory follows from the definition and the payload by a rule that is given by examples only; here it is always the one chunk that
StartSyncExecution answers as billed. What a redrive does again is a transition, too.
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.stepfunctions.execution import Execution

MEMORY_MB = 64
STEP_MS = 100
MB_PER_GB, MS_PER_HOUR = 1_024, 3_600_000


def billed_ms(execution: Execution) -> int:
    """Of one that is over."""
    return max(STEP_MS, -int(-((execution.stopped - execution.started) * 1000) // STEP_MS) * STEP_MS)


def moved(call: Call, execution: Execution, transitions: int, *, is_new: bool) -> None:
    """A burst of steps was made."""
    name = execution.machine_name
    if not execution.is_express:
        if transitions:
            call.bill("stepfunctions:standard_transitions", name, transitions)
        return
    if is_new:
        call.bill("stepfunctions:express_requests", name)
    if execution.status != "RUNNING":
        call.bill("stepfunctions:express_duration", name, billed_ms(execution) / MS_PER_HOUR * MEMORY_MB / MB_PER_GB)
