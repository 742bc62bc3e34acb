"""Secrets Manager: how secrets are described, listed, tagged, deleted and brought back, and who may."""

from __future__ import annotations

import json

import pytest
from lambda_workshop import put_user
from refusals import refused

ACCOUNT = "000000000000"
DAY = 86_400


@pytest.fixture
def secrets(cloud):
    return cloud.client("secretsmanager")


def test_a_secret_is_described_without_what_it_has_not(cloud, secrets):
    made = secrets.create_secret(Name="s", SecretString="1", Description="d", Tags=[{"Key": "a", "Value": "b"}])
    shown = secrets.describe_secret(SecretId="s")
    assert shown.keys() - {"ResponseMetadata"} == {
        "ARN", "Name", "Description", "LastChangedDate", "CreatedDate", "Tags", "VersionIdsToStages",
    }  # fmt: skip
    assert shown["VersionIdsToStages"] == {made["VersionId"]: ["AWSCURRENT"]}
    secrets.get_secret_value(SecretId="s")
    read = secrets.describe_secret(SecretId="s")["LastAccessedDate"]
    assert read.timestamp() == cloud.now() // DAY * DAY
    secrets.update_secret(SecretId="s", Description="e")
    assert secrets.describe_secret(SecretId="s")["Description"] == "e"
    secrets.tag_resource(SecretId="s", Tags=[{"Key": "c", "Value": "d"}])
    secrets.untag_resource(SecretId="s", TagKeys=["a"])
    assert secrets.describe_secret(SecretId="s")["Tags"] == [{"Key": "c", "Value": "d"}]


def test_secrets_are_listed_by_what_they_are(secrets):
    for name, description, tag in (("prod/db", "The main database", "core"), ("prod/key", "", "edge"), ("test/db", "a copy", "core")):
        secrets.create_secret(Name=name, Description=description, Tags=[{"Key": "team", "Value": tag}])

    def listed(key=None, *values, **how) -> list[str]:
        filters = {"Filters": [{"Key": key, "Values": list(values)}]} if key else {}
        return [each["Name"] for each in secrets.list_secrets(**filters, **how)["SecretList"]]

    assert listed() == ["prod/db", "prod/key", "test/db"]
    assert listed(SortBy="name", SortOrder="desc") == ["test/db", "prod/key", "prod/db"]
    assert listed("name", "prod/") == ["prod/db", "prod/key"] and listed("name", "PROD") == []
    assert listed("name", "!prod/") == ["test/db"]
    assert listed("description", "MAIN") == ["prod/db"]
    assert listed("tag-value", "core", "edge") == ["prod/db", "prod/key", "test/db"] and listed("tag-value", "co") == ["prod/db", "test/db"]
    assert listed("tag-key", "none") == []
    assert listed("all", "database") == ["prod/db"]
    assert refused(secrets.list_secrets, Filters=[{"Key": "shape", "Values": ["x"]}])[0] == "ValidationException"
    page = secrets.list_secrets(MaxResults=2)
    assert len(page["SecretList"]) == 2
    assert [each["Name"] for each in secrets.list_secrets(NextToken=page["NextToken"])["SecretList"]] == ["test/db"]


