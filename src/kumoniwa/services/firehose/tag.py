"""Tags of delivery streams."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.firehose import stream as streams
from kumoniwa.services.firehose.errors import InvalidArgumentException, LimitExceededException

TAGS_MAX = 50


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidArgumentException("Tag keys that begin with aws: are reserved.")


def checked(call: Call, tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > TAGS_MAX:
        raise LimitExceededException(f"Failed to create tags: a delivery stream has {TAGS_MAX} at most.")
    return tags


def TagDeliveryStream(call: Call, *, DeliveryStreamName: str, Tags: list[dict[str, str]]) -> None:
    stream = streams.existing(call, DeliveryStreamName)
    tags = checked(call, stream.tags | {tag["Key"]: tag.get("Value", "") for tag in Tags})
    call.shelf(streams.Stream)[stream.name] = changed(stream, tags=tags)


def UntagDeliveryStream(call: Call, *, DeliveryStreamName: str, TagKeys: list[str]) -> None:
    stream = streams.existing(call, DeliveryStreamName)
    call.shelf(streams.Stream)[stream.name] = changed(stream, tags={name: value for name, value in stream.tags.items() if name not in TagKeys})


def ListTagsForDeliveryStream(
    call: Call, *, DeliveryStreamName: str, ExclusiveStartTagKey: str | None = None, Limit: int = TAGS_MAX
) -> dict:
    tags = sorted(item for item in streams.existing(call, DeliveryStreamName).tags.items() if item[0] > (ExclusiveStartTagKey or ""))
    return {"Tags": [{"Key": name, "Value": value} for name, value in tags[:Limit]], "HasMoreTags": len(tags) > Limit}
