"""Denials that say why in a message for STS, as EC2's do."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from kumoniwa.kernel.principal import Principal
from kumoniwa.languages.policy import parse
from kumoniwa.languages.policy_decision import Authority

USER = Principal(kind="user", account="000000000000", arn="arn:aws:iam::000000000000:user/u", user_id="AIDAU")
RESOURCE = "arn:aws:ec2:us-east-1:000000000000:instance/i-1"


def refusal(cloud, *statements: dict):
    policy = parse(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), "identity", name="p")
    decision = Authority(USER, (policy,)).decide("ec2:StopInstances", RESOURCE, {})
    return cloud.region().gate.authorizer._denial(decision, "ec2", {"ec2:tenancy": "default", "aws:currenttime": cloud.now})


def test_a_denial_is_told_whole_to_who_may_decode_it(cloud):
    error = refusal(cloud, {"Sid": "No", "Effect": "Deny", "Action": "ec2:*", "Resource": "*"})
    assert error.code == "UnauthorizedOperation"
    start, _, message = error.text.partition(" Encoded authorization failure message: ")
    assert start.startswith("You are not authorized to perform this operation. User: arn:aws:iam::000000000000:user/u is not")
    told = json.loads(cloud.client("sts").decode_authorization_message(EncodedMessage=message)["DecodedMessage"])
    # The shape: https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
    assert (told["allowed"], told["explicitDeny"]) == (False, True)
    assert told["matchedStatements"]["items"][0]["statementId"] == "No"
    assert told["context"] == {
        "principal": {"id": "AIDAU", "name": "u", "arn": USER.arn},
        "action": "ec2:StopInstances",
        "resource": RESOURCE,
        "conditions": {"items": [{"key": "ec2:tenancy", "values": {"items": [{"value": "default"}]}}]},
    }


def test_another_region_decodes_it_and_only_what_this_cloud_encoded(cloud):
    message = refusal(cloud, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}).text.rpartition(" ")[2]
    cloud.region("eu-west-1")
    sts = cloud.client("sts", "eu-west-1")
    assert json.loads(sts.decode_authorization_message(EncodedMessage=message)["DecodedMessage"])["explicitDeny"] is False
    for wrong in ("test", message[:-4] + "AAAA", "A" * 64, "é" * 20):
        with pytest.raises(ClientError) as caught:
            sts.decode_authorization_message(EncodedMessage=wrong)
        assert caught.value.response["Error"]["Code"] == "InvalidAuthorizationMessageException"


def test_decoding_is_a_permission_of_its_own(cloud):
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    sts = cloud.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    with pytest.raises(ClientError) as caught:
        sts.decode_authorization_message(EncodedMessage="x")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
