"""WebSocket APIs over real sockets: coming, messages, going, and what back ends say to who is connected."""

from __future__ import annotations

import asyncio
import json

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from api_workshop import Function
from botocore.exceptions import ClientError
from http_workshop import ASKED, function, websocket_api
from refusals import refused_status

from kumoniwa.wire.http import Connection
from kumoniwa.wire.message import Response


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigatewayv2")


@pytest.fixture
def shop(cloud):
    return Function(cloud.regions["us-east-1"])


def connect(cloud, api: str, path: str = "/prod", **more):
    return cloud.websocket(path, host=f"{api}.execute-api.us-east-1.localhost:4566", **more)


def management(cloud, api: str, stage: str = "prod", **more):
    """A back end's client, at the address of one stage."""
    client = cloud.own_client("apigatewaymanagementapi", **more)

    def aim(request, **_):
        request.url = request.url.replace("localhost:4566", f"{api}.execute-api.us-east-1.localhost:4566/{stage}")

    client.meta.events.register("before-sign", aim)
    return client


# Coming -----------------------------------------------------------------------------------------------


def test_a_client_is_let_in_and_its_coming_is_told(cloud, gateway, shop):
    api = websocket_api(gateway, "$connect")
    client = connect(cloud, api, "/prod?room=1&room=2", headers={"X-Mine": "1", "User-Agent": "agent"})
    assert client.status == 101
    (event,) = shop.events
    context = event["requestContext"]
    # The form of https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
    assert (context["routeKey"], context["eventType"], context["messageDirection"], context["stage"]) == ("$connect", "CONNECT", "IN", "prod")
    assert context["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "agent"} and context["apiId"] == api
    assert context["connectedAt"] == int(cloud.now() * 1000) and context["domainName"].startswith(api)
    assert event["headers"]["X-Mine"] == "1" and "Sec-WebSocket-Key" in event["headers"]
    assert (event["queryStringParameters"], event["multiValueQueryStringParameters"]) == ({"room": "2"}, {"room": ["1", "2"]})
    assert event["isBase64Encoded"] is False and "body" not in event
    assert shop.asked[0]["principal"].context["aws:SourceArn"] == f"arn:aws:execute-api:us-east-1:000000000000:{api}/prod/$connect"


def test_without_a_connect_route_everybody_is_let_in(cloud, gateway, shop):
    assert connect(cloud, websocket_api(gateway, "$default")).status == 101
    assert not shop.asked


@pytest.mark.parametrize(("answer", "status"), (({"statusCode": 401}, 401), ({"statusCode": 403}, 403), ({"statusCode": 500}, 500), ("?", 502), ({"statusCode": 302}, 502)))
def test_a_function_that_does_not_agree_keeps_a_client_out(cloud, gateway, shop, answer, status):
    shop.answer = answer
    client = connect(cloud, websocket_api(gateway, "$connect"))
    assert client.status == status and set(json.loads(client.body)) == {"message", "connectionId", "requestId"}


def test_the_function_chooses_a_subprotocol(cloud, gateway, shop):
    shop.answer = {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "two"}}
    client = connect(cloud, websocket_api(gateway, "$connect"), subprotocols=("one", "two"))
    assert client.headers["sec-websocket-protocol"] == "two"


def test_an_unknown_stage_or_api_has_no_door(cloud, gateway, shop):
    api = websocket_api(gateway, "$default")
    assert connect(cloud, api, "/other").status in (403, 404)
    gateway.delete_api(ApiId=api)
    assert connect(cloud, api).status in (403, 404)


def test_a_request_that_asks_for_no_socket_is_forbidden(cloud, gateway, shop):
    api = websocket_api(gateway, "$default")
    status, _, body = cloud.http("GET", "/prod", host=f"{api}.execute-api.us-east-1.localhost:4566")
    assert status == 403 and json.loads(body)["message"] == "Forbidden"


@pytest.mark.parametrize("path", ("/_aws/execute-api/{api}/prod", "/ws/{api}/prod", "/execute-api/{api}/prod"))
def test_the_paths_of_the_ecosystem_lead_to_a_socket_too(cloud, gateway, shop, path):
    assert cloud.websocket(path.format(api=websocket_api(gateway, "$connect"))).status == 101


