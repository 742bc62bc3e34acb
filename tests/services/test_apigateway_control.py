"""The control plane's answers and refusals, as recorded from AWS."""

from __future__ import annotations

import json

import pytest
from api_workshop import deploy, mock, resource, rest_api, uri
from refusals import refused


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


def body(reply: dict) -> dict:
    return {member: value for member, value in reply.items() if member != "ResponseMetadata"}


def patch(op: str, path: str, value: str | None = None) -> list[dict]:
    return [{"op": op, "path": path} | ({"value": value} if value is not None else {})]


def test_an_api_is_answered_with_aws_defaults(cloud, gateway):
    made = body(gateway.create_rest_api(name="shop"))
    assert made.pop("createdDate") and len(made["id"]) == 10 and len(made.pop("rootResourceId")) == 10
    # test_create_rest_api_verify_defaults
    assert made == {
        "id": made["id"], "name": "shop", "apiKeySource": "HEADER", "disableExecuteApiEndpoint": False,
        "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
    }  # fmt: skip
    assert gateway.get_rest_api(restApiId=made["id"])["tags"] == {}
    gateway.delete_rest_api(restApiId=made["id"])
    assert refused(gateway.get_rest_api, restApiId=made["id"]) == (
        "NotFoundException", f"Invalid API identifier specified 000000000000:{made['id']}"
    )  # fmt: skip


def test_an_api_id_says_its_region(cloud, gateway):
    from kumoniwa.gate.address import region_of

    assert region_of(rest_api(gateway)[0]) == "us-east-1"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"description": ""}, "Description cannot be an empty string"),
        ({"minimumCompressionSize": -1}, "Invalid minimum compression size, must be between 0 and 10485760"),
        (
            {"endpointConfiguration": {"types": []}},
            "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.",
        ),
        (
            {"endpointConfiguration": {"types": ["EDGE", "REGIONAL"]}},
            "Cannot create an api with multiple Endpoint Types.",
        ),
    ],
)
def test_odd_apis_are_refused(gateway, params, message):
    assert refused(gateway.create_rest_api, name="x", **params) == ("BadRequestException", message)


def test_an_api_is_patched(gateway):
    api, _ = rest_api(gateway, description="this is my api")
    update = gateway.update_rest_api
    # test_update_rest_api_operation_add_remove
    assert update(
        restApiId=api,
        patchOperations=patch("add", "/binaryMediaTypes/image~1png")
        + patch("add", "/binaryMediaTypes/image~1jpeg"),
    )["binaryMediaTypes"] == ["image/png", "image/jpeg"]
    assert update(restApiId=api, patchOperations=patch("replace", "/binaryMediaTypes/image~1png", "image/gif"))["binaryMediaTypes"] == [
        "image/jpeg", "image/gif",
    ]  # fmt: skip
    kept = update(
        restApiId=api,
        patchOperations=patch("remove", "/binaryMediaTypes/image~1gif")
        + patch("replace", "/description", ""),
    )
    assert kept["binaryMediaTypes"] == ["image/jpeg"] and "description" not in kept
    assert (
        update(restApiId=api, patchOperations=patch("replace", "/minimumCompressionSize", "10"))[
            "minimumCompressionSize"
        ]
        == 10
    )
    assert "minimumCompressionSize" not in update(
        restApiId=api, patchOperations=patch("replace", "/minimumCompressionSize", "")
    )
    moved = update(
        restApiId=api, patchOperations=patch("replace", "/endpointConfiguration/types/EDGE", "REGIONAL")
    )
    assert moved["endpointConfiguration"]["types"] == ["REGIONAL"]
    for operations, message in (
        (
            patch("add", "/minimumCompressionSize", "10"),
            "Invalid patch operation specified. Must be one of: [replace]",
        ),
        (patch("add", "/binaryMediaTypes", "x"), "Invalid patch path /binaryMediaTypes"),
        (
            patch("replace", "/endpointConfiguration/ipAddressType", "wrong"),
            "ipAddressType must be either ipv4 or dualstack.",
        ),
        (
            patch("replace", "/endpointConfiguration/types/EDGE", "wrong"),
            "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE",
        ),
    ):
        assert refused(update, restApiId=api, patchOperations=operations) == ("BadRequestException", message)
    assert gateway.get_rest_api(restApiId=api)["endpointConfiguration"]["types"] == ["REGIONAL"]


