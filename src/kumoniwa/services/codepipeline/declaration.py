"""What a pipeline may look like: its stages, its actions, and the artifacts between them. Pure rules.

https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.codepipeline.errors import (
    InvalidActionDeclarationException,
    InvalidStageDeclarationException,
    InvalidStructureException,
    LimitExceededException,
    ValidationException,
)

STAGES_MAX, ACTIONS_OF_STAGE_MAX = 50, 50
MODES = ("CREATE_UPDATE", "REPLACE_ON_FAILURE", "CHANGE_SET_REPLACE", "CHANGE_SET_EXECUTE", "DELETE_ONLY")


class ActionType(NamedTuple):
    """How many artifacts an action takes and gives, and how it is configured."""

    inputs: tuple[int, int]
    outputs: tuple[int, int]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


ACTION_TYPES: dict[tuple[str, str], ActionType] = {
    ("Source", "S3"): ActionType((0, 0), (1, 1), ("S3Bucket", "S3ObjectKey"), ("PollForSourceChanges",)),
    ("Deploy", "CloudFormation"): ActionType(
        (0, 10), (0, 1), ("ActionMode", "StackName"),
        ("Capabilities", "ChangeSetName", "OutputFileName", "ParameterOverrides", "RoleArn", "TemplateConfiguration", "TemplatePath"),
    ),
    ("Deploy", "S3"): ActionType((1, 1), (0, 0), ("BucketName", "Extract"), ("ObjectKey", "KMSEncryptionKeyARN", "CannedACL", "CacheControl")),
    ("Build", "CodeBuild"): ActionType((1, 5), (0, 5), ("ProjectName",), ("PrimarySource", "EnvironmentVariables")),
    ("Test", "CodeBuild"): ActionType((1, 5), (0, 5), ("ProjectName",), ("PrimarySource", "EnvironmentVariables")),
    ("Invoke", "Lambda"): ActionType((0, 5), (0, 5), ("FunctionName",), ("UserParameters",)),
    ("Approval", "Manual"): ActionType((0, 0), (0, 0), (), ("CustomData", "ExternalEntityLink", "NotificationArn")),
}  # fmt: skip
"""https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-action-artifacts.html"""

ELSEWHERE = {
    "Source": ("CodeCommit", "CodeStarSourceConnection", "ECR", "GitHub"),
    "Build": ("Jenkins", "ECRBuildAndPublish"),
    "Test": ("DeviceFarm", "BlazeMeter", "GhostInspector", "Jenkins", "Runscope"),
    "Deploy": (
        "AlexaSkillsKit", "AppConfig", "CloudFormationStackInstances", "CloudFormationStackSet", "CodeDeploy", "CodeDeployToECS", "EC2", "ECS",
        "EKS", "ElasticBeanstalk", "OpsWorks", "ServiceCatalog", "XebiaLabs", "Lambda",
    ),
    "Invoke": ("StepFunctions", "Commands", "InspectorScan", "CodePipeline"),
    "Compute": ("Commands",),
}  # fmt: skip
"""Providers that AWS has and we do not."""
_STAGE_ELSEWHERE = ("blockers", "onFailure", "onSuccess", "beforeEntry")
_ACTION_ELSEWHERE = ("commands", "outputVariables", "environmentVariables")


def check(pipeline: dict[str, Any], region: str) -> None:
    """Raises what AWS answers to a declaration that is none."""
    if "triggers" in pipeline:
        raise NotImplementedHere("triggers of a pipeline (they are for connections to git)")
    if pipeline.get("executionMode", "SUPERSEDED") != "SUPERSEDED" and pipeline.get("pipelineType", "V1") != "V2":
        raise InvalidStructureException("Execution modes other than SUPERSEDED are for pipelines of the type V2.")
    if pipeline.get("variables") and pipeline.get("pipelineType", "V1") != "V2":
        raise InvalidStructureException("Variables of a pipeline are for pipelines of the type V2.")
    stages = pipeline["stages"]
    if len(stages) < 2:
        raise InvalidStructureException(f"Pipeline has only {len(stages)} stage(s). There should be a minimum of 2 stages in a pipeline")
    if len(stages) > STAGES_MAX:
        raise LimitExceededException(f"A pipeline has at most {STAGES_MAX} stages.")
    _check_stages(stages)
    _check_stores(pipeline, region)
    given: set[str] = set()
    for stage in stages:
        for action in stage["actions"]:
            _check_action(action, region)
        _check_artifacts(stage, given)


def _check_stages(stages: list[dict[str, Any]]) -> None:
    names = [stage["name"] for stage in stages]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidStructureException(f"Stage names must be unique within a pipeline: {twice}")
    for stage in stages:
        for member in _STAGE_ELSEWHERE:
            if stage.get(member):
                raise NotImplementedHere(f"{member} of a stage")
        if not stage["actions"]:
            raise InvalidStageDeclarationException(f"Stage {stage['name']} has no actions.")
        if len(stage["actions"]) > ACTIONS_OF_STAGE_MAX:
            raise LimitExceededException(f"A stage has at most {ACTIONS_OF_STAGE_MAX} actions.")
        actions = [action["name"] for action in stage["actions"]]
        if twice := next((name for name in actions if actions.count(name) > 1), None):
            raise InvalidStageDeclarationException(f"Action names must be unique within a stage: {twice}")
    if any(action["actionTypeId"]["category"] != "Source" for action in stages[0]["actions"]):
        raise InvalidStructureException("Pipeline should start with a stage that only contains source actions")
    if any(action["actionTypeId"]["category"] == "Source" for stage in stages[1:] for action in stage["actions"]):
        raise InvalidStructureException("Only the first stage of a pipeline may contain source actions")


def _check_stores(pipeline: dict[str, Any], region: str) -> None:
    """One store, or one for each region that actions act in."""
    stores = pipeline.get("artifactStores")
    if (stores is None) == (pipeline.get("artifactStore") is None):
        raise ValidationException("Either artifactStore or artifactStores must be specified, but not both.")
    used = {action.get("region") or region for stage in pipeline["stages"] for action in stage["actions"]}
    if stores is None:
        if elsewhere := sorted(used - {region}):
            raise ValidationException(
                f"Pipeline has cross-region actions in {', '.join(elsewhere)}: artifactStores must be specified with one store per region.",
                hint="Replace artifactStore by artifactStores with an entry for the pipeline's region and one for each region of an action.",
            )
        return
    if missing := sorted((used | {region}) - set(stores)):
        raise ValidationException(f"'pipeline.artifactStores' has no artifact store for the region {', '.join(missing)}.")


def _check_action(action: dict[str, Any], region: str) -> None:
    type_, name = action["actionTypeId"], action["name"]
    for member in _ACTION_ELSEWHERE:
        if action.get(member):
            raise NotImplementedHere(f"{member} of an action")
    if any(output.get("files") for output in action.get("outputArtifacts") or ()):
        raise NotImplementedHere("files of an output artifact")
    category, provider = type_["category"], type_["provider"]
    known = ACTION_TYPES.get((category, provider)) if type_["owner"] == "AWS" and type_["version"] == "1" else None
    if known is None:
        if type_["owner"] != "AWS" or provider in ELSEWHERE.get(category, ()):
            raise NotImplementedHere(f"the action provider {provider} ({category}, {type_['owner']}) of codepipeline")
        # Wording: https://github.com/aws-samples/aws-codepipeline-third-party-git-repositories/issues/3
        where = (action.get("region") or region).replace("-", "_").upper()
        raise InvalidActionDeclarationException(
            f"ActionType (Category: '{category}', Provider: '{provider}', Owner: '{type_['owner']}', Version: '{type_['version']}') in action "
            f"'{name}' is not available in region '{where}'"
        )
    _check_counts(action, known)
    _check_configuration(action, known)
    if action.get("region", region) != region:
        if category == "Source":
            # https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-create-cross-region.html
            raise InvalidActionDeclarationException(f"Action {name} is a source action, which must be in the pipeline's region")
        if action.get("outputArtifacts") and provider != "CloudFormation":
            raise NotImplementedHere(f"output artifacts of a {provider} action in another region")
    if action.get("timeoutInMinutes") and (category, provider) != ("Approval", "Manual"):
        raise NotImplementedHere("timeoutInMinutes of an action that is no approval")


def _least(action: dict[str, Any], known: ActionType) -> int:
    """An action that reads a file of an artifact needs one."""
    configuration = action.get("configuration") or {}
    reads = "::" in configuration.get("TemplatePath", "") or "::" in configuration.get("TemplateConfiguration", "")
    return max(known.inputs[0], int(reads))


def _check_counts(action: dict[str, Any], known: ActionType) -> None:
    """Wording: https://github.com/awsdocs/aws-cloudformation-user-guide/pull/941"""
    for what, least, most in (("input", _least(action, known), known.inputs[1]), ("output", *known.outputs)):
        count = len(action.get(f"{what}Artifacts") or ())
        if count < least:
            raise InvalidActionDeclarationException(
                f"Action {action['name']} declares {count} {what} artifacts which is less than the minimum count ({least})"
            )
        if count > most:
            raise InvalidActionDeclarationException(
                f"Action {action['name']} declares {count} {what} artifacts which is more than the maximum count ({most})"
            )


