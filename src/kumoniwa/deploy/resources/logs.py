"""AWS::Logs."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    OMIT,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Work,
    as_json,
    at,
    carries,
    either,
    gone_tags,
    made,
    p,
    seen,
    tag_list,
    tag_map,
    text,
    use,
)
from kumoniwa.kernel.errors import AwsError


class ResourceNotFoundException(AwsError): ...


class _OfName(Call):
    """A group is read by a list of those whose names begin alike."""

    async def look(self, work: Work) -> dict[str, Any]:
        pages, token = [], {}
        while True:
            page = await work.look(self.operation, **self.params(work), **token)
            pages += [each for each in page["logGroups"] if each["logGroupName"] == work.id]
            if pages:
                return pages[0]
            if not page.get("nextToken"):
                raise ResourceNotFoundException("The specified log group does not exist.")
            token = {"nextToken": page["nextToken"]}


_ARN = text("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${ID}")


@carries("KmsKeyId")
async def _rekey(work: Work) -> None:
    if "KmsKeyId" not in work.changed:
        return
    if work.properties.get("KmsKeyId"):
        await work.ask("logs:AssociateKmsKey", logGroupName=work.id, kmsKeyId=work.properties["KmsKeyId"])
    else:
        await work.ask("logs:DisassociateKmsKey", logGroupName=work.id)


_rekey.handles_absence = True

def _policy(documents: list[dict[str, Any]]) -> str:
    """There is one at most: AWS::Logs::LogGroup FieldIndexPolicies."""
    return json.dumps(documents[0])


LogGroup = ResourceType(
    name=Name("LogGroupName", 512),
    create=Call(
        "logs:CreateLogGroup",
        logGroupName=p.LogGroupName,
        kmsKeyId=p.KmsKeyId,
        logGroupClass=p.LogGroupClass,
        deletionProtectionEnabled=p.DeletionProtectionEnabled,
        tags=tag_map(p.Tags),
    ),
    id=p.LogGroupName,
    settings=(
        Setting(
            Call("logs:PutRetentionPolicy", logGroupName=ID, retentionInDays=p.RetentionInDays),
            Call("logs:DeleteRetentionPolicy", logGroupName=ID),
        ),
        Setting(
            Call("logs:PutIndexPolicy", logGroupIdentifier=ID, policyDocument=use(_policy, p.FieldIndexPolicies)),
            Call("logs:DeleteIndexPolicy", logGroupIdentifier=ID),
        ),
        Setting(
            Call("logs:PutDataProtectionPolicy", logGroupIdentifier=ID, policyDocument=as_json(p.DataProtectionPolicy)),
            Call("logs:DeleteDataProtectionPolicy", logGroupIdentifier=ID),
        ),
    ),
    update=(
        _rekey,
        Call("logs:UntagResource", resourceArn=_ARN, tagKeys=gone_tags).when(gone_tags),
        Call("logs:TagResource", resourceArn=_ARN, tags=tag_map(p.Tags)).when(p.Tags),
    ),
    delete=Call("logs:DeleteLogGroup", logGroupName=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": text("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${ID}:*")},
    fixed="DeletionProtectionEnabled LogGroupClass",
    drift=(
        Reading(
            {
                "RetentionInDays": seen.retentionInDays,
                "KmsKeyId": seen.kmsKeyId,
                "LogGroupClass": seen.logGroupClass,
            },
            _OfName("logs:DescribeLogGroups", logGroupNamePrefix=ID),
        ),
        Reading({"Tags": tag_list(seen.tags)}, Call("logs:ListTagsForResource", resourceArn=_ARN)),
    ),
)

LogStream = ResourceType(
    name=Name("LogStreamName", 512),
    create=Call("logs:CreateLogStream", logGroupName=p.LogGroupName, logStreamName=p.LogStreamName),
    id=p.LogStreamName,
    delete=Call("logs:DeleteLogStream", logGroupName=p.LogGroupName, logStreamName=ID),
    absent="ResourceNotFoundException",
)

Destination = ResourceType(
    create=Call("logs:PutDestination", destinationName=p.DestinationName, targetArn=p.TargetArn, roleArn=p.RoleArn),
    id=p.DestinationName,
    settings=(
        Setting(Call("logs:PutDestinationPolicy", destinationName=ID, accessPolicy=p.DestinationPolicy)),
    ),
    update=(Call("logs:PutDestination", destinationName=ID, targetArn=p.TargetArn, roleArn=p.RoleArn),),
    delete=Call("logs:DeleteDestination", destinationName=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": text("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:destination:${ID}")},
)

_FILTER = {"filterPattern": p.FilterPattern, "destinationArn": p.DestinationArn, "roleArn": p.RoleArn, "distribution": p.Distribution}

SubscriptionFilter = ResourceType(
    name=Name("FilterName", 512),
    create=Call("logs:PutSubscriptionFilter", **{**_FILTER, "logGroupName": p.LogGroupName, "filterName": p.FilterName}),
    id=p.FilterName,
    update=(Call("logs:PutSubscriptionFilter", **{**_FILTER, "logGroupName": at(p.LogGroupName), "filterName": ID}).writes_all(),),
    delete=Call("logs:DeleteSubscriptionFilter", logGroupName=p.LogGroupName, filterName=ID),
    absent="ResourceNotFoundException",
)


class _FilterOfName(Call):
    async def look(self, work: Work) -> dict[str, Any]:
        found = [each for each in (await super().look(work))["metricFilters"] if each["filterName"] == work.id]
        if not found:
            raise ResourceNotFoundException("The specified metric filter does not exist.")
        return found[0]


def _spelled(transformations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Dimensions are a list in a template and a map in the call."""
    spelled = []
    for each in transformations:
        said = {name[0].lower() + name[1:]: value for name, value in each.items() if name != "Dimensions"}
        dimensions = {one["Key"]: one["Value"] for one in each.get("Dimensions", ())}
        spelled.append(said | ({"dimensions": dimensions} if dimensions else {}))
    return spelled


