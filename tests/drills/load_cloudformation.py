"""Stacks made, changed, spoilt and deleted, over two regions: each comes to rest, and what stands is what they say."""

import time

from botocore.exceptions import ClientError
from load_lambda import RUNTIME
from worker import REGION, UNANSWERED, Worker

TEMPLATE = """
Parameters:
  Seconds: {Type: Number}
  Spoilt: {Type: String}
  Runtime: {Type: String}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: !Ref Seconds}}
  Renamed: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub "/${AWS::StackName}/${Seconds}"}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: k, AttributeType: S}]
      KeySchema: [{AttributeName: k, KeyType: HASH}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: !Ref Runtime
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Environment: {Variables: {SECONDS: !Ref Seconds, TABLE: !Ref Table}}
      Code: {ZipFile: "def handler(event, context): return event"}
  Last:
    Type: AWS::SQS::Queue
    DependsOn: [Function, Renamed]
    Properties: {DelaySeconds: !Ref Spoilt}
"""
SPOILT = "99999"
REST_S_MAX = 600


class Builder(Worker):
    """Lives through the whole life of one stack after the other. Every question carries a token and is asked until it is answered."""

    def prepare(self) -> None:
        self.cloudformation, self.standing, self.perhaps = self.client("cloudformation"), {}, ""

    def act(self, name: str) -> None:
        stack, self.perhaps = f"st{name}", f"st{name}"
        self.ask(self.cloudformation.create_stack, **self.wish(stack, 30, "0", "create"))
        assert self.rest(stack) == "CREATE_COMPLETE", self.why(stack)
        self.standing[stack], self.perhaps = 30, ""
        for n in range(1, self.random.choice((1, 2, 3))):
            is_spoilt = self.random.random() < 0.4
            wish = self.wish(stack, 30 + n, SPOILT if is_spoilt else "0", f"update{n}")
            self.ask(self.cloudformation.update_stack, **wish)
            status = self.rest(stack)
            assert status == ("UPDATE_ROLLBACK_COMPLETE" if is_spoilt else "UPDATE_COMPLETE"), self.why(stack)
            self.standing[stack] = self.standing[stack] if is_spoilt else 30 + n
        if self.random.random() < 0.6:
            arn = self.ask(self.cloudformation.describe_stacks, StackName=stack)["Stacks"][0]["StackId"]
            self.ask(self.cloudformation.delete_stack, StackName=arn)
            assert self.rest(arn) == "DELETE_COMPLETE", self.why(arn)
            del self.standing[stack]

    @staticmethod
    def wish(stack: str, seconds: int, spoilt: str, token: str) -> dict:
        values = {"Seconds": str(seconds), "Spoilt": spoilt, "Runtime": RUNTIME}
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
        return {
            "StackName": stack, "TemplateBody": TEMPLATE, "Parameters": parameters, "Capabilities": ["CAPABILITY_IAM"],
            "ClientRequestToken": token,
        }  # fmt: skip

    def ask(self, method, **params) -> dict:
        while True:
            try:
                return method(**params)
            except UNANSWERED:
                self.unanswered += 1
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
                    raise
                self.unanswered += 1

    def rest(self, stack: str) -> str:
        ends = time.monotonic() + REST_S_MAX
        while True:
            status = self.ask(self.cloudformation.describe_stacks, StackName=stack)["Stacks"][0]["StackStatus"]
            if not status.endswith("_IN_PROGRESS") or time.monotonic() > ends:
                return status
            time.sleep(0.02)

    def why(self, stack: str) -> str:
        events = self.ask(self.cloudformation.describe_stack_events, StackName=stack)["StackEvents"]
        shown = ("LogicalResourceId", "ResourceStatus", "ResourceStatusReason")
        return "\n".join(" ".join(str(event.get(name, "")) for name in shown) for event in events)


def begin(cloud) -> list[Worker]:
    return [Builder(cloud, 70), Builder(cloud, 71)]


def check(cloud, workers: list[Builder]) -> None:
    cloudformation = cloud.client("cloudformation", REGION)
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    living = {stack["StackName"]: stack for page in pages for stack in page["Stacks"]}
    standing = {name: seconds for worker in workers for name, seconds in worker.standing.items()}
    assert set(standing) <= set(living) <= {*standing, *(worker.perhaps for worker in workers)}
    for name, stack in living.items():
        assert stack["StackStatus"].endswith("_COMPLETE"), (name, stack["StackStatus"])
    of = {name: _resources(cloudformation, name) for name in living}
    for name, seconds in standing.items():
        _check_values(cloud, name, of[name], seconds)
    claimed = {kind: {found[kind] for found in of.values()} for kind in ("Queue", "Last", "Table", "Role", "Function", "Renamed")}
    claimed["Queue"] |= claimed.pop("Last")
    for kind, names in _there(cloud).items():
        assert names == claimed[kind], f"{kind}: beside the stacks {names - claimed[kind]}, missing {claimed[kind] - names}"


def _resources(cloudformation, stack: str) -> dict[str, str]:
    found = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"].rpartition("queue/")[2] for each in found}


def _check_values(cloud, stack: str, resources: dict[str, str], seconds: int) -> None:
    attributes = cloud.client("sqs", REGION).get_queue_attributes(
        QueueUrl=resources["Queue"], AttributeNames=["VisibilityTimeout"]
    )
    assert attributes["Attributes"]["VisibilityTimeout"] == str(seconds)
    function = cloud.client("lambda", REGION).get_function_configuration(FunctionName=resources["Function"])
    assert function["Environment"]["Variables"] == {"SECONDS": str(seconds), "TABLE": resources["Table"]}
    assert resources["Renamed"] == f"/{stack}/{seconds}"


def _there(cloud) -> dict[str, set[str]]:
    """Everything in both regions whose name begins as a stack's does."""

    def every(service: str, operation: str, items: str, name: str | None = None) -> set[str]:
        pages = cloud.client(service, REGION).get_paginator(operation).paginate(PaginationConfig={"PageSize": 50})
        found = (each[name] if name else each for page in pages for each in page.get(items, ()))
        return {each for each in found if each.rpartition("/")[2].startswith("st7") or each.startswith("/st7")}

    return {
        "Queue": every("sqs", "list_queues", "QueueUrls"),
        "Table": every("dynamodb", "list_tables", "TableNames"),
        "Role": every("iam", "list_roles", "Roles", "RoleName"),
        "Function": every("lambda", "list_functions", "Functions", "FunctionName"),
        "Renamed": every("logs", "describe_log_groups", "logGroups", "logGroupName"),
    }
