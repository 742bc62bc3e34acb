"""Platform applications: apps that a push service knows, and whom SNS tells what becomes of their devices.

The credentials of a push service are judged to be there and kept nowhere: no push service is asked here, so that nobody would read them.
https://docs.aws.amazon.com/sns/latest/dg/mobile-push-send-register.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import orjson

from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.sns import delivery_policy
from kumoniwa.services.sns.errors import InvalidParameterException, NotFoundException, checked_arn
from kumoniwa.wire import timestamps

NAME_CHARACTERS_MAX = 256
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
APPLE = ("APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "MACOS", "MACOS_SANDBOX")
PLATFORMS = ("ADM", "GCM", *APPLE)
_NOT_HERE = ("BAIDU", "MPNS", "WNS")
WITHOUT_PRINCIPAL = ("GCM",)
CREDENTIALS = ("PlatformPrincipal", "PlatformCredential")
EVENTS = ("EventEndpointCreated", "EventEndpointDeleted", "EventEndpointUpdated", "EventDeliveryFailure")


class Application(Record):
    """Shelved by its platform and name."""

    platform: str
    name: str
    created: float
    attributes: dict[str, str] = {}
    """As they are shown; only those that were set."""

    @property
    def key(self) -> str:
        return f"{self.platform}/{self.name}"

    @property
    def is_enabled(self) -> bool:
        return self.attributes.get("Enabled", "true") == "true"


def path_of(call: Call, text: str, what: str, kind: str, slashes: int) -> str | None:
    """What an ARN names after its kind; None if it is another account's."""
    parts = checked_arn(text, what)
    found, _, rest = parts[5].partition("/")
    if len(parts) != 6 or found != kind or rest.count("/") != slashes:
        # Recorded: test_set_platform_endpoint_attributes_invalid_arn.
        raise InvalidParameterException.of(what, "Wrong number of slashes in relative portion of the ARN.")
    if parts[3] != call.region:
        raise InvalidParameterException.of(what)
    return rest if parts[4] == call.account else None


def named(call: Call, arn: str) -> Application:
    path = path_of(call, arn, "PlatformApplicationArn", "app", 1)
    found = call.shelf(Application).get(path) if path is not None else None
    if found is None:
        raise NotFoundException("PlatformApplication does not exist")
    return found


def arn_of(call: Call, application: Application) -> str:
    return call.arn(f"app/{application.key}")


# Attributes ----------------------------------------------------------------------------------------


def _switch(name: str, value: str) -> str:
    if value.lower() not in ("true", "false"):
        raise InvalidParameterException.of("Attributes", f"Invalid value for attribute: {name}: must be true or false")
    return value.lower()


def _rate(name: str, value: str) -> str:
    if not (value.isascii() and value.isdecimal() and int(value) <= 100):
        raise InvalidParameterException.of("Attributes", f"Invalid value for attribute: {name}: must be a percentage from 0 to 100")
    return value


def _topic(name: str, value: str) -> str:
    """An empty one tells nobody any more."""
    topic = arns.parse(value)
    if value and (topic is None or topic.service != "sns" or not topic.resource or "/" in topic.resource):
        raise InvalidParameterException.of("Attributes", f"Invalid value for attribute: {name}: must be the ARN of a topic")
    return value


def _not_logged(name: str, value: str) -> str:
    if value:
        raise NotImplementedHere(f"the attribute {name} of platform applications: deliveries are not logged")
    return value


_CHECKS = {
    "Enabled": _switch,
    "SuccessFeedbackSampleRate": _rate,
    "SuccessFeedbackRoleArn": _not_logged,
    "FailureFeedbackRoleArn": _not_logged,
    "ApplePlatformTeamID": lambda name, value: value,
    "ApplePlatformBundleID": lambda name, value: value,
    **dict.fromkeys(EVENTS, _topic),
}


def _checked(said: dict[str, str]) -> dict[str, str]:
    """What of an application's attributes is kept. AWS's text for a name that it does not know is the recorded one for endpoints."""
    for name in said:
        if name not in _CHECKS and name not in CREDENTIALS:
            raise InvalidParameterException.of("Attributes", f"Invalid attribute name: {name}")
    return {name: _CHECKS[name](name, value) for name, value in said.items() if name not in CREDENTIALS}


