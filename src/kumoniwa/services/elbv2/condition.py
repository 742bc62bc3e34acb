"""Conditions of rules: what may be asked of a request, how AWS tells it again, and whether a request meets it.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from kumoniwa.kernel.errors import NotImplementedHere, ValidationError
from kumoniwa.languages.policy_pattern import glob, literal
from kumoniwa.services.elbv2.limit import LIMITS
from kumoniwa.services.elbv2.visit import Visit

_CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
_PLAIN = ("host-header", "path-pattern")
"""Those whose values may stand in the condition itself."""
_ONCE = ("host-header", "path-pattern", "http-request-method", "source-ip")
"""Those of which a rule has one at most."""
VALUE_LENGTH_MAX, NAME_LENGTH_MAX = 128, 40
_METHOD = re.compile(r"[A-Z_-]+")
Fits = Callable[[Visit], bool]


def checked(conditions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Conditions as they are kept and told."""
    if not conditions:
        raise ValidationError("Conditions must be specified")
    kept = [_checked(each) for each in conditions]
    for field in _ONCE:
        if sum(each["Field"] == field for each in kept) > 1:
            raise ValidationError(f"Rules cannot have more than one condition of type '{field}'")
    values = [value for each in kept for value in each[_CONFIGS[each["Field"]]]["Values"]]
    if len(values) > LIMITS["condition-values-per-alb-rule"]:
        raise ValidationError(f"The rule has too many condition values; the limit is '{LIMITS['condition-values-per-alb-rule']}'")
    texts = [text for value in values for text in (value.values() if isinstance(value, dict) else (value,))]
    if sum(text.count("*") + text.count("?") for text in texts) > LIMITS["condition-wildcards-per-alb-rule"]:
        raise ValidationError(f"The rule has too many wildcards; the limit is '{LIMITS['condition-wildcards-per-alb-rule']}'")
    return kept


def _checked(said: dict[str, Any]) -> dict[str, Any]:
    field = said.get("Field")
    if field not in _CONFIGS:
        raise ValidationError(f"Condition field '{field}' must be one of '[{', '.join(_CONFIGS)}]'")
    member = _CONFIGS[field]
    for other in _CONFIGS.values():
        if other in said and other != member:
            raise ValidationError(f"The '{other}' field is not compatible with '{field}'")
    config = said.get(member) or {}
    if said.get("RegexValues") or config.get("RegexValues"):
        raise NotImplementedHere("regular expressions in conditions of load balancers")
    if "Values" in said and field not in _PLAIN:
        raise ValidationError(f"The 'Values' field is not compatible with '{field}'")
    if field not in _PLAIN and member not in said:
        raise ValidationError(f"A '{member}' must be specified with '{field}'")
    if said.get("Values") and config.get("Values"):
        raise ValidationError(f"You cannot provide both Values and '{member}' for a condition of type '{field}'")
    if len(said.get("Values") or ()) > 1:
        raise ValidationError(f"The '{field}' field contains too many values; the limit is '1'")
    values = config.get("Values") or said.get("Values")
    if not values:
        raise ValidationError("A 'source-ip' value must be specified" if field == "source-ip" else "A condition value must be specified")
    if field == "query-string":
        return {"Field": field, member: {"Values": [_pair(each) for each in values]}}
    for value in values:
        _check_value(field, value)
    if field == "http-header":
        name = config.get("HttpHeaderName") or ""
        if not name:
            raise ValidationError("A 'HttpHeaderName' must be specified in 'HttpHeaderConfig'")
        if len(name) > NAME_LENGTH_MAX:
            raise ValidationError(f"The 'HttpHeaderName' value is too long; the limit is '{NAME_LENGTH_MAX}'")
        if name.lower() == "host":
            raise ValidationError("The 'HttpHeaderName' value 'host' is not supported; use a 'host-header' condition")
        return {"Field": field, member: {"HttpHeaderName": name, "Values": list(values)}}
    return {"Field": field, **({"Values": list(values)} if field in _PLAIN else {}), member: {"Values": list(values)}}


