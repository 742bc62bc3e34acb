"""Versions, which never change, and aliases, which route to one or two of them."""

from __future__ import annotations

import base64
import re
from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.stepfunctions.encryption import Encryption
from kumoniwa.services.stepfunctions.errors import (
    ConflictException,
    InvalidToken,
    ResourceNotFound,
    StateMachineDoesNotExist,
    ValidationException,
)
from kumoniwa.services.stepfunctions.machine import StateMachine, existing, parsed_arn


class Version(Record):
    """Shelved by ``name:number``."""

    arn: str
    number: int
    definition: str
    role: str
    created: float
    revision: str
    description: str = ""
    encryption: Encryption | None = None


class Alias(Record):
    """Shelved by ``machine:alias``."""

    arn: str
    name: str
    routing: tuple[dict[str, Any], ...]
    created: float
    modified: float
    description: str = ""


class Chosen(NamedTuple):
    """What an ARN stands for when an execution begins."""

    machine: StateMachine
    definition: str
    role: str
    encryption: Encryption | None
    version: str = ""
    alias: str = ""


def _missing(arn: str) -> StateMachineDoesNotExist:
    return StateMachineDoesNotExist(f"State Machine Does Not Exist: '{arn}'")


def chosen(call: Call, arn: str) -> Chosen:
    """A state machine as it is now, one of its versions, or the version that an alias chooses by weight."""
    name, _, qualifier = parsed_arn(arn, "stateMachine").partition(":")
    if not qualifier:
        machine = existing(call, arn)
        return Chosen(machine, machine.definition, machine.role, machine.encryption)
    machine = call.shelf(StateMachine).get(name)
    if machine is None or arn != f"{machine.arn}:{qualifier}":
        raise _missing(arn)
    alias = call.shelf(Alias).get(f"{name}:{qualifier}")
    if alias is not None:
        weights = [route["weight"] for route in alias.routing]
        target = call.ids.random.choices(alias.routing, weights)[0]["stateMachineVersionArn"]
        qualifier = target.rpartition(":")[2]
    version = call.shelf(Version).get(f"{name}:{qualifier}")
    if version is None:
        raise _missing(arn)
    return Chosen(machine, version.definition, version.role, version.encryption, version.arn, alias.arn if alias is not None else "")


def versions_of(call: Call, machine: StateMachine) -> list[Version]:
    """The newest first."""
    found = [one for key, one in call.shelf(Version).items() if key.rpartition(":")[0] == machine.name]
    return sorted(found, key=lambda one: -one.number)


def aliases_of(call: Call, machine: StateMachine) -> list[Alias]:
    return [one for key, one in call.shelf(Alias).items() if key.rpartition(":")[0] == machine.name]


def publish(call: Call, machine: StateMachine, description: str) -> Version:
    """A version of the state machine as it is now; the latest one again if nothing has changed since, which then is described anew.
    (CloudFormation changes a version's description without replacing it, and moto verified on AWS what an update describes:
    test_create_state_machine_with_version_description.)"""
    held = versions_of(call, machine)
    if held and held[0].revision == machine.revision:
        same = changed(held[0], description=description or held[0].description)
        call.shelf(Version)[f"{machine.name}:{same.number}"] = same
        return same
    number = machine.versions + 1
    version = Version(
        arn=f"{machine.arn}:{number}", number=number, definition=machine.definition, role=machine.role, created=call.now(),
        revision=machine.revision, description=description, encryption=machine.encryption,
    )  # fmt: skip
    call.shelf(Version)[f"{machine.name}:{number}"] = version
    call.shelf(StateMachine)[machine.name] = changed(machine, versions=number)
    return version


def forget(call: Call, machine: StateMachine) -> None:
    """What belongs to a state machine goes with it."""
    for kind in (Version, Alias):
        shelf = call.shelf(kind)
        for key in [key for key in shelf if key.rpartition(":")[0] == machine.name]:
            del shelf[key]


# Operations on versions --------------------------------------------------------------------------------


def PublishStateMachineVersion(call: Call, *, stateMachineArn: str, revisionId: str | None = None, description: str | None = None) -> dict:
    machine = existing(call, stateMachineArn)
    if revisionId is not None and revisionId != (machine.revision or "INITIAL"):
        raise ConflictException(
            f"Failed to publish the State Machine version for revision {revisionId}. The current State Machine revision is {machine.revision or 'INITIAL'}."
        )
    version = publish(call, machine, description or "")
    return {"creationDate": version.created, "stateMachineVersionArn": version.arn}


_PAGE = 100
"""How many are listed for who does not say, or says 0."""


def _page(name: str, found: list[dict[str, Any]], key: str, after: str | None, size: int | None) -> dict[str, Any]:
    """A token is made of the last that was listed. Raises InvalidToken."""
    tokens = [base64.urlsafe_b64encode(one[key].encode()).decode() for one in found]
    if after is not None and after not in tokens:
        raise InvalidToken
    first = tokens.index(after) + 1 if after is not None else 0
    end = first + (size or _PAGE)
    return {name: found[first:end]} | ({"nextToken": tokens[end - 1]} if end < len(found) else {})


def ListStateMachineVersions(call: Call, *, stateMachineArn: str, nextToken: str | None = None, maxResults: int | None = None) -> dict:
    machine = existing(call, stateMachineArn)
    found = [{"stateMachineVersionArn": one.arn, "creationDate": one.created} for one in versions_of(call, machine)]
    return _page("stateMachineVersions", found, "stateMachineVersionArn", nextToken, maxResults)


