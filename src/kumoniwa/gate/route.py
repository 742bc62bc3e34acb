"""From a request's head to the one function that answers it.

Routes are found once for each operation and protocol and then looked up; a service is imported
when its first request arrives.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from zlib import crc32

import orjson

from kumoniwa.aws import actions, events, models
from kumoniwa.gate import access_point, tags
from kumoniwa.gate.address import BALANCER, BALANCER_PORT, CONTROL, Address, locate
from kumoniwa.gate.edge import EdgeName
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName, host_named
from kumoniwa.gate.paging import Pager, pager_for
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.ids import host_id
from kumoniwa.kernel.operation import Handler, Service, load, service_names
from kumoniwa.kernel.record import changed
from kumoniwa.wire.codec import CBOR_OF_JSON, Codec, codec, detect, unpacked
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.query import action_of, version_of
from kumoniwa.wire.routes import routes
from kumoniwa.wire.xml import escaped, readable

DOORS = {"execute-api": "apigateway", "lambda-url": "lambda", "lambda-code": "lambda", "s3-website": "s3", "cloudformation": "cloudformation",
         "mail": "ses", "notices": "sns", "approvals": "acm", "appsync-api": "appsync", "appsync-realtime-api": "appsync",
         "auth": "cognito-idp", "user-pool": "cognito-idp", "cloudfront": "cloudfront", "token-issuer": "sts", "registry": "ecr", BALANCER: "elbv2", BALANCER_PORT: "elbv2"}  # fmt: skip
"""Addresses that are not AWS API calls, and the service whose ``door.serve`` answers them."""
_NO_DOOR = (None, "s3")
DATA_PLANES = frozenset({("xray", "/v1/traces"), ("dynamodb", "/")})
"""Paths at a service's own name which are answered by its ``door.serve``, where no operation is named, because no model knows them."""
AGENTS = (
    *(f"AmazonSSM.{name}" for name in ("RegisterManagedInstance", "RequestManagedInstanceRoleToken", "UpdateManagedInstancePublicKey")),
    "AmazonSSM.UpdateInstanceInformation", "EC2WindowsMessageDeliveryService.",
)  # fmt: skip
"""How the targets begin of what AWS's agent on managed nodes asks. No model knows these operations: Systems Manager's door answers them."""
CONNECTIONS = re.compile(r"/(?:@|%40)connections/")
"""Where in the path of an API's own name the operations of its connections begin."""


class UnknownOperationException(AwsError):
    status = 404


class MissingAction(AwsError):
    status = 400
    message = "The request must contain the parameter Action."


class InvalidAction(AwsError):
    status = 400


def mark(response: Response, request_id: str) -> None:
    response.headers["x-amzn-RequestId"] = request_id


def mark_of_s3(response: Response, request_id: str) -> None:
    """S3's answers carry two ids and tell who served them."""
    headers = response.headers
    headers["x-amz-request-id"] = request_id
    headers["x-amz-id-2"] = host_id(request_id)
    headers["Server"] = "AmazonS3"


def mark_with_sum(response: Response, request_id: str) -> None:
    """DynamoDB's answers carry a sum of their body, which SDKs compare: AWS's for Go warns of every answer without one."""
    response.headers["x-amzn-RequestId"] = request_id
    response.headers["x-amz-crc32"] = str(crc32(response.body))
    response.headers["Server"] = "Server"


_MARKS = {"s3": mark_of_s3, "s3control": mark_of_s3, "dynamodb": mark_with_sum, "dynamodbstreams": mark_with_sum}