def test_resources_are_a_tree_in_the_order_of_their_paths(gateway):
    api, root = rest_api(gateway)
    parent = resource(gateway, api, root, "parent")
    resource(gateway, api, root, "{proxy+}")
    child = resource(gateway, api, parent, "child")
    for above in (parent, child):
        resource(gateway, api, above, "{proxy+}")
    # test_create_proxy_resource
    assert [held["path"] for held in gateway.get_resources(restApiId=api)["items"]] == [
        "/", "/parent", "/parent/child", "/parent/child/{proxy+}", "/parent/{proxy+}", "/{proxy+}",
    ]  # fmt: skip
    gateway.delete_resource(restApiId=api, resourceId=parent)
    assert len(gateway.get_resources(restApiId=api)["items"]) == 2
    assert refused(gateway.get_resource, restApiId=api, resourceId=child) == (
        "NotFoundException",
        "Invalid Resource identifier specified",
    )


def test_resources_have_their_place(gateway):
    api, root = rest_api(gateway)
    pets = resource(gateway, api, root, "pets")
    sub = resource(gateway, api, pets, "subpets")
    greedy = resource(gateway, api, root, "{proxy+}")
    make = gateway.create_resource
    allowed = "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end."
    for params, error in (
        ({"parentId": root, "pathPart": "pets"}, ("ConflictException", "Another resource with the same parent already has this name: pets")),
        ({"parentId": root, "pathPart": "a/b"}, ("BadRequestException", allowed)),
        ({"parentId": root, "pathPart": "{id}"}, (
            "BadRequestException", "A sibling ({proxy+}) of this resource already has a variable path part -- only one is allowed")),
        ({"parentId": greedy, "pathPart": "x"}, (
            "BadRequestException", "Cannot create a child of a resource with a greedy path variable: {proxy+}")),
        ({"parentId": "nobody", "pathPart": "x"}, ("NotFoundException", "Invalid Resource identifier specified")),
    ):  # fmt: skip
        assert refused(make, restApiId=api, **params) == error
    update = gateway.update_resource
    assert (
        update(restApiId=api, resourceId=pets, patchOperations=patch("replace", "/pathPart", "dogs"))["path"]
        == "/dogs"
    )
    assert gateway.get_resource(restApiId=api, resourceId=sub)["path"] == "/dogs/subpets"
    for place, operations, message in (
        (pets, patch("replace", "/parentId", sub), "Resources cannot be cyclical."),
        (root, patch("replace", "/pathPart", "x"), "Root resource cannot update its pathPart."),
        (pets, patch("replace", "/invalid", "x"),
         "Invalid patch path  '/invalid' specified for op 'replace'. Must be one of: [/parentId, /pathPart]"),
        (pets, patch("add", "/pathPart", "x"), "Invalid patch path  '/pathPart' specified for op 'add'. Please choose supported operations"),
    ):  # fmt: skip
        assert refused(update, restApiId=api, resourceId=place, patchOperations=operations) == (
            "BadRequestException",
            message,
        )


