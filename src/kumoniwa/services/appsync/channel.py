"""Channel namespaces of Event APIs: what is done with events before anybody hears them, and the paths that channels have.

A channel is there as soon as somebody names it. https://docs.aws.amazon.com/appsync/latest/eventapi/channel-namespaces.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.gate import firewall
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.appsync import apikey, datasource
from kumoniwa.services.appsync import code as codes
from kumoniwa.services.appsync.datasource import DataSource
from kumoniwa.services.appsync.errors import (
    BadRequestException,
    ConflictException,
    NotFoundException,
    ServiceQuotaExceededException,
)
from kumoniwa.services.appsync.eventapi import EventApi, check_modes, existing
from kumoniwa.services.appsync.graphqlapi import Address, arn_of

NAMESPACES_MAX = 50
SEGMENTS_MAX = 5
WILDCARD = "*"
_SEGMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?")


class Namespace(Record):
    """Shelved by ``api/name``."""

    api: str
    name: str
    created: float
    modified: float
    publish_modes: tuple[dict[str, str], ...] | None = None
    subscribe_modes: tuple[dict[str, str], ...] | None = None
    code: str | None = None
    handlers: dict[str, Any] | None = None
    """AWS's HandlerConfigs as they were given."""
    tags: dict[str, str] = {}


def segments_of(path: str, *, may_be_wild: bool = False) -> tuple[str, ...]:
    """The parts of a channel's path, of which the first is its namespace; the last of those that somebody listens to may be a wildcard.
    https://docs.aws.amazon.com/appsync/latest/eventapi/channel-namespaces.html

    Raises BadRequestException."""
    parts = path.removeprefix("/").removesuffix("/").split("/")
    named = parts[:-1] if may_be_wild and len(parts) > 1 and parts[-1] == WILDCARD else parts
    if len(parts) > SEGMENTS_MAX or not all(map(_SEGMENT.fullmatch, named)):
        raise BadRequestException(f"Invalid Channel Format: {path}")
    return tuple(parts)


def is_heard(wanted: tuple[str, ...], channel: tuple[str, ...]) -> bool:
    """Whether whoever listens to one hears the other. A wildcard stands for everything below."""
    if wanted[-1] == WILDCARD:
        return len(channel) >= len(wanted) and channel[: len(wanted) - 1] == wanted[:-1]
    return channel == wanted


def arn(call: Call, namespace: Namespace) -> str:
    return f"{arn_of(call, namespace.api)}/channelNamespace/{namespace.name}"


def found(call: Call, api_id: str, name: str) -> Namespace:
    existing(call, api_id)
    namespace = call.shelf(Namespace).get(f"{api_id}/{name}")
    if namespace is None:
        raise NotFoundException(f"Channel namespace {name} not found.")
    return namespace


def _of(call: Call, api_id: str) -> list[Namespace]:
    held = call.shelf(Namespace)
    return [held[key] for key in sorted(held) if key.startswith(f"{api_id}/")]


def listed(call: Call, namespace: Namespace) -> dict[str, Any]:
    """What a list shows of one: not its code."""
    told = {
        "apiId": namespace.api, "name": namespace.name, "channelNamespaceArn": arn(call, namespace), "created": namespace.created,
        "lastModified": namespace.modified, "tags": namespace.tags, "handlerConfigs": namespace.handlers,
    }  # fmt: skip
    for name, modes in (("publishAuthModes", namespace.publish_modes), ("subscribeAuthModes", namespace.subscribe_modes)):
        told[name] = list(modes) if modes is not None else None
    return {name: value for name, value in told.items() if value is not None}


def shown(call: Call, namespace: Namespace) -> dict[str, Any]:
    return listed(call, namespace) | ({"codeHandlers": namespace.code} if namespace.code is not None else {})


