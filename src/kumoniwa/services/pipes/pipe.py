"""Pipes: which source, what is done with its events and where to with them, as whom; and what of a request is refused."""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.gate import execute_api
from kumoniwa.intake.filter import patterns_of
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.event_pattern import InvalidPattern
from kumoniwa.services.pipes import transform
from kumoniwa.services.pipes.errors import NotFoundException, ValidationException

SERVICE = "pipes.amazonaws.com"
PIPES_MAX = 1_000
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"""

SOURCES = {"sqs": "SqsQueueParameters", "kinesis": "KinesisStreamParameters", "dynamodb": "DynamoDBStreamParameters"}
BATCHES = {"sqs": 10, "kinesis": 100, "dynamodb": 100}
"""How large batches are if nobody says."""
QUEUE_BATCH_MAX = 10_000
ELSEWHERE = ("kafka", "mq")

ENRICHMENTS = frozenset({"lambda", "states", "execute-api", "api-destination"})
TARGETS: dict[str, int] = {
    "lambda": 10_000, "states": 10_000, "sqs": 10, "sns": 10, "event-bus": 10, "kinesis": 500, "logs": 10_000, "execute-api": 1, "api-destination": 1,
}  # fmt: skip
"""How large a batch each takes.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html#pipes-batchable-target"""
TARGET_MEMBERS = {
    "lambda": "LambdaFunctionParameters", "states": "StepFunctionStateMachineParameters", "sqs": "SqsQueueParameters",
    "event-bus": "EventBridgeEventBusParameters", "kinesis": "KinesisStreamParameters", "logs": "CloudWatchLogsParameters",
    "execute-api": "HttpParameters", "api-destination": "HttpParameters",
}  # fmt: skip
_ONE_AT_A_TIME = frozenset({"execute-api", "api-destination"})


class Wishes(NamedTuple):
    """How the source is to be read, in the words of ``intake.customer.Wishes``."""

    source: str
    batch_size: int
    window_s: int
    filters: tuple[str, ...]
    position: str
    position_at: float | None
    parallel: int
    bisects: bool
    retries_max: int
    age_s_max: int
    concurrency_max: int = 0
    pollers: tuple[int, ...] = ()
    tumbling_s: int = 0


class Pipe(Record):
    """Shelved by its name."""

    name: str
    id: str
    source: str
    target: str
    role: str
    created: float
    modified: float
    desired: str = "RUNNING"
    state: str = "CREATING"
    settled: float = 0.0
    """From when on what a state ending in -ING begins may be done."""
    reason: str = ""
    description: str | None = None
    source_parameters: dict[str, Any] = {}
    enrichment: str = ""
    enrichment_parameters: dict[str, Any] = {}
    target_parameters: dict[str, Any] = {}
    logging: dict[str, Any] = {}
    tags: dict[str, str] = {}
    key: str = ""
    """Of KMS, as it was told."""
    sealed: bytes = b""
    """Its patterns and templates, where there is a key."""

    @property
    def own(self) -> dict[str, Any]:
        """The parameters of its kind of source."""
        return self.source_parameters.get(SOURCES[arns.parse(self.source).service]) or {}

    @property
    def wishes(self) -> Wishes:
        own = self.own
        return Wishes(
            source=self.source, batch_size=own["BatchSize"], window_s=own.get("MaximumBatchingWindowInSeconds", 0),
            filters=tuple(each["Pattern"] for each in self.source_parameters.get("FilterCriteria", {}).get("Filters", ()) if "Pattern" in each),
            position=own.get("StartingPosition", ""), position_at=own.get("StartingPositionTimestamp"), parallel=own.get("ParallelizationFactor", 1),
            bisects="OnPartialBatchItemFailure" in own, retries_max=own.get("MaximumRetryAttempts", -1),
            age_s_max=own.get("MaximumRecordAgeInSeconds", -1),
        )  # fmt: skip


def arn_of(call: Call, pipe: Pipe) -> str:
    return call.arn(f"pipe/{pipe.name}")


def existing(call: Call, name: str) -> Pipe:
    found = call.shelf(Pipe).get(name)
    if found is None:
        raise NotFoundException(f"Pipe {name} does not exist.")
    return found


def kind_of(arn: arns.Arn) -> str:
    """What an enrichment or a target is: the service, but that EventBridge has two things of use."""
    if arn.service == "events":
        return arn.resource.partition("/")[0]
    return arn.service


def id_of(event: Any) -> str | None:
    """What a report of failures names an event by."""
    return (event.get("messageId") or event.get("eventID")) if isinstance(event, dict) else None


# What is refused -----------------------------------------------------------------------------------


