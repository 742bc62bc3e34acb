"""OpenAPI 3.0 with AWS's extensions: a whole HTTP API read from one document.

It is read into the parts an owner could have made one by one, which pass the same checks; a document that says anything an
import would have to leave out is refused by name.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway.openapi import OURS, parsed, structure
from kumoniwa.services.apigatewayv2 import apis, authorizer, integration, route
from kumoniwa.services.apigatewayv2.definition import Api, BadRequestException, find, put

ANY = OURS + "any-method"
VERBS = ("get", "put", "post", "delete", "patch", "options", "head", ANY)
CORS = {
    "allowcredentials": "AllowCredentials",
    "allowheaders": "AllowHeaders",
    "allowmethods": "AllowMethods",
    "alloworigins": "AllowOrigins",
    "exposeheaders": "ExposeHeaders",
    "maxage": "MaxAge",
}
INTEGRATION = {
    "connectionId": "ConnectionId", "connectionType": "ConnectionType", "credentials": "CredentialsArn", "description": "Description",
    "httpMethod": "IntegrationMethod", "integrationSubtype": "IntegrationSubtype", "type": "IntegrationType", "uri": "IntegrationUri",
    "payloadFormatVersion": "PayloadFormatVersion", "requestParameters": "RequestParameters", "responseParameters": "ResponseParameters",
    "timeoutInMillis": "TimeoutInMillis", "tlsConfig": "TlsConfig",
}  # fmt: skip
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html"""
AUTHORIZER = {
    "authorizerCredentials": "AuthorizerCredentialsArn", "authorizerPayloadFormatVersion": "AuthorizerPayloadFormatVersion",
    "authorizerResultTtlInSeconds": "AuthorizerResultTtlInSeconds", "authorizerUri": "AuthorizerUri",
    "enableSimpleResponses": "EnableSimpleResponses", "identityValidationExpression": "IdentityValidationExpression",
}  # fmt: skip
IGNORED = frozenset(["passthroughBehavior", "responses", "requestTemplates", "cacheNamespace", "cacheKeyParameters", "contentHandling"])
"""Members of REST's integrations, which say nothing of an HTTP API's."""