def test_a_required_parameter_must_be_there(cloud, gateway, shop):
    api = websocket_api(gateway)
    gateway.create_route(
        ApiId=api, RouteKey="$connect", Target=function(gateway, api, version="1.0"),
        RequestParameters={"route.request.querystring.room": {"Required": True}},
    )  # fmt: skip
    gateway.create_stage(ApiId=api, StageName="prod", AutoDeploy=True)
    assert connect(cloud, api).status == 400
    assert connect(cloud, api, "/prod?room=1").status == 101


# Who may come -----------------------------------------------------------------------------------------


def guarded(gateway, **authorizer) -> str:
    api = websocket_api(gateway)
    made = gateway.create_authorizer(
        ApiId=api, Name="asks", AuthorizerType="REQUEST", AuthorizerUri=ASKED, **{"IdentitySource": ["route.request.querystring.who"], **authorizer}
    )
    target = function(gateway, api, version="1.0")
    gateway.create_route(ApiId=api, RouteKey="$connect", Target=target, AuthorizationType="CUSTOM", AuthorizerId=made["AuthorizerId"])
    gateway.create_route(ApiId=api, RouteKey="$default", Target=target)
    gateway.create_stage(ApiId=api, StageName="prod", AutoDeploy=True)
    return api


def test_a_function_is_asked_once_for_a_connection_and_its_context_is_told_to_every_message(cloud, gateway, shop):
    api = guarded(gateway)

    def answer(event):
        if event.get("type") != "REQUEST":
            return {"statusCode": 200}
        effect = "Allow" if event["queryStringParameters"]["who"] == "ann" else "Deny"
        statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
        return {"principalId": "ann", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, "context": {"n": 1, "b": True}}

    shop.answer = answer
    client = connect(cloud, api, "/prod?who=ann")
    assert client.status == 101
    client.send("hello")
    cloud.sleep(1)
    question, came, said = shop.events
    assert question["methodArn"].endswith(f":{api}/prod/$connect") and question["requestContext"]["eventType"] == "CONNECT"
    for event in (came, said):
        assert event["requestContext"]["authorizer"] == {"principalId": "ann", "n": "1", "b": "true"}
    assert connect(cloud, api, "/prod?who=eve").status == 403
    assert connect(cloud, api).status == 401
    assert len(shop.events) == 4


def test_a_guard_that_cannot_be_asked_lets_nobody_in(cloud, gateway, shop):
    api = guarded(gateway)
    shop.is_failing = True
    shop.answer = {"errorMessage": "no"}
    assert connect(cloud, api, "/prod?who=ann").status == 500
    shop.answer = {"errorMessage": "Unauthorized"}
    assert connect(cloud, api, "/prod?who=ann").status == 401


def test_only_connect_may_have_a_guard(cloud, gateway):
    api = websocket_api(gateway)
    with pytest.raises(gateway.exceptions.BadRequestException) as error:
        gateway.create_route(ApiId=api, RouteKey="$default", AuthorizationType="AWS_IAM")
    # AWS's words, as many public reports quote them.
    assert error.value.response["Error"]["Message"] == "Currently, authorization is restricted to the $connect route only"


def test_a_signed_handshake_needs_the_signers_own_permission(cloud, gateway, shop):
    api = websocket_api(gateway)
    target = function(gateway, api, version="1.0")
    gateway.create_route(ApiId=api, RouteKey="$connect", Target=target, AuthorizationType="AWS_IAM")
    gateway.create_stage(ApiId=api, StageName="prod", AutoDeploy=True)
    iam = cloud.client("iam", "aws-global")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]

    def knock():
        request = botocore.awsrequest.AWSRequest("GET", f"http://{api}.execute-api.us-east-1.localhost:4566/prod")
        pair = botocore.credentials.Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        botocore.auth.SigV4QueryAuth(pair, "execute-api", "us-east-1").add_auth(request)
        return connect(cloud, api, request.url.partition(":4566")[2]).status

    assert connect(cloud, api).status == 403 == knock()
    allowed = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"arn:aws:execute-api:us-east-1:000000000000:{api}/prod/$connect"}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    assert knock() == 101
    assert shop.events[0]["requestContext"]["identity"]["userArn"].endswith("user/ann")


# Messages ---------------------------------------------------------------------------------------------


