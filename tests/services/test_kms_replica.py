"""KMS: multi-region keys. One key in several regions: what one encrypts the others read."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from refusals import refused_code

US, EU, JP = "us-east-1", "eu-west-1", "ap-northeast-1"
DAY = 86_400


@pytest.fixture
def cloud(make_cloud):
    return make_cloud(US, EU, JP, links="aws-p50")


@pytest.fixture
def us(cloud):
    return cloud.client("kms", US)


@pytest.fixture
def eu(cloud):
    return cloud.client("kms", EU)


@pytest.fixture
def key(us) -> str:
    key = us.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    assert key.startswith("mrk-")
    us.replicate_key(KeyId=key, ReplicaRegion=EU)
    return key


def family(kms, key):
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
    return shown["MultiRegionKeyType"], shown["PrimaryKey"]["Region"], [each["Region"] for each in shown["ReplicaKeys"]]


def test_a_replica_is_described_as_such(us, eu):
    key = us.create_key(MultiRegion=True, Description="first")["KeyMetadata"]["KeyId"]
    reply = us.replicate_key(KeyId=key, ReplicaRegion=EU, Tags=[{"TagKey": "a", "TagValue": "b"}])
    shown = reply["ReplicaKeyMetadata"]
    assert (shown["KeyState"], shown["Enabled"], shown["Arn"]) == ("Creating", False, f"arn:aws:kms:{EU}:000000000000:key/{key}")
    assert "CurrentKeyMaterialId" not in shown
    assert json.loads(reply["ReplicaPolicy"])["Id"] == "key-default-1" and reply["ReplicaTags"] == [{"TagKey": "a", "TagValue": "b"}]
    assert family(us, key) == ("PRIMARY", US, [EU]) and family(eu, key) == ("REPLICA", US, [EU])
    assert eu.describe_key(KeyId=key)["KeyMetadata"]["Description"] == ""
    assert refused_code(us.replicate_key, KeyId=key, ReplicaRegion=EU) == "AlreadyExistsException"
    assert refused_code(eu.replicate_key, KeyId=key, ReplicaRegion=JP) == "UnsupportedOperationException"
    alone = us.create_key()["KeyMetadata"]["KeyId"]
    assert refused_code(us.replicate_key, KeyId=alone, ReplicaRegion=EU) == "UnsupportedOperationException"
    # Measured by https://github.com/badmintoncryer/cdk-preflight (pf-kms-replica-primary-arn).
    for said, text in ((key, f"{us.meta.region_name} cannot have a replica because it contains the primary."), (alone, "is not a multi-region key.")):
        with pytest.raises(ClientError, match=f"{text}$"):
            us.replicate_key(KeyId=said, ReplicaRegion=us.meta.region_name)
    assert "ReplicaTags" not in us.replicate_key(KeyId=key, ReplicaRegion=JP)


def test_what_one_region_encrypts_the_other_decrypts(us, eu, key):
    for one, other in ((us, eu), (eu, us)):
        blob = one.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "b"})["CiphertextBlob"]
        assert other.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})["Plaintext"] == b"x"


def test_states_and_policies_are_each_regions_own(us, eu, key):
    eu.disable_key(KeyId=key)
    assert us.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert refused_code(eu.encrypt, KeyId=key, Plaintext=b"x") == "DisabledException"


def test_new_material_reaches_the_replicas(cloud, us, eu, key):
    us.rotate_key_on_demand(KeyId=key)
    assert refused_code(eu.rotate_key_on_demand, KeyId=key) == "UnsupportedOperationException"
    cloud.sleep(2)
    blob = us.encrypt(KeyId=key, Plaintext=b"x")
    assert eu.decrypt(CiphertextBlob=blob["CiphertextBlob"])["Plaintext"] == b"x"
    assert len(eu.list_key_rotations(KeyId=key)["Rotations"]) == 1


def test_a_region_that_was_dark_learns_of_new_material_when_it_is_back(cloud, us, eu, key):
    cloud.dark.add(EU)
    us.rotate_key_on_demand(KeyId=key)
    blob = us.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    cloud.sleep(60)
    cloud.restart(kill=True)
    cloud.dark.discard(EU)
    cloud.sleep(60)
    assert eu.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_another_region_takes_the_lead(cloud, us, eu, key):
    us.replicate_key(KeyId=key, ReplicaRegion=JP)
    assert refused_code(us.update_primary_region, KeyId=key, PrimaryRegion="us-west-2") == "UnsupportedOperationException"
    us.update_primary_region(KeyId=key, PrimaryRegion=EU)
    cloud.sleep(5)
    assert family(eu, key) == ("PRIMARY", EU, [US, JP])
    assert family(us, key) == family(cloud.client("kms", JP), key) == ("REPLICA", EU, [US, JP])
    eu.rotate_key_on_demand(KeyId=key)


def test_a_primary_waits_for_its_replicas_to_go(cloud, us, eu, key):
    assert us.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)["KeyState"] == "PendingReplicaDeletion"
    eu.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    cloud.sleep(8 * DAY)
    assert refused_code(eu.describe_key, KeyId=key) == "NotFoundException"
    assert us.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    cloud.sleep(8 * DAY)
    assert refused_code(us.describe_key, KeyId=key) == "NotFoundException"
