"""What X-Ray refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class InvalidRequestException(AwsError): ...


class ResourceNotFoundException(AwsError): ...


class RuleLimitExceededException(AwsError): ...


class TooManyTagsException(AwsError):
    message = "A resource may have 50 tags at most."


class MalformedPolicyDocumentException(AwsError): ...


class PolicyCountLimitExceededException(AwsError):
    message = "An account may have 5 resource policies at most."


class PolicySizeLimitExceededException(AwsError):
    message = "A resource policy may have 5120 characters at most."


class InvalidPolicyRevisionIdException(AwsError):
    message = "The policy revision id does not match the latest revision."


class LockoutPreventionException(AwsError):
    message = "The policy would forbid its own change."


class AccessDeniedException(AwsError):
    status = 403


class MissingAuthenticationToken(AwsError):
    status = 403
    message = "Missing Authentication Token"
