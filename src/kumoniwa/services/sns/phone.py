"""Text messages: they lie in the region's mailbox as mails to ``+15555550100@sms.localhost``, and go nowhere else.

An account begins in the sandbox, in which only those are sent anything who proved their number (see ``sandbox``).
A phone answers with ``POST /_aws/sns/<region>/replies`` (see ``door``); who says STOP is sent nothing any more.
https://docs.aws.amazon.com/sns/latest/dg/sns-mobile-phone-number-as-subscriber.html
"""

from __future__ import annotations

import re
from email.utils import formataddr
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record
from kumoniwa.services.sns.errors import InvalidParameterException
from kumoniwa.services.sns.message import Message

TEXT_CHARACTERS_MAX = 1_600
OPT_IN_AGAIN_S = 30 * 86_400.0
STOP_WORDS = frozenset({"ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"})
"""https://docs.aws.amazon.com/sns/latest/dg/sms_manage.html"""
SENDER, ADDRESS, DOMAIN = "SMS", "no-reply@sns.amazonaws.com", "sms.localhost"
SENDER_ID, KIND = "AWS.SNS.SMS.SenderID", "AWS.SNS.SMS.SMSType"
KINDS = ("Promotional", "Transactional")
HELD_BACK = """A new account's text messages go to proven numbers only (sns:CreateSMSSandboxPhoneNumber). \
To anybody: POST /_aws/sns/{region}/sandbox {{"isInSandbox": false}}"""
_NUMBER = re.compile(r"\+?[0-9]{1,15}")
_SENDER_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{1,11}")


def digits_of(number: str) -> str:
    return number.removeprefix("+")


class TextSettings(Record):
    """What an account's text messages have in common, as it was set."""

    attributes: dict[str, str] = {}


class Phone(Record):
    """A number that has opted out once; shelved by its digits."""

    is_opted_out: bool
    opted_in: float = 0.0
    """When the account last opted it in; zero for never."""


class Sandbox(Record):
    """Where an account's text messages may go; an account without one is in the sandbox."""

    is_left: bool = False


class Destination(Record):
    """A number that an account may write to in the sandbox, or soon; shelved by its digits."""

    code: str
    """What proves it, as it was last sent."""
    added: float
    sent: tuple[float, ...]
    """When codes were sent."""
    tried: float
    """When it was last proven, or tried to be."""
    is_verified: bool = False


def is_in_sandbox(call: Call) -> bool:
    held = call.shelf(Sandbox).get("")
    return held is None or not held.is_left


def _is_held_back(call: Call, number: str) -> bool:
    held = call.shelf(Destination).get(digits_of(number))
    return is_in_sandbox(call) and not (held is not None and held.is_verified)


def _settings(call: Call) -> dict[str, str]:
    held = call.shelf(TextSettings).get("")
    return held.attributes if held is not None else {}


def is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


# Settings ------------------------------------------------------------------------------------------


def _is_rate(value: str) -> bool:
    return value.isascii() and value.isdecimal() and int(value) <= 100


_CHECKS = {
    "DefaultSenderID": lambda value: _SENDER_ID.fullmatch(value) is not None,
    "DefaultSMSType": KINDS.__contains__,
    "DeliveryStatusSuccessSamplingRate": _is_rate,
    "MonthlySpendLimit": "1".__eq__,
}
_NOT_HERE = ("DeliveryStatusIAMRole", "UsageReportS3Bucket")


def SetSMSAttributes(call: Call, *, attributes: dict[str, str]) -> dict:
    """The limit of a new account is one dollar, and it takes AWS to raise it. Refusals recorded: test_set_invalid_sms_attributes."""
    for name, value in attributes.items():
        if name in _NOT_HERE:
            raise NotImplementedHere(f"the attribute {name} of text messages")
        if name not in _CHECKS:
            raise InvalidParameterException(f"{name} is not a valid attribute")
        if not _CHECKS[name](value):
            raise InvalidParameterException(f"{name} is invalid")
    call.shelf(TextSettings)[""] = TextSettings(attributes=_settings(call) | attributes)
    return {}


