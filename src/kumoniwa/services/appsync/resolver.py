"""Resolvers: what gives one field of one type its value, alone or through a pipeline of functions."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLObjectType

from kumoniwa.gate import firewall
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.appsync import apikey, cache, channel, datasource, function, logic
from kumoniwa.services.appsync import schema as schemas
from kumoniwa.services.appsync.datasource import DataSource
from kumoniwa.services.appsync.errors import BadRequestException, NotFoundException
from kumoniwa.services.appsync.function import Function
from kumoniwa.services.appsync.graphqlapi import arn_of, existing, forget
from kumoniwa.services.appsync.logic import Logic

FUNCTIONS_MAX = 10
"""https://docs.aws.amazon.com/general/latest/gr/appsync.html"""


class Resolver(Record):
    """Shelved by ``api/type/field``."""

    api: str
    type: str
    field: str
    logic: Logic
    source: str | None = None
    functions: tuple[str, ...] | None = None
    """Ids, of a pipeline's."""
    caching: dict[str, Any] | None = None


def shown(call: Call, resolver: Resolver) -> dict[str, Any]:
    said: dict[str, Any] = {
        "typeName": resolver.type,
        "fieldName": resolver.field,
        "resolverArn": f"{arn_of(call, resolver.api)}/types/{resolver.type}/resolvers/{resolver.field}",
        "kind": "UNIT" if resolver.functions is None else "PIPELINE",
        **resolver.logic.shown(),
    }
    if resolver.source is not None:
        said["dataSourceName"] = resolver.source
    if resolver.functions is not None:
        said["pipelineConfig"] = {"functions": list(resolver.functions)}
    if resolver.caching is not None:
        said["cachingConfig"] = resolver.caching
    return said


def _key(api_id: str, type_: str, field: str) -> str:
    return f"{api_id}/{type_}/{field}"


def found(call: Call, api_id: str, type_: str, field: str) -> Resolver:
    existing(call, api_id)
    resolver = call.shelf(Resolver).get(_key(api_id, type_, field))
    if resolver is None:
        raise NotFoundException("No resolver found.")
    return resolver


def _check_place(schema: schemas.Compiled, type_: str, field: str) -> None:
    kind = schema.executable.type_map.get(type_)
    if not isinstance(kind, GraphQLObjectType):
        raise NotFoundException(f"Type {type_} not found.")
    if field not in kind.fields:
        # As CloudFormation tells it of AWS: "No field named getFoo found on type Query (Service: AWSAppSync; ...)"
        raise NotFoundException(f"No field named {field} found on type {type_}")


def _put(call: Call, said: dict[str, Any]) -> dict:
    api_id, kind, pipeline = said["apiId"], said["kind"] or "UNIT", said["pipelineConfig"]
    if kind == "PIPELINE":
        if said["dataSourceName"] is not None:
            raise BadRequestException("A pipeline resolver cannot have a data source.")
        functions = tuple((pipeline or {}).get("functions") or ())
        if len(functions) > FUNCTIONS_MAX:
            raise BadRequestException(f"The number of functions exceeds the limit of {FUNCTIONS_MAX}.")
        for id_ in functions:
            function.found(call, api_id, id_)
    else:
        functions = None
        if pipeline is not None:
            raise BadRequestException("A unit resolver cannot have a pipeline.")
        if said["dataSourceName"] is None:
            raise BadRequestException("A unit resolver needs a data source.")
        datasource.found(call, api_id, said["dataSourceName"])
    steps = logic.checked(
        said["requestMappingTemplate"], said["responseMappingTemplate"], said["code"], said["runtime"], said["maxBatchSize"],
        said["syncConfig"],
    )  # fmt: skip
    if (
        functions is None
        and steps.is_direct
        and datasource.found(call, api_id, said["dataSourceName"]).kind != "AWS_LAMBDA"
    ):
        raise BadRequestException(
            "Mapping templates or code are required for a data source that is no Lambda function."
        )
    resolver = Resolver(
        api=api_id,
        type=said["typeName"],
        field=said["fieldName"],
        logic=steps,
        source=said["dataSourceName"],
        functions=functions,
        caching=cache.checked(said["cachingConfig"]),
    )
    call.shelf(Resolver)[_key(api_id, resolver.type, resolver.field)] = resolver
    return {"resolver": shown(call, resolver)}


