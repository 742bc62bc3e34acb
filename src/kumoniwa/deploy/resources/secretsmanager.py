"""AWS::SecretsManager. A secret outlives its stack by the days in which its deletion may be taken back."""

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
    carries,
    from_json,
    gone_tags,
    made,
    p,
    same,
    seen,
    use,
)
from kumoniwa.kernel.errors import NotImplementedHere, ValidationError

_ATTACHED = {
    "AWS::RDS::DBInstance": ("rds:DescribeDBInstances", "DBInstances", "DBInstanceIdentifier", "dbInstanceIdentifier"),
    "AWS::RDS::DBCluster": ("rds:DescribeDBClusters", "DBClusters", "DBClusterIdentifier", "dbClusterIdentifier"),
}
"""What a secret can be attached to: how it is looked at, and what the secret calls it."""
_ENGINES = {"aurora-postgresql": "postgres", "aurora-mysql": "mysql"}
_ABSENT = "ResourceNotFoundException"


async def _content(work: Work) -> dict[str, str]:
    """The value a template gives, or one that nobody knows: alone, or as a member of the JSON that the template begins."""
    wish = work.properties.get("GenerateSecretString")
    if wish is None:
        return {"SecretString": work.properties["SecretString"]} if "SecretString" in work.properties else {}
    if "SecretString" in work.properties:
        raise ValidationError("You can't specify both SecretString and GenerateSecretString.")
    template, key = wish.get("SecretStringTemplate"), wish.get("GenerateStringKey")
    if (template is None) != (key is None):
        raise ValidationError("SecretStringTemplate and GenerateStringKey are given together or not at all.")
    how = {name: value for name, value in wish.items() if name not in ("SecretStringTemplate", "GenerateStringKey")}
    word = (await work.look("secretsmanager:GetRandomPassword", **how))["RandomPassword"]
    if template is None:
        return {"SecretString": word}
    try:
        return {"SecretString": json.dumps({**json.loads(template), key: word})}
    except (ValueError, TypeError):
        raise ValidationError("Could not parse SecretStringTemplate JSON.") from None


@carries("Name Description KmsKeyId SecretString GenerateSecretString Tags ReplicaRegions")
async def _create(work: Work) -> dict[str, Any]:
    given = {name: work.properties[name] for name in ("Name", "Description", "KmsKeyId", "Tags") if name in work.properties}
    if "ReplicaRegions" in work.properties:
        given["AddReplicaRegions"] = work.properties["ReplicaRegions"]
    return await work.ask("secretsmanager:CreateSecret", **given, **await _content(work))


@carries("Description KmsKeyId SecretString GenerateSecretString")
async def _change(work: Work) -> None:
    """What a template no longer says goes back to its default, but for the value: nobody knows what it should be then."""
    defaults = {"Description": "", "KmsKeyId": "alias/aws/secretsmanager"}
    given = {name: work.properties.get(name, default) for name, default in defaults.items() if name in work.changed}
    if {"SecretString", "GenerateSecretString"} & work.changed:
        content = await _content(work)
        if not content:
            raise NotImplementedHere("removing the value of a secret from a stack")
        given |= content
    await work.ask("secretsmanager:UpdateSecret", SecretId=work.id, **given)


@carries("ReplicaRegions")
async def _replicate(work: Work) -> None:
    old, new = ({each["Region"]: each for each in found.get("ReplicaRegions") or ()} for found in (work.old, work.properties))
    if gone := [region for region in old if region not in new]:
        await work.ask("secretsmanager:RemoveRegionsFromReplication", SecretId=work.id, RemoveReplicaRegions=gone)
    if fresh := [each for region, each in new.items() if old.get(region) != each]:
        await work.ask("secretsmanager:ReplicateSecretToRegions", SecretId=work.id, AddReplicaRegions=fresh)


_change.handles_absence = _replicate.handles_absence = True


async def _delete(work: Work) -> None:
    if regions := [each["Region"] for each in work.properties.get("ReplicaRegions") or ()]:
        await work.ask("secretsmanager:RemoveRegionsFromReplication", SecretId=work.id, RemoveReplicaRegions=regions)
    # Recorded: nothing is left to recover (localstack's test_secretsmanager.py, test_cfn_handle_secretsmanager_secret).
    await work.ask("secretsmanager:DeleteSecret", SecretId=work.id, ForceDeleteWithoutRecovery=True)


