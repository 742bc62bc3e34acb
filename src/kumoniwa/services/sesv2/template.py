"""Templates, as the second API tells them."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ses import page, template
from kumoniwa.services.ses.template import MailTemplate
from kumoniwa.services.sesv2.errors import NotFoundException, in_own_words
from kumoniwa.services.sesv2.identity import tags_of, told_tags


def parts_of(content: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    return content.get("Subject"), content.get("Text"), content.get("Html")


def CreateEmailTemplate(
    call: Call, *, TemplateName: str, TemplateContent: dict[str, Any], Tags: list[dict[str, str]] | None = None
) -> dict:
    with in_own_words():
        template.make(call, TemplateName, parts_of(TemplateContent), tags_of(Tags))
    return {}


def GetEmailTemplate(call: Call, *, TemplateName: str) -> dict:
    with in_own_words():
        held = template.existing(call, TemplateName)
    parts = {"Subject": held.subject, "Text": held.text, "Html": held.html}
    content = {name: part for name, part in parts.items() if part is not None}
    return {"TemplateName": held.name, "TemplateContent": content, "Tags": told_tags(held.tags)}


def UpdateEmailTemplate(call: Call, *, TemplateName: str, TemplateContent: dict[str, Any]) -> dict:
    with in_own_words():
        template.change(call, TemplateName, parts_of(TemplateContent))
    return {}


def DeleteEmailTemplate(call: Call, *, TemplateName: str) -> dict:
    """The first API lets one delete what is not there; this one does not."""
    if TemplateName not in call.shelf(MailTemplate):
        raise NotFoundException(f"Template {TemplateName} does not exist")
    template.drop(call, TemplateName)
    return {}


def ListEmailTemplates(call: Call, *, NextToken: str | None = None, PageSize: int | None = None) -> dict:
    names, more = page.cut(call.shelf(MailTemplate), NextToken, PageSize, usual=10)
    told = [{"TemplateName": name, "CreatedTimestamp": call.shelf(MailTemplate)[name].created} for name in names]
    return {"TemplatesMetadata": told, **more}


def TestRenderEmailTemplate(call: Call, *, TemplateName: str, TemplateData: str) -> dict:
    with in_own_words():
        return {"RenderedTemplate": template.tried(call, TemplateName, TemplateData)}
