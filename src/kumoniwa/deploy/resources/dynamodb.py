"""AWS::DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping
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
    carries,
    each,
    either,
    fields,
    gone_tags,
    p,
    same,
    seen,
    text,
    use,
)
from kumoniwa.deploy.step import Senseless, settle

_index = fields("IndexName KeySchema Projection ProvisionedThroughput OnDemandThroughput")
_stream = fields("StreamViewType")
_encryption = fields("SSEEnabled=Enabled SSEType KMSMasterKeyId")


def _stream_specification(found: Any) -> dict[str, Any]:
    return {"StreamEnabled": True, **_stream(found)}


def _by_name(indexes: Any) -> dict[str, dict[str, Any]]:
    return {index["IndexName"]: index for index in indexes or ()}


_TABLE_MEMBERS = "BillingMode ProvisionedThroughput OnDemandThroughput DeletionProtectionEnabled TableClass"


@carries(f"{_TABLE_MEMBERS} AttributeDefinitions GlobalSecondaryIndexes StreamSpecification SSESpecification")
async def _update_table(work: Work) -> None:
    """DynamoDB takes one index and one kind of change at a time."""

    async def ask(**params: Any) -> None:
        await work.ask("dynamodb:UpdateTable", TableName=work.id, **params)
        await settle(work)

    new, old = work.properties, work.old
    plain = {name: new[name] for name in _TABLE_MEMBERS.split() if name in work.changed and name in new}
    if "BillingMode" in work.changed and "BillingMode" not in new:
        plain["BillingMode"] = "PROVISIONED"
    if plain.get("BillingMode") == "PROVISIONED" and "ProvisionedThroughput" in new:
        plain["ProvisionedThroughput"] = new["ProvisionedThroughput"]
    for name, absent in (("DeletionProtectionEnabled", False), ("TableClass", "STANDARD")):
        if name in work.changed and name not in new:
            plain[name] = absent
    if plain:
        await ask(**plain)
    if "SSESpecification" in work.changed:
        await ask(SSESpecification=_encryption(new.get("SSESpecification", {"SSEEnabled": False})))
    if "StreamSpecification" in work.changed:
        if "StreamSpecification" in old:
            await ask(StreamSpecification={"StreamEnabled": False})
        if "StreamSpecification" in new:
            await ask(StreamSpecification=_stream_specification(new["StreamSpecification"]))
    await _update_indexes(ask, new, _by_name(old.get("GlobalSecondaryIndexes")))


async def _update_indexes(ask: Any, new: dict[str, Any], had: dict[str, dict[str, Any]]) -> None:
    wanted = _by_name(new.get("GlobalSecondaryIndexes"))
    definitions = {"AttributeDefinitions": new.get("AttributeDefinitions", [])}

    def remade(name: str) -> bool:
        return any(had[name].get(part) != wanted[name].get(part) for part in ("KeySchema", "Projection"))

    for name in had:
        if name not in wanted or remade(name):
            await ask(GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": name}}])
    for name, index in wanted.items():
        if name not in had or remade(name):
            await ask(**definitions, GlobalSecondaryIndexUpdates=[{"Create": _index(index)}])
        elif index != had[name]:
            sizes = {
                part: index[part] for part in ("ProvisionedThroughput", "OnDemandThroughput") if part in index
            }
            await ask(GlobalSecondaryIndexUpdates=[{"Update": {"IndexName": name, **sizes}}])


_update_table.handles_absence = True


async def _expires_by(work: Work) -> str:
    """The attribute by which items expire, or nothing. DynamoDB refuses to be told what is so already."""
    found = await work.look("dynamodb:DescribeTimeToLive", TableName=work.id)
    found = found["TimeToLiveDescription"]
    return found.get("AttributeName", "") if found["TimeToLiveStatus"].startswith("ENABL") else ""


@carries("TimeToLiveSpecification")
async def _put_expiry(work: Work) -> None:
    specification, current = work.properties["TimeToLiveSpecification"], await _expires_by(work)
    wanted = specification.get("AttributeName", "") if specification["Enabled"] else ""
    if specification["Enabled"] and not wanted:
        # Seen of AWS by cdk-preflight: pf-dynamodb-ttl-attribute-required.
        text = "AttributeName property of TimeToLiveSpecification is required when TTL status is enabled or when enabling TTL."
        raise Senseless(text)
    if wanted != current:
        if not wanted:
            specification = {"AttributeName": current, "Enabled": False} | specification
        await work.ask("dynamodb:UpdateTimeToLive", TableName=work.id, TimeToLiveSpecification=specification)


async def _forget_expiry(work: Work) -> None:
    if name := await _expires_by(work):
        specification = {"AttributeName": name, "Enabled": False}
        await work.ask("dynamodb:UpdateTimeToLive", TableName=work.id, TimeToLiveSpecification=specification)


@carries("KinesisStreamSpecification")
async def _tell_stream(work: Work) -> None:
    """A table of a stack tells one stream of Kinesis at most: which one may change, and how exactly it tells the time."""
    old, new = work.old.get("KinesisStreamSpecification") or {}, work.properties.get("KinesisStreamSpecification") or {}
    precision = {name: new[name] for name in ("ApproximateCreationDateTimePrecision",) if name in new}
    if old.get("StreamArn") and old["StreamArn"] == new.get("StreamArn"):
        said = precision or {"ApproximateCreationDateTimePrecision": "MILLISECOND"}
        await work.ask(
            "dynamodb:UpdateKinesisStreamingDestination", TableName=work.id, StreamArn=new["StreamArn"],
            UpdateKinesisStreamingConfiguration=said,
        )  # fmt: skip
        return
    if old.get("StreamArn"):
        await work.ask("dynamodb:DisableKinesisStreamingDestination", TableName=work.id, StreamArn=old["StreamArn"])
    if new.get("StreamArn"):
        more = {"EnableKinesisStreamingConfiguration": precision} if precision else {}
        await work.ask("dynamodb:EnableKinesisStreamingDestination", TableName=work.id, StreamArn=new["StreamArn"], **more)


@carries("ContributorInsightsSpecification")
async def _put_insights(work: Work) -> None:
    said = work.properties.get("ContributorInsightsSpecification") or {"Enabled": False}
    mode = {"ContributorInsightsMode": said["Mode"]} if "Mode" in said and said["Enabled"] else {}
    action = "ENABLE" if said["Enabled"] else "DISABLE"
    await work.ask("dynamodb:UpdateContributorInsights", TableName=work.id, ContributorInsightsAction=action, **mode)


_TABLE_ARN = text("arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ID}")


def _retyped(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    """An attribute that is defined already cannot be defined anew in place:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html"""

    def kinds(properties: Mapping[str, Any]) -> dict[str, Any]:
        found = properties.get("AttributeDefinitions", ())
        if not isinstance(found, list | tuple):
            return {}
        return {
            each["AttributeName"]: each.get("AttributeType")
            for each in found
            if isinstance(each, dict) and isinstance(each.get("AttributeName"), str)
        }

    was, now = kinds(old), kinds(new)
    return frozenset(("AttributeDefinitions",) if any(now.get(name, kind) != kind for name, kind in was.items()) else ())


def _check_throughput(throughput: Any, billing: str) -> None:
    """That of a table or of an index."""
    if billing == "PROVISIONED" and not throughput:
        raise Senseless("Property ProvisionedThroughput cannot be empty")
    if billing == "PAY_PER_REQUEST" and throughput:
        raise Senseless("Property ProvisionedThroughput can't be used with PAY_PER_REQUEST BillingMode.")


def _billed(said: str, throughput: Any, ceiling: Any) -> Any:
    """How a table is paid for. What does not go with it was seen of AWS by cdk-preflight: pf-dynamodb-billing-throughput,
    -gsi-billing-throughput and -ondemand-throughput-billing."""
    billing = said or "PROVISIONED"
    _check_throughput(throughput, billing)
    for name in ("MaxReadRequestUnits", "MaxWriteRequestUnits"):
        if billing == "PROVISIONED" and name in (ceiling or {}):
            raise Senseless(f"Property {name} for OnDemandThroughput can't be used with PROVISIONED BillingMode.")
    return said or OMIT


def _billed_indexes(found: Any, said: str) -> Any:
    for index in found:
        _check_throughput(index.get("ProvisionedThroughput"), said or "PROVISIONED")
    return each(_index)(found)


def _defined(found: Any, local_indexes: Any, global_indexes: Any = (), key: Any = ()) -> Any:
    """Seen of AWS by cdk-preflight: pf-dynamodb-duplicate-attribute-definitions, -lsi-attribute-definitions, and of a global table's own key
    -global-table-attribute-definitions."""
    names = [each["AttributeName"] for each in found]
    if len(set(names)) < len(names):
        raise Senseless("An attribute appears more than once in AttributeDefinitions")
    keys = (key, *(index["KeySchema"] for index in (*local_indexes, *global_indexes)))
    if any(part["AttributeName"] not in names for parts in keys for part in parts):
        raise Senseless("An attribute referenced in a KeySchema element is not defined in AttributeDefinitions")
    return found


def _recovered(found: Any) -> Any:
    """Seen of AWS by cdk-preflight: pf-dynamodb-pitr-recovery-period."""
    if "RecoveryPeriodInDays" in found and not found.get("PointInTimeRecoveryEnabled"):
        raise Senseless("Cannot set RecoveryPeriodInDays property when PointInTimeRecoveryEnabled is false")
    return found


Table = ResourceType(
    name=Name("TableName", 255),
    remade_by=_retyped,
    create=Call(
        "dynamodb:CreateTable",
        f"TableName AttributeDefinitions KeySchema LocalSecondaryIndexes Tags {_TABLE_MEMBERS}",
        AttributeDefinitions=use(_defined, p.AttributeDefinitions, either(p.LocalSecondaryIndexes, ())),
        BillingMode=use(_billed, either(p.BillingMode, ""), p.ProvisionedThroughput, p.OnDemandThroughput),
        GlobalSecondaryIndexes=use(_billed_indexes, p.GlobalSecondaryIndexes, p.BillingMode),
        StreamSpecification=use(_stream_specification, p.StreamSpecification),
        SSESpecification=use(_encryption, p.SSESpecification),
    ),
    id=p.TableName,
    read=Call("dynamodb:DescribeTable", TableName=ID),
    ready={"Table.TableStatus": "ACTIVE"},
    settings=(
        Setting(
            Call(
                "dynamodb:UpdateContinuousBackups",
                TableName=ID,
                PointInTimeRecoverySpecification=use(_recovered, p.PointInTimeRecoverySpecification),
            ),
            Call(
                "dynamodb:UpdateContinuousBackups",
                TableName=ID,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
            ),
        ),
        Setting(_put_expiry, _forget_expiry),
        Setting(_tell_stream, _tell_stream),
        Setting(_put_insights, _put_insights),
        Setting(
            Call(
                "dynamodb:PutResourcePolicy",
                ResourceArn=seen.Table.TableArn,
                Policy=as_json(p.ResourcePolicy.PolicyDocument),
            ),
            Call("dynamodb:DeleteResourcePolicy", ResourceArn=seen.Table.TableArn),
        ),
    ),
    update=(
        _update_table,
        Call("dynamodb:UntagResource", ResourceArn=seen.Table.TableArn, TagKeys=gone_tags).when(gone_tags),
        Call("dynamodb:TagResource", ResourceArn=seen.Table.TableArn, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("dynamodb:DeleteTable", TableName=ID),
    is_gone_slowly=True,
    absent="ResourceNotFoundException",
    fixed="LocalSecondaryIndexes",
    attributes={"Arn": seen.Table.TableArn, "StreamArn": seen.Table.LatestStreamArn},
    drift=(
        Reading(
            same(
                """AttributeDefinitions KeySchema LocalSecondaryIndexes GlobalSecondaryIndexes ProvisionedThroughput
                OnDemandThroughput DeletionProtectionEnabled StreamSpecification""",
                seen.Table,
            )
            | {
                "BillingMode": either(seen.Table.BillingModeSummary.BillingMode, "PROVISIONED"),
                "TableClass": either(seen.Table.TableClassSummary.TableClass, "STANDARD"),
            }
        ),
        Reading(
            {
                "TimeToLiveSpecification": {
                    "AttributeName": seen.TimeToLiveDescription.AttributeName,
                    "Enabled": use(
                        lambda status: status.startswith("ENABL"), seen.TimeToLiveDescription.TimeToLiveStatus
                    ),
                }
            },
            Call("dynamodb:DescribeTimeToLive", TableName=ID),
        ),
        Reading(same("Tags", seen), Call("dynamodb:ListTagsOfResource", ResourceArn=_TABLE_ARN)),
    ),
)


# Global tables -------------------------------------------------------------------------------------

_own_replica = fields("Region Tags TableClass DeletionProtectionEnabled PointInTimeRecoverySpecification")
_other_replica = fields("Region=RegionName TableClass=TableClassOverride")
"""What another region's replica may say for itself; the rest would have to be asked in that region."""


