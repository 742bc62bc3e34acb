"""What API Gateway's REST APIs refuse, and in which words: as cdk-preflight saw it of AWS, by the names of its rules.

https://github.com/badmintoncryer/cdk-preflight, rules/apigateway
"""

from __future__ import annotations

import pytest
from api_workshop import deploy, mock, rest_api, uri
from refusals import refused

POOL = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_Aaaaaaaaa"
HEADER = "method.request.header.Authorization"


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


def errors(kind: str) -> str:
    return f"Validation Result: warnings : [], errors : [{kind}]"


@pytest.fixture
def staged(gateway) -> dict:
    """An API's stage, with one method."""
    api, root = rest_api(gateway)
    mock(gateway, api, root)
    deploy(gateway, api)
    return {"restApiId": api, "stageName": "prod"}


@pytest.mark.parametrize(
    ("said", "text"),
    [
        # pf-apigw-authorizer-ttl-range
        (
            {"authorizerResultTtlInSeconds": 3601},
            "Authorizer result TTL outside allowable range. TTL must be between 0 and 3600 seconds.",
        ),
        # pf-apigw-authorizer-uri-format
        (
            {"authorizerUri": "arn:aws:lambda:us-east-1:000000000000:function:f"},
            "Invalid Authorizer URI: arn:aws:lambda:us-east-1:000000000000:function:f. Authorizer URI should be a valid API Gateway "
            "ARN that represents a Lambda function invocation.",
        ),
        # pf-apigw-cognito-authorizer-provider-arns
        ({"type": "COGNITO_USER_POOLS"}, "ProviderARNs cannot be empty"),
        # pf-apigw-token-authorizer-identity-source
        ({"identitySource": ""}, "IdentitySource cannot be empty"),
        # https://github.com/serverless/serverless/issues/4428, https://github.com/aws/aws-cdk/issues/6330
        (
            {"identitySource": "method.request.querystring.key"},
            "Invalid token source expression: method.request.querystring.key. The source must be a method request header, matching "
            "'method.request.header.[a-zA-Z0-9._-]+'.",
        ),
        (
            {"identitySource": f"{HEADER},method.request.header.appkey"},
            f"Invalid token source expression: {HEADER},method.request.header.appkey. The source must be a method request header, "
            "matching 'method.request.header.[a-zA-Z0-9._-]+'.",
        ),
        # pf-apigw-request-authorizer-identity-source; it tells the words up to "or a stage variable, m". The rest is
        # the like of what other implementations tell, of WebSocket APIs.
        (
            {"type": "REQUEST", "identitySource": "header.Auth"},
            "Invalid request identity source expression: header.Auth. The sources must be separated by comma, and each source must be "
            "either a method request parameter, matching 'method.request.querystring|header.[a-zA-Z0-9._-]+', or a stage variable, "
            "matching 'stageVariables.[a-zA-Z0-9._-]+', or a context parameter, matching 'context.[a-zA-Z0-9._-]+'",
        ),
    ],
)
def test_an_authorizer_that_cannot_be_is_refused(gateway, said, text):
    api, _ = rest_api(gateway)
    given = {"name": "a", "type": "TOKEN", "authorizerUri": uri(), "identitySource": HEADER} | said
    assert refused(gateway.create_authorizer, restApiId=api, **given) == ("BadRequestException", text)
    assert gateway.get_authorizers(restApiId=api)["items"] == []


def test_an_authorizer_remembers_for_an_hour_at_most(gateway):
    api, _ = rest_api(gateway)
    kept = gateway.create_authorizer(
        restApiId=api, name="a", type="TOKEN", authorizerUri=uri(), identitySource=HEADER, authorizerResultTtlInSeconds=3600
    )
    wrong = [{"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": "3601"}]
    assert refused(gateway.update_authorizer, restApiId=api, authorizerId=kept["id"], patchOperations=wrong)[1] == (
        "Authorizer result TTL outside allowable range. TTL must be between 0 and 3600 seconds."
    )


