"""A real function rotates a real secret: it is called four times and calls Secrets Manager back with its role's keys."""

import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile

import boto3
import pytest

FUNCTION = """
import boto3

secrets = boto3.client("secretsmanager")

def handler(event, context):
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    versions = secrets.describe_secret(SecretId=arn)["VersionIdsToStages"]
    if "AWSPENDING" not in versions.get(token, []):
        raise ValueError(f"{token} is not pending")
    if step == "createSecret":
        word = secrets.get_random_password(ExcludePunctuation=True)["RandomPassword"]
        secrets.put_secret_value(SecretId=arn, ClientRequestToken=token, SecretString=word, VersionStages=["AWSPENDING"])
    if step == "testSecret":
        secrets.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
    if step == "finishSecret":
        current = next(version for version, stages in versions.items() if "AWSCURRENT" in stages)
        secrets.update_secret_version_stage(SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current)
"""
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
MAY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["secretsmanager:*", "logs:*"], "Resource": "*"}]}
WITHIN_S = 60


@pytest.fixture
def client(tmp_path):
    command = [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", "0", "--data", str(tmp_path), "--regions", "us-east-1,eu-west-1"]
    cloud = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    endpoint = re.search(r"http://127\.0\.0\.1:\d+", cloud.stdout.readline())[0]
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    yield lambda service, region="us-east-1": boto3.client(service, region_name=region, endpoint_url=endpoint, **keys)
    cloud.terminate()
    cloud.wait(30)


def until(is_so):
    ends = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < ends, f"not within {WITHIN_S} s"
        time.sleep(0.1)


def test_a_function_rotates_a_secret_and_its_replica(client):
    role = client("iam").create_role(RoleName="rotate", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    client("iam").put_role_policy(RoleName="rotate", PolicyName="may", PolicyDocument=json.dumps(MAY))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", FUNCTION)
    functions, secrets = client("lambda"), client("secretsmanager")
    function = functions.create_function(
        FunctionName="rotate", Role=role, Runtime=f"python3.{sys.version_info.minor}", Handler="app.handler", Code={"ZipFile": held.getvalue()}, Timeout=30
    )["FunctionArn"]
    functions.add_permission(FunctionName="rotate", StatementId="s", Action="lambda:InvokeFunction", Principal="secretsmanager.amazonaws.com")
    secrets.create_secret(Name="db", SecretString="first", AddReplicaRegions=[{"Region": "eu-west-1"}])
    token = secrets.rotate_secret(SecretId="db", RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 30})["VersionId"]
    until(lambda: "LastRotatedDate" in secrets.describe_secret(SecretId="db"))
    now = secrets.get_secret_value(SecretId="db")
    assert now["VersionId"] == token and now["SecretString"].isalnum() and len(now["SecretString"]) == 32
    assert secrets.get_secret_value(SecretId="db", VersionStage="AWSPREVIOUS")["SecretString"] == "first"
    until(lambda: client("secretsmanager", "eu-west-1").get_secret_value(SecretId="db")["SecretString"] == now["SecretString"])
