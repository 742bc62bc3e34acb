"""What callers of an API meet: routes, mocks, functions, refusals."""

from __future__ import annotations

import json

import pytest
from api_workshop import FUNCTION, Function, deploy, mock, proxy, resource, rest_api

from kumoniwa.wire.message import Request


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


@pytest.fixture
def function(cloud):
    return Function(cloud.region())


def test_a_mock_answers_with_its_template_and_headers(cloud, gateway):
    api, root = rest_api(gateway)
    mock(gateway, api, root, body='{"ok": true}', headers={"Access-Control-Allow-Origin": "*"})
    deploy(gateway, api)
    status, headers, body = cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")
    assert (status, json.loads(body)) == (200, {"ok": True})
    assert headers["Access-Control-Allow-Origin"] == "*" and headers["Content-Type"] == "application/json"
    assert headers["x-amzn-RequestId"] and headers["x-amz-apigw-id"]
    # A mock has no trace: recorded from AWS, test_invocation_trace_id.
    assert "X-Amzn-Trace-Id" not in headers


def test_an_api_is_reached_by_each_of_its_addresses(cloud, gateway):
    api, root = rest_api(gateway)
    mock(gateway, api, resource(gateway, api, root, "pets"), body="pets")
    deploy(gateway, api)
    assert cloud.http("GET", f"/restapis/{api}/prod/_user_request_/pets")[2] == b"pets"
    assert cloud.http("GET", f"/_aws/execute-api/{api}/prod/pets")[2] == b"pets"
    for host in (
        f"{api}.execute-api.us-east-1.amazonaws.com",
        f"{api}.execute-api.localhost:4566",
        f"{api}.execute-api.us-east-1.localhost",
    ):
        assert cloud.http("GET", "/prod/pets", host=host)[2] == b"pets", host


def test_the_draft_is_seen_only_after_the_next_deployment(cloud, gateway):
    api, root = rest_api(gateway)
    mock(gateway, api, root, body="old")
    deploy(gateway, api)
    mock(gateway, api, resource(gateway, api, root, "new"), body="new")
    assert cloud.http("GET", f"/restapis/{api}/prod/_user_request_/new")[0] == 403
    deploy(gateway, api)
    assert cloud.http("GET", f"/restapis/{api}/prod/_user_request_/new")[2] == b"new"
    assert cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")[2] == b"old"


def test_a_path_or_verb_without_a_method_is_refused_as_if_a_token_were_missing(cloud, gateway):
    api, root = rest_api(gateway)
    mock(gateway, api, resource(gateway, api, root, "pets"), body="pets")
    deploy(gateway, api)
    for verb, path in (("GET", "/dogs"), ("POST", "/pets"), ("GET", "/")):
        status, headers, body = cloud.http(verb, f"/restapis/{api}/prod/_user_request_{path}")
        assert (status, json.loads(body)) == (403, {"message": "Missing Authentication Token"})
        assert headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


def test_an_unknown_stage_or_api_is_forbidden(cloud, gateway):
    api, root = rest_api(gateway)
    mock(gateway, api, root)
    deploy(gateway, api)
    for path in (f"/restapis/{api}/test/_user_request_/", "/restapis/zzzzzzzzzz/prod/_user_request_/"):
        status, headers, body = cloud.http("GET", path)
        assert (status, json.loads(body), headers["x-amzn-ErrorType"]) == (
            403,
            {"message": "Forbidden"},
            "ForbiddenException",
        )


def test_literals_go_before_labels_and_labels_before_greedy_ones(cloud, gateway):
    api, root = rest_api(gateway)
    pets = resource(gateway, api, root, "pets")
    mock(gateway, api, resource(gateway, api, pets, "new"), body="literal")
    mock(gateway, api, resource(gateway, api, pets, "{id}"), body="label")
    mock(gateway, api, resource(gateway, api, root, "{proxy+}"), "ANY", body="greedy")
    deploy(gateway, api)
    for path, body in (
        ("/pets/new", b"literal"),
        ("/pets/7", b"label"),
        ("/pets/7/toys", b"greedy"),
        ("/else", b"greedy"),
    ):
        assert cloud.http("GET", f"/restapis/{api}/prod/_user_request_{path}")[2] == body, path