class Route:
    """One operation over one protocol: everything the passage needs, looked up once."""

    __slots__ = (
        "service", "name", "model", "handler", "codec", "check", "protocol", "family", "action", "pager", "paging_members", "is_recorded",
        "takes_stream", "door", "is_read_only", "mark", "calls", "refusals", "source", "event_name", "tags", "told_tags", "retags",
        "service_has_two_modes", "token",
    )  # fmt: skip

    def __init__(self, service: Service, model: models.Operation, handler: Handler, protocol: str) -> None:
        self.service, self.name, self.model, self.handler = service, model.name, model, handler
        self.codec: Codec = codec(model, protocol)
        self.protocol = self.codec.protocol
        self.family = "s3" if service.name in ("s3", "s3control") else self.protocol
        self.check: Callable[[dict], None] = self.codec.check if service.refusal_of is None else self._check_in_own_words
        needs_none = (service.name, model.name) in events.NO_PERMISSION_NEEDED
        self.action = "" if needs_none else actions.action(service.name, model.name)
        self.pager: Pager | None = pager_for(model, handler.members)
        self.paging_members = self.pager.members if self.pager else frozenset()
        self.source = f"{actions.prefix(service.name)}.amazonaws.com"
        self.event_name = events.event_name(service.name, model.name)
        """Service and operation as CloudTrail calls them."""
        self.is_recorded = events.is_management(service.name, model.name)
        self.is_read_only = events.is_read_only(service.name, model.name)
        self.takes_stream = any(m.is_streaming for m in model.input.members.values()) if model.input else False
        self.tags = tags.members_of(service.name, model.name, model.input.members if model.input else ())
        """Parameters that carry tags."""
        self.told_tags = () if f"{service.name}:{model.name}" in tags.UNTOLD else self.tags
        """Those of which policies are told."""
        may_retag = bool(self.tags) or (service.name == "s3" and model.name in tags.OF_BUCKETS)
        self.retags = may_retag and service.all_tags is not None and not self.is_read_only
        """Whether it may change the tags of something that its service keeps."""
        self.door: Callable | None = None
        self.service_has_two_modes = self.model.service.is_query_compatible and self.protocol != "query"
        """Whether errors have the statuses of the query protocol only for clients that say that they once spoke it; for all others theirs
        is 400. https://smithy.io/2.0/aws/protocols/aws-query-protocol.html, recorded: localstack's test_exception_serializing_with_no_shape_in_spec."""
        self.token = service.tokens.get(model.name)
        self.calls, self.refusals = 0, Counter()
        self.mark = _MARKS.get(service.name, mark)

    def _check_in_own_words(self, params: dict) -> None:
        """Raise what AWS answers if a constraint of the model is broken, as the service says it, which may say that AWS takes it."""
        try:
            self.codec.check(params)
        except AwsError as error:
            refused = self.service.refusal_of(self.name, params, error)
            if refused is not None:
                raise refused from None

    def refuse(self, error: AwsError, request_id: str, request: Request | None = None) -> Response:
        response = self.codec.refuse(error, request_id)
        if 400 < response.status < 500 and self.service_has_two_modes and error.code in self.model.service.errors and not _is_in_query_mode(request):
            response.status = 400
        return response


def _is_in_query_mode(request: Request | None) -> bool:
    return request is not None and request.headers.get("x-amzn-query-mode") == "true"


class DoorRoute:
    """A request to a data plane of its own: an API's stage, a function's URL."""

    __slots__ = ("service", "door", "address", "takes_stream")
    mark = staticmethod(mark)

    def __init__(self, service: str, door: Any, address: Address) -> None:
        self.service, self.door, self.address = service, door.serve, address
        self.takes_stream = getattr(door, "TAKES_STREAM", False)
        """Whether the door reads a long body while it arrives."""

    def refuse(self, error: AwsError, request_id: str, request: Request | None = None) -> Response:
        status = error.status or 400
        return Response(status, b'{"message":"%b"}' % error.text.replace('"', "'").encode(), {"Content-Type": "application/json"})


