"""Deliveries: the logs of a source go to a destination, with these fields, in this order.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateDelivery.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kumoniwa.gate import organization
from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.authorize import AccessDeniedException
from kumoniwa.gate.log_delivery import POLICY, SERVICE, added, let_into_bucket, let_into_stream
from kumoniwa.gate.vended_logs import WantedNearby
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere, ValidationException
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.policy import parse
from kumoniwa.languages.policy_decision import Authority, keys_of
from kumoniwa.services.logs import delivery_destination, delivery_source
from kumoniwa.services.logs.delivery_destination import DeliveryDestination, existing_destination
from kumoniwa.services.logs.delivery_kind import KINDS, Kind
from kumoniwa.services.logs.delivery_source import (
    ConflictException,
    Delivery,
    DeliverySource,
    checked_tags,
    existing_source,
    is_delivered,
)
from kumoniwa.services.logs.destination import Destination
from kumoniwa.services.logs.group import ResourceNotFoundException, name_in
from kumoniwa.services.logs.policy import ResourcePolicy, key_of

DELIMITER = "\t"
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_OUTSIDE_SID = re.compile(r"[^A-Za-z0-9]+")


def arn_of(call: Call, id_: str) -> str:
    return call.arn(f"delivery:{id_}", "logs")


async def CreateDelivery(
    call: Call,
    *,
    deliverySourceName: str,
    deliveryDestinationArn: str,
    recordFields: list[str] | None = None,
    fieldDelimiter: str | None = None,
    s3DeliveryConfiguration: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
) -> dict:
    """Who makes a delivery lets the service in where it writes, if nobody has: by the bucket's policy, or one of CloudWatch Logs."""
    source = existing_source(call, deliverySourceName)
    held = _destination(call, deliveryDestinationArn)
    if any((each.source, each.destination) == (source.name, deliveryDestinationArn) for each in call.shelf(Delivery).values()):
        raise ConflictException("A Delivery already exists for this Delivery Source and Delivery Destination.")
    _check_form(source.kind, held.format, fieldDelimiter)
    made = Delivery(
        id=call.ids.hex(16).upper(), source=source.name, destination=deliveryDestinationArn, type=held.type, created=call.now(),
        fields=_checked_fields(source.kind, recordFields or source.kind.field_defaults), delimiter=fieldDelimiter, tags=checked_tags(tags or {}),
        **_checked_path(source.kind, held.type, s3DeliveryConfiguration, None, _begin(call, source.kind, held)),
    )  # fmt: skip
    if arns.parse(deliveryDestinationArn).account == call.account:
        await _let_in(call, source, held, is_hive=made.is_hive)
    if source.kind.is_global:
        await call.home.exchange(GLOBAL, "logs", {"what": "want", "arn": source.resource, "account": call.account, "region": call.region})
    answer = call.atomically(lambda: _keep(call, source, made))
    await _tell(call, source)
    return answer


def _keep(call: Call, source: DeliverySource, made: Delivery) -> dict:
    call.shelf(Delivery)[made.id] = made
    if not source.kind.is_global:
        call.shelf(WantedNearby)[source.resource] = WantedNearby(arn=source.resource)
    return {"delivery": shown(call, made)}


async def _tell(call: Call, source: DeliverySource) -> None:
    """S3 looks at few of its buckets closely, and knows them by heart."""
    if source.service == "s3":
        await call.home.heard(call.region, "s3", {"do": "look again", "account": call.account})


def _check_form(kind: Kind, form: str | None, delimiter: str | None) -> None:
    """What AWS makes of a record of JSON that is to be written otherwise was not found."""
    if kind.is_text:
        return
    if form not in (None, "json"):
        if kind.is_json_alone:
            raise ValidationException(f"The output format {form} is not supported for this log type.")
        raise NotImplementedHere(f"the logs of {kind.service} as {form}")
    if delimiter:
        raise NotImplementedHere(f"fieldDelimiter for the logs of {kind.service}")


