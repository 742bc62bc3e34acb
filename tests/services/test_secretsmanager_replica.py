"""Secrets Manager: one secret in several regions, over links that have a length and may be cut.

The refusals are AWS's as getmoto/moto's tests/test_secretsmanager/test_secretsmanager.py tells them.
"""

from __future__ import annotations

import json

import pytest
from refusals import refused
from secret_workshop import is_on_disk

US, EU, JP = "us-east-1", "eu-west-1", "ap-northeast-1"
REPLICA = ("InvalidRequestException", "Operation not permitted on a replica secret. Call must be made in primary secret's region.")


@pytest.fixture
def cloud(make_cloud):
    return make_cloud(US, EU, JP, links="aws-p50")


@pytest.fixture
def us(cloud):
    return cloud.client("secretsmanager", US)


@pytest.fixture
def eu(cloud):
    return cloud.client("secretsmanager", EU)


def value(secrets, name="s", **which) -> str:
    return secrets.get_secret_value(SecretId=name, **which)["SecretString"]


def states(secrets, name="s") -> dict[str, str]:
    return {each["Region"]: each["Status"] for each in secrets.describe_secret(SecretId=name)["ReplicationStatus"]}


def test_a_replica_says_what_its_primary_says(cloud, us, eu):
    made = us.create_secret(Name="s", SecretString="one-in-clear", AddReplicaRegions=[{"Region": EU}, {"Region": JP}], Tags=[{"Key": "a", "Value": "b"}])
    assert {each["Region"]: each["Status"] for each in made["ReplicationStatus"]} == {EU: "InProgress", JP: "InProgress"}
    cloud.sleep(1)
    assert states(us) == {EU: "InSync", JP: "InSync"}
    assert value(eu) == "one-in-clear" and value(eu, made["ARN"].replace(US, EU)) == "one-in-clear"
    shown = eu.describe_secret(SecretId="s")
    assert (shown["PrimaryRegion"], shown["Tags"]) == (US, [{"Key": "a", "Value": "b"}])
    us.put_secret_value(SecretId="s", SecretString="two-in-clear")
    us.update_secret(SecretId="s", Description="d")
    assert value(eu) == "one-in-clear"
    cloud.sleep(1)
    assert (value(eu), value(eu, VersionStage="AWSPREVIOUS")) == ("two-in-clear", "one-in-clear")
    assert eu.describe_secret(SecretId="s")["Description"] == "d"
    assert not is_on_disk(cloud, "one-in-clear") and not is_on_disk(cloud, "two-in-clear")


def test_a_dark_region_hears_what_it_missed(cloud, us, eu):
    us.create_secret(Name="s", SecretString="1", AddReplicaRegions=[{"Region": EU}])
    cloud.sleep(1)
    cloud.kill(EU)
    us.put_secret_value(SecretId="s", SecretString="2")
    cloud.sleep(60)
    cloud.restart(US, kill=True)
    us.put_secret_value(SecretId="s", SecretString="3")
    cloud.region(EU)
    cloud.sleep(30)
    assert (value(eu), value(eu, VersionStage="AWSPREVIOUS")) == ("3", "2") and states(us) == {EU: "InSync"}


def test_a_cut_link_holds_news_back(cloud, us, eu):
    us.create_secret(Name="s", SecretString="1", AddReplicaRegions=[{"Region": EU}])
    cloud.sleep(1)
    cut = cloud.fault("link.cut", {"from": US, "to": EU})
    us.put_secret_value(SecretId="s", SecretString="2")
    cloud.sleep(120)
    assert value(eu) == "1"
    cloud.heal(cut)
    cloud.sleep(120)
    assert value(eu) == "2"


