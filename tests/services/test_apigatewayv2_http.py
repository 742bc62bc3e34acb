"""HTTP APIs as their callers meet them: routes, functions, endpoints, browsers, limits."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import contextmanager

import pytest
from api_workshop import Function
from http_workshop import Caller, endpoint, function, http_api

from kumoniwa.wire.http import Connection
from kumoniwa.wire.message import Response


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigatewayv2")


@pytest.fixture
def shop(cloud):
    return Function(cloud.regions["us-east-1"])


@contextmanager
def back_end(cloud, answer):
    """An endpoint on loopback in the cloud's loop: its address and the requests it saw."""
    seen = []

    def application(request, reply):
        seen.append(request)
        reply(answer(request) if callable(answer) else answer)

    async def listen():
        return await asyncio.get_running_loop().create_server(lambda: Connection(application), "127.0.0.1", 0)

    server = cloud.run(listen())
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()


# Routes -----------------------------------------------------------------------------------------------


def test_the_most_specific_route_is_taken(cloud, gateway, shop):
    # The table of https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
    keys = ["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default"]
    call = Caller(cloud, http_api(gateway, *keys))
    shop.answer = lambda event: {"statusCode": 200, "body": event["routeKey"]}
    asked = [("GET", "/pets/dog/1"), ("GET", "/pets/dog/2"), ("GET", "/pets/cat/1"), ("POST", "/test/5"), ("GET", "/")]
    assert [call(verb, path)[2].decode() for verb, path in asked] == keys


def test_a_request_without_a_route_is_not_found(cloud, gateway, shop):
    call = Caller(cloud, http_api(gateway, "GET /pets", "GET /shop/{proxy+}"))
    for verb, path in (("GET", "/"), ("POST", "/pets"), ("GET", "/pets/"), ("GET", "/shop/"), ("GET", "/pets/1")):
        assert call.message(verb, path) == (404, "Not Found"), path
    assert not shop.asked


def test_an_unknown_api_a_disabled_one_and_one_without_a_deployment_answer_not_found(cloud, gateway, shop):
    assert Caller(cloud, "zz00000000").message("GET", "/") in ((403, "Forbidden"), (404, "Not Found"))
    closed = http_api(gateway, "$default", DisableExecuteApiEndpoint=True)
    assert Caller(cloud, closed).message("GET", "/") == (404, "Not Found")
    empty = gateway.create_api(Name="empty", ProtocolType="HTTP")["ApiId"]
    gateway.create_stage(ApiId=empty, StageName="$default", AutoDeploy=True)
    assert Caller(cloud, empty).message("GET", "/") == (404, "Not Found")


def test_labels_reach_the_function_decoded_and_by_the_names_of_their_route(cloud, gateway, shop):
    call = Caller(cloud, http_api(gateway, "GET /a/{one}/x", "GET /a/{other}/y/{rest+}"))
    call("GET", "/a/b%20c/x")
    call("GET", "/a/1/y/2/3%2F4")
    assert [event["pathParameters"] for event in shop.events] == [{"one": "b c"}, {"other": "1", "rest": "2/3/4"}]


@pytest.mark.parametrize(
    "path",
    ("/_aws/execute-api/{api}/prod/pets?a=1", "/restapis/{api}/prod/_user_request_/pets?a=1", "/execute-api/{api}/prod/pets?a=1"),
)
def test_the_paths_of_the_ecosystem_lead_to_an_api_too(cloud, gateway, shop, path):
    api = http_api(gateway, "GET /pets", stage="prod")
    assert cloud.http("GET", path.format(api=api))[0] == 200
    assert (shop.events[0]["rawPath"], shop.events[0]["rawQueryString"]) == ("/prod/pets", "a=1")


def test_quick_create_makes_an_api_that_can_be_called_at_once(cloud, gateway, shop):
    made = gateway.create_api(Name="quick", ProtocolType="HTTP", Target="arn:aws:lambda:us-east-1:000000000000:function:shop")
    assert Caller(cloud, made["ApiId"])("GET", "/anything/at/all")[2] == b"hello"
    (route,), (stage,) = (gateway.get_routes(ApiId=made["ApiId"])["Items"], gateway.get_stages(ApiId=made["ApiId"])["Items"])
    assert (route["RouteKey"], route["ApiGatewayManaged"]) == ("$default", True)
    assert (stage["StageName"], stage["AutoDeploy"], stage["ApiGatewayManaged"]) == ("$default", True, True)
    with back_end(cloud, Response(200, b"elsewhere")) as (address, _):
        gateway.update_api(ApiId=made["ApiId"], Target=address)
        assert Caller(cloud, made["ApiId"])("GET", "/")[2] == b"elsewhere"
    assert len(gateway.get_integrations(ApiId=made["ApiId"])["Items"]) == 1


