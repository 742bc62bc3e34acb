"""Configurations of which a bucket may have many, each under an id of its own: what those of metrics, analyses, inventories and tiers share.

Operations and refusals are alike for all of them; what one may say, and what it does, is its own module's.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3.bucket import Bucket, InvalidArgument, found, token_of, token_text
from kumoniwa.wire.message import Answer

CONFIGURATIONS_MAX, PAGE_MAX, ID_LENGTH_MAX = 1000, 100, 64
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBucketMetricsConfigurations.html


class NoSuchConfiguration(AwsError):
    status = 404
    message = "The specified configuration does not exist."


class TooManyConfigurations(AwsError):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketMetricsConfiguration.html"""

    status = 400
    message = "You are attempting to create a new configuration but have already reached the 1,000-configuration limit."


def keep(call: Call, name: str, field: str, id: str, said: dict[str, Any]) -> Answer:
    """Put a configuration, in whose place another may have stood. ``field`` is the bucket's that holds those of its kind."""
    bucket = found(call, name)
    held = getattr(bucket, field)
    if not 1 <= len(id) <= ID_LENGTH_MAX:
        # No record of AWS's words was found.
        raise InvalidArgument("The configuration ID must have from 1 to 64 characters.", ArgumentName="id", ArgumentValue=id[:1024])
    if id not in held and len(held) >= CONFIGURATIONS_MAX:
        raise TooManyConfigurations
    call.shelf(Bucket)[name] = changed(bucket, **{field: {**held, id: said}})
    return Answer(204, {})


def held(call: Call, name: str, field: str, id: str) -> dict[str, Any]:
    """One configuration. Raises NoSuchConfiguration."""
    configurations = getattr(found(call, name), field)
    if id not in configurations:
        raise NoSuchConfiguration
    return configurations[id]


def drop(call: Call, name: str, field: str, id: str) -> None:
    held(call, name, field, id)
    bucket = found(call, name)
    rest = {each: said for each, said in getattr(bucket, field).items() if each != id}
    call.shelf(Bucket)[name] = changed(bucket, **{field: rest})


def listed(call: Call, name: str, field: str, member: str, token: str | None) -> dict[str, Any]:
    """A page of a bucket's configurations in the order of their ids, under the answer's ``member``."""
    configurations = getattr(found(call, name), field)
    after = token_text(token) if token else ""
    rest = sorted(id for id in configurations if id > after)
    page = rest[:PAGE_MAX]
    reply: dict[str, Any] = {"IsTruncated": len(rest) > len(page)}
    if token:
        reply["ContinuationToken"] = token
    if page:
        reply[member] = [configurations[id] for id in page]
    if len(rest) > len(page):
        reply["NextContinuationToken"] = token_of(page[-1])
    return reply
