"""Reception: mail that comes in is tried on the rules of the active set, and what they say is done with it.

Mail comes in to a domain that is a proven identity and whose MX record names this region's inbound endpoint, as on AWS. It comes from
SES: nobody else sends to this machine. https://docs.aws.amazon.com/ses/latest/dg/receiving-email-concepts.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import orjson

from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ses import address, mailbox, message, receipt, verification
from kumoniwa.services.ses import identity as identities
from kumoniwa.services.ses.receipt import SERVICE
from kumoniwa.wire import timestamps

NOTIFIED_BYTES_MAX = 150 << 10
"""A larger mail is not sent to a topic: https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-sns.html"""
STOPS = {"STOP_RULE": "rule", "STOP_RULE_SET": "set"}


class Promise(msgspec.Struct, array_like=True):
    """One mail for one account, on its way to that account's rules."""

    id: str
    source: str
    recipients: list[str]
    raw: bytes
    at: float


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Promise).decode


class Received(NamedTuple):
    promised: Promise
    rule: dict[str, Any]
    recipients: list[str]
    raw: bytes


# Coming in -----------------------------------------------------------------------------------------


def promise(call: Call, mail: mailbox.Mail, delivered: Iterable[str]) -> None:
    """Promise a mail to every account of the region that may receive for some of its recipients."""
    recipients = list(delivered)
    for theirs in call.home.calls("ses", SERVICE):
        if receipt.active(theirs) is None:
            continue
        own = [each for each in recipients if _receives(theirs, each)]
        if own:
            source = mail.facts.get("return_path") or address.parse(mail.source).bare
            OUTBOX.put(theirs, _encode(Promise(call.ids.lower(40), source, own, mail.raw, call.now())))


def _receives(call: Call, recipient: str) -> bool:
    held = identities.sending_as(call, address.parse(recipient))
    return held is not None and held.is_domain


async def deliver(call: Call, delivery: Delivery) -> float | None:
    promised = _decode(delivery.body)
    endpoint = f"10 inbound-smtp.{call.region}.amazonaws.com"
    own = [each for each in promised.recipients if endpoint in await verification.answers(call, each.rpartition("@")[2], "MX")]
    held = receipt.active(call)
    if not own or held is None:
        return None
    raw = promised.raw
    for rule in held.rules:
        matched = [each for each in own if matches(rule, each)] if rule.get("Enabled") else []
        if not matched:
            continue
        for n, action in enumerate(rule.get("Actions") or ()):
            kind, said = receipt.kind_of(action)
            once = f"{delivery.token}-{rule['Name']}-{n}"
            try:
                stop, raw = await ACTIONS[kind](call, Received(promised, rule, matched, raw), said, once)
            except AwsError as error:
                if patience.is_passing(error):
                    wait_s, exhausted = patience.pause({}, delivery, call.now(), promised.at, call.ids.random)
                    if not exhausted:
                        return wait_s
                call.home.note("undelivered", rule=rule["Name"], target=kind, code=error.code, is_buried=False)
                continue
            if stop == "set":
                return None
            if stop == "rule":
                break
    return None


def matches(rule: dict[str, Any], recipient: str) -> bool:
    """Whether a rule is for a recipient: for an address (whatever its label), a domain, all domains below one, or all."""
    wanted = [each.lower() for each in rule.get("Recipients") or ()]
    local, _, domain = recipient.lower().rpartition("@")
    own = {f"{local}@{domain}", f"{local.partition('+')[0]}@{domain}", domain}
    return not wanted or any(each in own or (each.startswith(".") and domain.endswith(each)) for each in wanted)


# What is done --------------------------------------------------------------------------------------


def _told(call: Call, received: Received, action: dict[str, Any]) -> dict[str, Any]:
    """``mail`` and ``receipt``: https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html"""
    promised = received.promised
    parsed = mailbox.Mail(promised.id, promised.at, promised.source, "", {}, received.raw).parsed
    common: dict[str, Any] = {"returnPath": promised.source}
    for field, name in (("from", "From"), ("replyTo", "Reply-To"), ("to", "To"), ("cc", "Cc")):
        if parsed[name] is not None:
            common[field] = [each.strip() for each in str(parsed[name]).split(",")]
    for field, name in (("date", "Date"), ("messageId", "Message-ID"), ("subject", "Subject")):
        if parsed[name] is not None:
            common[field] = str(parsed[name])
    at = timestamps.to_millisecond(promised.at)
    scanned = "PASS" if received.rule.get("ScanEnabled") else "DISABLED"
    return {
        "mail": {
            "timestamp": at, "source": promised.source, "messageId": promised.id, "destination": promised.recipients,
            "headersTruncated": False, "headers": [{"name": name, "value": str(value)} for name, value in parsed.items()],
            "commonHeaders": common,
        },
        "receipt": {
            "timestamp": at, "processingTimeMillis": max(1, int(1000 * (call.now() - promised.at))), "recipients": received.recipients,
            # It was scanned when it was sent, and its signature is SES's own; what the sender's domain asks of receivers nobody looked up.
            "spamVerdict": {"status": scanned}, "virusVerdict": {"status": scanned}, "spfVerdict": {"status": "PASS"},
            "dkimVerdict": {"status": "PASS"}, "dmarcVerdict": {"status": "GRAY"}, "action": action,
        },
    }  # fmt: skip


