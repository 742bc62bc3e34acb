"""Event source mappings: which function reads which queue or stream, and how.

A mapping is a record. Reading is ``intake``'s, which keeps one reader for each that ``source_customer`` says is to be read.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.intake.feed import STREAMS, feed_of
from kumoniwa.intake.filter import patterns_of
from kumoniwa.intake.place import forget, remember_start
from kumoniwa.intake.queue import queue_url
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.event_pattern import InvalidPattern
from kumoniwa.services.lambda_ import destination, sandbox
from kumoniwa.services.lambda_.durable_config import check_mapping
from kumoniwa.services.lambda_.errors import (
    InvalidParameterValueException,
    Refusal,
    ResourceConflictException,
    ResourceNotFoundException,
)
from kumoniwa.services.lambda_.function import Version, check_tags, found, settles
from kumoniwa.services.lambda_.function import existing as existing_function
from kumoniwa.services.lambda_.name import arn, function_named

CHANGED = ("lambda", "sources")
"""Woken when a mapping is made, changed or taken away."""

FILTERS_MAX = 5
QUEUE_BATCH_MAX = 10_000
RECORDS_AGE_S_MIN = 60


class ResourceInUseException(Refusal): ...


class Mapping(Record):
    """Shelved by its UUID."""

    uuid: str
    function: str
    qualifier: str
    source: str
    modified: float
    batch_size: int
    window_s: int = 0
    is_enabled: bool = True
    state: str = "Creating"
    """What the latest change does to it, until that has settled."""
    settled: float = 0.0
    filters: tuple[str, ...] = ()
    response_types: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    concurrency_max: int = 0
    pollers: tuple[int, ...] = ()
    position: str = ""
    position_at: float | None = None
    on_failure: str = ""
    retries_max: int = -1
    age_s_max: int = -1
    bisects: bool = False
    parallel: int = 1
    tumbling_s: int = 0
    metrics: tuple[str, ...] = ()
    """Which of its figures it tells."""
    result: str = "No records processed"

    @property
    def service(self) -> str:
        return arns.parse(self.source).service

    @property
    def is_stream(self) -> bool:
        return self.service in STREAMS

    @property
    def is_fifo(self) -> bool:
        return self.source.endswith(".fifo")


def state_of(call: Call, mapping: Mapping) -> str:
    if mapping.settled > call.now():
        return mapping.state
    return "Enabled" if mapping.is_enabled else "Disabled"


def shown(call: Call, mapping: Mapping, state: str = "") -> dict[str, Any]:
    reply: dict[str, Any] = {
        "UUID": mapping.uuid,
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.window_s,
        "EventSourceArn": mapping.source,
        "FunctionArn": arn(call, mapping.function, mapping.qualifier or None),
        "LastModified": mapping.modified,
        "State": state or state_of(call, mapping),
        "StateTransitionReason": "User action" if mapping.is_stream else "USER_INITIATED",
        "FunctionResponseTypes": list(mapping.response_types),
        "EventSourceMappingArn": _arn(call, mapping),
    }
    if mapping.filters:
        reply["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in mapping.filters]}
    if mapping.metrics:
        reply["MetricsConfig"] = {"Metrics": list(mapping.metrics)}
    if mapping.concurrency_max:
        reply["ScalingConfig"] = {"MaximumConcurrency": mapping.concurrency_max}
    if mapping.pollers:
        reply["ProvisionedPollerConfig"] = dict(zip(("MinimumPollers", "MaximumPollers"), mapping.pollers))
    if mapping.is_stream:
        reply |= {
            "StartingPosition": mapping.position,
            "ParallelizationFactor": mapping.parallel,
            "LastProcessingResult": mapping.result,
            "DestinationConfig": {"OnFailure": {"Destination": mapping.on_failure} if mapping.on_failure else {}},
            "MaximumRecordAgeInSeconds": mapping.age_s_max,
            "BisectBatchOnFunctionError": mapping.bisects,
            "MaximumRetryAttempts": mapping.retries_max,
            "TumblingWindowInSeconds": mapping.tumbling_s,
        }
        if mapping.position_at is not None:
            reply["StartingPositionTimestamp"] = mapping.position_at
    return reply


def _arn(call: Call, mapping: Mapping) -> str:
    return call.arn(f"event-source-mapping:{mapping.uuid}")


# Changes -------------------------------------------------------------------------------------------


_NOT_BUILT = frozenset({"kafka", "mq", "rds"})
"""What AWS takes besides as a source: MSK, Amazon MQ, DocumentDB."""


async def CreateEventSourceMapping(
    call: Call,
    *,
    FunctionName: str,
    EventSourceArn: str | None = None,
    Enabled: bool | None = None,
    BatchSize: int | None = None,
    FilterCriteria: dict[str, Any] | None = None,
    MaximumBatchingWindowInSeconds: int | None = None,
    ParallelizationFactor: int | None = None,
    StartingPosition: str | None = None,
    StartingPositionTimestamp: float | None = None,
    DestinationConfig: dict[str, Any] | None = None,
    MaximumRecordAgeInSeconds: int | None = None,
    BisectBatchOnFunctionError: bool | None = None,
    MaximumRetryAttempts: int | None = None,
    Tags: dict[str, str] | None = None,
    TumblingWindowInSeconds: int | None = None,
    FunctionResponseTypes: list[str] | None = None,
    ScalingConfig: dict[str, Any] | None = None,
    MetricsConfig: dict[str, Any] | None = None,
    LoggingConfig: dict[str, Any] | None = None,
    ProvisionedPollerConfig: dict[str, Any] | None = None,
) -> dict:
    """Messages: recorded test_event_source_mapping_exceptions, test_create_event_source_validation, test_duplicate_event_source_mappings;
    those of sources, positions, filters, metrics and destinations as cdk-preflight saw them of AWS (pf-lambda-esm-…)."""
    source = arns.parse(EventSourceArn) if EventSourceArn else None
    if source is None:
        raise InvalidParameterValueException("Unrecognized event source.")
    if source.service in _NOT_BUILT:
        raise NotImplementedHere(f"event source mappings of {source.service}")
    if source.service != "sqs" and source.service not in STREAMS:
        raise InvalidParameterValueException(f"Unrecognized event source. Unsupported source arn : {EventSourceArn}")
    is_stream = source.service in STREAMS
    _check_source(call, EventSourceArn, is_stream)
    if is_stream and StartingPosition is None:
        raise InvalidParameterValueException(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."
        )
    if StartingPosition == "AT_TIMESTAMP" and source.service == "dynamodb":
        raise InvalidParameterValueException(f"Unsupported starting position for arn type: {EventSourceArn}")
    if not is_stream and StartingPosition is not None:
        raise InvalidParameterValueException("StartingPosition is not valid for SQS event sources.")
    if StartingPositionTimestamp is not None and StartingPosition != "AT_TIMESTAMP":
        raise InvalidParameterValueException(
            "Timestamp only valid with StartingPosition AT_TIMESTAMP" if is_stream else "Timestamp is not valid for SQS event sources."
        )
    if StartingPosition == "AT_TIMESTAMP" and StartingPositionTimestamp is None:
        # That it is refused is documented; the words were found nowhere.
        raise InvalidParameterValueException("StartingPositionTimestamp must be specified with the starting position AT_TIMESTAMP.")
    said = Said(
        BatchSize, FilterCriteria, MaximumBatchingWindowInSeconds, FunctionResponseTypes, ParallelizationFactor, MaximumRecordAgeInSeconds,
        BisectBatchOnFunctionError, MaximumRetryAttempts, TumblingWindowInSeconds, DestinationConfig, ScalingConfig, MetricsConfig,
        LoggingConfig, ProvisionedPollerConfig,
    )  # fmt: skip
    _check_supported(is_stream, said)
    _check_pollers(said)
    version, qualifier = _function(call, FunctionName)
    mapping = Mapping(
        uuid=call.new_id(), function=version.function, qualifier=qualifier, source=EventSourceArn, modified=call.now(),
        batch_size=100 if is_stream else 10, is_enabled=Enabled is not False, settled=settles(call), tags=check_tags(Tags or {}),
        position=StartingPosition or "", position_at=StartingPositionTimestamp,
    )  # fmt: skip
    mapping = _with(call, version, mapping, said)
    starts = await _check_readable(call, version, mapping)
    _check_unique(call, mapping)

    def keep() -> None:
        call.shelf(Mapping)[mapping.uuid] = mapping
        for shard, iterator in starts:
            remember_start(call, mapping.uuid, shard, iterator)

    call.atomically(keep)
    call.after_commit(lambda: call.home.wake(CHANGED))
    return shown(call, mapping, "Creating" if mapping.is_enabled else "Disabled")


def _check_source(call: Call, source: str, is_stream: bool) -> None:
    parsed = arns.parse(source)
    if parsed.region != call.region:
        raise InvalidParameterValueException(f"Event source region must match Lambda region {call.region}")
    if is_stream and parsed.account != call.account:
        raise NotImplementedHere("event source mappings of streams in other accounts")
    if parsed.service == "dynamodb" and "/stream/" not in source or parsed.service == "kinesis" and not parsed.resource.startswith("stream/"):
        raise InvalidParameterValueException("Unrecognized event source.")


class Said(NamedTuple):
    """How a request wants records to be read; None: it does not say."""

    BatchSize: int | None
    FilterCriteria: dict[str, Any] | None
    MaximumBatchingWindowInSeconds: int | None
    FunctionResponseTypes: list[str] | None
    ParallelizationFactor: int | None
    MaximumRecordAgeInSeconds: int | None
    BisectBatchOnFunctionError: bool | None
    MaximumRetryAttempts: int | None
    TumblingWindowInSeconds: int | None
    DestinationConfig: dict[str, Any] | None
    ScalingConfig: dict[str, Any] | None
    MetricsConfig: dict[str, Any] | None
    LoggingConfig: dict[str, Any] | None
    ProvisionedPollerConfig: dict[str, Any] | None


OF_STREAMS = (
    "ParallelizationFactor", "MaximumRecordAgeInSeconds", "BisectBatchOnFunctionError", "MaximumRetryAttempts", "TumblingWindowInSeconds",
    "DestinationConfig",
)  # fmt: skip
OF_QUEUES = ("ScalingConfig", "ProvisionedPollerConfig")
OF_KAFKA = ("LoggingConfig",)


def _check_supported(is_stream: bool, said: Said) -> None:
    """Parameters of the other kind of source, refused before the function is looked for (recorded: test_event_source_mapping_exceptions)."""
    for name in (*(OF_QUEUES if is_stream else OF_STREAMS), *OF_KAFKA):
        if getattr(said, name) is not None:
            raise InvalidParameterValueException(f"Unsupported {name} parameter for given event source mapping type.")


POLLERS_LEAST, POLLERS_MOST = 2, 200
# https://docs.aws.amazon.com/lambda/latest/api/API_ProvisionedPollerConfig.html
_NO_CONCURRENCY = (
    "Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the control mechanism and remove "
    "maximum concurrency."
)


def _check_pollers(said: Said) -> None:
    """As cdk-preflight saw AWS refuse them (pf-lambda-esm-poller-group-name-kafka-only, -pollers-max-ge-min,
    -scaling-provisioned-mutually-exclusive, -sqs-minimum-pollers-min)."""
    pollers = said.ProvisionedPollerConfig or {}
    if "PollerGroupName" in pollers:
        raise InvalidParameterValueException("Invalid parameter: pollerGroupName")
    if pollers and said.ScalingConfig:
        raise InvalidParameterValueException(_NO_CONCURRENCY)
    if len(pollers) == 2:
        _check_order(pollers["MinimumPollers"], pollers["MaximumPollers"])
    if not 2 <= pollers.get("MinimumPollers", POLLERS_LEAST) <= 200 or not 2 <= pollers.get("MaximumPollers", POLLERS_MOST) <= 10_000:
        raise InvalidParameterValueException(
            "MinimumPollers should be between [2, 200] and MaximumPollers should be between [MinimumPollers, 10000]"
        )


def _check_order(least: int, most: int) -> None:
    if least > most:
        raise InvalidParameterValueException("MinimumPollers must be less than or equal to MaximumPollers.")


def _pollers(held: tuple[int, ...], said: dict[str, Any]) -> tuple[int, ...]:
    """An empty configuration ends provisioned mode; whoever says one number only keeps the other (ours)."""
    if not said:
        return ()
    least, most = held or (POLLERS_LEAST, POLLERS_MOST)
    least, most = said.get("MinimumPollers", least), said.get("MaximumPollers", most)
    _check_order(least, most)
    return least, most


def _function(call: Call, text: str) -> tuple[Version, str]:
    name, qualifier = function_named(call, text)
    try:
        version = found(call, name, qualifier)
    except ResourceNotFoundException:
        raise InvalidParameterValueException("Function does not exist")
    check_mapping(version, qualifier)
    return version, qualifier or ""


def _with(call: Call, version: Version, mapping: Mapping, said: Said) -> Mapping:
    """The mapping with what a request says of it, checked."""
    age_s_max, types, scaling = said.MaximumRecordAgeInSeconds, said.FunctionResponseTypes, said.ScalingConfig
    if age_s_max is not None and -1 < age_s_max < RECORDS_AGE_S_MIN:
        raise InvalidParameterValueException("MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)")
    wanted = {
        "batch_size": said.BatchSize, "window_s": said.MaximumBatchingWindowInSeconds, "parallel": said.ParallelizationFactor,
        "age_s_max": age_s_max, "bisects": said.BisectBatchOnFunctionError, "retries_max": said.MaximumRetryAttempts,
        "tumbling_s": said.TumblingWindowInSeconds,
        "metrics": None if said.MetricsConfig is None else _metrics(said.MetricsConfig),
        "response_types": None if types is None else tuple(types),
        "concurrency_max": None if scaling is None else scaling.get("MaximumConcurrency", 0),
        "pollers": None if said.ProvisionedPollerConfig is None else _pollers(mapping.pollers, said.ProvisionedPollerConfig),
        "filters": None if said.FilterCriteria is None else _filters(said.FilterCriteria),
        "on_failure": None if said.DestinationConfig is None else _destination(call, version, said.DestinationConfig),
    }  # fmt: skip
    mapping = changed(mapping, **{name: value for name, value in wanted.items() if value is not None})
    if mapping.pollers and mapping.concurrency_max:
        raise InvalidParameterValueException(_NO_CONCURRENCY)
    if mapping.is_fifo and mapping.window_s:
        raise InvalidParameterValueException("Batching window is not supported for FIFO queues")
    # A FIFO queue, which can have no window, is so held to ten as well.
    if mapping.batch_size > 10 and not mapping.window_s and not mapping.is_stream:
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    reserved = existing_function(call, mapping.function).reserved
    if scaling is not None and reserved is not None and mapping.concurrency_max > reserved:
        raise InvalidParameterValueException(
            f"MaximumConcurrency: {mapping.concurrency_max} is greater than Function Reserved Concurrency: {reserved}"
        )
    if mapping.tumbling_s and mapping.parallel > 1:
        raise NotImplementedHere("tumbling windows with a parallelization factor")
    return mapping


def _filters(criteria: dict[str, Any]) -> tuple[str, ...]:
    """Recorded: test_dynamodb_invalid_event_filter."""
    count = len(criteria.get("Filters") or ())
    if count > FILTERS_MAX:
        raise InvalidParameterValueException(
            f"Too many filter patterns, maximum allowed {FILTERS_MAX} patterns, provided {count} patterns."
        )
    try:
        return patterns_of(criteria)
    except InvalidPattern as error:
        raise InvalidParameterValueException("Invalid filter pattern definition.", hint=str(error))


def _metrics(config: dict[str, Any]) -> tuple[str, ...]:
    """The others are Kafka's: https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingMetricsConfig.html."""
    metrics = tuple(config.get("Metrics") or ())
    if any(each != "EventCount" for each in metrics):
        raise InvalidParameterValueException("Invalid EventSourceMapping metrics. Expected values: [EventCount]")
    return metrics


