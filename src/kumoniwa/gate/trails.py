"""Trails: who wants to keep which calls. Made through CloudTrail, replicated like identities, so that every region knows what to record.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.gate import organization as organizations
from kumoniwa.kernel.record import Record

DATA_TYPES = {"s3": "AWS::S3::Object", "lambda": "AWS::Lambda::Function", "dynamodb": "AWS::DynamoDB::Table"}
"""What events of data are called of which services we record them."""
DEFAULT = ({"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": []},)


class Trail(Record):
    """Shelved by its ARN."""

    arn: str
    name: str
    account: str
    home: str
    bucket: str
    prefix: str = ""
    topic: str = ""
    is_multi_region: bool = False
    has_global_events: bool = True
    is_validated: bool = False
    log_group: str = ""
    log_role: str = ""
    key: str = ""
    selectors: tuple[dict[str, Any], ...] = DEFAULT
    advanced: tuple[dict[str, Any], ...] = ()
    tags: dict[str, str] = {}
    organization: str = ""
    """Whose accounts it covers all; nothing for a trail of its account alone."""
    is_logging: bool = False
    started: float = 0.0
    stopped: float = 0.0

    def covers(self, region: str) -> bool:
        return self.is_multi_region or region == self.home


SERVICE = "cloudtrail.amazonaws.com"


def is_of(home: Any, trail: Trail, account: str) -> bool:
    """Whether a trail keeps what is called in an account: in its own, and in those of its organization for as long as that lets CloudTrail in."""
    if trail.account == account:
        return True
    found = organizations.member(home, account) if trail.organization else None
    if found is None or found.organization != trail.organization or found.is_suspended:
        return False
    management = organizations.member(home, found.management)
    return management is not None and SERVICE in management.administers


class Event(NamedTuple):
    """What a selector sees of a call."""

    category: str
    """Management or Data."""
    source: str
    name: str
    is_read_only: bool
    type: str = ""
    arns: tuple[str, ...] = ()


def wants(trail: Trail, event: Event) -> bool:
    if trail.advanced:
        return any(all(_fits(event, field) for field in selector["FieldSelectors"]) for selector in trail.advanced)
    return any(_selects(selector, event) for selector in trail.selectors)


def asks_for_data(trail: Trail) -> bool:
    if trail.advanced:
        return any(
            "Data" in field.get("Equals", ())
            for each in trail.advanced
            for field in each["FieldSelectors"]
            if field["Field"] == "eventCategory"
        )
    return any(selector.get("DataResources") for selector in trail.selectors)


def _selects(selector: dict[str, Any], event: Event) -> bool:
    kind = selector.get("ReadWriteType", "All")
    if kind != "All" and event.is_read_only != (kind == "ReadOnly"):
        return False
    if event.category == "Management":
        return selector.get("IncludeManagementEvents", True) and event.source not in selector.get("ExcludeManagementEventSources", ())
    return any(
        resource["Type"] == event.type and any(arn.startswith(value) for arn in event.arns for value in resource.get("Values", ()))
        for resource in selector.get("DataResources", ())
    )


def _fits(event: Event, field: dict[str, Any]) -> bool:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html"""
    said = {
        "eventCategory": (event.category,), "readOnly": ("true" if event.is_read_only else "false",), "eventSource": (event.source,),
        "eventName": (event.name,), "resources.type": (event.type,), "resources.ARN": event.arns,
    }[field["Field"]]  # fmt: skip
    for test, does_fit in _TESTS.items():
        wanted = field.get(test)
        if wanted:
            is_met = any(does_fit(value, each) for value in said for each in wanted)
            if is_met == test.startswith("Not"):
                return False
    return True


_TESTS: dict[str, Any] = {
    "Equals": str.__eq__, "StartsWith": str.startswith, "EndsWith": str.endswith,
    "NotEquals": str.__eq__, "NotStartsWith": str.startswith, "NotEndsWith": str.endswith,
}  # fmt: skip
