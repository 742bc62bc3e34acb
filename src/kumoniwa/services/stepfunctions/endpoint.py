"""Tasks that speak HTTP: methods of APIs (``apigateway:invoke``) and endpoints outside (``http:invoke``).

https://docs.aws.amazon.com/step-functions/latest/dg/connect-api-gateway.html
https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html; the former was recorded (test_apigetway_task_service).
"""

from __future__ import annotations

import re
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from kumoniwa.gate import connection as connections
from kumoniwa.gate import execute_api
from kumoniwa.gate.api_destination import merged
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages.states_path import StateFailure
from kumoniwa.services.stepfunctions.execution import Execution
from kumoniwa.services.stepfunctions.integration import Integration
from kumoniwa.services.stepfunctions.payload import text_of
from kumoniwa.wire import outbound
from kumoniwa.wire.outbound import laid, with_query

TIMEOUT_S = 60.0
FIELDS = {
    "apigateway": (("ApiEndpoint", "Method"), ("Headers", "Stage", "Path", "QueryParameters", "RequestBody", "AllowNullValues", "AuthType")),
    "http": (("ApiEndpoint", "Method"), ("Authentication", "InvocationConfig", "Headers", "QueryParameters", "RequestBody", "Transform")),
}
"""What must and what may be said."""
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"})
AUTHORIZATIONS = frozenset({"NO_AUTH", "IAM_ROLE", "RESOURCE_POLICY"})
ARRAYS = frozenset({"INDICES", "REPEAT", "COMMAS", "BRACKETS"})
_OWN_HEADERS = re.compile(
    r"(?i)authorization|connection|content-md5|date|expect|host|max-forwards|proxy-authenticate|server|te|transfer-encoding|trailer|"
    r"upgrade|via|www-authenticate|x-forwarded.*|x-amz.*|x-amzn.*"
)
_ENDPOINT = re.compile(r"https://.+|http://(?:127\.\d+\.\d+\.\d+|\[::1\]|(?:[\w.-]+\.)?localhost)(?::\d+)?(?:[/?].*)?")
"""AWS wants HTTPS. An endpoint on this machine may do without."""


def _is_lists(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, list) and all(isinstance(one, str) for one in each) for each in value.values())


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def check(asked: Integration, parameters: Any) -> None:
    """Raises what a task fails with that cannot be begun."""
    required, more = FIELDS[asked.type]
    said = parameters if isinstance(parameters, dict) else {}
    wrong = [f"The field '{name}' is required but was missing" for name in required if name not in said]
    wrong += [f"The field '{name}' is not supported by Step Functions" for name in said if name not in (*required, *more)]
    is_well = {
        "ApiEndpoint": lambda value: isinstance(value, str), "Method": METHODS.__contains__, "Stage": lambda value: isinstance(value, str),
        "Path": lambda value: isinstance(value, str), "AuthType": AUTHORIZATIONS.__contains__,
        "AllowNullValues": lambda value: isinstance(value, bool),
        "Authentication": _is_connected, "InvocationConfig": _is_connected,
    }  # fmt: skip
    if asked.type == "apigateway":
        is_well |= {"Headers": _is_lists, "QueryParameters": _is_lists}
    else:
        is_well |= {"Headers": lambda value: _is_texts(value) and not any(map(_OWN_HEADERS.fullmatch, value)), "Transform": _is_transform}
        is_well["ApiEndpoint"] = lambda value: isinstance(value, str) and _ENDPOINT.fullmatch(value) is not None
        if not said.keys() & {"Authentication", "InvocationConfig"}:
            wrong.append("The field 'Authentication' is required but was missing")
    for name, holds in is_well.items():
        if name in said and not holds(said[name]):
            wrong.append(f"The value of the field '{name}' has an invalid format")
    if wrong:
        raise StateFailure("States.Runtime", f"The Parameters '{text_of(parameters)}' could not be used to start the Task: [{', '.join(wrong)}]")


def _is_connected(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("ConnectionArn"), str)


