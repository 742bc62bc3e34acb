"""AWS::Config. The recorder and the channel of a template wait for each other, and the recorder begins to record when both are there.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-config-configurationrecorder.html
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Work,
    carries,
    gone_tags,
    made,
    p,
    same,
    seen,
    use,
)
from kumoniwa.kernel.errors import ValidationError

LOOK_S_FIRST, LOOK_S_MAX, WAITED_S_MAX = 0.1, 5.0, 300.0


def _spelled(value: Any) -> Any:
    """Members begin with a small letter in the API."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _spelled(each) for key, each in value.items()}
    return [_spelled(each) for each in value] if isinstance(value, list) else value


async def _wait_for(work: Work, operation: str, is_so: Any, **params: Any) -> None:
    """Look until it is so, or long enough: what follows is refused then, in Config's words."""
    pause_s, waited_s = LOOK_S_FIRST, 0.0
    while not is_so(await work.look(operation, **params)) and waited_s < WAITED_S_MAX:
        await work.pause(pause_s)
        waited_s += pause_s
        pause_s = min(pause_s * 1.5, LOOK_S_MAX)


# The recorder and its channel ------------------------------------------------------------------------


def _recorder(work: Work) -> dict[str, Any]:
    said = work.properties
    told = {"name": said.get("Name", "default"), "roleARN": said["RoleARN"]}
    return told | {key[0].lower() + key[1:]: _spelled(said[key]) for key in ("RecordingGroup", "RecordingMode") if key in said}


@carries("Name RoleARN RecordingGroup RecordingMode StartedOnCreate")
async def _make_recorder(work: Work) -> dict[str, Any]:
    told = _recorder(work)
    await work.ask("config:PutConfigurationRecorder", ConfigurationRecorder=told)
    if work.properties.get("StartedOnCreate", True) not in (False, "false"):
        await _wait_for(work, "config:DescribeDeliveryChannels", lambda reply: reply.get("DeliveryChannels"))
        await work.ask("config:StartConfigurationRecorder", ConfigurationRecorderName=told["name"])
    return {}


@carries("RoleARN RecordingGroup RecordingMode")
async def _change_recorder(work: Work) -> None:
    await work.ask("config:PutConfigurationRecorder", ConfigurationRecorder=_recorder(work))


_change_recorder.handles_absence = True

ConfigurationRecorder = ResourceType(
    name=Name("Name", 256),
    create=_make_recorder,
    id=p.Name,
    read=Call("config:DescribeConfigurationRecorders", ConfigurationRecorderNames=[ID]),
    update=(_change_recorder,),
    delete=Call("config:DeleteConfigurationRecorder", ConfigurationRecorderName=ID),
    absent="NoSuchConfigurationRecorderException",
    attributes={"ResourceARN": use(lambda found: found[0]["arn"], seen.ConfigurationRecorders)},
)


_CHANNEL = {"S3BucketName": "s3BucketName", "S3KeyPrefix": "s3KeyPrefix", "S3KmsKeyArn": "s3KmsKeyArn", "SnsTopicARN": "snsTopicARN"}


def _channel(work: Work) -> dict[str, Any]:
    said = work.properties
    told = {"name": said.get("Name", "default"), **{name: said[key] for key, name in _CHANNEL.items() if key in said}}
    properties = said.get("ConfigSnapshotDeliveryProperties")
    return told | ({"configSnapshotDeliveryProperties": _spelled(properties)} if properties else {})


_CARRIED = f"{' '.join(_CHANNEL)} ConfigSnapshotDeliveryProperties"


@carries(f"Name {_CARRIED}")
async def _make_channel(work: Work) -> dict[str, Any]:
    await _wait_for(work, "config:DescribeConfigurationRecorders", lambda reply: reply.get("ConfigurationRecorders"))
    await work.ask("config:PutDeliveryChannel", DeliveryChannel=_channel(work))
    return {}


@carries(_CARRIED)
async def _change_channel(work: Work) -> None:
    await work.ask("config:PutDeliveryChannel", DeliveryChannel=_channel(work))


async def _delete_channel(work: Work) -> None:
    """The recorder of the same stack goes at the same time, and the last channel of one that records cannot go before."""

    def is_at_rest(reply: dict[str, Any]) -> bool:
        return not any(each.get("recording") is True for each in reply.get("ConfigurationRecordersStatus") or ())

    await _wait_for(work, "config:DescribeConfigurationRecorderStatus", is_at_rest)
    await work.ask("config:DeleteDeliveryChannel", DeliveryChannelName=work.id)


_change_channel.handles_absence = True

