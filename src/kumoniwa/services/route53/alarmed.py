"""Health checks whose health is a CloudWatch alarm's: the data plane asks for its state, in the region where it lives.

Without data a check is what its owner said it shall be then; so it is with a region that does not answer.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.route53.checking import Verdicts, Watched
from kumoniwa.services.route53.healthcheck import ON_ALARM

SERVICE = "route53.amazonaws.com"
ASKED_EVERY_S = 10.0


async def ask_all(home: Any, verdicts: Verdicts) -> None:
    for watched in list(verdicts.watched.values()):
        if watched.check.config["Type"] == ON_ALARM and not watched.check.config["Disabled"]:
            verdicts.judge(watched, await _is_healthy(home, watched))


async def _is_healthy(home: Any, watched: Watched) -> bool:
    named = watched.check.config["AlarmIdentifier"]
    us = principals.service(SERVICE, watched.account)
    try:
        found = await home.ask(us, "cloudwatch:DescribeAlarms", {"AlarmNames": [named["Name"]]}, region=named["Region"])
        state = found["MetricAlarms"][0]["StateValue"] if found["MetricAlarms"] else "INSUFFICIENT_DATA"
    except AwsError:
        state = "INSUFFICIENT_DATA"
    if state != "INSUFFICIENT_DATA":
        return state == "OK"
    otherwise = watched.check.config["InsufficientDataHealthStatus"]
    return watched.verdict.is_healthy if otherwise == "LastKnownStatus" else otherwise == "Healthy"
