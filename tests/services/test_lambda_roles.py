"""What a function may do is what its role may do; its log streams are written by its role too."""

from __future__ import annotations

import json
import re

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import ACCOUNT, ROLE, RUNTIME, allowing, invoke, make, put_role, zipped

from kumoniwa.gate.identity import SHARED, Credential, Grant, Identity

KEYS = """
    import os
    def handler(event, context):
        return [os.environ[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
"""


def client_of_function(cloud, service):
    """A client with the keys that the function was given."""
    key, secret, token = invoke(cloud)["Payload"]
    return cloud.client(service, key=key, secret=secret, token=token)


def test_a_function_runs_as_a_session_of_its_role(cloud):
    make(cloud, KEYS)
    assert client_of_function(cloud, "sts").get_caller_identity() | {"ResponseMetadata": None} == {
        "UserId": "AROATEST:f@lambda_function", "Account": ACCOUNT, "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/function/f@lambda_function", "ResponseMetadata": None,
    }  # fmt: skip


def test_a_role_without_rights_is_denied_as_on_aws(cloud):
    make(cloud, KEYS, Role=put_role(cloud, "logs:*"))
    with pytest.raises(ClientError) as caught:
        client_of_function(cloud, "sqs").create_queue(QueueName="q")
    error = caught.value.response["Error"]
    assert error["Code"].startswith("AccessDenied") and "assumed-role/function/f@lambda_function is not authorized to perform: sqs:createqueue" in error["Message"]
    put_role(cloud, "sqs:*")
    client_of_function(cloud, "sqs").create_queue(QueueName="q")