# Deployments ------------------------------------------------------------------------------------------


def test_a_stage_that_does_not_deploy_by_itself_shows_what_was_deployed(cloud, gateway, shop):
    api = gateway.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
    target = function(gateway, api)
    gateway.create_route(ApiId=api, RouteKey="GET /old", Target=target)
    gateway.create_stage(ApiId=api, StageName="prod")
    call = Caller(cloud, api, "/prod")
    assert call("GET", "/old")[0] == 404
    first = gateway.create_deployment(ApiId=api, StageName="prod", Description="one")
    assert (first["DeploymentStatus"], first["AutoDeployed"]) == ("DEPLOYED", False)
    gateway.create_route(ApiId=api, RouteKey="GET /new", Target=target)
    assert (call("GET", "/old")[0], call("GET", "/new")[0]) == (200, 404)
    gateway.create_deployment(ApiId=api, StageName="prod")
    assert call("GET", "/new")[0] == 200
    gateway.update_stage(ApiId=api, StageName="prod", DeploymentId=first["DeploymentId"])
    assert call("GET", "/new")[0] == 404


def test_an_endpoint_is_closed_by_the_next_deployment(cloud, gateway, shop):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-disable-default-endpoint.html
    api = gateway.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
    gateway.create_route(ApiId=api, RouteKey="GET /", Target=function(gateway, api))
    gateway.create_stage(ApiId=api, StageName="$default")
    gateway.create_deployment(ApiId=api, StageName="$default")
    gateway.update_api(ApiId=api, DisableExecuteApiEndpoint=True)
    call = Caller(cloud, api)
    assert call("GET", "/")[0] == 200
    gateway.create_deployment(ApiId=api, StageName="$default")
    assert call("GET", "/")[0] == 404


def test_what_was_deployed_is_served_after_a_kill(cloud, gateway, shop):
    api = http_api(gateway, "GET /pets", stage="prod")
    cloud.restart(kill=True)
    again = Function(cloud.regions["us-east-1"])
    assert Caller(cloud, api, "/prod")("GET", "/pets")[2] == b"hello"
    assert again.events[0]["requestContext"]["stage"] == "prod"


def test_stage_variables_name_the_function_and_are_told_to_it(cloud, gateway, shop):
    api = http_api(gateway, "GET /", uri="arn:aws:lambda:us-east-1:000000000000:function:${stageVariables.name}")
    gateway.update_stage(ApiId=api, StageName="$default", StageVariables={"name": "green"})
    Caller(cloud, api)("GET", "/")
    assert shop.asked[0]["FunctionName"].endswith(":function:green")
    assert shop.events[0]["stageVariables"] == {"name": "green"}


# Functions: what they are told ------------------------------------------------------------------------


def test_payload_format_2_0_tells_the_request_as_aws_does(cloud, gateway, shop):
    # The form of https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    call = Caller(cloud, http_api(gateway, "POST /my/{kind}"))
    status, headers, _ = call(
        "POST",
        "/my/path?parameter1=value1&parameter1=value2&parameter2=value",
        headers={"Header1": "value1", "Cookie": "cookie1; cookie2", "User-Agent": "agent", "Content-Type": "text/plain"},
        body=b"Hello from Lambda",
    )
    event = shop.events[0]
    context = event.pop("requestContext")
    told = event.pop("headers")
    assert event == {
        "version": "2.0",
        "routeKey": "POST /my/{kind}",
        "rawPath": "/my/path",
        "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
        "cookies": ["cookie1", "cookie2"],
        "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
        "pathParameters": {"kind": "path"},
        "body": "Hello from Lambda",
        "isBase64Encoded": False,
    }
    assert "cookie" not in told and told["header1"] == "value1" and told["x-forwarded-for"] == "127.0.0.1"
    assert context.pop("requestId") == headers["apigw-requestid"]
    assert context == {
        "accountId": "000000000000",
        "apiId": call.api,
        "domainName": f"{call.api}.execute-api.us-east-1.localhost",
        "domainPrefix": call.api,
        "http": {"method": "POST", "path": "/my/path", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "agent"},
        "routeKey": "POST /my/{kind}",
        "stage": "$default",
        "time": "01/Jan/2030:00:00:00 +0000",
        "timeEpoch": int(cloud.now() * 1000),
    }
    assert status == 200


