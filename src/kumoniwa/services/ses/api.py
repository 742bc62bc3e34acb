"""The operations of SES's first API."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ses import access, mailbox
from kumoniwa.services.ses import account as accounts
from kumoniwa.services.ses.account import (
    GetAccountSendingEnabled,
    GetSendStatistics,
    UpdateAccountSendingEnabled,
)
from kumoniwa.services.ses.attributes import (
    DeleteIdentityPolicy,
    GetIdentityMailFromDomainAttributes,
    GetIdentityNotificationAttributes,
    GetIdentityPolicies,
    ListIdentityPolicies,
    PutIdentityPolicy,
    SetIdentityFeedbackForwardingEnabled,
    SetIdentityHeadersInNotificationsEnabled,
    SetIdentityMailFromDomain,
    SetIdentityNotificationTopic,
)
from kumoniwa.services.ses.configuration import (
    CreateConfigurationSet,
    CreateConfigurationSetEventDestination,
    DeleteConfigurationSet,
    DeleteConfigurationSetEventDestination,
    DescribeConfigurationSet,
    ListConfigurationSets,
    PutConfigurationSetDeliveryOptions,
    UpdateConfigurationSetEventDestination,
    UpdateConfigurationSetSendingEnabled,
)
from kumoniwa.services.ses.identity import (
    DeleteIdentity,
    DeleteVerifiedEmailAddress,
    GetIdentityDkimAttributes,
    GetIdentityVerificationAttributes,
    ListIdentities,
    ListVerifiedEmailAddresses,
    SetIdentityDkimEnabled,
)
from kumoniwa.services.ses.receipt import (
    CloneReceiptRuleSet,
    CreateReceiptRule,
    CreateReceiptRuleSet,
    DeleteReceiptRule,
    DeleteReceiptRuleSet,
    DescribeActiveReceiptRuleSet,
    DescribeReceiptRule,
    DescribeReceiptRuleSet,
    ListReceiptRuleSets,
    ReorderReceiptRuleSet,
    SetActiveReceiptRuleSet,
    SetReceiptRulePosition,
    UpdateReceiptRule,
)
from kumoniwa.services.ses.sending import (
    SendEmail,
    SendRawEmail,
)
from kumoniwa.services.ses.template import (
    CreateTemplate,
    DeleteTemplate,
    GetTemplate,
    ListTemplates,
    TestRenderTemplate,
    UpdateTemplate,
)
from kumoniwa.services.ses.templated import (
    SendBulkTemplatedEmail,
    SendTemplatedEmail,
)
from kumoniwa.services.ses.verification import (
    VerifyDomainDkim,
    VerifyDomainIdentity,
    VerifyEmailAddress,
    VerifyEmailIdentity,
)

__all__ = [
    "CloneReceiptRuleSet",
    "CreateConfigurationSet",
    "CreateConfigurationSetEventDestination",
    "CreateReceiptRule",
    "CreateReceiptRuleSet",
    "CreateTemplate",
    "DeleteConfigurationSet",
    "DeleteConfigurationSetEventDestination",
    "DeleteIdentity",
    "DeleteIdentityPolicy",
    "DeleteReceiptRule",
    "DeleteReceiptRuleSet",
    "DeleteTemplate",
    "DeleteVerifiedEmailAddress",
    "DescribeActiveReceiptRuleSet",
    "DescribeConfigurationSet",
    "DescribeReceiptRule",
    "DescribeReceiptRuleSet",
    "GetAccountSendingEnabled",
    "GetIdentityDkimAttributes",
    "GetIdentityMailFromDomainAttributes",
    "GetIdentityNotificationAttributes",
    "GetIdentityPolicies",
    "GetIdentityVerificationAttributes",
    "GetSendQuota",
    "GetSendStatistics",
    "GetTemplate",
    "ListConfigurationSets",
    "ListIdentities",
    "ListIdentityPolicies",
    "ListReceiptRuleSets",
    "ListTemplates",
    "ListVerifiedEmailAddresses",
    "PutConfigurationSetDeliveryOptions",
    "PutIdentityPolicy",
    "ReorderReceiptRuleSet",
    "SendBulkTemplatedEmail",
    "SendEmail",
    "SendRawEmail",
    "SendTemplatedEmail",
    "SetActiveReceiptRuleSet",
    "SetIdentityDkimEnabled",
    "SetIdentityFeedbackForwardingEnabled",
    "SetIdentityHeadersInNotificationsEnabled",
    "SetIdentityMailFromDomain",
    "SetIdentityNotificationTopic",
    "SetReceiptRulePosition",
    "TestRenderTemplate",
    "UpdateAccountSendingEnabled",
    "UpdateConfigurationSetEventDestination",
    "UpdateConfigurationSetSendingEnabled",
    "UpdateReceiptRule",
    "UpdateTemplate",
    "VerifyDomainDkim",
    "VerifyDomainIdentity",
    "VerifyEmailAddress",
    "VerifyEmailIdentity",
]


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """Who calls: an identity of another account is lent to the caller, who sends."""
    return call.principal.account or call.home.settings.account


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> Any:
    return access.touched(call, operation, params)


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    return access.conditions(call, operation, params)


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return access.tags_of(call, arn)


def policy_of(call: Call, arn: str) -> str | None:
    return access.policy(call, arn)


def GetSendQuota(call: Call) -> dict:
    daily, rate = accounts.quota(call)
    return {"Max24HourSend": daily, "MaxSendRate": rate, "SentLast24Hours": float(mailbox.sent_today(call))}
