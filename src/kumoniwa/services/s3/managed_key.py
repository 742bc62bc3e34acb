"""SSE-KMS: a body is encrypted with a data key of its own, which lies beside it, encrypted under a key of KMS.

Every read asks KMS in the reader's name. With a bucket key the encryption context is the bucket and not the object, and one data key
serves many objects for some minutes.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson

from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate.data_key import DataKey, Ring
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.s3.bucket import AccessDenied, Bucket, InvalidArgument, arn
from kumoniwa.services.s3.storage import Head

KMS = "aws:kms"
DEFAULT_KEY = "alias/aws/s3"
BUCKET_KEY_S = 300.0
_HEADER = "x-amz-server-side-encryption"


class Wish(NamedTuple):
    """What a request asks of KMS, beside the algorithm."""

    key: str | None = None
    context: str | None = None
    has_bucket_key: bool | None = None


NOTHING = Wish()


class BucketKey(Record):
    """The data key that a bucket uses at present; on the shelf under the bucket's id and the key of KMS."""

    data_key: DataKey
    until: float


def check(call: Call, algorithm: str | None, wish: Wish) -> None:
    """Refuse words that stand for nothing without KMS, and requests nobody signed."""
    if algorithm == KMS:
        _signed(call)
    elif wish.key is not None:
        raise InvalidArgument(
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
            ArgumentName=_HEADER, ArgumentValue=(algorithm or "null")[:1024],
        )  # fmt: skip


def _signed(call: Call) -> None:
    if call.principal.kind == "anonymous":
        raise InvalidArgument(
            "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.",
            ArgumentName="Authorization", ArgumentValue="null",
        )  # fmt: skip


def _context_of(call: Call, bucket: Bucket, key: str, said: str | None, has_bucket_key: bool) -> dict[str, str]:
    context: dict[str, str] = {}
    if said is not None:
        try:
            read = orjson.loads(base64.b64decode(said, validate=True))
        except (binascii.Error, ValueError):
            read = None
        if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
            raise InvalidArgument(
                "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map",
                ArgumentName=f"{_HEADER}-context",
            )
        context = read
    return {"aws:s3:arn": arn(call, bucket.name) if has_bucket_key else arn(call, bucket.name, key), **context}


async def sealed(call: Call, bucket: Bucket, key: str, head: Head, wish: Wish) -> tuple[Head, bytes]:
    """The head of an object that is to be encrypted, with a data key of its own, and the secret of that key."""
    default = bucket.encryption[0] if bucket.encryption else {}
    chosen = wish.key or default.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") or DEFAULT_KEY
    has_bucket_key = wish.has_bucket_key if wish.has_bucket_key is not None else bool(default.get("BucketKeyEnabled"))
    context = _context_of(call, bucket, key, wish.context, has_bucket_key)
    with _in_words_of_s3():
        if has_bucket_key and wish.context is None:
            data_key, secret = await _of_bucket(call, bucket, chosen, context)
        else:
            data_key, secret = await data_keys.fresh(call, chosen, context)
    return changed(head, data_key=data_key, has_bucket_key=has_bucket_key), secret


async def _of_bucket(call: Call, bucket: Bucket, chosen: str, context: dict[str, str]) -> tuple[DataKey, bytes]:
    shelf, name = call.shelf(BucketKey), f"{bucket.id} {chosen}"
    held = shelf.get(name)
    if held is None or held.until <= call.now():
        data_key, secret = await data_keys.fresh(call, chosen, context)
        shelf[name] = BucketKey(data_key=data_key, until=call.now() + BUCKET_KEY_S)
        call.memory(Ring).keep(call, data_key, secret, BUCKET_KEY_S)
        return data_key, secret
    return held.data_key, await _opened(call, held.data_key)


async def secret_of(call: Call, head: Head) -> bytes:
    """The secret that opens an object; none where KMS has no part in it."""
    if head.data_key is None:
        return b""
    _signed(call)
    with _in_words_of_s3():
        return await (_opened(call, head.data_key) if head.has_bucket_key else data_keys.opened(call, head.data_key))


async def _opened(call: Call, data_key: DataKey) -> bytes:
    """By the ring: what a bucket key protects asks KMS once in a while."""
    ring = call.memory(Ring)
    secret = ring.held(call, data_key)
    if secret is None:
        secret = await data_keys.opened(call, data_key)
        ring.keep(call, data_key, secret, BUCKET_KEY_S)
    return secret


@contextmanager
def _in_words_of_s3() -> Iterator[None]:
    """KMS's refusals as S3 tells them: localstack's test_s3_sse_validate_kms_key."""
    try:
        yield
    except AwsError as error:
        if error.code == "AccessDeniedException":
            raise AccessDenied(error.text, hint=error.hint) from None
        refusal = type(f"Kms{error.code}", (AwsError,), {"code": f"KMS.{error.code}", "status": error.status or 400})
        raise refusal(error.text, hint=error.hint) from None


def told(head: Head) -> dict[str, Any]:
    """How answers say that an object is encrypted under a key of KMS."""
    shown: dict[str, Any] = {"ServerSideEncryption": KMS}
    if head.data_key is not None:
        shown["SSEKMSKeyId"] = head.data_key.key
        if head.has_bucket_key:
            shown["BucketKeyEnabled"] = True
    return shown