def test_methods_name_only_what_exists(gateway):
    api, root = rest_api(gateway)
    put = gateway.put_method
    here = {"restApiId": api, "resourceId": root, "httpMethod": "ANY", "authorizationType": "NONE"}
    wrong_authorizer = "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer."
    for change, error in (
        ({"resourceId": "nobody"}, ("NotFoundException", "Invalid Resource identifier specified")),
        ({"restApiId": "nobody"}, ("NotFoundException", "Invalid Resource identifier specified")),
        ({"httpMethod": "WRONG"}, (
            "BadRequestException", "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY")),
        ({"authorizationType": "CUSTOM"}, ("BadRequestException", wrong_authorizer)),
        ({"requestValidatorId": "nobody"}, ("BadRequestException", "Invalid Request Validator identifier specified")),
        ({"requestModels": {"application/json": "petModel"}}, ("BadRequestException", "Invalid model identifier specified: petModel")),
        ({"requestParameters": {"method.request.header.a": True, "method.request.querystring.a": False}}, (
            "BadRequestException", "Parameter names must be unique across querystring, header and path")),
    ):  # fmt: skip
        assert refused(put, **(here | change)) == error
    # test_put_method_validation
    assert body(put(**here)) == {"httpMethod": "ANY", "authorizationType": "NONE", "apiKeyRequired": False}
    del here["authorizationType"]
    update = gateway.update_method
    added = update(
        **here, patchOperations=patch("add", "/requestParameters/method.request.querystring.optional", "true")
    )
    assert added["requestParameters"] == {"method.request.querystring.optional": True}
    for operations, message in (
        (
            patch("add", "/authorizationType", "AWS_IAM"),
            "Invalid patch operation specified. Must be one of: [replace]",
        ),
        (patch("replace", "/httpMethod", "GET"), "Invalid patch path /httpMethod"),
        (
            patch("add", "/requestModels/application/json", "Empty"),
            "Invalid patch path /requestModels/application/json",
        ),
        (patch("replace", "/authorizationType", "CUSTOM"), wrong_authorizer),
    ):
        assert refused(update, **here, patchOperations=operations) == ("BadRequestException", message)
    gateway.delete_method(**here)
    assert refused(gateway.get_method, **here) == ("NotFoundException", "Invalid Method identifier specified")


def test_an_integration_is_answered_whole(gateway):
    api, root = rest_api(gateway)
    here = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    gateway.put_method(**here, authorizationType="NONE")
    assert refused(gateway.get_integration, **here) == (
        "NotFoundException",
        "Invalid Integration identifier specified",
    )
    target = uri("arn:aws:lambda:us-east-1:111111111111:function:MyLambda")
    # test_put_integration_validation
    assert body(gateway.put_integration(**here, type="AWS_PROXY", integrationHttpMethod="POST", uri=target)) == {
        "type": "AWS_PROXY", "httpMethod": "POST", "uri": target, "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": 29000, "cacheNamespace": root, "cacheKeyParameters": [],
    }  # fmt: skip
    only = "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations."
    for where, message in (
        ("lambda", "Invalid ARN specified in the request"),
        (
            "arn:aws:lambda:us-east-1:111111111111:function:MyLambda",
            "AWS ARN for integration must contain path or action",
        ),
        ("arn:aws:apigateway:us-east-1:s3:path/b/k", only),
        (uri("bad-lambda-arn"), only),
    ):
        assert refused(
            gateway.put_integration, **here, type="AWS_PROXY", integrationHttpMethod="POST", uri=where
        ) == ("BadRequestException", message)
    assert (
        refused(gateway.put_integration, **here, type="AWS_PROXY", uri=target)[1]
        == "Enumeration value for HttpMethod must be non-empty"
    )


def test_responses_have_a_life(gateway):
    api, root = rest_api(gateway)
    here = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    mock(gateway, api, root, body='"created"')
    status = {**here, "statusCode": "200"}
    # test_lifecycle_integration_response, test_update_method_lack_response_parameters_and_models
    assert body(gateway.put_integration_response(**status, selectionPattern="", responseTemplates={"application/json": '"x"'})) == {
        "statusCode": "200", "selectionPattern": "", "responseTemplates": {"application/json": '"x"'},
    }  # fmt: skip
    changed = gateway.update_integration_response(
        **status, patchOperations=patch("replace", "/selectionPattern", "updated-pattern")
    )
    assert changed["selectionPattern"] == "updated-pattern"
    # test_delete_integration_response_errors
    assert refused(gateway.delete_integration_response, **{**status, "httpMethod": "POST"})[1] == "Invalid Integration identifier specified"
    gateway.delete_integration_response(**status)
    assert refused(gateway.get_integration_response, **status) == (
        "NotFoundException",
        "Invalid Response status code specified",
    )
    update = gateway.update_method_response
    assert refused(update, **status, patchOperations=patch("replace", "/responseParameters/method.response.header.x", "true")) == (
        "NotFoundException", "Invalid parameter name specified"
    )  # fmt: skip
    assert refused(update, **status, patchOperations=patch("add", "/wrong/method.response.header.x", "true")) == (
        "BadRequestException", "Invalid patch path /wrong/method.response.header.x"
    )  # fmt: skip
    undeclared = "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: method.response.header.x]"
    assert (
        refused(
            gateway.put_integration_response, **status, responseParameters={"method.response.header.x": "'1'"}
        )[1]
        == undeclared
    )


