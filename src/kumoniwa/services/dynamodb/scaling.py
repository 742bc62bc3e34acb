"""What DynamoDB asks Application Auto Scaling, in the region of a replica.

It asks by itself: who adds replicas, or sets how they are scaled, needs no permission for Application Auto Scaling.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.gate.linked_role import LinkedRole
from kumoniwa.kernel.call import Call

ROLE = LinkedRole("dynamodb.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable")
"""As whom Application Auto Scaling changes tables."""
READ, WRITE = "Read", "Write"


class Dimension(NamedTuple):
    resource: str
    kind: str
    """READ or WRITE."""

    @classmethod
    def of(cls, table: str, kind: str, index: str = "") -> Dimension:
        return cls(f"table/{table}" + (f"/index/{index}" if index else ""), kind)

    @property
    def named(self) -> dict[str, str]:
        of = "index" if "/index/" in self.resource else "table"
        return {"ServiceNamespace": "dynamodb", "ResourceId": self.resource, "ScalableDimension": f"dynamodb:{of}:{self.kind}CapacityUnits"}

    @property
    def metric(self) -> str:
        return f"DynamoDB{self.kind}CapacityUtilization"


async def ask(call: Call, region: str, operation: str, **params: Any) -> dict:
    owner = call.by_owner()
    return await owner.ask(f"application-autoscaling:{operation}", to_region=region, **params)


async def policies(call: Call, region: str, of: Dimension) -> list[dict[str, Any]]:
    return (await ask(call, region, "DescribeScalingPolicies", **of.named))["ScalingPolicies"]
