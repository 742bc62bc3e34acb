"""Tables encrypted under a key of KMS: how their rows lie on the disk.

Everything a customer wrote is ciphertext there: items, keys, what streams, backups and replication keep. What has an order is not:
no ciphertext keeps the order of what it hides. So a sealed item lies under a sealed name, and the places by which items are found
in order, those of the table itself and of its indexes, are kept in memory only and made again when the table is first opened.
https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.engines.cipher import Lock
from kumoniwa.gate.data_key import DataKey
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.store.rows import Table as RowTable

OPEN_PLACES = RowTable(
    "dynamodb_open_place",
    """create temp table if not exists dynamodb_open_place (idx integer, pk blob, sk blob, item_pk blob, item_sk blob,
         primary key (idx, pk, sk, item_pk, item_sk)) without rowid""",
)
"""As ``dynamodb_place``, but in memory: an encrypted table's places, and under the id of the table those of its items."""

Place = tuple[bytes, bytes]


class Encryption(Record):
    """The table's own key, as KMS encrypted it under the customer's."""

    data_key: DataKey
    grant: str
    """By which DynamoDB may use the key when nobody asks."""
    is_managed: bool = False
    """Whether the key of KMS is the one that AWS keeps in the account for DynamoDB."""
    inaccessible_since: float = 0.0
    """When DynamoDB noticed that it could not; 0 while it can."""


class Resealing(Record):
    """A table whose rows are being written again, under another id and key."""

    source: int
    """Under which the rows lie that are left."""
    was: Encryption | None
    places: tuple[int, ...]
    upto: int
    """Records of its streams up to this one are left."""


class Seal:
    """An open table key: what lies on the disk, from what it means, and back."""

    __slots__ = ("lock",)

    def __init__(self, secret: bytes) -> None:
        self.lock = Lock(secret)

    def place(self, pk: bytes, sk: bytes) -> Place:
        under = self.lock.name(pk)
        return under, self.lock.name(sk, under)

    def plain_place(self, pk: bytes, sk: bytes) -> Place:
        return self.lock.plain(pk), self.lock.plain(sk, pk)

    def body(self, at: Place, body: bytes | None) -> bytes | None:
        """An item, sealed for its place only."""
        return self.lock.seal(body, at[0] + at[1]) if body is not None else None

    def plain_body(self, at: Place, sealed: bytes | None) -> bytes | None:
        return self.lock.unseal(sealed, at[0] + at[1]) if sealed is not None else None


class Opened:
    """The table keys that are open in this life of the region, and the tables whose places are in memory."""

    def __init__(self) -> None:
        self.seals: dict[bytes, Seal] = {}
        """By the wrapped key."""
        self.loaded: set[int] = set()
        self.locks: dict[int, Any] = {}
        self.seen: dict[bytes, float] = {}
        """When DynamoDB last tried a key, by the wrapped key."""


def of(call: Call, encryption: Encryption) -> Seal:
    """Only where the key is open: after ``unlocking.find``, or once it was opened for the service."""
    return call.memory(Opened).seals[encryption.data_key.wrapped]


def is_open(call: Call, encryption: Encryption | None, id_: int) -> bool:
    """Whether rows of the table can be read and written now. One without a key of its own is always open."""
    if encryption is None:
        return True
    opened = call.memory(Opened)
    return id_ in opened.loaded and encryption.data_key.wrapped in opened.seals


def resealed(was: Seal | None, now: Seal | None, at: Place, body: bytes | None) -> tuple[Place, bytes | None]:
    """A row of one key as it lies under another."""
    if was is not None:
        at, body = was.plain_place(*at), was.plain_body(at, body)
    if now is not None:
        at = now.place(*at)
        body = now.body(at, body)
    return at, body


def shown(encryption: Encryption, *, status: str = "ENABLED") -> dict[str, Any]:
    """An SSEDescription."""
    told: dict[str, Any] = {"Status": status, "SSEType": "KMS", "KMSMasterKeyArn": encryption.data_key.key}
    if encryption.inaccessible_since:
        told["InaccessibleEncryptionDateTime"] = encryption.inaccessible_since
    return told