def test_payload_format_1_0_tells_every_value_of_headers_and_queries(cloud, gateway, shop):
    call = Caller(cloud, http_api(gateway, "GET /pets/{id}", version="1.0"))
    call("GET", "/pets/7?a=1&a=2", headers={"X-One": "1"})
    event = shop.events[0]
    assert (event["version"], event["resource"], event["path"], event["httpMethod"]) == ("1.0", "/pets/{id}", "/pets/7", "GET")
    assert (event["queryStringParameters"], event["multiValueQueryStringParameters"]) == ({"a": "2"}, {"a": ["1", "2"]})
    assert event["multiValueHeaders"]["x-one"] == ["1"] and event["headers"]["Host"] == call.host
    assert event["pathParameters"] == {"id": "7"} and event["body"] is None and event["stageVariables"] is None
    context = event["requestContext"]
    assert (context["resourcePath"], context["protocol"], context["identity"]["sourceIp"]) == ("/pets/{id}", "HTTP/1.1", "127.0.0.1")
    assert context["authorizer"] == {"claims": None, "scopes": None}


def test_a_body_that_does_not_call_itself_text_arrives_in_base_64(cloud, gateway, shop):
    call = Caller(cloud, http_api(gateway, "POST /"))
    for kind, is_binary in (("application/json", False), ("image/png", True), ("application/x-www-form-urlencoded", True)):
        call("POST", "/", headers={"Content-Type": kind}, body=b"a=1")
        event = shop.events[-1]
        assert (event["isBase64Encoded"], event["body"]) == (is_binary, base64.b64encode(b"a=1").decode() if is_binary else "a=1")


def test_lambda_is_asked_for_the_route_with_its_labels(cloud, gateway, shop):
    # arn:aws:execute-api:region:account:api/stage/METHOD/path is what AddPermission of SAM and of the console name.
    api = http_api(gateway, "ANY /pets/{id}", "$default", stage="prod")
    call = Caller(cloud, api, "/prod")
    call("PUT", "/pets/7")
    call("GET", "/other")
    told = [asked["principal"].context["aws:SourceArn"] for asked in shop.asked]
    assert told == [f"arn:aws:execute-api:us-east-1:000000000000:{api}/prod/{rest}" for rest in ("PUT/pets/{id}", "$default")]


# Functions: what they answer --------------------------------------------------------------------------


def test_a_whole_response_has_its_status_headers_and_cookies(cloud, gateway, shop):
    call = Caller(cloud, http_api(gateway, "GET /"))
    shop.answer = {"statusCode": 201, "headers": {"X-One": "1"}, "cookies": ["a=1", "b=2"], "body": "made"}
    status, headers, body = call("GET", "/")
    assert (status, headers["x-one"], headers["set-cookie"], body) == (201, "1", ["a=1", "b=2"], b"made")
    assert headers["content-type"] == "text/plain;charset=utf-8"
    shop.answer = {"statusCode": 200, "body": base64.b64encode(b"\x00\xff").decode(), "isBase64Encoded": True}
    assert call("GET", "/")[2] == b"\x00\xff"


def test_without_a_status_code_what_format_2_0_returns_is_the_body(cloud, gateway, shop):
    call = Caller(cloud, http_api(gateway, "GET /"))
    for answer, body in (({"message": "hi"}, b'{"message": "hi"}'), ("Hello from Lambda!", b"Hello from Lambda!")):
        shop.answer = answer
        status, headers, said = call("GET", "/")
        assert (status, headers["content-type"], said) == (200, "application/json", body)


@pytest.mark.parametrize(
    "answer",
    (b"no json", {"statusCode": "many"}, {"statusCode": 200, "headers": {"bad name": "1"}}, {"statusCode": 999}, {"statusCode": True}),
)
@pytest.mark.parametrize("version", ("1.0", "2.0"))
def test_an_answer_in_no_form_is_an_internal_server_error(cloud, gateway, shop, answer, version):
    call = Caller(cloud, http_api(gateway, "GET /", version=version))
    shop.answer = answer
    assert call.message("GET", "/") == (500, "Internal Server Error")


