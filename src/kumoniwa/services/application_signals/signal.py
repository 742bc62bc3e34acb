"""What one span says of a service: how long an operation of it took, or a call that it made.

Spans that come in (of kind SERVER, or the first of a service) are requests, spans that go out are dependencies. What they are called follows from
their attributes as AWS's distribution of OpenTelemetry has it (aws-observability/aws-otel-python-instrumentation: ``_aws_metric_attribute_generator``,
``_aws_span_processing_util``), and where they are hosted as AWS's agent says it (aws/amazon-cloudwatch-agent: ``awsapplicationsignals``).
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AppSignals-MetricsCollected.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

UNKNOWN_SERVICE, UNKNOWN_OPERATION, INTERNAL_OPERATION = "UnknownService", "UnknownOperation", "InternalOperation"
UNKNOWN_REMOTE, UNKNOWN_REMOTE_OPERATION = "UnknownRemoteService", "UnknownRemoteOperation"
LENGTH_MAX = 255
_REMOTE_PARENT = 0x300
"""Flags of a span whose parent is known to be in another process: https://github.com/open-telemetry/opentelemetry-proto, trace.proto."""
_STATEMENT = re.compile(r"\s*([A-Za-z]+)")
_PLATFORMS = {
    "aws_lambda": "AWS::Lambda", "aws_ec2": "AWS::EC2", "aws_ecs": "AWS::ECS", "aws_eks": "AWS::EKS", "AWS::Lambda::Function": "AWS::Lambda",
    "AWS::EC2::Instance": "AWS::EC2", "AWS::ECS::Container": "AWS::ECS", "AWS::ECS::EC2": "AWS::ECS", "AWS::ECS::Fargate": "AWS::ECS",
    "AWS::EKS::Container": "AWS::EKS",
}  # fmt: skip
_STAGES = ("AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage")
_RESOURCES = (
    ("AWS::DynamoDB::Table", ("aws.dynamodb.table_names", "aws.table_name", "aws.table.name")),
    ("AWS::S3::Bucket", ("aws.s3.bucket", "aws.bucket_name", "aws.bucket.name")),
    ("AWS::SQS::Queue", ("aws.sqs.queue.url", "aws.queue_url", "aws.sqs.queue.name", "aws.queue.name")),
    ("AWS::SNS::Topic", ("aws.sns.topic.arn", "aws.topic_arn")),
    ("AWS::Kinesis::Stream", ("aws.kinesis.stream_name", "aws.kinesis.stream.name", "aws.stream_name", "aws.stream.name")),
    ("AWS::Lambda::Function", ("aws.lambda.function.name", "aws.function_name")),
    ("AWS::SecretsManager::Secret", ("aws.secretsmanager.secret.arn",)),
)  # fmt: skip


class Remote(NamedTuple):
    """Who was called."""

    service: str
    operation: str
    environment: str = ""
    resource_type: str = ""
    resource: str = ""


class Signal(NamedTuple):
    """A request that a service answered, or one that it made of another (``remote``)."""

    service: str
    environment: str
    operation: str
    remote: Remote | None
    latency_ms: float
    is_fault: bool
    is_error: bool
    about: tuple[tuple[str, str], ...]
    """What is known of where the service is hosted."""


def plain(span: dict[str, Any]) -> dict[str, Any]:
    """A span of whose attributes only those are left that have one value: senders may say anything."""
    return {
        **span, "name": str(span.get("name") or ""), "attributes": _plain(span.get("attributes")),
        "resource": {"attributes": _plain((span.get("resource") or {}).get("attributes"))},
    }  # fmt: skip


def _plain(held: Any) -> dict[str, Any]:
    found = {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in (held or {}).items()}
    return {name: value for name, value in found.items() if isinstance(value, str | int | float)}