def _destination(call: Call, arn: str) -> DeliveryDestination:
    """One of this account, or one of another whose policy lets this one deliver."""
    named = arns.parse(arn)
    if named is None or named.service != "logs" or not named.resource.startswith("delivery-destination:"):
        raise ValidationException(f"The value {arn} for deliveryDestinationArn is invalid.")
    there = call if named.account == call.account else Call(call.home, named.account, call.principal, call.service)
    if named.region != call.region:
        raise ResourceNotFoundException("Requested Delivery Destination does not exist in this account.")
    held = existing_destination(there, named.resource.removeprefix("delivery-destination:"))
    if named.account != call.account:
        action, keys = "logs:CreateDelivery", keys_of(call.principal)
        for who, account in {"principal": call.account, "resource": named.account}.items():
            keys |= organization.keys_of(organization.member(call.home, account), who)
        rcps = call.home.gate.authorizer.rcps(call.principal, action, named.account)
        policy = parse(held.policy, "resource") if held.policy else None
        if policy is None or not Authority(call.principal).decide(
            action, arn, keys, resource_policy=policy, resource_must_allow=True, rcps=rcps
        ).is_allowed:
            raise AccessDeniedException(f"User with accountId: {call.account} is not authorized to access the delivery destination {arn}")
        if held.type == "CWL":
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-vended-logs-permissions-V2.html; the words are ours.
            raise ValidationException("Logs can be delivered to another account's buckets and Firehoses only.")
    return held


def _checked_fields(kind: Kind, fields: Sequence[str]) -> list[str]:
    for field in fields:
        if field in kind.untold:
            raise NotImplementedHere(f"the record field {field} of the logs of {kind.service}")
        if field not in kind.fields:
            raise ValidationException(f"The record field {field} is not supported.")
    missing = [field for field in kind.mandatory if field not in fields]
    if missing:
        raise ValidationException(f"The record fields {', '.join(missing)} are mandatory.")
    return list(dict.fromkeys(fields))


def _begin(call: Call, kind: Kind, held: DeliveryDestination) -> tuple[str, ...]:
    """What a path begins with, where the destination says nothing of that itself, and how else that is spelled."""
    prefix = arns.parse(held.target).resource.partition("/")[2].strip("/")
    return ("", "") if prefix else (kind.suffix, kind.suffix.replace("{account-id}", call.account))


def _checked_path(
    kind: Kind, type_: str, said: dict[str, Any] | None, before: Delivery | None, begin: tuple[str, ...] = ("", "")
) -> dict[str, Any]:
    """A new delivery's path goes on where AWS begins it; one that is changed stands for itself.
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html#bucket-path-examples,
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-S3.html#AWS-logs-infrastructure-V2-S3-object-key, and
    for changes hashicorp/terraform-provider-aws#46328."""
    if type_ != "S3":
        if said:
            raise ValidationException("s3DeliveryConfiguration can only be set for destinations of the type S3.")
        return {}
    said = said or {}
    suffix = said.get("suffixPath", before.suffix if before is not None else "")
    is_hive = said.get("enableHiveCompatiblePath", before is not None and before.is_hive)
    if is_hive and "=" in suffix:
        # Seen of AWS: KensioSoftware/yulin#1003.
        raise ValidationException("Provided suffixPath is invalid", hint="A path that Hive reads is told the names of its parts by itself.")
    if not suffix.startswith(begin):
        suffix = begin[0] + suffix.lstrip("/")
    for name in _VARIABLE.findall(suffix):
        if name not in kind.variables:
            if not kind.is_text:
                raise NotImplementedHere(f"{{{name}}} in a path of the logs of {kind.service}")
            raise ValidationException(f"The suffix path field {{{name}}} is not supported.")
    return {"suffix": suffix, "is_hive": is_hive}


