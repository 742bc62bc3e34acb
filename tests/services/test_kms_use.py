"""KMS: what is done with keys."""

from __future__ import annotations

import hashlib
import hmac
import itertools

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from refusals import refused

KEYS = "arn:aws:kms:us-east-1:000000000000:key/"
SIGNING = [
    ("RSA_2048", "RSASSA_PSS_SHA_256", "sha256"), ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512", "sha512"),
    ("ECC_NIST_P256", "ECDSA_SHA_256", "sha256"), ("ECC_NIST_P384", "ECDSA_SHA_384", "sha384"),
    ("ECC_NIST_P521", "ECDSA_SHA_512", "sha512"), ("ECC_SECG_P256K1", "ECDSA_SHA_256", "sha256"),
]  # fmt: skip


@pytest.fixture
def kms(cloud):
    return cloud.client("kms")


def made(kms, **how) -> str:
    return kms.create_key(**how)["KeyMetadata"]["KeyId"]


def test_the_encryption_context_belongs_to_the_ciphertext(kms):
    key = made(kms)
    reply = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext={"a": "1", "b": "2"})
    assert (reply["KeyId"], reply["EncryptionAlgorithm"]) == (KEYS + key, "SYMMETRIC_DEFAULT")
    blob = reply["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"b": "2", "a": "1"})["Plaintext"] == b"secret"
    for context in ({}, {"a": "1"}, {"a": "1", "b": "3"}, {"a": "1", "b": "2", "c": ""}):
        assert refused(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context) == ("InvalidCiphertextException", "")


def test_a_ciphertext_with_one_bit_changed_is_no_ciphertext(kms):
    key = made(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    for place in range(len(blob)):
        broken = blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]
        assert refused(kms.decrypt, CiphertextBlob=broken)[0] in ("InvalidCiphertextException", "AccessDeniedException")
    for size in itertools.chain(range(1, len(blob), 7), [6144]):
        assert refused(kms.decrypt, CiphertextBlob=(blob * 99)[:size])[0] == "InvalidCiphertextException"


def test_another_key_does_not_decrypt(kms):
    key, other = made(kms), made(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    assert refused(kms.decrypt, CiphertextBlob=blob, KeyId=other) == (
        "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.",
    )  # fmt: skip
    again = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other, DestinationEncryptionContext={"a": "b"})
    assert (again["SourceKeyId"], again["KeyId"]) == (KEYS + key, KEYS + other)
    assert kms.decrypt(CiphertextBlob=again["CiphertextBlob"], EncryptionContext={"a": "b"})["Plaintext"] == b"secret"


def test_a_region_does_not_read_what_another_encrypted(cloud, kms):
    """What S32 of the handbook is for: https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html"""
    blob = kms.encrypt(KeyId=made(kms), Plaintext=b"secret")["CiphertextBlob"]
    cloud.region("eu-west-1")
    assert refused(cloud.client("kms", "eu-west-1").decrypt, CiphertextBlob=blob) == (
        "AccessDeniedException",
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.",
    )


def test_no_more_is_encrypted_than_a_key_takes(kms):
    assert refused(kms.encrypt, KeyId=made(kms), Plaintext=b"x" * 4097) == (
        "ValidationException",
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
    )
    key = made(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    for algorithm, most in (("RSAES_OAEP_SHA_1", 214), ("RSAES_OAEP_SHA_256", 190)):
        blob = kms.encrypt(KeyId=key, Plaintext=b"x" * most, EncryptionAlgorithm=algorithm)["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=blob, KeyId=key, EncryptionAlgorithm=algorithm)["Plaintext"] == b"x" * most
        assert refused(kms.encrypt, KeyId=key, Plaintext=b"x" * (most + 1), EncryptionAlgorithm=algorithm) == (
            "ValidationException", f"Algorithm {algorithm} and key spec RSA_2048 cannot encrypt data larger than {most} bytes.",
        )  # fmt: skip
    assert refused(kms.decrypt, CiphertextBlob=b"x" * 256, KeyId=key, EncryptionAlgorithm="RSAES_OAEP_SHA_1")[0] == "InvalidCiphertextException"


def test_what_is_encrypted_by_a_public_key_outside_is_read_inside(kms):
    key = made(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    shown = kms.get_public_key(KeyId=key)
    assert shown["EncryptionAlgorithms"] == ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]
    public = serialization.load_der_public_key(shown["PublicKey"])
    blob = public.encrypt(b"x", padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    assert kms.decrypt(CiphertextBlob=blob, KeyId=key, EncryptionAlgorithm="RSAES_OAEP_SHA_256")["Plaintext"] == b"x"


def test_a_data_key_comes_plain_and_encrypted(kms):
    key = made(kms)
    reply = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"a": "b"})
    assert len(reply["Plaintext"]) == 32 and reply["KeyId"] == KEYS + key
    assert kms.decrypt(CiphertextBlob=reply["CiphertextBlob"], EncryptionContext={"a": "b"})["Plaintext"] == reply["Plaintext"]
    assert "Plaintext" not in (bare := kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=7))
    assert len(kms.decrypt(CiphertextBlob=bare["CiphertextBlob"])["Plaintext"]) == 7
    assert refused(kms.generate_data_key, KeyId=key) == ("ValidationException", "Please specify either number of bytes or key spec.")
    assert refused(kms.generate_random) == ("ValidationException", "NumberOfBytes is required.")
    assert len(kms.generate_random(NumberOfBytes=91)["Plaintext"]) == 91


def test_a_pair_of_data_keys_belongs_together(kms):
    key = made(kms)
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    private = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], None)
    assert private.public_key() == serialization.load_der_public_key(pair["PublicKey"])
    assert kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])["Plaintext"] == pair["PrivateKeyPlaintext"]
    bare = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec="RSA_2048")
    assert "PrivateKeyPlaintext" not in bare and bare["KeyPairSpec"] == "RSA_2048"


