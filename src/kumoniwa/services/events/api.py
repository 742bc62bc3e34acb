"""The operations of EventBridge."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.api_destination import ApiDestination
from kumoniwa.gate.connection import Connection
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.events import bus as buses
from kumoniwa.services.events import rule as rules
from kumoniwa.services.events.archive import (
    CreateArchive,
    DeleteArchive,
    DescribeArchive,
    ListArchives,
    UpdateArchive,
)
from kumoniwa.services.events.bill import CALLER_PAYS, uses_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.events.bus import (
    CreateEventBus,
    DescribeEventBus,
    ListEventBuses,
    PutPermission,
    RemovePermission,
    policy_of,
)
from kumoniwa.services.events.connection import (
    CreateConnection,
    DeauthorizeConnection,
    DeleteConnection,
    DescribeConnection,
    ListConnections,
    UpdateConnection,
)
from kumoniwa.services.events.destination import (
    CreateApiDestination,
    DeleteApiDestination,
    DescribeApiDestination,
    ListApiDestinations,
    UpdateApiDestination,
)
from kumoniwa.services.events.endpoint import (
    CreateEndpoint,
    DeleteEndpoint,
    DescribeEndpoint,
    ListEndpoints,
    UpdateEndpoint,
)
from kumoniwa.services.events.errors import ResourceNotFoundException, ValidationException
from kumoniwa.services.events.event import PutEvents, TestEventPattern
from kumoniwa.services.events.replay import CancelReplay, DescribeReplay, ListReplays, StartReplay
from kumoniwa.services.events.rule import (
    DeleteEventBus,
    DeleteRule,
    DescribeRule,
    DisableRule,
    EnableRule,
    ListRuleNamesByTarget,
    ListRules,
    PutRule,
    UpdateEventBus,
)
from kumoniwa.services.events.stored import standing_of  # noqa: F401 (the gate's hook)
from kumoniwa.services.events.target import ListTargetsByRule, PutTargets, RemoveTargets

__all__ = [
    "CancelReplay",
    "CreateApiDestination",
    "CreateArchive",
    "CreateConnection",
    "CreateEndpoint",
    "CreateEventBus",
    "DeauthorizeConnection",
    "DeleteApiDestination",
    "DeleteArchive",
    "DeleteConnection",
    "DeleteEndpoint",
    "DeleteEventBus",
    "DeleteRule",
    "DescribeApiDestination",
    "DescribeArchive",
    "DescribeConnection",
    "DescribeEndpoint",
    "DescribeEventBus",
    "DescribeReplay",
    "DescribeRule",
    "DisableRule",
    "EnableRule",
    "ListApiDestinations",
    "ListArchives",
    "ListConnections",
    "ListEndpoints",
    "ListEventBuses",
    "ListReplays",
    "ListRuleNamesByTarget",
    "ListRules",
    "ListTargetsByRule",
    "PutEvents",
    "PutPermission",
    "PutRule",
    "PutTargets",
    "RemovePermission",
    "RemoveTargets",
    "StartReplay",
    "TestEventPattern",
    "UpdateApiDestination",
    "UpdateArchive",
    "UpdateConnection",
    "UpdateEndpoint",
    "UpdateEventBus",
    "policy_of",
]

_OF_RULES = frozenset(
    {"PutRule", "DescribeRule", "DeleteRule", "EnableRule", "DisableRule", "PutTargets", "RemoveTargets", "ListTargetsByRule"}
)
_OF_NOTHING = frozenset(
    {
        "ListEventBuses", "TestEventPattern", "ListRules", "ListRuleNamesByTarget", "ListArchives", "ListReplays", "ListConnections",
        "ListApiDestinations", "ListEndpoints",
    }
)  # fmt: skip


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str | None:
    """The account of the buses that a call names, if it is one. Entries for several accounts are parted later."""
    _check_region(call, params)
    if operation == "PutEvents":
        owners = {_account(call, entry.get("EventBusName")) for entry in _entries(params)}
        return owners.pop() if len(owners) == 1 else _account(call, None)
    if "ResourceARN" in params:
        return _account(call, params["ResourceARN"])
    return _account(call, params.get("EventBusName") or params.get("Name"))


_NAMING = ("ResourceARN", "EventBusName", "Name", "EventSourceArn", "ConnectionArn")


def _check_region(call: Call, params: dict[str, Any]) -> None:
    """EventBridge looks first where a call leads, before it looks who calls. Told of PutRule:
    https://github.com/aws-samples/amazon-eventbridge-resource-policy-samples/issues/10"""
    named = [params.get(name) for name in _NAMING]
    if "Entries" in params and not params.get("EndpointId"):
        named += [entry.get("EventBusName") for entry in _entries(params)]
    if isinstance(params.get("Destination"), dict):
        named.append(params["Destination"].get("Arn"))
    for text in named:
        if type(text) is str and text.startswith("arn:") and (parsed := arns.parse(text)) is not None and parsed.region != call.region:
            if text is params.get("EventSourceArn") and parsed.resource.startswith("event-bus/"):
                # As cdk-preflight saw it of AWS: pf-events-archive-source.
                raise ResourceNotFoundException(f"Event bus {buses.name_in(text)} does not exist.")
            raise ValidationException("Cross-region api call is not allowed.")