def test_a_replica_is_changed_where_its_primary_is(cloud, us, eu):
    us.create_secret(Name="s", SecretString="1", AddReplicaRegions=[{"Region": EU}])
    cloud.sleep(1)
    for call, said in (
        (eu.put_secret_value, {"SecretString": "2"}), (eu.update_secret, {"Description": "d"}), (eu.delete_secret, {}),
        (eu.tag_resource, {"Tags": [{"Key": "a", "Value": "b"}]}), (eu.rotate_secret, {}),
        (eu.put_resource_policy, {"ResourcePolicy": "{}"}), (eu.replicate_secret_to_regions, {"AddReplicaRegions": [{"Region": JP}]}),
    ):  # fmt: skip
        assert refused(call, SecretId="s", **said) == REPLICA
    arn = us.describe_secret(SecretId="s")["ARN"]
    assert refused(us.delete_secret, SecretId=arn) == (
        "InvalidParameterException", f"You can't delete secret {arn} that still has replica regions [{EU}]",
    )  # fmt: skip


def test_a_name_that_is_taken_is_taken_by_force_only(cloud, us, eu):
    eu.create_secret(Name="s", SecretString="theirs")
    us.create_secret(Name="s", SecretString="ours")
    us.replicate_secret_to_regions(SecretId="s", AddReplicaRegions=[{"Region": EU}])
    cloud.sleep(1)
    (status,) = us.describe_secret(SecretId="s")["ReplicationStatus"]
    assert (status["Status"], status["StatusMessage"]) == ("Failed", f"Replication failed: Secret name s already exists in region {EU}.")
    assert value(eu) == "theirs"
    us.replicate_secret_to_regions(SecretId="s", AddReplicaRegions=[{"Region": EU}], ForceOverwriteReplicaSecret=True)
    cloud.sleep(1)
    assert value(eu) == "ours" and states(us) == {EU: "InSync"}
    for region in ("mars-1", US):
        assert refused(us.replicate_secret_to_regions, SecretId="s", AddReplicaRegions=[{"Region": region}]) == (
            "InvalidParameterException", "Invalid replica region.",
        )  # fmt: skip


def test_a_replica_may_be_removed_or_stand_alone(cloud, us, eu):
    us.create_secret(Name="s", SecretString="1", AddReplicaRegions=[{"Region": EU}, {"Region": JP}])
    cloud.sleep(1)
    eu.stop_replication_to_replica(SecretId="s")
    us.remove_regions_from_replication(SecretId="s", RemoveReplicaRegions=[JP])
    cloud.sleep(1)
    assert "ReplicationStatus" not in us.describe_secret(SecretId="s")
    assert refused(cloud.client("secretsmanager", JP).describe_secret, SecretId="s")[0] == "ResourceNotFoundException"
    eu.put_secret_value(SecretId="s", SecretString="mine")
    us.put_secret_value(SecretId="s", SecretString="yours")
    cloud.sleep(1)
    assert (value(us), value(eu)) == ("yours", "mine")
    us.delete_secret(SecretId="s")
    assert refused(us.stop_replication_to_replica, SecretId="s")[0] == "InvalidRequestException"


def test_each_region_has_its_own_key(cloud, us, eu):
    kms = cloud.client("kms", EU)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    us.create_secret(Name="s", SecretString="1", AddReplicaRegions=[{"Region": EU, "KmsKeyId": key}])
    cloud.sleep(1)
    assert eu.describe_secret(SecretId="s")["KmsKeyId"] == key
    kms.disable_key(KeyId=key)
    assert refused(eu.get_secret_value, SecretId="s")[0] == "DecryptionFailure" and value(us) == "1"
    us.put_secret_value(SecretId="s", SecretString="2")
    cloud.sleep(1)
    (status,) = us.describe_secret(SecretId="s")["ReplicationStatus"]
    assert status["Status"] == "Failed" and status["StatusMessage"].startswith("Replication failed: Secrets Manager can't encrypt")
    kms.enable_key(KeyId=key)
    us.replicate_secret_to_regions(SecretId="s", AddReplicaRegions=[{"Region": EU, "KmsKeyId": key}])
    cloud.sleep(1)
    assert value(eu) == "2" and states(us) == {EU: "InSync"}


def test_policies_go_along(cloud, us, eu):
    us.create_secret(Name="s", SecretString="1", AddReplicaRegions=[{"Region": EU}])
    statement = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    us.put_resource_policy(SecretId="s", ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    cloud.sleep(1)
    assert refused(eu.get_secret_value, SecretId="s")[0] == "AccessDeniedException"
