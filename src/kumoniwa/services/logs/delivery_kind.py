"""What can be delivered: of which services' resources, which logs, and what is known of how AWS writes them.

Which fields of a record one may ask for, and in which forms, say the classes that AWS's package ``aws-cdk-mixins-preview`` has of each log
(``CfnEventBusInfoLogsRecordFields``, ``CfnBucketS3ServerAccessLogs``).
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
"""

from __future__ import annotations

from typing import NamedTuple

from kumoniwa.gate.vended_logs import ACCESS_FIELDS, RECORDS, SERVER_ACCESS, SERVER_ACCESS_FIELDS

ACCESS_LOGS, CONNECTION_LOGS = "ACCESS_LOGS", "CONNECTION_LOGS"


class Kind(NamedTuple):
    service: str
    resource_type: str
    log_types: tuple[str, ...]
    fields: tuple[str, ...]
    """Of a line: what may be asked for."""
    suffix: str
    """The path in a bucket, if nobody says another."""
    variables: tuple[str, ...]
    """Of a path."""
    stream: str
    """How the stream of a log group is called, where ``{}`` stands for the resource."""
    is_text: bool = False
    """Whether a line is the values of its fields, which AWS writes in many forms; else it is a record of JSON."""
    is_global: bool = False
    """Whether what is logged happens in many regions."""
    mandatory: tuple[str, ...] = ()
    """Fields that must be among those that are asked for."""
    untold: tuple[str, ...] = ()
    """Fields that AWS takes, of which no page tells what they hold."""
    is_json_alone: bool = False
    """Whether AWS writes it in no other form; of the others it was not found what it makes of them."""

    @property
    def action(self) -> str:
        """What one must be let do to a resource to have its logs delivered."""
        return f"{self.service}:AllowVendedLogDeliveryForResource"

    @property
    def field_defaults(self) -> tuple[str, ...]:
        """Without any, records go as they are."""
        return self.fields if self.is_text or self.mandatory else ()


KINDS = {
    "cloudfront": Kind(
        "cloudfront", "distribution", (ACCESS_LOGS,), ACCESS_FIELDS,
        # Recorded: localstack's test_get_delivery.
        "AWSLogs/{account-id}/CloudFront/",
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html#partitioning
        ("account-id", "accountid", "DistributionId", "distributionid", "yyyy", "MM", "dd", "HH"),
        # How AWS calls it was not found.
        "CloudFront_{}", is_text=True, is_global=True,
    ),
    "events": Kind(
        "events", "event-bus", tuple(RECORDS.values()),
        (
            "resource_arn", "message_timestamp_ms", "event_bus_name", "request_id", "event_id", "invocation_id", "message_type", "log_level",
            "details", "error",
        ),
        # That bus's logs lie there says the policy of the bucket in the example of Terraform's aws_cloudwatch_event_bus; what of a path AWS
        # lets vary was not found.
        "AWSLogs/{account-id}/EventBusLogs/", ("account-id",),
        # Seen of AWS in October 2026 by whoever tried what a bus must be let do to be logged, on a bus of his own and the default one.
        "EventBridgeEventBusLogs", untold=("timestamp",),
    ),
    "s3": Kind(
        "s3", "bucket", (SERVER_ACCESS,), SERVER_ACCESS_FIELDS,
        # Neither how AWS calls the path nor how the stream was found: the service stands where it stands of others.
        "AWSLogs/{account-id}/S3/", ("account-id",), "S3_{}", mandatory=SERVER_ACCESS_FIELDS, is_json_alone=True,
    ),
}  # fmt: skip