def test_a_deleted_secret_may_be_brought_back_for_some_days(cloud, secrets):
    secrets.create_secret(Name="s", SecretString="1")
    gone = secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)["DeletionDate"]
    assert gone.timestamp() == pytest.approx(cloud.now() + 7 * DAY, abs=1)
    marked = ("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
    assert refused(secrets.get_secret_value, SecretId="s") == marked
    assert refused(secrets.tag_resource, SecretId="s", Tags=[]) == marked
    assert refused(secrets.create_secret, Name="s") == (
        "InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.",
    )  # fmt: skip
    assert secrets.list_secrets()["SecretList"] == []
    (listed,) = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert listed["DeletedDate"] == gone
    secrets.restore_secret(SecretId="s")
    cloud.sleep(8 * DAY)
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "1"


def test_when_its_days_are_over_it_is_gone(cloud, secrets):
    secrets.create_secret(Name="s", SecretString="1")
    secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    cloud.sleep(7 * DAY - 60)
    secrets.describe_secret(SecretId="s")
    cloud.restart(kill=True)
    cloud.sleep(120)
    assert refused(secrets.describe_secret, SecretId="s")[0] == "ResourceNotFoundException"
    secrets.create_secret(Name="s", SecretString="2")
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "2"


def test_by_force_it_is_gone_at_once(secrets):
    first = secrets.create_secret(Name="s", SecretString="1")["ARN"]
    secrets.delete_secret(SecretId="s")
    secrets.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    assert secrets.create_secret(Name="s")["ARN"] != first
    assert secrets.delete_secret(SecretId="never", ForceDeleteWithoutRecovery=True)["Name"] == "never"
    assert refused(secrets.delete_secret, SecretId="never")[0] == "ResourceNotFoundException"
    for days in (6, 31):
        assert "must be between 7 and 30 days (inclusive)" in refused(secrets.delete_secret, SecretId="s", RecoveryWindowInDays=days)[1]
    both = {"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True}
    assert refused(secrets.delete_secret, SecretId="s", **both)[1] == (
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
    )


# Who may -------------------------------------------------------------------------------------------


def policy(effect: str, principal, action: str = "secretsmanager:GetSecretValue", **more) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Principal": principal, "Action": action, "Resource": "*", **more}]})


def test_who_reads_needs_the_right_to_read_and_the_right_to_the_key(cloud, secrets):
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    secrets.create_secret(Name="default", SecretString="1")
    secrets.create_secret(Name="own", SecretString="2", KmsKeyId=key)
    put_user(cloud, "reader", "AKIAREADER000000", "secretsmanager:GetSecretValue")
    put_user(cloud, "nobody", "AKIANOBODY000000", "sqs:ListQueues")
    put_user(cloud, "both", "AKIABOTH00000000", "secretsmanager:GetSecretValue", "kms:Decrypt")
    reader, nobody, both = (cloud.client("secretsmanager", key=f"AKIA{who:0<12}", secret="secret") for who in ("READER", "NOBODY", "BOTH"))
    assert reader.get_secret_value(SecretId="default")["SecretString"] == "1"
    # https://github.com/aws-samples/aws-secrets-manager-rotation-lambdas/issues/53
    assert refused(reader.get_secret_value, SecretId="own") == ("AccessDeniedException", "Access to KMS is not allowed")
    assert both.get_secret_value(SecretId="own")["SecretString"] == "2"
    denied = refused(nobody.get_secret_value, SecretId="default")
    assert denied[0] == "AccessDeniedException" and "secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager" in denied[1]
    read = reader.batch_get_secret_value
    assert refused(read, SecretIdList=["default"])[0] == "AccessDeniedException"


def test_a_key_of_aws_is_used_through_the_service_alone(cloud, secrets):
    secrets.create_secret(Name="s", SecretString="1")
    kms = cloud.client("kms")
    assert refused(kms.generate_data_key, KeyId="alias/aws/secretsmanager", KeySpec="AES_256")[0] == "AccessDeniedException"


def test_a_policy_lets_in_and_keeps_out(cloud, secrets):
    key = cloud.client("kms").create_key(
        Policy=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}})
    )["KeyMetadata"]["Arn"]
    arn = secrets.create_secret(Name="s", SecretString="1", KmsKeyId=key)["ARN"]
    put_user(cloud, "guest", "AKIAGUEST0000000", "sqs:ListQueues")
    guest = cloud.client("secretsmanager", key="AKIAGUEST0000000", secret="secret")
    stranger = cloud.client("secretsmanager", key="111122223333")
    who = {"AWS": [f"arn:aws:iam::{ACCOUNT}:user/guest", "arn:aws:iam::111122223333:root"]}
    secrets.put_resource_policy(SecretId="s", ResourcePolicy=policy("Allow", who))
    assert guest.get_secret_value(SecretId="s")["SecretString"] == stranger.get_secret_value(SecretId=arn)["SecretString"] == "1"
    assert json.loads(secrets.get_resource_policy(SecretId="s")["ResourcePolicy"])["Statement"][0]["Principal"] == who
    secrets.put_resource_policy(SecretId="s", ResourcePolicy=policy("Deny", "*"))
    assert refused(secrets.get_secret_value, SecretId="s")[0] == "AccessDeniedException"
    secrets.delete_resource_policy(SecretId="s")
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "1"
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId="s")
    assert refused(guest.get_secret_value, SecretId="s")[0] == "AccessDeniedException"


def test_a_policy_is_looked_at_before_it_counts(secrets):
    secrets.create_secret(Name="s")
    assert refused(secrets.put_resource_policy, SecretId="s", ResourcePolicy="{")[0] == "MalformedPolicyDocumentException"
    public = policy("Allow", "*")
    assert refused(secrets.put_resource_policy, SecretId="s", ResourcePolicy=public, BlockPublicPolicy=True)[0] == "PublicPolicyException"
    assert refused(secrets.validate_resource_policy, ResourcePolicy="{")[0] == "MalformedPolicyDocumentException"
    fine = policy("Allow", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    assert secrets.validate_resource_policy(SecretId="s", ResourcePolicy=fine)["PolicyValidationPassed"] is True
    for wrong in (public, policy("Deny", "*", "secretsmanager:*")):
        answer = secrets.validate_resource_policy(SecretId="s", ResourcePolicy=wrong)
        assert answer["PolicyValidationPassed"] is False and len(answer["ValidationErrors"]) == 1