def _check_handlers(call: Call, api_id: str, handlers: dict[str, Any], code: str | None) -> None:
    for name, config in handlers.items():
        source = datasource.found(call, api_id, config["integration"]["dataSourceName"])
        if config["behavior"] == "DIRECT":
            if source.kind != "AWS_LAMBDA":
                raise BadRequestException(f"The behavior DIRECT of {name} requires a data source of type AWS_LAMBDA.")
        elif code is None:
            raise BadRequestException(f"The behavior CODE of {name} requires codeHandlers.")


def _made(call: Call, api: EventApi, said: dict[str, Any]) -> dict[str, Any]:
    """The fields of a namespace, each one valid."""
    for modes in (said["publishAuthModes"], said["subscribeAuthModes"]):
        check_modes(api.config, modes or [])
    if said["codeHandlers"] is not None:
        codes.checked(said["codeHandlers"])
    handlers = said["handlerConfigs"]
    _check_handlers(call, api.id, handlers or {}, said["codeHandlers"])
    modes = {"publish_modes": said["publishAuthModes"], "subscribe_modes": said["subscribeAuthModes"]}
    return {name: tuple(value) if value else None for name, value in modes.items()} | {"code": said["codeHandlers"], "handlers": handlers}


def CreateChannelNamespace(
    call: Call,
    *,
    apiId: str,
    name: str,
    subscribeAuthModes: list[dict[str, str]] | None = None,
    publishAuthModes: list[dict[str, str]] | None = None,
    codeHandlers: str | None = None,
    handlerConfigs: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
) -> dict:
    said = locals()
    api = existing(call, apiId)
    if f"{apiId}/{name}" in call.shelf(Namespace):
        raise ConflictException(f"Channel namespace {name} already exists.")
    if len(_of(call, apiId)) >= NAMESPACES_MAX:
        raise ServiceQuotaExceededException(f"The limit of {NAMESPACES_MAX} channel namespaces of an API is reached.")
    now = call.now()
    namespace = Namespace(api=apiId, name=name, created=now, modified=now, tags=tags or {}, **_made(call, api, said))
    call.shelf(Namespace)[f"{apiId}/{name}"] = namespace
    return {"channelNamespace": shown(call, namespace)}


def GetChannelNamespace(call: Call, *, apiId: str, name: str) -> dict:
    return {"channelNamespace": shown(call, found(call, apiId, name))}


def ListChannelNamespaces(call: Call, *, apiId: str) -> dict:
    existing(call, apiId)
    return {"channelNamespaces": [listed(call, each) for each in _of(call, apiId)]}


def UpdateChannelNamespace(
    call: Call,
    *,
    apiId: str,
    name: str,
    subscribeAuthModes: list[dict[str, str]] | None = None,
    publishAuthModes: list[dict[str, str]] | None = None,
    codeHandlers: str | None = None,
    handlerConfigs: dict[str, Any] | None = None,
) -> dict:
    """What is not said is not any more: an update says everything."""
    said = locals()
    namespace = changed(found(call, apiId, name), modified=call.now(), **_made(call, existing(call, apiId), said))
    call.shelf(Namespace)[f"{apiId}/{name}"] = namespace
    return {"channelNamespace": shown(call, namespace)}


def DeleteChannelNamespace(call: Call, *, apiId: str, name: str) -> None:
    found(call, apiId, name)
    del call.shelf(Namespace)[f"{apiId}/{name}"]


def uses(call: Call, api_id: str, source: str) -> bool:
    """Whether a namespace of the API has a handler with this data source."""
    return any(config["integration"]["dataSourceName"] == source for each in _of(call, api_id) for config in (each.handlers or {}).values())


def DeleteApi(call: Call, *, apiId: str) -> None:
    """With everything in it."""
    existing(call, apiId)
    del call.shelf(EventApi)[apiId]
    del call.home.store.shelf(SHARED, Address)[apiId]
    firewall.release(call, arn_of(call, apiId))
    for kind in (Namespace, DataSource, apikey.ApiKey):
        held = call.shelf(kind)
        for key in [key for key in held if key.startswith(f"{apiId}/")]:
            del held[key]
