"""What KMS refuses with. Texts without a source of their own are AWS's as recorded in
https://github.com/localstack/localstack/blob/main/tests/aws/services/kms/test_kms.snapshot.json"""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError, ValidationException


class NotFoundException(AwsError): ...


class AlreadyExistsException(AwsError): ...


class DisabledException(AwsError): ...


class InvalidArnException(AwsError): ...


class InvalidAliasNameException(AwsError): ...


class NotAuthorizedException(AwsError):
    status = 400


class KMSInvalidStateException(AwsError): ...


class KMSInternalException(AwsError): ...


class InvalidKeyUsageException(AwsError): ...


class InvalidCiphertextException(AwsError): ...


class IncorrectKeyException(AwsError):
    message = "The key ID in the request does not identify a CMK that can perform this operation."


class KMSInvalidSignatureException(AwsError): ...


class KMSInvalidMacException(AwsError): ...


class MalformedPolicyDocumentException(AwsError): ...


class TagException(AwsError): ...


class LimitExceededException(AwsError): ...


class UnsupportedOperationException(AwsError): ...


class InvalidGrantTokenException(AwsError):
    message = "Invalid grant token."


class InvalidGrantIdException(AwsError): ...


class InvalidImportTokenException(AwsError): ...


class ExpiredImportTokenException(AwsError): ...


class IncorrectKeyMaterialException(AwsError): ...


class ConflictException(AwsError): ...


class DryRunOperationException(AwsError):
    message = "The request would have succeeded, but the DryRun option is set."


class UnknownKey(AwsError):
    """Of a ciphertext: it says nothing of its key to those who may not know."""

    code = "AccessDeniedException"
    status = 400
    message = (
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."
    )


__all__ = ["ValidationException"]
