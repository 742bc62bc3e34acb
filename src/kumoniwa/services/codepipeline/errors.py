"""What CodePipeline refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError, ValidationException


class PipelineNotFoundException(AwsError): ...


class PipelineVersionNotFoundException(AwsError): ...


class PipelineNameInUseException(AwsError): ...


class PipelineExecutionNotFoundException(AwsError): ...


class PipelineExecutionNotStoppableException(AwsError): ...


class DuplicatedStopRequestException(AwsError): ...


class InvalidStructureException(AwsError): ...


class InvalidStageDeclarationException(AwsError): ...


class InvalidActionDeclarationException(AwsError): ...


class LimitExceededException(AwsError): ...


class StageNotFoundException(AwsError): ...


class StageNotRetryableException(AwsError): ...


class NotLatestPipelineExecutionException(AwsError): ...


class ActionNotFoundException(AwsError): ...


class InvalidApprovalTokenException(AwsError): ...


class ApprovalAlreadyCompletedException(AwsError): ...


class JobNotFoundException(AwsError): ...


class InvalidJobStateException(AwsError): ...


class ResourceNotFoundException(AwsError): ...


class InvalidArnException(AwsError): ...


class InvalidTagsException(AwsError): ...


class TooManyTagsException(AwsError): ...


__all__ = [
    "ActionNotFoundException", "ApprovalAlreadyCompletedException", "DuplicatedStopRequestException", "InvalidActionDeclarationException",
    "InvalidApprovalTokenException", "InvalidArnException", "InvalidJobStateException", "InvalidStageDeclarationException",
    "InvalidStructureException", "InvalidTagsException", "JobNotFoundException", "LimitExceededException",
    "NotLatestPipelineExecutionException", "PipelineExecutionNotFoundException", "PipelineExecutionNotStoppableException",
    "PipelineNameInUseException", "PipelineNotFoundException", "PipelineVersionNotFoundException", "ResourceNotFoundException",
    "StageNotFoundException", "StageNotRetryableException", "TooManyTagsException", "ValidationException",
]  # fmt: skip
