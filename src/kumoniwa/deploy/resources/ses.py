"""AWS::SES."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Value,
    Work,
    either,
    fields,
    gone_tags,
    p,
    same,
    seen,
    text,
    use,
)
from kumoniwa.deploy.resource import at as where
from kumoniwa.kernel.errors import NotImplementedHere


def _tags(kind: str) -> tuple[Call, Call]:
    arn = text(f"arn:${{AWS::Partition}}:ses:${{AWS::Region}}:${{AWS::AccountId}}:{kind}/${{ID}}")
    return (
        Call("sesv2:UntagResource", ResourceArn=arn, TagKeys=gone_tags).when(gone_tags),
        Call("sesv2:TagResource", ResourceArn=arn, Tags=p.Tags).when(p.Tags),
    )


def _unnamed(work: Work) -> Any:
    """A name that lies inside a property is not made up here: said twice it would not be the same."""
    raise NotImplementedHere(f"{work.type} without a name")


_given = Value(_unnamed)


# Identities ----------------------------------------------------------------------------------------


def _token(n: int, ending: str) -> Value:
    """One of the three records that prove a domain; an address has none."""
    return use(lambda dkim: f"{dkim['Tokens'][n]}{ending}" if len(dkim.get("Tokens", ())) > n else "", seen.DkimAttributes)


def _name_of(n: int) -> Value:
    return use(
        lambda dkim, name: f"{dkim['Tokens'][n]}._domainkey.{name}" if len(dkim.get("Tokens", ())) > n else "", seen.DkimAttributes, ID
    )


_origin = use(lambda said: "EXTERNAL" if "DomainSigningPrivateKey" in said else "AWS_SES", p.DkimSigningAttributes)

EmailIdentity = ResourceType(
    create=Call("sesv2:CreateEmailIdentity", "EmailIdentity DkimSigningAttributes Tags"),
    id=p.EmailIdentity,
    read=Call("sesv2:GetEmailIdentity", EmailIdentity=ID),
    settings=(
        Setting(
            Call(
                "sesv2:PutEmailIdentityConfigurationSetAttributes", EmailIdentity=ID,
                ConfigurationSetName=p.ConfigurationSetAttributes.ConfigurationSetName,
            ),
            Call("sesv2:PutEmailIdentityConfigurationSetAttributes", EmailIdentity=ID),
        ),
        Setting(
            Call("sesv2:PutEmailIdentityDkimAttributes", EmailIdentity=ID, SigningEnabled=p.DkimAttributes.SigningEnabled),
            Call("sesv2:PutEmailIdentityDkimAttributes", EmailIdentity=ID, SigningEnabled=True),
        ),
        Setting(
            Call(
                "sesv2:PutEmailIdentityFeedbackAttributes", EmailIdentity=ID,
                EmailForwardingEnabled=p.FeedbackAttributes.EmailForwardingEnabled,
            ),
            Call("sesv2:PutEmailIdentityFeedbackAttributes", EmailIdentity=ID, EmailForwardingEnabled=True),
        ),
        Setting(
            Call(
                "sesv2:PutEmailIdentityMailFromAttributes", EmailIdentity=ID, MailFromDomain=p.MailFromAttributes.MailFromDomain,
                BehaviorOnMxFailure=p.MailFromAttributes.BehaviorOnMxFailure,
            ),
            Call("sesv2:PutEmailIdentityMailFromAttributes", EmailIdentity=ID),
        ),
    ),
    update=(
        Call(
            "sesv2:PutEmailIdentityDkimSigningAttributes", EmailIdentity=ID, SigningAttributesOrigin=_origin,
            SigningAttributes=p.DkimSigningAttributes,
        ),
        *_tags("identity"),
    ),
    delete=Call("sesv2:DeleteEmailIdentity", EmailIdentity=ID),
    absent="NotFoundException",
    attributes={
        **{f"DkimDNSTokenName{n + 1}": _name_of(n) for n in range(3)},
        **{f"DkimDNSTokenValue{n + 1}": _token(n, ".dkim.amazonses.com") for n in range(3)},
    },
    defaults={"DkimSigningAttributes": {"NextSigningKeyLength": "RSA_2048_BIT"}},
    drift=(Reading({"Tags": seen.Tags, "FeedbackAttributes": {"EmailForwardingEnabled": seen.FeedbackForwardingStatus}}),),
)  # fmt: skip


# Templates -----------------------------------------------------------------------------------------


def _renamed(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    names = [(said.get("Template") or {}).get("TemplateName") for said in (old, new)]
    return frozenset({"Template"}) if names[0] != names[1] else frozenset()


_content = use(
    lambda said: fields("SubjectPart=Subject TextPart=Text HtmlPart=Html")({each: said[each] for each in said if each != "TemplateName"}),
    p.Template,
)
_template = either(p.Template.TemplateName, _given)

Template = ResourceType(
    create=Call("sesv2:CreateEmailTemplate", "Tags", TemplateName=_template, TemplateContent=_content),
    id=_template,
    read=Call("sesv2:GetEmailTemplate", TemplateName=ID),
    update=(Call("sesv2:UpdateEmailTemplate", TemplateName=ID, TemplateContent=_content), *_tags("template")),
    delete=Call("sesv2:DeleteEmailTemplate", TemplateName=ID),
    absent="NotFoundException",
    attributes={"Id": ID},
    remade_by=_renamed,
    drift=(Reading({"Tags": seen.Tags}),),
)


# Configuration sets --------------------------------------------------------------------------------

_set = {"ConfigurationSetName": ID}

ConfigurationSet = ResourceType(
    name=Name("Name", 64),
    create=Call(
        "sesv2:CreateConfigurationSet", "DeliveryOptions ReputationOptions SendingOptions SuppressionOptions Tags",
        ConfigurationSetName=p.Name,
    ),
    id=p.Name,
    read=Call("sesv2:GetConfigurationSet", **_set),
    update=(
        Call("sesv2:PutConfigurationSetSendingOptions", **_set, SendingEnabled=p.SendingOptions.SendingEnabled),
        Call(
            "sesv2:PutConfigurationSetReputationOptions", **_set,
            ReputationMetricsEnabled=p.ReputationOptions.ReputationMetricsEnabled,
        ),
        Call("sesv2:PutConfigurationSetSuppressionOptions", **_set, SuppressedReasons=p.SuppressionOptions.SuppressedReasons),
        Call(
            "sesv2:PutConfigurationSetDeliveryOptions", **_set, TlsPolicy=p.DeliveryOptions.TlsPolicy,
            SendingPoolName=p.DeliveryOptions.SendingPoolName, MaxDeliverySeconds=p.DeliveryOptions.MaxDeliverySeconds,
        ),
        *_tags("configuration-set"),
    ),
    delete=Call("sesv2:DeleteConfigurationSet", **_set),
    absent="NotFoundException",
    defaults={
        "SendingOptions": {"SendingEnabled": True},
        "ReputationOptions": {"ReputationMetricsEnabled": False},
        "SuppressionOptions": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
        "DeliveryOptions": {"TlsPolicy": "OPTIONAL"},
    },
    drift=(Reading(same("SendingOptions Tags", seen)),),
)  # fmt: skip

_KINDS = {"renderingFailure": "RENDERING_FAILURE", "deliveryDelay": "DELIVERY_DELAY"}


def _destination(said: dict[str, Any]) -> dict[str, Any]:
    """A destination as CloudFormation spells it, which is neither API's spelling."""
    spelled = fields(
        "Enabled MatchingEventTypes SnsDestination EventBridgeDestination CloudWatchDestination KinesisFirehoseDestination",
        MatchingEventTypes=lambda kinds: [_KINDS.get(kind, kind.upper()) for kind in kinds],
        SnsDestination=fields("TopicARN=TopicArn"),
        KinesisFirehoseDestination=fields("DeliveryStreamARN=DeliveryStreamArn IAMRoleARN=IamRoleArn"),
    )
    return spelled({name: value for name, value in said.items() if name != "Name"})


