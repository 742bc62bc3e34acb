"""What CloudFront answers instead of a result: words as its API reference has them."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class InvalidArgument(AwsError):
    message = "An argument is invalid."


class InconsistentQuantities(AwsError):
    message = "The value of Quantity and the size of Items don't match."


class InvalidIfMatchVersion(AwsError):
    message = "The If-Match version is missing or not valid for the resource."


class PreconditionFailed(AwsError):
    message = "The request failed because it didn't meet the preconditions in one or more request-header fields."


class IllegalUpdate(AwsError):
    message = "The update contains modifications that are not allowed."


class AccessDenied(AwsError):
    message = "Access denied."


class NoSuchResource(AwsError):
    message = "A resource that was specified is not valid."


# Distributions ----------------------------------------------------------------------------------------


class NoSuchDistribution(AwsError):
    message = "The specified distribution does not exist."


class DistributionAlreadyExists(AwsError):
    message = "The caller reference that you are using to create a distribution is associated with another distribution."


class DistributionNotDisabled(AwsError):
    message = "The distribution you are trying to delete has not been disabled."


class NoSuchOrigin(AwsError):
    message = "One or more of your origins or origin groups do not exist."


class InvalidOrigin(AwsError):
    message = "The specified origin server does not exist or is not valid."


class InvalidDefaultRootObject(AwsError):
    message = "The default root object file name is too big or contains an invalid character."


class InvalidGeoRestrictionParameter(AwsError):
    message = "The specified geo restriction parameter is not valid."


class EntityNotFound(AwsError):
    message = "The key value store was not found."


class EntityAlreadyExists(AwsError):
    message = "The key value store entity already exists. You must provide a unique key value store entity."


class EntitySizeLimitExceeded(AwsError): ...


class CannotDeleteEntityWhileInUse(AwsError):
    message = "The key value store entity cannot be deleted while it is in use."


class InvalidWebACLId(AwsError):
    message = "Invalid Web ACL ID. Please ensure that the ACL exists and is of the scope CLOUDFRONT."


class InvalidViewerCertificate(AwsError):
    message = "A viewer certificate specified is not valid."


class CNAMEAlreadyExists(AwsError):
    message = "One or more of the CNAMEs you provided are already associated with a different resource."


class InvalidErrorCode(AwsError):
    message = "An invalid error code was specified."


class InvalidResponseCode(AwsError):
    message = "A response code is not valid."


class TrustedKeyGroupDoesNotExist(AwsError):
    message = "The specified key group does not exist."


class InvalidFunctionAssociation(AwsError):
    message = "A CloudFront function association is invalid."


class InvalidOriginAccessControl(AwsError):
    message = "The origin access control is not valid."


class InvalidOriginAccessIdentity(AwsError):
    message = "The origin access identity is not valid or doesn't exist."


# What distributions go by ------------------------------------------------------------------------------


class NoSuchCachePolicy(AwsError):
    message = "The cache policy does not exist."


class CachePolicyAlreadyExists(AwsError):
    message = "A cache policy with this name already exists. You must provide a unique name."


class CachePolicyInUse(AwsError):
    message = "Cannot delete the cache policy because it is attached to one or more cache behaviors."


class NoSuchOriginRequestPolicy(AwsError):
    message = "The origin request policy does not exist."


class OriginRequestPolicyAlreadyExists(AwsError):
    message = "An origin request policy with this name already exists. You must provide a unique name."


class OriginRequestPolicyInUse(AwsError):
    message = "Cannot delete the origin request policy because it is attached to one or more cache behaviors."


class NoSuchResponseHeadersPolicy(AwsError):
    message = "The response headers policy does not exist."


class ResponseHeadersPolicyAlreadyExists(AwsError):
    message = "A response headers policy with this name already exists. You must provide a unique name."


class ResponseHeadersPolicyInUse(AwsError):
    message = "Cannot delete the response headers policy because it is attached to one or more cache behaviors in a CloudFront distribution."


class NoSuchPublicKey(AwsError):
    message = "The specified public key doesn't exist."


class PublicKeyAlreadyExists(AwsError):
    message = "The specified public key already exists."


class PublicKeyInUse(AwsError):
    message = "The specified public key is in use."


class CannotChangeImmutablePublicKeyFields(AwsError):
    message = "You can't change the value of a public key."


class KeyGroupAlreadyExists(AwsError):
    message = "A key group with this name already exists. You must provide a unique name."


class ResourceInUse(AwsError):
    message = "Cannot delete this resource because it is in use."


class NoSuchOriginAccessControl(AwsError):
    message = "The origin access control does not exist."


class OriginAccessControlAlreadyExists(AwsError):
    message = "An origin access control with the specified parameters already exists."


class OriginAccessControlInUse(AwsError):
    message = "Cannot delete the origin access control because it's in use by one or more distributions."


class NoSuchCloudFrontOriginAccessIdentity(AwsError):
    message = "The specified origin access identity does not exist."


class CloudFrontOriginAccessIdentityAlreadyExists(AwsError):
    message = (
        "If the CallerReference is a value you already sent in a previous request to create an identity but the content of the "
        "CloudFrontOriginAccessIdentityConfig is different from the original request, CloudFront returns a "
        "CloudFrontOriginAccessIdentityAlreadyExists error."
    )


class CloudFrontOriginAccessIdentityInUse(AwsError):
    message = "The Origin Access Identity specified is already in use."


# Functions and invalidations -----------------------------------------------------------------------------


class NoSuchFunctionExists(AwsError):
    message = "The function does not exist."


class FunctionAlreadyExists(AwsError):
    message = "A function with the same name already exists in this Amazon Web Services account."


class FunctionInUse(AwsError):
    message = "Cannot delete the function because it's attached to one or more cache behaviors."


class FunctionSizeLimitExceeded(AwsError):
    message = "The function is too large."


class NoSuchInvalidation(AwsError):
    message = "The specified invalidation does not exist."


class InvalidationBatchAlreadyExists(AwsError):
    code = "InvalidArgument"
    status = 400
    message = "Your request contains a caller reference that was used for a previous invalidation batch for the same distribution."
