"""Event APIs: their ways of authentication, who may connect, publish and listen by which of them, and their addresses.

https://docs.aws.amazon.com/appsync/latest/eventapi/event-api-welcome.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.gate import firewall
from kumoniwa.gate.address import region_mark
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.appsync import graphqlapi
from kumoniwa.services.appsync.errors import (
    BadRequestException,
    NotFoundException,
    ServiceQuotaExceededException,
)
from kumoniwa.services.appsync.graphqlapi import APIS_MAX, ID_LENGTH, Address, arn_of, hosts

CONNECT, PUBLISH, SUBSCRIBE = "connectionAuthModes", "defaultPublishAuthModes", "defaultSubscribeAuthModes"
MODES = (CONNECT, PUBLISH, SUBSCRIBE)
_CONFIGURATIONS = {"cognitoConfig": "userPoolConfig"}
"""What the same configuration is called in a GraphQL API."""


class EventApi(Record):
    """Shelved by its id."""

    id: str
    name: str
    created: float
    config: dict[str, Any]
    """AWS's EventConfig as it was given."""
    contact: str | None = None
    tags: dict[str, str] = {}


class Admitting(NamedTuple):
    """An API as a caller meets it who wants to do one thing: with the providers by which that may be done."""

    id: str
    providers: list[dict[str, Any]]
    authentication: str = ""


def admitting(api: EventApi, modes: list[dict[str, str]]) -> Admitting:
    wanted = {mode["authType"] for mode in modes}
    found = []
    for provider in api.config["authProviders"]:
        if provider["authType"] in wanted:
            said = {_CONFIGURATIONS.get(name, name): value for name, value in provider.items() if name != "authType"}
            found.append({"authenticationType": provider["authType"], **said})
    return Admitting(api.id, found)


def existing(call: Call, api_id: str) -> EventApi:
    api = call.shelf(EventApi).get(api_id)
    if api is None:
        raise NotFoundException(f"Api {api_id} not found.")
    return api


def known(call: Call, api_id: str) -> None:
    """That there is an API of either kind. Raises NotFoundException."""
    if api_id not in call.shelf(EventApi):
        graphqlapi.existing(call, api_id)


def listed(call: Call, api: EventApi) -> dict[str, Any]:
    """What a list of APIs shows of one: no details."""
    names = hosts(call.home, api.id)
    web_acl = firewall.guarding(call, arn_of(call, api.id))
    told = {
        "apiId": api.id, "name": api.name, "apiArn": arn_of(call, api.id), "created": api.created, "tags": api.tags, "xrayEnabled": False,
        "dns": {"HTTP": names["GRAPHQL"], "REALTIME": names["REALTIME"]}, "ownerContact": api.contact, "wafWebAclArn": web_acl,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def shown(call: Call, api: EventApi) -> dict[str, Any]:
    return {**listed(call, api), "eventConfig": api.config}


def _check(call: Call, config: dict[str, Any]) -> None:
    if (log := config.get("logConfig")) is not None:
        call.require("iam:PassRole", log["cloudWatchLogsRoleArn"], **{"iam:PassedToService": "appsync.amazonaws.com"})
    kinds = [provider["authType"] for provider in config["authProviders"]]
    if not kinds:
        raise BadRequestException("At least one authorization provider is required.")
    for kind in ("API_KEY", "AWS_IAM", "AWS_LAMBDA"):
        if kinds.count(kind) > 1:
            raise BadRequestException(f"Only one authentication provider of type {kind} is allowed.")
    for provider in config["authProviders"]:
        said = {_CONFIGURATIONS.get(name, name): value for name, value in provider.items() if name != "authType"}
        graphqlapi.check_provider(call, {"authenticationType": provider["authType"], **said})
    for which in MODES:
        if not config[which]:
            raise BadRequestException(f"At least one authorization mode is required for {which}.")
        check_modes(config, config[which])


def check_modes(config: dict[str, Any], modes: list[dict[str, str]]) -> None:
    """Nobody can be let in by what no provider of the API is for."""
    kinds = {provider["authType"] for provider in config["authProviders"]}
    for mode in modes:
        if mode["authType"] not in kinds:
            raise BadRequestException(f"The authorization mode {mode['authType']} is not configured as an authorization provider of the API.")


def CreateApi(
    call: Call, *, name: str, eventConfig: dict[str, Any], ownerContact: str | None = None, tags: dict[str, str] | None = None
) -> dict:
    _check(call, eventConfig)
    if len(call.shelf(EventApi)) >= APIS_MAX:
        raise ServiceQuotaExceededException(f"The limit of {APIS_MAX} APIs is reached.")
    mark = region_mark(call.region)
    id_ = mark + call.ids.lower(ID_LENGTH - len(mark))
    api = EventApi(id=id_, name=name, created=call.now(), config=eventConfig, contact=ownerContact, tags=tags or {})
    call.shelf(EventApi)[id_] = api
    call.home.store.shelf(SHARED, Address)[id_] = Address(account=call.account)
    return {"api": shown(call, api)}


def GetApi(call: Call, *, apiId: str) -> dict:
    return {"api": shown(call, existing(call, apiId))}


def ListApis(call: Call) -> dict:
    return {"apis": [listed(call, api) for _, api in sorted(call.shelf(EventApi).items())]}


def UpdateApi(call: Call, *, apiId: str, name: str, eventConfig: dict[str, Any], ownerContact: str | None = None) -> dict:
    held = existing(call, apiId)
    _check(call, eventConfig)
    api = changed(held, name=name, config=eventConfig, contact=ownerContact if ownerContact is not None else held.contact)
    call.shelf(EventApi)[apiId] = api
    return {"api": shown(call, api)}
