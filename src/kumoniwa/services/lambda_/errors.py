"""What Lambda refuses with. Every refusal says whose fault it was, in a member of its own."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.errors import AwsError


class Refusal(AwsError):
    def __init__(self, text: str | None = None, /, *, hint: str = "", **members: Any) -> None:
        super().__init__(text, hint=hint, **({"Type": "User"} | members))


class ResourceNotFoundException(Refusal): ...


class ResourceConflictException(Refusal): ...


class InvalidParameterValueException(Refusal): ...


class LimitExceeded(AwsError):
    """Of the account's limits alone Lambda does not say whose fault it was (recorded: test_function_concurrency_limits)."""

    code = "InvalidParameterValueException"


class InvalidRequestContentException(Refusal): ...


class RequestEntityTooLargeException(Refusal):
    """Not in the model, which knows ``RequestTooLargeException`` instead; but what AWS answers."""

    status = 413


class PolicyLengthExceededException(Refusal): ...


class ProvisionedConcurrencyConfigNotFoundException(Refusal):
    message = "No Provisioned Concurrency Config found for this function"


class ForeignRole(Refusal):
    """A function cannot have a role of another account."""

    code = "AccessDeniedException"
    status = 403
    message = "Cross-account pass role is not allowed."


class ForeignFunction(Refusal):
    """What the operations on URLs say of another account's function, as cdk-preflight saw it of AWS (pf-lambda-url-target-arn-and-qualifier).
    It told no code; this is that of roles of other accounts."""

    code = "AccessDeniedException"
    status = 403
    message = "Cross-account access is not allowed."


class RoleNotAssumable(Refusal):
    """An invocation of a function whose role is gone or no longer trusts Lambda."""

    code = "AccessDeniedException"
    status = 403
    message = "The role defined for the function cannot be assumed by Lambda."


class EC2UnexpectedException(Refusal):
    """What keeps an environment from its network."""

    message = "The network of the function's environment could not be made."


class TooManyRequestsException(Refusal):
    message = "Rate Exceeded."


class PreconditionFailedException(Refusal):
    message = (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
    )


class DurableExecutionAlreadyStartedException(Refusal): ...


class CallbackTimeoutException(Refusal):
    """As floci-io/floci saw it of AWS (DurableExecutionService)."""

    message = "The callback is either timed out or already completed"
