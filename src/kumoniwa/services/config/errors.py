"""What AWS Config refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class ConformancePackTemplateValidationException(AwsError): ...


class InsufficientDeliveryPolicyException(AwsError): ...


class InsufficientPermissionsException(AwsError): ...


class InvalidConfigurationRecorderNameException(AwsError): ...


class InvalidDeliveryChannelNameException(AwsError): ...


class InvalidExpressionException(AwsError): ...


class InvalidLimitException(AwsError): ...


class InvalidNextTokenException(AwsError):
    message = "The nextToken provided is invalid"


class InvalidParameterValueException(AwsError): ...


class InvalidRecordingGroupException(AwsError):
    message = "The recording group provided is not valid"


class InvalidResultTokenException(AwsError):
    message = "The result token provided is invalid."


class InvalidRoleException(AwsError): ...


class InvalidS3KeyPrefixException(AwsError): ...


class InvalidS3KmsKeyArnException(AwsError): ...


class InvalidSNSTopicARNException(AwsError): ...


class InvalidTimeRangeException(AwsError): ...


class LastDeliveryChannelDeleteFailedException(AwsError): ...


class LimitExceededException(AwsError): ...


class MaxNumberOfConfigRulesExceededException(AwsError): ...


class MaxNumberOfConfigurationRecordersExceededException(AwsError): ...


class MaxNumberOfConformancePacksExceededException(AwsError): ...


class MaxNumberOfDeliveryChannelsExceededException(AwsError): ...


class MaxNumberOfOrganizationConfigRulesExceededException(AwsError): ...


class MaxNumberOfOrganizationConformancePacksExceededException(AwsError): ...


class NoAvailableConfigurationRecorderException(AwsError): ...


class NoAvailableDeliveryChannelException(AwsError): ...


class NoAvailableOrganizationException(AwsError): ...


class NoRunningConfigurationRecorderException(AwsError): ...


class NoSuchBucketException(AwsError): ...


class NoSuchConfigRuleException(AwsError): ...


class NoSuchConfigRuleInConformancePackException(AwsError): ...


class NoSuchConfigurationAggregatorException(AwsError): ...


class NoSuchConfigurationRecorderException(AwsError): ...


class NoSuchConformancePackException(AwsError): ...


class NoSuchDeliveryChannelException(AwsError): ...


class NoSuchOrganizationConfigRuleException(AwsError): ...


class NoSuchOrganizationConformancePackException(AwsError): ...


class NoSuchRemediationConfigurationException(AwsError): ...


class NoSuchRemediationExceptionException(AwsError): ...


class NoSuchRetentionConfigurationException(AwsError): ...


class OrganizationAccessDeniedException(AwsError): ...


class OrganizationAllFeaturesNotEnabledException(AwsError): ...


class OrganizationConformancePackTemplateValidationException(AwsError): ...


class RemediationInProgressException(AwsError): ...


class ResourceInUseException(AwsError): ...


class ResourceNotDiscoveredException(AwsError): ...


class ResourceNotFoundException(AwsError): ...


class TooManyTagsException(AwsError): ...


class ValidationException(AwsError): ...
