"""The root user's own access keys. https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html: without
a user name IAM takes the owner of the key that signed, and so manages the root user's keys as well."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "111111111111"


@pytest.fixture
def iam(cloud):
    return cloud.client("iam", key=ACCOUNT)


def test_root_without_a_user_name_makes_a_key_of_its_own(cloud, iam):
    made = iam.create_access_key()["AccessKey"]
    assert "UserName" not in made
    pair = {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"]}
    who = cloud.client("sts", **pair).get_caller_identity()
    assert (who["Arn"], who["UserId"]) == (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)
    assert [key["AccessKeyId"] for key in iam.list_access_keys()["AccessKeyMetadata"]] == [
        made["AccessKeyId"]
    ]
    assert iam.get_account_summary()["SummaryMap"]["AccountAccessKeysPresent"] == 1
    iam.create_user(UserName="alice")
    assert iam.list_access_keys(UserName="alice")["AccessKeyMetadata"] == []


def test_root_s_key_is_proved_turned_off_and_taken_away_like_any_other(cloud, iam):
    made = iam.create_access_key()["AccessKey"]
    key = made["AccessKeyId"]
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        cloud.client("sts", key=key, secret="a guess").get_caller_identity()
    iam.update_access_key(AccessKeyId=key, Status="Inactive")
    sts = cloud.client("sts", key=key, secret=made["SecretAccessKey"])
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        sts.get_caller_identity()
    iam.update_access_key(AccessKeyId=key, Status="Active")
    assert sts.get_caller_identity()["Account"] == ACCOUNT
    iam.create_access_key()
    with pytest.raises(ClientError, match="AccessKeysPerUser: 2"):
        iam.create_access_key()
    iam.delete_access_key(AccessKeyId=key)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        sts.get_caller_identity()
