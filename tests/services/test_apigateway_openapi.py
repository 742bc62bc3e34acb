"""Whole APIs from OpenAPI documents, among them the one SAM writes."""

from __future__ import annotations

import json

import pytest
from api_workshop import FUNCTION, Function, deploy, mock, rest_api, uri
from botocore.exceptions import ClientError


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


@pytest.fixture
def function(cloud):
    return Function(cloud.region())


def sam() -> dict:
    """The body that SAM's translator gives to AWS::ApiGateway::RestApi for an API with CORS and a request authorizer."""
    options = {
        "summary": "CORS support",
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "x-amazon-apigateway-integration": {
            "type": "mock",
            "requestTemplates": {"application/json": '{\n  "statusCode" : 200\n}\n'},
            "responses": {
                "default": {
                    "statusCode": "200",
                    "responseParameters": {
                        "method.response.header.Access-Control-Allow-Origin": "'*'",
                        "method.response.header.Access-Control-Allow-Methods": "'GET,OPTIONS'",
                    },
                    "responseTemplates": {"application/json": "{}\n"},
                }
            },
        },
        "responses": {
            "200": {
                "description": "Default response for CORS method",
                "headers": {
                    "Access-Control-Allow-Origin": {"type": "string"},
                    "Access-Control-Allow-Methods": {"type": "string"},
                },
            }
        },
    }
    get = {
        "x-amazon-apigateway-integration": {"httpMethod": "POST", "type": "aws_proxy", "uri": uri()},
        "responses": {},
    }
    return {
        "swagger": "2.0",
        "info": {"version": "1.0", "title": "orders"},
        "paths": {"/orders/{id}": {"get": get, "options": options}},
        "x-amazon-apigateway-binary-media-types": ["image/png"],
        "x-amazon-apigateway-gateway-responses": {
            "DEFAULT_4XX": {"responseParameters": {"gatewayresponse.header.Sorry": "'yes'"}}
        },
    }


def put(gateway, document, *, mode: str = "overwrite", **more) -> str:
    api = gateway.create_rest_api(name="imported")["id"]
    gateway.put_rest_api(restApiId=api, mode=mode, body=json.dumps(document).encode(), **more)
    return api


def resources(gateway, api: str) -> dict[str, dict]:
    return {held["path"]: held for held in gateway.get_resources(restApiId=api, embed=["methods"])["items"]}


def test_what_sam_writes_is_served(cloud, gateway, function):
    api = put(gateway, sam())
    deploy(gateway, api)
    assert cloud.http("GET", f"/restapis/{api}/prod/_user_request_/orders/7")[2] == b"hello"
    assert (
        function.events[0]["pathParameters"] == {"id": "7"} and function.asked[0]["FunctionName"] == FUNCTION
    )
    status, headers, body = cloud.http("OPTIONS", f"/restapis/{api}/prod/_user_request_/orders/7")
    assert (status, body) == (200, b"{}\n")
    assert (
        headers["Access-Control-Allow-Origin"] == "*"
        and headers["Access-Control-Allow-Methods"] == "GET,OPTIONS"
    )
    assert cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")[1]["Sorry"] == "yes"


def test_an_imported_method_reads_as_aws_answers_it(gateway):
    api = put(gateway, sam())
    place = resources(gateway, api)["/orders/{id}"]
    # Recorded from AWS: test_import_and_validate_rest_api[openapi.spec.tf.json].
    assert place["resourceMethods"]["OPTIONS"] == {
        "httpMethod": "OPTIONS",
        "authorizationType": "NONE",
        "apiKeyRequired": False,
        # Of a label that the document does not declare: test_import_and_validate_rest_api[swagger-mock-cors.json].
        "requestParameters": {"method.request.path.id": True},
        "methodResponses": {
            "200": {
                "statusCode": "200",
                "responseParameters": {
                    "method.response.header.Access-Control-Allow-Origin": False,
                    "method.response.header.Access-Control-Allow-Methods": False,
                },
            }
        },
        "methodIntegration": {
            "type": "MOCK",
            "requestTemplates": {"application/json": '{\n  "statusCode" : 200\n}\n'},
            "passthroughBehavior": "WHEN_NO_MATCH",
            "timeoutInMillis": 29000,
            "cacheNamespace": place["id"],
            "cacheKeyParameters": [],
            "integrationResponses": {
                "200": {
                    "statusCode": "200",
                    "responseParameters": {
                        "method.response.header.Access-Control-Allow-Origin": "'*'",
                        "method.response.header.Access-Control-Allow-Methods": "'GET,OPTIONS'",
                    },
                    "responseTemplates": {"application/json": "{}\n"},
                }
            },
        },
    }


