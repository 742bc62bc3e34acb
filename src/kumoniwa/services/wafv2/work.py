"""What happens in its own time: lines of logs are carried to where they belong.

Lines are rows until they have arrived; a token makes carrying them again harmless. Into buckets they go every five minutes, as one
file: https://docs.aws.amazon.com/waf/latest/developerguide/logging-s3.html
"""

from __future__ import annotations

import gzip
import time
from typing import Any

from kumoniwa.gate import firewall
from kumoniwa.gate.firewall_record import LINES, WAITING
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.wafv2.logging import WRITER, Destination, destination

EVERY_S = 86_400.0
AGAIN_S = 30.0
KEPT_S = 86_400.0
"""How long a line waits for a destination that cannot be reached."""
FILED_AFTER_S = {"real": 300.0}
FILED_AFTER_INSTANT_S = 1.0
LINES_MAX = 500


async def run(region: Any) -> None:
    resting: dict[str, float] = {}
    while True:
        now, until, has_carried = region.clock.now(), region.clock.now() + EVERY_S, False
        for account in region.store.accounts():
            if account.isdigit():
                call = region.call("wafv2", account, principals.root(account, partition=region.partition))
                for arn, due in _due(call, resting):
                    if due > now:
                        until = min(until, due)
                    else:
                        await _carried(call, arn, resting)
                        has_carried = True
        if not has_carried:
            # Nothing was waited for since the rows were looked at, so no line has come unseen.
            await region.wait(WAITING, until)


def _due(call: Call, resting: dict[str, float]) -> list[tuple[str, float]]:
    """The web ACLs of an account that have lines, and when those are due; what failed rests."""
    found = []
    for arn, first in call.rows(LINES).all("select web_acl, min(at) from waf_log_line group by web_acl"):
        place = _destination(call, arn)
        is_filed = place is not None and place.service == "s3"
        due = first + FILED_AFTER_S.get(call.home.settings.pace, FILED_AFTER_INSTANT_S) if is_filed else 0.0
        found.append((arn, max(due, resting.get(arn, 0.0))))
    return found


def _destination(call: Call, arn: str) -> Destination | None:
    held = firewall.shelf(call.home, call.account, arn).get(firewall.logging_key(arn))
    return destination(held.document["LogDestinationConfigs"][0]) if held is not None else None


async def _carried(call: Call, arn: str, resting: dict[str, float]) -> None:
    rows, place = call.rows(LINES), _destination(call, arn)
    lines = rows.all("select id, at, line from waf_log_line where web_acl = ? order by id limit ?", arn, LINES_MAX)
    try:
        # Where nobody wants them any more, they go nowhere.
        if place is not None:
            await _carry(call, arn, place, lines)
    except AwsError as error:
        call.home.note("unlogged", service="wafv2", web_acl=arn, code=error.code)
        rows.run("delete from waf_log_line where web_acl = ? and at < ?", arn, call.now() - KEPT_S)
        resting[arn] = call.now() + AGAIN_S
    else:
        rows.run("delete from waf_log_line where web_acl = ? and id <= ?", arn, lines[-1][0])


async def _carry(call: Call, arn: str, place: Destination, lines: list[tuple[int, float, bytes]]) -> None:
    name, id = arn.split("/")[-2:]
    once = f"wafv2 {call.region} {id} {lines[0][0]}-{lines[-1][0]}"
    region = place.region or None
    where = "cloudfront" if firewall.is_global(arn) else call.region
    us = call.acting(WRITER, **{"aws:SourceAccount": call.account, "aws:SourceArn": f"arn:{call.home.partition}:logs:{call.region}:{call.account}:*"})
    if place.service == "firehose":
        records = [{"Data": line + b"\n"} for _, _, line in lines]
        await call.ask("firehose:PutRecordBatch", to_region=region, once=once, DeliveryStreamName=place.name, Records=records)
    elif place.service == "logs":
        stream = {"logGroupName": place.name, "logStreamName": f"{where}_{name}_0"}
        try:
            await us.ask("logs:CreateLogStream", to_region=region, **stream)
        except AwsError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise
        events = [{"timestamp": int(at * 1000), "message": line.decode()} for _, at, line in lines]
        await us.ask("logs:PutLogEvents", to_region=region, once=once, **stream, logEvents=events)
    else:
        body = gzip.compress(b"".join(line + b"\n" for _, _, line in lines), mtime=0)
        key = _key(call, name, place, where, lines[0][1])
        await us.ask("s3:PutObject", to_region=region_of_bucket(call.home, place.name), once=once, Bucket=place.name, Key=key, Body=body)


def _key(call: Call, web_acl: str, place: Destination, where: str, at: float) -> str:
    slot = time.gmtime(at // 300 * 300)
    folder = f"{place.prefix}/" if place.prefix else ""
    day, name = time.strftime("%Y/%m/%d/%H/%M", slot), f"{call.account}_waflogs_{where}_{web_acl}"
    return f"{folder}AWSLogs/{call.account}/WAFLogs/{where}/{web_acl}/{day}/{name}_{time.strftime('%Y%m%dT%H%MZ', slot)}_{call.ids.hex(8)}.log.gz"