DeliveryChannel = ResourceType(
    name=Name("Name", 256),
    create=_make_channel,
    id=p.Name,
    read=Call("config:DescribeDeliveryChannels", DeliveryChannelNames=[ID]),
    update=(_change_channel,),
    delete=_delete_channel,
    absent="NoSuchDeliveryChannelException",
)


# Rules and remediations ------------------------------------------------------------------------------


def _numbers(said: Any) -> Any:
    """Sizes and times may be written as texts."""
    return int(said) if isinstance(said, str) else said


def _text(said: Any) -> str:
    return said if isinstance(said, str) else json.dumps(said)


_OWN = "Description EvaluationModes MaximumExecutionFrequency Scope Source"


def _rule(name: Any) -> Call:
    told = {"ConfigRuleName": name, "InputParameters": use(_text, p.InputParameters), **{each: getattr(p, each) for each in _OWN.split()}}
    return Call("config:PutConfigRule", ConfigRule=told)


_rules = use(lambda found: found[0], seen.ConfigRules)
ConfigRule = ResourceType(
    name=Name("ConfigRuleName", 128),
    create=_rule(p.ConfigRuleName),
    id=p.ConfigRuleName,
    read=Call("config:DescribeConfigRules", ConfigRuleNames=[ID]),
    update=(_rule(ID).writes_all(),),
    delete=Call("config:DeleteConfigRule", ConfigRuleName=ID),
    absent="NoSuchConfigRuleException",
    attributes={"Arn": _rules.ConfigRuleArn, "ConfigRuleId": _rules.ConfigRuleId},
    drift=(Reading(same("Description MaximumExecutionFrequency Scope Source", _rules)),),
)

_REMEDY = "Automatic ExecutionControls ResourceType TargetId TargetType TargetVersion"


def _remediation(name: Any) -> Call:
    told = {
        "ConfigRuleName": name, "Parameters": use(lambda said: json.loads(said) if isinstance(said, str) else said, p.Parameters),
        "MaximumAutomaticAttempts": use(_numbers, p.MaximumAutomaticAttempts), "RetryAttemptSeconds": use(_numbers, p.RetryAttemptSeconds),
        **{each: getattr(p, each) for each in _REMEDY.split()},
    }  # fmt: skip
    return Call("config:PutRemediationConfigurations", RemediationConfigurations=[told])


async def _delete_remediation(work: Work) -> None:
    """What is being made right is made right first."""

    def is_at_rest(reply: dict[str, Any]) -> bool:
        return not any(each.get("State") in ("QUEUED", "IN_PROGRESS") for each in reply.get("RemediationExecutionStatuses") or ())

    await _wait_for(work, "config:DescribeRemediationExecutionStatus", is_at_rest, ConfigRuleName=work.id)
    await work.ask("config:DeleteRemediationConfiguration", ConfigRuleName=work.id)


RemediationConfiguration = ResourceType(
    create=_remediation(p.ConfigRuleName),
    id=p.ConfigRuleName,
    update=(_remediation(ID).writes_all(),),
    delete=_delete_remediation,
    absent="NoSuchRemediationConfigurationException",
)