def test_format_1_0_needs_a_status_code(cloud, gateway, shop):
    call = Caller(cloud, http_api(gateway, "GET /", version="1.0"))
    shop.answer = {"message": "hi"}
    assert call.message("GET", "/") == (500, "Internal Server Error")
    shop.answer = {"statusCode": 200, "multiValueHeaders": {"X-Many": ["1", "2"]}, "headers": {"X-One": "1"}}
    assert call("GET", "/")[1]["x-many"] == ["1", "2"]


def test_a_function_that_fails_or_may_not_be_asked_is_an_internal_server_error(cloud, gateway, shop):
    call = Caller(cloud, http_api(gateway, "GET /"))
    shop.is_failing, shop.answer = True, {"errorMessage": "no"}
    assert call.message("GET", "/") == (500, "Internal Server Error")
    # Nobody let API Gateway ask this one, and it is not there. Why is ours to tell, in a header of ours.
    cloud.regions["us-east-1"].gate.ask = shop._ask
    assert call.message("GET", "/") == (500, "Internal Server Error")
    assert "lambda:InvokeFunction" in call("GET", "/")[1]["x-kumoniwa-hint"]


def test_a_function_that_takes_too_long_is_service_unavailable(cloud, gateway):
    region = cloud.regions["us-east-1"]
    ask = region.gate.ask

    async def slow(principal, operation, params, *more, **named):
        if operation == "lambda:Invoke":
            await asyncio.sleep(60)
        return await ask(principal, operation, params, *more, **named)

    region.gate.ask = slow
    began = cloud.now()
    assert Caller(cloud, http_api(gateway, "GET /")).message("GET", "/") == (503, "Service Unavailable")
    assert 30 <= cloud.now() - began < 31


# Endpoints --------------------------------------------------------------------------------------------


def test_an_endpoint_gets_the_request_and_its_answer_is_returned(cloud, gateway):
    answer = Response(201, b"made", {"Content-Type": "text/x", "X-Answer": "1"})
    with back_end(cloud, answer) as (address, seen):
        api = http_api(gateway)
        gateway.create_route(ApiId=api, RouteKey="ANY /shop/{proxy+}", Target=endpoint(gateway, api, f"{address}/v1/{{proxy}}"))
        status, headers, body = Caller(cloud, api)("PUT", "/shop/a/b%20c?q=1&q=2", headers={"X-Mine": "1"}, body=b"data")
    assert (status, headers["content-type"], headers["x-answer"], body) == (201, "text/x", "1", b"made")
    (request,) = seen
    assert (request.method, request.path, request.query, request.body) == ("PUT", "/v1/a/b%20c", "q=1&q=2", b"data")
    assert request.headers["x-mine"] == "1" and request.headers["host"] == address.removeprefix("http://")


def test_an_endpoint_that_is_not_there_is_service_unavailable(cloud, gateway):
    api = http_api(gateway)
    gateway.create_route(ApiId=api, RouteKey="GET /", Target=endpoint(gateway, api, "http://127.0.0.1:1/"))
    assert Caller(cloud, api).message("GET", "/") == (503, "Service Unavailable")


def test_parameters_change_what_an_endpoint_gets_and_what_is_returned(cloud, gateway):
    with back_end(cloud, Response(500, b'{"id": "7"}', {"X-Secret": "1", "X-Kept": "1"})) as (address, seen):
        api = http_api(gateway)
        changes = {
            "append:header.x-who": "$context.requestId and ${request.querystring.name}",
            "overwrite:header.x-mine": "$request.header.x-other",
            "remove:header.x-gone": "''",
            "overwrite:querystring.page": "$request.body.pages[1]",
            "append:querystring.stage": "$context.stage",
            "remove:querystring.name": "''",
            "overwrite:path": "/mapped/$request.path.id",
            "append:header.x-absent": "$request.header.nobody",
        }
        returned = {"500": {"overwrite:statuscode": "404", "remove:header.x-secret": "''", "append:header.x-id": "$response.body.id"}}
        target = endpoint(gateway, api, address, "POST", RequestParameters=changes, ResponseParameters=returned)
        gateway.create_route(ApiId=api, RouteKey="POST /things/{id}", Target=target)
        headers = {"X-Mine": "old", "X-Other": "new", "X-Gone": "1", "Content-Type": "application/json"}
        status, told, _ = Caller(cloud, api)("POST", "/things/9?name=ann&page=1", headers=headers, body=b'{"pages": [1, 2]}')
    (request,) = seen
    assert (request.path, request.query) == ("/mapped/9", "page=2&stage=%24default")
    assert request.headers["x-mine"] == "new" and request.headers["x-who"].endswith(" and ann")
    assert "x-gone" not in request.headers and "x-absent" not in request.headers
    assert (status, told["x-id"], told["x-kept"]) == (404, "7", "1") and "x-secret" not in told


