"""Three snippets of a handbook of serverless architectures, as written and as repaired, against real processes.

As written, AWS refuses or breaks each of them; so do we, in its words. With the smallest repair each does what it is about.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import urllib.error
import urllib.request
import zipfile

import pytest
from botocore.exceptions import ClientError, WaiterError

RUNTIME = f"python3.{sys.version_info.minor}"
TRUST = {"Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}

API = """
Resources:
  UserAPI:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Cors:
        AllowMethods: "'*'"
        AllowHeaders: "'*'"
        AllowOrigin: "'*'"
  UserFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: user-service/
      Handler: app.lambda_handler
      Runtime: python3.9
      Environment:
        Variables:
          USER_TABLE: !Ref UserTable
      Events:
        GetUser:
          Type: Api
          Properties:
            RestApiId: !Ref UserAPI
            Path: /users/{id}
            Method: get
        CreateUser:
          Type: Api
          Properties:
            RestApiId: !Ref UserAPI
            Path: /users
            Method: post
  UserTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - AttributeName: userId
          AttributeType: S
      KeySchema:
        - AttributeName: userId
          KeyType: HASH
"""

HANDLER = """
import json
import boto3
from decimal import Decimal

dynamodb = boto3.resource('dynamodb')
table = dynamodb.Table('Users')

def lambda_handler(event, context):
    http_method = event['httpMethod']
    path = event['path']
    try:
        if http_method == 'GET' and path.startswith('/users/'):
            return get_user(path.split('/')[-1])
        elif http_method == 'POST' and path == '/users':
            return create_user(json.loads(event['body']))
        elif http_method == 'PUT' and path.startswith('/users/'):
            return update_user(path.split('/')[-1], json.loads(event['body']))
        elif http_method == 'DELETE' and path.startswith('/users/'):
            return delete_user(path.split('/')[-1])
        else:
            return {'statusCode': 404, 'body': json.dumps({'error': 'Not Found'})}
    except Exception as e:
        return {'statusCode': 500, 'body': json.dumps({'error': str(e)})}

def get_user(user_id):
    response = table.get_item(Key={'userId': user_id})
    if 'Item' in response:
        return {'statusCode': 200, 'body': json.dumps(response['Item'], default=decimal_default)}
    return {'statusCode': 404, 'body': json.dumps({'error': 'User not found'})}

def decimal_default(obj):
    if isinstance(obj, Decimal):
        return float(obj)
    raise TypeError
"""

MISSING = """
def create_user(user):
    table.put_item(Item=json.loads(json.dumps(user), parse_float=Decimal))
    return {'statusCode': 201, 'body': json.dumps(user)}

def update_user(user_id, user):
    table.put_item(Item={**json.loads(json.dumps(user), parse_float=Decimal), 'userId': user_id})
    return {'statusCode': 200, 'body': json.dumps(user)}

def delete_user(user_id):
    table.delete_item(Key={'userId': user_id})
    return {'statusCode': 204}
"""


def zipped(source: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", source)
    return held.getvalue()


def called(kumoniwa, host: str, verb: str, path: str, body: dict | None = None) -> tuple[int, dict | None, dict]:
    """A caller of the API, who finds it by its host name."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(kumoniwa.endpoint + path, data=data, method=verb, headers={"Host": host})
    try:
        response = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        response = error
    text = response.read()
    return response.status, json.loads(text) if text else None, dict(response.headers)


