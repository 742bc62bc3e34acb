"""What can be delivered: of which services' resources, which logs, and what is known of how AWS writes them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
"""

from __future__ import annotations

from typing import NamedTuple

from kumoniwa.gate.vended_logs import ACCESS_FIELDS, RECORDS

ACCESS_LOGS, CONNECTION_LOGS = "ACCESS_LOGS", "CONNECTION_LOGS"


class Kind(NamedTuple):
    service: str
    resource_type: str
    log_types: tuple[str, ...]
    fields: tuple[str, ...]
    """Of a line. Without any a line is a record of JSON, which goes as it is: which of its fields AWS lets one choose was not found."""
    suffix: str
    """The path in a bucket, if nobody says another."""
    variables: tuple[str, ...]
    """Of a path."""
    stream: str
    """How the stream of a log group is called, where ``{}`` stands for the resource."""

    @property
    def action(self) -> str:
        """What one must be let do to a resource to have its logs delivered."""
        return f"{self.service}:AllowVendedLogDeliveryForResource"


KINDS = {
    "cloudfront": Kind(
        "cloudfront", "distribution", (ACCESS_LOGS,), ACCESS_FIELDS,
        # Recorded: localstack's test_get_delivery.
        "AWSLogs/{account-id}/CloudFront/",
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html#partitioning
        ("account-id", "accountid", "DistributionId", "distributionid", "yyyy", "MM", "dd", "HH"),
        # How AWS calls it was not found.
        "CloudFront_{}",
    ),
    "events": Kind(
        "events", "event-bus", tuple(RECORDS.values()), (),
        # That bus's logs lie there says the policy of the bucket in the example of Terraform's aws_cloudwatch_event_bus; what of a path AWS
        # lets vary was not found.
        "AWSLogs/{account-id}/EventBusLogs/", ("account-id",),
        # Seen of AWS in October 2026 by whoever tried what a bus must be let do to be logged, on a bus of his own and the default one.
        "EventBridgeEventBusLogs",
    ),
}  # fmt: skip