_filter = {
    "logGroupName": p.LogGroupName, "filterPattern": p.FilterPattern, "metricTransformations": use(_spelled, p.MetricTransformations),
    "applyOnTransformedLogs": p.ApplyOnTransformedLogs,
}  # fmt: skip

MetricFilter = ResourceType(
    name=Name("FilterName", 512),
    create=Call("logs:PutMetricFilter", filterName=p.FilterName, **_filter),
    id=p.FilterName,
    update=(Call("logs:PutMetricFilter", filterName=ID, **{**_filter, "logGroupName": at(p.LogGroupName)}).writes_all(),),
    delete=Call("logs:DeleteMetricFilter", logGroupName=at(p.LogGroupName), filterName=ID),
    absent="ResourceNotFoundException",
    drift=(
        Reading(
            {"FilterPattern": seen.filterPattern},
            _FilterOfName("logs:DescribeMetricFilters", logGroupName=at(p.LogGroupName), filterNamePrefix=ID),
        ),
    ),
)

ResourcePolicy = ResourceType(
    create=Call("logs:PutResourcePolicy", policyName=p.PolicyName, policyDocument=p.PolicyDocument),
    id=p.PolicyName,
    update=(Call("logs:PutResourcePolicy", policyName=ID, policyDocument=p.PolicyDocument),),
    delete=Call("logs:DeleteResourcePolicy", policyName=ID),
    absent="ResourceNotFoundException",
)


def _arn_of(kind: str) -> Any:
    return text("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:" + kind + ":${ID}")


def _retagged(arn: Any) -> tuple[Call, Call]:
    return (
        Call("logs:UntagResource", resourceArn=arn, tagKeys=gone_tags).when(gone_tags),
        Call("logs:TagResource", resourceArn=arn, tags=tag_map(p.Tags)).when(p.Tags),
    )


