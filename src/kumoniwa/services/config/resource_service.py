"""Tables, functions, queues, topics, keys, secrets, streams, trails, alarms, APIs and their stages, certificates.

https://github.com/awslabs/aws-config-resource-schema/tree/master/config/properties/resource-types
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.services.config.resource import (
    Found,
    Kind,
    Reader,
    one_by_one,
    related,
    said,
    spelled,
    tags_of,
)


def _last(text: str | None) -> list[str] | None:
    """The name at the end of an ARN or a URL, or the name itself."""
    return [text.replace(":", "/").rpartition("/")[2]] if text else None


# DynamoDB ------------------------------------------------------------------------------------------


async def _table(reader: Reader, name: str) -> Found | None:
    reply = await reader.ask("dynamodb:DescribeTable", absent=("ResourceNotFoundException",), TableName=name)
    if reply is None:
        return None
    table = reply["Table"]
    backups = await reader.ask("dynamodb:DescribeContinuousBackups", absent=("TableNotFoundException", "ResourceNotFoundException"), TableName=name)
    tags = await reader.all("dynamodb:ListTagsOfResource", ResourceArn=table["TableArn"])
    told = spelled("dynamodb", "DescribeTable", reply, member="Table")
    # How much a table holds is no part of how it is configured.
    told |= {"itemCount": 0, "tableSizeBytes": 0}
    kept = {"ContinuousBackupsDescription": _backups(backups)} if backups else {}
    is_settled = table["TableStatus"] in ("ACTIVE", "ARCHIVED")
    return Found(name, name, table["TableArn"], told, kept, tags_of(tags), created=table["CreationDateTime"], is_settled=is_settled)


def _backups(reply: dict[str, Any]) -> dict[str, Any]:
    """Without the window in which a table can be restored, which moves with time."""
    told = spelled("dynamodb", "DescribeContinuousBackups", reply, member="ContinuousBackupsDescription")
    recovery = told.get("pointInTimeRecoveryDescription") or {}
    return told | {"pointInTimeRecoveryDescription": {"pointInTimeRecoveryStatus": recovery.get("pointInTimeRecoveryStatus")}}


async def _tables(reader: Reader) -> list[str]:
    return await reader.all("dynamodb:ListTables")


# Lambda --------------------------------------------------------------------------------------------


async def _function(reader: Reader, name: str) -> Found | None:
    reply = await reader.ask("lambda:GetFunction", absent=("ResourceNotFoundException",), FunctionName=name)
    if reply is None:
        return None
    said_ = reply["Configuration"]
    told = spelled("lambda", "GetFunction", reply, member="Configuration")
    told |= {"state": {"value": said_.get("State")}, "lastUpdateStatus": {"value": said_.get("LastUpdateStatus")}}
    policy = await reader.ask("lambda:GetPolicy", absent=("ResourceNotFoundException",), FunctionName=name) or {}
    kept: dict[str, Any] = {"Policy": policy.get("Policy")}
    if reply.get("Concurrency"):
        kept["Concurrency"] = spelled("lambda", "GetFunction", reply, member="Concurrency")
    tags = reply.get("Tags") or {}
    relations = (related("AWS::IAM::Role", None, "Is associated with Role", said_["Role"].rpartition("/")[2]),)
    is_settled = said_.get("State") != "Pending" and said_.get("LastUpdateStatus") != "InProgress"
    return Found(name, name, said_["FunctionArn"], told, {**kept, "Tags": tags}, tags, relations, is_settled=is_settled)


async def _functions(reader: Reader) -> list[str]:
    return [each["FunctionName"] for each in await reader.all("lambda:ListFunctions")]


def _function_named(event: dict[str, Any]) -> list[str] | None:
    text = said(event, "functionName")
    if text is None:
        return None
    parts = text.split(":")
    return [parts[parts.index("function") + 1] if "function" in parts[:-1] else parts[0]]


# Queues and topics ---------------------------------------------------------------------------------

_NUMBERS = frozenset({"DelaySeconds", "KmsDataKeyReusePeriodSeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds",
                      "VisibilityTimeout"})  # fmt: skip
_COUNTED = frozenset({"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible"})


async def _queue(reader: Reader, url: str) -> Found | None:
    absent = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")
    reply = await reader.ask("sqs:GetQueueAttributes", absent=absent, QueueUrl=url, AttributeNames=["All"])
    if reply is None:
        return None
    attributes = {name: int(value) if name in _NUMBERS else value for name, value in reply["Attributes"].items() if name not in _COUNTED}
    name = url.rpartition("/")[2]
    tags = await reader.ask("sqs:ListQueueTags", absent=absent, QueueUrl=url) or {}
    told = {"QueueName": name, "QueueUrl": url, **attributes}
    return Found(url, name, attributes["QueueArn"], told, tags=tags.get("Tags") or {}, created=float(attributes["CreatedTimestamp"]))


async def _queues(reader: Reader) -> list[str]:
    return await reader.all("sqs:ListQueues")


async def _look_at_queues(reader: Reader, ids: list[str] | None) -> dict[str, Found | None]:
    """Whoever calls from another host spells the URL of the same queue otherwise; here it is spelled one way."""
    place = f"{reader.call.home.settings.endpoint}/{reader.call.account}"
    urls = {f"{place}/{url.rpartition('/')[2]}" for url in (ids if ids is not None else await _queues(reader))}
    return {url: await _queue(reader, url) for url in sorted(urls)}


def _queue_named(event: dict[str, Any]) -> list[str] | None:
    url = said(event, "queueUrl")
    return [url] if url else None


async def _topic(reader: Reader, arn: str) -> Found | None:
    reply = await reader.ask("sns:GetTopicAttributes", absent=("NotFound", "NotFoundException"), TopicArn=arn)
    if reply is None:
        return None
    attributes = {name: value for name, value in reply["Attributes"].items() if not name.startswith("Subscriptions")}
    tags = await reader.ask("sns:ListTagsForResource", absent=("ResourceNotFound", "ResourceNotFoundException"), ResourceArn=arn) or {}
    return Found(arn, arn.rpartition(":")[2], arn, attributes, tags=tags_of(tags.get("Tags")))


async def _topics(reader: Reader) -> list[str]:
    return [each["TopicArn"] for each in await reader.all("sns:ListTopics")]


def _topic_named(event: dict[str, Any]) -> list[str] | None:
    arn = said(event, "topicArn", "resourceArn")
    return [arn] if arn else None


# Keys and secrets ----------------------------------------------------------------------------------


async def _key(reader: Reader, id_: str) -> Found | None:
    reply = await reader.ask("kms:DescribeKey", absent=("NotFoundException",), KeyId=id_)
    if reply is None:
        return None
    told = spelled("kms", "DescribeKey", reply, member="KeyMetadata")
    held = reply["KeyMetadata"]
    kept: dict[str, Any] = {}
    if held["KeyManager"] == "CUSTOMER":
        policy = await reader.ask("kms:GetKeyPolicy", absent=("NotFoundException",), KeyId=id_, PolicyName="default")
        kept["Policy"] = (policy or {}).get("Policy")
    rotated = await reader.ask(
        "kms:GetKeyRotationStatus", absent=("UnsupportedOperationException", "KMSInvalidStateException", "NotFoundException"), KeyId=id_
    )
    if rotated is not None:
        kept["KeyRotationStatus"] = rotated["KeyRotationEnabled"]
    tags = await reader.all("kms:ListResourceTags", KeyId=id_) if held["KeyManager"] == "CUSTOMER" else []
    return Found(
        id_,
        id_,
        held["Arn"],
        told,
        kept,
        tags_of(tags, "TagKey", "TagValue"),
        created=held["CreationDate"],
        is_settled=held["KeyState"] not in ("Creating", "Updating"),
    )


async def _keys(reader: Reader) -> list[str]:
    return [each["KeyId"] for each in await reader.all("kms:ListKeys")]


def _key_named(event: dict[str, Any]) -> list[str] | None:
    """A key may be named by an alias, and a new one by what was answered."""
    for member in ("requestParameters", "responseElements"):
        told = event.get(member) or {}
        metadata = told.get("keyMetadata") or told.get("replicaKeyMetadata") or told
        id_ = metadata.get("keyId") if isinstance(metadata, dict) else None
        if isinstance(id_, str) and "alias/" not in id_:
            return _last(id_)
    return None


async def _secret(reader: Reader, arn: str) -> Found | None:
    held = await reader.ask("secretsmanager:DescribeSecret", absent=("ResourceNotFoundException",), SecretId=arn)
    if held is None:
        return None
    shape_of = {"ARN": "ARN", "Name": "Name", "Description": "Description", "KMSKeyId": "KmsKeyId", "RotationLambdaARN": "RotationLambdaARN"}
    told = {name: held.get(member) for name, member in shape_of.items()} | {
        "RotationEnabled": held.get("RotationEnabled", False), "Deleted": "DeletedDate" in held, "RotationRules": held.get("RotationRules"),
        "RotationOccurringAsScheduled": "NextRotationDate" not in held or held["NextRotationDate"] >= reader.call.now(),
    }  # fmt: skip
    told["LastRotatedDate"] = held.get("LastRotatedDate")
    return Found(arn, held["Name"], arn, told, tags=tags_of(held.get("Tags")), created=held.get("CreatedDate"))


async def _secrets(reader: Reader) -> list[str]:
    return [each["ARN"] for each in await reader.all("secretsmanager:ListSecrets", IncludePlannedDeletion=True)]


def _secret_named(event: dict[str, Any]) -> list[str] | None:
    arn = said({"responseElements": event.get("responseElements")}, "aRN", "arn", "ARN") or said(event, "secretId")
    return [arn] if arn and arn.startswith("arn:") else None


# Streams, trails, alarms ---------------------------------------------------------------------------


async def _stream(reader: Reader, name: str) -> Found | None:
    reply = await reader.ask("kinesis:DescribeStreamSummary", absent=("ResourceNotFoundException",), StreamName=name)
    if reply is None:
        return None
    held = reply["StreamDescriptionSummary"]
    told: dict[str, Any] = {
        "Name": name, "Arn": held["StreamARN"], "RetentionPeriodHours": held["RetentionPeriodHours"], "ShardCount": held["OpenShardCount"],
        "StreamModeDetails": held.get("StreamModeDetails"),
    }  # fmt: skip
    if held.get("EncryptionType", "NONE") != "NONE":
        told["StreamEncryption"] = {"EncryptionType": held["EncryptionType"], "KeyId": held.get("KeyId")}
    tags = (await reader.ask("kinesis:ListTagsForStream", absent=("ResourceNotFoundException",), StreamName=name) or {}).get("Tags")
    return Found(
        name,
        name,
        held["StreamARN"],
        told,
        tags=tags_of(tags),
        created=held["StreamCreationTimestamp"],
        is_settled=held["StreamStatus"] == "ACTIVE",
    )


async def _streams(reader: Reader) -> list[str]:
    return await reader.all("kinesis:ListStreams")


async def _trail(reader: Reader, arn: str) -> Found | None:
    """A trail of all regions is recorded where it is at home."""
    reply = await reader.ask("cloudtrail:DescribeTrails", trailNameList=[arn], includeShadowTrails=False)
    if not reply["trailList"]:
        return None
    held = reply["trailList"][0]
    if held["HomeRegion"] != reader.call.region:
        return None
    selectors = await reader.ask("cloudtrail:GetEventSelectors", absent=("TrailNotFoundException",), TrailName=arn) or {}
    told = spelled("cloudtrail", "DescribeTrails", reply, member="trailList")[0]
    kept = (
        {"EventSelectors": spelled("cloudtrail", "GetEventSelectors", selectors, member="EventSelectors")}
        if selectors.get("EventSelectors")
        else {}
    )
    relations = (related("AWS::S3::Bucket", held["S3BucketName"], "Is associated with Bucket", held["S3BucketName"]),)
    return Found(arn, held["Name"], arn, told, kept, {}, relations)


async def _trails(reader: Reader) -> list[str]:
    reply = await reader.ask("cloudtrail:DescribeTrails", includeShadowTrails=False)
    return [each["TrailARN"] for each in reply["trailList"]]


def _trail_named(event: dict[str, Any]) -> list[str] | None:
    arn = said(event, "trailARN") or said(event, "name", "trailName")
    return [arn] if arn and arn.startswith("arn:") else None


async def _alarm(reader: Reader, arn: str) -> Found | None:
    name = arn.partition(":alarm:")[2]
    reply = await reader.ask("cloudwatch:DescribeAlarms", AlarmNames=[name], AlarmTypes=["MetricAlarm"])
    if not reply.get("MetricAlarms"):
        return None
    held = spelled("cloudwatch", "DescribeAlarms", reply, member="MetricAlarms")[0]
    # In which state it is, and since when, is no part of how it is configured.
    told = {name: value for name, value in held.items() if not name.startswith("state")}
    tags = await reader.ask("cloudwatch:ListTagsForResource", absent=("ResourceNotFoundException", "ResourceNotFound"), ResourceARN=arn) or {}
    return Found(arn, name, arn, told, tags=tags_of(tags.get("Tags")))


async def _alarms(reader: Reader) -> list[str]:
    return [each["AlarmArn"] for each in (await reader.ask("cloudwatch:DescribeAlarms", AlarmTypes=["MetricAlarm"]))["MetricAlarms"]]


def _alarm_named(event: dict[str, Any]) -> list[str] | None:
    """SetAlarmState names one as well, and changes nothing that is recorded."""
    name = said(event, "alarmName")
    account, region = event.get("recipientAccountId"), event.get("awsRegion")
    return [f"arn:{arns.partition(region)}:cloudwatch:{region}:{account}:alarm:{name}"] if name and region else None


# API Gateway ---------------------------------------------------------------------------------------


def _api_arn(reader: Reader, path: str) -> str:
    return f"arn:{reader.call.home.partition}:apigateway:{reader.call.region}::{path}"


async def _api(reader: Reader, id_: str) -> Found | None:
    reply = await reader.ask("apigateway:GetRestApi", absent=("NotFoundException",), restApiId=id_)
    if reply is None:
        return None
    told = spelled("apigateway", "GetRestApi", {name: value for name, value in reply.items() if name != "tags"})
    return Found(id_, reply["name"], _api_arn(reader, f"/restapis/{id_}"), told, tags=reply.get("tags") or {}, created=reply.get("createdDate"))


async def _apis(reader: Reader) -> list[str]:
    return [each["id"] for each in await reader.all("apigateway:GetRestApis")]


def _api_named(event: dict[str, Any]) -> list[str] | None:
    id_ = said(event, "restApiId")
    return [id_] if id_ else None


async def _stage(reader: Reader, arn: str) -> Found | None:
    api, _, name = arn.partition("/restapis/")[2].partition("/stages/")
    reply = await reader.ask("apigateway:GetStage", absent=("NotFoundException",), restApiId=api, stageName=name)
    if reply is None:
        return None
    told = spelled("apigateway", "GetStage", {member: value for member, value in reply.items() if member != "tags"})
    relations = (related("AWS::ApiGateway::RestApi", api, "Is contained in ApiGateway RestApi"),)
    return Found(arn, name, arn, told, {}, reply.get("tags") or {}, relations, created=reply.get("createdDate"))


async def _stages(reader: Reader) -> list[str]:
    found = []
    for api in await _apis(reader):
        reply = await reader.ask("apigateway:GetStages", absent=("NotFoundException",), restApiId=api) or {}
        found += [_api_arn(reader, f"/restapis/{api}/stages/{each['stageName']}") for each in reply.get("item") or ()]
    return found


# Certificates --------------------------------------------------------------------------------------


async def _certificate(reader: Reader, arn: str) -> Found | None:
    reply = await reader.ask("acm:DescribeCertificate", absent=("ResourceNotFoundException",), CertificateArn=arn)
    if reply is None:
        return None
    told = spelled("acm", "DescribeCertificate", reply, member="Certificate")
    tags = await reader.ask("acm:ListTagsForCertificate", absent=("ResourceNotFoundException",), CertificateArn=arn) or {}
    held = reply["Certificate"]
    return Found(
        arn,
        held.get("DomainName"),
        arn,
        told,
        tags=tags_of(tags.get("Tags")),
        created=held.get("CreatedAt"),
        is_settled=held.get("Status") != "PENDING_VALIDATION",
    )


async def _certificates(reader: Reader) -> list[str]:
    return [each["CertificateArn"] for each in await reader.all("acm:ListCertificates")]


def _certificate_named(event: dict[str, Any]) -> list[str] | None:
    arn = said(event, "certificateArn")
    return [arn] if arn else None


KINDS = (
    Kind("AWS::DynamoDB::Table", ("dynamodb",), one_by_one(_tables, _table), lambda event: _last(said(event, "tableName", "sourceTableName"))),
    Kind("AWS::Lambda::Function", ("lambda",), one_by_one(_functions, _function), _function_named),
    Kind("AWS::SQS::Queue", ("sqs",), _look_at_queues, _queue_named),
    Kind("AWS::SNS::Topic", ("sns",), one_by_one(_topics, _topic), _topic_named),
    Kind("AWS::KMS::Key", ("kms",), one_by_one(_keys, _key), _key_named),
    Kind("AWS::SecretsManager::Secret", ("secretsmanager",), one_by_one(_secrets, _secret), _secret_named),
    Kind("AWS::Kinesis::Stream", ("kinesis",), one_by_one(_streams, _stream), lambda event: _last(said(event, "streamName", "streamARN"))),
    Kind("AWS::CloudTrail::Trail", ("cloudtrail",), one_by_one(_trails, _trail), _trail_named),
    Kind("AWS::CloudWatch::Alarm", ("cloudwatch",), one_by_one(_alarms, _alarm), _alarm_named),
    Kind("AWS::ApiGateway::RestApi", ("apigateway",), one_by_one(_apis, _api), _api_named),
    Kind("AWS::ApiGateway::Stage", ("apigateway", "wafv2"), one_by_one(_stages, _stage), lambda event: None),
    Kind("AWS::ACM::Certificate", ("acm",), one_by_one(_certificates, _certificate), _certificate_named),
)

