"""The pages of a bucket that is a website: ``bucket.s3-website-us-east-1.localhost``.

Whoever asks is nobody in particular, so that only what is public is shown. Every object is got through the gate as any
other request would; here it is only decided which one, and how a refusal looks to somebody who reads it.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote

from kumoniwa.kernel.ids import host_id
from kumoniwa.kernel.principal import ANONYMOUS
from kumoniwa.services.s3.bucket import Bucket, location
from kumoniwa.services.s3.website import Redirect, index_key, redirect_of
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.xml import escaped

HTML = "text/html; charset=utf-8"
PASSED_ON = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "range", "user-agent", "referer")
TITLES = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 412: "Precondition Failed",
          416: "Requested Range Not Satisfiable", 500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable"}  # fmt: skip
_CODE = re.compile(rb"<Code>([^<]*)</Code><Message>([^<]*)</Message>")


async def serve(home: Any, request: Request, name: str, request_id: str) -> Response:
    """Answer a GET or HEAD of a page."""
    if request.method not in ("GET", "HEAD"):
        return _refused(405, "MethodNotAllowed", "The specified method is not allowed against this resource.", request_id,
                        Method=request.method, ResourceType="OBJECT")  # fmt: skip
    place = location(home, name)
    bucket = home.store.shelf(place.account, Bucket).get(name) if place is not None and place.region == home.name else None
    if bucket is None:
        return _refused(404, "NoSuchBucket", "The specified bucket does not exist", request_id, BucketName=name)
    if not bucket.website:
        return _refused(404, "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration",
                        request_id, BucketName=name)  # fmt: skip
    website, path = bucket.website, unquote(request.path[1:])
    everything = website.get("RedirectAllRequestsTo")
    if everything is not None:
        return _redirected(request, Redirect(301, everything["HostName"], everything.get("Protocol", ""), path), request.query)
    redirect = redirect_of(website, path, None)
    if redirect is not None:
        return _redirected(request, redirect)
    key = index_key(website, path)
    response = await _got(home, request, name, key)
    if response.status < 400:
        return _moved(response) or response
    folder = f"{path}/{website['IndexDocument']['Suffix']}"
    if key == path and response.status in (403, 404) and (await _got(home, request, name, folder, "HEAD")).status == 200:
        # A folder that was asked for without its slash.
        return Response(302, b"", {"Location": quote(f"/{path}/"), "Content-Length": "0"})
    redirect = redirect_of(website, path, response.status)
    if redirect is not None:
        return _redirected(request, redirect)
    return await _error_page(home, request, name, bucket, key, response, request_id)


async def _got(home: Any, request: Request, name: str, key: str, method: str = "") -> Response:
    """An object as the wire would answer it to anybody."""
    headers = {header: request.headers[header] for header in PASSED_ON if header in request.headers}
    asked = Request(method or request.method, quote(f"/{name}/{key}"), "", {"host": "s3.localhost", **headers}, is_tls=request.is_tls)
    response, _, _ = await home.gate.relay(ANONYMOUS, asked)
    return response


def _redirected(request: Request, to: Redirect, query: str = "") -> Response:
    protocol = to.protocol or ("https" if request.is_tls else "http")
    where = f"{protocol}://{to.host or request.host}/{quote(to.key)}" + (f"?{query}" if query else "")
    return Response(to.status, b"", {"Location": where, "Content-Length": "0"})


async def _error_page(
    home: Any, request: Request, name: str, bucket: Bucket, key: str, refusal: Response, request_id: str
) -> Response:
    """The bucket's own page about an error, or ours. A HEAD's refusal has no body, and so names no code."""
    said = _CODE.search(refusal.body) if isinstance(refusal.body, bytes) else None
    by_status = {403: ("AccessDenied", "Access Denied"), 404: ("NoSuchKey", "The specified key does not exist.")}
    code, text = (part.decode() for part in said.groups()) if said else by_status.get(refusal.status, ("", ""))
    more = {"Key": key} if code == "NoSuchKey" else {}
    document = bucket.website.get("ErrorDocument")
    if document is None:
        return _refused(refusal.status, code, text, request_id, **more)
    plain = Request("GET", request.path, "", {"host": request.host}, is_tls=request.is_tls)
    page = await _got(home, plain, name, document["Key"])
    if page.status == 200:
        page.status = refusal.status
        return _moved(page) or page
    second = _CODE.search(page.body)
    also = dict(zip(("Code", "Message"), (part.decode() for part in second.groups()), strict=True)) if second else {}
    if also.get("Code") == "NoSuchKey":
        also["Key"] = document["Key"]
    return _refused(refusal.status, code, text, request_id, also, **more)


def _moved(response: Response) -> Response | None:
    """Where an object leads that is not shown itself, be it the page about an error: localstack's test_object_website_redirect_location."""
    where = response.headers.get("x-amz-website-redirect-location")
    return Response(301, b"", {"Location": where, "Content-Length": "0"}) if where else None


def _listed(told: dict[str, str]) -> str:
    return "\n".join(f"<li>{name}: {escaped(value)}</li>" for name, value in told.items())


def _refused(status: int, code: str, text: str, request_id: str, also: dict[str, str] | None = None, **more: str) -> Response:
    title = f"{status} {TITLES.get(status, code)}"
    told = {"Code": code, "Message": text, **more, "RequestId": request_id, "HostId": host_id(request_id)}
    rows = _listed(told)
    if also is not None:
        rows += f"\n</ul>\n<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n{_listed(also)}"
    page = f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n{rows}\n</ul>\n<hr/>\n</body>\n</html>\n"
    return Response(status, page.encode("utf-8", "replace"), {"Content-Type": HTML, "x-amz-error-code": code, "x-amz-error-message": text})
