"""What Step Functions answers instead of a result."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class InvalidArn(AwsError): ...


class InvalidName(AwsError): ...


class InvalidDefinition(AwsError): ...


class InvalidExecutionInput(AwsError): ...


class InvalidOutput(AwsError): ...


class MissingRequiredParameter(AwsError):
    message = "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"


class InvalidToken(AwsError):
    message = "Invalid Token: 'Invalid token'"


class TaskTimedOut(AwsError):
    message = "Task Timed Out: 'Provided task does not exist anymore'"


class TaskDoesNotExist(AwsError): ...


class StateMachineAlreadyExists(AwsError): ...


class StateMachineDoesNotExist(AwsError): ...


class StateMachineDeleting(AwsError): ...


class StateMachineTypeNotSupported(AwsError):
    message = "This operation is not supported by this type of state machine"


class ExecutionAlreadyExists(AwsError): ...


class ExecutionDoesNotExist(AwsError): ...


class ExecutionNotRedrivable(AwsError): ...


class ActivityDoesNotExist(AwsError): ...


class ActivityAlreadyExists(AwsError): ...


class ActivityWorkerLimitExceeded(AwsError): ...


class ConflictException(AwsError): ...


class ResourceNotFound(AwsError): ...


class TooManyTags(AwsError): ...


class InvalidLoggingConfiguration(AwsError): ...


class ValidationException(AwsError): ...


class InvalidEncryptionConfiguration(AwsError): ...


class KmsAccessDeniedException(AwsError): ...


class KmsInvalidStateException(AwsError): ...


class KmsThrottlingException(AwsError): ...


class AccessDeniedException(AwsError):
    status = 400