def check(call: Call, pipe: Pipe) -> Pipe:
    """The pipe with its batch size filled in. Raises ValidationException, NotImplementedHere."""
    source = arns.parse(pipe.source)
    if source is None or source.service in ELSEWHERE:
        raise NotImplementedHere(f"{source.service if source else 'self managed Kafka'} as a source of pipes")
    if source.service not in SOURCES:
        raise ValidationException(f"Source {pipe.source} is not supported.")
    _check_region(call, source)
    if source.account != call.account:
        raise ValidationException("The source must be in the pipe's account.")
    own = SOURCES[source.service]
    for member in pipe.source_parameters:
        if member not in (own, "FilterCriteria"):
            raise ValidationException(f"SourceParameters.{member} does not apply to {pipe.source}.")
    if source.service != "sqs" and "StartingPosition" not in pipe.own:
        raise ValidationException(f"SourceParameters.{own}.StartingPosition is required for {pipe.source}.")
    if (pipe.own.get("StartingPosition") == "AT_TIMESTAMP") != ("StartingPositionTimestamp" in pipe.own):
        raise ValidationException("StartingPositionTimestamp is required with, and only with, the starting position AT_TIMESTAMP.")
    try:
        patterns_of(pipe.source_parameters.get("FilterCriteria") or {})
    except InvalidPattern as error:
        raise ValidationException("Filter pattern is not valid.", hint=str(error)) from None
    _check_dead_letters(call, pipe)
    most = min(_check_enrichment(call, pipe), _check_target(call, pipe))
    return _with_batch_size(pipe, source, own, most)


def _check_region(call: Call, arn: arns.Arn) -> None:
    """As cdk-preflight saw it of AWS for sources and targets (pf-pipes-cross-region). How it refuses what else a pipe names no source tells."""
    if arn.region != call.region:
        raise ValidationException("Creating cross-region pipe is not permitted.")


def _check_dead_letters(call: Call, pipe: Pipe) -> None:
    dead = (pipe.own.get("DeadLetterConfig") or {}).get("Arn")
    parsed = arns.parse(dead) if dead else None
    if dead and (parsed is None or parsed.service not in ("sqs", "sns") or parsed.resource.endswith(".fifo")):
        raise ValidationException("DeadLetterConfig.Arn must be that of a standard queue or topic.")
    if parsed is not None:
        _check_region(call, parsed)


def _check_enrichment(call: Call, pipe: Pipe) -> int:
    """How large a batch the enrichment takes."""
    if not pipe.enrichment:
        return 10_000
    arn = arns.parse(pipe.enrichment)
    kind = kind_of(arn)
    if kind not in ENRICHMENTS:
        raise ValidationException(f"Enrichment {pipe.enrichment} is not supported.")
    _check_place(call, arn, "enrichment")
    if "HttpParameters" in pipe.enrichment_parameters and kind not in _ONE_AT_A_TIME:
        raise ValidationException(f"EnrichmentParameters.HttpParameters does not apply to {pipe.enrichment}.")
    _check_template(pipe.enrichment_parameters, "EnrichmentParameters")
    return 1 if kind in _ONE_AT_A_TIME else 10_000


def _check_target(call: Call, pipe: Pipe) -> int:
    """How large a batch the target takes."""
    arn = arns.parse(pipe.target)
    kind = kind_of(arn)
    if kind not in TARGETS:
        raise NotImplementedHere(f"{arn.service} as a target of pipes")
    _check_place(call, arn, "target")
    for member in pipe.target_parameters:
        if member not in ("InputTemplate", TARGET_MEMBERS.get(kind)):
            raise ValidationException(f"TargetParameters.{member} does not apply to {pipe.target}.")
    own = pipe.target_parameters.get(TARGET_MEMBERS.get(kind, "")) or {}
    if "EndpointId" in own:
        raise NotImplementedHere("global endpoints as targets of pipes")
    if kind == "kinesis" and not own.get("PartitionKey"):
        raise ValidationException("TargetParameters.KinesisStreamParameters.PartitionKey is required.")
    if kind == "sqs" and arn.resource.endswith(".fifo") and not own.get("MessageGroupId"):
        raise ValidationException("TargetParameters.SqsQueueParameters.MessageGroupId is required for a FIFO queue.")
    _check_template(pipe.target_parameters, "TargetParameters")
    return TARGETS[kind]


def _check_place(call: Call, arn: arns.Arn, what: str) -> None:
    _check_region(call, arn)
    if arn.service == "execute-api" and execute_api.place_of(arn) is None:
        raise ValidationException(f"The {what} names no method of an API.")


def _check_template(parameters: dict[str, Any], where: str) -> None:
    if wrong := transform.wrong_with(parameters.get("InputTemplate") or ""):
        raise ValidationException(f"{where}.InputTemplate is not valid. {wrong}")


def _with_batch_size(pipe: Pipe, source: arns.Arn, own: str, most: int) -> Pipe:
    size = pipe.own.get("BatchSize")
    if size is not None and size > most:
        raise ValidationException(f"BatchSize {size} is larger than the {most} that the enrichment and the target take.")
    if source.service == "sqs" and (size or 0) > 10 and (source.resource.endswith(".fifo") or not pipe.own.get("MaximumBatchingWindowInSeconds")):
        raise ValidationException("A BatchSize of more than 10 needs a batching window, which a FIFO queue does not have.")
    if source.resource.endswith(".fifo") and pipe.own.get("MaximumBatchingWindowInSeconds"):
        raise ValidationException("Batching window is not supported for FIFO queues")
    filled = {**pipe.own, "BatchSize": size or min(BATCHES[source.service], most)}
    parameters = {**pipe.source_parameters, own: filled}
    return changed(pipe, source_parameters=parameters)