# Other services ---------------------------------------------------------------------------------------


def _role(cloud, *actions: str) -> str:
    iam = cloud.client("iam", "aws-global")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    role = iam.create_role(RoleName="gate", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
    iam.put_role_policy(RoleName="gate", PolicyName="do", PolicyDocument=json.dumps(policy))
    return role


def _action(gateway, api: str, subtype: str, role: str, **parameters: str) -> None:
    made = gateway.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationSubtype=subtype, CredentialsArn=role, PayloadFormatVersion="1.0",
        RequestParameters=parameters,
    )  # fmt: skip
    gateway.create_route(ApiId=api, RouteKey="POST /", Target=f"integrations/{made['IntegrationId']}")


def test_a_message_is_put_into_a_queue_as_the_role(cloud, gateway):
    sqs, api = cloud.client("sqs"), http_api(gateway)
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    role = _role(cloud, "sqs:SendMessage")
    _action(gateway, api, "SQS-SendMessage", role, QueueUrl=url, MessageBody="$request.body.order", DelaySeconds="$request.body.late")
    call = Caller(cloud, api)
    status, headers, body = call("POST", "/", body=b'{"order": {"id": 7}, "late": 0}')
    assert status == 200 and b"<MessageId>" in body and headers["content-type"] == "text/xml"
    assert json.loads(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"]) == {"id": 7}
    assert call.message("POST", "/", body=b"{}") == (400, "Bad Request")
    cloud.client("iam", "aws-global").delete_role_policy(RoleName="gate", PolicyName="do")
    assert call("POST", "/", body=b'{"order": 1}')[0] == 403


def test_a_record_and_an_event_are_put(cloud, gateway):
    kinesis, api = cloud.client("kinesis"), http_api(gateway)
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    cloud.sleep(60)
    role = _role(cloud, "kinesis:PutRecord", "events:PutEvents")
    _action(gateway, api, "Kinesis-PutRecord", role, StreamName="clicks", Data="$request.body.data", PartitionKey="k")
    status, _, body = Caller(cloud, api)("POST", "/", body=json.dumps({"data": base64.b64encode(b"hi").decode()}).encode())
    assert status == 200 and "SequenceNumber" in json.loads(body)
    assert Caller(cloud, api)("POST", "/", body=b'{"data": "%%"}')[0] == 400
    other = http_api(gateway)
    _action(gateway, other, "EventBridge-PutEvents", role, Source="my.shop", DetailType="sale", Detail="$request.body")
    status, _, body = Caller(cloud, other)("POST", "/", body=b'{"id": 1}')
    assert status == 200 and json.loads(body)["FailedEntryCount"] == 0


# Browsers ---------------------------------------------------------------------------------------------

CORS = {
    "AllowOrigins": ["https://shop.example", "https://*.shop.example"],
    "AllowMethods": ["GET", "POST"],
    "AllowHeaders": ["x-one"],
    "ExposeHeaders": ["x-two"],
    "MaxAge": 300,
    "AllowCredentials": True,
}
ASKING = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}


def test_a_browsers_question_is_answered_without_asking_anybody(cloud, gateway, shop):
    call = Caller(cloud, http_api(gateway, "POST /", CorsConfiguration=CORS))
    status, headers, body = call("OPTIONS", "/", headers=ASKING)
    assert (status, body) == (204, b"")
    assert {name: headers[name] for name in headers if name.startswith("access-control")} == {
        "access-control-allow-origin": "https://shop.example",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "x-one",
        "access-control-max-age": "300",
        "access-control-allow-credentials": "true",
    }
    assert "access-control-allow-origin" in call("OPTIONS", "/nowhere", headers={**ASKING, "Origin": "https://a.shop.example"})[1]
    assert "access-control-allow-origin" not in call("OPTIONS", "/", headers={**ASKING, "Origin": "https://evil.example"})[1]
    assert not shop.asked