def test_a_message_takes_the_route_that_its_body_names(cloud, gateway, shop):
    api = websocket_api(gateway, "$default", "send", "join", answered=("send", "$default"))
    shop.answer = lambda event: {"statusCode": 200, "body": event["requestContext"]["routeKey"]}
    client = connect(cloud, api)
    for message, said in (('{"action": "send"}', "send"), ("no json", "$default"), ('{"action": "$connect"}', "$default"), ('{"other": 1}', "$default")):
        client.send(message)
        assert client.receive() == said
    client.send('{"action": "join"}')
    with pytest.raises(TimeoutError):
        client.receive()
    event = shop.events[-1]
    context = event["requestContext"]
    assert (event["body"], context["eventType"], context["routeKey"]) == ('{"action": "join"}', "MESSAGE", "join")
    assert context["messageId"] == context["requestId"] and context["connectionId"] == shop.events[0]["requestContext"]["connectionId"]
    assert "headers" not in event


def test_a_message_without_a_route_is_forbidden(cloud, gateway, shop):
    client = connect(cloud, websocket_api(gateway, "send"))
    client.send('{"action": "other"}')
    said = json.loads(client.receive())
    assert said["message"] == "Forbidden" and set(said) == {"message", "connectionId", "requestId"}


def test_what_goes_wrong_behind_a_route_is_told_to_the_client(cloud, gateway, shop):
    client = connect(cloud, websocket_api(gateway, "$default"))
    shop.is_failing = True
    client.send("x")
    assert json.loads(client.receive())["message"] == "Internal server error"
    shop.is_failing, shop.answer = False, "nobody waits for its form"
    client.send("x")
    with pytest.raises(TimeoutError):
        client.receive()
    assert client.ping()


def test_answers_come_when_they_are_ready_and_messages_begin_in_their_order(cloud, gateway):
    region, begun = cloud.regions["us-east-1"], []
    ask = region.gate.ask

    async def slow(principal, operation, params, *more, **named):
        if operation != "lambda:Invoke":
            return await ask(principal, operation, params, *more, **named)
        said = json.loads(json.loads(params["Payload"])["body"])
        begun.append(said["n"])
        await asyncio.sleep(said["s"])
        return {"StatusCode": 200, "Payload": json.dumps({"statusCode": 200, "body": str(said["n"])}).encode()}

    region.gate.ask = slow
    client = connect(cloud, websocket_api(gateway, "$default", answered=("$default",)))
    for n, s in ((1, 20), (2, 1), (3, 40)):
        client.send(json.dumps({"n": n, "s": s}))
    assert [client.receive(100) for _ in range(2)] == ["2", "1"] and begun == [1, 2, 3]
    late = json.loads(client.receive(100))
    assert late["message"] == "Endpoint request timed out"


def test_a_message_is_held_against_the_model_its_route_chooses(cloud, gateway, shop):
    api = websocket_api(gateway)
    schema = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
    gateway.create_model(ApiId=api, Name="Text", Schema=json.dumps(schema))
    target = function(gateway, api, version="1.0")
    made = gateway.create_route(
        ApiId=api, RouteKey="send", Target=target, ModelSelectionExpression="$request.body.kind", RequestModels={"text": "Text"}
    )
    gateway.create_route_response(ApiId=api, RouteId=made["RouteId"], RouteResponseKey="$default")
    gateway.create_stage(ApiId=api, StageName="prod", AutoDeploy=True)
    client = connect(cloud, api)
    for message, is_good in (({"kind": "text", "text": "x"}, True), ({"kind": "text", "text": 1}, False), ({"kind": "text"}, False), ({}, True)):
        client.send(json.dumps({"action": "send", **message}))
        said = client.receive()
        assert (said == "hello") is is_good or json.loads(said)["message"] == "Bad request body"


def test_a_binary_message_ends_the_connection(cloud, gateway, shop):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-binary-media-types.html
    client = connect(cloud, websocket_api(gateway, "$default"))
    client.send(b"\x00")
    assert client.goodbye()[0] == 1003


