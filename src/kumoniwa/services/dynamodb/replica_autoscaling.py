"""How the replicas of a global table are scaled, told and set for all of them at once.

DynamoDB keeps nothing of this itself: it asks Application Auto Scaling in the region of each replica, and what was registered there by
others is told like its own. Writes are set for all replicas, reads for each by itself.
Recorded from AWS by ack-api-quirks in October 2026 (DDB-TABLE-187, 189, 198, 232, 237 to 243, 253 to 255, 289, 446), refusals word by word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.services.dynamodb import description, replica, scaling
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.group import CURRENT
from kumoniwa.services.dynamodb.scaling import READ, WRITE, Dimension
from kumoniwa.services.dynamodb.table import Index, ResourceNotFoundException, Table

_ALL = ("MaximumUnits", "ScalingPolicyUpdate", "MinimumUnits")
"""What an update says, in the order in which AWS names what is missing."""
_TOLD = ("DisableScaleIn", "ScaleInCooldown", "ScaleOutCooldown", "TargetValue")


class Change(NamedTuple):
    regions: list[str]
    dimension: Dimension
    wanted: dict[str, Any]


def _global(call: Call, name: str) -> Table:
    table = tables.held(call, name)
    if table is None or table.group is None or table.group.version != CURRENT:
        raise ResourceNotFoundException(f"Global table with name: '{tables.plain_name(name)}' does not exist.")
    return table


def _indexes(call: Call, table: Table) -> list[Index]:
    """One that is still being made is not spoken of (DDB-TABLE-323)."""
    return [index for index in table.indexes if index.is_global and description.index_status(call, table, index) == "ACTIVE"]


# Told ----------------------------------------------------------------------------------------------


async def DescribeTableReplicaAutoScaling(call: Call, *, TableName: str) -> dict:
    return {"TableAutoScalingDescription": await _shown(call, _global(call, TableName))}


async def _shown(call: Call, table: Table) -> dict[str, Any]:
    """All replicas by the names of their regions, this one among them."""
    members = sorted(table.group.members, key=lambda member: member.region)
    try:
        held = await asyncio.gather(*(_held(call, member.region, table) for member in members))
    except AwsError as error:
        raise replica.InternalServerError(hint=error.text) from None
    status = description.status_of(table, call.now())
    return {
        "TableName": table.name,
        "TableStatus": "ACTIVE" if status == "UPDATING" else status,
        "Replicas": [
            {
                "RegionName": member.region,
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": index.name,
                        "IndexStatus": "ACTIVE",
                        "ProvisionedReadCapacityAutoScalingSettings": found[Dimension.of(table.name, READ, index.name)],
                        "ProvisionedWriteCapacityAutoScalingSettings": found[Dimension.of(table.name, WRITE, index.name)],
                    }
                    for index in _indexes(call, table)
                ],
                "ReplicaProvisionedReadCapacityAutoScalingSettings": found[Dimension.of(table.name, READ)],
                "ReplicaProvisionedWriteCapacityAutoScalingSettings": found[Dimension.of(table.name, WRITE)],
                "ReplicaStatus": member.status,
            }
            for member, found in zip(members, held)
        ],
    }


async def _held(call: Call, region: str, table: Table) -> dict[Dimension, dict[str, Any]]:
    """A target without a policy scales nothing, and is told like none."""
    dimensions = [Dimension.of(table.name, kind, name) for name in ("", *(index.name for index in _indexes(call, table))) for kind in (READ, WRITE)]
    ids = list(dict.fromkeys(dimension.resource for dimension in dimensions))
    targets = (await scaling.ask(call, region, "DescribeScalableTargets", ServiceNamespace="dynamodb", ResourceIds=ids))["ScalableTargets"]
    bounds = {(target["ResourceId"], target["ScalableDimension"]): target for target in targets}
    policies: dict[tuple[str, str], list[dict]] = {}
    for each in dict.fromkeys(resource for resource, _ in bounds):
        for policy in (await scaling.ask(call, region, "DescribeScalingPolicies", ServiceNamespace="dynamodb", ResourceId=each))["ScalingPolicies"]:
            policies.setdefault((each, policy["ScalableDimension"]), []).append(policy)
    found = {}
    for dimension in dimensions:
        place = dimension.resource, dimension.named["ScalableDimension"]
        held = _settings(bounds[place], policies[place]) if place in policies else {"AutoScalingDisabled": True, "ScalingPolicies": []}
        # What scales a table that is on demand now is kept and told (DDB-TABLE-317).
        found[dimension] = held | ({"AutoScalingDisabled": True} if table.is_on_demand else {})
    return found


def _settings(target: dict, policies: list[dict]) -> dict[str, Any]:
    return {
        "MinimumUnits": target["MinCapacity"],
        "MaximumUnits": target["MaxCapacity"],
        "AutoScalingRoleArn": target["RoleARN"],
        "ScalingPolicies": [
            {
                "PolicyName": policy["PolicyName"],
                "TargetTrackingScalingPolicyConfiguration": {
                    name: value for name, value in policy["TargetTrackingScalingPolicyConfiguration"].items() if name in _TOLD
                },
            }
            for policy in policies
        ],
    }


# Set -----------------------------------------------------------------------------------------------


async def UpdateTableReplicaAutoScaling(
    call: Call,
    *,
    TableName: str,
    ProvisionedWriteCapacityAutoScalingUpdate: dict | None = None,
    GlobalSecondaryIndexUpdates: list[dict] | None = None,
    ReplicaUpdates: list[dict] | None = None,
) -> dict:
    """What is refused by Application Auto Scaling is refused in its words; what was set before that stays."""
    table = _global(call, TableName)
    changes = list(_changes(call, table, ProvisionedWriteCapacityAutoScalingUpdate, GlobalSecondaryIndexUpdates or [], ReplicaUpdates or []))
    for change in changes:
        _check(call, table, change)
    replica.refuse_while_changing(call, table)
    for change in changes:
        for region in change.regions:
            await _set(call, region, change)
    return {"TableAutoScalingDescription": await _shown(call, table)}


def _failed(table: Table, why: str) -> str:
    return f"Failed to update settings for global table with name: ‘{table.name}’ {why}"


def _changes(call: Call, table: Table, writes: dict | None, indexes: list[dict], replicas: list[dict]) -> Iterator[Change]:
    """What is asked for, of which regions. Raises if it concerns what there is not, or nothing."""
    everywhere = sorted(member.region for member in table.group.members)
    names = [index.name for index in _indexes(call, table)]
    if writes is None and not indexes and not replicas:
        raise ValidationException(_failed(table, "because at least one update parameter must be specified."))
    regions = [given["RegionName"] for given in replicas]
    twice = sorted({region for region in regions if regions.count(region) > 1})
    if twice:
        raise ValidationException(_failed(table, f"because the regions: ‘[{', '.join(twice)}]’ were specified more than once."))
    unknown = [region for region in regions if region not in everywhere]
    if unknown:
        raise ResourceNotFoundException(_failed(table, f"because a replica does not exist in regions: ‘[{', '.join(unknown)}]’."))
    unknown = [given.get("IndexName", "") for given in indexes if given.get("IndexName") not in names]
    if unknown:
        raise ResourceNotFoundException(
            _failed(table, f"because the global secondary indexes with names: ‘[{', '.join(unknown)}]’ do not exist.")
        )
    if writes is not None:
        yield Change(everywhere, Dimension.of(table.name, WRITE), writes)
    for given in indexes:
        if "ProvisionedWriteCapacityAutoScalingUpdate" in given:
            yield Change(everywhere, Dimension.of(table.name, WRITE, given["IndexName"]), given["ProvisionedWriteCapacityAutoScalingUpdate"])
    for given in replicas:
        region, of_indexes = given["RegionName"], given.get("ReplicaGlobalSecondaryIndexUpdates") or []
        if "ReplicaProvisionedReadCapacityAutoScalingUpdate" not in given and not of_indexes:
            raise ValidationException(_failed(table, f"because at least one update parameter must be specified for region: ‘{region}’."))
        if "ReplicaProvisionedReadCapacityAutoScalingUpdate" in given:
            yield Change([region], Dimension.of(table.name, READ), given["ReplicaProvisionedReadCapacityAutoScalingUpdate"])
        for each in of_indexes:
            name = each.get("IndexName", "")
            if name not in names:
                raise ResourceNotFoundException(
                    _failed(table, f"because a global secondary index with name: ‘{name}’ does not exist in region: ‘{region}’.")
                )
            if "ProvisionedReadCapacityAutoScalingUpdate" in each:
                yield Change([region], Dimension.of(table.name, READ, name), each["ProvisionedReadCapacityAutoScalingUpdate"])


def _parameter(dimension: Dimension) -> str:
    """What a table on demand is told it cannot set; the words of indexes are ours, after those of UpdateGlobalTableSettings."""
    if "/index/" in dimension.resource:
        return f"{'GlobalTable' if dimension.kind == WRITE else 'Replica'}GlobalSecondaryIndexSettingsUpdate"
    return f"{'GlobalTable' if dimension.kind == WRITE else 'Replica'}Provisioned{dimension.kind}CapacityAutoScalingSettingsUpdate"


def _check(call: Call, table: Table, change: Change) -> None:
    wanted = change.wanted
    if wanted.get("AutoScalingDisabled"):
        given = [name for name in _ALL if name in wanted]
        if given:
            raise ValidationException(
                f"Failed to update settings for global table with name ‘{table.name}’: "
                f"Parameters {_quoted(given)} must be left blank when disabling auto scaling."
            )
        return
    missing = [name for name in _ALL if name not in wanted]
    if missing:
        raise ValidationException(
            f"Failed to update settings for global table with name: ‘{table.name}’: "
            f"Parameters {_quoted(missing)} are required unless auto scaling is being disabled."
        )
    if table.is_on_demand:
        regions = _quoted(sorted(member.region.upper() for member in table.group.members))
        raise ValidationException(
            f"Failed to update global table with name ‘{table.name}‘. Replicas {regions} BillingMode is PayPerRequest. "
            f"You must convert table's BillingMode to PROVISIONED to set parameters: '{_parameter(change.dimension)}'."
        )
    role = wanted.get("AutoScalingRoleArn", scaling.ROLE.arn(call))
    if role != scaling.ROLE.arn(call):
        # The session's name is ours: what was recorded does not tell it.
        us = f"arn:{call.home.partition}:sts::{call.account}:assumed-role/AWSServiceRoleForDynamoDBReplication/DynamoDB"
        refused = f"User: {us} is not authorized to perform: iam:PassRole on resource: {role} because no identity-based policy allows the iam:PassRole action"
        raise _passed_through(call, refused)


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _passed_through(call: Call, text: str) -> ValidationException:
    return ValidationException(
        f"{text} (Service: AWSApplicationAutoScaling; Status Code: 400; Error Code: ValidationException; "
        f"Request ID: {call.request_id}; Proxy: null)"
    )


async def _set(call: Call, region: str, change: Change) -> None:
    try:
        if change.wanted.get("AutoScalingDisabled"):
            await _forget(call, region, change.dimension)
        else:
            await _scale(call, region, change.dimension, change.wanted)
    except AwsError as error:
        if error.code == "ValidationException":
            raise _passed_through(call, error.text) from None
        raise replica.InternalServerError(hint=f"Application Auto Scaling in {region} answers: {error.text}") from None


async def _forget(call: Call, region: str, dimension: Dimension) -> None:
    try:
        await scaling.ask(call, region, "DeregisterScalableTarget", **dimension.named)
    except AwsError as error:
        if error.code != "ObjectNotFoundException":
            raise


async def _scale(call: Call, region: str, dimension: Dimension, wanted: dict[str, Any]) -> None:
    """A dimension has one policy: another name puts another in its place, after its settings were found good under the old name."""
    said = wanted["ScalingPolicyUpdate"]
    name = said.get("PolicyName") or f"{dimension.metric}:{dimension.resource}"
    followed = {"PredefinedMetricSpecification": {"PredefinedMetricType": dimension.metric}}
    settings = {each: value for each, value in said["TargetTrackingScalingPolicyConfiguration"].items() if each in _TOLD} | followed
    put = {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": settings, **dimension.named}
    await scaling.ask(
        call, region, "RegisterScalableTarget", MinCapacity=wanted["MinimumUnits"], MaxCapacity=wanted["MaximumUnits"], **dimension.named
    )
    held = await scaling.policies(call, region, dimension)
    others = sorted(
        (policy for policy in held if policy["PolicyName"] != name),
        key=lambda policy: "PredefinedMetricSpecification" not in policy["TargetTrackingScalingPolicyConfiguration"],
    )
    if others:
        await scaling.ask(call, region, "PutScalingPolicy", PolicyName=others[0]["PolicyName"], **put)
    for policy in others:
        await scaling.ask(call, region, "DeleteScalingPolicy", PolicyName=policy["PolicyName"], **dimension.named)
    await scaling.ask(call, region, "PutScalingPolicy", PolicyName=name, **put)


# Passed on -----------------------------------------------------------------------------------------


async def passed_on(call: Call, table: Table, region: str) -> bool:
    """A new replica's writes are scaled like those of the table it is made from (DDB-TABLE-288); answers whether that is done. What cannot be
    set there is not, and holds no replica up."""
    if table.is_on_demand:
        return True
    try:
        for name in ("", *(index.name for index in _indexes(call, table))):
            await _copy(call, region, Dimension.of(table.name, WRITE, name))
    except AwsError as error:
        return error.code in ("ValidationException", "LimitExceededException")
    return True


async def _copy(call: Call, region: str, dimension: Dimension) -> None:
    here, place = call.home.name, dimension.named
    held = (await scaling.ask(call, here, "DescribeScalingPolicies", **place))["ScalingPolicies"]
    policy = next((each for each in held if "PredefinedMetricSpecification" in each["TargetTrackingScalingPolicyConfiguration"]), None)
    if policy is None:
        return
    asked = {"ServiceNamespace": "dynamodb", "ResourceIds": [dimension.resource], "ScalableDimension": place["ScalableDimension"]}
    for target in (await scaling.ask(call, here, "DescribeScalableTargets", **asked))["ScalableTargets"]:
        said = {name: policy[name] for name in ("PolicyName", "TargetTrackingScalingPolicyConfiguration")}
        wanted = {"MinimumUnits": target["MinCapacity"], "MaximumUnits": target["MaxCapacity"], "ScalingPolicyUpdate": said}
        await _scale(call, region, dimension, wanted)