def _own(name: str) -> Any:
    """A member of the replica in the stack's own region: it belongs to the table that is made here."""

    def found(replicas: Any, region: str) -> Any:
        for replica in replicas:
            if replica.get("Region") == region:
                return _own_replica(replica).get(name, OMIT)
        raise Senseless("The Replicas section must contain an entry for the current region")

    return use(found, p.Replicas, text("${AWS::Region}"))


def _billed_globally(billing: str, replicas: Any, consistency: str, stream: Any) -> Any:
    """How a global table is paid for. What does not go together was seen of AWS by cdk-preflight: pf-dynamodb-global-table-provisioned-write-settings,
    -gsi-provisioned-write-settings and -stream-required. Settings for what is provisioned are refused by name."""
    if billing == "PROVISIONED":
        raise Senseless("You must specify write AutoScale settings for the global table and each of its GSIs when BillingMode is Provisioned")
    if consistency != "STRONG" and len(replicas) > 1 and not stream:
        raise Senseless("You must specify StreamSpecification for a global table.")
    return billing


def _others(properties: dict[str, Any], region: str) -> dict[str, dict[str, Any]]:
    """The replicas in other regions, as UpdateTable takes them."""
    found = (_other_replica(replica) for replica in properties.get("Replicas", ()) if replica.get("Region") != region)
    return {replica["RegionName"]: replica for replica in found}