@pytest.mark.parametrize(("spec", "algorithm", "digest"), SIGNING)
def test_a_signature_is_true_of_its_message_alone(kms, spec, algorithm, digest):
    key = made(kms, KeySpec=spec, KeyUsage="SIGN_VERIFY")
    message = b"a message"
    signature = kms.sign(KeyId=key, Message=message, SigningAlgorithm=algorithm)["Signature"]
    asked = {"KeyId": key, "Signature": signature, "SigningAlgorithm": algorithm}
    assert kms.verify(**asked, Message=message)["SignatureValid"] is True
    assert kms.verify(**asked, Message=hashlib.new(digest, message).digest(), MessageType="DIGEST")["SignatureValid"] is True
    assert refused(kms.verify, **asked, Message=b"another") == ("KMSInvalidSignatureException", "")
    assert refused(kms.sign, KeyId=key, Message=message, MessageType="DIGEST", SigningAlgorithm=algorithm) == (
        "ValidationException", f"Digest is invalid length for algorithm {algorithm}.",
    )  # fmt: skip


def test_edwards_keys_sign_messages_whole(kms):
    key = made(kms, KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    # https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html#key-spec-ecc
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["SigningAlgorithms"] == ["ED25519_SHA_512", "ED25519_PH_SHA_512"]
    digest = {"Message": bytes(64), "MessageType": "DIGEST", "SigningAlgorithm": "ED25519_PH_SHA_512"}
    assert refused(kms.sign, KeyId=key, **digest)[0] == "NotImplemented"
    signature = kms.sign(KeyId=key, Message=b"m", SigningAlgorithm="ED25519_SHA_512")["Signature"]
    serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"]).verify(signature, b"m")
    assert refused(kms.verify, KeyId=key, Message=b"n", Signature=signature, SigningAlgorithm="ED25519_SHA_512")[0] == (
        "KMSInvalidSignatureException"
    )


def test_a_mac_is_what_the_standard_says(kms):
    key = made(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    asked = {"KeyId": key, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    mac = kms.generate_mac(**asked)["Mac"]
    assert len(mac) == 32 and kms.verify_mac(**asked, Mac=mac)["MacValid"] is True
    assert refused(kms.verify_mac, **asked | {"Message": b"n"}, Mac=mac) == ("KMSInvalidMacException", "")
    assert refused(kms.generate_mac, **asked | {"MacAlgorithm": "HMAC_SHA_512"}) == (
        "InvalidKeyUsageException", "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256.",
    )  # fmt: skip
    assert mac != hmac.digest(b"\0" * 32, b"m", "sha256")


def test_two_sides_agree_on_a_secret(kms):
    key = made(kms, KeySpec="ECC_NIST_P384", KeyUsage="KEY_AGREEMENT")
    mine = ec.generate_private_key(ec.SECP384R1())
    public = mine.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    theirs = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    shared = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=public)["SharedSecret"]
    assert shared == mine.exchange(ec.ECDH(), theirs)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    wrong = other.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    for public in (wrong, b"no key"):
        assert refused(kms.derive_shared_secret, KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=public)[0] == "ValidationException"


def test_a_key_does_only_what_it_is_for(kms):
    symmetric, signing = made(kms), made(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    assert refused(kms.encrypt, KeyId=signing, Plaintext=b"x") == (
        "InvalidKeyUsageException", f"{KEYS}{signing} key usage is SIGN_VERIFY which is not valid for Encrypt.",
    )  # fmt: skip
    assert refused(kms.generate_mac, KeyId=symmetric, Message=b"m", MacAlgorithm="HMAC_SHA_256") == (
        "InvalidKeyUsageException", f"{KEYS}{symmetric} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.",
    )  # fmt: skip
    assert refused(kms.get_public_key, KeyId=symmetric)[0] == "UnsupportedOperationException"
    rsa = made(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    kms.disable_key(KeyId=rsa)
    assert refused(kms.generate_data_key, KeyId=rsa, KeySpec="AES_256")[0] == "DisabledException"
    kms.enable_key(KeyId=rsa)
    assert refused(kms.generate_data_key, KeyId=rsa, KeySpec="AES_256")[0] == "InvalidKeyUsageException"


def test_a_dry_run_says_what_would_have_been(kms):
    key = made(kms)
    dry = ("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"x", DryRun=True) == dry
    assert refused(kms.generate_data_key, KeyId=key, KeySpec="AES_128", DryRun=True) == dry
    kms.disable_key(KeyId=key)
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"x", DryRun=True)[0] == "DisabledException"
