"""Attributes: what can be set of balancers, listeners and target groups beside what they are made with.

Each says what its values may be and what it is until somebody sets it. One whose other values nothing here would obey takes the first alone.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kumoniwa.kernel.errors import NotImplementedHere, ValidationError
from kumoniwa.services.elbv2.errors import InvalidConfigurationRequestException


class Attribute(NamedTuple):
    default: str
    check: Callable[[str, str], None]


def _truth(key: str, value: str) -> None:
    if value not in ("true", "false"):
        raise ValidationError(f"'{key}' value '{value}' must be one of [true, false]")


def _between(least: int, most: int) -> Callable[[str, str], None]:
    def check(key: str, value: str) -> None:
        if not re.fullmatch(r"\d{1,9}", value) or not least <= int(value) <= most:
            raise ValidationError(f"'{key}' value '{value}' must be between '{least}-{most}' inclusive")

    return check


def _one_of(*values: str) -> Callable[[str, str], None]:
    def check(key: str, value: str) -> None:
        if value not in values:
            raise ValidationError(f"'{key}' value '{value}' must be one of [{', '.join(values)}]")

    return check


def _text(key: str, value: str) -> None:
    """Any text."""


def _fixed(default: str) -> Attribute:
    def check(key: str, value: str) -> None:
        if value != default:
            raise NotImplementedHere(f"{key} = {value} of load balancers")

    return Attribute(default, check)


OF_BALANCERS = {
    "deletion_protection.enabled": Attribute("false", _truth),
    "access_logs.s3.enabled": Attribute("false", _truth),
    "access_logs.s3.bucket": Attribute("", _text),
    "access_logs.s3.prefix": Attribute("", _text),
    "connection_logs.s3.enabled": _fixed("false"),
    "connection_logs.s3.bucket": Attribute("", _text),
    "connection_logs.s3.prefix": Attribute("", _text),
    "idle_timeout.timeout_seconds": Attribute("60", _between(1, 4_000)),
    "client_keep_alive.seconds": _fixed("3600"),
    "ipv6.deny_all_igw_traffic": Attribute("false", _truth),
    "load_balancing.cross_zone.enabled": _fixed("true"),
    "routing.http.desync_mitigation_mode": _fixed("defensive"),
    "routing.http.drop_invalid_header_fields.enabled": Attribute("false", _truth),
    "routing.http.preserve_host_header.enabled": Attribute("false", _truth),
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": Attribute("false", _truth),
    "routing.http.xff_client_port.enabled": Attribute("false", _truth),
    "routing.http.xff_header_processing.mode": Attribute("append", _one_of("append", "preserve", "remove")),
    "routing.http2.enabled": Attribute("true", _truth),
    "waf.fail_open.enabled": Attribute("false", _truth),
    "zonal_shift.config.enabled": _fixed("false"),
}

ANSWERED = {
    f"routing.http.response.{name}.header_value": header
    for name, header in (
        ("strict_transport_security", "Strict-Transport-Security"),
        ("access_control_allow_origin", "Access-Control-Allow-Origin"),
        ("access_control_allow_methods", "Access-Control-Allow-Methods"),
        ("access_control_allow_headers", "Access-Control-Allow-Headers"),
        ("access_control_allow_credentials", "Access-Control-Allow-Credentials"),
        ("access_control_expose_headers", "Access-Control-Expose-Headers"),
        ("access_control_max_age", "Access-Control-Max-Age"),
        ("content_security_policy", "Content-Security-Policy"),
        ("x_content_type_options", "X-Content-Type-Options"),
        ("x_frame_options", "X-Frame-Options"),
    )
}
"""Headers that a listener lays over every answer.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/header-modification.html"""
SERVER = "routing.http.response.server.enabled"
OF_LISTENERS = {SERVER: Attribute("true", _truth), **{key: Attribute("", _text) for key in ANSWERED}}

DELAY, MULTI_VALUE = "deregistration_delay.timeout_seconds", "lambda.multi_value_headers.enabled"
_HEALTHY = {
    "target_group_health.dns_failover.minimum_healthy_targets.count": _fixed("1"),
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": _fixed("off"),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": Attribute("1", _between(1, 1_000)),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": _fixed("off"),
}
OF_TARGET_GROUPS = {
    DELAY: Attribute("300", _between(0, 3_600)),
    "stickiness.enabled": Attribute("false", _truth),
    "stickiness.type": Attribute("lb_cookie", _one_of("lb_cookie", "app_cookie")),
    "stickiness.lb_cookie.duration_seconds": Attribute("86400", _between(1, 604_800)),
    "stickiness.app_cookie.cookie_name": Attribute("", _text),
    "stickiness.app_cookie.duration_seconds": Attribute("86400", _between(1, 604_800)),
    "load_balancing.algorithm.type": Attribute("round_robin", _one_of("round_robin", "least_outstanding_requests", "weighted_random")),
    "load_balancing.algorithm.anomaly_mitigation": _fixed("off"),
    "load_balancing.cross_zone.enabled": _fixed("use_load_balancer_configuration"),
    "slow_start.duration_seconds": Attribute("0", _text),
    **_HEALTHY,
}
OF_FUNCTIONS = {MULTI_VALUE: Attribute("false", _truth), **_HEALTHY}


def shown(known: Mapping[str, Attribute], held: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": held.get(key, each.default)} for key, each in known.items()]


def laid(known: Mapping[str, Attribute], held: Mapping[str, str], said: list[dict[str, Any]], whose: str) -> dict[str, str]:
    """What is held, with what is said over it."""
    found = dict(held)
    for each in said:
        key, value = each.get("Key", ""), each.get("Value", "")
        if key not in known:
            raise ValidationError(f"{whose} attribute key '{key}' is not recognized")
        known[key].check(key, value)
        found[key] = value
    return found


def check_stickiness(protocol: str, said: list[dict[str, Any]]) -> None:
    """AWS has words of its own for the kinds of stickiness that are other balancers'."""
    kind = next((each.get("Value") for each in said if each.get("Key") == "stickiness.type"), "lb_cookie")
    if kind == "source_ip" and protocol:
        raise InvalidConfigurationRequestException(f"Stickiness type 'source_ip' is not supported for target groups with the {protocol} protocol")
    if kind not in ("lb_cookie", "app_cookie"):
        raise ValidationError("'Stickiness type' must be one of [app_cookie, lb_cookie, source_ip]")


def check_group(attributes: Mapping[str, str]) -> None:
    """What the attributes of a target group say together."""
    start = attributes.get("slow_start.duration_seconds", "0")
    if start != "0":
        _between(30, 900)("slow_start.duration_seconds", start)
        if attributes.get("load_balancing.algorithm.type", "round_robin") != "round_robin":
            raise InvalidConfigurationRequestException("You cannot enable slow start on target groups that do not use the round robin algorithm")
    if attributes.get("stickiness.type") == "app_cookie":
        name = attributes.get("stickiness.app_cookie.cookie_name", "")
        if not name:
            raise InvalidConfigurationRequestException("You must set an application cookie name to enable stickiness of type 'app_cookie'")
        if name.startswith(("AWSALB", "AWSALBAPP", "AWSALBTG")):
            raise InvalidConfigurationRequestException(f"The cookie name '{name}' is reserved for use by the load balancer")
