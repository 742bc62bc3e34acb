"""A span as a segment, and as a line of the log group ``aws/spans``.

What a span's attributes say becomes the blocks that X-Ray knows (http, sql, aws), the rest metadata, or annotations where
``aws.xray.annotations`` names it. A span is a segment if it has no parent or serves a request, otherwise a subsegment.
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html; the names are those of OpenTelemetry's semantic
conventions, https://opentelemetry.io/docs/specs/semconv/, older ones beside those of today, mapped as the X-Ray exporter of
OpenTelemetry's collector maps them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson

from kumoniwa.services.xray.otlp import Event, Span

Ids = Callable[[], str]
"""Makes ids of exceptions, of sixteen hexadecimal digits."""

ANNOTATIONS, METADATA = "aws.xray.annotations", "aws.xray.metadata."
NAME_LENGTH_MAX = 200
_CALLS = frozenset({"CLIENT", "PRODUCER", "CONSUMER"})
SQL_SYSTEMS = frozenset({"db2", "derby", "hive", "mariadb", "mssql", "microsoft.sql_server", "mysql", "oracle", "oracle.db", "postgresql", "sqlite", "teradata", "other_sql"})  # fmt: skip
_NOT_IN_NAMES = re.compile(r"[^\w\s.:/%&#=+\\\-@]")
_NOT_IN_KEYS = re.compile(r"[^0-9A-Za-z_.]")

_ORIGINS = {
    "aws_ec2": "AWS::EC2::Instance", "aws_ecs": "AWS::ECS::Container", "aws_eks": "AWS::EKS::Container",
    "aws_elastic_beanstalk": "AWS::ElasticBeanstalk::Environment", "aws_app_runner": "AWS::AppRunner::Service",
    "aws_lambda": "AWS::Lambda::Function",
}  # fmt: skip
_LAUNCHED = {"ec2": "AWS::ECS::EC2", "fargate": "AWS::ECS::Fargate"}


def trace_id(id_: str) -> str:
    """In X-Ray's form: the same digits."""
    return f"1-{id_[:8]}-{id_[8:]}"


class _Attributes:
    """A span's attributes, of which each is taken once."""

    def __init__(self, held: dict[str, Any]) -> None:
        self.left = dict(held)

    def take(self, *names: str) -> Any:
        """The value of the first of these that is there; none of them is left."""
        found = [self.left.pop(name) for name in names if name in self.left]
        return found[0] if found else None

    def text(self, *names: str) -> str:
        found = self.take(*names)
        return found if isinstance(found, str) else "" if found is None else str(found)


def documents(span: Span, ids: Ids) -> list[dict[str, Any]]:
    """The segment or subsegment that a span is; of a call that nothing encloses, the segment of its caller and the call in it."""
    is_outermost = not span.parent_id or span.attributes.get("aws.span.kind") == "LOCAL_ROOT"
    if not is_outermost or span.kind not in _CALLS:
        return [_document(span, ids, is_subsegment=not is_outermost and span.kind != "SERVER")]
    call = _document(span, ids, is_subsegment=True)
    shared = ("trace_id", "start_time", "end_time", "parent_id", "error", "fault", "throttle")
    caller = {name: call[name] for name in shared if name in call}
    name = span.attributes.get("aws.local.service") or span.resource.get("service.name") or span.name
    resource = {f"otel.resource.{name}": value for name, value in span.resource.items()}
    # The same span sent again makes the same segment.
    caller |= {"id": f"{zlib.crc32(span.id.encode()):08x}{zlib.crc32(span.id[::-1].encode()):08x}", "name": _fit(str(name))}
    caller |= _filled(origin=_origin(span.resource), metadata=_filled(default=resource))
    return [caller, {"namespace": "remote"} | call | {"parent_id": caller["id"]}]


def _document(span: Span, ids: Ids, *, is_subsegment: bool) -> dict[str, Any]:
    attributes = _Attributes(span.attributes)
    name, namespace = _name(span, is_subsegment)
    segment: dict[str, Any] = {
        "id": span.id, "trace_id": trace_id(span.trace_id), "name": name, "start_time": span.start_ns / 1e9, "end_time": span.end_ns / 1e9,
    }  # fmt: skip
    if span.parent_id:
        segment["parent_id"] = span.parent_id
    http = _http(span, attributes)
    parts = {
        "type": "subsegment" if is_subsegment else "", "namespace": namespace if is_subsegment else "", "http": http,
        "origin": "" if is_subsegment else _origin(span.resource), "sql": _sql(span, attributes), "aws": _aws(span, attributes),
        "service": _filled(version=span.resource.get("service.version")), "user": attributes.text("enduser.id", "user.id"),
        "cause": _cause(span, ids),
        "links": [_filled(trace_id=trace_id(link.trace_id), id=link.span_id, attributes=link.attributes) for link in span.links],
        "annotations": {}, "metadata": {},
    }  # fmt: skip
    parts["annotations"], parts["metadata"] = _told(span, attributes, is_subsegment)
    return segment | _flags(span, http) | {key: value for key, value in parts.items() if value}


