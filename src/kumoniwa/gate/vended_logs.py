"""Vended logs: which resources somebody wants to have the logs of. Made through CloudWatch Logs, replicated like identities, so that
whoever serves a resource knows it wherever that happens, and carries its lines to the region that asked.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.identity import SHARED
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
