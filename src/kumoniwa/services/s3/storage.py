"""The rows and files that objects are.

One row is one version of one key. The live row is the one that a plain GET answers; everything else (older versions,
delete markers) lies in an index of its own, so that listing a bucket never walks over what is hidden. Rows of a key are
newest first by their id. A body up to ``INLINE_BYTES_MAX`` stands in its row, a larger one in files that the row names;
files are never changed and vanish after the commit that lets go of them.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from kumoniwa.gate.data_key import DataKey
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, pack, unpack
from kumoniwa.services.s3.acl import CLOSED, Grant
from kumoniwa.services.s3.lock import UNLOCKED, Lock
from kumoniwa.store.rows import Table

if TYPE_CHECKING:
    from kumoniwa.services.s3.aging import Aged
    from kumoniwa.services.s3.bucket import Bucket

INLINE_BYTES_MAX = 65_536
NULL = "null"
"""The version id of what was written while the bucket kept no versions."""
_GIVEN = re.compile(r"AAA[A-Za-z0-9._]{29}")
"""Rows of less than 36 bits begin so."""
_VERSION_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"

OBJECTS = Table(
    "s3_object",
    """create table if not exists s3_object (id integer primary key, bucket text, key text, is_live integer, is_marker integer,
         version text, modified real, size integer, etag text, storage text, head blob, body blob);
       create unique index if not exists s3_object_live on s3_object (bucket, key) where is_live = 1;
       create index if not exists s3_object_other on s3_object (bucket, key, id desc) where is_live = 0""",
)
UPLOADS = Table(
    "s3_upload",
    """create table if not exists s3_upload (bucket text, key text, upload text, initiated real, head blob,
         primary key (bucket, key, upload)) without rowid""",
)
ENDED_S = 86_400
ENDED_UPLOADS = Table(
    "s3_ended_upload",
    "create table if not exists s3_ended_upload (bucket text, key text, upload text, ended real, primary key (bucket, key, upload)) without rowid",
)
"""Uploads that were completed or aborted within the last day."""
PARTS = Table(
    "s3_part",
    """create table if not exists s3_part (upload text, number integer, size integer, etag text, modified real, checksum text,
         blob blob, primary key (upload, number)) without rowid""",
)


class Blob(Record):
    """One file of a body."""

    name: str
    size: int
    nonce: bytes = b""
    """What its encryption began with; empty if it is stored as it is."""


class Part(Record):
    """What is remembered of the parts an object was uploaded in."""

    number: int
    size: int
    checksum: str = ""


class Head(Record):
    """What is known of a version beside what lists show."""

    owner: str
    """The account that wrote it."""
    headers: dict[str, str] = {}
    """ContentType and its kin, by AWS's names."""
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    grants: tuple[Grant, ...] = CLOSED
    algorithm: str = ""
    checksum: str = ""
    is_composite: bool = False
    encryption: str = ""
    customer_key: str = ""
    """The MD5 of the key with which the client had it encrypted, in base64; empty if it is encrypted otherwise or not at all."""
    data_key: DataKey | None = None
    """What it is encrypted with under a key of KMS."""
    has_bucket_key: bool = False
    nonce: bytes = b""
    """Of an inline body's encryption."""
    blobs: tuple[Blob, ...] = ()
    parts: tuple[Part, ...] = ()
    upload: str = ""
    """The multipart upload it was made by."""
    lock: Lock = UNLOCKED
    restored: tuple[float, float] | None = None
    """Of an archived version that was asked back: from when to when a copy can be read."""
    tier: str = ""
    """The archive tier of intelligent tiering that it was moved to; empty if it never was, or is read again."""
    accessed: float = 0.0
    """Of an object of that class, when it was read on the last day on which it was, or came into the class."""
    replicas: dict[str, str] = {}
    """How far its replication to each destination bucket is: PENDING, COMPLETED or FAILED."""
    is_replica: bool = False
    touched: float = 0.0
    """When tags, grants or lock were changed after it was written: of two such changes in two regions the later one stays."""


class Version(msgspec.Struct, frozen=True):
    id: int
    key: str
    is_live: int
    is_marker: int
    version: str
    modified: float
    size: int
    etag: str
    storage: str
    packed: bytes
    body: bytes | None

    @property
    def head(self) -> Head:
        return unpack(self.packed, Head)

    @property
    def quoted(self) -> str:
        return f'"{self.etag}"'


COLUMNS = "id, key, is_live, is_marker, version, modified, size, etag, storage, head, body"
_LIVE = f"select {COLUMNS} from s3_object where bucket = ? and key = ? and is_live = 1"
_NEWEST = (
    f"select {COLUMNS} from s3_object where bucket = ? and key = ? and is_live = 0 order by id desc limit 1"
)
_REPLACE = """insert into s3_object values (null, ?, ?, 1, 0, 'null', ?, ?, ?, ?, ?, ?)
  on conflict (bucket, key) where is_live = 1 do update set modified = excluded.modified, size = excluded.size,
    etag = excluded.etag, storage = excluded.storage, head = excluded.head, body = excluded.body"""
