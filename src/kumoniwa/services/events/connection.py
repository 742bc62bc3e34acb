"""The operations on connections, and the work of authorizing those by OAuth.

Answers recorded: test_api_destinations_and_connection, TestEventBridgeConnections.
"""

from __future__ import annotations

import asyncio
import copy
from typing import Any

from kumoniwa.gate import connection as connections
from kumoniwa.gate.connection import OAUTH, Connection
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.events.errors import (
    LimitExceededException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ValidationException,
)
from kumoniwa.services.events.page import paged

CONNECTIONS_MAX = 3_000
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"""
WAITING = ("events", "authorizing")
IDLE_S = 3600.0

MEMBERS = {"BASIC": "BasicAuthParameters", "API_KEY": "ApiKeyAuthParameters", OAUTH: "OAuthParameters"}
_SECRETS = (("BasicAuthParameters", "Password"), ("ApiKeyAuthParameters", "ApiKeyValue"))


def existing(call: Call, name: str, verb: str) -> Connection:
    found = call.shelf(Connection).get(name)
    if found is None:
        raise ResourceNotFoundException(f"Failed to {verb} the connection(s). Connection '{name}' does not exist.")
    return found


def _check(kind: str, said: dict[str, Any]) -> None:
    if "ConnectivityParameters" in said:
        raise NotImplementedHere("private connectivity of connections")
    wanted = MEMBERS[kind]
    if wanted not in said:
        # Measured: https://github.com/badmintoncryer/cdk-preflight (pf-events-connection-auth-parameters).
        raise ValidationException(f"Parameter {wanted} is not valid. Reason: Missing required field(s)")
    if any(member in said for member in MEMBERS.values() if member != wanted):
        raise ValidationException(f"Parameter AuthParameters is not valid. Reason: {kind} authorization takes {wanted} and no others.")


def _shown(said: dict[str, Any]) -> dict[str, Any]:
    """The parameters without what is secret."""
    shown = copy.deepcopy(said)
    for member, secret in _SECRETS:
        shown.get(member, {}).pop(secret, None)
    shown.get("OAuthParameters", {}).get("ClientParameters", {}).pop("ClientSecret", None)
    for parameters in (shown.get("InvocationHttpParameters"), shown.get("OAuthParameters", {}).get("OAuthHttpParameters")):
        for entries in (parameters or {}).values():
            for entry in entries:
                if entry.get("IsValueSecret"):
                    entry.pop("Value", None)
    return shown


def _credentials(call: Call, version: str, kind: str, said: dict[str, Any]) -> dict[str, Any]:
    """What a connection holds once it was given parameters. One by OAuth has still to ask for its token."""
    is_waiting = kind == OAUTH
    if is_waiting:
        call.after_commit(lambda: call.home.wake(WAITING))
    return {
        "kind": kind, "shown": _shown(said), "held": version, "authorized": call.now(), "reason": "",
        "state": "AUTHORIZING" if is_waiting else "AUTHORIZED", "token": b"", "expires": None,
    }  # fmt: skip


def _told(call: Call, connection: Connection, state: str = "", *, is_new: bool = False) -> dict[str, Any]:
    told = {
        "ConnectionArn": connections.arn_of(call, connection),
        "ConnectionState": state or connection.state,
        "CreationTime": connection.created,
        "LastModifiedTime": connection.modified,
    }
    return told if is_new or connection.authorized is None else told | {"LastAuthorizedTime": connection.authorized}


async def CreateConnection(
    call: Call, *, Name: str, AuthorizationType: str, AuthParameters: dict[str, Any], Description: str | None = None,
    KmsKeyIdentifier: str | None = None,
) -> dict:  # fmt: skip
    """What is secret goes into a secret of Secrets Manager, under the key that is named or AWS's own. Both come to be, or neither."""
    _check(AuthorizationType, AuthParameters)
    _check_free(call, Name)
    key = {"KmsKeyId": KmsKeyIdentifier} if KmsKeyIdentifier else {}
    secret = await connections.keeper(call).ask_along(
        "secretsmanager:CreateSecret", Name=f"events!connection/{Name}/{call.new_id()}",
        SecretString=connections.spelled(AuthorizationType, AuthParameters), **key,
    )  # fmt: skip

    def make() -> Connection:
        _check_free(call, Name)
        made = call.shelf(Connection)[Name] = Connection(
            name=Name, id=call.new_id(), secret=secret["ARN"], created=call.now(), modified=call.now(), description=Description,
            key=KmsKeyIdentifier or "", **_credentials(call, secret["VersionId"], AuthorizationType, AuthParameters),
        )  # fmt: skip
        return made

    return _told(call, call.atomically(make), is_new=True)


def _check_free(call: Call, name: str) -> None:
    held = call.shelf(Connection)
    if name in held:
        raise ResourceAlreadyExistsException(f"Connection {name} already exists.")
    if len(held) >= CONNECTIONS_MAX:
        raise LimitExceededException