def test_a_function_gets_the_whole_event(cloud, gateway, function):
    api, root = rest_api(gateway)
    place = resource(gateway, api, root, "pets", "{id}")
    proxy(gateway, api, place)
    deployment = deploy(gateway, api, variables={"colour": "red"})
    status, headers, body = cloud.http(
        "POST",
        f"/restapis/{api}/prod/_user_request_/pets/7?a=1&a=2&b=x%20y+z",
        headers={"Content-Type": "text/plain"},
        body=b"woof",
    )
    assert (status, body) == (200, b"hello") and headers["X-Amzn-Trace-Id"].startswith("Root=1-")
    event = function.events[0]
    context = event.pop("requestContext")
    assert event.pop("headers")["content-type"] == "text/plain" and event.pop("multiValueHeaders")[
        "content-type"
    ] == ["text/plain"]
    assert event == {
        "resource": "/pets/{id}",
        "path": "/pets/7",
        "httpMethod": "POST",
        "queryStringParameters": {"a": "2", "b": "x y z"},
        "multiValueQueryStringParameters": {"a": ["1", "2"], "b": ["x y z"]},
        "pathParameters": {"id": "7"},
        "stageVariables": {"colour": "red"},
        "body": "woof",
        "isBase64Encoded": False,
    }
    # The members AWS sends, as recorded: test_lambda_aws_proxy_integration.
    assert set(context) == {
        "accountId", "apiId", "deploymentId", "domainName", "domainPrefix", "extendedRequestId", "httpMethod", "identity",
        "path", "protocol", "requestId", "requestTime", "requestTimeEpoch", "resourceId", "resourcePath", "stage",
    }  # fmt: skip
    assert (context["path"], context["resourceId"], context["deploymentId"]) == (
        "/prod/pets/7",
        place,
        deployment,
    )
    asked = function.asked[0]
    assert asked["FunctionName"] == FUNCTION and asked["principal"].arn == "apigateway.amazonaws.com"
    assert asked["principal"].context == {
        "aws:SourceArn": f"arn:aws:execute-api:us-east-1:000000000000:{api}/prod/POST/pets/{{id}}",
        "aws:SourceAccount": "000000000000",
    }


@pytest.mark.parametrize(
    ("sent", "path", "label", "whole"),
    [
        # Recorded from AWS: test_lambda_aws_proxy_integration.
        ("/stage/proxy-value/", "/proxy-value/", "proxy-value", "/stage/proxy-value/"),
        (
            "/stage/proxy-value//double-slash",
            "/proxy-value//double-slash",
            "proxy-value//double-slash",
            "/stage/proxy-value//double-slash",
        ),
        ("/stage//proxy-value", "/proxy-value", "proxy-value", "/stage//proxy-value"),
        ("//stage/proxy-value", "/proxy-value", "proxy-value", "/stage/proxy-value"),
        (
            "/stage/api/test%2Balias@gmail.com",
            "/api/test%2Balias@gmail.com",
            "api/test%2Balias@gmail.com",
            "/stage/api/test%2Balias@gmail.com",
        ),
    ],
)
def test_slashes_and_escapes_of_a_path_reach_the_function_as_on_aws(
    cloud, gateway, function, sent, path, label, whole
):
    api, root = rest_api(gateway)
    proxy(gateway, api, resource(gateway, api, root, "{proxy+}"))
    deploy(gateway, api, "stage")
    cloud.http("GET", sent, host=f"{api}.execute-api.us-east-1.amazonaws.com")
    event = function.events[0]
    assert (event["path"], event["pathParameters"], event["requestContext"]["path"]) == (
        path,
        {"proxy": label},
        whole,
    )


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        # Recorded from AWS: test_aws_proxy_response_payload_format_validation.
        ({"statusCode": 200}, 200, b""),
        ({"statusCode": "201"}, 201, b""),
        ({"headers": {"a": "b"}}, 200, b""),
        ({"statusCode": 200, "headers": None}, 200, b""),
        ({"statusCode": 200, "wrong": "value"}, 502, None),
        ({"statusCode": "often"}, 502, None),
        ({"multiValueHeaders": {"a": "b"}}, 502, None),
        ({}, 502, None),
        ({"headers": {"a\r\nb": "c"}}, 502, None),
        ({"statusCode": 100}, 502, None),
        ("just a string", 502, None),
        (b"no json", 502, None),
        ({"statusCode": 200, "body": {"an": "object"}}, 502, None),
        ({"body": "dGVzdC1kYXRh", "isBase64Encoded": True}, 200, b"dGVzdC1kYXRh"),
    ],
)
def test_a_functions_answer_must_have_the_proxy_form(cloud, gateway, function, answer, status, body):
    api, root = rest_api(gateway)
    proxy(gateway, api, root)
    deploy(gateway, api)
    function.answer = answer
    got, headers, content = cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")
    assert got == status
    if body is None:
        assert json.loads(content) == {"message": "Internal server error"}
        assert headers["x-amzn-ErrorType"] == "InternalServerErrorException"
    else:
        assert content == body