def test_a_route_is_throttled_as_the_stage_says(cloud, gateway, shop):
    api = websocket_api(gateway, "$default", answered=("$default",))
    gateway.update_stage(ApiId=api, StageName="prod", DefaultRouteSettings={"ThrottlingRateLimit": 1.0, "ThrottlingBurstLimit": 2})
    client = connect(cloud, api)
    said = []
    for _ in range(3):
        client.send("x")
        said.append(client.receive())
    assert said[:2] == ["hello", "hello"] and json.loads(said[2])["message"] == "Too Many Requests"


def test_text_is_handed_over_as_text_and_what_would_be_made_binary_is_refused_by_name(cloud, gateway):
    # Chalice asks for text: https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-binary-media-types.html
    api, function = websocket_api(gateway), "arn:aws:lambda:us-east-1:000000000000:function:f"
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    made = gateway.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=uri, ContentHandlingStrategy="CONVERT_TO_TEXT")
    assert made["ContentHandlingStrategy"] == "CONVERT_TO_TEXT"
    with pytest.raises(ClientError) as refused:
        gateway.update_integration(ApiId=api, IntegrationId=made["IntegrationId"], ContentHandlingStrategy="CONVERT_TO_BINARY")
    assert refused.value.response["Error"]["Code"] == "NotImplemented"


# Other back ends --------------------------------------------------------------------------------------


def test_a_mock_answers_through_its_templates(cloud, gateway):
    api = websocket_api(gateway)
    made = gateway.create_integration(
        ApiId=api, IntegrationType="MOCK", TemplateSelectionExpression="$request.body.kind",
        RequestTemplates={"bad": '{"statusCode": 400}', "$default": '{"statusCode": 200}'},
    )  # fmt: skip
    assert made["IntegrationResponseSelectionExpression"] == "${integration.response.statuscode}"
    id_ = made["IntegrationId"]
    gateway.create_integration_response(
        ApiId=api, IntegrationId=id_, IntegrationResponseKey="/4\\d\\d/", ResponseTemplates={"$default": "no, $context.connectionId"}
    )
    gateway.create_integration_response(
        ApiId=api, IntegrationId=id_, IntegrationResponseKey="$default", ResponseTemplates={"$default": "yes, $context.routeKey"}
    )
    route = gateway.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{id_}", RouteResponseSelectionExpression="$default")
    gateway.create_route_response(ApiId=api, RouteId=route["RouteId"], RouteResponseKey="$default")
    gateway.create_stage(ApiId=api, StageName="prod", AutoDeploy=True)
    client = connect(cloud, api)
    client.send('{"kind": "bad"}')
    assert client.receive().startswith("no, ")
    client.send('{"kind": "good"}')
    assert client.receive() == "yes, $default"


def test_an_endpoint_is_asked_and_answers(cloud, gateway):
    seen = []

    def application(request, reply):
        seen.append(request)
        reply(Response(200, b'{"said": "' + request.body + b'"}'))

    async def listen():
        return await asyncio.get_running_loop().create_server(lambda: Connection(application), "127.0.0.1", 0)

    server = cloud.run(listen())
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/talk"
    api = websocket_api(gateway)
    made = gateway.create_integration(
        ApiId=api, IntegrationType="HTTP", IntegrationMethod="POST", IntegrationUri=address,
        RequestTemplates={"$default": "$input.path('$.text')"},
        RequestParameters={"integration.request.header.who": "context.connectionId", "integration.request.querystring.a": "'1'"},
    )  # fmt: skip
    gateway.create_integration_response(
        ApiId=api, IntegrationId=made["IntegrationId"], IntegrationResponseKey="$default", ResponseTemplates={"$default": "$input.path('$.said')!"}
    )
    route = gateway.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{made['IntegrationId']}")
    gateway.create_route_response(ApiId=api, RouteId=route["RouteId"], RouteResponseKey="$default")
    gateway.create_stage(ApiId=api, StageName="prod", AutoDeploy=True)
    client = connect(cloud, api)
    client.send('{"text": "hi"}')
    assert client.receive() == "hi!"
    assert (seen[0].path, seen[0].query, seen[0].body) == ("/talk", "a=1", b"hi") and seen[0].headers["who"].endswith("=")
    server.close()


