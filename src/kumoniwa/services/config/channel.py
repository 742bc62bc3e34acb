"""The delivery channel: the bucket and the topic that get what is recorded. An account has one in each region.

What a channel cannot reach is found out when it is put, by writing the file that AWS writes for that.
https://docs.aws.amazon.com/config/latest/developerguide/manage-delivery-channel.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.config import recorder as recorders
from kumoniwa.services.config.errors import (
    InsufficientDeliveryPolicyException,
    InvalidDeliveryChannelNameException,
    InvalidS3KeyPrefixException,
    InvalidS3KmsKeyArnException,
    InvalidSNSTopicARNException,
    LastDeliveryChannelDeleteFailedException,
    MaxNumberOfDeliveryChannelsExceededException,
    NoSuchBucketException,
    NoSuchDeliveryChannelException,
    NoSuchRetentionConfigurationException,
)
from kumoniwa.services.config.recorder import SERVICE

FREQUENCIES_S = {"One_Hour": 3_600.0, "Three_Hours": 10_800.0, "Six_Hours": 21_600.0, "Twelve_Hours": 43_200.0, "TwentyFour_Hours": 86_400.0}
HISTORY_EVERY_S = 21_600.0
"""https://docs.aws.amazon.com/config/latest/developerguide/config-concepts.html#delivery-channel"""
KEPT_DAYS = 2_557
PROOF = "ConfigWritabilityCheckFile"


class Outcome(Record):
    """How a kind of delivery went last."""

    status: str = ""
    code: str = ""
    error: str = ""
    attempted: float | None = None
    succeeded: float | None = None


class Channel(Record):
    """Shelved by its name."""

    name: str
    bucket: str
    prefix: str | None = None
    key: str | None = None
    topic: str | None = None
    frequency: str | None = None
    snapshot: Outcome = Outcome()
    history: Outcome = Outcome()
    stream: Outcome = Outcome()
    next_snapshot: float | None = None
    next_history: float = 0.0
    history_since: int = 0
    """The last configuration item that a history file holds."""


class Retention(Record):
    """How long items are kept; shelved as ``default``."""

    days: int


def held(call: Call) -> Channel | None:
    return next(iter(call.shelf(Channel).values()), None)


def existing(call: Call, name: str) -> Channel:
    found = call.shelf(Channel).get(name)
    if found is None:
        raise NoSuchDeliveryChannelException(f"Cannot find delivery channel with specified name '{name}'.")
    return found


def change(call: Call, channel: Channel, **changes: Any) -> None:
    now = call.shelf(Channel).get(channel.name)
    if now is not None:
        call.shelf(Channel)[channel.name] = changed(now, **changes)


# Reaching it ---------------------------------------------------------------------------------------


def source_arn(call: Call) -> str:
    return call.arn("*")


def as_role(call: Call, role: str) -> Call:
    """https://docs.aws.amazon.com/config/latest/developerguide/iamrole-permissions.html#iam-trust-policy"""
    return call.assuming(role, SERVICE, "AWSConfig-Describe", **{"aws:SourceArn": source_arn(call)})


def as_account(call: Call) -> Call:
    """The account itself, for what its Config may know whoever asked."""
    arn = f"arn:{call.home.partition}:iam::{call.account}:root"
    return call.home.call("config", call.account, Principal(kind="root", account=call.account, arn=arn, user_id=call.account))


async def reach(call: Call, role: str, operation: str, *, once: str | None = None, to_region: str | None = None, **params: Any) -> None:
    """Ask as the recorder's role, and where that may not, as the service. Raises what the service is answered.
    https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-policy.html"""
    try:
        await as_role(call, role).ask(operation, once=once, to_region=to_region, **params)
    except AwsError as error:
        if error.code not in ("AccessDenied", "AuthorizationError"):
            raise
        us = call.acting(SERVICE, **{"aws:SourceArn": source_arn(call), "aws:SourceAccount": call.account})
        await us.ask(operation, once=once, to_region=to_region, **params)


