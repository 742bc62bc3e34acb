"""Lifecycle policies: which images of a repository expire, rule by rule, and what a policy may say.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import Any

import msgspec
import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.ecr import image
from kumoniwa.services.ecr.errors import InvalidParameterException, LifecyclePolicyNotFoundException
from kumoniwa.services.ecr.image import Image
from kumoniwa.services.ecr.repository import Repository, expect, found, named

DAY_S = 86_400.0
RULES_MAX = 50
WILDCARDS_MAX = 4


class Selection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tagStatus: str
    countType: str
    countNumber: int
    countUnit: str = ""
    tagPrefixList: tuple[str, ...] = ()
    tagPatternList: tuple[str, ...] = ()
    storageClass: str = ""

    def means(self, tags: list[str]) -> bool:
        """Whether an image with these tags is selected: it must have a tag for each pattern."""
        if self.tagStatus != "tagged":
            return self.tagStatus == "any" or not tags
        patterns = [*(f"{prefix}*" for prefix in self.tagPrefixList), *self.tagPatternList]
        return all(any(fnmatch.fnmatchcase(tag, pattern) for tag in tags) for pattern in patterns)

    def flaw(self) -> str:
        """Texts measured by https://github.com/badmintoncryer/cdk-preflight (rules/ecr), where it tells them."""
        if self.tagStatus not in ("tagged", "untagged", "any"):
            return f"instance value (\"{self.tagStatus}\") not found in enum (possible values: [\"any\",\"tagged\",\"untagged\"])"
        given = [name for name in ("tagPrefixList", "tagPatternList") if getattr(self, name)]
        if self.tagStatus != "tagged" and given:
            return f"Cannot specify {given[0]} with tagStatus {self.tagStatus}"
        if self.tagStatus == "tagged" and len(given) != 1:
            both = "If policy has a tagged rule, it must specify only one of tagPrefixList or tagPatternList"
            return both if given else "Must specify tagPrefixList or tagPatternList"
        if any(pattern.count("*") > WILDCARDS_MAX for pattern in self.tagPatternList):
            return "Invalid tag pattern provided"
        if self.countType not in ("imageCountMoreThan", "sinceImagePushed"):
            return f"instance value (\"{self.countType}\") not found in enum (possible values: [\"imageCountMoreThan\",\"sinceImagePushed\"])"
        if (self.countType == "sinceImagePushed") != (self.countUnit == "days"):
            return "countUnit days is given with countType sinceImagePushed, and only with it"
        return "" if self.countNumber >= 1 else "countNumber must be at least 1"


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    targetStorageClass: str = ""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rulePriority: int
    selection: Selection
    action: Action
    description: str = ""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: tuple[Rule, ...]


def _refuse_archives(policy: Policy) -> None:
    for rule in policy.rules:
        if rule.action.type == "transition" or rule.selection.storageClass or rule.selection.countType == "sinceImageTransitioned":
            raise NotImplementedHere("images in an archive (lifecycle policies) in ecr")
        if rule.selection.countType == "sinceImagePulled":
            raise NotImplementedHere("the countType sinceImagePulled of lifecycle policies in ecr")


def read(text: str) -> Policy:
    """A policy, its rules by priority. Raises what AWS's validation says begins with; the rest of the text is ours."""
    try:
        policy = msgspec.json.decode(text, type=Policy)
    except msgspec.MsgspecError as error:
        raise _invalid(str(error)) from None
    _refuse_archives(policy)
    priorities = [rule.rulePriority for rule in policy.rules]
    flaws = [flaw for rule in policy.rules if (flaw := rule.selection.flaw())]
    flaws += [f"action type {rule.action.type} is not expire" for rule in policy.rules if rule.action.type != "expire"]
    if not 1 <= len(priorities) <= RULES_MAX:
        flaws.append(f"a policy has one to {RULES_MAX} rules")
    if min(priorities, default=1) < 1:
        flaws.append("numeric instance is lower than the required minimum (minimum: 1)")
    if len(set(priorities)) < len(priorities):
        flaws.append("Duplicate priority in multiple rules")
    of_any = [rule.rulePriority for rule in policy.rules if rule.selection.tagStatus == "any"]
    if len(of_any) > 1:
        flaws.append("Only one rule can specify tagStatus=ANY")
    elif of_any and of_any[0] != max(priorities):
        flaws.append("Rule for tagStatus=ANY must have the highest rulePriority")
    if flaws:
        raise _invalid(flaws[0])
    return Policy(tuple(sorted(policy.rules, key=lambda rule: rule.rulePriority)))


