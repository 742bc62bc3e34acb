"""Conditions of a request on the object it meets: If-Match and its kin.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.services.s3.storage import Version


class PreconditionFailed(AwsError):
    status = 412
    message = "At least one of the pre-conditions you specified did not hold"


class NotModified(AwsError):
    status = 304
    message = "Not Modified"


class ConditionalRequestConflict(AwsError):
    status = 409
    message = "The conditional request cannot succeed due to a conflicting operation against this resource."


class NotImplementedHeader(AwsError):
    code = "NotImplemented"
    status = 501
    message = "A header you provided implies functionality that is not implemented"


class NoSuchKeyToMatch(AwsError):
    code = "NoSuchKey"
    status = 404
    message = "The specified key does not exist."


def matches(etags: str, etag: str) -> bool:
    """Whether a list of entity tags, quoted or not, holds this one."""
    return any(each.strip().removeprefix("W/").strip('"') in (etag, "*") for each in etags.split(","))


def check_read(
    found: Version,
    if_match: str | None,
    if_none_match: str | None,
    if_modified_since: float | None,
    if_unmodified_since: float | None,
    now: float,
) -> None:
    """A match outweighs the date beside it, in both directions."""
    modified = int(found.modified)
    if if_match is not None:
        if not matches(if_match, found.etag):
            raise PreconditionFailed(Condition="If-Match")
    elif if_unmodified_since is not None and modified > if_unmodified_since:
        raise PreconditionFailed(Condition="If-Unmodified-Since")
    if if_none_match is not None:
        is_same = matches(if_none_match, found.etag)
    else:
        # A date that is still to come is no date: recorded by localstack's test_s3_get_object_preconditions.
        is_same = if_modified_since is not None and modified <= if_modified_since <= now
    if is_same:
        error = NotModified()
        error.headers = {"ETag": found.quoted, "Last-Modified": timestamps.rfc822(float(modified))}
        raise error


def check_source(
    found: Version,
    if_match: str | None,
    if_none_match: str | None,
    if_modified_since: float | None,
    if_unmodified_since: float | None,
    now: float,
) -> None:
    """Of a copy's source nothing is *not modified*: whatever does not hold fails."""
    try:
        check_read(found, if_match, if_none_match, if_modified_since, if_unmodified_since, now)
    except NotModified:
        name = "If-None-Match" if if_none_match is not None else "If-Modified-Since"
        raise PreconditionFailed(Condition=f"x-amz-copy-source-{name}") from None
    except PreconditionFailed as error:
        raise PreconditionFailed(Condition=f"x-amz-copy-source-{error.members['Condition']}") from None


def check_deletion(existing: Version | None, if_match: str, key: str, version_id: str | None) -> None:
    """``If-Match`` with the present entity tag, or ``*`` for any. What is not there, or is a delete marker, matches nothing.

    Measured: https://github.com/localstack/localstack/issues/13894, https://github.com/ministackorg/ministack/issues/1475
    """
    if version_id is not None:
        raise NotImplementedHeader(Header="If-Match")
    if existing is None:
        raise NoSuchKeyToMatch(Key=key)
    if not matches(if_match, existing.etag):
        raise PreconditionFailed(Condition="If-Match")


def check_unchanged(existing: Version | None, if_match: str | None, since: float, key: str) -> None:
    """What an upload is to replace was not written while the parts came, be it with the same bytes: localstack's
    test_multipart_if_match_with_put, test_multipart_if_match_with_put_identical."""
    if if_match is not None and existing is not None and existing.modified > since:
        raise ConditionalRequestConflict(Condition="If-Match", Key=key)


def check_write(
    existing: Version | None, if_match: str | None, if_none_match: str | None, key: str = ""
) -> None:
    """Of what a write would replace: ``If-None-Match: *`` only, and ``If-Match`` with the present entity tag."""
    # Recorded: localstack's test_put_object_if_match_and_if_none_match_validation and its neighbours.
    if if_none_match is not None and if_match is not None:
        raise NotImplementedHeader(
            Header="If-Match,If-None-Match", additionalMessage="Multiple conditional request headers present in the request"
        )
    for name, value, is_any in (("If-None-Match", if_none_match, True), ("If-Match", if_match, False)):
        if value is not None and (value.strip() == "*") is not is_any:
            raise NotImplementedHeader(
                Header=name, additionalMessage=f"We don't accept the provided value of {name} header for this API"
            )
    if if_none_match is not None:
        if existing is not None:
            raise PreconditionFailed(Condition="If-None-Match")
    if if_match is not None:
        if existing is None:
            raise NoSuchKeyToMatch(Key=key)
        if not matches(if_match, existing.etag):
            raise PreconditionFailed(Condition="If-Match")
