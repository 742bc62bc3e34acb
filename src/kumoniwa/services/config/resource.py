"""A kind of resource: by which calls its resources are listed and described, and how a configuration item spells what they answer.

Everything is asked as the recorder's role, so that Config sees what that may see. Configurations are spelled as AWS spells them for each
type (awslabs/aws-config-resource-schema): the older types as AWS's Java SDK writes them, the newer ones as CloudFormation does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from kumoniwa.aws import models
from kumoniwa.aws.models import Shape
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire import timestamps


class Found(NamedTuple):
    """A resource as it is now."""

    id: str
    name: str | None
    arn: str | None
    configuration: Any
    supplementary: dict[str, Any] = {}
    tags: dict[str, str] = {}
    relationships: tuple[dict[str, Any], ...] = ()
    created: float | None = None
    is_settled: bool = True
    """Not in the middle of being made, changed or deleted; else it is looked at again."""


class Unseen(Exception):
    """The role may not see it, or the service does not answer. Nothing is recorded of what was not seen."""

    def __init__(self, error: AwsError, operation: str) -> None:
        super().__init__(error.text)
        self.error, self.operation = error, operation


class Reader:
    """Asks as the recorder's role."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.remembered: dict[str, Any] = {}
        """What one look at many resources has asked for all of them at once."""

    def itself(self) -> Reader:
        """Asks as the account, for what Config sees whatever the recorder's role may."""
        call = self.call
        root = principals.root(call.account, partition=call.home.partition)
        return Reader(call.home.call("config", call.account, root))

    async def ask(self, operation: str, /, *, absent: Iterable[str] = (), **params: Any) -> dict[str, Any] | None:
        """The reply; None if it is one of the errors that mean that there is no such thing."""
        try:
            return await self.call.ask(operation, **params)
        except AwsError as error:
            if error.code in absent:
                return None
            raise Unseen(error, operation) from None

    async def all(self, operation: str, /, **params: Any) -> list[Any]:
        """The members of a list, of all its pages."""
        service, _, name = operation.partition(":")
        pages = models.service(service).operation(name).paginator or {}
        result, token = pages["result_key"], pages.get("output_token", "")
        result = result[0] if isinstance(result, list) else result
        found: list[Any] = []
        while True:
            reply = await self.ask(operation, **params) or {}
            found += reply.get(result) or ()
            if not reply.get(token) or reply.get("IsTruncated") is False:
                return found
            params[pages["input_token"]] = reply[token]


Look = Callable[[Reader, "list[str] | None"], Awaitable["dict[str, Found | None]"]]


class Kind(NamedTuple):
    type: str
    services: tuple[str, ...]
    """Calls of these services may have changed one."""
    look: Look
    """The resources with these ids, None for those that are gone; without ids all that there are."""
    named: Callable[[dict[str, Any]], list[str] | None]
    """The ids that a call has touched, from its record; None if it may have been any."""
    is_global: bool = False
    region: str | None = None
    """Where it is recorded; None for those that are recorded everywhere."""


def one_by_one(
    listed: Callable[[Reader], Awaitable[list[str]]], read: Callable[[Reader, str], Awaitable[Found | None]]
) -> Look:
    """The look of a kind whose resources are listed by their ids and described one by one."""

    async def look(reader: Reader, ids: list[str] | None) -> dict[str, Found | None]:
        return {id_: await read(reader, id_) for id_ in (ids if ids is not None else await listed(reader))}

    return look


def said(event: dict[str, Any], *names: str) -> str | None:
    """What a recorded call said, or was answered, under the first of these names."""
    for member in ("requestParameters", "responseElements"):
        told = event.get(member)
        for name in names:
            value = told.get(name) if isinstance(told, dict) else None
            if isinstance(value, str) and value:
                return value
    return None


# Spelling ------------------------------------------------------------------------------------------


@lru_cache(4096)
def folded(name: str) -> str:
    """A member as AWS's Java SDK writes it: every capital at its head is small. ``SSEDescription`` is ``ssedescription``."""
    head = len(name) - len(name.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    return name[:head].lower() + name[head:]


def spelled(service: str, operation: str, reply: dict[str, Any], *, member: str = "", fold: bool = True) -> Any:
    """An answer, or one member of it, as a configuration: moments are texts, and names as the type spells them."""
    shape = models.service(service).operation(operation).output
    if member:
        shape, reply = shape.members[member].shape, reply.get(member)
    return spell(shape, reply, fold=fold)


def spell(shape: Shape | None, value: Any, *, fold: bool = True) -> Any:
    if isinstance(value, dict):
        if shape is not None and shape.type == "map":
            return {key: spell(shape.value.shape, inner, fold=fold) for key, inner in value.items()}
        of = shape.members if shape is not None else {}
        return {
            folded(name) if fold else name: spell(of[name].shape if name in of else None, inner, fold=fold) for name, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [spell(shape.element.shape if shape is not None and shape.type == "list" else None, each, fold=fold) for each in value]
    if shape is not None and shape.type == "timestamp" and isinstance(value, (int, float)):
        return timestamps.to_millisecond(value)
    return value.decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else value


def capitalized(value: Any) -> Any:
    """Names as CloudFormation spells them, of a service that spells them small."""
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: capitalized(inner) for name, inner in value.items()}
    return [capitalized(each) for each in value] if isinstance(value, list) else value


def tags_of(listed: Iterable[dict[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    return {each[key]: each.get(value, "") for each in listed or ()}


def related(type_: str, id_: str | None, relation: str, name: str | None = None) -> dict[str, Any]:
    told = {"resourceType": type_, "resourceId": id_, "resourceName": name, "relationshipName": relation}
    return {member: value for member, value in told.items() if value is not None}