async def put_file(call: Call, role: str, channel: Channel, key: str, body: bytes, **more: Any) -> None:
    sealing = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": channel.key} if channel.key else {}
    await reach(
        call, role, "s3:PutObject", to_region=region_of_bucket(call.home, channel.bucket), Bucket=channel.bucket, Key=key, Body=body,
        ACL="bucket-owner-full-control", **sealing, **more,
    )  # fmt: skip


def folder(call: Call, channel: Channel) -> str:
    return "/".join(filter(None, (channel.prefix, "AWSLogs", call.account, "Config")))


# Operations ----------------------------------------------------------------------------------------


async def PutDeliveryChannel(call: Call, *, DeliveryChannel: dict[str, Any]) -> None:
    said = DeliveryChannel
    recorder = recorders.must_exist(call, "Configuration recorder is not available to put delivery channel.")
    channel = _read(said)
    others = [each for each in call.shelf(Channel) if each != channel.name]
    if others:
        raise MaxNumberOfDeliveryChannelsExceededException(
            f"Failed to put delivery channel '{channel.name}' because the maximum number of delivery channels: 1 is reached."
        )
    await _prove_bucket(call, recorder.role, channel)
    if channel.topic is not None:
        await _prove_topic(call, channel.topic)
    before, now = call.shelf(Channel).get(channel.name), call.now()
    due = {"next_history": before.next_history if before is not None else now + HISTORY_EVERY_S}
    if channel.frequency is not None:
        is_same = before is not None and before.frequency == channel.frequency
        due["next_snapshot"] = before.next_snapshot if is_same else now + FREQUENCIES_S[channel.frequency]
    kept = {name: getattr(before, name) for name in ("snapshot", "history", "stream", "history_since")} if before is not None else {}
    call.shelf(Channel)[channel.name] = changed(channel, **due, **kept)
    recorders.wake(call)


def _read(said: dict[str, Any]) -> Channel:
    name, bucket, prefix, key, topic = (said.get(each) for each in ("name", "s3BucketName", "s3KeyPrefix", "s3KmsKeyArn", "snsTopicARN"))
    name = recorders.DEFAULT if name is None else name
    if not name:
        raise InvalidDeliveryChannelNameException(f"The delivery channel name '{name}' is not valid, blank string.")
    if not bucket:
        raise NoSuchBucketException("Cannot find a S3 bucket with an empty bucket name.")
    if prefix == "":
        raise InvalidS3KeyPrefixException("The s3 key prefix '' is not valid, empty s3 key prefix.")
    parsed = arns.parse(key) if key is not None else None
    if key is not None and (parsed is None or parsed.service != "kms" or not parsed.resource.startswith(("key/", "alias/"))):
        raise InvalidS3KmsKeyArnException(f"The arn '{key}' is not a valid kms key or alias arn.")
    parsed = arns.parse(topic) if topic is not None else None
    if topic is not None and (parsed is None or parsed.service != "sns"):
        raise InvalidSNSTopicARNException(f"The sns topic arn '{topic}' is not valid.")
    frequency = (said.get("configSnapshotDeliveryProperties") or {}).get("deliveryFrequency")
    return Channel(name=name, bucket=bucket, prefix=prefix, key=key, topic=topic, frequency=frequency)


async def _prove_bucket(call: Call, role: str, channel: Channel) -> None:
    try:
        await put_file(call, role, channel, f"{folder(call, channel)}/{PROOF}", b"")
    except AwsError as error:
        if error.code == "NoSuchBucket":
            raise NoSuchBucketException(f"Cannot find a S3 bucket with the name '{channel.bucket}'.") from None
        prefix, key = channel.prefix or "null", channel.key or "null"
        raise InsufficientDeliveryPolicyException(
            f"Insufficient delivery policy to s3 bucket: {channel.bucket}, unable to write to bucket, provided s3 key prefix is '{prefix}', "
            f"provided kms key is '{key}'.",
            hint=f"Let the recorder's role, or {SERVICE} in the bucket's policy, s3:PutObject under {folder(call, channel)}/. {error.text}",
        ) from None


async def _prove_topic(call: Call, topic: str) -> None:
    try:
        await as_account(call).ask("sns:GetTopicAttributes", to_region=arns.parse(topic).region, TopicArn=topic)
    except AwsError as error:
        if error.code in ("NotFound", "NotFoundException", "InvalidParameter"):
            raise InvalidSNSTopicARNException(f"The sns topic arn '{topic}' is not valid.") from None


