"""What IAM refuses with. The model spells most of these with ``Exception``; on the wire AWS leaves it out."""

from kumoniwa.kernel.errors import AwsError, ValidationError


class NoSuchEntity(AwsError):
    status = 404


class EntityAlreadyExists(AwsError):
    status = 409


class DeleteConflict(AwsError):
    status = 409


class LimitExceeded(AwsError):
    status = 409


class InvalidInput(AwsError):
    status = 400


class AccessDenied(AwsError):
    code = "AccessDenied"
    status = 403


class UnmodifiableEntity(AwsError):
    status = 400


class PolicyNotAttachable(AwsError):
    status = 400


class NotOfAName(ValidationError):
    code = "ValidationError"

    def __init__(self, member: str) -> None:
        super().__init__(
            f"The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        )
