"""The operations on connections, and the work of authorizing those by OAuth.

Answers recorded: test_api_destinations_and_connection, TestEventBridgeConnections.
"""

from __future__ import annotations

import asyncio
import copy
from typing import Any

from kumoniwa.gate import connection as connections
from kumoniwa.gate.connection import OAUTH, Connection
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.events.errors import (
    LimitExceededException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ValidationException,
)

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
    if wanted not in said or any(member in said for member in MEMBERS.values() if member != wanted):
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


def _credentials(call: Call, id_: str, kind: str, said: dict[str, Any]) -> dict[str, Any]:
    """What a connection holds once it was given parameters. One by OAuth has still to ask for its token."""
    is_waiting = kind == OAUTH
    if is_waiting:
        call.after_commit(lambda: call.home.wake(WAITING))
    return {
        "kind": kind, "shown": _shown(said), "sealed": connections.sealed(call, id_, said), "authorized": call.now(), "reason": "",
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


def CreateConnection(
    call: Call, *, Name: str, AuthorizationType: str, AuthParameters: dict[str, Any], Description: str | None = None
) -> dict:
    """AWS keeps what is secret in Secrets Manager; here it is sealed in the connection, and the secret's ARN only names it."""
    _check(AuthorizationType, AuthParameters)
    held = call.shelf(Connection)
    if Name in held:
        raise ResourceAlreadyExistsException(f"Connection {Name} already exists.")
    if len(held) >= CONNECTIONS_MAX:
        raise LimitExceededException
    id_ = call.new_id()
    suffix = "".join(call.ids.random.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=6))
    held[Name] = made = Connection(
        name=Name, id=id_, secret=call.arn(f"secret:events!connection/{Name}/{call.new_id()}-{suffix}", "secretsmanager"),
        created=call.now(), modified=call.now(), description=Description, **_credentials(call, id_, AuthorizationType, AuthParameters),
    )  # fmt: skip
    return _told(call, made, is_new=True)


def UpdateConnection(
    call: Call, *, Name: str, Description: str | None = None, AuthorizationType: str | None = None,
    AuthParameters: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """What is not said stays as it is; new parameters authorize anew."""
    connection = existing(call, Name, "update")
    said: dict[str, Any] = {"modified": call.now()}
    if Description is not None:
        said["description"] = Description
    kind = AuthorizationType or connection.kind
    if AuthParameters is not None:
        whole = {**connections.opened(call, connection.id, connection.sealed), **AuthParameters} if kind == connection.kind else AuthParameters
        _check(kind, whole)
        said |= _credentials(call, connection.id, kind, whole)
    elif kind != connection.kind:
        raise ValidationException(f"Parameter AuthParameters is not valid. Reason: {kind} authorization takes {MEMBERS[kind]}.")
    elif connection.state != "AUTHORIZED" and connection.sealed:
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-edit.html: to edit is to authorize again.
        said |= _credentials(call, connection.id, kind, connections.opened(call, connection.id, connection.sealed))
    call.shelf(Connection)[Name] = connection = changed(connection, **said)
    return _told(call, connection)


def DeauthorizeConnection(call: Call, *, Name: str) -> dict:
    """Everything that authorizes is forgotten."""
    connection = changed(
        existing(call, Name, "deauthorize"), state="DEAUTHORIZED", reason="", shown={}, sealed=b"", token=b"", expires=None, modified=call.now(),
    )  # fmt: skip
    call.shelf(Connection)[Name] = connection
    return _told(call, connection, "DEAUTHORIZING")


def DeleteConnection(call: Call, *, Name: str) -> dict:
    connection = existing(call, Name, "delete")
    del call.shelf(Connection)[Name]
    return _told(call, connection, "DELETING")


def DescribeConnection(call: Call, *, Name: str) -> dict:
    connection = existing(call, Name, "describe")
    told = _told(call, connection) | {
        "Name": Name,
        "Description": connection.description,
        "StateReason": connection.reason or None,
        "AuthorizationType": connection.kind,
        "SecretArn": connection.secret if connection.sealed else None,
        "AuthParameters": connection.shown,
    }
    return {name: value for name, value in told.items() if value is not None}


def ListConnections(
    call: Call, *, NamePrefix: str | None = None, ConnectionState: str | None = None, NextToken: str | None = None,
    Limit: int | None = None,
) -> dict:  # fmt: skip
    found = [
        each
        for name, each in sorted(call.shelf(Connection).items())
        if name.startswith(NamePrefix or "") and ConnectionState in (None, each.state) and name > (NextToken or "")
    ]
    page = found[: Limit or 100]
    told = [
        {**_told(call, each), "Name": each.name, "AuthorizationType": each.kind, **({"StateReason": each.reason} if each.reason else {})}
        for each in page
    ]
    return {"Connections": told} | ({"NextToken": page[-1].name} if len(page) < len(found) else {})


# Authorizing ---------------------------------------------------------------------------------------


async def run(region: Any) -> None:
    """Fetch the tokens that connections wait for. What was under way in a life that ended is begun again."""
    under_way: dict[tuple[str, str, bytes], asyncio.Task] = {}
    while True:
        for account in region.store.accounts():
            if account.isdigit():
                call = region.call("events", account, principals.service("events.amazonaws.com", account))
                for connection in list(call.shelf(Connection).values()):
                    key = (account, connection.name, connection.sealed)
                    if connection.state == "AUTHORIZING" and key not in under_way:
                        under_way[key] = region.spawn(connections.authorized(call, connection))
                        under_way[key].add_done_callback(lambda _, key=key: under_way.pop(key))
        await region.wait(WAITING, region.clock.now() + IDLE_S)
