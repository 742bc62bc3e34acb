"""Tags of buckets and objects, and the rules for them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging-managing.html
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any
from urllib.parse import parse_qsl

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire.xml import MalformedXML

OBJECT_TAGS_MAX, BUCKET_TAGS_MAX = 10, 50
HEADER_BYTES_MAX = 8192
_ALLOWED = re.compile(r"[\w\s+\-=.:/@]*")


class InvalidTag(AwsError):
    status = 400


class BadRequest(AwsError):
    status = 400


class InvalidTagHeader(AwsError):
    code = "InvalidArgument"
    status = 400
    message = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."


def tags_of_new(call: Call, tags: list[dict[str, str]]) -> dict[str, str]:
    """The tags that a bucket is made with: localstack's test_create_bucket_with_tags_exc."""
    if reserved_tags.refused(call.principal, (each.get("Key", "") for each in tags)):
        raise InvalidTag(
            'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. Remove "aws:" from your tag keys '
            "and try again."
        )
    return _tags_of({"TagSet": tags}, BUCKET_TAGS_MAX)


def tags_of_bucket(call: Call, held: dict[str, str], tagging: dict[str, Any]) -> dict[str, str]:
    """The tags that a bucket shall have instead of those it has. Reserved ones must be sent again, as they are:
    https://github.com/cloud-custodian/cloud-custodian/issues/2834"""
    tags = _tags_of(tagging, BUCKET_TAGS_MAX)
    news = (key for key, value in tags.items() if held.get(key) != value)
    if key := reserved_tags.refused(call.principal, news):
        raise InvalidTag("System tags cannot be added/updated by requester", TagKey=key)
    check_removal(call, held, tags)
    return tags


def check_removal(call: Call, held: dict[str, str], kept: Container[str] = ()) -> None:
    if reserved_tags.refused(call.principal, (key for key in held if key not in kept)):
        raise InvalidTag("System Tags cannot be removed by requester")


def tags_of_object(tagging: dict[str, Any]) -> dict[str, str]:
    return _tags_of(tagging, OBJECT_TAGS_MAX)


def _tags_of(tagging: dict[str, Any], most: int) -> dict[str, str]:
    """The tags of a ``Tagging`` document, each one valid."""
    pairs = []
    for each in tagging.get("TagSet") or []:
        if "Key" not in each or "Value" not in each:
            raise MalformedXML
        pairs.append((each["Key"], each["Value"]))
    return _checked(pairs, most)


def tags_in_header(text: str) -> dict[str, str]:
    """The tags of an ``x-amz-tagging`` header."""
    if len(text) > HEADER_BYTES_MAX:
        raise InvalidTagHeader(ArgumentName="x-amz-tagging")
    pairs = parse_qsl(text, keep_blank_values=True, errors="replace")
    is_raw = any(pair.count("=") > 1 for pair in text.split("&"))
    if is_raw or len({key for key, _ in pairs}) < len(pairs):
        raise InvalidTagHeader(ArgumentName="x-amz-tagging", ArgumentValue=text[:1024])
    return _checked(pairs, OBJECT_TAGS_MAX)


def _checked(pairs: list[tuple[str, str]], most: int) -> dict[str, str]:
    if reserved_tags.counted(key for key, _ in pairs) > most:
        what = "Object tags" if most == OBJECT_TAGS_MAX else "Bucket tag count"
        raise BadRequest(f"{what} cannot be greater than {most}")
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise InvalidTag("Cannot provide multiple Tags with the same key", TagKey=key)
        if not 1 <= len(key) <= 128 or not _ALLOWED.fullmatch(key):
            raise InvalidTag("The TagKey you have provided is invalid", TagKey=key[:256])
        if most == OBJECT_TAGS_MAX and reserved_tags.is_reserved(key):
            # Two texts for one rule, recorded from AWS: localstack's test_tagging_validation.
            raise InvalidTag("Your TagKey cannot be prefixed with aws:", TagKey=key)
        if len(value) > 256 or not _ALLOWED.fullmatch(value):
            raise InvalidTag("The TagValue you have provided is invalid", TagKey=key, TagValue=value[:512])
        tags[key] = value
    return tags


def shown(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
