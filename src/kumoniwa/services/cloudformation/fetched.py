"""Text that a request means by a URL: an object of S3."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.wire.message import BodyTooLarge, whole

OBJECT_BYTES_MAX = 1_000_000
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
LOCATION = "Location"
BY_BUCKET = (LOCATION, "AccountsUrl", "StackIdsUrl")
"""The parameters that may name an object as ``s3://bucket/key``, AWS::Include's first."""
S3_HOST = re.compile(r"(?:^|\.)s3(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?(?=\.)")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html"""


async def text(call: Call, url: str, what: str, bytes_max: int = OBJECT_BYTES_MAX, noun: str = "Template") -> str:
    """The text of an S3 object. ``what`` names the parameter that held its URL, ``noun`` what the text is."""
    region, bucket, key = _object(call, url, what)
    try:
        found = await _body(call, region, bucket, key)
    except AwsError as error:
        raise ValidationError(f"S3 error: {error.text}") from None
    try:
        content = await whole(found, bytes_max)
    except BodyTooLarge:
        raise ValidationError(f"{noun} may not exceed {bytes_max} bytes in size.") from None
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValidationError(f"{noun} format error: unsupported structure.") from None


async def _body(call: Call, region: str | None, bucket: str, key: str) -> Any:
    """An object's body. A host that names no region leads to the bucket's own, as AWS's global endpoint does."""
    try:
        return (await call.ask("s3:GetObject", to_region=region, Bucket=bucket, Key=key))["Body"]
    except AwsError as error:
        there = S3_HOST.search(str(error.members.get("Endpoint", "")))
        if error.code != "PermanentRedirect" or region is not None or there is None:
            raise
    return (await call.ask("s3:GetObject", to_region=there["region"], Bucket=bucket, Key=key))["Body"]


def _object(call: Call, url: str, what: str) -> tuple[str | None, str, str]:
    """Region, bucket and key of an S3 URL, with the bucket in the host or in the path, at AWS or at this cloud's own endpoint.

    The region is None where the host does not name one.
    """
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
    if parts.scheme == "s3" and what in BY_BUCKET:
        found = None, host, path
    elif parts.scheme == "s3":
        # Recorded: localstack/localstack, test_templates.snapshot.json, test_create_stack_from_s3_template_url.
        raise ValidationError(f"S3 error: Domain name specified in {host} is not a valid S3 domain")
    elif at := S3_HOST.search(host):
        bucket = host[: at.start()].rstrip(".")
        found = (at["region"], bucket, path) if bucket else (at["region"], *path.partition("/")[::2])
    elif host in ("localhost", "127.0.0.1", urlsplit(call.home.settings.endpoint).hostname):
        found = None, *path.partition("/")[::2]
    else:
        raise ValidationError(f"{what} must be a supported URL.")
    if parts.scheme not in ("http", "https", "s3") or not found[1] or not found[2]:
        raise ValidationError(f"{what} must be a supported URL.")
    return found
