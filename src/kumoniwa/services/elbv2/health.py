"""Health checks: every target of every group that a balancer leads to is really asked, in its group's own interval.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

import ssl
from functools import cache, partial
from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.elbv2 import figures
from kumoniwa.services.elbv2.balancer import SERVICE
from kumoniwa.services.elbv2.live import HEALTHY, INITIAL, UNHEALTHY, Health, live
from kumoniwa.services.elbv2.rule_record import used_by
from kumoniwa.services.elbv2.target_group import TRAFFIC_PORT, WAITING, Target, TargetGroup, keep
from kumoniwa.wire import outbound

AGENT = "ELB-HealthChecker/2.0"
IDLE_S = 3_600.0


class Finding(NamedTuple):
    """What came of asking a target; no reason where it is well."""

    reason: str = ""
    text: str = ""


_LATE = Finding("Target.Timeout", "Request timed out")
_FAILED = Finding("Target.FailedHealthChecks", "Health checks failed")


@cache
def trusting() -> ssl.SSLContext:
    """Balancers do not look at the certificates of their targets.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-routing-configuration"""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def run(region: Any) -> None:
    """Ask whoever is due, for ever."""
    while True:
        idle_until = until = region.clock.now() + IDLE_S
        for call in region.calls("elbv2", SERVICE):
            until = min(until, _round(call))
        # While nobody is asked there is nothing to measure.
        region.meter.gauge(WAITING, partial(_measure, region) if until < idle_until else None)
        await region.wait(WAITING, until)


def _measure(region: Any) -> None:
    for call in region.calls("elbv2", SERVICE):
        figures.hosts(call)


def _round(call: Call) -> float:
    """Ask the account's targets that are due, let those go that have had their time, and answer when to look again."""
    groups = dict(call.shelf(TargetGroup))
    known, now, until = live(call.home, call.account), call.now(), call.now() + IDLE_S
    known.forget_others(groups)
    for group in groups.values():
        gone = [each for each in group.targets if each.draining_until is not None and each.draining_until <= now]
        if gone:
            group = keep(call, group, targets=tuple(each for each in group.targets if each not in gone))
        until = min([until, *(each.draining_until for each in group.targets if each.draining_until is not None)])
        if not group.check.is_on or not used_by(call, group.arn):
            continue
        for each in group.targets:
            health = known.of(group, each)
            if each.draining_until is None and not health.is_asked:
                if health.due_at <= now:
                    health.is_asked, health.due_at = True, now + group.check.interval_s
                    call.home.spawn(_looked_at(call, group, each, health))
                until = min(until, health.due_at)
    return until


async def _looked_at(call: Call, group: TargetGroup, target: Target, health: Health) -> None:
    if health.state == INITIAL:
        health.reason, health.text = "Elb.InitialHealthChecking", "Initial health checks in progress"
    try:
        finding = await (_function if group.kind == "lambda" else _server)(call, group, target)
    finally:
        health.is_asked = False
        call.home.wake(WAITING)
    if finding.reason:
        health.good, health.bad = 0, health.bad + 1
        if health.bad >= group.check.unhealthy and (health.state != UNHEALTHY or health.reason != finding.reason):
            health.state, health.reason, health.text = UNHEALTHY, *finding
    else:
        # A new target needs one good answer, one that was ill as many as its group says.
        health.good, health.bad = health.good + 1, 0
        if health.state == INITIAL or (health.state == UNHEALTHY and health.good >= group.check.healthy):
            health.state, health.reason, health.text = HEALTHY, "", ""
            health.healthy_since = call.now()


async def _server(call: Call, group: TargetGroup, target: Target) -> Finding:
    check = group.check
    port = target.port if check.port == TRAFFIC_PORT else int(check.port)
    url = f"{check.protocol.lower()}://{target.id}:{port}{check.path}"
    headers = [("Host", f"{target.id}:{port}"), ("User-Agent", AGENT), ("Accept-Encoding", "gzip, compressed")]
    try:
        answer = await outbound.fetch("GET", url, headers, None, check.timeout_s, trusting() if check.protocol == "HTTPS" else None)
    except TimeoutError:
        return _LATE
    except outbound.Unreachable:
        return _FAILED
    return _judged(check, answer.status)


def _judged(check: Any, status: int) -> Finding:
    if check.takes(status):
        return Finding()
    return Finding("Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]")


async def _function(call: Call, group: TargetGroup, target: Target) -> Finding:
    """Each question is an invocation, which is billed as such."""
    event = {
        "requestContext": {"elb": {"targetGroupArn": group.arn}}, "httpMethod": "GET", "path": group.check.path, "queryStringParameters": {},
        "headers": {"user-agent": AGENT}, "body": "", "isBase64Encoded": False,
    }  # fmt: skip
    speaker = principals.service(SERVICE, call.account, **{"aws:SourceArn": group.arn, "aws:SourceAccount": call.account})
    try:
        reply = await call.speaking(speaker).ask("lambda:Invoke", FunctionName=target.id, Payload=orjson.dumps(event))
        said = orjson.loads(reply["Payload"]) if "FunctionError" not in reply else None
        status = int(said["statusCode"])
    except (AwsError, ValueError, TypeError, KeyError):
        return _FAILED
    return _judged(group.check, status)
