"""What can be scaled: where its capacity is read and set, by which role, and which of its metrics tells how busy it is.

https://docs.aws.amazon.com/autoscaling/application/userguide/integrated-services-list.html
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from kumoniwa.gate.linked_role import LinkedRole
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.application_autoscaling.errors import ValidationException

SESSION = "AutoScaling"
ROLES = {
    "dynamodb": LinkedRole("dynamodb.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"),
    "lambda": LinkedRole("lambda.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency"),
}
"""https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html"""


class Dimension(NamedTuple):
    resource: re.Pattern
    noun: str
    """As activities call it."""
    least: int
    predefined: str
    """The metric a policy may follow without saying more of it."""
    metric: str


_TABLE = re.compile(r"table/([\w.-]+)")
_INDEX = re.compile(r"table/([\w.-]+)/index/([\w.-]+)")
_FUNCTION = re.compile(r"function:([\w-]+):([\w-]+)")
_READ = ("read capacity units", 1, "DynamoDBReadCapacityUtilization", "ReadCapacityUnits")
_WRITE = ("write capacity units", 1, "DynamoDBWriteCapacityUtilization", "WriteCapacityUnits")
DIMENSIONS = {
    "dynamodb:table:ReadCapacityUnits": Dimension(_TABLE, *_READ),
    "dynamodb:table:WriteCapacityUnits": Dimension(_TABLE, *_WRITE),
    "dynamodb:index:ReadCapacityUnits": Dimension(_INDEX, *_READ),
    "dynamodb:index:WriteCapacityUnits": Dimension(_INDEX, *_WRITE),
    "lambda:function:ProvisionedConcurrency": Dimension(
        _FUNCTION, "provisioned concurrency", 0, "LambdaProvisionedConcurrencyUtilization", "ProvisionedConcurrencyUtilization"
    ),
}


class Resource(NamedTuple):
    namespace: str
    id: str
    dimension: str
    parts: tuple[str, ...]
    """Table and perhaps index, or function and alias or version."""

    @property
    def kind(self) -> Dimension:
        return DIMENSIONS[self.dimension]

    @property
    def key(self) -> str:
        return f"{self.id}|{self.dimension}|{self.namespace}"

    @property
    def is_dynamodb(self) -> bool:
        return self.namespace == "dynamodb"

    def as_ours(self, call: Call) -> Call:
        """The same place, asked by the service-linked role."""
        return ROLES[self.namespace].assumed(call, SESSION)

    # Capacity ---------------------------------------------------------------------------------

    async def capacity(self, call: Call) -> int | None:
        """What is provisioned now; None for a table that is on demand. Raises ValidationException if there is no such resource."""
        if self.is_dynamodb:
            held = (await self._throughput(call))[self.kind.metric]
            return held or None
        function, qualifier = self.parts
        try:
            told = await self.as_ours(call).ask("lambda:GetProvisionedConcurrencyConfig", FunctionName=function, Qualifier=qualifier)
        except AwsError as error:
            if error.code == "ProvisionedConcurrencyConfigNotFoundException":
                return 0
            if error.code == "ResourceNotFoundException":
                raise ValidationException(f"Lambda function does not exist: {self.id}") from None
            raise
        return told["RequestedProvisionedConcurrentExecutions"]

    async def _throughput(self, call: Call) -> dict[str, Any]:
        try:
            table = (await self.as_ours(call).ask("dynamodb:DescribeTable", TableName=self.parts[0]))["Table"]
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                # https://github.com/terraform-aws-modules/terraform-aws-dynamodb-table/issues/15
                raise ValidationException(f"DynamoDB table does not exist: table/{self.parts[0]}") from None
            raise
        if len(self.parts) == 1:
            return table["ProvisionedThroughput"]
        for index in table.get("GlobalSecondaryIndexes", ()):
            if index["IndexName"] == self.parts[1]:
                return index["ProvisionedThroughput"]
        raise ValidationException(f"DynamoDB index does not exist: {self.id}")

    async def set_capacity(self, call: Call, units: int) -> None:
        ours = self.as_ours(call)
        if not self.is_dynamodb:
            named = {"FunctionName": self.parts[0], "Qualifier": self.parts[1]}
            if units:
                await ours.ask("lambda:PutProvisionedConcurrencyConfig", ProvisionedConcurrentExecutions=units, **named)
            else:
                await ours.ask("lambda:DeleteProvisionedConcurrencyConfig", **named)
            return
        held = await self._throughput(call)
        wanted = {name: held[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits")} | {self.kind.metric: units}
        if len(self.parts) == 1:
            await ours.ask("dynamodb:UpdateTable", TableName=self.parts[0], ProvisionedThroughput=wanted)
        else:
            update = {"Update": {"IndexName": self.parts[1], "ProvisionedThroughput": wanted}}
            await ours.ask("dynamodb:UpdateTable", TableName=self.parts[0], GlobalSecondaryIndexUpdates=[update])

    # Metrics ----------------------------------------------------------------------------------

    def metric(self, name: str) -> dict[str, Any]:
        """One of the resource's own metrics, as CloudWatch names it."""
        if self.is_dynamodb:
            names = ("TableName", "GlobalSecondaryIndexName")
            return {"Namespace": "AWS/DynamoDB", "MetricName": name, "Dimensions": _dimensions(zip(names, self.parts, strict=False))}
        function, qualifier = self.parts
        named = (("FunctionName", function), ("Resource", f"{function}:{qualifier}"))
        return {"Namespace": "AWS/Lambda", "MetricName": name, "Dimensions": _dimensions(named)}


def _dimensions(named: Any) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in named]


def named(namespace: str, resource_id: str, dimension: str) -> Resource:
    """The resource that a request names. Raises ValidationException for a combination there is not, and by name for those not built here."""
    kind = DIMENSIONS.get(dimension)
    if kind is None and dimension.startswith(f"{namespace}:"):
        raise NotImplementedHere(f"scaling of {dimension}")
    found = kind.resource.fullmatch(resource_id) if kind is not None and dimension.startswith(f"{namespace}:") else None
    if found is None:
        # https://github.com/pulumi/pulumi-aws/issues/822
        raise ValidationException("Unsupported service namespace, resource type or scalable dimension")
    return Resource(namespace, resource_id, dimension, found.groups())
