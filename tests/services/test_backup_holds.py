"""Legal holds: what is held ends neither by hand nor by itself.

https://docs.aws.amazon.com/aws-backup/latest/devguide/legalhold.html
"""

from __future__ import annotations

import pytest
from backup_workshop import ACCOUNT, backed_up, copied, role, table
from refusals import refused

DAY = 86_400


@pytest.fixture
def backup(cloud):
    role(cloud)
    client = cloud.client("backup")
    client.create_backup_vault(BackupVaultName="vault")
    return client


def hold(backup, **selection) -> str:
    given = {"RecoveryPointSelection": selection} if selection else {}
    return backup.create_legal_hold(Title="t", Description="d", **given)["LegalHoldId"]


def points(backup, id_: str) -> list[str]:
    return [each["RecoveryPointArn"] for each in backup.list_recovery_points_by_legal_hold(LegalHoldId=id_)["RecoveryPoints"]]


def there(backup, vault: str = "vault") -> list[str]:
    return [each["RecoveryPointArn"] for each in backup.list_recovery_points_by_backup_vault(BackupVaultName=vault)["RecoveryPoints"]]


def test_what_is_held_is_not_deleted_by_hand_until_every_hold_is_cancelled(cloud, backup):
    arn = backed_up(cloud, table(cloud))["RecoveryPointArn"]
    first, second = hold(backup), hold(backup, VaultNames=["vault"])
    (told,) = backup.list_recovery_points_by_legal_hold(LegalHoldId=second)["RecoveryPoints"]
    assert told == {
        "RecoveryPointArn": arn, "ResourceArn": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders", "ResourceType": "DynamoDB",
        "BackupVaultName": "vault",
    }  # fmt: skip
    for id_ in (first, second):
        # "A backup can have more than one legal hold."
        assert refused(backup.delete_recovery_point, BackupVaultName="vault", RecoveryPointArn=arn)[0] == "InvalidRequestException"
        answer = backup.cancel_legal_hold(LegalHoldId=id_, CancelDescription="done")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
        assert points(backup, id_) == []
    backup.delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=arn)
    assert there(backup) == []


def test_a_lifecycle_waits_for_the_hold_and_goes_on_after_it(cloud, backup):
    lifecycle = {"MoveToColdStorageAfterDays": 1, "DeleteAfterDays": 100}
    arn = backed_up(cloud, table(cloud), Lifecycle=lifecycle)["RecoveryPointArn"]
    id_ = hold(backup, ResourceIdentifiers=["DynamoDB"])
    look = lambda: backup.describe_recovery_point(BackupVaultName="vault", RecoveryPointArn=arn)["StorageClass"]  # noqa: E731
    cloud.sleep_dark(2 * DAY)
    cloud.sleep(1)
    # "Lifecycle policies that would alter the backup status (such as transition to cold storage) are delayed": API_LegalHold.
    assert look() == "WARM"
    backup.cancel_legal_hold(LegalHoldId=id_, CancelDescription="done")
    cloud.sleep(1)
    assert look() == "COLD"
    id_ = hold(backup)
    cloud.sleep_dark(101 * DAY)
    cloud.sleep(1)
    assert there(backup) == [arn]
    backup.cancel_legal_hold(LegalHoldId=id_, CancelDescription="done")
    cloud.sleep(1)
    assert there(backup) == []


def test_a_hold_is_of_what_it_selects_and_of_what_there_is_when_it_is_made(cloud, backup):
    backup.create_backup_vault(BackupVaultName="other")
    orders, papers = table(cloud), table(cloud, "papers")
    began = cloud.now()
    first = backed_up(cloud, orders)["RecoveryPointArn"]
    cloud.sleep(60)
    second = backed_up(cloud, papers, "other")["RecoveryPointArn"]
    cloud.sleep(60)
    ids = {
        "all": hold(backup), "vault": hold(backup, VaultNames=["other"]), "resource": hold(backup, ResourceIdentifiers=[orders]),
        "kind": hold(backup, ResourceIdentifiers=["S3"]), "both": hold(backup, ResourceIdentifiers=[orders], VaultNames=["other"]),
        "range": hold(backup, DateRange={"FromDate": began, "ToDate": began + 30}),
    }  # fmt: skip
    cloud.sleep(60)
    third = backed_up(cloud, orders)["RecoveryPointArn"]
    held = {name: set(points(backup, id_)) for name, id_ in ids.items()}
    assert held == {"all": {first, second}, "vault": {second}, "resource": {first}, "kind": set(), "both": set(), "range": {first}}
    backup.delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=third)
    # "When a backup is copied, it does not retain or carry its legal hold with it."
    copy = copied(cloud, first, f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault:other")["DestinationRecoveryPointArn"]
    backup.delete_recovery_point(BackupVaultName="other", RecoveryPointArn=copy)


def test_a_hold_is_told_of_listed_and_forgotten_when_its_record_is(cloud, backup):
    made = backup.create_legal_hold(
        Title="Case 7", Description="d", RecoveryPointSelection={"VaultNames": ["vault"]}, Tags={"a": "b"}, IdempotencyToken="t"
    )
    again = backup.create_legal_hold(Title="Case 7", Description="d", IdempotencyToken="t")
    id_ = made["LegalHoldId"]
    assert (made["Status"], made["LegalHoldArn"], again["LegalHoldId"]) == (
        "ACTIVE", f"arn:aws:backup:us-east-1:{ACCOUNT}:legal-hold:{id_}", id_,
    )  # fmt: skip
    assert backup.list_tags(ResourceArn=made["LegalHoldArn"])["Tags"] == {"a": "b"}
    assert backup.get_legal_hold(LegalHoldId=id_)["RecoveryPointSelection"] == {"VaultNames": ["vault"]}
    backup.cancel_legal_hold(LegalHoldId=id_, CancelDescription="settled", RetainRecordInDays=3)
    told = backup.get_legal_hold(LegalHoldId=id_)
    assert (told["Status"], told["CancelDescription"]) == ("CANCELED", "settled")
    assert (told["RetainRecordUntil"] - told["CancellationDate"]).days == 3
    assert [each["Status"] for each in backup.list_legal_holds()["LegalHolds"]] == ["CANCELED"]
    assert refused(backup.cancel_legal_hold, LegalHoldId=id_, CancelDescription="x")[0] == "InvalidResourceStateException"
    cloud.sleep(3 * DAY + 1)
    assert backup.list_legal_holds()["LegalHolds"] == []
    assert refused(backup.get_legal_hold, LegalHoldId=id_)[0] == "ResourceNotFoundException"


def test_holds_that_cannot_be_are_refused(cloud, backup):
    later = {"DateRange": {"FromDate": cloud.now(), "ToDate": cloud.now() + DAY}}
    backward = {"DateRange": {"FromDate": cloud.now() - 5, "ToDate": cloud.now() - 10}}
    for selection in (later, backward):
        code, _ = refused(backup.create_legal_hold, Title="t", Description="d", RecoveryPointSelection=selection)
        assert code == "InvalidParameterValueException"
    assert refused(backup.list_recovery_points_by_legal_hold, LegalHoldId="none")[0] == "InvalidParameterValueException"
    assert refused(backup.cancel_legal_hold, LegalHoldId="none", CancelDescription="x")[0] == "ResourceNotFoundException"
    ids = [hold(backup) for _ in range(50)]
    # "Each account can have a maximum of 50 legal holds active at one time."
    assert refused(backup.create_legal_hold, Title="t", Description="d")[0] == "LimitExceededException"
    backup.cancel_legal_hold(LegalHoldId=ids[0], CancelDescription="x")
    hold(backup)