def _check_configuration(action: dict[str, Any], known: ActionType) -> None:
    name, configuration = action["name"], action.get("configuration") or {}
    for key in known.required:
        if not configuration.get(key):
            raise InvalidActionDeclarationException(f"Action configuration for action '{name}' is missing required configuration '{key}'")
    if unknown := sorted(set(configuration) - {*known.required, *known.optional}):
        raise InvalidActionDeclarationException(f"Action configuration for action '{name}' contains unknown configuration '{unknown[0]}'")
    if action["actionTypeId"]["provider"] == "CloudFormation":
        _check_stack(action, configuration)


def _check_stack(action: dict[str, Any], configuration: dict[str, str]) -> None:
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html"""
    mode, name = configuration["ActionMode"], action["name"]
    if mode not in MODES:
        raise InvalidActionDeclarationException(f"Action configuration for action '{name}' has an invalid ActionMode '{mode}'")
    needs = []
    if mode != "CHANGE_SET_EXECUTE":
        needs.append("RoleArn")
    if mode in ("CREATE_UPDATE", "REPLACE_ON_FAILURE", "CHANGE_SET_REPLACE"):
        needs.append("TemplatePath")
    if mode.startswith("CHANGE_SET"):
        needs.append("ChangeSetName")
    for key in needs:
        if not configuration.get(key):
            raise InvalidActionDeclarationException(f"Action configuration for action '{name}' is missing required configuration '{key}'")
    declared = {artifact["name"] for artifact in action.get("inputArtifacts") or ()}
    for key in ("TemplatePath", "TemplateConfiguration"):
        if key in configuration:
            artifact, separator, path = configuration[key].partition("::")
            if not separator or not path:
                raise InvalidActionDeclarationException(
                    f"Action configuration for action '{name}': {key} must be spelled ArtifactName::TemplateFileName"
                )
            if artifact not in declared:
                raise InvalidActionDeclarationException(
                    f"Action configuration for action '{name}': {key} names the artifact {artifact}, which is no input artifact of the action"
                )
    if "OutputFileName" in configuration and not action.get("outputArtifacts"):
        raise InvalidActionDeclarationException(f"Action configuration for action '{name}': OutputFileName needs an output artifact")


def _check_artifacts(stage: dict[str, Any], given: set[str]) -> None:
    """An input was given by an earlier stage, or by an action of this one with a smaller runOrder; nobody gives a name twice."""
    for order in sorted({run_order(action) for action in stage["actions"]}):
        abreast = [action for action in stage["actions"] if run_order(action) == order]
        for action in abreast:
            for artifact in action.get("inputArtifacts") or ():
                if artifact["name"] not in given:
                    raise InvalidStructureException(
                        f"Input Artifact Bundle {artifact['name']} in action {action['name']} is not declared as Output Artifact Bundle in any "
                        "of the preceding actions"
                    )
        for action in abreast:
            for artifact in action.get("outputArtifacts") or ():
                if artifact["name"] in given:
                    raise InvalidStructureException(f"Output Artifact Bundle name must be unique within the pipeline: {artifact['name']}")
                given.add(artifact["name"])


def run_order(action: dict[str, Any]) -> int:
    return action.get("runOrder") or 1


def normal(pipeline: dict[str, Any], version: int) -> dict[str, Any]:
    """The declaration as AWS gives it back: what was left out is there by its default."""
    stages = [{**stage, "actions": [_normal_action(action) for action in stage["actions"]]} for stage in pipeline["stages"]]
    return {"executionMode": "SUPERSEDED", "pipelineType": "V1", **pipeline, "stages": stages, "version": version}


def _normal_action(action: dict[str, Any]) -> dict[str, Any]:
    return {"runOrder": 1, "configuration": {}, "outputArtifacts": [], "inputArtifacts": [], **action}
