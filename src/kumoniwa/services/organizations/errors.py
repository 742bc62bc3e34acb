"""What Organizations answers instead of a result. Where AWS's own words are not recorded they are those of its API reference.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class AWSOrganizationsNotInUseException(AwsError):
    message = "Your account is not a member of an organization."


class AlreadyInOrganizationException(AwsError):
    message = "The provided account is already a member of an organization."


class AccessDeniedException(AwsError):
    message = "You don't have permissions to access this resource."


class InvalidInputException(AwsError):
    message = "You specified an invalid value."


class ConstraintViolationException(AwsError): ...


class HandshakeConstraintViolationException(AwsError): ...


class AccountNotFoundException(AwsError):
    message = "You specified an account that doesn't exist."


class AccountAlreadyClosedException(AwsError):
    message = "The provided account is already closed."


class AccountAlreadyRegisteredException(AwsError):
    message = "The provided account is already a delegated administrator for your organization."


class AccountNotRegisteredException(AwsError):
    message = "The provided account is not a registered delegated administrator for your organization."


class ChildNotFoundException(AwsError):
    message = "You specified an organizational unit (OU) or account that doesn't exist."


class CreateAccountStatusNotFoundException(AwsError):
    message = "You specified an unknown account creation request."


class DestinationParentNotFoundException(AwsError):
    message = "You specified a destination container (a root or OU) that doesn't exist."


class SourceParentNotFoundException(AwsError):
    message = "You specified a source root or OU that doesn't exist."


class DuplicateAccountException(AwsError):
    message = "That account is already present in the specified destination."


class DuplicateHandshakeException(AwsError):
    message = "A handshake with the same action and target already exists."


class DuplicateOrganizationalUnitException(AwsError):
    message = "An OU with the same name already exists."


class DuplicatePolicyAttachmentException(AwsError):
    message = "The selected policy is already attached to the specified target."


class DuplicatePolicyException(AwsError):
    message = "A policy with the same name already exists."


class EffectivePolicyNotFoundException(AwsError):
    message = "If you ran this action on the management account, this policy type is not enabled. If you ran the action on a member account, the account doesn't have an effective policy of this type."


class HandshakeAlreadyInStateException(AwsError):
    message = "The specified handshake is already in the requested state."


class HandshakeNotFoundException(AwsError):
    message = "We can't find a handshake with the HandshakeId that you specified."


class InvalidHandshakeTransitionException(AwsError):
    message = "You can't perform the operation on the handshake in its current state."


class MalformedPolicyDocumentException(AwsError):
    message = "The provided policy document does not meet the requirements of the specified policy type."


class MasterCannotLeaveOrganizationException(AwsError):
    message = "You can't remove a management account from an organization. If you want the management account to become a member account in another organization, you must first delete the current organization of the management account."


class OrganizationNotEmptyException(AwsError):
    message = "To delete an organization you must first remove all member accounts (except the master)."


class OrganizationalUnitNotEmptyException(AwsError):
    message = "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child OUs, and try the operation again."


class OrganizationalUnitNotFoundException(AwsError):
    message = "You specified an organizational unit that doesn't exist."


class ParentNotFoundException(AwsError):
    message = "You specified parent that doesn't exist."


class PolicyInUseException(AwsError):
    message = "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts before performing this operation."


class PolicyNotAttachedException(AwsError):
    message = "The policy isn't attached to the specified target in the specified root."


class PolicyNotFoundException(AwsError):
    message = "We can't find a policy with the PolicyId that you specified."


class PolicyTypeAlreadyEnabledException(AwsError):
    message = "The specified policy type is already enabled."


class PolicyTypeNotAvailableForOrganizationException(AwsError):
    message = "You can't use the specified policy type with the feature set currently enabled for this organization."


class PolicyTypeNotEnabledException(AwsError):
    message = "This operation can be performed only for enabled policy types."


class ResourcePolicyNotFoundException(AwsError):
    message = "We can't find a resource policy request with the parameter that you specified."


class RootNotFoundException(AwsError):
    message = "You specified a root that doesn't exist."


class TargetNotFoundException(AwsError):
    message = "You specified a target that doesn't exist."
