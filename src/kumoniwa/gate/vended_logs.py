"""Vended logs: which resources somebody wants to have the logs of. Made through CloudWatch Logs, replicated like identities, so that
whoever serves a resource knows it wherever that happens, and carries its lines to the region that asked.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record

ACCESS_FIELDS: tuple[str, ...] = (
    "date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status", "cs(Referer)", "cs(User-Agent)",
    "cs-uri-query", "cs(Cookie)", "x-edge-result-type", "x-edge-request-id", "x-host-header", "cs-protocol", "cs-bytes", "time-taken",
    "x-forwarded-for", "ssl-protocol", "ssl-cipher", "x-edge-response-result-type", "cs-protocol-version", "fle-status", "fle-encrypted-fields",
    "c-port", "time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type", "sc-content-len", "sc-range-start", "sc-range-end",
)  # fmt: skip
"""What CloudFront tells of each request of a viewer. https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html"""


class Wanted(Record):
    """A resource of which there is a delivery; shelved by its ARN."""

    arn: str
    account: str
    region: str
    """Where its lines are asked for."""


def wanted(home: Any, arn: str) -> Wanted | None:
    return home.store.shelf(SHARED, Wanted).get(arn)


class WantedNearby(Record):
    """A resource of this account and region of which there is a delivery; shelved by its ARN. What lives in one region needs no other to be
    logged: neither ``aws-global`` nor anybody else is told of it."""

    arn: str


def is_wanted_nearby(call: Call, arn: str) -> bool:
    return arn in call.shelf(WantedNearby)


RECORDS = {"ERROR": "ERROR_LOGS", "INFO": "INFO_LOGS", "TRACE": "TRACE_LOGS"}
"""In which log a bus's records of each level are. A line of these is the name of its log, and the record as JSON, as it is of a bucket's;
one of CloudFront's access logs has the values of all ``ACCESS_FIELDS``."""
SERVER_ACCESS = "S3_SERVER_ACCESS_LOGS"
SERVER_ACCESS_FIELDS: tuple[str, ...] = (
    "schema_version_id", "bucket_arn", "bucket_name", "request_time", "bucket_owner_id", "remote_ip", "requester", "request_id", "operation",
    "key_name", "request_uri", "http_status", "error_code", "bytes_sent_size", "object_size", "total_duration", "turn_around_duration",
    "referer", "user_agent", "version_id", "host_id", "signature_version", "cipher_suite", "authentication_type", "host_header", "tls_version",
    "access_point_arn", "acl_required", "source_region",
)  # fmt: skip
"""What S3 tells of each request to a bucket. https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html"""
