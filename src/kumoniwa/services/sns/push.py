"""Push notifications: what a push service would be sent for a device. It lies in the region's mailbox as a mail to
``<id of the endpoint>@push.localhost``, and goes nowhere else.

Where an app was taken off a device, its push service knows the token no more. A person says so with
``POST /_aws/sns/<region>/devices`` (see ``door``); the next notification finds it out, as on AWS.
https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
"""

from __future__ import annotations

from email.utils import formataddr
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.sns import application as applications
from kumoniwa.services.sns import device, http
from kumoniwa.services.sns.application import APPLE, Application
from kumoniwa.services.sns.device import Endpoint
from kumoniwa.services.sns.errors import InvalidParameterException
from kumoniwa.services.sns.message import Message

ADDRESS, DOMAIN = "no-reply@sns.amazonaws.com", "push.localhost"
KEPT_S = KEPT_S_MAX = 2_419_200
"""For how long a push service waits for a device: four weeks. https://docs.aws.amazon.com/sns/latest/dg/sns-ttl.html"""
BYTES_MAX = {"ADM": 6_144, "APNS_VOIP": 5_120, "APNS_VOIP_SANDBOX": 5_120}
"""Of a payload; others take 4 KiB. The push services state them."""
_PREFIX = "AWS.SNS.MOBILE."
_HEADERS = ("PRIORITY", "TOPIC", "PUSH_TYPE", "COLLAPSE_ID")
"""https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html"""


class EndpointDisabledException(AwsError):
    message = "Endpoint is disabled"


class PlatformApplicationDisabledException(AwsError):
    message = "Platform application is disabled"


class Unregistered(Record):
    """A token that a push service knows no more; shelved by application and token."""

    since: float


def register(call: Call, endpoint: Endpoint, *, is_registered: bool) -> None:
    key, gone = f"{endpoint.app} {endpoint.token}", call.shelf(Unregistered)
    if not is_registered:
        gone[key] = Unregistered(since=call.now())
    elif key in gone:
        del gone[key]


# What may be said --------------------------------------------------------------------------------------


class Malformed(Exception):
    """The text says why."""


def payload_of(message: Message, platform: str) -> dict[str, Any]:
    """What the app on the device gets. A text that is not the platform's own is wrapped as its apps are known to get it; AWS states
    that form on no page."""
    said = orjson.loads(message.text) if message.is_structured else {}
    own = said.get(platform)
    if not isinstance(own, str):
        text = said["default"] if message.is_structured else message.text
        payload: Any = {"aps": {"alert": text}} if platform in APPLE else {"data": {"default": text}}
    else:
        try:
            payload = orjson.loads(own)
        except orjson.JSONDecodeError:
            raise Malformed("Notification is malformed") from None
        if not isinstance(payload, dict):
            raise Malformed("Notification is malformed")
    if len(orjson.dumps(payload)) > (limit := BYTES_MAX.get(platform, 4_096)):
        raise Malformed(f"Notification is too long: more than {limit} bytes")
    return payload


def check(message: Message, platform: str) -> None:
    """Whoever sends to one device is told at once that its push service would not take it. No source states AWS's text."""
    try:
        payload_of(message, platform)
    except Malformed as error:
        raise InvalidParameterException.of("Message", f"Invalid notification for protocol {platform}: {error}") from None


def check_open(call: Call, endpoint: Endpoint) -> None:
    if not endpoint.is_enabled:
        raise EndpointDisabledException
    if not device.application_of(call, endpoint).is_enabled:
        raise PlatformApplicationDisabledException


def _envelope(message: Message, application: Application, endpoint: Endpoint, payload: dict[str, Any]) -> str:
    """What SNS tells the push service besides the payload."""
    own = {name: value.get("StringValue", "") for name, value in message.attributes.items()}
    kept = own.get(f"{_PREFIX}{application.platform}.TTL", "")
    told: dict[str, Any] = {
        "platform": application.platform, "token": endpoint.token, "ttl": min(int(kept), KEPT_S_MAX) if kept.isdecimal() else KEPT_S,
    }  # fmt: skip
    if application.platform in APPLE:
        told |= {name.lower(): own[f"{_PREFIX}APNS.{name}"] for name in _HEADERS if f"{_PREFIX}APNS.{name}" in own}
    return orjson.dumps({**told, "payload": payload}, option=orjson.OPT_INDENT_2).decode()


# Sending -------------------------------------------------------------------------------------------


async def send(call: Call, message: Message, endpoint_arn: str, token: str) -> None:
    """Raises ``http.Undelivered`` where the device will never get it."""
    endpoint = device.find(call, endpoint_arn)
    if endpoint is None:
        raise http.Undelivered("EndpointNotFound", is_passing=False)
    application = device.application_of(call, endpoint)
    try:
        check_open(call, endpoint)
        payload = payload_of(message, application.platform)
    except Malformed:
        raise http.Undelivered("InvalidNotification", is_passing=False) from None
    except AwsError as error:
        raise http.Undelivered(error.code.removesuffix("Exception"), is_passing=False) from None
    if f"{endpoint.app} {endpoint.token}" in call.shelf(Unregistered):
        call.atomically(lambda: _turn_away(call, application, endpoint, message))
        raise http.Undelivered("InvalidPlatformToken", is_passing=False)
    letter = {
        "account": call.account, "from": formataddr((application.name, ADDRESS)), "to": f"{endpoint.id}@{DOMAIN}",
        "subject": f"{application.platform} push notification", "text": _envelope(message, application, endpoint, payload), "token": token,
    }  # fmt: skip
    await call.home.heard("", "ses", {"post": letter})


def _turn_away(call: Call, application: Application, endpoint: Endpoint, message: Message) -> None:
    """The push service does not know the token: the endpoint is disabled. Of a message to a topic no failure is told.
    https://docs.aws.amazon.com/sns/latest/api/API_SetPlatformApplicationAttributes.html"""
    device.disable(call, endpoint)
    if not message.topic:
        why = {"FailureType": "InvalidPlatformToken", "FailureMessage": "Platform token associated with the endpoint is not valid"}
        applications.tell(
            call, application, "EventDeliveryFailure", device.arn_of(call, endpoint), DeliveryAttempts=1, MessageId=message.id, **why
        )
