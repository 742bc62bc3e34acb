"""A repository: a name under which images are kept, who may reach them, and whether their tags may move."""

from __future__ import annotations

import fnmatch
from functools import lru_cache
from typing import Any

import orjson

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.services.ecr.errors import (
    InvalidParameterException,
    InvalidTagParameterException,
    RepositoryAlreadyExistsException,
    RepositoryNotFoundException,
    RepositoryPolicyNotFoundException,
    TooManyTagsException,
)

TAGS_MAX = 50
WORK = ("ecr", "work")
EVALUATED_AFTER_S = {"instant": 1.0, "real": 86_400.0}
"""AWS: what a lifecycle policy concerns expires within 24 hours."""


class Repository(Record):
    """Shelved by its name."""

    name: str
    id: str
    """Ours: rows refer to it, so that a repository deleted and made again starts empty."""
    created: float
    mutability: str = "MUTABLE"
    exclusions: tuple[dict[str, str], ...] = ()
    """Tags of which the opposite of ``mutability`` is true."""
    policy: str = ""
    lifecycle: str = ""
    evaluated: float = 0.0
    """When its images were last held against its lifecycle policy."""
    due: float = 0.0
    """When they are to be held against it next; 0 for never."""
    tags: dict[str, str] = {}

    def may_move(self, tag: str) -> bool:
        """Whether a tag may be given to another image."""
        is_excluded = any(fnmatch.fnmatchcase(tag, each["filter"]) for each in self.exclusions)
        return self.mutability.startswith("MUTABLE") != is_excluded


def arn(call: Call, name: str) -> str:
    return f"arn:{call.home.partition}:ecr:{call.region}:{call.account}:repository/{name}"


def named(call: Call) -> str:
    """How refusals call the registry."""
    return f"in the registry with id '{call.account}'"


def found(call: Call, name: str) -> Repository:
    repository = call.shelf(Repository).get(name)
    if repository is None:
        raise RepositoryNotFoundException(f"The repository with name '{name}' does not exist {named(call)}")
    return repository


def expect(call: Call, name: str) -> None:
    """Something changed: hold the images against the policy before long."""
    repository = call.shelf(Repository)[name]
    if repository.lifecycle:
        soon = call.now() + EVALUATED_AFTER_S[call.home.settings.pace]
        call.shelf(Repository)[name] = changed(repository, due=min(repository.due or soon, soon))
        call.after_commit(lambda: call.home.wake(WORK))


def host(call: Call) -> str:
    return f"{call.account}.dkr.ecr.{call.region}.amazonaws.com"


def shown(call: Call, repository: Repository) -> dict[str, Any]:
    reply = {
        "repositoryArn": arn(call, repository.name), "registryId": call.account, "repositoryName": repository.name,
        "repositoryUri": f"{host(call)}/{repository.name}", "createdAt": repository.created, "imageTagMutability": repository.mutability,
        "imageScanningConfiguration": {"scanOnPush": False}, "encryptionConfiguration": {"encryptionType": "AES256"},
    }  # fmt: skip
    return reply | ({"imageTagMutabilityExclusionFilters": list(repository.exclusions)} if repository.exclusions else {})


def _refuse_scans(wanted: dict[str, Any] | None) -> None:
    if (wanted or {}).get("scanOnPush"):
        raise NotImplementedHere("scans of images (imageScanningConfiguration.scanOnPush) in ecr")


def _mutable(mutability: str, exclusions: list[dict[str, str]] | None) -> dict[str, Any]:
    if bool(exclusions) != mutability.endswith("_WITH_EXCLUSION"):
        # Measured: https://github.com/badmintoncryer/cdk-preflight (pf-ecr-image-tag-mutability-filters).
        what = "are not allowed" if exclusions else "can't be null"
        raise InvalidParameterException(
            "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: "
            f"'ImageTagMutabilityExclusionFilters {what} when imageTagMutability is set to {mutability}'"
        )
    return {"mutability": mutability, "exclusions": tuple(exclusions or ())}


def CreateRepository(
    call: Call,
    *,
    repositoryName: str,
    registryId: str | None = None,
    tags: list[dict[str, str]] | None = None,
    imageTagMutability: str = "MUTABLE",
    imageTagMutabilityExclusionFilters: list[dict[str, str]] | None = None,
    imageScanningConfiguration: dict[str, Any] | None = None,
    encryptionConfiguration: dict[str, Any] | None = None,
) -> dict:
    """Layers lie under the cloud's seal, which is the AES256 of ``encryptionConfiguration``; keys of KMS are refused by name."""
    _refuse_scans(imageScanningConfiguration)
    if (encryptionConfiguration or {}).get("encryptionType", "AES256") != "AES256":
        raise NotImplementedHere("keys of KMS (encryptionConfiguration.encryptionType) in ecr")
    shelf = call.shelf(Repository)
    if repositoryName in shelf:
        raise RepositoryAlreadyExistsException(f"The repository with name '{repositoryName}' already exists {named(call)}")
    shelf[repositoryName] = Repository(
        name=repositoryName, id=call.ids.hex(16), created=call.now(), tags=_tagged({}, tags or []),
        **_mutable(imageTagMutability, imageTagMutabilityExclusionFilters),
    )  # fmt: skip
    return {"repository": shown(call, shelf[repositoryName])}