def _invalid(why: str) -> InvalidParameterException:
    return InvalidParameterException(
        f"Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure:\n{why}\n'"
    )


def expired(policy: Policy, images: Iterable[tuple[Image, list[str]]], now: float) -> set[str]:
    """The digests that expire, of images in the order in which they were pushed. What one rule selects is none of the following rules'
    business."""
    left, gone = list(images), set()
    for rule in policy.rules:
        selection = rule.selection
        mine = [(each, tags) for each, tags in left if selection.means(tags)]
        if selection.countType == "imageCountMoreThan":
            out = mine[: -selection.countNumber]
        else:
            out = [(each, tags) for each, tags in mine if each.pushed + selection.countNumber * DAY_S <= now]
        gone |= {each.digest for each, _ in out}
        left = [(each, tags) for each, tags in left if all(each.digest != other.digest for other, _ in mine)]
    return gone


def _told(call: Call, repository: Repository) -> dict[str, Any]:
    return {"registryId": call.account, "repositoryName": repository.name, "lifecyclePolicyText": repository.lifecycle}


def _with_policy(call: Call, name: str) -> Repository:
    repository = found(call, name)
    if not repository.lifecycle:
        raise LifecyclePolicyNotFoundException(f"Lifecycle policy does not exist for the repository with name '{name}' {named(call)}")
    return repository


def PutLifecyclePolicy(call: Call, *, repositoryName: str, lifecyclePolicyText: str, registryId: str | None = None) -> dict:
    repository = found(call, repositoryName)
    read(lifecyclePolicyText)
    text = orjson.dumps(orjson.loads(lifecyclePolicyText)).decode()
    call.shelf(Repository)[repositoryName] = changed(repository, lifecycle=text, evaluated=0.0)
    expect(call, repositoryName)
    return _told(call, call.shelf(Repository)[repositoryName])


def GetLifecyclePolicy(call: Call, *, repositoryName: str, registryId: str | None = None) -> dict:
    """What was never evaluated was evaluated at 0, as https://docs.aws.amazon.com/cli/latest/reference/ecr/delete-lifecycle-policy.html shows."""
    repository = _with_policy(call, repositoryName)
    return _told(call, repository) | {"lastEvaluatedAt": repository.evaluated}


def DeleteLifecyclePolicy(call: Call, *, repositoryName: str, registryId: str | None = None) -> dict:
    told = GetLifecyclePolicy(call, repositoryName=repositoryName)
    call.shelf(Repository)[repositoryName] = changed(found(call, repositoryName), lifecycle="", evaluated=0.0, due=0.0)
    return told


# In its own time -----------------------------------------------------------------------------------------


def evaluate(call: Call, name: str) -> None:
    """Let what has expired go, and note when something may expire next."""
    repository = call.shelf(Repository)[name]
    policy, now = read(repository.lifecycle), call.now()
    images = [(each, image.tags_of(call, repository, each.digest)) for each in image.of(call, repository)]
    image.delete(call, repository, expired(policy, images, now))
    call.keeps_otherwise()
    spans = [rule.selection.countNumber * DAY_S for rule in policy.rules if rule.selection.countType == "sinceImagePushed"]
    ends = [each.pushed + span_s for each, _ in images for span_s in spans]
    call.shelf(Repository)[name] = changed(repository, evaluated=now, due=min((end for end in ends if end > now), default=0.0))
