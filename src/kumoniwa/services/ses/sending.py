"""Sending: what is checked before a mail is accepted, and what becomes of it then."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.ses import account as accounts
from kumoniwa.services.ses import (
    address,
    configuration,
    event,
    mailbox,
    message,
    reception,
    signing,
    simulator,
    suppression,
)
from kumoniwa.services.ses import identity as identities
from kumoniwa.services.ses.errors import (
    InvalidParameterValue,
    MailFromDomainNotVerifiedException,
    MessageRejected,
)
from kumoniwa.services.ses.identity import Identity

RECIPIENTS_MAX = 50
BYTES_MAX = 10 << 20
BYTES_MAX_V2 = 40 << 20
# https://docs.aws.amazon.com/ses/latest/dg/quotas.html
FIELDS = ("ToAddresses", "CcAddresses", "BccAddresses")
MALWARE = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The one virus that can be sent on purpose: https://www.eicar.org. SES scans for viruses; this is how a rejection is tried."""


class Outgoing(NamedTuple):
    """A mail that somebody wants to send."""

    senders: tuple[str, ...]
    """Every address it says it is from, the envelope's last."""
    destination: dict[str, list[str]]
    mail: Any
    """Its text; None if it could not be written."""
    kind: str = "simple"
    return_path: str = ""
    configuration_set: str = ""
    tags: dict[str, str] = {}
    bytes_max: int = BYTES_MAX
    facts: dict[str, Any] = {}
    """What the mailbox keeps beside: the body as it was said, the template and its data."""
    failure: str = ""
    """Why it could not be written."""

    @property
    def sender(self) -> address.Address:
        return address.parse(self.senders[-1])

    @property
    def recipients(self) -> list[str]:
        return [each for field in FIELDS for each in self.destination.get(field) or ()]


def later(call: Call, sender: str, send: Callable[[], Any]) -> Any:
    """Send now if the keys are there by which the sender's mail is signed, else as soon as they are made: a result or a coroutine of it."""
    parsed = address.parse(sender)
    return send() if signing.is_ready(call, parsed) else _once_ready(call, parsed, send)


async def _once_ready(call: Call, sender: address.Address, send: Callable[[], Any]) -> Any:
    await signing.get_ready(call, sender)
    return call.atomically(send)


def accept(call: Call, outgoing: Outgoing) -> str:
    """Take a mail over and answer its id. Raises what AWS refuses with."""
    accounts.check_sending(call)
    _check_recipients(outgoing)
    configuration.check_sending(call, outgoing.configuration_set)
    identity = _verified(call, outgoing)
    name = outgoing.configuration_set or identity.configuration_set
    configuration.check_sending(call, name)
    accounts.spend(call, len(outgoing.recipients), mailbox.sent_today(call))
    sent = _kept(call, outgoing, identity, name)
    outcome = sent.mail.facts["outcome"]
    if outgoing.failure:
        event.failed(call, sent, outgoing.facts["template"], outgoing.failure)
        return sent.mail.id
    if "Rejected" in outcome.values():
        accounts.count(call, attempts=len(outcome), rejects=len(outcome))
        event.rejected(call, sent)
        return sent.mail.id
    bounces = sum(each in ("Bounced", "Suppressed") for each in outcome.values())
    accounts.count(call, attempts=len(outcome), bounces=bounces, complaints=sum(each == "Complained" for each in outcome.values()))
    event.told_of(call, sent)
    reception.promise(call, sent.mail, (each for each, what in outcome.items() if what == "Delivered"))
    return sent.mail.id


def _check_recipients(outgoing: Outgoing) -> None:
    recipients = outgoing.recipients
    if not recipients:
        raise InvalidParameterValue("Missing required header 'To'.")
    if len(recipients) > RECIPIENTS_MAX:
        raise InvalidParameterValue(f"Recipient count exceeds {RECIPIENTS_MAX}.")
    for each in recipients:
        address.parse(each)


