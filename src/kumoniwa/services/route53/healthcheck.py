"""Health checks as the control plane keeps them: what is to be probed, how often, and from where.

Probing is the data plane's; what it found is asked of it. Addresses of this machine may be probed, which AWS could not reach.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from kumoniwa.gate.address import EDGE
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed, pack
from kumoniwa.services.route53 import page, publication
from kumoniwa.services.route53.errors import (
    HealthCheckAlreadyExists,
    HealthCheckInUse,
    HealthCheckVersionMismatch,
    InvalidInput,
    NoSuchHealthCheck,
    TooManyHealthChecks,
)

CHECKS_MAX = 200
CHILDREN_MAX = 255
ENDPOINT_TYPES = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")
ON_ALARM = "CLOUDWATCH_METRIC"
UNBUILT_TYPES = ("RECOVERY_CONTROL",)
"""Their health is another service's word, which does not stand yet: a check that never changed would be worse than none."""
RANGES = {
    "us-east-1": ("54.243.31.192/26", "107.23.255.0/26"),
    "us-west-1": ("54.183.255.128/26", "54.241.32.64/26"),
    "us-west-2": ("54.244.52.192/26", "54.245.168.0/26"),
    "eu-west-1": ("54.228.16.0/26", "176.34.159.192/26"),
    "ap-southeast-1": ("54.251.31.128/26", "54.255.254.192/26"),
    "ap-southeast-2": ("54.252.79.128/26", "54.252.254.192/26"),
    "ap-northeast-1": ("54.248.220.0/26", "54.250.253.192/26"),
    "sa-east-1": ("54.232.40.64/26", "177.71.207.128/26"),
}
"""The regions that check, and where AWS's checkers come from: service ROUTE53_HEALTHCHECKS in
https://ip-ranges.amazonaws.com/ip-ranges.json. Ours come from this machine and bear one of the addresses in what they report."""
_ENDPOINT_ONLY = {
    "IPAddress": "an IP address", "Port": "a port", "ResourcePath": "a resource path", "FullyQualifiedDomainName": "a fully qualified domain name",
    "SearchString": "a search string", "RequestInterval": "a request interval", "FailureThreshold": "a failure threshold",
    "MeasureLatency": "latency measurement", "EnableSNI": "SNI", "Regions": "regions",
}  # fmt: skip


class HealthCheck(Record):
    id: str
    caller_reference: str
    created: float
    config: dict[str, Any]
    """AWS's HealthCheckConfig with its defaults filled in."""
    asked: dict[str, Any]
    """What the creating request said, by which its repetition is known."""
    version: int = 1
    tags: dict[str, str] = {}


def find(call: Call, check_id: str) -> HealthCheck:
    found = call.shelf(HealthCheck).get(check_id)
    if found is None:
        raise NoSuchHealthCheck.of(check_id)
    return found


def _shown(check: HealthCheck) -> dict:
    return {"Id": check.id, "CallerReference": check.caller_reference, "HealthCheckConfig": check.config, "HealthCheckVersion": check.version}


def _keep(call: Call, check: HealthCheck) -> dict:
    call.shelf(HealthCheck)[check.id] = check
    publication.publish(call, ("check", check.id, pack(check)))
    return _shown(check)


def CreateHealthCheck(call: Call, *, CallerReference: str, HealthCheckConfig: dict) -> Any:
    """Asked again with the same reference and settings, it answers the check that it made."""
    held = call.shelf(HealthCheck)
    same = next((each for each in held.values() if each.caller_reference == CallerReference), None)
    if same is not None:
        if same.asked != HealthCheckConfig:
            raise HealthCheckAlreadyExists
        return {"HealthCheck": _shown(same), "Location": _location(same)}
    config = _whole(HealthCheckConfig)
    _check(call, config, "")
    if len(held) >= CHECKS_MAX:
        raise TooManyHealthChecks
    made = HealthCheck(id=call.new_id(), caller_reference=CallerReference, created=call.now(), config=config, asked=HealthCheckConfig)
    return _kept(call, made, lambda shown: {"HealthCheck": shown, "Location": _location(made)}, asks_alarm=True)


def _kept(call: Call, check: HealthCheck, reply: Callable[[dict], dict], *, asks_alarm: bool) -> Any:
    """Answers the reply, or a coroutine of it where an alarm must be asked for first."""
    if asks_alarm and check.config["Type"] == ON_ALARM:
        return _kept_on_alarm(call, check, reply)
    return reply(_keep(call, check))


