"""Dashboards: one set for all regions of an account, kept in aws-global; each region asks there.

A body is kept as it was put, and refused in AWS's words if it could not be shown.
"""

from __future__ import annotations

import json
import re
from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.dashboard_body import complaints
from kumoniwa.services.cloudwatch.errors import (
    DashboardInvalidInputError,
    DashboardNotFoundError,
    InvalidParameterValueException,
)

NAME = re.compile(r"[0-9A-Za-z_-]{1,255}")


class Dashboard(Record):
    """Shelved by its name, in aws-global."""

    name: str
    body: str
    modified: float
    tags: dict[str, str] = {}


def arn_of(call: Call, name: str) -> str:
    return f"arn:{call.home.partition}:cloudwatch::{call.account}:dashboard/{name}"


async def asked(call: Call, what: str, **params: Any) -> Any:
    return await call.home.exchange(GLOBAL, "cloudwatch", {"what": what, "account": call.account, **params})


async def PutDashboard(call: Call, *, DashboardName: str, DashboardBody: str, Tags: list[dict[str, str]] | None = None) -> dict:
    if not NAME.fullmatch(DashboardName):
        raise InvalidParameterValueException(
            "The value for field DashboardName contains invalid characters. It can only contain alphanumerics, dash (-) and underscore (_).\n"
        )
    found = complaints(DashboardBody)
    if found:
        said = json.dumps([{"dataPath": each.path, "message": each.text} for each in found], indent=2, ensure_ascii=False)
        raise DashboardInvalidInputError(
            f"The dashboard body is invalid, there are {len(found)} validation errors:\n{said}",
            dashboardValidationMessages=[{"DataPath": each.path, "Message": each.text} for each in found],
        )
    tags = {tag["Key"]: tag["Value"] for tag in Tags or ()}
    await asked(call, "put", name=DashboardName, body=DashboardBody, tags=tags)
    return {"DashboardValidationMessages": []}


async def GetDashboard(call: Call, *, DashboardName: str) -> dict:
    body = await asked(call, "get", name=DashboardName)
    if body is None:
        raise DashboardNotFoundError(f"Dashboard {DashboardName} does not exist")
    return {"DashboardArn": arn_of(call, DashboardName), "DashboardBody": body, "DashboardName": DashboardName}


async def ListDashboards(call: Call, *, DashboardNamePrefix: str | None = None) -> dict:
    found = await asked(call, "list", prefix=DashboardNamePrefix or "")
    entries = [{"DashboardName": name, "DashboardArn": arn_of(call, name), "LastModified": modified, "Size": size} for name, modified, size in found]
    return {"DashboardEntries": entries}


async def DeleteDashboards(call: Call, *, DashboardNames: list[str]) -> dict:
    """All of them, or none if one does not exist."""
    if not DashboardNames:
        raise InvalidParameterValueException("The collection DashboardNames must not be empty.")
    missing = await asked(call, "delete", names=DashboardNames)
    if missing:
        raise DashboardNotFoundError(f"Dashboard {missing[0]} does not exist")
    return {}


# In aws-global ------------------------------------------------------------------------------------------------


def answer(call: Call, message: dict[str, Any]) -> Any:
    """What a region asks for an account."""
    shelf, what = call.shelf(Dashboard), message["what"]
    if what == "put":
        name = message["name"]
        held = shelf.get(name)
        tags = held.tags if held is not None else message["tags"]
        shelf[name] = Dashboard(name=name, body=message["body"], modified=float(int(call.now())), tags=tags)
        return None
    if what == "list":
        return [(each.name, each.modified, len(each.body)) for name, each in sorted(shelf.items()) if name.startswith(message["prefix"])]
    if what == "delete":
        missing = [name for name in message["names"] if name not in shelf]
        for name in () if missing else dict.fromkeys(message["names"]):
            del shelf[name]
        return missing
    held = shelf.get(message["name"])
    if held is None:
        return None
    if what == "tag":
        kept = {key: value for key, value in held.tags.items() if key not in message["gone"]} | message["more"]
        shelf[held.name] = changed(held, tags=kept)
    return held.body if what == "get" else shelf[held.name].tags
