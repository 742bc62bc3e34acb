"""What identity pools refuse with. The texts are those that users report of AWS."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class ResourceNotFoundException(AwsError): ...


class NotAuthorizedException(AwsError): ...


class InvalidParameterException(AwsError): ...


class ResourceConflictException(AwsError):
    message = "Login is already linked to another account."


class InvalidIdentityPoolConfigurationException(AwsError):
    message = "Invalid identity pool configuration. Check assigned IAM roles for this pool."


class DeveloperUserAlreadyRegisteredException(AwsError):
    message = "This developer user identifier is already registered with another identity."
