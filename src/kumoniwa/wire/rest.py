"""Where REST protocols put things: labels of the path, query, headers, status, and the payload.

JSON and XML differ only in how a body is read and written; they hand those two functions in.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

from kumoniwa.aws.aliases import PAYLOAD_TYPES
from kumoniwa.aws.models import Member, Operation, Shape
from kumoniwa.kernel.errors import AwsError, SerializationException
from kumoniwa.wire import eventstream, scalars
from kumoniwa.wire.message import Answer, Request, Response
from kumoniwa.wire.query import fields

BodyReader = Callable[[Shape], Callable[[bytes], dict]]
BodyWriter = Callable[[Operation, Member | None], Callable[[dict], bytes]]
Unreadable = Callable[[Member, str], AwsError | None]
"""What to say of a text that cannot be read; nothing, if it is as if it were not there."""

_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*?))\s*(?:,|\Z)')


# Reading -------------------------------------------------------------------------------------------------------------


def _listed(text: str) -> list[str]:
    """The items of a list in a header; items with commas or quotes in them are quoted."""
    items, at = [], 0
    while at < len(text):
        found = _ITEM.match(text, at)
        if found is None:
            raise ValueError("not a list")
        quoted, plain = found.groups()
        items.append(plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        at = found.end()
    return items


def _header_reader(member: Member) -> Callable[[str], Any]:
    if member.is_json_value:
        return lambda text: b64decode(text, validate=True).decode()
    if member.shape.type != "list":
        return scalars.reader(member)
    element = member.shape.element
    item = scalars.reader(element)
    if element.shape.type == "timestamp" and (element.timestamp_format or "rfc822") == "rfc822":
        # An HTTP date carries a comma of its own.
        return lambda text: [item(each) for each in re.findall(r"[^,]+,[^,]+", text)]
    if element.shape.type == "string":
        return _listed
    return lambda text: [item(each.strip()) for each in text.split(",")]


def _query_reader(member: Member) -> Callable[[list[str]], Any]:
    if member.shape.type == "list":
        item = scalars.reader(member.shape.element)
        return lambda texts: [item(text) for text in texts]
    one = scalars.reader(member)
    return lambda texts: one(texts[0])


def _payload_reader(member: Member, body_of: BodyReader) -> Callable[[Request, dict], None]:
    name, kind = member.name, member.shape.type
    if member.is_streaming or member.shape.is_event_stream:

        def read_stream(request: Request, params: dict) -> None:
            params[name] = request.stream if request.stream is not None else request.body

        return read_stream
    if kind in ("blob", "string"):

        def read_whole(request: Request, params: dict) -> None:
            if request.body:
                params[name] = request.body if kind == "blob" else request.body.decode("utf-8", "replace")

        return read_whole
    read = body_of(member.shape)

    def read_structure(request: Request, params: dict) -> None:
        if request.body:
            params[name] = read(request.body)

    return read_structure


def reader(operation: Operation, body_of: BodyReader, unreadable: Unreadable) -> Callable:
    """A reader of requests: ``read(request, labels) -> params``."""
    shape = operation.input
    if shape is None:
        return lambda request, labels=None: {}
    members = list(shape.members.values())
    labels_of = [(m.wire_name, m, scalars.reader(m)) for m in members if m.location == "uri"]
    headers_of = {m.wire_name.lower(): (m, _header_reader(m)) for m in members if m.location == "header"}
    header_names = headers_of.keys()
    prefixes_of = [
        (m.wire_name.lower() if m.location_name else "", m) for m in members if m.location == "headers"
    ]
    in_query = [m for m in members if m.location == "querystring"]
    query_of = {m.wire_name: (m, _query_reader(m)) for m in in_query if m.shape.type != "map"}
    whole_query = next((m for m in in_query if m.shape.type == "map"), None)
    fixed = {name for name, _ in fields(operation.uri.partition("?")[2])}
    payload = shape.members[shape.payload] if shape.payload else None
    read_payload = _payload_reader(payload, body_of) if payload is not None else None
    has_body = payload is None and any(m.location is None for m in members)
    read_body = body_of(shape) if has_body else None

    def bind_query(query: str, params: dict) -> None:
        found: dict[str, list[str]] = {}
        for name, value in fields(query):
            found.setdefault(name, []).append(value)
        for name, values in found.items():
            place = query_of.get(name)
            if place is None:
                continue
            member, read = place
            try:
                params[member.name] = read(values)
            except ValueError:
                error = unreadable(member, values[0])
                if error is not None:
                    raise error from None
        if whole_query is not None:
            left = {
                name: values for name, values in found.items() if name not in query_of and name not in fixed
            }
            if left:
                is_many = whole_query.shape.value.shape.type == "list"
                params[whole_query.name] = left if is_many else {name: each[0] for name, each in left.items()}

    def bind_headers(headers: dict[str, str], params: dict) -> None:
        for name in header_names & headers.keys():
            member, read = headers_of[name]
            text = headers[name]
            try:
                params[member.name] = read(text)
            except ValueError:
                raise unreadable(member, text) from None
        for prefix, member in prefixes_of:
            if prefix in "\n".join(headers):
                named = {name.removeprefix(prefix): text for name, text in headers.items() if name.startswith(prefix)}
                if named:
                    params[member.name] = named

    def read(request: Request, labels: dict[str, str] | None = None) -> dict:
        params: dict[str, Any] = {}
        if read_payload is not None:
            read_payload(request, params)
        elif read_body is not None and request.body:
            params = read_body(request.body)
        if labels_of and labels is not None:
            for name, member, value_of in labels_of:
                text = labels.get(name)
                if text is None:
                    continue
                try:
                    params[member.name] = value_of(text)
                except ValueError:
                    raise unreadable(member, text) from None
        if request.query and in_query:
            bind_query(request.query, params)
        if headers_of or prefixes_of:
            bind_headers(request.headers, params)
        return params

    return read


def unreadable(member: Member, text: str) -> AwsError:
    return SerializationException(f"{text[:200]} is not a valid {member.shape.type} for {member.name}")


# Writing -------------------------------------------------------------------------------------------------------------


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if "," in text or '"' in text else text


def _header_writer(member: Member) -> Callable[[Any], str | None]:
    if member.is_json_value:
        return lambda value: b64encode(
            (value if isinstance(value, str) else json.dumps(value)).encode()
        ).decode()
    if member.shape.type == "list":
        element = member.shape.element
        item = scalars.writer(element, "rfc822")
        if element.shape.type == "string":
            return lambda value: ", ".join(_quoted(each) for each in value) if value else None
        return lambda value: ", ".join(item(each) for each in value) if value else None
    if member.shape.type == "string":
        return _as_bytes
    return scalars.writer(member, "rfc822")


def _as_bytes(value: str) -> str:
    """A header is latin-1; what does not fit is written as UTF-8 bytes, as AWS does. The server sees that it stays one line."""
    return value if value.isascii() or all(letter <= "\xff" for letter in value) else value.encode().decode("latin-1")


def headers_writer(shape: Shape) -> Callable[[dict, dict[str, str]], None] | None:
    """A function that puts the members bound to headers into a response's headers."""
    members = shape.members.values()
    plain = {m.name: (m.wire_name, _header_writer(m)) for m in members if m.location == "header"}
    prefixed = [(m.name, m.location_name or "") for m in members if m.location == "headers"]
    if not plain and not prefixed:
        return None

    def write(reply: dict, headers: dict[str, str]) -> None:
        for name, value in reply.items():
            place = plain.get(name)
            if place is not None and value is not None:
                text = place[1](value)
                if text is not None:
                    headers[place[0]] = text
        for name, prefix in prefixed:
            for key, value in (reply.get(name) or {}).items():
                headers[prefix + key] = _as_bytes(value)

    return write


