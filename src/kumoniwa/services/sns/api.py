"""The operations of SNS.

Message data protection (GetDataProtectionPolicy, PutDataProtectionPolicy) is refused by name: AWS has closed it to new customers on
April 30, 2026. https://docs.aws.amazon.com/sns/latest/dg/message-data-protection.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws import models
from kumoniwa.kernel.call import Call, account_of
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.sns.application import (
    CREDENTIALS,
    CreatePlatformApplication,
    GetPlatformApplicationAttributes,
    ListPlatformApplications,
    SetPlatformApplicationAttributes,
)
from kumoniwa.services.sns.bill import uses_of  # noqa: F401 (the gate's hook)
from kumoniwa.services.sns.device import (
    CreatePlatformEndpoint,
    DeleteEndpoint,
    DeletePlatformApplication,
    GetEndpointAttributes,
    ListEndpointsByPlatformApplication,
    SetEndpointAttributes,
)
from kumoniwa.services.sns.errors import InvalidParameterException, checked_arn
from kumoniwa.services.sns.phone import (
    CheckIfPhoneNumberIsOptedOut,
    GetSMSAttributes,
    ListPhoneNumbersOptedOut,
    OptInPhoneNumber,
    SetSMSAttributes,
)
from kumoniwa.services.sns.publishing import Publish, PublishBatch
from kumoniwa.services.sns.sandbox import (
    CreateSMSSandboxPhoneNumber,
    DeleteSMSSandboxPhoneNumber,
    GetSMSSandboxAccountStatus,
    ListOriginationNumbers,
    ListSMSSandboxPhoneNumbers,
    VerifySMSSandboxPhoneNumber,
)
from kumoniwa.services.sns.subscribing import (
    ConfirmSubscription,
    DeleteTopic,
    GetSubscriptionAttributes,
    GetTopicAttributes,
    ListSubscriptions,
    ListSubscriptionsByTopic,
    SetSubscriptionAttributes,
    Subscribe,
    Unsubscribe,
)
from kumoniwa.services.sns.topic import (
    AddPermission,
    CreateTopic,
    ListTagsForResource,
    ListTopics,
    RemovePermission,
    SetTopicAttributes,
    TagResource,
    UntagResource,
    all_tags,
    policy_of,
    reserved_tag,  # noqa: F401 (the gate's hook)
    tags_of,  # noqa: F401 (the gate's hook)
)

__all__ = [
    "AddPermission",
    "CheckIfPhoneNumberIsOptedOut",
    "ConfirmSubscription",
    "CreatePlatformApplication",
    "CreatePlatformEndpoint",
    "CreateSMSSandboxPhoneNumber",
    "CreateTopic",
    "DeleteEndpoint",
    "DeletePlatformApplication",
    "DeleteSMSSandboxPhoneNumber",
    "DeleteTopic",
    "GetEndpointAttributes",
    "GetPlatformApplicationAttributes",
    "GetSMSAttributes",
    "GetSMSSandboxAccountStatus",
    "GetSubscriptionAttributes",
    "GetTopicAttributes",
    "ListEndpointsByPlatformApplication",
    "ListOriginationNumbers",
    "ListPhoneNumbersOptedOut",
    "ListPlatformApplications",
    "ListSMSSandboxPhoneNumbers",
    "ListSubscriptions",
    "ListSubscriptionsByTopic",
    "ListTagsForResource",
    "ListTopics",
    "OptInPhoneNumber",
    "Publish",
    "PublishBatch",
    "RemovePermission",
    "SetEndpointAttributes",
    "SetPlatformApplicationAttributes",
    "SetSMSAttributes",
    "SetSubscriptionAttributes",
    "SetTopicAttributes",
    "Subscribe",
    "TagResource",
    "Unsubscribe",
    "UntagResource",
    "VerifySMSSandboxPhoneNumber",
    "all_tags", "policy_of",
]

_BY_LINK = ("ConfirmSubscription", "Unsubscribe")
_OF_SUBSCRIPTIONS = ("GetSubscriptionAttributes", "SetSubscriptionAttributes", "Unsubscribe")


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str | None:
    """Subscriptions are looked for by those who own them, at whosever topic they are; a link in a message needs no account."""
    if call.principal.kind == "anonymous" and operation in _BY_LINK:
        return _account(call, params.get("TopicArn") or params.get("SubscriptionArn"))
    return (call.account or call.home.settings.account) if operation in _OF_SUBSCRIPTIONS else None


def _account(call: Call, text: Any) -> str:
    account = account_of(":".join(text.split(":")[:6]), "") if isinstance(text, str) else ""
    return account if len(account) == 12 and account.isascii() and account.isdecimal() else call.home.settings.account


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html"""
    if call.principal.kind == "anonymous" and operation in _BY_LINK:
        return []  # its token, or its need of none, is judged by the operation
    if operation == "CreateTopic" and isinstance(params.get("Name"), str):
        return call.arn(params["Name"])
    if operation in ("CreatePlatformApplication", "ListPlatformApplications"):
        return call.arn("*")
    for name in ("TopicArn", "TargetArn", "ResourceArn", "PlatformApplicationArn", "EndpointArn"):
        if isinstance(params.get(name), str):
            return params[name]
    return "*"


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    if operation == "Subscribe":
        return {"sns:protocol": params.get("Protocol"), "sns:endpoint": params.get("Endpoint")}
    return {}


def confided_of(operation: str, params: dict[str, Any]) -> tuple[str, ...]:
    """What opens a push service is a secret, though the model does not say so."""
    said = params.get("Attributes") if operation.endswith("PlatformApplication") or operation == "SetPlatformApplicationAttributes" else None
    return tuple(said[name] for name in CREDENTIALS if isinstance(said.get(name), str)) if isinstance(said, dict) else ()


class ValidationError(AwsError):
    status = 400


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """Of the texts that every call must bring SNS speaks in words of its own (recorded: test_unsubscribe_wrong_arn_format)."""
    shape = models.service("sns").operation(operation).input
    for name in shape.required:
        kind = shape.members[name].shape.type
        if name in params:
            if name in ("PlatformApplicationArn", "EndpointArn") and isinstance(params[name], str):
                try:
                    checked_arn(params[name], name)
                except InvalidParameterException as refused:
                    return refused
        elif kind == "string" and name.endswith("Arn"):
            return InvalidParameterException.of(name, "no value for required parameter")
        elif kind == "map":
            # A form cannot spell a map without entries: it leaves it out (recorded: test_create_platform_application_invalid_attributes).
            shown = name[0].lower() + name[1:]
            return ValidationError(f"1 validation error detected: Value null at '{shown}' failed to satisfy constraint: Member must not be null")
    return error
