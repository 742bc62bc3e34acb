"""Models: JSON schemas that messages of a WebSocket API are held against.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-models.html
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigatewayv2.definition import (
    Api,
    BadRequestException,
    ConflictException,
    find,
    part,
    put,
    said,
    without,
)

_NAME = re.compile(r"[A-Za-z0-9]+")


def _checked(api: Api, model: dict[str, Any]) -> dict[str, Any]:
    if api.is_http:
        raise BadRequestException("Currently, Models are not permitted for APIs with a protocol type of HTTP")
    if not _NAME.fullmatch(model["Name"]):
        raise BadRequestException("Model name must be alphanumeric: " + model["Name"])
    try:
        read = orjson.loads(model["Schema"])
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, dict):
        raise BadRequestException("Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified]")
    for known in api.models.values():
        if known["Name"] == model["Name"] and known["ModelId"] != model["ModelId"]:
            raise ConflictException(f"Model name already exists for this API: {model['Name']}")
    return model


def named(api: Api, name: str) -> dict[str, Any] | None:
    return next((model for model in api.models.values() if model["Name"] == name), None)


def CreateModel(
    call: Call, *, ApiId: str, Name: str, Schema: str, ContentType: str | None = None, Description: str | None = None
) -> dict:
    api = find(call, ApiId)
    document = said(Name=Name, Schema=Schema, ContentType=ContentType or "application/json", Description=Description)
    model = _checked(api, document | {"ModelId": call.ids.lower(6)})
    put(call, changed(api, models={**api.models, model["ModelId"]: model}))
    return model


def GetModel(call: Call, *, ApiId: str, ModelId: str) -> dict:
    return part(find(call, ApiId).models, "Model", ModelId)


def GetModels(call: Call, *, ApiId: str) -> dict:
    return {"Items": list(find(call, ApiId).models.values())}


def UpdateModel(
    call: Call,
    *,
    ApiId: str,
    ModelId: str,
    ContentType: str | None = None,
    Description: str | None = None,
    Name: str | None = None,
    Schema: str | None = None,
) -> dict:
    api = find(call, ApiId)
    said_now = said(Name=Name, Schema=Schema, ContentType=ContentType, Description=Description)
    model = _checked(api, {**part(api.models, "Model", ModelId), **said_now})
    put(call, changed(api, models={**api.models, ModelId: model}))
    return model


def DeleteModel(call: Call, *, ApiId: str, ModelId: str) -> None:
    api = find(call, ApiId)
    part(api.models, "Model", ModelId)
    put(call, changed(api, models=without(api.models, ModelId)))
