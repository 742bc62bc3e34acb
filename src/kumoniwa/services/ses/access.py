"""What a call to either API of SES touches, for IAM, and the condition keys that it brings.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonses.html
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ses import address, message
from kumoniwa.services.ses import identity as identities
from kumoniwa.services.ses.configuration import ConfigurationSet
from kumoniwa.services.ses.errors import InvalidParameterValue
from kumoniwa.services.ses.template import MailTemplate

_SENDERS = ("Source", "FromEmailAddress")
_FEEDBACK = ("ReturnPath", "FeedbackForwardingEmailAddress")
_KINDS = {
    "EmailIdentity": "identity", "ContactListName": "contact-list", "TemplateName": "template", "ConfigurationSetName": "configuration-set",
}  # fmt: skip


def _text(params: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((params[name] for name in names if isinstance(params.get(name), str)), "")


def touched(call: Call, operation: str, params: dict[str, Any]) -> str | list[tuple[str, str]]:
    """What the operation needs: of the second API one of everything it names, of the first only what is sent with."""
    if operation.startswith("Send"):
        return _sent(call, operation, params)
    if call.service == "ses":
        return "*"
    if isinstance(arn := params.get("ResourceArn"), str):
        return arn
    for member, kind in _KINDS.items():
        if isinstance(name := params.get(member), str):
            return call.arn(f"{kind}/{name}", "ses")
    return "*"


def _sent(call: Call, operation: str, params: dict[str, Any]) -> list[tuple[str, str]]:
    """The identities that let its senders send, and what else of the account the mail makes use of. A mail that its client wrote needs
    ``ses:SendRawEmail`` in the second API too."""
    action = f"ses:{'SendRawEmail' if operation == 'SendEmail' and _raw(params) else operation}"
    arns = list(dict.fromkeys(identities.arn_of(call, _identity(call, sender)) for sender in _senders(params)))
    if isinstance(name := params.get("ConfigurationSetName"), str):
        arns.append(call.arn(f"configuration-set/{name}", "ses"))
    content = params.get("Content") or params.get("DefaultContent")
    template = content.get("Template") if isinstance(content, dict) else None
    name = template.get("TemplateName") if isinstance(template, dict) else params.get("Template")
    if isinstance(name, str):
        arns.append(call.arn(f"template/{name}", "ses"))
    return [(action, arn) for arn in arns]


def _raw(params: dict[str, Any]) -> bytes:
    content = params.get("Content") if isinstance(params.get("Content"), dict) else {}
    raw = params.get("RawMessage") or content.get("Raw")
    data = raw.get("Data") if isinstance(raw, dict) else None
    return data if isinstance(data, bytes) else b""


def _senders(params: dict[str, Any]) -> list[str]:
    """Everybody whom a mail says it is from: those of its own text first, for that is what its readers see."""
    return [*message.addresses(message.read(_raw(params)), "From"), *filter(None, [_text(params, _SENDERS)])] or [""]


def _identity(call: Call, sender: str) -> str:
    try:
        parsed = address.parse(sender)
    except InvalidParameterValue:
        return "*"
    held = identities.sending_as(call, parsed)
    return held.name if held is not None else parsed.bare


def conditions(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """Names are in lower case."""
    keys: dict[str, Any] = {"ses:apiversion": "2" if call.service == "sesv2" else "1"}
    if not operation.startswith("Send"):
        return keys
    try:
        sender = address.parse(_senders(params)[0])
        keys |= {"ses:fromaddress": sender.bare} | ({"ses:fromdisplayname": sender.name} if sender.name else {})
    except InvalidParameterValue:
        pass
    destination = params.get("Destination") if isinstance(params.get("Destination"), dict) else {}
    listed = [each for group in (*destination.values(), params.get("Destinations")) if isinstance(group, list) for each in group]
    if not listed and (raw := _raw(params)):
        listed = message.addresses(message.read(raw), "To", "Cc", "Bcc")
    recipients = []
    for each in listed:
        try:
            recipients.append(address.parse(each).bare)
        except (InvalidParameterValue, AttributeError, TypeError):
            continue
    if recipients:
        keys["ses:recipients"] = recipients
    if feedback := _text(params, _FEEDBACK):
        keys["ses:feedbackaddress"] = feedback
    return keys


_TAGGED = {"identity": identities.Identity, "configuration-set": ConfigurationSet, "template": MailTemplate}


def tags_of(call: Call, arn: str) -> dict[str, str]:
    kind, _, name = arn.rpartition(":")[2].partition("/")
    held = call.shelf(_TAGGED[kind]).get(name) if kind in _TAGGED else None
    return held.tags if held is not None else {}


def policy(call: Call, arn: str) -> str | None:
    """All policies of an identity as one document."""
    held = identities.find(call, arn.partition(":identity/")[2]) if ":identity/" in arn else None
    if held is None or not held.policies:
        return None
    said = [json.loads(document)["Statement"] for document in held.policies.values()]
    statements = [each for group in said for each in (group if isinstance(group, list) else [group])]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
