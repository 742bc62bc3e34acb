"""Keys that stacks make: S32 of the handbook as it is written, and with replicas as its title means it."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

US, EU = "us-east-1", "eu-west-1"
TRUST = {
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}, "Action": "kms:*", "Resource": "*"}]
}  # fmt: skip


@pytest.fixture
def cloud(make_cloud):
    return make_cloud(US, EU, "aws-global", links="aws-p50")


def deploy(cloud, resources: dict, verb: str = "create", region: str = US, wanted: str = "") -> dict:
    stacks = cloud.client("cloudformation", region)
    outputs = {name: {"Value": {"Ref": name}} for name in resources}
    getattr(stacks, f"{verb}_stack")(StackName="s", TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs}))
    for _ in range(300):
        cloud.sleep(1)
        (shown,) = stacks.describe_stacks(StackName="s")["Stacks"]
        if not shown["StackStatus"].endswith("IN_PROGRESS"):
            break
    reasons = [e.get("ResourceStatusReason") for e in stacks.describe_stack_events(StackName="s")["StackEvents"]]
    assert shown["StackStatus"] == (wanted or f"{verb.upper()}_COMPLETE"), reasons
    return {each["OutputKey"]: each["OutputValue"] for each in shown.get("Outputs", ())}


def key(description: str, **more) -> dict:
    return {"Type": "AWS::KMS::Key", "Properties": {"Description": description, "KeyPolicy": TRUST, **more}}


def test_as_written_both_keys_are_of_the_stacks_one_region(cloud):
    made = deploy(cloud, {"PrimaryKMSKey": key("Primary region encryption key"), "SecondaryKMSKey": key("Secondary region encryption key")})
    kms = cloud.client("kms")
    assert len({kms.describe_key(KeyId=id_)["KeyMetadata"]["Arn"] for id_ in made.values()}) == 2
    blob = kms.encrypt(KeyId=made["PrimaryKMSKey"], Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(ClientError, match="IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=blob, KeyId=made["SecondaryKMSKey"])
    with pytest.raises(ClientError, match="does not exist in this region"):
        cloud.client("kms", EU).decrypt(CiphertextBlob=blob)


def test_a_replica_in_a_stack_of_another_region_reads_what_the_primary_wrote(cloud):
    (primary,) = deploy(cloud, {"Primary": key("p", MultiRegion=True)}).values()
    us, eu = cloud.client("kms", US), cloud.client("kms", EU)
    arn = us.describe_key(KeyId=primary)["KeyMetadata"]["Arn"]
    replica = {"Type": "AWS::KMS::ReplicaKey", "Properties": {"PrimaryKeyArn": arn, "KeyPolicy": TRUST, "Description": "r"}}
    assert deploy(cloud, {"Replica": replica}, region=EU) == {"Replica": primary}
    blob = us.encrypt(KeyId=primary, Plaintext=b"x")["CiphertextBlob"]
    assert eu.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert eu.describe_key(KeyId=primary)["KeyMetadata"]["Description"] == "r"


def test_a_stack_changes_its_key_and_leaves_it_to_be_deleted(cloud):
    tags = [{"Key": "a", "Value": "1"}]
    alias = {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/mine", "TargetKeyId": {"Ref": "K"}}}
    resources = {"K": key("d", EnableKeyRotation=True, Tags=tags, PendingWindowInDays=7), "A": alias}
    id_ = deploy(cloud, resources)["K"]
    kms = cloud.client("kms")
    assert kms.get_key_rotation_status(KeyId=id_)["KeyRotationEnabled"]
    resources["K"] = key("e", Enabled=False, PendingWindowInDays=7)
    assert deploy(cloud, resources, "update")["K"] == id_
    shown = kms.describe_key(KeyId="alias/mine")["KeyMetadata"]
    assert (shown["Description"], shown["KeyState"]) == ("e", "Disabled") and not kms.list_resource_tags(KeyId=id_)["Tags"]
    cloud.client("cloudformation").delete_stack(StackName="s")
    cloud.sleep(30)
    assert kms.describe_key(KeyId=id_)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_policy_that_would_lock_everybody_out_fails_the_stack(cloud):
    document = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"}}
    deploy(cloud, {"K": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": document}}}, wanted="ROLLBACK_COMPLETE")
