"""Connections: how requests to an endpoint outside are authorized, which EventBridge keeps and pipes and state machines use, too.

What is secret lies in a secret of Secrets Manager, which EventBridge keeps and reads in the name of the account. A connection by OAuth fetches its token from the authorization endpoint and fetches another when
that one is about to expire or was refused. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from kumoniwa.engines import cipher
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.wire import outbound
from kumoniwa.wire.outbound import with_query

OAUTH = "OAUTH_CLIENT_CREDENTIALS"
FETCH_S_MAX = 5.0
FRESH_S = 60.0
"""A token that expires sooner is not used any more."""
PLACES = {"HeaderParameters": "headers", "QueryStringParameters": "queries", "BodyParameters": "body"}


class Connection(Record):
    """Shelved by its name."""

    name: str
    id: str
    secret: str
    """The ARN of its secret in Secrets Manager."""
    kind: str
    created: float
    modified: float
    shown: dict[str, Any]
    """Its parameters as everybody may see them."""
    held: str
    """The version of the secret that counts; empty if there is nothing to authorize with."""
    state: str
    reason: str = ""
    authorized: float | None = None
    description: str | None = None
    token: bytes = b""
    """Sealed, of OAuth."""
    expires: float | None = None
    key: str = ""
    """The key of KMS that its secret lies under, as it was told."""


class Authorization(NamedTuple):
    """What a request must carry."""

    headers: dict[str, str]
    queries: dict[str, str]
    body: dict[str, str]


class Unauthorized(Exception):
    """The connection does not authorize anything; the text says why."""


def arn_of(call: Call, connection: Connection) -> str:
    return call.arn(f"connection/{connection.name}/{connection.id}", "events")


def find(call: Call, arn: str) -> Connection | None:
    found = call.shelf(Connection).get(arn.partition(":connection/")[2].partition("/")[0])
    return found if found is not None and arn_of(call, found) == arn else None


# Secrets -------------------------------------------------------------------------------------------


def _key(call: Call) -> bytes:
    return hashlib.sha256(b"connections" + call.home.settings.seal).digest()


def sealed(call: Call, id_: str, secret: dict[str, Any]) -> bytes:
    return cipher.seal(_key(call), orjson.dumps(secret), id_.encode())


def opened(call: Call, id_: str, body: bytes) -> dict[str, Any]:
    return orjson.loads(cipher.unseal(_key(call), body, id_.encode()) or b"{}")


def keeper(call: Call) -> Call:
    """EventBridge as it keeps the account's secrets, which on AWS is a service-linked role."""
    return call.home.call("events", call.account, principals.linked("events.amazonaws.com", call.account, call.home.partition))


def spelled(kind: str, said: dict[str, Any]) -> str:
    """A secret's text. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-secret.html names the members of the
    first two kinds; those of OAuth are ours."""
    member, names = _SPELLED[kind]
    held: dict[str, Any] = {name: said[member][theirs] for name, theirs in names.items() if theirs in said[member]}
    if kind == OAUTH:
        held |= {name: said[member]["ClientParameters"][theirs] for name, theirs in _CLIENT.items()}
    if "InvocationHttpParameters" in said:
        held["invocation_http_parameters"] = said["InvocationHttpParameters"]
    return orjson.dumps(_renamed(held, _HTTP)).decode()


def read(kind: str, text: str) -> dict[str, Any]:
    """The parameters that ``spelled`` such a text."""
    held = _renamed(orjson.loads(text), _HTTP_BACK)
    member, names = _SPELLED[kind]
    said: dict[str, Any] = {member: {theirs: held[name] for name, theirs in names.items() if name in held}}
    if kind == OAUTH:
        said[member]["ClientParameters"] = {theirs: held[name] for name, theirs in _CLIENT.items()}
    if "invocation_http_parameters" in held:
        said["InvocationHttpParameters"] = held["invocation_http_parameters"]
    return said


_SPELLED = {
    "BASIC": ("BasicAuthParameters", {"username": "Username", "password": "Password"}),
    "API_KEY": ("ApiKeyAuthParameters", {"api_key_name": "ApiKeyName", "api_key_value": "ApiKeyValue"}),
    OAUTH: (
        "OAuthParameters",
        {"authorization_endpoint": "AuthorizationEndpoint", "http_method": "HttpMethod", "oauth_http_parameters": "OAuthHttpParameters"},
    ),
}
_CLIENT = {"client_id": "ClientID", "client_secret": "ClientSecret"}
_HTTP = {
    "HeaderParameters": "header_parameters", "QueryStringParameters": "query_string_parameters", "BodyParameters": "body_parameters",
    "Key": "key", "Value": "value", "IsValueSecret": "is_value_secret",
}  # fmt: skip
"""As moto's test_kms_key_is_created saw it of AWS."""
_HTTP_BACK = {theirs: ours for ours, theirs in _HTTP.items()}