class NoRoute:
    """What refuses a request that names no operation we know, in the words of the protocol it seems to speak."""

    mark = staticmethod(mark)

    def __init__(self, request: Request | None, protocol: str = "") -> None:
        self.request, self.protocol = request, protocol

    def refuse(self, error: AwsError, request_id: str, request: Request | None = None) -> Response:
        headers = self.request.headers if self.request else {}
        status = error.status or 400
        if self.protocol == "rest-json":
            body = orjson.dumps({"message": error.text})
            return Response(status, body, {"Content-Type": "application/json", "x-amzn-ErrorType": error.code})
        if isinstance(error, UnknownOperationException) and headers.get("x-amz-target", "").startswith("DynamoDB"):
            # Without a word: recorded by architect/dynalite, test/connection.js.
            return Response(400, b'{"__type":"com.amazon.coral.service#UnknownOperationException"}', {"Content-Type": "application/x-amz-json-1.0"})
        if "x-amz-target" in headers or headers.get("content-type", "").startswith("application/json"):
            body = orjson.dumps({"__type": error.code, "message": error.text})
            return Response(status, body, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": error.code})
        if self.protocol == "ec2":
            said = f"<Errors><Error><Code>{error.code}</Code><Message>{escaped(error.text)}</Message></Error></Errors><RequestID>{request_id}</RequestID>"
            return Response(status, readable(f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>{said}</Response>'), {"Content-Type": "text/xml;charset=UTF-8"})
        kind = "Sender" if status < 500 else "Receiver"
        body = (
            f"<ErrorResponse><Error><Type>{kind}</Type><Code>{error.code}</Code><Message>{escaped(error.text)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        signing_name = self.request.address.signing_name if self.request and self.request.address else None
        if isinstance(error, UnknownOperationException) and signing_name not in (None, "s3"):
            # What AWS's front end answers to a path or an operation it does not know.
            return Response(status, b"<UnknownOperationException/>\n", {"Content-Type": "text/xml"})
        if self.request and (signing_name == "s3" or (signing_name is None and not self.request.body)):
            # S3 wraps its errors in nothing, and its clients (minio-py's) take no other type of content for a refusal.
            body = f"<Error><Code>{error.code}</Code><Message>{escaped(error.text)}</Message><RequestId>{request_id}</RequestId></Error>"
            return Response(status, readable(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'), {"Content-Type": "application/xml"})
        return Response(status, readable(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'), {"Content-Type": "text/xml"})


def _is_of_browser(request: Request) -> bool:
    """Whether a page asks if it may, or sends a form: no operation of a model, but a matter of the data plane."""
    return request.method == "OPTIONS" or request.headers.get("content-type", "").startswith("multipart/form-data")


def _form(request: Request) -> str:
    return unpacked(request).decode("latin-1") if request.body else request.query


class Names:
    """How requests name the services that are here."""

    def __init__(self) -> None:
        self.signed_as: dict[str, list[str]] = {}
        self.targets: dict[str, str] = {}
        self.versions: dict[str, list[str]] = {}
        for name in sorted(service_names()):
            model = models.service(name)
            self.signed_as.setdefault(CONTROL if name == CONTROL else model.signing_name, []).append(name)
            self.versions.setdefault(model.api_version, []).append(name)
            if model.target_prefix:
                # Where the prefix has dots, SDKs that are made from Smithy's models (Go's, Java's and JavaScript's newer ones)
                # send its last part alone, as Smithy's protocols say: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
                self.targets[model.target_prefix] = self.targets[model.target_prefix.rpartition(".")[2]] = name
        known = {signing_name: [models.service(name) for name in names] for signing_name, names in self.signed_as.items()}
        self.rest = frozenset(
            signing_name
            for signing_name, services in known.items()
            if all(protocol.startswith("rest-") for each in services for protocol in each.protocols)
        )
        """Signing names whose services are spoken to by method and path and in no other way."""
        self.in_query = frozenset(signing_name for signing_name, (first, *_) in known.items() if not first.protocol.startswith("rest-"))
        """Signing names whose form may stand in the query string: those whose first service has no paths."""
        self.by_form = frozenset(
            signing_name
            for signing_name, services in known.items()
            if all("query" in each.protocols and not each.protocol.startswith("rest-") for each in services)
        )
        """Those of which none has any, so that what names no operation lacks its action. SES's second API has paths beside its first."""


_names = lru_cache(1)(Names)


class Routes:
    def __init__(self, home) -> None:
        self.home = home
        self.names = _names()
        self.by_target: dict[str, Route] = {}
        self.by_cbor_target: dict[str, Route] = {}
        self.by_action: dict[tuple[str | None, str, str], Route] = {}
        """By signing name, protocol and the action that a form names."""
        self.by_name: dict[tuple[str, str, str], Route] = {}
        self._paths: dict[str, list[tuple[str, Any]]] = {}
        """By signing name: its services and their paths, from the first request on."""

    def find(self, request: Request) -> Route | DoorRoute:
        """The route of a request. Raises UnknownOperationException, NotImplementedHere and the like."""
        target = request.headers.get("x-amz-target")
        if target is not None:
            known = self.by_cbor_target if request.headers.get("content-type") == CBOR_OF_JSON else self.by_target
            route = known.get(target)
            if route is not None:
                return route
        address = request.address or locate(request)
        if target is not None and target.startswith(AGENTS):
            return self._door("ssm", address)
        if address.signing_name == "execute-api" and (at := CONNECTIONS.search(request.path)) is not None:
            return self._by_path(request, address, request.path[at.start() :])
        if address.door in _NO_DOOR and address.signing_name in self.names.rest and target is None and address.signing_name != "execute-api":
            return self._by_path(request, address)
        if address.door is not None and address.door in DOORS:
            # Those who are called under names of API Gateway's own have told the gate.
            owner = self.home.store.shelf(SHARED, HostName).get(address.name) if address.door == "execute-api" else None
            return self._door(owner.service if owner is not None else DOORS[address.door], address)
        if address.door is None and address.signing_name in (None, "execute-api") and target is None:
            owner = host_named(self.home.store.shelf(SHARED, HostName), request.host) or host_named(
                self.home.store.shelf(SHARED, EdgeName), request.host
            )
            if owner is not None:
                return self._door(owner.service, changed(address, door="host-name", name=owner.name, path=request.path))
        if target is None and (address.signing_name, request.path) in DATA_PLANES and address.door is None:
            return self._door(self.names.signed_as[address.signing_name][0], address)
        protocol, _, hinted_operation = detect(request)
        if target is not None:
            prefix, _, operation = target.rpartition(".")
            service = self.names.targets.get(prefix)
            if service is None:
                raise NotImplementedHere(f"the service of {target}")
            route = known[target] = self.named(service, operation, protocol)
            return route
        if protocol in ("query", "ec2"):
            return self._by_action(request, address, protocol, hinted_operation)
        if protocol == "rest" and address.signing_name in (self.names.in_query if "Action=" in request.query else self.names.by_form):
            return self._by_action(request, address, "query", action_of(_form(request)))
        if protocol == "smithy-rpc-v2-cbor":
            return self.named(self._service(address, request), hinted_operation, protocol)
        return self._by_path(request, address)

    def named(self, service: str, operation: str, protocol: str = "") -> Route:
        """The route of an operation by its name; over the service's own protocol unless told."""
        route = self.by_name.get((service, operation, protocol))
        if route is None:
            route = self.by_name[service, operation, protocol] = self._made(service, operation, protocol)
        return route

    def _made(self, service: str, operation: str, protocol: str) -> Route:
        try:
            model = models.service(service)
        except KeyError:
            raise UnknownOperationException(f"AWS has no service {service}.")
        if operation not in model.operation_names:
            raise UnknownOperationException(f"{service} has no operation {operation}.")
        if service not in service_names() or operation not in (ours := load(service)).handlers:
            raise NotImplementedHere(f"{service}:{operation}")
        self.home.service_used(ours)
        return Route(ours, model.operation(operation), ours.handlers[operation], protocol or model.protocol)

    def protocol_of(self, request: Request | None) -> str:
        """What the service of a request speaks, even one whose operation we do not know; empty where nothing tells."""
        signing_name = request.address.signing_name if request is not None and request.address else None
        if not signing_name:
            return ""
        names = self.names.signed_as.get(signing_name)
        if names is not None:
            return models.service(names[0]).protocol
        # Of AWS's services that are told by their paths, S3's kin, CloudFront and Route 53 alone speak XML.
        return "rest-json" if not signing_name.startswith("s3") and detect(request)[0] == "rest" else ""

    def _service(self, address: Address, request: Request, fallback: str = "") -> str:
        """The boto3 name of the service a request is for."""
        signing_name = address.signing_name or fallback
        names = self.names.signed_as.get(signing_name)
        if names is None:
            raise NotImplementedHere(f"the service {signing_name or request.host}")
        return names[0]

    def _by_action(self, request: Request, address: Address, protocol: str, operation: str | None) -> Route:
        if not operation:
            raise MissingAction
        known = self.by_action.get((address.signing_name, protocol, operation))
        if known is not None:
            return known
        version = version_of(_form(request)) or ""
        if address.signing_name:
            service = self._service(address, request)
        else:
            service = next(iter(self.names.versions.get(version, ())), "") or self._service(address, request)
        model = models.service(service)
        if operation not in model.operation_names:
            # SQS, which speaks JSON too: localstack's validated test_invalid_action_raises_exception; the others as IAM does.
            is_sqs_like = model.protocol == "json"
            raise InvalidAction(
                f"The action {operation} is not valid for this endpoint."
                if is_sqs_like
                else f"Could not find operation {operation} for version {version or model.api_version}"
            )
        # EC2's forms look like those of the query protocol, and are read otherwise.
        route = self.named(service, operation, "ec2" if model.protocol == "ec2" else protocol)
        if address.signing_name:
            self.by_action[address.signing_name, protocol, operation] = route
        return route

    def _by_path(self, request: Request, address: Address, path: str | None = None) -> Route | DoorRoute:
        """The route of a REST operation; ``path`` is the request's own, unless something else stands before it."""
        services = self._paths_of(address.signing_name or "s3")
        method, path = request.method, request.path if path is None else path
        if method in ("POST", "OPTIONS") and services[0][0] == "s3" and _is_of_browser(request):
            return self._door("s3", address)
        if address.door == "s3":
            path = f"/{address.name}{path}"
        for name, paths in services:
            found = paths.match(method, path, request.query, request.headers)
            if found is not None:
                request.labels = found.labels
                if name == "s3" and (address.door == "s3" or request.labels.get("Bucket", "").endswith(access_point.ALIASES_END)):
                    access_point.lead(self.home, request, address.door == "s3")
                return self.named(name, found.operation)
        if method == "POST" and services[0][0] == "s3" and not request.query:
            # A form of a wrong type, which the door says.
            return self._door("s3", address)
        if (address.signing_name, path) in DATA_PLANES:
            return self._door(services[0][0], address)
        raise UnknownOperationException(f"{services[0][0]} has no operation at {request.method} {request.path}.")

    def _paths_of(self, signing_name: str) -> list[tuple[str, Any]]:
        paths = self._paths.get(signing_name)
        if paths is None:
            names = self.names.signed_as.get(signing_name)
            if names is None:
                raise NotImplementedHere(f"the service {signing_name}")
            paths = self._paths[signing_name] = [(name, routes(models.service(name))) for name in names]
        return paths

    def _door(self, service: str, address: Address) -> DoorRoute:
        ours = load(service)
        self.home.service_used(ours)
        if ours.door is None:
            raise NotImplementedHere(f"the data plane of {service}")
        return DoorRoute(service, ours.door, address)