_REPLACE_INLINE = f"{_REPLACE} where s3_object.body is not null"
"""Does nothing where what it would replace has files that must be let go of."""
_OTHER = f"select {COLUMNS} from s3_object where bucket = ? and key = ? and is_live = 0 and version = ? order by id desc limit 1"


def live(call: Call, bucket: Bucket, key: str) -> Version | None:
    """What a GET without a version id answers."""
    row = call.rows(OBJECTS).one(_LIVE, bucket.id, key)
    return None if row is None else Version(*row)


def newest_hidden(call: Call, bucket: Bucket, key: str) -> Version | None:
    """The newest version that is not live; if nothing is live it is a delete marker."""
    row = call.rows(OBJECTS).one(_NEWEST, bucket.id, key)
    return None if row is None else Version(*row)


def version(call: Call, bucket: Bucket, key: str, id: str) -> Version | None:
    found = live(call, bucket, key)
    if found is not None and found.version == id:
        return found
    row = call.rows(OBJECTS).one(_OTHER, bucket.id, key, id)
    return None if row is None else Version(*row)


def _new_version_id(call: Call, row: int) -> str:
    """A version id spells its row, so that a list goes on where it stopped even if that very version is gone by then: of its
    32 letters of six bits nine are the row, the last four are the sum of the others, and these mean nothing."""
    body = (row << 114 | call.ids.random.getrandbits(114)).to_bytes(21, "big")
    return b64encode(body + _sum_of(body), b"._").decode()


def _sum_of(body: bytes) -> bytes:
    return crc32(body).to_bytes(4, "big")[1:]


def may_be_given(version_id: str) -> bool:
    """Whether it has the form of an id that some bucket gave."""
    if version_id == NULL:
        return True
    if _GIVEN.fullmatch(version_id) is None:
        return False
    whole = b64decode(version_id, b"._")
    return whole[21:] == _sum_of(whole[:21])


def id_before(call: Call, bucket: Bucket, key: str, version_id: str) -> int:
    """The row whose older siblings follow a version in a list. Raises ValueError."""
    found = version(call, bucket, key, version_id)
    if found is not None or version_id == NULL:
        return found.id if found is not None else 1 << 62
    row = 0
    for letter in version_id[:9]:
        row = row * 64 + _VERSION_LETTERS.index(letter)
    return row


def put(
    call: Call,
    bucket: Bucket,
    key: str,
    head: Head,
    size: int,
    etag: str,
    storage: str,
    body: bytes | None,
    *,
    is_marker: bool = False,
) -> str:
    """Make a version the newest of its key; answers its id. What it replaces is let go. Nothing after this may fail."""
    rows, packed, now = call.rows(OBJECTS), pack(head), call.now()
    if not bucket.versioning:
        row = (bucket.id, key, now, size, etag, storage, packed, body)
        if not rows.run(_REPLACE_INLINE, *row):
            old = live(call, bucket, key)
            rows.run(_REPLACE, *row)
            let_go(call, [old])
        return NULL
    id, row_id = NULL, None
    if bucket.versioning == "Enabled":
        row_id = (rows.one("select max(id) from s3_object")[0] or 0) + 1
        id = _new_version_id(call, row_id)
    old = live(call, bucket, key)
    gone: list[Version] = []
    if id == NULL and (old is None or old.version != NULL):
        hidden = rows.one(_OTHER, bucket.id, key, NULL)
        if hidden is not None:
            gone.append(Version(*hidden))
            rows.run("delete from s3_object where id = ?", hidden[0])
    if old is not None and id == NULL and old.version == NULL:
        gone.append(old)
        rows.run("delete from s3_object where id = ?", old.id)
    elif old is not None:
        rows.run("update s3_object set is_live = 0 where id = ?", old.id)
    rows.run(
        "insert into s3_object values (?,?,?,?,?,?,?,?,?,?,?,?)",
        row_id, bucket.id, key, int(not is_marker), int(is_marker), id, now, size, etag, storage, packed, body,
    )  # fmt: skip
    let_go(call, gone)
    return id


_LATER = "select id from s3_object where bucket = ? and key = ? and is_live = {} and (modified, version) > (?, ?)"


