"""Around an API: trying it, exporting it, its callers' usage, keys from files, packed bodies."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from api_workshop import FUNCTION, Function, deploy, mock, proxy, resource, rest_api, uri
from lambda_workshop import TRUST, put_role
from refusals import refused

JSON = "application/json"
LAMBDA = "https://lambda.us-east-1.amazonaws.com"


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


@pytest.fixture
def function(cloud):
    return Function(cloud.region())


# Trying ------------------------------------------------------------------------------------------------------


def lines(answer: dict) -> list[str]:
    first, *rest, last = answer["log"].split("\n")
    assert first.startswith("Execution log for request ") and last == ""
    return [line.partition(" : ")[2] for line in rest]


def test_the_log_tells_what_a_function_was_asked_and_answered(gateway, function):
    # Recorded from AWS: test_apigw_test_invoke_method_api.
    api, root = rest_api(gateway)
    here = {"restApiId": api, "resourceId": resource(gateway, api, root, "foo"), "httpMethod": "GET"}
    gateway.put_method(**here, authorizationType="NONE")
    gateway.put_integration(**here, type="AWS", integrationHttpMethod="POST", uri=uri())
    gateway.put_method_response(**here, statusCode="200")
    gateway.put_integration_response(**here, statusCode="200")
    function.answer = {"a": 1}
    told = lines(gateway.test_invoke_method(**here))[6:]
    endpoint = f"{LAMBDA}/2015-03-31/functions/{FUNCTION}/invocations"
    assert told[0] == f"Endpoint request URI: {endpoint}"
    assert told[1].startswith("Endpoint request headers: {x-amzn-lambda-integration-tag=") and told[1].endswith(" [TRUNCATED]")
    assert told[2:5] == [
        "Endpoint request body after transformations: ", f"Sending request to {endpoint}", "Received response. Status: 200, Integration latency: 0 ms",
    ]  # fmt: skip
    assert "Content-Length=8, Connection=keep-alive" in told[5] and "X-Amz-Executed-Version=$LATEST" in told[5]
    assert told[6:8] == [f'{body} transformations: {{"a": 1}}' for body in ("Endpoint response body before", "Method response body after")]
    assert told[8].startswith("Method response headers: {X-Amzn-Trace-Id=Root=") and told[8].endswith(", Content-Type=application/json}")


def test_a_method_of_the_draft_is_tried_and_its_log_told(gateway):
    # Recorded from AWS: test_invoke_test_method.
    api, root = rest_api(gateway)
    place = resource(gateway, api, root, "{petId}")
    mock(gateway, api, place, body='{"petId": "$input.params(\'petId\')"}', authorizationType="AWS_IAM")
    answer = gateway.test_invoke_method(
        restApiId=api,
        resourceId=place,
        httpMethod="GET",
        pathWithQueryString="/123?foo=bar",
        headers={"A": "b"},
    )
    assert (answer["status"], json.loads(answer["body"])) == (200, {"petId": "123"})
    assert answer["headers"] == {"Content-Type": JSON} and answer["multiValueHeaders"] == {
        "Content-Type": [JSON]
    }
    said = lines(answer)
    assert said[0].startswith("Starting execution for request: ")
    assert said[1:] == [
        "HTTP Method: GET, Resource Path: /123",
        "Method request path: {petId=123}",
        "Method request query string: {foo=bar}",
        "Method request headers: {A=b}",
        "Method request body before transformations: ",
        'Method response body after transformations: {"petId": "123"}',
        "Method response headers: {Content-Type=application/json}",
        "Successfully completed execution",
        "Method completed with status: 200",
    ]
    without = gateway.test_invoke_method(restApiId=api, resourceId=place, httpMethod="GET")
    assert json.loads(without["body"]) == {"petId": "{petId}"} and without["latency"] == 0


def test_a_tried_function_sees_stage_variables_and_a_failure_says_why(gateway, function):
    api, root = rest_api(gateway)
    proxy(gateway, api, root, "POST")
    here = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    answer = gateway.test_invoke_method(
        **here, body="{}", stageVariables={"color": "blue"}, multiValueHeaders={"A": ["1", "2"]}
    )
    event = function.events[0]
    assert (answer["status"], answer["body"]) == (200, "hello") and event["stageVariables"] == {
        "color": "blue"
    }
    assert (
        event["multiValueHeaders"]["A"] == ["1", "2"]
        and event["requestContext"]["stage"] == "test-invoke-stage"
    )
    gateway.put_integration(
        **here, type="HTTP", integrationHttpMethod="GET", uri="http://${stageVariables.url}"
    )
    answer = gateway.test_invoke_method(**here)
    # Recorded from AWS: test_failed_invoke_test_method.
    assert answer["status"] == 500 and json.loads(answer["body"]) == {"message": "Internal server error"}
    assert lines(answer)[-2:] == [
        "Execution failed due to configuration error: Invalid endpoint address",
        "Method completed with status: 500",
    ]


def test_a_method_without_an_integration_cannot_be_tried(gateway):
    api, root = rest_api(gateway)
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    here = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    assert refused(gateway.test_invoke_method, **here)[1] == "No integration defined for method"
    assert refused(gateway.test_invoke_method, **{**here, "httpMethod": "PUT"})[0] == "NotFoundException"


def test_an_authorizer_is_tried(gateway, function):
    api, _ = rest_api(gateway)
    made = gateway.create_authorizer(
        restApiId=api,
        name="a",
        type="TOKEN",
        authorizerUri=uri(),
        identitySource="method.request.header.Authorization",
    )
    here = {"restApiId": api, "authorizerId": made["id"]}
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": "*"}],
    }
    function.answer = {"principalId": "ada", "policyDocument": policy}
    answer = gateway.test_invoke_authorizer(**here, headers={"Authorization": "secret"})
    assert (answer["clientStatus"], answer["principalId"], json.loads(answer["policy"])) == (0, "ada", policy)
    assert function.events[0]["authorizationToken"] == "secret"
    assert function.events[0]["methodArn"].endswith(f":{api}/ESTestInvoke-stage/GET/")
    assert gateway.test_invoke_authorizer(**here)["clientStatus"] == 401
    function.answer = {"nonsense": 1}
    assert gateway.test_invoke_authorizer(**here, headers={"Authorization": "x"})["clientStatus"] == 500


# Exports -----------------------------------------------------------------------------------------------------


def exported(gateway, api: str, kind: str, **more) -> dict:
    answer = gateway.get_export(restApiId=api, stageName="prod", exportType=kind, **more)
    assert answer["contentType"] == "application/octet-stream" and f'"{kind}_' in answer["contentDisposition"]
    return json.loads(answer["body"].read())


@pytest.fixture
def shop(gateway):
    api, root = rest_api(gateway, name="shop", version="7", binaryMediaTypes=["image/png"])
    gateway.create_model(
        restApiId=api,
        name="Pet",
        contentType=JSON,
        schema='{"type": "object", "properties": {"n": {"type": "string"}}}',
    )
    place = resource(gateway, api, root, "pets", "{id}")
    mock(
        gateway, api, place, "POST", headers={"X-A": "1"}, apiKeyRequired=True, operationName="AddPet",
        requestParameters={"method.request.path.id": True, "method.request.querystring.q": False},
        requestModels={JSON: "Pet"},
    )  # fmt: skip
    deploy(gateway, api)
    return api


def test_a_stage_is_exported_in_openapi_3(gateway, shop):
    # Shapes recorded from AWS: test_export_oas30_openapi.
    document = exported(gateway, shop, "oas30")
    assert document["openapi"] == "3.0.1" and document["info"] == {"title": "shop", "version": "7"}
    assert document["servers"][0]["variables"] == {"basePath": {"default": "prod"}}
    operation = document["paths"]["/pets/{id}"]["post"]
    assert operation == {
        "operationId": "AddPet",
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "q", "in": "query", "schema": {"type": "string"}},
        ],
        "requestBody": {
            "content": {JSON: {"schema": {"$ref": "#/components/schemas/Pet"}}},
            "required": True,
        },
        "responses": {
            "200": {
                "description": "200 response",
                "headers": {"X-A": {"schema": {"type": "string"}}},
                "content": {},
            }
        },
        "security": [{"api_key": []}],
    }
    assert document["components"]["schemas"] == {
        "Pet": {"type": "object", "properties": {"n": {"type": "string"}}}
    }


def test_extensions_are_exported_when_asked_for(gateway, shop):
    assert "x-amazon-apigateway" not in json.dumps(exported(gateway, shop, "swagger"))
    document = exported(gateway, shop, "swagger", parameters={"extensions": "integrations"})
    said = document["paths"]["/pets/{id}"]["post"]["x-amazon-apigateway-integration"]
    assert said == {
        "type": "mock",
        "responses": {
            "default": {
                "statusCode": "200",
                "responseParameters": {"method.response.header.X-A": "'1'"},
                "responseTemplates": {JSON: ""},
            }
        },
        "requestTemplates": {JSON: '{"statusCode": 200}'},
        "passthroughBehavior": "when_no_match",
    }
    assert document["x-amazon-apigateway-binary-media-types"] == ["image/png"]
    assert document["securityDefinitions"] == {
        "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}
    }


@pytest.mark.parametrize("kind", ["oas30", "swagger"])
def test_an_export_makes_the_same_api_when_it_is_imported(gateway, shop, kind):
    whole = exported(gateway, shop, kind, parameters={"extensions": "apigateway"})
    other = gateway.import_rest_api(body=json.dumps(whole).encode(), failOnWarnings=True)["id"]
    deploy(gateway, other)
    again = exported(gateway, other, kind, parameters={"extensions": "apigateway"})
    assert json.loads(json.dumps(again).replace(other, shop)) == whole


def test_an_export_of_another_kind_or_with_more_is_refused(gateway, shop):
    here = {"restApiId": shop, "stageName": "prod"}
    code, message = refused(gateway.get_export, **here, exportType="raml")
    assert (code, message) == ("BadRequestException", "No API exporter for type 'raml'")
    message = refused(
        gateway.get_export, **here, exportType="oas30", parameters={"extensions": "postman"}
    )[1]
    assert "postman" in message
    assert (
        refused(gateway.get_export, restApiId=shop, stageName="none", exportType="oas30")[0]
        == "NotFoundException"
    )


# Usage ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def plan(gateway):
    """An API behind a key with five calls a week."""
    api, root = rest_api(gateway)
    mock(gateway, api, root, apiKeyRequired=True)
    deploy(gateway, api)
    made = gateway.create_usage_plan(
        name="p", apiStages=[{"apiId": api, "stage": "prod"}], quota={"limit": 5, "period": "WEEK"}
    )
    key = gateway.create_api_key(enabled=True, value="k" * 20)
    gateway.create_usage_plan_key(usagePlanId=made["id"], keyId=key["id"], keyType="API_KEY")
    return api, made["id"], key["id"]


def test_usage_is_told_by_day_with_what_is_left_and_may_be_renewed(cloud, gateway, plan):
    api, plan_id, key = plan

    def call() -> int:
        return cloud.http("GET", f"/restapis/{api}/prod/_user_request_/", headers={"x-api-key": "k" * 20})[0]

    assert [call(), call()] == [200, 200]
    cloud.sleep(86_400)
    assert call() == 200
    # Virtual time begins on Tuesday, 2030-01-01.
    here = {"usagePlanId": plan_id, "startDate": "2030-01-01", "endDate": "2030-01-02"}
    assert gateway.get_usage(**here)["items"] == {key: [[2, 3], [1, 2]]}
    assert gateway.get_usage(**{**here, "startDate": "2030-01-02"}, keyId=key)["items"] == {key: [[1, 2]]}
    assert [call(), call(), call()] == [200, 200, 429]
    patched = gateway.update_usage(
        usagePlanId=plan_id,
        keyId=key,
        patchOperations=[{"op": "replace", "path": "/remaining", "value": "1"}],
    )
    assert patched["items"] == {key: [[3, 1]]}
    assert [call(), call()] == [200, 429]
    cloud.sleep(7 * 86_400)
    assert call() == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"startDate": "yesterday"}, "BadRequestException"),
        ({"startDate": "2030-02-01"}, "BadRequestException"),
        ({"endDate": "2039-01-01"}, "BadRequestException"),
        ({"keyId": "unknown"}, "NotFoundException"),
        ({"usagePlanId": "unknown"}, "NotFoundException"),
    ],
)
def test_usage_that_cannot_be_told_is_refused(gateway, plan, change, code):
    here = {"usagePlanId": plan[1], "startDate": "2030-01-01", "endDate": "2030-01-02"}
    assert refused(gateway.get_usage, **{**here, **change})[0] == code


def test_keys_are_imported_from_a_file_and_join_their_plans(cloud, gateway, plan):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html
    api, plan_id, _ = plan
    body = f"Name,key,description,enabled,usageplanIds\na,{'a' * 20},first,TRUE,{plan_id}\nb,short,,,\nc,{'c' * 20},,false,\n"
    answer = gateway.import_api_keys(body=body.encode(), format="csv")
    assert len(answer["ids"]) == 2 and answer["warnings"] == [
        "Line 3: API Key value should be at least 20 characters"
    ]
    keys = [gateway.get_api_key(apiKey=key, includeValue=True) for key in answer["ids"]]
    assert [(key["name"], key["value"], key["enabled"]) for key in keys] == [
        ("a", "a" * 20, True),
        ("c", "c" * 20, False),
    ]
    assert (
        cloud.http("GET", f"/restapis/{api}/prod/_user_request_/", headers={"x-api-key": "a" * 20})[0] == 200
    )
    before = len(gateway.get_api_keys()["items"])
    assert refused(
        gateway.import_api_keys,
        body=b"name,key\nd," + b"d" * 20 + b"\ne,x\n",
        format="csv",
        failOnWarnings=True,
    )
    assert len(gateway.get_api_keys()["items"]) == before
    for nonsense in (b"\xff\xfe", b"who,what\n1,2"):
        assert refused(gateway.import_api_keys, body=nonsense, format="csv")[0] == "BadRequestException"


# Access logs -------------------------------------------------------------------------------------------------------

LOGS_TRUST = json.dumps(
    {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "apigateway.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    }
)


def patch(path: str, value: str | None = None, op: str = "replace") -> list[dict]:
    return [{"op": op, "path": path} | ({"value": value} if value is not None else {})]


def test_what_a_stage_did_with_a_request_is_told_line_by_line_as_its_methods_want_it(make_cloud):
    # https://repost.aws/knowledge-center/api-gateway-logs shows lines; those of a request's data are the recorded ones of TestInvokeMethod.
    cloud = make_cloud("us-east-1", "aws-global", iam="enforce")
    gateway, logs = cloud.client("apigateway"), cloud.client("logs")
    rights = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
    gateway.update_account(
        patchOperations=patch("/cloudwatchRoleArn", put_role(cloud, *rights, trust=LOGS_TRUST, arn="arn:aws:iam::000000000000:role/logs"))
    )
    api, root = rest_api(gateway)
    for part in ("all", "data", "failures", "nothing"):
        place = resource(gateway, api, root, part)
        mock(gateway, api, place, body="hello")
        method = {"restApiId": api, "resourceId": place, "httpMethod": "GET"}
        answer = """{"statusCode": #if($input.params("bad") == "1")"x"#{else}200#end}"""
        gateway.put_integration(**method, type="MOCK", requestTemplates={"application/json": answer})
        gateway.put_integration_response(**method, statusCode="200", responseTemplates={"application/json": "hello"})
    deploy(gateway, api)
    here, group = {"restApiId": api, "stageName": "prod"}, f"API-Gateway-Execution-Logs_{api}/prod"

    def told(path: str, **more) -> list[str]:
        """The lines of one request, each without the request's id before it."""
        before = len(logs.filter_log_events(logGroupName=group)["events"]) if logs.describe_log_groups()["logGroups"] else 0
        _, headers, _ = cloud.http("GET", f"/restapis/{api}/prod/_user_request_{path}", **more)
        cloud.sleep(1)
        if not logs.describe_log_groups()["logGroups"]:
            return []
        events = logs.filter_log_events(logGroupName=group)["events"][before:]
        id_ = headers["x-amzn-RequestId"]
        assert all(each["message"].startswith(f"({id_}) ") for each in events)
        return [each["message"].removeprefix(f"({id_}) ").replace(id_, "ID") for each in events]

    assert told("/all") == []
    for place, level in (("all", "INFO"), ("data", "INFO"), ("failures", "ERROR"), ("nothing", "OFF")):
        gateway.update_stage(**here, patchOperations=patch(f"/~1{place}/GET/logging/loglevel", level))
    shown = gateway.update_stage(**here, patchOperations=patch("/~1data/GET/logging/dataTrace", "true"))["methodSettings"]
    assert (shown["data/GET"]["loggingLevel"], shown["data/GET"]["dataTraceEnabled"]) == ("INFO", True)
    first, *lines = told("/all", headers={"Authorization": "Bearer of-a-secret"})
    assert first.startswith("Extended Request Id: ") and lines == [
        f"Verifying Usage Plan for request: ID. API Key:  API Stage: {api}/prod",
        "API Key  authorized because method 'GET /all' does not require API Key. Request will not contribute to throttle or quota limits",
        f"Usage Plan check succeeded for API Key  and API Stage {api}/prod",
        "Starting execution for request: ID", "HTTP Method: GET, Resource Path: /all", "Successfully completed execution", "Method completed with status: 200",
    ]  # fmt: skip
    lines = told("/data?a=1", headers={"Authorization": "Bearer of-a-secret"})
    assert "Method request query string: {a=1}" in lines and "Method response body after transformations: hello" in lines
    assert any("uthorization=************secret" in line for line in lines) and not any("of-a-secret" in line for line in lines)
    assert told("/failures") == told("/nothing") == told("/none") == []
    failed = told("/failures?bad=1")
    assert failed[0].startswith("Execution failed due to configuration error") and failed[-1].startswith("Gateway response type: ")


def test_each_request_leaves_a_line_in_the_access_log(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global", iam="enforce")
    gateway, logs = cloud.client("apigateway"), cloud.client("logs")
    logs.create_log_group(logGroupName="access")
    role = put_role(
        cloud,
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        trust=LOGS_TRUST,
        arn="arn:aws:iam::000000000000:role/logs",
    )
    api, root = rest_api(gateway)
    mock(gateway, api, root, body="hello")
    deploy(gateway, api)
    here = {"restApiId": api, "stageName": "prod"}
    group = "arn:aws:logs:us-east-1:000000000000:log-group:access"
    form = "$context.requestId $context.httpMethod $context.status $context.responseLength ${context.error.message} $context.authorizer.who"
    code, message = refused(
        gateway.update_stage, **here, patchOperations=patch("/accessLogSettings/destinationArn", group)
    )
    assert message == "CloudWatch Logs role ARN must be set in account settings to enable logging"
    gateway.update_account(patchOperations=patch("/cloudwatchRoleArn", role))
    # Recorded from AWS: test_stage_access_log_settings.
    gateway.update_stage(
        **here, patchOperations=patch("/accessLogSettings/destinationArn", f"{group}:*", "add")
    )
    made = gateway.update_stage(**here, patchOperations=patch("/accessLogSettings/format", form))
    assert made["accessLogSettings"] == {"destinationArn": group, "format": form}
    ids = [
        cloud.http("GET", f"/restapis/{api}/prod/_user_request_{path}")[1]["x-amzn-RequestId"] for path in ("/", "/none")
    ]
    cloud.sleep(1)
    events = logs.filter_log_events(logGroupName="access")["events"]
    assert [event["message"] for event in events] == [
        f"{ids[0]} GET 200 5 - -", f"{ids[1]} GET 403 42 Missing Authentication Token -"
    ]  # fmt: skip
    logs.delete_log_stream(logGroupName="access", logStreamName=events[0]["logStreamName"])
    cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")
    cloud.sleep(1)
    assert len(logs.filter_log_events(logGroupName="access")["events"]) == 1, "in a stream that was made anew"
    assert "accessLogSettings" not in gateway.update_stage(
        **here, patchOperations=patch("/accessLogSettings", op="remove")
    )
    cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")
    cloud.sleep(1)
    assert len(logs.filter_log_events(logGroupName="access")["events"]) == 1


def stream_to_bucket(cloud, name: str) -> str:
    """A stream of Firehose that writes to the bucket ``lines`` each minute."""
    cloud.client("s3").create_bucket(Bucket="lines")
    role = put_role(cloud, "s3:*", trust=TRUST.replace("lambda.", "firehose."), arn="arn:aws:iam::000000000000:role/hose")
    bucket = {"BucketARN": "arn:aws:s3:::lines", "RoleARN": role, "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 1}}
    return cloud.client("firehose").create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=bucket)["DeliveryStreamARN"]


def lines_of(cloud) -> bytes:
    s3 = cloud.client("s3")
    found = s3.list_objects_v2(Bucket="lines").get("Contents", [])
    return b"".join(s3.get_object(Bucket="lines", Key=each["Key"])["Body"].read() for each in found)


def test_an_access_log_may_go_to_a_stream_of_firehose(make_cloud):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-logging-to-kinesis.html; that nothing is put between records:
    # https://dev.classmethod.jp/articles/api-gateway-custom-access-log-athena-kiwotukero/
    cloud = make_cloud("us-east-1", "aws-global", iam="enforce")
    gateway, arn = cloud.client("apigateway"), stream_to_bucket(cloud, "amazon-apigateway-lines")
    api, root = rest_api(gateway)
    mock(gateway, api, root, body="hello")
    deploy(gateway, api)
    here = {"restApiId": api, "stageName": "prod"}
    absent = patch("/accessLogSettings/destinationArn", f"{arn}-other")
    # That AWS looks for the stream its role's policy tells; the words are ours.
    assert refused(gateway.update_stage, **here, patchOperations=absent)[0] == "BadRequestException"
    gateway.update_stage(**here, patchOperations=patch("/accessLogSettings/destinationArn", arn))
    assert cloud.client("iam").get_role(RoleName="AWSServiceRoleForAPIGateway")
    made = gateway.update_stage(**here, patchOperations=patch("/accessLogSettings/format", "$context.requestId $context.status;"))
    assert made["accessLogSettings"]["destinationArn"] == arn
    ids = [cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")[1]["x-amzn-RequestId"] for _ in range(2)]
    cloud.sleep(70)
    assert lines_of(cloud).decode() == "".join(f"{id_} 200;" for id_ in ids)


def test_the_access_log_of_a_websocket_api_may_go_to_a_stream_too(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global", iam="enforce")
    gateway, arn = cloud.client("apigatewayv2"), stream_to_bucket(cloud, "amazon-apigateway-lines")
    api = gateway.create_api(Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")["ApiId"]
    integration = gateway.create_integration(ApiId=api, IntegrationType="MOCK", RequestTemplates={"200": '{"statusCode":200}'},
                                             TemplateSelectionExpression="200")["IntegrationId"]  # fmt: skip
    gateway.create_route(ApiId=api, RouteKey="$connect", Target=f"integrations/{integration}")
    log = {"DestinationArn": arn, "Format": "$context.requestId $context.eventType\n"}
    assert refused(gateway.create_stage, ApiId=api, StageName="v1", AccessLogSettings=log | {"DestinationArn": arn.replace("amazon-", "")})[1] == (
        "Kinesis Firehose delivery stream name must begin with the characters 'amazon-apigateway-': 'deliverystream/apigateway-lines'"
    )
    assert gateway.create_stage(ApiId=api, StageName="v1", AutoDeploy=True, AccessLogSettings=log)["AccessLogSettings"] == log
    cloud.websocket("/v1", host=f"{api}.execute-api.us-east-1.amazonaws.com").vanish()
    cloud.sleep(70)
    assert lines_of(cloud).decode().split("\n")[0].endswith(" CONNECT")
    assert gateway.update_stage(ApiId=api, StageName="v1", AccessLogSettings=log, Description="d")["Description"] == "d"
    # HTTP APIs write to log groups alone: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
    http = gateway.create_api(Name="http", ProtocolType="HTTP")["ApiId"]
    assert refused(gateway.create_stage, ApiId=http, StageName="v1", AccessLogSettings=log)[0] == "BadRequestException"


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (patch("/accessLogSettings/format", "$context.requestId\n$context.status"), "Access Log format must be single line, new line character is allowed only at end of the format"),
        (patch("/accessLogSettings/other", "x"), "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, /accessLogSettings/format]"),
        (patch("/accessLogSettings/format", ""), "Access Log value must not be empty"),
        (patch("/accessLogSettings/format", op="remove"), "Cannot remove method setting accessLogSettings/format because there is no method setting for this method "),
    ],
)  # fmt: skip
def test_access_log_settings_that_cannot_be_are_refused(gateway, operation, message):
    # Recorded from AWS: test_stage_access_log_settings_validation.
    api, root = rest_api(gateway)
    mock(gateway, api, root)
    deploy(gateway, api)
    assert (
        refused(gateway.update_stage, restApiId=api, stageName="prod", patchOperations=operation)[1]
        == message
    )


# Packed bodies ---------------------------------------------------------------------------------------------------


def test_large_enough_bodies_are_packed_for_who_can_unpack_them(cloud, gateway, function):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gzip-compression-decompression.html
    api, root = rest_api(gateway, minimumCompressionSize=100)
    proxy(gateway, api, root)
    deploy(gateway, api)

    def call(accept: str | None = None, body: bytes = b"", **headers):
        headers |= {"Accept-Encoding": accept} if accept else {}
        status, answered, content = cloud.http(
            "POST", f"/restapis/{api}/prod/_user_request_/", headers=headers, body=body
        )
        return status, answered.get("Content-Encoding"), content

    function.answer = {"statusCode": 200, "body": "x" * 200}
    assert call() == (200, None, b"x" * 200)
    status, coding, body = call("br, gzip;q=0.8")
    assert (status, coding, gzip.decompress(body)) == (200, "gzip", b"x" * 200)
    status, coding, body = call("deflate")
    assert (coding, zlib.decompress(body)) == ("deflate", b"x" * 200)
    function.answer = {"statusCode": 200, "body": "small"}
    assert call("gzip") == (200, None, b"small")
    function.answer = {"statusCode": 200, "body": "x" * 200, "headers": {"Content-Encoding": "br"}}
    assert call("gzip") == (200, "br", b"x" * 200)
    call(body=gzip.compress(b'{"a": 1}'), **{"Content-Encoding": "gzip", "Content-Type": JSON})
    assert (
        function.events[-1]["body"] == '{"a": 1}' and "Content-Encoding" not in function.events[-1]["headers"]
    )
    assert call(body=b"nonsense", **{"Content-Encoding": "gzip"})[0] == 400
    bomb = gzip.compress(b"0" * (11 << 20))
    assert call(body=bomb, **{"Content-Encoding": "gzip"})[0] == 413


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("date-time", "2030-01-01T00:00:00Z", "2030-13-01T00:00:00Z"),
        ("email", "ada@example.com", "ada"),
        ("hostname", "a.example-1.com", "-a-.com"),
        ("ipv4", "10.0.0.1", "10.0.0.256"),
        ("ipv6", "::1", "10.0.0.1"),
        ("regex", "^a+$", "("),
        ("uri", "https://example.com/a?b", "http://exa mple"),
        ("unknown", "anything", None),
    ],
)
def test_a_models_formats_are_those_of_draft_4(cloud, gateway, kind, right, wrong):
    api, root = rest_api(gateway)
    gateway.create_model(
        restApiId=api, name="M", contentType=JSON, schema=json.dumps({"type": "string", "format": kind})
    )
    validator = gateway.create_request_validator(restApiId=api, name="v", validateRequestBody=True)["id"]
    mock(gateway, api, root, "POST", requestModels={JSON: "M"}, requestValidatorId=validator)
    deploy(gateway, api)

    def call(value: str) -> int:
        body = json.dumps(value).encode()
        return cloud.http(
            "POST", f"/restapis/{api}/prod/_user_request_/", body=body, headers={"content-type": JSON}
        )[0]

    assert call(right) == 200
    if wrong is not None:
        assert call(wrong) == 400


# Binary answers ------------------------------------------------------------------------------------------------


def test_the_first_type_that_is_accepted_decides_whether_an_answer_is_binary(cloud, gateway, function):
    # Recorded from AWS: test_aws_proxy_binary_response.
    api, root = rest_api(gateway, binaryMediaTypes=["image/png", "*/test", "application/*"])
    proxy(gateway, api, root)
    deploy(gateway, api)
    function.answer = {"body": "aGk=", "isBase64Encoded": True}

    def got(accept: str) -> tuple[int, bytes]:
        status, _, body = cloud.http("GET", f"/restapis/{api}/prod/_user_request_/", headers={"Accept": accept})
        return status, body

    for accept in ("image/png", "image/png,image/*;q=0.8", "application/whatever", "application/*"):
        assert got(accept) == (200, b"hi")
    for accept in ("*/test", "random/test", "*/*", "image/*", "image/webp,image/png", "application"):
        assert got(accept) == (200, b"aGk=")
    function.answer = {"body": "a)(", "isBase64Encoded": True}
    assert got("image/png")[0] == 500
