"""KMS tells EventBridge of new material, of material that expired, and of keys that are deleted.

https://docs.aws.amazon.com/kms/latest/developerguide/kms-events.html
"""

from __future__ import annotations

import pytest
from fact_workshop import ACCOUNT, US, heard, hears
from test_kms_keys import DAY, brought, kms, made

__all__ = ["kms"]
SOURCE = "aws.kms"


@pytest.fixture
def key(cloud, kms) -> str:
    key = made(kms)
    hears(cloud, SOURCE)
    return key


def ids(kms, key: str) -> list[str]:
    return [each["KeyMaterialId"] for each in kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]]


def test_a_rotation_on_demand_tells_both_materials(cloud, kms, key):
    kms.rotate_key_on_demand(KeyId=key)
    (event,) = heard(cloud)
    before, after = ids(kms, key)
    assert (event["detail-type"], event["resources"]) == ("KMS CMK Rotation", [f"arn:aws:kms:{US}:{ACCOUNT}:key/{key}"])
    assert event["detail"] == {
        "key-id": key, "key-origin": "AWS_KMS", "rotation-type": "ON_DEMAND", "previous-key-material-id": before, "current-key-material-id": after,
    }  # fmt: skip


def test_a_key_that_rotates_by_itself_tells_so_once_also_after_a_kill(cloud, kms, key):
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    cloud.sleep(90 * DAY + 1)
    cloud.restart(kill=True)
    assert [(each["detail"]["rotation-type"], each["detail"]["key-id"]) for each in heard(cloud)] == [("AUTOMATIC", key)]


def test_a_deletion_is_told_when_the_waiting_is_over(cloud, kms, key):
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    cloud.sleep(6 * DAY)
    assert heard(cloud) == []
    cloud.sleep(DAY)
    (event,) = heard(cloud)
    assert (event["detail-type"], event["detail"]) == ("KMS CMK Deletion", {"key-id": key})
    assert event["resources"] == [f"arn:aws:kms:{US}:{ACCOUNT}:key/{key}"]


def test_material_that_expires_is_told_and_material_that_somebody_deletes_is_not(cloud, kms):
    key = made(kms, Origin="EXTERNAL")
    hears(cloud, SOURCE)
    brought(kms, key, b"s" * 32, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=cloud.now() + DAY)
    kms.delete_imported_key_material(KeyId=key)
    assert heard(cloud) == []
    brought(kms, key, b"s" * 32, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=cloud.now() + DAY)
    cloud.sleep(DAY + 1)
    (event,) = heard(cloud)
    assert (event["detail-type"], event["detail"]) == ("KMS Imported Key Material Expiration", {"key-id": key})
