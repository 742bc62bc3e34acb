"""SSE-C: a body is encrypted with a key that its client sends with each request; of the key only its MD5 is kept.

AWS takes such keys over TLS only; here plain HTTP will do, because nothing leaves the machine.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

import msgspec

from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.s3.bucket import SSE_C, AccessDenied, InvalidArgument, InvalidRequest

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call
    from kumoniwa.services.s3.bucket import Bucket
    from kumoniwa.services.s3.storage import Head

HEADER = "x-amz-server-side-encryption"
"""What all refusals name, whichever of the three headers is meant: localstack's test_put_object_validation_sse_c."""
KEY_BYTES = 32
_NEEDED = "Requests specifying Server Side Encryption with Customer provided keys must provide "


class InvalidEncryptionAlgorithmError(AwsError):
    status = 400
    message = "The Encryption request you specified is not valid. Supported value: AES256."


class CustomerKey(msgspec.Struct, frozen=True):
    secret: bytes = b""
    md5: str = ""
    """Base64; empty where the request brings no key."""

    @property
    def told(self) -> dict[str, str]:
        """What every answer about such an object says."""
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": self.md5} if self.md5 else {}


NONE = CustomerKey()


def customer_key(
    algorithm: str | None, key: str | None, md5: str | None, encryption: str | None = None
) -> CustomerKey:
    """The key that a request brings, found to be whole. ``encryption`` is what it asks for beside it."""
    if algorithm is None and key is None and md5 is None:
        return NONE
    if encryption is not None:
        raise InvalidArgument(
            "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
            ArgumentName=HEADER, ArgumentValue=encryption[:1024],
        )  # fmt: skip
    if algorithm is None:
        raise InvalidArgument(_NEEDED + "a valid encryption algorithm.", ArgumentName=HEADER)
    if algorithm != "AES256":
        raise InvalidEncryptionAlgorithmError(
            ArgumentName=HEADER, ArgumentValue=algorithm[:1024]
        )
    if key is None:
        raise InvalidArgument(_NEEDED + "an appropriate secret key.", ArgumentName=HEADER)
    if md5 is None:
        raise InvalidArgument(
            _NEEDED + "the client calculated MD5 of the secret key.", ArgumentName=HEADER
        )
    secret = _decoded(key)
    if len(secret) != KEY_BYTES:
        raise InvalidArgument(
            "The secret key was invalid for the specified algorithm.", ArgumentName=HEADER
        )
    calculated = base64.b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode()
    if md5 != calculated:
        raise InvalidArgument(
            "The calculated MD5 hash of the key did not match the hash that was provided.",
            ArgumentName=HEADER,
        )
    return CustomerKey(secret, calculated)


_BLOCKED = "New buckets block SSE-C since April 2026: allow it by PutBucketEncryption with BlockedEncryptionTypes NONE."


def key_to_write(bucket: Bucket, algorithm: str | None, key: str | None, md5: str | None, encryption: str | None = None) -> CustomerKey:
    """The key that a writer brings. A bucket that blocks SSE-C refuses it before it is looked at:
    https://github.com/ministackorg/ministack/pull/1439 tells what AWS did on 18 August 2026."""
    if bucket.blocked_encryption == SSE_C and (algorithm is not None or key is not None or md5 is not None):
        raise AccessDenied(hint=_BLOCKED)
    return customer_key(algorithm, key, md5, encryption)


def key_to_read(algorithm: str | None, key: str | None, md5: str | None) -> CustomerKey:
    """The key that a reader brings: one of another length is merely not the right one (localstack's test_object_retrieval_sse_c)."""
    if algorithm == "AES256" and key is not None and md5 is not None and len(_decoded(key)) != KEY_BYTES:
        raise AccessDenied(_NEEDED + "the correct secret key.")
    return customer_key(algorithm, key, md5)


def _decoded(key: str) -> bytes:
    try:
        return base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return b""


def check_chooses_nothing(call: Call) -> None:
    """See that a request does not choose an encryption where none can be chosen, as AWS answers to clients that add the header to all
    they ask: https://github.com/ClickHouse/ClickHouse/issues/64570"""
    chosen = call.request.headers.get(HEADER) if call.request is not None else None
    if chosen is not None:
        raise InvalidArgument(f"{HEADER} header is not supported for this operation.", ArgumentName=HEADER, ArgumentValue=chosen[:1024])


def check_opens(head: Head, customer: CustomerKey) -> None:
    """See that a request brings the key of an object, and none where the object has none."""
    if head.customer_key == customer.md5:
        return
    if not customer.md5:
        raise InvalidRequest(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
            "retrieve the object."
        )
    if not head.customer_key:
        raise InvalidRequest("The encryption parameters are not applicable to this object.")
    raise AccessDenied(_NEEDED + "the correct secret key.")


def check_continues(head: Head, customer: CustomerKey) -> None:
    """See that a part brings the key its upload began with."""
    if head.customer_key == customer.md5:
        return
    if not customer.md5 or not head.customer_key:
        # The same words, whichever of the two brings a key: localstack's test_multipart_upload_sse_c_validation.
        raise InvalidRequest(
            "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate "
            "encryption parameters."
        )
    raise InvalidRequest("The provided encryption parameters did not match the ones used originally.")