Secret = ResourceType(
    name=Name("Name", 512),
    create=_create,
    id=made.ARN,
    read=Call("secretsmanager:DescribeSecret", SecretId=ID),
    named=Call("secretsmanager:DescribeSecret", SecretId=p.Name),
    update=(
        _change,
        _replicate,
        Call("secretsmanager:UntagResource", SecretId=ID, TagKeys=gone_tags).when(gone_tags),
        Call("secretsmanager:TagResource", SecretId=ID, Tags=p.Tags).when(p.Tags),
    ),
    delete=_delete,
    absent=_ABSENT,
    attributes={"Id": ID},
    drift=(Reading(same("Description KmsKeyId Name Tags", seen)),),
)


def _is_immediate(found: Any) -> Any:
    return OMIT if found is None else found in (True, "true")


_rotate = Call(
    "secretsmanager:RotateSecret",
    "RotationLambdaARN RotationRules",
    SecretId=ID,
    RotateImmediately=use(_is_immediate, p.RotateImmediatelyOnUpdate),
)


@carries("SecretId")
async def _found(work: Work) -> dict[str, Any]:
    return await work.look("secretsmanager:DescribeSecret", SecretId=work.properties["SecretId"])


RotationSchedule = ResourceType(
    create=_found,
    id=made.ARN,
    settings=(Setting(_rotate),),
    update=(_rotate,),
    delete=Call("secretsmanager:CancelRotateSecret", SecretId=ID),
    absent=_ABSENT,
    attributes={"Id": ID},
)

_put = Call("secretsmanager:PutResourcePolicy", "BlockPublicPolicy", SecretId=p.SecretId, ResourcePolicy=as_json(p.ResourcePolicy))

ResourcePolicy = ResourceType(
    create=_put,
    id=made.ARN,
    update=(Call("secretsmanager:PutResourcePolicy", "BlockPublicPolicy", SecretId=ID, ResourcePolicy=as_json(p.ResourcePolicy)),),
    delete=Call("secretsmanager:DeleteResourcePolicy", SecretId=ID),
    absent=_ABSENT,
    attributes={"Id": ID},
    defaults={"BlockPublicPolicy": False},
    drift=(
        Reading({"ResourcePolicy": from_json(seen.ResourcePolicy)}, Call("secretsmanager:GetResourcePolicy", SecretId=ID)),
    ),
)


async def _attached(work: Work, **told: Any) -> str:
    """Have the secret's JSON say these, and no more what an attachment says besides; answers its ARN."""
    secret = work.properties["SecretId"]
    held = await work.look("secretsmanager:GetSecretValue", SecretId=secret)
    try:
        content = json.loads(held["SecretString"])
    except (KeyError, ValueError):
        raise ValidationError("The secret of a SecretTargetAttachment must hold JSON.") from None
    names = {"engine", "host", "port", "dbname", *(each[3] for each in _ATTACHED.values())}
    content = {name: value for name, value in content.items() if name not in names} | told
    await work.ask("secretsmanager:PutSecretValue", SecretId=secret, SecretString=json.dumps(content))
    return held["ARN"]


@carries("SecretId TargetId TargetType")
async def _attach(work: Work) -> dict[str, Any]:
    """How a secret knows where its user and password lead.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html"""
    kind = work.properties["TargetType"]
    if kind not in _ATTACHED:
        raise NotImplementedHere(f"SecretTargetAttachment(TargetType={kind})")
    operation, member, parameter, name = _ATTACHED[kind]
    (found,) = (await work.look(operation, **{parameter: work.properties["TargetId"]}))[member]
    place = found["Endpoint"]
    host, port = (place["Address"], place["Port"]) if isinstance(place, dict) else (place, found["Port"])
    told = {"engine": _ENGINES.get(found["Engine"], found["Engine"]), "host": host, "port": port, name: found[parameter]}
    database = found.get("DBName") or found.get("DatabaseName")
    return {"ARN": await _attached(work, **told, **({"dbname": database} if database else {}))}


@carries("TargetId TargetType")
async def _attach_again(work: Work) -> None:
    await _attach(work)


async def _detach(work: Work) -> None:
    await _attached(work)


SecretTargetAttachment = ResourceType(
    create=_attach,
    id=made.ARN,
    read=Call("secretsmanager:DescribeSecret", SecretId=p.SecretId),
    update=(_attach_again,),
    delete=_detach,
    absent=_ABSENT,
    attributes={"Id": ID},
)
