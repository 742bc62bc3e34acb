"""KMS: keys, their states, names, policies, rotation, deletion, and material from outside.

What a test says in AWS's words was recorded there: localstack/localstack, tests/aws/services/kms/test_kms.snapshot.json.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from refusals import refused

ACCOUNT = "000000000000"
DAY = 86_400
KEYS = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/"


@pytest.fixture
def kms(cloud):
    return cloud.client("kms")


def made(kms, **how) -> str:
    return kms.create_key(**how)["KeyMetadata"]["KeyId"]


def state(kms, key) -> str:
    return kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]


def test_a_key_is_described(kms):
    shown = kms.create_key(Description="test key 123")["KeyMetadata"]
    assert shown == kms.describe_key(KeyId=shown["Arn"])["KeyMetadata"]
    assert shown.pop("CreationDate") and len(shown.pop("CurrentKeyMaterialId")) == 64
    assert shown == {
        "AWSAccountId": ACCOUNT, "Arn": KEYS + shown["KeyId"], "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "Description": "test key 123",
        "Enabled": True, "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "KeyId": shown["KeyId"], "KeyManager": "CUSTOMER",
        "KeySpec": "SYMMETRIC_DEFAULT", "KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT", "MultiRegion": False, "Origin": "AWS_KMS",
    }  # fmt: skip
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    assert mac["MacAlgorithms"] == ["HMAC_SHA_256"] and "EncryptionAlgorithms" not in mac
    assert sorted(each["KeyId"] for each in kms.list_keys()["Keys"]) == sorted([shown["KeyId"], mac["KeyId"]])


def test_a_key_that_is_not_there_is_refused_in_the_words_of_its_name(kms):
    gone = "134f2428-cec1-4b25-a1ae-9048164dba47"
    assert refused(kms.describe_key, KeyId=gone) == ("NotFoundException", f"Key '{KEYS}{gone}' does not exist")
    assert refused(kms.describe_key, KeyId=KEYS + gone) == ("NotFoundException", f"Key '{KEYS}{gone}' does not exist")
    assert refused(kms.describe_key, KeyId="fake-key-id") == ("NotFoundException", "Invalid keyId 'fake-key-id'")
    assert refused(kms.describe_key, KeyId="mrk-fake-key-id") == ("NotFoundException", "Invalid keyId 'mrk-fake-key-id'")
    elsewhere = KEYS.replace("us-east-1", "ap-southeast-1") + gone
    assert refused(kms.describe_key, KeyId=elsewhere) == ("NotFoundException", "Invalid arn ap-southeast-1")


def test_what_a_key_is_for_suits_its_kind(kms):
    assert refused(kms.create_key, KeySpec="HMAC_256") == (
        "ValidationException", "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    )  # fmt: skip
    assert refused(kms.create_key, KeySpec="RSA_2048", KeyUsage="GENERATE_VERIFY_MAC")[0] == "ValidationException"
    assert refused(kms.create_key, KeySpec="SM2", KeyUsage="SIGN_VERIFY")[0] == "NotImplemented"


def test_a_disabled_key_does_nothing_until_it_is_enabled_again(kms):
    key = made(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    assert state(kms, key) == "Disabled"
    assert refused(kms.decrypt, CiphertextBlob=blob) == ("DisabledException", f"{KEYS}{key} is disabled.")
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"x")[0] == "DisabledException"
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_an_alias_stands_for_a_key_where_something_is_done_with_it(kms):
    one, other = made(kms), made(kms)
    assert refused(kms.create_alias, AliasName="mine", TargetKeyId=one) == (
        "ValidationException",
        'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    )
    kms.create_alias(AliasName="alias/mine", TargetKeyId=one)
    assert refused(kms.create_alias, AliasName="alias/mine", TargetKeyId=other)[0] == "AlreadyExistsException"
    blob = kms.encrypt(KeyId="alias/mine", Plaintext=b"x")
    assert blob["KeyId"] == KEYS + one
    kms.update_alias(AliasName="alias/mine", TargetKeyId=other)
    assert kms.describe_key(KeyId=f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/mine")["KeyMetadata"]["KeyId"] == other
    assert kms.decrypt(CiphertextBlob=blob["CiphertextBlob"])["KeyId"] == KEYS + one
    (listed,) = kms.list_aliases(KeyId=other)["Aliases"]
    assert (listed["AliasName"], listed["TargetKeyId"]) == ("alias/mine", other)
    signing = made(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    assert refused(kms.update_alias, AliasName="alias/mine", TargetKeyId=signing)[0] == "ValidationException"
    kms.delete_alias(AliasName="alias/mine")
    assert refused(kms.describe_key, KeyId="alias/mine") == (
        "NotFoundException", f"Alias arn:aws:kms:us-east-1:{ACCOUNT}:alias/mine is not found.",
    )  # fmt: skip


def test_a_key_policy_names_who_is_there(cloud, kms):
    """The texts: https://github.com/badmintoncryer/cdk-preflight (pf-kms-key-policy-statement). "The principals in the key policy must exist":
    https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html"""
    role = f"arn:aws:iam::{ACCOUNT}:role/reader"

    def policy(**more) -> str:
        root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [root, {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", **more}]})

    wrong = "Policy contains a statement with one or more invalid principals."
    assert refused(kms.create_key, Policy=policy()) == ("MalformedPolicyDocumentException", "Policy contains a statement with no principal.")
    for principal in ("nobody", role, [f"arn:aws:iam::{ACCOUNT}:root", role]):
        assert refused(kms.create_key, Policy=policy(Principal={"AWS": principal})) == ("MalformedPolicyDocumentException", wrong)
    trust = {"Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}}
    cloud.client("iam").create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(trust))
    assert made(kms, Policy=policy(Principal={"AWS": role}))


def test_an_alias_has_no_colon_and_stands_for_no_other_alias(kms):
    """Both texts are moto's (tests/test_kms/test_kms.py), and measured by https://github.com/badmintoncryer/cdk-preflight (rules/kms)."""
    key = made(kms)
    assert refused(kms.create_alias, AliasName="alias/my:alias", TargetKeyId=key) == (
        "ValidationException", "alias/my:alias contains invalid characters for an alias",
    )  # fmt: skip
    kms.create_alias(AliasName="alias/mine", TargetKeyId=key)
    for call, name, target in (
        (kms.create_alias, "alias/mine", "alias/mine"),
        (kms.create_alias, "alias/yours", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/mine"),
        (kms.update_alias, "alias/mine", "alias/mine"),
    ):
        assert refused(call, AliasName=name, TargetKeyId=target) == ("ValidationException", "Aliases must refer to keys. Not aliases")


def test_aws_has_keys_of_its_own_that_only_its_services_use(kms):
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html"""
    assert "TargetKeyId" not in next(a for a in kms.list_aliases()["Aliases"] if a["AliasName"] == "alias/aws/s3")
    shown = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert shown["KeyManager"] == "AWS"
    assert refused(kms.encrypt, KeyId="alias/aws/s3", Plaintext=b"x")[0] == "AccessDeniedException"
    assert refused(kms.schedule_key_deletion, KeyId=shown["KeyId"])[0] == "AccessDeniedException"
    assert refused(kms.create_alias, AliasName="alias/aws/mine", TargetKeyId=made(kms)) == (
        # The text was measured: https://github.com/badmintoncryer/cdk-preflight (pf-kms-alias-name).
        "NotAuthorizedException", "The alias name for a customer managed CMK cannot begin with alias/aws/.",
    )  # fmt: skip


def test_a_key_is_deleted_when_its_days_are_over(cloud, kms):
    key = made(kms)
    kms.create_alias(AliasName="alias/a", TargetKeyId=key)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert refused(kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=3)[0] == "ValidationException"
    reply = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (reply["KeyId"], reply["KeyState"], reply["PendingWindowInDays"]) == (KEYS + key, "PendingDeletion", 7)
    assert refused(kms.decrypt, CiphertextBlob=blob) == ("KMSInvalidStateException", f"{KEYS}{key} is pending deletion.")
    kms.cancel_key_deletion(KeyId=key)
    assert state(kms, key) == "Disabled"
    assert refused(kms.cancel_key_deletion, KeyId=key) == ("KMSInvalidStateException", f"{KEYS}{key} is not pending deletion.")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    cloud.restart(kill=True)
    cloud.sleep(7 * DAY + 60)
    assert refused(kms.describe_key, KeyId=key)[0] == refused(kms.describe_key, KeyId="alias/a")[0] == "NotFoundException"
    assert refused(kms.decrypt, CiphertextBlob=blob)[0] == "AccessDeniedException"


def test_a_rotated_key_reads_what_its_older_material_wrote(cloud, kms):
    key = made(kms)
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)
    cloud.sleep(91 * DAY)
    kms.rotate_key_on_demand(KeyId=key)
    assert [r["RotationType"] for r in kms.list_key_rotations(KeyId=key)["Rotations"]] == ["AUTOMATIC", "ON_DEMAND"]
    assert [r["KeyMaterialState"] for r in kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]] == [
        "NON_CURRENT", "NON_CURRENT", "CURRENT",
    ]  # fmt: skip
    cloud.restart(kill=True)
    new = kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    assert [kms.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in (old, new)] == [b"old", b"new"]
    ids = {kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] for blob in (old, new)}
    assert len(ids) == 2 and kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] in ids
    signing = made(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    assert refused(kms.enable_key_rotation, KeyId=signing)[0] == "UnsupportedOperationException"


def wrapped(parameters, secret: bytes) -> bytes:
    public = serialization.load_der_public_key(parameters["PublicKey"])
    return public.encrypt(secret, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))


def test_a_key_whose_material_nobody_brought_may_be_deleted(kms):
    key = made(kms, Origin="EXTERNAL")
    assert kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)["KeyState"] == "PendingDeletion"
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert shown["KeyState"] == "PendingDeletion" and "ExpirationModel" not in shown
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] in ("PendingImport", "Disabled")


def test_material_is_brought_lent_and_taken_away(cloud, kms):
    key = made(kms, Origin="EXTERNAL")
    pending = ("KMSInvalidStateException", f"{KEYS}{key} is pending import.")
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"x") == pending
    ours = made(kms)
    wrapping = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
    assert refused(kms.get_parameters_for_import, KeyId=ours, **wrapping) == (
        "UnsupportedOperationException", f"{KEYS}{ours} origin is AWS_KMS which is not valid for this operation.",
    )  # fmt: skip
    parameters = kms.get_parameters_for_import(KeyId=key, **wrapping)
    bring = {"KeyId": key, "ImportToken": parameters["ImportToken"], "EncryptedKeyMaterial": wrapped(parameters, b"s" * 32)}
    assert refused(kms.import_key_material, **bring) == (
        "ValidationException", "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
    )  # fmt: skip
    kms.import_key_material(**bring, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=key)
    assert refused(kms.decrypt, CiphertextBlob=blob) == pending
    other = bring | {"EncryptedKeyMaterial": wrapped(parameters, b"t" * 32)}
    assert refused(kms.import_key_material, **other, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")[0] == "IncorrectKeyMaterialException"
    kms.import_key_material(**bring, ValidTo=cloud.now() + DAY)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    cloud.sleep(DAY + 1)
    assert state(kms, key) == "PendingImport"
    assert refused(kms.import_key_material, **bring, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")[0] == "ExpiredImportTokenException"
    assert refused(kms.import_key_material, **bring | {"ImportToken": b"none"}, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")[0] == (
        "InvalidImportTokenException"
    )


def brought(kms, key, secret: bytes, **how) -> str:
    """Brings material to a key, for ever, and answers its id."""
    parameters = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
    how = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"} | how
    return kms.import_key_material(
        KeyId=key, ImportToken=parameters["ImportToken"], EncryptedKeyMaterial=wrapped(parameters, secret), **how
    )["KeyMaterialId"]  # fmt: skip


def test_a_key_rotates_to_new_material_that_was_brought_for_it(cloud, kms):
    key = made(kms, Origin="EXTERNAL")
    assert refused(kms.rotate_key_on_demand, KeyId=key) == ("KMSInvalidStateException", f"{KEYS}{key} is pending import.")
    first = brought(kms, key, b"s" * 32)
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    assert refused(kms.rotate_key_on_demand, KeyId=key) == (
        "KMSInvalidStateException", f"No available key material pending rotation for the key: {KEYS}{key}.",
    )  # fmt: skip
    second = brought(kms, key, b"t" * 32, ImportType="NEW_KEY_MATERIAL", KeyMaterialDescription="of this year")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == first
    with pytest.raises(kms.exceptions.KMSInvalidStateException) as error:
        brought(kms, key, b"u" * 32, ImportType="NEW_KEY_MATERIAL")
    message = error.value.response["Error"]["Message"]
    assert message.startswith("New key material (id: ")
    assert message.endswith(
        f") cannot be imported into KMS key {KEYS}{key}, because another key material (id: {second}) is pending rotation."
    )
    cloud.restart(kill=True)
    kms.rotate_key_on_demand(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == second
    assert kms.decrypt(CiphertextBlob=old)["KeyMaterialId"] == first
    assert kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"])["KeyMaterialId"] == second
    (rotation,) = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert (rotation["KeyMaterialState"], rotation["ImportState"], rotation["RotationType"]) == ("CURRENT", "IMPORTED", "ON_DEMAND")
    assert (rotation["ExpirationModel"], rotation["KeyMaterialDescription"]) == ("KEY_MATERIAL_DOES_NOT_EXPIRE", "of this year")


def test_a_key_waits_for_all_material_that_it_ever_encrypted_with(cloud, kms):
    """ "KMS key with imported key material is usable only if all its key materials are imported", but what waits for a rotation.
    https://docs.aws.amazon.com/kms/latest/developerguide/rotating-keys-on-demand.html"""
    key = made(kms, Origin="EXTERNAL")
    first = brought(kms, key, b"s" * 32)
    second = brought(kms, key, b"t" * 32, ImportType="NEW_KEY_MATERIAL", ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=cloud.now() + DAY)
    cloud.sleep(DAY + 60)
    assert state(kms, key) == "Enabled"
    everything = {"KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
    assert [each["KeyMaterialId"] for each in kms.list_key_rotations(**everything)["Rotations"]] == [first]
    brought(kms, key, b"t" * 32, ImportType="NEW_KEY_MATERIAL")
    assert [each["KeyMaterialState"] for each in kms.list_key_rotations(**everything)["Rotations"]] == ["CURRENT", "PENDING_ROTATION"]
    kms.rotate_key_on_demand(KeyId=key)
    kms.delete_imported_key_material(KeyId=key, KeyMaterialId=first)
    assert state(kms, key) == "PendingImport"
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == second
    assert [each["ImportState"] for each in kms.list_key_rotations(**everything)["Rotations"]] == ["PENDING_IMPORT", "IMPORTED"]
    with pytest.raises(kms.exceptions.IncorrectKeyMaterialException):
        brought(kms, key, b"s" * 32, KeyMaterialId=second)
    with pytest.raises(kms.exceptions.IncorrectKeyMaterialException):
        brought(kms, key, b"u" * 32)
    brought(kms, key, b"s" * 32, KeyMaterialId=first)
    assert state(kms, key) == "Enabled"


def test_a_key_looks_at_its_state_before_its_kind_when_it_is_to_rotate(kms):
    key = made(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    assert refused(kms.rotate_key_on_demand, KeyId=key) == ("UnsupportedOperationException", "")
    kms.disable_key(KeyId=key)
    assert refused(kms.rotate_key_on_demand, KeyId=key) == ("DisabledException", f"{KEYS}{key} is disabled.")


def test_a_key_rotates_on_demand_twenty_five_times(kms):
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_RotateKeyOnDemand.html; the words were recorded when it was ten.
    key = made(kms)
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=key)
    assert refused(kms.rotate_key_on_demand, KeyId=key) == (
        "LimitExceededException",
        "The on-demand rotations limit has been reached for the given keyId. "
        f"No more on-demand rotations can be performed for this key: {KEYS}{key}",
    )


def test_a_pair_of_keys_is_brought(kms):
    key = made(kms, Origin="EXTERNAL", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    parameters = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_4096")
    pair = ec.generate_private_key(ec.SECP256R1())
    der = pair.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    bring = {"KeyId": key, "ImportToken": parameters["ImportToken"], "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    assert refused(kms.import_key_material, **bring, EncryptedKeyMaterial=wrapped(parameters, b"s" * 32))[0] == "InvalidCiphertextException"
    kms.import_key_material(**bring, EncryptedKeyMaterial=wrapped(parameters, der))
    signature = kms.sign(KeyId=key, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    pair.public_key().verify(signature, b"m", ec.ECDSA(hashes.SHA256()))


def test_tags_are_kept_and_a_tag_has_one_value(kms):
    key = made(kms, Tags=[{"TagKey": "a", "TagValue": "1"}])
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "b", "TagValue": "2"}])
    kms.untag_resource(KeyId=key, TagKeys=["a"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "b", "TagValue": "2"}]
    twice = [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]
    assert refused(kms.tag_resource, KeyId=key, Tags=twice) == ("TagException", "Duplicate tag keys")
    for name in ("aws:mine", "AWS:mine"):
        reserved = [{"TagKey": name, "TagValue": "1"}]
        assert refused(kms.create_key, Tags=reserved) == ("TagException", "Tags beginning with aws: are reserved")


def test_a_key_outlives_a_kill_and_its_secret_is_not_on_the_disk(cloud, kms):
    key = made(kms, Origin="EXTERNAL")
    parameters = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
    secret = b"this secret must be nowhere !!!!"
    kms.import_key_material(
        KeyId=key, ImportToken=parameters["ImportToken"], EncryptedKeyMaterial=wrapped(parameters, secret),
        ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
    )  # fmt: skip
    blob = kms.encrypt(KeyId=key, Plaintext=b"plain words")["CiphertextBlob"]
    cloud.restart(kill=True)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"plain words"
    files = [path for path in Path(cloud.folder).rglob("*") if path.is_file()]
    assert files and not any(secret in path.read_bytes() for path in files)


def test_a_policy_is_read_written_and_never_locks_everybody_out(kms):
    key = made(kms)
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    held = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    assert held == {
        "Version": "2012-10-17", "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*", "Resource": "*",
        }],
    }  # fmt: skip
    held["Statement"][0]["Action"] = "kms:Encrypt"
    locked = ("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.")
    assert refused(kms.put_key_policy, KeyId=key, Policy=json.dumps(held)) == locked
    assert refused(kms.create_key, Policy=json.dumps(held)) == locked
    kms.put_key_policy(KeyId=key, Policy=json.dumps(held), BypassPolicyLockoutSafetyCheck=True)
    assert refused(kms.get_key_policy, KeyId=key)[0] == "AccessDeniedException"
    assert kms.encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == KEYS + key
    assert refused(kms.create_key, Policy="{")[0] == "MalformedPolicyDocumentException"


def test_a_key_that_can_never_rotate_says_that_it_does_not(kms):
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html
    key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    for method in (kms.enable_key_rotation, kms.disable_key_rotation, kms.rotate_key_on_demand):
        with pytest.raises(kms.exceptions.UnsupportedOperationException):
            method(KeyId=key)
