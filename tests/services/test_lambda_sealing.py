"""Lambda: environment variables that are encrypted under a customer's key of KMS."""

from __future__ import annotations

import json

import pytest
from lambda_workshop import ROLE, invoke, make
from refusals import refused
from sealed import SECRET, on_disk

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
TELLS = "import os\ndef handler(event, context):\n    return os.environ.get('SECRET')\n"


@pytest.fixture
def kms(cloud):
    return cloud.client("kms", key="000000000000")


@pytest.fixture
def key(kms) -> str:
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def function(cloud, key):
    return make(cloud, TELLS, Environment={"Variables": {"SECRET": SECRET}}, KMSKeyArn=key)


def configuration(cloud, **more) -> dict:
    return cloud.client("lambda").get_function_configuration(FunctionName="f", **more)


def test_a_function_gets_what_it_was_given_and_it_is_not_on_the_disk(cloud, function, key):
    assert (function["Environment"]["Variables"], function["KMSKeyArn"]) == ({"SECRET": SECRET}, key)
    assert invoke(cloud, 1)["Payload"] == SECRET
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    assert invoke(cloud, 1)["Payload"] == SECRET
    assert configuration(cloud)["Environment"]["Variables"] == {"SECRET": SECRET}
    (listed,) = cloud.client("lambda").list_functions()["Functions"]
    assert listed["Environment"]["Variables"] == {"SECRET": SECRET} and listed["KMSKeyArn"] == key


def test_the_role_decrypts_by_a_grant_for_this_function(cloud, function, kms, key):
    (grant,) = kms.list_grants(KeyId=key)["Grants"]
    assert (grant["GranteePrincipal"], grant["Operations"]) == (ROLE, ["Decrypt"])
    assert grant["Constraints"] == {"EncryptionContextEquals": {"aws:lambda:FunctionArn": ARN}}
    cloud.client("lambda").delete_function(FunctionName="f")
    cloud.sleep(1)
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_a_disabled_key_stops_new_environments_and_is_told_where_one_looks(cloud, function, kms, key):
    kms.disable_key(KeyId=key)
    cloud.restart(kill=True)
    code, text = refused(invoke, cloud=cloud, event=1)
    assert code == "KMSDisabledException"
    assert text.startswith("Lambda was unable to decrypt the environment variables because the KMS key used is disabled.")
    shown = configuration(cloud)["Environment"]
    assert (shown["Error"]["ErrorCode"], "Variables" in shown) == ("DisabledException", False)
    cloud.sleep(2)
    kms.enable_key(KeyId=key)
    assert invoke(cloud, 1)["Payload"] == SECRET
    assert configuration(cloud)["Environment"]["Variables"] == {"SECRET": SECRET}


def test_without_the_grant_the_role_reads_nothing(cloud, function, kms, key):
    (grant,) = kms.list_grants(KeyId=key)["Grants"]
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    code, text = refused(invoke, cloud=cloud, event=1)
    assert code == "KMSAccessDeniedException" and "because KMS access was denied" in text


def test_who_may_not_decrypt_sees_why_and_no_variables(cloud, function):
    iam = cloud.client("iam", key="000000000000")
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=allow_all("lambda:*"))
    held = iam.create_access_key(UserName="alice")["AccessKey"]
    alice = cloud.client("lambda", key=held["AccessKeyId"], secret=held["SecretAccessKey"])
    shown = alice.get_function_configuration(FunctionName="f")["Environment"]
    assert shown["Error"]["ErrorCode"] == "AccessDeniedException" and SECRET not in str(shown)
    code, text = refused(alice.update_function_configuration, FunctionName="f", Environment={"Variables": {"OPEN": "b"}})
    assert code == "InvalidParameterValueException" and "because KMS access was denied" in text, text
    assert configuration(cloud)["Environment"]["Variables"] == {"SECRET": SECRET}


def allow_all(*actions: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"}})


def test_the_key_and_the_variables_may_change(cloud, function, kms, key):
    client = cloud.client("lambda")
    client.update_function_configuration(FunctionName="f", Environment={"Variables": {"SECRET": f"new {SECRET}"}})
    assert invoke(cloud, 1)["Payload"] == f"new {SECRET}"
    client.update_function_configuration(FunctionName="f", Timeout=9)
    published = client.publish_version(FunctionName="f")
    assert (published["Environment"]["Variables"], published["KMSKeyArn"]) == ({"SECRET": f"new {SECRET}"}, key)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    assert client.update_function_configuration(FunctionName="f", KMSKeyArn=other)["KMSKeyArn"] == other
    kms.disable_key(KeyId=key)
    assert invoke(cloud, 1)["Payload"] == f"new {SECRET}"
    assert on_disk(cloud) == []
    client.update_function_configuration(FunctionName="f", KMSKeyArn="")
    shown = configuration(cloud)
    assert (shown["Environment"]["Variables"], "KMSKeyArn" in shown) == ({"SECRET": f"new {SECRET}"}, False)
    assert invoke(cloud, 1)["Payload"] == f"new {SECRET}" and on_disk(cloud)


def test_a_key_that_cannot_be_used_makes_no_function(cloud, key):
    code, text = refused(make, cloud=cloud, Environment={"Variables": {"OPEN": "b"}}, KMSKeyArn=key[:-12] + "000000000000")
    assert code == "InvalidParameterValueException", text
    assert text.startswith("Lambda was unable to configure access to your environment variables because the KMS key is invalid for Encrypt.")
    assert cloud.client("lambda").list_functions()["Functions"] == []
