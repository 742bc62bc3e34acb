"""What is told of a mail after it was sent: events of its configuration set, notifications of its sender's identity, letters to its sender.

Shapes: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html (events) and
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html (notifications).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import orjson

from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ses import address, configuration, mailbox, verification
from kumoniwa.services.ses import identity as identities
from kumoniwa.services.ses.identity import Identity
from kumoniwa.wire import timestamps

SERVICE = "ses.amazonaws.com"
SUBJECT = "Amazon SES Email Event Notification"
KINDS = {
    "SEND": ("Send", "Email Sent"),
    "REJECT": ("Reject", "Email Rejected"),
    "BOUNCE": ("Bounce", "Email Bounced"),
    "COMPLAINT": ("Complaint", "Email Complaint Received"),
    "DELIVERY": ("Delivery", "Email Delivered"),
    "RENDERING_FAILURE": ("Rendering Failure", "Email Rendering Failed"),
}
"""What each kind is called in an event, and as a detail type of EventBridge."""

_ACCOUNT_LIST = (
    "Amazon SES did not send the message to this address because it is on the suppression list for your account. For more information "
    "about removing addresses from the suppression list, see the Amazon SES Developer Guide at "
    "https://docs.aws.amazon.com/ses/latest/DeveloperGuide/sending-email-suppression-list.html"
)
_GLOBAL_LIST = (
    "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an invalid address. For more "
    "information about how to remove an address from the suppression list, see the Amazon SES Developer Guide: "
    "http://docs.aws.amazon.com/ses/latest/DeveloperGuide/remove-from-suppressionlist.html"
)
BOUNCES = {
    "Bounced": ("General", "smtp; 550 5.1.1 user unknown"),
    "Suppressed": ("Suppressed", _GLOBAL_LIST),
    "OnAccountSuppressionList": ("OnAccountSuppressionList", _ACCOUNT_LIST),
}
"""By outcome: the bounce's subtype and what it says of the recipient."""
DELIVERED = frozenset({"Delivered", "OutOfOffice", "Complained"})


class Sent(NamedTuple):
    """A mail as those who are told of it need it."""

    mail: mailbox.Mail
    identity: Identity
    caller: str
    source_ip: str


# What is told --------------------------------------------------------------------------------------


def told_of(call: Call, sent: Sent) -> None:
    """Promise everything that the outcome of a mail makes known."""
    outcome, now = sent.mail.facts["outcome"], timestamps.to_millisecond(call.now())
    _event(call, sent, "SEND", {"send": {}})
    if delivered := [each for each, what in outcome.items() if what in DELIVERED]:
        told = {"timestamp": now, "processingTimeMillis": 1, "recipients": delivered, "smtpResponse": "250 2.6.0 Message received",
                "reportingMTA": "a1-1.smtp-out.amazonses.com"}  # fmt: skip
        _tell(call, sent, "DELIVERY", {"delivery": told})
    for what, (subtype, says) in BOUNCES.items():
        if bounced := [each for each, became in outcome.items() if became == what]:
            _tell(call, sent, "BOUNCE", {"bounce": _bounce(call, bounced, subtype, says, now)})
            _forward(call, sent, "MAILER-DAEMON@amazonses.com", "Delivery Status Notification (Failure)", bounced, says)
    if complained := [each for each, what in outcome.items() if what == "Complained"]:
        told = {
            "feedbackId": feedback_id(call), "complaintSubType": None, "complainedRecipients": [{"emailAddress": each} for each in complained],
            "timestamp": now, "userAgent": "Amazon SES Mailbox Simulator", "complaintFeedbackType": "abuse", "arrivalDate": now,
        }  # fmt: skip
        _tell(call, sent, "COMPLAINT", {"complaint": told})
        _forward(call, sent, "complaints@amazonses.com", "Complaint notification", complained, "The recipient marked the mail as spam.")
    for each in [each for each, what in outcome.items() if what == "OutOfOffice"]:
        _answer(call, sent, each, f"Out of Office: {sent.mail.subject}", "I am out of the office and will answer when I am back.")


def feedback_id(call: Call) -> str:
    return f"0100{milliseconds(call.now()):012x}-{call.new_id()}-000000"


def _bounce(call: Call, recipients: list[str], subtype: str, says: str, now: str) -> dict[str, Any]:
    return {
        "feedbackId": feedback_id(call),
        "bounceType": "Permanent",
        "bounceSubType": subtype,
        "bouncedRecipients": [{"emailAddress": each, "action": "failed", "status": "5.1.1", "diagnosticCode": says} for each in recipients],
        "timestamp": now,
        "remoteMtaIp": "127.0.0.1",
        "reportingMTA": "dns; a1-1.smtp-out.amazonses.com",
    }


def failed(call: Call, sent: Sent, template: str, text: str) -> None:
    """A mail that could not be written from its template."""
    _event(call, sent, "RENDERING_FAILURE", {"failure": {"templateName": template, "errorMessage": text}})


def rejected(call: Call, sent: Sent) -> None:
    _event(call, sent, "SEND", {"send": {}})
    _event(call, sent, "REJECT", {"reject": {"reason": "Bad content"}})


