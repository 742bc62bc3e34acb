"""Resource servers: whose scopes a client may ask for.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp.errors import InvalidParameterException, ResourceNotFoundException


class ResourceServer(Record):
    """Shelved by ``pool/identifier``."""

    pool: str
    identifier: str
    name: str
    scopes: tuple[dict[str, str], ...] = ()


def _key(pool_id: str, identifier: str) -> str:
    return f"{pool_id}/{identifier}"


def _found(call: Call, pool_id: str, identifier: str) -> ResourceServer:
    pools.found(call, pool_id)
    server = call.shelf(ResourceServer).get(_key(pool_id, identifier))
    if server is None:
        raise ResourceNotFoundException(f"Resource server {identifier} does not exist.")
    return server


def scopes_of(call: Call, pool_id: str) -> set[str]:
    servers = [server for server in call.shelf(ResourceServer).values() if server.pool == pool_id]
    return {f"{server.identifier}/{scope['ScopeName']}" for server in servers for scope in server.scopes}


def _shown(server: ResourceServer) -> dict[str, Any]:
    return {
        "UserPoolId": server.pool,
        "Identifier": server.identifier,
        "Name": server.name,
        **({"Scopes": list(server.scopes)} if server.scopes else {}),
    }


def CreateResourceServer(call: Call, *, UserPoolId: str, Identifier: str, Name: str, Scopes: list[dict[str, str]] | None = None) -> dict:
    pools.found(call, UserPoolId)
    if _key(UserPoolId, Identifier) in call.shelf(ResourceServer):
        raise InvalidParameterException(f"{Identifier} already exists in user pool {UserPoolId}.")
    server = ResourceServer(pool=UserPoolId, identifier=Identifier, name=Name, scopes=tuple(Scopes or ()))
    call.shelf(ResourceServer)[_key(UserPoolId, Identifier)] = server
    return {"ResourceServer": _shown(server)}


def DescribeResourceServer(call: Call, *, UserPoolId: str, Identifier: str) -> dict:
    return {"ResourceServer": _shown(_found(call, UserPoolId, Identifier))}


def UpdateResourceServer(call: Call, *, UserPoolId: str, Identifier: str, Name: str, Scopes: list[dict[str, str]] | None = None) -> dict:
    server = changed(_found(call, UserPoolId, Identifier), name=Name, scopes=tuple(Scopes or ()))
    call.shelf(ResourceServer)[_key(UserPoolId, Identifier)] = server
    return {"ResourceServer": _shown(server)}


def ListResourceServers(call: Call, *, UserPoolId: str) -> dict:
    pools.found(call, UserPoolId)
    return {"ResourceServers": [_shown(each) for each in call.shelf(ResourceServer).values() if each.pool == UserPoolId]}


def DeleteResourceServer(call: Call, *, UserPoolId: str, Identifier: str) -> None:
    _found(call, UserPoolId, Identifier)
    del call.shelf(ResourceServer)[_key(UserPoolId, Identifier)]
