"""Stacks, pipelines, projects that build, repositories of images, state machines, event buses; and what AWS Backup keeps.

https://github.com/awslabs/aws-config-resource-schema/tree/master/config/properties/resource-types
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.services.config.resource import (
    Found,
    Kind,
    Reader,
    capitalized,
    one_by_one,
    related,
    said,
    spelled,
    tags_of,
)

# Stacks, pipelines, projects -----------------------------------------------------------------------


async def _stack(reader: Reader, arn: str) -> Found | None:
    """Whether it has drifted, and since when, is no part of how it is configured."""
    reply = await reader.ask("cloudformation:DescribeStacks", absent=("ValidationError",), StackName=arn)
    if not reply or not reply.get("Stacks") or reply["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE":
        return None
    held = reply["Stacks"][0]
    told = {
        name: value
        for name, value in spelled("cloudformation", "DescribeStacks", reply, member="Stacks")[0].items()
        if name != "driftInformation"
    }
    is_settled = not held["StackStatus"].endswith("_IN_PROGRESS")
    return Found(arn, held["StackName"], arn, told, tags=tags_of(held.get("Tags")), created=held["CreationTime"], is_settled=is_settled)


async def _stacks(reader: Reader) -> list[str]:
    return [each["StackId"] for each in await reader.all("cloudformation:DescribeStacks")]


async def _pipeline(reader: Reader, name: str) -> Found | None:
    reply = await reader.ask("codepipeline:GetPipeline", absent=("PipelineNotFoundException",), name=name)
    if reply is None:
        return None
    arn = reply["metadata"]["pipelineArn"]
    tags = await reader.all("codepipeline:ListTagsForResource", resourceArn=arn)
    relations = (related("AWS::IAM::Role", None, "Is associated with Role", reply["pipeline"]["roleArn"].rpartition("/")[2]),)
    return Found(
        name,
        name,
        arn,
        spelled("codepipeline", "GetPipeline", reply, member="pipeline"),
        {},
        tags_of(tags, "key", "value"),
        relations,
        created=reply["metadata"]["created"],
    )


async def _pipelines(reader: Reader) -> list[str]:
    return [each["name"] for each in await reader.all("codepipeline:ListPipelines")]


def _pipeline_named(event: dict[str, Any]) -> list[str] | None:
    told = (event.get("requestParameters") or {}).get("pipeline")
    return [told["name"]] if isinstance(told, dict) and isinstance(told.get("name"), str) else None


async def _project(reader: Reader, arn: str) -> Found | None:
    """Config learns of projects without the recorder's role, whose policy of AWS's does not let it ask for them."""
    reply = await reader.itself().ask("codebuild:BatchGetProjects", names=[arn.rpartition("/")[2]])
    if not reply.get("projects"):
        return None
    held = reply["projects"][0]
    told = {
        name: value
        for name, value in spelled("codebuild", "BatchGetProjects", reply, member="projects")[0].items()
        if name not in ("tags", "lastModified")
    }
    relations = (related("AWS::IAM::Role", None, "Is associated with Role", held.get("serviceRole", "").rpartition("/")[2]),)
    return Found(arn, held["name"], arn, told, {}, tags_of(held.get("tags"), "key", "value"), relations, created=held.get("created"))


async def _projects(reader: Reader) -> list[str]:
    return [reader.call.arn(f"project/{name}", "codebuild") for name in await reader.itself().all("codebuild:ListProjects")]


# Images, machines, buses ---------------------------------------------------------------------------


async def _repository(reader: Reader, name: str) -> Found | None:
    absent = ("RepositoryNotFoundException",)
    reply = await reader.ask("ecr:DescribeRepositories", absent=absent, repositoryNames=[name])
    if reply is None:
        return None
    held = reply["repositories"][0]
    told = capitalized(spelled("ecr", "DescribeRepositories", reply, member="repositories", fold=False)[0])
    policy = await reader.ask("ecr:GetLifecyclePolicy", absent=(*absent, "LifecyclePolicyNotFoundException"), repositoryName=name)
    told["LifecyclePolicy"] = {"LifecyclePolicyText": policy["lifecyclePolicyText"]} if policy else None
    tags = await reader.ask("ecr:ListTagsForResource", absent=absent, resourceArn=held["repositoryArn"]) or {}
    return Found(name, name, held["repositoryArn"], told, tags=tags_of(tags.get("tags")), created=held["createdAt"])


async def _repositories(reader: Reader) -> list[str]:
    return [each["repositoryName"] for each in await reader.all("ecr:DescribeRepositories")]


async def _machine(reader: Reader, arn: str) -> Found | None:
    reply = await reader.ask("stepfunctions:DescribeStateMachine", absent=("StateMachineDoesNotExist",), stateMachineArn=arn)
    if reply is None:
        return None
    kept = {name: value for name, value in reply.items() if name not in ("status", "creationDate")}
    told = capitalized(spelled("stepfunctions", "DescribeStateMachine", kept, fold=False))
    tags = await reader.ask("stepfunctions:ListTagsForResource", absent=("ResourceNotFound",), resourceArn=arn) or {}
    return Found(
        arn,
        reply["name"],
        arn,
        told,
        tags=tags_of(tags.get("tags"), "key", "value"),
        created=reply["creationDate"],
        is_settled=reply["status"] == "ACTIVE",
    )


async def _machines(reader: Reader) -> list[str]:
    return [each["stateMachineArn"] for each in await reader.all("stepfunctions:ListStateMachines")]


def _machine_named(event: dict[str, Any]) -> list[str] | None:
    arn = said(event, "stateMachineArn")
    return [arn] if arn and arns.parse(arn) is not None else None


async def _bus(reader: Reader, name: str) -> Found | None:
    reply = await reader.ask("events:DescribeEventBus", absent=("ResourceNotFoundException",), Name=name)
    if reply is None:
        return None
    told = {member: value for member, value in spelled("events", "DescribeEventBus", reply, fold=False).items() if not member.endswith("Time")}
    tags = await reader.ask("events:ListTagsForResource", absent=("ResourceNotFoundException",), ResourceARN=reply["Arn"]) or {}
    return Found(name, name, reply["Arn"], told, tags=tags_of(tags.get("Tags")), created=reply.get("CreationTime"))


async def _buses(reader: Reader) -> list[str]:
    found: list[str] = []
    params: dict[str, Any] = {}
    while True:
        reply = await reader.ask("events:ListEventBuses", **params)
        found += [each["Name"] for each in reply["EventBuses"]]
        if not reply.get("NextToken"):
            return found
        params = {"NextToken": reply["NextToken"]}


# AWS Backup ----------------------------------------------------------------------------------------


async def _plan(reader: Reader, id_: str) -> Found | None:
    reply = await reader.ask("backup:GetBackupPlan", absent=("ResourceNotFoundException",), BackupPlanId=id_)
    if reply is None or "DeletionDate" in reply:
        return None
    members = ("BackupPlan", "BackupPlanId", "BackupPlanArn", "VersionId")
    told = spelled("backup", "GetBackupPlan", {name: reply[name] for name in members}, fold=False)
    tags = await reader.ask("backup:ListTags", absent=("ResourceNotFoundException",), ResourceArn=reply["BackupPlanArn"]) or {}
    return Found(id_, reply["BackupPlan"]["BackupPlanName"], reply["BackupPlanArn"], told, tags=tags.get("Tags") or {}, created=reply["CreationDate"])


async def _plans(reader: Reader) -> list[str]:
    return [each["BackupPlanId"] for each in await reader.all("backup:ListBackupPlans")]


async def _vault(reader: Reader, name: str) -> Found | None:
    reply = await reader.ask("backup:DescribeBackupVault", absent=("ResourceNotFoundException", "AccessDeniedException"), BackupVaultName=name)
    if reply is None:
        return None
    kept = {member: value for member, value in reply.items() if member != "NumberOfRecoveryPoints"}
    told = spelled("backup", "DescribeBackupVault", kept, fold=False)
    policy = await reader.ask("backup:GetBackupVaultAccessPolicy", absent=("ResourceNotFoundException",), BackupVaultName=name)
    told["AccessPolicy"] = json.loads(policy["Policy"]) if policy and policy.get("Policy") else None
    tags = await reader.ask("backup:ListTags", absent=("ResourceNotFoundException",), ResourceArn=reply["BackupVaultArn"]) or {}
    return Found(name, name, reply["BackupVaultArn"], told, tags=tags.get("Tags") or {}, created=reply.get("CreationDate"))


async def _vaults(reader: Reader) -> list[str]:
    return [each["BackupVaultName"] for each in await reader.all("backup:ListBackupVaults")]


async def _look_at_points(reader: Reader, ids: list[str] | None) -> dict[str, Found | None]:
    """All at once: a vault tells of its own."""
    found: dict[str, Found | None] = {}
    for vault in await _vaults(reader):
        for each in await reader.all("backup:ListRecoveryPointsByBackupVault", BackupVaultName=vault):
            found[each["RecoveryPointArn"]] = _point(each)
    return found if ids is None else {id_: found.get(id_) for id_ in ids}


def _point(held: dict[str, Any]) -> Found:
    arn = held["RecoveryPointArn"]
    kept = {name: value for name, value in held.items() if name != "LastRestoreTime"}
    (told,) = spelled("backup", "ListRecoveryPointsByBackupVault", {"RecoveryPoints": [kept]}, member="RecoveryPoints", fold=False)
    relations = (related("AWS::Backup::BackupVault", held["BackupVaultName"], "Is contained in BackupVault"),)
    return Found(arn, None, arn, told, {}, {}, relations, created=held.get("CreationDate"), is_settled=held["Status"] not in ("CREATING", "DELETING"))


KINDS = (
    Kind("AWS::CloudFormation::Stack", ("cloudformation",), one_by_one(_stacks, _stack), lambda event: None),
    Kind("AWS::CodePipeline::Pipeline", ("codepipeline",), one_by_one(_pipelines, _pipeline), _pipeline_named),
    Kind("AWS::CodeBuild::Project", ("codebuild",), one_by_one(_projects, _project), lambda event: None),
    Kind("AWS::ECR::Repository", ("ecr",), one_by_one(_repositories, _repository), lambda event: None),
    Kind("AWS::StepFunctions::StateMachine", ("stepfunctions",), one_by_one(_machines, _machine), _machine_named),
    Kind("AWS::Events::EventBus", ("events",), one_by_one(_buses, _bus), lambda event: None),
    Kind("AWS::Backup::BackupPlan", ("backup",), one_by_one(_plans, _plan), lambda event: None),
    Kind("AWS::Backup::BackupVault", ("backup",), one_by_one(_vaults, _vault), lambda event: None),
    Kind("AWS::Backup::RecoveryPoint", ("backup",), _look_at_points, lambda event: None),
)