async def _check_alarm(call: Call, config: dict[str, Any]) -> None:
    """An alarm must be there when a check is made of it, and watch a metric by a plain statistic."""
    named = config["AlarmIdentifier"]
    found = await call.ask("cloudwatch:DescribeAlarms", to_region=named["Region"], AlarmNames=[named["Name"]])
    if not found["MetricAlarms"]:
        raise InvalidInput(f"Invalid parameter : The CloudWatch alarm {named['Name']} does not exist in the region {named['Region']}.")
    if "Statistic" not in found["MetricAlarms"][0]:
        raise InvalidInput("Invalid parameter : Health checks of type CLOUDWATCH_METRIC need an alarm on one metric with a standard statistic.")


async def _kept_on_alarm(call: Call, check: HealthCheck, reply: Callable[[dict], dict]) -> dict:
    await _check_alarm(call, check.config)
    return reply(call.atomically(lambda: _keep(call, check)))


def _location(check: HealthCheck) -> str:
    return f"https://route53.amazonaws.com/2013-04-01/healthcheck/{check.id}"


def _whole(said: dict[str, Any]) -> dict[str, Any]:
    """A configuration with what AWS fills in."""
    kind, config = said["Type"], {"Inverted": False, "Disabled": False, **said}
    if kind == ON_ALARM:
        return {"InsufficientDataHealthStatus": "LastKnownStatus", **config}
    if kind not in ENDPOINT_TYPES:
        return config
    is_tls = kind.startswith("HTTPS")
    config = {"RequestInterval": 30, "FailureThreshold": 3, "MeasureLatency": False, "EnableSNI": is_tls, **config}
    if kind != "TCP" and "Port" not in config:
        config["Port"] = 443 if is_tls else 80
    return config


def _check(call: Call, config: dict[str, Any], own_id: str) -> None:
    """Raise what Route 53 has against a configuration."""
    kind = config["Type"]
    if kind in UNBUILT_TYPES:
        raise NotImplementedHere(f"route53:CreateHealthCheck(HealthCheckConfig.Type={kind})")
    if kind == "CALCULATED":
        _check_calculated(call, config, own_id)
        return
    if kind == ON_ALARM:
        for member, what in _ENDPOINT_ONLY.items():
            if member in config:
                raise InvalidInput(f"Invalid parameter : CloudWatch metric health checks must not have {what} specified.")
        if "AlarmIdentifier" not in config:
            raise InvalidInput("Invalid parameter : CloudWatch metric health checks must have an alarm identifier specified.")
        return
    if "AlarmIdentifier" in config:
        # https://github.com/aws/aws-cli/issues/3188
        raise InvalidInput("Invalid parameter : Basic health checks must not have an metric region specified.",
                           hint="AlarmIdentifier belongs to checks of type CLOUDWATCH_METRIC; leave it out.")  # fmt: skip
    if "InsufficientDataHealthStatus" in config:
        raise InvalidInput("Invalid parameter : Basic health checks must not have an insufficient data health state specified.")
    if "ChildHealthChecks" in config or "HealthThreshold" in config:
        raise InvalidInput("Invalid parameter : Basic health checks must not have child health checks specified.")
    if config["MeasureLatency"]:
        # What it measures are metrics, which nobody could read yet.
        raise NotImplementedHere("route53:CreateHealthCheck(HealthCheckConfig.MeasureLatency=true)")
    if "IPAddress" not in config and not config.get("FullyQualifiedDomainName"):
        raise InvalidInput("Invalid parameter : Either an IP address or a fully qualified domain name must be specified.")
    if "Port" not in config:
        raise InvalidInput("Invalid parameter : TCP health checks must have a port specified.")
    if config["RequestInterval"] not in (10, 30):
        raise InvalidInput(f"Invalid parameter : Request interval must be 10 or 30, but was {config['RequestInterval']}.")
    if ("SearchString" in config) != kind.endswith("_STR_MATCH"):
        how = "must have" if kind.endswith("_STR_MATCH") else "must not have"
        raise InvalidInput(f"Invalid parameter : Health checks of type {kind} {how} a search string specified.")
    if kind == "TCP" and "ResourcePath" in config:
        raise InvalidInput("Invalid parameter : TCP health checks must not have a resource path specified.")
    if "IPAddress" in config:
        _check_address(config["IPAddress"])


def _check_address(text: str) -> None:
    """Route 53 can reach public addresses only; of the others we can reach this machine's.
    https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html"""
    address = ipaddress.ip_address(text)
    if address.is_loopback or address.is_global:
        return
    raise InvalidInput(f"Invalid parameter : The IP address {text} is in a local, private, non-routable, or multicast range.")


