"""What Systems Manager refuses with. Texts without a source of their own are AWS's as getmoto/moto's tests/test_ssm tell them."""

from __future__ import annotations

from typing import ClassVar

from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationException

SERVICE = "ssm.amazonaws.com"


class ParameterNotFound(AwsError):
    """AWS says no more than the code; the hint says which."""


class ParameterAlreadyExists(AwsError):
    message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."


class ParameterVersionNotFound(AwsError): ...


class ParameterVersionLabelLimitExceeded(AwsError): ...


class ParameterMaxVersionLimitExceeded(AwsError): ...


class ParameterLimitExceeded(AwsError): ...


class ParameterPatternMismatchException(AwsError): ...


class InvalidAllowedPatternException(AwsError): ...


class HierarchyLevelLimitExceededException(AwsError):
    message = "A hierarchy can have a maximum of 15 levels."


class PoliciesLimitExceededException(AwsError): ...


class InvalidPolicyTypeException(AwsError):
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html"""

    message = (
        "The policy type isn't supported. Parameter Store supports the following policy types: Expiration, ExpirationNotification, "
        "and NoChangeNotification."
    )


class InvalidPolicyAttributeException(AwsError): ...


class IncompatiblePolicyException(AwsError): ...


class InvalidKeyId(AwsError): ...


class InvalidFilter(AwsError): ...


class InvalidFilterKey(AwsError): ...


class InvalidFilterOption(AwsError): ...


class InvalidFilterValue(AwsError): ...


class InvalidNextToken(AwsError):
    message = "The specified token isn't valid."


class InvalidResourceId(AwsError):
    message = "The resource ID isn't valid. Verify that you entered the correct ID and try again."


class InvalidResourceType(AwsError): ...


class TooManyTagsError(AwsError): ...


class Denied(AwsError):
    code: ClassVar[str] = "AccessDeniedException"
    status = 400


__all__ = ["NotImplementedHere", "ValidationException"]
