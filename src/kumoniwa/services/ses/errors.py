"""What SES refuses with, in the words of its first API. ``services/sesv2/errors`` says which of its own errors each of them is."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class InvalidParameterValue(AwsError):
    status = 400


class Throttling(AwsError):
    status = 400


class MessageRejected(AwsError): ...


class AccountSendingPausedException(AwsError):
    def __init__(self, account: str) -> None:
        super().__init__(f"Email sending is disabled for AWS account {account}.")


class LimitExceededException(AwsError): ...


class AlreadyExistsException(AwsError): ...


class InvalidPolicyException(AwsError): ...


__all__ = [
    "AccountSendingPausedException",
    "AlreadyExistsException",
    "InvalidParameterValue",
    "InvalidPolicyException",
    "LimitExceededException",
    "MessageRejected",
    "Throttling",
]
