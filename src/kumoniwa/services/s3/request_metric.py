"""Request metrics: what a bucket's metrics configurations count of the requests made to it, for CloudWatch.

Counted is what comes over HTTP and works on one object or lists a bucket, once for each configuration that means it; what services of
this cloud put or read for their customers is not. A configuration with a filter means requests about single objects alone.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-configurations.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from kumoniwa.gate.access_point import asked_by
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.meter import rounded
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import bucket as buckets
from kumoniwa.services.s3 import named_configuration, storage
from kumoniwa.services.s3.lifecycle import check_filter, fits, predicates
from kumoniwa.services.s3.watched import look_again
from kumoniwa.wire.message import File, Request, Response
from kumoniwa.wire.xml import MalformedXML

if TYPE_CHECKING:
    from kumoniwa.gate.route import Route

SPACE = "AWS/S3"
FIELD = "metrics"
LISTS = frozenset(("ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"))
_BY_METHOD = {"GET": "GetRequests", "PUT": "PutRequests", "DELETE": "DeleteRequests", "HEAD": "HeadRequests", "POST": "PostRequests"}


# Configurations --------------------------------------------------------------------------------------


def PutBucketMetricsConfiguration(
    call: Call, *, Bucket: str, Id: str, MetricsConfiguration: dict[str, Any], ExpectedBucketOwner: str | None = None
) -> dict:
    buckets.found(call, Bucket)
    bodies.check_document(call)
    if MetricsConfiguration.get("Id") != Id:
        # As for analytics and tiers; of metrics no record was found.
        raise MalformedXML
    if "Filter" in MetricsConfiguration:
        check_filter(MetricsConfiguration)
    look_again(call)
    return named_configuration.keep(call, Bucket, FIELD, Id, MetricsConfiguration)


def GetBucketMetricsConfiguration(call: Call, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None) -> dict:
    return {"MetricsConfiguration": named_configuration.held(call, Bucket, FIELD, Id)}


def ListBucketMetricsConfigurations(
    call: Call, *, Bucket: str, ContinuationToken: str | None = None, ExpectedBucketOwner: str | None = None
) -> dict:
    return named_configuration.listed(call, Bucket, FIELD, "MetricsConfigurationList", ContinuationToken)


def DeleteBucketMetricsConfiguration(call: Call, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None) -> None:
    named_configuration.drop(call, Bucket, FIELD, Id)


# Counting --------------------------------------------------------------------------------------------


def counter(call: Call, bucket: buckets.Bucket, route: Route, request: Request) -> Callable[[Response], None] | None:
    """What counts a request when its answer is known; None for a request that is not measured."""
    key = (request.labels or {}).get("Key")
    if key is None and route.name not in LISTS and route.name != "DeleteObjects":
        return None
    began, is_streamed = call.now(), request.stream is not None
    by = asked_by(call.home, request)
    needs_tags = key is not None and any("Tags" in predicates(said) for said in bucket.metrics.values())
    before = _tags(call, bucket, key, request) if needs_tags else None

    def count(response: Response) -> None:
        # What an object is tagged with is known after it was put, and before it was deleted.
        tags = (_tags(call, bucket, key, request) if needs_tags else None) or before or {}
        meant = [id for id, said in bucket.metrics.items() if _means(said, key, tags, by.arn if by is not None else "")]
        if not meant:
            return
        figures = _figures(route, request, response, key)
        took_ms = rounded((call.now() - began) * 1000)
        figures.append(("TotalRequestLatency", took_ms, "Milliseconds"))
        if not is_streamed:
            # When the last of a long body came is not known here, and with it this figure.
            figures.append(("FirstByteLatency", took_ms, "Milliseconds"))
        for id in meant:
            for name, value, unit in figures:
                call.measure(SPACE, name, "BucketName", bucket.name, "FilterId", id, value=value, unit=unit)

    return count


def _tags(call: Call, bucket: buckets.Bucket, key: str, request: Request) -> dict[str, str] | None:
    """The tags of the version that is asked about; None if it is not there."""
    version_id = parse_qs(request.query).get("versionId", [None])[0]
    found = storage.live(call, bucket, key) if version_id is None else storage.version(call, bucket, key, version_id)
    return None if found is None else found.head.tags


def _means(said: dict[str, Any], key: str | None, tags: dict[str, str], by: str) -> bool:
    """``by``: the ARN of the access point by which the bucket was asked."""
    if not said.get("Filter"):
        return True
    return key is not None and predicates(said).get("AccessPointArn", by) == by and fits({"Status": "Enabled", **said}, key, 0, tags)


def _figures(route: Route, request: Request, response: Response, key: str | None) -> list[tuple[str, float, str]]:
    figures = [
        ("AllRequests", 1.0, "Count"),
        ("4xxErrors", float(400 <= response.status < 500), "Count"),
        ("5xxErrors", float(response.status >= 500), "Count"),
    ]
    if route.name in LISTS:
        figures.append(("ListRequests", 1.0, "Count"))
    elif route.name == "DeleteObjects":
        figures.append(("DeleteRequests", 1.0, "Count"))
    elif key is not None and route.name != "ListParts":
        figures.append((_BY_METHOD[request.method], 1.0, "Count"))
    sent = body_bytes(response)
    if sent and request.method != "HEAD":
        figures.append(("BytesDownloaded", float(sent), "Bytes"))
    headers = request.headers
    received = headers.get("x-amz-decoded-content-length") or headers.get("content-length") or "0"
    if received.isdecimal() and int(received):
        figures.append(("BytesUploaded", float(received), "Bytes"))
    return figures


def body_bytes(response: Response) -> int:
    """The length of an answer's body."""
    body = response.body
    if isinstance(body, bytes):
        return len(body)
    files = (body,) if isinstance(body, File) else body if isinstance(body, tuple) else ()
    return sum(file.length for file in files) or int(response.headers.get("Content-Length", 0))