def _renamed(held: Any, names: dict[str, str]) -> Any:
    if isinstance(held, dict):
        return {names.get(name, name): _renamed(value, names) for name, value in held.items()}
    return [_renamed(value, names) for value in held] if isinstance(held, list) else held


async def secret_of(call: Call, connection: Connection) -> dict[str, Any]:
    """The parameters with what is secret. Raises Unauthorized if the secret is gone or its key is shut."""
    try:
        found = await keeper(call).ask("secretsmanager:GetSecretValue", SecretId=connection.secret, VersionId=connection.held)
    except AwsError as error:
        raise Unauthorized(f"The secret of the connection {connection.name} cannot be read: {error.text}") from None
    return read(connection.kind, found["SecretString"])


# What requests carry -------------------------------------------------------------------------------


def _laid(parameters: dict[str, Any] | None, into: Authorization) -> None:
    for name, place in PLACES.items():
        for each in (parameters or {}).get(name) or ():
            if each.get("Key"):
                getattr(into, place)[each["Key"]] = each.get("Value") or ""


async def authorization(call: Call, connection: Connection, *, is_refused: bool = False) -> Authorization:
    """What a request is authorized with. ``is_refused`` says that the endpoint did not take the token it was given.
    Raises Unauthorized."""
    if connection.state != "AUTHORIZED":
        raise Unauthorized(f"The connection {connection.name} is {connection.state}.")
    secret = await secret_of(call, connection)
    found = Authorization({}, {}, {})
    if connection.kind == "BASIC":
        said = secret["BasicAuthParameters"]
        found.headers["Authorization"] = "Basic " + base64.b64encode(f"{said['Username']}:{said['Password']}".encode()).decode()
    elif connection.kind == "API_KEY":
        said = secret["ApiKeyAuthParameters"]
        found.headers[said["ApiKeyName"]] = said["ApiKeyValue"]
    else:
        is_stale = connection.expires is not None and connection.expires - FRESH_S <= call.now()
        if is_stale or is_refused:
            connection = await authorized(call, connection)
            if connection.state != "AUTHORIZED":
                raise Unauthorized(connection.reason)
        token = opened(call, connection.id, connection.token)
        found.headers["Authorization"] = f"{token['type']} {token['value']}"
    _laid(secret.get("InvocationHttpParameters"), found)
    return found


# OAuth ---------------------------------------------------------------------------------------------


async def authorized(call: Call, connection: Connection) -> Connection:
    """Fetch a token for the connection and keep it; without one it is de-authorized, for the reason that it tells."""
    try:
        token = await _token((await secret_of(call, connection))["OAuthParameters"])
        seconds = token.get("expires_in")
        kept = {"type": token.get("token_type") or "Bearer", "value": token["access_token"]}
        expires = call.now() + float(seconds) if isinstance(seconds, int | float) else None
        found = {"state": "AUTHORIZED", "reason": "", "token": sealed(call, connection.id, kept), "authorized": call.now(), "expires": expires}
    except Unauthorized as refusal:
        found = {"state": "DEAUTHORIZED", "reason": str(refusal)}
    held = call.shelf(Connection).get(connection.name)
    if held is None or held.held != connection.held:
        # It was changed in the meantime, and this token is none of it.
        return connection
    call.shelf(Connection)[connection.name] = now = changed(held, **found)
    return now


async def _token(said: dict[str, Any]) -> dict[str, Any]:
    """Ask for a token by client credentials, as RFC 6749 says in 4.4. Raises Unauthorized."""
    client = said["ClientParameters"]
    more = Authorization({"Accept": "application/json"}, {}, {})
    _laid(said.get("OAuthHttpParameters"), more)
    asked = {"grant_type": "client_credentials", "client_id": client["ClientID"], "client_secret": client["ClientSecret"], **more.body}
    headers, body = more.headers, b""
    if said["HttpMethod"] == "GET":
        more.queries.update(asked)
    else:
        body, headers = urlencode(asked).encode(), {"Content-Type": "application/x-www-form-urlencoded", **headers}
    try:
        answer = await outbound.fetch(
            said["HttpMethod"], with_query(said["AuthorizationEndpoint"], more.queries), list(headers.items()), body, FETCH_S_MAX
        )
    except (TimeoutError, outbound.Unreachable) as error:
        raise Unauthorized(f"The authorization endpoint did not answer: {error or 'timeout'}") from None
    try:
        token = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        token = None
    if not 200 <= answer.status < 300 or not isinstance(token, dict) or not isinstance(token.get("access_token"), str):
        raise Unauthorized(f"The authorization endpoint answered {answer.status} and no access token.")
    return token