def _filled(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}


# What it is called ---------------------------------------------------------------------------------


def _word(said: Any) -> str:
    """What an attribute says in one word; nothing where it says more, or something else."""
    return said if isinstance(said, str) else ""


def _fit(name: str) -> str:
    return _NOT_IN_NAMES.sub("", name)[:NAME_LENGTH_MAX] or "span"


def _name(span: Span, is_subsegment: bool) -> tuple[str, str]:
    """A service's name, which is what X-Ray calls a segment by, and a call's namespace."""
    held = span.attributes
    is_aws = held.get("rpc.system") == "aws-api" or "aws.service" in held
    own = "aws.remote.service" if is_subsegment else "aws.local.service"
    candidates = [
        held.get(own), held.get("peer.service"), held.get("aws.service"), _database(held),
        None if is_subsegment else span.resource.get("service.name"),
        held.get("rpc.service"), held.get("http.host"), held.get("server.address"), held.get("net.peer.name"), span.name,
    ]  # fmt: skip
    name = next((each for each in candidates if isinstance(each, str) and each), "span")
    if is_aws:
        name = name.removeprefix("AWS.SDK.").removeprefix("AWS::")
    return _fit(name), "aws" if is_aws else "remote" if span.kind == "CLIENT" else ""


def _database(held: dict[str, Any]) -> str | None:
    """A database is called by its name and its host."""
    name = held.get("db.namespace") or held.get("db.name")
    if not isinstance(name, str):
        return None
    place = held.get("db.connection_string")
    try:
        host = urlsplit(place.removeprefix("jdbc:")).hostname if isinstance(place, str) else held.get("server.address")
    except ValueError:
        host = None
    return f"{name}@{host}" if host else name


def _origin(resource: dict[str, Any]) -> str:
    if resource.get("cloud.provider", "aws") != "aws":
        return ""
    found = _ORIGINS.get(_word(resource.get("cloud.platform")), "")
    launched = resource.get("aws.ecs.launchtype")
    return _LAUNCHED.get(launched, found) if found == "AWS::ECS::Container" and isinstance(launched, str) else found


# What it did ---------------------------------------------------------------------------------------


def _http(span: Span, attributes: _Attributes) -> dict[str, Any]:
    take, text = attributes.take, attributes.text
    method, status = text("http.request.method", "http.method"), take("http.response.status_code", "http.status_code")
    url, agent = text("url.full", "http.url"), text("user_agent.original", "http.user_agent")
    client, forwarded = "", text("http.client_ip")
    if not (method or url or status is not None):
        return {}
    if span.kind == "SERVER":
        client = text("client.address", "net.peer.ip", "network.peer.address", "net.sock.peer.addr")
    request = _filled(
        method=method, url=url or _url(attributes), user_agent=agent, client_ip=forwarded or client, x_forwarded_for=bool(forwarded) or None
    )
    length = take("http.response.body.size", "http.response_content_length")
    response = _filled(status=status, content_length=length)
    return _filled(request=request, response=response)


def _url(attributes: _Attributes) -> str:
    """The address of a request, put together where nobody says it whole."""
    scheme = attributes.text("url.scheme", "http.scheme") or "http"
    host = attributes.text("http.host", "server.address", "http.server_name", "net.host.name", "net.peer.name")
    port = attributes.take("server.port", "net.host.port", "net.peer.port")
    path, query = attributes.text("url.path"), attributes.text("url.query")
    target = attributes.text("http.target") or (f"{path}?{query}" if query else path) or "/"
    if not host:
        return ""
    is_said = port is None or ":" in host or (scheme, str(port)) in (("http", "80"), ("https", "443"))
    return f"{scheme}://{host}{'' if is_said else f':{port}'}{target}"


def _sql(span: Span, attributes: _Attributes) -> dict[str, Any]:
    if _word(attributes.left.get("db.system.name") or attributes.left.get("db.system")) not in SQL_SYSTEMS:
        return {}
    text = attributes.text
    system, name = text("db.system.name", "db.system"), text("db.namespace", "db.name")
    return _filled(
        url=span.name, connection_string=f"{text('db.connection_string') or 'localhost'}/{name}", database_type=system, user=text("db.user"),
        sanitized_query=text("db.query.text", "db.statement"),
    )  # fmt: skip


