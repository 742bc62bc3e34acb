"""Single types of a schema: shown, added, replaced and taken away, the rest of the schema left as it was written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from graphql import DocumentNode, GraphQLError, introspection_from_schema, parse, print_ast

from kumoniwa.kernel.call import Call
from kumoniwa.services.appsync import schema as schemas
from kumoniwa.services.appsync.errors import BadRequestException, NotFoundException
from kumoniwa.services.appsync.graphqlapi import arn_of, existing
from kumoniwa.services.appsync.schema import Schema


def _definition(call: Call, api_id: str) -> str:
    existing(call, api_id)
    schema = call.shelf(Schema).get(api_id)
    return schema.definition if schema is not None else ""


def _types(definition: str) -> dict[str, Any]:
    document = parse(definition) if definition.strip() else DocumentNode(definitions=())
    return {node.name.value: node for node in document.definitions if node.kind.endswith("type_definition")}


async def _described(call: Call, api_id: str, format_: str) -> dict[str, str]:
    """Each type's definition as it was written, or in JSON as introspection tells it."""
    definition = _definition(call, api_id)
    types = await asyncio.to_thread(_types, definition)
    if format_ == "SDL":
        return {name: print_ast(node) for name, node in types.items()}
    executable = (await schemas.compiled(call, api_id)).executable
    told = await asyncio.to_thread(introspection_from_schema, executable)
    return {
        each["name"]: orjson.dumps(each).decode()
        for each in told["__schema"]["types"]
        if each["name"] in types
    }


def _shown(
    call: Call, api_id: str, name: str, definition: str, format_: str, node: Any = None
) -> dict[str, Any]:
    description = getattr(node, "description", None)
    return {
        "name": name,
        "arn": f"{arn_of(call, api_id)}/types/{name}",
        "definition": definition,
        "format": format_,
        **({"description": description.value} if description is not None else {}),
    }


async def GetType(call: Call, *, apiId: str, typeName: str, format: str) -> dict:
    found = await _described(call, apiId, format)
    if typeName not in found:
        raise NotFoundException(f"Type {typeName} not found.")
    return {
        "type": _shown(
            call, apiId, typeName, found[typeName], format, _types(_definition(call, apiId))[typeName]
        )
    }


async def ListTypes(call: Call, *, apiId: str, format: str) -> dict:
    found = await _described(call, apiId, format)
    return {
        "types": [_shown(call, apiId, name, definition, format) for name, definition in sorted(found.items())]
    }


async def _changed(call: Call, api_id: str, change: Callable[[dict[str, Any], list[Any]], list[Any]]) -> None:
    """Put a schema whose definitions ``change`` has changed, if it still is one."""
    definition = _definition(call, api_id)
    document = parse(definition) if definition.strip() else DocumentNode(definitions=())
    nodes = change(_types(definition), list(document.definitions))
    text = "\n\n".join(print_ast(node) for node in nodes)
    try:
        found = await asyncio.to_thread(schemas.compiled_from, text)
    except GraphQLError as error:
        if error.message != "Query root type must be provided.":
            raise BadRequestException(error.message) from None
        # A schema that grows type by type has no query yet; it serves nobody until it has one.
        _put_unfinished(call, api_id, text)
        return
    call.atomically(lambda: schemas.put(call, api_id, text, found))


def _put_unfinished(call: Call, api_id: str, text: str) -> None:
    call.atomically(lambda: call.shelf(Schema).__setitem__(api_id, Schema(definition=text, status="ACTIVE")))


def _parsed(definition: str, format_: str) -> Any:
    if format_ != "SDL":
        raise BadRequestException("Types are defined in SDL only.")
    try:
        nodes = parse(definition).definitions
    except GraphQLError as error:
        raise BadRequestException(error.message) from None
    if len(nodes) != 1 or not nodes[0].kind.endswith("type_definition"):
        raise BadRequestException("The definition must be that of one type.")
    return nodes[0]


def _defines(node: Any, name: str) -> bool:
    return node.kind.endswith("type_definition") and node.name.value == name


async def CreateType(call: Call, *, apiId: str, definition: str, format: str) -> dict:
    node = _parsed(definition, format)
    name = node.name.value

    def change(types: dict[str, Any], nodes: list[Any]) -> list[Any]:
        if name in types:
            raise BadRequestException(f"Type {name} already exists.")
        return [*nodes, node]

    await _changed(call, apiId, change)
    return {"type": _shown(call, apiId, name, print_ast(node), format, node)}


async def UpdateType(
    call: Call, *, apiId: str, typeName: str, format: str, definition: str | None = None
) -> dict:
    if definition is None:
        return await GetType(call, apiId=apiId, typeName=typeName, format=format)
    node = _parsed(definition, format)
    if node.name.value != typeName:
        raise BadRequestException(f"The definition is not that of the type {typeName}.")

    def change(types: dict[str, Any], nodes: list[Any]) -> list[Any]:
        if typeName not in types:
            raise NotFoundException(f"Type {typeName} not found.")
        return [node if _defines(each, typeName) else each for each in nodes]

    await _changed(call, apiId, change)
    return {"type": _shown(call, apiId, typeName, print_ast(node), format, node)}


async def DeleteType(call: Call, *, apiId: str, typeName: str) -> None:
    def change(types: dict[str, Any], nodes: list[Any]) -> list[Any]:
        if typeName not in types:
            raise NotFoundException(f"Type {typeName} not found.")
        return [each for each in nodes if not _defines(each, typeName)]

    await _changed(call, apiId, change)
