"""What AWS WAF refuses with. https://docs.aws.amazon.com/waf/latest/APIReference/CommonErrors.html and each operation's page."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError

EXACTLY_ONE = "You have used none or multiple values for a field that requires exactly one value."
TOO_LOW = (
    "You haven't met a minimum requirement for a threshold setting. Examples include a rule group capacity setting that's too low and an OR "
    "statement with fewer than two nested statements."
)
REFERENCE = "A reference in your rule statement is not valid."
ARN = "The ARN isn't valid. A valid ARN begins with arn: and includes other information separated by colons or slashes."
NESTED = "The statement cannot be nested here."


class WAFInvalidParameterException(AwsError):
    """Its message names what is wrong, and where: https://github.com/hashicorp/terraform-provider-aws/issues/28808"""

    @classmethod
    def of(cls, reason: str, field: str, parameter: str, *, hint: str = "") -> WAFInvalidParameterException:
        text = f"Error reason: {reason}, field: {field}, parameter: {parameter}"
        return cls(text, hint=hint, Field=field, Parameter=parameter, Reason=reason)


class WAFNonexistentItemException(AwsError):
    message = "AWS WAF couldn’t perform the operation because your resource doesn’t exist."


class WAFDuplicateItemException(AwsError):
    message = "AWS WAF could not perform the operation because some resource in your request is a duplicate of an existing one."


class WAFOptimisticLockException(AwsError):
    message = "AWS WAF couldn’t save your changes because someone changed the resource after you started to edit it. Reapply your changes."


class WAFAssociatedItemException(AwsError):
    message = (
        "AWS WAF couldn’t perform the operation because your resource is being used by another resource or it’s associated with another resource."
    )


class WAFUnavailableEntityException(AwsError):
    message = "AWS WAF couldn’t retrieve the resource that you requested. Retry your request."


class WAFLimitsExceededException(AwsError):
    message = "AWS WAF couldn’t perform the operation because you exceeded your resource limit."


class WAFInvalidOperationException(AwsError): ...


class WAFLogDestinationPermissionIssueException(AwsError): ...


class WAFUnsupportedAggregateKeyTypeException(AwsError):
    message = "The rule that you've named doesn't aggregate solely on the IP address or solely on the forwarded IP address."
