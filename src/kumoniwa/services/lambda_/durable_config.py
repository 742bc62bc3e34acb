"""What makes a function durable, and what a durable function has to be.

It is made durable when it is created, or never: https://docs.aws.amazon.com/lambda/latest/dg/durable-configuration.html
The words that no other source is named for were seen of AWS by floci-io/floci (LambdaDurableConfigIntegrationTest).
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_.durable_begin import UNQUALIFIED, WAITS_S
from kumoniwa.services.lambda_.errors import InvalidParameterValueException
from kumoniwa.services.lambda_.function import Durable, Version

RUNTIMES = (
    "nodejs22.x", "nodejs24.x", "nodejs26.x", "python3.13", "python3.14", "python3.15", "java17", "java21", "java25", "dotnet8", "dotnet10",
)  # fmt: skip
"""https://docs.aws.amazon.com/lambda/latest/dg/durable-supported-runtimes.html, and those that have come after that page."""
JSON = {"LogFormat": "JSON"}


def settings(held: Version | None, config: dict[str, Any] | None, said: dict[str, Any], logging: dict[str, str] | None) -> dict[str, Any]:
    """The fields of a ``Version`` that follow from its durable configuration, be it said now or held. Raises
    InvalidParameterValueException."""
    before = held.durable if held is not None else None
    durable = before
    if config is not None:
        if held is not None and before is None:
            raise InvalidParameterValueException(
                "You cannot add a durable configuration to a function that was originally created with no durable configuration"
            )
        if config.get("KMSKeyArn"):
            raise NotImplementedHere("durable executions under a customer's key (lambda DurableConfig KMSKeyArn)")
        durable = _durable(before, config)
    if durable is None:
        return {}
    if (said.get("runtime") or held.runtime) not in RUNTIMES:
        # https://github.com/aws/aws-lambda-dotnet/issues/2418
        raise InvalidParameterValueException("You cannot use a managed runtime that does not support a durable configuration")
    if (logging or JSON).get("LogFormat", "JSON") != "JSON":
        raise InvalidParameterValueException("You cannot use plain text logs with a durable function. Only JSON format logs are supported")
    fields: dict[str, Any] = {"durable": durable}
    if held is None and said.get("timeout_s") is None:
        fields["timeout_s"] = min(durable.timeout_s, WAITS_S)
    return fields


def _durable(before: Durable | None, config: dict[str, Any]) -> Durable:
    timeout_s, days = config.get("ExecutionTimeout"), config.get("RetentionPeriodInDays")
    if before is None:
        if timeout_s is None:
            # https://github.com/aws/aws-extensions-for-dotnet-cli/pull/450
            raise InvalidParameterValueException("You cannot create a function with a durable configuration without an executionTimeout")
        before = Durable(timeout_s=timeout_s)
    return changed(before, timeout_s=timeout_s or before.timeout_s, retention_days=days or before.retention_days)


def check_mapping(version: Version, qualifier: str | None) -> None:
    """An event source's records are waited for: https://docs.aws.amazon.com/lambda/latest/dg/durable-invoking-esm.html. That AWS refuses what
    may last longer when the mapping is made is told in several places; its words were found nowhere."""
    if version.durable is None:
        return
    if qualifier is None:
        raise InvalidParameterValueException(UNQUALIFIED)
    if version.durable.timeout_s > WAITS_S:
        raise InvalidParameterValueException(
            "You cannot create an event source mapping for a durable function with an executionTimeout greater than 15 minutes."
        )


def check_destinations(version: Version, destinations: dict[str, str]) -> None:
    """"Durable functions support dead-letter queues (DLQs) for error handling, but don't support Lambda destinations":
    https://docs.aws.amazon.com/lambda/latest/dg/durable-invoking.html. The words were found nowhere."""
    if version.durable is not None and any(destinations.values()):
        raise InvalidParameterValueException("Durable functions do not support Lambda invocation destinations.")