def _pair(said: dict[str, str]) -> dict[str, str]:
    if "Value" not in said:
        raise ValidationError("A 'Value' must be specified in 'QueryStringKeyValuePair'")
    for member in ("Key", "Value"):
        if len(said.get(member) or "") > VALUE_LENGTH_MAX:
            raise ValidationError(f"The '{member}' value is too long; the limit is '{VALUE_LENGTH_MAX}'")
    return {member: said[member] for member in ("Key", "Value") if said.get(member)}


def _check_value(field: str, value: str) -> None:
    limit = NAME_LENGTH_MAX if field == "http-request-method" else VALUE_LENGTH_MAX
    if len(value) > limit:
        raise ValidationError(f"The '{field}' value is too long; the limit is '{limit}'")
    if field == "http-request-method" and not _METHOD.fullmatch(value):
        raise ValidationError("The 'http-request-method' value is invalid; the allowed characters are A-Z, hyphen and underscore")
    if field == "source-ip":
        try:
            ipaddress.ip_network(value)
        except ValueError:
            raise ValidationError(f"The 'source-ip' value '{value}' is not a valid CIDR block") from None


def hosts_of(conditions: list[dict[str, Any]]) -> list[str]:
    """The host names that conditions ask for."""
    return [value for each in conditions if each["Field"] == "host-header" for value in each["HostHeaderConfig"]["Values"]]


# Whether a request meets them ---------------------------------------------------------------------------------------


def _pattern(value: str) -> Callable[[str], bool]:
    """``*`` and ``?`` stand for other characters, unless a backslash stands before them."""
    return glob(value.replace("\\*", literal("*")).replace("\\?", literal("?")))


def compiled(conditions: list[dict[str, Any]]) -> Fits:
    fits = [_MADE[each["Field"]](each[_CONFIGS[each["Field"]]]) for each in conditions]
    return lambda visit: all(one(visit) for one in fits)


def _host(config: dict[str, Any]) -> Fits:
    patterns = [_pattern(value.lower()) for value in config["Values"]]
    return lambda visit: any(one(visit.host) for one in patterns)


def _path(config: dict[str, Any]) -> Fits:
    """Letter for letter, and not what stands behind the question mark."""
    patterns = [_pattern(value) for value in config["Values"]]
    return lambda visit: any(one(visit.request.path) for one in patterns)


def _header(config: dict[str, Any]) -> Fits:
    name, patterns = config["HttpHeaderName"].lower(), [_pattern(value.lower()) for value in config["Values"]]

    def fits(visit: Visit) -> bool:
        said = visit.request.headers.get(name)
        return said is not None and any(one(said.lower()) for one in patterns)

    return fits


def _method(config: dict[str, Any]) -> Fits:
    methods = frozenset(config["Values"])
    return lambda visit: visit.request.method in methods


def _query(config: dict[str, Any]) -> Fits:
    patterns = [(_pattern(each["Key"].lower()) if "Key" in each else None, _pattern(each.get("Value", "").lower())) for each in config["Values"]]

    def fits(visit: Visit) -> bool:
        if not visit.request.query:
            return False
        pairs = [part.partition("=") for part in visit.request.query.lower().split("&")]
        said = [(unquote_plus(key), unquote_plus(value)) for key, _, value in pairs]
        return any((key is None or key(name)) and one(text) for key, one in patterns for name, text in said)

    return fits


def _source(config: dict[str, Any]) -> Fits:
    """Of the connection, whatever X-Forwarded-For says."""
    networks = [ipaddress.ip_network(value) for value in config["Values"]]

    def fits(visit: Visit) -> bool:
        address = ipaddress.ip_address(visit.client)
        return any(address in network for network in networks)

    return fits


_MADE: dict[str, Callable[[dict[str, Any]], Fits]] = {
    "host-header": _host,
    "path-pattern": _path,
    "http-header": _header,
    "http-request-method": _method,
    "query-string": _query,
    "source-ip": _source,
}
