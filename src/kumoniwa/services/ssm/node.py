"""Managed nodes: machines outside AWS that registered by an activation, and what is known of each.

A node is online while its agent is heard: it pings every five minutes, and asks for its messages all the time between. Each message that it
asks for is a sign of life, which is not kept; each ping is. https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ssm import activation as activations
from kumoniwa.services.ssm.errors import InvalidFilterKey, ValidationException

LOST_AFTER_S = 300.0
"""Without a sign of life: as long as the agent takes from one ping to the next. How long AWS waits no source of ours states."""
ONLINE, LOST = "Online", "ConnectionLost"


class InvalidInstanceId(AwsError): ...


class InvalidInstanceInformationFilterValue(AwsError):
    message = "The specified filter value isn't valid."


class Node(Record):
    """Shelved by its id, ``mi-`` and seventeen digits."""

    id: str
    activation: str
    role: str
    registered: float
    public_key: str
    fingerprint: str
    name: str = ""
    tags: dict[str, str] = {}
    pinged: float = 0.0
    said: dict[str, str] = {}
    """What it told of itself, as ``UpdateInstanceInformation`` calls it."""


class Signs:
    """When each node was heard last, in this life of the region."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}


def existing(call: Call, id_: str) -> Node:
    found = call.shelf(Node).get(id_)
    if found is None:
        raise InvalidInstanceId(f"Instance {id_} is not registered.")
    return found


def heard(call: Call, id_: str) -> None:
    call.memory(Signs).at[id_] = call.now()


def last_sign(call: Call, node: Node) -> float:
    return max(node.pinged, call.memory(Signs).at.get(node.id, 0.0))


def status_of(call: Call, node: Node) -> str:
    return ONLINE if call.now() - last_sign(call, node) < LOST_AFTER_S else LOST


def arn_of(call: Call, id_: str) -> str:
    return call.arn(f"managed-instance/{id_}", "ssm")


# Finding -------------------------------------------------------------------------------------------


def meant(call: Call, targets: Iterable[dict[str, Any]]) -> list[Node]:
    """The nodes that all of the targets mean: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Target.html"""
    chosen = list(call.shelf(Node).values())
    for each in targets:
        key, values = each.get("Key") or "", each.get("Values") or []
        if key.startswith("resource-groups:"):
            raise NotImplementedHere(f"targets by {key}")
        if key == "InstanceIds":
            chosen = [node for node in chosen if node.id in values or "*" in values]
        elif key == "tag-key":
            chosen = [node for node in chosen if any(value in node.tags for value in values)]
        elif key.startswith("tag:"):
            chosen = [node for node in chosen if node.tags.get(key[4:]) in values]
        else:
            raise ValidationException(f"The target key {key} isn't valid: targets are named by InstanceIds, tag-key, or tag:NAME.")
    return chosen


def found(call: Call, targets: list[Any]) -> list[Node]:
    """The same before anything is checked: of targets that are none nobody is meant."""
    try:
        return meant(call, [each for each in targets if isinstance(each, dict)])
    except (AwsError, TypeError, AttributeError):
        return []


# Looking -------------------------------------------------------------------------------------------


def _shown(call: Call, node: Node) -> dict[str, Any]:
    """Whether an agent is AWS's newest nobody here can know, so it is not told."""
    said = node.said
    told = {
        "InstanceId": node.id, "PingStatus": status_of(call, node), "LastPingDateTime": last_sign(call, node) or None,
        "AgentVersion": said.get("AgentVersion"), "PlatformType": said.get("PlatformType"), "PlatformName": said.get("PlatformName"),
        "PlatformVersion": said.get("PlatformVersion"), "ActivationId": node.activation, "IamRole": node.role, "RegistrationDate": node.registered,
        "ResourceType": "ManagedInstance", "Name": node.name or None, "IPAddress": said.get("IPAddress"), "ComputerName": said.get("ComputerName"),
        "SourceId": node.id, "SourceType": "AWS::SSM::ManagedInstance",
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


_FIELDS = {
    "InstanceIds": "InstanceId", "AgentVersion": "AgentVersion", "PingStatus": "PingStatus", "PlatformTypes": "PlatformType",
    "ActivationIds": "ActivationId", "IamRole": "IamRole", "ResourceType": "ResourceType", "SourceIds": "SourceId", "SourceTypes": "SourceType",
}  # fmt: skip


def _filtered(call: Call, filters: list[tuple[str, list[str]]]) -> list[dict[str, Any]]:
    by_tag = [key for key, _ in filters if key.startswith("tag")]
    if by_tag and len(by_tag) != len(filters):
        raise InvalidFilterKey("Tag filters can't be combined with other filter types.")
    if by_tag:
        return [_shown(call, node) for node in meant(call, [{"Key": key, "Values": values} for key, values in filters])]
    listed = [_shown(call, node) for node in call.shelf(Node).values()]
    for key, values in filters:
        if key == "AssociationStatus":
            raise NotImplementedHere("the status of associations")
        if key not in _FIELDS:
            raise InvalidFilterKey("The specified key isn't valid.")
        listed = [told for told in listed if told.get(_FIELDS[key]) in values]
    return listed


def DescribeInstanceInformation(
    call: Call, *, InstanceInformationFilterList: list[dict[str, Any]] | None = None, Filters: list[dict[str, Any]] | None = None
) -> dict:
    if InstanceInformationFilterList and Filters:
        raise InvalidInstanceInformationFilterValue("InstanceInformationFilterList and Filters can't be used together.")
    wanted = [(each["Key"], each["Values"]) for each in Filters or ()]
    wanted += [(each["key"], each["valueSet"]) for each in InstanceInformationFilterList or ()]
    listed = _filtered(call, wanted)
    return {"InstanceInformationList": sorted(listed, key=lambda told: (told["RegistrationDate"], told["InstanceId"]))}


def _stands(operator: str, key: str, found: str, value: str) -> bool:
    """Versions alone are less or greater than others."""
    if operator in ("LessThan", "GreaterThan"):
        if key != "AgentVersion":
            raise NotImplementedHere(f"the operator {operator} of the filter {key}")
        seen, wanted = ([int(part) if part.isdecimal() else 0 for part in text.split(".")] for text in (found, value))
        return seen < wanted if operator == "LessThan" else seen > wanted
    if operator == "BeginWith":
        return found.startswith(value)
    return (found == value) == (operator == "Equal")


def DescribeInstanceProperties(
    call: Call, *, InstancePropertyFilterList: list[dict[str, Any]] | None = None, FiltersWithOperator: list[dict[str, Any]] | None = None
) -> dict:
    listed = _filtered(call, [(each["key"], each["valueSet"]) for each in InstancePropertyFilterList or ()])
    for each in FiltersWithOperator or ():
        key, operator = each["Key"], each.get("Operator") or "Equal"
        if key not in _FIELDS:
            raise InvalidFilterKey("The specified key isn't valid.")
        whether = all if operator == "NotEqual" else any
        listed = [told for told in listed if whether(_stands(operator, key, told.get(_FIELDS[key], ""), value) for value in each["Values"])]
    return {"InstanceProperties": sorted(listed, key=lambda told: (told["RegistrationDate"], told["InstanceId"]))}


def UpdateManagedInstanceRole(call: Call, *, InstanceId: str, IamRole: str) -> dict:
    """The agent acts as the new role from its next keys on."""
    node = existing(call, InstanceId)
    activations.check_role(call, IamRole)
    call.shelf(Node)[node.id] = changed(node, role=IamRole)
    return {}
