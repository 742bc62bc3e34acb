"""Keys: what a table or index is sorted by, and how SQLite keeps DynamoDB's order.

A key attribute becomes bytes whose plain order (``memcmp``) is DynamoDB's order for its type, so that a
primary key of two BLOBs sorts as DynamoDB does and every range is one ``BETWEEN``. Partitions stand in the order of
their hashes: that in which AWS's scans meet them, and segments are stretches of it.
"""

from __future__ import annotations

import zlib
from base64 import b64decode
from hashlib import md5
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb.value import INVALID, kind_of

if TYPE_CHECKING:
    from kumoniwa.languages.dynamodb.value import Item, Value

HASH_BYTES_MAX = 2048
RANGE_BYTES_MAX = 1024
NO_MATCH = "The provided key element does not match the schema"
_EMPTY_KEY = "The AttributeValue for a key attribute cannot contain an empty {} value. "
_NOT_VALID = "One or more parameter values are not valid. "
_ZERO = b"\x80"
_PAIRS_MAX = 20
TIE_BYTES = 4


def encode_sort_key(kind: str, content: str) -> bytes:
    """Bytes that sort as DynamoDB sorts the content of an S, N or B. Content must be canonical
    (``value.check_value``).
    """
    if kind == "S":
        return content.encode("utf-8", "surrogatepass")
    return encode_number(content) if kind == "N" else b64decode(content)


def encode_number(text: str) -> bytes:
    """Sign, decimal exponent and digit pairs of a canonical number.

    The exponents that DynamoDB knows, -130 to 125, are exactly 256 and fill one byte. A pair of digits
    becomes 1 to 100. A negative number is the complement of its positive, closed by 255 because of two
    negative numbers that begin alike the longer is the smaller.
    """
    if text == "0":
        return _ZERO
    is_negative = text[0] == "-"
    whole, _, fraction = (text[1:] if is_negative else text).partition(".")
    if whole != "0":
        exponent, digits = len(whole) - 1, whole + fraction
    else:
        digits = fraction.lstrip("0")
        exponent = len(digits) - len(fraction) - 1
    digits = digits.rstrip("0")
    if len(digits) % 2:
        digits += "0"
    pairs = [int(digits[i : i + 2]) + 1 for i in range(0, len(digits), 2)]
    if is_negative:
        return bytes([0x7F, 125 - exponent, *[101 - pair for pair in pairs], 0xFF])
    return bytes([0x81, exponent + 130, *pairs])


_TURNED, _TURNED_BACK = (bytes(max(0, top - byte) for byte in range(256)) for top in (101, 102))
"""Bytes of a negative number's pairs as those of its positive, and back into what is hashed."""


def hashed_number(encoded: bytes) -> bytes:
    """The bytes that AWS hashes of a number (``encode_number``): those in which Oracle's databases keep a NUMBER.

    Its pairs of digits begin at an even place, one byte tells a hundred's power, and a negative number that is not as long as any
    can be ends with 102. Source: what architect/dynalite found of AWS's order (test/scan.js, c5e5b46).
    """
    if encoded == _ZERO:
        return encoded
    is_negative = encoded[0] == 0x7F
    exponent, pairs = (125 - encoded[1], encoded[2:-1].translate(_TURNED)) if is_negative else (encoded[1] - 130, encoded[2:])
    first = 193 + exponent // 2
    if exponent % 2 == 0:
        pairs = _a_digit_later(pairs)
    if not is_negative:
        return bytes((first,)) + pairs
    end = b"\x66" if len(pairs) < _PAIRS_MAX else b""
    return bytes((255 - first,)) + pairs.translate(_TURNED_BACK) + end


def _a_digit_later(pairs: bytes) -> bytes:
    """Pairs of the same digits behind a zero."""
    digit, shifted = 0, bytearray()
    for byte in pairs:
        tens, ones = divmod(byte - 1, 10)
        shifted.append(digit * 10 + tens + 1)
        digit = ones
    if digit:
        shifted.append(digit * 10 + 1)
    return bytes(shifted)