def _payload_writer(
    operation: Operation,
    member: Member,
    body_of: BodyWriter,
    event_of: eventstream.BodyWriter,
    content_type: str,
) -> Callable:
    """Answers body and Content-Type of a value in the payload."""
    kind = member.shape.type
    if member.shape.is_event_stream:
        write_event = eventstream.event_writer(member.shape, event_of, content_type)
        return lambda value: (b"" if value is None else eventstream.framed(value, write_event), eventstream.CONTENT_TYPE)
    if kind in ("structure", "list", "map") or member.shape.is_document:
        write = body_of(operation, member)
        return lambda value: (b"" if value is None else write(value), content_type)
    if kind == "string":
        return lambda value: (value.encode() if isinstance(value, str) else value or b"", "text/plain")
    blob_type = PAYLOAD_TYPES.get((operation.service.name, operation.name), "application/octet-stream")
    return lambda value: (b"" if value is None else value, blob_type)


def writer(
    operation: Operation,
    body_of: BodyWriter,
    event_of: eventstream.BodyWriter,
    content_type: str,
    empty: bytes,
) -> Callable:
    """A writer of replies: ``write(reply, request_id) -> Response``. ``event_of`` writes the payloads of events,
    ``empty`` is the body when nothing is bound to it."""
    shape, status = operation.output, operation.status
    if shape is None:
        headers = {"Content-Type": content_type} if empty else {}
        return lambda reply, request_id: Response(
            reply.status if type(reply) is Answer else status, empty, dict(headers)
        )
    members = shape.members.values()
    status_member = next((m.name for m in members if m.location == "statusCode"), None)
    write_headers = headers_writer(shape)
    payload = shape.members[shape.payload] if shape.payload else None
    write_payload = (
        _payload_writer(operation, payload, body_of, event_of, content_type) if payload is not None else None
    )
    has_body = payload is None and any(m.location is None for m in members)
    write_body = body_of(operation, None) if has_body else None
    # HEAD tells the type that a body would have, unless the reply does: moto's test_header_content_type, verified against S3.
    tells_type = any(m.location == "header" and m.wire_name.lower() == "content-type" for m in members)
    bodiless = content_type if empty or (operation.method == "HEAD" and not tells_type) else None

    def write(reply: dict | None, request_id: str) -> Response:
        if reply is None:
            reply = {}
        body: Any = empty
        kind = bodiless
        if write_payload is not None:
            body, kind = write_payload(reply.get(payload.name))
        elif write_body is not None:
            body, kind = write_body(reply), content_type
        response = Response(status, body)
        if kind is not None and (body or kind == content_type):
            response.headers["Content-Type"] = kind
        if write_headers is not None:
            write_headers(reply, response.headers)
        if status_member is not None and reply.get(status_member) is not None:
            response.status = int(reply[status_member])
        if type(reply) is Answer:
            response.status = reply.status
            response.headers.update(reply.headers)
        return response

    return write
