"""REST with JSON bodies: Lambda, API Gateway and most of AWS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from kumoniwa.wire import json, refusals, rest
from kumoniwa.wire.message import Request, Response

if TYPE_CHECKING:
    from kumoniwa.aws.models import Member, Operation, Shape
    from kumoniwa.kernel.errors import AwsError

CONTENT_TYPE = "application/json"


def _read_body(shape: Shape) -> Callable[[bytes], dict]:
    return json.body_reader(shape, _body_name)


def _body_name(member: Member) -> str:
    return member.wire_name


def _write_body(operation: Operation, payload: Member | None) -> Callable[[dict], bytes]:
    if payload is not None:
        return json.body_writer(payload.shape, _body_name)
    bound = {member.name for member in operation.output.members.values() if member.location is not None}
    write = json.body_writer(operation.output, _body_name)
    if not bound:
        return write
    return lambda reply: write({name: value for name, value in reply.items() if name not in bound})


def _write_event(shape: Shape) -> Callable[[dict], bytes]:
    return json.body_writer(shape, _body_name)


def reader(operation: Operation) -> Callable[[Request, dict | None], dict]:
    return rest.reader(operation, _read_body, rest.unreadable)


def writer(operation: Operation) -> Callable[[dict | None, str], Response]:
    # AWS answers an operation without output with an empty body, one whose output is an empty structure with {}.
    empty = b"" if operation.output is None or operation.status == 204 else b"{}"
    return rest.writer(operation, _write_body, _write_event, CONTENT_TYPE, empty)


def refuser(operation: Operation) -> Callable[[AwsError, str], Response]:
    service = operation.service

    def refuse(error: AwsError, request_id: str) -> Response:
        said = refusals.refusal(service, error)
        content = refusals.members(said, error)
        headers = {"Content-Type": CONTENT_TYPE, "x-amzn-errortype": said.name} | said.query_error_header()
        if said.shape is None:
            return Response(said.status, orjson.dumps(content), headers)
        write_headers = rest.headers_writer(said.shape)
        if write_headers is not None:
            write_headers(content, headers)
        bound = {member.name for member in said.shape.members.values() if member.location is not None}
        body = json.body_writer(said.shape, _body_name)({k: v for k, v in content.items() if k not in bound})
        return Response(said.status, body, headers)

    return refuse
