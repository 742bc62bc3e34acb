"""The mailbox: every mail that was sent from this region, as it left, with what became of it. Nothing leaves this machine.

A person opens it in the console; test authors read it as JSON. It survives a kill and goes with a reset.
"""

from __future__ import annotations

import base64
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, NamedTuple
from urllib.parse import unquote

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table
from kumoniwa.wire import timestamps

DAY_S = 86_400.0
_PICTURE = re.compile(r"""cid:([^"'\s)>]+)""")
LISTED_MAX = 500

MAILS = Table(
    "ses_mail",
    """create table if not exists ses_mail (n integer primary key autoincrement, id text, at real, source text, subject text,
       recipients integer, is_own integer, facts blob, raw blob);
    create unique index if not exists ses_mail_id on ses_mail (id);
    create index if not exists ses_mail_at on ses_mail (at)""",
)


class Mail(NamedTuple):
    id: str
    at: float
    source: str
    subject: str
    facts: dict[str, Any]
    """``destination`` (as SES spells it), ``outcome`` by recipient, ``kind`` (simple, raw or template), ``body`` (text and HTML as they
    were said; not of a raw mail), ``configuration_set``, ``tags``."""
    raw: bytes

    @property
    def parsed(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)


_COLUMNS = "id, at, source, subject, facts, raw"


def _read(row: tuple) -> Mail:
    id_, at, source, subject, facts, raw = row
    return Mail(id_, at, source, subject, orjson.loads(facts), raw)


def keep(call: Call, mail: Mail, *, is_own: bool = False) -> None:
    """Put a mail there. ``is_own`` is what SES itself writes, which no quota counts."""
    recipients = 0 if is_own else len(mail.facts["outcome"])
    call.rows(MAILS).run(
        f"insert into ses_mail ({_COLUMNS}, recipients, is_own) values (?,?,?,?,?,?,?,?)",
        mail.id, mail.at, mail.source, mail.subject, orjson.dumps(mail.facts), mail.raw, recipients, int(is_own),
    )  # fmt: skip
    call.home.note("mail", account=call.account, id=mail.id, source=mail.source, subject=mail.subject)


def find(call: Call, id_: str) -> Mail | None:
    row = call.rows(MAILS).one(f"select {_COLUMNS} from ses_mail where id = ? and raw is not null", id_)
    return _read(row) if row is not None else None


def sent_today(call: Call) -> int:
    """To how many recipients the account sent in the last 24 hours."""
    return call.rows(MAILS).one("select coalesce(sum(recipients), 0) from ses_mail where at > ?", call.now() - DAY_S)[0]


def newest(call: Call, limit: int = LISTED_MAX) -> list[Mail]:
    rows = call.rows(MAILS).all(f"select {_COLUMNS} from ses_mail where raw is not null order by n desc limit ?", limit)
    return [_read(row) for row in rows]


def forget(call: Call, id_: str | None = None) -> None:
    """Throw one mail away, or all. What was sent today still counts: of that only the text goes."""
    where, args = ("and id = ?", (id_,)) if id_ is not None else ("", ())
    rows, yesterday = call.rows(MAILS), call.now() - DAY_S
    rows.run(f"delete from ses_mail where at <= ? {where}", yesterday, *args)
    rows.run(f"update ses_mail set facts = null, raw = null where at > ? {where}", yesterday, *args)


# As people and tests read them ---------------------------------------------------------------------


def summary(call: Call, mail: Mail) -> dict[str, Any]:
    """One line of the list."""
    to = mail.facts["destination"]
    return {
        "id": mail.id,
        "region": call.region,
        "account": call.account,
        "time": timestamps.to_millisecond(mail.at),
        "from": mail.source,
        "to": to.get("ToAddresses", []),
        "cc": to.get("CcAddresses", []),
        "bcc": to.get("BccAddresses", []),
        "subject": mail.subject,
        "outcome": mail.facts["outcome"],
        "size_bytes": len(mail.raw),
    }


def whole(call: Call, mail: Mail) -> dict[str, Any]:
    """One mail with its headers and parts."""
    parsed = mail.parsed
    told = {name: mail.facts[name] for name in ("configuration_set", "tags", "kind") if mail.facts.get(name)}
    return {
        **summary(call, mail),
        **told,
        "headers": [[name, str(value)] for name, value in parsed.items()],
        "text": body(parsed, "plain"),
        "html": body(parsed, "html"),
        "attachments": [
            {"name": part.get_filename() or f"part-{n}", "type": part.get_content_type(), "size_bytes": len(content(part))}
            for n, part in enumerate(attachments(parsed), 1)
        ],
        "raw": mail.raw.decode("utf-8", "replace"),
    }


def body(parsed: EmailMessage, kind: str) -> str | None:
    try:
        part = parsed.get_body((kind,))
    except (KeyError, AttributeError):  # a multipart that has no parts
        part = None
    if part is None:
        return None
    try:
        text = part.get_content()
    except LookupError:  # a charset nobody knows
        return content(part).decode("latin-1")
    return text.replace("\r\n", "\n") if isinstance(text, str) else None


def attachments(parsed: EmailMessage) -> list[EmailMessage]:
    """Every part that is no body, also those inside, such as the pictures of an HTML text."""
    shown = [id(parsed.get_body((kind,))) for kind in ("plain", "html")] if parsed.is_multipart() or not parsed.is_attachment() else []
    return [part for part in parsed.walk() if not part.is_multipart() and id(part) not in shown]


def attachment(mail: Mail, number: int) -> dict[str, Any] | None:
    """The attachment of a number, from 1."""
    parts = attachments(mail.parsed)
    if not 1 <= number <= len(parts):
        return None
    return {"name": parts[number - 1].get_filename() or f"part-{number}", "content": content(parts[number - 1])}


def page(mail: Mail) -> str | None:
    """The mail's HTML with the pictures it carries in their places."""
    parsed = mail.parsed
    html = body(parsed, "html")
    if html is None:
        return None
    pictures = {
        str(part["Content-ID"]).strip().strip("<>"): part
        for part in attachments(parsed)
        if part["Content-ID"] and part.get_content_maintype() == "image"
    }

    def picture(found: re.Match[str]) -> str:
        part = pictures.get(unquote(found[1]))
        return found[0] if part is None else f"data:{part.get_content_type()};base64,{base64.b64encode(content(part)).decode()}"

    return _PICTURE.sub(picture, html)


def content(part: EmailMessage) -> bytes:
    return part.get_payload(decode=True) or b""


def as_others_tell(call: Call, mail: Mail) -> dict[str, Any]:
    """In the shape that LocalStack's ``/_aws/ses`` gives, which test suites know."""
    told: dict[str, Any] = {
        "Id": mail.id,
        "Region": call.region,
        "Timestamp": timestamps.to_second(mail.at),
        "Source": mail.source,
        "Destination": mail.facts["destination"],
    }
    if mail.facts["kind"] == "raw":
        return {**told, "RawData": mail.raw.decode("utf-8", "replace")}
    if "template" in mail.facts:
        told |= {"Template": mail.facts["template"], "TemplateData": mail.facts["template_data"]}
    # As it was said: a mail's own text ends its lines as mails do.
    text, html = mail.facts["body"]
    return {**told, "Subject": mail.subject, "Body": {"text_part": text, "html_part": html}}
