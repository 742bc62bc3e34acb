"""The operations of ECR. Scans, replication, caches of other registries, signing and keys of KMS are refused by name."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.ecr import image, layer
from kumoniwa.services.ecr.access import GetAuthorizationToken, owner_of, policy_of, resource_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.ecr.bill import standing_of  # noqa: F401 (the gate's hook)
from kumoniwa.services.ecr.door import GetDownloadUrlForLayer
from kumoniwa.services.ecr.errors import RepositoryNotEmptyException, refusal_of  # noqa: F401 (the gate's hook)
from kumoniwa.services.ecr.image import BatchDeleteImage, BatchGetImage, DescribeImages, ListImages, PutImage
from kumoniwa.services.ecr.layer import (
    BatchCheckLayerAvailability,
    CompleteLayerUpload,
    InitiateLayerUpload,
    UploadLayerPart,
)
from kumoniwa.services.ecr.lifecycle import DeleteLifecyclePolicy, GetLifecyclePolicy, PutLifecyclePolicy
from kumoniwa.services.ecr.repository import (
    CreateRepository,
    DeleteRepositoryPolicy,
    DescribeRepositories,
    GetRepositoryPolicy,
    ListTagsForResource,
    PutImageScanningConfiguration,
    PutImageTagMutability,
    Repository,
    SetRepositoryPolicy,
    TagResource,
    UntagResource,
    all_tags,
    found,
    reserved_tag,  # noqa: F401 (the gate's hook)
    shown,
    tags_of,  # noqa: F401 (the gate's hook)
)

TAG_CONDITIONS = ("ecr:ResourceTag",)

__all__ = [
    "BatchCheckLayerAvailability", "BatchDeleteImage", "BatchGetImage", "CompleteLayerUpload", "CreateRepository", "DeleteLifecyclePolicy",
    "DeleteRepository", "DeleteRepositoryPolicy", "DescribeImages", "DescribeRepositories", "GetAuthorizationToken", "GetDownloadUrlForLayer",
    "GetLifecyclePolicy", "GetRepositoryPolicy", "InitiateLayerUpload", "ListImages", "ListTagsForResource", "PutImage",
    "PutImageScanningConfiguration", "PutImageTagMutability", "PutLifecyclePolicy", "SetRepositoryPolicy", "TagResource", "UntagResource",
    "UploadLayerPart", "all_tags",
]  # fmt: skip


def DeleteRepository(call: Call, *, repositoryName: str, registryId: str | None = None, force: bool | None = None) -> dict:
    repository = found(call, repositoryName)
    images = image.of(call, repository)
    if images and not force:
        raise RepositoryNotEmptyException(
            f"The repository with name '{repositoryName}' in registry with id '{call.account}' cannot be deleted because it still contains images"
        )
    image.delete(call, repository, {each.digest for each in images})
    layer.drop_all_but(call, repository, set())
    layer.drop_uploads(call, repository)
    del call.shelf(Repository)[repositoryName]
    return {"repository": shown(call, repository)}
