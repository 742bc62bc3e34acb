"""OpenAPI 2.0 and 3.0 with AWS's extensions: whole APIs read from one document.

Both versions are read into the same parts a customer could have put one by one, and pass the same checks; what those
would refuse, an import refuses. https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway import (
    authorizer,
    documentation,
    gatewayresponse,
    integration,
    method,
    model,
    resource,
    restapi,
    userpool,
)
from kumoniwa.services.apigateway.patch import BadRequestException, flag
from kumoniwa.services.apigateway.restapi import RestApi

BODY_BYTES_MAX = 6 << 20
OURS = "x-amazon-apigateway-"
VERBS = ("get", "put", "post", "delete", "patch", "options", "head")
_REFERENCE = re.compile(r"#/(?:definitions|components/schemas)/(.+)")


def _yaml(text: str) -> Any:
    """YAML as data only. Aliases are refused: nobody writes an API with them, and they can unfold without end."""
    try:
        import yaml  # noqa: PLC0415 (an extra)
    except ImportError:
        raise NotImplementedHere("OpenAPI documents in YAML without the extra kumoniwa[deploy]")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise ValueError
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ValueError


def parsed(body: bytes) -> dict[str, Any]:
    """The document, JSON or YAML. Raises BadRequestException."""
    try:
        text = body.decode()
        if len(body) > BODY_BYTES_MAX:
            raise ValueError
        document = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
        version = str(document.get("swagger") or document.get("openapi"))
        if not (version == "2.0" or version.startswith("3.")) or not isinstance(document.get("paths", {}), dict):
            raise ValueError
        if not isinstance(document.get("info"), dict):
            raise ValueError
    except (ValueError, AttributeError, RecursionError):
        raise BadRequestException("Invalid OpenAPI input.")
    return document


def structure(value: Any) -> dict[str, Any]:
    """A part that must be an object where it stands at all."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequestException("Invalid OpenAPI input.")
    return value


