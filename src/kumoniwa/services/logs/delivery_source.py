"""Delivery sources: resources of AWS whose logs may be delivered.

Here those are distributions of CloudFront, buses of EventBridge and buckets of S3; services whose logs AWS delivers, and which are not here
or tell nothing here, are refused by name.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDeliverySource.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import BucketName
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationException
from kumoniwa.kernel.record import Record
from kumoniwa.services.logs.delivery_kind import CONNECTION_LOGS, KINDS, Kind
from kumoniwa.services.logs.group import ResourceNotFoundException

HOME = "us-east-1"
"""Where the logs of CloudFront are asked for, whatever region its viewers are in."""
UNBUILT = frozenset({
    "aidevops", "amplify", "aps", "bedrock", "bedrock-agentcore", "codewhisperer", "ec2", "ecs", "eks", "elasticloadbalancing",
    "elemental-inference", "entityresolution", "iotfleetwise", "ivschat", "logs", "mediapackagev2", "mediatailor", "network-firewall",
    "networkmanager", "observabilityadmin", "pcs", "qbusiness", "quicksight", "route53globalresolver", "rtbfabric", "securityhub", "ses",
    "shield", "sso", "vpc-lattice", "wisdom", "workmail",
})  # fmt: skip
"""Services whose resources AWS takes (PutDeliverySource, logType)."""
TAGS_MAX = 50


class ConflictException(AwsError): ...


class DeliverySource(Record):
    """Shelved by its name."""

    name: str
    resource: str
    service: str
    log_type: str
    tags: dict[str, str] = {}
    created: float = 0.0

    @property
    def kind(self) -> Kind:
        return KINDS[self.service]


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"delivery-source:{name}", "logs")


class Delivery(Record):
    """Shelved by its id."""

    id: str
    source: str
    destination: str
    """The ARN of the destination, which may be another account's."""
    type: str
    created: float
    fields: list[str]
    delimiter: str | None = None
    suffix: str = ""
    is_hive: bool = False
    tags: dict[str, str] = {}


def is_delivered(call: Call, name: str) -> bool:
    return any(each.source == name for each in call.shelf(Delivery).values())


async def PutDeliverySource(call: Call, *, name: str, resourceArn: str, logType: str, tags: dict[str, str] | None = None) -> dict:
    """A source that nobody delivers from may become another."""
    resource = arns.parse(resourceArn)
    if resource is not None and resource.service in UNBUILT:
        raise NotImplementedHere(f"deliveries of the logs of {resource.service}")
    kind = KINDS.get(resource.service) if resource is not None else None
    if kind is None or not _is_of(kind, resource, logType):
        # Recorded: localstack's test_put_delivery_source_invalid_resource.
        raise ResourceNotFoundException("Cannot access provided service.")
    if kind.service == "cloudfront" and logType == CONNECTION_LOGS:
        raise NotImplementedHere(f"the logs {logType} of cloudfront")
    if logType not in kind.log_types:
        raise ValidationException(f"The log type {logType} is not supported for this resource.")
    if not await _HAS[kind.service](call, resource):
        # The text is one of ours: how AWS says it was not found.
        raise ResourceNotFoundException("Cannot access provided resource.", hint=f"There is no such {kind.resource_type} of this account here.")
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html#permissions-standard-logging
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-logs.html#eb-event-logs-permission
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-enabling.html#sal-cw-prerequisites
    call.require(kind.action, resourceArn)
    shelf = call.shelf(DeliverySource)
    before = shelf.get(name)
    if before is not None and (before.resource, before.log_type) != (resourceArn, logType) and is_delivered(call, name):
        raise ConflictException("This Delivery Source is used by a Delivery.")
    if any((each.resource, each.log_type) == (resourceArn, logType) for each in shelf.values() if each.name != name):
        # Seen of AWS: hashicorp/terraform-provider-aws#40885. A bus has a source for each of its logs (its aws_cloudwatch_event_bus).
        raise ConflictException("This ResourceId has already been used in another Delivery Source in this account.")
    made = shelf[name] = DeliverySource(
        name=name, resource=resourceArn, service=kind.service, log_type=logType,
        tags=checked_tags(tags) if tags is not None else before.tags if before is not None else {},
        created=before.created if before is not None else call.now(),
    )  # fmt: skip
    return {"deliverySource": shown(call, made)}


def _is_of(kind: Kind, resource: arns.Arn, log_type: str) -> bool:
    if kind.service == "s3":
        # The record is older than the one log that buckets have, and asks for another.
        return "/" not in resource.resource and log_type in kind.log_types
    return resource.resource.startswith(f"{kind.resource_type}/")


async def _has_distribution(call: Call, resource: arns.Arn) -> bool:
    if call.region != HOME:
        raise ValidationException(f"The logs of CloudFront are delivered from {HOME}.")
    held = call.home.store.shelf(SHARED, EdgeResource).get(key_of("distribution", resource.resource.removeprefix("distribution/")))
    return held is not None and held.account == resource.account == call.account


async def _has_bus(call: Call, resource: arns.Arn) -> bool:
    if (resource.account, resource.region) != (call.account, call.region):
        return False
    asked = {"account": call.account, "is_there": resource.resource.removeprefix("event-bus/")}
    return (await call.home.heard(call.region, "events", asked))["is_there"]


async def _has_bucket(call: Call, resource: arns.Arn) -> bool:
    held = call.home.store.shelf(SHARED, BucketName).get(resource.resource)
    return held is not None and (held.account, held.region) == (call.account, call.region)


_HAS = {"cloudfront": _has_distribution, "events": _has_bus, "s3": _has_bucket}


def checked_tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > TAGS_MAX:
        raise ValidationException(f"A resource can have {TAGS_MAX} tags at most.")
    return tags


def shown(call: Call, source: DeliverySource) -> dict[str, Any]:
    told = {
        "name": source.name, "arn": arn_of(call, source.name), "resourceArns": [source.resource], "service": source.service,
        "logType": source.log_type,
    }  # fmt: skip
    return told | ({"tags": source.tags} if source.tags else {})


def existing_source(call: Call, name: str) -> DeliverySource:
    found = call.shelf(DeliverySource).get(name)
    if found is None:
        raise ResourceNotFoundException("Requested Delivery Source does not exist in this account.")
    return found


def GetDeliverySource(call: Call, *, name: str) -> dict:
    return {"deliverySource": shown(call, existing_source(call, name))}


def DescribeDeliverySources(call: Call, *, resourceArns: list[str] | None = None) -> dict:
    """The first one first. Recorded: localstack's test_describe_delivery_sources."""
    found = sorted(call.shelf(DeliverySource).values(), key=lambda each: (each.created, each.name))
    return {"deliverySources": [shown(call, each) for each in found if not resourceArns or each.resource in resourceArns]}