def deployed(kumoniwa, template: str) -> str:
    """Make the stack; answers the API's id."""
    formation = kumoniwa.client("cloudformation")
    formation.create_stack(StackName="users", TemplateBody=template, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    formation.get_waiter("stack_create_complete").wait(StackName="users", WaiterConfig={"Delay": 1})
    resources = formation.describe_stack_resources(StackName="users")["StackResources"]
    return next(one["PhysicalResourceId"] for one in resources if one["ResourceType"] == "AWS::ApiGateway::RestApi")


def put_code(kumoniwa, source: str) -> str:
    s3 = kumoniwa.client("s3")
    s3.create_bucket(Bucket="artifacts")
    s3.put_object(Bucket="artifacts", Key="code.zip", Body=zipped(source))
    return "s3://artifacts/code.zip"


def repaired(uri: str, *, policy: bool = True) -> str:
    template = "Transform: AWS::Serverless-2016-10-31\n" + API.replace("user-service/", uri).replace("python3.9", RUNTIME)
    if policy:
        template = template.replace(
            "      Environment:", "      Timeout: 20\n      Policies: [{DynamoDBCrudPolicy: {TableName: !Ref UserTable}}]\n      Environment:"
        )
    return template


def test_the_api_as_written_is_refused_in_awss_words(kumoniwa):
    client, capabilities = kumoniwa.client("cloudformation"), ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    with pytest.raises(ClientError) as refused:
        client.create_stack(StackName="users", TemplateBody=API)
    assert refused.value.response["Error"] | {"Type": ""} == {
        "Type": "",
        "Code": "ValidationError",
        "Message": "Template format error: Unrecognized resource types: [AWS::Serverless::Api, AWS::Serverless::Function]",
    }
    made = client.create_stack(StackName="users", TemplateBody="Transform: AWS::Serverless-2016-10-31\n" + API, Capabilities=capabilities)
    with pytest.raises(WaiterError):
        client.get_waiter("stack_create_complete").wait(StackName=made["StackId"], WaiterConfig={"Delay": 0.2, "MaxAttempts": 50})
    reasons = [event.get("ResourceStatusReason", "") for event in client.describe_stack_events(StackName=made["StackId"])["StackEvents"]]
    assert any("'CodeUri' is not a valid S3 Uri of the form 's3://bucket/key'" in reason for reason in reasons)


def test_the_api_repaired_keeps_users(kumoniwa):
    source = (HANDLER + MISSING).replace("'Users'", "__import__('os').environ['USER_TABLE']")
    api = deployed(kumoniwa, repaired(put_code(kumoniwa, source)))
    host = f"{api}.execute-api.us-east-1.amazonaws.com"
    user = {"userId": "u1", "name": "Ada", "age": 36, "score": 1.5}
    assert called(kumoniwa, host, "POST", "/prod/users", user)[:2] == (201, user)
    assert called(kumoniwa, host, "GET", "/prod/users/u1")[:2] == (200, user)
    assert called(kumoniwa, host, "GET", "/prod/users/none")[:2] == (404, {"error": "User not found"})
    status, _, headers = called(kumoniwa, host, "OPTIONS", "/prod/users")
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert called(kumoniwa, host, "PUT", "/prod/users/u1", user)[:2] == (403, {"message": "Missing Authentication Token"})


def test_the_function_of_the_api_may_do_nothing_that_its_role_does_not_say(kumoniwa):
    source = (HANDLER + MISSING).replace("'Users'", "__import__('os').environ['USER_TABLE']")
    api = deployed(kumoniwa, repaired(put_code(kumoniwa, source), policy=False).replace("      Environment:", "      Timeout: 20\n      Environment:"))
    status, body, _ = called(kumoniwa, f"{api}.execute-api.us-east-1.amazonaws.com", "GET", "/prod/users/u1")
    assert status == 500 and "AccessDeniedException" in body["error"] and "dynamodb:GetItem" in body["error"]


def make_function(kumoniwa, source: str, name: str = "MyFunction", **more) -> None:
    iam = kumoniwa.client("iam")
    role = iam.create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    for policy in ("AmazonDynamoDBFullAccess", "CloudWatchLogsFullAccess"):
        iam.attach_role_policy(RoleName="function", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    code = {"ZipFile": zipped(source)}
    values = {"FunctionName": name, "Role": role, "Runtime": RUNTIME, "Handler": "app.lambda_handler", "Code": code, "Timeout": 20}
    kumoniwa.client("lambda").create_function(**values | more)


def asked(kumoniwa, verb: str, path: str, body: object = None) -> tuple[int, dict | None]:
    event = {"httpMethod": verb, "path": path, "body": json.dumps(body) if body is not None else None}
    reply = kumoniwa.client("lambda").invoke(FunctionName="MyFunction", Payload=json.dumps(event))
    answer = json.loads(reply["Payload"].read())
    return answer["statusCode"], json.loads(answer["body"]) if answer.get("body") else None


def users_table(kumoniwa) -> None:
    key = [{"AttributeName": "userId", "AttributeType": "S"}], [{"AttributeName": "userId", "KeyType": "HASH"}]
    create = kumoniwa.client("dynamodb").create_table
    create(TableName="Users", AttributeDefinitions=key[0], KeySchema=key[1], BillingMode="PAY_PER_REQUEST")


def test_the_handler_as_written_lacks_three_functions(kumoniwa):
    users_table(kumoniwa)
    make_function(kumoniwa, HANDLER)
    assert asked(kumoniwa, "GET", "/users/none") == (404, {"error": "User not found"})
    assert asked(kumoniwa, "GET", "/elsewhere") == (404, {"error": "Not Found"})
    assert asked(kumoniwa, "POST", "/users", {"userId": "a"}) == (500, {"error": "name 'create_user' is not defined"})


def test_the_handler_repaired_keeps_numbers(kumoniwa):
    users_table(kumoniwa)
    make_function(kumoniwa, HANDLER + MISSING)
    user = {"userId": "a", "age": 36, "score": 2.25}
    assert asked(kumoniwa, "POST", "/users", user) == (201, user)
    assert asked(kumoniwa, "GET", "/users/a") == (200, user)
    assert asked(kumoniwa, "PUT", "/users/a", {"age": 37}) == (200, {"age": 37})
    assert asked(kumoniwa, "GET", "/users/a") == (200, {"userId": "a", "age": 37})
    assert asked(kumoniwa, "DELETE", "/users/a") == (204, None)
    assert asked(kumoniwa, "GET", "/users/a")[0] == 404


WARM = """
import os, time, boto3
dynamodb = boto3.resource('dynamodb')
table = dynamodb.Table('Users')
calls = 0
def lambda_handler(event, context):
    global calls
    calls += 1
    return {'calls': calls, 'pid': os.getpid(), 'table': id(table), 'how': os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']}
"""


def test_what_a_handler_made_once_is_still_there_at_the_next_call(kumoniwa):
    make_function(kumoniwa, WARM)
    first, second = (json.loads(kumoniwa.client("lambda").invoke(FunctionName="MyFunction")["Payload"].read()) for _ in range(2))
    assert (first["calls"], second["calls"], first["how"]) == (1, 2, "on-demand")
    assert (first["pid"], first["table"]) == (second["pid"], second["table"])


def test_ten_environments_are_ready_before_the_first_call(kumoniwa):
    make_function(kumoniwa, WARM)
    client = kumoniwa.client("lambda")
    put = client.put_provisioned_concurrency_config
    with pytest.raises(ClientError) as refused:
        put(FunctionName="MyFunction", Qualifier="$LATEST", ProvisionedConcurrentExecutions=10)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    # https://github.com/hashicorp/terraform-provider-aws/issues/12120
    assert refused.value.response["Error"]["Message"] == "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    version = client.publish_version(FunctionName="MyFunction")["Version"]
    here = {"FunctionName": "MyFunction", "Qualifier": version}
    assert put(**here, ProvisionedConcurrentExecutions=10)["Status"] == "IN_PROGRESS"
    shown = client.get_provisioned_concurrency_config(**here)
    while shown["Status"] == "IN_PROGRESS":
        shown = client.get_provisioned_concurrency_config(**here)
    assert (shown["Status"], shown["AllocatedProvisionedConcurrentExecutions"]) == ("READY", 10)
    reply = client.invoke(**here, LogType="Tail")
    answer = json.loads(reply["Payload"].read())
    assert (answer["calls"], answer["how"]) == (1, "provisioned-concurrency")
    # Each environment has a stream of its own, which is written a moment after it began.
    logs = kumoniwa.client("logs")
    for _ in range(500):
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            streams = logs.describe_log_streams(logGroupName="/aws/lambda/MyFunction")["logStreams"]
            if sum(f"[{version}]" in stream["logStreamName"] for stream in streams) == 10:
                return
    pytest.fail("Ten environments do not have ten log streams.")