class Import:
    """One document on its way into an API. What stands there already under the same name keeps its id."""

    def __init__(self, call: Call, api: Api, document: dict[str, Any], base_path: str) -> None:
        self.call, self.before, self.document = call, api, document
        self.api = changed(api, routes={}, integrations={}, authorizers={}, route_responses={}, integration_responses={})
        self.components = structure(document.get("components"))
        self.schemes = structure(self.components.get("securitySchemes"))
        self.prefix = self._base(base_path)
        self.warnings: list[str] = []

    def run(self) -> Api:
        self._describe()
        for path, item in self.document["paths"].items():
            item = structure(item)
            for verb in [verb for verb in item if verb in VERBS]:
                self._operation(str(path), verb, structure(item[verb]))
        return self.api

    # The API itself -----------------------------------------------------------------------------

    def _describe(self) -> None:
        info, document = structure(self.document.get("info")), dict(self.api.document)
        document["Name"] = str(info.get("title") or document["Name"])
        for member, name in (("description", "Description"), ("version", "Version")):
            if info.get(member) is not None:
                document[name] = str(info[member])
        document.pop("CorsConfiguration", None)
        if OURS + "cors" in self.document:
            said = structure(self.document[OURS + "cors"])
            cors = {CORS[name.lower()]: value for name, value in said.items() if name.lower() in CORS}
            document["CorsConfiguration"] = apis.checked_cors("HTTP", cors)
        for server in self.document.get("servers") or []:
            configuration = structure(structure(server).get(OURS + "endpoint-configuration"))
            if "disableExecuteApiEndpoint" in configuration:
                document["DisableExecuteApiEndpoint"] = configuration["disableExecuteApiEndpoint"] is True
        tags = {
            str(tag["name"]): str(tag[OURS + "tag-value"])
            for tag in self.document.get("tags") or []
            if isinstance(tag, dict) and OURS + "tag-value" in tag
        }
        self.api = changed(self.api, document=document, tags={**self.api.tags, **tags})

    def _base(self, mode: str) -> str:
        """What stands before every path: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-import.html"""
        if mode not in ("ignore", "prepend", "split"):
            raise BadRequestException("Invalid basepath specified. Must be one of [ignore, prepend, split]")
        server = structure((self.document.get("servers") or [{}])[0])
        url = str(server.get("url", ""))
        for name, variable in structure(server.get("variables")).items():
            url = url.replace(f"{{{name}}}", str(structure(variable).get("default", "")))
        path = urlsplit(url).path.rstrip("/")
        if mode == "split":
            # The first part becomes no path but, where AWS is asked to, a mapping's key.
            path = "/" + "/".join(path.split("/")[2:]) if path.count("/") > 1 else ""
        return "" if mode == "ignore" else path.rstrip("/")

    # Operations ---------------------------------------------------------------------------------

    def _operation(self, path: str, verb: str, operation: dict[str, Any]) -> None:
        method = "ANY" if verb == ANY else verb.upper()
        is_default = operation.get("isDefaultRoute") is True or path.strip("/") == "$default"
        self._look_at_models(path, verb, operation)
        document: dict[str, Any] = {"RouteKey": "$default" if is_default else f"{method} {self.prefix}{path}"}
        if "operationId" in operation:
            document["OperationName"] = str(operation["operationId"])
        document |= self._authorization(operation)
        made = self._integration(operation)
        if made is not None:
            document["Target"] = f"integrations/{made}"
        known = next((one["RouteId"] for one in self.before.routes.values() if one["RouteKey"] == document["RouteKey"]), None)
        document = route.defaults(self.api, document) | {"RouteId": known or self.call.ids.lower(7)}
        self.api = changed(self.api, routes={**self.api.routes, document["RouteId"]: route.checked(self.api, document)})

    def _look_at_models(self, path: str, verb: str, operation: dict[str, Any]) -> None:
        """HTTP APIs have no models; a response that names one which is nowhere is told nevertheless."""
        known = structure(self.components.get("schemas"))
        for status, response in structure(operation.get("responses")).items():
            for content in structure(structure(response).get("content")).values():
                named = structure(structure(content).get("schema")).get("$ref")
                if isinstance(named, str) and named.startswith("#/components/schemas/") and named.rpartition("/")[2] not in known:
                    self.warnings.append(
                        f"Parse issue: attribute paths.'{path}'({verb}).responses.{status}.content.schema.{named} is missing"
                    )

    def _integration(self, operation: dict[str, Any]) -> str | None:
        said = structure(operation.get(OURS + "integration"))
        if "$ref" in said:
            name = str(said["$ref"]).rpartition("/")[2]
            said = structure(structure(self.components.get(OURS + "integrations")).get(name))
        if not said:
            return None
        unknown = said.keys() - INTEGRATION.keys() - IGNORED
        if unknown:
            raise NotImplementedHere(f"{min(unknown)} of an integration in an OpenAPI document of apigatewayv2")
        document = {INTEGRATION[name]: value for name, value in said.items() if name in INTEGRATION and value is not None}
        document["IntegrationType"] = str(document.get("IntegrationType", "")).upper()
        if "PayloadFormatVersion" in document:
            document["PayloadFormatVersion"] = str(document["PayloadFormatVersion"])
        if "IntegrationMethod" in document:
            method = str(document["IntegrationMethod"])
            document["IntegrationMethod"] = "ANY" if method == ANY else method.upper()
        made = integration.checked(self.call, self.api, integration.defaults(self.api, document))
        id_ = self.call.ids.lower(7)
        self.api = changed(self.api, integrations={**self.api.integrations, id_: made | {"IntegrationId": id_}})
        return id_

    # Who may ------------------------------------------------------------------------------------

    def _authorization(self, operation: dict[str, Any]) -> dict[str, Any]:
        listed = operation.get("security", self.document.get("security"))
        for wanted in listed or []:
            for name, scopes in structure(wanted).items():
                scheme = structure(self.schemes.get(name))
                if scheme.get(OURS + "authtype") == "awsSigv4":
                    return {"AuthorizationType": "AWS_IAM"}
                if OURS + "authorizer" not in scheme:
                    continue
                made = self._authorizer(name, scheme)
                if made["AuthorizerType"] == "REQUEST":
                    return {"AuthorizationType": "CUSTOM", "AuthorizerId": made["AuthorizerId"]}
                given = {"AuthorizationScopes": [str(scope) for scope in scopes]} if scopes else {}
                return {"AuthorizationType": "JWT", "AuthorizerId": made["AuthorizerId"], **given}
        return {}

    def _authorizer(self, name: str, scheme: dict[str, Any]) -> dict[str, Any]:
        known = next((one for one in self.api.authorizers.values() if one["Name"] == name), None)
        if known is not None:
            return known
        said = structure(scheme[OURS + "authorizer"])
        sources = said.get("identitySource") or []
        document = {AUTHORIZER[member]: value for member, value in said.items() if member in AUTHORIZER}
        document |= {
            "Name": name,
            "AuthorizerType": str(said.get("type", "")).upper(),
            "IdentitySource": [one.strip() for one in sources.split(",")] if isinstance(sources, str) else list(sources),
        }
        if document["AuthorizerType"] == "JWT":
            jwt = structure(said.get("jwtConfiguration"))
            issuer = jwt.get("issuer") or str(scheme.get("openIdConnectUrl", "")).removesuffix("/.well-known/openid-configuration")
            document["JwtConfiguration"] = {"Audience": [str(one) for one in jwt.get("audience") or []], "Issuer": str(issuer)}
        elif document["IdentitySource"]:
            document.setdefault("AuthorizerResultTtlInSeconds", authorizer.TTL_S)
        if "AuthorizerPayloadFormatVersion" in document:
            document["AuthorizerPayloadFormatVersion"] = str(document["AuthorizerPayloadFormatVersion"])
        before = next((one["AuthorizerId"] for one in self.before.authorizers.values() if one["Name"] == name), None)
        document["AuthorizerId"] = before or self.call.ids.lower(6)
        made = authorizer.checked(self.call, self.api, document)
        self.api = changed(self.api, authorizers={**self.api.authorizers, made["AuthorizerId"]: made})
        return made