async def UpdateConnection(
    call: Call, *, Name: str, Description: str | None = None, AuthorizationType: str | None = None,
    AuthParameters: dict[str, Any] | None = None, KmsKeyIdentifier: str | None = None,
) -> dict:  # fmt: skip
    """What is not said stays as it is; new parameters authorize anew."""
    connection = existing(call, Name, "update")
    kind = AuthorizationType or connection.kind
    whole = await _updated(call, connection, kind, AuthParameters)
    said: dict[str, Any] = {"modified": call.now()}
    if Description is not None:
        said["description"] = Description
    if KmsKeyIdentifier is not None:
        said["key"] = KmsKeyIdentifier
    if whole is not None or (KmsKeyIdentifier is not None and connection.held):
        arn, version = await _kept(call, connection, connections.spelled(kind, whole) if whole is not None else None, KmsKeyIdentifier)
        said["secret"] = arn
        if whole is not None:
            said |= _credentials(call, version, kind, whole)

    def change() -> Connection:
        now = call.shelf(Connection)[Name] = changed(existing(call, Name, "update"), **said)
        return now

    return _told(call, call.atomically(change))


async def _kept(call: Call, connection: Connection, text: str | None, key: str | None) -> tuple[str, str]:
    """The ARN of the connection's secret, and the version that was put; one that was deauthorized gets another secret."""
    said: dict[str, Any] = {"SecretString": text} if text is not None else {}
    if key is not None or not connection.held:
        said["KmsKeyId"] = key or connection.key or "alias/aws/secretsmanager"
    if connection.held:
        answer = await connections.keeper(call).ask_along("secretsmanager:UpdateSecret", SecretId=connection.secret, **said)
    else:
        name = f"events!connection/{connection.name}/{call.new_id()}"
        answer = await connections.keeper(call).ask_along("secretsmanager:CreateSecret", Name=name, **said)
    return answer["ARN"], answer.get("VersionId", connection.held)


async def _updated(call: Call, connection: Connection, kind: str, given: dict[str, Any] | None) -> dict[str, Any] | None:
    """All parameters as they are to be; None if they stay and need no new authorization."""
    if given is not None:
        whole = {**await connections.secret_of(call, connection), **given} if kind == connection.kind and connection.held else given
        _check(kind, whole)
        return whole
    if kind != connection.kind:
        raise ValidationException(f"Parameter AuthParameters is not valid. Reason: {kind} authorization takes {MEMBERS[kind]}.")
    if connection.state != "AUTHORIZED" and connection.held:
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-edit.html: to edit is to authorize again.
        return await connections.secret_of(call, connection)
    return None


def DeauthorizeConnection(call: Call, *, Name: str) -> Any:
    """Everything that authorizes is forgotten, and the secret goes."""
    existing(call, Name, "deauthorize")
    return _without_secret(call, Name, "deauthorize")


def DeleteConnection(call: Call, *, Name: str) -> Any:
    existing(call, Name, "delete")
    return _without_secret(call, Name, "delete")


async def _without_secret(call: Call, name: str, verb: str) -> dict:
    connection = existing(call, name, verb)
    if connection.held:
        await connections.keeper(call).ask_along("secretsmanager:DeleteSecret", SecretId=connection.secret, ForceDeleteWithoutRecovery=True)

    def forget() -> None:
        existing(call, name, verb)
        if verb == "delete":
            del call.shelf(Connection)[name]
        else:
            call.shelf(Connection)[name] = now

    now = changed(connection, state="DEAUTHORIZED", reason="", shown={}, held="", token=b"", expires=None, modified=call.now())
    call.atomically(forget)
    return _told(call, connection if verb == "delete" else now, "DELETING" if verb == "delete" else "DEAUTHORIZING")


def DescribeConnection(call: Call, *, Name: str) -> dict:
    connection = existing(call, Name, "describe")
    told = _told(call, connection) | {
        "Name": Name,
        "Description": connection.description,
        "StateReason": connection.reason or None,
        "AuthorizationType": connection.kind,
        "SecretArn": connection.secret if connection.held else None,
        "KmsKeyIdentifier": connection.key or None,
        "AuthParameters": connection.shown,
    }
    return {name: value for name, value in told.items() if value is not None}


def ListConnections(
    call: Call, *, NamePrefix: str | None = None, ConnectionState: str | None = None, NextToken: str | None = None,
    Limit: int | None = None,
) -> dict:  # fmt: skip
    found = {
        name: each
        for name, each in call.shelf(Connection).items()
        if name.startswith(NamePrefix or "") and ConnectionState in (None, each.state)
    }
    return paged(found, NextToken, Limit, lambda each: _listed(call, each), "Connections")


def _listed(call: Call, each: Connection) -> dict[str, Any]:
    reason = {"StateReason": each.reason} if each.reason else {}
    return {**_told(call, each), "Name": each.name, "AuthorizationType": each.kind, **reason}


# Authorizing ---------------------------------------------------------------------------------------


async def run(region: Any) -> None:
    """Fetch the tokens that connections wait for. What was under way in a life that ended is begun again."""
    under_way: dict[tuple[str, str, str], asyncio.Task] = {}
    while True:
        for call in region.calls("events", "events.amazonaws.com"):
            for connection in list(call.shelf(Connection).values()):
                key = (call.account, connection.name, connection.held)
                if connection.state == "AUTHORIZING" and key not in under_way:
                    under_way[key] = region.spawn(connections.authorized(call, connection))
                    under_way[key].add_done_callback(lambda _, key=key: under_way.pop(key))
        await region.wait(WAITING, region.clock.now() + IDLE_S)