def _check_calculated(call: Call, config: dict[str, Any], own_id: str) -> None:
    for member, what in _ENDPOINT_ONLY.items():
        if member in config:
            raise InvalidInput(f"Invalid parameter : Calculated health checks must not have {what} specified.")
    if "HealthThreshold" not in config:
        raise InvalidInput("Invalid parameter : Calculated health checks must have a health threshold specified.")
    held = call.shelf(HealthCheck)
    for child in config.get("ChildHealthChecks", ()):
        if child not in held:
            raise InvalidInput(f"Invalid parameter : The child health check {child} does not exist.")
        if child == own_id or held[child].config["Type"] == "CALCULATED":
            raise NotImplementedHere("calculated health checks of calculated ones")


def GetHealthCheck(call: Call, *, HealthCheckId: str) -> dict:
    return {"HealthCheck": _shown(find(call, HealthCheckId))}


def ListHealthChecks(call: Call, *, Marker: str | None = None, MaxItems: str | None = None) -> dict:
    found = sorted(call.shelf(HealthCheck).values(), key=lambda check: (check.created, check.id))
    return page.page("HealthChecks", found, lambda check: check.id, _shown, Marker, MaxItems)


def GetHealthCheckCount(call: Call) -> dict:
    return {"HealthCheckCount": len(call.shelf(HealthCheck))}


def UpdateHealthCheck(
    call: Call,
    *,
    HealthCheckId: str,
    HealthCheckVersion: int | None = None,
    IPAddress: str | None = None,
    Port: int | None = None,
    ResourcePath: str | None = None,
    FullyQualifiedDomainName: str | None = None,
    SearchString: str | None = None,
    FailureThreshold: int | None = None,
    Inverted: bool | None = None,
    Disabled: bool | None = None,
    HealthThreshold: int | None = None,
    ChildHealthChecks: list[str] | None = None,
    EnableSNI: bool | None = None,
    Regions: list[str] | None = None,
    AlarmIdentifier: dict | None = None,
    InsufficientDataHealthStatus: str | None = None,
    ResetElements: list[str] | None = None,
) -> Any:
    """What is said replaces what was; what ResetElements names goes back to its default."""
    check = find(call, HealthCheckId)
    if HealthCheckVersion is not None and HealthCheckVersion != check.version:
        raise HealthCheckVersionMismatch
    said = {
        "IPAddress": IPAddress, "Port": Port, "ResourcePath": ResourcePath, "FullyQualifiedDomainName": FullyQualifiedDomainName,
        "SearchString": SearchString, "FailureThreshold": FailureThreshold, "Inverted": Inverted, "Disabled": Disabled,
        "HealthThreshold": HealthThreshold, "ChildHealthChecks": ChildHealthChecks, "EnableSNI": EnableSNI, "Regions": Regions,
        "AlarmIdentifier": AlarmIdentifier, "InsufficientDataHealthStatus": InsufficientDataHealthStatus,
    }  # fmt: skip
    kept = {member: value for member, value in check.config.items() if member not in (ResetElements or ())}
    config = _whole({**kept, **{member: value for member, value in said.items() if value is not None}})
    _check(call, config, check.id)
    after = changed(check, config=config, version=check.version + 1)
    return _kept(call, after, lambda shown: {"HealthCheck": shown}, asks_alarm=AlarmIdentifier is not None)


def DeleteHealthCheck(call: Call, *, HealthCheckId: str) -> dict:
    """Records may go on naming a check that is gone; they count as healthy. A calculated check that counts it must go first."""
    check = find(call, HealthCheckId)
    if any(check.id in each.config.get("ChildHealthChecks", ()) for each in call.shelf(HealthCheck).values()):
        raise HealthCheckInUse(f"The health check {check.id} is a child of a calculated health check.")
    del call.shelf(HealthCheck)[check.id]
    publication.publish(call, ("check", check.id, None))
    return {}


# What the checkers say ------------------------------------------------------------------------------------


async def _observations(call: Call, check_id: str, which: str) -> dict:
    check = find(call, check_id)
    if check.config["Type"] in ("CALCULATED", ON_ALARM):
        raise InvalidInput("Invalid parameter : The status of calculated and metric health checks cannot be asked for.",
                           hint="Its state is told by the `health` events of /_kumoniwa/events.")  # fmt: skip
    found = await call.home.exchange(EDGE, "route53", {"ask": which, "account": call.account, "check": check.id})
    return {"HealthCheckObservations": found}


async def GetHealthCheckStatus(call: Call, *, HealthCheckId: str) -> dict:
    return await _observations(call, HealthCheckId, "status")


async def GetHealthCheckLastFailureReason(call: Call, *, HealthCheckId: str) -> dict:
    return await _observations(call, HealthCheckId, "failure")


def GetCheckerIpRanges(call: Call) -> dict:
    return {"CheckerIpRanges": [block for blocks in RANGES.values() for block in blocks]}
