"""The operations of SES's second API."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.services.ses import access
from kumoniwa.services.sesv2.account import (
    DeleteSuppressedDestination,
    GetAccount,
    GetSuppressedDestination,
    ListSuppressedDestinations,
    PutAccountDetails,
    PutAccountSendingAttributes,
    PutAccountSuppressionAttributes,
    PutSuppressedDestination,
)
from kumoniwa.services.sesv2.configuration import (
    CreateConfigurationSet,
    CreateConfigurationSetEventDestination,
    DeleteConfigurationSet,
    DeleteConfigurationSetEventDestination,
    GetConfigurationSet,
    GetConfigurationSetEventDestinations,
    ListConfigurationSets,
    PutConfigurationSetDeliveryOptions,
    PutConfigurationSetReputationOptions,
    PutConfigurationSetSendingOptions,
    PutConfigurationSetSuppressionOptions,
    UpdateConfigurationSetEventDestination,
)
from kumoniwa.services.sesv2.contact import (
    CreateContact,
    CreateContactList,
    DeleteContact,
    DeleteContactList,
    GetContact,
    GetContactList,
    ListContactLists,
    ListContacts,
    UpdateContact,
    UpdateContactList,
)
from kumoniwa.services.sesv2.errors import BadRequestException
from kumoniwa.services.sesv2.identity import (
    CreateEmailIdentity,
    CreateEmailIdentityPolicy,
    DeleteEmailIdentity,
    DeleteEmailIdentityPolicy,
    GetEmailIdentity,
    GetEmailIdentityPolicies,
    ListEmailIdentities,
    PutEmailIdentityConfigurationSetAttributes,
    PutEmailIdentityDkimAttributes,
    PutEmailIdentityDkimSigningAttributes,
    PutEmailIdentityFeedbackAttributes,
    PutEmailIdentityMailFromAttributes,
    UpdateEmailIdentityPolicy,
)
from kumoniwa.services.sesv2.sending import (
    SendBulkEmail,
    SendEmail,
)
from kumoniwa.services.sesv2.tag import (
    ListTagsForResource,
    TagResource,
    UntagResource,
    all_tags,
    of_arn,
    reserved_tag,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.sesv2.template import (
    CreateEmailTemplate,
    DeleteEmailTemplate,
    GetEmailTemplate,
    ListEmailTemplates,
    TestRenderEmailTemplate,
    UpdateEmailTemplate,
)

__all__ = [
    "CreateConfigurationSet",
    "CreateConfigurationSetEventDestination",
    "CreateContact",
    "CreateContactList",
    "CreateEmailIdentity",
    "CreateEmailIdentityPolicy",
    "CreateEmailTemplate",
    "DeleteConfigurationSet",
    "DeleteConfigurationSetEventDestination",
    "DeleteContact",
    "DeleteContactList",
    "DeleteEmailIdentity",
    "DeleteEmailIdentityPolicy",
    "DeleteEmailTemplate",
    "DeleteSuppressedDestination",
    "GetAccount",
    "GetConfigurationSet",
    "GetConfigurationSetEventDestinations",
    "GetContact",
    "GetContactList",
    "GetEmailIdentity",
    "GetEmailIdentityPolicies",
    "GetEmailTemplate",
    "GetSuppressedDestination",
    "ListConfigurationSets",
    "ListContactLists",
    "ListContacts",
    "ListEmailIdentities",
    "ListEmailTemplates",
    "ListSuppressedDestinations",
    "ListTagsForResource",
    "PutAccountDetails",
    "PutAccountSendingAttributes",
    "PutAccountSuppressionAttributes",
    "PutConfigurationSetDeliveryOptions",
    "PutConfigurationSetReputationOptions",
    "PutConfigurationSetSendingOptions",
    "PutConfigurationSetSuppressionOptions",
    "PutEmailIdentityConfigurationSetAttributes",
    "PutEmailIdentityDkimAttributes",
    "PutEmailIdentityDkimSigningAttributes",
    "PutEmailIdentityFeedbackAttributes",
    "PutEmailIdentityMailFromAttributes",
    "PutSuppressedDestination",
    "SendBulkEmail",
    "SendEmail",
    "TagResource",
    "TestRenderEmailTemplate",
    "UntagResource",
    "UpdateConfigurationSetEventDestination",
    "UpdateContact",
    "UpdateContactList",
    "UpdateEmailIdentityPolicy",
    "UpdateEmailTemplate", "all_tags",
]


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """Who calls: an identity of another account is lent to the caller, who sends."""
    return call.principal.account or call.home.settings.account


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> Any:
    return access.touched(call, operation, params)


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    return access.conditions(call, operation, params)


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return of_arn(call, arn)


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """A constraint of the model that is broken is a bad request like any other."""
    return BadRequestException(error.text) if isinstance(error, ValidationException) else error


def policy_of(call: Call, arn: str) -> str | None:
    return access.policy(call, arn)
