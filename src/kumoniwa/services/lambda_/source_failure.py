"""What becomes of records that a function does not take: where a mapping reports a batch that it has given up.

https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.lambda_ import destination
from kumoniwa.services.lambda_.source import Mapping
from kumoniwa.services.lambda_.source_feed import Feed
from kumoniwa.wire import timestamps


class Attempt(Record):
    """What came of the latest invocation with a batch."""

    request_id: str = ""
    executed: str = ""
    error: str | None = None
    count: int = 0
    """Invocations with the batch so far."""


def report(call: Call, feed: Feed, shard: str, batch: list[dict[str, Any]], function: str, condition: str, attempt: Attempt) -> dict[str, Any]:
    """Recorded: test_dynamodb_event_source_mapping_with_on_failure_destination_config, test_kinesis_maximum_record_age_exceeded."""
    said: dict[str, Any] = {
        "requestContext": {
            "requestId": attempt.request_id or call.new_id(),
            "functionArn": function,
            "condition": condition,
            "approximateInvokeCount": attempt.count,
        }
    }
    if condition == "RetryAttemptsExhausted":
        said["responseContext"] = {"statusCode": 200, "executedVersion": attempt.executed, "functionError": attempt.error}
    now = call.now()
    return said | {
        "version": "1.0",
        "timestamp": timestamps.to_millisecond(now),
        feed.information: {
            "shardId": shard,
            "startSequenceNumber": feed.sequence(batch[0]),
            "endSequenceNumber": feed.sequence(batch[-1]),
            "approximateArrivalOfFirstRecord": feed.moment(feed.arrived(batch[0])),
            "approximateArrivalOfLastRecord": feed.moment(feed.arrived(batch[-1])),
            "batchSize": len(batch),
            "streamArn": feed.mapping.source,
        },
    }


async def deliver(role: Call, mapping: Mapping, shard: str, said: dict[str, Any], batch: list[dict[str, Any]], once: str) -> None:
    """Tell the mapping's destination. What it refuses is dropped, as AWS drops it, and said to whoever runs the cloud."""
    target = arns.parse(mapping.on_failure)
    try:
        if target.service == "sqs":
            await destination.send(role, target, _json(said), once)
        elif target.service == "sns":
            await role.ask("sns:Publish", to_region=target.region, TopicArn=mapping.on_failure, Message=_json(said), once=once)
        else:
            # Only S3 is given the records themselves (recorded: test_dynamodb_event_source_mapping_with_s3_on_failure_destination).
            now = time.gmtime(role.now())
            key = time.strftime(f"aws/lambda/{mapping.uuid}/{shard}/%Y/%m/%d/%Y-%m-%dT%H.%M.%S-", now) + role.new_id()
            body = _json(said | {"payload": {"Records": batch}}).encode()
            await role.ask("s3:PutObject", Bucket=target.resource, Key=key, Body=body, once=once)
    except AwsError as error:
        print(f"kumoniwa: {mapping.source}: {error.code} from the destination of a batch: {error.text}", file=sys.stderr)


def _json(said: dict[str, Any]) -> str:
    return json.dumps(said, separators=(",", ":"))
