"""Targets: registered, deregistered, and how they are told to be."""

from __future__ import annotations

import ipaddress
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.elbv2 import attribute, live, target_group
from kumoniwa.services.elbv2.balancer import SERVICE
from kumoniwa.services.elbv2.errors import AccessDenied, InvalidTargetException, TooManyTargetsException
from kumoniwa.services.elbv2.limit import LIMITS
from kumoniwa.services.elbv2.rule_record import used_by
from kumoniwa.services.elbv2.target_group import TRAFFIC_PORT, Target, TargetGroup

_UNUSED = ("unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
_UNKNOWN = ("unused", "Target.NotRegistered", "Target is not registered to the target group")
_LEAVING = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
_UNASKED = ("unavailable", "Target.HealthCheckDisabled", "Health checks are disabled for this target group")


def _key(group: TargetGroup, said: dict[str, Any]) -> tuple[str, int]:
    return said.get("Id", ""), 0 if group.kind == "lambda" else said.get("Port") or group.port


# Registered ---------------------------------------------------------------------------------------------------------


def _check_address(id_: str) -> None:
    try:
        address = ipaddress.ip_address(id_)
    except ValueError:
        raise ValidationError(f"The IP address '{id_}' is not a valid IPv4 address") from None
    if address.version != 4:
        raise ValidationError(f"The IP address '{id_}' is not a valid IPv4 address")
    if not address.is_loopback:
        raise NotImplementedHere("targets of load balancers at addresses that are not this machine's own")


async def _check_function(call: Call, group: TargetGroup, id_: str) -> None:
    """It must be there, and let the balancer call it for this target group."""
    parsed = arns.parse(id_)
    if parsed is None or parsed.service != "lambda" or not parsed.resource.startswith("function:"):
        raise ValidationError(f"'{id_}' is not a valid Lambda function ARN")
    if (parsed.region, parsed.account) != (call.region, call.account):
        raise InvalidTargetException(f"The Lambda function '{id_}' must be in the same account and Region as the target group")
    try:
        await speaking(call, group).ask("lambda:Invoke", FunctionName=id_, InvocationType="DryRun")
    except AwsError as error:
        if error.code in ("AccessDeniedException", "AccessDenied"):
            # As seen of AWS: https://github.com/hashicorp/terraform-provider-aws/issues/8805
            raise AccessDenied(
                f"elasticloadbalancing principal does not have permission to invoke {id_} from target group {group.arn}"
            ) from None
        if error.code == "ResourceNotFoundException":
            raise InvalidTargetException(f"The Lambda function '{id_}' does not exist") from None
        raise


def speaking(call: Call, group: TargetGroup) -> Call:
    """The balancer, as functions behind a target group see it."""
    return call.acting(SERVICE, **{"aws:SourceArn": group.arn, "aws:SourceAccount": call.account})


async def RegisterTargets(call: Call, *, TargetGroupArn: str, Targets: list[dict]) -> None:
    """What is registered already stays as it is; what is on its way out comes back."""
    group = target_group.existing(call, TargetGroupArn)
    for each in Targets:
        if "QuicServerId" in each:
            raise ValidationError("QuicServerId cannot be specified for this target group")
        if group.kind == "lambda":
            if "Port" in each:
                raise ValidationError("Port cannot be specified for target groups with target type 'lambda'")
            await _check_function(call, group, each.get("Id", ""))
        else:
            _check_address(each.get("Id", ""))
    call.atomically(lambda: _registered(call, TargetGroupArn, Targets))


def _registered(call: Call, arn: str, said: list[dict[str, Any]]) -> None:
    group = target_group.existing(call, arn)
    held = {(each.id, each.port): each for each in group.targets}
    for each in said:
        key = _key(group, each)
        if key not in held or held[key].draining_until is not None:
            held[key] = Target(id=key[0], port=key[1], registered=call.now(), zone=each.get("AvailabilityZone", ""))
    if group.kind == "lambda" and len(held) > 1:
        raise TooManyTargetsException("A target group with target type 'lambda' can have one target")
    if len(held) > LIMITS["targets-per-target-group"]:
        raise TooManyTargetsException("The maximum number of targets has been reached")
    target_group.keep(call, group, targets=tuple(held.values()))


def DeregisterTargets(call: Call, *, TargetGroupArn: str, Targets: list[dict]) -> None:
    """Those that are not registered are no error, as the reference says. Requests under way may end within the group's delay."""
    group = target_group.existing(call, TargetGroupArn)
    leaving = {_key(group, each) for each in Targets}
    delay_s = 0 if group.kind == "lambda" or not used_by(call, group.arn) else int(group.attribute(attribute.DELAY))
    kept = []
    for each in group.targets:
        if (each.id, each.port) not in leaving or each.draining_until is not None:
            kept.append(each)
        elif delay_s:
            kept.append(changed(each, draining_until=call.now() + delay_s))
    target_group.keep(call, group, targets=tuple(kept))


# How they are -------------------------------------------------------------------------------------------------------


def _state(call: Call, group: TargetGroup, target: Target | None) -> tuple[str, str, str]:
    if target is None:
        return _UNKNOWN
    if target.draining_until is not None:
        return _LEAVING
    if not used_by(call, group.arn):
        return _UNUSED
    if not group.check.is_on:
        return _UNASKED
    health = live.live(call.home, call.account).of(group, target)
    return health.state, health.reason, health.text


def _shown(call: Call, group: TargetGroup, key: tuple[str, int], target: Target | None) -> dict[str, Any]:
    state, reason, text = _state(call, group, target)
    told: dict[str, Any] = {"Target": {"Id": key[0]}, "TargetHealth": {"State": state}}
    if group.kind != "lambda":
        told["Target"]["Port"] = key[1]
        told["HealthCheckPort"] = str(key[1]) if group.check.port == TRAFFIC_PORT else group.check.port
    if target is not None and target.zone:
        told["Target"]["AvailabilityZone"] = target.zone
    if reason:
        told["TargetHealth"] |= {"Reason": reason, "Description": text}
    return told


def DescribeTargetHealth(call: Call, *, TargetGroupArn: str, Targets: list[dict] | None = None) -> dict:
    group = target_group.existing(call, TargetGroupArn)
    held = {(each.id, each.port): each for each in group.targets}
    keys = [_key(group, each) for each in Targets] if Targets else list(held)
    return {"TargetHealthDescriptions": [_shown(call, group, key, held.get(key)) for key in keys]}
