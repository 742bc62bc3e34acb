"""Target groups: where requests go in the end, and by which questions it is found out whether that is well."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere, ValidationError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.elbv2 import attribute, network, tag
from kumoniwa.services.elbv2.balancer import PREFIX
from kumoniwa.services.elbv2.balancer import existing as balancer_existing
from kumoniwa.services.elbv2.errors import (
    DuplicateTargetGroupNameException,
    ResourceInUseException,
    TargetGroupNotFoundException,
    TooManyTargetGroupsException,
)
from kumoniwa.services.elbv2.limit import LIMITS
from kumoniwa.services.elbv2.rule_record import used_by

TRAFFIC_PORT = "traffic-port"
WAITING = ("elbv2", "health")
"""Who asks targets how they are sleeps here."""
_PLAIN_NAME = r"(?!.*--)(?!^-)(?!.*-$)^[A-Za-z0-9-]+$"
_CODES = re.compile(r"\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*")


class Check(Record):
    """How a target is asked how it is."""

    is_on: bool
    interval_s: int
    timeout_s: int
    healthy: int = 5
    """So many good answers in a row make a target healthy that was not,"""
    unhealthy: int = 2
    """and so many bad ones the opposite."""
    path: str = "/"
    protocol: str = "HTTP"
    port: str = TRAFFIC_PORT
    codes: str = "200"

    def takes(self, status: int) -> bool:
        for part in self.codes.split(","):
            first, _, last = part.partition("-")
            if int(first) <= status <= int(last or first):
                return True
        return False


class Target(Record):
    id: str
    port: int
    """0 of a function."""
    registered: float
    zone: str = ""
    draining_until: float | None = None
    """It has been deregistered, and may end what it has begun."""


class TargetGroup(Record):
    """Shelved by its ARN."""

    arn: str
    name: str
    kind: str
    """``ip`` or ``lambda``."""
    created: float
    check: Check
    protocol: str = ""
    port: int = 0
    vpc: str = ""
    targets: tuple[Target, ...] = ()
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}

    @property
    def id(self) -> str:
        """``targetgroup/NAME/ID``: what metrics call it."""
        return self.arn.rpartition(":")[2]

    @property
    def known_attributes(self) -> dict[str, attribute.Attribute]:
        return attribute.OF_FUNCTIONS if self.kind == "lambda" else attribute.OF_TARGET_GROUPS

    def attribute(self, key: str) -> str:
        return self.attributes.get(key, self.known_attributes[key].default)


def existing(call: Call, arn: str) -> TargetGroup:
    held = call.shelf(TargetGroup).get(arn)
    if held is None:
        if ":targetgroup/" not in arn:
            raise ValidationError(f"'{arn}' is not a valid target group ARN")
        raise TargetGroupNotFoundException(f"Target groups '{arn}' not found")
    return held


def keep(call: Call, group: TargetGroup, **changes: Any) -> TargetGroup:
    kept = call.shelf(TargetGroup)[group.arn] = changed(group, **changes)
    look_again(call)
    return kept


def look_again(call: Call) -> None:
    """What there is to ask has changed."""
    call.after_commit(lambda: call.home.wake(WAITING))


def shown(call: Call, group: TargetGroup) -> dict[str, Any]:
    check = group.check
    told: dict[str, Any] = {
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "HealthCheckEnabled": check.is_on,
        "HealthCheckIntervalSeconds": check.interval_s,
        "HealthCheckTimeoutSeconds": check.timeout_s,
        "HealthyThresholdCount": check.healthy,
        "UnhealthyThresholdCount": check.unhealthy,
        "HealthCheckPath": check.path,
        "Matcher": {"HttpCode": check.codes},
        "LoadBalancerArns": sorted(used_by(call, group.arn)),
        "TargetType": group.kind,
        "IpAddressType": "ipv4",
    }
    if group.kind != "lambda":
        told |= {
            "Protocol": group.protocol, "Port": group.port, "VpcId": group.vpc, "ProtocolVersion": "HTTP1",
            "HealthCheckProtocol": check.protocol, "HealthCheckPort": check.port,
        }  # fmt: skip
    return told


# What may be asked --------------------------------------------------------------------------------------------------


def _check_name(name: str) -> None:
    if len(name) > 32:
        raise ValidationError(f"Target group name '{name}' cannot be longer than '32' characters")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise ValidationError(f"Target group name '{name}' can only contain characters that are alphanumeric characters or hyphens(-)")
    if not re.fullmatch(_PLAIN_NAME, name):
        raise ValidationError(
            f"1 validation error detected: Value '{name}' at 'targetGroup.targetGroupArn.targetGroupName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {_PLAIN_NAME}"
        )


def _check_kind(kind: str, protocol: str | None, version: str | None, address_type: str | None) -> None:
    """There are no instances here to be targets."""
    if kind not in ("ip", "lambda"):
        raise NotImplementedHere(f"target groups of type {kind}")
    if protocol not in (None, "HTTP", "HTTPS"):
        raise NotImplementedHere(f"target groups of protocol {protocol}")
    if version not in (None, "HTTP1"):
        raise NotImplementedHere(f"target groups of protocol version {version}")
    if address_type not in (None, "ipv4"):
        raise NotImplementedHere(f"target groups of address type {address_type}")


def _check_members(kind: str, **said: Any) -> None:
    for name, value in said.items():
        spelled = "VPC ID" if name == "vpc" else name
        if kind == "lambda" and value is not None:
            spelled = spelled if name == "vpc" else name.capitalize()
            raise ValidationError(f"{spelled} cannot be specified for target groups with target type 'lambda'")
        if kind != "lambda" and value is None:
            raise ValidationError(f"A {spelled} must be specified")


def _checked(kind: str, before: Check | None, said: dict[str, Any]) -> Check:
    """How targets are to be asked: what is said, over what was."""
    is_function = kind == "lambda"
    check = before or Check(is_on=not is_function, interval_s=35 if is_function else 30, timeout_s=30 if is_function else 5)
    check = changed(check, **{name: value for name, value in said.items() if value is not None})
    if check.protocol not in ("HTTP", "HTTPS"):
        raise ValidationError(f"Health check protocol '{check.protocol}' must be one of '[HTTP, HTTPS]'")
    if check.port != TRAFFIC_PORT and not (check.port.isdigit() and 1 <= int(check.port) <= 65_535):
        raise ValidationError(f"Health check port '{check.port}' must be '{TRAFFIC_PORT}' or between '1-65535' inclusive")
    if not check.path.startswith("/"):
        raise ValidationError("Health check path must begin with '/'")
    if not _CODES.fullmatch(check.codes) or not all(200 <= int(code) <= 499 for code in re.findall(r"\d{3}", check.codes)):
        raise ValidationError(f"Health check matcher HTTP code '{check.codes}' must be within '200-499' inclusive")
    if check.timeout_s >= check.interval_s:
        raise ValidationError(f"Health check timeout '{check.timeout_s}' must be smaller than the interval '{check.interval_s}'")
    if not is_function and not check.is_on:
        raise ValidationError("Health check enabled must be true for target groups with target type 'ip'")
    return check


def _codes(matcher: dict[str, str] | None) -> str | None:
    if matcher and "GrpcCode" in matcher:
        raise ValidationError("GRPC codes cannot be specified for target groups of this protocol version")
    return (matcher or {}).get("HttpCode")




# Operations ---------------------------------------------------------------------------------------------------------


async def CreateTargetGroup(
    call: Call,
    *,
    Name: str,
    Protocol: str | None = None,
    ProtocolVersion: str | None = None,
    Port: int | None = None,
    VpcId: str | None = None,
    HealthCheckProtocol: str | None = None,
    HealthCheckPort: str | None = None,
    HealthCheckEnabled: bool | None = None,
    HealthCheckPath: str | None = None,
    HealthCheckIntervalSeconds: int | None = None,
    HealthCheckTimeoutSeconds: int | None = None,
    HealthyThresholdCount: int | None = None,
    UnhealthyThresholdCount: int | None = None,
    Matcher: dict | None = None,
    TargetType: str | None = None,
    Tags: list[dict] | None = None,
    IpAddressType: str | None = None,
) -> dict:
    """To make the same again is to be told of it."""
    kind = TargetType or "instance"
    _check_name(Name)
    _check_kind(kind, Protocol, ProtocolVersion, IpAddressType)
    _check_members(kind, protocol=Protocol, port=Port, vpc=VpcId)
    check = _checked(kind, None, {
        "is_on": HealthCheckEnabled, "interval_s": HealthCheckIntervalSeconds, "timeout_s": HealthCheckTimeoutSeconds,
        "healthy": HealthyThresholdCount, "unhealthy": UnhealthyThresholdCount, "path": HealthCheckPath, "protocol": HealthCheckProtocol,
        "port": HealthCheckPort, "codes": _codes(Matcher),
    })  # fmt: skip
    tags = tag.checked(Tags)
    if VpcId is not None and not network.vpc_exists(call, VpcId):
        raise ValidationError(f"The VPC ID '{VpcId}' is not found")
    arn = call.arn(f"targetgroup/{Name}/{call.ids.hex(16)}", PREFIX)
    wanted = TargetGroup(
        arn=arn, name=Name, kind=kind, created=call.now(), check=check, protocol=Protocol or "", port=Port or 0, vpc=VpcId or "", tags=tags
    )
    return {"TargetGroups": [shown(call, call.atomically(lambda: _made(call, wanted)))]}


def _made(call: Call, wanted: TargetGroup) -> TargetGroup:
    shelf = call.shelf(TargetGroup)
    for each in shelf.values():
        if each.name == wanted.name:
            if changed(wanted, arn=each.arn, created=each.created, targets=each.targets, attributes=each.attributes) != each:
                raise DuplicateTargetGroupNameException(f"A target group with the same name '{wanted.name}' exists, but with different settings")
            return each
    if len(shelf) >= LIMITS["target-groups"]:
        raise TooManyTargetGroupsException("The maximum number of target groups has been reached")
    shelf[wanted.arn] = wanted
    return wanted


def ModifyTargetGroup(
    call: Call,
    *,
    TargetGroupArn: str,
    HealthCheckProtocol: str | None = None,
    HealthCheckPort: str | None = None,
    HealthCheckPath: str | None = None,
    HealthCheckEnabled: bool | None = None,
    HealthCheckIntervalSeconds: int | None = None,
    HealthCheckTimeoutSeconds: int | None = None,
    HealthyThresholdCount: int | None = None,
    UnhealthyThresholdCount: int | None = None,
    Matcher: dict | None = None,
) -> dict:
    held = existing(call, TargetGroupArn)
    check = _checked(held.kind, held.check, {
        "is_on": HealthCheckEnabled, "interval_s": HealthCheckIntervalSeconds, "timeout_s": HealthCheckTimeoutSeconds,
        "healthy": HealthyThresholdCount, "unhealthy": UnhealthyThresholdCount, "path": HealthCheckPath, "protocol": HealthCheckProtocol,
        "port": HealthCheckPort, "codes": _codes(Matcher),
    })  # fmt: skip
    return {"TargetGroups": [shown(call, keep(call, held, check=check))]}


def DeleteTargetGroup(call: Call, *, TargetGroupArn: str) -> None:
    """To delete one that is gone is no error."""
    if TargetGroupArn not in call.shelf(TargetGroup):
        if ":targetgroup/" not in TargetGroupArn:
            raise ValidationError(f"'{TargetGroupArn}' is not a valid target group ARN")
        return
    if used_by(call, TargetGroupArn):
        # As seen of AWS: https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/3037
        raise ResourceInUseException(f"Target group '{TargetGroupArn}' is currently in use by a listener or a rule")
    del call.shelf(TargetGroup)[TargetGroupArn]


def DescribeTargetGroups(
    call: Call, *, LoadBalancerArn: str | None = None, TargetGroupArns: list[str] | None = None, Names: list[str] | None = None
) -> dict:
    held = call.shelf(TargetGroup)
    if sum(map(bool, (LoadBalancerArn, TargetGroupArns, Names))) > 1:
        raise ValidationError("Target group names, target group ARNs, and a load balancer ARN cannot be specified at the same time")
    found = sorted(held.values(), key=lambda each: each.name)
    if LoadBalancerArn:
        balancer_existing(call, LoadBalancerArn)
        found = [each for each in found if LoadBalancerArn in used_by(call, each.arn)]
    elif TargetGroupArns:
        if any(arn not in held for arn in TargetGroupArns):
            raise TargetGroupNotFoundException
        found = [held[arn] for arn in TargetGroupArns]
    elif Names:
        if {each.name for each in found}.issuperset(Names):
            found = [each for each in found if each.name in Names]
        else:
            raise TargetGroupNotFoundException
    return {"TargetGroups": [shown(call, each) for each in found]}


def DescribeTargetGroupAttributes(call: Call, *, TargetGroupArn: str) -> dict:
    held = existing(call, TargetGroupArn)
    return {"Attributes": attribute.shown(held.known_attributes, held.attributes)}


def ModifyTargetGroupAttributes(call: Call, *, TargetGroupArn: str, Attributes: list[dict]) -> dict:
    held = existing(call, TargetGroupArn)
    attribute.check_stickiness(held.protocol, Attributes)
    laid = attribute.laid(held.known_attributes, held.attributes, Attributes, "Target group")
    attribute.check_group(laid)
    return {"Attributes": attribute.shown(held.known_attributes, keep(call, held, attributes=laid).attributes)}
