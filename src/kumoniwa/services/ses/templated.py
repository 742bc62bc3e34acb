"""Mails of templates, one by one and in bulk.

A template that does not fit its data is no refusal: the mail is accepted, never leaves, and its configuration set is told. So it is on AWS.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ses import message, sending, template
from kumoniwa.services.ses.errors import MessageRejected
from kumoniwa.services.ses.sending import Outgoing
from kumoniwa.services.ses.template import MailTemplate

DESTINATIONS_MAX = 50


def written(
    source: str, destination: dict[str, list[str]], held: MailTemplate, *data: str | None, reply_to: list[str] | None = None,
    headers: list[dict[str, str]] | None = None, attachments: list[dict[str, Any]] | None = None, **more: Any,
) -> Outgoing:  # fmt: skip
    """The mail of a template with these data, or what stands in the place of one that could not be written."""
    said = template.data_of(*data)
    facts: dict[str, Any] = {"template": held.name, "template_data": next((each for each in reversed(data) if each), "{}")}
    try:
        parts = template.rendered(held, said)
    except template.RenderingFailure as error:
        return Outgoing((source,), destination, None, kind="failed", facts=facts, failure=str(error), **more)
    mail = message.written(
        source, destination, parts.subject, parts.text, parts.html, reply_to=reply_to, headers=headers, attachments=attachments
    )
    return Outgoing((source,), destination, mail, kind="template", facts={**facts, "body": (parts.text, parts.html)}, **more)


# Operations ----------------------------------------------------------------------------------------


def SendTemplatedEmail(
    call: Call, *, Source: str, Destination: dict[str, list[str]], Template: str, TemplateData: str,
    ReplyToAddresses: list[str] | None = None, ReturnPath: str | None = None, SourceArn: str | None = None,
    ReturnPathArn: str | None = None, TemplateArn: str | None = None, Tags: list[dict[str, str]] | None = None,
    ConfigurationSetName: str | None = None,
) -> Any:  # fmt: skip
    sending.own_arns(call, SourceArn, ReturnPathArn)
    held = template.existing(call, _name(call, Template, TemplateArn))
    outgoing = written(
        Source, Destination, held, TemplateData, reply_to=ReplyToAddresses, return_path=ReturnPath or "",
        configuration_set=ConfigurationSetName or "", tags=sending.tags_of(Tags),
    )  # fmt: skip
    return sending.later(call, Source, lambda: {"MessageId": sending.accept(call, outgoing)})


def _name(call: Call, name: str, arn: str | None) -> str:
    if arn and arn != template.arn_of(call, name):
        raise MessageRejected(f"The template {arn} is not {name}.")
    return name


def SendBulkTemplatedEmail(
    call: Call, *, Source: str, Template: str, DefaultTemplateData: str, Destinations: list[dict[str, Any]],
    ReplyToAddresses: list[str] | None = None, ReturnPath: str | None = None, SourceArn: str | None = None,
    ReturnPathArn: str | None = None, TemplateArn: str | None = None, DefaultTags: list[dict[str, str]] | None = None,
    ConfigurationSetName: str | None = None,
) -> Any:  # fmt: skip
    """One answer for each destination, in their order; some may fail."""
    sending.own_arns(call, SourceArn, ReturnPathArn)
    if len(Destinations) > DESTINATIONS_MAX:
        raise MessageRejected("Too many destinations.")
    held = template.existing(call, _name(call, Template, TemplateArn))

    def send_all() -> dict:
        return {"Status": [send_one(each) for each in Destinations]}

    def send_one(each: dict[str, Any]) -> dict:
        tags = sending.tags_of(DefaultTags) | sending.tags_of(each.get("ReplacementTags"))
        try:
            outgoing = written(
                Source, each["Destination"], held, DefaultTemplateData, each.get("ReplacementTemplateData"), reply_to=ReplyToAddresses,
                return_path=ReturnPath or "", configuration_set=ConfigurationSetName or "", tags=tags,
            )  # fmt: skip
            return {"Status": "Success", "MessageId": sending.accept(call, outgoing)}
        except AwsError as error:
            return {"Status": status_of(error), "Error": error.text}

    return sending.later(call, Source, send_all)


STATUSES = {
    "MessageRejected": "MessageRejected",
    "ConfigurationSetDoesNotExistException": "ConfigurationSetDoesNotExist",
    "AccountSendingPausedException": "AccountSendingPaused",
    "ConfigurationSetSendingPausedException": "ConfigurationSetSendingPaused",
    "InvalidParameterValue": "InvalidParameterValue",
}


def status_of(error: AwsError) -> str:
    """What a refusal is called in the answer to a bulk."""
    if error.code == "Throttling":
        return "AccountDailyQuotaExceeded" if error.text.startswith("Daily") else "AccountThrottled"
    return STATUSES.get(error.code, "Failed")
