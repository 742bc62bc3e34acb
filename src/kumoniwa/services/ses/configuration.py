"""Configuration sets: what is told of the mails that are sent with them, and to whom.

A destination is kept as the second API spells it. Opens and clicks, which a mail's reader would tell, are refused by name.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ses import page
from kumoniwa.services.ses.errors import (
    ConfigurationSetAlreadyExistsException,
    ConfigurationSetDoesNotExistException,
    ConfigurationSetSendingPausedException,
    EventDestinationAlreadyExistsException,
    EventDestinationDoesNotExistException,
    InvalidConfigurationSetException,
    InvalidParameterValue,
    InvalidSNSDestinationException,
    LimitExceededException,
)

SETS_MAX = 10_000
DESTINATIONS_MAX = 10
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
KINDS = {
    "send": "SEND", "reject": "REJECT", "bounce": "BOUNCE", "complaint": "COMPLAINT", "delivery": "DELIVERY", "open": "OPEN",
    "click": "CLICK", "renderingFailure": "RENDERING_FAILURE",
}  # fmt: skip
"""Kinds of events as the first API spells them, and the second."""
_KINDS_BACK = {second: first for first, second in KINDS.items()}
NEEDS_A_READER = frozenset({"OPEN", "CLICK", "SUBSCRIPTION"})
ELSEWHERE = {
    "KinesisFirehoseDestination": "Firehose", "CloudWatchDestination": "CloudWatch", "PinpointDestination": "Pinpoint",
}  # fmt: skip


class ConfigurationSet(Record):
    """Shelved by its name."""

    name: str
    created: float
    is_sending: bool = True
    destinations: dict[str, dict[str, Any]] = {}
    suppressed_reasons: tuple[str, ...] | None = None
    """None for those of the account."""
    tls: str = ""
    delivery_s_max: int = 0
    tags: dict[str, str] = {}


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"configuration-set/{name}", "ses")


def existing(call: Call, name: str) -> ConfigurationSet:
    found = call.shelf(ConfigurationSet).get(name)
    if found is None:
        raise ConfigurationSetDoesNotExistException(name)
    return found


def check_sending(call: Call, name: str) -> None:
    if name and not existing(call, name).is_sending:
        raise ConfigurationSetSendingPausedException(name)


def make(call: Call, name: str, **said: Any) -> ConfigurationSet:
    sets = call.shelf(ConfigurationSet)
    if _NAME.fullmatch(name) is None:
        raise InvalidConfigurationSetException(
            f"Invalid configuration set name <{name}>: only alphanumeric ASCII characters, '_', and '-' are allowed."
        )
    if name in sets:
        raise ConfigurationSetAlreadyExistsException(name)
    if len(sets) >= SETS_MAX:
        raise LimitExceededException("The maximum number of configuration sets has been reached.")
    made = sets[name] = ConfigurationSet(name=name, created=call.now(), **said)
    return made


def keep(call: Call, held: ConfigurationSet, **said: Any) -> None:
    call.shelf(ConfigurationSet)[held.name] = changed(held, **said)


def drop(call: Call, name: str) -> None:
    existing(call, name)
    del call.shelf(ConfigurationSet)[name]


def put_destination(call: Call, set_name: str, name: str, destination: dict[str, Any], *, is_new: bool) -> None:
    """``destination`` as the second API spells it."""
    held = existing(call, set_name)
    if is_new and name in held.destinations:
        raise EventDestinationAlreadyExistsException(set_name, name)
    if not is_new and name not in held.destinations:
        raise EventDestinationDoesNotExistException(set_name)
    if len(held.destinations) >= DESTINATIONS_MAX and is_new:
        raise LimitExceededException("The maximum number of event destinations has been reached.")
    _check_destination(call, destination)
    keep(call, held, destinations={**held.destinations, name: {"Enabled": False, **destination, "Name": name}})


def _check_destination(call: Call, destination: dict[str, Any]) -> None:
    for member, service in ELSEWHERE.items():
        if destination.get(member):
            raise NotImplementedHere(f"{service} as an event destination of SES")
    for kind in destination.get("MatchingEventTypes") or ():
        if kind in NEEDS_A_READER:
            raise NotImplementedHere(f"events of kind {kind} of SES")
    topic, bus = destination.get("SnsDestination"), destination.get("EventBridgeDestination")
    if (topic is None) == (bus is None):
        raise InvalidParameterValue("Exactly one destination must be specified.")
    if topic is not None:
        check_topic(call, topic["TopicArn"])
    elif bus["EventBusArn"] != call.arn("event-bus/default", "events"):
        raise InvalidParameterValue("Only the default event bus is supported.")


def check_topic(call: Call, text: str) -> None:
    """Nobody may count on a topic whose service does not exist here: that is refused by name."""
    arn = arns.parse(text)
    if arn is None or arn.service != "sns" or arn.region != call.region:
        raise InvalidSNSDestinationException(f"SNS topic <{text}> is not valid.")
    call.home.gate.routes.named("sns", "Publish")


def drop_destination(call: Call, set_name: str, name: str) -> None:
    held = existing(call, set_name)
    if name not in held.destinations:
        raise EventDestinationDoesNotExistException(set_name)
    keep(call, held, destinations={each: held.destinations[each] for each in held.destinations if each != name})


# Operations ----------------------------------------------------------------------------------------


def CreateConfigurationSet(call: Call, *, ConfigurationSet: dict[str, Any]) -> dict:
    make(call, ConfigurationSet["Name"])
    return {}


def DeleteConfigurationSet(call: Call, *, ConfigurationSetName: str) -> dict:
    drop(call, ConfigurationSetName)
    return {}


def ListConfigurationSets(call: Call, *, NextToken: str | None = None, MaxItems: int | None = None) -> dict:
    names, more = page.cut(call.shelf(ConfigurationSet), NextToken, MaxItems, usual=1000)
    return {"ConfigurationSets": [{"Name": name} for name in names], **more}


def DescribeConfigurationSet(call: Call, *, ConfigurationSetName: str, ConfigurationSetAttributeNames: list[str] | None = None) -> dict:
    held = existing(call, ConfigurationSetName)
    wanted = ConfigurationSetAttributeNames or ()
    reply: dict[str, Any] = {"ConfigurationSet": {"Name": held.name}}
    if "eventDestinations" in wanted:
        reply["EventDestinations"] = [_first(each) for each in held.destinations.values()]
    if "deliveryOptions" in wanted and held.tls:
        reply["DeliveryOptions"] = {"TlsPolicy": held.tls.capitalize()}
    if "reputationOptions" in wanted:
        reply["ReputationOptions"] = {"SendingEnabled": held.is_sending, "ReputationMetricsEnabled": False}
    return reply


def _first(destination: dict[str, Any]) -> dict[str, Any]:
    """A destination as the first API spells it, which knows no EventBridge."""
    told = {name: destination[name] for name in ("Name", "Enabled")}
    told["MatchingEventTypes"] = [_KINDS_BACK[kind] for kind in destination["MatchingEventTypes"] if kind in _KINDS_BACK]
    return told | ({"SNSDestination": {"TopicARN": destination["SnsDestination"]["TopicArn"]}} if "SnsDestination" in destination else {})


def _second(said: dict[str, Any]) -> dict[str, Any]:
    destination = {name: said[name] for name in ("Enabled", *ELSEWHERE) if name in said}
    destination["MatchingEventTypes"] = [KINDS[kind] for kind in said["MatchingEventTypes"]]
    return destination | ({"SnsDestination": {"TopicArn": said["SNSDestination"]["TopicARN"]}} if "SNSDestination" in said else {})


def CreateConfigurationSetEventDestination(call: Call, *, ConfigurationSetName: str, EventDestination: dict[str, Any]) -> dict:
    put_destination(call, ConfigurationSetName, EventDestination["Name"], _second(EventDestination), is_new=True)
    return {}


def UpdateConfigurationSetEventDestination(call: Call, *, ConfigurationSetName: str, EventDestination: dict[str, Any]) -> dict:
    put_destination(call, ConfigurationSetName, EventDestination["Name"], _second(EventDestination), is_new=False)
    return {}


def DeleteConfigurationSetEventDestination(call: Call, *, ConfigurationSetName: str, EventDestinationName: str) -> dict:
    drop_destination(call, ConfigurationSetName, EventDestinationName)
    return {}


def UpdateConfigurationSetSendingEnabled(call: Call, *, ConfigurationSetName: str, Enabled: bool) -> None:
    keep(call, existing(call, ConfigurationSetName), is_sending=Enabled)


def PutConfigurationSetDeliveryOptions(call: Call, *, ConfigurationSetName: str, DeliveryOptions: dict[str, Any] | None = None) -> dict:
    """Every mail is delivered on this machine: there is no way on which it could be read, with TLS or without."""
    keep(call, existing(call, ConfigurationSetName), tls=((DeliveryOptions or {}).get("TlsPolicy") or "").upper())
    return {}
