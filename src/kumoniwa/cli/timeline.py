"""``kumoniwa timeline``: calls, alarms, stacks and configurations in the one order in which they happened.

After an incident the question is what came before what. Everything here is asked of the services themselves, with the caller's keys:
CloudTrail's event history, CloudWatch's alarm history, the events of stacks, the configuration items of AWS Config.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from kumoniwa.cli.admin import admin
from kumoniwa.cli.session import session
from kumoniwa.kernel.clock import Clock

UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SINCE = re.compile(r"(\d+)([smhd])")
RETRIES = {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "8"}
"""CloudTrail answers two requests a second: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html"""


class Happened(NamedTuple):
    at: datetime
    region: str
    kind: str
    what: str
    resource: str
    detail: str
    everything: str = ""
    """What ``--resource`` is sought in besides."""

    def line(self) -> str:
        moment = self.at.astimezone(UTC)
        return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}  {self.region:<14} {self.kind:<6} {self.what:<36} {self.resource}  {self.detail}".rstrip()


def timeline(asked: argparse.Namespace) -> int:
    span = _SINCE.fullmatch(asked.since)
    if span is None:
        print(f"kumoniwa: --since takes a number and s, m, h or d, like 90m, not {asked.since!r}.", file=sys.stderr)
        return 1
    since = datetime.fromtimestamp(Clock().now(), UTC) - timedelta(seconds=int(span[1]) * UNITS_S[span[2]])
    states = {name: held["state"] for name, held in admin(asked.endpoint, "GET", "health")["regions"].items() if not name.startswith("aws-")}
    regions = asked.region or list(states)
    os.environ.update({name: value for name, value in RETRIES.items() if name not in os.environ})
    refused = session("us-east-1").client("sts", endpoint_url=asked.endpoint).exceptions.ClientError
    found: list[Happened] = []
    failed = False
    for region in regions:
        if states.get(region, "running") != "running":
            failed = True
            print(f"kumoniwa: {region} is {states[region]} and cannot be asked: what happened there is missing.", file=sys.stderr)
            continue
        clients = partial(session(region).client, endpoint_url=asked.endpoint)
        for source in (calls, alarms, stacks, configurations):
            try:
                found += source(clients, region, since)
            except refused as error:
                failed = True
                print(f"kumoniwa: {region}: {source.__name__} could not be asked for: {error}", file=sys.stderr)
    wanted = (asked.resource or "").lower()
    shown = [each for each in sorted(found) if (asked.reads or each.kind != "read") and _is_of(each, wanted)]
    for each in shown:
        print(each.line())
    if not shown:
        print(f"nothing happened in {', '.join(regions) or 'any region'} since {since:%Y-%m-%d %H:%M:%S}")
    return 1 if failed else 0


def _is_of(each: Happened, wanted: str) -> bool:
    return wanted in f"{each.resource} {each.everything}".lower()


# What happened, of each source --------------------------------------------------------------------------------

Clients = Callable[[str], Any]


def calls(client: Clients, region: str, since: datetime) -> Iterator[Happened]:
    for page in client("cloudtrail").get_paginator("lookup_events").paginate(StartTime=since):
        for event in page["Events"]:
            said = json.loads(event["CloudTrailEvent"])
            names = [each["ResourceName"] for each in event.get("Resources", ()) if each.get("ResourceName")]
            service = event["EventSource"].removesuffix(".amazonaws.com")
            detail = f"by {event.get('Username') or 'root'}"
            if said.get("errorCode"):
                detail += f", refused: {said['errorCode']}"
            kind = "read" if event["ReadOnly"] == "true" else "call"
            yield Happened(
                event["EventTime"],
                region,
                kind,
                f"{service}:{event['EventName']}",
                ", ".join(names),
                detail,
                json.dumps(said.get("requestParameters")),
            )


def alarms(client: Clients, region: str, since: datetime) -> Iterator[Happened]:
    for page in client("cloudwatch").get_paginator("describe_alarm_history").paginate(StartDate=since):
        for item in page["AlarmHistoryItems"]:
            yield Happened(
                item["Timestamp"], region, "alarm", item["HistoryItemType"], item["AlarmName"], item["HistorySummary"], item["HistoryData"]
            )


def stacks(client: Clients, region: str, since: datetime) -> Iterator[Happened]:
    """Also of stacks that are gone."""
    formation = client("cloudformation")
    for page in formation.get_paginator("list_stacks").paginate():
        for stack in page["StackSummaries"]:
            last = max(stack.get(name, stack["CreationTime"]) for name in ("CreationTime", "LastUpdatedTime", "DeletionTime"))
            is_settled = stack["StackStatus"].endswith("_COMPLETE") or stack["StackStatus"].endswith("_FAILED")
            if is_settled and last < since - timedelta(days=1):
                continue  # what it does takes less than a day
            yield from _of_stack(formation, stack["StackId"], region, since)


def _of_stack(formation: Any, stack: str, region: str, since: datetime) -> Iterator[Happened]:
    for page in formation.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            if event["Timestamp"] < since:
                return
            name = f"{event['StackName']}/{event['LogicalResourceId']}" if event["LogicalResourceId"] != event["StackName"] else event["StackName"]
            detail = " ".join([event["ResourceType"], event.get("ResourceStatusReason", "")]).strip()
            yield Happened(event["Timestamp"], region, "stack", event["ResourceStatus"], name, detail, event.get("PhysicalResourceId", ""))


def configurations(client: Clients, region: str, since: datetime) -> Iterator[Happened]:
    """Where a recorder stands; without one there are none."""
    config = client("config")
    if not config.describe_configuration_recorders()["ConfigurationRecorders"]:
        return
    for count in config.get_discovered_resource_counts()["resourceCounts"]:
        pages = config.get_paginator("list_discovered_resources").paginate(resourceType=count["resourceType"], includeDeletedResources=True)
        for resource in (each for page in pages for each in page["resourceIdentifiers"]):
            history = config.get_paginator("get_resource_config_history")
            for page in history.paginate(resourceType=resource["resourceType"], resourceId=resource["resourceId"], earlierTime=since):
                for item in page["configurationItems"]:
                    name = item.get("resourceName") or item["resourceId"]
                    yield Happened(
                        item["configurationItemCaptureTime"],
                        region,
                        "config",
                        item["configurationItemStatus"],
                        name,
                        item["resourceType"],
                        item.get("arn", ""),
                    )