def test_overwriting_forgets_what_was_there_and_merging_keeps_it(gateway):
    api, root = rest_api(gateway, binaryMediaTypes=["image/heif"])
    mock(gateway, api, root)
    body = json.dumps(sam()).encode()
    merged = gateway.put_rest_api(restApiId=api, mode="merge", body=body)
    # Recorded from AWS: test_put_rest_api_mode_binary_media_types.
    assert (
        merged["binaryMediaTypes"] == ["image/heif", "image/png"]
        and merged["name"] == "orders"
        and merged["tags"] == {}
    )
    assert (
        set(resources(gateway, api)) == {"/", "/orders", "/orders/{id}"}
        and "resourceMethods" in resources(gateway, api)["/"]
    )
    replaced = gateway.put_rest_api(restApiId=api, mode="overwrite", body=body)
    assert replaced["binaryMediaTypes"] == ["image/png"] and replaced["rootResourceId"] == root
    assert "resourceMethods" not in resources(gateway, api)["/"]


def test_openapi_3_reads_as_well(cloud, gateway, function):
    document = {
        "openapi": "3.0.1",
        "info": {"title": "pets", "version": "2"},
        "servers": [{"url": "https://example.com/{stage}", "variables": {"stage": {"default": "/base"}}}],
        "paths": {
            "/pets": {
                "parameters": [{"$ref": "#/components/parameters/Page"}],
                "post": {
                    "operationId": "CreatePet",
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}
                    },
                    "responses": {
                        "200": {
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}
                        }
                    },
                    "x-amazon-apigateway-request-validator": "all",
                    "x-amazon-apigateway-integration": {
                        "httpMethod": "POST",
                        "type": "aws_proxy",
                        "uri": uri(),
                    },
                },
            },
            "/{proxy+}": {
                "x-amazon-apigateway-any-method": {
                    "x-amazon-apigateway-integration": {
                        "httpMethod": "POST",
                        "type": "AWS_PROXY",
                        "uri": uri(),
                    }
                }
            },
        },
        "components": {
            "parameters": {"Page": {"name": "page", "in": "query", "required": True}},
            "schemas": {
                "Pet": {
                    "type": "object",
                    "required": ["kind"],
                    "properties": {"kind": {"$ref": "#/components/schemas/Kind"}},
                },
                "Kind": {"type": "string", "enum": ["dog", "cat"]},
            },
        },
        "x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": True, "validateRequestParameters": True}
        },
    }
    api = put(gateway, document, parameters={"basepath": "prepend"})
    assert set(resources(gateway, api)) == {"/", "/base", "/base/pets", "/base/{proxy+}"}
    method = resources(gateway, api)["/base/pets"]["resourceMethods"]["POST"]
    assert method["operationName"] == "CreatePet" and method["requestModels"] == {"application/json": "Pet"}
    assert method["requestParameters"] == {"method.request.querystring.page": True}
    models = {held["name"]: json.loads(held["schema"]) for held in gateway.get_models(restApiId=api)["items"]}
    assert models["Pet"]["properties"]["kind"] == {
        "$ref": f"https://apigateway.amazonaws.com/restapis/{api}/models/Kind"
    }
    deploy(gateway, api)
    path = f"/restapis/{api}/prod/_user_request_/base/pets"
    status, _, body = cloud.http("POST", path, body=b'{"kind": "dog"}')
    assert (status, json.loads(body)) == (400, {"message": "Missing required request parameters: [page]"})
    status, _, body = cloud.http("POST", path + "?page=1", body=b'{"kind": "cow"}')
    assert (status, json.loads(body)) == (400, {"message": "Invalid request body"})
    assert cloud.http("POST", path + "?page=1", body=b'{"kind": "cat"}')[0] == 200
    assert cloud.http("PATCH", f"/restapis/{api}/prod/_user_request_/base/x/y")[0] == 200


