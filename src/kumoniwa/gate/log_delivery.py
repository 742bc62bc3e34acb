"""The delivery of logs: the service of AWS that carries the logs of others into groups, buckets and Firehoses, and how whoever wants logs lets it
in.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages.policy import statements_in

SERVICE = "delivery.logs.amazonaws.com"
POLICY = "AWSLogDeliveryWrite20150319"
TAG = "LogDeliveryEnabled"
"""What a Firehose has that logs may be delivered to: ``true``."""
_RECORDS_MAX, _RECORD_BYTES_MAX = 500, 4 << 20
# https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
_EVENTS_MAX, _EVENT_BYTES_MAX, _EVENT_BYTES = 10_000, 1_048_576, 26
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html


class NotEnabled(AwsError):
    code = "AccessDeniedException"
    status = 400


def added(document: str | None, statements: list[dict[str, Any]]) -> str | None:
    """A policy with these statements, too; None if it has them all."""
    read = orjson.loads(document) if document else {"Version": "2012-10-17", "Id": POLICY, "Statement": []}
    held = statements_in(read)
    known = {each.get("Sid") for each in held}
    missing = [each for each in statements if each["Sid"] not in known]
    return orjson.dumps({**read, "Statement": [*held, *missing]}).decode() if missing else None


async def let_into_bucket(call: Call, bucket: str, statements: list[dict[str, Any]]) -> None:
    """As the caller, who needs s3:GetBucketPolicy and s3:PutBucketPolicy."""
    place = region_of_bucket(call.home, bucket)
    try:
        document = (await call.ask("s3:GetBucketPolicy", to_region=place, Bucket=bucket))["Policy"]
    except AwsError as error:
        if error.code != "NoSuchBucketPolicy":
            raise
        document = None
    if (more := added(document, statements)) is not None:
        await call.ask("s3:PutBucketPolicy", to_region=place, Bucket=bucket, Policy=more)


async def let_into_stream(call: Call, arn: str) -> None:
    """As the caller, who needs firehose:TagDeliveryStream."""
    named = arns.parse(arn)
    name = named.resource.removeprefix("deliverystream/")
    await call.ask("firehose:TagDeliveryStream", to_region=named.region, DeliveryStreamName=name, Tags=[{"Key": TAG, "Value": "true"}])


def batches(entries: list[Any], size_of: Callable[[Any], int], count_max: int, bytes_max: int) -> Iterator[list[Any]]:
    """As many at once as one may be asked to take."""
    batch: list[Any] = []
    size = 0
    for entry in entries:
        own = size_of(entry)
        if batch and (len(batch) == count_max or size + own > bytes_max):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += own
    if batch:
        yield batch


async def to_group(us: Call, region: str | None, group: str, stream: str, events: list[dict[str, Any]], once: str | None) -> None:
    """Write events, which are of one day, into a stream that need not be there yet."""
    place = {"to_region": region, "logGroupName": group, "logStreamName": stream}
    try:
        await us.ask("logs:CreateLogStream", **place)
    except AwsError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise
    ordered = sorted(events, key=lambda each: each["timestamp"])
    for number, batch in enumerate(batches(ordered, lambda each: len(each["message"].encode()) + _EVENT_BYTES, _EVENTS_MAX, _EVENT_BYTES_MAX)):
        await us.ask("logs:PutLogEvents", once=f"{once}-{number}" if once else None, **place, logEvents=batch)


async def to_stream(owner: Call, arn: str, lines: list[str], once: str) -> None:
    """AWS does this by a role of its own, AWSServiceRoleForLogDelivery, which may do it to every stream of the account that has the tag. ``owner``
    is a call of that account. Raises NotEnabled."""
    us = owner.home.call(owner.service, owner.account, principals.root(owner.account, partition=owner.home.partition))
    named = arns.parse(arn)
    place = {"to_region": named.region, "DeliveryStreamName": named.resource.removeprefix("deliverystream/")}
    tags = (await us.ask("firehose:ListTagsForDeliveryStream", **place))["Tags"]
    if {"Key": TAG, "Value": "true"} not in tags:
        raise NotEnabled(f"The delivery stream {arn} has no tag {TAG} that is true.")
    records = [{"Data": f"{line}\n".encode()} for line in lines]
    for number, batch in enumerate(batches(records, lambda each: len(each["Data"]), _RECORDS_MAX, _RECORD_BYTES_MAX)):
        await us.ask("firehose:PutRecordBatch", once=f"{once}-{number}", **place, Records=batch)
