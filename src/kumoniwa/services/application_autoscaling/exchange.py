"""What CloudWatch says to Application Auto Scaling of its region when an alarm acts for a policy: on AWS no call, with no caller."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.services.application_autoscaling import scaling
from kumoniwa.services.application_autoscaling.errors import ObjectNotFoundException
from kumoniwa.services.application_autoscaling.policy import Policy, arn_of
from kumoniwa.services.application_autoscaling.work import SERVICE


async def hear(home: Any, origin: str, message: dict[str, str]) -> None:
    """``message`` is the account and the policy's ARN. Raises ObjectNotFoundException if there is no such policy."""
    call = home.call("application-autoscaling", message["account"], principals.service(SERVICE, message["account"]))
    policy = next((each for each in call.shelf(Policy).values() if arn_of(call, each) == message["policy"]), None)
    if policy is None:
        raise ObjectNotFoundException(f"No scaling policy found: {message['policy']}")
    await scaling.look(call, policy.target)
