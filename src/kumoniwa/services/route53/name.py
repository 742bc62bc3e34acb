"""Domain names as Route 53 writes them: lower case, a trailing dot, octal codes for what is no letter, digit, hyphen or underscore.

A name is a tuple of labels (bytes), leftmost first, without the root: ``(b"www", b"example", b"com")``.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
"""

from __future__ import annotations

import re
from functools import lru_cache

Name = tuple[bytes, ...]

LABEL_BYTES_MAX = 63
NAME_BYTES_MAX = 255
"""On the wire, with a length before each label and the root."""
WILDCARD = b"*"

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")


class Unnameable(ValueError):
    """No domain name: ``problem`` is Route 53's word for it and ``said`` its sentence."""

    def __init__(self, problem: str, said: str, text: str) -> None:
        super().__init__(f"FATAL problem: {problem} ({said}) encountered with '{text}'")


@lru_cache(maxsize=16384)
def parse(text: str) -> Name:
    """The name that a text spells, with or without the trailing dot. Raises Unnameable."""
    if text in ("", "."):
        return ()
    body = text[:-1] if text.endswith(".") else text
    labels = []
    for part in body.split("."):
        label = _octets(part)
        if not label:
            raise Unnameable("DomainLabelEmpty", "Domain label is empty", text)
        if len(label) > LABEL_BYTES_MAX:
            raise Unnameable("DomainLabelTooLong", "Domain label is too long", part)
        labels.append(label.lower())
    if sum(len(label) + 1 for label in labels) + 1 > NAME_BYTES_MAX:
        raise Unnameable("DomainNameTooLong", "Domain name is too long", text)
    return tuple(labels)


def _octets(part: str) -> bytes:
    """One label: octal codes resolved, everything else as it is."""
    for letter in part:
        if letter <= " " or letter == "\x7f":
            raise Unnameable("UnsupportedCharacter", "Value contains unsupported characters", letter)
    return _ESCAPE.sub(lambda found: bytes((int(found[1], 8),)), part.encode())


@lru_cache(maxsize=16384)
def shown(name: Name) -> str:
    r"""As Route 53 answers it: ``\052.example.com.``"""
    return "".join(_label(label) + "." for label in name) or "."


def _label(label: bytes) -> str:
    return "".join(chr(octet) if octet in _PLAIN else f"\\{octet:03o}" for octet in label)


@lru_cache(maxsize=16384)
def order(name: Name) -> str:
    """The key by which Route 53 sorts: labels reversed, the trailing dot included.
    https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html"""
    return "".join(_label(label) + "." for label in reversed(name))


def lies_in(name: Name, zone: Name) -> bool:
    return name[len(name) - len(zone) :] == zone if len(name) >= len(zone) else False


def wire(name: Name) -> bytes:
    """Uncompressed, as it stands in a packet."""
    return b"".join(bytes((len(label),)) + label for label in name) + b"\0"