def test_headers_of_both_forms_are_joined(cloud, gateway, function):
    api, root = rest_api(gateway)
    proxy(gateway, api, root)
    deploy(gateway, api)
    function.answer = {
        "headers": {"tesT-Multi": "value-solo", "flag": True},
        "multiValueHeaders": {"test-multi": ["value-multi"], "Set-Cookie": ["a=1", "b=2"]},
    }
    headers = cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")[1]
    assert headers["test-multi"] == ["value-multi", "value-solo"] and headers["Set-Cookie"] == ["a=1", "b=2"]
    assert headers["flag"] == "true" and headers["Content-Type"] == "application/json"


def test_binary_bodies_travel_as_base64(cloud, gateway, function):
    api, root = rest_api(gateway, binaryMediaTypes=["image/png"])
    proxy(gateway, api, root)
    deploy(gateway, api)
    function.answer = {"body": "AP8=", "isBase64Encoded": True, "headers": {"Content-Type": "image/png"}}
    path = f"/restapis/{api}/prod/_user_request_/"
    got = cloud.http(
        "POST", path, headers={"Content-Type": "image/png", "Accept": "image/png"}, body=b"\xff\x00"
    )
    assert got[2] == b"\x00\xff"
    assert (function.events[0]["body"], function.events[0]["isBase64Encoded"]) == ("/wA=", True)
    assert cloud.http("GET", path, headers={"Accept": "text/html"})[2] == b"AP8="


def test_a_function_that_fails_is_a_502_and_one_that_refuses_a_500(cloud, gateway, function):
    from kumoniwa.gate.authorize import AccessDeniedException

    api, root = rest_api(gateway)
    proxy(gateway, api, root)
    deploy(gateway, api)
    path = f"/restapis/{api}/prod/_user_request_/"
    function.is_failing = True
    assert cloud.http("GET", path)[0] == 502
    function.error = AccessDeniedException("no")
    status, _, body = cloud.http("GET", path)
    assert (status, json.loads(body)) == (500, {"message": "Internal server error"})


def test_a_function_that_takes_too_long_is_a_504(cloud, gateway, function):
    import asyncio

    api, root = rest_api(gateway)
    proxy(gateway, api, root)
    deploy(gateway, api)
    asked = function.region.gate.ask

    async def slow(*question, **named):
        await asyncio.sleep(40)
        return await asked(*question, **named)

    function.region.gate.ask = slow
    begun = cloud.now()
    status, headers, body = cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")
    assert (status, json.loads(body)) == (504, {"message": "Endpoint request timed out"})
    assert cloud.now() - begun == pytest.approx(29)
    cloud.sleep(20)
    assert len(function.events) == 1  # the function itself went on


def test_stage_variables_name_the_function(cloud, gateway, function):
    api, root = rest_api(gateway)
    proxy(
        gateway, api, root, function="arn:aws:lambda:us-east-1:000000000000:function:${stageVariables.name}"
    )
    deploy(gateway, api, variables={"name": "blue"})
    cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")
    here = {"restApiId": api, "stageName": "prod"}
    gateway.update_stage(
        **here, patchOperations=[{"op": "replace", "path": "/variables/name", "value": "green"}]
    )
    cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")
    assert [asked["FunctionName"].rpartition(":")[2] for asked in function.asked] == ["blue", "green"]


