"""Connections and API destinations. Recorded answers: test_api_destinations_and_connection."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path

import pytest
from endpoint_workshop import Endpoint
from lambda_workshop import put_role
from refusals import refused
from test_events_rules import ACCOUNT, put, queue, received, rule

ROLE = f"arn:aws:iam::{ACCOUNT}:role/caller"
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}})
BASIC = {"BasicAuthParameters": {"Username": "user", "Password": "pass"}}
KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "secret"}}


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def events(cloud):
    cloud.region()
    return cloud.client("events")


def oauth(endpoint: Endpoint, **more) -> dict:
    client = {"ClientID": "me", "ClientSecret": "mine"}
    said = {"ClientParameters": client, "AuthorizationEndpoint": f"{endpoint.url}/token", "HttpMethod": "POST", **more}
    return {"OAuthParameters": said}


def connect(events, parameters: dict, kind: str = "API_KEY", name: str = "c") -> str:
    return events.create_connection(Name=name, AuthorizationType=kind, AuthParameters=parameters)["ConnectionArn"]


def destine(events, connection: str, url: str, name: str = "d", **more) -> str:
    more = {"HttpMethod": "POST", **more}
    return events.create_api_destination(Name=name, ConnectionArn=connection, InvocationEndpoint=url, **more)["ApiDestinationArn"]


def target(cloud, destination: str, actions: tuple[str, ...] = ("events:InvokeApiDestination",), **more) -> None:
    put_role(cloud, *actions, trust=TRUST, arn=ROLE)
    rule(cloud, {"Id": "t", "Arn": destination, "RoleArn": ROLE, **more})


def test_a_connection_shows_nothing_that_is_secret(events):
    # test_create_connection, test_create_connection_with_auth
    made = events.create_connection(Name="c", AuthorizationType="BASIC", AuthParameters={**BASIC, "InvocationHttpParameters": {}})
    assert made["ConnectionState"] == "AUTHORIZED" and "LastAuthorizedTime" not in made
    assert re.fullmatch(rf"arn:aws:events:us-east-1:{ACCOUNT}:connection/c/[0-9a-f-]{{36}}", made["ConnectionArn"])
    shown = events.describe_connection(Name="c")
    assert shown["AuthParameters"] == {"BasicAuthParameters": {"Username": "user"}, "InvocationHttpParameters": {}}
    assert (shown["AuthorizationType"], shown["ConnectionState"], shown["Name"]) == ("BASIC", "AUTHORIZED", "c")
    assert re.fullmatch(rf"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:events!connection/c/[0-9a-f-]{{36}}-\w{{6}}", shown["SecretArn"])


def test_secrets_are_sealed_where_they_lie(cloud, events):
    connect(events, {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "a-most-secret-value"}})
    cloud.restart()
    files = [file for file in Path(cloud.folder).rglob("*") if file.is_file()]
    assert files and not any(b"a-most-secret-value" in file.read_bytes() for file in files)


def test_connections_are_listed_changed_deauthorized_and_deleted(events):
    # test_list_connections, test_update_connection, test_delete_connection
    connect(events, BASIC, "BASIC")
    connect(events, KEY, name="k")
    assert [each["Name"] for each in events.list_connections()["Connections"]] == ["c", "k"]
    page = events.list_connections(Limit=1)
    assert [each["Name"] for each in events.list_connections(Limit=1, NextToken=page["NextToken"])["Connections"]] == ["k"]
    assert [each["Name"] for each in events.list_connections(NamePrefix="k")["Connections"]] == ["k"]
    events.update_connection(Name="c", AuthParameters={"BasicAuthParameters": {"Username": "new", "Password": "new"}})
    assert events.describe_connection(Name="c")["AuthParameters"]["BasicAuthParameters"] == {"Username": "new"}
    assert events.deauthorize_connection(Name="c")["ConnectionState"] == "DEAUTHORIZING"
    assert events.list_connections(ConnectionState="DEAUTHORIZED")["Connections"][0]["Name"] == "c"
    assert events.delete_connection(Name="c")["ConnectionState"] == "DELETING"
    message = "Failed to describe the connection(s). Connection 'c' does not exist."
    assert refused(events.describe_connection, Name="c") == ("ResourceNotFoundException", message)


def test_connections_that_make_no_sense_are_refused(events):
    # test_create_connection_invalid_parameters, test_create_connection_name_validation
    code, text = refused(events.create_connection, Name="c", AuthorizationType="MAGIC", AuthParameters=BASIC)
    assert (code, "Member must satisfy enum value set" in text) == ("ValidationException", True)
    assert refused(events.create_connection, Name="c", AuthorizationType="API_KEY", AuthParameters=BASIC)[0] == "ValidationException"
    # cdk-preflight's pf-events-connection-auth-parameters, of AWS
    missing = "Parameter BasicAuthParameters is not valid. Reason: Missing required field(s)"
    assert refused(events.create_connection, Name="c", AuthorizationType="BASIC", AuthParameters=KEY) == ("ValidationException", missing)
    connect(events, BASIC, "BASIC")
    assert refused(events.create_connection, Name="c", AuthorizationType="BASIC", AuthParameters=BASIC)[0] == "ResourceAlreadyExistsException"


def test_an_api_destination_lives_as_recorded(events):
    # test_api_destinations
    connection = connect(events, BASIC, "BASIC")
    arn = destine(events, connection, "https://example.com/api", Description="Test")
    assert re.fullmatch(rf"arn:aws:events:us-east-1:{ACCOUNT}:api-destination/d/[0-9a-f-]{{36}}", arn)
    shown = events.describe_api_destination(Name="d")
    assert (shown["ApiDestinationState"], shown["InvocationRateLimitPerSecond"], shown["Description"]) == ("ACTIVE", 300, "Test")
    events.update_api_destination(Name="d", HttpMethod="PUT", InvocationEndpoint="https://example.com/api/v2")
    (listed,) = events.list_api_destinations(ConnectionArn=connection)["ApiDestinations"]
    assert (listed["HttpMethod"], listed["InvocationEndpoint"], "Description" in listed) == ("PUT", "https://example.com/api/v2", False)
    events.deauthorize_connection(Name="c")
    assert events.describe_api_destination(Name="d")["ApiDestinationState"] == "INACTIVE"
    events.delete_api_destination(Name="d")
    message = "Failed to describe the api-destination(s). An api-destination 'd' does not exist."
    assert refused(events.describe_api_destination, Name="d") == ("ResourceNotFoundException", message)


def test_only_endpoints_of_this_machine_may_do_without_tls(events):
    connection = connect(events, BASIC, "BASIC")
    said = {"Name": "d", "ConnectionArn": connection, "HttpMethod": "POST"}
    # cdk-preflight's pf-events-apidestination-endpoint, of AWS
    text = "Parameter InvocationEndpoint is not valid. Reason: Endpoint 'http://example.com/' is not valid"
    assert refused(events.create_api_destination, InvocationEndpoint="http://example.com/", **said) == ("ValidationException", text)
    events.create_api_destination(InvocationEndpoint="http://localhost:1/", **said)


def test_an_event_reaches_an_endpoint_with_the_key_of_its_connection(cloud, events, endpoint):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html#eb-api-destination-headers
    more = {
        "HeaderParameters": [{"Key": "X-More", "Value": "1", "IsValueSecret": True}],
        "QueryStringParameters": [{"Key": "q", "Value": "of connection"}],
        "BodyParameters": [{"Key": "added", "Value": "yes"}],
    }
    connection = connect(events, {**KEY, "InvocationHttpParameters": more})
    held = cloud.client("secretsmanager").get_secret_value(SecretId=events.describe_connection(Name="c")["SecretArn"])["SecretString"]
    # As moto's test_kms_key_is_created saw it of AWS.
    assert json.loads(held)["invocation_http_parameters"]["header_parameters"][0].keys() == {"key", "value", "is_value_secret"}
    assert events.describe_connection(Name="c")["AuthParameters"]["InvocationHttpParameters"]["HeaderParameters"] == [
        {"Key": "X-More", "IsValueSecret": True}
    ]
    destination = destine(events, connection, f"{endpoint.url}/pets/*/toys/*")
    parameters = {
        "PathParameterValues": ["$.detail.command", "a b"], "HeaderParameters": {"X-Own": "$.detail.payload.acc_id"},
        "QueryStringParameters": {"q": "of target", "z": "26"},
    }  # fmt: skip
    target(cloud, destination, HttpParameters=parameters, InputTransformer={"InputPathsMap": {"c": "$.detail.command"}, "InputTemplate": '{"c": <c>}'})
    put(cloud)
    cloud.sleep(1)
    (asked,) = endpoint.asked
    assert (asked.method, asked.path) == ("POST", "/pets/update/toys/a%20b")
    assert asked.query == {"q": "of connection", "z": "26"} and asked.json == {"c": "update", "added": "yes"}
    wanted = {
        "x-key": "secret", "x-more": "1", "x-own": "0a78", "user-agent": "Amazon/EventBridge/ApiDestinations",
        "content-type": "application/json; charset=utf-8", "range": "bytes=0-1048575", "accept-encoding": "gzip,deflate", "connection": "close",
    }  # fmt: skip
    assert {name: asked.headers.get(name) for name in wanted} == wanted


def test_basic_authorization(cloud, events, endpoint):
    target(cloud, destine(events, connect(events, BASIC, "BASIC"), endpoint.url))
    put(cloud)
    cloud.sleep(1)
    assert endpoint.asked[0].headers["authorization"] == "Basic " + base64.b64encode(b"user:pass").decode()


def test_a_role_without_the_right_calls_nothing(cloud, events, endpoint):
    dead = queue(cloud, "dead")
    destination = destine(events, connect(events, KEY), endpoint.url)
    target(cloud, destination, ("s3:GetObject",), DeadLetterConfig={"Arn": dead})
    put(cloud)
    cloud.sleep(1)
    (buried,) = received(cloud, "dead")
    assert buried["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS" and not endpoint.asked


def test_a_token_is_fetched_and_another_when_it_was_refused(cloud, events, endpoint):
    endpoint.will(200, {"access_token": "first", "token_type": "Bearer", "expires_in": 3600})
    made = events.create_connection(Name="c", AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters=oauth(endpoint))
    assert made["ConnectionState"] == "AUTHORIZING"
    cloud.sleep(1)
    assert events.describe_connection(Name="c")["ConnectionState"] == "AUTHORIZED"
    assert endpoint.asked[0].body == b"grant_type=client_credentials&client_id=me&client_secret=mine"
    target(cloud, destine(events, made["ConnectionArn"], f"{endpoint.url}/hook"))
    endpoint.will(401)
    endpoint.will(200, {"access_token": "second", "expires_in": 100})
    put(cloud)
    cloud.sleep(1)
    assert [(asked.path, asked.headers.get("authorization")) for asked in endpoint.asked[1:]] == [
        ("/hook", "Bearer first"), ("/token", None), ("/hook", "Bearer second")
    ]  # fmt: skip
    # It is about to expire: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html
    cloud.sleep(60)
    endpoint.will(200, {"access_token": "third"})
    put(cloud)
    cloud.sleep(1)
    assert endpoint.asked[-1].headers["authorization"] == "Bearer third"


def test_a_connection_that_gets_no_token_says_why(cloud, events, endpoint):
    endpoint.will(403, {"error": "invalid_client"})
    connection = connect(events, oauth(endpoint), "OAUTH_CLIENT_CREDENTIALS")
    cloud.sleep(1)
    shown = events.describe_connection(Name="c")
    assert shown["ConnectionState"] == "DEAUTHORIZED" and "403" in shown["StateReason"]
    destine(events, connection, endpoint.url)
    assert events.describe_api_destination(Name="d")["ApiDestinationState"] == "INACTIVE"
    endpoint.will(200, {"access_token": "a"})
    events.update_connection(Name="c", Description="again")
    cloud.sleep(1)
    assert events.describe_api_destination(Name="d")["ApiDestinationState"] == "ACTIVE"


def test_a_connection_is_authorized_after_a_kill(cloud, events, endpoint):
    connect(events, oauth(endpoint), "OAUTH_CLIENT_CREDENTIALS")
    cloud.restart(kill=True)
    endpoint.will(200, {"access_token": "a"})
    endpoint.will(200, {"access_token": "a"})
    cloud.sleep(1)
    assert events.describe_connection(Name="c")["ConnectionState"] == "AUTHORIZED"


def test_an_endpoint_is_tried_again_as_it_asks_and_then_buried(cloud, events, endpoint):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html#eb-api-destination-error-codes
    dead = queue(cloud, "dead")
    target(cloud, destine(events, connect(events, KEY), endpoint.url), RetryPolicy={"MaximumRetryAttempts": 2}, DeadLetterConfig={"Arn": dead})
    endpoint.will(503, Retry_After="100")
    endpoint.will(429)
    endpoint.will(500)
    put(cloud)
    cloud.sleep(90)
    assert len(endpoint.asked) == 1
    cloud.sleep(90)
    assert len(endpoint.asked) == 3
    (buried,) = received(cloud, "dead")
    said = {name: value["StringValue"] for name, value in buried["MessageAttributes"].items()}
    assert (said["ERROR_CODE"], said["EXHAUSTED_RETRY_CONDITION"], said["RETRY_ATTEMPTS"]) == ("ERROR_FROM_TARGET", "MaximumRetryAttempts", "2")


@pytest.mark.parametrize("status", [401, 407, 409])
def test_an_endpoint_that_may_take_it_later_is_asked_again(cloud, events, endpoint, status):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html#eb-api-destination-error-codes
    target(cloud, destine(events, connect(events, KEY), endpoint.url))
    endpoint.will(status)
    put(cloud)
    cloud.sleep(600)
    assert len(endpoint.asked) == 2


def test_headers_of_eventbridge_s_own_are_said_by_nobody_else(cloud, events, endpoint):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html#eb-api-destination-headers
    wanted = {"user-agent": "Amazon/EventBridge/ApiDestinations", "range": "bytes=0-1048575", "accept-encoding": "gzip,deflate"}
    more = {"HeaderParameters": [{"Key": "User-Agent", "Value": "mine"}, {"Key": "Content-Type", "Value": "text/plain"}]}
    connection = connect(events, {**KEY, "InvocationHttpParameters": more})
    asked_for = dict.fromkeys(["Range", "ACCEPT-ENCODING", "Origin", "Content-Encoding", "Host", "Via", "X-Own"], "mine")
    target(cloud, destine(events, connection, endpoint.url), HttpParameters={"HeaderParameters": asked_for})
    put(cloud)
    cloud.sleep(1)
    (asked,) = endpoint.asked
    assert {name: asked.headers.get(name) for name in wanted} == wanted
    assert asked.headers["x-own"] == "mine" and asked.headers["content-type"] == "text/plain" and asked.headers["host"] != "mine"
    assert not {"origin", "content-encoding", "via"} & set(asked.headers)


def test_what_an_endpoint_refuses_is_not_tried_again(cloud, events, endpoint):
    dead = queue(cloud, "dead")
    target(cloud, destine(events, connect(events, KEY), endpoint.url), DeadLetterConfig={"Arn": dead})
    endpoint.will(400)
    put(cloud)
    cloud.sleep(1)
    assert received(cloud, "dead")[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "ERROR_FROM_TARGET" and len(endpoint.asked) == 1


def test_an_endpoint_is_called_no_oftener_than_its_owner_says(cloud, events, endpoint):
    target(cloud, destine(events, connect(events, KEY), endpoint.url, InvocationRateLimitPerSecond=2))
    for _ in range(6):
        put(cloud)
    cloud.sleep(0.9)
    assert len(endpoint.asked) == 2
    cloud.sleep(1.0)
    assert len(endpoint.asked) == 4
    cloud.sleep(2.0)
    assert len(endpoint.asked) == 6


def test_an_answer_may_be_packed(cloud, events, endpoint):
    target(cloud, destine(events, connect(events, KEY), endpoint.url))
    endpoint.answers.append((200, {"Content-Encoding": "gzip"}, gzip.compress(b"{}")))
    put(cloud)
    cloud.sleep(1)
    assert len(endpoint.asked) == 1


def test_an_api_of_this_cloud_is_a_target(cloud, events):
    apis = cloud.client("apigateway")
    api = apis.create_rest_api(name="api")["id"]
    root = apis.get_resources(restApiId=api)["items"][0]["id"]
    pets = apis.create_resource(restApiId=api, parentId=root, pathPart="{pet}")["id"]
    apis.put_method(restApiId=api, resourceId=pets, httpMethod="POST", authorizationType="AWS_IAM")
    queue(cloud)
    trust = TRUST.replace("events.", "apigateway.")
    put_role(cloud, "sqs:SendMessage", trust=trust, arn=f"arn:aws:iam::{ACCOUNT}:role/api")
    apis.put_integration(
        restApiId=api, resourceId=pets, httpMethod="POST", type="AWS", integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:us-east-1:sqs:path/{ACCOUNT}/q", credentials=f"arn:aws:iam::{ACCOUNT}:role/api",
        requestParameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        requestTemplates={"application/json": "Action=SendMessage&MessageBody=$input.params('pet')+$context.path+$input.params().header.get('Content-Type')"},
    )  # fmt: skip
    apis.put_method_response(restApiId=api, resourceId=pets, httpMethod="POST", statusCode="200")
    apis.put_integration_response(restApiId=api, resourceId=pets, httpMethod="POST", statusCode="200")
    apis.create_deployment(restApiId=api, stageName="prod")
    arn = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api}/prod/POST/*"
    target(cloud, arn, ("execute-api:Invoke",), HttpParameters={"PathParameterValues": ["$.detail.command"]})
    put(cloud)
    cloud.sleep(1)
    # The slash and the letters of header names: localstack's test_put_events_with_target_api_gateway, recorded.
    assert received(cloud)[0]["Body"] == "update /prod/update/ application/json"


def test_what_is_secret_of_a_connection_is_a_secret_that_eventbridge_keeps(cloud, events):
    connect(events, {"BasicAuthParameters": {"Username": "user", "Password": "word"}}, "BASIC")
    arn = events.describe_connection(Name="c")["SecretArn"]
    secrets = cloud.client("secretsmanager")
    (listed,) = secrets.list_secrets()["SecretList"]
    assert (listed["ARN"], listed["OwningService"]) == (arn, "events")
    assert secrets.describe_secret(SecretId=arn)["Tags"] == [{"Key": "aws:secretsmanager:owningService", "Value": "events"}]
    assert json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"]) == {"username": "user", "password": "word"}
    for verb, more in (("delete_secret", {}), ("put_secret_value", {"SecretString": "x"}), ("update_secret", {"SecretString": "x"})):
        assert refused(getattr(secrets, verb), SecretId=arn, **more)[0] == "InvalidRequestException", verb
    events.update_connection(Name="c", AuthParameters={"BasicAuthParameters": {"Username": "user", "Password": "other"}})
    cloud.restart(kill=True)
    assert json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])["password"] == "other"
    events.deauthorize_connection(Name="c")
    assert "SecretArn" not in events.describe_connection(Name="c") and secrets.list_secrets()["SecretList"] == []
    events.update_connection(Name="c", AuthParameters={"BasicAuthParameters": {"Username": "user", "Password": "again"}})
    again = events.describe_connection(Name="c")["SecretArn"]
    assert json.loads(secrets.get_secret_value(SecretId=again)["SecretString"])["password"] == "again"
    events.delete_connection(Name="c")
    assert secrets.list_secrets()["SecretList"] == []


def test_a_connection_whose_key_is_shut_authorizes_nothing(cloud, events, endpoint):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    made = events.create_connection(Name="c", AuthorizationType="API_KEY", AuthParameters=KEY, KmsKeyIdentifier=key)["ConnectionArn"]
    shown = events.describe_connection(Name="c")
    assert shown["KmsKeyIdentifier"] == key
    assert cloud.client("secretsmanager").describe_secret(SecretId=shown["SecretArn"])["KmsKeyId"] == key
    target(cloud, destine(events, made, endpoint.url))
    put(cloud)
    cloud.sleep(5)
    assert len(endpoint.asked) == 1
    kms.disable_key(KeyId=key)
    put(cloud)
    cloud.sleep(5)
    assert len(endpoint.asked) == 1
