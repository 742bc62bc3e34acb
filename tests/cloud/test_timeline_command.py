"""``kumoniwa timeline``: what happened in a cloud, in one order."""

import os
import re
import subprocess
import sys

import pytest

TEMPLATE = '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "stacked"}}}}'
TRUST = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "config.amazonaws.com"}, "Action": "sts:AssumeRole"}}'


def timeline(cloud, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "kumoniwa.cli.main", "timeline", "--endpoint", f"http://127.0.0.1:{cloud.port}", *words]
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | keys, timeout=120, check=False)


@pytest.fixture
def cloud(up):
    cloud = up("--regions", "us-east-1,eu-west-1")
    watch, stacks = cloud.client("cloudwatch"), cloud.client("cloudformation")
    with pytest.raises(cloud.client("sqs").exceptions.ClientError):
        cloud.client("sqs").set_queue_attributes(QueueUrl=f"http://127.0.0.1:{cloud.port}/000000000000/none", Attributes={})
    watch.put_metric_alarm(AlarmName="full", MetricName="m", Namespace="n", Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold", Statistic="Sum")
    watch.set_alarm_state(AlarmName="full", StateValue="ALARM", StateReason="drill")
    stacks.create_stack(StackName="one", TemplateBody=TEMPLATE)
    stacks.get_waiter("stack_create_complete").wait(StackName="one", WaiterConfig={"Delay": 1})
    cloud.client("sqs", "eu-west-1").create_queue(QueueName="far")
    return cloud


def test_calls_alarms_and_stacks_stand_in_one_order(cloud):
    ended = timeline(cloud, "--since", "10m")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines == sorted(lines) and all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  \S+ +(call|alarm|stack) ", line) for line in lines)
    kinds = [re.sub(r"^\S+ \S+  ", "", line) for line in lines]

    def first(*parts):
        return next(place for place, line in enumerate(kinds) if all(part in line for part in parts))

    order = [
        first("call", "sqs:SetQueueAttributes", "refused: "), first("alarm", "StateUpdate", "full", "to ALARM"), first("call", "cloudformation:CreateStack", "one"),
        first("stack", "CREATE_COMPLETE", "one/Queue"), first("stack", "CREATE_COMPLETE", "one  AWS::CloudFormation::Stack"), first("eu-west-1", "call", "sqs:CreateQueue", "far"),
    ]  # fmt: skip
    assert order == sorted(order)
    assert "DescribeStacks" not in ended.stdout and "DescribeStacks" in timeline(cloud, "--reads").stdout


def test_only_what_is_sought_is_shown(cloud):
    far = timeline(cloud, "--region", "eu-west-1").stdout.splitlines()
    assert len(far) == 1 and "far" in far[0]
    full = timeline(cloud, "--resource", "FULL").stdout.splitlines()
    assert len(full) >= 4 and {"cloudwatch:SetAlarmState"} <= {word for line in full for word in line.split()} and not any("sqs:" in line for line in full)
    assert timeline(cloud, "--resource", "nothing-of-that-name").stdout.startswith("nothing happened in ")
    assert timeline(cloud, "--since", "yesterday").returncode == 1


def test_a_region_that_is_down_is_said_to_be_missing(cloud):
    cloud.region("eu-west-1", "kill")
    ended = timeline(cloud)
    assert ended.returncode == 1 and "eu-west-1 is killed" in ended.stderr and "sqs:SetQueueAttributes" in ended.stdout


def test_who_may_not_ask_is_told_of_what(cloud):
    iam = cloud.client("iam")
    iam.create_user(UserName="eve")
    key = iam.create_access_key(UserName="eve")["AccessKey"]
    command = [sys.executable, "-m", "kumoniwa.cli.main", "timeline", "--endpoint", f"http://127.0.0.1:{cloud.port}", "--region", "us-east-1"]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ | keys, timeout=120, check=False)
    assert ended.returncode == 1 and "us-east-1: calls could not be asked for" in ended.stderr and "AccessDenied" in ended.stderr


def test_what_config_recorded_is_told_where_there_is_a_recorder(cloud):
    iam, config, s3 = cloud.client("iam"), cloud.client("config"), cloud.client("s3")
    role = iam.create_role(RoleName="recorder", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="recorder", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    s3.create_bucket(Bucket="records")
    config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": role, "recordingGroup": {"resourceTypes": ["AWS::SQS::Queue"]}})
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": "records"})
    config.start_configuration_recorder(ConfigurationRecorderName="default")
    for _ in range(60):
        said = timeline(cloud, "--region", "us-east-1").stdout
        if "AWS::SQS::Queue" in said and "config " in said:
            break
    assert re.search(r"us-east-1 +config ResourceDiscovered +stacked  AWS::SQS::Queue", said), said
