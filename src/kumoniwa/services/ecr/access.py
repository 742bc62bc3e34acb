"""What the gate asks of ECR, and the token by which a registry's own clients are known.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
"""

from __future__ import annotations

import base64
from typing import Any

from kumoniwa.gate import identity
from kumoniwa.kernel.call import Call
from kumoniwa.services.ecr.repository import Repository, arn, host, speaking_of_itself

TOKEN_LIVES_S = 43_200.0


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str | None:
    registry = params.get("registryId")
    return registry if isinstance(registry, str) and len(registry) == 12 and registry.isdigit() else None


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    if "resourceArn" in params:
        return str(params["resourceArn"])
    if isinstance(params.get("repositoryName"), str):
        return arn(call, params["repositoryName"])
    names = params.get("repositoryNames")
    if operation == "DescribeRepositories":
        return [arn(call, str(name)) for name in names] if names else arn(call, "*")
    return "*"


def policy_of(call: Call, resource: str) -> str | None:
    repository = call.shelf(Repository).get(resource.partition(":repository/")[2])
    return speaking_of_itself(repository.policy) if repository is not None and repository.policy else None


def GetAuthorizationToken(call: Call, *, registryIds: list[str] | None = None) -> dict:
    """A password for ``docker login -u AWS``: whoever has it acts as the caller for twelve hours, in every registry he may reach."""
    session, token = identity.issue(call.home, call.principal, TOKEN_LIVES_S)
    endpoint = {"authorizationToken": base64.b64encode(f"AWS:{token}".encode()).decode(), "expiresAt": float(int(session.expires))}
    accounts = registryIds or [call.account]
    return {"authorizationData": [endpoint | {"proxyEndpoint": f"https://{host(call).replace(call.account, each, 1)}"} for each in accounts]}