def _tell(call: Call, sent: Sent, kind: str, told: dict[str, Any]) -> None:
    _event(call, sent, kind, told)
    _notify(call, sent, kind.capitalize(), told)


# To whom -------------------------------------------------------------------------------------------


def _event(call: Call, sent: Sent, kind: str, told: dict[str, Any]) -> None:
    """To the destinations of the mail's configuration set."""
    name = sent.mail.facts.get("configuration_set")
    held = call.shelf(configuration.ConfigurationSet).get(name) if name else None
    for destination in held.destinations.values() if held is not None else ():
        if not destination["Enabled"] or kind not in destination["MatchingEventTypes"]:
            continue
        event_type, detail_type = KINDS[kind]
        event = {"eventType": event_type, **told, "mail": _described(call, sent, is_event=True)}
        arn = configuration.arn_of(call, held.name)
        if "EventBridgeDestination" in destination:
            call.home.tell(("ses", detail_type, call.account, event))
        else:
            _publish(call, destination["SnsDestination"]["TopicArn"], arn, event)


def _notify(call: Call, sent: Sent, kind: str, told: dict[str, Any]) -> None:
    """To the topic of the sender's identity, or that of its domain."""
    topic = sent.identity.topics.get(kind)
    if topic is not None:
        mail = _described(call, sent, is_event=False, has_headers=kind in sent.identity.with_headers)
        _publish(call, topic, identities.arn_of(call, sent.identity.name), {"notificationType": kind, **told, "mail": mail})


def _forward(call: Call, sent: Sent, source: str, subject: str, recipients: list[str], says: str) -> None:
    """By mail to whoever the mail's envelope names, unless the sender's identity wants none."""
    if sent.identity.is_forwarding:
        listed = "\n".join(recipients)
        _answer(call, sent, source, subject, f"The following message to {listed} was undeliverable.\n\n{says}\n\nMessage-ID: {sent.mail.id}\n")


def _answer(call: Call, sent: Sent, source: str, subject: str, text: str) -> None:
    to = sent.mail.facts.get("return_path") or address.parse(sent.mail.source).bare
    verification.post(call, source, to, subject, text)


def _described(call: Call, sent: Sent, *, is_event: bool, has_headers: bool = True) -> dict[str, Any]:
    """The ``mail`` of an event or a notification."""
    mail, facts = sent.mail, sent.mail.facts
    told: dict[str, Any] = {
        "timestamp": timestamps.to_millisecond(mail.at),
        "source": mail.source,
        "sourceArn": identities.arn_of(call, sent.identity.name),
        **({} if is_event else {"sourceIp": sent.source_ip, "callerIdentity": sent.caller}),
        "sendingAccountId": call.account,
        "messageId": mail.id,
        "destination": list(facts["outcome"]),
    }
    if has_headers:
        parsed = mail.parsed
        common = {"from": [str(parsed.get("From", ""))]}
        for field, name in (("replyTo", "Reply-To"), ("to", "To"), ("cc", "Cc")):
            if parsed[name] is not None:
                common[field] = [each.strip() for each in str(parsed[name]).split(",")]
        common |= {"messageId": mail.id, "subject": mail.subject}
        # The headers as the client's: a signature is not among them.
        headers = [{"name": name, "value": str(value)} for name, value in parsed.items() if name != "DKIM-Signature"]
        told |= {"headersTruncated": False, "headers": headers, "commonHeaders": common}
    if is_event:
        told["tags"] = {
            "ses:operation": [call.operation],
            "ses:configuration-set": [facts.get("configuration_set") or ""],
            "ses:source-ip": [sent.source_ip],
            "ses:from-domain": [address.parse(mail.source).domain],
            "ses:caller-identity": [sent.caller],
            **{name: [value] for name, value in facts.get("tags", {}).items()},
        }
    return told


# Deliveries to topics ------------------------------------------------------------------------------


class Promise(msgspec.Struct, array_like=True):
    topic: str
    source_arn: str
    text: bytes
    born: float


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Promise).decode


def _publish(call: Call, topic: str, source_arn: str, event: dict[str, Any]) -> None:
    OUTBOX.put(call, _encode(Promise(topic, source_arn, orjson.dumps(event), call.now())))


async def deliver(call: Call, delivery: Delivery) -> float | None:
    promised = _decode(delivery.body)
    us = call.acting(SERVICE, **{"aws:SourceArn": promised.source_arn, "aws:SourceAccount": call.account})
    try:
        await us.ask(
            "sns:Publish", to_region=arns.parse(promised.topic).region, once=delivery.token, TopicArn=promised.topic, Subject=SUBJECT,
            Message=promised.text.decode(),
        )  # fmt: skip
    except AwsError as error:
        call.home.note("undelivered", rule=promised.source_arn, target=promised.topic, code=error.code, is_buried=False)
        wait_s, _ = patience.pause({}, delivery, call.now(), promised.born, call.ids.random) if patience.is_passing(error) else (0.0, "")
        return wait_s or None
    return None


OUTBOX = Outbox("ses", deliver)