def _destination(call: Call, version: Version, said: dict[str, Any]) -> str:
    if said.get("OnSuccess", {}).get("Destination"):
        raise InvalidParameterValueException("Unsupported DestinationConfig parameter for given event source mapping type.")
    wanted = said.get("OnFailure", {}).get("Destination") or ""
    if wanted:
        target = arns.parse(wanted)
        if target is None or target.service not in ("sqs", "sns", "s3"):
            raise InvalidParameterValueException("The service specified by the TargetArn isn't supported as a destination.")
        destination.check_is_standard(target)
        action, words = destination.ACTIONS[target.service]
        resource = f"{wanted}/*" if target.service == "s3" else wanted
        refusal = f"The function's execution role does not have permissions to call {words}"
        destination.check_role_may(call, version.role, action, resource, refusal)
    return wanted


def _check_unique(call: Call, mapping: Mapping) -> None:
    for other in call.shelf(Mapping).values():
        if (other.source, other.function, other.qualifier) == (mapping.source, mapping.function, mapping.qualifier):
            name = f"{mapping.function}:{mapping.qualifier}" if mapping.qualifier else mapping.function
            kind, end = ("arn", "provided mapping already exists") if mapping.is_stream else ("SQS", "already exists")
            begin = (
                f'The event source arn (" {mapping.source} ")'
                if kind == "arn"
                else f'An event source mapping with SQS arn (" {mapping.source} ")'
            )
            raise ResourceConflictException(
                f'{begin} and function (" {name} ") {end}. Please update or delete the existing mapping with UUID {other.uuid}'
            )


