"""A detector, somebody whom it watches, and what it found."""

from __future__ import annotations

import json

ACCOUNT = "000000000000"
US = "us-east-1"
ALLOW_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
LET_IN = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
ROOT = "Policy:IAMUser/RootCredentialUsage"


def detector(cloud, **said) -> str:
    return cloud.client("guardduty").create_detector(Enable=True, **said)["DetectorId"]


class Somebody:
    """A user who may do everything, and does it from outside."""

    def __init__(self, cloud, name: str = "eve") -> None:
        iam = cloud.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=ALLOW_ALL)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self.cloud, self.name, self.key, self.secret = cloud, name, key["AccessKeyId"], key["SecretAccessKey"]

    def client(self, service: str, **more):
        return self.cloud.client(service, key=self.key, secret=self.secret, **more)


def findings(cloud, **criterion) -> list[dict]:
    """What was found that is none of the use of root's credentials, with which tests look; the last first."""
    client = cloud.client("guardduty")
    (id_,) = client.list_detectors()["DetectorIds"]
    criteria = {"type": {"NotEquals": [ROOT]}, **criterion}
    pages = client.get_paginator("list_findings").paginate(DetectorId=id_, FindingCriteria={"Criterion": criteria})
    ids = [each for page in pages for each in page["FindingIds"]]
    return client.get_findings(DetectorId=id_, FindingIds=ids)["Findings"] if ids else []


def types(cloud, **criterion) -> list[str]:
    return sorted(each["Type"] for each in findings(cloud, **criterion))


def one(cloud, type_: str) -> dict:
    (found,) = [each for each in findings(cloud) if each["Type"] == type_]
    return found


class Listener:
    """A queue of what GuardDuty tells the default bus."""

    def __init__(self, cloud, **pattern) -> None:
        self.cloud, self.sqs = cloud, cloud.client("sqs")
        self.url = self.sqs.create_queue(QueueName="heard")["QueueUrl"]
        arn = f"arn:aws:sqs:{US}:{ACCOUNT}:heard"
        allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
        events = cloud.client("events")
        events.put_rule(Name="heard", EventPattern=json.dumps({"source": ["aws.guardduty"], "detail": {"type": [{"anything-but": [ROOT]}]}, **pattern}))
        events.put_targets(Rule="heard", Targets=[{"Id": "q", "Arn": arn}])

    def heard(self) -> list[dict]:
        self.cloud.sleep(1)
        told = []
        while messages := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            told += [json.loads(each["Body"]) for each in messages]
            for each in messages:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return told


def put_list(cloud, text: str, key: str = "list.txt") -> str:
    """A list in a bucket; answers where."""
    s3 = cloud.client("s3")
    if "lists" not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket="lists")
    s3.put_object(Bucket="lists", Key=key, Body=text.encode())
    return f"s3://lists/{key}"
