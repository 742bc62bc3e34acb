"""The role of a job, as AWS Backup assumes it."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.backup.errors import JobFailed
from kumoniwa.services.backup.vault import SERVICE


def assumed(call: Call, role: str, source: str) -> Call:
    """The same place as a session of the job's role. The session's name is AWS Backup's: https://github.com/widdix/aws-cf-templates/pull/633"""
    try:
        return call.assuming(role, SERVICE, f"AWSBackup-{role.rpartition('/')[2]}"[:64], **{"aws:SourceArn": source})
    except AwsError as error:
        if error.code != "AccessDenied":
            raise
        raise JobFailed(f"IAM Role {role} cannot be assumed by AWS Backup", hint=error.hint) from None