def DescribeRepositories(call: Call, *, registryId: str | None = None, repositoryNames: list[str] | None = None) -> dict:
    repositories = (
        [found(call, name) for name in repositoryNames] if repositoryNames else sorted(call.shelf(Repository).values(), key=lambda each: each.name)
    )
    return {"repositories": [shown(call, each) for each in repositories]}


def PutImageTagMutability(
    call: Call,
    *,
    repositoryName: str,
    imageTagMutability: str,
    registryId: str | None = None,
    imageTagMutabilityExclusionFilters: list[dict[str, str]] | None = None,
) -> dict:
    settings = _mutable(imageTagMutability, imageTagMutabilityExclusionFilters)
    repository = call.shelf(Repository)[repositoryName] = changed(found(call, repositoryName), **settings)
    names = ("registryId", "repositoryName", "imageTagMutability", "imageTagMutabilityExclusionFilters")
    return {name: value for name, value in shown(call, repository).items() if name in names}


def PutImageScanningConfiguration(
    call: Call, *, repositoryName: str, imageScanningConfiguration: dict[str, Any], registryId: str | None = None
) -> dict:
    """Nothing is scanned, which may be said."""
    found(call, repositoryName)
    _refuse_scans(imageScanningConfiguration)
    return {"registryId": call.account, "repositoryName": repositoryName, "imageScanningConfiguration": {"scanOnPush": False}}


# Who may reach it --------------------------------------------------------------------------------------


@lru_cache(maxsize=1_024)
def speaking_of_itself(policy: str) -> str:
    """A policy as the gate reads it: one of a repository names no resource, because it means the repository, and several of its statements
    may have one Sid. https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html,
    moto's test_set_repository_policy_validation"""
    try:
        read = orjson.loads(policy)
    except orjson.JSONDecodeError:
        return policy
    statements = read.get("Statement") if isinstance(read, dict) else None
    listed = statements if isinstance(statements, list) else [statements]
    if not all(isinstance(each, dict) and "Resource" not in each for each in listed):
        return policy
    read_anew, seen = [], set()
    for each in listed:
        known = {name: value for name, value in each.items() if name != "Sid" or value not in seen}
        seen.add(each.get("Sid"))
        read_anew.append(known | {"Resource": "*"})
    return orjson.dumps(read | {"Statement": read_anew}).decode()


def _with_policy(call: Call, name: str, text: str) -> dict:
    return {"registryId": call.account, "repositoryName": name, "policyText": text}


def SetRepositoryPolicy(call: Call, *, repositoryName: str, policyText: str, registryId: str | None = None, force: bool | None = None) -> dict:
    """``force`` only matters to who would shut himself out, and the root of the account never is."""
    repository = found(call, repositoryName)
    try:
        parse(speaking_of_itself(policyText), "resource")
    except MalformedPolicyDocument as error:
        raise InvalidParameterException(
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'", hint=error.text
        ) from None
    call.shelf(Repository)[repositoryName] = changed(repository, policy=policyText)
    return _with_policy(call, repositoryName, policyText)


def _policy(call: Call, name: str) -> str:
    repository = found(call, name)
    if not repository.policy:
        raise RepositoryPolicyNotFoundException(f"Repository policy does not exist for the repository with name '{name}' {named(call)}")
    return repository.policy


def GetRepositoryPolicy(call: Call, *, repositoryName: str, registryId: str | None = None) -> dict:
    return _with_policy(call, repositoryName, _policy(call, repositoryName))


def DeleteRepositoryPolicy(call: Call, *, repositoryName: str, registryId: str | None = None) -> dict:
    text = _policy(call, repositoryName)
    call.shelf(Repository)[repositoryName] = changed(found(call, repositoryName), policy="")
    return _with_policy(call, repositoryName, text)


# Tags of the repository ----------------------------------------------------------------------------------


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidTagParameterException("Invalid parameter at 'tags' failed to satisfy constraint: 'Tag keys must not begin with aws:'")


def _tagged(held: dict[str, str], added: list[dict[str, str]]) -> dict[str, str]:
    tags = held | {each["Key"]: each["Value"] for each in added}
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise TooManyTagsException(f"A repository has {TAGS_MAX} tags at most.")
    return tags


def _by_arn(call: Call, text: str) -> Repository:
    parsed = arns.parse(text)
    if parsed is None or parsed.service != "ecr" or not parsed.resource.startswith("repository/"):
        raise InvalidParameterException("Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'")
    if parsed.region != call.region:
        raise RepositoryNotFoundException(f"There is no repository {text} in {call.region}.")
    return found(call, parsed.resource.removeprefix("repository/"))


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _by_arn(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn(call, name), each.tags) for name, each in call.shelf(Repository).items()]


def TagResource(call: Call, *, resourceArn: str, tags: list[dict[str, str]]) -> None:
    repository = _by_arn(call, resourceArn)
    call.shelf(Repository)[repository.name] = changed(repository, tags=_tagged(repository.tags, tags))


def UntagResource(call: Call, *, resourceArn: str, tagKeys: list[str]) -> None:
    repository = _by_arn(call, resourceArn)
    left = {key: value for key, value in repository.tags.items() if key not in tagKeys}
    call.shelf(Repository)[repository.name] = changed(repository, tags=left)


def ListTagsForResource(call: Call, *, resourceArn: str) -> dict:
    return {"tags": [{"Key": key, "Value": value} for key, value in _by_arn(call, resourceArn).tags.items()]}
