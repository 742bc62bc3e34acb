"""Delivery sources: resources of AWS whose logs may be delivered.

Here those are distributions of CloudFront; services whose logs AWS delivers, and which are not here or tell nothing here, are refused by name.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDeliverySource.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationException
from kumoniwa.kernel.record import Record
from kumoniwa.services.logs.group import ResourceNotFoundException

ACCESS_LOGS, CONNECTION_LOGS = "ACCESS_LOGS", "CONNECTION_LOGS"
HOME = "us-east-1"
"""Where the logs of CloudFront are asked for, whatever region its viewers are in."""
UNBUILT = frozenset({
    "amplify", "aps", "bedrock", "bedrock-agentcore", "codewhisperer", "ec2", "eks", "elasticloadbalancing", "entityresolution", "events",
    "iotfleetwise",
    "ivschat", "logs", "mediapackagev2", "mediatailor", "network-firewall", "networkmanager", "observabilityadmin", "pcs", "qbusiness",
    "quicksight", "rtbfabric",
    "securityhub", "ses", "vpc-lattice", "wisdom", "workmail",
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


def PutDeliverySource(call: Call, *, name: str, resourceArn: str, logType: str, tags: dict[str, str] | None = None) -> dict:
    """A source that nobody delivers from may become another."""
    resource = arns.parse(resourceArn)
    if resource is not None and resource.service in UNBUILT:
        raise NotImplementedHere(f"deliveries of the logs of {resource.service}")
    if resource is None or resource.service != "cloudfront" or not resource.resource.startswith("distribution/"):
        # Recorded: localstack's test_put_delivery_source_invalid_resource.
        raise ResourceNotFoundException("Cannot access provided service.")
    if logType == CONNECTION_LOGS:
        raise NotImplementedHere(f"the logs {logType} of cloudfront")
    if logType != ACCESS_LOGS:
        raise ValidationException(f"The log type {logType} is not supported for this resource.")
    if call.region != HOME:
        raise ValidationException(f"The logs of CloudFront are delivered from {HOME}.")
    held = call.home.store.shelf(SHARED, EdgeResource).get(key_of("distribution", resource.resource.removeprefix("distribution/")))
    if held is None or held.account != resource.account or held.account != call.account:
        # The text is one of ours: how AWS says it was not found.
        raise ResourceNotFoundException("Cannot access provided resource.", hint="The distribution is none of this account.")
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html#permissions-standard-logging
    call.require("cloudfront:AllowVendedLogDeliveryForResource", resourceArn)
    shelf = call.shelf(DeliverySource)
    before = shelf.get(name)
    if before is not None and before.resource != resourceArn and is_delivered(call, name):
        raise ConflictException("This Delivery Source is used by a Delivery.")
    made = shelf[name] = DeliverySource(
        name=name, resource=resourceArn, service="cloudfront", log_type=logType,
        tags=checked_tags(tags) if tags is not None else before.tags if before is not None else {},
        created=before.created if before is not None else call.now(),
    )  # fmt: skip
    return {"deliverySource": shown(call, made)}


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
