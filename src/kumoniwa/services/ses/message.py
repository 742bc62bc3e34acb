"""Mails as text: written from subject and body, read from what a client wrote itself, and stamped with SES's own headers."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import formatdate, getaddresses, quote
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.ses import address
from kumoniwa.services.ses.errors import InvalidParameterValue
from kumoniwa.wire import timestamps

_WIRE = policy.compat32.clone(linesep="\r\n", max_line_length=None)
_KINDS_OF_ID = {"us-east-1": "0100", "us-west-2": "0101", "eu-west-1": "0102", "eu-central-1": "0107"}
_CONTROL = re.compile(r"[\r\n\0]")
_SPECIAL = re.compile(r'[()<>@,:;".\[\]\\]')
_FIELDS = (("To", "ToAddresses"), ("Cc", "CcAddresses"))
SET_BY_SES = ("Message-ID", "Date", "Return-Path", "Bcc", "DKIM-Signature")
"""What a client may write and SES writes anew, or takes away: https://docs.aws.amazon.com/ses/latest/dg/header-fields.html"""


def new_id(call: Call) -> str:
    """The moment and a UUID, as SES's ids are made; where they begin tells the region."""
    return f"{_KINDS_OF_ID.get(call.region, '0109')}{milliseconds(call.now()):012x}-{call.new_id()}-000000"


def id_of(call: Call, token: str) -> str:
    """The same for the same token, in the shape of an id."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    return f"{_KINDS_OF_ID.get(call.region, '0109')}{digest[:12]}-{uuid.UUID(digest[:32])}-000000"


def domain_of(region: str) -> str:
    """Of the Message-IDs and bounce addresses of a region."""
    return "amazonses.com" if region == "us-east-1" else f"{region}.amazonses.com"


def written(
    source: str, destination: dict[str, list[str]], subject: str, text: str | None, html: str | None, *,
    reply_to: list[str] | None = None, charsets: tuple[str, str, str] = ("utf-8", "utf-8", "utf-8"),
    headers: list[dict[str, str]] | None = None, attachments: list[dict[str, Any]] | None = None,
) -> EmailMessage:  # fmt: skip
    """A mail of the parts that SendEmail takes. Raises InvalidParameterValue."""
    mail = EmailMessage(policy=policy.SMTP)
    put_header(mail, "From", _shown(source))
    for name, field in _FIELDS:
        if destination.get(field):
            put_header(mail, name, ", ".join(map(_shown, destination[field])))
    if reply_to:
        put_header(mail, "Reply-To", ", ".join(map(_shown, reply_to)))
    put_header(mail, "Subject", subject)
    for header in headers or ():
        put_header(mail, header["Name"], header["Value"])
    try:
        if text is not None or html is None:
            mail.set_content(text or "", charset=charsets[1])
        if html is not None:
            (mail.set_content if text is None else mail.add_alternative)(html, subtype="html", charset=charsets[2])
    except (LookupError, UnicodeError):
        raise InvalidParameterValue("Unsupported or wrong charset of the message's body.") from None
    for attachment in attachments or ():
        _attach(mail, attachment)
    return mail


def sketched(call: Call, title: str, text: str | None, html: str | None) -> str:
    """The mail that a template becomes, from nobody to nobody."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["Date"] = formatdate(call.now()).replace("-0000", "+0000")
    put_header(mail, "Subject", title)
    if text is not None or html is None:
        mail.set_content(text or "")
    if html is not None:
        (mail.set_content if text is None else mail.add_alternative)(html, subtype="html")
    return mail.as_bytes().decode("utf-8", "replace")


def _shown(text: str) -> str:
    return str(address.parse(text))


def put_header(mail: EmailMessage, name: str, value: str) -> None:
    if _CONTROL.search(value) or _CONTROL.search(name):
        raise InvalidParameterValue(f"Header {name.splitlines()[0] if name else name} contains control characters.")
    try:
        mail[name] = value
    except (ValueError, LookupError, IndexError, AttributeError):  # what the parser of such a header does not survive
        raise InvalidParameterValue(f"Header {name} is not valid.") from None


