"""Keys of a global secondary index that are made of several attributes: up to four to partition by, and up to four to sort by.

Their parts are joined so that the whole sorts as the parts do one after the other: a zero byte within a part is written
``00 FF``, and a part ends with ``00 01``. What begins with the same parts is then one stretch.
Source of the rules: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.DesignPattern.MultiAttributeKeys.html,
and getmoto/moto (verified tests).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.services.dynamodb.key import (
    HASH_BYTES_MAX,
    RANGE_BYTES_MAX,
    KeySchema,
    Range,
    after_prefix,
    encode_key,
)

if TYPE_CHECKING:
    from kumoniwa.languages.dynamodb.value import Item, Value

PARTS_MAX = 4
_END = b"\x00\x01"


def _part(content: bytes) -> bytes:
    return content.replace(b"\x00", b"\x00\xff") + _END


class CompoundSchema(KeySchema, frozen=True):
    """``parts`` are plain schemas of one attribute, those to partition by before those to sort by."""

    hashes: tuple[KeySchema, ...] = ()
    ranges: tuple[KeySchema, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part.hash_name for part in (*self.hashes, *self.ranges))

    def _hashed(self, hash_key: bytes) -> bytes:
        """How AWS hashes several attributes is not known to us."""
        return hash_key

    def of_key(self, key: Item) -> tuple[bytes, bytes]:
        return (
            b"".join([_part(part.of_key({part.hash_name: key[part.hash_name]})[0]) for part in self.hashes]),
            b"".join([_part(part.of_key({part.hash_name: key[part.hash_name]})[0]) for part in self.ranges]),
        )

    def of_index(self, item: Item) -> tuple[bytes, bytes] | None:
        """An item that lacks any of the attributes is not in the index."""
        found = [part.of_index(item) for part in (*self.hashes, *self.ranges)]
        if None in found:
            return None
        parts = [_part(one[0]) for one in found]
        return b"".join(parts[: len(self.hashes)]), b"".join(parts[len(self.hashes) :])

    def range_of(self, conditions: dict[str, tuple[str, list[Value]]]) -> Range:
        """All of the partition's attributes by equality; of the others the first ones, and only the last of them by a range."""
        strangers = conditions.keys() - set(self.names)
        if strangers:
            missed = next((name for name in self.names if name not in conditions), min(strangers))
            raise ValidationException(f"Query condition missed key schema element: {missed}")
        hash_key = b""
        for part in self.hashes:
            operator, [content, *_] = self._condition(conditions, part.hash_name, part.hash_kind)
            if operator != "=":
                raise ValidationException("Query key condition not supported")
            hash_key += _part(encode_key(part.hash_name, part.hash_kind, content, HASH_BYTES_MAX))
        prefix = b""
        given = [part for part in self.ranges if part.hash_name in conditions]
        for part, wanted in zip(self.ranges, given):
            if part is not wanted:
                raise ValidationException(f"Query condition missed key schema element: {part.hash_name}")
            operator, contents = self._condition(conditions, part.hash_name, part.hash_kind)
            keys = [encode_key(part.hash_name, part.hash_kind, content, RANGE_BYTES_MAX) for content in contents]
            if operator != "=":
                if part is not given[-1]:
                    raise ValidationException("Query key condition not supported")
                return _stretch(hash_key, prefix, operator, keys)
            prefix += _part(keys[0])
        if not prefix:
            return Range(hash_key)
        return Range(hash_key, low=prefix, high=after_prefix(prefix), high_is_open=True)


def _stretch(hash_key: bytes, prefix: bytes, operator: str, keys: list[bytes]) -> Range:
    """What begins with a prefix and goes on as the operator says. Everything that goes on with a part is between that part's
    bytes and the bytes after them."""
    first, last = prefix + _part(keys[0]), prefix + _part(keys[-1])
    end = after_prefix(prefix) if prefix else None
    if operator == "BETWEEN":
        return Range(hash_key, low=first, high=after_prefix(last), high_is_open=True)
    if operator == "begins_with":
        opening = prefix + keys[0].replace(b"\x00", b"\x00\xff")
        return Range(hash_key, low=opening, high=after_prefix(opening), high_is_open=True)
    if operator == ">":
        return Range(hash_key, low=after_prefix(first), high=end, high_is_open=True)
    if operator == ">=":
        return Range(hash_key, low=first, high=end, high_is_open=True)
    return Range(hash_key, low=prefix or None, high=first if operator == "<" else after_prefix(first), high_is_open=True)
