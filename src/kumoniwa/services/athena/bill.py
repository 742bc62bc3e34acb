"""What AWS bills for queries: what they scan, to the next megabyte and ten of them at least. Statements about the catalogue and queries that
fail cost nothing. https://aws.amazon.com/athena/pricing/"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.athena.execution import WRITES, Execution

MB = 1 << 20
MB_MIN = 10


def scanned(call: Call, execution: Execution) -> None:
    if execution.kind in ("query", "execute", *WRITES) and execution.scanned:
        call.bill("athena:data_scanned", execution.workgroup, max(-(-execution.scanned // MB), MB_MIN) / MB)
