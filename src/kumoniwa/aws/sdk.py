"""Services and operations as AWS's SDKs name them where a definition spells them: ``aws-sdk:sfn:startExecution``."""

from __future__ import annotations

from functools import lru_cache

from kumoniwa.aws import models

_NAMES = {
    "sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs", "cognitoidentityprovider": "cognito-idp",
    "cognitoidentity": "cognito-identity", "elasticloadbalancingv2": "elbv2", "elasticloadbalancing": "elb",
}  # fmt: skip


@lru_cache(maxsize=1)
def _services() -> dict[str, str]:
    return {name.replace("-", ""): name for name in models.service_names()} | _NAMES


def operation(service: str, action: str) -> tuple[str, str] | None:
    """The service and the operation by the names of the model; None if AWS has none of these names."""
    known = _services().get(service)
    if known is None:
        return None
    name = next((name for name in models.service(known).operation_names if name.lower() == action.lower()), None)
    return (known, name) if name is not None else None