def test_the_configuration_replaces_what_a_back_end_says_of_other_origins(cloud, gateway, shop):
    call = Caller(cloud, http_api(gateway, "GET /", CorsConfiguration={"AllowOrigins": ["*"], "ExposeHeaders": ["x-two"]}))
    shop.answer = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "https://other", "Access-Control-Max-Age": "1"}}
    _, headers, _ = call("GET", "/", headers={"Origin": "https://shop.example"})
    assert (headers["access-control-allow-origin"], headers["access-control-expose-headers"]) == ("*", "x-two")
    assert "access-control-max-age" not in headers
    assert "access-control-allow-origin" not in call("GET", "/")[1]
    assert call("GET", "/nowhere", headers={"Origin": "https://shop.example"})[1]["access-control-allow-origin"] == "*"


def test_a_route_that_takes_options_is_asked_like_any_other(cloud, gateway, shop):
    # https://github.com/anomalyco/sst/issues/5493: with a guard on ANY, browsers' questions meet the guard.
    api = http_api(gateway, CorsConfiguration=CORS)
    gateway.create_route(ApiId=api, RouteKey="ANY /", Target=function(gateway, api), AuthorizationType="AWS_IAM")
    call = Caller(cloud, api)
    assert call("OPTIONS", "/", headers=ASKING)[0] == 403
    gateway.create_route(ApiId=api, RouteKey="OPTIONS /", Target=function(gateway, api))
    assert call("OPTIONS", "/", headers=ASKING)[0] == 200 and len(shop.asked) == 1


# Limits and logs --------------------------------------------------------------------------------------


def test_a_route_is_throttled_as_the_stage_says(cloud, gateway, shop):
    api = http_api(gateway, "GET /slow", "GET /fast")
    gateway.update_stage(
        ApiId=api, StageName="$default", DefaultRouteSettings={"ThrottlingRateLimit": 100.0, "ThrottlingBurstLimit": 5},
        RouteSettings={"GET /slow": {"ThrottlingRateLimit": 1.0, "ThrottlingBurstLimit": 2}},
    )  # fmt: skip
    call = Caller(cloud, api)
    assert [call("GET", "/slow")[0] for _ in range(3)] == [200, 200, 429]
    assert call.message("GET", "/slow") == (429, "Too Many Requests")
    assert [call("GET", "/fast")[0] for _ in range(5)] == [200] * 5
    cloud.sleep(1.5)
    assert call("GET", "/slow")[0] == 200


def test_a_body_beyond_ten_megabytes_is_refused(cloud, gateway, shop):
    call = Caller(cloud, http_api(gateway, "POST /"))
    assert call.message("POST", "/", body=b"x" * ((10 << 20) + 1)) == (413, "Request Entity Too Large")


def test_access_logs_are_written_in_the_owners_form(cloud, gateway, shop):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="shop")
    api = http_api(gateway, "GET /pets/{id}")
    form = "$context.requestId $context.httpMethod $context.routeKey $context.status $context.identity.sourceIp ${context.path} $context.error.message"
    gateway.update_stage(
        ApiId=api, StageName="$default",
        AccessLogSettings={"DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:shop", "Format": form},
    )  # fmt: skip
    call = Caller(cloud, api)
    call("GET", "/pets/1")
    call("GET", "/nowhere")
    cloud.sleep(1)
    stream = logs.describe_log_streams(logGroupName="shop")["logStreams"][0]["logStreamName"]
    told = [event["message"].partition(" ")[2] for event in logs.get_log_events(logGroupName="shop", logStreamName=stream)["events"]]
    assert told == ["GET GET /pets/{id} 200 127.0.0.1 /pets/1 -", "GET - 404 127.0.0.1 /nowhere Not Found"]
    gateway.delete_access_log_settings(ApiId=api, StageName="$default")
    assert "AccessLogSettings" not in gateway.get_stage(ApiId=api, StageName="$default")


# Faults -----------------------------------------------------------------------------------------------


def test_a_fault_of_the_data_plane_reaches_http_apis(cloud, gateway, shop):
    call = Caller(cloud, http_api(gateway, "GET /"))
    fault = cloud.fault("service.error", {"service": "apigatewayv2"}, code="InternalServerError")
    assert call("GET", "/")[0] == 500
    cloud.heal(fault)
    assert call("GET", "/")[0] == 200
