"""Replicas as they arrive: what another region (or this one) replicates into our buckets, if its role may.

What is small comes in batches, a large body in pieces beforehand. A version keeps its id, its time and all that is known
of it; taking the same one in twice changes nothing, so that a sender may always ask again.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import changed, pack, unpack
from kumoniwa.services.s3 import bill, managed_key, notification, storage
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.acl import CLOSED
from kumoniwa.services.s3.bucket import S3_ITSELF, SSE_C, AccessDenied, Bucket, NoSuchBucket, arn, require
from kumoniwa.services.s3.lock import UNLOCKED
from kumoniwa.services.s3.storage import Blob, Head

SESSION = "s3-replication"
DRAFTS_KEPT_S = 900.0
DONE, AGAIN = ["COMPLETED", "", ""], ["AGAIN", "", ""]
STEP_ITEMS = 50


class ReplicationRefused(AwsError):
    """Why a version cannot be taken in; the code is the reason that AWS's failure events give."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.reason = code


class Unknown(Exception):
    """The pieces of a body came to an earlier life of this region."""


class Arriving:
    """Bodies of which pieces have come: drafts by the sender's token."""

    def __init__(self) -> None:
        self.drafts: dict[str, tuple[float, list[bodies.Draft]]] = {}


def versioning(home: Any, message: dict[str, Any]) -> str:
    """What a bucket of ours says of its versions, for whoever wants to replicate into it."""
    bucket = home.store.shelf(message["account"], Bucket).get(message["bucket"])
    return bucket.versioning if bucket is not None else ""


async def data_key(home: Any, message: dict[str, Any]) -> tuple[bytes, bool, bytes] | str:
    """A data key for a replica under a key of KMS in our region, whether it is the bucket's, and its secret; or why there is none."""
    bucket = home.store.shelf(message["account"], Bucket).get(message["bucket"])
    if bucket is None:
        return "DstBucketNotFound"
    try:
        principal = home.assume(message["role"], S3_ITSELF, SESSION, message["source_account"], {"aws:SourceArn": message["source_arn"]})
        call = Call(home, message["account"], principal, "s3", "PutObject")
        head, secret = await managed_key.sealed(call, bucket, message["key"], Head(owner=call.account), managed_key.Wish(key=message["kms"]))
    except AwsError as error:
        if (error.status or 400) >= 500:
            raise
        return _KMS_REASONS.get(error.code, "DstPutObjNotPermitted")
    return pack(head.data_key), head.has_bucket_key, secret


