"""Actions of listeners and rules: what may be asked, and how AWS tells it again."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere, ValidationError
from kumoniwa.services.elbv2 import authentication
from kumoniwa.services.elbv2.errors import (
    IncompatibleProtocolsException,
    InvalidLoadBalancerActionException,
    TargetGroupAssociationLimitException,
    TargetGroupNotFoundException,
    TooManyActionsException,
)
from kumoniwa.services.elbv2.limit import LIMITS
from kumoniwa.services.elbv2.rule_record import FORWARD, used_by
from kumoniwa.services.elbv2.target_group import TargetGroup

REDIRECT, FIXED = "redirect", "fixed-response"
_CONFIGS = {FORWARD: "ForwardConfig", REDIRECT: "RedirectConfig", FIXED: "FixedResponseConfig"}
_CONTENT_TYPES = ("text/html", "application/json", "application/javascript", "text/css", "text/plain")
_AS_IT_CAME = {"Protocol": "#{protocol}", "Port": "#{port}", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}
"""What a redirect keeps, unless it says otherwise."""
STICKY_SECONDS_MAX = 604_800


def checked(call: Call, listener: Any, actions: list[dict[str, Any]], before: bytes = b"") -> dict[str, Any]:
    """Actions as a rule keeps them, with the ``secret`` that goes with them: the last ends it, one before that may have clients sign in."""
    for each in actions:
        if each["Type"] not in (*_CONFIGS, *authentication.CONFIGS):
            raise NotImplementedHere(f"{each['Type']} actions of load balancers")
    if not actions:
        raise ValidationError("Actions must be specified")
    *first, last = sorted(actions, key=lambda each: each.get("Order", 0))
    if last["Type"] not in _CONFIGS or len(first) > 1 or any(each["Type"] in _CONFIGS for each in first):
        raise InvalidLoadBalancerActionException(
            "A rule has one action of type forward, redirect or fixed-response, which is its last, and one before it at most"
        )
    kept, secret = [], before
    for each in first:
        made, secret = authentication.checked(call, listener, each, before)
        kept.append(made)
    kept.append(_ending(call, listener.balancer, last))
    orders = [{"Order": each["Order"]} if "Order" in each else {} for each in (*first, last)]
    return {"actions": [made | order for made, order in zip(kept, orders)], "secret": secret if first else b""}


def _ending(call: Call, balancer: str, said: dict[str, Any]) -> dict[str, Any]:
    for kind, member in _CONFIGS.items():
        if member in said and kind != said["Type"]:
            raise InvalidLoadBalancerActionException(f"{member} cannot be specified for actions of type {said['Type']}")
    if said["Type"] == FORWARD:
        return _forward(call, balancer, said)
    return _redirect(said) if said["Type"] == REDIRECT else _fixed(said)


def _forward(call: Call, balancer: str, said: dict[str, Any]) -> dict[str, Any]:
    config = said.get("ForwardConfig") or {}
    groups = list(config.get("TargetGroups") or ())
    alone = said.get("TargetGroupArn")
    if alone is not None and groups and [each.get("TargetGroupArn") for each in groups] != [alone]:
        raise InvalidLoadBalancerActionException("You cannot specify both a target group ARN and a different list of target groups")
    groups = groups or ([{"TargetGroupArn": alone}] if alone is not None else [])
    if not groups:
        raise ValidationError("A target group ARN must be specified")
    if len(groups) > LIMITS["target-groups-per-action-on-application-load-balancer"]:
        raise TooManyActionsException("The maximum number of target groups per action has been reached")
    kept = []
    for each in groups:
        arn, weight = each.get("TargetGroupArn", ""), each.get("Weight", 1)
        if not 0 <= weight <= 999:
            raise ValidationError(f"Target group weight '{weight}' must be between '0-999' inclusive")
        _check_group(call, balancer, arn)
        kept.append({"TargetGroupArn": arn, "Weight": weight})
    return {
        "Type": FORWARD,
        **({"TargetGroupArn": kept[0]["TargetGroupArn"]} if len(kept) == 1 else {}),
        "ForwardConfig": {"TargetGroups": kept, "TargetGroupStickinessConfig": _stickiness(config.get("TargetGroupStickinessConfig") or {})},
    }


def _stickiness(said: dict[str, Any]) -> dict[str, Any]:
    if not said.get("Enabled"):
        return {"Enabled": False}
    seconds = said.get("DurationSeconds")
    if seconds is None:
        raise ValidationError("A duration must be specified when target group stickiness is enabled")
    if not 1 <= seconds <= STICKY_SECONDS_MAX:
        raise ValidationError(f"Target group stickiness duration '{seconds}' must be between '1-{STICKY_SECONDS_MAX}' inclusive")
    return {"Enabled": True, "DurationSeconds": seconds}


def _check_group(call: Call, balancer: str, arn: str) -> None:
    group = call.shelf(TargetGroup).get(arn)
    if group is None:
        raise TargetGroupNotFoundException(f"Target group '{arn}' not found")
    if group.kind != "lambda" and group.protocol not in ("HTTP", "HTTPS"):
        raise IncompatibleProtocolsException(f"Target group '{arn}' of protocol {group.protocol} cannot be used by an application load balancer")
    if used_by(call, arn) - {balancer}:
        # As seen of AWS: https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/1299
        raise TargetGroupAssociationLimitException(f"The following target groups cannot be associated with more than one load balancer: {arn}")


def _redirect(said: dict[str, Any]) -> dict[str, Any]:
    config = said.get("RedirectConfig")
    if not config:
        raise ValidationError("A redirect configuration must be specified")
    kept = _AS_IT_CAME | {name: value for name, value in config.items() if name in _AS_IT_CAME or name == "StatusCode"}
    port = kept["Port"]
    if port != "#{port}" and not (port.isdigit() and 1 <= int(port) <= 65_535):
        raise ValidationError(f"The port '{port}' must be '#{{port}}' or between '1-65535' inclusive")
    if not kept["Path"].startswith("/"):
        raise ValidationError("The path must start with '/'")
    if all(kept[name] == value for name, value in _AS_IT_CAME.items()):
        raise InvalidLoadBalancerActionException("The redirect configuration is not valid because it creates a loop.")
    return {"Type": REDIRECT, "RedirectConfig": kept}


def _fixed(said: dict[str, Any]) -> dict[str, Any]:
    config = said.get("FixedResponseConfig")
    if not config:
        raise ValidationError("A fixed response configuration must be specified")
    content_type = config.get("ContentType")
    if content_type and content_type not in _CONTENT_TYPES:
        raise InvalidLoadBalancerActionException(
            "The ContentType must be one of:'text/html', 'application/json', 'application/javascript', 'text/css', 'text/plain'"
        )
    return {"Type": FIXED, "FixedResponseConfig": dict(config)}
