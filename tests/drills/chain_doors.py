"""Chains that begin at an API, a stream or a state machine: what was answered is done, and what was done is not done again."""

from __future__ import annotations

import json

from chain import ACCOUNT, Chain, Sender, role
from worker import REGION

ANSWERING = """
    import json
    def handler(event, context):
        order = json.loads(event["body"])["order"]
        note(order)
        return {"statusCode": 201, "body": json.dumps({"order": order})}
"""


class Orders(Chain):
    """An answer of 2xx says that the order is written."""

    name = "orders"
    says = "HTTP API → Lambda → DynamoDB: every order that was answered with 201 is read back"
    messages, batch = 4_000, 1

    def begin(self) -> None:
        function = self.stage.function("orders", ANSWERING, 10)
        api = self.client("apigatewayv2").create_api(Name="orders", ProtocolType="HTTP", Target=function)["ApiId"]
        self.client("lambda").add_permission(
            FunctionName="orders", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/*",
        )  # fmt: skip
        self.host = f"{api}.execute-api.{REGION}.localhost"

    def send(self, sender: Sender, names: list[str]) -> None:
        (order,) = names
        if "http" not in sender.clients:
            sender.clients["http"] = self.stage.http(self.host)
        status, body = sender.clients["http"]("POST", "/orders", json.dumps({"order": order}))
        if status in (502, 503, 504):
            raise ConnectionError(f"{status} {body}")
        assert (status, json.loads(body)) == (201, {"order": order}), (status, body)


WRITING = """
    import base64, boto3, json
    s3 = boto3.client("s3")
    def handler(event, context):
        records = event["Records"]
        first = records[0]["kinesis"]
        texts = [base64.b64decode(record["kinesis"]["data"]).decode() for record in records]
        body = json.dumps({"key": first["partitionKey"], "texts": texts})
        s3.put_object(Bucket="lake", Key=f"{first['sequenceNumber']}/{len(records)}", Body=body)
"""
SHARDS = 2


class Stream(Chain):
    """A batch is an object named by its first record and its length: written again after a kill, it is the same object or a longer one."""

    name = "stream"
    says = "Kinesis → Lambda → S3: every record is in the lake"
    messages = 4_000

    def begin(self) -> None:
        kinesis = self.client("kinesis")
        kinesis.create_stream(StreamName="clicks", ShardCount=SHARDS)
        self.client("s3").create_bucket(Bucket="lake")
        self.stage.function("writer", WRITING, 10)
        self.client("lambda").create_event_source_mapping(
            FunctionName="writer", EventSourceArn=f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/clicks", StartingPosition="TRIM_HORIZON", BatchSize=100,
        )  # fmt: skip

    def send(self, sender: Sender, names: list[str]) -> None:
        records = [{"Data": name.encode(), "PartitionKey": name} for name in names]
        reply = sender.asks("kinesis").put_records(StreamName="clicks", Records=records)
        refused = [name for name, said in zip(names, reply["Records"]) if "ErrorCode" in said]
        if refused:
            raise ConnectionError(f"throttled: {len(refused)}")

    def arrived(self) -> list[str]:
        s3 = self.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="lake")
        keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
        return [text for key in keys for text in json.loads(s3.get_object(Bucket="lake", Key=key)["Body"].read())["texts"]]


class Workflows(Chain):
    """An execution counts in a table before it waits and after it, and three times beside itself. Its name is its token: who asks again
    starts nothing new."""

    name = "workflows"
    says = "Step Functions → DynamoDB: every execution ends well, and no task that completed is done again"
    messages, messages_short, batch = 300, 8, 1
    steps = ("before", "left", "right", "after")
    is_exact = True

    def begin(self) -> None:
        self.client("dynamodb").create_table(
            TableName="steps", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )  # fmt: skip

        def count(step: str, **more) -> dict:
            asked = {
                "TableName": "steps", "Key": {"id": {"S.$": "$.name"}}, "UpdateExpression": f"ADD #{step} :one",
                "ExpressionAttributeNames": {f"#{step}": step}, "ExpressionAttributeValues": {":one": {"N": "1"}},
            }  # fmt: skip
            return {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:updateItem", "Parameters": asked, "ResultPath": None, **more}

        branches = [{"StartAt": side, "States": {side: count(side, End=True)}} for side in ("left", "right")]
        states = {
            "before": count("before", Next="wait"),
            "wait": {"Type": "Wait", "Seconds": 1, "Next": "sides"},
            "sides": {"Type": "Parallel", "Branches": branches, "ResultPath": None, "Next": "after"},
            "after": count("after", End=True),
        }
        made = self.client("stepfunctions").create_state_machine(
            name="workflow", definition=json.dumps({"StartAt": "before", "States": states}), roleArn=role(self.cloud, "workflow", "states.amazonaws.com"),
        )  # fmt: skip
        self.machine = made["stateMachineArn"]

    def send(self, sender: Sender, names: list[str]) -> None:
        (name,) = names
        sender.asks("stepfunctions").start_execution(stateMachineArn=self.machine, name=name, input=json.dumps({"name": name}))

    def counted(self) -> dict[str, dict[str, int]]:
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName="steps", ConsistentRead=True)
        items = [item for page in pages for item in page["Items"]]
        return {item["id"]["S"]: {step: int(item[step]["N"]) for step in self.steps if step in item} for item in items}

    def ended(self) -> dict[str, str]:
        pages = self.client("stepfunctions").get_paginator("list_executions").paginate(stateMachineArn=self.machine)
        return {found["name"]: found["status"] for page in pages for found in page["executions"]}

    def arrived(self) -> list[str]:
        """Executions that have ended well, as often as their last step was done."""
        ended, counted = self.ended(), self.counted()
        return [name for name, status in ended.items() if status == "SUCCEEDED" for _ in range(counted.get(name, {}).get("after", 0))]

    def findings(self, acknowledged: set[str], arrived: list[str]) -> list[str]:
        once = dict.fromkeys(self.steps, 1)
        counted = self.counted()
        wrong = {name: counted.get(name) for name in arrived if counted.get(name) != once}
        return [f"{len(wrong)} executions did not do each step once: {list(wrong.items())[:3]}"] if wrong else []
