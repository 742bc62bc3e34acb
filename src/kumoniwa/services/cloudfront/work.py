"""What an edge location does in its own time: it files the lines of its access logs."""

from __future__ import annotations

import gzip
import time
from typing import Any

from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.cloudfront.accesslog import FIELDS, LINES, WAITING
from kumoniwa.services.cloudfront.asking import BUCKET

EVERY_S = 86_400.0
FILED_AFTER_S = {"instant": 1.0, "real": 300.0}
AGAIN_S, KEPT_S = 60.0, 86_400.0
LINES_MAX = 10_000


async def run(region: Any) -> None:
    resting: dict[str, float] = {}
    while True:
        now, until, has_filed = region.clock.now(), region.clock.now() + EVERY_S, False
        for account in region.store.accounts():
            if account.isdigit():
                call = region.call("cloudfront", account, principals.root(account, partition=region.partition))
                for id, first in call.rows(LINES).all("select distribution, min(at) from cloudfront_log_line group by distribution"):
                    due = max(first + FILED_AFTER_S[region.settings.pace], resting.get(id, 0.0))
                    if due > now:
                        until = min(until, due)
                    else:
                        await _filed(call, id, resting)
                        has_filed = True
        if not has_filed:
            await region.wait(WAITING, until)


async def _filed(call: Call, id: str, resting: dict[str, float]) -> None:
    rows = call.rows(LINES)
    distribution = call.home.store.shelf(SHARED, EdgeResource).get(key_of("distribution", id))
    logging = distribution.config["Logging"] if distribution is not None else {"Enabled": False}
    lines = rows.all("select id, at, line from cloudfront_log_line where distribution = ? order by id limit ?", id, LINES_MAX)
    hour = lines[0][1] // 3600
    lines = [each for each in lines if each[1] // 3600 == hour]
    try:
        if logging["Enabled"]:
            await _file(call, id, logging, lines)
    except AwsError as error:
        call.home.note("unlogged", service="cloudfront", distribution=id, code=error.code)
        rows.run("delete from cloudfront_log_line where distribution = ? and at < ?", id, call.now() - KEPT_S)
        resting[id] = call.now() + AGAIN_S
    else:
        rows.run("delete from cloudfront_log_line where distribution = ? and id <= ?", id, lines[-1][0])


async def _file(call: Call, id: str, logging: dict[str, Any], lines: list[tuple[int, float, str]]) -> None:
    bucket, prefix = logging["Bucket"].removesuffix(BUCKET), logging["Prefix"]
    prefix = f"{prefix.rstrip('/')}/" if prefix else ""
    key = f"{prefix}{id}.{time.strftime('%Y-%m-%d-%H', time.gmtime(lines[0][1]))}.{call.ids.hex(8)}.gz"
    body = "".join(["#Version: 1.0\n", f"#Fields: {FIELDS}\n", *(f"{line}\n" for _, _, line in lines)]).encode()
    once = f"cloudfront {call.region} {id} {lines[0][0]}-{lines[-1][0]}"
    region = region_of_bucket(call.home, bucket)
    await call.ask("s3:PutObject", to_region=region, once=once, Bucket=bucket, Key=key, Body=gzip.compress(body, mtime=0), ContentType="application/x-gzip")
