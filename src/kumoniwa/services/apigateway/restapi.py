"""REST APIs: a draft which its owner edits, as one frozen record.

Everything an API is made of stands in it in AWS's own spelling, ready to be answered. Whoever changes a part puts a
changed record in its place, so a deployment is simply the record of the day.
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.gate.address import region_mark
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.policy import MalformedPolicyDocument, parse, statements_in
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, Rule, Rules, flag

COMPRESSION_BYTES_MAX = 10_485_760
ENDPOINT_TYPES = ("REGIONAL", "EDGE", "PRIVATE")


class ConflictException(AwsError): ...


class RestApi(Record):
    document: dict[str, Any]
    """What GetRestApi answers, without tags; ``policy`` as it was given, with whole ARNs."""
    resources: dict[str, dict[str, Any]] = {}
    """By id: what GetResource answers with its methods embedded."""
    models: dict[str, dict[str, Any]] = {}
    """By name."""
    validators: dict[str, dict[str, Any]] = {}
    authorizers: dict[str, dict[str, Any]] = {}
    gateway_responses: dict[str, dict[str, Any]] = {}
    """By response type: those that were put."""
    tags: dict[str, str] = {}
    made: float = 0.0
    """When it was made, more finely than ``createdDate`` tells."""

    @property
    def id(self) -> str:
        return self.document["id"]

    @property
    def root(self) -> dict[str, Any]:
        return self.resources[self.document["rootResourceId"]]


DEFAULT_MODELS = {
    "Empty": {
        "description": "This is a default empty schema model",
        "schema": {"title": "Empty Schema", "type": "object"},
    },
    "Error": {
        "description": "This is a default error schema model",
        "schema": {"title": "Error Schema", "type": "object", "properties": {"message": {"type": "string"}}},
    },
}


def find(call: Call, api_id: str) -> RestApi:
    api = call.shelf(RestApi).get(api_id)
    if api is None:
        raise NotFoundException(f"Invalid API identifier specified {call.account}:{api_id}")
    return api


def put(call: Call, api: RestApi) -> RestApi:
    call.shelf(RestApi)[api.id] = api
    return api


def short_id(call: Call) -> str:
    """Six characters: how resources, models, deployments and authorizers are called."""
    return call.ids.lower(6)


def shown(api: RestApi, *, has_tags: bool = True) -> dict[str, Any]:
    """The API as AWS answers it. AWS answers the policy with its quotes and slashes escaped, and clients expect it so."""
    document = dict(api.document)
    if "policy" in document:
        document["policy"] = document["policy"].replace("\\", "\\\\").replace('"', '\\"').replace("/", "\\/")
    if has_tags or api.tags:
        document["tags"] = api.tags
    return document


# What an API may say of itself -----------------------------------------------------------------------


def checked_policy(call: Call, api_id: str, policy: str | None) -> str | None:
    """A resource policy whose short resources (``execute-api:/prod/*``) have become ARNs."""
    if not policy:
        return None
    try:
        document = json.loads(policy)
        for statement in statements_in(document):
            for member in ("Resource", "NotResource"):
                if member in statement:
                    named = statement[member]
                    whole = [
                        _whole(call, api_id, one) for one in (named if isinstance(named, list) else [named])
                    ]
                    statement[member] = whole if isinstance(named, list) else whole[0]
        text = json.dumps(document, separators=(",", ":"))
        parse(text, "resource")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, MalformedPolicyDocument):
        raise BadRequestException(
            "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."
        )
    return text


def _whole(call: Call, api_id: str, resource: str) -> str:
    if not resource.startswith("execute-api:"):
        return resource
    return call.arn(f"{api_id}/{resource.removeprefix('execute-api:').removeprefix('/')}", "execute-api")


def compression(value: Any) -> int | None:
    if value in (None, ""):
        return None
    try:
        size = int(value)
    except ValueError:
        size = -1
    if not 0 <= size <= COMPRESSION_BYTES_MAX:
        raise BadRequestException("Invalid minimum compression size, must be between 0 and 10485760")
    return size


def endpoint(given: dict[str, Any] | None) -> dict[str, Any]:
    """https://docs.aws.amazon.com/apigateway/latest/api/API_EndpointConfiguration.html"""
    given = dict(given or {})
    types = given.get("types", ["EDGE"])
    if not types:
        raise BadRequestException("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
    if len(types) > 1:
        raise BadRequestException("Cannot create an api with multiple Endpoint Types.")
    if types == ["PRIVATE"]:
        # Nobody is inside a virtual private cloud here: an API only they may call could not be called at all.
        raise NotImplementedHere("private REST APIs (endpointConfiguration PRIVATE)")
    if given.get("vpcEndpointIds"):
        raise BadRequestException("VPCEndpoints can only be specified with PRIVATE apis.")
    return {"types": types, "ipAddressType": given.get("ipAddressType", "ipv4")}


def _named(value: str | None) -> str:
    if not value or not value.strip():
        raise BadRequestException("Name cannot be null or empty")
    return value


def _endpoint_type(value: str | None) -> list[str]:
    if value not in ENDPOINT_TYPES:
        raise BadRequestException("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
    return endpoint({"types": [value]})["types"]


def address_type(value: str | None) -> str:
    if value not in ("ipv4", "dualstack"):
        raise BadRequestException("ipAddressType must be either ipv4 or dualstack.")
    return value


def _key_source(value: str | None) -> str:
    if value not in ("HEADER", "AUTHORIZER"):
        raise BadRequestException("Invalid API key source specified. Valid values are HEADER,AUTHORIZER")
    return value


RULES = Rules(
    {
        "/name": Rule("name", _named),
        "/description": Rule("description", operations=("replace", "remove")),
        "/version": Rule("version"),
        "/policy": Rule("policy"),
        "/apiKeySource": Rule("apiKeySource", _key_source),
        "/minimumCompressionSize": Rule("minimumCompressionSize", compression),
        "/disableExecuteApiEndpoint": Rule("disableExecuteApiEndpoint", flag),
        "/binaryMediaTypes/+": Rule("binaryMediaTypes", operations=("add", "replace", "remove")),
        "/endpointConfiguration/types/*": Rule(
            "endpointConfiguration.types", operations=("add", "remove", "replace")
        ),
        "/endpointConfiguration/ipAddressType": Rule("endpointConfiguration.ipAddressType", address_type),
    }
)


# Operations ------------------------------------------------------------------------------------------


def blank(call: Call, name: str) -> RestApi:
    """An API with nothing but its root and AWS's two models."""
    api_id, root = region_mark(call.region) + call.ids.lower(8), call.ids.lower(10)
    document = {
        "id": api_id, "name": name, "createdDate": float(int(call.now())), "apiKeySource": "HEADER",
        "endpointConfiguration": endpoint(None), "disableExecuteApiEndpoint": False, "rootResourceId": root,
    }  # fmt: skip
    models = {
        name: {
            "id": short_id(call), "name": name, "contentType": "application/json", "description": known["description"],
            "schema": json.dumps({"$schema": "http://json-schema.org/draft-04/schema#", **known["schema"]}, indent=2),
        }
        for name, known in DEFAULT_MODELS.items()
    }  # fmt: skip
    return RestApi(document=document, resources={root: {"id": root, "path": "/"}}, models=models, made=call.now())


def _cloned(call: Call, name: str, api_id: str) -> RestApi:
    """A new API with everything of another's draft; stages and deployments stay with the other."""
    other, made = find(call, api_id), blank(call, name)
    own = ("id", "name", "createdDate")
    document = other.document | {member: made.document[member] for member in own}
    document.pop("policy", None)  # It speaks of the other's ARN.
    models = {
        key: {**model, "schema": model["schema"].replace(f"restapis/{api_id}/", f"restapis/{made.id}/")}
        for key, model in other.models.items()
    }
    return changed(other, document=document, models=models, tags={}, made=made.made)


def CreateRestApi(
    call: Call,
    *,
    name: str,
    description: str | None = None,
    version: str | None = None,
    cloneFrom: str | None = None,
    binaryMediaTypes: list[str] | None = None,
    minimumCompressionSize: int | None = None,
    apiKeySource: str | None = None,
    endpointConfiguration: dict | None = None,
    policy: str | None = None,
    tags: dict[str, str] | None = None,
    disableExecuteApiEndpoint: bool = False,
) -> dict:
    _named(name)
    if description == "":
        raise BadRequestException("Description cannot be an empty string")
    api = blank(call, name) if cloneFrom is None else _cloned(call, name, cloneFrom)
    given = {
        "description": description,
        "version": version,
        "binaryMediaTypes": binaryMediaTypes or None,
        "minimumCompressionSize": compression(minimumCompressionSize),
        "apiKeySource": apiKeySource,
        "endpointConfiguration": endpoint(endpointConfiguration) if endpointConfiguration is not None else None,
        "policy": checked_policy(call, api.id, policy),
        "disableExecuteApiEndpoint": disableExecuteApiEndpoint,
    }
    document = api.document | {member: value for member, value in given.items() if value is not None}
    return shown(put(call, changed(api, document=document, tags=tags or {})), has_tags=False)


def GetRestApi(call: Call, *, restApiId: str) -> dict:
    return shown(find(call, restApiId))


def GetRestApis(call: Call) -> dict:
    apis = sorted(call.shelf(RestApi).values(), key=lambda api: (api.made or api.document["createdDate"], api.id))
    return {"items": [shown(api, has_tags=False) for api in apis]}


def UpdateRestApi(call: Call, *, restApiId: str, patchOperations: list[dict] | None = None) -> dict:
    api = find(call, restApiId)
    operations = []
    for operation in patchOperations or ():
        path = operation.get("path") or ""
        if path.startswith("/endpointConfiguration/types/") and operation.get("op") in (
            "add",
            "replace",
            "remove",
        ):
            # An API has one endpoint type: the path names the one to be replaced, the value the one to be had.
            wanted = operation.get("value") or path.rpartition("/")[2]
            if operation["op"] != "remove":
                kinds = {"types": _endpoint_type(wanted)}
                api = changed(
                    api,
                    document=api.document
                    | {"endpointConfiguration": api.document["endpointConfiguration"] | kinds},
                )
        else:
            operations.append(operation)
    document = RULES.applied(api.document, operations)
    if document.get("policy") != api.document.get("policy"):
        document["policy"] = checked_policy(call, api.id, document["policy"])
    return shown(put(call, changed(api, document=document)))
