"""Templates: subject, text and HTML with holes, kept by name; and what becomes of them with somebody's data."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import handlebars
from kumoniwa.services.ses import message, page
from kumoniwa.services.ses.errors import (
    AlreadyExistsException,
    InvalidParameterValue,
    InvalidRenderingParameterException,
    InvalidTemplateException,
    LimitExceededException,
    MissingRenderingAttributeException,
    TemplateDoesNotExistException,
)

TEMPLATES_MAX = 20_000
BYTES_MAX = 500 << 10
# https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-api.html


class MailTemplate(Record):
    """Shelved by its name. A part that is not there is None."""

    name: str
    created: float
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    tags: dict[str, str] = {}


class Rendered(NamedTuple):
    subject: str
    text: str | None
    html: str | None


class RenderingFailure(Exception):
    """The mail cannot be written with these data; ``missing`` is the attribute they lack, if that is it."""

    def __init__(self, text: str, missing: str = "") -> None:
        super().__init__(text)
        self.missing = missing


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"template/{name}", "ses")


def existing(call: Call, name: str) -> MailTemplate:
    found = call.shelf(MailTemplate).get(name)
    if found is None:
        raise TemplateDoesNotExistException(name)
    return found


def make(call: Call, name: str, parts: tuple[str | None, str | None, str | None], tags: dict[str, str] | None = None) -> None:
    """Keep subject, text and HTML under a new name."""
    templates = call.shelf(MailTemplate)
    if name in templates:
        raise AlreadyExistsException(f"Template {name} already exists.")
    if len(templates) >= TEMPLATES_MAX:
        raise LimitExceededException("The maximum number of templates has been reached.")
    templates[name] = _checked(MailTemplate(name=name, created=call.now(), tags=tags or {}), parts)


def change(call: Call, name: str, parts: tuple[str | None, str | None, str | None]) -> None:
    call.shelf(MailTemplate)[name] = _checked(existing(call, name), parts)


def _checked(template: MailTemplate, parts: tuple[str | None, str | None, str | None]) -> MailTemplate:
    subject, text, html = parts
    if subject is None:
        raise InvalidParameterValue("The subject must be specified.")
    if sum(len((part or "").encode()) for part in parts) > BYTES_MAX:
        raise InvalidTemplateException("The template is larger than 500 KB.")
    return changed(template, subject=subject, text=text, html=html)


def drop(call: Call, name: str) -> None:
    call.shelf(MailTemplate).pop(name, None)


def data_of(*texts: str | None) -> dict[str, Any]:
    """Template data are JSON objects; what a later one says stands before what an earlier one does. Raises InvalidParameterValue."""
    data: dict[str, Any] = {}
    for text in texts:
        try:
            said = orjson.loads(text or "{}")
        except orjson.JSONDecodeError:
            said = None
        if not isinstance(said, dict):
            raise InvalidParameterValue("Unable to parse template data (invalid JSON).")
        data |= said
    return data


def rendered(template: MailTemplate, data: dict[str, Any]) -> Rendered:
    """Raises RenderingFailure."""
    try:
        parts = [None if part is None else handlebars.render(part, data) for part in (template.subject, template.text, template.html)]
    except handlebars.MissingAttribute as error:
        raise RenderingFailure(f"Attribute '{error.name}' is not present in the rendering data.", error.name) from None
    except handlebars.TemplateError as error:
        raise RenderingFailure(f"The template is not valid: {error}.") from None
    subject, text, html = parts
    return Rendered(subject or "", text, html)


def tried(call: Call, name: str, data: str) -> str:
    """The whole mail that a template would become, for who tests it: nobody sends it, nobody receives it."""
    template = existing(call, name)
    try:
        said = data_of(data)
    except InvalidParameterValue:
        raise InvalidRenderingParameterException("Template rendering data is invalid") from None
    try:
        parts = rendered(template, said)
    except RenderingFailure as error:
        raise MissingRenderingAttributeException(error.missing) if error.missing else InvalidTemplateException(str(error)) from None
    return message.sketched(call, parts.subject, parts.text, parts.html)


# Operations ----------------------------------------------------------------------------------------


def _parts(said: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    return said.get("SubjectPart"), said.get("TextPart"), said.get("HtmlPart")


def CreateTemplate(call: Call, *, Template: dict[str, Any]) -> dict:
    make(call, Template["TemplateName"], _parts(Template))
    return {}


def GetTemplate(call: Call, *, TemplateName: str) -> dict:
    template = existing(call, TemplateName)
    parts = {"SubjectPart": template.subject, "TextPart": template.text, "HtmlPart": template.html}
    return {"Template": {"TemplateName": template.name, **{name: part for name, part in parts.items() if part is not None}}}


def UpdateTemplate(call: Call, *, Template: dict[str, Any]) -> dict:
    change(call, Template["TemplateName"], _parts(Template))
    return {}


def DeleteTemplate(call: Call, *, TemplateName: str) -> dict:
    """To delete what is not there does no harm."""
    drop(call, TemplateName)
    return {}


def ListTemplates(call: Call, *, NextToken: str | None = None, MaxItems: int | None = None) -> dict:
    """Ten at a time, if nobody says how many."""
    names, more = page.cut(call.shelf(MailTemplate), NextToken, MaxItems, usual=10)
    return {"TemplatesMetadata": [{"Name": name, "CreatedTimestamp": existing(call, name).created} for name in names], **more}


def TestRenderTemplate(call: Call, *, TemplateName: str, TemplateData: str) -> dict:
    return {"RenderedTemplate": tried(call, TemplateName, TemplateData)}
