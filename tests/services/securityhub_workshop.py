"""A hub, findings that an account brings, and what a queue hears of them."""

from __future__ import annotations

import json

ACCOUNT = "000000000000"
US = "us-east-1"
PRODUCT = f"arn:aws:securityhub:{US}:{ACCOUNT}:product/{ACCOUNT}/default"
OURS = f"arn:aws:securityhub:{US}::product/aws/securityhub"


def asff(id_: str = "f-1", **more) -> dict:
    """The least of a finding, and more."""
    return {
        "SchemaVersion": "2018-10-08", "Id": id_, "ProductArn": PRODUCT, "GeneratorId": "scanner/1", "AwsAccountId": ACCOUNT,
        "Types": ["Software and Configuration Checks/Vulnerabilities/CVE"], "CreatedAt": "2024-01-01T00:00:00.000Z",
        "UpdatedAt": "2024-01-01T00:00:00.000Z", "Severity": {"Label": "HIGH"}, "Title": "A hole", "Description": "There is a hole.",
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::shop"}], **more,
    }  # fmt: skip


def brought(hub, *findings: dict) -> dict:
    """Findings that are all taken."""
    reply = hub.batch_import_findings(Findings=list(findings))
    assert (reply["FailedCount"], reply["FailedFindings"]) == (0, [])
    return reply


def found(hub, **filters) -> list[dict]:
    """The findings that equal what is asked of them, all pages."""
    said = {name: [{"Value": value, "Comparison": "EQUALS"}] if isinstance(value, str) else value for name, value in filters.items()}
    return [each for page in hub.get_paginator("get_findings").paginate(Filters=said) for each in page["Findings"]]


def ids(hub, **filters) -> list[str]:
    return sorted(each["Id"] for each in found(hub, **filters))


def one(hub, id_: str = "f-1") -> dict:
    (finding,) = found(hub, Id=id_)
    return finding


def update(hub, *ids_: str, product: str = PRODUCT, **changes) -> dict:
    return hub.batch_update_findings(FindingIdentifiers=[{"Id": each, "ProductArn": product} for each in ids_], **changes)


class Listener:
    """A queue of what Security Hub tells the default bus."""

    def __init__(self, cloud, **pattern) -> None:
        self.cloud, self.sqs = cloud, cloud.client("sqs")
        events = cloud.client("events")
        self.url = self.sqs.create_queue(QueueName="heard")["QueueUrl"]
        arn = f"arn:aws:sqs:{US}:{ACCOUNT}:heard"
        events.put_rule(Name="heard", EventPattern=json.dumps({"source": ["aws.securityhub"], **pattern}))
        allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
        events.put_targets(Rule="heard", Targets=[{"Id": "q", "Arn": arn}])

    def heard(self) -> list[dict]:
        self.cloud.sleep(1)
        told = []
        while messages := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            told += [json.loads(each["Body"]) for each in messages]
            for each in messages:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return told
