"""What EC2 refuses with. No model states its errors; codes and texts follow AWS's list of error codes and answers that users and moto's suite quote.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class Refused(AwsError):
    """By a code that Python cannot name a class after: ``Refused("InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist")``."""

    status = 400

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(text)
        self.code = code  # type: ignore[misc]


class InvalidParameterValue(AwsError):
    status = 400


class InvalidParameter(AwsError):
    status = 400


class InvalidParameterCombination(AwsError):
    status = 400


class MissingParameter(AwsError):
    status = 400


class DependencyViolation(AwsError):
    status = 400


class OperationNotPermitted(AwsError):
    status = 400


class IncorrectState(AwsError):
    status = 400


class IdempotentParameterMismatch(AwsError):
    status = 400
    message = "The request uses the same client token as a previous, but non-identical request."
