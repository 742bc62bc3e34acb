"""What AWS refuses of HTTP and WebSocket APIs, in its words as cdk-preflight saw them in live deployments (rules/apigatewayv2): each case is named
after its rule, without "pf-apigwv2-". It told no codes; they are those of other refusals of the same operation. https://github.com/badmintoncryer/cdk-preflight"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from http_workshop import ASKED, FUNCTION, function, http_api, websocket_api

HTTP, WEBSOCKET = "http", "websocket"
ROLE = "arn:aws:iam::000000000000:role/r"
PROXY_ONLY = "{} are currently not supported for this API protocol type. This is because the API may only be configured with proxy integration at this time."
RESULT = "Invalid mapping expression specified: Validation Result: warnings : [], errors : [{}]"
ADDRESS = "https://a.example"
ONE_KEY = (
    "Currently, only $default is supported as a RouteResponseKey. The creation of the RouteResponse with a key of $default will indicate to API Gateway that "
    "this Route is intended to handle two-way communication."
)
# The rule tells it up to "or a stage v"; the rest is as REST APIs are refused.
SOURCES = (
    "Invalid request identity source expression: $request.header.Authorization. The sources must be separated by comma, and each source must be either a "
    "request parameter, matching 'route.request.querystring|header.[a-zA-Z0-9._-]+', or a stage variable, matching "
    "'stageVariables.[a-zA-Z0-9._-]+', or a context parameter, matching 'context.[a-zA-Z0-9._-]+'"
)
SCOPES = "Invalid Route authorization type specified. Authorization Scopes are only valid for COGNITO_USER_POOLS and JWT authorization types"
FORM = 'The provided route key is not formatted properly for HTTP protocol. Format should be "[HTTP METHOD] /[RESOURCE PATH]" or "$default"'
LOG_GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:g"
ABROAD = "arn:aws:acm:us-west-2:000000000000:certificate/11111111-2222-3333-4444-555555555555"


def api(protocol=HTTP, **said):
    return None, "create_api", {"Name": "a", "ProtocolType": protocol.upper()} | said


def asks(protocol=HTTP, **change):
    said = {"Name": "a", "AuthorizerType": "REQUEST", "AuthorizerUri": ASKED, "IdentitySource": ["$request.header.Authorization"], "AuthorizerPayloadFormatVersion": "2.0"}
    return protocol, "create_authorizer", {name: value for name, value in (said | change).items() if value is not None}


def jwt(protocol=HTTP, **said):
    configuration = {"JwtConfiguration": {"Issuer": ADDRESS, "Audience": ["aud"]} | said} if said else {}
    return protocol, "create_authorizer", {"Name": "a", "AuthorizerType": "JWT", "IdentitySource": ["$request.header.Authorization"]} | configuration


def integration(kind="AWS_PROXY", protocol=HTTP, **said):
    return protocol, "create_integration", {"IntegrationType": kind, "IntegrationUri": FUNCTION if kind == "AWS_PROXY" else ADDRESS} | said


def sending(subtype="SQS-SendMessage", role=ROLE, **change):
    said = {"QueueUrl": "https://q", "MessageBody": "$request.body"}
    return HTTP, "create_integration", {"IntegrationType": "AWS_PROXY", "IntegrationSubtype": subtype, "PayloadFormatVersion": "1.0", "RequestParameters": said} | (
        {"CredentialsArn": role} if role else {}
    ) | change  # fmt: skip


def mapped(**said):
    return integration("HTTP_PROXY", IntegrationMethod="GET", **said)


def route(key="GET /a", protocol=HTTP, **said):
    return protocol, "create_route", {"RouteKey": key} | said


def stage(name="s", protocol=HTTP, **said):
    return protocol, "create_stage", {"StageName": name} | said


def logging(destination=LOG_GROUP, form="$context.requestId"):
    return stage(AccessLogSettings={"DestinationArn": destination, "Format": form})


def domain(name="a.example", **said):
    return None, "create_domain_name", {"DomainName": name, "DomainNameConfigurations": [said]}


CASES = [
    ("access-log-destination-log-group", logging("arn:aws:firehose:us-east-1:000000000000:deliverystream/amazon-apigateway-x"),
     "Access log destination must only contain characters a-z, A-Z, 0-9, '_', '-', '/', '.': 'deliverystream/amazon-apigateway-x'"),
    ("access-log-format-request-id", logging(form="$context.stage"),
     "The following errors are found in Access Log Format: Access Log format must include either $context.requestId or $context.extendedRequestId : '$context.stage'"),
    ("api-name-required", (None, "create_api", {"ProtocolType": "HTTP"}), "Invalid API name specified"),
    ("authorizer-ttl-identity-source", asks(IdentitySource=[], AuthorizerResultTtlInSeconds=1),
     "Identity source must be set if authorizer caching is enabled (TTL is greater than 0)"),
    ("authorizer-ttl-range", asks(AuthorizerResultTtlInSeconds=3601),
     "Authorizer result TTL outside allowable range. TTL must be between 0 and 3600 seconds."),
    ("aws-proxy-payload-version", integration(PayloadFormatVersion="3.0"), "Unsupported PayloadFormatVersion: 3.0"),
    ("cors-credentials-wildcard", api(CorsConfiguration={"AllowCredentials": True, "AllowOrigins": ["*"]}),
     "allow-credentials is not supported if 'allow-origin' is *"),
    ("domain-certificate-region", domain(CertificateArn=ABROAD), f"Invalid certificate ARN: {ABROAD}. Certificate must be in 'us-east-1'."),
    ("domain-endpoint-type-regional", domain(EndpointType="EDGE"), "EDGE endpoint type is not supported for APIGatewayV2 domainName"),
    ("domain-name-charset", domain("a_b.example"), "Domain names cannot contain an underscore character"),
    ("http-identity-source-expression", asks(IdentitySource=["header.Authorization"]),
     "Invalid identity source expression: header.Authorization. The source must be a request header, request querystring, stage variable or context parameter"),
    ("http-proxy-integration-method", integration("HTTP_PROXY"), "HttpMethod parameter method must be specified for integrationType HTTPPROXY"),
    ("http-proxy-payload-version", mapped(PayloadFormatVersion="2.0"), "PayloadFormatVersion 2.0 is not supported for integration of type HTTP_PROXY"),
    ("http-route-key", route("BADVERB /items"), FORM),
    ("http-route-key", route("TRACE /items"), FORM),
    ("http-route-no-api-key", route(ApiKeyRequired=True), "ApiKeyRequired is not currently supported for HTTP APIs. Please set ApiKeyRequired to false for route null"),
    ("http-route-selection", api(RouteSelectionExpression="$request.body.action"),
     'Route selection expression is currently limited to "${request.method} ${request.path}"'),
    ("integration-response-websocket-only", (HTTP, "create_integration_response", {"IntegrationResponseKey": "$default"}), PROXY_ONLY.format("IntegrationResponses")),
    ("integration-subtype-credentials", sending(role=None), "Role ARN must be specified for AWS integration configuration with Subtype: SQS-SendMessage"),
    ("integration-subtype-known", sending("EventBridge-PutEvent"), "Operation: EventBridge-PutEvent is not supported."),
    ("integration-subtype-payload-version", sending(PayloadFormatVersion="2.0"), "Operation: SQS-SendMessage is not supported."),
    ("integration-subtype-required-parameters", sending("EventBridge-PutEvents", RequestParameters={"Source": "s"}),
     "Operation: EventBridge-PutEvents requires enabling passthrough, or defining all of the following parameters in the parameter mapping: [Detail, DetailType, Source]"),
    ("integration-timeout-range", integration(TimeoutInMillis=30_001), "Timeout should be between 50 ms and 30000 ms"),
    ("integration-timeout-range", integration(TimeoutInMillis=49), "Timeout should be between 50 ms and 30000 ms"),
    ("integration-vpc-link-connection-id", mapped(ConnectionType="VPC_LINK"), "ConnectionId must be set to vpcLinkId for ConnectionType VPC_LINK"),
    ("jwt-audience-required", jwt(Audience=[]), "Audience list must have at least 1 item for JWT Authorizer"),
    ("jwt-authorizer-config", jwt(), "JwtConfiguration must not be null for JWT Authorizer"),
    ("jwt-issuer-https", jwt(Issuer="http://example.com"), "Invalid issuer: Issuer is not a valid URL for JWT Authorizer"),
    ("model-name-alphanumeric", (WEBSOCKET, "create_model", {"Name": "p-m3", "Schema": "{}"}), "Model name must be alphanumeric: p-m3"),
    ("model-websocket-only", (HTTP, "create_model", {"Name": "m", "Schema": "{}"}),
     "Currently, Models are not permitted for APIs with a protocol type of HTTP"),
    ("request-authorizer-payload-version", asks(AuthorizerPayloadFormatVersion=None), "AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer"),
    ("request-authorizer-uri-required", asks(AuthorizerUri=None), "AuthorizerUri is a required field in an Authorizer"),
    ("request-parameter-action", mapped(RequestParameters={"badaction:header.x": "1"}),
     RESULT.format("Invalid Request Actioned Parameter destination specified: badaction:header.x")),
    ("response-parameter-action", mapped(ResponseParameters={"200": {"badaction:header.x": "1"}}),
     RESULT.format("Invalid Response Actioned Parameter destination specified: badaction:header.x")),
    ("response-parameter-status-code", mapped(ResponseParameters={"199": {"append:header.x": "1"}}), RESULT.format("Status Code 199 is not valid.")),
    ("response-parameter-status-code", mapped(ResponseParameters={"600": {"append:header.x": "1"}}), RESULT.format("Status Code 600 is not valid.")),
    ("route-authorization-scopes-jwt", route(AuthorizationScopes=["a"]), SCOPES),
    ("route-jwt-authorizer-id", route(AuthorizationType="JWT"),
     "Invalid authorizer ID specified. Setting the authorization type to JWT requires a valid JWT authorizer."),
    ("route-response-key-default", (WEBSOCKET, "create_route_response", {"RouteResponseKey": "other"}), ONE_KEY),
    ("route-response-websocket-only", (HTTP, "create_route_response", {"RouteResponseKey": "$default"}), PROXY_ONLY.format("RouteResponses")),
    ("route-target-format", route(Target="bad"), "Unexpected or malformed target in route null. Correct format should be integrations/<integration_id>."),
    ("simple-responses-payload-version", asks(AuthorizerPayloadFormatVersion="1.0", EnableSimpleResponses=True),
     'EnableSimpleResponses can only be set for AuthorizerPayloadFormatVersion "2.0".'),
    ("stage-name-charset", stage("bad stage"), "Stage name only allows a-zA-Z0-9_"),
    # https://github.com/terraform-aws-modules/terraform-aws-apigateway-v2/pull/80 saw its code.
    ("stage-route-settings-key", stage(RouteSettings={"GET /nosuch": {"ThrottlingBurstLimit": 1}}),
     ("NotFoundException", "Unable to find Route by key GET /nosuch within the provided RouteSettings")),
    ("websocket-authorization-connect-only", route("send", WEBSOCKET, AuthorizationType="AWS_IAM"), "Currently, authorization is restricted to the $connect route only"),
    ("websocket-authorizer-type", jwt(WEBSOCKET, Audience=["a"]), "Invalid authorizer type. Only REQUEST authorizer type is supported on WEBSOCKET protocol Apis."),
    ("websocket-identity-source-expression", asks(WEBSOCKET, AuthorizerPayloadFormatVersion=None), SOURCES),
    ("websocket-integration-timeout-range", integration(protocol=WEBSOCKET, TimeoutInMillis=29_001), "Timeout should be between 50 ms and 29000 ms"),
    ("websocket-integration-timeout-range", integration(protocol=WEBSOCKET, TimeoutInMillis=30_001), "Timeout should be between 50 ms and 29000 ms"),
    ("websocket-integration-timeout-range", integration(protocol=WEBSOCKET, TimeoutInMillis=49), "Timeout should be between 50 ms and 29000 ms"),
    ("websocket-no-cors", api(WEBSOCKET, RouteSelectionExpression="$request.body.a", CorsConfiguration={"AllowOrigins": ["*"]}),
     "Cors is not supported for WEBSOCKET protocolType"),
    # https://github.com/hashicorp/terraform-provider-aws/issues/25280
    ("websocket-payload-version", integration(protocol=WEBSOCKET, PayloadFormatVersion="2.0"), "Unsupported PayloadFormatVersion: 2.0"),
    ("websocket-route-selection", api(WEBSOCKET), "Invalid routeSelectionExpression"),
]  # fmt: skip


def _within(gateway, protocol, method, said) -> dict:
    """Where a case is tried: an API of its kind and, for responses, a route or an integration in it."""
    if protocol is None:
        return said
    made = http_api(gateway) if protocol == HTTP else websocket_api(gateway)
    inside = {"ApiId": made}
    if method == "create_route_response":
        inside["RouteId"] = gateway.create_route(ApiId=made, RouteKey="$default")["RouteId"]
    if method == "create_integration_response":
        inside["IntegrationId"] = function(gateway, made).partition("/")[2]
    return inside | said


@pytest.mark.parametrize("rule, asked, expected", CASES, ids=[rule for rule, *_ in CASES])
def test_what_aws_refuses_is_refused_in_its_words(cloud, rule, asked, expected):
    gateway = cloud.client("apigatewayv2", parameter_validation=False)
    said = _within(gateway, *asked)
    with pytest.raises(ClientError) as raised:
        getattr(gateway, asked[1])(**said)
    error = raised.value.response["Error"]
    assert (error["Code"], error["Message"]) == (expected if isinstance(expected, tuple) else ("BadRequestException", expected))


TAKEN = [
    ("authorizer-ttl-range", asks(AuthorizerResultTtlInSeconds=3600)),
    ("http-route-selection", api(RouteSelectionExpression="${request.method} ${request.path}")),
    ("integration-timeout-range", integration(TimeoutInMillis=30_000)),
    ("integration-timeout-range", integration(TimeoutInMillis=50)),
    ("response-parameter-status-code", mapped(ResponseParameters={"200": {"append:header.x": "1"}, "599": {"append:header.x": "1"}})),
    ("websocket-integration-timeout-range", integration(protocol=WEBSOCKET, TimeoutInMillis=29_000)),
]


@pytest.mark.parametrize("rule, asked", TAKEN, ids=[rule for rule, _ in TAKEN])
def test_what_aws_took_is_taken(cloud, rule, asked):
    """The other halves of these rules."""
    gateway = cloud.client("apigatewayv2")
    getattr(gateway, asked[1])(**_within(gateway, *asked))


def test_a_route_that_is_there_is_named_where_one_is_refused(cloud):
    # How AWS names it was not seen: that a new one is "null" tells that it has no id.
    gateway = cloud.client("apigatewayv2")
    made = http_api(gateway)
    id_ = gateway.create_route(ApiId=made, RouteKey="GET /a")["RouteId"]
    with pytest.raises(ClientError, match=f"to false for route {id_}"):
        gateway.update_route(ApiId=made, RouteId=id_, ApiKeyRequired=True)