_KMS_REASONS = {"KMS.NotFoundException": "DstKmsKeyNotFound", "KMS.DisabledException": "DstKmsKeyInvalidState",
                "KMS.KMSInvalidStateException": "DstKmsKeyInvalidState"}  # fmt: skip
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-failure-codes.html"""


# Large bodies ----------------------------------------------------------------------------------------


def piece(call: Call, message: dict[str, Any]) -> bool:
    """Keep a piece of a body. False says that we do not know what it belongs to: the sender begins anew."""
    drafts, token = call.memory(Arriving).drafts, message["token"]
    if message["is_first"]:
        _drop_old(call, drafts)
        drafts[token] = (call.now(), [])
    if token not in drafts:
        return False
    parts = drafts[token][1]
    if message["blob"] == len(parts):
        claims = bodies.Claims("", bodies.DEFAULT_ALGORITHM, "", "", False)
        parts.append(bodies.Draft(call, claims, encrypts=message["encrypts"], is_part=True))
    parts[message["blob"]].write(message["data"])
    return True


def _drop_old(call: Call, drafts: dict[str, tuple[float, list[bodies.Draft]]]) -> None:
    """Of senders that died in the middle."""
    for token, (began, _) in list(drafts.items()):
        if began + DRAFTS_KEPT_S < call.now():
            _discard(call, token)


def _discard(call: Call, token: str) -> None:
    for draft in call.memory(Arriving).drafts.pop(token, (0.0, []))[1]:
        draft.discard()


def _collected(call: Call, token: str, nonces: list[bytes]) -> tuple[Blob, ...]:
    """The files of a body whose last piece has come. What its client encrypted keeps the beginnings of its encryption."""
    drafts = call.memory(Arriving).drafts
    if token not in drafts:
        raise Unknown
    blobs = [draft.kept().blob for draft in drafts.pop(token)[1]]
    return tuple(changed(blob, nonce=nonce) if nonce else blob for blob, nonce in zip(blobs, nonces))


# Versions --------------------------------------------------------------------------------------------


async def taken(home: Any, origin: str, items: list[dict[str, Any]]) -> list[list[str]]:
    """Take versions in; answers for each ``[status, reason, text]``."""
    answers, roles = [], {}
    for count, item in enumerate(items, 1):
        answers.append(_taken(home, origin, item, roles))
        if count % STEP_ITEMS == 0:
            await asyncio.sleep(0)
    return answers


def _taken(home: Any, origin: str, item: dict[str, Any], roles: dict[tuple, Principal]) -> list[str]:
    """``roles``: those that were assumed for this batch already."""
    who = (item["role"], item["source_account"], item["source_arn"])
    call = home.call("s3", item["account"], principals.service(S3_ITSELF, item["account"]))
    try:
        if who not in roles:
            roles[who] = home.assume(who[0], S3_ITSELF, SESSION, who[1], {"aws:SourceArn": who[2]})
        call = Call(home, item["account"], roles[who], "s3", "PutObject")
        bucket = call.shelf(Bucket).get(item["bucket"])
        if bucket is None:
            raise ReplicationRefused("DstBucketNotFound", NoSuchBucket.message)
        if bucket.versioning != "Enabled":
            raise ReplicationRefused("DstBucketUnversioned", "Destination bucket must have versioning enabled.")
        is_new = TAKE[item["what"]](call, bucket, item)
    except Unknown:
        return AGAIN
    except ReplicationRefused as error:
        return ["FAILED", error.reason, error.text]
    except AwsError as error:
        if (error.status or 400) >= 500:
            raise
        return ["FAILED", "DstPutObjNotPermitted" if error.code == "AccessDenied" else error.code, error.text]
    finally:
        if item["token"]:
            _discard(call, item["token"])
    if is_new and home.is_watched:
        home.note("apply", service="s3", bucket=item["bucket"], key=item["key"], version=item["version"], origin=origin, written_at=item["modified"])
    return DONE


def _object(call: Call, bucket: Bucket, item: dict[str, Any]) -> bool:
    """Answers, as its kin, whether anything is different now."""
    place, head = arn(call, bucket.name, item["key"]), unpack(item["head"], Head)
    require(call, "s3:ReplicateObject", place)
    if head.tags:
        require(call, "s3:ReplicateTags", place)
    if item["overrides_owner"]:
        require(call, "s3:ObjectOwnerOverrideToBucketOwner", place)
    if head.customer_key and bucket.blocked_encryption == SSE_C:
        raise AccessDenied
    if head.lock is not UNLOCKED and not bucket.lock:
        raise ReplicationRefused("DstObjectLockNotEnabled", "The destination bucket has no Object Lock configuration.")
    standing = storage.version(call, bucket, item["key"], item["version"])
    if standing is not None and item["version"] != storage.NULL:
        return _metadata(call, bucket, item)
    head = _replica_of(call, bucket, item, head)
    body, token = item["body"], item["token"]
    if token:
        head = changed(head, blobs=_collected(call, token, item["nonces"]), nonce=b"")
    elif head.encryption and head.data_key is None:
        claims = bodies.Claims("", head.algorithm or bodies.DEFAULT_ALGORITHM, "", "", False)
        draft = bodies.Draft(call, claims, encrypts=True)
        draft.write(body)
        kept = draft.kept()
        body, head = kept.body, changed(head, nonce=kept.nonce, blobs=(kept.blob,) if kept.blob is not None else ())
    storage.place(call, bucket, item["key"], item["version"], item["modified"], head, item["size"], item["etag"], item["storage"], body)
    bill.replicated(call, bucket, item["storage"])
    notification.created(call, bucket, item["key"], item["version"], item["size"], item["etag"])
    return True


def _replica_of(call: Call, bucket: Bucket, item: dict[str, Any], head: Head) -> Head:
    """What is known of a replica: all that was known of the version, but for whose it is and what was done to that very copy."""
    is_ours = item["overrides_owner"] or not bucket.has_acls
    return changed(
        head, is_replica=True, replicas={}, blobs=(), upload="", restored=None, tier="", accessed=0.0,
        owner=call.account if is_ours else head.owner, grants=CLOSED if is_ours else head.grants,
        nonce=head.nonce if head.customer_key or head.data_key is not None else b"",
    )  # fmt: skip


def _marker(call: Call, bucket: Bucket, item: dict[str, Any]) -> bool:
    require(call, "s3:ReplicateDelete", arn(call, bucket.name, item["key"]))
    if storage.version(call, bucket, item["key"], item["version"]) is not None:
        return False
    head = Head(owner=call.account, is_replica=True)
    storage.place(call, bucket, item["key"], item["version"], item["modified"], head, 0, "", "", None, is_marker=True)
    return True


def _metadata(call: Call, bucket: Bucket, item: dict[str, Any]) -> bool:
    """Tags, grants and lock of a version that stands here, replica or original; the later change stays."""
    found, said = storage.version(call, bucket, item["key"], item["version"]), unpack(item["head"], Head)
    if found is None:
        return False  # somebody deleted it here: there is nothing to change
    head = found.head
    place = arn(call, bucket.name, item["key"])
    if said.touched < head.touched:
        return False
    if said.tags != head.tags:
        require(call, "s3:ReplicateTags", place)
    require(call, "s3:ReplicateObject", place)
    grants = head.grants if item["overrides_owner"] or not bucket.has_acls else said.grants
    lock = said.lock if bucket.lock else head.lock
    told = changed(head, tags=said.tags, grants=grants, lock=lock, touched=said.touched)
    storage.change(call, found, told)
    return told != head


TAKE = {"object": _object, "marker": _marker, "metadata": _metadata}