def _other_name(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    names = [(said.get("EventDestination") or {}).get("Name") for said in (old, new)]
    return frozenset({"EventDestination"}) if names[0] != names[1] else frozenset()


_one = {"ConfigurationSetName": where(p.ConfigurationSetName), "EventDestinationName": ID}
_destination_name = either(p.EventDestination.Name, _given)

ConfigurationSetEventDestination = ResourceType(
    create=Call(
        "sesv2:CreateConfigurationSetEventDestination", "ConfigurationSetName", EventDestinationName=_destination_name,
        EventDestination=use(_destination, p.EventDestination),
    ),
    id=_destination_name,
    update=(
        Call("sesv2:UpdateConfigurationSetEventDestination", **_one, EventDestination=use(_destination, p.EventDestination)),
    ),
    delete=Call("sesv2:DeleteConfigurationSetEventDestination", **_one),
    absent="NotFoundException",
    attributes={"Id": ID},
    remade_by=_other_name,
)  # fmt: skip


# Contact lists -------------------------------------------------------------------------------------

ContactList = ResourceType(
    name=Name("ContactListName", 64),
    create=Call("sesv2:CreateContactList", "ContactListName Description Tags Topics"),
    id=p.ContactListName,
    read=Call("sesv2:GetContactList", ContactListName=ID),
    update=(Call("sesv2:UpdateContactList", "Description Topics", ContactListName=ID).writes_all(), *_tags("contact-list")),
    delete=Call("sesv2:DeleteContactList", ContactListName=ID),
    absent="NotFoundException",
    drift=(Reading(same("Description Tags Topics", seen)),),
)


# Receiving -----------------------------------------------------------------------------------------

ReceiptRuleSet = ResourceType(
    name=Name("RuleSetName", 64),
    create=Call("ses:CreateReceiptRuleSet", "RuleSetName"),
    id=p.RuleSetName,
    delete=Call("ses:DeleteReceiptRuleSet", RuleSetName=ID),
    absent="RuleSetDoesNotExistException",
)

_rule_name = either(p.Rule.Name, _given)


def _other_rule(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    names = [(said.get("Rule") or {}).get("Name") for said in (old, new)]
    return frozenset({"Rule"}) if names[0] != names[1] else frozenset()


_in_set = {"RuleSetName": where(p.RuleSetName)}

ReceiptRule = ResourceType(
    create=Call("ses:CreateReceiptRule", "RuleSetName Rule After"),
    id=_rule_name,
    read=Call("ses:DescribeReceiptRule", **_in_set, RuleName=ID),
    update=(
        Call("ses:UpdateReceiptRule", **_in_set, Rule=p.Rule),
        Call("ses:SetReceiptRulePosition", **_in_set, RuleName=ID, After=p.After).writes_all(),
    ),
    delete=Call("ses:DeleteReceiptRule", **_in_set, RuleName=ID),
    absent="RuleSetDoesNotExistException RuleDoesNotExistException",
    remade_by=_other_rule,
)
