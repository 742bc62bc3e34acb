"""Function URLs: HTTP in, HTTP out, and who may."""

from __future__ import annotations

import json

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from lambda_workshop import make, put_user

EVENT = "def handler(event, context): return event"
ANYBODY = {"Principal": "*", "FunctionName": "f"}


def open_url(cloud, *, is_open=True, **more) -> str:
    """Create a URL; answers its host."""
    client = cloud.client("lambda")
    url = client.create_function_url_config(FunctionName="f", **({"AuthType": "NONE"} | more))["FunctionUrl"]
    if is_open:
        client.add_permission(**ANYBODY, StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
        client.add_permission(**ANYBODY, StatementId="invoke", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True)
    assert url.startswith("http://") and url.endswith(".lambda-url.us-east-1.localhost:4566/")
    return url.removeprefix("http://").rstrip("/")


def test_a_request_becomes_an_event(cloud):
    make(cloud, EVENT)
    host = open_url(cloud)
    headers = {"content-type": "application/json", "cookie": "a=1; b=2", "user-agent": "test"}
    status, answered, body = cloud.http("POST", "/a%20b?x=1&x=2&y=", host=host, headers=headers, body=b'{"k":1}')
    event = json.loads(body)
    assert (status, answered["Content-Type"]) == (200, "application/json")
    assert (event["version"], event["rawPath"], event["rawQueryString"]) == ("2.0", "/a b", "x=1&x=2&y=")
    assert event["queryStringParameters"] == {"x": "1,2", "y": ""} and event["cookies"] == ["a=1", "b=2"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"k":1}', False)
    assert event["requestContext"]["http"]["method"] == "POST" and event["requestContext"]["accountId"] == "anonymous"
    event = json.loads(cloud.http("POST", "/", host=host, headers={"content-type": "image/png"}, body=b"\xff")[2])
    assert (event["body"], event["isBase64Encoded"]) == ("/w==", True)


def test_a_request_its_event_its_function_and_its_response_are_of_one_trace(cloud):
    # Recorded: test_cfn_function_url, test_lambda_url_echo_http_fixture_default.
    make(cloud, "import os\ndef handler(event, context): return [event['headers']['x-amzn-trace-id'], os.environ['_X_AMZN_TRACE_ID']]")
    _, answered, body = cloud.http("GET", "/", host=open_url(cloud))
    roots = {text.partition(";")[0] for text in (*json.loads(body), answered["X-Amzn-Trace-Id"])}
    assert len(roots) == 1 and roots.pop().startswith("Root=1-")


@pytest.mark.parametrize(
    "answer, status, kind, body",
    [
        # Recorded: test_lambda_url_invocation.
        ('{"hello": "world"}', 200, "application/json", b'{"hello":"world"}'),
        ('["hello", 3, true]', 200, "application/json", b'["hello",3,true]'),
        ('"hello"', 200, "application/json", b"hello"),
        ("3.1", 200, "application/json", b"3.1"),
        ('{"statusCode": 201, "body": "b", "headers": {"content-type": "text/plain"}}', 201, "text/plain", b"b"),
        ('{"statusCode": 200, "body": "/w==", "isBase64Encoded": true}', 200, "application/json", b"\xff"),
        ('{"statusCode": "no"}', 502, "application/json", b"Internal Server Error"),
        ('{"statusCode": 200, "headers": {"a": "b\\nc"}}', 502, "application/json", b"Internal Server Error"),
    ],
)
def test_an_answer_becomes_a_response(cloud, answer, status, kind, body):
    make(cloud, f"import json\ndef handler(event, context): return json.loads({answer!r})")
    got, headers, content = cloud.http("GET", "/", host=open_url(cloud))
    assert (got, {name.lower(): value for name, value in headers.items()}["content-type"], content) == (status, kind, body)


def test_a_url_nobody_opened_is_forbidden(cloud):
    # Recorded: test_lambda_permission_url_invocation.
    make(cloud, EVENT)
    status, headers, body = cloud.http("GET", "/", host=open_url(cloud, is_open=False))
    assert (status, headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    assert json.loads(body)["Message"] == (
        "Forbidden. For troubleshooting Function URL authorization issues, see: "
        "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
    )


def test_a_url_of_iam_refuses_strangers(cloud):
    make(cloud, EVENT)
    assert cloud.http("GET", "/", host=open_url(cloud, AuthType="AWS_IAM", is_open=False))[0] == 403


def test_an_error_of_the_function_is_a_bad_gateway(cloud):
    make(cloud, "def handler(event, context): raise ValueError")
    assert cloud.http("GET", "/", host=open_url(cloud))[::2] == (502, b"Internal Server Error")


def test_browsers_are_told_what_the_configuration_allows(cloud):
    make(cloud, EVENT)
    host = open_url(cloud, Cors={"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "MaxAge": 5})
    asks = {"origin": "https://a.example", "access-control-request-method": "GET"}
    status, headers, _ = cloud.http("OPTIONS", "/", host=host, headers=asks)
    assert (status, headers["Access-Control-Allow-Methods"], headers["Access-Control-Max-Age"]) == (200, "GET", "5")
    headers = cloud.http("GET", "/", host=host, headers={"origin": "https://a.example"})[1]
    assert headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert "Access-Control-Allow-Origin" not in cloud.http("GET", "/", host=host, headers={"origin": "https://b.example"})[1]


def test_a_creation_answers_the_mode_to_those_who_said_one(cloud):
    # Recorded: test_lambda_url_echo_invoke, test_url_config_lifecycle.
    make(cloud, EVENT)
    client = cloud.client("lambda")
    assert "InvokeMode" not in client.create_function_url_config(FunctionName="f", AuthType="NONE")
    assert client.get_function_url_config(FunctionName="f")["InvokeMode"] == "BUFFERED"
    client.delete_function_url_config(FunctionName="f")
    said = client.create_function_url_config(FunctionName="f", AuthType="NONE", InvokeMode="BUFFERED")
    assert said["InvokeMode"] == "BUFFERED"


def test_a_deleted_url_is_gone(cloud):
    make(cloud, EVENT)
    host = open_url(cloud)
    cloud.client("lambda").delete_function_url_config(FunctionName="f")
    assert cloud.client("lambda").list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"] == []
    # Recorded: test_lambda_url_persists_after_alias_delete, test_lambda_url_non_existing_url.
    assert is_forbidden(cloud, host)
    status, headers, body = cloud.http("GET", "/", host=f"0123456789{host[10:]}")
    assert (status, headers["x-amzn-ErrorType"], body) == (403, "AccessDeniedException", b'{"Message":null}')
    assert cloud.http("GET", "/", host=open_url(cloud, is_open=False))[0] == 200 and is_forbidden(cloud, host)


def is_forbidden(cloud, host) -> bool:
    status, headers, body = cloud.http("GET", "/", host=host)
    return (status, headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException") and b"Forbidden. For troubleshooting" in body


def test_a_url_goes_with_its_alias_and_so_does_who_might_use_it(cloud):
    # Recorded: test_lambda_url_persists_after_alias_delete. That an alias of the same name begins with nothing is ours.
    make(cloud, EVENT, Publish=True)
    client, live = cloud.client("lambda"), {"FunctionName": "f", "Name": "live"}
    client.create_alias(**live, FunctionVersion="1")
    host = open_url(cloud, Qualifier="live", is_open=False)
    client.add_permission(
        **ANYBODY, Qualifier="live", StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE"
    )
    client.put_function_event_invoke_config(FunctionName="f", Qualifier="live", MaximumRetryAttempts=0)
    assert cloud.http("GET", "/", host=host)[0] == 200
    client.delete_alias(**live)
    assert is_forbidden(cloud, host)
    client.create_alias(**live, FunctionVersion="1")
    for told in (client.get_function_url_config, client.get_policy, client.get_function_event_invoke_config):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            told(FunctionName="f", Qualifier="live")
    assert is_forbidden(cloud, host)


def signed(host: str, key: str, secret: str) -> dict[str, str]:
    request = AWSRequest("GET", f"http://{host}/", headers={"host": host})
    SigV4Auth(Credentials(key, secret), "lambda", "us-east-1").add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def test_a_url_of_iam_answers_who_may_use_it_and_says_who_asked(cloud):
    make(cloud, EVENT)
    host = open_url(cloud, AuthType="AWS_IAM", is_open=False)
    put_user(cloud, "anna", "AKIAANNA", "lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
    put_user(cloud, "bert", "AKIABERT", "lambda:InvokeFunctionUrl")
    status, _, body = cloud.http("GET", "/", host=host, headers=signed(host, "AKIAANNA", "secret"))
    assert status == 200
    iam = json.loads(body)["requestContext"]["authorizer"]["iam"]
    assert (iam["userArn"], iam["accountId"], iam["accessKey"]) == ("arn:aws:iam::000000000000:user/anna", "000000000000", "AKIAANNA")
    assert iam["principalOrgId"] is None
    garden = cloud.client("organizations").create_organization()["Organization"]["Id"]
    body = cloud.http("GET", "/", host=host, headers=signed(host, "AKIAANNA", "secret"))[2]
    assert json.loads(body)["requestContext"]["authorizer"]["iam"]["principalOrgId"] == garden
    # Since October 2025 both permissions are needed: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    assert cloud.http("GET", "/", host=host, headers=signed(host, "AKIABERT", "secret"))[0] == 403
    assert cloud.http("GET", "/", host=host, headers=signed(host, "AKIAANNA", "wrong"))[0] == 403


def test_an_open_url_asks_for_one_permission_and_minds_a_denial_of_the_other(cloud):
    # Recorded: test_lambda_url_invocation.
    make(cloud, EVENT)
    host = open_url(cloud, is_open=False)
    client = cloud.client("lambda")
    client.add_permission(**ANYBODY, StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
    assert cloud.http("GET", "/", host=host)[0] == 200


def test_the_callers_connection_is_not_the_functions_business(cloud):
    make(cloud, EVENT)
    event = json.loads(cloud.http("GET", "/", host=open_url(cloud), headers={"connection": "keep-alive", "x-a": "b"})[2])
    assert "connection" not in event["headers"] and event["headers"]["x-a"] == "b"


def test_a_url_of_what_is_not_there_is_not_updated(cloud):
    # Recorded: test_url_config_exceptions.
    make(cloud, EVENT)
    client = cloud.client("lambda")
    for name, text in (("none", "Function does not exist"), ("f", "The resource you requested does not exist.")):
        with pytest.raises(client.exceptions.ResourceNotFoundException, match=text):
            client.update_function_url_config(FunctionName=name, AuthType="NONE")
