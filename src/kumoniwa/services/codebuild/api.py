"""The operations of CodeBuild. Batches, fleets, reports, webhooks and sandboxes are refused by name."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.once import Token
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.codebuild.build import (
    BatchDeleteBuilds,
    BatchGetBuilds,
    DeleteProject,
    ListBuilds,
    ListBuildsForProject,
    RetryBuild,
    StartBuild,
    StopBuild,
)
from kumoniwa.services.codebuild.errors import InvalidInputException
from kumoniwa.services.codebuild.project import (
    BatchGetProjects,
    CreateProject,
    ListProjects,
    UpdateProject,
    all_tags,
    tags_of,  # noqa: F401 (the gate's hook)
)


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return InvalidInputException("Tag keys that begin with aws: are reserved.")


def _mismatch() -> InvalidInputException:
    return InvalidInputException("The idempotency token was used for a request with other parameters.")


TOKENS = {name: Token("idempotencyToken", kept_s=300.0, refusal=_mismatch) for name in ("StartBuild", "RetryBuild")}
"""Valid for five minutes, and other parameters are "a parameter mismatch error", whose code and words no record tells:
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html"""


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html: builds are their project's."""
    names = [str(params[member]) for member in ("name", "projectName") if member in params]
    names += [str(each) for each in params.get("names") or ()]
    names += [
        str(each).rpartition(":build/")[2].partition(":")[0]
        for each in (*(params.get("ids") or ()), *([params["id"]] if params.get("id") else ()))
    ]
    return [call.arn(f"project/{name.rpartition(':project/')[2]}") for name in names] or "*"


__all__ = [
    "BatchDeleteBuilds", "BatchGetBuilds", "BatchGetProjects", "CreateProject", "DeleteProject", "ListBuilds", "ListBuildsForProject",
    "ListProjects", "RetryBuild", "StartBuild", "StopBuild", "UpdateProject", "all_tags",
]  # fmt: skip
