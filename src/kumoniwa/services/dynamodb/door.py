"""What DynamoDB answers at its own name to who names no operation: whether it is well, and whether a page of another origin may ask.

Source: recorded from AWS by architect/dynalite (test/connection.js); scylladb/scylladb, test_cors.py and test_health.py.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import orjson

from kumoniwa.gate.address import Address
from kumoniwa.wire.message import Request, Response

BODY_BYTES_MAX = 16 << 20
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
MAX_AGE_S = 172_800
_EXPOSED = "x-amzn-requestid,x-amzn-errortype,x-amzn-errormessage,date"
_ECHOED = {
    "access-control-request-headers": "Access-Control-Allow-Headers", "access-control-request-method": "Access-Control-Allow-Methods",
}  # fmt: skip


def headers_of(home: Any, request: Request) -> dict[str, str]:
    """What stands in the answer to a page of another origin: any may read it."""
    return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": _EXPOSED}


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    is_across = "origin" in request.headers
    if len(request.body) > BODY_BYTES_MAX:
        response = Response(413)
    elif request.method == "GET":
        response = Response(200, f"healthy: {request.host} ".encode(), {"Content-Type": "text/plain"})
    elif request.method == "OPTIONS" and is_across:
        allowed = {ours: request.headers[theirs] for theirs, ours in _ECHOED.items() if theirs in request.headers}
        response = Response(200, b"", {"Access-Control-Max-Age": str(MAX_AGE_S)} | allowed)
    elif request.method == "POST" and _is_json(request):
        why = "UnknownOperationException" if _is_read(request.body) else "SerializationException"
        response = Response(400, f'{{"__type":"com.amazon.coral.service#{why}"}}'.encode(), {"Content-Type": _kind(request)})
    else:
        response = Response(404, b"<UnknownOperationException/>\n")
    response.headers |= {"x-amzn-RequestId": request_id, "x-amz-crc32": str(crc32(response.body))}
    if is_across:
        response.headers |= headers_of(home, request)
    return response


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()


def _is_read(body: bytes) -> bool:
    try:
        return not body or orjson.loads(body) is not None
    except orjson.JSONDecodeError:
        return False


def _is_json(request: Request) -> bool:
    """What says nothing of its body is JSON if there is none."""
    if "content-type" not in request.headers:
        return not request.body
    return _kind(request) in ("application/json", "application/x-amz-json-1.0")
