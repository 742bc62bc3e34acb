"""How calls of API Gateway's types name an API, and how they change what is there: by patch operations."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    Call,
    Value,
    at,
    gone_tags,
    p,
    tag_map,
    text,
)

GONE = "NotFoundException"
OF_API = {"restApiId": at(p.RestApiId)}
OF_RESOURCE = {**OF_API, "resourceId": at(p.ResourceId)}


def tags_at(resource: str) -> tuple[Call, Call]:
    arn = text("arn:${AWS::Partition}:apigateway:${AWS::Region}::" + resource)
    return (
        Call("apigateway:UntagResource", resourceArn=arn, tagKeys=gone_tags).when(gone_tags),
        Call("apigateway:TagResource", resourceArn=arn, tags=tag_map(p.Tags)).when(p.Tags),
    )


def changes(operation: str, operations: Value, **owner: Any) -> Call:
    """An update by patch operations, which say by themselves what was dropped."""
    return Call(f"apigateway:{operation}", **owner, patchOperations=operations).when(operations).writes_all()