@carries("Replicas MultiRegionConsistency GlobalTableWitnesses")
async def _put_replicas(work: Work) -> None:
    """One after the other, as DynamoDB takes them; those of a strong table at once."""
    wanted = _others(work.properties, work.pseudo["AWS::Region"])
    shown = (await work.look("dynamodb:DescribeTable", TableName=work.id))["Table"]
    had = {replica["RegionName"] for replica in shown.get("Replicas", ())}

    async def ask(updates: list[dict[str, Any]], **more: Any) -> None:
        await work.ask("dynamodb:UpdateTable", TableName=work.id, ReplicaUpdates=updates, **more)
        await settle(work)

    witnesses = [{"Create": {"RegionName": each["Region"]}} for each in work.properties.get("GlobalTableWitnesses", ())]
    if work.properties.get("MultiRegionConsistency") == "STRONG":
        if wanted.keys() != had:
            more = {"GlobalTableWitnessUpdates": witnesses} if witnesses else {}
            await ask([{"Create": each} for each in wanted.values()], MultiRegionConsistency="STRONG", **more)
        return
    if witnesses:
        # DynamoDB refuses them, and which consistency it is that has none.
        await ask([{"Create": each} for each in wanted.values()], GlobalTableWitnessUpdates=witnesses, MultiRegionConsistency="EVENTUAL")
    for region in sorted(had - wanted.keys()):
        await ask([{"Delete": {"RegionName": region}}])
    for region, replica in wanted.items():
        if region not in had:
            await ask([{"Create": replica}])
        elif replica != _others(work.old, work.pseudo["AWS::Region"]).get(region, replica):
            await ask([{"Update": {"TableClassOverride": work.properties.get("TableClass", "STANDARD")} | replica}])


