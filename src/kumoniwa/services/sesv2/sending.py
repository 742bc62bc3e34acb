"""SendEmail and SendBulkEmail, as the second API takes them."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.ses import sending, template, templated
from kumoniwa.services.ses.sending import BYTES_MAX_V2, Outgoing
from kumoniwa.services.ses.template import MailTemplate
from kumoniwa.services.sesv2.errors import BadRequestException, in_own_words
from kumoniwa.services.sesv2.template import parts_of


def SendEmail(
    call: Call, *, Content: dict[str, Any], FromEmailAddress: str | None = None, FromEmailAddressIdentityArn: str | None = None,
    Destination: dict[str, list[str]] | None = None, ReplyToAddresses: list[str] | None = None,
    FeedbackForwardingEmailAddress: str | None = None, FeedbackForwardingEmailAddressIdentityArn: str | None = None,
    EmailTags: list[dict[str, str]] | None = None, ConfigurationSetName: str | None = None,
) -> Any:  # fmt: skip
    sending.own_arns(call, FromEmailAddressIdentityArn, FeedbackForwardingEmailAddressIdentityArn)
    if sum(name in Content for name in ("Simple", "Raw", "Template")) != 1:
        raise BadRequestException("Exactly one of Simple, Raw or Template must be specified.")
    with in_own_words():
        if "Raw" in Content:
            outgoing = sending.raw_mail(call, Content["Raw"]["Data"], FromEmailAddress, Destination, ConfigurationSetName, EmailTags)
            outgoing = outgoing._replace(return_path=FeedbackForwardingEmailAddress or outgoing.return_path, bytes_max=BYTES_MAX_V2)
        else:
            more = {
                "return_path": FeedbackForwardingEmailAddress or "", "configuration_set": ConfigurationSetName or "",
                "tags": sending.tags_of(EmailTags), "bytes_max": BYTES_MAX_V2,
            }  # fmt: skip
            outgoing = _written(call, _said(FromEmailAddress), Destination or {}, Content, ReplyToAddresses, more)

        def send() -> dict:
            with in_own_words():
                return {"MessageId": sending.accept(call, outgoing)}

        return sending.later(call, outgoing.senders[-1], send)


def _said(source: str | None) -> str:
    if not source:
        raise BadRequestException("FromEmailAddress must be specified.")
    return source


def _written(
    call: Call, source: str, destination: dict[str, list[str]], content: dict[str, Any], reply_to: list[str] | None,
    more: dict[str, Any],
) -> Outgoing:  # fmt: skip
    if "Simple" in content:
        mail, body = sending.simple_mail(source, destination, content["Simple"], reply_to)
        return Outgoing((source,), destination, mail, facts={"body": body}, **more)
    said = content["Template"]
    return templated.written(
        source, destination, _template(call, said), said.get("TemplateData"), reply_to=reply_to, headers=said.get("Headers"),
        attachments=said.get("Attachments"), **more,
    )  # fmt: skip


def _template(call: Call, said: dict[str, Any]) -> MailTemplate:
    """The template of a name or an ARN, or the one that the request itself brings."""
    if "TemplateContent" in said and ("TemplateName" in said or "TemplateArn" in said):
        raise BadRequestException("Only one of TemplateName, TemplateArn or TemplateContent can be specified.")
    if "TemplateContent" in said:
        subject, text, html = parts_of(said["TemplateContent"])
        return MailTemplate(name="", created=call.now(), subject=subject, text=text, html=html)
    name = said.get("TemplateName") or (said.get("TemplateArn") or "").partition(":template/")[2]
    if not name:
        raise BadRequestException("TemplateName, TemplateArn or TemplateContent must be specified.")
    if said.get("TemplateArn") not in (None, template.arn_of(call, name)):
        raise NotImplementedHere(f"templates of another account or region ({said['TemplateArn']})")
    return template.existing(call, name)


def SendBulkEmail(
    call: Call, *, DefaultContent: dict[str, Any], BulkEmailEntries: list[dict[str, Any]], FromEmailAddress: str | None = None,
    FromEmailAddressIdentityArn: str | None = None, ReplyToAddresses: list[str] | None = None,
    FeedbackForwardingEmailAddress: str | None = None, FeedbackForwardingEmailAddressIdentityArn: str | None = None,
    DefaultEmailTags: list[dict[str, str]] | None = None, ConfigurationSetName: str | None = None,
) -> Any:  # fmt: skip
    """One answer for each entry, in their order; some may fail."""
    sending.own_arns(call, FromEmailAddressIdentityArn, FeedbackForwardingEmailAddressIdentityArn)
    if "Template" not in DefaultContent:
        raise BadRequestException("The default content must be a template.")
    if len(BulkEmailEntries) > templated.DESTINATIONS_MAX:
        raise BadRequestException(f"At most {templated.DESTINATIONS_MAX} entries can be sent at once.")
    source, said = _said(FromEmailAddress), DefaultContent["Template"]
    with in_own_words():
        held = _template(call, said)

        def send_one(each: dict[str, Any]) -> dict:
            replaced = (each.get("ReplacementEmailContent") or {}).get("ReplacementTemplate") or {}
            headers = {one["Name"].lower(): one for one in [*(said.get("Headers") or ()), *(each.get("ReplacementHeaders") or ())]}
            try:
                outgoing = templated.written(
                    source, each["Destination"], held, said.get("TemplateData"), replaced.get("ReplacementTemplateData"),
                    reply_to=ReplyToAddresses, headers=list(headers.values()), attachments=said.get("Attachments"),
                    return_path=FeedbackForwardingEmailAddress or "", configuration_set=ConfigurationSetName or "",
                    tags=sending.tags_of(DefaultEmailTags) | sending.tags_of(each.get("ReplacementTags")), bytes_max=BYTES_MAX_V2,
                )  # fmt: skip
                return {"Status": "SUCCESS", "MessageId": sending.accept(call, outgoing)}
            except AwsError as error:
                return {"Status": _status(templated.status_of(error)), "Error": error.text}

        return sending.later(call, source, lambda: {"BulkEmailEntryResults": [send_one(each) for each in BulkEmailEntries]})


def _status(first: str) -> str:
    """The first API's name of a failure as the second spells it."""
    renamed = {"ConfigurationSetDoesNotExist": "CONFIGURATION_SET_NOT_FOUND", "InvalidParameterValue": "INVALID_PARAMETER"}
    return renamed.get(first) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", first).upper()