def after_prefix(prefix: bytes) -> bytes | None:
    """The smallest bytes greater than everything that begins with the prefix; None if there are none."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else None


def segment_of(pk: bytes, total_segments: int) -> int:
    """The segment of a parallel scan to which a partition (``KeySchema.partition``) belongs."""
    return int.from_bytes(pk[:4], "big") * total_segments >> 32


class Range(NamedTuple):
    """A stretch of one partition; ``low`` is None at the start, ``high`` at the end."""

    hash_key: bytes
    low: bytes | None = None
    low_is_open: bool = False
    high: bytes | None = None
    high_is_open: bool = False

    def holds(self, sort_key: bytes) -> bool:
        if self.low is not None and (sort_key <= self.low if self.low_is_open else sort_key < self.low):
            return False
        return self.high is None or (sort_key < self.high if self.high_is_open else sort_key <= self.high)


class MissingKey(ValidationException):
    """An item without an attribute of its key."""

    code = "ValidationException"


class WrongIndexKey(ValidationException):
    """An attribute that an index's key uses, of another type than the key's."""

    code = "ValidationException"


class EmptyKey(ValidationException):
    """A key attribute without content. It is a fault of the request and not of the item, so it cancels no transaction."""

    code = "ValidationException"


class EmptyIndexKey(EmptyKey):
    """The same of an index's key: captured from AWS by nubo-db/dynoxide, tests/index_key_validation.rs."""

    code = "ValidationException"

    def of_update(self) -> EmptyIndexKey:
        """In the words for an update, which name neither index nor attribute."""
        what = "string" if _EMPTY_KEY.format("string") in self.text else "binary"
        return EmptyIndexKey(
            f"{_NOT_VALID}The update expression attempted to update a secondary index key to a value that is not supported. "
            + _EMPTY_KEY.format(what).rstrip()
        )