def _verified(call: Call, outgoing: Outgoing) -> Identity:
    """The identity that lets it go. Who sends must be proven, and in the sandbox who receives, but for the simulator; all that fail
    are named."""
    asked = [*outgoing.senders, *filter(None, [outgoing.return_path])]
    if accounts.is_in_sandbox(call):
        asked += [each for each in outgoing.recipients if not simulator.is_simulated(address.parse(each).bare)]
    failed = dict.fromkeys(each for each in asked if identities.sending_as(call, address.parse(each)) is None)
    if failed:
        raise MessageRejected(
            f"Email address is not verified. The following identities failed the check in region {call.region.upper()}: {', '.join(failed)}",
            hint="ses:VerifyEmailIdentity puts a mail with a link into this cloud's mailbox at /_kumoniwa/#mail; open it."
            + (" In the sandbox recipients must be verified too." if accounts.is_in_sandbox(call) else ""),
        )
    identity = identities.sending_as(call, outgoing.sender)
    if identity.mail_from and identity.mail_from_status != "Success" and identity.mail_from_fallback == "RejectMessage":
        raise MailFromDomainNotVerifiedException(f"The MAIL FROM domain {identity.mail_from} is not verified.")
    return identity


def _kept(call: Call, outgoing: Outgoing, identity: Identity, configuration_set: str) -> event.Sent:
    """The mail in the mailbox, with what becomes of it at each recipient."""
    id_, raw = message.new_id(call), b""
    if not outgoing.failure:
        raw = message.stamped(call, outgoing.mail, id_)
        if len(raw) > outgoing.bytes_max:
            raise InvalidParameterValue(f"Message length is more than {outgoing.bytes_max} bytes long: '{len(raw)}'.")
        raw = signing.signed(call, raw, outgoing.sender)
    recipients = list(dict.fromkeys(address.parse(each).bare for each in outgoing.recipients))
    facts = {
        "destination": {field: outgoing.destination[field] for field in FIELDS if outgoing.destination.get(field)},
        "outcome": _outcome(call, outgoing, recipients, configuration_set),
        "kind": outgoing.kind,
        "return_path": outgoing.return_path,
        "configuration_set": configuration_set,
        "tags": outgoing.tags,
        **outgoing.facts,
    }
    mail = mailbox.Mail(id_, call.now(), outgoing.senders[-1], message.subject(raw), facts, raw)
    mailbox.keep(call, mail)
    source_ip = "127.0.0.1" if call.request is not None else "ses.amazonaws.com"
    return event.Sent(mail, identity, call.principal.arn.rpartition(":")[2].rpartition("/")[2], source_ip)


def _outcome(call: Call, outgoing: Outgoing, recipients: list[str], configuration_set: str) -> dict[str, str]:
    if outgoing.failure:
        return dict.fromkeys(recipients, f"RenderingFailure: {outgoing.failure}")
    if message.contains(outgoing.mail, MALWARE):
        return dict.fromkeys(recipients, "Rejected")
    return {
        each: "OnAccountSuppressionList" if suppression.holds_back(call, each, configuration_set) else simulator.outcome(each)
        for each in recipients
    }


# Operations ----------------------------------------------------------------------------------------


_TAG_PARTS = (
    ("name", re.compile(r"ses:feedback-id-[ab]|[A-Za-z0-9_-]+"), "'_',  '-'"),
    ("value", re.compile(r"[A-Za-z0-9_.@-]+"), "'_',  '-' , '.', '@'"),
)
TAG_CHARACTERS_MAX = 255


def tags_of(said: list[dict[str, str]] | None) -> dict[str, str]:
    """The tags of a mail, each one valid. Refusals recorded: localstack's test_invalid_tags_send_email."""
    for tag in said or ():
        for part, allowed, signs in _TAG_PARTS:
            text = tag[part.capitalize()]
            if not text:
                raise InvalidParameterValue(f"The tag {part} must be specified.")
            if len(text) > TAG_CHARACTERS_MAX:
                raise InvalidParameterValue(f"Tag {part} cannot exceed {TAG_CHARACTERS_MAX} characters.")
            if not allowed.fullmatch(text):
                raise InvalidParameterValue(f"Invalid tag {part} <{text}>: only alphanumeric ASCII characters, {signs} are allowed.")
    return {tag["Name"]: tag["Value"] for tag in said or ()}