def _is_transform(value: Any) -> bool:
    if not isinstance(value, dict) or value.get("RequestBodyEncoding", "NONE") not in ("NONE", "URL_ENCODED"):
        return False
    options = value.get("RequestEncodingOptions", {})
    return isinstance(options, dict) and options.get("ArrayFormat", "INDICES") in ARRAYS


class Sight:
    """What TestState shows of an HTTP task: what was sent, of secrets only if they are to be revealed, and what came back."""

    def __init__(self, reveals: bool) -> None:
        self.reveals = reveals
        self.told: dict[str, dict[str, str]] = {}

    def asked(self, method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> None:
        told = {"protocol": url.partition(":")[0], "method": method, "url": url, "headers": self._lines(headers)}
        self.told["request"] = told | ({"body": body.decode(errors="replace")} if body else {})

    def heard(self, url: str, answer: outbound.Answer) -> None:
        self.told["response"] = {
            "protocol": url.partition(":")[0], "statusCode": str(answer.status), "statusMessage": _text(answer.status),
            "headers": self._lines(answer.headers), "body": answer.body.decode(errors="replace"),
        }  # fmt: skip

    @staticmethod
    def _lines(headers: list[tuple[str, str]]) -> str:
        return f"[{', '.join(f'{name}: {value}' for name, value in headers)}]"


async def outcome(
    speaker: Call, execution: Execution, asked: Integration, parameters: dict[str, Any], sight: Sight | None = None
) -> dict[str, Any]:
    """What an endpoint answered. Raises StateFailure."""
    if asked.type == "apigateway":
        status, headers, body = await _method(speaker, execution, parameters)
    else:
        status, headers, body = await _outside(speaker, execution, parameters, sight)
    if not 200 <= status < 300:
        name = f"ApiGateway.{status}" if asked.type == "apigateway" else f"States.Http.StatusCode.{status}"
        raise StateFailure(name, body.decode(errors="replace"), is_of_task=True)
    told: dict[str, list[str]] = {}
    for name, value in headers:
        told.setdefault(name, []).append(value)
    return {"Headers": told, "ResponseBody": _read(body), "StatusCode": status, "StatusText": _text(status)}


def _text(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _read(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")


def _written(parameters: dict[str, Any]) -> bytes:
    """Recorded: a text is sent as JSON, too; nothing is sent for null."""
    body = parameters.get("RequestBody")
    return b"" if body is None else orjson.dumps(body)


Answer = tuple[int, list[tuple[str, str]], bytes]


async def _method(speaker: Call, execution: Execution, parameters: dict[str, Any]) -> Answer:
    pieces = [parameters[name].strip("/") for name in ("Stage", "Path") if parameters.get(name)]
    query = urlencode(parameters.get("QueryParameters") or {}, doseq=True, quote_via=quote)
    body = _written(parameters)
    headers = [("User-Agent", "Amazon|StepFunctions|APIGateway"), ("Accept", "application/json")]
    headers += [("Content-Type", "application/json")] if body else []
    headers += [(name, ",".join(values)) for name, values in (parameters.get("Headers") or {}).items()]
    asker = None if parameters.get("AuthType", "NO_AUTH") == "NO_AUTH" else speaker.principal
    path = "/" + "/".join(quote(piece, safe="/%") for piece in pieces)
    response = await execute_api.request(
        speaker.home, asker, parameters["ApiEndpoint"], parameters["Method"], path, query, body, headers
    )
    told = [(name, str(value)) for name, value in response.headers.items() if name.lower() != "content-length"]
    told += [("Content-Length", str(len(response.body))), ("Date", formatdate(speaker.now(), usegmt=True))]
    return response.status, told, response.body


async def _outside(speaker: Call, execution: Execution, parameters: dict[str, Any], sight: Sight | None) -> Answer:
    arn = (parameters.get("Authentication") or parameters["InvocationConfig"])["ConnectionArn"]
    connection = _allowed(speaker, execution, parameters, arn)
    answer = await _fetched(speaker, connection, parameters, sight)
    if answer.status in (401, 407) and connection.kind == connections.OAUTH:
        answer = await _fetched(speaker, connection, parameters, sight, is_refused=True)
    return answer.status, answer.headers, answer.body


def _allowed(speaker: Call, execution: Execution, parameters: dict[str, Any], arn: str) -> connections.Connection:
    """The connection, if the role may call the endpoint with it."""
    context = {"states:HTTPEndpoint": parameters["ApiEndpoint"], "states:HTTPMethod": parameters["Method"]}
    try:
        speaker.require("states:InvokeHTTPEndpoint", execution.machine, **context)
        speaker.require("events:RetrieveConnectionCredentials", arn)
        connection = connections.find(speaker, arn)
        if connection is not None:
            for action in ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"):
                speaker.require(action, connection.secret)
    except AwsError as error:
        raise StateFailure("Events.ConnectionResource.AccessDenied", error.text, is_of_task=True) from None
    if connection is None:
        raise StateFailure("Events.ConnectionResource.ConnectionNotFound", f"The connection {arn} does not exist.", is_of_task=True)
    return connection


async def _fetched(
    speaker: Call, connection: connections.Connection, parameters: dict[str, Any], sight: Sight | None, *, is_refused: bool = False
) -> outbound.Answer:
    try:
        allowed = await connections.authorization(speaker, connection, is_refused=is_refused)
    except connections.Unauthorized as refusal:
        raise StateFailure("Events.ConnectionResource.InvalidConnectionState", str(refusal), is_of_task=True) from None
    url, lines, body = _request(speaker, parameters, allowed)
    if sight is not None:
        shown = allowed if sight.reveals else connections.Authorization({}, {}, {})
        sight.asked(parameters["Method"], *_request(speaker, parameters, shown))
    try:
        answer = await outbound.fetch(parameters["Method"], url, lines, body, TIMEOUT_S)
    except (TimeoutError, outbound.Unreachable) as error:
        raise StateFailure("States.Http.Socket", str(error) or "The endpoint did not answer within 60 seconds.", is_of_task=True) from None
    if sight is not None:
        sight.heard(url, answer)
    return answer


def _request(
    speaker: Call, parameters: dict[str, Any], allowed: connections.Authorization
) -> tuple[str, list[tuple[str, str]], bytes]:
    """The URL, headers and body of what is sent."""
    transform = parameters.get("Transform") or {}
    headers = {"User-Agent": f"Amazon|StepFunctions|HttpInvoke|{speaker.region}", "Range": "bytes=0-262144"}
    if transform.get("RequestBodyEncoding") == "URL_ENCODED" and isinstance(parameters.get("RequestBody"), dict):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        format_ = (transform.get("RequestEncodingOptions") or {}).get("ArrayFormat", "INDICES")
        body = urlencode(_flat({**parameters["RequestBody"], **allowed.body}, format_), quote_via=quote).encode()
    else:
        body = merged(_written(parameters), allowed.body)
        if body:
            headers["Content-Type"] = "application/json"
    queries = _queries(parameters.get("QueryParameters") or {})
    url = with_query(parameters["ApiEndpoint"], {**queries, **allowed.queries})
    return url, laid(headers, parameters.get("Headers") or {}, allowed.headers), body


def _queries(said: dict[str, Any]) -> dict[str, str]:
    return {name: ",".join(map(_shown, value)) if isinstance(value, list) else _shown(value) for name, value in said.items()}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else text_of(value)


def _flat(value: Any, format_: str, name: str = "") -> list[tuple[str, str]]:
    """A body as fields of a form: members of objects in brackets, lists as the options say."""
    if isinstance(value, dict):
        found = []
        for key, each in value.items():
            found += _flat(each, format_, f"{name}[{key}]" if name else key)
        return found
    if not isinstance(value, list):
        return [(name, _shown(value))]
    if format_ == "COMMAS":
        return [(name, ",".join(map(_shown, value)))]
    places = {"INDICES": "[{}]", "BRACKETS": "[]", "REPEAT": ""}[format_]
    return [pair for place, each in enumerate(value) for pair in _flat(each, format_, name + places.format(place))]
