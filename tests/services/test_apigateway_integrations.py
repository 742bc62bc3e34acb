"""Integrations that transform: mocks with templates, functions, AWS services through a role, endpoints over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from api_workshop import Function, deploy, resource, rest_api, uri
from botocore.exceptions import ClientError
from lambda_workshop import put_role

ACCOUNT = "000000000000"
TRUST = json.dumps(
    {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "apigateway.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    }
)
JSON = "application/json"


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


@pytest.fixture
def function(cloud):
    return Function(cloud.region())


def target(service: str, rest: str, region: str = "us-east-1") -> str:
    return f"arn:aws:apigateway:{region}:{service}:{rest}"


def integrate(
    gateway, api, place, verb="POST", *, responses=({"statusCode": "200"},), headers=(), **integration
):
    """A method with an integration and its responses."""
    here = {"restApiId": api, "resourceId": place, "httpMethod": verb}
    gateway.put_method(**here, authorizationType="NONE")
    if integration["type"] != "MOCK":
        integration.setdefault("integrationHttpMethod", "POST")
    gateway.put_integration(**here, **integration)
    for response in responses:
        declared = {f"method.response.header.{name}": False for name in headers}
        gateway.put_method_response(**here, statusCode=response["statusCode"], responseParameters=declared)
        gateway.put_integration_response(**here, **response)


@pytest.fixture
def made(cloud, gateway):
    """``made(path, integration …)`` makes an API of one method and answers a function that calls it."""

    def make(path="", verb="POST", *, stage=None, api=None, **integration):
        name, root = api or rest_api(gateway)
        place = resource(gateway, name, root, *[part for part in path.split("/") if part])
        integrate(gateway, name, place, verb, **integration)
        deploy(gateway, name, **(stage or {}))

        def call(body=b"", at=f"/{path}", method=verb, **headers):
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            spelled = {key.replace("_", "-"): value for key, value in headers.items()}
            return cloud.http(method, f"/restapis/{name}/prod/_user_request_{at}", headers=spelled, body=body)

        call.api = name
        return call

    return make


def templates(text: str) -> dict[str, str]:
    return {JSON: text}


# MOCK ------------------------------------------------------------------------------------------------------


def test_a_mock_passes_what_its_request_template_set_to_its_response_template(made):
    # Recorded from AWS: test_integration_mock_with_vtl_map_assignation and …_response_override_in_request_template.
    call = made(
        type="MOCK",
        requestTemplates=templates(
            '#set($context.requestOverride.path.body = $input.body)\n#set($name = "foo")\n'
            '#set($context.requestOverride.querystring[$name] = "bar")\n'
            '#set($context.responseOverride.status = 444)\n#set($context.responseOverride.header.made = "by hand")\n'
            "{statusCode: 200,}"
        ),
        responses=[
            {
                "statusCode": "200",
                "selectionPattern": r"2\d{2}",
                "responseTemplates": templates(
                    "#set($body = $util.parseJson($context.requestOverride.path.body))"
                    '{"who": "$body.name", "foo": "$context.requestOverride.querystring[\'foo\']"}'
                ),
            }
        ],
    )
    status, headers, body = call({"name": "Ada"})
    assert (status, headers["made"], json.loads(body)) == (444, "by hand", {"who": "Ada", "foo": "bar"})


def test_templates_see_the_request_the_context_and_the_stage(made):
    call = made(
        "pets/{id}",
        type="MOCK",
        stage={"variables": {"color": "blue"}},
        requestTemplates=templates('{"statusCode": #if($input.params("fail") == "yes")500#{else}200#end}'),
        responses=[
            {
                "statusCode": "200",
                "responseTemplates": templates(
                    "$input.params('id') $input.params('q') $input.params('X-Head') [$input.params('none')] "
                    "$input.params().path.id $input.params().querystring.get('q') $stageVariables.color "
                    "$context.stage $context.httpMethod $context.resourcePath $context.identity.sourceIp [$context.identity]"
                ),
            },
            {"statusCode": "500", "selectionPattern": "5.."},
        ],
    )
    assert call(at="/pets/7?q=a%20b", X_Head="h")[2] == (
        b"7 a b h [] 7 a b blue prod POST /pets/{id} 127.0.0.1 []"
    )
    assert call(at="/pets/7?fail=yes")[0] == 500


@pytest.mark.parametrize(
    ("template", "body", "wanted"),
    [
        ("$input.body", {"a": 1}, b'{"a": 1}'),
        ("$input.body", b"", b"{}"),  # recorded from AWS: test_input_body_formatting
        ("$input.body", b"some raw data", b"some raw data"),
        ("$input.json('$')", {"a": [1, {"b": None}]}, b'{"a":[1,{"b":null}]}'),
        ("$input.json('$.a') $input.json('$.zz')", {"a": "x"}, b'"x" ""'),
        ("$input.path('$')", {"foo": "bar"}, b"{foo=bar}"),  # recorded from AWS: test_input_path_template_formatting
        ("$input.path('$')", [{"foo": "bar"}], b'[{"foo":"bar"}]'),
        ("$input.path('$.a.b') $input.path('$.list.length()')", {"a": {"b": 2.5}, "list": [1, 2]}, b"2.5 2"),
        ("#foreach($i in $input.path('$.items'))$i.id#if($foreach.hasNext),#end#end", {"items": [{"id": 1}, {"id": 2}]}, b"1,2"),
        ("$util.escapeJavaScript($input.path('$.t'))", {"t": "a\"b'c/\nü"}, b"a\\\"b\\'c\\/\\n\\u00FC"),
        ("$util.urlEncode($input.body) $util.urlDecode('a+b%2F')", {"a": " ~"}, b"%7B%22a%22%3A+%22+%7E%22%7D a b/"),
        ("$util.base64Encode('hi') $util.base64Decode('aGk=')", b"", b"aGk= hi"),
        ("$util.parseJson('{\"a\": [5]}').a[0]", b"", b"5"),
    ],
)  # fmt: skip
def test_a_template_reads_the_body(made, template, body, wanted):
    # The request's template hands its text on through an override: a mock's response template has no body of its own.
    call = made(
        type="MOCK",
        requestTemplates=templates(
            f"#define($text){template}#end#set($context.requestOverride.path.text = \"$text\")" + '{"statusCode": 200}'
        ),
        responses=[{"statusCode": "200", "responseTemplates": templates("$context.requestOverride.path.text")}],
    )  # fmt: skip
    assert call(body)[2] == wanted


@pytest.mark.parametrize(
    "template",
    ["#if(", "$util.parseJson('nonsense')", "$input.path('$[')", "#foreach($i in [1..1000])#foreach($j in [1..1000])#set($x = 1)#end#end"],
)  # fmt: skip
def test_a_template_that_fails_is_an_internal_error(made, template):
    call = made(type="MOCK", requestTemplates=templates(template + '{"statusCode": 200}'))
    status, headers, body = call()
    assert (status, json.loads(body)) == (500, {"message": "Internal server error"})
    assert headers["x-amzn-ErrorType"] == "InternalServerErrorException"


# Lambda ------------------------------------------------------------------------------------------------------


def test_a_function_gets_the_templates_text_and_its_answer_goes_through_a_template(made, function):
    call = made(
        "{id}",
        type="AWS",
        uri=uri(),
        requestTemplates=templates('{"id": "$input.params(\'id\')", "body": $input.json(\'$.x\')}'),
        headers=["X-Total", "X-Kind"],
        responses=[
            {
                "statusCode": "200",
                "responseTemplates": templates("#set($root = $input.path('$'))<$root.name>"),
                "responseParameters": {
                    "method.response.header.X-Total": "integration.response.body.items[1]",
                    "method.response.header.X-Kind": "'fixed'",
                },
            }
        ],
    )
    function.answer = {"name": "Ada", "items": [1, 2]}
    status, headers, body = call({"x": [1]}, at="/7")
    assert function.events == [{"id": "7", "body": [1]}]
    assert (status, body, headers["X-Total"], headers["X-Kind"]) == (200, b"<Ada>", "2", "fixed")
    assert headers["X-Amzn-Trace-Id"].startswith("Root=1-")


def test_a_function_can_be_asked_without_waiting_for_its_answer(made, function):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-integration-async.html; test_api_gateway_lambda_asynchronous_invocation
    call = made(type="AWS", uri=uri(), requestParameters={"integration.request.header.X-Amz-Invocation-Type": "'Event'"})
    function.answer = b""
    assert call({"a": 1})[::2] == (200, b"")
    assert (function.asked[0]["InvocationType"], function.events) == ("Event", [{"a": 1}])


def test_a_functions_path_may_begin_with_a_slash(made, function):
    # Recorded from AWS: test_api_gateway_lambda_integration_aws_type.
    assert made(type="AWS", uri=uri().replace("path/", "path//"))({})[0] == 200 and function.asked


UNSEEN = ("Content-MD5", "Max-Forwards", "Server", "TE", "Trailer", "Upgrade", "WWW-Authenticate", "Proxy-Authenticate")


def test_headers_of_the_connection_and_their_kin_are_seen_by_nobody(made, function):
    # Recorded from AWS: test_apigateway_header_remapping_aws.
    spelled = ",".join(f'"{name}": "$input.params(\'{name}\')"' for name in (*UNSEEN, "Pragma"))
    call = made(
        type="AWS", uri=uri(), requestTemplates=templates(f"{{{spelled}}}"),
        requestParameters={"integration.request.header.X-Server": "method.request.header.Server"},
    )  # fmt: skip
    call(**{name: "x" for name in (*UNSEEN, "Pragma")})
    assert function.events == [dict.fromkeys(UNSEEN, "") | {"Pragma": "x"}]


def test_an_answer_keeps_the_connection_as_its_caller_does(made, function):
    # Recorded from AWS: test_rest_api_to_dynamodb_integration, test_apigateway_header_remapping_aws.
    call = made(type="AWS", uri=uri())
    assert call()[1]["Connection"] == "keep-alive"
    assert call(Connection="close")[1].get("Connection") != "keep-alive"


def test_a_failure_of_an_integration_is_told_with_a_space(made, function):
    # Recorded from AWS: the Content-Length of test_apigateway_header_remapping_aws is 36.
    call = made(type="AWS", uri=uri(), requestParameters={"integration.request.header.Content-Length": "'1'"})
    assert call()[2] == b'{"message": "Internal server error"}'


def test_without_a_template_the_body_passes_through_both_ways(made, function):
    call = made(type="AWS", uri=uri())
    function.answer = {"message": "hello"}
    assert json.loads(call({"a": 1})[2]) == {"message": "hello"} and function.events[-1] == {"a": 1}
    call()
    assert function.events[-1] == {}


def test_a_failing_functions_message_chooses_the_response(made, function):
    # Recorded from AWS: test_lambda_selection_patterns.
    call = made(
        type="AWS",
        uri=uri(),
        responses=[
            {"statusCode": "200"},
            {
                "statusCode": "404",
                "selectionPattern": ".*not found.*",
                "responseTemplates": templates("gone"),
            },
            {"statusCode": "500", "selectionPattern": ".+"},
        ],
    )
    function.answer = {"errorMessage": "it went well"}
    assert call()[0] == 200
    function.is_failing = True
    function.answer = {"errorMessage": "pet not found", "errorType": "Exception"}
    assert (call()[0], call()[2]) == (404, b"gone")
    function.answer = {"errorMessage": "boom"}
    assert (call()[0], json.loads(call()[2])) == (500, {"errorMessage": "boom"})


def test_a_response_nobody_chose_without_a_default_is_an_internal_error(made, function):
    call = made(type="AWS", uri=uri(), responses=[{"statusCode": "400", "selectionPattern": "bad"}])
    assert call()[0] == 500


def test_passthrough_behaviour_decides_about_content_types_without_a_template(made, function):
    never = made(type="AWS", uri=uri(), passthroughBehavior="NEVER", requestTemplates=templates("{}"))
    status, _, body = never(b"{}", Content_Type="text/plain")
    assert (status, json.loads(body)) == (415, {"message": "Unsupported Media Type"})
    assert never(b"{}")[0] == 200
    without = made(type="AWS", uri=uri(), passthroughBehavior="WHEN_NO_TEMPLATES")
    assert without(b'{"a": 2}', Content_Type="text/plain")[0] == 200 and function.events[-1] == {"a": 2}


@pytest.mark.parametrize(
    ("kind", "header", "status"),
    [
        ("AWS", "Content-Length", 500), ("AWS", "Transfer-Encoding", 500), ("AWS", "Authorization", 500), ("AWS", "TE", 500),
        ("AWS_PROXY", "Connection", 500), ("AWS_PROXY", "Expect", 500), ("AWS", "Accept", 200), ("AWS_PROXY", "X-Mine", 200),
    ],
)  # fmt: skip
def test_a_mapped_header_of_the_connection_fails_the_call(made, function, kind, header, status):
    # Recorded from AWS: test_apigateway_header_remapping_aws. Other mappings mean nothing to a function.
    call = made(type=kind, uri=uri(), requestParameters={f"integration.request.header.{header}": "'1'"})
    assert call()[0] == status and len(function.events) == (status == 200)


def test_headers_the_gateway_keeps_for_itself_are_remapped(made):
    call = made(
        type="MOCK",
        requestTemplates=templates('{"statusCode": 200}'),
        headers=["Date", "Server", "Accept"],
        responses=[
            {
                "statusCode": "200",
                "responseParameters": {
                    f"method.response.header.{name}": "'x'" for name in ("Date", "Server", "Accept")
                },
            }
        ],
    )
    headers = call()[1]
    assert headers["x-amzn-Remapped-Date"] == headers["x-amzn-Remapped-Server"] == headers["Accept"] == "x"


# AWS services --------------------------------------------------------------------------------------------------


@pytest.fixture
def role(cloud):
    return put_role(
        cloud, "sqs:*", "dynamodb:*", "s3:*", "ssm:*", trust=TRUST, arn=f"arn:aws:iam::{ACCOUNT}:role/gateway"
    )


def test_a_queue_is_sent_to_by_its_path(cloud, made, role):
    # Recorded from AWS: test_sqs_request_and_response_xml_templates_integration.
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    call = made(
        type="AWS",
        uri=target("sqs", f"path/{ACCOUNT}/orders"),
        credentials=role,
        requestParameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        requestTemplates=templates("Action=SendMessage&MessageBody=$util.urlEncode($input.body)"),
        responses=[
            {
                "statusCode": "200",
                "responseTemplates": templates(
                    "#set($r = $input.path('$.SendMessageResponse'))"
                    '{"id": "$r.SendMessageResult.MessageId", "request": "$r.ResponseMetadata.RequestId"}'
                ),
            },
            {"statusCode": "400", "selectionPattern": r"4\d\d"},
        ],
    )
    status, _, body = call({"foo": "b & r"})
    message = sqs.receive_message(QueueUrl=queue)["Messages"][0]
    assert status == 200 and json.loads(body)["id"] == message["MessageId"] and json.loads(body)["request"]
    assert json.loads(message["Body"]) == {"foo": "b & r"}
    sqs.delete_queue(QueueUrl=queue)
    status, _, body = call({})
    assert status == 400 and json.loads(body)["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


@pytest.mark.parametrize("name", ["MessageAttribute", "MessageAttributes"])
def test_a_forms_attributes_may_be_called_by_one_or_by_all(cloud, made, role, name):
    # Recorded from AWS: test_sqs_aws_integration_with_message_attribute.
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    call = made(
        type="AWS", uri=target("sqs", f"path/{ACCOUNT}/orders"), credentials=role,
        requestParameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        requestTemplates=templates(f"Action=SendMessage&MessageBody=m&{name}.1.Name=a&{name}.1.Value.DataType=String&{name}.1.Value.StringValue=v"),
    )  # fmt: skip
    status, _, body = call({})
    message = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"][0]
    assert message["MessageAttributes"]["a"]["StringValue"] == "v"
    # What the answer does not say is null.
    assert json.loads(body)["SendMessageResponse"]["SendMessageResult"]["SequenceNumber"] is None and status == 200


def test_a_parameter_is_got_by_its_action_in_the_older_protocol(cloud, gateway, made, role):
    # Recorded from AWS: test_ssm_aws_integration.
    cloud.client("ssm").put_parameter(Name="p", Value="123", Type="String")
    call = made(
        type="AWS", verb="GET", uri=target("ssm", "action/GetParameter"), credentials=role,
        requestParameters={"integration.request.querystring.Name": "'p'"},
    )  # fmt: skip
    answer = json.loads(call()[2])["GetParameterResponse"]
    parameter = answer["GetParameterResult"]["Parameter"]
    assert answer["ResponseMetadata"]["RequestId"]
    assert (parameter["Value"], parameter["Version"], parameter["Selector"], parameter["SourceResult"]) == ("123", 1, None, None)


def test_a_queue_is_sent_to_in_its_json_protocol(cloud, made, role):
    # Recorded from AWS: test_sqs_amz_json_protocol.
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    call = made(
        type="AWS",
        uri=target("sqs", f"path/{ACCOUNT}/orders"),
        credentials=role,
        requestParameters={
            "integration.request.header.Content-Type": "'application/x-amz-json-1.0'",
            "integration.request.header.X-Amz-Target": "'AmazonSQS.SendMessage'",
        },
        requestTemplates=templates(
            f'{{"QueueUrl": "{queue}", "MessageBody": "{{#foreach($k in $context.identity.keySet())$k #end}}"}}'
        ),
    )
    status, _, body = call({})
    assert status == 200 and json.loads(body)["MessageId"]
    assert "sourceIp" in sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"]


def test_a_table_is_written_by_its_action(cloud, made, role):
    # Recorded from AWS: test_rest_api_to_dynamodb_integration.
    tables = cloud.client("dynamodb")
    tables.create_table(
        TableName="pets",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    call = made(
        type="AWS",
        uri=target("dynamodb", "action/PutItem"),
        credentials=role,
        requestTemplates=templates('{"TableName": "pets", "Item": {"id": {"S": "$input.path(\'$.id\')"}}}'),
        responses=[{"statusCode": "200"}, {"statusCode": "400", "selectionPattern": "400"}],
    )
    assert call({"id": "7"})[::2] == (200, b"{}")
    assert tables.get_item(TableName="pets", Key={"id": {"S": "7"}})["Item"] == {"id": {"S": "7"}}
    status, _, body = call({"id": ""})
    assert status == 400 and "ValidationException" in json.loads(body)["__type"]


def test_objects_are_put_got_and_deleted_by_their_path(cloud, gateway, role):
    # Recorded from AWS: test_apigateway_s3_any.
    cloud.client("s3").create_bucket(Bucket="pets")
    api, root = rest_api(gateway, binaryMediaTypes=["image/png"])
    place = resource(gateway, api, root, "{key}")
    integrate(
        gateway,
        api,
        place,
        "ANY",
        headers=["ETag"],
        type="AWS",
        integrationHttpMethod="ANY",
        uri=target("s3", "path/pets/folder/{key}"),
        credentials=role,
        requestParameters={
            "integration.request.path.key": "method.request.path.key",
            "integration.request.header.Content-Type": "method.request.header.Content-Type",
        },
        responses=[
            {
                "statusCode": "200",
                "responseParameters": {"method.response.header.ETag": "integration.response.header.ETag"},
            },
            {"statusCode": "404", "selectionPattern": "404"},
        ],
    )
    deploy(gateway, api)

    def call(verb, body=b"", **headers):
        return cloud.http(verb, f"/restapis/{api}/prod/_user_request_/a.json", headers=headers, body=body)

    assert call("GET")[0] == 404 and b"<Code>NoSuchKey</Code>" in call("GET")[2]
    assert call("PUT", b'{"n": 1}', **{"content-type": JSON})[0] == 200
    status, headers, body = call("GET")
    assert (status, body) == (200, b'{"n": 1}') and headers["ETag"]
    assert cloud.client("s3").get_object(Bucket="pets", Key="folder/a.json")["ContentType"] == JSON
    picture = bytes(range(256))
    call("PUT", picture, **{"content-type": "image/png"})
    assert call("GET", accept="image/png")[2] == picture
    assert call("GET", accept="text/plain")[2] == base64.b64encode(picture)
    # Recorded from AWS (test_apigw_s3_binary_support_response_no_content_handling): text for who accepts bytes is base64.
    call("PUT", base64.b64encode(picture), **{"content-type": "text/plain"})
    assert call("GET", accept="image/png")[2] == picture
    call("PUT", b"no base64!", **{"content-type": "text/plain"})
    assert call("GET", accept="image/png")[0] == 500
    assert call("DELETE")[0] == 200 and call("GET")[0] == 404


def test_a_template_renders_no_bytes(cloud, gateway, role):
    # Recorded: test_apigw_s3_binary_support_response_convert_to_binary_with_request_template.
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="pets")
    s3.put_object(Bucket="pets", Key="a", Body=base64.b64encode(b"\x00\xff"))
    api, root = rest_api(gateway, binaryMediaTypes=["image/png"])
    for handling in ("CONVERT_TO_TEXT", "CONVERT_TO_BINARY"):
        answers = [{"statusCode": "200", "contentHandling": handling, "responseTemplates": {JSON: '{"data": "$input.body"}'}}]
        uri, place = target("s3", "path/pets/a"), resource(gateway, api, root, handling)
        integrate(gateway, api, place, type="AWS", integrationHttpMethod="GET", uri=uri, credentials=role, responses=answers)
    deploy(gateway, api)

    def got(handling):
        path, asked = f"/restapis/{api}/prod/_user_request_/{handling}", {"accept": "image/png"}
        status, _, body = cloud.http("POST", path, headers=asked)
        return status, body

    assert got("CONVERT_TO_TEXT") == (200, b'{"data": "AP8="}')
    assert got("CONVERT_TO_BINARY")[0] == 500


def test_the_role_must_trust_the_gateway_and_allow_the_call(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global", iam="enforce")
    gateway = cloud.client("apigateway")
    cloud.client("sqs").create_queue(QueueName="orders")
    api, root = rest_api(gateway)
    roles = {
        "strange": put_role(cloud, "sqs:*", arn=f"arn:aws:iam::{ACCOUNT}:role/strange"),
        "weak": put_role(cloud, "s3:*", trust=TRUST, arn=f"arn:aws:iam::{ACCOUNT}:role/weak"),
        "right": put_role(cloud, "sqs:SendMessage", trust=TRUST, arn=f"arn:aws:iam::{ACCOUNT}:role/right"),
    }
    for name, arn in roles.items():
        integrate(
            gateway,
            api,
            resource(gateway, api, root, name),
            type="AWS",
            uri=target("sqs", f"path/{ACCOUNT}/orders"),
            credentials=arn,
            requestTemplates=templates("Action=SendMessage&MessageBody=x"),
            responses=[{"statusCode": "200"}, {"statusCode": "403", "selectionPattern": "403"}],
        )
    deploy(gateway, api)
    answers = {name: cloud.http("POST", f"/restapis/{api}/prod/_user_request_/{name}") for name in roles}
    assert {name: answer[0] for name, answer in answers.items()} == {
        "strange": 500,
        "weak": 403,
        "right": 200,
    }
    assert json.loads(answers["weak"][2])["Error"]["Code"] == "AccessDenied"


def test_a_binary_request_is_converted_as_its_integration_asks(cloud, gateway, role):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="pets")
    api, root = rest_api(gateway, binaryMediaTypes=["image/png"])
    for handling in ("CONVERT_TO_TEXT", "CONVERT_TO_BINARY"):
        integrate(
            gateway,
            api,
            resource(gateway, api, root, handling),
            type="AWS",
            integrationHttpMethod="PUT",
            uri=target("s3", f"path/pets/{handling}"),
            credentials=role,
            contentHandling=handling,
        )
    deploy(gateway, api)

    def put(handling, body, kind):
        path = f"/restapis/{api}/prod/_user_request_/{handling}"
        status, _, _ = cloud.http("POST", path, body=body, headers={"content-type": kind})
        return s3.get_object(Bucket="pets", Key=handling)["Body"].read() if status == 200 else status

    assert put("CONVERT_TO_TEXT", b"\x00\xff", "image/png") == base64.b64encode(b"\x00\xff")
    assert put("CONVERT_TO_BINARY", b"\x00\xff", "image/png") == b"\x00\xff"
    assert put("CONVERT_TO_BINARY", base64.b64encode(b"\x00\xff"), "text/plain") == b"\x00\xff"
    assert put("CONVERT_TO_BINARY", b"no base64!", "text/plain") == 500


@pytest.mark.parametrize(
    ("integration", "code", "message"),
    [
        ({"type": "AWS", "uri": "nonsense"}, "BadRequestException", "Invalid ARN specified in the request"),
        ({"type": "AWS", "uri": "arn:aws:sqs:us-east-1:0:q"}, "BadRequestException", "AWS ARN for integration must contain path or action"),
        ({"type": "AWS", "uri": target("sqs", "path/0/q")}, "BadRequestException", "Role ARN must be specified for AWS integrations"),
        ({"type": "AWS", "uri": target("sqs", "path/0/q"), "credentials": "arn:aws:iam::111111111111:role/x"},
         "AccessDeniedException", "Cross-account pass role is not allowed."),
        # That the role is looked at first is known from moto's test of that name only.
        ({"type": "AWS_PROXY", "uri": target("sqs", "path/0/q"), "credentials": "arn:aws:iam::111111111111:role/x"},
         "AccessDeniedException", "Cross-account pass role is not allowed."),
        ({"type": "AWS", "uri": target("textract", "action/DetectText")}, "NotImplemented", "textract"),
        ({"type": "AWS", "uri": target("sqs", "path/0/q", "eu-west-1")}, "NotImplemented", "another region"),
        ({"type": "HTTP", "uri": "nonsense"}, "BadRequestException", "Invalid HTTP endpoint specified for URI"),
        ({"type": "HTTP_PROXY", "uri": "nonsense"}, "BadRequestException", "Invalid HTTP endpoint specified for URI"),
        ({"type": "HTTP", "uri": "http://x.test", "connectionType": "VPC_LINK"}, "NotImplemented", "VPC_LINK"),
        ({"type": "HTTP", "uri": "http://x.test", "requestParameters": {"integration.request.header.a": "method.request.body.[?"}},
         "BadRequestException", "Invalid mapping expression"),
    ],
)  # fmt: skip
def test_an_integration_that_cannot_be_is_refused_when_it_is_put(gateway, integration, code, message):
    # Recorded from AWS: test_put_integration_validation.
    api, root = rest_api(gateway)
    here = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    gateway.put_method(**here, authorizationType="NONE")
    with pytest.raises(ClientError) as refused:
        gateway.put_integration(**here, integrationHttpMethod="POST", **integration)
    assert (
        code in refused.value.response["Error"]["Code"]
        and message in refused.value.response["Error"]["Message"]
    )


# HTTP ------------------------------------------------------------------------------------------------------


class _Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        told = {
            "method": self.command,
            "path": self.path,
            "headers": dict(self.headers),
            "body": self.rfile.read(length).decode(),
        }
        body = json.dumps(told).encode()
        status = 418 if self.path.startswith("/teapot") else 200
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("X-Echo", "yes")
        if self.path.startswith("/chunks"):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = answer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_endpoint_is_called_with_what_the_mapping_makes(made, endpoint):
    # Recorded from AWS: test_http_integration_with_lambda[HTTP], test_apigateway_header_remapping_http[HTTP].
    call = made(
        "{id}",
        type="HTTP",
        uri=f"{endpoint}/pets/{{pet}}?kind={{kind}}",
        integrationHttpMethod="PUT",
        requestParameters={
            "integration.request.path.pet": "method.request.path.id",
            "integration.request.path.kind": "method.request.querystring.kind",
            "integration.request.querystring.more": "method.request.querystring.more",
            "integration.request.header.X-Body": "method.request.body.deep[0]",
            "integration.request.header.X-All": "method.request.multivaluequerystring.kind",
        },
        requestTemplates=templates("<$input.path('$.deep[0]')>"),
        headers=["X-Echo"],
        responses=[
            {
                "statusCode": "200",
                "responseParameters": {"method.response.header.X-Echo": "integration.response.header.x-echo"},
            }
        ],
    )
    status, headers, body = call({"deep": ["x"]}, at="/a%20b?kind=cat&kind=dog&more=1%262", X_Mine="unseen")
    told = json.loads(body)
    assert (status, told["method"], told["path"], told["body"]) == (
        200,
        "PUT",
        "/pets/a%20b?kind=dog&more=1%262",
        "<x>",
    )
    assert told["headers"]["X-Body"] == "x" and told["headers"]["X-All"] == "cat,dog"
    assert (
        told["headers"]["User-Agent"] == f"AmazonAPIGateway_{call.api}" and told["headers"]["Accept"] == JSON
    )
    assert "X-Mine" not in told["headers"] and headers["X-Echo"] == "yes" and headers["X-Amzn-Trace-Id"]


def test_an_endpoints_status_chooses_the_response(made, endpoint):
    # Recorded from AWS: test_http_integration_invoke_status_code_passthrough.
    call = made(
        type="HTTP",
        uri=f"{endpoint}/teapot",
        responses=[{"statusCode": "200"}, {"statusCode": "400", "selectionPattern": r"4\d{2}", "responseTemplates": templates("tea")}],
    )  # fmt: skip
    assert call()[::2] == (400, b"tea")


def test_a_proxied_endpoint_gets_the_request_as_it_is_and_its_answer_is_passed_on(made, endpoint):
    # Recorded from AWS: test_http_proxy_integration_request_data_mappings.
    call = made(
        "{proxy+}",
        "ANY",
        type="HTTP_PROXY",
        uri=f"{endpoint}/{{proxy}}?testQs={{qs}}",
        integrationHttpMethod="ANY",
        requestParameters={
            "integration.request.path.proxy": "method.request.path.proxy",
            "integration.request.path.qs": "method.request.querystring.a",
            "integration.request.querystring.testQs": "method.request.querystring.b",
            "integration.request.header.headerVar": "method.request.header.foobar",
        },
    )
    status, headers, body = call(
        b"text", at="/x/y?a=1&b=2", method="PUT", foobar="mapped", headerVar="own", Accept="text/html"
    )
    told = json.loads(body)
    assert (status, told["method"], told["path"], told["body"]) == (
        200,
        "PUT",
        "/x/y?testQs=1&a=1&b=2&testQs=2",
        "text",
    )
    assert told["headers"]["headerVar"] == "mapped" and told["headers"]["accept"] == "text/html"
    assert told["headers"]["X-Forwarded-For"] == "127.0.0.1" and told["headers"][
        "Host"
    ] == endpoint.removeprefix("http://")
    assert headers["Content-Type"] == "application/json; charset=utf-8" and headers["X-Echo"] == "yes"
    assert headers["x-amzn-Remapped-Content-Length"] == str(len(body)) and "x-amzn-Remapped-Date" in headers
    assert call(at="/teapot", method="GET")[0] == 418
    assert call(at="/chunks", method="GET")[2] == b"abcde"


def test_an_endpoint_nobody_serves_is_a_failure_of_the_integration(made):
    call = made(type="HTTP_PROXY", uri="http://127.0.0.1:9")
    status, headers, body = call()
    assert (status, json.loads(body)) == (504, {"message": "Internal server error"}) and headers[
        "x-amzn-ErrorType"
    ]


@pytest.mark.parametrize(
    ("answer", "status"),
    [(b"nonsense\r\n\r\n", 504), (b"", 504), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 504),
     (b"HTTP/1.1 200 OK\r\n\r\nabc", 200), (b"HTTP/1.1 204 No Content\r\n\r\n", 204), (None, 504)],
)  # fmt: skip
def test_an_endpoint_that_answers_badly_or_never_is_a_failure(cloud, made, answer, status):
    async def serve(reader, writer):
        await reader.read(1024)
        if answer is None:
            await reader.read()  # Until the gateway has had enough.
        writer.write(answer or b"")
        writer.close()

    server = cloud.run(asyncio.start_server(serve, "127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    call = made(type="HTTP_PROXY", uri=f"http://127.0.0.1:{port}", timeoutInMillis=100)
    assert call()[0] == status
    server.close()
