"""What an edge location does in its own time: it files the lines of its access logs, those of an hour into files of their own.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html
"""

from __future__ import annotations

import gzip
import time
from typing import Any

import orjson

from kumoniwa.gate.backlog import Batch
from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.gate.vended_logs import wanted
from kumoniwa.kernel.call import Call
from kumoniwa.services.cloudfront.accesslog import BACKLOG, FIELDS, VENDED, arn_of
from kumoniwa.services.cloudfront.asking import BUCKET

FILED_AFTER_S = {"instant": 1.0, "real": 300.0}


async def run(region: Any) -> None:
    await BACKLOG.run(region, lambda call, id: FILED_AFTER_S[call.home.settings.pace], _file)


async def _file(call: Call, batch: Batch) -> None:
    """Of a distribution that is gone or has no log any more, nothing is filed."""
    if batch.source.startswith(VENDED):
        await _hand_over(call, batch)
        return
    distribution = call.home.store.shelf(SHARED, EdgeResource).get(key_of("distribution", batch.source))
    if distribution is None or not distribution.config["Logging"]["Enabled"]:
        return
    logging = distribution.config["Logging"]
    bucket, prefix = logging["Bucket"].removesuffix(BUCKET), logging["Prefix"]
    prefix = f"{prefix.rstrip('/')}/" if prefix else ""
    hour = time.strftime("%Y-%m-%d-%H", time.gmtime(batch.lines[0].at))
    body = gzip.compress(b"".join([f"#Version: 1.0\n#Fields: {FIELDS}\n".encode(), *(line.text + b"\n" for line in batch.lines)]), mtime=0)
    await call.ask(
        "s3:PutObject", to_region=region_of_bucket(call.home, bucket), once=batch.once, Bucket=bucket,
        Key=f"{prefix}{batch.source}.{hour}.{call.ids.hex(8)}.gz", Body=body, ContentType="application/x-gzip",
    )  # fmt: skip


async def _hand_over(call: Call, batch: Batch) -> None:
    """To CloudWatch Logs of the region in which somebody has the lines delivered, if there still is somebody."""
    distribution = call.home.store.shelf(SHARED, EdgeResource).get(key_of("distribution", batch.source.removeprefix(VENDED)))
    asked = wanted(call.home, arn_of(call.home, distribution)) if distribution is not None else None
    if asked is not None:
        lines = [(line.number, line.at, orjson.loads(line.text)) for line in batch.lines]
        await call.home.exchange(asked.region, "logs", {"what": "lines", "account": asked.account, "arn": asked.arn, "lines": lines})