def test_a_message_becomes_a_queues_through_a_template(cloud, gateway):
    sqs, iam = cloud.client("sqs"), cloud.client("iam", "aws-global")
    url = sqs.create_queue(QueueName="said")["QueueUrl"]
    trust = {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="gate", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))["Role"]["Arn"]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}
    iam.put_role_policy(RoleName="gate", PolicyName="p", PolicyDocument=json.dumps(allowed))
    api = websocket_api(gateway)
    made = gateway.create_integration(
        ApiId=api, IntegrationType="AWS", IntegrationMethod="POST", CredentialsArn=role,
        IntegrationUri="arn:aws:apigateway:us-east-1:sqs:path/000000000000/said",
        RequestParameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        RequestTemplates={"$default": "Action=SendMessage&MessageBody=$util.urlEncode($input.json('$'))"},
    )  # fmt: skip
    gateway.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{made['IntegrationId']}")
    gateway.create_stage(ApiId=api, StageName="prod", AutoDeploy=True)
    client = connect(cloud, api)
    client.send('{"text": "a & b"}')
    cloud.sleep(1)
    assert json.loads(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"]) == {"text": "a & b"}


def test_access_logs_need_the_role_of_the_account(cloud, gateway, shop):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
    logs, iam = cloud.client("logs"), cloud.client("iam", "aws-global")
    logs.create_log_group(logGroupName="chat")
    trust = {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="logs", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="logs", PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs")
    cloud.client("apigateway").update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}])
    api = websocket_api(gateway, "$connect", "$default", "$disconnect")
    gateway.update_stage(
        ApiId=api, StageName="prod",
        AccessLogSettings={"DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:chat", "Format": "$context.requestId $context.eventType $context.routeKey $context.status"},
    )  # fmt: skip
    client = connect(cloud, api)
    client.send("x")
    cloud.sleep(1)
    client.close()
    cloud.sleep(1)
    stream = logs.describe_log_streams(logGroupName="chat")["logStreams"][0]["logStreamName"]
    told = [event["message"].partition(" ")[2] for event in logs.get_log_events(logGroupName="chat", logStreamName=stream)["events"]]
    assert told == ["CONNECT $connect 200", "MESSAGE $default 200", "DISCONNECT $disconnect 200"]


# Going ------------------------------------------------------------------------------------------------


def _gone(cloud, shop) -> tuple[int, str]:
    cloud.sleep(1)
    context = shop.events[-1]["requestContext"]
    assert (context["eventType"], context["routeKey"]) == ("DISCONNECT", "$disconnect")
    return context["disconnectStatusCode"], context["disconnectReason"]


def test_a_clients_going_is_told_with_its_code_and_reason(cloud, gateway, shop):
    api = websocket_api(gateway, "$disconnect")
    connect(cloud, api).close(4001, "had enough")
    assert _gone(cloud, shop) == (4001, "had enough")
    connect(cloud, api).vanish()
    assert _gone(cloud, shop)[0] == 1006
    assert set(shop.events[-1]["headers"]) == {"Host", "x-api-key", "X-Forwarded-For", "x-restapi"}


def test_silence_of_ten_minutes_and_two_hours_end_a_connection(cloud, gateway, shop):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
    api = websocket_api(gateway, "$disconnect")
    began = cloud.now()
    assert connect(cloud, api).goodbye(700) == (1001, "Going away")
    assert 600 <= cloud.now() - began < 601 and _gone(cloud, shop) == (1001, "Going away")
    client, began = connect(cloud, api), cloud.now()
    for _ in range(14):
        cloud.sleep(500)
        client.ping()
    assert client.goodbye(700)[0] == 1001
    assert 7_200 <= cloud.now() - began < 7_201


def test_frames_of_32_and_messages_of_128_kilobytes_are_the_most(cloud, gateway, shop):
    api = websocket_api(gateway, "$default", answered=("$default",))
    client = connect(cloud, api)
    for at in range(4):
        client.send("x" * 32_768, is_last=at == 3)
    assert client.receive() == "hello" and len(shop.events[0]["body"]) == 131_072
    client.send("x" * 32_769)
    assert client.goodbye()[0] == 1009


def test_deleting_a_stage_lets_everybody_go(cloud, gateway, shop):
    api = websocket_api(gateway, "$default")
    client = connect(cloud, api)
    gateway.delete_stage(ApiId=api, StageName="prod")
    assert client.goodbye()[0] == 1001


