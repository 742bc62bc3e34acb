"""What happens in its own time: lines of logs are carried to where they belong, into buckets every five minutes as one file.

https://docs.aws.amazon.com/waf/latest/developerguide/logging-s3.html
"""

from __future__ import annotations

import gzip
import time
from typing import Any

from kumoniwa.gate import firewall, log_delivery
from kumoniwa.gate.backlog import Batch
from kumoniwa.gate.firewall_record import BACKLOG, FILE_S
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.services.wafv2.logging import WRITER, Destination, destination

FILED_AFTER_S = {"instant": 1.0, "real": FILE_S}


async def run(region: Any) -> None:
    await BACKLOG.run(region, _wait_s, _carry)


def _destination(call: Call, arn: str) -> Destination | None:
    held = firewall.shelf(call.home, call.account, arn).get(firewall.logging_key(arn))
    return destination(held.document["LogDestinationConfigs"][0]) if held is not None else None


def _wait_s(call: Call, arn: str) -> float:
    place = _destination(call, arn)
    return FILED_AFTER_S[call.home.settings.pace] if place is not None and place.service == "s3" else 0.0


async def _carry(call: Call, batch: Batch) -> None:
    """Where nobody wants them any more, they go nowhere."""
    arn, place = batch.source, _destination(call, batch.source)
    if place is None:
        return
    name, region = arn.split("/")[-2], place.region or None
    where = "cloudfront" if firewall.is_global(arn) else call.region
    us = call.acting(WRITER, **{"aws:SourceAccount": call.account, "aws:SourceArn": f"arn:{call.home.partition}:logs:{call.region}:{call.account}:*"})
    if place.service == "firehose":
        records = [{"Data": line.text + b"\n"} for line in batch.lines]
        await call.ask("firehose:PutRecordBatch", to_region=region, once=batch.once, DeliveryStreamName=place.name, Records=records)
    elif place.service == "logs":
        events = [{"timestamp": milliseconds(line.at), "message": line.text.decode()} for line in batch.lines]
        await log_delivery.to_group(us, region, place.name, f"{where}_{name}_0", events, batch.once)
    else:
        body = gzip.compress(b"".join(line.text + b"\n" for line in batch.lines), mtime=0)
        key = _key(call, name, place, where, batch.lines[0].at)
        await us.ask("s3:PutObject", to_region=region_of_bucket(call.home, place.name), once=batch.once, Bucket=place.name, Key=key, Body=body)


def _key(call: Call, web_acl: str, place: Destination, where: str, at: float) -> str:
    slot = time.gmtime(at // FILE_S * FILE_S)
    folder = f"{place.prefix}/" if place.prefix else ""
    day, name = time.strftime("%Y/%m/%d/%H/%M", slot), f"{call.account}_waflogs_{where}_{web_acl}"
    return f"{folder}AWSLogs/{call.account}/WAFLogs/{where}/{web_acl}/{day}/{name}_{time.strftime('%Y%m%dT%H%MZ', slot)}_{call.ids.hex(8)}.log.gz"