def place(
    call: Call,
    bucket: Bucket,
    key: str,
    version_id: str,
    modified: float,
    head: Head,
    size: int,
    etag: str,
    storage: str,
    body: bytes | None,
    *,
    is_marker: bool = False,
) -> None:
    """Put a replica among the versions of its key, where its time belongs and not its arrival: so two buckets that replicate
    each other agree on which version is the newest, however their writes crossed."""
    rows = call.rows(OBJECTS)
    found = version(call, bucket, key, version_id)
    if found is not None:
        rows.run("delete from s3_object where id = ?", found.id)
        let_go(call, [found])
    newest = (rows.one("select max(id) from s3_object")[0] or 0) + 1
    later = sorted(
        rows.all(_LATER.format(1), bucket.id, key, modified, version_id)
        + rows.all(_LATER.format(0), bucket.id, key, modified, version_id)
    )
    rows.run("update s3_object set is_live = 0 where bucket = ? and key = ? and is_live = 1", bucket.id, key)
    rows.run(
        "insert into s3_object values (?,?,?,?,?,?,?,?,?,?,?,?)",
        newest, bucket.id, key, 0, int(is_marker), version_id, modified, size, etag, storage, pack(head), body,
    )  # fmt: skip
    for count, (id,) in enumerate(later, 1):
        rows.run("update s3_object set id = ? where id = ?", newest + count, id)
    rows.run("update s3_object set is_live = 1 where id = ? and is_marker = 0", newest + len(later))


def remove(call: Call, bucket: Bucket, found: Version) -> None:
    """Take one version away for good. If it was live, the next newest takes its place unless that is a delete marker."""
    rows = call.rows(OBJECTS)
    rows.run("delete from s3_object where id = ?", found.id)
    if bucket.versioning and (found.is_live or found.is_marker):
        heir = newest_hidden(call, bucket, found.key)
        if heir is not None and not heir.is_marker and live(call, bucket, found.key) is None:
            rows.run("update s3_object set is_live = 1 where id = ?", heir.id)
    let_go(call, [found])


def change(call: Call, found: Version | Aged, head: Head) -> None:
    """Put something else beside a version, such as other tags; nothing else of it changes."""
    call.rows(OBJECTS).run("update s3_object set head = ? where id = ?", pack(head), found.id)


# Files -----------------------------------------------------------------------------------------------


class Drafts:
    """The files of uploads that are still arriving: no row names them yet, and yet nobody may sweep them."""

    def __init__(self) -> None:
        self.names: set[str] = set()


def let_go(call: Call, versions: Iterable[Version]) -> None:
    """Drop the files of versions that are gone, once that is committed."""
    drop(call, [blob.name for each in versions if each.body is None for blob in each.head.blobs])


def drop(call: Call, names: list[str]) -> None:
    if names:
        # A reply of this tick that names the files opens them in the very next step of the loop: they go after it.
        blobs, loop = call.blobs, asyncio.get_running_loop()
        call.after_commit(partial(loop.call_soon, partial(_unlink, blobs, names)))


def _unlink(blobs, names: list[str]) -> None:
    for name in names:
        blobs.drop(name)


def forget_uploads(call: Call, bucket_id: str) -> None:
    """Abort whatever is being uploaded to a bucket that goes away."""
    rows, names = call.rows(UPLOADS, PARTS, ENDED_UPLOADS), []
    for (upload,) in rows.all("select upload from s3_upload where bucket = ?", bucket_id):
        names += forget_parts(call, upload)
    rows.run("delete from s3_upload where bucket = ?", bucket_id)
    rows.run("delete from s3_ended_upload where bucket = ?", bucket_id)
    drop(call, names)


def forget_upload(call: Call, bucket_id: str, key: str, upload: str) -> None:
    """Abort one upload."""
    names = forget_parts(call, upload)
    end_upload(call, bucket_id, key, upload)
    drop(call, names)


def end_upload(call: Call, bucket_id: str, key: str, upload: str) -> None:
    """Note that an upload was completed or aborted."""
    rows, now = call.rows(UPLOADS, ENDED_UPLOADS), call.now()
    rows.run("delete from s3_upload where bucket = ? and key = ? and upload = ?", bucket_id, key, upload)
    rows.run("delete from s3_ended_upload where bucket = ? and ended <= ?", bucket_id, now - ENDED_S)
    rows.run("insert or replace into s3_ended_upload values (?, ?, ?, ?)", bucket_id, key, upload, now)


def has_ended(call: Call, bucket_id: str, key: str, upload: str) -> bool:
    """Whether an upload was completed or aborted less than a day ago."""
    sql = "select 1 from s3_ended_upload where bucket = ? and key = ? and upload = ? and ended > ?"
    return call.rows(ENDED_UPLOADS).one(sql, bucket_id, key, upload, call.now() - ENDED_S) is not None


def forget_parts(call: Call, upload: str) -> list[str]:
    """Delete the rows of an upload's parts; answers the names of their files."""
    rows = call.rows(PARTS)
    names = [
        unpack(blob, Blob).name for (blob,) in rows.all("select blob from s3_part where upload = ?", upload)
    ]
    rows.run("delete from s3_part where upload = ?", upload)
    return names


def named(call: Call) -> set[str]:
    """Every file that a row or an upload in progress names."""
    rows = call.rows(OBJECTS, PARTS)
    found = set(call.memory(Drafts).names)
    for (head,) in rows.each("select head from s3_object where body is null and is_marker = 0"):
        found.update(blob.name for blob in unpack(head, Head).blobs)
    for (blob,) in rows.each("select blob from s3_part"):
        found.add(unpack(blob, Blob).name)
    return found
