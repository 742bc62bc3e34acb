"""Tags of streams and consumers, by the operations that name a stream and by those that name any resource."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.kinesis.consumer import Consumer, by_arn, consumer_arn
from kumoniwa.services.kinesis.errors import InvalidArgumentException
from kumoniwa.services.kinesis.stream import Stream, arn_of, existing, named

TAGS_MAX = 50
_VALID = re.compile(r"[\w\s.:/=+\-@%]*")


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return InvalidArgumentException("Tag keys that begin with aws: are reserved.")


def checked(call: Call, tags: dict[str, str]) -> dict[str, str]:
    for text in (*tags, *tags.values()):
        _check(text)
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise InvalidArgumentException(f"Failed to add tags under account {call.account} because a resource may have {TAGS_MAX} at most.")
    return tags


def _check(text: str) -> None:
    if not _VALID.fullmatch(text) or "\t" in text or "\n" in text:
        raise InvalidArgumentException(
            "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @."
        )


def resource(call: Call, arn: str) -> Stream | Consumer:
    return by_arn(call, arn) if "/consumer/" in arn else existing(call, named(call, None, arn))


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return resource(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    found = [(arn_of(call, each), each.tags) for each in call.shelf(Stream).values()]
    return found + [(consumer_arn(call, each), each.tags) for each in call.shelf(Consumer).values()]


def keep(call: Call, held: Stream | Consumer, **changes: Any) -> None:
    if isinstance(held, Stream):
        call.shelf(Stream)[held.name] = changed(held, **changes)
    else:
        call.shelf(Consumer)[f"{held.stream}/{held.name}"] = changed(held, **changes)


def _add(call: Call, held: Stream | Consumer, tags: dict[str, str]) -> None:
    keep(call, held, tags=checked(call, held.tags | tags))


def _remove(call: Call, held: Stream | Consumer, names: list[str]) -> None:
    for name in names:
        _check(name)
    keep(call, held, tags={name: value for name, value in held.tags.items() if name not in names})


def AddTagsToStream(call: Call, *, Tags: dict[str, str], StreamName: str | None = None, StreamARN: str | None = None) -> None:
    _add(call, existing(call, named(call, StreamName, StreamARN)), Tags)


def RemoveTagsFromStream(call: Call, *, TagKeys: list[str], StreamName: str | None = None, StreamARN: str | None = None) -> None:
    _remove(call, existing(call, named(call, StreamName, StreamARN)), TagKeys)


def ListTagsForStream(
    call: Call,
    *,
    StreamName: str | None = None,
    ExclusiveStartTagKey: str | None = None,
    Limit: int | None = None,
    StreamARN: str | None = None,
) -> dict:
    stream = existing(call, named(call, StreamName, StreamARN))
    found = sorted(item for item in stream.tags.items() if item[0] > (ExclusiveStartTagKey or ""))
    page = found[: Limit or TAGS_MAX]
    return {"Tags": [{"Key": name, "Value": value} for name, value in page], "HasMoreTags": len(page) < len(found)}


def TagResource(call: Call, *, Tags: dict[str, str], ResourceARN: str) -> None:
    _add(call, resource(call, ResourceARN), Tags)


def UntagResource(call: Call, *, TagKeys: list[str], ResourceARN: str) -> None:
    _remove(call, resource(call, ResourceARN), TagKeys)


def ListTagsForResource(call: Call, *, ResourceARN: str) -> dict:
    return {"Tags": [{"Key": name, "Value": value} for name, value in sorted(resource(call, ResourceARN).tags.items())]}
