"""What a job is: a manifest of objects, one operation for each of them, and a life with an end.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-job-status.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.record import Record
from kumoniwa.store.rows import Table

TASKS = Table(
    "s3_job_task",
    """create table if not exists s3_job_task (job text, number integer, bucket text, key text, version text, error text,
         primary key (job, number)) without rowid""",
)
ENDED = ("Complete", "Failed", "Cancelled")
FAILING_FROM_TASKS, FAILING_SHARE = 1000, 0.5
"""A job of which more than half fails is given up once it has tried this much."""


class Job(Record):
    id: str
    status: str
    operation: dict[str, Any]
    role: str
    priority: int
    created: float
    report: dict[str, Any]
    manifest: dict[str, Any] = {}
    generator: dict[str, Any] = {}
    description: str = ""
    needs_confirmation: bool = False
    tags: dict[str, str] = {}
    total: int = 0
    done: int = 0
    """How many of its tasks have ended, in their order."""
    failed: int = 0
    begun: float = 0.0
    ended: float = 0.0
    reason: str = ""
    failures: tuple[dict[str, str], ...] = ()

    def shown(self, arn: str) -> dict[str, Any]:
        """As DescribeJob answers it."""
        shown: dict[str, Any] = {
            "JobId": self.id, "ConfirmationRequired": self.needs_confirmation, "JobArn": arn, "Status": self.status,
            "Operation": self.operation, "Priority": self.priority, "RoleArn": self.role, "CreationTime": self.created,
            "Report": self.report,
            "ProgressSummary": {
                "TotalNumberOfTasks": self.total, "NumberOfTasksSucceeded": self.done - self.failed, "NumberOfTasksFailed": self.failed,
                "Timers": {"ElapsedTimeInActiveSeconds": int((self.ended or self.begun) - self.begun)},
            },
        }  # fmt: skip
        if self.manifest:
            shown["Manifest"] = self.manifest
        if self.generator:
            shown["ManifestGenerator"] = self.generator
        for name, value in (("Description", self.description), ("StatusUpdateReason", self.reason), ("FailureReasons", list(self.failures))):
            if value:
                shown[name] = value
        if self.ended:
            shown["TerminationDate"] = self.ended
        if self.status == "Suspended":
            shown |= {"SuspendedCause": "AwaitingConfirmation", "SuspendedDate": self.created}
        return shown
