"""An HTTP API as an OpenAPI 3.0 document that an import reads back.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-export.html
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.apigateway.openapi import OURS
from kumoniwa.services.apigatewayv2.definition import Api, BadRequestException, Deployment, find
from kumoniwa.services.apigatewayv2.openapi import ANY, AUTHORIZER, INTEGRATION
from kumoniwa.services.apigatewayv2.stage import found

DEFAULT = "$default"


def _authorizer(known: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {member: known[name] for member, name in AUTHORIZER.items() if name in known}
    told |= {"type": known["AuthorizerType"].lower(), "identitySource": ",".join(known["IdentitySource"])}
    if known["AuthorizerType"] == "JWT":
        said = known["JwtConfiguration"]
        told["jwtConfiguration"] = {"issuer": said["Issuer"], "audience": said["Audience"]}
        return {"type": "oauth2", OURS + "authorizer": told}
    return {"type": "apiKey", "name": "Unused", "in": "header", OURS + "authorizer": told}


class Export:
    def __init__(self, api: Api, stage: str | None, *, has_extensions: bool) -> None:
        self.api, self.stage, self.has_extensions = api, stage, has_extensions
        self.schemes: dict[str, Any] = {}

    def document(self) -> dict[str, Any]:
        held = self.api.document
        info = {"title": held["Name"], "description": held.get("Description"), "version": held.get("Version", "1.0")}
        paths: dict[str, Any] = {}
        for route in sorted(self.api.routes.values(), key=lambda one: one["RouteKey"]):
            method, _, path = route["RouteKey"].partition(" ")
            is_default = route["RouteKey"] == DEFAULT
            verb = ANY if is_default or method == "ANY" else method.lower()
            paths.setdefault(f"/{DEFAULT}" if is_default else path, {})[verb] = self._operation(route, is_default)
        base_path = "" if self.stage in (None, DEFAULT) else self.stage
        document: dict[str, Any] = {
            "openapi": "3.0.1",
            "info": {name: value for name, value in info.items() if value is not None},
            "servers": [{"url": f"{held['ApiEndpoint']}/{{basePath}}", "variables": {"basePath": {"default": base_path}}}],
            "paths": paths,
        }
        if self.schemes:
            document["components"] = {"securitySchemes": self.schemes}
        if self.has_extensions:
            if "CorsConfiguration" in held:
                cors = held["CorsConfiguration"]
                document[OURS + "cors"] = {name[0].lower() + name[1:]: value for name, value in cors.items()}
            document[OURS + "importexport-version"] = "1.0"
        return document

    def _operation(self, route: dict[str, Any], is_default: bool) -> dict[str, Any]:
        told: dict[str, Any] = {"responses": {"default": {"description": f"Default response for {route['RouteKey']}"}}}
        if "OperationName" in route:
            told["operationId"] = route["OperationName"]
        labels = [part.strip("{+}") for part in route["RouteKey"].split("/") if part.startswith("{")]
        if labels:
            told["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in labels
            ]
        if not self.has_extensions:
            return told
        if is_default:
            told["isDefaultRoute"] = True
        told |= self._security(route)
        if "Target" in route:
            known = self.api.integrations[route["Target"].partition("/")[2]]
            told[OURS + "integration"] = {
                member: known[name].lower() if member == "type" else known[name] for member, name in INTEGRATION.items() if name in known
            }
        return told

    def _security(self, route: dict[str, Any]) -> dict[str, Any]:
        kind = route["AuthorizationType"]
        if kind == "NONE":
            return {}
        if kind == "AWS_IAM":
            self.schemes["sigv4"] = {"type": "apiKey", "name": "Authorization", "in": "header", OURS + "authtype": "awsSigv4"}
            return {"security": [{"sigv4": []}]}
        known = self.api.authorizers[route["AuthorizerId"]]
        self.schemes[known["Name"]] = _authorizer(known)
        return {"security": [{known["Name"]: route.get("AuthorizationScopes", [])}]}


def ExportApi(
    call: Call,
    *,
    ApiId: str,
    OutputType: str,
    Specification: str,
    ExportVersion: str | None = None,
    IncludeExtensions: bool | None = None,
    StageName: str | None = None,
) -> dict:
    """What a stage shows, or without a stage the API as it stands."""
    api = find(call, ApiId)
    if not api.is_http:
        raise BadRequestException("Exporting is only supported for HTTP APIs.")
    if Specification != "OAS30" or ExportVersion not in (None, "1.0"):
        raise BadRequestException("Invalid specification or export version specified. Must be OAS30 and 1.0")
    if StageName is not None:
        shown = found(call, ApiId, StageName).document.get("DeploymentId")
        if shown is None:
            raise BadRequestException("The stage has no deployment to export")
        api = call.shelf(Deployment)[f"{ApiId}/{shown}"].api
    document = Export(api, StageName, has_extensions=IncludeExtensions is not False).document()
    if OutputType == "JSON":
        return {"body": json.dumps(document, indent=2).encode()}
    if OutputType != "YAML":
        raise BadRequestException("Invalid output type specified. Must be one of [JSON, YAML]")
    try:
        import yaml  # noqa: PLC0415 (an extra)
    except ImportError:
        raise NotImplementedHere("OpenAPI documents in YAML without the extra kumoniwa[deploy]")
    return {"body": b"---\n" + yaml.safe_dump(document, sort_keys=False).encode()}