async def _publish(call: Call, topic: str, told: dict[str, Any], once: str) -> None:
    us = call.acting(SERVICE, **{"aws:SourceAccount": call.account})
    body = orjson.dumps({"notificationType": "Received", **told}).decode()
    await us.ask(
        "sns:Publish",
        to_region=arns.parse(topic).region,
        once=once,
        TopicArn=topic,
        Subject="Amazon SES Email Receipt Notification",
        Message=body,
    )


async def _to_bucket(call: Call, received: Received, said: dict[str, Any], once: str) -> tuple[str, bytes]:
    prefix = said.get("ObjectKeyPrefix") or ""
    key = f"{prefix}{received.promised.id}"
    await receipt.writer(call, said).ask("s3:PutObject", once=once, Bucket=said["BucketName"], Key=key, Body=received.raw)
    if said.get("TopicArn"):
        action = {"type": "S3", "topicArn": said["TopicArn"], "bucketName": said["BucketName"], "objectKeyPrefix": prefix, "objectKey": key}
        await _publish(call, said["TopicArn"], _told(call, received, action), f"{once}-topic")
    return "", received.raw


async def _to_topic(call: Call, received: Received, said: dict[str, Any], once: str) -> tuple[str, bytes]:
    if len(received.raw) <= NOTIFIED_BYTES_MAX:
        encoding = said.get("Encoding") or "UTF-8"
        told = _told(call, received, {"type": "SNS", "topicArn": said["TopicArn"], "encoding": encoding})
        await _publish(call, said["TopicArn"], {**told, "content": message.encoded(received.raw, encoding)}, once)
    return "", received.raw


async def _to_function(call: Call, received: Received, said: dict[str, Any], once: str) -> tuple[str, bytes]:
    kind = said.get("InvocationType") or "Event"
    told = _told(call, received, {"type": "Lambda", "functionArn": said["FunctionArn"], "invocationType": kind})
    event = orjson.dumps({"Records": [{"eventSource": "aws:ses", "eventVersion": "1.0", "ses": told}]})
    us = call.acting(SERVICE, **{"aws:SourceAccount": call.account})
    answer = await us.ask("lambda:Invoke", once=once, FunctionName=said["FunctionArn"], InvocationType=kind, Payload=event)
    if said.get("TopicArn"):
        await _publish(call, said["TopicArn"], told, f"{once}-topic")
    if kind != "RequestResponse" or answer.get("FunctionError"):
        return "", received.raw
    try:
        result = orjson.loads(answer.get("Payload") or b"null")
    except orjson.JSONDecodeError:
        result = None
    return STOPS.get(result.get("disposition"), "") if isinstance(result, dict) else "", received.raw


async def _bounce(call: Call, received: Received, said: dict[str, Any], once: str) -> tuple[str, bytes]:
    lines = [f"{each}: {said['SmtpReplyCode']} {said.get('StatusCode') or ''} {said['Message']}" for each in received.recipients]
    letter = (said["Sender"], received.promised.source, "Delivery Status Notification (Failure)", "\n".join(lines) + "\n")
    id_ = message.id_of(call, once)
    if mailbox.find(call, id_) is None:
        call.atomically(lambda: verification.post(call, *letter, id_))
    if said.get("TopicArn"):
        action = {
            "type": "Bounce",
            "topicArn": said["TopicArn"],
            "smtpReplyCode": said["SmtpReplyCode"],
            "message": said["Message"],
            "sender": said["Sender"],
        }
        await _publish(call, said["TopicArn"], _told(call, received, action), f"{once}-topic")
    return "set", received.raw


async def _stop(call: Call, received: Received, said: dict[str, Any], once: str) -> tuple[str, bytes]:
    if said.get("TopicArn"):
        await _publish(call, said["TopicArn"], _told(call, received, {"type": "Stop", "topicArn": said["TopicArn"]}), once)
    return "set", received.raw


async def _add_header(call: Call, received: Received, said: dict[str, Any], once: str) -> tuple[str, bytes]:
    return "", f"{said['HeaderName']}: {said['HeaderValue']}\r\n".encode() + received.raw


ACTIONS = {
    "S3Action": _to_bucket,
    "SNSAction": _to_topic,
    "LambdaAction": _to_function,
    "BounceAction": _bounce,
    "StopAction": _stop,
    "AddHeaderAction": _add_header,
}
OUTBOX = Outbox("ses", deliver, kind="reception")
