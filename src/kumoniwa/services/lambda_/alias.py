"""Aliases: names that point at a version, or at two with a share of the requests for the second."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_ import event, provision
from kumoniwa.services.lambda_.destination import InvokeConfig
from kumoniwa.services.lambda_.errors import (
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from kumoniwa.services.lambda_.function import Alias, Version, aliases, check_revision, existing, not_found
from kumoniwa.services.lambda_.name import LATEST, arn, function_named
from kumoniwa.services.lambda_.permission import Policy
from kumoniwa.services.lambda_.url import Url, forget


def _shown(call: Call, alias: Alias) -> dict:
    reply: dict[str, Any] = {
        "AliasArn": arn(call, alias.function, alias.name),
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision,
    }
    if alias.weights:
        reply["RoutingConfig"] = {"AdditionalVersionWeights": alias.weights}
    return reply


def _alias(call: Call, name: str, alias: str) -> Alias:
    held = call.shelf(Alias).get(f"{name}:{alias}")
    if held is None:
        raise ResourceNotFoundException(f"Cannot find alias arn: {arn(call, name, alias)}")
    return held


class LatestBesideAnother(AwsError):
    """Of this refusal alone Lambda does not say whose fault it was (recorded: test_notfound_and_invalid_routingconfigs)."""

    code = "InvalidParameterValueException"
    message = "$LATEST is not supported for an alias pointing to more than 1 version"


def _check_target(call: Call, name: str, version: str, weights: dict[str, float]) -> None:
    """Recorded: test_notfound_and_invalid_routingconfigs."""
    if len(weights) > 1:
        raise InvalidParameterValueException("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if version in weights:
        raise InvalidParameterValueException(
            f"Invalid function version {version}. Function version {version} is already included in routing configuration."
        )
    if weights and version == LATEST:
        raise LatestBesideAnother
    for wanted in (version, *weights):
        if f"{name}:{wanted}" not in call.shelf(Version):
            raise not_found(call, name, wanted)


def CreateAlias(
    call: Call,
    *,
    FunctionName: str,
    Name: str,
    FunctionVersion: str,
    Description: str | None = None,
    RoutingConfig: dict[str, Any] | None = None,
) -> dict:
    name, _ = function_named(call, FunctionName)
    weights = (RoutingConfig or {}).get("AdditionalVersionWeights") or {}
    _check_target(call, name, FunctionVersion, weights)
    if f"{name}:{Name}" in call.shelf(Alias):
        raise ResourceConflictException(f"Alias already exists: {arn(call, name, Name)}")
    alias = Alias(
        function=name, name=Name, version=FunctionVersion, description=Description or "", weights=weights, revision=call.new_id()
    )
    call.shelf(Alias)[f"{name}:{Name}"] = alias
    return _shown(call, alias)


def GetAlias(call: Call, *, FunctionName: str, Name: str) -> dict:
    name, _ = function_named(call, FunctionName)
    return _shown(call, _alias(call, name, Name))


def UpdateAlias(
    call: Call,
    *,
    FunctionName: str,
    Name: str,
    FunctionVersion: str | None = None,
    Description: str | None = None,
    RoutingConfig: dict[str, Any] | None = None,
    RevisionId: str | None = None,
) -> dict:
    name, _ = function_named(call, FunctionName)
    held = call.shelf(Alias).get(f"{name}:{Name}")
    if held is None:
        raise ResourceNotFoundException(f"Alias not found: {arn(call, name, Name)}")
    check_revision(held.revision, RevisionId)
    weights = held.weights if RoutingConfig is None else RoutingConfig.get("AdditionalVersionWeights") or {}
    _check_target(call, name, FunctionVersion or held.version, weights)
    alias = changed(
        held,
        version=FunctionVersion or held.version,
        description=held.description if Description is None else Description,
        weights=weights,
        revision=call.new_id(),
    )
    call.shelf(Alias)[f"{name}:{Name}"] = alias
    call.after_commit(lambda: call.home.wake(event.WAITING))
    return _shown(call, alias)


def DeleteAlias(call: Call, *, FunctionName: str, Name: str) -> None:
    """An alias that is not there is deleted without complaint (recorded: test_non_existent_alias_deletion).

    What is said of the alias alone goes with it: its URL (recorded: test_lambda_url_persists_after_alias_delete), so that no
    later alias of this name is open to whom this one was.
    """
    name, _ = function_named(call, FunctionName)
    key = f"{name}:{Name}"
    if key in call.shelf(Alias):
        for kind in (Alias, Policy, InvokeConfig):
            call.shelf(kind).pop(key, None)
        if key in call.shelf(Url):
            forget(call, call.shelf(Url)[key])
        provision.drop(call, name, Name)
        call.after_commit(lambda: call.home.wake(event.WAITING))


def ListAliases(call: Call, *, FunctionName: str, FunctionVersion: str | None = None) -> dict:
    name, _ = function_named(call, FunctionName)
    existing(call, name)
    return {"Aliases": [_shown(call, alias) for alias in aliases(call, name) if FunctionVersion in (None, alias.version)]}