@pytest.mark.parametrize(
    ("said", "text"),
    [
        # pf-apigw-integration-cache-key-parameters
        ({"cacheKeyParameters": ["method.request.querystring.q"]}, "Invalid cache key parameter specified"),
        # pf-apigw-integration-credentials-arn
        ({"credentials": "notanarn"}, "Invalid ARN specified in the request"),
        # pf-apigw-integration-timeout-range
        ({"timeoutInMillis": 29_001}, "Timeout should be between 50 ms and 29000 ms"),
        # pf-apigw-integration-request-parameter-value
        (
            {"requestParameters": {"integration.request.header.X": "notquoted"}},
            f"Invalid mapping expression specified: {errors('Invalid mapping expression specified: notquoted')}",
        ),
        # pf-apigw-integration-http-uri
        ({"type": "HTTP", "integrationHttpMethod": "GET", "uri": "example.com"}, "Invalid HTTP endpoint specified for URI"),
        # pf-apigw-integration-aws-uri
        (
            {"type": "AWS", "integrationHttpMethod": "POST", "uri": "arn:aws:lambda:us-east-1:000000000000:function:f"},
            "AWS ARN for integration must contain path or action",
        ),
    ],
)
def test_an_integration_that_cannot_be_is_refused(gateway, said, text):
    api, root = rest_api(gateway)
    here = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    gateway.put_method(**here, authorizationType="NONE")
    assert refused(gateway.put_integration, **here, **{"type": "MOCK", **said}) == ("BadRequestException", text)


def test_a_cache_key_is_made_of_what_was_declared(gateway):
    api, root = rest_api(gateway)
    here, place = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}, "method.request.querystring.q"
    gateway.put_method(**here, authorizationType="NONE", requestParameters={place: False})
    assert gateway.put_integration(**here, type="MOCK", cacheKeyParameters=[place])["cacheKeyParameters"] == [place]
    adding = [{"op": "add", "path": "/cacheKeyParameters/method.request.querystring.p", "value": ""}]
    assert refused(gateway.update_integration, **here, patchOperations=adding)[1] == "Invalid cache key parameter specified"
    mapped = {"integration.request.querystring.p": place}
    gateway.put_integration(**here, type="MOCK", requestParameters=mapped, cacheKeyParameters=[*mapped])


def test_what_methods_name_has_a_form(gateway):
    api, root = rest_api(gateway)
    here = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    # pf-apigw-method-authorization-scopes-cognito
    assert refused(gateway.put_method, **here, authorizationType="NONE", authorizationScopes=["a"])[1] == (
        "Invalid Method authorization type specified. Authorization Scopes are only valid for COGNITO_USER_POOLS authorization type"
    )
    # pf-apigw-method-request-parameter-key
    wrong = {"method.request.foo.bar": True}
    assert refused(gateway.put_method, **here, authorizationType="NONE", requestParameters=wrong)[1] == (
        f"Invalid mapping expression specified: {errors('Invalid mapping expression specified: method.request.foo.bar')}"
    )
    mock(gateway, api, root)
    # pf-apigw-integration-response-selection-pattern
    answer = {**here, "statusCode": "200"}
    assert refused(gateway.put_integration_response, **answer, selectionPattern="[")[1] == "Invalid regex pattern specified"
    # pf-apigw-gateway-response-status-code
    assert refused(gateway.put_gateway_response, restApiId=api, responseType="DEFAULT_4XX", statusCode="999") == (
        "ValidationException",
        "1 validation error detected: Value '999' at 'putGatewayResponseInput.statusCode' failed to satisfy constraint: Member must "
        r"satisfy regular expression pattern: [1-5]\d\d",
    )


