"""How long and how often SNS tries to deliver: to endpoints of HTTP as a delivery policy says, to AWS's own services as AWS does.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.services.sns.errors import InvalidParameterException

HEALTHY = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
REQUEST = {"headerContentType": "text/plain; charset=UTF-8"}
FUNCTIONS = ("arithmetic", "exponential", "geometric", "linear")
RETRIES_MAX, DELAY_S_MAX, TOTAL_S_MAX = 100, 3600, 3600
CONTENT_TYPES = (
    "application/atom+xml", "application/json", "application/octet-stream", "application/soap+xml",
    "application/x-www-form-urlencoded", "application/xhtml+xml", "application/xml", "text/css", "text/csv", "text/html",
    "text/plain", "text/xml",
)  # fmt: skip
# https://docs.aws.amazon.com/sns/latest/dg/creating-delivery-policy.html

AWS_MANAGED = (*(0.0,) * 3, *(1.0,) * 2, *(round(20 ** (n / 9), 3) for n in range(10)))
"""Pauses before the attempts to reach SQS and Lambda: three without delay, two by the second, ten that grow to twenty seconds …"""
AWS_MANAGED_MAX = 100_015
AWS_MANAGED_LAST_S = 20.0
"""… and a hundred thousand of twenty seconds."""


def of_topic(text: str) -> dict[str, Any]:
    """A topic's policy, as it is shown again."""
    said = _object(text).get("http")
    if not isinstance(said, dict):
        raise _refused("http must be specified")
    known = ("defaultHealthyRetryPolicy", "disableSubscriptionOverrides", "defaultThrottlePolicy", "defaultRequestPolicy")
    _know(said, known, "http.")
    told: dict[str, Any] = {}
    if said.get("defaultHealthyRetryPolicy"):
        told["defaultHealthyRetryPolicy"] = _retry(said["defaultHealthyRetryPolicy"], "http.defaultHealthyRetryPolicy")
    told["disableSubscriptionOverrides"] = bool(said.get("disableSubscriptionOverrides", False))
    if said.get("defaultThrottlePolicy"):
        told["defaultThrottlePolicy"] = _throttle(said["defaultThrottlePolicy"], "http.defaultThrottlePolicy")
    if said.get("defaultRequestPolicy"):
        told["defaultRequestPolicy"] = _request(said["defaultRequestPolicy"], "http.defaultRequestPolicy")
    return {"http": told}


def of_subscription(text: str) -> dict[str, Any]:
    said = _object(text)
    _know(said, ("healthyRetryPolicy", "sicklyRetryPolicy", "throttlePolicy", "requestPolicy", "guaranteed"), "")
    retry, throttle, request = said.get("healthyRetryPolicy"), said.get("throttlePolicy"), said.get("requestPolicy")
    return {
        "healthyRetryPolicy": HEALTHY | _retry(retry, "healthyRetryPolicy") if retry else None,
        "sicklyRetryPolicy": said.get("sicklyRetryPolicy"),
        "throttlePolicy": _throttle(throttle, "throttlePolicy") if throttle else None,
        "requestPolicy": _request(request, "requestPolicy") if request else None,
        "guaranteed": bool(said.get("guaranteed", False)),
    }


def effective_of_topic(policy: dict[str, Any] | None) -> dict[str, Any]:
    said = (policy or {}).get("http", {})
    told: dict[str, Any] = {
        "defaultHealthyRetryPolicy": HEALTHY | said.get("defaultHealthyRetryPolicy", {}),
        "disableSubscriptionOverrides": said.get("disableSubscriptionOverrides", False),
    }
    if "defaultThrottlePolicy" in said:
        told["defaultThrottlePolicy"] = said["defaultThrottlePolicy"]
    return {"http": told | {"defaultRequestPolicy": REQUEST | said.get("defaultRequestPolicy", {})}}


def effective_of_subscription(policy: dict[str, Any] | None, topic: dict[str, Any] | None) -> dict[str, Any]:
    """What counts in the end: the subscription's own word before the topic's, unless the topic forbids it."""
    default = effective_of_topic(topic)["http"]
    own = {} if policy is None or default["disableSubscriptionOverrides"] else policy
    return {
        "healthyRetryPolicy": own.get("healthyRetryPolicy") or default["defaultHealthyRetryPolicy"],
        "sicklyRetryPolicy": own.get("sicklyRetryPolicy"),
        "throttlePolicy": own.get("throttlePolicy") or default.get("defaultThrottlePolicy"),
        "requestPolicy": own.get("requestPolicy") or default["defaultRequestPolicy"],
        "guaranteed": own.get("guaranteed", False),
    }