def _aws(span: Span, attributes: _Attributes) -> dict[str, Any]:
    resource, take, text = span.resource, attributes.take, attributes.text
    said = resource.get
    operation = text("aws.operation")
    if not operation and span.attributes.get("rpc.system") == "aws-api":
        operation = text("rpc.method")
    tables = take("aws.dynamodb.table_names", "aws.table.name", "aws.table_name")
    tables = tables if isinstance(tables, list) else [tables] if tables else []
    names = said("aws.log.group.names") or []
    if said("cloud.provider", "aws") != "aws":
        return {}
    zone, container, sdk = said("cloud.availability_zone"), said("container.id"), [_word(said("telemetry.sdk.name")), _word(said("telemetry.sdk.language"))]
    is_ecs, is_eks = said("cloud.platform") == "aws_ecs", said("cloud.platform") == "aws_eks" or "k8s.cluster.name" in resource
    return _filled(
        account_id=text("aws.account_id") or said("cloud.account.id"), operation=operation, remote_region=text("aws.region", "cloud.region"),
        request_id=text("aws.request_id", "aws.requestId"),
        queue_url=text("aws.sqs.queue.url", "messaging.url", "aws.queue_url", "aws.queue.url"),
        table_name=tables[0] if len(tables) == 1 else None, table_names=tables if len(tables) > 1 else None,
        bucket_name=take("aws.s3.bucket", "aws.bucket.name"), function_name=take("aws.lambda.function.name"), topic_arn=take("aws.sns.topic.arn"),
        stream_name=take("aws.kinesis.stream_name", "aws.stream.name"),
        cloudwatch_logs=[{"log_group": name} for name in (names.split("&") if isinstance(names, str) else names if isinstance(names, list) else ())],
        ec2=_filled(instance_id=said("host.id"), availability_zone=zone, instance_size=said("host.type"), ami_id=said("host.image.id")) if "host.id" in resource else None,
        ecs=_filled(
            container=said("container.name"), container_id=container, task_arn=said("aws.ecs.task.arn"), cluster_arn=said("aws.ecs.cluster.arn"),
            launch_type=said("aws.ecs.launchtype"), availability_zone=zone,
        ) if is_ecs else None,
        eks=_filled(cluster_name=said("k8s.cluster.name"), pod=said("k8s.pod.name"), container_id=container) if is_eks else None,
        xray=_filled(sdk=" for ".join(each for each in sdk if each), sdk_version=said("telemetry.sdk.version"), auto_instrumentation="telemetry.auto.version" in resource),
    )  # fmt: skip


# How it ended --------------------------------------------------------------------------------------


def _flags(span: Span, http: dict[str, Any]) -> dict[str, bool]:
    """The status of an answer says more than that of a span, which some instruments leave unset."""
    status = http.get("response", {}).get("status")
    if isinstance(status, int) and 400 <= status < 500:
        return {"error": True} | ({"throttle": True} if status == 429 else {})
    is_fault = isinstance(status, int) and 500 <= status < 600 or span.status == "ERROR"
    return {"fault": True} if is_fault else {}


def _cause(span: Span, ids: Ids) -> dict[str, Any]:
    raised = [event for event in span.events if event.name == "exception"]
    is_remote = span.kind in ("CLIENT", "PRODUCER")
    if raised:
        return {"exceptions": [_exception(event, is_remote, _word(span.resource.get("telemetry.sdk.language")), ids) for event in raised]}
    if span.status == "ERROR" and span.message:
        return {"exceptions": [{"id": ids(), "message": span.message}]}
    return {}


_FRAMES = {
    "python": re.compile(r'^  File "(?P<path>.*)", line (?P<line>\d+), in (?P<label>.*)$', re.M),
    "java": re.compile(r"^\tat (?:[^(\n]*/)?(?P<label>[^(\n]+)\((?P<path>[^:)\n]*):?(?P<line>\d*)\)$", re.M),
    "nodejs": re.compile(r"^    at (?:(?P<label>[^(\n]*) \()?(?P<path>[^()\n]*?):(?P<line>\d+):\d+\)?$", re.M),
}


def _exception(event: Event, is_remote: bool, language: Any, ids: Ids) -> dict[str, Any]:
    said = event.attributes.get
    trace, pattern = said("exception.stacktrace"), _FRAMES.get({"php": "java", "webjs": "nodejs", "javascript": "nodejs"}.get(language, language))
    frames = []
    if isinstance(trace, str) and pattern is not None:
        frames = [_filled(path=at["path"], line=int(at["line"] or 0), label=at["label"]) for at in pattern.finditer(trace)]
        if language == "python":
            # The call that failed stands last in Python, first in X-Ray.
            frames.reverse()
    return _filled(id=ids(), type=said("exception.type"), message=said("exception.message"), remote=is_remote or None, stack=frames)


