"""AWS::StepFunctions."""

from __future__ import annotations

import json
import re
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Work,
    at,
    carries,
    each,
    either,
    fields,
    from_json,
    gone_tags,
    made,
    p,
    seen,
    text,
    use,
)
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.wire.message import whole

_tags = use(each(fields("Key=key Value=value")), p.Tags)


async def _definition(work: Work) -> str:
    """The text of the definition, wherever it stands, with its substitutions."""
    properties = work.properties
    held = [name for name in ("DefinitionString", "Definition", "DefinitionS3Location") if name in properties]
    if len(held) != 1:
        raise ValidationError("Exactly one of DefinitionString, Definition and DefinitionS3Location must be specified")
    if held[0] == "DefinitionS3Location":
        place = properties["DefinitionS3Location"]
        version = {"VersionId": place["Version"]} if "Version" in place else {}
        found = (await whole((await work.look("s3:GetObject", Bucket=place["Bucket"], Key=place["Key"], **version))["Body"])).decode()
    else:
        found = properties[held[0]]
        found = found if isinstance(found, str) else json.dumps(found)
    given = properties.get("DefinitionSubstitutions", {})
    return re.sub(r"\$\{([\w.]+)\}", lambda match: str(given.get(match[1], match[0])), found)


_encryption = use(
    fields("KmsKeyId=kmsKeyId KmsDataKeyReusePeriodSeconds=kmsDataKeyReusePeriodSeconds Type=type"), p.EncryptionConfiguration
)
_ROLE = {
    "encryptionConfiguration": _encryption,
    "roleArn": p.RoleArn,
    "loggingConfiguration": use(
        fields(
            "Level=level IncludeExecutionData=includeExecutionData Destinations=destinations",
            Destinations=each(
                fields("CloudWatchLogsLogGroup=cloudWatchLogsLogGroup", CloudWatchLogsLogGroup=fields("LogGroupArn=logGroupArn"))
            ),
        ),
        p.LoggingConfiguration,
    ),
    "tracingConfiguration": use(fields("Enabled=enabled"), p.TracingConfiguration),
}
_create = Call("stepfunctions:CreateStateMachine", name=p.StateMachineName, type=p.StateMachineType, tags=_tags, **_ROLE)
_update = Call("stepfunctions:UpdateStateMachine", stateMachineArn=ID, **_ROLE)
_DEFINED = "Definition DefinitionString DefinitionS3Location DefinitionSubstitutions RoleArn LoggingConfiguration TracingConfiguration EncryptionConfiguration"


@carries(f"{_DEFINED} StateMachineName StateMachineType Tags")
async def _create_machine(work: Work) -> dict[str, Any]:
    return await work.ask(_create.operation, **_create.params(work), definition=await _definition(work))


@carries(_DEFINED)
async def _update_machine(work: Work) -> None:
    params = {"encryptionConfiguration": {"type": "AWS_OWNED_KEY"}, **_update.params(work)}
    await work.ask(_update.operation, **params, definition=await _definition(work))


_update_machine.handles_absence = True

StateMachine = ResourceType(
    name=Name("StateMachineName", 80),
    create=_create_machine,
    id=made.stateMachineArn,
    read=Call("stepfunctions:DescribeStateMachine", stateMachineArn=ID),
    named=Call(
        "stepfunctions:DescribeStateMachine",
        stateMachineArn=text("arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:${StateMachineName}"),
    ),
    update=(
        _update_machine,
        Call("stepfunctions:UntagResource", resourceArn=ID, tagKeys=gone_tags).when(gone_tags),
        Call("stepfunctions:TagResource", resourceArn=ID, tags=_tags).when(p.Tags),
    ),
    delete=Call("stepfunctions:DeleteStateMachine", stateMachineArn=ID),
    absent="StateMachineDoesNotExist",
    attributes={
        "Arn": ID,
        "Name": seen.name,
        "StateMachineRevisionId": either(seen.revisionId, "INITIAL"),
    },
    drift=(Reading({"RoleArn": seen.roleArn, "StateMachineType": seen.type, "DefinitionString": from_json(seen.definition)}),),
)

StateMachineVersion = ResourceType(
    create=Call(
        "stepfunctions:PublishStateMachineVersion",
        stateMachineArn=p.StateMachineArn,
        revisionId=p.StateMachineRevisionId,
        description=p.Description,
    ),
    id=made.stateMachineVersionArn,
    delete=Call("stepfunctions:DeleteStateMachineVersion", stateMachineVersionArn=ID),
    absent="StateMachineDoesNotExist",
    attributes={"Arn": ID},
)

_routes = use(each(fields("StateMachineVersionArn=stateMachineVersionArn Weight=weight")), p.RoutingConfiguration)
_alias = {"description": p.Description, "routingConfiguration": _routes}

StateMachineAlias = ResourceType(
    name=Name("Name", 80),
    create=Call("stepfunctions:CreateStateMachineAlias", name=at(p.Name), **_alias),
    id=made.stateMachineAliasArn,
    update=(Call("stepfunctions:UpdateStateMachineAlias", stateMachineAliasArn=ID, **_alias),),
    delete=Call("stepfunctions:DeleteStateMachineAlias", stateMachineAliasArn=ID),
    absent="ResourceNotFound StateMachineDoesNotExist",
    attributes={"Arn": ID},
)

Activity = ResourceType(
    name=Name("Name", 80),
    create=Call("stepfunctions:CreateActivity", name=p.Name, tags=_tags, encryptionConfiguration=_encryption),
    id=made.activityArn,
    update=(
        Call("stepfunctions:UntagResource", resourceArn=ID, tagKeys=gone_tags).when(gone_tags),
        Call("stepfunctions:TagResource", resourceArn=ID, tags=_tags).when(p.Tags),
    ),
    delete=Call("stepfunctions:DeleteActivity", activityArn=ID),
    absent="ActivityDoesNotExist",
    attributes={"Arn": ID, "Name": p.Name},
)
