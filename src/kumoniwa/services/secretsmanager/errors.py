"""What Secrets Manager refuses with. Texts without a source of their own are AWS's as recorded in
https://github.com/localstack/localstack/blob/main/tests/aws/services/secretsmanager/test_secretsmanager.snapshot.json"""

from __future__ import annotations

from typing import ClassVar

from kumoniwa.kernel.errors import AwsError, ValidationException


class ResourceNotFoundException(AwsError):
    message = "Secrets Manager can't find the specified secret."


class ResourceExistsException(AwsError): ...


class InvalidRequestException(AwsError): ...


class InvalidParameterException(AwsError): ...


class LimitExceededException(AwsError): ...


class MalformedPolicyDocumentException(AwsError): ...


class PublicPolicyException(AwsError): ...


class EncryptionFailure(AwsError):
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html"""

    message = (
        "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "
        "Check that the KMS key is available, enabled, and not in an invalid state."
    )


class DecryptionFailure(AwsError):
    message = "Secrets Manager can't decrypt the protected secret text using the provided KMS key."


class InternalServiceError(AwsError): ...


class AccessDenied(AwsError):
    code: ClassVar[str] = "AccessDeniedException"
    status = 400
    message = "Access to KMS is not allowed"


class MarkedDeleted(InvalidRequestException):
    code = "InvalidRequestException"
    message = "You can't perform this operation on the secret because it was marked for deletion."


class OnReplica(InvalidRequestException):
    """https://github.com/getmoto/moto/blob/master/tests/test_secretsmanager/test_secretsmanager.py"""

    code = "InvalidRequestException"
    message = "Operation not permitted on a replica secret. Call must be made in primary secret's region."


__all__ = ["ValidationException"]
