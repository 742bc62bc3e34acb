"""What the pattern claims: a bucket that is opened to everybody is closed by itself within a minute, and who lacks a key is reported."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

from stage import holds, seconds, until

STACK, RULE, REPORT = "closed-bucket", "no-public-read", "key-of-its-own"
OPEN = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
MINUTE_S = 60


def opened(cloud, bucket):
    """A bucket that everybody may read from, with something in it; answers when that was done."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="salaries.csv", Body=b"who,what")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OPEN)
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    return time.monotonic()


def anybody_reads(cloud, bucket):
    """What somebody without keys is answered."""
    try:
        with urllib.request.urlopen(f"{cloud.endpoint}/{bucket}/salaries.csv", timeout=30) as reply:
            return reply.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def remediated(config):
    """How the first remediation went, or goes."""
    return config.describe_remediation_execution_status(ConfigRuleName=RULE)["RemediationExecutionStatuses"][0]


def verdict(config, rule, bucket):
    found = config.get_compliance_details_by_resource(ResourceType="AWS::S3::Bucket", ResourceId=bucket)["EvaluationResults"]
    told = {each["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ConfigRuleName"]: each["ComplianceType"] for each in found}
    return told.get(rule)


def show(cloud):
    made = cloud.deploy(Path(__file__).with_name("template.yaml"), STACK)
    config, s3 = cloud.client("config"), cloud.client("s3")
    opened_at = opened(cloud, "opened-by-mistake")
    holds("at first everybody may read", anybody_reads(cloud, "opened-by-mistake") == 200, "200")
    until(lambda: anybody_reads(cloud, "opened-by-mistake") == 403, MINUTE_S)
    took = time.monotonic() - opened_at
    holds("a public bucket is closed by itself within a minute", anybody_reads(cloud, "opened-by-mistake") == 403 and took < MINUTE_S, seconds(took))
    until(lambda: remediated(config)["State"] == "SUCCEEDED" and verdict(config, RULE, "opened-by-mistake") == "COMPLIANT")
    done = remediated(config)
    holds("by an automation that Config began", done["State"] == "SUCCEEDED", ", ".join(step["Name"] for step in done["StepDetails"]))
    verdicts = []

    def are_heard():
        told = [json.loads(body)["detail"] for body in cloud.drained(made["ToldUrl"])]
        verdicts.extend(each["newEvaluationResult"]["complianceType"] for each in told if each["resourceId"] == "opened-by-mistake")
        # A bucket that was looked at before it was opened was found in order at first.
        return verdicts[-2:] == ["NON_COMPLIANT", "COMPLIANT"]

    is_heard = until(are_heard) is not None
    holds("both verdicts are heard on the bus", is_heard, " → ".join(verdicts))
    history = config.get_resource_config_history(resourceType="AWS::S3::Bucket", resourceId="opened-by-mistake")["configurationItems"]
    blocks = [json.loads(each["supplementaryConfiguration"]["PublicAccessBlockConfiguration"])["restrictPublicBuckets"] for each in history]
    holds("and the history shows how it was, and how it became", blocks[0] is True and False in blocks, f"{len(history)} items")
    reported(cloud, config, s3)
    killed(cloud)
    cloud.client("cloudformation").delete_stack(StackName=STACK)
    until(lambda: not config.describe_configuration_recorders()["ConfigurationRecorders"])
    holds("nothing of Config's stays when the stack goes", not config.describe_config_rules()["ConfigRules"], "no recorder, no rule")


def reported(cloud, config, s3):
    key = cloud.client("kms").create_key(Description="of its own")["KeyMetadata"]["Arn"]
    for name in ("without-a-key", "with-a-key"):
        s3.create_bucket(Bucket=name)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket="with-a-key", ServerSideEncryptionConfiguration={"Rules": [rule]})
    until(lambda: verdict(config, REPORT, "with-a-key") == "COMPLIANT" and verdict(config, REPORT, "without-a-key"))
    found = {name: verdict(config, REPORT, name) for name in ("with-a-key", "without-a-key")}
    holds("a bucket without a key of its own is reported", found == {"with-a-key": "COMPLIANT", "without-a-key": "NON_COMPLIANT"}, found["without-a-key"])


def killed(cloud):
    began = opened(cloud, "opened-before-a-kill")
    cloud.kill_and_restart()
    until(lambda: anybody_reads(cloud, "opened-before-a-kill") == 403, MINUTE_S)
    took = time.monotonic() - began
    holds("a kill in between changes nothing", anybody_reads(cloud, "opened-before-a-kill") == 403, seconds(took))
