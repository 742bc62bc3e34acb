"""What Elastic Load Balancing refuses with. Texts without a source of their own are those that moto's suite has, which follows AWS's
answers."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class AccessDenied(AwsError):
    """The model does not know it: https://github.com/hashicorp/terraform-provider-aws/issues/8805"""

    status = 400


class CertificateNotFoundException(AwsError): ...


class DuplicateListenerException(AwsError):
    message = "A listener with the specified port already exists."


class DuplicateLoadBalancerNameException(AwsError): ...


class DuplicateTagKeysException(AwsError): ...


class DuplicateTargetGroupNameException(AwsError): ...


class IncompatibleProtocolsException(AwsError): ...


class InvalidConfigurationRequestException(AwsError): ...


class InvalidLoadBalancerActionException(AwsError): ...


class InvalidSchemeException(AwsError): ...


class InvalidSecurityGroupException(AwsError): ...


class InvalidSubnetException(AwsError): ...


class InvalidTargetException(AwsError): ...


class ListenerNotFoundException(AwsError):
    message = "One or more listeners not found"


class LoadBalancerNotFoundException(AwsError): ...


class OperationNotPermittedException(AwsError): ...


class PriorityInUseException(AwsError): ...


class ResourceInUseException(AwsError): ...


class RuleNotFoundException(AwsError):
    message = "One or more rules not found"


class SSLPolicyNotFoundException(AwsError): ...


class SubnetNotFoundException(AwsError): ...


class TargetGroupAssociationLimitException(AwsError): ...


class TargetGroupNotFoundException(AwsError):
    message = "One or more target groups not found"


class TooManyActionsException(AwsError): ...


class TooManyCertificatesException(AwsError): ...


class TooManyListenersException(AwsError): ...


class TooManyLoadBalancersException(AwsError): ...


class TooManyRulesException(AwsError): ...


class TooManyTagsException(AwsError): ...


class TooManyTargetGroupsException(AwsError): ...


class TooManyTargetsException(AwsError): ...


class UnsupportedProtocolException(AwsError): ...
