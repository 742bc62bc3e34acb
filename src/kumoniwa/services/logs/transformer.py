"""Transformers of log groups: what comes in is also kept as JSON, which queries, and filters that ask for it, see.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutTransformer.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from kumoniwa.aws import models
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.languages import log_transformer
from kumoniwa.services.logs import account_policy
from kumoniwa.services.logs.group import (
    Group,
    InvalidParameterException,
    ResourceNotFoundException,
    identified,
)
from kumoniwa.wire.codec import codec

PROCESSORS_MAX = 20
NO_CONFIG = "Invalid json transformer config provided"
"""Seen of AWS by cdk-preflight: pf-logs-account-policy-transformer-document."""


class TransformerNotFound(ResourceNotFoundException):
    code = "ResourceNotFoundException"
    message = "The specified transformer does not exist."


@lru_cache(maxsize=128)
def _compiled(config: str) -> Callable[[str, dict[str, str]], str]:
    return log_transformer.compiled(json.loads(config))


def checked(config: Any) -> str:
    """Its text. Raises what AWS answers where it is none."""
    if not isinstance(config, list) or not all(isinstance(each, dict) for each in config):
        raise InvalidParameterException(NO_CONFIG)
    if not 1 <= len(config) <= PROCESSORS_MAX:
        raise InvalidParameterException(f"A transformer has 1 to {PROCESSORS_MAX} processors.")
    text = json.dumps(config)
    try:
        # A document of the account's was not checked by the model.
        codec(models.service("logs").operation("PutTransformer"), "json").check({"logGroupIdentifier": "-", "transformerConfig": config})
    except AwsError as error:
        raise InvalidParameterException(error.text) from None
    try:
        _compiled(text)
    except log_transformer.InvalidTransformer as error:
        raise InvalidParameterException(str(error)) from None
    return text


def PutTransformer(call: Call, *, logGroupIdentifier: str, transformerConfig: list[dict[str, Any]]) -> None:
    """Only what comes in from now on is transformed."""
    group, now_ms = identified(call, logGroupIdentifier), milliseconds(call.now())
    created_ms = group.transformer_ms[0] if group.transformer else now_ms
    call.shelf(Group)[group.name] = changed(
        group, transformer=checked(transformerConfig), transformer_ms=(created_ms, now_ms), is_transformed=True
    )


def GetTransformer(call: Call, *, logGroupIdentifier: str) -> dict:
    group = identified(call, logGroupIdentifier)
    if not group.transformer:
        raise TransformerNotFound
    created_ms, modified_ms = group.transformer_ms
    return {
        "logGroupIdentifier": call.arn(f"log-group:{group.name}"), "creationTime": created_ms, "lastModifiedTime": modified_ms,
        "transformerConfig": json.loads(group.transformer),
    }  # fmt: skip


def DeleteTransformer(call: Call, *, logGroupIdentifier: str) -> None:
    group = identified(call, logGroupIdentifier)
    if not group.transformer:
        raise TransformerNotFound
    call.shelf(Group)[group.name] = changed(group, transformer="", transformer_ms=(0, 0))


def TestTransformer(call: Call, *, transformerConfig: list[dict[str, Any]], logEventMessages: list[str]) -> dict:
    """What cannot be transformed has no transformed message; what AWS says of it was not found."""
    transform = _compiled(checked(transformerConfig))
    shown = []
    for number, message in enumerate(logEventMessages, 1):
        each: dict[str, Any] = {"eventNumber": number, "eventMessage": message}
        try:
            each["transformedEventMessage"] = transform(message, {"@accountId": call.account, "@regionName": call.region})
        except log_transformer.Untransformed:
            pass
        shown.append(each)
    return {"transformedLogs": shown}


def config_of(call: Call, group: Group) -> str:
    """How the events of a group are transformed: as it says, or as the account does; empty if they are not."""
    if group.transformer or (policy := account_policy.on(call, group, account_policy.TRANSFORMER)) is None:
        return group.transformer
    return policy.document


def transformed(call: Call, group: Group, config: str, stream: str, batch: list[tuple[int, str]]) -> list[str | None]:
    """What the events of a batch become; None where one cannot be transformed.
    The figures: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html"""
    transform = _compiled(config)
    if not group.is_transformed:
        call.shelf(Group)[group.name] = changed(group, is_transformed=True)
    origin = {"@logGroupName": group.name, "@logGroupStream": stream, "@accountId": call.account, "@regionName": call.region}
    made: list[str | None] = []
    for _, message in batch:
        try:
            made.append(transform(message, origin))
        except log_transformer.Untransformed:
            made.append(None)
    texts = [each for each in made if each is not None]
    if texts:
        call.measure("AWS/Logs", "TransformedLogEvents", "LogGroupName", group.name, value=len(texts))
        call.measure("AWS/Logs", "TransformedBytes", "LogGroupName", group.name, value=sum(len(each.encode()) for each in texts), unit="Bytes")
    if len(texts) < len(made):
        call.measure("AWS/Logs", "TransformationErrors", "LogGroupName", group.name, value=len(made) - len(texts))
    return made
