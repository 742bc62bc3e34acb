"""Where answers from outside come in. See `answer`."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.address import Address
from kumoniwa.kernel import principal as principals
from kumoniwa.services.cloudformation import answer
from kumoniwa.wire.message import Request, Response

REFUSED = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code><Message>%s</Message></Error>'


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    place = answer.named(home, request.path)
    if not place:
        return Response(
            403, REFUSED % (b"SignatureDoesNotMatch", b"The request signature we calculated does not match.")
        )
    if request.method != "PUT":
        return Response(
            405,
            REFUSED % (b"MethodNotAllowed", b"The specified method is not allowed against this resource."),
        )
    account, _, rest = place.partition("/")
    call = home.call("cloudformation", account, principals.service("cloudformation.amazonaws.com", account))
    answer.put(call, rest, request.body)
    return Response(200)
