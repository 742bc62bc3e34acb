"""``kumoniwa policy``: what a role did becomes its least policy, and a command proves that it is enough."""

import json
import os
import subprocess
import sys

import pytest

QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}})
BROAD = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
WORK = """
import sys, boto3
more = {"endpoint_url": sys.argv[1], "region_name": "us-east-1"}
sts = boto3.client("sts", aws_access_key_id="test", aws_secret_access_key="test", **more)
keys = sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/worker", RoleSessionName="session")["Credentials"]
sqs = boto3.client("sqs", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"], **more)
url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
sqs.send_message(QueueUrl=url, MessageBody="hello")
for more in sys.argv[2:]:
    getattr(sqs, more)(QueueUrl=url)
"""


@pytest.fixture
def cloud(up):
    cloud = up()
    cloud.client("sqs").create_queue(QueueName="q")
    iam = cloud.client("iam")
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="worker", PolicyName="broad", PolicyDocument=json.dumps(BROAD))
    iam.attach_role_policy(RoleName="worker", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    return cloud


def work(cloud, *more: str) -> list[str]:
    return [sys.executable, "-c", WORK, f"http://127.0.0.1:{cloud.port}", *more]


def policy(cloud, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "kumoniwa.cli.main", "policy", "--endpoint", f"http://127.0.0.1:{cloud.port}", *words]
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | keys, timeout=120, check=False)


def held(cloud) -> tuple:
    iam = cloud.client("iam")
    attached = [each["PolicyName"] for each in iam.list_attached_role_policies(RoleName="worker")["AttachedPolicies"]]
    return iam.list_role_policies(RoleName="worker")["PolicyNames"], iam.get_role_policy(RoleName="worker", PolicyName="broad")["PolicyDocument"], attached


def test_a_role_needs_what_it_did_and_that_is_enough(cloud):
    subprocess.run(work(cloud), check=True)
    before = held(cloud)
    done = policy(cloud, "worker", "--prove", *work(cloud))
    assert json.loads(done.stdout) == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"], "Resource": [QUEUE]}],
    }
    assert (done.returncode, done.stderr) == (0, "kumoniwa: with that policy alone the command ended with 0: proven.\n")
    assert held(cloud) == before == (["broad"], BROAD, ["AmazonSQSFullAccess"])


def test_what_the_role_was_not_seen_to_do_is_not_proven(cloud):
    subprocess.run(work(cloud), check=True)
    before = held(cloud)
    done = policy(cloud, "arn:aws:iam::000000000000:role/worker", "--prove", *work(cloud, "purge_queue"))
    assert done.returncode == 1
    assert f"kumoniwa: worker was denied sqs:PurgeQueue on {QUEUE}." in done.stderr and "not proven" in done.stderr
    assert held(cloud) == before
    denied = policy(cloud, "worker", "--with-denied")
    assert "sqs:PurgeQueue" in denied.stdout and "sqs:PurgeQueue" not in policy(cloud, "worker").stdout


def test_a_role_that_did_nothing_has_no_policy(cloud):
    done = policy(cloud, "worker")
    assert (done.returncode, done.stdout) == (1, "") and "was not seen to do anything" in done.stderr


def test_a_cloud_that_refuses_nothing_proves_nothing(up):
    cloud = up("--iam", "audit")
    cloud.client("sqs").create_queue(QueueName="q")
    cloud.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
    subprocess.run(work(cloud), check=True)
    done = policy(cloud, "worker", "--with-denied", "--prove", *work(cloud))
    assert done.returncode == 1 and "sqs:SendMessage" in done.stdout and "--iam enforce" in done.stderr
