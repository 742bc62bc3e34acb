"""Configuration sets and their destinations, as the second API tells them."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.ses import configuration, page
from kumoniwa.services.ses.configuration import ConfigurationSet
from kumoniwa.services.sesv2.errors import in_own_words
from kumoniwa.services.sesv2.identity import tags_of, told_tags


def CreateConfigurationSet(
    call: Call, *, ConfigurationSetName: str, DeliveryOptions: dict[str, Any] | None = None,
    ReputationOptions: dict[str, Any] | None = None, SendingOptions: dict[str, Any] | None = None,
    Tags: list[dict[str, str]] | None = None, SuppressionOptions: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    _no_metrics((ReputationOptions or {}).get("ReputationMetricsEnabled"))
    with in_own_words():
        configuration.make(
            call, ConfigurationSetName, tags=tags_of(Tags), is_sending=(SendingOptions or {}).get("SendingEnabled", True),
            suppressed_reasons=_reasons(SuppressionOptions), **_delivery(DeliveryOptions or {}),
        )  # fmt: skip
    return {}


def _no_metrics(wanted: bool | None) -> None:
    if wanted:
        raise NotImplementedHere("ReputationMetricsEnabled of SES, whose metrics are CloudWatch's")


def _reasons(options: dict[str, Any] | None) -> tuple[str, ...] | None:
    for name in ("SuppressionScope", "ValidationOptions"):
        if (options or {}).get(name):
            raise NotImplementedHere(f"{name} of SES's suppression options")
    return None if options is None or "SuppressedReasons" not in options else tuple(options["SuppressedReasons"])


def _delivery(options: dict[str, Any]) -> dict[str, Any]:
    """Mails are delivered at once and on this machine: neither TLS nor a time limit can hold one up."""
    if options.get("SendingPoolName"):
        raise NotImplementedHere("pools of dedicated IP addresses of SES")
    return {"tls": options.get("TlsPolicy") or "", "delivery_s_max": options.get("MaxDeliverySeconds") or 0}


def _existing(call: Call, name: str) -> ConfigurationSet:
    with in_own_words():
        return configuration.existing(call, name)


def GetConfigurationSet(call: Call, *, ConfigurationSetName: str) -> dict:
    held = _existing(call, ConfigurationSetName)
    delivery = {"TlsPolicy": held.tls or "OPTIONAL"} | ({"MaxDeliverySeconds": held.delivery_s_max} if held.delivery_s_max else {})
    reply: dict[str, Any] = {
        "ConfigurationSetName": held.name,
        "DeliveryOptions": delivery,
        "ReputationOptions": {"ReputationMetricsEnabled": False},
        "SendingOptions": {"SendingEnabled": held.is_sending},
        "Tags": told_tags(held.tags),
    }
    return reply | ({"SuppressionOptions": {"SuppressedReasons": list(held.suppressed_reasons)}} if held.suppressed_reasons is not None else {})


def DeleteConfigurationSet(call: Call, *, ConfigurationSetName: str) -> dict:
    with in_own_words():
        configuration.drop(call, ConfigurationSetName)
    return {}


def ListConfigurationSets(call: Call, *, NextToken: str | None = None, PageSize: int | None = None) -> dict:
    names, more = page.cut(call.shelf(ConfigurationSet), NextToken, PageSize, usual=1000)
    return {"ConfigurationSets": names, **more}


def PutConfigurationSetSendingOptions(call: Call, *, ConfigurationSetName: str, SendingEnabled: bool | None = None) -> dict:
    configuration.keep(call, _existing(call, ConfigurationSetName), is_sending=bool(SendingEnabled))
    return {}


def PutConfigurationSetReputationOptions(
    call: Call, *, ConfigurationSetName: str, ReputationMetricsEnabled: bool | None = None
) -> dict:
    _existing(call, ConfigurationSetName)
    _no_metrics(ReputationMetricsEnabled)
    return {}


def PutConfigurationSetSuppressionOptions(
    call: Call, *, ConfigurationSetName: str, SuppressedReasons: list[str] | None = None
) -> dict:
    configuration.keep(call, _existing(call, ConfigurationSetName), suppressed_reasons=tuple(SuppressedReasons or ()))
    return {}


def PutConfigurationSetDeliveryOptions(
    call: Call, *, ConfigurationSetName: str, TlsPolicy: str | None = None, SendingPoolName: str | None = None,
    MaxDeliverySeconds: int | None = None,
) -> dict:  # fmt: skip
    said = {"TlsPolicy": TlsPolicy, "SendingPoolName": SendingPoolName, "MaxDeliverySeconds": MaxDeliverySeconds}
    configuration.keep(call, _existing(call, ConfigurationSetName), **_delivery(said))
    return {}


# Destinations --------------------------------------------------------------------------------------


def CreateConfigurationSetEventDestination(
    call: Call, *, ConfigurationSetName: str, EventDestinationName: str, EventDestination: dict[str, Any]
) -> dict:
    with in_own_words():
        configuration.put_destination(call, ConfigurationSetName, EventDestinationName, EventDestination, is_new=True)
    return {}


def UpdateConfigurationSetEventDestination(
    call: Call, *, ConfigurationSetName: str, EventDestinationName: str, EventDestination: dict[str, Any]
) -> dict:
    with in_own_words():
        configuration.put_destination(call, ConfigurationSetName, EventDestinationName, EventDestination, is_new=False)
    return {}


def DeleteConfigurationSetEventDestination(call: Call, *, ConfigurationSetName: str, EventDestinationName: str) -> dict:
    with in_own_words():
        configuration.drop_destination(call, ConfigurationSetName, EventDestinationName)
    return {}


def GetConfigurationSetEventDestinations(call: Call, *, ConfigurationSetName: str) -> dict:
    return {"EventDestinations": list(_existing(call, ConfigurationSetName).destinations.values())}
