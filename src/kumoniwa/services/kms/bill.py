"""What AWS bills for keys: a customer's own by the month, and each request.

A key costs a dollar a month, each replica of one, too, and each of its first two rotations one more; a key that is to be deleted and those that AWS
manages cost nothing to keep. Requests are billed to who makes them, whosever the key is. Those about asymmetric keys and the making of data key
pairs have other prices. https://aws.amazon.com/kms/pricing/
That questions about keys (DescribeKey, ListKeys) are requests like all others is not said in words.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.kms.key import Key

PAIRS = frozenset(("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"))
ASYMMETRIC = frozenset(("DeriveSharedSecret", "GetPublicKey", "Sign", "Verify"))
"""Operations of asymmetric keys alone."""
ROTATIONS_PAID_MAX = 2
CALLER_PAYS = True


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> tuple[Use, ...]:
    is_asymmetric = operation in ASYMMETRIC or result.get("EncryptionAlgorithm", "").startswith("RSA")
    usage = "kms:data_key_pair_requests" if operation in PAIRS else "kms:asymmetric_requests" if is_asymmetric else "kms:requests"
    return ((usage, "", 1.0),)


def standing_of(call: Call) -> list[Use]:
    return [
        ("kms:customer_key", key.id, 1 + min(ROTATIONS_PAID_MAX, max(0, len(key.materials) - 1)))
        for key in call.shelf(Key).values()
        if key.manager == "CUSTOMER" and not key.deletes_at and not key.is_leaving
    ]