def pause(effective: dict[str, Any], attempts: int) -> float | None:
    """After how many seconds to try an endpoint of HTTP again, that was tried in vain ``attempts`` times before and now once more."""
    said = effective["healthyRetryPolicy"]
    retries, first, last = said["numRetries"], said["minDelayTarget"], said["maxDelayTarget"]
    if attempts >= retries:
        return None
    if attempts < said["numNoDelayRetries"]:
        return 0.0
    attempts -= said["numNoDelayRetries"]
    if attempts < said["numMinDelayRetries"]:
        return float(first)
    attempts -= said["numMinDelayRetries"]
    steps = retries - said["numNoDelayRetries"] - said["numMinDelayRetries"] - said["numMaxDelayRetries"]
    return _grown(said["backoffFunction"], first, last, attempts / (steps - 1) if steps > 1 else 1.0) if attempts < steps else float(last)


def _grown(function: str, first: float, last: float, share: float) -> float:
    """A delay on its way from ``first`` to ``last``. AWS draws the curves of its functions and states no formula."""
    if function in ("geometric", "exponential"):
        return first * (last / first) ** (share if function == "geometric" else share**0.5)
    return first + (last - first) * (share if function == "linear" else share**2)


def pause_for_aws(attempts: int) -> float | None:
    """The same for SQS and Lambda."""
    if attempts >= AWS_MANAGED_MAX:
        return None
    return AWS_MANAGED[attempts] if attempts < len(AWS_MANAGED) else AWS_MANAGED_LAST_S


# Checks ----------------------------------------------------------------------------------------------


def _refused(reason: str) -> InvalidParameterException:
    return InvalidParameterException.of(f"DeliveryPolicy: {reason}")


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise _refused("failed to parse JSON.")
    return said


def _know(said: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in said:
        if name not in known:
            raise _refused(f"unrecognized field {where}{name}")


def _retry(said: Any, where: str) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise _refused(f"{where} must be an object")
    _know(said, tuple(HEALTHY), f"{where}.")
    for name, value in said.items():
        if name == "backoffFunction":
            if value not in FUNCTIONS:
                raise _refused(f"{where}.backoffFunction must be one of {', '.join(FUNCTIONS)}")
        elif type(value) is not int or value < 0:
            raise _refused(f"{where}.{name} must be a non-negative integer")
    for name in ("numRetries", "minDelayTarget", "maxDelayTarget"):
        if name not in said:
            raise _refused(f"{where}.{name} must be specified")
    whole = HEALTHY | said
    if whole["numRetries"] > RETRIES_MAX:
        raise _refused(f"{where}.numRetries must be less than or equal to {RETRIES_MAX}")
    if not 1 <= whole["minDelayTarget"] <= whole["maxDelayTarget"] <= DELAY_S_MAX:
        raise _refused(f"{where}.maxDelayTarget must be greater than or equal to minDelayTarget, and both from 1 to {DELAY_S_MAX}")
    if whole["numNoDelayRetries"] + whole["numMinDelayRetries"] + whole["numMaxDelayRetries"] > whole["numRetries"]:
        raise _refused(f"{where}.numRetries must be greater than or equal to the sum of retries of its phases")
    if sum(pause({"healthyRetryPolicy": whole}, n) or 0.0 for n in range(whole["numRetries"])) > TOTAL_S_MAX:
        raise _refused(f"{where} must not take longer than {TOTAL_S_MAX} seconds")
    return said


def _throttle(said: Any, where: str) -> dict[str, Any]:
    rate = said.get("maxReceivesPerSecond") if isinstance(said, dict) else None
    if type(rate) is not int or rate < 1:
        raise _refused(f"{where}.maxReceivesPerSecond must be a positive integer")
    return {"maxReceivesPerSecond": rate}


def _request(said: Any, where: str) -> dict[str, Any]:
    kind = said.get("headerContentType") if isinstance(said, dict) else None
    if not isinstance(kind, str) or kind.partition(";")[0].strip().lower() not in CONTENT_TYPES:
        raise _refused(f"{where}.headerContentType must be one of {', '.join(CONTENT_TYPES)}")
    return {"headerContentType": kind}