def test_what_runs_in_the_cloud_counts_as_speaking_tls_and_whoever_does_not_is_told_how(cloud):
    """On AWS the SDK of a function speaks TLS; here its calls do not leave the house."""
    make(cloud, KEYS, Role=put_role(cloud, "s3:*", "sts:AssumeRole"))
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="guarded")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::guarded/*"}
    deny["Condition"] = {"Bool": {"aws:SecureTransport": "false"}}
    s3.put_bucket_policy(Bucket="guarded", Policy=json.dumps({"Version": "2012-10-17", "Statement": deny}))
    client_of_function(cloud, "s3").put_object(Bucket="guarded", Key="k", Body=b"x")
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket="guarded", Key="k")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    hint = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-kumoniwa-hint"]
    assert "AWS_ENDPOINT_URL=https://localhost:" in hint and "AWS_CA_BUNDLE" in hint


def test_a_policy_may_ask_from_which_function_a_call_comes(cloud):
    """https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html"""
    make(cloud, KEYS)
    statement = {"Effect": "Allow", "Action": "sqs:CreateQueue", "Resource": "*"}

    def made(function: str) -> None:
        arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function}"
        condition = {"ArnEquals": {"lambda:SourceFunctionArn": arn}}
        put_role(cloud, document=json.dumps({"Version": "2012-10-17", "Statement": {**statement, "Condition": condition}}))
        client_of_function(cloud, "sqs").create_queue(QueueName="q")

    with pytest.raises(ClientError, match="AccessDenied"):
        made("other")
    made("f")


def test_a_role_that_does_not_trust_lambda_is_refused(cloud):
    for role in (put_role(cloud, trust='{"Statement": []}'), ROLE + "-no-such"):
        with pytest.raises(ClientError) as caught:
            make(cloud, Role=role)
        assert caught.value.response["Error"] == {
            "Code": "InvalidParameterValueException",
            "Message": "The role defined for the function cannot be assumed by Lambda.",
        }


@pytest.mark.parametrize("iam", ["audit", "off"])
def test_without_enforcement_any_role_will_do(make_cloud, iam):
    cloud = make_cloud("us-east-1", iam=iam)
    cloud.client("lambda").create_function(
        FunctionName="f", Role=ROLE, Runtime=RUNTIME, Handler="app.handler", Code={"ZipFile": zipped(KEYS)}
    )
    assert invoke(cloud)["Payload"][0].startswith("ASIA")


def test_handing_on_a_role_needs_a_permission(cloud):
    put_role(cloud)
    user = _user(cloud, "lambda:CreateFunction")
    values = {"FunctionName": "f", "Role": ROLE, "Runtime": RUNTIME, "Handler": "app.handler", "Code": {"ZipFile": zipped("")}}
    with pytest.raises(ClientError) as caught:
        user.create_function(**values)
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDeniedException" and f"not authorized to perform: iam:PassRole on resource: {ROLE}" in error["Message"]
    user = _user(cloud, "lambda:CreateFunction", "iam:PassRole")
    assert user.create_function(**values)["FunctionName"] == "f"


def _user(cloud, *actions):
    arn = f"arn:aws:iam::{ACCOUNT}:user/u"
    region = cloud.regions["us-east-1"]

    async def put():
        grants = (Grant(name="all", kind="inline", document=allowing(*actions)),)
        region.store.shelf(SHARED, Identity)[arn] = Identity(arn=arn, kind="user", account=ACCOUNT, id="AIDAU", grants=grants)
        credential = Credential(key_id="AKIAUSER", secret="secret", account=ACCOUNT, arn=arn, user_id="AIDAU")
        region.store.shelf(SHARED, Credential)["AKIAUSER"] = credential
        region.gate.authorizer.forget()

    cloud.run(put())
    return cloud.client("lambda", key="AKIAUSER", secret="secret")


def test_a_resource_policy_lets_another_account_invoke(cloud):
    make(cloud)
    other = cloud.client("lambda", key="111122223333")
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
    with pytest.raises(ClientError, match="AccessDenied"):
        other.invoke(FunctionName=arn)
    added = cloud.client("lambda").add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="111122223333"
    )
    assert json.loads(added["Statement"]) == {
        "Sid": "s", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "lambda:InvokeFunction",
        "Resource": arn,
    }  # fmt: skip
    assert other.invoke(FunctionName=arn)["StatusCode"] == 200
    cloud.client("lambda").remove_permission(FunctionName="f", StatementId="s")
    with pytest.raises(ClientError, match="AccessDenied"):
        other.invoke(FunctionName=arn)
    with pytest.raises(ClientError, match="The resource you requested does not exist."):
        cloud.client("lambda").get_policy(FunctionName="f")


# Logs ----------------------------------------------------------------------------------------------


def said(cloud, group="/aws/lambda/f") -> list[str]:
    cloud.sleep(1)
    return [event["message"] for event in cloud.client("logs").filter_log_events(logGroupName=group)["events"]]


def test_what_a_function_says_is_in_its_log_group(cloud):
    make(cloud, "def handler(event, context): print('hello')")
    request_id = invoke(cloud)["ResponseMetadata"]["RequestId"]
    lines = said(cloud)
    assert lines[0].startswith("INIT_START Runtime Version: python:3.")
    assert lines[1:4] == [f"START RequestId: {request_id} Version: $LATEST\n", "hello\n", f"END RequestId: {request_id}\n"]
    assert lines[4].startswith(f"REPORT RequestId: {request_id}\tDuration: ") and "Init Duration: " in lines[4]
    stream = cloud.client("logs").describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"][0]["logStreamName"]
    assert re.fullmatch(r"2030/01/01/\[\$LATEST\][0-9a-f]{32}", stream)


def test_what_was_said_is_kept_when_the_region_closes_at_once(cloud):
    make(cloud, "def handler(event, context): print('hello')")
    invoke(cloud)
    cloud.restart()
    assert "hello\n" in said(cloud)


def test_a_role_that_may_not_write_logs_has_none(cloud):
    make(cloud, "def handler(event, context): print('hello')", Role=put_role(cloud))
    invoke(cloud)
    cloud.sleep(1)
    assert cloud.client("logs").describe_log_groups()["logGroups"] == []


def test_a_group_deleted_meanwhile_is_made_again(cloud):
    make(cloud, "def handler(event, context): print(event)")
    invoke(cloud, "a")
    assert "a\n" in said(cloud)
    cloud.client("logs").delete_log_group(logGroupName="/aws/lambda/f")
    invoke(cloud, "b")
    assert "b\n" in said(cloud)


def test_a_function_may_log_elsewhere(cloud):
    make(cloud, "def handler(event, context): print('hello')", LoggingConfig={"LogGroup": "elsewhere"})
    invoke(cloud)
    assert "hello\n" in said(cloud, "elsewhere")


def test_a_runtime_of_another_version_says_so_in_the_log(cloud):
    make(cloud, Runtime="python3.9")
    invoke(cloud)
    assert any(line.startswith("INIT_START") and "\tKumoniwa: python3.9 functions run on this machine's python3." in line for line in said(cloud))


def test_a_role_of_another_account_is_refused(cloud):
    # https://github.com/artilleryio/chaos-lambda/issues/29
    with pytest.raises(ClientError) as caught:
        make(cloud, Role="arn:aws:iam::111122223333:role/theirs")
    assert caught.value.response["Error"] == {"Code": "AccessDeniedException", "Message": "Cross-account pass role is not allowed."}


def test_alexa_is_a_service_too(cloud):
    # https://docs.aws.amazon.com/lambda/latest/dg/services-alexa.html
    make(cloud)
    statement = {"StatementId": "alexa", "Action": "lambda:InvokeFunction", "Principal": "alexa-appkit.amazon.com"}
    added = cloud.client("lambda").add_permission(FunctionName="f", **statement)
    assert json.loads(added["Statement"])["Principal"] == {"Service": "alexa-appkit.amazon.com"}
