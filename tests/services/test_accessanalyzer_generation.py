"""Policies made from what a user or role was seen to do in every region."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

OWN = "000000000000"


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


@pytest.fixture
def keys(cloud):
    iam = cloud.client("iam")
    iam.create_user(UserName="worker")
    iam.put_user_policy(UserName="worker", PolicyName="p", PolicyDocument=policy({"Action": ["sqs:*", "s3:*"], "Resource": "*"}))
    made = iam.create_access_key(UserName="worker")["AccessKey"]
    return {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"]}


USER = f"arn:aws:iam::{OWN}:user/worker"


def generated(cloud, job: str, **more) -> tuple[dict, dict | None]:
    cloud.sleep(30)
    told = cloud.client("accessanalyzer").get_generated_policy(jobId=job, **more)
    policies = told["generatedPolicyResult"].get("generatedPolicies", [])
    return told, json.loads(policies[0]["policy"]) if policies else None


def test_a_policy_allows_what_was_seen_and_was_allowed_in_every_region(cloud, keys):
    cloud.region("eu-west-1")
    cloud.client("sqs", **keys).create_queue(QueueName="q")
    cloud.client("sqs", "eu-west-1", **keys).list_queues()
    cloud.client("s3", **keys).list_buckets()
    with pytest.raises(ClientError):
        cloud.client("sns", **keys).list_topics()
    job = cloud.client("accessanalyzer").start_policy_generation(policyGenerationDetails={"principalArn": USER})["jobId"]
    told, document = generated(cloud, job)
    assert told["jobDetails"]["status"] == "SUCCEEDED"
    assert told["generatedPolicyResult"]["properties"] == {"principalArn": USER, "isComplete": True}
    assert document["Statement"] == [{"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "sqs:CreateQueue", "sqs:ListQueues"], "Resource": ["*"]}]
    _, placed = generated(cloud, job, includeResourcePlaceholders=True)
    assert {"Effect": "Allow", "Action": ["sqs:CreateQueue"], "Resource": ["arn:aws:sqs:${Region}:${Account}:${QueueName}"]} in placed["Statement"]


def test_a_policy_that_was_generated_is_enough(cloud, keys):
    sqs, iam = cloud.client("sqs", **keys), cloud.client("iam")
    sqs.create_queue(QueueName="q")
    job = cloud.client("accessanalyzer").start_policy_generation(policyGenerationDetails={"principalArn": USER})["jobId"]
    _, document = generated(cloud, job)
    iam.put_user_policy(UserName="worker", PolicyName="p", PolicyDocument=json.dumps(document))
    sqs.create_queue(QueueName="q2")
    with pytest.raises(ClientError):
        sqs.list_queues()


def test_a_trail_and_a_role_that_may_be_assumed_are_needed_where_they_are_named(cloud, keys):
    aa, iam, now = cloud.client("accessanalyzer"), cloud.client("iam"), cloud.now()
    cloud.client("s3").create_bucket(Bucket="trails")
    allow = {"Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:*", "Resource": ["arn:aws:s3:::trails", "arn:aws:s3:::trails/*"]}
    cloud.client("s3").put_bucket_policy(Bucket="trails", Policy=policy(allow))
    trail = cloud.client("cloudtrail").create_trail(Name="trail", S3BucketName="trails")["TrailARN"]
    role = iam.create_role(RoleName="reads", AssumeRolePolicyDocument=policy({"Principal": {"Service": "access-analyzer.amazonaws.com"}, "Action": "sts:AssumeRole"}))["Role"]["Arn"]
    cloud.client("sqs", **keys).list_queues()

    def start(arn: str) -> dict:
        details = {"trails": [{"cloudTrailArn": arn, "regions": ["us-east-1"]}], "accessRole": role, "startTime": now - 60, "endTime": now + 600}
        job = aa.start_policy_generation(policyGenerationDetails={"principalArn": USER}, cloudTrailDetails=details)["jobId"]
        return generated(cloud, job)[0]

    refused = start(trail)["jobDetails"]
    assert (refused["status"], refused["jobError"]["code"]) == ("FAILED", "AUTHORIZATION_ERROR")
    iam.put_role_policy(RoleName="reads", PolicyName="p", PolicyDocument=policy({"Action": "cloudtrail:GetTrail", "Resource": "*"}))
    assert start(trail.replace("/trail", "/none"))["jobDetails"]["jobError"]["code"] == "RESOURCE_NOT_FOUND_ERROR"
    told = start(trail)
    assert told["jobDetails"]["status"] == "SUCCEEDED"
    assert told["generatedPolicyResult"]["properties"]["cloudTrailProperties"]["trailProperties"] == [{"cloudTrailArn": trail, "regions": ["us-east-1"]}]
    assert "sqs:ListQueues" in told["generatedPolicyResult"]["generatedPolicies"][0]["policy"]


def test_what_was_done_outside_the_period_is_left_out(cloud, keys):
    aa, now = cloud.client("accessanalyzer"), cloud.now()
    cloud.client("sqs", **keys).list_queues()
    cloud.sleep(7_200)
    role = cloud.client("iam").create_role(RoleName="reads", AssumeRolePolicyDocument=policy({"Principal": {"Service": "access-analyzer.amazonaws.com"}, "Action": "sts:AssumeRole"}))["Role"]["Arn"]
    cloud.client("sqs", **keys).create_queue(QueueName="q")
    for since, until, expected in ((now - 60, now + 60, ["sqs:ListQueues"]), (now + 3600, now + 9000, ["sqs:CreateQueue"])):
        details = {"trails": [], "accessRole": role, "startTime": since, "endTime": until}
        job = aa.start_policy_generation(policyGenerationDetails={"principalArn": USER}, cloudTrailDetails=details)["jobId"]
        assert generated(cloud, job)[1]["Statement"][0]["Action"] == expected


def test_generations_are_listed_canceled_and_taken_up_again_after_a_kill(cloud, keys):
    aa = cloud.client("accessanalyzer")
    cloud.client("sqs", **keys).list_queues()
    cut = cloud.fault("link.cut", {"from": "us-east-1", "to": "aws-global"})  # Until it answers, the jobs are in progress.
    one, other = (aa.start_policy_generation(policyGenerationDetails={"principalArn": USER})["jobId"] for _ in range(2))
    aa.cancel_policy_generation(jobId=other)
    cloud.restart(kill=True)
    cloud.heal(cut)
    assert generated(cloud, one)[0]["jobDetails"]["status"] == "SUCCEEDED"
    listed = {each["jobId"]: each["status"] for each in aa.list_policy_generations(principalArn=USER)["policyGenerations"]}
    assert listed == {one: "SUCCEEDED", other: "CANCELED"}
    with pytest.raises(aa.exceptions.ValidationException):
        aa.cancel_policy_generation(jobId=one)
    with pytest.raises(aa.exceptions.ValidationException):
        aa.get_generated_policy(jobId="none")


def test_a_principal_that_is_not_there_fails_the_job(cloud):
    aa = cloud.client("accessanalyzer")
    job = aa.start_policy_generation(policyGenerationDetails={"principalArn": f"arn:aws:iam::{OWN}:role/none"})["jobId"]
    assert generated(cloud, job)[0]["jobDetails"]["jobError"]["code"] == "RESOURCE_NOT_FOUND_ERROR"
    with pytest.raises(aa.exceptions.ValidationException):
        aa.start_policy_generation(policyGenerationDetails={"principalArn": "arn:aws:iam::999999999999:role/none"})