async def _let_in(call: Call, source: DeliverySource, held: DeliveryDestination, *, is_hive: bool) -> None:
    """Into that part of a bucket where the path of a new delivery begins: whoever changes it changes the policy, too.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html#AWS-logs-infrastructure-V2-S3
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html#access-logging-s3-permission"""
    condition = {"StringEquals": {"aws:SourceAccount": [call.account]}, "ArnLike": {"aws:SourceArn": [delivery_source.arn_of(call, source.name)]}}
    statement = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Condition": condition}
    if held.type == "S3":
        bucket, _, prefix = arns.parse(held.target).resource.partition("/")
        account = f"aws-account-id={call.account}" if is_hive else call.account
        where = prefix.strip("/") or source.kind.suffix.replace("{account-id}", account).rstrip("/")
        condition["StringEquals"]["s3:x-amz-acl"] = "bucket-owner-full-control"
        statement |= {
            "Sid": f"AWSLogDeliveryWrite-{source.name}-{_OUTSIDE_SID.sub('-', where)}", "Action": "s3:PutObject",
            "Resource": f"arn:{call.home.partition}:s3:::{bucket}/{where}/*",
        }  # fmt: skip
        await let_into_bucket(call, bucket, [statement])
    elif held.type == "FH":
        await let_into_stream(call, held.target)
    elif held.type == "CWL":
        group = name_in(held.target)
        statement |= {
            "Sid": f"{POLICY}-{source.name}-{group}".replace("/", "-"), "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [call.arn(f"log-group:{group}:log-stream:*")],
        }  # fmt: skip
        policy = call.shelf(ResourcePolicy).get(key_of(POLICY, ""))
        if (more := added(policy.document if policy is not None else None, [statement])) is not None:
            await call.ask("logs:PutResourcePolicy", policyName=POLICY, policyDocument=more)


def shown(call: Call, delivery: Delivery) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": delivery.id, "arn": arn_of(call, delivery.id), "deliverySourceName": delivery.source, "deliveryDestinationArn": delivery.destination,
        "deliveryDestinationType": delivery.type, "recordFields": delivery.fields or None, "fieldDelimiter": delivery.delimiter,
        "tags": delivery.tags or None,
    }  # fmt: skip
    if delivery.type == "S3":
        told["s3DeliveryConfiguration"] = {"enableHiveCompatiblePath": delivery.is_hive} | ({"suffixPath": delivery.suffix} if delivery.suffix else {})
    return {name: value for name, value in told.items() if value is not None}


def existing_delivery(call: Call, id_: str) -> Delivery:
    found = call.shelf(Delivery).get(id_)
    if found is None:
        raise ResourceNotFoundException("Requested Delivery does not exist in this account.")
    return found


def GetDelivery(call: Call, *, id: str) -> dict:
    return {"delivery": shown(call, existing_delivery(call, id))}


def DescribeDeliveries(call: Call, *, deliverySourceNames: list[str] | None = None) -> dict:
    found = sorted(call.shelf(Delivery).values(), key=lambda each: (each.created, each.id))
    return {"deliveries": [shown(call, each) for each in found if not deliverySourceNames or each.source in deliverySourceNames]}


def UpdateDeliveryConfiguration(
    call: Call,
    *,
    id: str,
    recordFields: list[str] | None = None,
    fieldDelimiter: str | None = None,
    s3DeliveryConfiguration: dict[str, Any] | None = None,
) -> None:
    """What is not said stays. Lines that are under way have their new form already."""
    held = existing_delivery(call, id)
    kind = existing_source(call, held.source).kind
    _check_form(kind, None, fieldDelimiter)
    call.shelf(Delivery)[id] = changed(
        held, fields=_checked_fields(kind, recordFields or held.fields),
        delimiter=held.delimiter if fieldDelimiter is None else fieldDelimiter, **_checked_path(kind, held.type, s3DeliveryConfiguration, held),
    )  # fmt: skip


async def DeleteDelivery(call: Call, *, id: str) -> None:
    """What is still on its way is not delivered any more."""
    source = existing_source(call, existing_delivery(call, id).source)
    if not _others(call, id, source) and source.kind.is_global:
        await call.home.exchange(GLOBAL, "logs", {"what": "drop", "arn": source.resource})
    call.atomically(lambda: _end(call, id, source))
    await _tell(call, source)


