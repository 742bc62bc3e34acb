"""How long somebody goes on trying to deliver: by EventBridge's retry policies, which its buses, schedules and pipes share.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
"""

from __future__ import annotations

import random
from typing import Any

from kumoniwa.gate.outbox import Delivery
from kumoniwa.kernel.errors import AwsError

AGE_S_MAX = 86_400
ATTEMPTS_MAX = 185
BACKOFF_S_FIRST, BACKOFF_S_MAX = 1.0, 900.0
"""AWS says exponential with jitter and no more; 185 attempts fill its 24 hours if they come to at most about eight minutes on average."""

_THROTTLED = frozenset({"TooManyRequestsException", "ProvisionedThroughputExceededException", "RequestThrottled", "LimitExceededException"})
_OURS = frozenset({"ServiceUnavailable", "InternalFailure", "InternalError", "ServiceException"})


def is_throttled(error: AwsError) -> bool:
    return error.code in _THROTTLED or error.code.startswith("Throttl")


def is_passing(error: AwsError) -> bool:
    """Whether another attempt may help."""
    return is_throttled(error) or (error.status or 400) >= 500 or error.code in _OURS


def pause(policy: dict[str, Any], delivery: Delivery, now: float, since: float, chance: random.Random) -> tuple[float, str]:
    """After how many seconds to try again; or, if it was tried enough, what of the policy is exhausted."""
    if delivery.attempts >= policy.get("MaximumRetryAttempts", ATTEMPTS_MAX):
        return 0.0, "MaximumRetryAttempts"
    wait_s = min(BACKOFF_S_MAX, BACKOFF_S_FIRST * 2 ** min(delivery.attempts, 20)) * (0.5 + chance.random() / 2)
    if now + wait_s > since + policy.get("MaximumEventAgeInSeconds", AGE_S_MAX):
        return 0.0, "MaximumEventAgeInSeconds"
    return wait_s, ""