def test_gateway_responses_are_worded_by_the_owner(cloud, gateway):
    api, root = rest_api(gateway)
    mock(gateway, api, root)
    gateway.put_gateway_response(
        restApiId=api,
        responseType="DEFAULT_4XX",
        responseParameters={
            "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
            "gatewayresponse.header.was": "method.request.header.Accept",
        },
        responseTemplates={
            "application/json": '{"sorry": $context.error.messageString, "type": "$context.error.responseType"}'
        },
    )
    deploy(gateway, api)
    status, headers, body = cloud.http(
        "GET", f"/restapis/{api}/prod/_user_request_/nowhere", headers={"Accept": "text/x"}
    )
    assert (status, json.loads(body)) == (
        403,
        {"sorry": "Missing Authentication Token", "type": "MISSING_AUTHENTICATION_TOKEN"},
    )
    assert headers["Access-Control-Allow-Origin"] == "*" and headers["was"] == "text/x"


def test_a_disabled_endpoint_is_forbidden(cloud, gateway):
    api, root = rest_api(gateway, disableExecuteApiEndpoint=True)
    mock(gateway, api, root)
    deploy(gateway, api)
    assert cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")[0] == 403


def test_what_was_deployed_survives_a_kill(cloud, gateway):
    api, root = rest_api(gateway)
    mock(gateway, api, root, body="still here")
    deploy(gateway, api)
    cloud.restart(kill=True)
    assert cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")[2] == b"still here"


def test_a_mock_of_another_content_type_follows_its_passthrough_behaviour(cloud, gateway):
    api, root = rest_api(gateway)
    mock(gateway, api, root, "POST", body="mocked")
    here = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    path = f"/restapis/{api}/prod/_user_request_/"
    deploy(gateway, api)
    assert (
        cloud.http("POST", path, headers={"Content-Type": "text/plain"}, body=b'{"statusCode": 200}')[2]
        == b"mocked"
    )
    assert cloud.http("POST", path, headers={"Content-Type": "text/plain"}, body=b"text")[0] == 500
    gateway.update_integration(
        **here, patchOperations=[{"op": "replace", "path": "/passthroughBehavior", "value": "NEVER"}]
    )
    deploy(gateway, api)
    status, _, body = cloud.http(
        "POST", path, headers={"Content-Type": "text/plain"}, body=b'{"statusCode": 200}'
    )
    assert (status, json.loads(body)) == (415, {"message": "Unsupported Media Type"})


def test_two_headers_reach_functions_in_one_spelling_and_the_others_as_they_were_sent(cloud, gateway, function):
    # Recorded from AWS: test_lambda_aws_proxy_integration.
    api, root = rest_api(gateway)
    proxy(gateway, api, root)
    deploy(gateway, api)
    sent = {"host": "localhost:4566", "authorization": "x", "user-agent": "y", "test-header": "z"}
    lines = [(b"aUThorization", b"x"), (b"user-Agent", b"y"), (b"tEsT-HEADeR", b"z")]
    request = Request("GET", f"/restapis/{api}/prod/_user_request_/", "", sent, lines=lines)
    cloud.run(cloud.deliver(request))
    headers = function.events[0]["headers"]
    assert (headers["Authorization"], headers["User-Agent"], headers["tEsT-HEADeR"]) == ("x", "y", "z")


def test_a_trace_without_a_parent_gets_one(cloud, gateway, function):
    # Recorded from AWS: test_invocation_trace_id.
    api, root = rest_api(gateway)
    proxy(gateway, api, root)
    deploy(gateway, api)
    path, root_id = f"/restapis/{api}/prod/_user_request_/", "Root=1-3152b799-8954dae64eda91bc9a23a7e8"
    whole = f"{root_id};Parent=7fa8c0f79203be72;Sampled=1"
    assert cloud.http("GET", path, headers={"x-amzn-trace-id": whole})[1]["X-Amzn-Trace-Id"] == whole
    trace = cloud.http("GET", path, headers={"x-amzn-trace-id": root_id})[1]["X-Amzn-Trace-Id"].split(";")
    assert trace[0] == root_id and trace[1].startswith("Parent=") and trace[1] != "Parent=7fa8c0f79203be72"