def test_deployments_and_stages_hold_each_other(gateway):
    api, root = rest_api(gateway)
    assert refused(gateway.create_deployment, restApiId=api)[1] == "The REST API doesn't contain any methods"
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    assert refused(gateway.create_deployment, restApiId=api)[1] == "No integration defined for method"
    gateway.delete_method(restApiId=api, resourceId=root, httpMethod="GET")
    mock(gateway, api, root)
    first = deploy(gateway, api, "s1", description="one")
    # test_create_delete_deployments
    assert refused(gateway.delete_deployment, restApiId=api, deploymentId=first) == (
        "BadRequestException", "Active stages pointing to this deployment must be moved or deleted"
    )  # fmt: skip
    stage = body(gateway.get_stage(restApiId=api, stageName="s1"))
    assert stage.pop("createdDate") and stage.pop("lastUpdatedDate")
    assert stage == {
        "deploymentId": first, "stageName": "s1", "cacheClusterEnabled": False, "cacheClusterStatus": "NOT_AVAILABLE",
        "methodSettings": {}, "tracingEnabled": False,
    }  # fmt: skip
    second = deploy(gateway, api, "s1")
    gateway.delete_deployment(restApiId=api, deploymentId=first)
    assert [one["id"] for one in gateway.get_deployments(restApiId=api)["items"]] == [second]
    summary = gateway.get_deployment(restApiId=api, deploymentId=second, embed=["apisummary"])["apiSummary"]
    assert summary == {"/": {"GET": {"authorizationType": "NONE", "apiKeyRequired": False}}}
    assert (
        refused(gateway.create_stage, restApiId=api, stageName="x", deploymentId=first)[1]
        == "Deployment id does not exist"
    )


def test_a_stage_is_patched(gateway):
    api, root = rest_api(gateway)
    mock(gateway, api, root)
    deploy(gateway, api, "s1")
    here = {"restApiId": api, "stageName": "s1"}
    # test_update_stage_remove_wildcard
    assert refused(gateway.update_stage, **here, patchOperations=patch("remove", "/*/*"))[1] == (
        "Cannot remove method setting */* because there is no method setting for this method "
    )
    settings = gateway.update_stage(
        **here, patchOperations=patch("replace", "/*/*/throttling/burstLimit", "123")
    )["methodSettings"]
    assert settings == {
        "*/*": {
            "cacheDataEncrypted": False, "cacheTtlInSeconds": 300, "cachingEnabled": False, "dataTraceEnabled": False,
            "metricsEnabled": False, "requireAuthorizationForCacheControl": True, "throttlingBurstLimit": 123,
            "throttlingRateLimit": 10000.0, "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
        }
    }  # fmt: skip
    assert gateway.update_stage(**here, patchOperations=patch("remove", "/*/*"))["methodSettings"] == {}
    assert refused(gateway.update_stage, **here, patchOperations=patch("replace", "/tags/tag1", "x"))[
        1
    ].startswith(
        "Invalid method setting path: /tags/tag1. Must be one of: [/deploymentId, /description, /cacheClusterEnabled, "
    )
    assert refused(gateway.update_stage, **here, patchOperations=patch("replace", "/*/*/logging/loglevel", "INFO"))[1] == (
        "CloudWatch Logs role ARN must be set in account settings to enable logging"
    )


