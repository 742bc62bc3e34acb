"""Tasks that speak HTTP: apigateway:invoke and http:invoke. The former was recorded: services/test_apigetway_task_service."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from endpoint_workshop import Endpoint
from lambda_workshop import ACCOUNT
from states_workshop import make, run, start, told, types

ECHO = '{"message": $input.json(\'$\'), "query": "$input.params(\'q\')", "header": "$input.params(\'X-Own\')"}'


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


def api(cloud, authorization: str = "NONE") -> str:
    """An API that answers what it is asked, at ``prod/pets/{name}``; its endpoint."""
    apis = cloud.client("apigateway")
    api = apis.create_rest_api(name="api")["id"]
    root = apis.get_resources(restApiId=api)["items"][0]["id"]
    pets = apis.create_resource(restApiId=api, parentId=root, pathPart="pets")["id"]
    place = {"restApiId": api, "resourceId": pets, "httpMethod": "POST"}
    apis.put_method(**place, authorizationType=authorization)
    apis.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    apis.put_method_response(**place, statusCode="200")
    apis.put_integration_response(**place, statusCode="200", responseTemplates={"application/json": ECHO})
    apis.create_deployment(restApiId=api, stageName="prod")
    return f"{api}.execute-api.us-east-1.amazonaws.com"


def task(service: str, **parameters) -> dict:
    return {"T": {"Type": "Task", "Resource": f"arn:aws:states:::{service}:invoke", "Parameters": parameters, "End": True}}


def connection(cloud, **more) -> str:
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "secret"}, **more}
    return cloud.client("events").create_connection(Name="c", AuthorizationType="API_KEY", AuthParameters=key)["ConnectionArn"]


# Methods of APIs -----------------------------------------------------------------------------------


def test_a_method_of_an_api_is_called(cloud):
    # test_invoke_base, test_invoke_with_query_parameters, test_invoke_with_headers
    states = task(
        "apigateway", ApiEndpoint=api(cloud), Method="POST", Stage="prod", Path="pets", RequestBody={"a": ["Hello", "World!"]},
        QueryParameters={"q": ["x y"]}, Headers={"X-Own": ["1", "2"]},
    )  # fmt: skip
    execution = start(cloud, make(cloud, states))
    cloud.sleep(1)
    output = json.loads(told(cloud, execution)["output"])
    assert (output["StatusCode"], output["StatusText"]) == (200, "OK")
    assert output["ResponseBody"]["query"] == "x y" and output["ResponseBody"]["header"] == "1,2"
    assert output["Headers"]["Content-Type"] == ["application/json"]
    assert {"Content-Length", "Date", "x-amz-apigw-id", "x-amzn-RequestId"} <= set(output["Headers"])
    assert types(cloud, execution)[2:5] == ["TaskScheduled", "TaskStarted", "TaskSucceeded"]


def test_a_path_that_is_none_fails_as_recorded(cloud):
    # test_invoke_error
    found = run(cloud, task("apigateway", ApiEndpoint=api(cloud), Method="POST", Stage="prod", Path="none"))
    assert (found["error"], json.loads(found["cause"])) == ("ApiGateway.403", {"message": "Missing Authentication Token"})


def test_headers_that_are_no_lists_cannot_begin_a_task(cloud):
    # test_invoke_with_headers[singleStringHeader]
    endpoint = api(cloud)
    found = run(cloud, task("apigateway", ApiEndpoint=endpoint, Method="POST", Headers={"custom_header": "single"}))
    said = json.dumps({"ApiEndpoint": endpoint, "Headers": {"custom_header": "single"}, "Method": "POST"}, separators=(",", ":"))
    assert (found["error"], types(cloud, found["executionArn"])) == ("States.Runtime", ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"])
    assert found["cause"].startswith("An error occurred while executing the state 'T' (entered at the event id #2). The Parameters '")
    assert found["cause"].endswith("could not be used to start the Task: [The value of the field 'Headers' has an invalid format]")
    assert json.loads(found["cause"].split("'")[3]) == json.loads(said)


def test_a_method_of_iam_s_is_called_as_the_role_or_not_at_all(cloud):
    place = {"ApiEndpoint": api(cloud, "AWS_IAM"), "Method": "POST", "Stage": "prod", "Path": "pets"}
    assert run(cloud, task("apigateway", **place), name="a")["error"] == "ApiGateway.403"
    found = run(cloud, task("apigateway", **place, AuthType="IAM_ROLE"), name="b", actions=("execute-api:Invoke",))
    assert found["status"] == "SUCCEEDED"
    found = run(cloud, task("apigateway", **place, AuthType="IAM_ROLE"), name="c", actions=("s3:GetObject",))
    assert found["error"] == "ApiGateway.403" and "not authorized to perform: execute-api:Invoke" in found["cause"]


# Endpoints outside ---------------------------------------------------------------------------------


def test_an_endpoint_is_called_with_what_its_connection_adds(cloud, endpoint):
    # https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html
    more = {"QueryStringParameters": [{"Key": "k", "Value": "of connection"}], "BodyParameters": [{"Key": "b", "Value": "2"}]}
    arn = connection(cloud, InvocationHttpParameters=more)
    endpoint.will(201, {"id": 7}, X_Answer="yes")
    states = task(
        "http", ApiEndpoint=f"{endpoint.url}/things", Method="POST", Authentication={"ConnectionArn": arn}, Headers={"X-Own": "1"},
        QueryParameters={"q": "x", "list": [1, 2]}, RequestBody={"a": 1},
    )  # fmt: skip
    found = run(cloud, states)
    (asked,) = endpoint.asked
    assert (asked.method, asked.path, asked.query) == ("POST", "/things", {"q": "x", "list": "1,2", "k": "of connection"})
    assert asked.json == {"a": 1, "b": "2"}
    wanted = {"x-key": "secret", "x-own": "1", "user-agent": "Amazon|StepFunctions|HttpInvoke|us-east-1", "range": "bytes=0-262144"}
    assert {name: asked.headers[name] for name in wanted} == wanted
    output = found["output"]
    assert (output["StatusCode"], output["StatusText"], output["ResponseBody"], output["Headers"]["X-Answer"]) == (201, "Created", {"id": 7}, ["yes"])


@pytest.mark.parametrize(
    ("format_", "sent"),
    [
        ("INDICES", "a[0]=1&a[1]=2&o[x]=y"),
        ("BRACKETS", "a[]=1&a[]=2&o[x]=y"),
        ("REPEAT", "a=1&a=2&o[x]=y"),
        ("COMMAS", "a=1,2&o[x]=y"),
    ],
)
def test_a_body_may_be_a_form(cloud, endpoint, format_, sent):
    transform = {"RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": {"ArrayFormat": format_}}
    run(cloud, task("http", ApiEndpoint=endpoint.url, Method="POST", Authentication={"ConnectionArn": connection(cloud)},
                    RequestBody={"a": [1, 2], "o": {"x": "y"}}, Transform=transform))  # fmt: skip
    (asked,) = endpoint.asked
    assert unquote(asked.body.decode()) == sent and asked.headers["content-type"] == "application/x-www-form-urlencoded"


def test_what_an_endpoint_refuses_has_its_status_in_its_name_and_is_retried(cloud, endpoint):
    states = task("http", ApiEndpoint=endpoint.url, Method="GET", Authentication={"ConnectionArn": connection(cloud)})
    states["T"]["Retry"] = [{"ErrorEquals": ["States.Http.StatusCode.503"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    endpoint.will(503, {"busy": True})
    endpoint.will(404, {"no": "such"})
    found = run(cloud, states, seconds=5)
    assert (found["error"], json.loads(found["cause"]), len(endpoint.asked)) == ("States.Http.StatusCode.404", {"no": "such"}, 2)


def test_an_endpoint_that_nobody_answers_at(cloud):
    found = run(cloud, task("http", ApiEndpoint="http://127.0.0.1:1/", Method="GET", Authentication={"ConnectionArn": connection(cloud)}))
    assert found["error"] == "States.Http.Socket"


@pytest.mark.parametrize(
    ("actions", "error"),
    [
        (("events:RetrieveConnectionCredentials", "secretsmanager:*"), "Events.ConnectionResource.AccessDenied"),
        (("states:InvokeHTTPEndpoint", "secretsmanager:*"), "Events.ConnectionResource.AccessDenied"),
        (("states:InvokeHTTPEndpoint", "events:RetrieveConnectionCredentials"), "Events.ConnectionResource.AccessDenied"),
    ],
)
def test_a_role_needs_the_endpoint_the_connection_and_its_secret(cloud, endpoint, actions, error):
    states = task("http", ApiEndpoint=endpoint.url, Method="GET", Authentication={"ConnectionArn": connection(cloud)})
    assert run(cloud, states, actions=actions)["error"] == error and not endpoint.asked


def test_a_connection_that_is_gone_or_not_authorized_says_so(cloud, endpoint):
    arn = connection(cloud)
    states = task("http", ApiEndpoint=endpoint.url, Method="GET", Authentication={"ConnectionArn": arn})
    cloud.client("events").deauthorize_connection(Name="c")
    assert run(cloud, states, name="a")["error"] == "Events.ConnectionResource.InvalidConnectionState"
    cloud.client("events").delete_connection(Name="c")
    assert run(cloud, states, name="b")["error"] == "Events.ConnectionResource.ConnectionNotFound"


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ({"ApiEndpoint": "http://example.com/", "Method": "GET"}, "ApiEndpoint"),
        ({"ApiEndpoint": "https://example.com/", "Method": "TRACE"}, "Method"),
        ({"ApiEndpoint": "https://example.com/", "Method": "GET", "Headers": {"Authorization": "me"}}, "Headers"),
        ({"ApiEndpoint": "https://example.com/", "Method": "GET", "Transform": {"RequestBodyEncoding": "XML"}}, "Transform"),
        ({"Method": "GET"}, "ApiEndpoint"),
    ],
)
def test_what_cannot_be_asked_is_not_asked(cloud, parameters, what):
    arn = f"arn:aws:events:us-east-1:{ACCOUNT}:connection/c/1"
    found = run(cloud, task("http", **parameters, Authentication={"ConnectionArn": arn}))
    assert found["error"] == "States.Runtime" and f"'{what}'" in found["cause"]