async def _delete_global_table(work: Work) -> None:
    """The replicas first: the region that they were made from is the last to go."""
    shown = (await work.look("dynamodb:DescribeTable", TableName=work.id))["Table"]
    deletes = [{"Delete": {"RegionName": replica["RegionName"]}} for replica in shown.get("Replicas", ())]
    if shown.get("MultiRegionConsistency") == "STRONG":
        witnesses = [{"Delete": {"RegionName": each["RegionName"]}} for each in shown.get("GlobalTableWitnesses", ())]
        more = {"GlobalTableWitnessUpdates": witnesses} if witnesses else {}
        await work.ask("dynamodb:UpdateTable", TableName=work.id, ReplicaUpdates=deletes, **more)
        await settle(work)
    else:
        for delete in deletes:
            await work.ask("dynamodb:UpdateTable", TableName=work.id, ReplicaUpdates=[delete])
            await settle(work)
    await work.ask("dynamodb:DeleteTable", TableName=work.id)


@carries("BillingMode AttributeDefinitions GlobalSecondaryIndexes StreamSpecification SSESpecification")
async def _update_global_table(work: Work) -> None:
    await _update_table(work)


_update_global_table.handles_absence = True

GlobalTable = ResourceType(
    name=Name("TableName", 255),
    create=Call(
        "dynamodb:CreateTable",
        "TableName KeySchema LocalSecondaryIndexes",
        AttributeDefinitions=use(
            _defined, p.AttributeDefinitions, either(p.LocalSecondaryIndexes, ()), either(p.GlobalSecondaryIndexes, ()), either(p.KeySchema, ())
        ),
        BillingMode=use(
            _billed_globally, either(p.BillingMode, "PROVISIONED"), p.Replicas, either(p.MultiRegionConsistency, ""), either(p.StreamSpecification, "")
        ),
        GlobalSecondaryIndexes=use(each(_index), p.GlobalSecondaryIndexes),
        StreamSpecification=use(_stream_specification, p.StreamSpecification),
        SSESpecification=use(_encryption, p.SSESpecification),
        TableClass=_own("TableClass"),
        DeletionProtectionEnabled=_own("DeletionProtectionEnabled"),
        Tags=_own("Tags"),
    ),
    id=p.TableName,
    read=Call("dynamodb:DescribeTable", TableName=ID),
    ready={"Table.TableStatus": "ACTIVE"},
    settings=(
        Setting(_put_expiry, _forget_expiry),
        Setting(
            Call(
                "dynamodb:UpdateContinuousBackups",
                TableName=ID,
                PointInTimeRecoverySpecification=_own("PointInTimeRecoverySpecification"),
            ).when(_own("PointInTimeRecoverySpecification"))
        ),
        Setting(_put_replicas),
    ),
    update=(_update_global_table,),
    delete=_delete_global_table,
    is_gone_slowly=True,
    absent="ResourceNotFoundException",
    fixed="LocalSecondaryIndexes",
    attributes={"Arn": seen.Table.TableArn, "StreamArn": seen.Table.LatestStreamArn, "TableId": seen.Table.TableId},
    drift=(
        Reading(
            same("AttributeDefinitions KeySchema LocalSecondaryIndexes GlobalSecondaryIndexes StreamSpecification", seen.Table)
            | {"BillingMode": either(seen.Table.BillingModeSummary.BillingMode, "PROVISIONED")}
        ),
    ),
)