def test_models_are_kept_while_they_are_used(gateway):
    api, root = rest_api(gateway)
    assert {held["name"] for held in gateway.get_models(restApiId=api)["items"]} == {"Empty", "Error"}
    make = gateway.create_model
    schema = json.dumps({"title": "Pet", "type": "object"})
    # test_model_validation, test_put_method_model
    assert (
        refused(make, restApiId=api, name="", contentType="application/json", schema=schema)[1]
        == "Model name must be non-empty"
    )
    assert refused(make, restApiId=api, name="Pet", contentType="application/json")[1] == (
        "Model schema must have at least 1 property or array items defined"
    )
    # What asks for nothing is a schema, too: test_cfn_with_apigateway_resources.
    assert make(restApiId=api, name="Anything", contentType="application/json", schema="{}")["schema"] == "{}"
    make(restApiId=api, name="Pet", contentType="application/json", schema=schema)
    assert (
        refused(make, restApiId=api, name="Pet", contentType="application/json", schema=schema)[1]
        == "Model name already exists for this REST API"
    )
    gateway.put_method(
        restApiId=api,
        resourceId=root,
        httpMethod="ANY",
        authorizationType="NONE",
        requestModels={"application/json": "Pet"},
    )
    assert refused(gateway.delete_model, restApiId=api, modelName="Pet") == (
        "ConflictException", "Cannot delete model 'Pet', is referenced in method request: //ANY"
    )  # fmt: skip
    assert (
        refused(gateway.get_model, restApiId=api, modelName="MySchema")[1]
        == "Invalid model name specified: MySchema"
    )


def test_gateway_responses_inherit_the_default_of_their_hundred(gateway):
    api, _ = rest_api(gateway)
    plain = {
        "responseType": "MISSING_AUTHENTICATION_TOKEN", "statusCode": "403", "responseParameters": {}, "defaultResponse": True,
        "responseTemplates": {"application/json": '{"message":$context.error.messageString}'},
    }  # fmt: skip
    here = {"restApiId": api, "responseType": "MISSING_AUTHENTICATION_TOKEN"}
    # test_gateway_response_crud, test_gateway_response_put
    assert body(gateway.get_gateway_response(**here)) == plain
    assert refused(gateway.delete_gateway_response, **here)[1] == "Gateway response type not defined on api"
    gateway.put_gateway_response(restApiId=api, responseType="DEFAULT_4XX", statusCode="444")
    assert gateway.get_gateway_response(**here)["statusCode"] == "444"
    assert body(gateway.put_gateway_response(**here)) == plain | {"defaultResponse": False}
    assert len(gateway.get_gateway_responses(restApiId=api)["items"]) == 21


def test_api_keys_and_plans_are_found_again(gateway):
    # TestApigatewayApiKeysCrud, test_usage_plan_crud
    make = gateway.create_api_key
    assert refused(make, value="short")[1] == "API Key value should be at least 20 characters"
    first, second = (make(name=name)["id"] for name in ("alpha", "alphabet"))
    assert [key["id"] for key in gateway.get_api_keys(nameQuery="alpha")["items"]] == [second, first]
    assert (
        "value" not in gateway.get_api_key(apiKey=first)
        and gateway.get_api_key(apiKey=first, includeValue=True)["value"]
    )
    message = "Invalid patch path  '/id' specified for op 'replace'. Must be one of: [/description, /enabled, /name, /customerId]"
    assert (
        refused(gateway.update_api_key, apiKey=first, patchOperations=patch("replace", "/id", "x"))[1]
        == message
    )
    plan = gateway.create_usage_plan(name="p", throttle={"burstLimit": 20, "rateLimit": 10.0})
    assert plan["throttle"] == {"burstLimit": 20, "rateLimit": 10.0} and plan["apiStages"] == []
    update = gateway.update_usage_plan
    assert refused(update, usagePlanId="nobody")[1] == "Invalid Usage Plan ID specified"
    assert (
        refused(update, usagePlanId=plan["id"], patchOperations=patch("add", "/apiStages", "x"))[1]
        == "Invalid API Stage specified"
    )
    assert refused(update, usagePlanId=plan["id"], patchOperations=patch("add", "/apiStages", "x:dev"))[
        1
    ] == "Invalid API identifier specified 000000000000:x"
    gone = f"Invalid API Stage {{api: x, stage: dev}} specified for usageplan {plan['id']}"
    assert refused(update, usagePlanId=plan["id"], patchOperations=patch("remove", "/apiStages", "x:dev"))[1] == gone
    rate = patch("replace", "/throttle/rateLimit", "1e400")
    assert refused(update, usagePlanId=plan["id"], patchOperations=rate)[0] == "BadRequestException"
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=first, keyType="API_KEY")
    gateway.delete_api_key(apiKey=first)
    assert gateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"] == []


