"""The plain AWS CLI against real processes: what README promises, typed by a person."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

AWS = str(Path(sys.executable).parent / "aws")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def aws(kumoniwa, tmp_path):
    environment = {**os.environ, "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}

    def run(*arguments: str, region: str = "us-east-1", fails: bool = False, keys: dict | None = None):
        # For SQS the CLI of version 1 does not read AWS_ENDPOINT_URL, so it is told the address like this.
        command = [AWS, "--endpoint-url", kumoniwa.endpoint, "--region", region, "--output", "json", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env={**environment, **(keys or {})}, cwd=tmp_path)
        assert (done.returncode != 0) == fails, done.stderr
        if fails:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.strip().startswith(("{", "[")) else done.stdout

    return run


def test_a_message_goes_through_a_queue(aws):
    url = aws("sqs", "create-queue", "--queue-name", "orders")["QueueUrl"]
    aws("sqs", "send-message", "--queue-url", url, "--message-body", "hello")
    assert aws("sqs", "receive-message", "--queue-url", url)["Messages"][0]["Body"] == "hello"


def test_files_are_copied_to_a_bucket_and_back(aws, tmp_path):
    (tmp_path / "small.txt").write_text("small")
    (tmp_path / "large.bin").write_bytes(os.urandom(9 << 20))  # more than a part: the CLI uploads it in several
    aws("s3", "mb", "s3://files")
    aws("s3", "cp", "small.txt", "s3://files/a/small.txt")
    aws("s3", "cp", "large.bin", "s3://files/large.bin")
    assert "a/" in aws("s3", "ls", "s3://files")
    aws("s3", "cp", "s3://files/large.bin", "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == (tmp_path / "large.bin").read_bytes()
    aws("s3", "rm", "s3://files", "--recursive")
    aws("s3", "rb", "s3://files")


def test_an_item_is_put_and_queried(aws):
    aws(
        "dynamodb", "create-table", "--table-name", "items", "--billing-mode", "PAY_PER_REQUEST",
        "--attribute-definitions", "AttributeName=pk,AttributeType=S", "--key-schema", "AttributeName=pk,KeyType=HASH",
    )  # fmt: skip
    aws("dynamodb", "wait", "table-exists", "--table-name", "items")
    aws("dynamodb", "put-item", "--table-name", "items", "--item", '{"pk": {"S": "a"}, "n": {"N": "1"}}')
    found = aws(
        "dynamodb", "query", "--table-name", "items", "--key-condition-expression", "pk = :p", "--expression-attribute-values", '{":p": {"S": "a"}}'
    )
    assert found["Items"] == [{"pk": {"S": "a"}, "n": {"N": "1"}}]


def test_a_user_without_rights_is_refused_and_told_what_is_missing(aws):
    assert aws("sts", "get-caller-identity")["Arn"] == "arn:aws:iam::000000000000:root"
    aws("iam", "create-user", "--user-name", "ada")
    key = aws("iam", "create-access-key", "--user-name", "ada")["AccessKey"]
    as_ada = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    url = aws("sqs", "create-queue", "--queue-name", "orders")["QueueUrl"]
    refusal = aws("sqs", "send-message", "--queue-url", url, "--message-body", "x", fails=True, keys=as_ada)
    assert "AccessDenied" in refusal
    assert "arn:aws:iam::000000000000:user/ada is not authorized to perform: sqs:sendmessage" in refusal
    assert "because no identity-based policy allows" in refusal


def test_a_function_is_invoked_and_its_lines_are_read(aws, tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        archive.writestr("f.py", "def handler(event, context):\n    print('got', event['n'])\n    return {'twice': 2 * event['n']}\n")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = aws("iam", "create-role", "--role-name", "f", "--assume-role-policy-document", json.dumps(trust))["Role"]["Arn"]
    logs = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    aws("iam", "attach-role-policy", "--role-name", "f", "--policy-arn", logs)
    aws(
        "lambda", "create-function", "--function-name", "f", "--runtime", "python3.12", "--handler", "f.handler", "--role", role,
        "--zip-file", "fileb://f.zip",
    )  # fmt: skip
    aws("lambda", "wait", "function-active-v2", "--function-name", "f")
    aws("lambda", "invoke", "--function-name", "f", "--payload", '{"n": 21}', "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == {"twice": 42}
    for _ in range(50):
        lines = [e["message"] for e in aws("logs", "filter-log-events", "--log-group-name", "/aws/lambda/f")["events"]]
        if any(line.startswith("REPORT") for line in lines):
            break
    assert any("got 21" in line for line in lines)


def test_a_stack_is_deployed_changed_and_deleted(aws, tmp_path):
    template = """
Parameters: {Delay: {Type: Number, Default: 0}}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !Ref Delay}}
Outputs:
  Url: {Value: !Ref Queue}
  Arn: {Value: !GetAtt Queue.Arn}
"""
    (tmp_path / "t.yaml").write_text(template)
    aws("cloudformation", "deploy", "--template-file", "t.yaml", "--stack-name", "s")
    stack = aws("cloudformation", "describe-stacks", "--stack-name", "s")["Stacks"][0]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
    aws("cloudformation", "deploy", "--template-file", "t.yaml", "--stack-name", "s", "--parameter-overrides", "Delay=7")
    assert aws("sqs", "get-queue-attributes", "--queue-url", outputs["Url"], "--attribute-names", "All")["Attributes"]["DelaySeconds"] == "7"
    aws("cloudformation", "delete-stack", "--stack-name", "s")
    aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", "s")
    assert "NonExistentQueue" in aws("sqs", "get-queue-attributes", "--queue-url", outputs["Url"], fails=True)


def test_what_is_not_implemented_is_refused_by_name(aws):
    assert "Kumoniwa does not implement codepipeline:ListActionTypes" in aws("codepipeline", "list-action-types", fails=True)
    assert "Kumoniwa does not implement the service" in aws("redshift", "describe-clusters", fails=True)


def test_what_is_written_to_a_log_is_tailed_live(aws, kumoniwa):
    place = ("--log-group-name", "g", "--log-stream-name", "s")
    aws("logs", "create-log-group", *place[:2])
    aws("logs", "create-log-stream", *place)
    arn = aws("logs", "describe-log-groups")["logGroups"][0]["logGroupArn"]
    command = [AWS, "--endpoint-url", kumoniwa.endpoint, "logs", "start-live-tail", "--log-group-identifiers", arn]
    tail = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for _ in range(60):  # the session may begin only after the first of these
            event = f"timestamp={int(time.time() * 1000)},message=hello"
            aws("logs", "put-log-events", *place, "--log-events", event)
            if select.select([tail.stdout], [], [], 1)[0]:
                break
        assert tail.stdout.readline() == b"hello\n"
    finally:
        tail.kill()
        tail.wait()


def test_a_new_stream_has_its_shards_where_its_records_begin(kumoniwa):
    # The Kinesis Client Library asks so before it reads anything, and in real time the shards are a moment younger than their stream.
    kinesis = kumoniwa.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=2)
    assert len(kinesis.list_shards(StreamName="s", ShardFilter={"Type": "AT_TRIM_HORIZON"})["Shards"]) == 2
