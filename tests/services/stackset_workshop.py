"""An organization whose stack sets are tried: two units, members in them, and what stands where."""

from __future__ import annotations

from typing import Any

from organization_workshop import MASTER, Garden

HERE, THERE = "us-east-1", "eu-west-1"
SERVICE = "member.org.stacksets.cloudformation.amazonaws.com"
TEMPLATE = """
Parameters:
  Seconds: {Type: Number, Default: 60}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: ours, VisibilityTimeout: !Ref Seconds}}
"""
AUTO = {"Enabled": True, "RetainStacksOnAccountRemoval": False}


class Estate:
    """An organization that has let CloudFormation in, in two regions."""

    def __init__(self, cloud: Any, *types: str) -> None:
        cloud.region(THERE)
        self.cloud = cloud
        self.garden = Garden(cloud, *types)
        self.cfn = cloud.client("cloudformation", key=MASTER)
        self.cfn.activate_organizations_access()
        self.left, self.right = self.garden.unit("left"), self.garden.unit("right")

    def member(self, parent: str | None = None) -> str:
        return self.garden.member(parent=parent)

    def move(self, account: str, source: str, destination: str) -> None:
        self.garden.api.move_account(AccountId=account, SourceParentId=source, DestinationParentId=destination)

    def make(self, name: str = "ours", *, auto: dict | None = None, template: str = TEMPLATE, **more: Any) -> None:
        self.cfn.create_stack_set(
            StackSetName=name, TemplateBody=template, PermissionModel="SERVICE_MANAGED", AutoDeployment=auto or AUTO, **more
        )

    def deploy(self, *units: str, name: str = "ours", regions: tuple[str, ...] = (HERE,), **more: Any) -> dict:
        """The operation that brought a set into units, once it is over."""
        answer = self.cfn.create_stack_instances(
            StackSetName=name, DeploymentTargets={"OrganizationalUnitIds": list(units), **more.pop("targets", {})}, Regions=list(regions), **more
        )
        return self.over(answer, name)

    def over(self, answer: dict, name: str = "ours", client: Any = None, **more: Any) -> dict:
        client = client or self.cfn
        for _ in range(900):
            found = client.describe_stack_set_operation(StackSetName=name, OperationId=answer["OperationId"], **more)["StackSetOperation"]
            if found["Status"] not in ("RUNNING", "STOPPING", "QUEUED"):
                return found
            self.cloud.sleep(0.2)
        raise AssertionError(found)

    def rest(self, name: str = "ours") -> list[tuple[str, str]]:
        """What was done to a set, oldest first, once nothing is under way any more."""
        for _ in range(900):
            found = self.cfn.list_stack_set_operations(StackSetName=name)["Summaries"]
            if all(each["Status"] not in ("RUNNING", "STOPPING", "QUEUED") for each in found):
                return [(each["Action"], each["Status"]) for each in reversed(found)]
            self.cloud.sleep(0.2)
        raise AssertionError(found)

    def instances(self, name: str = "ours") -> dict[tuple[str, str], tuple[str, str]]:
        found = self.cfn.list_stack_instances(StackSetName=name)["Summaries"]
        return {(each["Account"], each["Region"]): (each["Status"], each["OrganizationalUnitId"]) for each in found}

    def results(self, answer: dict, name: str = "ours") -> dict[tuple[str, str], dict]:
        found = self.cfn.list_stack_set_operation_results(StackSetName=name, OperationId=answer["OperationId"])["Summaries"]
        return {(each["Account"], each["Region"]): each for each in found}

    def seconds(self, account: str, region: str = HERE) -> str | None:
        """The queue that the template makes, by what it says; None where there is none."""
        sqs = self.cloud.client("sqs", region, key=account)
        if "QueueUrls" not in (found := sqs.list_queues()):
            return None
        read = sqs.get_queue_attributes(QueueUrl=found["QueueUrls"][0], AttributeNames=["VisibilityTimeout"])
        return read["Attributes"]["VisibilityTimeout"]
