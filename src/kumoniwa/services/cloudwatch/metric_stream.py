"""Metric streams: what they are, and which metrics they want. How data flow is ``streaming``'s.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Metric-Streams.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cloudwatch.errors import (
    InvalidNextToken,
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    ResourceNotFoundException,
)

SERVICE = "streams.metrics.cloudwatch.amazonaws.com"
FORMAT = "json"
LISTED_MAX = 500
_NAME = re.compile(r"[A-Za-z0-9_-]+")

Filters = list[dict[str, Any]]


class MetricStream(Record):
    """Shelved by its name."""

    name: str
    firehose: str
    role: str
    created: float
    updated: float
    included: Filters = []
    excluded: Filters = []
    is_running: bool = True
    tags: dict[str, str] = {}


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"metric-stream/{name}")


def running(call: Call) -> list[MetricStream]:
    return [stream for stream in call.shelf(MetricStream).values() if stream.is_running]


def wants(stream: MetricStream, namespace: str, name: str) -> bool:
    def is_among(filters: Filters) -> bool:
        return any(each.get("Namespace") == namespace and (not each.get("MetricNames") or name in each["MetricNames"]) for each in filters)

    return is_among(stream.included) if stream.included else not is_among(stream.excluded)


def _existing(call: Call, name: str) -> MetricStream:
    stream = call.shelf(MetricStream).get(name)
    if stream is None:
        raise ResourceNotFoundException(f"MetricStream {name} does not exist")
    return stream


def PutMetricStream(
    call: Call, *, Name: str, FirehoseArn: str, RoleArn: str, OutputFormat: str, IncludeFilters: list[dict[str, Any]] | None = None,
    ExcludeFilters: list[dict[str, Any]] | None = None, Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    """A new stream runs. One that is put again goes on as it was, running or not, with its tags. Words of what is refused, but for names and
    what is no Firehose, are as badmintoncryer/cdk-preflight saw them of AWS (rules/cloudwatch)."""
    if not _NAME.fullmatch(Name):
        raise InvalidParameterValueException("The parameter Name may hold letters, digits, - and _ only.")
    if IncludeFilters and ExcludeFilters:
        raise InvalidParameterCombinationException("IncludeFilters and ExcludeFilters cannot both be present")
    if OutputFormat != FORMAT:
        raise NotImplementedHere(f"metric streams in the format {OutputFormat}")
    target = arns.parse(FirehoseArn)
    if target is None or target.service != "firehose":
        raise InvalidParameterValueException(f"The parameter FirehoseArn {FirehoseArn} names no Firehose.")
    if target.region != call.region or target.partition != call.home.partition:
        raise InvalidParameterValueException("FirehoseArn must be in the same region and AWS partition as the Metric Stream")
    if target.account != call.account:
        raise InvalidParameterValueException("FirehoseArn must be in the same account as the Metric Stream")
    if (role := arns.parse(RoleArn)) is not None and role.account != call.account:
        raise InvalidParameterValueException("Cross-account pass role is not allowed.")
    call.require("iam:PassRole", RoleArn, **{"iam:PassedToService": SERVICE})
    if call.home.settings.iam == "enforce":
        try:
            as_role(call, Name, RoleArn)
        except AwsError as error:
            raise InvalidParameterValueException(f"CloudWatch is not authorized to assume the role {RoleArn}", hint=error.hint) from None
    now, held = call.now(), call.shelf(MetricStream).get(Name)
    stream = held or MetricStream(
        name=Name, firehose=FirehoseArn, role=RoleArn, created=now, updated=now, tags={tag["Key"]: tag["Value"] for tag in Tags or ()}
    )
    call.shelf(MetricStream)[Name] = changed(
        stream, firehose=FirehoseArn, role=RoleArn, updated=now, included=IncludeFilters or [], excluded=ExcludeFilters or []
    )
    return {"Arn": arn_of(call, Name)}


def as_role(call: Call, name: str, role: str) -> Call:
    return call.assuming(role, SERVICE, name[:64], **{"aws:SourceArn": arn_of(call, name)})


def _entry(call: Call, stream: MetricStream) -> dict[str, Any]:
    return {
        "Arn": arn_of(call, stream.name), "Name": stream.name, "FirehoseArn": stream.firehose, "CreationDate": stream.created,
        "LastUpdateDate": stream.updated, "State": "running" if stream.is_running else "stopped", "OutputFormat": FORMAT,
    }  # fmt: skip


def GetMetricStream(call: Call, *, Name: str) -> dict:
    stream = _existing(call, Name)
    filters = {name: held for name, held in (("IncludeFilters", stream.included), ("ExcludeFilters", stream.excluded)) if held}
    return _entry(call, stream) | {"RoleArn": stream.role, "IncludeLinkedAccountsMetrics": False} | filters


def ListMetricStreams(call: Call, *, NextToken: str | None = None, MaxResults: int = LISTED_MAX) -> dict:
    """A token is the name of the last stream that was told."""
    if NextToken is not None and not _NAME.fullmatch(NextToken):
        raise InvalidNextToken
    names = sorted(name for name in call.shelf(MetricStream) if name > (NextToken or ""))
    told = names[:MaxResults]
    reply: dict[str, Any] = {"Entries": [_entry(call, call.shelf(MetricStream)[name]) for name in told]}
    return reply | ({"NextToken": told[-1]} if len(names) > len(told) else {})


def DeleteMetricStream(call: Call, *, Name: str) -> dict:
    """The model knows no error for a stream that is not there."""
    call.shelf(MetricStream).pop(Name, None)
    return {}


def StartMetricStreams(call: Call, *, Names: list[str]) -> dict:
    return _set(call, Names, is_running=True)


def StopMetricStreams(call: Call, *, Names: list[str]) -> dict:
    return _set(call, Names, is_running=False)


def _set(call: Call, names: list[str], *, is_running: bool) -> dict:
    """All or none of them."""
    shelf = call.shelf(MetricStream)
    if missing := [name for name in names if name not in shelf]:
        raise InvalidParameterValueException(f"MetricStream {missing[0]} does not exist")
    for name in names:
        shelf[name] = changed(shelf[name], is_running=is_running, updated=call.now())
    return {}
