"""Models and request validators: which parameters and which body a method insists on before its integration is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway import mapping, restapi, sample
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, Rule, Rules, flag
from kumoniwa.services.apigateway.restapi import ConflictException, RestApi
from kumoniwa.services.apigateway.schema import MODEL_URL, Compiler, Malformed

SCHEMA_BYTES_MAX = 400_000
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"""
_NAME = re.compile(r"[A-Za-z0-9]+")

RULES = Rules(
    {"/description": Rule("description"), "/schema": Rule("schema", lambda value: value or "")},
    is_listed=True,
)


def checked(model: dict[str, Any]) -> dict[str, Any]:
    """The model, if its schema is one."""
    if not model["name"]:
        raise BadRequestException("Model name must be non-empty")
    if not _NAME.fullmatch(model["name"]):
        raise BadRequestException(f"Model name must be alphanumeric: {model['name']}")
    mapping.check_content_types([model["contentType"]])
    text = model.get("schema") or ""
    if not text.strip():
        raise BadRequestException("Model schema must have at least 1 property or array items defined")
    try:
        # A schema that asks for nothing is one: localstack's test_cfn_with_apigateway_resources, recorded.
        schema = json.loads(text) if len(text) <= SCHEMA_BYTES_MAX else None
        Compiler({model["name"]: schema}).compile(schema, model["name"])
    except (ValueError, RecursionError):
        raise BadRequestException(
            "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified]"
        )
    return model


def _found(call: Call, api_id: str, name: str) -> tuple[RestApi, dict[str, Any]]:
    api = call.shelf(RestApi).get(api_id)
    model = api.models.get(name) if api is not None else None
    if model is None:
        raise NotFoundException(f"Invalid model name specified: {name}")
    return api, model


def CreateModel(
    call: Call,
    *,
    restApiId: str,
    name: str,
    contentType: str,
    description: str | None = None,
    schema: str | None = None,
) -> dict:
    api = restapi.find(call, restApiId)
    model = {"id": restapi.short_id(call), "name": name, "contentType": contentType, "schema": schema or ""}
    checked(model | ({"description": description} if description else {}))
    if name in api.models:
        raise ConflictException("Model name already exists for this REST API")
    if description:
        model["description"] = description
    restapi.put(call, changed(api, models={**api.models, name: model}))
    return model


def GetModel(call: Call, *, restApiId: str, modelName: str, flatten: bool = False) -> dict:
    """A flattened model holds those it refers to as its own definitions."""
    api, model = _found(call, restApiId, modelName)
    if not flatten:
        return model
    schema, definitions = json.loads(model["schema"]), {}
    schema = _flattened(schema, api, definitions)
    if definitions:
        schema["definitions"] = {**definitions, **schema.get("definitions", {})}
    return model | {"schema": json.dumps(schema, indent=2)}