def by_ids(spans: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {span["spanId"]: span for span in spans if span.get("spanId")}


def is_part(span: dict[str, Any]) -> bool:
    """Whether it is a part of a segment, whose service its segment alone knows."""
    return "scope" not in span and span.get("kind") != "SERVER"


def is_placed(span: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> bool:
    """Whether it is known in which request it happened; if it is not, that may come."""
    if _is_request(span) or (not is_part(span) and span["attributes"].get("aws.local.operation")):
        return True
    return _enclosing(span, by_id) is not None


def read(spans: list[dict[str, Any]], by_id: dict[str, dict[str, Any]]) -> Iterator[Signal]:
    """Of spans as X-Ray logs them; ``by_id`` has them and what encloses them."""
    for span in spans:
        enclosing = _enclosing(span, by_id)
        if is_part(span) and enclosing is not None:
            span = {**span, "resource": enclosing["resource"]}
        held = span["attributes"]
        if span["resource"]["attributes"].get("cloud.platform") == "AWS::Lambda":
            continue  # the service's part of an invocation; the function's own tells of it
        if is_request := _is_request(span):
            yield _signal(span, _operation(span), None)
        if _is_call(span):
            operation = held.get("aws.local.operation") or (INTERNAL_OPERATION if is_request else UNKNOWN_OPERATION if enclosing is None else _operation(enclosing))
            yield _signal(span, str(operation), _remote(span))


def _signal(span: dict[str, Any], operation: str, remote: Remote | None) -> Signal:
    held, resource = span["attributes"], span["resource"]["attributes"]
    status = _first(held, "http.response.status_code", "http.status_code")
    is_known = isinstance(status, int) and 400 <= status <= 599
    service, environment, about = _place(held, resource)
    return Signal(
        _fit(service, UNKNOWN_SERVICE), _fit(environment, "generic:default"), _fit(operation, UNKNOWN_OPERATION), remote, (span.get("durationNano") or 0) / 1e6,
        is_fault=status >= 500 if is_known else (span.get("status") or {}).get("code") == "ERROR", is_error=is_known and status < 500, about=about,
    )  # fmt: skip


def _fit(text: str, otherwise: str = "") -> str:
    """As a metric's dimension can say it: ASCII, not too long, and never blank."""
    return text.encode("ascii", "ignore").decode()[:LENGTH_MAX].strip() or otherwise


def _first(held: dict[str, Any], *names: str) -> Any:
    return next((held[name] for name in names if held.get(name) not in (None, "")), None)


# Whose it is ---------------------------------------------------------------------------------------


def _place(held: dict[str, Any], resource: dict[str, Any]) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """A service's name, its environment, and what is known of both."""
    said = held.get("aws.local.service") or resource.get("service.name") or ""
    service = UNKNOWN_SERVICE if not said or str(said).startswith("unknown_service") else str(said)
    origin = resource.get("cloud.platform", "")
    platform, told = _PLATFORMS.get(origin, "Generic"), {}
    environment = "generic:default"
    if origin in _STAGES:
        service, _, stage = service.rpartition("/")
        platform, environment = "AWS::ApiGateway", f"api-gateway:{stage}"
    elif platform == "AWS::Lambda":
        environment, told = "lambda:default", {"Lambda.Function.Name": resource.get("faas.name") or service}
    elif platform == "AWS::EC2":
        environment, told = "ec2:default", {"EC2.InstanceId": resource.get("host.id")}
    elif platform == "AWS::ECS":
        cluster = str(resource.get("aws.ecs.cluster.arn") or "default").rpartition("/")[2]
        environment, told = f"ecs:{cluster}", {"ECS.Cluster": cluster}
    elif platform == "AWS::EKS":
        cluster, space = resource.get("k8s.cluster.name", "default"), resource.get("k8s.namespace.name", "default")
        environment, told = f"eks:{cluster}/{space}", {"EKS.Cluster": cluster, "K8s.Namespace": space}
    else:
        told = {"Host": resource.get("host.name")}
    environment = held.get("aws.local.environment") or _first(resource, "deployment.environment.name", "deployment.environment") or environment
    return service, str(environment), (("PlatformType", platform), *((name, str(value)) for name, value in told.items() if value))


def _is_outermost(span: dict[str, Any]) -> bool:
    """Whether it is the first of its service in its trace, as far as it says so."""
    is_told = span["attributes"].get("aws.span.kind") == "LOCAL_ROOT" or (span.get("flags") or 0) & _REMOTE_PARENT == _REMOTE_PARENT
    return is_told or not span.get("parentSpanId")


def _is_receipt(span: dict[str, Any]) -> bool:
    """What an SDK does to get messages is no request."""
    return span.get("kind") == "CONSUMER" and span["name"].casefold() == "sqs.receivemessage"


def _is_request(span: dict[str, Any]) -> bool:
    return span.get("kind") == "SERVER" or (_is_outermost(span) and not _is_receipt(span))


def _is_call(span: dict[str, Any]) -> bool:
    kind, held = span.get("kind"), span["attributes"]
    if kind != "CONSUMER":
        return kind in ("CLIENT", "PRODUCER")
    if _is_receipt(span):
        return False
    is_within = held.get("messaging.operation") == "process" and not _is_outermost(span)
    return not (is_within and held.get("aws.consumer.parent.span.kind") == "CONSUMER")


def _operation(span: dict[str, Any]) -> str:
    held, resource = span["attributes"], span["resource"]["attributes"]
    if said := _first(held, "aws.local.operation", "aws_local_operation"):
        return str(said)
    if _PLATFORMS.get(resource.get("cloud.platform", "")) == "AWS::Lambda":
        return f"{resource.get('faas.name') or resource.get('service.name')}/FunctionHandler"
    if span.get("kind") != "SERVER":
        return INTERNAL_OPERATION
    name, method = span["name"], _first(held, "http.request.method", "http.method")
    # A segment is called by its service; a span is called by what it does, unless that is no more than a method.
    if "scope" in span and name not in ("", UNKNOWN_OPERATION, method):
        return name
    path = _path(held)
    return " ".join(str(part) for part in (method, path) if part) if path else UNKNOWN_OPERATION


def _path(held: dict[str, Any]) -> str:
    """The first part of the path of a request."""
    target = _first(held, "http.target", "url.path")
    if target is None and (url := _first(held, "url.full", "http.url")) is not None:
        try:
            target = urlsplit(str(url)).path or "/"
        except ValueError:
            return ""
    if target is None:
        return ""
    parts = str(target).partition("?")[0].split("/")
    return f"/{parts[1]}" if len(parts) > 1 else "/"


def _enclosing(span: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """The request in which it happened, if that is there."""
    seen: set[str] = set()
    while (parent := span.get("parentSpanId")) in by_id and parent not in seen:
        seen.add(parent)
        span = by_id[parent]
        if _is_request(span):
            return span
    return None


# Who was called ------------------------------------------------------------------------------------


def _remote(span: dict[str, Any]) -> Remote:
    held = span["attributes"]
    service, operation = _called(span, held)
    if held.get("peer.service") and not held.get("aws.remote.service"):
        service = held["peer.service"]
    if service is None:
        host, port = _first(held, "server.address", "net.peer.name", "network.peer.address", "net.sock.peer.addr"), _first(held, "server.port", "net.peer.port")
        # A subsegment is called by the host that was asked.
        service = f"{host}:{port}" if host and port else host or (span["name"] if "scope" not in span else None)
    if operation is None:
        method, path = _first(held, "http.request.method", "http.method"), _path(held)
        operation = " ".join(str(part) for part in (method, path) if part) or None
    kind, name = _resource(held)
    if kind == "AWS::Lambda::Function" and operation == "Invoke":
        # A function that is invoked is a service itself: so the example of ListServiceDependencies in the CLI's documentation.
        return Remote(_fit(name), operation, "lambda:default")
    return Remote(
        _fit(str(service or ""), UNKNOWN_REMOTE), _fit(str(operation or ""), UNKNOWN_REMOTE_OPERATION), _fit(str(held.get("aws.remote.environment") or "")),
        _fit(kind), _fit(name),
    )  # fmt: skip


def _called(span: dict[str, Any], held: dict[str, Any]) -> tuple[Any, Any]:
    """The service and the operation that attributes of a kind name; None for what they leave open."""
    if _first(held, "aws.remote.service", "aws.remote.operation"):
        return held.get("aws.remote.service"), held.get("aws.remote.operation")
    if _first(held, "rpc.service", "rpc.method"):
        service = held.get("rpc.service")
        return f"AWS::{service}" if service and held.get("rpc.system") == "aws-api" else service, held.get("rpc.method")
    if "scope" not in span and held.get("aws.operation"):
        return f"AWS::{span.get('name')}", held["aws.operation"]
    if system := _first(held, "db.system.name", "db.system"):
        said = _first(held, "db.operation.name", "db.operation")
        statement = _STATEMENT.match(str(_first(held, "db.query.text", "db.statement") or ""))
        return system, said or (statement[1].upper() if statement else None)
    for service, names in (("faas.invoked_name", ("faas.trigger",)), ("messaging.system", ("messaging.operation.type", "messaging.operation"))):
        if held.get(service) or _first(held, *names):
            return held.get(service), _first(held, *names)
    if held.get("graphql.operation.type"):
        return "graphql", held["graphql.operation.type"]
    return None, None


def _resource(held: dict[str, Any]) -> tuple[str, str]:
    """The type and the name of the thing that was asked about, if it is said."""
    if held.get("aws.remote.resource.type") and held.get("aws.remote.resource.identifier"):
        return str(held["aws.remote.resource.type"]), str(held["aws.remote.resource.identifier"])
    for kind, names in _RESOURCES:
        found = _first(held, *names)
        if isinstance(found, str):
            return kind, re.split(r"[:/]", found)[-1]
    name, host = _first(held, "db.namespace", "db.name"), _first(held, "server.address", "net.peer.name")
    if name and host:
        port = _first(held, "server.port", "net.peer.port")
        return "DB::Connection", "|".join(str(part) for part in (name, host, port) if part)
    return "", ""