def _check_credentials(platform: str, said: dict[str, str]) -> None:
    """Recorded: test_create_platform_application_invalid_attributes. No source states the text where both are wanting."""
    has_principal, has_credential = (bool(said.get(name)) for name in CREDENTIALS)
    if has_principal and not has_credential:
        raise InvalidParameterException.of("Attributes", "PlatformPrincipal attribute provided without PlatformCredential")
    if has_credential and not has_principal and platform not in WITHOUT_PRINCIPAL:
        raise InvalidParameterException.of("Attributes", "PlatformCredential attribute provided without PlatformPrincipal")
    if not has_credential:
        raise InvalidParameterException.of("Attributes", "PlatformCredential attribute must be provided")


# Operations ------------------------------------------------------------------------------------------


def CreatePlatformApplication(call: Call, *, Name: str, Platform: str, Attributes: dict[str, str]) -> dict:
    """An application is made once. Whether it is made again with the same credentials nobody can tell, because they are not kept."""
    if not Name:
        raise InvalidParameterException.of(Name, "cannot be empty")
    if len(Name) > NAME_CHARACTERS_MAX:
        raise InvalidParameterException.of(Name, f"must be at most {NAME_CHARACTERS_MAX} characters long")
    if not _NAME.fullmatch(Name):
        raise InvalidParameterException.of(Name, "must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'")
    if Platform in _NOT_HERE:
        raise NotImplementedHere(f"platform applications of {Platform}")
    if Platform not in PLATFORMS:
        raise InvalidParameterException.of("Platform", f"{Platform} is not supported")
    attributes = _checked(Attributes)
    _check_credentials(Platform, Attributes)
    application = Application(platform=Platform, name=Name, created=call.now(), attributes=_kept(attributes))
    held = call.shelf(Application).get(application.key)
    if held is None:
        call.shelf(Application)[application.key] = application
    elif shown(held) != shown(application):
        raise InvalidParameterException.of("Attributes", "An application with the same name but different attributes already exists")
    return {"PlatformApplicationArn": arn_of(call, application)}


def _kept(attributes: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value}


def shown(application: Application) -> dict[str, str]:
    """Credentials are never shown (recorded: test_get_platform_application_attributes)."""
    return {"Enabled": "true", **application.attributes}


def GetPlatformApplicationAttributes(call: Call, *, PlatformApplicationArn: str) -> dict:
    return {"Attributes": shown(named(call, PlatformApplicationArn))}


def SetPlatformApplicationAttributes(call: Call, *, PlatformApplicationArn: str, Attributes: dict[str, str]) -> None:
    held = named(call, PlatformApplicationArn)
    call.shelf(Application)[held.key] = changed(held, attributes=_kept({**held.attributes, **_checked(Attributes)}))


def ListPlatformApplications(call: Call) -> dict:
    found = sorted(call.shelf(Application).values(), key=lambda each: (each.created, each.key))
    return {"PlatformApplications": [{"PlatformApplicationArn": arn_of(call, each), "Attributes": shown(each)} for each in found]}


# Whom it tells -----------------------------------------------------------------------------------------


class Told(msgspec.Struct, array_like=True):
    """An event on its way to a topic."""

    application: str
    topic: str
    text: bytes


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Told).decode


def tell(call: Call, application: Application, event: str, endpoint_arn: str, **more: Any) -> None:
    """Promise the topic that wants to know of it what happened to a device.

    AWS shows the form of these texts on no page; it is that of the messages which customers quote.
    """
    topic = application.attributes.get(event)
    if topic is None:
        return
    arn = arn_of(call, application)
    said = {"EndpointArn": endpoint_arn, "EventType": event.removeprefix("Event"), "Resource": arn, "Service": "SNS"}
    text = orjson.dumps({**said, **more, "Time": timestamps.to_millisecond(call.now())}, option=orjson.OPT_SORT_KEYS)
    OUTBOX.put(call, _encode(Told(arn, topic, text)))


async def _deliver(call: Call, delivery: Delivery) -> float | None:
    told = _decode(delivery.body)
    # The policy of a topic that was given none lets in whoever acts for the topic's owner.
    context = {"aws:SourceArn": told.application, "aws:SourceAccount": call.account, "aws:SourceOwner": call.account}
    topic = arns.parse(told.topic)
    try:
        await call.acting("sns.amazonaws.com", **context).ask(
            "sns:Publish", to_region=topic.region, once=delivery.token, TopicArn=told.topic, Message=told.text.decode()
        )
    except AwsError as error:
        wait_s = delivery_policy.pause_for_aws(delivery.attempts) if patience.is_passing(error) else None
        if wait_s is None:
            call.home.note("undelivered", topic=told.topic, subscription=told.application, code=error.code, is_buried=False)
        return wait_s
    return None


OUTBOX = Outbox("sns", _deliver, kind="platform_event")