def test_a_killed_region_drops_its_connections_and_tells_nobody(cloud, gateway, shop):
    api = websocket_api(gateway, "$connect", "$disconnect")
    client = connect(cloud, api)
    id_ = shop.events[0]["requestContext"]["connectionId"]
    cloud.restart(kill=True)
    assert client.is_broken()
    again = Function(cloud.regions["us-east-1"])
    assert refused_status(management(cloud, api).get_connection, ConnectionId=id_) == (410, "GoneException")
    assert connect(cloud, api).status == 101
    assert [event["requestContext"]["eventType"] for event in again.events] == ["CONNECT"] and len(shop.events) == 1


def test_a_region_that_is_emptied_cuts_everybody_off(cloud, gateway, shop):
    client = connect(cloud, websocket_api(gateway, "$default"))
    cloud.run(cloud.regions["us-east-1"].reset())
    assert client.is_broken()


# What a back end says ---------------------------------------------------------------------------------


def test_a_back_end_speaks_looks_and_lets_go(cloud, gateway, shop):
    api = websocket_api(gateway, "$connect", "$disconnect")
    client = connect(cloud, api, headers={"User-Agent": "agent"})
    id_, back = shop.events[0]["requestContext"]["connectionId"], management(cloud, api)
    back.post_to_connection(ConnectionId=id_, Data="雲".encode())
    assert client.receive() == "雲"
    cloud.sleep(10)
    client.send("x")
    cloud.sleep(0)
    client.receive()
    known = back.get_connection(ConnectionId=id_)
    assert known["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "agent"}
    assert (known["LastActiveAt"] - known["ConnectedAt"]).seconds == 10
    back.delete_connection(ConnectionId=id_)
    assert client.goodbye()[0] == 1000
    assert _gone(cloud, shop)[0] == 1000
    for call in (back.get_connection, back.delete_connection):
        assert refused_status(call, ConnectionId=id_) == (410, "GoneException")
    assert refused_status(back.post_to_connection, ConnectionId=id_, Data=b"x") == (410, "GoneException")


def test_a_plain_endpoint_finds_a_connection_by_its_id(cloud, gateway, shop):
    client = connect(cloud, websocket_api(gateway, "$connect"))
    id_ = shop.events[0]["requestContext"]["connectionId"]
    cloud.client("apigatewaymanagementapi", read_timeout=7).post_to_connection(ConnectionId=id_, Data=b"x")
    assert client.receive() == "x"


def test_what_a_back_end_may_not_do(cloud, gateway, shop):
    api = websocket_api(gateway, "$connect")
    client = connect(cloud, api)
    id_, back = shop.events[0]["requestContext"]["connectionId"], management(cloud, api)
    assert refused_status(back.post_to_connection, ConnectionId="anything", Data=b"x")[0] == 400
    assert refused_status(back.post_to_connection, ConnectionId="L0SM9cOFvHcCIhw=", Data=b"x") == (410, "GoneException")
    assert refused_status(back.post_to_connection, ConnectionId=id_, Data=b"x" * (128 * 1024 + 1)) == (413, "PayloadTooLargeException")
    back.post_to_connection(ConnectionId=id_, Data=b"x" * (128 * 1024))
    assert len(client.receive()) == 128 * 1024


def test_a_client_that_was_not_let_in_yet_cannot_be_spoken_to(cloud, gateway, shop):
    api = websocket_api(gateway, "$connect")
    back, seen = management(cloud, api), []
    shop.answer = lambda event: seen.append(event["requestContext"]["connectionId"]) or {"statusCode": 403}
    connect(cloud, api)
    assert refused_status(back.get_connection, ConnectionId=seen[0]) == (410, "GoneException")


def test_manage_connections_is_a_permission_of_its_own(cloud, gateway, shop):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html
    api = websocket_api(gateway, "$connect")
    client = connect(cloud, api)
    id_, iam = shop.events[0]["requestContext"]["connectionId"], cloud.client("iam", "aws-global")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    back = management(cloud, api, key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert refused_status(back.post_to_connection, ConnectionId=id_, Data=b"x")[0] == 403
    arn = f"arn:aws:execute-api:us-east-1:000000000000:{api}/prod/POST/@connections/*"
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": arn}]}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(allowed))
    back.post_to_connection(ConnectionId=id_, Data=b"x")
    assert client.receive() == "x"
    assert refused_status(back.get_connection, ConnectionId=id_)[0] == 403
