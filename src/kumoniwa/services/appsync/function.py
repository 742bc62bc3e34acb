"""Functions: single steps that pipeline resolvers are made of."""

from __future__ import annotations

from string import ascii_lowercase
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.appsync import datasource, logic
from kumoniwa.services.appsync.errors import BadRequestException, NotFoundException
from kumoniwa.services.appsync.graphqlapi import ID_LENGTH, arn_of, existing
from kumoniwa.services.appsync.logic import Logic

VERSION = "2018-05-29"


class Function(Record):
    """Shelved by ``api/id``."""

    api: str
    id: str
    name: str
    source: str
    logic: Logic
    description: str | None = None


def shown(call: Call, function: Function) -> dict[str, Any]:
    said = {"description": function.description} if function.description is not None else {}
    if function.logic.code is None:
        said["functionVersion"] = VERSION
    return {
        "functionId": function.id,
        "functionArn": f"{arn_of(call, function.api)}/functions/{function.id}",
        "name": function.name,
        "dataSourceName": function.source,
        **function.logic.shown(),
        **said,
    }


def found(call: Call, api_id: str, function_id: str) -> Function:
    existing(call, api_id)
    function = call.shelf(Function).get(f"{api_id}/{function_id}")
    if function is None:
        raise NotFoundException(f"No function found for functionId {function_id}")
    return function


def _put(call: Call, api_id: str, id_: str, said: dict[str, Any]) -> dict:
    datasource.found(call, api_id, said["dataSourceName"])
    # A function of code has none, and Terraform's provider says so with an empty text:
    # https://github.com/hashicorp/terraform-provider-aws/blob/v5.100.0/internal/service/appsync/function.go
    if said["functionVersion"] not in (None, "", VERSION):
        raise BadRequestException(
            f"Invalid function version {said['functionVersion']}: it must be {VERSION}."
        )
    steps = logic.checked(
        said["requestMappingTemplate"], said["responseMappingTemplate"], said["code"], said["runtime"], said["maxBatchSize"],
        said["syncConfig"],
    )  # fmt: skip
    function = Function(
        api=api_id,
        id=id_,
        name=said["name"],
        source=said["dataSourceName"],
        logic=steps,
        description=said["description"],
    )
    call.shelf(Function)[f"{api_id}/{id_}"] = function
    return {"functionConfiguration": shown(call, function)}


def CreateFunction(
    call: Call,
    *,
    apiId: str,
    name: str,
    dataSourceName: str,
    description: str | None = None,
    requestMappingTemplate: str | None = None,
    responseMappingTemplate: str | None = None,
    functionVersion: str | None = None,
    syncConfig: dict[str, Any] | None = None,
    maxBatchSize: int | None = None,
    runtime: dict[str, Any] | None = None,
    code: str | None = None,
) -> dict:
    existing(call, apiId)
    # It begins with a letter, by the model's own pattern.
    id_ = call.ids.random.choice(ascii_lowercase) + call.ids.lower(ID_LENGTH - 1)
    return _put(call, apiId, id_, locals())


def UpdateFunction(
    call: Call,
    *,
    apiId: str,
    functionId: str,
    name: str,
    dataSourceName: str,
    description: str | None = None,
    requestMappingTemplate: str | None = None,
    responseMappingTemplate: str | None = None,
    functionVersion: str | None = None,
    syncConfig: dict[str, Any] | None = None,
    maxBatchSize: int | None = None,
    runtime: dict[str, Any] | None = None,
    code: str | None = None,
) -> dict:
    found(call, apiId, functionId)
    return _put(call, apiId, functionId, locals())


def GetFunction(call: Call, *, apiId: str, functionId: str) -> dict:
    return {"functionConfiguration": shown(call, found(call, apiId, functionId))}


def ListFunctions(call: Call, *, apiId: str) -> dict:
    existing(call, apiId)
    held = call.shelf(Function)
    return {"functions": [shown(call, held[key]) for key in sorted(held) if key.startswith(f"{apiId}/")]}
