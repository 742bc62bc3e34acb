"""Delivery destinations: where logs of AWS's own services go, in which form, and which accounts may send theirs there.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDeliveryDestination.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere, ValidationException
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.services.logs.delivery_kind import Kind
from kumoniwa.services.logs.delivery_source import ConflictException, checked_tags
from kumoniwa.services.logs.group import ResourceNotFoundException

TYPES = {"s3": "S3", "logs": "CWL", "firehose": "FH"}
FORMATS = {"S3": ("json", "plain", "w3c", "raw"), "CWL": ("json", "plain"), "FH": ("json", "plain", "raw")}
FORMAT_DEFAULTS = {"S3": "w3c", "CWL": "json", "FH": "json"}
"""How AWS writes what nobody said the form of was not found: these are the form of the older logs, and the one that all three take."""


class DeliveryDestination(Record):
    """Shelved by its name."""

    name: str
    type: str
    target: str
    format: str | None = None
    policy: str = ""
    tags: dict[str, str] = {}
    created: float = 0.0

    def written_as(self, kind: Kind) -> str:
        return self.format or (FORMAT_DEFAULTS[self.type] if kind.is_text else "json")


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"delivery-destination:{name}", "logs")


def PutDeliveryDestination(
    call: Call,
    *,
    name: str,
    outputFormat: str | None = None,
    deliveryDestinationConfiguration: dict[str, str] | None = None,
    deliveryDestinationType: str | None = None,
    tags: dict[str, str] | None = None,
) -> dict:
    """Whether the target lets itself be written to is seen when something is delivered."""
    if deliveryDestinationType == "XRAY":
        raise NotImplementedHere("deliveries to X-Ray")
    shelf = call.shelf(DeliveryDestination)
    before = shelf.get(name)
    if deliveryDestinationConfiguration is None and before is None:
        raise ValidationException("deliveryDestinationConfiguration must be specified.")
    target = deliveryDestinationConfiguration["destinationResourceArn"] if deliveryDestinationConfiguration is not None else before.target
    parsed = arns.parse(target)
    if parsed is not None and parsed.region not in ("", call.region):
        # Seen of AWS by cdk-preflight (pf-logs-delivery-destination-…), as is what it says of a format that is no group's.
        raise ValidationException("Region from identity does not match the Destination Resource ARN.")
    if parsed is not None and parsed.account not in ("", call.account):
        # After the words for regions: nobody was seen to be told so by AWS.
        raise ValidationException("Account id from identity does not match the Destination Resource ARN.")
    kind = TYPES.get(parsed.service) if parsed is not None else None
    if kind is None or kind == "CWL" and not parsed.resource.startswith("log-group:") or deliveryDestinationType not in (None, kind):
        raise ValidationException(f"The value {target} for destinationResourceArn is invalid.")
    if before is not None and before.type != kind:
        raise ConflictException("The type of a Delivery Destination cannot be changed.")
    if before is not None and outputFormat not in (None, before.format):
        # Of a resource of CloudFormation it is a create-only property; the code is that of getmoto/moto's test_put_delivery_destination.
        raise ValidationException("The output format of a Delivery Destination cannot be changed.")
    form = outputFormat or (before.format if before is not None else None)
    if form == "parquet" and kind == "S3":
        raise NotImplementedHere("deliveries as parquet")
    if form is not None and form not in FORMATS[kind]:
        raise ValidationException("Invalid output format value provided.", hint=f"Of the type {kind}: {', '.join(FORMATS[kind])}.")
    held_tags = before.tags if before is not None else {}
    made = shelf[name] = DeliveryDestination(
        name=name, type=kind, target=target, format=form, policy=before.policy if before is not None else "",
        tags=checked_tags(tags) if tags is not None else held_tags, created=before.created if before is not None else call.now(),
    )  # fmt: skip
    return {"deliveryDestination": shown(call, made)}


def shown(call: Call, held: DeliveryDestination) -> dict[str, Any]:
    told = {
        "name": held.name, "arn": arn_of(call, held.name), "deliveryDestinationType": held.type, "outputFormat": held.format,
        "deliveryDestinationConfiguration": {"destinationResourceArn": held.target}, "tags": held.tags or None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def existing_destination(call: Call, name: str) -> DeliveryDestination:
    found = call.shelf(DeliveryDestination).get(name)
    if found is None:
        raise ResourceNotFoundException("Requested Delivery Destination does not exist in this account.")
    return found


def GetDeliveryDestination(call: Call, *, name: str) -> dict:
    return {"deliveryDestination": shown(call, existing_destination(call, name))}


def DescribeDeliveryDestinations(call: Call, *, names: list[str] | None = None) -> dict:
    """The first one first. Recorded: localstack's test_describe_delivery_destinations."""
    found = sorted(call.shelf(DeliveryDestination).values(), key=lambda each: (each.created, each.name))
    return {"deliveryDestinations": [shown(call, held) for held in found if not names or held.name in names]}


def PutDeliveryDestinationPolicy(call: Call, *, deliveryDestinationName: str, deliveryDestinationPolicy: str) -> dict:
    held = existing_destination(call, deliveryDestinationName)
    try:
        parse(deliveryDestinationPolicy, "resource")
    except MalformedPolicyDocument as error:
        raise ValidationException("The specified policy document is invalid.", hint=error.text) from None
    call.shelf(DeliveryDestination)[held.name] = changed(held, policy=deliveryDestinationPolicy)
    return {"policy": {"deliveryDestinationPolicy": deliveryDestinationPolicy}}


def GetDeliveryDestinationPolicy(call: Call, *, deliveryDestinationName: str) -> dict:
    policy = existing_destination(call, deliveryDestinationName).policy
    return {"policy": {"deliveryDestinationPolicy": policy} if policy else {}}


def DeleteDeliveryDestinationPolicy(call: Call, *, deliveryDestinationName: str) -> None:
    held = existing_destination(call, deliveryDestinationName)
    call.shelf(DeliveryDestination)[held.name] = changed(held, policy="")