_PACK = "ConformancePackInputParameters DeliveryS3Bucket DeliveryS3KeyPrefix TemplateBody TemplateS3Uri"
_PACK_ARN = use(lambda found: found[0]["ConformancePackArn"], seen.ConformancePackDetails)
ConformancePack = ResourceType(
    create=Call("config:PutConformancePack", f"ConformancePackName Tags {_PACK}"),
    id=p.ConformancePackName,
    read=Call("config:DescribeConformancePacks", ConformancePackNames=[ID]),
    update=(
        Call("config:PutConformancePack", _PACK, ConformancePackName=ID).writes_all(),
        Call("config:UntagResource", ResourceArn=_PACK_ARN, TagKeys=gone_tags).when(gone_tags),
        Call("config:TagResource", ResourceArn=_PACK_ARN, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("config:DeleteConformancePack", ConformancePackName=ID),
    absent="NoSuchConformancePackException",
    attributes={"ConformancePackArn": _PACK_ARN},
)


# Aggregators and who lets them see --------------------------------------------------------------------

_SOURCES = "AccountAggregationSources OrganizationAggregationSource"
_AGGREGATOR_ARN = use(lambda found: found[0]["ConfigurationAggregatorArn"], seen.ConfigurationAggregators)
ConfigurationAggregator = ResourceType(
    name=Name("ConfigurationAggregatorName", 256),
    create=Call("config:PutConfigurationAggregator", f"ConfigurationAggregatorName Tags {_SOURCES}"),
    id=p.ConfigurationAggregatorName,
    read=Call("config:DescribeConfigurationAggregators", ConfigurationAggregatorNames=[ID]),
    update=(
        Call("config:PutConfigurationAggregator", _SOURCES, ConfigurationAggregatorName=ID).writes_all(),
        Call("config:UntagResource", ResourceArn=_AGGREGATOR_ARN, TagKeys=gone_tags).when(gone_tags),
        Call("config:TagResource", ResourceArn=_AGGREGATOR_ARN, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("config:DeleteConfigurationAggregator", ConfigurationAggregatorName=ID),
    absent="NoSuchConfigurationAggregatorException",
    attributes={"ConfigurationAggregatorArn": _AGGREGATOR_ARN},
)

_WHO = "AuthorizedAccountId AuthorizedAwsRegion"
AggregationAuthorization = ResourceType(
    create=Call("config:PutAggregationAuthorization", f"{_WHO} Tags"),
    id=made.AggregationAuthorization.AggregationAuthorizationArn,
    update=(
        Call("config:UntagResource", ResourceArn=ID, TagKeys=gone_tags).when(gone_tags),
        Call("config:TagResource", ResourceArn=ID, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("config:DeleteAggregationAuthorization", _WHO),
    attributes={"AggregationAuthorizationArn": ID},
)


# Of organizations ------------------------------------------------------------------------------------


async def _wait_for_all(work: Work, what: str, status: str, name: str) -> None:
    """Until every account has it. Raises what an account refused it with."""
    operation, names, reply = f"config:DescribeOrganization{what}Statuses", f"Organization{what}Names", f"Organization{what}Statuses"

    def is_over(told: dict[str, Any]) -> bool:
        return not any(each[status].endswith("_IN_PROGRESS") for each in told.get(reply) or ())

    await _wait_for(work, operation, is_over, **{names: [name]})
    (told,) = (await work.look(operation, **{names: [name]})).get(reply) or ({},)
    if told.get(status, "").endswith("_FAILED"):
        raise ValidationError(f"{name} is {told[status]}: {told.get('ErrorMessage', '')}")


_RULE_PROPERTIES = "ExcludedAccounts OrganizationCustomRuleMetadata OrganizationManagedRuleMetadata OrganizationCustomPolicyRuleMetadata"
_ORGANIZATION_PACK = "ConformancePackInputParameters ExcludedAccounts TemplateBody TemplateS3Uri DeliveryS3Bucket DeliveryS3KeyPrefix"


def _of_organization(what: str, status: str, properties: str) -> ResourceType:
    member = f"Organization{what}Name"

    async def put(work: Work, name: str) -> None:
        said = {each: work.properties[each] for each in properties.split() if each in work.properties}
        await work.ask(f"config:PutOrganization{what}", **{member: name}, **said)
        await _wait_for_all(work, what, status, name)

    @carries(f"{member} {properties}")
    async def create(work: Work) -> dict[str, Any]:
        await put(work, work.properties[member])
        return {}

    @carries(properties)
    async def update(work: Work) -> None:
        await put(work, work.id)

    update.handles_absence = True

    async def delete(work: Work) -> None:
        await work.ask(f"config:DeleteOrganization{what}", **{member: work.id})

    return ResourceType(create=create, id=getattr(p, member), update=(update,), delete=delete, absent=f"NoSuchOrganization{what}Exception")


OrganizationConfigRule = _of_organization("ConfigRule", "OrganizationRuleStatus", _RULE_PROPERTIES)
OrganizationConformancePack = _of_organization("ConformancePack", "Status", _ORGANIZATION_PACK)


# Stored queries --------------------------------------------------------------------------------------


def _query(name: Any) -> dict[str, Any]:
    return {"QueryName": name, "Expression": p.QueryExpression, "Description": p.QueryDescription}


_QUERY_ARN = seen.StoredQuery.QueryArn
StoredQuery = ResourceType(
    create=Call("config:PutStoredQuery", "Tags", StoredQuery=_query(p.QueryName)),
    id=p.QueryName,
    read=Call("config:GetStoredQuery", QueryName=ID),
    update=(
        Call("config:PutStoredQuery", StoredQuery=_query(ID)).writes_all(),
        Call("config:UntagResource", ResourceArn=_QUERY_ARN, TagKeys=gone_tags).when(gone_tags),
        Call("config:TagResource", ResourceArn=_QUERY_ARN, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("config:DeleteStoredQuery", QueryName=ID),
    absent="ResourceNotFoundException",
    attributes={"QueryArn": _QUERY_ARN, "QueryId": seen.StoredQuery.QueryId},
    drift=(Reading({"QueryExpression": seen.StoredQuery.Expression, "QueryDescription": seen.StoredQuery.Description}),),
)
