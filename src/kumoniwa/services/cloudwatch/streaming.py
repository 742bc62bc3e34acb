"""What metric streams send: each minute of each metric they want, once it is over, and again if data came late.

Which minutes changed is kept as rows while data are folded, so that a region that was killed sends them in its next life.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-metric-streams-formats-json.html
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.cloudwatch.metric import CHANGED, METRICS, POINTS
from kumoniwa.services.cloudwatch.metric_stream import MetricStream, as_role, running, wants
from kumoniwa.services.cloudwatch.unit import UNITS

MINUTE_S = 60
AT_ONCE = 200
"""Minutes of metrics that are looked at in one turn of the loop, and lines in one record at most."""
AGAIN_S, TRIED_S = 60.0, 3_600.0


def flow(call: Call) -> bool:
    """Promise what is over to the streams that want it; answers whether there is more."""
    rows, now = call.rows(METRICS, POINTS, CHANGED), int(call.now()) // MINUTE_S * MINUTE_S
    found = rows.all(
        "select c.metric, c.unit, c.at, m.namespace, m.name, m.dimensions from metric_changed c join metric m on m.id = c.metric "
        "where c.at < ? order by c.at, c.metric, c.unit limit ?",
        now, AT_ONCE,
    )  # fmt: skip
    streams = running(call)
    lines: dict[str, list[bytes]] = {}
    for metric, unit, at, namespace, name, dimensions in found:
        rows.run("delete from metric_changed where metric = ? and unit = ? and at = ?", metric, unit, at)
        wanting = [stream for stream in streams if wants(stream, namespace, name)]
        if not wanting:
            continue
        count, total, least, most = rows.one(
            "select sum(count), sum(total), min(least), max(most) from metric_point where metric = ? and unit = ? and at >= ? and at < ?",
            metric, unit, at, at + MINUTE_S,
        )  # fmt: skip
        said = {
            "account_id": call.account, "region": call.region, "namespace": namespace, "metric_name": name,
            "dimensions": dict(orjson.loads(dimensions)), "timestamp": at * 1000,
            "value": {"max": most, "min": least, "sum": total, "count": count}, "unit": UNITS[unit],
        }  # fmt: skip
        for stream in wanting:
            # A metric update is a metric's minute: https://aws.amazon.com/cloudwatch/pricing/
            call.bill("cloudwatch:metric_stream_updates", stream.name)
            lines.setdefault(stream.name, []).append(orjson.dumps({"metric_stream_name": stream.name} | said, option=orjson.OPT_APPEND_NEWLINE))
    for name, told in lines.items():
        OUTBOX.put(call, orjson.dumps([name, b"".join(told).decode()]), lane=name)
    return len(found) == AT_ONCE


def is_waiting(call: Call) -> bool:
    """Whether a minute changed that no stream has been told of."""
    return call.rows(CHANGED).one("select 1 from metric_changed limit 1") is not None


async def deliver(call: Call, delivery: Delivery) -> float | None:
    name, text = orjson.loads(delivery.body)
    stream: Any = call.shelf(MetricStream).get(name)
    if stream is None:
        return None
    target = arns.parse(stream.firehose)
    try:
        role = as_role(call, name, stream.role)
        await role.ask(
            "firehose:PutRecord", once=delivery.token, DeliveryStreamName=target.resource.removeprefix("deliverystream/"),
            Record={"Data": text.encode()}
        )
    except AwsError as error:
        call.home.note("undelivered", stream=stream.name, code=error.code)
        return AGAIN_S if patience.is_passing(error) and delivery.born + TRIED_S > call.now() else None
    return None


OUTBOX = Outbox("cloudwatch", deliver, kind="stream")
