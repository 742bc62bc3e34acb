"""The operations of CodePipeline. Custom actions, webhooks and rules of conditions are refused by name."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.once import Token
from kumoniwa.kernel.call import Call
from kumoniwa.services.codepipeline.asking import (
    CreatePipeline,
    DeletePipeline,
    DisableStageTransition,
    EnableStageTransition,
    GetPipelineExecution,
    GetPipelineState,
    ListActionExecutions,
    ListPipelineExecutions,
    PutApprovalResult,
    PutJobFailureResult,
    PutJobSuccessResult,
    RetryStageExecution,
    StartPipelineExecution,
    StopPipelineExecution,
)
from kumoniwa.services.codepipeline.pipeline import (
    GetPipeline,
    ListPipelines,
    ListTagsForResource,
    TagResource,
    UntagResource,
    UpdatePipeline,
    all_tags,
    reserved_tag,  # noqa: F401 (the gate's hook)
    tags_of,  # noqa: F401 (the gate's hook)
)

TOKENS = {"StartPipelineExecution": Token("clientRequestToken", of=("name",))}


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodepipeline.html"""
    if operation.startswith("PutJob") or operation == "ListPipelines":
        return "*"
    if isinstance(params.get("resourceArn"), str):
        return params["resourceArn"]
    declared = params.get("pipeline")
    name = declared.get("name") if isinstance(declared, dict) else params.get("name") or params.get("pipelineName")
    below = [str(params[member]) for member in ("stageName", "actionName") if member in params]
    return call.arn("/".join([str(name), *below]))


__all__ = [
    "CreatePipeline", "DeletePipeline", "DisableStageTransition", "EnableStageTransition", "GetPipeline", "GetPipelineExecution",
    "GetPipelineState", "ListActionExecutions", "ListPipelineExecutions", "ListPipelines", "ListTagsForResource", "PutApprovalResult",
    "PutJobFailureResult", "PutJobSuccessResult", "RetryStageExecution", "StartPipelineExecution", "StopPipelineExecution", "TagResource",
    "UntagResource", "UpdatePipeline", "all_tags",
]  # fmt: skip