def _flattened(schema: Any, api: RestApi, definitions: dict[str, Any]) -> Any:
    """The schema with its references to other models pointing to ``definitions``, which are filled."""
    if isinstance(schema, list):
        return [_flattened(part, api, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    other = MODEL_URL.fullmatch(str(schema.get("$ref", "")))
    if other is None:
        return {name: _flattened(part, api, definitions) for name, part in schema.items()}
    name = other["name"]
    if name not in definitions and name in api.models:
        definitions[name] = {}  # Models may refer to each other in a circle.
        definitions[name] = _flattened(json.loads(api.models[name]["schema"]), api, definitions)
    return schema | {"$ref": f"#/definitions/{name}"}


def GetModelTemplate(call: Call, *, restApiId: str, modelName: str) -> dict:
    api, model = _found(call, restApiId, modelName)
    schemas = {name: json.loads(held["schema"]) for name, held in api.models.items()}
    return {"value": sample.template(json.loads(model["schema"]), schemas)}


def GetModels(call: Call, *, restApiId: str) -> dict:
    models = restapi.find(call, restApiId).models
    return {"items": [models[name] for name in sorted(models)]}


def UpdateModel(
    call: Call, *, restApiId: str, modelName: str, patchOperations: list[dict] | None = None
) -> dict:
    api, model = _found(call, restApiId, modelName)
    model = checked(RULES.applied(model, patchOperations))
    restapi.put(call, changed(api, models={**api.models, modelName: model}))
    return model


def DeleteModel(call: Call, *, restApiId: str, modelName: str) -> None:
    api, _ = _found(call, restApiId, modelName)
    # Recorded (test_put_method_model): of several the newest is told.
    for resource in reversed(api.resources.values()):
        for verb, method in resource.get("resourceMethods", {}).items():
            if modelName in method.get("requestModels", {}).values():
                place = f"{resource['path']}/{verb}"
                raise ConflictException(
                    f"Cannot delete model '{modelName}', is referenced in method request: {place}"
                )
            for response in method.get("methodResponses", {}).values():
                if modelName in (response.get("responseModels") or {}).values():
                    place = f"{resource['path']}/{verb}"
                    raise ConflictException(
                        f"Cannot delete model '{modelName}', is referenced in method response: {place}"
                    )
    restapi.put(
        call, changed(api, models={name: model for name, model in api.models.items() if name != modelName})
    )


# Request validators ------------------------------------------------------------------------------------


def _name(value: str | None) -> str:
    if not value or not value.strip():
        raise BadRequestException("Request Validator name cannot be blank")
    return value


VALIDATOR_RULES = Rules(
    {
        "/name": Rule("name", _name),
        "/validateRequestParameters": Rule("validateRequestParameters", flag),
        "/validateRequestBody": Rule("validateRequestBody", flag),
    },
    is_listed=True,
)


def _validator(call: Call, api_id: str, validator_id: str) -> tuple[RestApi, dict[str, Any]]:
    api = call.shelf(RestApi).get(api_id)
    validator = api.validators.get(validator_id) if api is not None else None
    if validator is None:
        raise NotFoundException("Invalid Request Validator identifier specified")
    return api, validator


def CreateRequestValidator(
    call: Call,
    *,
    restApiId: str,
    name: str | None = None,
    validateRequestBody: bool = False,
    validateRequestParameters: bool = False,
) -> dict:
    api = call.shelf(RestApi).get(restApiId)
    if api is None:
        raise BadRequestException("Invalid REST API identifier specified")
    document = {
        "id": restapi.short_id(call), "validateRequestBody": validateRequestBody,
        "validateRequestParameters": validateRequestParameters,
    } | ({"name": name} if name else {})  # fmt: skip
    restapi.put(call, changed(api, validators={**api.validators, document["id"]: document}))
    return document


def GetRequestValidator(call: Call, *, restApiId: str, requestValidatorId: str) -> dict:
    return _validator(call, restApiId, requestValidatorId)[1]


def GetRequestValidators(call: Call, *, restApiId: str) -> dict:
    return {"items": list(restapi.find(call, restApiId).validators.values())}


def UpdateRequestValidator(
    call: Call, *, restApiId: str, requestValidatorId: str, patchOperations: list[dict] | None = None
) -> dict:
    api, validator = _validator(call, restApiId, requestValidatorId)
    validator = VALIDATOR_RULES.applied(validator, patchOperations)
    restapi.put(call, changed(api, validators={**api.validators, requestValidatorId: validator}))
    return validator


def DeleteRequestValidator(call: Call, *, restApiId: str, requestValidatorId: str) -> None:
    api, _ = _validator(call, restApiId, requestValidatorId)
    for resource in api.resources.values():
        for verb, method in resource.get("resourceMethods", {}).items():
            if method.get("requestValidatorId") == requestValidatorId:
                place = f"{resource['path']}/{verb}"
                raise ConflictException(
                    f"Cannot delete request validator '{requestValidatorId}', is referenced in method: {place}"
                )
    kept = {key: validator for key, validator in api.validators.items() if key != requestValidatorId}
    restapi.put(call, changed(api, validators=kept))


# What a validator does -----------------------------------------------------------------------------------


def compiler(api: RestApi) -> Compiler:
    schemas = {}
    for name, model in api.models.items():
        try:
            schemas[name] = json.loads(model["schema"])
        except ValueError:
            continue
    return Compiler(schemas)


def checks(api: RestApi, schemas: Compiler, method: dict[str, Any]) -> list[Callable[[Exchange], None]]:
    """What is to be checked of a method's requests, as its validator says."""
    validator = api.validators.get(method.get("requestValidatorId", ""))
    if validator is None:
        return []
    found = []
    required = sorted(
        place for place, is_required in (method.get("requestParameters") or {}).items() if is_required
    )
    if validator["validateRequestParameters"] and required:
        found.append(_parameters([place.split(".", 3)[2:] for place in required]))
    if validator["validateRequestBody"] and method.get("requestModels"):
        found.append(
            _body({kind.lower(): schemas.model(name) for kind, name in method["requestModels"].items()})
        )
    return found


def _parameters(required: list[list[str]]) -> Callable[[Exchange], None]:
    def check(exchange: Exchange) -> None:
        read = {"header": exchange.header, "querystring": exchange.query, "path": exchange.label}
        missing = [name for place, name in required if not (read[place](name) or "").strip()]
        if missing:
            raise Refused(
                "BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{', '.join(missing)}]"
            )

    return check


def _body(models: dict[str, Callable[[Any], bool]]) -> Callable[[Exchange], None]:
    def check(exchange: Exchange) -> None:
        fits = models.get(exchange.media_type("content-type") or "application/json") or models.get("$default")
        if fits is None:
            return
        try:
            is_right = fits(orjson.loads(exchange.request.body))
        except orjson.JSONDecodeError:
            is_right = False
        except Malformed:
            raise Refused("API_CONFIGURATION_ERROR", "Internal server error")
        if not is_right:
            raise Refused(
                "BAD_REQUEST_BODY", "Invalid request body", detail="[the body does not fit the model]"
            )

    return check