@pytest.mark.parametrize(
    ("name", "kind", "schema", "text"),
    [
        # pf-apigw-model-content-type, pf-apigw-model-name-alphanumeric, pf-apigw-model-schema-type
        ("m", "notacontenttype", "{}", errors("Invalid content type specified: notacontenttype")),
        ("m-4", "application/json", "{}", "Model name must be alphanumeric: m-4"),
        (
            "m", "application/json", '{"type": "not-a-real-type"}',
            f"Invalid model specified: {errors('Invalid model schema specified')}",
        ),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_is_refused(gateway, name, kind, schema, text):
    api, _ = rest_api(gateway)
    assert refused(gateway.create_model, restApiId=api, name=name, contentType=kind, schema=schema) == ("BadRequestException", text)


def test_apis_and_their_documentation_have_a_form(gateway):
    api, _ = rest_api(gateway)
    # pf-apigw-documentation-part-location
    part = {"location": {"type": "API", "method": "GET"}, "properties": "{}"}
    assert refused(gateway.create_documentation_part, restApiId=api, **part) == (
        "BadRequestException",
        "[Location type: API cannot have path, method, statusCode or name defined.]",
    )
    # pf-apigw-vpc-endpoint-ids-private-only, pf-apigw-rest-api-policy-document
    endpoint = {"types": ["REGIONAL"], "vpcEndpointIds": ["vpce-0123456789abcdef0"]}
    assert refused(gateway.create_rest_api, name="x", endpointConfiguration=endpoint)[1] == (
        "VPCEndpoints can only be specified with PRIVATE apis."
    )
    assert refused(gateway.create_rest_api, name="x", policy="not json")[1] == (
        "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."
    )


VALUE = "Please use values with alphanumeric characters and the symbols ' ', -', '.', '_', ':', '/', '?', '&', '=', and ','."


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        # pf-apigw-stage-variable-name, and both spaces of https://github.com/serverless/serverless/issues/6133
        ({"bad-key": "x"}, "Invalid stage variable name: bad-key.  Please use names with only word characters."),
        # pf-apigw-stage-variable-value; of nothing https://github.com/sirceljm/aws-lambda-blog/issues/10
        ({"key1": "bad value with spaces!"}, f"Invalid stage variable value of key key1.  {VALUE}"),
        ({"key1": ""}, f"Invalid stage variable value of key key1.  {VALUE}"),
    ],
)
def test_a_stage_variable_that_cannot_be_is_refused(gateway, staged, variables, text):
    deployment = gateway.get_stage(**staged)["deploymentId"]
    making = {"restApiId": staged["restApiId"], "stageName": "other", "deploymentId": deployment}
    assert refused(gateway.create_stage, **making, variables=variables) == ("BadRequestException", text)
    [(name, value)] = variables.items()
    patch = [{"op": "replace", "path": f"/variables/{name}", "value": value}]
    assert refused(gateway.update_stage, **staged, patchOperations=patch) == ("BadRequestException", text)
    kept = gateway.create_stage(**making, variables={"key1": "value with blanks"})
    assert kept["variables"] == {"key1": "value with blanks"}


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        # pf-apigw-access-log-format-request-id
        (
            "/accessLogSettings/format", "hello-no-request-id",
            "Access Log format must include either $context.requestId or $context.extendedRequestId : 'hello-no-request-id'",
        ),
        # pf-apigw-stage-access-log-destination-arn
        (
            "/accessLogSettings/destinationArn", "arn:aws:sns:us-east-1:000000000000:topic",
            "Invalid ARN specified in the request. The ARN must be a valid CloudWatch Logs log group or Kinesis Data Firehose delivery "
            "stream ARN.",
        ),
        # pf-apigw-stage-access-log-firehose-prefix
        (
            "/accessLogSettings/destinationArn", "arn:aws:firehose:us-east-1:000000000000:deliverystream/wrongprefix",
            "Kinesis Firehose delivery stream name must begin with the characters 'amazon-apigateway-': 'deliverystream/wrongprefix'",
        ),
        # pf-apigw-stage-cache-ttl-range
        ("/*/*/caching/ttlInSeconds", "3601", "Invalid time-to-live setting, must be an integer no greater than 3600"),
        # pf-apigw-stage-method-setting-http-method, pf-apigw-stage-method-setting-resource-path
        ("/*/FOO/metrics/enabled", "true", "Invalid method setting path: /*/FOO/metrics/enabled. Must be one of: [/deploymentId, /desc"),
        ("badpath/GET/metrics/enabled", "true", "Invalid method setting path: badpath/GET/metrics/enabled. Must be one of: [/deploymentId"),
    ],
)  # fmt: skip
def test_a_setting_of_a_stage_that_cannot_be_is_refused(gateway, staged, path, value, text):
    code, message = refused(gateway.update_stage, **staged, patchOperations=[{"op": "replace", "path": path, "value": value}])
    assert code == "BadRequestException" and message[: len(text)] == text


