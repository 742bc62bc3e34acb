"""AWS::Events."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    OMIT,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Work,
    as_json,
    at,
    carries,
    from_json,
    gone_tags,
    p,
    same,
    seen,
    use,
)

EventBus = ResourceType(
    create=Call("events:CreateEventBus", "Name Description KmsKeyIdentifier DeadLetterConfig LogConfig Tags"),
    id=p.Name,
    read=Call("events:DescribeEventBus", Name=ID),
    settings=(
        Setting(
            Call("events:PutPermission", EventBusName=ID, Policy=as_json(p.Policy)),
            Call("events:RemovePermission", EventBusName=ID, RemoveAllPermissions=True),
        ),
    ),
    update=(
        Call("events:UpdateEventBus", "Description KmsKeyIdentifier DeadLetterConfig LogConfig", Name=ID),
        Call("events:UntagResource", ResourceARN=seen.Arn, TagKeys=gone_tags).when(gone_tags),
        Call("events:TagResource", ResourceARN=seen.Arn, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("events:DeleteEventBus", Name=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": seen.Arn, "Name": ID},
    defaults={"Description": "", "KmsKeyIdentifier": "", "DeadLetterConfig": {}, "LogConfig": {}},
    drift=(Reading({"Description": seen.Description, "Policy": from_json(seen.Policy)}),),
)


def _of(work: Work) -> dict[str, str]:
    bus = work.properties.get("EventBusName")
    return {"Rule": work.id} | ({"EventBusName": bus} if bus else {})


async def _remove(work: Work, ids: list[str]) -> None:
    if ids:
        await work.ask("events:RemoveTargets", Ids=ids, **_of(work))


@carries("Targets")
async def _put_targets(work: Work) -> None:
    targets: list[dict[str, Any]] = work.properties.get("Targets", [])
    kept = {target["Id"] for target in targets}
    await _remove(work, [target["Id"] for target in work.old.get("Targets", ()) if target["Id"] not in kept])
    if targets:
        await work.ask("events:PutTargets", Targets=targets, **_of(work))


async def _delete_rule(work: Work) -> None:
    """A rule is deleted once it has no targets, whoever put them."""
    held = await work.look("events:ListTargetsByRule", **_of(work))
    await _remove(work, [target["Id"] for target in held["Targets"]])
    of = _of(work)
    await work.ask("events:DeleteRule", Name=of.pop("Rule"), **of)


_said = "Description RoleArn ScheduleExpression State"
_pattern = use(lambda found: json.dumps(found) if isinstance(found, dict) and found else found or OMIT, p.EventPattern)
"""An empty one is none, as cdk-preflight saw it of AWS: pf-events-pattern-empty."""


@carries(f"{_said} EventPattern")
async def _put_rule(work: Work) -> None:
    """PutRule says all of a rule: what it leaves out is gone."""
    said = {name: work.properties[name] for name in _said.split() if name in work.properties}
    pattern = _pattern._read(work)
    of = _of(work)
    await work.ask("events:PutRule", Name=of.pop("Rule"), **of, **said, **({} if pattern is OMIT else {"EventPattern": pattern}))


_put_rule.handles_absence = True


def _reference(name: str, bus: str | None) -> str:
    """Recorded: localstack's test_events.py, test_rule_properties."""
    bus = (bus or "default").rpartition("/")[2]
    return name if bus == "default" else f"{bus}|{name}"


Rule = ResourceType(
    name=Name("Name", 64),
    create=Call("events:PutRule", f"Name EventBusName Tags {_said}", EventPattern=_pattern),
    id=p.Name,
    read=Call("events:DescribeRule", Name=ID, EventBusName=at(p.EventBusName)),
    settings=(Setting(_put_targets, _put_targets),),
    update=(
        _put_rule,
        Call("events:UntagResource", ResourceARN=seen.Arn, TagKeys=gone_tags).when(gone_tags),
        Call("events:TagResource", ResourceARN=seen.Arn, Tags=p.Tags).when(p.Tags),
    ),
    delete=_delete_rule,
    absent="ResourceNotFoundException",
    attributes={"Arn": seen.Arn, "RuleName": ID},
    ref=use(_reference, ID, p.EventBusName),
    drift=(
        Reading({**same(_said, seen), "EventPattern": from_json(seen.EventPattern)}),
        Reading({"Targets": seen.Targets}, Call("events:ListTargetsByRule", Rule=ID, EventBusName=at(p.EventBusName))),
    ),
)


