"""Sending: what is checked before a mail is accepted, and what becomes of it then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.ses import account as accounts
from kumoniwa.services.ses import address, mailbox, message, signing, simulator
from kumoniwa.services.ses import identity as identities
from kumoniwa.services.ses.errors import InvalidParameterValue, MessageRejected

RECIPIENTS_MAX = 50
BYTES_MAX = 10 << 20
BYTES_MAX_V2 = 40 << 20
# https://docs.aws.amazon.com/ses/latest/dg/quotas.html
FIELDS = ("ToAddresses", "CcAddresses", "BccAddresses")


class Outgoing(NamedTuple):
    """A mail that somebody wants to send."""

    senders: tuple[str, ...]
    """Every address it says it is from, the envelope's last."""
    destination: dict[str, list[str]]
    mail: Any
    kind: str = "simple"
    return_path: str = ""
    configuration_set: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    bytes_max: int = BYTES_MAX
    facts: dict[str, Any] = {}

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
    check_verified(call, outgoing)
    accounts.spend(call, len(outgoing.recipients), mailbox.sent_today(call))
    id_ = message.new_id(call)
    raw = message.stamped(call, outgoing.mail, id_)
    if len(raw) > outgoing.bytes_max:
        raise InvalidParameterValue(f"Message length is more than {outgoing.bytes_max} bytes long: '{len(raw)}'.")
    raw = signing.signed(call, raw, outgoing.sender)
    bare = {address.parse(each).bare: None for each in outgoing.recipients}
    outcome = {each: simulator.outcome(each) for each in bare}
    facts = {
        "destination": {field: outgoing.destination[field] for field in FIELDS if outgoing.destination.get(field)},
        "outcome": outcome,
        "kind": outgoing.kind,
        "configuration_set": outgoing.configuration_set,
        "tags": dict(outgoing.tags),
        **outgoing.facts,
    }
    mailbox.keep(call, mailbox.Mail(id_, call.now(), outgoing.senders[-1], message.subject(raw), facts, raw))
    accounts.count(call, attempts=len(bare), bounces=_number(outcome, "Bounced", "Suppressed"), complaints=_number(outcome, "Complained"))
    return id_


def _number(outcome: dict[str, str], *what: str) -> int:
    return sum(each in what for each in outcome.values())


def _check_recipients(outgoing: Outgoing) -> None:
    recipients = outgoing.recipients
    if not recipients:
        raise InvalidParameterValue("Missing required header 'To'.")
    if len(recipients) > RECIPIENTS_MAX:
        raise InvalidParameterValue(f"Recipient count exceeds {RECIPIENTS_MAX}.")
    for each in recipients:
        address.parse(each)


def check_verified(call: Call, outgoing: Outgoing) -> None:
    """Who sends must be proven, and in the sandbox who receives, but for the simulator. All that fail are named."""
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


# Operations ----------------------------------------------------------------------------------------


def SendEmail(
    call: Call, *, Source: str, Destination: dict[str, list[str]], Message: dict[str, Any], ReplyToAddresses: list[str] | None = None,
    ReturnPath: str | None = None, SourceArn: str | None = None, ReturnPathArn: str | None = None,
) -> Any:  # fmt: skip
    own_arns(call, SourceArn, ReturnPathArn)
    return later(
        call, Source, lambda: {"MessageId": accept(call, _simple(Source, Destination, Message, ReplyToAddresses, ReturnPath))}
    )


def _simple(
    source: str, destination: dict[str, list[str]], said: dict[str, Any], reply_to: list[str] | None, return_path: str | None
) -> Outgoing:
    mail, body = simple_mail(source, destination, said, reply_to)
    return Outgoing((source,), destination, mail, return_path=return_path or "", facts={"body": body})


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
) -> Any:  # fmt: skip
    own_arns(call, FromArn, SourceArn, ReturnPathArn)
    outgoing = raw_mail(RawMessage["Data"], Source, {"ToAddresses": Destinations} if Destinations else None)
    return later(call, outgoing.senders[-1], lambda: {"MessageId": accept(call, outgoing)})


def raw_mail(data: bytes, source: str | None, destination: dict[str, list[str]] | None) -> Outgoing:
    """A mail that a client wrote itself. Who is not told apart from it is read in its headers."""
    mail = message.read(data)
    writers = message.addresses(mail, "From")
    if not writers:
        raise InvalidParameterValue("Missing required header 'From'.")
    if destination is None:
        destination = {
            field: found
            for field, name in zip(FIELDS, ("To", "Cc", "Bcc"))
            if (found := message.addresses(mail, name))
        }
    return_path = message.take(mail, "Return-Path") or ""
    return Outgoing((*writers, source or writers[0]), destination, mail, kind="raw", return_path=return_path.strip("<>"))


def own_arns(call: Call, *arns: str | None) -> None:
    """The identity that an ARN names must be the sender's account's own: sending for others is refused by name."""
    for arn in filter(None, arns):
        if f":{call.account}:identity/" not in arn:
            raise NotImplementedHere(f"sending with an identity of another account or region ({arn})")


__all__ = ["BYTES_MAX_V2", "SendEmail", "SendRawEmail", "accept", "later"]