def _told(span: Span, attributes: _Attributes, is_subsegment: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Annotations and metadata: all that is left of the attributes, and of a segment also what is said of its resource."""
    named = attributes.take(ANNOTATIONS)
    named = {name for name in named if isinstance(name, str)} if isinstance(named, list) else set()
    annotations, metadata, spoken = {}, {}, {}
    # What a block has taken is an annotation nevertheless where somebody wants it to be one.
    said = attributes.left | {name: span.attributes[name] for name in named if name in span.attributes}
    if not is_subsegment:
        said |= {f"otel.resource.{name}": value for name, value in span.resource.items()}
    for name, value in said.items():
        if name in named and isinstance(value, (str, int, float)):
            annotations[_NOT_IN_KEYS.sub("_", name)] = value
        elif name.startswith(METADATA) and (read := _object(value)) is not None:
            spoken[name.removeprefix(METADATA)] = read
        elif value is not None:
            metadata[name] = value
    if "default" in spoken:
        metadata |= spoken.pop("default")
    return annotations, spoken | ({"default": metadata} if metadata else {})


def _object(text: Any) -> dict[str, Any] | None:
    try:
        read = orjson.loads(text) if isinstance(text, str) else None
    except orjson.JSONDecodeError:
        return None
    return read if isinstance(read, dict) else None


# As it is logged -----------------------------------------------------------------------------------


def line(span: Span) -> dict[str, Any]:
    """A span in the log: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Transaction-Search-search-analyze-spans.html"""
    told = {
        "resource": {"attributes": span.resource}, "scope": span.scope, "traceId": span.trace_id, "spanId": span.id, "parentSpanId": span.parent_id,
        "flags": span.flags, "name": span.name, "kind": span.kind, "startTimeUnixNano": span.start_ns, "endTimeUnixNano": span.end_ns,
        "durationNano": span.end_ns - span.start_ns, "attributes": span.attributes,
        "events": [{"name": event.name, "timeUnixNano": event.at_ns, "attributes": event.attributes} for event in span.events],
        "links": [{"traceId": link.trace_id, "spanId": link.span_id, "attributes": link.attributes} for link in span.links],
        "status": {"code": span.status} | ({"message": span.message} if span.message else {}),
    }  # fmt: skip
    return {name: value for name, value in told.items() if value != ""}


def lines_of(document: dict[str, Any]) -> list[tuple[float, dict[str, Any]]]:
    """A segment's own lines and those of its subsegments, each with the moment of its end."""
    found, waiting = [], [(document, document.get("parent_id", ""))]
    trace = document["trace_id"].lower().replace("-", "")[1:]
    while waiting:
        one, parent = waiting.pop()
        ends = one.get("end_time", one["start_time"])
        start_ns, end_ns = int(one["start_time"] * 1e9), int(ends * 1e9)
        kind = "CLIENT" if one.get("namespace") else "INTERNAL" if one is not document or one.get("type") == "subsegment" else "SERVER"
        is_wrong = any(one.get(flag) for flag in ("error", "fault", "throttle"))
        told = {
            "resource": {"attributes": _filled(**{"cloud.platform": one.get("origin"), "service.name": document["name"]})}, "traceId": trace,
            "spanId": one.get("id", "").lower(), "parentSpanId": (parent or "").lower(), "name": one.get("name", ""), "kind": kind,
            "startTimeUnixNano": start_ns, "endTimeUnixNano": end_ns, "durationNano": end_ns - start_ns, "attributes": _said_of(one),
            "status": {"code": "ERROR" if is_wrong else "UNSET"},
        }  # fmt: skip
        found.append((ends, {name: value for name, value in told.items() if value != ""}))
        waiting += [(inner, one.get("id", "")) for inner in one.get("subsegments") or []]
    return found


def _said_of(one: dict[str, Any]) -> dict[str, Any]:
    """A segment's blocks as attributes of a span."""
    http, annotations = one.get("http") or {}, one.get("annotations") or {}
    request, response = (held if isinstance(held := http.get(name), dict) else {} for name in ("request", "response"))
    said = _filled(**{
        "http.request.method": request.get("method"), "url.full": request.get("url"), "user_agent.original": request.get("user_agent"),
        "client.address": request.get("client_ip"), "http.response.status_code": response.get("status"), "enduser.id": one.get("user"),
    })  # fmt: skip
    said |= {f"aws.{name}": value for name, value in (one.get("aws") or {}).items() if isinstance(value, (str, int, float))}
    said |= {f"db.{name}": value for name, value in (one.get("sql") or {}).items() if isinstance(value, str)}
    if annotations:
        said |= annotations | {ANNOTATIONS: sorted(annotations)}
    if one.get("metadata"):
        said |= {f"{METADATA}{name}": orjson.dumps(value).decode() for name, value in one["metadata"].items()}
    return said