def DescribeDeliveryChannels(call: Call, *, DeliveryChannelNames: list[str] | None = None) -> dict:
    return {"DeliveryChannels": [_shown(each) for each in _chosen(call, DeliveryChannelNames)]}


def _chosen(call: Call, names: list[str] | None) -> list[Channel]:
    return [existing(call, name) for name in names] if names else list(call.shelf(Channel).values())


def _shown(channel: Channel) -> dict[str, Any]:
    told = {
        "name": channel.name, "s3BucketName": channel.bucket, "s3KeyPrefix": channel.prefix, "s3KmsKeyArn": channel.key,
        "snsTopicARN": channel.topic,
        "configSnapshotDeliveryProperties": {"deliveryFrequency": channel.frequency} if channel.frequency else None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def DescribeDeliveryChannelStatus(call: Call, *, DeliveryChannelNames: list[str] | None = None) -> dict:
    listed = []
    for each in _chosen(call, DeliveryChannelNames):
        listed.append(
            {
                "name": each.name,
                "configSnapshotDeliveryInfo": _told(each.snapshot, each.next_snapshot),
                "configHistoryDeliveryInfo": _told(each.history, each.next_history),
                "configStreamDeliveryInfo": _stream(each),
            }
        )
    return {"DeliveryChannelsStatus": listed}


def _told(outcome: Outcome, due: float | None) -> dict[str, Any]:
    told = {
        "lastStatus": outcome.status or None, "lastErrorCode": outcome.code or None, "lastErrorMessage": outcome.error or None,
        "lastAttemptTime": outcome.attempted, "lastSuccessfulTime": outcome.succeeded, "nextDeliveryTime": due,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _stream(channel: Channel) -> dict[str, Any]:
    if channel.topic is None:
        return {"lastStatus": "Not_Applicable"}
    told = _told(channel.stream, None)
    changed_at = told.pop("lastAttemptTime", None)
    told.pop("lastSuccessfulTime", None)
    return told | ({"lastStatusChangeTime": changed_at} if changed_at is not None else {})


def StartConfigurationRecorder(call: Call, *, ConfigurationRecorderName: str) -> None:
    recorders.start(call, ConfigurationRecorderName, has_channel=held(call) is not None)


def DeleteDeliveryChannel(call: Call, *, DeliveryChannelName: str) -> None:
    channel = existing(call, DeliveryChannelName)
    if recorders.running(call) is not None:
        raise LastDeliveryChannelDeleteFailedException(
            f"Failed to delete last specified delivery channel with name '{channel.name}', because there, "
            "because there is a running configuration recorder."
        )
    del call.shelf(Channel)[channel.name]


# Retention -----------------------------------------------------------------------------------------


def PutRetentionConfiguration(call: Call, *, RetentionPeriodInDays: int) -> dict:
    call.shelf(Retention)[recorders.DEFAULT] = Retention(days=RetentionPeriodInDays)
    return {"RetentionConfiguration": {"Name": recorders.DEFAULT, "RetentionPeriodInDays": RetentionPeriodInDays}}


def _retention(call: Call, name: str) -> Retention:
    found = call.shelf(Retention).get(name)
    if found is None:
        raise NoSuchRetentionConfigurationException(f"Cannot find retention configuration with the specified name '{name}'.")
    return found


def DescribeRetentionConfigurations(call: Call, *, RetentionConfigurationNames: list[str] | None = None) -> dict:
    names = RetentionConfigurationNames or list(call.shelf(Retention))
    return {"RetentionConfigurations": [{"Name": name, "RetentionPeriodInDays": _retention(call, name).days} for name in names]}


def DeleteRetentionConfiguration(call: Call, *, RetentionConfigurationName: str) -> None:
    _retention(call, RetentionConfigurationName)
    del call.shelf(Retention)[RetentionConfigurationName]


def kept_days(call: Call) -> int:
    found = call.shelf(Retention).get(recorders.DEFAULT)
    return found.days if found is not None else KEPT_DAYS
