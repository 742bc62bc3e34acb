"""A stage's API as an OpenAPI document, 2.0 or 3.0, with AWS's extensions if they are asked for.

The shapes are recorded from AWS: what GetExport answers for APIs that were imported.
"""

from __future__ import annotations

import json
import time
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.apigateway import deployment as deployments
from kumoniwa.services.apigateway import documentation, userpool
from kumoniwa.services.apigateway import stage as stages
from kumoniwa.services.apigateway.deployment import Deployment
from kumoniwa.services.apigateway.integration import TIMEOUT_MS_MAX
from kumoniwa.services.apigateway.openapi import OURS
from kumoniwa.services.apigateway.patch import BadRequestException
from kumoniwa.services.apigateway.restapi import DEFAULT_MODELS, RestApi
from kumoniwa.services.apigateway.schema import MODEL_URL

EXTENSIONS = frozenset(["apigateway", "integrations", "authorizers", "documentation"])
PLACES = {"path": "path", "querystring": "query", "header": "header"}


class Export:
    def __init__(self, call: Call, api: RestApi, stage: str, is_3: bool, extensions: set[str]) -> None:
        self.call, self.api, self.stage, self.is_3 = call, api, stage, is_3
        self.has_integrations = bool(extensions & {"apigateway", "integrations"})
        self.has_authorizers = bool(extensions & {"apigateway", "authorizers"})
        self.used: set[str] = set()
        """The models that methods and other models name."""
        self.schemes: dict[str, Any] = {}

    @property
    def version(self) -> str:
        created = time.gmtime(self.api.document["createdDate"])
        return self.api.document.get("version") or time.strftime("%Y-%m-%dT%H:%M:%SZ", created)

    def document(self) -> dict[str, Any]:
        held = self.api.document
        info = {"title": held["name"], "description": held.get("description"), "version": self.version}
        info = {name: value for name, value in info.items() if value is not None}
        host = f"{self.api.id}.execute-api.{self.call.region}.amazonaws.com"
        paths = {
            resource["path"]: self._path(resource)
            for resource in sorted(self.api.resources.values(), key=lambda one: one["path"])
            if resource.get("resourceMethods")
        }
        if self.is_3:
            variables = {"basePath": {"default": self.stage}}
            servers = [{"url": f"https://{host}/{{basePath}}", "variables": variables}]
            document: dict[str, Any] = {"openapi": "3.0.1", "info": info, "servers": servers, "paths": paths}
            parts = {"schemas": self._schemas(), "securitySchemes": self.schemes}
            document["components"] = {name: part for name, part in parts.items() if part}
        else:
            document = {
                "swagger": "2.0",
                "info": info,
                "host": host,
                "basePath": f"/{self.stage}",
                "schemes": ["https"],
            }
            parts = {"paths": paths, "securityDefinitions": self.schemes, "definitions": self._schemas()}
            document |= {name: part for name, part in parts.items() if part or name == "paths"}
        return document | (self._extensions() if self.has_integrations else {})

    # Models ------------------------------------------------------------------------------------------

    def _schemas(self) -> dict[str, Any]:
        schemas = {
            name: self._pointed(json.loads(model["schema"])) for name, model in self.api.models.items()
        }
        for schema in schemas.values():
            schema.pop("$schema", None)
        return {
            name: part for name, part in schemas.items() if name not in DEFAULT_MODELS or name in self.used
        }

    def _pointed(self, schema: Any) -> Any:
        """The schema with its references to other models as references within the document."""
        if isinstance(schema, list):
            return [self._pointed(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        found = {name: self._pointed(part) for name, part in schema.items()}
        other = MODEL_URL.fullmatch(str(found.get("$ref", "")))
        return found | (self._reference(other["name"]) if other else {})

    def _reference(self, model: str) -> dict[str, str]:
        self.used.add(model)
        return {"$ref": f"#/components/schemas/{model}" if self.is_3 else f"#/definitions/{model}"}

    # Methods ------------------------------------------------------------------------------------------

    def _path(self, resource: dict[str, Any]) -> dict[str, Any]:
        methods = resource["resourceMethods"].items()
        return {
            f"{OURS}any-method" if verb == "ANY" else verb.lower(): self._operation(method)
            for verb, method in methods
        }

    def _operation(self, method: dict[str, Any]) -> dict[str, Any]:
        operation: dict[str, Any] = {}
        if method.get("operationName"):
            operation["operationId"] = method["operationName"]
        models = method.get("requestModels") or {}
        responses = method.get("methodResponses") or {}
        produced = {
            kind: None for response in responses.values() for kind in response.get("responseModels") or {}
        }
        if not self.is_3 and models:
            operation["consumes"] = list(models)
        if not self.is_3 and produced:
            operation["produces"] = list(produced)
        parameters = [
            self._parameter(*place.split(".", 3)[2:], is_required)
            for place, is_required in (method.get("requestParameters") or {}).items()
        ]
        if models and not self.is_3:
            name = next(iter(models.values()))
            parameters.append({"in": "body", "name": name, "required": True, "schema": self._reference(name)})
        if parameters:
            operation["parameters"] = parameters
        if models and self.is_3:
            content = {kind: {"schema": self._reference(name)} for kind, name in models.items()}
            operation["requestBody"] = {"content": content, "required": True}
        operation["responses"] = {status: self._response(status, one) for status, one in responses.items()}
        if security := self._security(method):
            operation["security"] = security
        if self.has_integrations:
            validator = self.api.validators.get(method.get("requestValidatorId", ""))
            if validator is not None:
                operation[f"{OURS}request-validator"] = validator["name"]
            if "methodIntegration" in method:
                operation[f"{OURS}integration"] = integration_of(method["methodIntegration"])
        return operation

    def _parameter(self, place: str, name: str, is_required: bool) -> dict[str, Any]:
        parameter: dict[str, Any] = {"name": name, "in": PLACES[place]}
        if is_required or place == "path":
            parameter["required"] = True
        elif not self.is_3:
            parameter["required"] = False
        return parameter | ({"schema": {"type": "string"}} if self.is_3 else {"type": "string"})

    def _response(self, status: str, response: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"description": f"{status} response"}
        models = response.get("responseModels") or {}
        if models and not self.is_3:
            found["schema"] = self._reference(next(iter(models.values())))
        kind: dict[str, Any] = {"type": "string"}
        headers = {
            place.removeprefix("method.response.header."): {"schema": kind} if self.is_3 else kind
            for place in response.get("responseParameters") or ()
        }
        if headers:
            found["headers"] = headers
        if self.is_3:
            found["content"] = {media: {"schema": self._reference(name)} for media, name in models.items()}
        return found

    def _security(self, method: dict[str, Any]) -> list[dict[str, list]]:
        found = []
        if method["authorizationType"] in ("CUSTOM", userpool.KIND) and self.has_authorizers:
            held = self.api.authorizers[method["authorizerId"]]
            self.schemes[held["name"]] = authorizer_of(held)
            found.append({held["name"]: method.get("authorizationScopes") or []})
        elif method["authorizationType"] == "AWS_IAM":
            scheme = {"type": "apiKey", "name": "Authorization", "in": "header"}
            self.schemes["sigv4"] = scheme | ({f"{OURS}authtype": "awsSigv4"} if self.has_authorizers else {})
            found.append({"sigv4": []})
        if method["apiKeyRequired"]:
            self.schemes["api_key"] = {"type": "apiKey", "name": "x-api-key", "in": "header"}
            found.append({"api_key": []})
        return found

    def _extensions(self) -> dict[str, Any]:
        api, document = self.api, self.api.document
        found: dict[str, Any] = {}
        if api.validators:
            found["request-validators"] = {
                one["name"]: {
                    name: one[name] for name in ("validateRequestParameters", "validateRequestBody")
                }
                for one in api.validators.values()
            }
        if api.gateway_responses:
            found["gateway-responses"] = {
                kind: {
                    name: put[name]
                    for name in ("statusCode", "responseParameters", "responseTemplates")
                    if put.get(name)
                }
                for kind, put in api.gateway_responses.items()
            }
        if "policy" in document:
            found["policy"] = json.loads(document["policy"])
        if document.get("binaryMediaTypes"):
            found["binary-media-types"] = document["binaryMediaTypes"]
        if document.get("minimumCompressionSize") is not None:
            found["minimum-compression-size"] = document["minimumCompressionSize"]
        if document["apiKeySource"] != "HEADER":
            found["api-key-source"] = document["apiKeySource"]
        return {OURS + name: value for name, value in found.items()}


def integration_of(held: dict[str, Any]) -> dict[str, Any]:
    """An integration as the extension writes it."""
    said: dict[str, Any] = {"type": held["type"].lower()}
    said |= {name: held[name] for name in ("credentials", "httpMethod", "uri") if held.get(name)}
    responses = {}
    for response in (held.get("integrationResponses") or {}).values():
        members = ("statusCode", "responseParameters", "responseTemplates", "contentHandling")
        part = {name: response[name] for name in members if response.get(name)}
        if "responseTemplates" in part:
            # A document has no place for a template that is null: imports want texts.
            part["responseTemplates"] = {kind: text or "" for kind, text in part["responseTemplates"].items()}
        responses[response.get("selectionPattern") or "default"] = part
    if responses:
        said["responses"] = responses
    said |= {name: held[name] for name in ("requestParameters", "requestTemplates") if held.get(name)}
    said["passthroughBehavior"] = held["passthroughBehavior"].lower()
    if held.get("contentHandling"):
        said["contentHandling"] = held["contentHandling"]
    if held["timeoutInMillis"] != TIMEOUT_MS_MAX:
        said["timeoutInMillis"] = held["timeoutInMillis"]
    if held.get("responseTransferMode"):
        said["responseTransferMode"] = held["responseTransferMode"]
    return said


def authorizer_of(held: dict[str, Any]) -> dict[str, Any]:
    """An authorizer as a security scheme."""
    members = (
        "authorizerUri", "authorizerCredentials", "authorizerResultTtlInSeconds", "identityValidationExpression",
        "identitySource", "providerARNs",
    )  # fmt: skip
    said = {name: held[name] for name in members if held.get(name) is not None}
    header = "Unused"
    if held["type"] in ("TOKEN", userpool.KIND):
        header = said.pop("identitySource", userpool.SOURCE).removeprefix("method.request.header.")
    return {
        "type": "apiKey",
        "name": header,
        "in": "header",
        f"{OURS}authtype": held.get("authType", "custom"),
        f"{OURS}authorizer": said | {"type": held["type"].lower()},
    }


def _written(document: dict[str, Any], accepts: str) -> tuple[bytes, str]:
    """The document's bytes, and how such files end."""
    if "yaml" not in accepts:
        return json.dumps(document, indent=2).encode(), "json"
    try:
        import yaml  # noqa: PLC0415 (an extra)
    except ImportError:
        raise NotImplementedHere("exports in YAML without the extra kumoniwa[deploy]")
    return b"---\n" + yaml.safe_dump(document, sort_keys=False).encode(), "yaml"


def _documented(call: Call, api_id: str, version: str) -> dict[str, Any]:
    """The documentation that was published with the stage, as imports read it."""
    held = documentation.find_version(call, api_id, version)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(held.document["createdDate"]))
    return {"version": version, "createdDate": created, "documentationParts": held.parts}


def GetExport(
    call: Call,
    *,
    restApiId: str,
    stageName: str,
    exportType: str,
    parameters: dict[str, str] | None = None,
    accepts: str = "application/json",
) -> dict:
    if exportType not in ("oas30", "swagger"):
        raise BadRequestException(f"No API exporter for type '{exportType}'")
    asked = {part.strip() for part in (parameters or {}).get("extensions", "").split(",") if part.strip()}
    for name in sorted((parameters or {}).keys() - {"extensions"}) + sorted(asked - EXTENSIONS):
        raise NotImplementedHere(f"exports of apigateway with {name}")
    stage = stages.found(call, restApiId, stageName)
    held = call.shelf(Deployment)[deployments.key(restApiId, stage.document["deploymentId"])]
    export = Export(call, held.api, stageName, exportType == "oas30", asked)
    document = export.document()
    if "documentation" in asked and stage.document.get("documentationVersion"):
        document[documentation.EXTENSION] = _documented(call, restApiId, stage.document["documentationVersion"])
    body, ending = _written(document, accepts)
    return {
        "contentType": "application/octet-stream",
        "contentDisposition": f'attachment; filename="{exportType}_{export.version}.{ending}"',
        "body": body,
    }
