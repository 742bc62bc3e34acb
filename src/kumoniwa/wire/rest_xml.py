"""REST with XML bodies: S3, Route 53, CloudFront."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from kumoniwa.aws.aliases import BARE_TEXT, DOCUMENTS, XML_NAMESPACES
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.ids import host_id
from kumoniwa.wire import query, refusals, rest, xml, xml_reading
from kumoniwa.wire.message import Request, Response

if TYPE_CHECKING:
    from kumoniwa.aws.models import Member, Operation, Service, Shape

CONTENT_TYPE = "application/xml"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


class InvalidArgument(AwsError):
    """A header or query parameter that is not of its type, in S3's words."""

    status = 400


def _read_body(shape: Shape) -> Callable[[bytes], dict]:
    read = xml_reading.Readers().structure(shape)

    def read_body(body: bytes) -> dict:
        try:
            return read(xml_reading.parsed(body))
        except (ValueError, RecursionError):
            raise xml.MalformedXML from None

    return read_body


def namespace(operation: Operation) -> str | None:
    """The namespace of answers: the service's, or what the model says of some input."""
    service = operation.service
    said = operation.input_namespace or {}
    return service.xml_namespace or XML_NAMESPACES.get(service.name) or said.get("uri")


def _write_body(operation: Operation, payload: Member | None) -> Callable[[dict], bytes]:
    # S3 writes milliseconds also where there are none.
    writers = xml.Writers("iso8601.000" if is_bare(operation.service) else "iso8601")
    space = namespace(operation)
    key = (operation.service.name, operation.name)
    if payload is not None:
        # Some models repeat the member's own name as its location name; that says nothing.
        said = payload.location_name if payload.location_name != payload.name else None
        name = said or payload.shape.location_name or payload.shape.name
        whole = writers.element(payload, name, payload.xml_namespace or payload.shape.xml_namespace or space)
        return lambda value: (DECLARATION + whole(value)).encode()
    root = DOCUMENTS.get(key) or operation.output.location_name or operation.output.name
    spaces = operation.output.xml_namespace or ({"uri": space} if space else None)
    start = xml.opening(root, spaces)
    if key in BARE_TEXT:
        (member,) = operation.output.members

        def write_text(reply: dict) -> bytes:
            text = reply.get(member)
            shown = f"<{start}>{xml.escaped(text)}</{root}>" if text else f"<{start}/>"
            return (DECLARATION + shown).encode()

        return write_text
    content = writers.content(operation.output)
    attributes = writers.attributes(operation.output) or (lambda reply: "")

    def write(reply: dict) -> bytes:
        return f"{DECLARATION}<{start}{attributes(reply)}>{content(reply)}</{root}>".encode()

    return write


def _write_event(shape: Shape) -> Callable[[dict], bytes]:
    content, root = xml.Writers().content(shape), shape.location_name or shape.name
    return lambda value: f"<{root}>{content(value)}</{root}>".encode()


def _unreadable(optional: frozenset[str], member: Member, text: str) -> AwsError | None:
    if member.shape.type in ("integer", "long"):
        if not text and member.name in optional:
            return None
        said = f"Provided {member.wire_name} not an integer or within integer range"
        return InvalidArgument(said, ArgumentName=member.wire_name, ArgumentValue=text[:1024])
    return InvalidArgument(f"Invalid value for {member.wire_name}", ArgumentName=member.wire_name)


def reader(operation: Operation) -> Callable[[Request, dict | None], dict]:
    """A parameter that is a number and empty was not said, unless it must be."""
    shape = operation.input
    members = shape.members.values() if shape is not None else ()
    optional = frozenset(m.name for m in members if m.location == "querystring" and m.name not in shape.required)
    return rest.reader(operation, _read_body, partial(_unreadable, optional))


def writer(operation: Operation) -> Callable[[dict | None, str], Response]:
    return rest.writer(operation, _write_body, _write_event, CONTENT_TYPE, b"")


def is_bare(service: Service) -> bool:
    """S3 writes its errors without ``<ErrorResponse>`` around them; its own signature is what tells it from its kin."""
    return service.signature_version == "s3"


def refuser(operation: Operation) -> Callable[[AwsError, str], Response]:
    service, space, bare = operation.service, namespace(operation), is_bare(operation.service)

    def refuse(error: AwsError, request_id: str) -> Response:
        said = refusals.refusal(service, error)
        headers = {"Content-Type": CONTENT_TYPE}
        inside = query.code_and_message(said)
        if bare and not said.query_text:
            # S3 says that it says nothing: localstack's test_s3_object_acl_exceptions.
            inside += "<Message/>"
        if said.shape is not None:
            inside += query.error_members(said, error)
            write_headers = rest.headers_writer(said.shape)
            if write_headers is not None:
                write_headers(refusals.members(said, error), headers)
        known = said.shape.members if said.shape is not None else {}
        inside += "".join(
            f"<{name}>{xml.escaped(str(value))}</{name}>"
            for name, value in error.members.items()
            if name not in known
        )
        if bare:
            body = f"{DECLARATION}<Error>{inside}<RequestId>{request_id}</RequestId><HostId>{host_id(request_id)}</HostId></Error>"
        elif service.signature_version == "s3v4":
            # S3 Control says whose it is as S3 does, and not whose fault: localstack's test_tag_operation_no_bucket.
            told = f"<RequestId>{request_id}</RequestId><HostId>{host_id(request_id)}</HostId>"
            body = f'<ErrorResponse xmlns="{space}"><Error>{inside}</Error>{told}</ErrorResponse>'
        else:
            fault = "Sender" if said.is_sender_fault else "Receiver"
            head = f'<ErrorResponse xmlns="{space}">' if space else "<ErrorResponse>"
            body = f"{head}<Error><Type>{fault}</Type>{inside}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        if said.status == 304:
            # What it would describe is not sent: RFC 9110, 15.4.5.
            del headers["Content-Type"]
        if operation.method == "HEAD" or said.status == 304:
            return Response(said.status, b"", headers)
        return Response(said.status, xml.readable(body), headers)

    return refuse
