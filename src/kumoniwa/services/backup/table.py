"""Tables of DynamoDB as recovery points: how the table is, then its items.

https://docs.aws.amazon.com/aws-backup/latest/devguide/advanced-ddb-backup.html, restoring-dynamodb.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.backup import keeping
from kumoniwa.services.backup.errors import InvalidParameterValueException, JobFailed
from kumoniwa.services.backup.keeping import Keeper
from kumoniwa.services.backup.point import RecoveryPoint

STEP_ITEMS_FIRST, STEP_ITEMS_MAX = 20, 500
BATCH_BYTES = 1 << 20
"""About so much is read and written in one step, of small items or of large ones."""
UNREADABLE = (
    "Your backup job failed as AWS Backup does not have permission to describe resource {}. Please review your IAM policies to ensure "
    "AWS Backup can protect your resources."
)
"""https://github.com/ministryofjustice/modernisation-platform/issues/6152 quotes it."""


async def _heard(call: Call, what: str, **message: Any) -> Any:
    return await call.home.heard(call.region, "dynamodb", {"what": f"kept_{what}", "account": call.account, **message})


async def all_of(call: Call) -> list[tuple[str, dict[str, str]]]:
    """Every table here: its ARN and its tags."""
    return [(table["arn"], table["tags"]) for table in await _heard(call, "tables")]


async def take(call: Call, role: Call, resource: str, keeper: Keeper, options: dict[str, str]) -> tuple[dict[str, str], str]:
    """Keep a table; answers its tags, and what there is to say about it. Raises what the role may not do."""
    name = resource.rpartition("/")[2]
    try:
        await role.ask("dynamodb:DescribeTable", TableName=name)
    except AwsError as error:
        if error.code == "AccessDeniedException":
            raise JobFailed(UNREADABLE.format(resource), hint=error.hint) from None
        raise
    # In the order in which AWS asks for them: https://github.com/widdix/aws-cf-templates/pull/633
    role.require("dynamodb:ListTagsOfResource", resource)
    role.require("dynamodb:StartAwsBackupJob", resource)
    begun = await _heard(call, "begun", table=name, by=role.principal)
    await keeper.add("table", begun["definition"])
    after: Any = (b"", b"")
    count = STEP_ITEMS_FIRST
    while after is not None:
        page = await _heard(call, "items", table=name, id=begun["id"], at=begun["at"], after=after, count=count)
        bytes_ = 1
        for pk, sk, size, body in page["items"]:
            await keeper.add("item", pk, sk, size, body)
            bytes_ += len(body)
        count = max(1, min(STEP_ITEMS_MAX, BATCH_BYTES * len(page["items"]) // bytes_))
        after = page["after"]
    return begun["tags"], ""


def metadata_of(resource: str) -> dict[str, str]:
    return {"originalTableName": resource.rpartition("/")[2], "encryptionType": "Default"}


def inferred(point: RecoveryPoint, name: str) -> dict[str, str]:
    """With which a point is restored for a test."""
    return {"deletionProtection": "false", "encryptionType": "Default", "targetTableName": name}


def check(said: dict[str, str]) -> None:
    """What is asked of a restore; the guide spells the same keys with both cases."""
    wanted = _spelled(said)
    if "targettablename" not in wanted:
        raise InvalidParameterValueException("Invalid restore metadata. Missing required metadata: targetTableName")
    kind = wanted.get("encryptiontype", "Default")
    if kind not in ("Default", "KMS"):
        raise InvalidParameterValueException(f"Invalid restore metadata. Unknown encryptionType: {kind}")
    if kind == "KMS" and not wanted.get("kmsmasterkeyarn"):
        raise InvalidParameterValueException("Invalid restore metadata. Missing required metadata: kmsMasterKeyArn")
    if wanted.get("deletionprotection", "false").lower() != "false":
        raise NotImplementedHere("backup:StartRestoreJob(Metadata.deletionProtection) for DynamoDB")
    unknown = wanted.keys() - {"targettablename", "originaltablename", "encryptiontype", "kmsmasterkeyarn", "deletionprotection"}
    if unknown:
        raise NotImplementedHere(f"backup:StartRestoreJob(Metadata.{min(unknown)}) for DynamoDB")


def _spelled(said: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in said.items()}


async def put_back(call: Call, role: Call, job: str, point: RecoveryPoint, said: dict[str, str]) -> tuple[str, str]:
    """Make a table of a point; answers its ARN, and what there is to say about it."""
    name = _spelled(said)["targettablename"]
    arn = call.arn(f"table/{name}", "dynamodb")
    role.require("dynamodb:RestoreTableFromAwsBackup", arn)
    secret = await keeping.secret_of(call, point)
    where = {"table": name, "job": job}
    wanted = _spelled(said)
    encryption = wanted["kmsmasterkeyarn"] if wanted.get("encryptiontype") == "KMS" else None
    try:
        await _filled(call, point, secret, where, {"by": role.principal, "encryption": encryption})
    except AwsError:
        await _heard(call, "ended", **where, is_whole=False)
        raise
    if not await _heard(call, "ended", **where, is_whole=True):
        raise JobFailed(f"The table {name} was deleted while it was restored.")
    return arn, ""


async def _filled(call: Call, point: RecoveryPoint, secret: bytes, where: dict[str, str], key: dict[str, Any]) -> None:
    made: dict[str, Any] = {}
    batch: list[Any] = []
    size = 0

    async def fill() -> None:
        if not await _heard(call, "filled", table=where["table"], id=made["id"], items=batch):
            raise JobFailed(f"The table {where['table']} was deleted while it was restored.")

    async for what, *frame in keeping.frames(call, point, secret):
        if what == "table":
            told = {"definition": frame[0], "point": point.arn, "resource": point.resource, "created": point.created}
            made = await _heard(call, "made", **where, **told, **key)
            continue
        batch.append(frame)
        size += len(frame[3])
        if size >= BATCH_BYTES:
            await fill()
            batch, size = [], 0
    await fill()