def test_security_definitions_become_authorizers_keys_and_signatures(gateway):
    document = sam()
    document["securityDefinitions"] = {
        "token": {
            "type": "apiKey",
            "name": "X-Token",
            "in": "header",
            "x-amazon-apigateway-authtype": "custom",
            "x-amazon-apigateway-authorizer": {
                "type": "token",
                "authorizerUri": uri(),
                "authorizerResultTtlInSeconds": 60,
            },
        },
        "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
        "AWS_IAM": {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            "x-amazon-apigateway-authtype": "awsSigv4",
        },
    }
    methods = document["paths"]["/orders/{id}"]
    methods["get"]["security"] = [{"token": [], "api_key": []}]
    methods["post"] = {**methods["get"], "security": [{"AWS_IAM": []}]}
    api = put(gateway, document)
    known = gateway.get_authorizers(restApiId=api)["items"]
    assert [
        (one["name"], one["type"], one["identitySource"], one["authorizerResultTtlInSeconds"])
        for one in known
    ] == [("token", "TOKEN", "method.request.header.X-Token", 60)]
    methods = resources(gateway, api)["/orders/{id}"]["resourceMethods"]
    assert (methods["GET"]["authorizationType"], methods["GET"]["authorizerId"]) == ("CUSTOM", known[0]["id"])
    assert methods["GET"]["apiKeyRequired"] is True and methods["POST"]["authorizationType"] == "AWS_IAM"


def test_import_answers_the_new_api_and_reads_yaml(gateway):
    body = b"swagger: '2.0'\ninfo: {title: yaml, version: 1.5}\npaths:\n  /a:\n    get:\n      responses: {200: {description: fine}}\n"
    made = gateway.import_rest_api(body=body)
    assert (made["name"], made["version"]) == ("yaml", "1.5") and "tags" not in made
    assert resources(gateway, made["id"])["/a"]["resourceMethods"]["GET"]["methodResponses"] == {
        "200": {"statusCode": "200"}
    }


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"swagger: [", b"{}", b'{"swagger": "1.2", "info": {}, "paths": {}}', b"\xff", b"a: &a [*a]",
        b'{"swagger": "2.0", "info": {"title": "x"}, "paths": {"/a": {"get": 7}}}',
        b'{"swagger": "2.0", "info": {"title": "x"}, "paths": {"/a": {"get": {"parameters": [7]}}}}',
        b'{"swagger": "2.0", "info": {"title": "x"}, "paths": ' + b'{"/a":' * 50_000 + b"1" + b"}" * 50_001,
    ],
)  # fmt: skip
def test_what_is_no_openapi_is_refused(gateway, body):
    with pytest.raises(ClientError) as refused:
        gateway.import_rest_api(body=body)
    # Recorded from AWS: test_import_api_bad_file.
    assert refused.value.response["Error"] == {
        "Code": "BadRequestException",
        "Message": "Invalid OpenAPI input.",
    }
    assert gateway.get_rest_apis()["items"] == []


def test_an_integration_we_do_not_do_refuses_the_import_by_name(gateway):
    document = sam()
    document["paths"]["/orders/{id}"]["get"]["x-amazon-apigateway-integration"]["connectionType"] = "VPC_LINK"
    with pytest.raises(ClientError) as refused:
        put(gateway, document)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "VPC_LINK" in refused.value.response["Error"]["Message"]


def test_a_mapping_that_is_not_text_is_a_warning(gateway):
    document = sam()
    document["paths"]["/orders/{id}"]["options"]["x-amazon-apigateway-integration"]["requestParameters"] = {
        "integration.request.header.nothing": True
    }
    api = gateway.create_rest_api(name="warned")["id"]
    put_again = gateway.put_rest_api(restApiId=api, body=json.dumps(document).encode())
    # Recorded from AWS: test_import_rest_api_with_base_path_oas30.
    assert put_again["warnings"] == [
        "Invalid format for 'requestParameters'. Expected type string for property 'integration.request.header.nothing' "
        "of resource '/orders/{id}' and method 'OPTIONS' but got 'true'"
    ]
    with pytest.raises(ClientError):
        gateway.put_rest_api(restApiId=api, failOnWarnings=True, body=json.dumps(document).encode())


def test_a_document_without_paths_is_a_warning_which_may_fail_the_import(gateway):
    document = {"openapi": "3.0.1", "info": {"title": "t"}, "paaths": {"/a": {}}}
    # The form of the text is that of the warning recorded for HTTP APIs; that a missing member of this name is one, the parser's own rule.
    text = "Parse issue: attribute paths is missing"
    assert gateway.import_rest_api(body=json.dumps(document).encode())["warnings"] == [text]
    with pytest.raises(ClientError) as refused:
        gateway.import_rest_api(body=json.dumps(document).encode(), failOnWarnings=True)
    assert refused.value.response["Error"]["Message"] == f"Warnings found during import:\n\t{text}"
    assert len(gateway.get_rest_apis()["items"]) == 1
