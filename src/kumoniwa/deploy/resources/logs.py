"""AWS::Logs."""

from __future__ import annotations

from kumoniwa.deploy.resource import ID, Call, Name, ResourceType, Setting, gone_tags, p, tag_map, text

_ARN = text("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${ID}")

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
    ),
    update=(
        Call("logs:UntagResource", resourceArn=_ARN, tagKeys=gone_tags).when(gone_tags),
        Call("logs:TagResource", resourceArn=_ARN, tags=tag_map(p.Tags)).when(p.Tags),
    ),
    delete=Call("logs:DeleteLogGroup", logGroupName=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": text("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${ID}:*")},
    fixed="DeletionProtectionEnabled KmsKeyId LogGroupClass",
)

LogStream = ResourceType(
    name=Name("LogStreamName", 512),
    create=Call("logs:CreateLogStream", logGroupName=p.LogGroupName, logStreamName=p.LogStreamName),
    id=p.LogStreamName,
    delete=Call("logs:DeleteLogStream", logGroupName=p.LogGroupName, logStreamName=ID),
    absent="ResourceNotFoundException",
)
