"""What CloudTrail refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class TrailNotFoundException(AwsError): ...


class TrailAlreadyExistsException(AwsError): ...


class InvalidTrailNameException(AwsError): ...


class CloudTrailARNInvalidException(AwsError): ...


class InvalidHomeRegionException(AwsError): ...


class MaximumNumberOfTrailsExceededException(AwsError): ...


class S3BucketDoesNotExistException(AwsError): ...


class InsufficientS3BucketPolicyException(AwsError): ...


class InsufficientSnsTopicPolicyException(AwsError): ...


class InvalidS3PrefixException(AwsError): ...


class InvalidSnsTopicNameException(AwsError): ...


class InvalidCloudWatchLogsLogGroupArnException(AwsError): ...


class InvalidCloudWatchLogsRoleArnException(AwsError): ...


class InvalidParameterCombinationException(AwsError): ...


class InvalidEventSelectorsException(AwsError): ...


class InvalidLookupAttributesException(AwsError): ...


class InvalidTimeRangeException(AwsError): ...


class InvalidNextTokenException(AwsError): ...


class InvalidEventCategoryException(AwsError): ...


class ResourceNotFoundException(AwsError): ...


class TagsLimitExceededException(AwsError): ...


class ThrottlingException(AwsError):
    status = 400
    message = "Rate exceeded"


class CloudTrailUnavailable(AwsError):
    code = "InternalFailure"
    status = 500


class InsufficientEncryptionPolicyException(AwsError): ...


class KmsKeyNotFoundException(AwsError): ...


class KmsKeyDisabledException(AwsError): ...


class CloudTrailAccessNotEnabledException(AwsError): ...


class NotOrganizationMasterAccountException(AwsError): ...


class OrganizationNotInAllFeaturesModeException(AwsError): ...


class OrganizationsNotInUseException(AwsError): ...
