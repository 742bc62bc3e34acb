"""The operations of CloudWatch Logs."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.aws import models
from kumoniwa.gate import reserved_tags
from kumoniwa.gate.once import Token
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.languages.policy_pattern import glob
from kumoniwa.services.logs import (
    anomaly_detector,
    delivery,
    delivery_destination,
    delivery_source,
    encryption,
    event,
    figures,
    lookup_table,
    page,
    policy,
    query,
    scheduled_query,
    work,
)
from kumoniwa.services.logs.account_policies import (
    DeleteAccountPolicy,
    DescribeAccountPolicies,
    PutAccountPolicy,
)
from kumoniwa.services.logs.anomaly import ListAnomalies, UpdateAnomaly
from kumoniwa.services.logs.anomaly_detector import (
    CreateLogAnomalyDetector,
    DeleteLogAnomalyDetector,
    GetLogAnomalyDetector,
    ListLogAnomalyDetectors,
    UpdateLogAnomalyDetector,
)
from kumoniwa.services.logs.bill import standing_of  # noqa: F401 (a hook of the gate's)
from kumoniwa.services.logs.delivery import (
    CreateDelivery,
    DeleteDelivery,
    DeleteDeliveryDestination,
    DeleteDeliverySource,
    DescribeConfigurationTemplates,
    DescribeDeliveries,
    GetDelivery,
    UpdateDeliveryConfiguration,
)
from kumoniwa.services.logs.delivery_destination import (
    DeleteDeliveryDestinationPolicy,
    DescribeDeliveryDestinations,
    GetDeliveryDestination,
    GetDeliveryDestinationPolicy,
    PutDeliveryDestination,
    PutDeliveryDestinationPolicy,
)
from kumoniwa.services.logs.delivery_source import (
    DescribeDeliverySources,
    GetDeliverySource,
    PutDeliverySource,
)
from kumoniwa.services.logs.destination import (
    DeleteDestination,
    DescribeDestinations,
    PutDestination,
    PutDestinationPolicy,
)
from kumoniwa.services.logs.encryption import AssociateKmsKey, DisassociateKmsKey
from kumoniwa.services.logs.event import COLUMNS, MOMENT_MAX, STREAMS, Stream, stored_bytes
from kumoniwa.services.logs.export import CancelExportTask, CreateExportTask, DescribeExportTasks
from kumoniwa.services.logs.group import (
    RETENTIONS_DAYS,
    Group,
    InvalidParameterException,
    ResourceAlreadyExistsException,
    brief,
    existing,
    identified,
    is_here,
    name_in,
    named,
    next_number,
    shown,
    unprotected,
)
from kumoniwa.services.logs.index_policy import (
    DeleteIndexPolicy,
    DescribeFieldIndexes,
    DescribeIndexPolicies,
    IndexPolicy,
    PutIndexPolicy,
    indexed_now,
)
from kumoniwa.services.logs.log_record import GetLogGroupFields, GetLogRecord
from kumoniwa.services.logs.lookup_table import (
    CreateLookupTable,
    DeleteLookupTable,
    DescribeLookupTables,
    GetLookupTable,
    UpdateLookupTable,
)
from kumoniwa.services.logs.metric_filter import (
    DeleteMetricFilter,
    DescribeMetricFilters,
    PutMetricFilter,
    TestMetricFilter,
)
from kumoniwa.services.logs.policy import DeleteResourcePolicy, DescribeResourcePolicies, PutResourcePolicy
from kumoniwa.services.logs.protection import (
    DeleteDataProtectionPolicy,
    GetDataProtectionPolicy,
    PutDataProtectionPolicy,
)
from kumoniwa.services.logs.query import (
    DescribeQueries,
    GetQueryResults,
    ListLogGroupsForQuery,
    StartQuery,
    StopQuery,
)
from kumoniwa.services.logs.query_definition import (
    DeleteQueryDefinition,
    DescribeQueryDefinitions,
    PutQueryDefinition,
)
from kumoniwa.services.logs.scheduled_query import (
    CreateScheduledQuery,
    DeleteScheduledQuery,
    GetScheduledQuery,
    GetScheduledQueryHistory,
    ListScheduledQueries,
    UpdateScheduledQuery,
)
from kumoniwa.services.logs.search import FilterLogEvents
from kumoniwa.services.logs.subscription import (
    DeleteSubscriptionFilter,
    DescribeSubscriptionFilters,
    PutSubscriptionFilter,
)
from kumoniwa.services.logs.tail import StartLiveTail
from kumoniwa.services.logs.transformer import (
    DeleteTransformer,
    GetTransformer,
    PutTransformer,
    TestTransformer,
)

__all__ = [
    "DeleteDataProtectionPolicy", "GetDataProtectionPolicy", "PutDataProtectionPolicy",
    "CreateScheduledQuery", "DeleteScheduledQuery", "GetScheduledQuery", "GetScheduledQueryHistory", "ListScheduledQueries", "UpdateScheduledQuery",
    "DeleteAccountPolicy", "DescribeAccountPolicies", "PutAccountPolicy",
    "DeleteTransformer", "GetTransformer", "PutTransformer", "TestTransformer",
    "CreateLogAnomalyDetector", "DeleteLogAnomalyDetector", "GetLogAnomalyDetector", "ListAnomalies", "ListLogAnomalyDetectors", "UpdateAnomaly",
    "UpdateLogAnomalyDetector",
    "CreateDelivery", "DeleteDelivery", "DeleteDeliveryDestination", "DeleteDeliveryDestinationPolicy", "DeleteDeliverySource",
    "DescribeConfigurationTemplates", "DescribeDeliveries", "DescribeDeliveryDestinations", "DescribeDeliverySources", "GetDelivery",
    "GetDeliveryDestination", "GetDeliveryDestinationPolicy", "GetDeliverySource", "PutDeliveryDestination", "PutDeliveryDestinationPolicy",
    "PutDeliverySource", "UpdateDeliveryConfiguration",
    "AssociateKmsKey", "CancelExportTask", "CreateExportTask", "DeleteDestination", "DeleteMetricFilter",
    "DeleteQueryDefinition", "DeleteResourcePolicy", "DeleteSubscriptionFilter", "DescribeDestinations",
    "DescribeExportTasks", "DescribeMetricFilters", "DescribeQueries", "DescribeQueryDefinitions",
    "DescribeResourcePolicies", "DescribeSubscriptionFilters", "DisassociateKmsKey", "FilterLogEvents", "GetLogGroupFields",
    "GetLogRecord", "GetQueryResults", "ListLogGroupsForQuery", "PutDestination", "PutDestinationPolicy", "PutMetricFilter",
    "PutQueryDefinition", "PutResourcePolicy", "PutSubscriptionFilter", "StartLiveTail", "StartQuery", "StopQuery",
    "TestMetricFilter", "CreateLookupTable", "DeleteIndexPolicy", "DeleteLookupTable", "DescribeFieldIndexes", "DescribeIndexPolicies",
    "DeleteIndexPolicy", "DescribeFieldIndexes", "DescribeIndexPolicies", "DescribeLookupTables", "PutIndexPolicy", "GetLookupTable",
    "PutIndexPolicy", "UpdateLookupTable",
]  # fmt: skip

TAGS_MAX = 50


# What the gate asks --------------------------------------------------------------------------------


TOKENS = {"PutQueryDefinition": Token("clientToken", of=("queryDefinitionId",))}


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    """AWS asks about streams even where there is none: ``log-group:name:log-stream:``. Only tags belong to the bare group."""
    if operation in _OF_THE_ACCOUNT:
        return "*"
    if "Deliver" in operation:
        return _of_delivery(call, operation, params)
    if (resource := params.get("resourceArn")) is not None:
        return resource
    if operation.endswith(("Destination", "Destinations", "DestinationPolicy")):
        name = params.get("destinationName")
        return call.arn(f"destination:{name if isinstance(name, str) else '*'}")
    if operation == "StartQuery":
        return [_streams_of(call, name, "") for name in query.names_told(call, params)] or "*"
    if "ScheduledQuer" in operation:
        identifier = params.get("identifier")
        return "*" if operation == "ListScheduledQueries" else scheduled_query.named(call, identifier if isinstance(identifier, str) else "*")
    if "Anomal" in operation:
        return _of_detector(call, operation, params)
    if operation.endswith("LookupTable"):
        return params.get("lookupTableArn") or call.arn(f"lookup-table:{params.get('lookupTableName', '*')}")
    if isinstance(identifiers := params.get("logGroupIdentifiers"), list) and operation == "StartLiveTail":
        return [_streams_of(call, identifier, "") for identifier in identifiers if isinstance(identifier, str)] or "*"
    identifier = params.get("logGroupName") or params.get("logGroupIdentifier") or ""
    return _streams_of(call, identifier, params.get("logStreamName") or "")


def _of_detector(call: Call, operation: str, params: dict[str, Any]) -> str:
    if operation == "CreateLogAnomalyDetector":
        arns = params.get("logGroupArnList")
        return _streams_of(call, arns[0], "") if isinstance(arns, list) and arns and isinstance(arns[0], str) else "*"
    return params.get("anomalyDetectorArn") or ("*" if operation == "ListLogAnomalyDetectors" else anomaly_detector.arn_of(call, "*"))


def _of_delivery(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    """A delivery is made of three things, of which its maker must be allowed each."""
    said = {name: value for name, value in params.items() if isinstance(value, str)}
    if operation == "CreateDelivery":
        source, target = said.get("deliverySourceName", "*"), said.get("deliveryDestinationArn", "*")
        return [delivery_source.arn_of(call, source), delivery.arn_of(call, "*"), target]
    if operation.startswith("Describe"):
        return "*"
    if "Source" in operation:
        return delivery_source.arn_of(call, said.get("name", "*"))
    if "Destination" in operation:
        return delivery_destination.arn_of(call, said.get("name") or said.get("deliveryDestinationName", "*"))
    return delivery.arn_of(call, said.get("id", "*"))


_OF_THE_ACCOUNT = frozenset({
    "DescribeConfigurationTemplates",
    "DeleteIndexPolicy", "DescribeFieldIndexes", "DescribeIndexPolicies", "DescribeLookupTables", "PutIndexPolicy",
    "CancelExportTask", "DescribeExportTasks", "DeleteQueryDefinition", "DeleteResourcePolicy", "DescribeQueries",
    "DescribeQueryDefinitions", "DescribeResourcePolicies",
    "GetLogRecord", "GetQueryResults", "ListLogGroupsForQuery", "PutQueryDefinition", "PutResourcePolicy", "StopQuery",
    "TestMetricFilter", "TestTransformer", "DeleteAccountPolicy", "DescribeAccountPolicies", "PutAccountPolicy",
})  # fmt: skip


def _streams_of(call: Call, identifier: str, stream: str) -> str:
    account = identifier.split(":")[4] if identifier.startswith("arn:") and identifier.count(":") > 5 else call.account
    return f"arn:{call.home.partition}:logs:{call.region}:{account}:log-group:{name_in(identifier)}:log-stream:{stream}"


policy_of = policy.binding


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """The newer operations say of a broken constraint that it is one (recorded: localstack's test_put_delivery_destination_invalid_format)."""
    if "' at 'logGroupIdentifier' " in error.text:
        # Verified against AWS by moto's test_arn_formats_log_group_and_stream: of this parameter alone the value is not told.
        error = InvalidParameterException(re.sub(r"Value '[^']*' at 'logGroupIdentifier'", "Value at 'logGroupIdentifier'", error.text))
    known = models.service("logs").operation(operation).errors
    is_newer = "ValidationException" in known and "InvalidParameterException" not in known
    return ValidationException(error.text) if is_newer and error.code == "InvalidParameterException" else error


# Groups --------------------------------------------------------------------------------------------


def CreateLogGroup(
    call: Call, *, logGroupName: str, tags: dict[str, str] | None = None, logGroupClass: str | None = None,
    deletionProtectionEnabled: bool | None = None, kmsKeyId: str | None = None,
) -> None:  # fmt: skip
    _check_class(logGroupClass)
    if logGroupName.startswith("aws/") and call.request is not None:
        raise InvalidParameterException("Log groups starting with AWS/ are reserved for AWS.")
    if logGroupName in call.shelf(Group):
        raise ResourceAlreadyExistsException("The specified log group already exists")
    group = call.shelf(Group)[logGroupName] = Group(
        name=logGroupName, number=next_number(call), created_ms=_now_ms(call), tags=_checked_tags(tags or {}),
        is_protected=bool(deletionProtectionEnabled),
    )  # fmt: skip
    if kmsKeyId is not None:
        encryption.keyed(call, group, kmsKeyId)


def _check_class(wanted: str | None) -> None:
    if wanted not in (None, "STANDARD"):
        raise NotImplementedHere(f"log groups of the class {wanted}")


def _now_ms(call: Call) -> int:
    return milliseconds(call.now())


def DeleteLogGroup(call: Call, *, logGroupName: str) -> None:
    group = unprotected(call, logGroupName)
    for (stream,) in call.rows(STREAMS).all("select id from log_stream where grp = ?", group.number):
        event.empty(call, stream)
    call.shelf(policy.ResourcePolicy).pop(policy.key_of("", group.name), None)
    call.shelf(IndexPolicy).pop(group.name, None)
    del call.shelf(Group)[logGroupName]


def PutLogGroupDeletionProtection(call: Call, *, logGroupIdentifier: str, deletionProtectionEnabled: bool) -> None:
    group = identified(call, logGroupIdentifier)
    call.shelf(Group)[group.name] = changed(group, is_protected=deletionProtectionEnabled)


def DescribeLogGroups(
    call: Call,
    *,
    logGroupNamePrefix: str | None = None,
    logGroupNamePattern: str | None = None,
    logGroupIdentifiers: list[str] | None = None,
    logGroupClass: str | None = None,
    includeLinkedAccounts: bool | None = None,
    accountIdentifiers: list[str] | None = None,
    nextToken: str | None = None,
    limit: int | None = None,
) -> dict:
    """No account is linked to another here, so that a monitoring account sees what is its own."""
    if logGroupNamePrefix is not None and logGroupNamePattern is not None:
        raise InvalidParameterException("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    if logGroupIdentifiers and (logGroupNamePrefix, logGroupNamePattern, logGroupClass) != (None, None, None):
        raise InvalidParameterException("logGroupIdentifiers cannot be combined with other filters.")
    wanted = frozenset(name_in(text) for text in logGroupIdentifiers if is_here(call, text)) if logGroupIdentifiers else None
    groups = [
        group
        for group in _listed(call, logGroupClass, includeLinkedAccounts, accountIdentifiers)
        if group.name.startswith(logGroupNamePrefix or "")
        and (logGroupNamePattern or "") in group.name
        and (wanted is None or group.name in wanted)
    ]
    chosen, token = _page(groups, nextToken, limit)
    if logGroupNamePattern is not None:
        return {"logGroups": [brief(call, group) for group in chosen]} | token
    sizes = stored_bytes(call)
    return {"logGroups": [shown(call, group, sizes.get(group.number, 0)) for group in chosen]} | token


def _listed(call: Call, kind: str | None, has_linked: bool | None, accounts: list[str] | None) -> list[Group]:
    """The account's groups in the order of their names. All of them are of the class STANDARD."""
    others = [account for account in accounts or () if account != call.account]
    if others:
        raise NotImplementedHere(f"log groups of linked accounts ({', '.join(others)})")
    if accounts and not has_linked:
        raise InvalidParameterException("accountIdentifiers can only be given with includeLinkedAccounts.")
    groups = call.shelf(Group)
    return [groups[name] for name in sorted(groups)] if kind in (None, "STANDARD") else []


def _page(groups: list[Group], token: str | None, limit: int | None) -> tuple[list[Group], dict[str, str]]:
    left = [group for group in groups if group.name > (token or "")]
    chosen = left[: limit or 50]
    return chosen, {"nextToken": chosen[-1].name} if len(chosen) < len(left) else {}


def ListLogGroups(
    call: Call,
    *,
    logGroupNamePattern: str | None = None,
    logGroupClass: str | None = None,
    includeLinkedAccounts: bool | None = None,
    accountIdentifiers: list[str] | None = None,
    logGroupTags: list[dict] | None = None,
    fieldIndexNames: list[str] | None = None,
    nextToken: str | None = None,
    limit: int | None = None,
) -> dict:
    """A pattern is up to five texts parted by ``|``, each found anywhere in a name or, with ``^``, at its beginning."""
    texts = logGroupNamePattern.split("|") if logGroupNamePattern else [""]
    groups = [
        group
        for group in _listed(call, logGroupClass, includeLinkedAccounts, accountIdentifiers)
        if any(group.name.startswith(text[1:]) if text.startswith("^") else text in group.name for text in texts)
        and all(_is_tagged(group, wanted["key"], wanted.get("values")) for wanted in logGroupTags or ())
        and (not fieldIndexNames or indexed_now(call, group).issuperset(fieldIndexNames))
    ]
    chosen, token = _page(groups, nextToken, limit)
    shown_briefly = [
        {"logGroupName": group.name, "logGroupArn": call.arn(f"log-group:{group.name}"), "logGroupClass": "STANDARD"}
        for group in chosen
    ]
    return {"logGroups": shown_briefly} | token


def _is_tagged(group: Group, key: str, values: list[str] | None) -> bool:
    """Whether a group has a tag, with one of these values: with ``*`` in any case, after ``!`` anything but that."""
    if key not in group.tags:
        return False
    held = group.tags[key]
    for value in values or ["*"]:
        is_negated, text = value.startswith("!"), value.removeprefix("!")
        is_same = glob(text.lower())(held.lower()) if "*" in text else text == held
        if is_same != is_negated:
            return True
    return False


def PutRetentionPolicy(call: Call, *, logGroupName: str, retentionInDays: int) -> None:
    if retentionInDays not in RETENTIONS_DAYS:
        raise InvalidParameterException(
            f"1 validation error detected: Value '{retentionInDays}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(map(str, RETENTIONS_DAYS))}]"
        )
    group = existing(call, logGroupName)
    call.shelf(Group)[logGroupName] = changed(group, retention_days=retentionInDays)
    call.home.wake(work.RETENTION)


def DeleteRetentionPolicy(call: Call, *, logGroupName: str) -> None:
    call.shelf(Group)[logGroupName] = changed(existing(call, logGroupName), retention_days=0)


# Streams -------------------------------------------------------------------------------------------


def CreateLogStream(call: Call, *, logGroupName: str, logStreamName: str) -> None:
    group = existing(call, logGroupName)
    if re.search(r"[:*]", logStreamName):
        raise InvalidParameterException(
            f"1 validation error detected: Value '{logStreamName}' at 'logStreamName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [^:*]*"
        )
    made = call.rows(STREAMS).run(
        "insert or ignore into log_stream (grp, name, created, count, bytes) values (?,?,?,0,0)",
        group.number, logStreamName, _now_ms(call),
    )  # fmt: skip
    if not made:
        raise ResourceAlreadyExistsException("The specified log stream already exists")


def DeleteLogStream(call: Call, *, logGroupName: str, logStreamName: str) -> None:
    event.empty(call, event.stream_named(call, unprotected(call, logGroupName), logStreamName).id)


def DescribeLogStreams(
    call: Call,
    *,
    logGroupName: str | None = None,
    logGroupIdentifier: str | None = None,
    logStreamNamePrefix: str | None = None,
    orderBy: str | None = None,
    descending: bool | None = None,
    nextToken: str | None = None,
    limit: int | None = None,
) -> dict:
    """Streams without events stand before all others when they are ordered by their last event."""
    group = named(call, logGroupName, logGroupIdentifier)
    if orderBy == "LastEventTime" and logStreamNamePrefix:
        raise InvalidParameterException("Cannot order by LastEventTime with a logStreamNamePrefix.")
    first, count = page.offset(nextToken), limit or 50
    order = "coalesce(last, 0) {0}, name {0}" if orderBy == "LastEventTime" else "name {0}"
    prefix = logStreamNamePrefix or ""
    found = call.rows(STREAMS).all(
        f"select {COLUMNS} from log_stream where grp = ? and substr(name, 1, ?) = ? "
        f"order by {order.format('desc' if descending else 'asc')} limit ? offset ?",
        group.number, len(prefix), prefix, count + 1, first,
    )  # fmt: skip
    reply: dict[str, Any] = {"logStreams": [_shown_stream(call, group, Stream(*row)) for row in found[:count]]}
    if len(found) > count:
        reply["nextToken"] = str(first + count)
    return reply


def _shown_stream(call: Call, group: Group, stream: Stream) -> dict[str, Any]:
    reply = {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "firstEventTimestamp": stream.first_ms,
        "lastEventTimestamp": stream.last_ms,
        "lastIngestionTime": stream.ingested_ms,
        "uploadSequenceToken": event.sequence_token(stream.id, stream.count) if stream.count else None,
        "arn": call.arn(f"log-group:{group.name}:log-stream:{stream.name}"),
        # Since 2019 AWS answers zero for every stream: API_LogStream.
        "storedBytes": 0,
    }
    return {name: value for name, value in reply.items() if value is not None}


# Events --------------------------------------------------------------------------------------------


def PutLogEvents(
    call: Call, *, logGroupName: str, logStreamName: str, logEvents: list[dict], sequenceToken: str | None = None
) -> Any:
    """Any sequence token is accepted, and so is none: since January 2023 AWS ignores it."""
    reply, group, taken, made = event.put(call, logGroupName, logStreamName, logEvents)
    return figures.put(call, group, taken, made, reply) if taken and figures.has_any(group, taken) else reply


def GetLogEvents(
    call: Call,
    *,
    logStreamName: str,
    logGroupName: str | None = None,
    logGroupIdentifier: str | None = None,
    startTime: int | None = None,
    endTime: int | None = None,
    nextToken: str | None = None,
    limit: int | None = None,
    startFromHead: bool | None = None,
    unmask: bool | None = None,
) -> dict:
    group = named(call, logGroupName, logGroupIdentifier)
    if unmask:
        call.require("logs:Unmask", call.arn(f"log-group:{group.name}:*"))
    stream = event.stream_named(call, group, logStreamName)
    start_ms, end_ms = min(startTime or 0, MOMENT_MAX), MOMENT_MAX if endTime is None else min(endTime, MOMENT_MAX)
    return event.page(
        call, group, stream, start_ms, end_ms, nextToken, limit or event.PAGE_EVENTS_MAX, bool(startFromHead), bool(unmask)
    )


# Tags ----------------------------------------------------------------------------------------------


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return InvalidParameterException("Tag keys that begin with aws: are reserved.")


def _checked_tags(tags: dict[str, str]) -> dict[str, str]:
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise InvalidParameterException(f"Too many tags: the maximum is {TAGS_MAX}.")
    return tags


def _tag(call: Call, name: str, tags: dict[str, str]) -> None:
    group = existing(call, name)
    call.shelf(Group)[name] = changed(group, tags=_checked_tags({**group.tags, **tags}))


def _untag(call: Call, name: str, keys: list[str]) -> None:
    group = existing(call, name)
    call.shelf(Group)[name] = changed(group, tags={k: v for k, v in group.tags.items() if k not in keys})


_TAGGED = (delivery, lookup_table, anomaly_detector, scheduled_query)
"""What has tags besides groups: each knows its ARNs, its tags and how they are changed."""


def _noun_of(arn: str) -> Any:
    return next((noun for noun in _TAGGED if noun.is_one(arn)), None)


def TagResource(call: Call, *, resourceArn: str, tags: dict[str, str]) -> None:
    noun = _noun_of(resourceArn)
    if noun is None:
        _tag(call, identified(call, resourceArn).name, tags)
    else:
        noun.retagged(call, resourceArn, _checked_tags({**noun.tags_of(call, resourceArn), **tags}))


def UntagResource(call: Call, *, resourceArn: str, tagKeys: list[str]) -> None:
    noun = _noun_of(resourceArn)
    if noun is None:
        _untag(call, identified(call, resourceArn).name, tagKeys)
    else:
        noun.retagged(call, resourceArn, {key: value for key, value in noun.tags_of(call, resourceArn).items() if key not in tagKeys})


def ListTagsForResource(call: Call, *, resourceArn: str) -> dict:
    noun = _noun_of(resourceArn)
    return {"tags": identified(call, resourceArn).tags if noun is None else noun.tags_of(call, resourceArn)}


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """Streams go by their group's: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html"""
    if (noun := _noun_of(arn)) is not None:
        return noun.tags_of(call, arn)
    name = arn.partition(":log-group:")[2].partition(":")[0]
    return existing(call, name).tags if name else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    groups = [(call.arn(f"log-group:{name}"), each.tags) for name, each in call.shelf(Group).items()]
    return groups + [pair for noun in _TAGGED for pair in noun.all_tags(call)]


def TagLogGroup(call: Call, *, logGroupName: str, tags: dict[str, str]) -> None:
    _tag(call, logGroupName, tags)


def UntagLogGroup(call: Call, *, logGroupName: str, tags: list[str]) -> None:
    _untag(call, logGroupName, tags)


def ListTagsLogGroup(call: Call, *, logGroupName: str) -> dict:
    return {"tags": existing(call, logGroupName).tags}
