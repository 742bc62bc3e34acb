"""How what a pool says reaches people: in mails from Cognito itself or from the customer's identity in SES, and in text messages that his
role sends through SNS.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-email.html
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-sms-settings.html
"""

from __future__ import annotations

import re
from email.utils import parseaddr
from typing import Any

from kumoniwa.gate.linked_role import LinkedRole
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.cognito_idp.errors import (
    AccessDeniedException,
    CodeDeliveryFailureException,
    InvalidEmailRoleAccessPolicyException,
    InvalidParameterException,
    InvalidSmsRoleAccessPolicyException,
    InvalidSmsRoleTrustRelationshipException,
    NotAuthorizedException,
)

SERVICE = "cognito-idp.amazonaws.com"
MAILER = LinkedRole("email.cognito-idp.amazonaws.com", "AWSServiceRoleForAmazonCognitoIdpEmailService")
"""https://docs.aws.amazon.com/cognito/latest/developerguide/using-service-linked-roles.html"""
SENDER = "no-reply@verificationemail.com"
OLD_SES_REGIONS = ("eu-west-1", "us-east-1", "us-west-2")
"""In which an identity may be besides the pool's own: https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-email.html"""
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")


def is_by_ses(settings: dict[str, Any]) -> bool:
    return (settings.get("EmailConfiguration") or {}).get("EmailSendingAccount") == "DEVELOPER"


# What is told of it, checked ------------------------------------------------------------------------


async def check(call: Call, settings: dict[str, Any]) -> None:
    """Refuse a pool that could not send what it is to send."""
    await check_mail(call, settings.get("EmailConfiguration") or {})
    if settings.get("SmsConfiguration"):
        check_texts(call, settings["SmsConfiguration"])
    elif "phone_number" in (settings.get("AutoVerifiedAttributes") or ()):
        # cdk-preflight: pf-cognito-auto-verified-username-consistency
        raise InvalidParameterException("SMS configuration is required when phone_number is selected for auto verification")


async def check_mail(call: Call, told: dict[str, Any]) -> None:
    """The texts of AWS: cdk-preflight's pf-cognito-email-…, https://github.com/aws/aws-cdk/issues/25115 and /issues/18964."""
    source = told.get("SourceArn")
    if told.get("From") and not _ADDRESS.fullmatch(parseaddr(told["From"])[1]):
        raise InvalidParameterException("Provided From email address is invalid")
    if told.get("EmailSendingAccount") != "DEVELOPER":
        if source:
            raise InvalidEmailRoleAccessPolicyException(hint="Mails from an identity of one's own need EmailSendingAccount DEVELOPER here.")
        return
    if not source:
        raise InvalidParameterException("Source ARN is required to use DEVELOPER email sending owner")
    identity = arns.parse(source)
    allowed = sorted({*OLD_SES_REGIONS, call.region})
    if identity is None or identity.service != "ses" or identity.region not in allowed:
        raise InvalidParameterException(
            f"Invalid EmailConfiguration.SourceArn. Provided SourceArn must be in one of the following SES regions: {', '.join(allowed)}."
        )
    if identity.account != call.account:
        raise NotAuthorizedException("Email arn does not belong to your account.")
    await MAILER.ensure(call, AccessDeniedException)
    name = identity.resource.removeprefix("identity/")
    known = await call.by_owner().ask(
        "ses:GetIdentityVerificationAttributes", to_region=identity.region, Identities=[name]
    )
    if known["VerificationAttributes"].get(name, {}).get("VerificationStatus") != "Success":
        raise InvalidParameterException(
            "Cognito received the following error from Amazon SES when attempting to send email: Email address is not verified. "
            f"The following identities failed the check in region {identity.region.upper()}: {source}"
        )


