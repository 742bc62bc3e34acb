"""Access logs: a line for every request, filed into a bucket of the customer's every five minutes.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
"""

from __future__ import annotations

import gzip
import time
from typing import Any

from kumoniwa.gate.backlog import Backlog, Batch
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.elbv2.balancer import LoadBalancer
from kumoniwa.services.elbv2.errors import InvalidConfigurationRequestException
from kumoniwa.services.elbv2.visit import Visit

SLOT_S = 300.0
BACKLOG = Backlog("elbv2", SLOT_S)
FILED_AFTER_S = {"instant": 1.0, "real": SLOT_S}
DELIVERY = "logdelivery.elasticloadbalancing.amazonaws.com"
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html"""


def _moment(epoch_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch_s)) + f".{int(epoch_s * 1_000_000) % 1_000_000:06d}Z"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\x5C").replace('"', "\\x22").replace("\n", "\\x0A").replace("\r", "\\x0D") + '"'


def write(visit: Visit, status: int, sent_bytes: int) -> None:
    if visit.balancer.is_on("access_logs.s3.enabled"):
        BACKLOG.add(visit.home, visit.account, visit.balancer.arn, _line(visit, status, sent_bytes).encode("utf-8", "replace"))


def _line(visit: Visit, status: int, sent_bytes: int) -> str:
    """The client's port is not known here, which is what 0 says."""
    request, now, session = visit.request, visit.home.clock.now(), visit.request.session
    scheme = visit.listener.protocol.lower()
    is_server = visit.target is not None and visit.group.kind != "lambda"
    target = f"{visit.target.id}:{visit.target.port}" if is_server else "-"
    if visit.target_status:
        times = [visit.asked_at - visit.began, visit.heard_at - visit.asked_at, now - visit.heard_at]
        times_told = " ".join(f"{max(0.0, each):.3f}" for each in times)
    else:
        times_told = "-1 -1 -1"
    target_status = str(visit.target_status) if visit.target_status else "-"
    query = f"?{request.query}" if request.query else ""
    url = f"{request.method} {scheme}://{visit.host}:{visit.listener.port}{request.path}{query} HTTP/1.1"
    is_websocket = status == 101
    return " ".join([
        {"http": "ws", "https": "wss"}[scheme] if is_websocket else scheme,
        _moment(now), visit.balancer.id, f"{visit.client}:0", target, times_told, str(status), target_status,
        str(visit.received_bytes), str(sent_bytes), _quoted(url), _quoted(request.headers.get("user-agent", "-")),
        session.cipher if session is not None else "-", session.version if session is not None else "-",
        visit.group.arn if visit.group is not None else "-", _quoted(visit.trace),
        _quoted(session.name or "-") if session is not None else '"-"', _quoted(visit.listener.certificate or "-") if visit.is_secure else '"-"',
        "-1" if visit.priority is None else str(visit.priority), _moment(visit.began), _quoted(",".join(visit.done) or "-"),
        _quoted(visit.redirected_to or "-"), _quoted(visit.error or "-"), _quoted(target), _quoted(target_status), '"-"', '"-"',
        f"TID_{visit.home.ids.hex(32)}", '"-"', '"-"', '"-"',
    ])  # fmt: skip


# Filed --------------------------------------------------------------------------------------------------------------


def _speaker(call: Call, arn: str) -> Call:
    return call.acting(DELIVERY, **{"aws:SourceArn": arn, "aws:SourceAccount": call.account})


def _folder(call: Call, attributes: dict[str, str]) -> str:
    prefix = attributes.get("access_logs.s3.prefix", "").strip("/")
    return f"{prefix}/AWSLogs/{call.account}" if prefix else f"AWSLogs/{call.account}"


async def try_out(call: Call, balancer: LoadBalancer, attributes: dict[str, str]) -> None:
    """File something, as AWS does, before it says that logs are on. Raises InvalidConfigurationRequest if the bucket does not let it:
    https://repost.aws/knowledge-center/elb-troubleshoot-access-logs"""
    bucket = attributes["access_logs.s3.bucket"]
    try:
        await _speaker(call, balancer.arn).ask(
            "s3:PutObject", to_region=region_of_bucket(call.home, bucket), Bucket=bucket,
            Key=f"{_folder(call, attributes)}/ELBAccessLogTestFile",
            Body=f"Enable AccessLog for ELB: {balancer.name} at {_moment(call.now())}".encode(),
        )  # fmt: skip
    except AwsError as error:
        raise InvalidConfigurationRequestException(
            f"Access Denied for bucket: {bucket}. Please check S3bucket permission", hint=f"S3 said {error.code}: {error.text}"
        ) from None


async def run(region: Any) -> None:
    await BACKLOG.run(region, lambda call, arn: FILED_AFTER_S[call.home.settings.pace], _file)


async def _file(call: Call, batch: Batch) -> None:
    """Of a balancer that is gone or has no log any more, nothing is filed."""
    balancer = call.shelf(LoadBalancer).get(batch.source)
    if balancer is None or not balancer.is_on("access_logs.s3.enabled"):
        return
    bucket, end = balancer.attribute("access_logs.s3.bucket"), (batch.lines[0].at // SLOT_S + 1) * SLOT_S
    ended, day = time.strftime("%Y%m%dT%H%MZ", time.gmtime(end)), time.strftime("%Y/%m/%d", time.gmtime(end))
    name = f"{call.account}_elasticloadbalancing_{call.region}_{balancer.id.replace('/', '.')}_{ended}_127.0.0.1_{call.ids.mixed(8)}.log.gz"
    await _speaker(call, balancer.arn).ask(
        "s3:PutObject", to_region=region_of_bucket(call.home, bucket), once=batch.once, Bucket=bucket,
        Key=f"{_folder(call, balancer.attributes)}/elasticloadbalancing/{call.region}/{day}/{name}",
        Body=gzip.compress(b"".join(line.text + b"\n" for line in batch.lines), mtime=0),
    )  # fmt: skip