def _entries(params: dict[str, Any]) -> list[dict[str, Any]]:
    entries = params.get("Entries")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _account(call: Call, text: Any) -> str:
    named = buses.account_named(text) if isinstance(text, str) else None
    return named if named and len(named) == 12 and named.isascii() and named.isdecimal() else call.account or call.home.settings.account


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html"""
    if operation in _OF_NOTHING:
        return "*"
    if operation == "PutEvents":
        if params.get("EndpointId"):
            return []  # the region that hears them is asked in the caller's name
        names = {buses.name_in(_text(entry.get("EventBusName"))) for entry in _entries(params)} or {buses.DEFAULT}
        return [buses.arn_of(call, name) for name in sorted(names)]
    if "ResourceARN" in params:
        return _text(params["ResourceARN"]) or "*"
    for kind in ("Archive", "Replay"):
        if f"{kind}Name" in params:
            return call.arn(f"{kind.lower()}/{params[f'{kind}Name']}")
    for kind, held, spelled in (("Connection", Connection, "connection"), ("ApiDestination", ApiDestination, "api-destination")):
        if operation.endswith(kind):
            found = call.shelf(held).get(str(params.get("Name")))
            return call.arn(f"{spelled}/{params.get('Name')}/{found.id if found is not None else '*'}")
    if operation.endswith("Endpoint"):
        return call.arn(f"endpoint/{params.get('Name')}")
    bus = buses.name_in(_text(params.get("EventBusName")))
    if operation in _OF_RULES:
        name = params.get("Rule") or params.get("Name")
        return call.arn(f"rule/{name}" if bus == buses.DEFAULT else f"rule/{bus}/{name}")
    return buses.arn_of(call, buses.name_in(_text(params.get("Name"))) if "Name" in params else bus)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


# Tags ----------------------------------------------------------------------------------------------


def _tagged(call: Call, arn: str) -> buses.Bus | rules.Rule:
    parsed = arns.parse(arn)
    kind, _, name = parsed.resource.partition("/") if parsed is not None else ("", "", "")
    if kind == "event-bus":
        return buses.existing(call, name)
    if kind != "rule":
        raise ResourceNotFoundException(f"{arn} does not exist.")
    bus, slash, own = name.rpartition("/")
    return rules.closed(call, own, bus if slash else None)


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _tagged(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    found = [(buses.arn_of(call, name), each.tags) for name, each in call.shelf(buses.Bus).items()]
    return found + [(rules.arn_of(call, each), each.tags) for each in call.shelf(rules.Rule).values()]


def _retag(call: Call, held: buses.Bus | rules.Rule, tags: dict[str, str]) -> None:
    key = held.key if isinstance(held, rules.Rule) else held.name
    call.shelf(type(held))[key] = changed(held, tags=tags)


def TagResource(call: Call, *, ResourceARN: str, Tags: list[dict[str, str]]) -> None:
    held = _tagged(call, ResourceARN)
    _retag(call, held, {**held.tags, **buses.tags_of(Tags)})


def UntagResource(call: Call, *, ResourceARN: str, TagKeys: list[str]) -> None:
    held = _tagged(call, ResourceARN)
    _retag(call, held, {key: value for key, value in held.tags.items() if key not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceARN: str) -> dict:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _tagged(call, ResourceARN).tags.items()]}
