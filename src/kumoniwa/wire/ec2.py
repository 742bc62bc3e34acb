"""EC2's dialect of the query protocol: capitalised names, every list flattened, answers without a result wrapper."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kumoniwa.wire import query, refusals
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.xml import Writers, readable

if TYPE_CHECKING:
    from kumoniwa.aws.models import Member, Operation
    from kumoniwa.kernel.errors import AwsError


class Readers(query.Readers):
    def name_of(self, member: Member) -> str:
        if member.query_name:
            return member.query_name
        name = member.wire_name
        return name[:1].upper() + name[1:]

    def is_flat(self, member: Member) -> bool:
        return True


def reader(operation: Operation) -> Callable[[Request, dict | None], dict]:
    return query.reader(operation, Readers)


def writer(operation: Operation) -> Callable[[dict | None, str], Response]:
    name, space = operation.name, operation.service.xml_namespace
    head = f'<{name}Response xmlns="{space}">' if space else f"<{name}Response>"
    content = Writers().content(operation.output) if operation.output is not None else None

    def write(reply: dict | None, request_id: str) -> Response:
        # The model of operations that answer nothing says nothing; EC2 itself writes <return>true</return>.
        inside = (content(reply) if reply else "") if content is not None else "<return>true</return>"
        body = f"{head}<requestId>{request_id}</requestId>{inside}</{name}Response>"
        return Response(200, body.encode(), {"Content-Type": "text/xml;charset=UTF-8"})

    return write


def refuser(operation: Operation) -> Callable[[AwsError, str], Response]:
    service = operation.service

    def refuse(error: AwsError, request_id: str) -> Response:
        said = refusals.refusal(service, error)
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Response><Errors><Error>{query.code_and_message(said)}"
            f"{query.error_members(said, error)}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
        return Response(said.status, readable(body), {"Content-Type": "text/xml;charset=UTF-8"})

    return refuse
