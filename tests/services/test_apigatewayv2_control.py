"""What owners of HTTP and WebSocket APIs may say, and what AWS says to what they may not."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from http_workshop import ASKED, FUNCTION, Caller, endpoint, function, http_api, websocket_api
from refusals import refused


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigatewayv2")


def _plain(reply: dict) -> dict:
    return {name: value for name, value in reply.items() if name != "ResponseMetadata"}


# APIs -------------------------------------------------------------------------------------------------


def test_an_api_is_told_with_what_aws_fills_in(cloud, gateway):
    made = gateway.create_api(Name="shop", ProtocolType="HTTP", Description="d", Version="1", Tags={"a": "b"})
    id_ = made["ApiId"]
    assert made["ApiEndpoint"] == f"http://{id_}.execute-api.us-east-1.localhost:4566"
    assert made["RouteSelectionExpression"] == "$request.method $request.path"
    assert made["ApiKeySelectionExpression"] == "$request.header.x-api-key"
    assert (made["DisableExecuteApiEndpoint"], made["IpAddressType"], made["Tags"]) == (False, "ipv4", {"a": "b"})
    assert _plain(gateway.get_api(ApiId=id_)) == _plain(made)
    chat = gateway.create_api(Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a")
    assert chat["ApiEndpoint"].startswith("ws://")
    assert [one["Name"] for one in gateway.get_apis()["Items"]] == ["shop", "chat"]
    page = gateway.get_apis(MaxResults="1")
    assert [one["Name"] for one in page["Items"]] == ["shop"]
    assert [one["Name"] for one in gateway.get_apis(NextToken=page["NextToken"])["Items"]] == ["chat"]


def test_an_api_changes_in_what_is_said_of_it(cloud, gateway):
    id_ = gateway.create_api(Name="shop", ProtocolType="HTTP", Description="d")["ApiId"]
    cors = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"]}
    changed = gateway.update_api(ApiId=id_, Name="other", CorsConfiguration=cors)
    assert (changed["Name"], changed["Description"], changed["CorsConfiguration"]) == ("other", "d", cors)
    gateway.delete_cors_configuration(ApiId=id_)
    assert "CorsConfiguration" not in gateway.get_api(ApiId=id_)
    gateway.delete_api(ApiId=id_)
    assert refused(gateway.get_api, ApiId=id_) == ("NotFoundException", f"Invalid API identifier specified 000000000000:{id_}")


@pytest.mark.parametrize(
    ("said", "text"),
    (
        ({"ProtocolType": "SOAP"}, "Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]"),
        ({"ProtocolType": "HTTP", "RouteSelectionExpression": "$request.body.x"}, "Route selection expression is currently limited"),
        ({"ProtocolType": "WEBSOCKET"}, "Invalid routeSelectionExpression"),
        ({"ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.a", "CorsConfiguration": {"MaxAge": 1}}, "Cors is not supported"),
        ({"ProtocolType": "HTTP", "CorsConfiguration": {"AllowOrigins": ["*"], "AllowCredentials": True}}, "allow-credentials"),
        ({"ProtocolType": "HTTP", "CorsConfiguration": {"AllowOrigins": ["google.com"]}}, "Invalid format for origin google.com"),
        ({"ProtocolType": "HTTP", "ApiKeySelectionExpression": "x"}, "Invalid api key selection expression"),
        ({"ProtocolType": "HTTP", "RouteKey": "GET /"}, "Target is required"),
        ({"ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.a", "Target": FUNCTION}, "Quick create"),
        ({"ProtocolType": "HTTP", "Target": "nowhere"}, "Invalid HTTP endpoint"),
    ),
)
def test_an_api_that_cannot_be_is_a_bad_request_and_is_not_made(cloud, gateway, said, text):
    code, message = refused(gateway.create_api, Name="shop", **said)
    assert code == "BadRequestException" and text in message
    assert gateway.get_apis()["Items"] == []


# Routes -----------------------------------------------------------------------------------------------


def test_routes_are_told_changed_and_gone(cloud, gateway):
    api = http_api(gateway)
    target = function(gateway, api)
    made = gateway.create_route(ApiId=api, RouteKey="GET /a", Target=target, OperationName="one")
    assert _plain(made) == {
        "ApiKeyRequired": False, "AuthorizationType": "NONE", "OperationName": "one", "RouteId": made["RouteId"],
        "RouteKey": "GET /a", "Target": target,
    }  # fmt: skip
    changed = gateway.update_route(ApiId=api, RouteId=made["RouteId"], RouteKey="POST /b")
    assert (changed["RouteKey"], changed["OperationName"]) == ("POST /b", "one")
    assert _plain(gateway.get_route(ApiId=api, RouteId=made["RouteId"])) == _plain(changed)
    gateway.delete_route(ApiId=api, RouteId=made["RouteId"])
    assert gateway.get_routes(ApiId=api)["Items"] == []
    assert refused(gateway.get_route, ApiId=api, RouteId="unknown") == ("NotFoundException", "Invalid Route identifier specified unknown")


FORMAT = (
    'The provided route key is not formatted properly for HTTP protocol. Format should be "[HTTP METHOD] /[RESOURCE PATH]" '
    'or "$default"'
)


@pytest.mark.parametrize("key", ("GET", "GET pets", "FETCH /pets", "get /pets", "GET /pets/{id", "GET /a b", "GET /{a}x", ""))
def test_a_route_key_has_a_form(cloud, gateway, key):
    code, message = refused(gateway.create_route, ApiId=http_api(gateway), RouteKey=key)
    assert (code, message) == ("BadRequestException", FORMAT if key else "Route key is required")


def test_labels_of_a_route_differ_and_a_greedy_one_is_the_last(cloud, gateway):
    api = http_api(gateway)
    for key in ("GET /{a}/{a}", "GET /{a+}/b"):
        assert refused(gateway.create_route, ApiId=api, RouteKey=key)[0] == "BadRequestException"


def test_a_route_key_is_there_once(cloud, gateway):
    api = http_api(gateway)
    gateway.create_route(ApiId=api, RouteKey="GET /a")
    other = gateway.create_route(ApiId=api, RouteKey="GET /b")["RouteId"]
    # https://github.com/floci-io/floci/pull/1956: a conflict, not a bad request.
    expected = ("ConflictException", "Route with key GET /a already exists for this API")
    assert refused(gateway.create_route, ApiId=api, RouteKey="GET /a") == expected
    assert refused(gateway.update_route, ApiId=api, RouteId=other, RouteKey="GET /a") == expected


def test_a_route_needs_what_it_names(cloud, gateway):
    api = http_api(gateway)
    # https://github.com/anomalyco/sst/issues/4097
    jwt = "Invalid authorizer ID specified. Setting the authorization type to JWT requires a valid JWT authorizer."
    assert refused(gateway.create_route, ApiId=api, RouteKey="GET /", AuthorizationType="JWT") == ("BadRequestException", jwt)
    # https://github.com/aws/aws-cdk/pull/27576
    scopes = "Invalid Route authorization type specified. Authorization Scopes are only valid for COGNITO_USER_POOLS and JWT authorization types"
    assert refused(gateway.create_route, ApiId=api, RouteKey="GET /", AuthorizationScopes=["a"]) == ("BadRequestException", scopes)
    assert refused(gateway.create_route, ApiId=api, RouteKey="GET /", Target="integrations/none")[0] == "NotFoundException"
    assert refused(gateway.create_route, ApiId=api, RouteKey="GET /", Target="none")[0] == "BadRequestException"
    assert refused(gateway.create_route, ApiId=api, RouteKey="GET /", ApiKeyRequired=True)[0] == "BadRequestException"
    assert refused(gateway.create_route, ApiId=api, RouteKey="GET /", RequestModels={"a": "b"})[0] == "BadRequestException"


def test_what_routes_use_stays(cloud, gateway):
    api = http_api(gateway, "GET /")
    (integration,) = gateway.get_integrations(ApiId=api)["Items"]
    assert refused(gateway.delete_integration, ApiId=api, IntegrationId=integration["IntegrationId"])[0] == "ConflictException"
    gateway.delete_route(ApiId=api, RouteId=gateway.get_routes(ApiId=api)["Items"][0]["RouteId"])
    gateway.delete_integration(ApiId=api, IntegrationId=integration["IntegrationId"])
    assert gateway.get_integrations(ApiId=api)["Items"] == []


# Integrations -----------------------------------------------------------------------------------------


def test_an_integration_is_told_with_what_aws_fills_in(cloud, gateway):
    api = http_api(gateway)
    made = gateway.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION, PayloadFormatVersion="2.0")
    assert (made["ConnectionType"], made["IntegrationMethod"], made["TimeoutInMillis"]) == ("INTERNET", "POST", 30_000)
    made = gateway.create_integration(ApiId=api, IntegrationType="HTTP_PROXY", IntegrationUri="https://a.example", IntegrationMethod="ANY")
    assert made["PayloadFormatVersion"] == "1.0"
    changed = gateway.update_integration(
        ApiId=api, IntegrationId=made["IntegrationId"], RequestParameters={"append:header.a": "1", "append:header.b": "2"}
    )
    changed = gateway.update_integration(ApiId=api, IntegrationId=made["IntegrationId"], RequestParameters={"append:header.a": ""})
    assert changed["RequestParameters"] == {"append:header.b": "2"} and changed["IntegrationUri"] == "https://a.example"


@pytest.mark.parametrize(
    "said",
    (
        {"IntegrationType": "MOCK"},
        {"IntegrationType": "HTTP", "IntegrationUri": "https://a.example", "IntegrationMethod": "GET"},
        {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "nowhere", "IntegrationMethod": "GET"},
        {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "https://a.example"},
        {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "https://a.example", "IntegrationMethod": "GET", "PayloadFormatVersion": "2.0"},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": "no arn"},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION, "PayloadFormatVersion": "3.0"},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION, "TimeoutInMillis": 30_001},
        {"IntegrationType": "AWS_PROXY", "IntegrationSubtype": "SQS-Fly", "CredentialsArn": "arn:aws:iam::000000000000:role/r"},
        {"IntegrationType": "AWS_PROXY", "IntegrationSubtype": "SQS-SendMessage", "RequestParameters": {"QueueUrl": "u", "MessageBody": "m"}},
        {"IntegrationType": "AWS_PROXY", "IntegrationSubtype": "SQS-SendMessage", "CredentialsArn": "arn:aws:iam::000000000000:role/r"},
    ),
)
def test_an_integration_that_cannot_be_is_a_bad_request(cloud, gateway, said):
    assert refused(gateway.create_integration, ApiId=http_api(gateway), **said)[0] == "BadRequestException"


@pytest.mark.parametrize("key", ("append:header.Authorization", "overwrite:header.x-amz-a", "overwrite:status", "append:path", "x"))
def test_a_mapping_that_cannot_be_is_a_bad_request(cloud, gateway, key):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html#http-api-mapping-reserved-headers
    api = http_api(gateway)
    with pytest.raises(ClientError) as error:
        endpoint(gateway, api, "https://a.example", RequestParameters={key: "$request.header.a"})
    assert error.value.response["Error"]["Code"] == "BadRequestException"


def test_a_websocket_api_knows_one_payload_format(cloud, gateway):
    # https://github.com/hashicorp/terraform-provider-aws/issues/25280
    said = {"IntegrationType": "AWS_PROXY", "IntegrationUri": ASKED, "PayloadFormatVersion": "2.0"}
    assert refused(gateway.create_integration, ApiId=websocket_api(gateway), **said)[0] == "BadRequestException"


def test_vpc_links_and_other_things_that_are_not_here_are_refused_by_name(cloud, gateway):
    api = http_api(gateway)
    for call, params in (
        (gateway.create_vpc_link, {"Name": "l", "SubnetIds": ["subnet-1"]}),
        (gateway.create_integration, {"ApiId": api, "IntegrationType": "HTTP_PROXY", "ConnectionType": "VPC_LINK", "ConnectionId": "x"}),
        (gateway.create_stage, {"ApiId": websocket_api(gateway), "StageName": "a", "DefaultRouteSettings": {"DetailedMetricsEnabled": True}}),
        (gateway.create_stage, {"ApiId": api, "StageName": "a", "ClientCertificateId": "c"}),
    ):
        assert refused(call, **params)[0] == "NotImplemented"


# Authorizers ------------------------------------------------------------------------------------------


def test_authorizers_are_told_changed_and_gone(cloud, gateway):
    api = http_api(gateway)
    jwt = {"Audience": ["a"], "Issuer": "https://issuer.example"}
    made = gateway.create_authorizer(
        ApiId=api, Name="a", AuthorizerType="JWT", IdentitySource=["$request.header.Authorization"], JwtConfiguration=jwt
    )
    id_ = made["AuthorizerId"]
    assert made["JwtConfiguration"] == jwt and "AuthorizerResultTtlInSeconds" not in made
    assert gateway.update_authorizer(ApiId=api, AuthorizerId=id_, Name="b")["JwtConfiguration"] == jwt
    gateway.create_route(ApiId=api, RouteKey="GET /", AuthorizationType="JWT", AuthorizerId=id_)
    assert refused(gateway.delete_authorizer, ApiId=api, AuthorizerId=id_)[0] == "ConflictException"
    assert [one["Name"] for one in gateway.get_authorizers(ApiId=api)["Items"]] == ["b"]
    asks = gateway.create_authorizer(
        ApiId=api, Name="asks", AuthorizerType="REQUEST", IdentitySource=[], AuthorizerUri=ASKED, AuthorizerPayloadFormatVersion="2.0"
    )
    gateway.delete_authorizer(ApiId=api, AuthorizerId=asks["AuthorizerId"])
    assert refused(gateway.get_authorizer, ApiId=api, AuthorizerId=asks["AuthorizerId"])[0] == "NotFoundException"


@pytest.mark.parametrize(
    ("said", "text"),
    (
        ({"AuthorizerType": "REQUEST", "AuthorizerUri": ASKED}, "AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer"),
        ({"AuthorizerType": "REQUEST", "AuthorizerUri": FUNCTION, "AuthorizerPayloadFormatVersion": "2.0"}, "Authorizer URI should be a valid API Gateway ARN"),
        ({"AuthorizerType": "REQUEST", "AuthorizerUri": ASKED, "AuthorizerPayloadFormatVersion": "1.0", "EnableSimpleResponses": True}, "EnableSimpleResponses"),
        ({"AuthorizerType": "REQUEST", "AuthorizerUri": ASKED, "AuthorizerPayloadFormatVersion": "2.0", "IdentitySource": ["x"]}, "identity source"),
        ({"AuthorizerType": "REQUEST", "AuthorizerUri": ASKED, "AuthorizerPayloadFormatVersion": "2.0", "AuthorizerResultTtlInSeconds": 3_601}, "3600"),
        ({"AuthorizerType": "JWT"}, "JwtConfiguration"),
        ({"AuthorizerType": "JWT", "JwtConfiguration": {"Audience": ["a"], "Issuer": "nobody"}}, "Issuer"),
    ),
)  # fmt: skip
def test_an_authorizer_that_cannot_be_is_a_bad_request(cloud, gateway, said, text):
    given = {"IdentitySource": ["$request.header.Authorization"], **said}
    code, message = refused(gateway.create_authorizer, ApiId=http_api(gateway), Name="a", **given)
    assert code == "BadRequestException" and text in message


# Stages and deployments -------------------------------------------------------------------------------


def test_stages_are_told_with_what_aws_fills_in(cloud, gateway):
    api = http_api(gateway, "GET /")
    made = gateway.create_stage(ApiId=api, StageName="dev", StageVariables={"a": "1"}, Tags={"t": "1"})
    assert made["DefaultRouteSettings"] == {"DetailedMetricsEnabled": False} and made["RouteSettings"] == {}
    assert "DeploymentId" not in made
    (own,) = [stage for stage in gateway.get_stages(ApiId=api)["Items"] if stage["StageName"] == "$default"]
    assert own["LastDeploymentStatusMessage"] == f"Successfully deployed stage with deployment ID '{own['DeploymentId']}'"
    changed = gateway.update_stage(ApiId=api, StageName="dev", StageVariables={"a": "", "b": "2"}, Description="d")
    assert changed["StageVariables"] == {"b": "2"} and changed["LastUpdatedDate"] >= made["LastUpdatedDate"]
    gateway.delete_stage(ApiId=api, StageName="dev")
    assert refused(gateway.get_stage, ApiId=api, StageName="dev") == ("NotFoundException", "Invalid stage identifier specified")
    chat = websocket_api(gateway)
    settings = gateway.create_stage(ApiId=chat, StageName="dev")["DefaultRouteSettings"]
    assert settings == {"DataTraceEnabled": False, "DetailedMetricsEnabled": False, "LoggingLevel": "OFF"}


def test_a_stage_that_cannot_be_is_refused(cloud, gateway):
    api, chat = http_api(gateway, "GET /"), websocket_api(gateway)
    assert refused(gateway.create_stage, ApiId=api, StageName="$default") == ("ConflictException", "Stage already exists")
    assert refused(gateway.create_stage, ApiId=chat, StageName="$default")[0] == "BadRequestException"
    assert refused(gateway.create_stage, ApiId=api, StageName="a b")[0] == "BadRequestException"
    assert refused(gateway.create_stage, ApiId=api, StageName="a", DeploymentId="none")[0] == "NotFoundException"
    assert refused(gateway.create_stage, ApiId=api, StageName="a", StageVariables={"a-b": "1"})[0] == "BadRequestException"
    logging = {"LoggingLevel": "INFO"}
    assert refused(gateway.create_stage, ApiId=api, StageName="a", DefaultRouteSettings=logging) == (
        "BadRequestException",
        "Execution logs are not supported on protocolType HTTP",
    )
    # https://github.com/terraform-aws-modules/terraform-aws-apigateway-v2/pull/80
    assert refused(gateway.create_stage, ApiId=api, StageName="a", RouteSettings={"GET /x": {"ThrottlingBurstLimit": 1}}) == (
        "NotFoundException",
        "Unable to find Route by key GET /x within the provided RouteSettings",
    )


def test_route_settings_are_changed_and_deleted_one_by_one(cloud, gateway):
    api = http_api(gateway, "GET /a", "GET /b")
    for key in ("GET /a", "GET /b"):
        gateway.update_stage(ApiId=api, StageName="$default", RouteSettings={key: {"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 1.0}})
    gateway.delete_route_settings(ApiId=api, StageName="$default", RouteKey="GET /a")
    assert list(gateway.get_stage(ApiId=api, StageName="$default")["RouteSettings"]) == ["GET /b"]


def test_deployments_are_made_of_routes_and_stay_while_they_are_shown(cloud, gateway):
    api = gateway.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
    assert refused(gateway.create_deployment, ApiId=api) == ("BadRequestException", "At least one route is required before deploying the Api.")
    gateway.create_route(ApiId=api, RouteKey="GET /", Target=function(gateway, api))
    gateway.create_stage(ApiId=api, StageName="dev")
    made = gateway.create_deployment(ApiId=api, StageName="dev", Description="one")
    id_ = made["DeploymentId"]
    assert refused(gateway.delete_deployment, ApiId=api, DeploymentId=id_)[0] == "BadRequestException"
    assert gateway.update_deployment(ApiId=api, DeploymentId=id_, Description="two")["Description"] == "two"
    gateway.delete_stage(ApiId=api, StageName="dev")
    gateway.delete_deployment(ApiId=api, DeploymentId=id_)
    assert gateway.get_deployments(ApiId=api)["Items"] == []


def test_a_stage_that_deploys_by_itself_has_one_deployment(cloud, gateway):
    api = http_api(gateway, "GET /a", "GET /b")
    (only,) = gateway.get_deployments(ApiId=api)["Items"]
    assert only["AutoDeployed"] and only["Description"] == "Automatic deployment triggered by changes to the Api configuration"
    assert gateway.get_stage(ApiId=api, StageName="$default")["DeploymentId"] == only["DeploymentId"]
    assert refused(gateway.create_deployment, ApiId=api, StageName="$default")[0] == "BadRequestException"


# WebSocket parts --------------------------------------------------------------------------------------


def test_models_and_responses_are_told_changed_and_gone(cloud, gateway):
    api = websocket_api(gateway)
    model = gateway.create_model(ApiId=api, Name="Text", Schema='{"type": "string"}')
    assert model["ContentType"] == "application/json"
    assert refused(gateway.create_model, ApiId=api, Name="Text", Schema="{}")[0] == "ConflictException"
    assert refused(gateway.create_model, ApiId=api, Name="Other", Schema="no json")[0] == "BadRequestException"
    assert gateway.update_model(ApiId=api, ModelId=model["ModelId"], Description="d")["Schema"] == '{"type": "string"}'
    gateway.delete_model(ApiId=api, ModelId=model["ModelId"])
    assert gateway.get_models(ApiId=api)["Items"] == []
    route = gateway.create_route(ApiId=api, RouteKey="send")["RouteId"]
    made = gateway.create_route_response(ApiId=api, RouteId=route, RouteResponseKey="$default")
    assert refused(gateway.create_route_response, ApiId=api, RouteId=route, RouteResponseKey="$default")[0] == "ConflictException"
    gateway.delete_route_response(ApiId=api, RouteId=route, RouteResponseId=made["RouteResponseId"])
    assert gateway.get_route_responses(ApiId=api, RouteId=route)["Items"] == []
    mock = gateway.create_integration(ApiId=api, IntegrationType="MOCK")["IntegrationId"]
    said = gateway.create_integration_response(ApiId=api, IntegrationId=mock, IntegrationResponseKey="/200/", ResponseTemplates={"a": "b"})
    changed = gateway.update_integration_response(
        ApiId=api, IntegrationId=mock, IntegrationResponseId=said["IntegrationResponseId"], IntegrationResponseKey="$default"
    )
    assert (changed["IntegrationResponseKey"], changed["ResponseTemplates"]) == ("$default", {"a": "b"})
    assert refused(gateway.create_integration_response, ApiId=api, IntegrationId=mock, IntegrationResponseKey="200")[0] == "BadRequestException"


# Tags -------------------------------------------------------------------------------------------------


def test_tags_of_apis_and_stages(cloud, gateway):
    api = http_api(gateway, Tags={"a": "1"})
    arn = f"arn:aws:apigateway:us-east-1::/apis/{api}"
    gateway.tag_resource(ResourceArn=arn, Tags={"b": "2"})
    gateway.tag_resource(ResourceArn=f"{arn}/stages/$default", Tags={"c": "3"})
    gateway.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert gateway.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"} == gateway.get_api(ApiId=api)["Tags"]
    assert gateway.get_stage(ApiId=api, StageName="$default")["Tags"] == {"c": "3"}
    assert refused(gateway.tag_resource, ResourceArn="arn:aws:s3:::x", Tags={"a": "b"})[0] == "BadRequestException"
    assert refused(gateway.get_tags, ResourceArn=f"{arn}x")[0] == "NotFoundException"


# Crash ------------------------------------------------------------------------------------------------


def test_everything_that_was_said_survives_a_kill(cloud, gateway):
    api = http_api(gateway, "GET /a", Tags={"a": "1"})
    before = [_plain(gateway.get_api(ApiId=api)), gateway.get_routes(ApiId=api)["Items"], gateway.get_stages(ApiId=api)["Items"]]
    cloud.restart(kill=True)
    assert before == [_plain(gateway.get_api(ApiId=api)), gateway.get_routes(ApiId=api)["Items"], gateway.get_stages(ApiId=api)["Items"]]


def test_apis_of_an_account_are_its_own(cloud, gateway):
    api = http_api(gateway, "GET /")
    other = cloud.client("apigatewayv2", key="111111111111")
    assert other.get_apis()["Items"] == []
    assert refused(other.delete_api, ApiId=api)[0] == "NotFoundException"


def test_a_region_that_is_emptied_forgets_whose_a_name_was(cloud, gateway):
    api = http_api(gateway, "GET /")
    cloud.run(cloud.regions["us-east-1"].reset("000000000000"))
    assert gateway.get_apis()["Items"] == []
    assert Caller(cloud, api)("GET", "/")[0] in (403, 404)