def DeleteStateMachineVersion(call: Call, *, stateMachineVersionArn: str) -> None:
    name, _, number = parsed_arn(stateMachineVersionArn, "stateMachine").partition(":")
    if not number.isdigit():
        raise ValidationException("The stateMachineVersionArn must be the ARN of a version")
    pointing = [one.name for key, one in call.shelf(Alias).items() if any(r["stateMachineVersionArn"] == stateMachineVersionArn for r in one.routing)]
    if pointing:
        raise ConflictException(
            "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: "
            f"[{', '.join(sorted(pointing))}]"
        )
    _drop(call.shelf(Version), f"{name}:{number}", stateMachineVersionArn)


def _drop(shelf: Any, key: str, arn: str) -> None:
    """Take off its shelf what an ARN names, if it is there: another region's has the same key."""
    if (held := shelf.get(key)) is not None and held.arn == arn:
        del shelf[key]


# Operations on aliases ---------------------------------------------------------------------------------


def _routing(call: Call, routes: list[dict[str, Any]]) -> tuple[StateMachine, tuple[dict[str, Any], ...]]:
    """Raises ValidationException, InvalidArn, ResourceNotFound."""
    arns = [route["stateMachineVersionArn"] for route in routes]
    if any(not arn.rpartition(":")[2].isdigit() for arn in arns):
        raise ValidationException(f"Routing configuration must contain state machine version ARNs. Received: [{', '.join(arns)}]")
    if len(set(arns)) < len(arns):
        raise ValidationException("Routing configuration must contain distinct state machine version ARNs. Received: [" + ", ".join(arns) + "]")
    if len({arn.rpartition(":")[0] for arn in arns}) > 1:
        raise ValidationException("Routing configuration must contain versions of one state machine. Received: [" + ", ".join(arns) + "]")
    if sum(route["weight"] for route in routes) != 100:
        raise ValidationException(f"Sum of routing configuration weights must equal 100. Received: {[r['weight'] for r in routes]}")
    machine = existing(call, arns[0].rpartition(":")[0])
    for arn in arns:
        if f"{machine.name}:{arn.rpartition(':')[2]}" not in call.shelf(Version):
            raise ResourceNotFound("Request references a resource that does not exist.")
    return machine, tuple({"stateMachineVersionArn": r["stateMachineVersionArn"], "weight": r["weight"]} for r in routes)


def CreateStateMachineAlias(call: Call, *, name: str, routingConfiguration: list[dict], description: str | None = None) -> dict:
    if not re.search(r"[a-zA-Z_.\-]", name):
        raise ValidationException(f"An alias name cannot be a number: '{name}'")
    machine, routing = _routing(call, routingConfiguration)
    key, now = f"{machine.name}:{name}", call.now()
    found = call.shelf(Alias).get(key)
    if found is None:
        found = Alias(arn=f"{machine.arn}:{name}", name=name, routing=routing, created=now, modified=now, description=description or "")
        call.shelf(Alias)[key] = found
    elif found.routing != routing or found.description != (description or ""):
        raise ConflictException("Failed to create alias because an alias with the same name and a different routing configuration already exists.")
    return {"stateMachineAliasArn": found.arn, "creationDate": found.created}


def _alias(call: Call, arn: str) -> tuple[str, Alias]:
    key = parsed_arn(arn, "stateMachine")
    found = call.shelf(Alias).get(key)
    if found is None or found.arn != arn:
        raise ResourceNotFound("Request references a resource that does not exist.")
    return key, found


def DescribeStateMachineAlias(call: Call, *, stateMachineAliasArn: str) -> dict:
    _, found = _alias(call, stateMachineAliasArn)
    answer = {
        "stateMachineAliasArn": found.arn, "name": found.name, "routingConfiguration": list(found.routing), "creationDate": found.created,
        "updateDate": found.modified,
    }  # fmt: skip
    return answer | ({"description": found.description} if found.description else {})


def UpdateStateMachineAlias(
    call: Call, *, stateMachineAliasArn: str, description: str | None = None, routingConfiguration: list[dict] | None = None
) -> dict:
    if routingConfiguration is None and description is None:
        # https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachineAlias.html ("at least one of …");
        # the text is moto's.
        raise ValidationException("You must provide at least one of routingConfiguration or description")
    key, found = _alias(call, stateMachineAliasArn)
    if routingConfiguration is not None:
        found = changed(found, routing=_routing(call, routingConfiguration)[1])
    if description is not None:
        found = changed(found, description=description)
    call.shelf(Alias)[key] = found = changed(found, modified=call.now())
    return {"updateDate": found.modified}


def DeleteStateMachineAlias(call: Call, *, stateMachineAliasArn: str) -> None:
    _drop(call.shelf(Alias), parsed_arn(stateMachineAliasArn, "stateMachine"), stateMachineAliasArn)


def ListStateMachineAliases(call: Call, *, stateMachineArn: str, nextToken: str | None = None, maxResults: int | None = None) -> dict:
    name, _, number = parsed_arn(stateMachineArn, "stateMachine").partition(":")
    machine = call.shelf(StateMachine).get(name)
    if machine is None or stateMachineArn not in (machine.arn, f"{machine.arn}:{number}"):
        raise _missing(stateMachineArn)
    found = [one for one in aliases_of(call, machine) if not number or any(r["stateMachineVersionArn"] == stateMachineArn for r in one.routing)]
    told = [{"stateMachineAliasArn": one.arn, "creationDate": one.created} for one in found]
    return _page("stateMachineAliases", told, "stateMachineAliasArn", nextToken, maxResults)
