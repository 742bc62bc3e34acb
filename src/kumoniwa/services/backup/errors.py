"""What AWS Backup refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class ResourceNotFoundException(AwsError): ...


class AlreadyExistsException(AwsError): ...


class InvalidParameterValueException(AwsError): ...


class InvalidRequestException(AwsError): ...


class MissingParameterValueException(AwsError): ...


class InvalidResourceStateException(AwsError): ...


class LimitExceededException(AwsError): ...


class InsufficientPrivileges(AwsError):
    """A vault that is not there is one that nobody may look at: https://github.com/aws/aws-sdk-js/issues/2625"""

    code = "AccessDeniedException"
    status = 403
    message = "Insufficient privileges to perform this action."


class NoStorage(AwsError):
    """https://docs.aws.amazon.com/aws-backup/latest/devguide/access-control.html; the words are quoted in many reports of its users."""

    code = "AccessDeniedException"
    status = 403
    message = (
        "Insufficient privileges to create a backup vault. Creating a backup vault requires backup-storage and KMS permissions."
    )


class JobFailed(AwsError):
    """Why a job ends as FAILED; its text is the job's status message."""

    code = "JobFailed"
    status = 400