def _others(call: Call, id_: str, source: DeliverySource) -> bool:
    held = call.shelf(Delivery).values()
    return any(each.id != id_ and existing_source(call, each.source).resource == source.resource for each in held)


def _end(call: Call, id_: str, source: DeliverySource) -> None:
    call.shelf(Delivery).pop(id_, None)
    if not _others(call, id_, source):
        call.shelf(WantedNearby).pop(source.resource, None)


def DeleteDeliverySource(call: Call, *, name: str) -> None:
    existing_source(call, name)
    if is_delivered(call, name):
        raise ConflictException("This Delivery Source is used by a Delivery.")
    del call.shelf(DeliverySource)[name]


def DeleteDeliveryDestination(call: Call, *, name: str) -> None:
    """Deliveries of other accounts end where their destination does."""
    existing_destination(call, name)
    arn = delivery_destination.arn_of(call, name)
    if any(each.destination == arn for each in call.shelf(Delivery).values()):
        raise ConflictException("This Delivery Destination is used by a Delivery.")
    del call.shelf(DeliveryDestination)[name]


def DescribeConfigurationTemplates(
    call: Call,
    *,
    service: str | None = None,
    logTypes: list[str] | None = None,
    resourceTypes: list[str] | None = None,
    deliveryDestinationTypes: list[str] | None = None,
) -> dict:
    """Of what can be delivered here."""
    templates = [
        {
            "service": kind.service, "logType": log_type, "resourceType": kind.resource_type, "deliveryDestinationType": type_,
            "defaultDeliveryConfigValues": ({"recordFields": list(kind.field_defaults)} if kind.field_defaults else {})
            | ({"fieldDelimiter": DELIMITER} if kind.is_text else {})
            | ({"s3DeliveryConfiguration": {"suffixPath": kind.suffix, "enableHiveCompatiblePath": False}} if type_ == "S3" else {}),
            "allowedFields": [{"name": name, "mandatory": name in kind.mandatory} for name in kind.fields],
            "allowedOutputFormats": list(formats) if kind.is_text else ["json"],
            "allowedActionForAllowVendedLogsDeliveryForResource": kind.action,
            "allowedSuffixPathFields": list(kind.variables) if type_ == "S3" else [],
        }
        for kind in KINDS.values() for log_type in kind.log_types for type_, formats in delivery_destination.FORMATS.items()
    ]  # fmt: skip
    wanted = {
        "service": [service] if service else None,
        "logType": logTypes,
        "resourceType": resourceTypes,
        "deliveryDestinationType": deliveryDestinationTypes,
    }
    return {"configurationTemplates": [each for each in templates if all(not values or each[name] in values for name, values in wanted.items())]}


# Tags ---------------------------------------------------------------------------------------------


_KINDS: dict[str, type[Record]] = {
    "delivery-source": DeliverySource,
    "delivery-destination": DeliveryDestination,
    "delivery": Delivery,
    "destination": Destination,
}


def is_one(arn: str) -> bool:
    named = arns.parse(arn)
    return named is not None and named.resource.partition(":")[0] in _KINDS


def _tagged(call: Call, arn: str) -> tuple[Any, str]:
    named = arns.parse(arn)
    kind, _, name = named.resource.partition(":")
    shelf = call.shelf(_KINDS[kind])
    if name not in shelf or named.region != call.region:
        raise ResourceNotFoundException("The specified resource does not exist.")
    return shelf, name


def tags_of(call: Call, arn: str) -> dict[str, str]:
    shelf, name = _tagged(call, arn)
    return shelf[name].tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(call.arn(f"{name}:{key}"), each.tags) for name, kind in _KINDS.items() for key, each in call.shelf(kind).items()]


def retagged(call: Call, arn: str, tags: dict[str, str]) -> None:
    shelf, name = _tagged(call, arn)
    shelf[name] = changed(shelf[name], tags=tags)
