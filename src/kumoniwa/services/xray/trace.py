"""One trace: its segments with all that belongs to them, and the services and edges that follow.

A subsegment that was sent alone goes back to where it belongs. A call to something that sends no segments of its own (a table, a host
in the world) becomes an *inferred* segment, made of what the caller saw of it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Any

import orjson

from kumoniwa.languages.trace_filter import Selector

ATTACHED_DEPTH_MAX = 60
_RESOURCE = re.compile(r"[^/:]*(?=/?$)")
"""The last part of an address or an ARN."""

_RESOURCES = {
    "dynamodb": ("table_name", "AWS::DynamoDB::Table"), "sqs": ("queue_url", "AWS::SQS::Queue"), "s3": ("bucket_name", "AWS::S3::Bucket"),
    "sns": ("topic_arn", "AWS::SNS::Topic"), "kinesis": ("stream_name", "AWS::Kinesis::Stream"), "lambda": ("function_name", "AWS::Lambda"),
}  # fmt: skip
"""What SDKs tell of calls to these services, which some of them spell in lower case, and the type of the resource that it names."""


class Service:
    """A segment, sent or inferred, as a subject of filters."""

    def __init__(self, trace: Trace, document: dict) -> None:
        self.trace, self.document = trace, document
        self.name: str = document["name"]
        names = _part(document, "aws").get("resource_names") if document.get("inferred") else None
        if isinstance(names, list) and names and isinstance(names[0], str):
            self.name = names[0]
        self.type: str = document.get("origin") or ""
        status = (_part(document, "http", "response").get("status")) or 0
        status = status if isinstance(status, int) else 0
        self.is_throttle = bool(document.get("throttle")) or status == 429
        self.is_error = bool(document.get("error")) or self.is_throttle or 400 <= status < 500
        self.is_fault = bool(document.get("fault")) or 500 <= status < 600

    @property
    def id(self) -> dict[str, Any]:
        shown = {"Name": self.name, "Names": [self.name], "AccountId": self.trace.account, "Type": self.type}
        return {key: value for key, value in shown.items() if value}

    @property
    def response_s(self) -> float:
        return max(self.document.get("end_time", self.document["start_time"]) - self.document["start_time"], 0.0)

    @property
    def links(self) -> list[tuple[str, str]]:
        """Traces and ids of what brought this about."""
        held = self.document.get("links")
        each = [link for link in held if isinstance(link, dict)] if isinstance(held, list) else []
        return [(str(link.get("trace_id")).lower(), str(link.get("id")).lower()) for link in each]

    def parts(self) -> Iterator[dict]:
        """The segment and its subsegments."""
        waiting = [self.document]
        while waiting:
            one = waiting.pop()
            yield one
            waiting += one.get("subsegments") or []

    # As a subject of filters

    def says(self, keyword: str) -> bool:
        if keyword == "ok":
            return not (self.is_error or self.is_fault)
        if keyword == "partial":
            return bool(self.document.get("in_progress"))
        if keyword == "inferred":
            return bool(self.document.get("inferred"))
        if keyword == "root":
            return self is self.trace.root
        return {"error": self.is_error, "fault": self.is_fault, "throttle": self.is_throttle}[keyword]

    def values(self, keyword: str) -> list[Any]:
        document = self.document
        if keyword in ("responsetime", "duration"):
            return [self.response_s]
        if keyword in _PATHS:
            value = _part(document, *_PATHS[keyword][:-1]).get(_PATHS[keyword][-1])
            return [] if value is None else [value]
        return [value] if (value := {"name": self.name, "type": self.type, "user": document.get("user")}[keyword]) else []

    def annotations(self, key: str) -> list[Any]:
        return [part["annotations"][key] for part in self.parts() if key in (part.get("annotations") or {})]

    def services(self, wanted: Selector) -> list[Service]:
        return [self] if self.is_wanted(wanted) else []

    def edges(self, source: Selector, target: Selector) -> list[Service]:
        return [end for begin, end in self.trace.pairs if end is self and begin.is_wanted(source) and end.is_wanted(target)]

    def is_in_group(self, keyword: str, value: str) -> bool:
        return self.trace.is_in_group(keyword, value)

    def is_wanted(self, wanted: Selector) -> bool:
        held = (self.name, self.type, self.trace.account)
        return all(want is None or want == have for want, have in zip(wanted, held))


_PATHS = {
    "http.status": ("http", "response", "status"), "http.url": ("http", "request", "url"), "http.method": ("http", "request", "method"),
    "http.useragent": ("http", "request", "user_agent"), "http.clientip": ("http", "request", "client_ip"),
    "availabilityzone": ("aws", "ec2", "availability_zone"), "instance.id": ("aws", "ec2", "instance_id"), "resource.arn": ("resource_arn",),
}  # fmt: skip


def _part(document: dict, *path: str) -> dict:
    """An object inside a document, empty where there is none."""
    held: Any = document
    for name in path:
        held = held.get(name) if isinstance(held, dict) else None
    return held if isinstance(held, dict) else {}


class Trace:
    """Of all that was sent with one trace id. ``groups`` tells whether the trace is in a group."""

    def __init__(self, id_: str, account: str, documents: list[dict], groups: Any = None) -> None:
        self.id, self.account, self.groups = id_, account, groups
        segments, self.segment_of = _attached(documents)
        sent = {document["id"].lower() for document in segments}
        called = {(document.get("parent_id") or "").lower() for document in segments}
        for document in list(segments):
            segments += _inferred(document, called)
        self.all = [Service(self, document) for document in segments]
        self.by_id = {service.document["id"].lower(): service for service in self.all}
        outermost = [service for service in self.all if self._owner(service) is None]
        self.root = min(outermost or self.all, key=lambda service: (service.document.get("parent_id") is not None, service.document["start_time"]))
        self.pairs = [(owner, service) for service in self.all if (owner := self._owner(service)) is not None and owner is not service]
        self.sent = sent

    def _owner(self, service: Service) -> Service | None:
        """Whose subsegment, or self, called the service."""
        parent = (service.document.get("parent_id") or "").lower()
        return self.by_id.get(self.segment_of.get(parent, parent))

    @property
    def starts(self) -> float:
        return min(service.document["start_time"] for service in self.all)

    @property
    def duration_s(self) -> float:
        return max(max(service.document.get("end_time", 0.0) for service in self.all) - self.starts, 0.0)

    @property
    def is_partial(self) -> bool:
        return any(service.document.get("in_progress") for service in self.all)

    def shown(self) -> dict[str, Any]:
        """As BatchGetTraces shows it."""
        listed = [{"Id": service.document["id"], "Document": orjson.dumps(service.document).decode()} for service in self.all]
        return {"Id": self.id, "Duration": round(self.duration_s, 6), "LimitExceeded": False, "Segments": listed}

    # As a subject of filters: what holds for a request holds for the service that answered it.

    def says(self, keyword: str) -> bool:
        if keyword == "partial":
            return self.is_partial
        if keyword == "throttle":
            return any(service.is_throttle for service in self.all)
        if keyword == "inferred":
            return any(service.says("inferred") for service in self.all)
        return self.root.says(keyword)

    def values(self, keyword: str) -> list[Any]:
        if keyword == "duration":
            return [self.duration_s]
        if keyword == "responsetime" or keyword.startswith("http."):
            return self.root.values(keyword)
        return [value for service in self.all for value in service.values(keyword)]

    def annotations(self, key: str) -> list[Any]:
        return [value for service in self.all for value in service.annotations(key)]

    def services(self, wanted: Selector) -> list[Service]:
        return [service for service in self.all if service.is_wanted(wanted)]

    def edges(self, source: Selector, target: Selector) -> list[Service]:
        found = [end for begin, end in self.pairs if begin.is_wanted(source) and end.is_wanted(target)]
        if source.type in (None, "client") and source.name in (None, self.root.name) and self.root.is_wanted(target):
            # Who calls the first service is a client by its name.
            found.append(self.root)
        return found

    def is_in_group(self, keyword: str, value: str) -> bool:
        return self.groups is not None and self.groups(self, keyword, value)


def _attached(documents: list[dict]) -> tuple[list[dict], dict[str, str]]:
    """Segments with the subsegments that were sent on their own, and the segment's id by each subsegment's.
    Subsegments whose segment has not come stand for themselves."""
    alone = [document for document in documents if document.get("type") == "subsegment"]
    segments = [document for document in documents if document.get("type") != "subsegment"]
    held: dict[str, tuple[dict, str, int]] = {}

    def know(document: dict, segment: str, depth: int) -> None:
        waiting = [(document, depth)]
        while waiting:
            one, level = waiting.pop()
            if "id" in one:
                held[one["id"].lower()] = (one, segment, level)
            waiting += [(inner, level + 1) for inner in one.get("subsegments") or []]

    for document in segments:
        know(document, document["id"].lower(), 0)
    is_changing = True
    while alone and is_changing:
        is_changing, left = False, []
        for document in alone:
            parent = held.get(document["parent_id"].lower())
            if parent is None or parent[2] >= ATTACHED_DEPTH_MAX:
                left.append(document)
                continue
            inside = parent[0].setdefault("subsegments", [])
            inside[:] = [one for one in inside if one.get("id") != document["id"]] + [document]
            know(document, parent[1], parent[2] + 1)
            is_changing = True
        alone = left
    for document in alone:
        know(document, document["id"].lower(), 0)
    return segments + alone, {id_: segment for id_, (_, segment, _) in held.items()}


def _inferred(document: dict, called: set[str]) -> list[dict]:
    """What a segment's calls tell of services that said nothing themselves."""
    made, waiting = [], list(document.get("subsegments") or [])
    while waiting:
        part = waiting.pop(0)
        waiting += part.get("subsegments") or []
        if part.get("namespace") not in ("aws", "remote") or "name" not in part or part.get("id", "").lower() in called | {""}:
            continue
        segment = {"id": f"{zlib.crc32(part['id'].encode()):08x}{zlib.crc32(part['id'][::-1].encode()):08x}", "name": part["name"]}
        segment |= {key: part[key] for key in _SEEN if key in part}
        segment |= {"trace_id": document["trace_id"], "parent_id": part["id"], "inferred": True}
        if part["namespace"] == "aws":
            member, kind = _RESOURCES.get(part["name"].lower(), ("", f"AWS::{part['name']}"))
            if resource := _part(part, "aws").get(member):
                segment["aws"] = part["aws"] | {"resource_names": [_RESOURCE.search(str(resource))[0]]}
            segment["origin"] = kind
        else:
            segment["origin"] = "Database::SQL" if "sql" in part else "remote"
        made.append(segment)
    return made


_SEEN = ("start_time", "end_time", "in_progress", "fault", "error", "throttle", "http", "aws", "sql")
