"""What browsers send that is no operation: requests for pages, forms, and the preflight, by which they ask whether a page
may send something."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.route import mark_of_s3
from kumoniwa.kernel.ids import host_id
from kumoniwa.services.s3 import form, page
from kumoniwa.services.s3.cors import METHODS, asked_headers, bucket_of, headers_for, headers_of, rule_for
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.xml import escaped

MISSING = "CORSResponse: Bucket not found"
DISABLED = "CORSResponse: CORS is not enabled for this bucket."
FORBIDDEN = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)


async def serve(home: Any, request: Request, address: Any, request_id: str) -> Response:
    if request.method == "OPTIONS":
        response = _preflight(home, request, address, request_id)
    else:
        if address.door == "s3-website":
            response = await page.serve(home, request, address.name, request_id)
        else:
            response = await form.serve(home, request, address, request_id)
        if "origin" in request.headers:
            response.headers.update(headers_of(home, request))
    mark_of_s3(response, request_id)
    return response


def _preflight(home: Any, request: Request, address: Any, request_id: str) -> Response:
    origin = request.headers.get("origin")
    method = request.headers.get("access-control-request-method", "")
    if not origin:
        return _refused(
            400, "BadRequest", "Insufficient information. Origin request header needed.", "", "", request_id
        )
    bucket = bucket_of(home, request)
    if bucket is None or not bucket.cors:
        said = DISABLED if bucket is not None else MISSING
        return _refused(403, "AccessForbidden", said, method or request.method, "BUCKET", request_id)
    if method not in METHODS:
        return _refused(
            400, "BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}", "", "", request_id
        )
    depth = request.path.strip("/").count("/") + (address.door in ("s3", "s3-website") and request.path != "/")
    kind = "OBJECT" if depth else "BUCKET"
    asked = asked_headers(request)
    rule = rule_for(bucket, origin, method, asked)
    if rule is None:
        return _refused(403, "AccessForbidden", FORBIDDEN, method, kind, request_id)
    headers = headers_for(rule, origin)
    if asked:
        headers["Access-Control-Allow-Headers"] = ", ".join(asked)
    return Response(200, b"", headers)


def _refused(status: int, code: str, text: str, method: str, kind: str, request_id: str) -> Response:
    more = f"<Method>{escaped(method)}</Method><ResourceType>{kind}</ResourceType>" if method else ""
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{escaped(text)}</Message>{more}'
        f"<RequestId>{request_id}</RequestId><HostId>{host_id(request_id)}</HostId></Error>"
    )
    return Response(status, body.encode(), {"Content-Type": "application/xml"})
