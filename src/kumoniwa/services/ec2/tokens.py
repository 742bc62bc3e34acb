"""Client tokens: who says one again is answered what he was answered, and refused if he asks for something else.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
"""

from __future__ import annotations

from kumoniwa.gate.once import Token
from kumoniwa.services.ec2.errors import IdempotentParameterMismatch

_OF_NETWORKS = (
    "CreateEgressOnlyInternetGateway", "CreateManagedPrefixList", "CreateNatGateway", "CreateNetworkAcl", "CreateNetworkInsightsPath", "CreateNetworkInterface",
    "CreateRouteTable", "CreateVpcEndpoint", "StartNetworkInsightsAnalysis",
)  # fmt: skip
TOKENS = {name: Token("ClientToken", refusal=IdempotentParameterMismatch) for name in ("CreateVolume", *_OF_NETWORKS)}