def GetSMSAttributes(call: Call, *, attributes: list[str] | None = None) -> dict:
    told = {"MonthlySpendLimit": "1"} | _settings(call)
    return {"attributes": {name: value for name, value in told.items() if not attributes or name in attributes}}


# Who wants none ------------------------------------------------------------------------------------


def _checked_number(text: str) -> str:
    if not is_number(text):
        raise InvalidParameterException.of("PhoneNumber", "input incorrectly formatted")
    return digits_of(text)


def CheckIfPhoneNumberIsOptedOut(call: Call, *, phoneNumber: str) -> dict:
    return {"isOptedOut": is_opted_out(call, _checked_number(phoneNumber))}


def ListPhoneNumbersOptedOut(call: Call) -> dict:
    return {"phoneNumbers": [f"+{digits}" for digits, held in sorted(call.shelf(Phone).items()) if held.is_opted_out]}


def OptInPhoneNumber(call: Call, *, phoneNumber: str) -> dict:
    """A number that never opted out is opted in with success (recorded: test_opt_in_non_existing_phone_number)."""
    digits = _checked_number(phoneNumber)
    held = call.shelf(Phone).get(digits)
    if held is not None and held.is_opted_out:
        if held.opted_in + OPT_IN_AGAIN_S > call.now():
            raise InvalidParameterException.of("PhoneNumber", "a number can be opted in once every 30 days")
        call.shelf(Phone)[digits] = Phone(is_opted_out=False, opted_in=call.now())
    return {}


def hear(call: Call, number: str, text: str) -> bool:
    """Somebody answers from a phone; whether the number wants nothing any more."""
    digits, phones = digits_of(number), call.shelf(Phone)
    held = phones.get(digits)
    if text.strip().upper() in STOP_WORDS:
        held = phones[digits] = Phone(is_opted_out=True, opted_in=held.opted_in if held is not None else 0.0)
    return held is not None and held.is_opted_out


# Sending -------------------------------------------------------------------------------------------


def check(attributes: dict[str, dict[str, Any]] | None) -> None:
    """https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html"""
    for name, value in (attributes or {}).items():
        if name in ("AWS.SNS.SMS.MaxPrice", "AWS.MM.SMS.OriginationNumber", "AWS.MM.SMS.EntityId", "AWS.MM.SMS.TemplateId"):
            raise NotImplementedHere(f"the attribute {name} of text messages")
        said = value.get("StringValue", "")
        if (name == KIND and said not in KINDS) or (name == SENDER_ID and not _SENDER_ID.fullmatch(said)):
            raise InvalidParameterException.of("MessageAttributes", f"Invalid value [{said}] for {name}")


def is_opted_out(call: Call, number: str) -> bool:
    held = call.shelf(Phone).get(digits_of(number))
    return held is not None and held.is_opted_out


async def send(call: Call, message: Message, number: str, token: str, *, is_code: bool = False) -> None:
    """As on AWS, who publishes to a number that the sandbox holds back is not told so; whoever runs the cloud is."""
    code = "PhoneNumberOptedOut" if is_opted_out(call, number) else "PhoneNumberNotVerified" if _is_held_back(call, number) and not is_code else ""
    if code:
        call.home.note("undelivered", topic=message.topic, subscription=number, code=code, is_buried=False)
        if code == "PhoneNumberNotVerified":
            call.home.gate.on_hint("A text message", code, HELD_BACK.format(region=call.region))
        return
    settings = _settings(call)
    own = {name: value.get("StringValue") for name, value in message.attributes.items()}
    sender = own.get(SENDER_ID) or settings.get("DefaultSenderID", SENDER)
    kind = own.get(KIND) or settings.get("DefaultSMSType", "Promotional")
    letter = {
        "account": call.account, "from": formataddr((sender, ADDRESS)), "to": f"+{digits_of(number)}@{DOMAIN}", "subject": f"{kind} text message",
        "text": message.text_for("sms"), "token": token,
    }  # fmt: skip
    await call.home.heard("", "ses", {"post": letter})
