"""Functions invoked by everybody who can, and versions of one published again and again."""

import io
import json
import sys
import textwrap
import zipfile

from worker import REGION, Worker, in_the_end

RUNTIME = f"python3.{sys.version_info.minor}"
NOTING = """
    import boto3, json
    table = boto3.client("dynamodb")
    def handler(event, context):
        table.put_item(TableName="noted", Item={"id": {"S": event["id"]}})
        return {"noted": event["id"]}
"""


def zipped(source: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", textwrap.dedent(source))
    return held.getvalue()


class Caller(Worker):
    """Sends events that somebody is to note. What was accepted is noted in the end, at least once."""

    def prepare(self) -> None:
        self.lambda_, self.accepted = self.client("lambda"), set()

    def act(self, name: str) -> None:
        payload = json.dumps({"id": f"event {name}"}).encode()
        reply = self.lambda_.invoke(FunctionName="noter", InvocationType="Event", Payload=payload)
        assert reply["StatusCode"] == 202
        self.accepted.add(f"event {name}")


class Asker(Worker):
    """Waits for the answer. What was answered is noted already."""

    def prepare(self) -> None:
        self.lambda_, self.accepted = self.client("lambda"), set()

    def act(self, name: str) -> None:
        reply = self.lambda_.invoke(FunctionName="noter", Payload=json.dumps({"id": f"asked {name}"}).encode())
        said = reply["Payload"].read()
        assert json.loads(said) == {"noted": f"asked {name}"}, said
        self.accepted.add(f"asked {name}")


class Publisher(Worker):
    """Changes a function and publishes it: a version shows what was acknowledged before it, for ever."""

    def prepare(self) -> None:
        self.lambda_, self.versions = self.client("lambda"), {}

    def act(self, name: str) -> None:
        variables = {"Variables": {"NAME": name}}
        self.lambda_.update_function_configuration(FunctionName="edition", Environment=variables)
        self.lambda_.get_waiter("function_updated_v2").wait(FunctionName="edition", WaiterConfig={"Delay": 0.05})
        made = self.lambda_.publish_version(FunctionName="edition")
        assert made["Environment"] == variables
        self.versions[made["Version"]] = name


def begin(cloud) -> list[Worker]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": ["logs:*", "dynamodb:*"], "Resource": "*"}
    iam = cloud.client("iam", REGION)
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = iam.create_role(RoleName="noter", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": may})
    iam.put_role_policy(RoleName="noter", PolicyName="may", PolicyDocument=document)
    cloud.client("dynamodb", REGION).create_table(
        TableName="noted", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    lambda_ = cloud.client("lambda", REGION)
    for name in ("noter", "edition"):
        lambda_.create_function(
            FunctionName=name, Role=role, Runtime=RUNTIME, Handler="app.handler", Code={"ZipFile": zipped(NOTING)}, Timeout=10,
        )  # fmt: skip
        lambda_.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
    return [Caller(cloud, 50), Asker(cloud, 51), Publisher(cloud, 52)]


def check(cloud, workers: list[Worker]) -> None:
    *senders, publisher = workers
    dynamodb, lambda_ = cloud.client("dynamodb", REGION), cloud.client("lambda", REGION)
    accepted = set().union(*(worker.accepted for worker in senders))

    def missing() -> set[str]:
        pages = dynamodb.get_paginator("scan").paginate(TableName="noted", ConsistentRead=True)
        return accepted - {item["id"]["S"] for page in pages for item in page["Items"]}

    # An event whose function failed, for a region was killed under it, is tried again after a minute and after two.
    in_the_end(lambda: not missing(), 240)
    assert not missing(), f"accepted and never noted: {sorted(missing())[:5]} of {len(accepted)}"
    pages = lambda_.get_paginator("list_versions_by_function").paginate(FunctionName="edition")
    versions = {each["Version"]: each for page in pages for each in page["Versions"]}
    for version, name in publisher.versions.items():
        assert versions[version]["Environment"] == {"Variables": {"NAME": name}}
    assert sorted(int(each) for each in versions if each != "$LATEST") == list(range(1, len(versions)))