@carries("Action Principal Condition Statement")
async def _put_permission(work: Work) -> dict[str, Any]:
    """Each is one statement of the bus's policy, either in the words of the API or in those of policies."""
    said = work.properties
    bus = {"EventBusName": said["EventBusName"]} if said.get("EventBusName") else {}
    if "Statement" not in said:
        words = {name: said[name] for name in ("Action", "Principal", "StatementId", "Condition") if name in said}
        await work.ask("events:PutPermission", **words, **bus)
        return {}
    held = await work.look("events:DescribeEventBus", Name=said.get("EventBusName", "default"))
    policy = json.loads(held.get("Policy") or '{"Version": "2012-10-17", "Statement": []}')
    mine = {**said["Statement"], "Sid": said["StatementId"]}
    policy["Statement"] = [each for each in policy["Statement"] if each.get("Sid") != mine["Sid"]] + [mine]
    await work.ask("events:PutPermission", Policy=json.dumps(policy), **bus)
    return {}


_put_permission.places = frozenset({"EventBusName", "StatementId"})
_put_permission.handles_absence = True

EventBusPolicy = ResourceType(
    create=_put_permission,
    id=p.StatementId,
    update=(_put_permission,),
    delete=Call("events:RemovePermission", "EventBusName", StatementId=ID),
    absent="ResourceNotFoundException",
)

_archive = Call(
    "events:UpdateArchive", "Description RetentionDays KmsKeyIdentifier", ArchiveName=ID, EventPattern=as_json(p.EventPattern)
)

Archive = ResourceType(
    name=Name("ArchiveName", 48),
    create=Call(
        "events:CreateArchive",
        "ArchiveName Description RetentionDays KmsKeyIdentifier",
        EventSourceArn=p.SourceArn,
        EventPattern=as_json(p.EventPattern),
    ),
    id=p.ArchiveName,
    read=Call("events:DescribeArchive", ArchiveName=ID),
    update=(_archive,),
    delete=Call("events:DeleteArchive", ArchiveName=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": seen.ArchiveArn, "ArchiveName": ID},
    defaults={"Description": "", "EventPattern": "", "RetentionDays": 0, "KmsKeyIdentifier": ""},
    drift=(
        Reading({**same("Description RetentionDays", seen), "EventPattern": from_json(seen.EventPattern)}),
    ),
)


_endpoint = {
    "RoutingConfig": p.RoutingConfig, "EventBuses": p.EventBuses, "ReplicationConfig": p.ReplicationConfig, "RoleArn": p.RoleArn,
    "Description": p.Description,
}  # fmt: skip

Endpoint = ResourceType(
    name=Name("Name", 64),
    create=Call("events:CreateEndpoint", Name=p.Name, **_endpoint),
    id=p.Name,
    read=Call("events:DescribeEndpoint", Name=ID),
    ready={"State": "ACTIVE"},
    update=(Call("events:UpdateEndpoint", Name=ID, **_endpoint),),
    delete=Call("events:DeleteEndpoint", Name=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": seen.Arn, "EndpointId": seen.EndpointId, "EndpointUrl": seen.EndpointUrl, "State": seen.State},
    defaults={"Description": "", "ReplicationConfig": {"State": "ENABLED"}},
    drift=(Reading(same("Description RoutingConfig ReplicationConfig RoleArn", seen)),),
)


def _without_id(arn: str) -> str:
    """As a role's policy names it: the id that AWS gave it does not matter."""
    return arn.rpartition("/")[0]


_connection = "AuthorizationType AuthParameters Description"

Connection = ResourceType(
    name=Name("Name", 64),
    create=Call("events:CreateConnection", f"Name {_connection}"),
    id=p.Name,
    read=Call("events:DescribeConnection", Name=ID),
    update=(Call("events:UpdateConnection", _connection, Name=ID),),
    delete=Call("events:DeleteConnection", Name=ID),
    absent="ResourceNotFoundException",
    attributes={
        "Arn": seen.ConnectionArn,
        "ArnForPolicy": use(_without_id, seen.ConnectionArn),
        "SecretArn": seen.SecretArn,
    },
    defaults={"Description": ""},
    drift=(Reading(same("AuthorizationType Description", seen)),),
)

_destination = "ConnectionArn Description HttpMethod InvocationEndpoint InvocationRateLimitPerSecond"

ApiDestination = ResourceType(
    name=Name("Name", 64),
    create=Call("events:CreateApiDestination", f"Name {_destination}"),
    id=p.Name,
    read=Call("events:DescribeApiDestination", Name=ID),
    update=(Call("events:UpdateApiDestination", _destination, Name=ID),),
    delete=Call("events:DeleteApiDestination", Name=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": seen.ApiDestinationArn, "ArnForPolicy": use(_without_id, seen.ApiDestinationArn)},
    defaults={"Description": "", "InvocationRateLimitPerSecond": 300},
    drift=(Reading(same(_destination, seen)),),
)