class KeySchema(msgspec.Struct, frozen=True):
    """The key of a table or index. ``kinds`` are S, N or B; ``range_name`` is empty if there is none. ``has_aws_order``: see
    ``table.Table``."""

    hash_name: str
    hash_kind: str
    range_name: str = ""
    range_kind: str = ""
    index_name: str = ""
    has_aws_order: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        return (self.hash_name, self.range_name) if self.range_name else (self.hash_name,)

    def partition(self, hash_key: bytes) -> bytes:
        """The ``pk`` of a hash key: behind the first four bytes of its hash, which order all but one in four thousand million pairs.

        Source: architect/dynalite, whose test/scan.js (c5e5b46) states the order that AWS was seen to have, and its segments.
        """
        if not self.has_aws_order:
            return zlib.crc32(hash_key).to_bytes(4, "big") + hash_key
        return md5(b"Outliers" + self._hashed(hash_key), usedforsecurity=False).digest()[:4] + hash_key

    def _hashed(self, hash_key: bytes) -> bytes:
        return hash_key if self.hash_kind != "N" else hashed_number(hash_key)

    def tie(self, hash_key: bytes, sort_key: bytes) -> bytes:
        """What orders items that stand at one place of a global index: the hash of their whole keys.

        Source: the orders that architect/dynalite's test/query.js (c5e5b46) states of its index3 and index4.
        """
        key = self._hashed(hash_key) + (hashed_number(sort_key) if self.range_kind == "N" else sort_key)
        return md5(b"Outliers" + key, usedforsecurity=False).digest()[:TIE_BYTES]

    def of_key(self, key: Item) -> tuple[bytes, bytes]:
        """A request's ``Key`` as bytes; it must name the key attributes and nothing else."""
        if len(key) != (2 if self.range_name else 1):
            raise ValidationException(NO_MATCH)
        hash_key = self._part(key, self.hash_name, self.hash_kind, HASH_BYTES_MAX)
        if not self.range_name:
            return hash_key, b""
        return hash_key, self._part(key, self.range_name, self.range_kind, RANGE_BYTES_MAX)

    def _part(self, key: Item, name: str, kind: str, bytes_max: int) -> bytes:
        value = key.get(name)
        if value is None or kind not in value:
            raise ValidationException(NO_MATCH)
        return encode_key(name, kind, value[kind], bytes_max)

    def is_hash(self, hash_key: bytes, value: Value | None) -> bool:
        """Whether these are the bytes of an attribute's value."""
        if value is None or self.hash_kind not in value:
            return False
        return encode_sort_key(self.hash_kind, value[self.hash_kind]) == hash_key

    def of_item(self, item: Item) -> tuple[bytes, bytes]:
        """The key of an item that is to be stored in the table."""
        hash_key = self._attribute(item, self.hash_name, self.hash_kind, HASH_BYTES_MAX)
        if not self.range_name:
            return hash_key, b""
        return hash_key, self._attribute(item, self.range_name, self.range_kind, RANGE_BYTES_MAX)

    def _attribute(self, item: Item, name: str, kind: str, bytes_max: int) -> bytes:
        value = item.get(name)
        if value is None:
            raise MissingKey(f"{INVALID}Missing the key {name} in the item")
        if kind not in value:
            raise ValidationException(
                f"{INVALID}Type mismatch for key {name} expected: {kind} actual: {kind_of(value)}"
            )
        return encode_key(name, kind, value[kind], bytes_max)

    def of_index(self, item: Item) -> tuple[bytes, bytes] | None:
        """Where an index keeps the item; None if it does not, because the item lacks a key attribute."""
        parts = []
        for name, kind, bytes_max in (
            (self.hash_name, self.hash_kind, HASH_BYTES_MAX),
            (self.range_name, self.range_kind, RANGE_BYTES_MAX),
        ):
            value = item.get(name) if name else None
            if value is None:
                parts.append(None if name else b"")
                continue
            if kind not in value:
                raise WrongIndexKey(
                    f"{INVALID}Type mismatch for Index Key {name} Expected: {kind} Actual: {kind_of(value)} "
                    f"IndexName: {self.index_name}"
                )
            content = value[kind]
            if not content:
                raise EmptyIndexKey(
                    f"{_NOT_VALID}A value specified for a secondary index key is not supported. "
                    + _EMPTY_KEY.format("string" if kind == "S" else "binary")
                    + f"IndexName: {self.index_name}, IndexKey: {name}"
                )
            parts.append(encode_key(name, kind, content, bytes_max))
        return None if None in parts else (parts[0], parts[1])

    def range_of(self, conditions: dict[str, tuple[str, list[Value]]]) -> Range:
        """The stretch that key conditions (``condition.key_conditions``) ask for.

        Source of the refusals and their order: recorded from AWS by mhart/dynalite.
        """
        if not self.range_name and len(conditions) > 1:
            raise ValidationException("Query key condition not supported")
        hash_operator, [hash_content, *_] = self._condition(conditions, self.hash_name, self.hash_kind)
        if hash_operator != "=":
            raise ValidationException("Query key condition not supported")
        hash_key = encode_key(self.hash_name, self.hash_kind, hash_content, HASH_BYTES_MAX)
        if len(conditions) == 1:
            return Range(hash_key)
        operator, contents = self._condition(conditions, self.range_name, self.range_kind)
        keys = [
            encode_key(self.range_name, self.range_kind, content, RANGE_BYTES_MAX) for content in contents
        ]
        first, last = keys[0], keys[-1]
        if operator in ("=", "BETWEEN"):
            return Range(hash_key, low=first, high=last)
        if operator == "begins_with":
            return Range(hash_key, low=first, high=after_prefix(first), high_is_open=True)
        if operator in (">", ">="):
            return Range(hash_key, low=first, low_is_open=operator == ">")
        return Range(hash_key, high=first, high_is_open=operator == "<")

    def _condition(
        self, conditions: dict[str, tuple[str, list[Value]]], name: str, kind: str
    ) -> tuple[str, list[str]]:
        if name not in conditions:
            raise ValidationException(f"Query condition missed key schema element: {name}")
        operator, values = conditions[name]
        if operator not in ("=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"):
            raise ValidationException("Attempted conditional constraint is not an indexable operation")
        if not all(kind in value for value in values):
            raise ValidationException(f"{INVALID}Condition parameter type does not match schema type")
        return operator, [value[kind] for value in values]


def encode_key(name: str, kind: str, content: str, bytes_max: int) -> bytes:
    """A key attribute's bytes, unless it is empty or too long."""
    if kind == "S":
        body = content.encode("utf-8", "surrogatepass")
    elif kind == "N":
        return encode_number(content)
    else:
        body = b64decode(content)
    if not body:
        what = _EMPTY_KEY.format("string" if kind == "S" else "binary")
        raise EmptyKey(f"{_NOT_VALID}{what}Key: {name}")
    if len(body) > bytes_max:
        if bytes_max == HASH_BYTES_MAX:
            raise ValidationException(
                f"{INVALID}Size of hashkey has exceeded the maximum size limit of2048 bytes"
            )
        raise ValidationException(
            f"{INVALID}Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
        )
    return body