def _read(body: str) -> dict[str, Any]:
    document = parsed(body.encode("utf-8", "surrogatepass"))
    if "openapi" not in document:
        raise BadRequestException("Invalid OpenAPI input. Only OpenAPI 3.0 is supported for HTTP APIs")
    if "paths" not in document:
        raise BadRequestException("Invalid OpenAPI input.")
    return document


def _imported(call: Call, api: Api, document: dict[str, Any], base_path: str | None, is_strict: bool | None) -> dict[str, Any]:
    reading = Import(call, api, document, base_path or "ignore")
    api = reading.run()
    if reading.warnings and is_strict:
        raise BadRequestException("Warnings found during import:\n\t" + "\n\t".join(reading.warnings))
    return apis.shown(put(call, api)) | ({"ImportInfo": reading.warnings} if reading.warnings else {})


def ImportApi(call: Call, *, Body: str, Basepath: str | None = None, FailOnWarnings: bool | None = None) -> dict:
    document = _read(Body)
    title = structure(document.get("info")).get("title")
    api = apis.make(call, {"Name": str(title or "untitled"), "ProtocolType": "HTTP"})
    return _imported(call, api, document, Basepath, FailOnWarnings)


def ReimportApi(call: Call, *, ApiId: str, Body: str, Basepath: str | None = None, FailOnWarnings: bool | None = None) -> dict:
    """What the document does not say is gone, but for tags; stages stay."""
    api = find(call, ApiId)
    if not api.is_http:
        raise BadRequestException("Reimporting is only supported for HTTP APIs.")
    return _imported(call, api, _read(Body), Basepath, FailOnWarnings)