async def _check_readable(call: Call, version: Version, mapping: Mapping) -> list[tuple[str, str]]:
    """Refuse what the role could not read. Answers, for a mapping that begins at the latest record, where each shard stands now."""
    try:
        role = sandbox.role_of(call, version)
    except AwsError as error:
        raise InvalidParameterValueException("The role defined for the function cannot be assumed by Lambda.", hint=error.hint)
    if not mapping.is_stream:
        await _check_queue(role, version, mapping)
        return []
    feed = feed_of(mapping)
    actions = "GetRecords, GetShardIterator, DescribeStream, and ListStreams"
    try:
        shards = await feed.shards(role)
        if call.home.settings.iam == "enforce":
            for action in feed.actions:
                role.require(f"{mapping.service}:{action}", mapping.source)
        if mapping.position != "LATEST":
            return []
        return [(shard.id, await feed.iterator(role, shard.id, "LATEST") if shard.is_open else "") for shard in shards]
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            raise InvalidParameterValueException(f"Stream not found: {mapping.source}")
        raise InvalidParameterValueException(
            f"Cannot access stream {mapping.source}. Please ensure the role can perform the {actions} Actions on your stream in IAM.",
            hint=error.hint,
        )


async def _check_queue(role: Call, version: Version, mapping: Mapping) -> None:
    """A message must stay hidden while the function works on it.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
    action = "ReceiveMessage"
    try:
        if role.home.settings.iam == "enforce":
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
                role.require(f"sqs:{action}", mapping.source)
        queue = await role.ask("sqs:GetQueueAttributes", QueueUrl=queue_url(mapping.source), AttributeNames=["VisibilityTimeout"])
    except AwsError as error:
        if error.code == "QueueDoesNotExist":
            raise InvalidParameterValueException(
                "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
                f"SQS Error Message: {error.text}"
            )
        raise InvalidParameterValueException(
            f"The provided execution role does not have permissions to call {action} on SQS", hint=error.hint
        )
    visibility_s = int(queue["Attributes"]["VisibilityTimeout"])
    if visibility_s < version.timeout_s:
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {visibility_s} seconds is less than Function timeout: {version.timeout_s} seconds"
        )


async def UpdateEventSourceMapping(
    call: Call,
    *,
    UUID: str,
    FunctionName: str | None = None,
    Enabled: bool | None = None,
    BatchSize: int | None = None,
    FilterCriteria: dict[str, Any] | None = None,
    MaximumBatchingWindowInSeconds: int | None = None,
    DestinationConfig: dict[str, Any] | None = None,
    MaximumRecordAgeInSeconds: int | None = None,
    BisectBatchOnFunctionError: bool | None = None,
    MaximumRetryAttempts: int | None = None,
    ParallelizationFactor: int | None = None,
    TumblingWindowInSeconds: int | None = None,
    FunctionResponseTypes: list[str] | None = None,
    ScalingConfig: dict[str, Any] | None = None,
    MetricsConfig: dict[str, Any] | None = None,
    LoggingConfig: dict[str, Any] | None = None,
    ProvisionedPollerConfig: dict[str, Any] | None = None,
) -> dict:
    """What is not said stays as it is."""
    held = _settled(call, UUID, "update")
    said = Said(
        BatchSize, FilterCriteria, MaximumBatchingWindowInSeconds, FunctionResponseTypes, ParallelizationFactor, MaximumRecordAgeInSeconds,
        BisectBatchOnFunctionError, MaximumRetryAttempts, TumblingWindowInSeconds, DestinationConfig, ScalingConfig, MetricsConfig,
        LoggingConfig, ProvisionedPollerConfig,
    )  # fmt: skip
    _check_supported(held.is_stream, said)
    _check_pollers(said)
    version, qualifier = _function(call, FunctionName or arn(call, held.function, held.qualifier or None))
    mapping = changed(held, function=version.function, qualifier=qualifier, modified=call.now(), settled=settles(call))
    mapping = _with(call, version, mapping, said)
    state = "Updating"
    if Enabled is not None and Enabled != held.is_enabled:
        state = "Enabling" if Enabled else "Disabling"
    mapping = changed(mapping, state=state, is_enabled=held.is_enabled if Enabled is None else Enabled)
    await _check_readable(call, version, mapping)
    if UUID not in call.shelf(Mapping):
        raise _not_found()
    call.shelf(Mapping)[UUID] = changed(mapping, result=call.shelf(Mapping)[UUID].result)
    call.after_commit(lambda: call.home.wake(CHANGED))
    return shown(call, mapping, state)


def _not_found() -> ResourceNotFoundException:
    return ResourceNotFoundException("The resource you requested does not exist.")


def existing(call: Call, uuid: str) -> Mapping:
    mapping = call.shelf(Mapping).get(uuid)
    if mapping is None or is_over(call, mapping):
        raise _not_found()
    return mapping


def is_over(call: Call, mapping: Mapping) -> bool:
    """Whether it was deleted, and its deletion is done."""
    return mapping.state == "Deleting" and mapping.settled <= call.now()


def _settled(call: Call, uuid: str, verb: str) -> Mapping:
    mapping = existing(call, uuid)
    if mapping.settled > call.now():
        raise ResourceInUseException(f"Cannot {verb} the event source mapping because it is in use.")
    return mapping


def DeleteEventSourceMapping(call: Call, *, UUID: str) -> dict:
    mapping = changed(_settled(call, UUID, "delete"), state="Deleting", is_enabled=False, settled=settles(call))
    if mapping.settled:
        call.shelf(Mapping)[UUID] = mapping
    else:
        drop(call, mapping)
    call.after_commit(lambda: call.home.wake(CHANGED))
    return shown(call, mapping, "Deleting")


def drop(call: Call, mapping: Mapping) -> None:
    del call.shelf(Mapping)[mapping.uuid]
    forget(call, mapping.uuid)


# Looking -------------------------------------------------------------------------------------------


def GetEventSourceMapping(call: Call, *, UUID: str) -> dict:
    return shown(call, existing(call, UUID))


def ListEventSourceMappings(call: Call, *, EventSourceArn: str | None = None, FunctionName: str | None = None) -> dict:
    mine = [mapping for mapping in call.shelf(Mapping).values() if not is_over(call, mapping)]
    if EventSourceArn is not None:
        mine = [mapping for mapping in mine if mapping.source == EventSourceArn]
    if FunctionName is not None:
        name, qualifier = function_named(call, FunctionName)
        mine = [mapping for mapping in mine if (mapping.function, mapping.qualifier) == (name, qualifier or "")]
    return {"EventSourceMappings": [shown(call, mapping) for mapping in sorted(mine, key=lambda m: m.uuid)]}


# Tags ----------------------------------------------------------------------------------------------


def tagged(call: Call, resource: str) -> Mapping:
    mapping = call.shelf(Mapping).get(resource.rpartition(":")[2])
    if mapping is None or is_over(call, mapping) or _arn(call, mapping) != resource:
        raise ResourceNotFoundException(f"Event source mapping not found: {resource}")
    return mapping


def tag(call: Call, mapping: Mapping, tags: dict[str, str]) -> None:
    call.shelf(Mapping)[mapping.uuid] = changed(mapping, tags=check_tags(tags))
