"""What Cognito refuses with. Where no source is named, the texts are those that users report of AWS."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class ResourceNotFoundException(AwsError): ...


class InvalidParameterException(AwsError): ...


class NotAuthorizedException(AwsError):
    message = "Incorrect username or password."


class UserNotFoundException(AwsError):
    message = "User does not exist."


class UserNotConfirmedException(AwsError):
    message = "User is not confirmed."


class UsernameExistsException(AwsError):
    message = "User already exists"


class AliasExistsException(AwsError):
    message = "An account with the email already exists."


class PasswordResetRequiredException(AwsError):
    message = "Password reset required for the user"


class InvalidPasswordException(AwsError): ...


class PasswordHistoryPolicyViolationException(AwsError): ...


class CodeMismatchException(AwsError):
    message = "Invalid verification code provided, please try again."


class ExpiredCodeException(AwsError):
    message = "Invalid code provided, please request a code again."


class EnableSoftwareTokenMFAException(AwsError):
    message = "Code mismatch"


class SoftwareTokenMFANotFoundException(AwsError):
    message = "User has not set up software token mfa"


class CodeDeliveryFailureException(AwsError): ...


class InvalidEmailRoleAccessPolicyException(AwsError):
    message = "Cognito is not allowed to use your email identity"


class InvalidSmsRoleAccessPolicyException(AwsError):
    message = "Role does not have permission to publish with SNS"


class InvalidSmsRoleTrustRelationshipException(AwsError):
    message = "Role does not have a trust relationship allowing Cognito to assume the role"


class GroupExistsException(AwsError):
    message = "A group with the name already exists."


class LimitExceededException(AwsError):
    message = "Attempt limit exceeded, please try after some time."


class UserLambdaValidationException(AwsError): ...


class UnexpectedLambdaException(AwsError): ...


class InvalidLambdaResponseException(AwsError):
    message = "Unrecognizable lambda output"


class UnsupportedTokenTypeException(AwsError): ...


class UnsupportedOperationException(AwsError): ...


class UnauthorizedException(AwsError): ...


class ScopeDoesNotExistException(AwsError):
    message = "Scope does not exist."


class InvalidOAuthFlowException(AwsError): ...


class FeatureUnavailableInTierException(AwsError): ...


class AccessDeniedException(AwsError): ...


class UserPoolTaggingException(AwsError): ...


class UnsupportedUserStateException(AwsError): ...


class WebAuthnNotEnabledException(AwsError):
    """https://github.com/heavymoons/ampless: a changeset of its backend."""

    message = "WebAuthn not enabled for this pool."


# The words of the rest are written after the model's.


class WebAuthnConfigurationMissingException(AwsError):
    message = "The user pool doesn't have a configured relying party ID or a user pool domain."


class WebAuthnChallengeNotFoundException(AwsError):
    message = "The challenge from StartWebAuthnRegistration has expired."


class WebAuthnClientMismatchException(AwsError):
    message = "The access token is for a different client than the one in the original StartWebAuthnRegistration request."


class WebAuthnCredentialNotSupportedException(AwsError):
    message = "The passkey credential is from an unsupported device or provider."


class WebAuthnOriginNotAllowedException(AwsError):
    message = "The passkey credential's registration origin does not align with the user pool relying party ID."


class WebAuthnRelyingPartyMismatchException(AwsError):
    message = "The passkey credential is associated with a different relying party ID than the user pool relying party ID."