def SendEmail(
    call: Call, *, Source: str, Destination: dict[str, list[str]], Message: dict[str, Any], ReplyToAddresses: list[str] | None = None,
    ReturnPath: str | None = None, SourceArn: str | None = None, ReturnPathArn: str | None = None,
    Tags: list[dict[str, str]] | None = None, ConfigurationSetName: str | None = None,
) -> Any:  # fmt: skip
    own_arns(call, SourceArn, ReturnPathArn)
    mail, body = simple_mail(Source, Destination, Message, ReplyToAddresses)
    outgoing = Outgoing(
        (Source,), Destination, mail, return_path=ReturnPath or "", configuration_set=ConfigurationSetName or "", tags=tags_of(Tags),
        facts={"body": body},
    )  # fmt: skip
    return later(call, Source, lambda: {"MessageId": accept(call, outgoing)})


def simple_mail(
    source: str, destination: dict[str, list[str]], said: dict[str, Any], reply_to: list[str] | None
) -> tuple[Any, tuple[str | None, str | None]]:
    """The mail of a ``Message`` in either API's spelling, and its text and HTML as they were said."""
    body = said.get("Body") or {}
    subject, text, html = said.get("Subject") or {}, body.get("Text"), body.get("Html")
    if text is None and html is None:
        raise InvalidParameterValue("Missing required body part: Text or Html.")
    charsets = tuple((each or {}).get("Charset") or "utf-8" for each in (subject, text, html))
    parts = (text and text["Data"], html and html["Data"])
    mail = message.written(
        source, destination, subject.get("Data", ""), *parts, reply_to=reply_to, charsets=charsets, headers=said.get("Headers"),
        attachments=said.get("Attachments"),
    )  # fmt: skip
    return mail, parts


def SendRawEmail(
    call: Call, *, RawMessage: dict[str, Any], Source: str | None = None, Destinations: list[str] | None = None,
    FromArn: str | None = None, SourceArn: str | None = None, ReturnPathArn: str | None = None,
    Tags: list[dict[str, str]] | None = None, ConfigurationSetName: str | None = None,
) -> Any:  # fmt: skip
    own_arns(call, FromArn, SourceArn, ReturnPathArn)
    outgoing = raw_mail(
        call, RawMessage["Data"], Source, {"ToAddresses": Destinations} if Destinations else None, ConfigurationSetName, Tags
    )
    return later(call, outgoing.senders[-1], lambda: {"MessageId": accept(call, outgoing)})


def raw_mail(
    call: Call, data: bytes, source: str | None, destination: dict[str, list[str]] | None, configuration_set: str | None,
    tags: list[dict[str, str]] | None,
) -> Outgoing:  # fmt: skip
    """A mail that a client wrote itself. What the request does not say is read in its headers.

    https://docs.aws.amazon.com/ses/latest/dg/event-publishing-send-email.html#event-publishing-using-ses-headers
    """
    mail = message.read(data)
    if "From" not in mail and source:
        mail["From"] = source
    writers = message.addresses(mail, "From")
    if not writers:
        raise InvalidParameterValue("Missing required header 'From'.")
    if destination is None:
        named = zip(FIELDS, ("To", "Cc", "Bcc"))
        destination = {field: found for field, name in named if (found := message.addresses(mail, name))}
    own_arns(call, *(message.take(mail, f"X-SES-{name}-ARN") for name in ("SOURCE", "FROM", "RETURN-PATH")))
    written_set, written_tags = message.take(mail, "X-SES-CONFIGURATION-SET"), message.take(mail, "X-SES-MESSAGE-TAGS")
    said = tags_of(tags) or dict(each.strip().split("=", 1) for each in (written_tags or "").split(",") if "=" in each)
    return_path = (message.take(mail, "Return-Path") or "").strip("<>")
    return Outgoing(
        (*writers, source or writers[0]), destination, mail, kind="raw", return_path=return_path,
        configuration_set=configuration_set or written_set or "", tags=said,
    )  # fmt: skip


def own_arns(call: Call, *arns: str | None) -> None:
    """The identity that an ARN names must be the sender's account's own: sending for others is refused by name."""
    for arn in filter(None, arns):
        if f":{call.account}:identity/" not in arn:
            raise NotImplementedHere(f"sending with an identity of another account or region ({arn})")