class Import:
    """One document on its way into an API."""

    def __init__(
        self, call: Call, api: RestApi, document: dict[str, Any], parameters: dict[str, str]
    ) -> None:
        self.call, self.api, self.document, self.parameters = call, api, document, parameters
        self.is_3 = "openapi" in document
        self.components = structure(document.get("components")) if self.is_3 else document
        self.warnings: list[str] = []
        self.validators: dict[str, str] = {
            validator.get("name", ""): key for key, validator in api.validators.items()
        }
        self.security = structure(
            self.components.get("securitySchemes" if self.is_3 else "securityDefinitions")
        )
        self.authorizers: dict[str, str] = {known["name"]: key for key, known in api.authorizers.items()}
        for name in parameters:
            if name not in ("basepath", "endpointConfigurationTypes", "disableExecuteApiEndpoint"):
                raise NotImplementedHere(f"the import parameter {name} of apigateway")

    def run(self) -> RestApi:
        """The API with everything the document says."""
        self._describe()
        self._models()
        self._validators()
        self._authorizers()
        self._gateway_responses()
        base = self._base_path()
        if "paths" not in self.document:
            # A misspelt member must not pass for an API without any.
            self.warnings.append("Parse issue: attribute paths is missing")
        for path, item in self.document.get("paths", {}).items():
            if str(path).startswith("/"):
                self._path(base + str(path), structure(item))
        return self.api

    # The API itself ------------------------------------------------------------------------------

    def _describe(self) -> None:
        info, document = self.document["info"], dict(self.api.document)
        document["name"] = str(info.get("title") or document["name"])
        for member in ("description", "version"):
            if info.get(member):
                document[member] = str(info[member])
        kinds = self.document.get(OURS + "binary-media-types") or []
        if not isinstance(kinds, list):
            raise BadRequestException("Invalid OpenAPI input.")
        kinds = [*document.get("binaryMediaTypes", ()), *(str(kind) for kind in kinds)]
        if kinds:
            document["binaryMediaTypes"] = list(dict.fromkeys(kinds))
        if source := self.document.get(OURS + "api-key-source"):
            document["apiKeySource"] = str(source).upper()
        size = self.document.get(OURS + "minimum-compression-size")
        if size is not None:
            document["minimumCompressionSize"] = restapi.compression(size)
        policy = self.document.get(OURS + "policy")
        if policy:
            document["policy"] = restapi.checked_policy(self.call, self.api.id, json.dumps(policy))
        if kinds := self.parameters.get("endpointConfigurationTypes"):
            document["endpointConfiguration"] = restapi.endpoint({"types": kinds.split(",")})
        if "disableExecuteApiEndpoint" in self.parameters:
            document["disableExecuteApiEndpoint"] = flag(self.parameters["disableExecuteApiEndpoint"])
        self._endpoint(document)
        self.api = changed(self.api, document=document)

    def _endpoint(self, document: dict[str, Any]) -> None:
        server = self._server() if self.is_3 else self.document
        configuration = structure(server.get(OURS + "endpoint-configuration"))
        if "disableExecuteApiEndpoint" in configuration:
            document["disableExecuteApiEndpoint"] = configuration["disableExecuteApiEndpoint"] is True
        if configuration.get("vpcEndpointIds"):
            raise NotImplementedHere("private REST APIs (endpointConfiguration PRIVATE)")

    def _server(self) -> dict[str, Any]:
        servers = self.document.get("servers")
        return structure(servers[0]) if isinstance(servers, list) and servers else {}

    def _base_path(self) -> str:
        """What stands before every path: nothing, unless the import asks for it."""
        how = self.parameters.get("basepath", "ignore")
        if how not in ("ignore", "prepend", "split"):
            raise BadRequestException(
                "Failed to parse basepath parameter: it must be one of ignore, prepend, split"
            )
        if how == "ignore":
            return ""
        if self.is_3:
            server = self._server()
            url = str(server.get("url", ""))
            for name, variable in structure(server.get("variables")).items():
                url = url.replace(f"{{{name}}}", str(structure(variable).get("default", "")))
            path = urlsplit(url).path if "://" in url or url.startswith("/") else ""
        else:
            path = str(self.document.get("basePath", ""))
        parts = [part for part in path.split("/") if part]
        return "".join(f"/{part}" for part in (parts[1:] if how == "split" else parts))

    # What methods refer to --------------------------------------------------------------------------

    def _models(self) -> None:
        schemas = structure(self.components.get("schemas" if self.is_3 else "definitions"))
        for name, schema in schemas.items():
            self._model(str(name), schema)

    def _model(self, name: str, schema: Any, content_type: str = "application/json") -> None:
        known = self.api.models.get(name)
        document = {
            "id": known["id"] if known else restapi.short_id(self.call), "name": name, "contentType": content_type,
            "schema": json.dumps(self._located(schema, 0), indent=2, default=str),
        }  # fmt: skip
        description = schema.get("description") if isinstance(schema, dict) else None
        if description:
            document["description"] = str(description)
        if schema == {}:
            document["schema"] = '{"type": "object"}'
        self.api = changed(self.api, models={**self.api.models, name: model.checked(document)})

    def _located(self, schema: Any, depth: int) -> Any:
        """The schema with its references to other models as the URLs under which API Gateway keeps them."""
        if depth > 100:
            raise BadRequestException("Invalid OpenAPI input.")
        if isinstance(schema, list):
            return [self._located(part, depth + 1) for part in schema]
        if not isinstance(schema, dict):
            return schema
        found = {str(name): self._located(part, depth + 1) for name, part in schema.items()}
        reference = found.get("$ref")
        local = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
        if local is not None:
            found["$ref"] = f"https://apigateway.amazonaws.com/restapis/{self.api.id}/models/{local[1]}"
        return found

    def _model_of(self, schema: Any) -> str:
        """The name of the model a schema stands for; one without a name gets one."""
        local = _REFERENCE.fullmatch(str(structure(schema).get("$ref", "")))
        if local is not None:
            return local[1]
        name = f"MODEL{self.call.ids.hex(6)}"
        self._model(name, schema)
        return name

    def _validators(self) -> None:
        for name, said in structure(self.document.get(OURS + "request-validators")).items():
            key = self.validators.get(str(name)) or restapi.short_id(self.call)
            document = {"id": key, "name": str(name)}
            document |= {
                member: structure(said).get(member) is True
                for member in ("validateRequestBody", "validateRequestParameters")
            }
            self.validators[str(name)] = key
            self.api = changed(self.api, validators={**self.api.validators, key: document})

    def _authorizers(self) -> None:
        for name, scheme in self.security.items():
            scheme = structure(scheme)
            said = scheme.get(OURS + "authorizer")
            if not isinstance(said, dict):
                continue
            key = self.authorizers.get(str(name)) or restapi.short_id(self.call)
            document = {"id": key, "name": str(name), "type": str(said.get("type", "token")).upper()}
            document["authType"] = str(scheme.get(OURS + "authtype", "custom"))
            for member in (
                "authorizerUri",
                "authorizerCredentials",
                "identityValidationExpression",
                "identitySource",
            ):
                if said.get(member):
                    document[member] = str(said[member])
            if said.get("providerARNs"):
                document["providerARNs"] = [str(arn) for arn in said["providerARNs"]]
            if said.get("authorizerResultTtlInSeconds") is not None:
                document["authorizerResultTtlInSeconds"] = int(said["authorizerResultTtlInSeconds"])
            if document["type"] in ("TOKEN", userpool.KIND):
                document.setdefault(
                    "identitySource", f"method.request.header.{scheme.get('name', 'Authorization')}"
                )
            self.authorizers[str(name)] = key
            self.api = changed(
                self.api, authorizers={**self.api.authorizers, key: authorizer.checked(self.call, document)}
            )

    def _gateway_responses(self) -> None:
        for kind, said in structure(self.document.get(OURS + "gateway-responses")).items():
            if kind not in gatewayresponse.TYPES:
                raise BadRequestException(f"Invalid gateway response type specified: {kind}")
            said = structure(said)
            status = str(said["statusCode"]) if said.get("statusCode") else None
            put = gatewayresponse.made(
                kind, status, structure(said.get("responseParameters")), structure(said.get("responseTemplates"))
            )
            self.api = changed(self.api, gateway_responses={**self.api.gateway_responses, kind: put})

    # Paths -------------------------------------------------------------------------------------------

    def _path(self, path: str, item: dict[str, Any]) -> None:
        place = self.api.root
        children = {
            (held.get("parentId"), held.get("pathPart")): held for held in self.api.resources.values()
        }
        for part in [part for part in path.split("/") if part]:
            known = children.get((place["id"], part))
            if known is None:
                self.api, known = resource.with_child(self.call, self.api, place, part)
            place = known
        for verb in (*VERBS, OURS + "any-method"):
            if verb in item:
                name = "ANY" if verb.startswith(OURS) else verb.upper()
                self._method(place["id"], name, structure(item[verb]), item.get("parameters"))

    def _method(self, place: str, verb: str, operation: dict[str, Any], shared: Any) -> None:
        document: dict[str, Any] = {"httpMethod": verb, "authorizationType": "NONE", "apiKeyRequired": False}
        if operation.get("operationId"):
            document["operationName"] = str(operation["operationId"])
        self._secure(document, operation)
        self._requests(document, operation, shared)
        # Recorded from AWS: the labels of a path are parameters, even where the document does not say so.
        for part in self.api.resources[place]["path"].split("/"):
            if part.startswith("{"):
                parameters = document.setdefault("requestParameters", {})
                parameters.setdefault(f"method.request.path.{part[1:-1].rstrip('+')}", True)
        self._responses(document, operation)
        name = operation.get(OURS + "request-validator", self.document.get(OURS + "request-validator"))
        if name is not None:
            if name not in self.validators:
                raise BadRequestException(f"Invalid request validator specified: {name}")
            document["requestValidatorId"] = self.validators[name]
        document = method.checked(self.api, document)
        said = operation.get(OURS + "integration")
        if said is not None:
            document["methodIntegration"] = self._integration(place, document, structure(said))
        self.api = method.with_method(self.api, self.api.resources[place], document)

    def _secure(self, document: dict[str, Any], operation: dict[str, Any]) -> None:
        wanted = operation.get("security", self.document.get("security"))
        for requirement in wanted if isinstance(wanted, list) else ():
            for name in structure(requirement):
                scheme = structure(self.security.get(name))
                if name in self.authorizers:
                    key = self.authorizers[name]
                    is_pool = self.api.authorizers[key]["type"] == userpool.KIND
                    document |= {"authorizationType": userpool.KIND if is_pool else "CUSTOM", "authorizerId": key}
                    scopes = structure(requirement)[name]
                    if is_pool and isinstance(scopes, list) and scopes:
                        document["authorizationScopes"] = [str(scope) for scope in scopes]
                elif str(scheme.get(OURS + "authtype", "")).lower() == "awssigv4":
                    document["authorizationType"] = "AWS_IAM"
                elif scheme.get("type") == "apiKey" and str(scheme.get("name", "")).lower() == "x-api-key":
                    document["apiKeyRequired"] = True
        auth = structure(operation.get(OURS + "auth")).get("type")
        if auth:
            document["authorizationType"] = str(auth).upper()

    def _requests(self, document: dict[str, Any], operation: dict[str, Any], shared: Any) -> None:
        places = {"header": "header", "query": "querystring", "path": "path"}
        parameters: dict[str, bool] = {}
        models: dict[str, str] = {}
        for said in [*_listed(shared), *_listed(operation.get("parameters"))]:
            parameter = self._resolved(said)
            where = parameter.get("in")
            if where in places and parameter.get("name"):
                parameters[f"method.request.{places[where]}.{parameter['name']}"] = (
                    parameter.get("required") is True
                )
            elif where == "body" and parameter.get("schema"):
                name = self._model_of(parameter["schema"])
                kinds = operation.get("consumes") or self.document.get("consumes") or ["application/json"]
                models |= {str(kind): name for kind in kinds}
        if self.is_3:
            content = structure(self._resolved(operation.get("requestBody") or {}).get("content"))
            models |= {
                str(kind): self._model_of(said["schema"])
                for kind, said in content.items()
                if structure(said).get("schema")
            }
        if parameters:
            document["requestParameters"] = parameters
        if models:
            document["requestModels"] = models

    def _responses(self, document: dict[str, Any], operation: dict[str, Any]) -> None:
        responses = {}
        for status, said in structure(operation.get("responses")).items():
            if not re.fullmatch(r"[1-5]\d\d", str(status)):
                continue
            response = self._resolved(said)
            made: dict[str, Any] = {"statusCode": str(status)}
            if self.is_3:
                content = structure(response.get("content"))
                models = {
                    str(kind): self._model_of(part["schema"])
                    for kind, part in content.items()
                    if structure(part).get("schema")
                }
            elif response.get("schema"):
                kinds = operation.get("produces") or self.document.get("produces") or ["application/json"]
                name = self._model_of(response["schema"])
                models = {str(kind): name for kind in kinds}
            else:
                models = {}
            if models:
                made["responseModels"] = models
            if response.get("headers"):
                made["responseParameters"] = {
                    f"method.response.header.{name}": False for name in structure(response["headers"])
                }
            responses[str(status)] = method.checked_response(self.api, made)
        if responses:
            document["methodResponses"] = responses

    def _resolved(self, said: Any) -> dict[str, Any]:
        """A part, or what its ``$ref`` names."""
        found = structure(said)
        for _ in range(10):
            reference = found.get("$ref")
            if reference is None:
                return found
            target: Any = self.document
            for part in str(reference).removeprefix("#/").split("/"):
                target = (
                    target.get(part.replace("~1", "/").replace("~0", "~"))
                    if isinstance(target, dict)
                    else None
                )
            found = structure(target)
        raise BadRequestException("Invalid OpenAPI input.")

    # Integrations --------------------------------------------------------------------------------------

    def _integration(self, place: str, document: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
        kind = str(said.get("type", "")).upper()
        if kind not in ("HTTP", "HTTP_PROXY", "AWS", "AWS_PROXY", "MOCK"):
            raise BadRequestException(f"Invalid integration type specified: {said.get('type')}")
        for member in ("connectionId", "integrationTarget"):
            if said.get(member):
                raise NotImplementedHere(f"{member} of apigateway integrations")
        here = f"of resource '{self.api.resources[place]['path']}' and method '{document['httpMethod']}'"
        behaviour = said.get("passthroughBehavior")
        made = integration.made(
            place,
            type=kind,
            integrationHttpMethod=str(said["httpMethod"]).upper()
            if said.get("httpMethod") and kind != "MOCK"
            else None,
            uri=str(said["uri"]) if said.get("uri") and kind != "MOCK" else None,
            connectionType=str(said["connectionType"]).upper() if said.get("connectionType") else None,
            credentials=str(said["credentials"]) if said.get("credentials") else None,
            requestParameters=self._texts(said, "requestParameters", here) or None,
            requestTemplates=self._texts(said, "requestTemplates", here) or None,
            passthroughBehavior=str(behaviour).upper() if behaviour else None,
            cacheNamespace=str(said["cacheNamespace"]) if said.get("cacheNamespace") else None,
            cacheKeyParameters=[str(key) for key in _listed(said.get("cacheKeyParameters"))],
            contentHandling=str(said["contentHandling"]).upper() if said.get("contentHandling") else None,
            timeoutInMillis=int(said["timeoutInMillis"]) if said.get("timeoutInMillis") else None,
            tlsConfig=structure(said.get("tlsConfig")) or None,
            responseTransferMode=str(said["responseTransferMode"]).upper() if said.get("responseTransferMode") else None,
        )
        made = integration.checked(self.call, document, made)
        responses = {}
        for pattern, part in structure(said.get("responses")).items():
            part = structure(part)
            response: dict[str, Any] = {"statusCode": str(part.get("statusCode", "200"))}
            if pattern != "default":
                response["selectionPattern"] = str(pattern)
            for member in ("responseParameters", "responseTemplates"):
                if texts := self._texts(part, member, here):
                    response[member] = texts
            if part.get("contentHandling"):
                response["contentHandling"] = str(part["contentHandling"]).upper()
            responses[response["statusCode"]] = integration.checked_response(document, made, response)
        return made | ({"integrationResponses": responses} if responses else {})

    def _texts(self, said: dict[str, Any], member: str, here: str) -> dict[str, str]:
        """A map whose values must be text; others are left out with a warning, as on AWS."""
        found = {}
        for name, value in structure(said.get(member)).items():
            if isinstance(value, str):
                found[str(name)] = value
            else:
                shown = json.dumps(value, default=str)
                self.warnings.append(
                    f"Invalid format for '{member}'. Expected type string for property '{name}' {here} but got '{shown}'"
                )
        return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# Operations ------------------------------------------------------------------------------------------


def _imported(
    call: Call, api: RestApi, body: bytes, fails_on_warnings: bool, parameters: dict[str, str] | None
) -> tuple[RestApi, list[str]]:
    running = Import(call, api, parsed(body), parameters or {})
    try:
        api = running.run()
    except (TypeError, ValueError, RecursionError):
        raise BadRequestException("Invalid OpenAPI input.")
    if fails_on_warnings and running.warnings:
        raise BadRequestException("Warnings found during import:\n\t" + "\n\t".join(running.warnings))
    return restapi.put(call, api), running.warnings


def ImportRestApi(
    call: Call, *, body: bytes, failOnWarnings: bool = False, parameters: dict[str, str] | None = None
) -> dict:
    api = changed(restapi.blank(call, "imported"), models={})
    api, warnings = _imported(call, api, body, failOnWarnings, parameters)
    documentation.imported(call, api.id, parsed(body), "merge")
    return restapi.shown(api, has_tags=False) | ({"warnings": warnings} if warnings else {})


def PutRestApi(
    call: Call,
    *,
    restApiId: str,
    body: bytes,
    mode: str = "merge",
    failOnWarnings: bool = False,
    parameters: dict[str, str] | None = None,
) -> dict:
    """``overwrite`` begins with an empty API of the same id; ``merge`` with what there is."""
    # Recorded from AWS: a document that cannot be read is told of before an API that is not there.
    parsed(body)
    api = restapi.find(call, restApiId)
    if mode == "overwrite":
        root = {key: value for key, value in api.root.items() if key != "resourceMethods"}
        document = {
            member: value
            for member, value in api.document.items()
            if member not in ("binaryMediaTypes", "minimumCompressionSize")
        }
        if "policy" in document and OURS.encode() + b"policy" in body:
            del document["policy"]
        api = changed(
            api,
            document=document,
            resources={root["id"]: root},
            models={},
            validators={},
            authorizers={},
            gateway_responses={},
        )
    api, warnings = _imported(call, api, body, failOnWarnings, parameters)
    documentation.imported(call, api.id, parsed(body), mode)
    return restapi.shown(api) | ({"warnings": warnings} if warnings else {})


def ImportDocumentationParts(
    call: Call, *, restApiId: str, body: bytes, mode: str = "merge", failOnWarnings: bool = False
) -> dict:
    """Nothing is warned of here: a part that is no part is refused."""
    restapi.find(call, restApiId)
    try:
        document = parsed(body)
    except BadRequestException:
        # Recorded from AWS: test_import_documentation_parts_bad_file.
        raise BadRequestException("Unable to build importer with provided input.")
    return {"ids": documentation.imported(call, restApiId, document, mode)}