def check_texts(call: Call, told: dict[str, Any]) -> None:
    """The texts of AWS: cdk-preflight's pf-cognito-sms-…, https://github.com/aws-amplify/amplify-flutter/issues/1328 and
    https://github.com/OElesin/querypal/issues/6."""
    if told.get("EumsSms"):
        raise NotImplementedHere("SmsConfiguration.EumsSms of cognito-idp")
    role = arns.parse(told.get("SnsCallerArn") or "")
    if role is None or role.service != "iam":
        raise InvalidSmsRoleTrustRelationshipException
    if role.account != call.account:
        raise AccessDeniedException("Cross-account pass role is not allowed.")
    if told.get("SnsRegion", call.region) != call.region:
        raise InvalidParameterException(f"Invalid snsRegion. Allowed SNS region for {call.region} is {call.region}")
    call.require("iam:PassRole", told["SnsCallerArn"], **{"iam:PassedToService": SERVICE})
    try:
        _teller(call, told).require("sns:Publish", "*")
    except InvalidSmsRoleTrustRelationshipException:
        raise
    except AwsError as error:
        raise InvalidSmsRoleAccessPolicyException(hint=error.hint) from None


def _teller(call: Call, told: dict[str, Any], **context: str) -> Call:
    """The role that sends texts. Raises InvalidSmsRoleTrustRelationshipException if it does not trust Cognito."""
    external = {"sts:ExternalId": told["ExternalId"]} if told.get("ExternalId") else {}
    try:
        return call.assuming(told["SnsCallerArn"], SERVICE, "CognitoSMS", **external, **context)
    except AwsError as error:
        raise InvalidSmsRoleTrustRelationshipException(hint=error.hint) from None


# Sent ----------------------------------------------------------------------------------------------


async def mail(call: Call, settings: dict[str, Any], pool_arn: str, address: str, subject: str, text: str) -> None:
    """Raises CodeDeliveryFailureException."""
    told = settings.get("EmailConfiguration") or {}
    if not is_by_ses(settings):
        letter = {"account": call.account, "from": told.get("From") or SENDER, "to": address, "subject": subject, "text": text, "token": call.new_id()}
        await call.home.heard("", "ses", {"post": letter})
        return
    identity = arns.parse(told["SourceArn"])
    name = identity.resource.removeprefix("identity/")
    asked = {
        "Source": told.get("From") or (name if "@" in name else f"no-reply@{name}"), "Destination": {"ToAddresses": [address]},
        "Message": {"Subject": {"Data": subject}, "Body": {"Html": {"Data": text}}}, "SourceArn": told["SourceArn"],
    }  # fmt: skip
    if told.get("ReplyToEmailAddress"):
        asked["ReplyToAddresses"] = [told["ReplyToEmailAddress"]]
    if told.get("ConfigurationSet"):
        asked["ConfigurationSetName"] = told["ConfigurationSet"]
    try:
        await MAILER.assumed(call, "CognitoEmail", **{"aws:SourceArn": pool_arn}).ask("ses:SendEmail", to_region=identity.region, **asked)
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise CodeDeliveryFailureException(error.text, hint=error.hint) from None


async def text(call: Call, settings: dict[str, Any], pool_arn: str, number: str, words: str) -> None:
    """Raises what AWS answers where the role may not send, and CodeDeliveryFailureException."""
    told = settings.get("SmsConfiguration")
    if not told:
        raise CodeDeliveryFailureException("SMS is not configured for the user pool.", hint="Give the pool a SmsConfiguration.")
    teller = _teller(call, told, **{"aws:SourceArn": pool_arn, "aws:SourceAccount": call.account})
    kind = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
    try:
        await teller.ask("sns:Publish", PhoneNumber=number, Message=words, MessageAttributes=kind)
    except NotImplementedHere:
        raise
    except AwsError as error:
        if error.code == "AuthorizationError":
            raise InvalidSmsRoleAccessPolicyException(hint=error.hint) from None
        raise CodeDeliveryFailureException(error.text, hint=error.hint) from None
