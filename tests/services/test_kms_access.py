"""KMS: who may use a key. A key's own policy decides, and grants add to it."""

from __future__ import annotations

import json

import pytest
from refusals import refused

ACCOUNT, OTHER = "111111111111", "222222222222"
KEYS = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/"


@pytest.fixture
def kms(cloud):
    return cloud.client("kms", key=ACCOUNT)


@pytest.fixture
def key(kms) -> str:
    return kms.create_key()["KeyMetadata"]["KeyId"]


def person(cloud, name="alice", *actions):
    """The ARN of a user with these rights on everything, and her KMS."""
    iam = cloud.client("iam", key=ACCOUNT)
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if actions:
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"}}
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    held = iam.create_access_key(UserName=name)["AccessKey"]
    return arn, cloud.client("kms", key=held["AccessKeyId"], secret=held["SecretAccessKey"])


def trusts(kms, key, *statements):
    held = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    held["Statement"] += statements
    kms.put_key_policy(KeyId=key, Policy=json.dumps(held))


def test_a_key_that_trusts_its_account_leaves_it_to_identity_policies(cloud, kms, key):
    _, nobody = person(cloud, "nobody")
    _, alice = person(cloud, "alice", "kms:Encrypt")
    assert alice.encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == KEYS + key
    code, text = refused(nobody.encrypt, KeyId=key, Plaintext=b"x")
    assert code == "AccessDeniedException" and f"is not authorized to perform: kms:Encrypt on resource: {KEYS}{key}" in text


def test_a_key_that_does_not_trust_its_account_listens_to_no_identity_policy(cloud, kms, key):
    _, alice = person(cloud, "alice", "kms:*")
    own = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/keeper"}, "Action": "kms:*", "Resource": "*"}
    person(cloud, "keeper")
    kms.put_key_policy(KeyId=key, Policy=json.dumps({"Version": "2012-10-17", "Statement": own}), BypassPolicyLockoutSafetyCheck=True)
    assert refused(alice.encrypt, KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"


def test_who_may_not_decrypt_learns_nothing_of_the_key(cloud, kms, key):
    _, alice = person(cloud)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert refused(alice.decrypt, CiphertextBlob=blob) == (
        "AccessDeniedException",
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.",
    )
    assert "kms:Decrypt" in refused(alice.decrypt, CiphertextBlob=blob, KeyId=key)[1]


def test_another_account_needs_both_sides(cloud, kms, key):
    theirs = cloud.client("kms", key=OTHER)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert refused(theirs.decrypt, CiphertextBlob=blob)[0] == "AccessDeniedException"
    trusts(kms, key, {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": "*"})
    assert theirs.decrypt(CiphertextBlob=blob)["KeyId"] == KEYS + key
    there = theirs.encrypt(KeyId=KEYS + key, Plaintext=b"y")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=there)["Plaintext"] == b"y"
    assert refused(theirs.encrypt, KeyId=key, Plaintext=b"y")[0] == "NotFoundException"


def test_conditions_see_the_encryption_context(cloud, kms, key):
    arn, alice = person(cloud)
    wanted = {"StringEquals": {"kms:EncryptionContext:team": "blue"}}
    trusts(kms, key, {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "kms:Encrypt", "Resource": "*", "Condition": wanted})
    alice.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"team": "blue", "more": "1"})
    for context in ({}, {"team": "red"}):
        assert refused(alice.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=context)[0] == "AccessDeniedException"


def test_a_grant_lets_its_grantee_do_what_it_says_until_it_is_revoked(cloud, kms, key):
    arn, alice = person(cloud)
    grant = kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt", "Decrypt"], Name="g")
    assert kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt", "Decrypt"], Name="g")["GrantId"] == grant["GrantId"]
    blob = alice.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])["CiphertextBlob"]
    assert alice.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert refused(alice.generate_data_key, KeyId=key, KeySpec="AES_256")[0] == "AccessDeniedException"
    (listed,) = kms.list_grants(KeyId=key)["Grants"]
    assert (listed["GrantId"], listed["GranteePrincipal"], listed["Operations"]) == (grant["GrantId"], arn, ["Encrypt", "Decrypt"])
    cloud.restart(kill=True)
    assert alice.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    assert refused(alice.decrypt, CiphertextBlob=blob)[0] == "AccessDeniedException"
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])[0] == "InvalidGrantTokenException"


@pytest.mark.parametrize(
    ("constraint", "allowed", "denied"),
    [
        ("EncryptionContextSubset", [{"a": "1"}, {"a": "1", "b": "2"}], [{}, {"a": "2"}]),
        ("EncryptionContextEquals", [{"a": "1"}], [{}, {"a": "1", "b": "2"}, {"a": "2"}]),
    ],
)
def test_a_grant_may_ask_for_an_encryption_context(cloud, kms, key, constraint, allowed, denied):
    arn, alice = person(cloud)
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"], Constraints={constraint: {"a": "1"}})
    for context in allowed:
        alice.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
    for context in denied:
        assert refused(alice.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=context)[0] == "AccessDeniedException"


def test_the_retiring_principal_ends_a_grant(cloud, kms, key):
    arn, alice = person(cloud)
    retirer, bob = person(cloud, "bob")
    grant = kms.create_grant(KeyId=key, GranteePrincipal=arn, RetiringPrincipal=retirer, Operations=["Encrypt"])
    assert refused(alice.retire_grant, GrantToken=grant["GrantToken"])[0] == "AccessDeniedException"
    assert [g["GrantId"] for g in kms.list_retirable_grants(RetiringPrincipal=retirer)["Grants"]] == [grant["GrantId"]]
    bob.retire_grant(GrantToken=grant["GrantToken"])
    assert refused(alice.encrypt, KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"


def test_a_denial_in_the_policy_stands_above_grants(cloud, kms, key):
    arn, alice = person(cloud)
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"])
    trusts(kms, key, {"Effect": "Deny", "Principal": {"AWS": arn}, "Action": "kms:Encrypt", "Resource": "*"})
    assert refused(alice.encrypt, KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"


def test_only_what_the_kind_of_key_can_do_is_granted(kms, key):
    grantee = f"arn:aws:iam::{ACCOUNT}:root"
    assert refused(kms.create_grant, KeyId=key, GranteePrincipal=grantee, Operations=["Sign"])[0] == "ValidationException"
    assert refused(kms.create_grant, KeyId=key, Operations=["Encrypt"])[0] == "ValidationException"


def test_a_grant_is_for_a_principal_or_refused(kms, key):
    # https://github.com/hashicorp/terraform-provider-aws/pull/3038 meets the code.
    nobody = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0"
    root = f"arn:aws:iam::{ACCOUNT}:root"
    assert refused(kms.create_grant, KeyId=key, GranteePrincipal=nobody, Operations=["Encrypt"])[0] == "InvalidArnException"
    retired = {"GranteePrincipal": root, "RetiringPrincipal": nobody}
    assert refused(kms.create_grant, KeyId=key, **retired, Operations=["Encrypt"])[0] == "InvalidArnException"
    assert kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]


def test_re_encryption_needs_leave_on_both_keys(cloud, kms, key):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    arn, alice = person(cloud)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["ReEncryptFrom"])
    assert "kms:ReEncryptTo" in refused(alice.re_encrypt, CiphertextBlob=blob, SourceKeyId=key, DestinationKeyId=other)[1]
    kms.create_grant(KeyId=other, GranteePrincipal=arn, Operations=["ReEncryptTo"])
    assert alice.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)["KeyId"] == KEYS + other