@pytest.mark.parametrize(
    ("quota", "text"),
    [
        # pf-apigw-usage-plan-quota-limit, -quota-period-required, -quota-offset-range
        ({"limit": 0, "period": "DAY"}, "Usage Plan quota limit must be a non-negative numeric"),
        ({"limit": 100}, "Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]"),
        ({"limit": 1, "period": "WEEK", "offset": 7}, "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period"),
        ({"limit": 1, "period": "MONTH", "offset": 28}, "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period"),
        # Terraform's provider says it so before AWS is asked; what AWS says is not known.
        ({"limit": 1, "period": "DAY", "offset": 1}, "Usage Plan quota offset must be zero in the DAY period"),
    ],
)
def test_a_quota_that_cannot_be_is_refused(gateway, quota, text):
    if "period" not in quota:
        assert refused(gateway.create_usage_plan, name="u", quota=quota)[0] == "BadRequestException"
    assert refused(gateway.create_usage_plan, name="u", quota=quota) == ("BadRequestException", text)
    assert gateway.get_usage_plans()["items"] == []


def test_a_plan_names_stages_and_methods_that_are_there(gateway, staged):
    api = staged["restApiId"]

    def not_planned(**entry):
        return refused(gateway.create_usage_plan, name="u", apiStages=[{"apiId": api, "stage": "prod"} | entry])

    # pf-apigw-usage-plan-api-stage-exists
    assert not_planned(stage="nosuchstage") == ("NotFoundException", f"API Stage not found: {api}:nosuchstage")
    # pf-apigw-usage-plan-throttle-key; the code: https://github.com/aws/aws-cdk/issues/15426
    limit = {"rateLimit": 10, "burstLimit": 5}
    assert not_planned(throttle={"badkey": limit}) == ("NotFoundException", "Invalid method {resourcePath: badkey,method: } specified")
    assert not_planned(throttle={"//PUT": limit}) == ("NotFoundException", "Invalid method {resourcePath: /,method: PUT} specified")
    # https://github.com/aws/aws-sdk/issues/354: with its forms unfilled.
    assert not_planned(apiId="") == ("BadRequestException", "Invalid API Stage {api: %s, stage: %s} specified for usageplan %s")
    # https://github.com/aws/aws-cdk/issues/12731
    assert not_planned(apiId="null") == ("NotFoundException", "Invalid API identifier specified 000000000000:null")
    entry = {"apiId": api, "stage": "prod", "throttle": {"//GET": limit}}
    assert gateway.create_usage_plan(name="u", apiStages=[entry])["apiStages"] == [entry]


def test_an_empty_template_is_told_as_null(cloud, gateway):
    # Recorded from AWS: test_put_integration_response_templates.
    api, root = rest_api(gateway)
    mock(gateway, api, root)
    here = {"restApiId": api, "resourceId": root, "httpMethod": "GET", "statusCode": "200"}
    kept = gateway.put_integration_response(**here, selectionPattern="", responseTemplates={"application/json": ""})
    assert kept["responseTemplates"] == {"application/json": None}
    unchecked = cloud.client("apigateway", parameter_validation=False)
    kept = unchecked.put_integration_response(**here, responseTemplates={"application/json": None})
    assert kept["responseTemplates"] == {"application/json": None}
    assert gateway.get_integration_response(**here)["responseTemplates"] == {"application/json": None}
    deploy(gateway, api)
    answer = cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")
    assert (answer[0], answer[2]) == (200, b"")