DeliverySource = ResourceType(
    create=Call("logs:PutDeliverySource", name=p.Name, resourceArn=p.ResourceArn, logType=p.LogType, tags=tag_map(p.Tags)),
    id=p.Name,
    update=(
        Call("logs:PutDeliverySource", name=ID, resourceArn=p.ResourceArn, logType=p.LogType).writes_all(),
        *_retagged(_arn_of("delivery-source")),
    ),
    delete=Call("logs:DeleteDeliverySource", name=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": _arn_of("delivery-source"), "Service": made.deliverySource.service, "ResourceArns": made.deliverySource.resourceArns},
)


def _policy_text(said: dict[str, Any]) -> Any:
    return json.dumps(said["DeliveryDestinationPolicy"]) if "DeliveryDestinationPolicy" in said else OMIT


DeliveryDestination = ResourceType(
    create=Call(
        "logs:PutDeliveryDestination", name=p.Name, outputFormat=p.OutputFormat, deliveryDestinationType=p.DeliveryDestinationType,
        deliveryDestinationConfiguration={"destinationResourceArn": p.DestinationResourceArn}, tags=tag_map(p.Tags),
    ),
    id=p.Name,
    settings=(
        Setting(
            Call(
                "logs:PutDeliveryDestinationPolicy", deliveryDestinationName=ID,
                deliveryDestinationPolicy=use(_policy_text, p.DeliveryDestinationPolicy),
            ),
            Call("logs:DeleteDeliveryDestinationPolicy", deliveryDestinationName=ID),
        ),
    ),
    update=_retagged(_arn_of("delivery-destination")),
    delete=Call("logs:DeleteDeliveryDestination", name=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": _arn_of("delivery-destination")},
)  # fmt: skip

_DELIVERED = {
    "recordFields": p.RecordFields, "fieldDelimiter": p.FieldDelimiter,
    "s3DeliveryConfiguration": {"suffixPath": p.S3SuffixPath, "enableHiveCompatiblePath": p.S3EnableHiveCompatiblePath},
}  # fmt: skip
Delivery = ResourceType(
    create=Call(
        "logs:CreateDelivery", deliverySourceName=p.DeliverySourceName, deliveryDestinationArn=p.DeliveryDestinationArn, tags=tag_map(p.Tags),
        **_DELIVERED,
    ),
    id=made.delivery.id,
    update=(Call("logs:UpdateDeliveryConfiguration", id=ID, **_DELIVERED), *_retagged(_arn_of("delivery"))),
    delete=Call("logs:DeleteDelivery", id=ID),
    absent="ResourceNotFoundException",
    attributes={"DeliveryId": ID, "Arn": _arn_of("delivery"), "DeliveryDestinationType": made.delivery.deliveryDestinationType},
)  # fmt: skip

_WATCHED = {"evaluationFrequency": p.EvaluationFrequency, "filterPattern": p.FilterPattern, "anomalyVisibilityTime": p.AnomalyVisibilityTime}
LogAnomalyDetector = ResourceType(
    create=Call(
        "logs:CreateLogAnomalyDetector", logGroupArnList=p.LogGroupArnList, detectorName=p.DetectorName, kmsKeyId=p.KmsKeyId, **_WATCHED
    ),
    id=made.anomalyDetectorArn,
    update=(
        Call(
            "logs:UpdateLogAnomalyDetector", anomalyDetectorArn=ID, enabled=True, evaluationFrequency=either(p.EvaluationFrequency, "FIVE_MIN"),
            filterPattern=either(p.FilterPattern, ""), anomalyVisibilityTime=either(p.AnomalyVisibilityTime, 21),
        ).writes_all(),
    ),
    delete=Call("logs:DeleteLogAnomalyDetector", anomalyDetectorArn=ID),
    absent="ResourceNotFoundException",
    attributes={"AnomalyDetectorArn": ID},
    fixed="DetectorName KmsKeyId LogGroupArnList",
)

_ASKED = {"name": p.Name, "queryString": p.QueryString, "logGroupNames": p.LogGroupNames, "queryLanguage": p.QueryLanguage}
QueryDefinition = ResourceType(
    create=Call("logs:PutQueryDefinition", **_ASKED),
    id=made.queryDefinitionId,
    update=(Call("logs:PutQueryDefinition", queryDefinitionId=ID, **_ASKED).writes_all(),),
    delete=Call("logs:DeleteQueryDefinition", queryDefinitionId=ID),
    absent="ResourceNotFoundException",
    attributes={"QueryDefinitionId": ID},
)


def _lowered(said: Any) -> Any:
    """A processor as the call spells it: members begin with a small letter."""
    if isinstance(said, dict):
        return {name[0].lower() + name[1:]: _lowered(value) for name, value in said.items()}
    return [_lowered(each) for each in said] if isinstance(said, list) else said


Transformer = ResourceType(
    create=Call("logs:PutTransformer", logGroupIdentifier=p.LogGroupIdentifier, transformerConfig=use(_lowered, p.TransformerConfig)),
    id=p.LogGroupIdentifier,
    update=(Call("logs:PutTransformer", logGroupIdentifier=ID, transformerConfig=use(_lowered, p.TransformerConfig)),),
    delete=Call("logs:DeleteTransformer", logGroupIdentifier=ID),
    absent="ResourceNotFoundException",
)

_WIDE = {"policyDocument": p.PolicyDocument, "scope": p.Scope, "selectionCriteria": p.SelectionCriteria}
AccountPolicy = ResourceType(
    create=Call("logs:PutAccountPolicy", policyName=p.PolicyName, policyType=p.PolicyType, **_WIDE),
    id=text("${AWS::AccountId}|${PolicyType}|${PolicyName}"),
    update=(Call("logs:PutAccountPolicy", policyName=at(p.PolicyName), policyType=at(p.PolicyType), **_WIDE).writes_all(),),
    delete=Call("logs:DeleteAccountPolicy", policyName=at(p.PolicyName), policyType=at(p.PolicyType)),
    absent="ResourceNotFoundException",
    attributes={"AccountId": text("${AWS::AccountId}")},
)

_SCHEDULED = {
    "description": p.Description, "queryLanguage": p.QueryLanguage, "queryString": p.QueryString, "logGroupIdentifiers": p.LogGroupIdentifiers,
    "scheduleExpression": p.ScheduleExpression, "timezone": p.Timezone, "startTimeOffset": p.StartTimeOffset,
    "scheduleStartTime": p.ScheduleStartTime, "scheduleEndTime": p.ScheduleEndTime, "executionRoleArn": p.ExecutionRoleArn, "state": p.State,
}  # fmt: skip
ScheduledQuery = ResourceType(
    create=Call("logs:CreateScheduledQuery", name=p.Name, tags=tag_map(p.Tags), **_SCHEDULED),
    id=made.scheduledQueryArn,
    update=(Call("logs:UpdateScheduledQuery", identifier=ID, **_SCHEDULED).writes_all(), *_retagged(ID)),
    delete=Call("logs:DeleteScheduledQuery", identifier=ID),
    absent="ResourceNotFoundException",
    attributes={"ScheduledQueryArn": ID},
)