def _attach(mail: EmailMessage, attachment: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Attachment.html"""
    main, _, sub = (attachment.get("ContentType") or "application/octet-stream").partition("/")
    more: dict[str, Any] = {"cid": f"<{attachment['ContentId']}>"} if attachment.get("ContentId") else {}
    if attachment.get("ContentDescription"):
        more["headers"] = [f"Content-Description: {_CONTROL.sub(' ', attachment['ContentDescription'])}"]
    if attachment.get("ContentTransferEncoding", "BASE64") != "BASE64":
        raise NotImplementedHere(f"{attachment['ContentTransferEncoding']} as ContentTransferEncoding of an attachment")
    disposition = (attachment.get("ContentDisposition") or "ATTACHMENT").lower()
    try:
        mail.add_attachment(
            attachment["RawContent"], maintype=main, subtype=sub or "octet-stream", filename=attachment["FileName"],
            disposition=disposition, **more,
        )  # fmt: skip
    except (ValueError, TypeError, LookupError):
        raise InvalidParameterValue(f"Attachment {attachment['FileName']} is not valid.") from None


# What clients write themselves ---------------------------------------------------------------------


def read(raw: bytes) -> Message:
    """Nothing of the client's text is changed by reading it."""
    return message_from_bytes(raw, policy=_WIRE)


def addresses(mail: Message, *names: str) -> list[str]:
    """Those in some headers, each as ``Ann <ann@example.com>``."""
    values = [str(value) for name in names for value in mail.get_all(name, [])]
    return [f"{_named(name)} <{bare}>" if name else bare for name, bare in getaddresses(values) if bare]


def _named(name: str) -> str:
    """A name as it stands before an address: in quotes, if it has in it what means something there."""
    return f'"{quote(name)}"' if _SPECIAL.search(name) else name


def subject(raw: bytes) -> str:
    """As a person reads it."""
    head = raw.partition(b"\r\n\r\n")[0]
    return str(message_from_bytes(head, policy=policy.default).get("Subject", ""))


def contains(mail: Message, pattern: bytes) -> bool:
    """Whether some part of a mail has these bytes in it."""
    return any(pattern in (part.get_payload(decode=True) or b"") for part in mail.walk() if not part.is_multipart())


def encoded(raw: bytes, encoding: str) -> str:
    """A mail as a text: ``UTF-8``, which not every mail is, or ``Base64``."""
    return base64.b64encode(raw).decode() if encoding == "Base64" else raw.decode("utf-8", "replace")


def take(mail: Message, name: str) -> str | None:
    """The value of a header that goes no further."""
    value = mail.get(name)
    del mail[name]
    return None if value is None else str(value).strip()


def stamped(call: Call, mail: Message, id_: str) -> bytes:
    """The text that leaves, but for its signature: https://docs.aws.amazon.com/ses/latest/dg/header-fields.html"""
    for name in SET_BY_SES:
        del mail[name]
    if "MIME-Version" not in mail:
        mail["MIME-Version"] = "1.0"
    domain = domain_of(call.region)
    mail["Message-ID"] = f"<{id_}@{'email.amazonses.com' if domain == 'amazonses.com' else domain}>"
    mail["Date"] = formatdate(call.now()).replace("-0000", "+0000")
    mail["Feedback-ID"] = f"1.{call.region}.{call.account}:AmazonSES"
    mail["X-SES-Outgoing"] = f"{timestamps.to_second(call.now())[:10].replace('-', '.')}-127.0.0.1"
    try:
        return mail.as_bytes(policy=mail.policy if isinstance(mail, EmailMessage) else _WIRE)
    except (LookupError, UnicodeError, ValueError, TypeError):
        raise InvalidParameterValue("The message cannot be written as mail.") from None
