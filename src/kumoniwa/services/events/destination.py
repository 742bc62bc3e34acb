"""The operations on API destinations. Answers recorded: test_api_destinations_and_connection, TestEventBridgeApiDestinations."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.gate import api_destination as destinations
from kumoniwa.gate import connection as connections
from kumoniwa.gate.api_destination import RATE_DEFAULT, ApiDestination
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.events.errors import (
    LimitExceededException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ValidationException,
)
from kumoniwa.services.events.page import paged

DESTINATIONS_MAX = 3_000
_ENDPOINT = re.compile(r"https://.+|http://(?:127\.\d+\.\d+\.\d+|\[::1\]|(?:[\w.-]+\.)?localhost)(?::\d+)?(?:[/?].*)?")
"""AWS wants HTTPS. An endpoint on this machine may do without."""


def existing(call: Call, name: str, verb: str) -> ApiDestination:
    found = call.shelf(ApiDestination).get(name)
    if found is None:
        raise ResourceNotFoundException(f"Failed to {verb} the api-destination(s). An api-destination '{name}' does not exist.")
    return found


def _check(call: Call, endpoint: str | None, connection: str | None) -> None:
    if endpoint is not None and not _ENDPOINT.fullmatch(endpoint):
        raise ValidationException(
            # Measured: https://github.com/badmintoncryer/cdk-preflight (pf-events-apidestination-endpoint).
            f"Parameter InvocationEndpoint is not valid. Reason: Endpoint '{endpoint}' is not valid",
            hint="Only endpoints on loopback addresses may use HTTP."
        )
    if connection is not None and connections.find(call, connection) is None:
        name = connection.partition(":connection/")[2].partition("/")[0]
        raise ResourceNotFoundException(f"Connection '{name}' does not exist.")


def _told(call: Call, destination: ApiDestination) -> dict[str, Any]:
    connection = connections.find(call, destination.connection)
    return {
        "ApiDestinationArn": destinations.arn_of(call, destination),
        "ApiDestinationState": "ACTIVE" if connection is not None and connection.state == "AUTHORIZED" else "INACTIVE",
        "CreationTime": destination.created,
        "LastModifiedTime": destination.modified,
    }


def _listed(call: Call, destination: ApiDestination) -> dict[str, Any]:
    return _told(call, destination) | {
        "Name": destination.name,
        "ConnectionArn": destination.connection,
        "InvocationEndpoint": destination.endpoint,
        "HttpMethod": destination.method,
        "InvocationRateLimitPerSecond": destination.rate,
    }


def CreateApiDestination(
    call: Call, *, Name: str, ConnectionArn: str, InvocationEndpoint: str, HttpMethod: str, Description: str | None = None,
    InvocationRateLimitPerSecond: int | None = None,
) -> dict:  # fmt: skip
    _check(call, InvocationEndpoint, ConnectionArn)
    held = call.shelf(ApiDestination)
    if Name in held:
        raise ResourceAlreadyExistsException(f"An api-destination '{Name}' already exists.")
    if len(held) >= DESTINATIONS_MAX:
        raise LimitExceededException
    held[Name] = made = ApiDestination(
        name=Name, id=call.new_id(), connection=ConnectionArn, endpoint=InvocationEndpoint, method=HttpMethod, created=call.now(),
        modified=call.now(), description=Description, rate=InvocationRateLimitPerSecond or RATE_DEFAULT,
    )  # fmt: skip
    return _told(call, made)


def UpdateApiDestination(
    call: Call, *, Name: str, Description: str | None = None, ConnectionArn: str | None = None, InvocationEndpoint: str | None = None,
    HttpMethod: str | None = None, InvocationRateLimitPerSecond: int | None = None,
) -> dict:  # fmt: skip
    """What is not said stays as it is."""
    held = existing(call, Name, "update")
    _check(call, InvocationEndpoint, ConnectionArn)
    said = {
        "description": Description, "connection": ConnectionArn, "endpoint": InvocationEndpoint, "method": HttpMethod,
        "rate": InvocationRateLimitPerSecond,
    }  # fmt: skip
    made = changed(held, modified=call.now(), **{name: value for name, value in said.items() if value is not None})
    call.shelf(ApiDestination)[Name] = made
    return _told(call, made)


def DeleteApiDestination(call: Call, *, Name: str) -> None:
    existing(call, Name, "delete")
    del call.shelf(ApiDestination)[Name]


def DescribeApiDestination(call: Call, *, Name: str) -> dict:
    destination = existing(call, Name, "describe")
    described = {"Description": destination.description} if destination.description is not None else {}
    return _listed(call, destination) | described


def ListApiDestinations(
    call: Call, *, NamePrefix: str | None = None, ConnectionArn: str | None = None, NextToken: str | None = None, Limit: int | None = None
) -> dict:
    found = {
        name: each
        for name, each in call.shelf(ApiDestination).items()
        if name.startswith(NamePrefix or "") and ConnectionArn in (None, each.connection)
    }
    return paged(found, NextToken, Limit, lambda each: _listed(call, each), "ApiDestinations")