def test_tags_are_kept_for_apis_stages_keys_and_plans(gateway):
    api, root = rest_api(gateway, tags={"a": "1"})
    mock(gateway, api, root)
    deploy(gateway, api)
    key, plan = gateway.create_api_key(name="k")["id"], gateway.create_usage_plan(name="p")["id"]
    for path in (f"restapis/{api}", f"restapis/{api}/stages/prod", f"apikeys/{key}", f"usageplans/{plan}"):
        arn = f"arn:aws:apigateway:us-east-1::/{path}"
        gateway.tag_resource(resourceArn=arn, tags={"b": "2"})
        assert gateway.get_tags(resourceArn=arn)["tags"]["b"] == "2"
        gateway.untag_resource(resourceArn=arn, tagKeys=["b"])
        assert "b" not in gateway.get_tags(resourceArn=arn)["tags"]


def test_the_account_says_its_limits(gateway):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
    assert gateway.get_account()["throttleSettings"] == {"burstLimit": 5000, "rateLimit": 10000.0}
    role = "arn:aws:iam::000000000000:role/logs"
    assert (
        gateway.update_account(patchOperations=patch("replace", "/cloudwatchRoleArn", role))[
            "cloudwatchRoleArn"
        ]
        == role
    )


def test_deleting_an_api_ends_its_stages(cloud, gateway):
    api, root = rest_api(gateway)
    mock(gateway, api, root)
    deploy(gateway, api)
    path = f"/restapis/{api}/prod/_user_request_/"
    assert cloud.http("GET", path)[0] == 200
    gateway.delete_rest_api(restApiId=api)
    assert cloud.http("GET", path)[0] == 403


