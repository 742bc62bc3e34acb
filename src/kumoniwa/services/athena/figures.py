"""What workgroups measure of queries that ended, where their configuration says so.

https://docs.aws.amazon.com/athena/latest/ug/query-metrics-viewing.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.athena import workgroup
from kumoniwa.services.athena.execution import Execution

SPACE = "AWS/Athena"


def measure(call: Call, execution: Execution) -> None:
    group = workgroup.existing(call, execution.workgroup if execution.workgroup in call.shelf(workgroup.WorkGroup) else workgroup.PRIMARY)
    if not group.configuration.get("PublishCloudWatchMetricsEnabled"):
        return
    dimensions = ("WorkGroup", execution.workgroup, "QueryState", execution.state, "QueryType", execution.type)
    for name, value in (
        ("EngineExecutionTime", execution.engine_ms), ("QueryPlanningTime", execution.planning_ms), ("QueryQueueTime", execution.queue_ms),
        ("ServiceProcessingTime", execution.service_ms), ("TotalExecutionTime", execution.total_ms),
    ):  # fmt: skip
        call.measure(SPACE, name, *dimensions, value=value, unit="Milliseconds")
    call.measure(SPACE, "ProcessedBytes", *dimensions, value=execution.scanned, unit="Bytes")