async def CreateResolver(
    call: Call,
    *,
    apiId: str,
    typeName: str,
    fieldName: str,
    dataSourceName: str | None = None,
    requestMappingTemplate: str | None = None,
    responseMappingTemplate: str | None = None,
    kind: str | None = None,
    pipelineConfig: dict[str, Any] | None = None,
    syncConfig: dict[str, Any] | None = None,
    cachingConfig: dict[str, Any] | None = None,
    maxBatchSize: int | None = None,
    runtime: dict[str, Any] | None = None,
    code: str | None = None,
) -> dict:
    said = locals()
    existing(call, apiId)
    _check_place(await schemas.compiled(call, apiId), typeName, fieldName)
    if _key(apiId, typeName, fieldName) in call.shelf(Resolver):
        raise BadRequestException("Only one resolver is allowed per field.")
    return call.atomically(lambda: _put(call, said))


async def UpdateResolver(
    call: Call,
    *,
    apiId: str,
    typeName: str,
    fieldName: str,
    dataSourceName: str | None = None,
    requestMappingTemplate: str | None = None,
    responseMappingTemplate: str | None = None,
    kind: str | None = None,
    pipelineConfig: dict[str, Any] | None = None,
    syncConfig: dict[str, Any] | None = None,
    cachingConfig: dict[str, Any] | None = None,
    maxBatchSize: int | None = None,
    runtime: dict[str, Any] | None = None,
    code: str | None = None,
) -> dict:
    said = locals()
    found(call, apiId, typeName, fieldName)
    return call.atomically(lambda: _put(call, said))


def GetResolver(call: Call, *, apiId: str, typeName: str, fieldName: str) -> dict:
    return {"resolver": shown(call, found(call, apiId, typeName, fieldName))}


def DeleteResolver(call: Call, *, apiId: str, typeName: str, fieldName: str) -> None:
    found(call, apiId, typeName, fieldName)
    del call.shelf(Resolver)[_key(apiId, typeName, fieldName)]


def _all(call: Call, kind: type, prefix: str) -> list[Any]:
    held = call.shelf(kind)
    return [held[key] for key in sorted(held) if key.startswith(prefix)]


def ListResolvers(call: Call, *, apiId: str, typeName: str) -> dict:
    existing(call, apiId)
    return {"resolvers": [shown(call, each) for each in _all(call, Resolver, f"{apiId}/{typeName}/")]}


def ListResolversByFunction(call: Call, *, apiId: str, functionId: str) -> dict:
    function.found(call, apiId, functionId)
    users = (each for each in _all(call, Resolver, f"{apiId}/") if functionId in (each.functions or ()))
    return {"resolvers": [shown(call, each) for each in users]}


# What others use cannot go -------------------------------------------------------------------------


def DeleteFunction(call: Call, *, apiId: str, functionId: str) -> None:
    function.found(call, apiId, functionId)
    if any(functionId in (each.functions or ()) for each in _all(call, Resolver, f"{apiId}/")):
        raise BadRequestException("Cannot delete a function which is currently used by a resolver.")
    del call.shelf(Function)[f"{apiId}/{functionId}"]


def DeleteDataSource(call: Call, *, apiId: str, name: str) -> None:
    datasource.found(call, apiId, name)
    users = (*_all(call, Resolver, f"{apiId}/"), *_all(call, Function, f"{apiId}/"))
    if any(each.source == name for each in users) or channel.uses(call, apiId, name):
        raise BadRequestException(
            "Cannot delete data source which is currently in use by resolvers or functions."
        )
    del call.shelf(DataSource)[f"{apiId}/{name}"]


def DeleteGraphqlApi(call: Call, *, apiId: str) -> None:
    """With everything in it."""
    forget(call, existing(call, apiId))
    firewall.release(call, arn_of(call, apiId))
    for kind in (Resolver, Function, DataSource, apikey.ApiKey):
        held = call.shelf(kind)
        for key in [key for key in held if key.startswith(f"{apiId}/")]:
            del held[key]
    for kind in (schemas.Schema, cache.ApiCache):
        call.shelf(kind).pop(apiId, None)
    cache.answers(call.home).flush(apiId)
