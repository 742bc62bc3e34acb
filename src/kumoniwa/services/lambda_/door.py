"""Where callers of function URLs come in: an HTTP request becomes an event, an answer an HTTP response.

Also where packages are fetched that ``Code.Location`` links to.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from kumoniwa.engines.lambda_runtime.environment import PRELUDE
from kumoniwa.gate import identity, signature
from kumoniwa.gate.address import Address
from kumoniwa.gate.authorize import compiled
from kumoniwa.gate.organization import organization_id
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.lambda_ import durable_begin, package, sandbox
from kumoniwa.services.lambda_.errors import TooManyRequestsException
from kumoniwa.services.lambda_.function import chosen
from kumoniwa.services.lambda_.invocation import PAYLOAD_BYTES_MAX, trace_of
from kumoniwa.services.lambda_.name import arn
from kumoniwa.services.lambda_.permission import Policy, key_of, text_of
from kumoniwa.services.lambda_.response import DEFAULT_TYPE, Streaming
from kumoniwa.services.lambda_.url import Address as UrlAddress
from kumoniwa.services.lambda_.url import Url, host
from kumoniwa.wire.message import Request, Response

_TEXT = re.compile(r"text/|application/(json|xml|javascript|x-www-form-urlencoded|[a-z0-9.-]+\+(json|xml))")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FORBIDDEN = "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"


async def serve(home, request: Request, address: Address, request_id: str) -> Response:
    if address.door == "lambda-code":
        file = package.linked(home, address.name)
        return Response(200, file, {"Content-Type": "application/zip"}) if file else _refusal(403, "Forbidden", "AccessDenied")
    held = home.store.shelf(identity.SHARED, UrlAddress).get(address.name)
    if held is None:
        # Recorded: test_lambda_url_non_existing_url.
        return _refusal(403, None, "AccessDeniedException")
    url = home.store.shelf(held.account, Url).get(held.key)
    if url is None or url.id != address.name:
        # Recorded: test_lambda_url_persists_after_alias_delete.
        return _refusal(403, FORBIDDEN, "AccessDeniedException")
    cors = _cors(url, request)
    if request.method == "OPTIONS" and cors and "access-control-request-method" in request.headers:
        return Response(200, b"", cors)
    call = Call(home, held.account, identity.ANONYMOUS, "lambda", "Invoke", request_id, request)
    try:
        response = await _answered(call, url, request, address)
    except TooManyRequestsException:
        response = _refusal(429, "Rate Exceeded.", "TooManyRequestsException")
    except AwsError as error:
        response = _refusal(error.status or 403, FORBIDDEN if error.code == "AccessDeniedException" else error.text, error.code)
    response.headers["x-amzn-RequestId"] = request_id
    response.headers.update(cors)
    return response


def _refusal(status: int, text: str | None, kind: str = "") -> Response:
    headers = {"Content-Type": "application/json"} | ({"x-amzn-ErrorType": kind} if kind else {})
    return Response(status, orjson.dumps({"Message": text}), headers)


async def _answered(call: Call, url: Url, request: Request, address: Address) -> Response:
    if request.speaker is not None:
        call.principal = request.speaker
    elif url.auth == "AWS_IAM":
        claim = signature.claim(request)
        if claim is None:
            return _refusal(403, FORBIDDEN, "AccessDeniedException")
        call.principal, secret = identity.identify(call.home, claim.access_key, claim.session_token, "rest-json")
        if secret is not None:
            signature.verify(request, claim, secret, call.now(), "rest-json")
    if not _is_allowed(call, url):
        return _refusal(403, FORBIDDEN, "AccessDeniedException")
    if len(request.body) > PAYLOAD_BYTES_MAX:
        return _refusal(413, f"Request must be smaller than {PAYLOAD_BYTES_MAX} bytes", "RequestEntityTooLargeException")
    version, qualifier = chosen(call, url.function, url.qualifier or None)
    trace = trace_of(call)
    payload = orjson.dumps(_event(call, url, request, address, trace))
    more = {"arn": arn(call, url.function, qualifier), "trace_id": trace}
    if version.durable is not None:
        if url.mode == "RESPONSE_STREAM":
            raise NotImplementedHere("function URLs that stream (InvokeMode RESPONSE_STREAM) of durable functions")
        outcome = await durable_begin.answered(call, version, qualifier, payload, trace, call.request_id)
        response = _response(outcome.payload) if outcome.function_error is None else _failed()
    elif url.mode == "RESPONSE_STREAM":
        response = await _streamed(Streaming(call, version, payload, **more))
    else:
        outcome = await sandbox.of(call.home).invoke(call, version, call.request_id, payload, **more)
        response = _response(outcome.payload) if outcome.function_error is None else _failed()
    # Recorded: test_cfn_function_url.
    response.headers["X-Amzn-Trace-Id"] = trace
    return response


def _failed() -> Response:
    return Response(502, b"Internal Server Error", {"Content-Type": "application/json"})


async def _streamed(streaming: Streaming) -> Response:
    """The response as it comes. One that begins with its HTTP head has its own status and headers."""
    await streaming.begun()
    if streaming.content_type is None and streaming.task.result().function_error is not None:
        return _failed()
    headers: dict[str, Any] = {"Content-Type": streaming.content_type or DEFAULT_TYPE}
    status, begun = 200, b""
    if streaming.content_type == PRELUDE:
        try:
            said, begun = await streaming.head()
            status = _status(said.get("statusCode", 200))
            headers = {"Content-Type": DEFAULT_TYPE}
            _lay(headers, said)
        except (TypeError, ValueError, AttributeError):
            return _failed()
    return Response(status, _body(streaming, begun), headers)


async def _body(streaming: Streaming, begun: bytes) -> AsyncIterator[bytes]:
    if begun:
        yield begun
    async for piece in streaming.pieces():
        yield piece
    streaming.check()


def _is_allowed(call: Call, url: Url) -> bool:
    """Two permissions, since October 2025: to use the URL, and to invoke the function through it.
    https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html. Of a URL that is open to everybody AWS was recorded after
    that to ask for the first alone (test_lambda_url_invocation, 24 November 2025); a denial of the second counts."""
    resource = arn(call, url.function, url.qualifier or None)
    held = call.shelf(Policy).get(key_of(url.function, url.qualifier or None))
    policy = compiled(text_of(held), "resource") if held is not None else None
    needed = {"lambda:InvokeFunctionUrl"} | ({"lambda:InvokeFunction"} if url.auth == "AWS_IAM" else set())
    context = {"lambda:functionurlauthtype": url.auth, "lambda:invokedviafunctionurl": True}
    for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"):
        if call.principal.is_unbound_root and call.principal.account == call.account and policy is None:
            continue
        decision = call.home.gate.authorizer.decided(call, action, resource, policy, context)
        if decision is not None and not decision.is_allowed and (action in needed or decision.is_explicit):
            return False
    return True


# The event -----------------------------------------------------------------------------------------


def _event(call: Call, url: Url, request: Request, address: Address, trace: str) -> dict[str, Any]:
    """Payload format 2.0."""
    headers = {name: value for name, value in request.headers.items() if name not in ("cookie", "connection")}
    path, now = unquote(address.path), call.now()
    headers |= {"x-forwarded-for": "127.0.0.1", "x-forwarded-port": "80", "x-forwarded-proto": "http", "x-amzn-trace-id": trace}
    query: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": call.principal.account or "anonymous",
            "apiId": url.id,
            "domainName": host(call.home, url.id),
            "domainPrefix": url.id,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": request.headers.get("user-agent", ""),
            },
            "requestId": call.request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": milliseconds(now),
        },
        "isBase64Encoded": False,
    }
    if query:
        event["queryStringParameters"] = query
    if "cookie" in request.headers:
        event["cookies"] = [cookie.strip() for cookie in request.headers["cookie"].split(";")]
    if url.auth == "AWS_IAM":
        event["requestContext"]["authorizer"] = {"iam": _iam(call)}
    if request.body:
        is_text = _TEXT.match(request.headers.get("content-type", "text/plain"))
        event["body"] = request.body.decode("utf-8", "replace") if is_text else base64.b64encode(request.body).decode()
        event["isBase64Encoded"] = not is_text
    return event


def _iam(call: Call) -> dict[str, Any]:
    principal = call.principal
    return {
        "accessKey": principal.key_id,
        "accountId": principal.account,
        "callerId": principal.user_id,
        "cognitoIdentity": None,
        "principalOrgId": organization_id(call.home, principal.account),
        "userArn": principal.arn,
        "userId": principal.user_id,
    }


# The answer ----------------------------------------------------------------------------------------


def _response(payload: bytes) -> Response:
    """An object with a status code is a whole response; anything else is the body of one."""
    headers: dict[str, Any] = {"Content-Type": "application/json"}
    try:
        answer = orjson.loads(payload or b"null")
    except orjson.JSONDecodeError:
        # What a custom runtime or a function that streams made is not always JSON.
        return Response(200, payload, headers)
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return Response(200, answer.encode() if isinstance(answer, str) else payload and orjson.dumps(answer), headers)
    try:
        status = _status(answer["statusCode"])
        body = answer.get("body")
        body = b"" if body is None else body.encode() if isinstance(body, str) else orjson.dumps(body)
        if answer.get("isBase64Encoded"):
            body = base64.b64decode(body)
        _lay(headers, answer)
    except (TypeError, ValueError, AttributeError, binascii.Error):
        return _failed()
    return Response(status, body, headers)


def _status(value: Any) -> int:
    status = int(value)
    if not 100 <= status <= 599:
        raise ValueError
    return status


def _lay(headers: dict[str, Any], answer: dict[str, Any]) -> None:
    """Put a function's headers and cookies among the response's. Raises ValueError for what is none."""
    for name, value in (answer.get("headers") or {}).items():
        if not _HEADER_NAME.fullmatch(name) or isinstance(value, (dict, list)) or re.search(r"[\r\n]", str(value)):
            raise ValueError
        if name.lower() == "content-type":
            del headers["Content-Type"]
        headers[name] = str(value)
    cookies = [c for c in answer.get("cookies") or () if isinstance(c, str) and "\n" not in c and "\r" not in c]
    if cookies:
        headers["Set-Cookie"] = cookies if len(cookies) > 1 else cookies[0]


def _cors(url: Url, request: Request) -> dict[str, str]:
    """What the URL's configuration tells a browser of another origin."""
    origin, said = request.headers.get("origin"), url.cors
    allowed = said.get("AllowOrigins") or ()
    if origin is None or not ("*" in allowed or origin in allowed):
        return {}
    headers = {"Access-Control-Allow-Origin": "*" if "*" in allowed and not said.get("AllowCredentials") else origin, "Vary": "Origin"}
    if said.get("AllowCredentials"):
        headers["Access-Control-Allow-Credentials"] = "true"
    lists = {"AllowMethods": "Access-Control-Allow-Methods", "AllowHeaders": "Access-Control-Allow-Headers"}
    for member, name in lists.items() if request.method == "OPTIONS" else ():
        if said.get(member):
            headers[name] = ",".join(said[member])
    if request.method == "OPTIONS" and said.get("MaxAge") is not None:
        headers["Access-Control-Max-Age"] = str(said["MaxAge"])
    if request.method != "OPTIONS" and said.get("ExposeHeaders"):
        headers["Access-Control-Expose-Headers"] = ",".join(said["ExposeHeaders"])
    return headers
