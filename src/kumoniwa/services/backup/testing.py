"""Restore tests: points of what a plan protects are restored into something new, which may be validated for a while and is deleted then.

AWS begins a plan's jobs at some time within its start window; here they begin at once, if that window is still open. A bucket is emptied by
a lifecycle rule, as AWS does it, so that its deletion takes days; a database takes as long as RDS does.
https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing.html, restore-testing-validation.html
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from kumoniwa.gate import patience
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.languages.backup_selection import Chooser
from kumoniwa.services.backup import agenda, bill, database, restoring, testing_plan, underway
from kumoniwa.services.backup import point as points
from kumoniwa.services.backup.errors import InvalidRequestException
from kumoniwa.services.backup.job import COMPLETED, KINDS
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.restoring import RestoreJob
from kumoniwa.services.backup.testing_plan import ROLE, TestingPlan, TestingSelection
from kumoniwa.services.backup.vault import arn_of, held
from kumoniwa.wire import timestamps

PREFIX, SUFFIX = "awsbackup-restore-test-", 12
"""What a test makes has a name of its own."""
SESSION = "AWSBackup-RestoreTesting"
HOUR_S, AGAIN_S = 3_600.0, 60.0
VALIDATING, TIMED_OUT = "VALIDATING", "TIMED_OUT"
DELETING, FAILED, SUCCESSFUL = "DELETING", "FAILED", "SUCCESSFUL"
EMPTYING = [
    {
        "ID": "awsbackup-restore-test", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
]  # fmt: skip


class Test(NamedTuple):
    selection: TestingSelection
    point: RecoveryPoint
    metadata: dict[str, str]


# What is restored ------------------------------------------------------------------------------------


def GetRestoreTestingInferredMetadata(call: Call, *, BackupVaultName: str, RecoveryPointArn: str) -> dict:
    held(call, BackupVaultName)
    return {"InferredMetadata": _inferred(call, points.held(call, BackupVaultName, RecoveryPointArn))}


def _inferred(call: Call, point: RecoveryPoint) -> dict[str, str]:
    """https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing-inferred-metadata.html"""
    return KINDS[point.kind].inferred(point, f"{PREFIX}{call.ids.lower(SUFFIX)}")


def _overridden(metadata: dict[str, str], overrides: dict[str, str]) -> dict[str, str]:
    """Keys are the same in whatever case."""
    spelled = {name.lower(): name for name in metadata}
    return metadata | {spelled.get(name.lower(), name): value for name, value in overrides.items()}


def _tests(call: Call, plan: TestingPlan) -> list[Test]:
    """One for each protected resource of each selection that has a point which is eligible."""
    of_resource: dict[str, list[RecoveryPoint]] = {}
    for point in call.shelf(RecoveryPoint).values():
        if point.is_whole:
            of_resource.setdefault(point.resource, []).append(point)
    found = []
    for selection in testing_plan.of_plan(call, plan.name):
        conditions = {
            operator: [{"ConditionKey": pair["Key"], "ConditionValue": pair["Value"]} for pair in pairs]
            for operator, pairs in selection.conditions.items()
        }
        chooser = Chooser(selection.arns or ("*",), (), (), conditions)
        for resource, kept in sorted(of_resource.items()):
            # "Tags on protected resources are evaluated by checking the tags on the latest recovery point."
            latest = max(kept, key=lambda point: (point.created, point.arn))
            if latest.kind == selection.kind and chooser.means(resource, latest.tags) and (moments := _eligible(call, plan, kept)):
                point, metadata = _picked(call, plan, moments)
                found.append(Test(selection, point, _overridden(metadata, selection.overrides)))
    return found


def _eligible(call: Call, plan: TestingPlan, kept: list[RecoveryPoint]) -> list[tuple[float, float, RecoveryPoint]]:
    """Points that lie in the window and in the vaults, each with the first and the last moment that it can be restored to within the window."""
    said, now = plan.choice, call.now()
    since = now - said["SelectionWindowDays"] * points.DAY_S
    vaults = Chooser(said["IncludeVaults"], said["ExcludeVaults"], (), {})
    found = []
    for point in kept:
        first, last = restoring.moments(call, point)
        kind = "CONTINUOUS" if point.is_continuous else "SNAPSHOT"
        if last >= since and kind in said["RecoveryPointTypes"] and vaults.means(arn_of(call, point.vault), {}):
            found.append((max(first, since), last, point))
    return found


def _picked(call: Call, plan: TestingPlan, eligible: list[tuple[float, float, RecoveryPoint]]) -> tuple[RecoveryPoint, dict[str, str]]:
    if plan.choice["Algorithm"] == "LATEST_WITHIN_WINDOW":
        _, moment, point = max(eligible, key=lambda each: (each[1], each[2].arn))
    else:
        first, last, point = call.ids.random.choice(eligible)
        moment = call.ids.random.uniform(first, last)
    metadata = _inferred(call, point)
    return point, metadata | ({"RestoreTime": timestamps.to_second(moment)} if point.is_continuous else {})


# A run of a plan -------------------------------------------------------------------------------------


async def run(call: Call, name: str, at: float) -> None:
    """Begin the jobs of a plan that is due."""
    plan = call.shelf(TestingPlan).get(name)
    is_open = plan is not None and call.now() < at + plan.hours * HOUR_S
    begun = [(test, await _begun(call, plan, at, test)) for test in (_tests(call, plan) if is_open else ())]
    call.atomically(partial(_keep, call, plan, name, at, begun))


async def _begun(call: Call, plan: TestingPlan, at: float, test: Test) -> tuple[str, str]:
    """The id of the job of a test, or why there is none. After a kill the same job is answered."""
    point, selection = test.point, test.selection
    try:
        role = ROLE.assumed(call, SESSION)
        begun = await role.ask(
            "backup:StartRestoreJob", once=f"{plan.id}/{at}/{selection.name}/{point.resource}", RecoveryPointArn=point.arn, Metadata=test.metadata,
            IamRoleArn=selection.role, ResourceType=point.kind,
        )  # fmt: skip
    except AwsError as error:
        return "", error.text or error.code
    return begun["RestoreJobId"], ""


def _keep(call: Call, plan: TestingPlan | None, name: str, at: float, begun: list[tuple[Test, tuple[str, str]]]) -> None:
    """That jobs are tests and when their plan is due next are kept together."""
    for test, (id_, why) in begun:
        of_test = {"test": testing_plan.arn_of(call, plan), "keeps_s": test.selection.hours * HOUR_S}
        if id_:
            underway.put(call, changed(call.shelf(RestoreJob)[id_], **of_test))
            bill.tested(call, test.point)
        else:
            restoring.refused(call, test.point, test.selection.role, test.metadata, why, **of_test)
    if agenda.when(call, "testing", name) != at:
        return  # It was changed or deleted meanwhile.
    plan = call.shelf(TestingPlan)[name]
    call.shelf(TestingPlan)[name] = changed(plan, ran=call.now()) if begun else plan
    testing_plan.plan_next(call, plan, max(at, call.now()))


# Validation and deletion -----------------------------------------------------------------------------


def PutRestoreValidationResult(
    call: Call, *, RestoreJobId: str, ValidationStatus: str, ValidationStatusMessage: str | None = None
) -> None:
    """A result ends the time in which what was restored stays, and is for good: functions in public that put one take it that a second is
    refused as one that is there already. The words are ours."""
    job = restoring.found(call, RestoreJobId)
    if not job.test:
        raise InvalidRequestException(f"Restore job {job.id} was not created by a restore testing plan.")
    if job.state != COMPLETED:
        raise InvalidRequestException(f"Restore job {job.id} is in state {job.state} and cannot be validated.")
    if job.validation not in ("", VALIDATING):
        raise InvalidRequestException(f"Restore job {job.id} already has the validation status {job.validation}.")
    underway.put(call, changed(job, validation=ValidationStatus, validation_message=ValidationStatusMessage or ""))
    if ValidationStatus != VALIDATING and not job.deletion:
        restoring.plan_deletion(call, job, call.now())


async def delete(call: Call, id_: str) -> None:
    """Delete what a job has made, whose time is over."""
    job = call.shelf(RestoreJob).get(id_)
    if job is None:
        agenda.plan(call, "tested", id_, None)
        return
    deleted, again_s = DELETED[job.kind]
    status, why = DELETING, ""
    try:
        if await deleted(ROLE.assumed(call, SESSION), job.made):
            status = SUCCESSFUL
    except AwsError as error:
        again_s = AGAIN_S
        if not patience.is_passing(error):
            status, why = FAILED, error.text or error.code
    call.atomically(partial(_deleted, call, id_, status, why, again_s))


def _deleted(call: Call, id_: str, status: str, why: str, again_s: float) -> None:
    job = call.shelf(RestoreJob)[id_]
    validation = TIMED_OUT if job.validation == VALIDATING else job.validation
    underway.put(call, changed(job, validation=validation, deletion=status, deletion_message=why))
    if status == DELETING:
        restoring.plan_deletion(call, job, call.now() + again_s)
    else:
        agenda.plan(call, "tested", id_, None)


async def _table_deleted(role: Call, arn: str) -> bool:
    try:
        await role.ask("dynamodb:DeleteTable", TableName=arn.rpartition("/")[2])
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
    return True


async def _bucket_deleted(role: Call, arn: str) -> bool:
    """Whether it is gone; what is in it goes by a lifecycle rule, and AWS's own role may delete nothing but the bucket."""
    name = arn.rpartition(":")[2]
    try:
        await role.ask("s3:DeleteBucket", Bucket=name)
    except AwsError as error:
        if error.code == "BucketNotEmpty":
            await role.ask("s3:PutBucketLifecycleConfiguration", Bucket=name, LifecycleConfiguration={"Rules": EMPTYING})
            return False
        if error.code != "NoSuchBucket":
            raise
    return True


DELETED = {"DynamoDB": (_table_deleted, AGAIN_S), "S3": (_bucket_deleted, points.DAY_S), "RDS": (database.unmake, AGAIN_S)}
"""By type: what tells whether a thing with an ARN is gone after it asked for that, and after how long it is asked again."""