def test_operations_are_permitted_by_path_and_verb(cloud, gateway):
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    api, _ = rest_api(gateway)
    statement = {
        "Effect": "Allow",
        "Action": "apigateway:GET",
        "Resource": f"arn:aws:apigateway:us-east-1::/restapis/{api}",
    }
    iam.put_user_policy(
        UserName="ann",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    hers = cloud.client("apigateway", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert hers.get_rest_api(restApiId=api)["id"] == api
    code, message = refused(hers.delete_rest_api, restApiId=api)
    assert (
        code == "AccessDeniedException"
        and f"apigateway:DELETE on resource: arn:aws:apigateway:us-east-1::/restapis/{api}" in message
    )


def test_an_operation_that_is_not_here_is_refused_in_the_services_own_protocol(gateway):
    code, text = refused(gateway.get_vpc_links)
    assert (code, text) == ("NotImplemented", "Kumoniwa does not implement apigateway:GetVpcLinks.")


def test_what_was_learnt_from_recordings_of_single_answers(gateway):
    first = gateway.create_rest_api(name="zebra")["id"]
    second = gateway.create_rest_api(name="ant")["id"]
    # test_list_and_delete_apis: in the order of their making.
    assert [one["id"] for one in gateway.get_rest_apis()["items"]] == [first, second]
    root = gateway.get_rest_api(restApiId=first)["rootResourceId"]
    here = {"restApiId": first, "resourceId": root, "httpMethod": "ANY"}
    # test_put_integration_responses
    assert gateway.put_method(**here, authorizationType="none")["authorizationType"] == "NONE"
    # test_put_integration_validation
    assert "uri" not in gateway.put_integration(**here, type="MOCK", uri="http://example.com")
    gateway.put_method_response(**here, statusCode="200")
    gateway.put_integration_response(**here, statusCode="200", responseTemplates={"application/json": ""})
    # test_failed_invoke_test_method
    tried = gateway.test_invoke_method(**{**here, "httpMethod": "GET"}, body='{"statusCode": 200}')
    assert tried["status"] == 200
    # test_import_api_bad_file
    assert refused(gateway.put_rest_api, restApiId="none", body=b"{'a") == ("BadRequestException", "Invalid OpenAPI input.")


def test_a_mock_has_no_method_of_its_own(gateway):
    # Recorded from AWS: test_integration_mock_with_path_param.
    api, root = rest_api(gateway)
    here = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    gateway.put_method(**here, authorizationType="NONE")
    assert "httpMethod" not in gateway.put_integration(**here, type="MOCK", integrationHttpMethod="POST")


def test_a_page_of_no_keys_or_fewer_is_a_page_like_any(gateway):
    # Recorded from AWS: test_negative_get_usage_plan_api_keys.
    found = gateway.get_api_keys(limit=-1)
    assert found["items"] == [] and "position" not in found
    gateway.create_api_key(name="one")
    assert [key["name"] for key in gateway.get_api_keys(limit=-1)["items"]] == ["one"]


def test_settings_of_a_method_begin_as_those_of_all_methods_are_then(gateway):
    # Recorded from AWS: test_create_update_stages.
    api, root = rest_api(gateway)
    mock(gateway, api, root)
    deploy(gateway, api)
    changes = (("/*/*/caching/enabled", "true"), ("/~1/GET/throttling/burstLimit", "7"), ("/*/*/throttling/burstLimit", "9"))
    operations = [{"op": "replace", "path": path, "value": value} for path, value in changes]
    settings = gateway.update_stage(restApiId=api, stageName="prod", patchOperations=operations)["methodSettings"]
    own = next(value for name, value in settings.items() if name != "*/*")
    assert (own["cachingEnabled"], own["throttlingBurstLimit"], settings["*/*"]["throttlingBurstLimit"]) == (True, 7, 9)


@pytest.mark.parametrize("is_api", [True, False])
def test_stages_that_are_gone_are_in_no_plan(gateway, is_api):
    # Recorded from AWS: the plans of test_usage_plan_crud can be deleted once their APIs are.
    api, root = rest_api(gateway)
    mock(gateway, api, root)
    deploy(gateway, api)
    plan = gateway.create_usage_plan(name="p", apiStages=[{"apiId": api, "stage": "prod"}])["id"]
    gone = {"restApiId": api} if is_api else {"restApiId": api, "stageName": "prod"}
    (gateway.delete_rest_api if is_api else gateway.delete_stage)(**gone)
    assert gateway.get_usage_plan(usagePlanId=plan)["apiStages"] == []
    gateway.delete_usage_plan(usagePlanId=plan)


def test_a_description_can_be_removed_from_an_api(gateway):
    # Recorded from AWS: test_update_rest_api_operation_add_remove.
    api, _ = rest_api(gateway, description="d")
    assert "description" not in gateway.update_rest_api(restApiId=api, patchOperations=[{"op": "remove", "path": "/description"}])


def test_the_newest_method_that_uses_a_model_is_told(gateway):
    # Recorded from AWS: test_put_method_model.
    api, root = rest_api(gateway)
    gateway.create_model(restApiId=api, name="M", contentType="application/json", schema='{"type": "object"}')
    for place in (root, resource(gateway, api, root, "test")):
        gateway.put_method(restApiId=api, resourceId=place, httpMethod="ANY", authorizationType="NONE", requestModels={"application/json": "M"})
    message = "Cannot delete model 'M', is referenced in method request: /test/ANY"
    assert refused(gateway.delete_model, restApiId=api, modelName="M")[1] == message
