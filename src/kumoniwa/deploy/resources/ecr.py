"""AWS::ECR: repositories. A template spells what the API spells with a small first letter."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Work,
    as_json,
    carries,
    from_json,
    gone_tags,
    p,
    seen,
    text,
    use,
)

_ARN = text("arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/${ID}")


def _spelled(value: dict[str, Any]) -> dict[str, Any]:
    """Members of a structure as the API spells them: ``ScanOnPush`` becomes ``scanOnPush``."""
    return {key[0].lower() + key[1:]: each for key, each in value.items()}


def _filters(value: list[dict[str, str]]) -> list[dict[str, str]]:
    named = "ImageTagMutabilityExclusionFilter"
    return [{"filterType": each[f"{named}Type"], "filter": each[f"{named}Value"]} for each in value]


@carries("LifecyclePolicy")
async def _expire(work: Work) -> None:
    wanted = work.properties["LifecyclePolicy"]
    asked = {"lifecyclePolicyText": wanted["LifecyclePolicyText"]}
    if "RegistryId" in wanted:
        asked["registryId"] = wanted["RegistryId"]
    await work.ask("ecr:PutLifecyclePolicy", repositoryName=work.id, **asked)


@carries("EmptyOnDelete")
async def _keep_in_mind(work: Work) -> None:
    """What the deletion will do is known from the properties then."""


async def _delete(work: Work) -> None:
    await work.ask("ecr:DeleteRepository", repositoryName=work.id, force=str(work.properties.get("EmptyOnDelete", "")).lower() == "true")


Repository = ResourceType(
    name=Name("RepositoryName", 256, lower=True),
    create=Call(
        "ecr:CreateRepository",
        repositoryName=p.RepositoryName, imageTagMutability=p.ImageTagMutability, tags=p.Tags,
        imageTagMutabilityExclusionFilters=use(_filters, p.ImageTagMutabilityExclusionFilters),
        imageScanningConfiguration=use(_spelled, p.ImageScanningConfiguration),
        encryptionConfiguration=use(_spelled, p.EncryptionConfiguration),
    ),  # fmt: skip
    id=p.RepositoryName,
    read=Call("ecr:DescribeRepositories", repositoryNames=[ID]),
    update=(
        Call(
            "ecr:PutImageTagMutability", repositoryName=ID, imageTagMutability=p.ImageTagMutability,
            imageTagMutabilityExclusionFilters=use(_filters, p.ImageTagMutabilityExclusionFilters),
        ),
        Call("ecr:PutImageScanningConfiguration", repositoryName=ID, imageScanningConfiguration=use(_spelled, p.ImageScanningConfiguration)),
        Call("ecr:UntagResource", resourceArn=_ARN, tagKeys=gone_tags).when(gone_tags),
        Call("ecr:TagResource", resourceArn=_ARN, tags=p.Tags).when(p.Tags),
        _keep_in_mind,
    ),
    settings=(
        Setting(_expire, Call("ecr:DeleteLifecyclePolicy", repositoryName=ID)),
        Setting(
            Call("ecr:SetRepositoryPolicy", repositoryName=ID, policyText=as_json(p.RepositoryPolicyText)),
            Call("ecr:DeleteRepositoryPolicy", repositoryName=ID),
        ),
    ),
    delete=_delete,
    absent="RepositoryNotFoundException LifecyclePolicyNotFoundException RepositoryPolicyNotFoundException",
    attributes={
        "Arn": _ARN,
        "RepositoryUri": text("${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/${ID}"),
    },
    defaults={
        "ImageTagMutability": "MUTABLE", "ImageScanningConfiguration": {"ScanOnPush": False}, "ImageTagMutabilityExclusionFilters": [],
        "EmptyOnDelete": False,
    },
    drift=(
        Reading({"RepositoryName": ID}),
        Reading(
            {"RepositoryPolicyText": from_json(seen.policyText)}, Call("ecr:GetRepositoryPolicy", repositoryName=ID),
            absent="RepositoryPolicyNotFoundException",
        ),
    ),
)
