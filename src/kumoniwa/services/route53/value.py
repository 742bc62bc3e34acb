"""The values of records: what Route 53 takes as text for each type, in whose words it refuses the rest, and the bytes on the wire.

Texts are kept as they came, since Route 53 shows them so. Escapes in Route 53's texts are octal where master files are decimal.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Callable

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from kumoniwa.services.route53 import name as names

CHARACTER_STRING_BYTES_MAX = 255
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_CODE = re.compile(rb"\\([0-3][0-7]{2}|.)", re.DOTALL)


class Unusable(ValueError):
    """A value that is none of its type; the text is Route 53's."""

    def __init__(self, fatal: str) -> None:
        super().__init__(f"Invalid Resource Record: '{fatal}'")

    @classmethod
    def of(cls, problem: str, said: str, value: str) -> Unusable:
        return cls(f"FATAL problem: {problem} ({said}) encountered with '{value}'")


def wire(kind: str, value: str) -> bytes:
    """The record's data in a packet, without compression. Raises Unusable."""
    encode = _BY_TYPE.get(kind)
    if encode is not None:
        return encode(kind, value)
    return _by_library(kind, value)


def _address(kind: str, value: str) -> bytes:
    if " " in value:
        raise Unusable.of(f"{kind}RRDATANotSingleField", "Value contains spaces", value)
    try:
        return ipaddress.IPv4Address(value).packed if kind == "A" else ipaddress.IPv6Address(value.partition("%")[0]).packed
    except ValueError:
        version = "4" if kind == "A" else "6"
        raise Unusable.of(f"{kind}RRDATAIllegalIPv{version}Address", f"Value is not a valid IPv{version} address", value) from None


def _host(kind: str, value: str) -> bytes:
    if not value or " " in value:
        raise Unusable.of(f"{kind}RRDATANotSingleField", "Value contains spaces", value)
    return _name(value)


def _name(text: str) -> bytes:
    try:
        return names.wire(names.parse(text))
    except names.Unnameable as error:
        raise Unusable(str(error)) from None


def strings(value: str) -> list[bytes]:
    """The character strings of a TXT value: each in quotation marks, octal codes resolved."""
    rest, found = value.strip(), []
    while rest:
        match = _STRING.match(rest)
        if match is None:
            raise Unusable.of("InvalidCharacterString", "Value should be enclosed in quotation marks", value)
        text = _octets(match[1])
        if len(text) > CHARACTER_STRING_BYTES_MAX:
            raise Unusable.of("CharacterStringTooLong", "Value is too long", value)
        found.append(text)
        rest = rest[match.end() :].lstrip()
    if not found:
        raise Unusable.of("InvalidCharacterString", "Value should be enclosed in quotation marks", value)
    return found


def _octets(text: str) -> bytes:
    def octet(found: re.Match) -> bytes:
        return bytes((int(found[1], 8),)) if len(found[1]) == 3 else found[1]

    return _CODE.sub(octet, text.encode("utf-8"))


def _text(kind: str, value: str) -> bytes:
    return b"".join(bytes((len(text),)) + text for text in strings(value))


def _mail(kind: str, value: str) -> bytes:
    fields = value.split()
    if len(fields) != 2:
        raise Unusable.of("MXRRDATANotTwoFields", "MX record doesn't have 2 fields", value)
    return _number(fields[0], 65535, "MXRRDATAIllegalPriority", value) + _name(fields[1])


def _service(kind: str, value: str) -> bytes:
    fields = value.split()
    if len(fields) != 4:
        raise Unusable.of("SRVRRDATANotFourFields", "SRV record doesn't have 4 fields", value)
    numbers = (_number(text, 65535, "SRVRRDATAIllegalNumber", value) for text in fields[:3])
    return b"".join(numbers) + _name(fields[3])


def _authority(kind: str, value: str) -> bytes:
    fields = value.split()
    if len(fields) != 7:
        raise Unusable.of("SOARRDATANotSevenFields", "SOA record doesn't have 7 fields", value)
    numbers = [_number(text, 2**31 - 1, "SOARRDATAIllegalNumber", value, 4) for text in fields[2:]]
    return _name(fields[0]) + _name(fields[1]) + b"".join(numbers)


def _number(text: str, most: int, problem: str, value: str, size: int = 2) -> bytes:
    if not text.isascii() or not text.isdigit() or int(text) > most:
        raise Unusable.of(problem, f"Value must be a number between 0 and {most}", value)
    return int(text).to_bytes(size, "big")


def _certification(kind: str, value: str) -> bytes:
    fields = value.split(None, 2)
    if len(fields) != 3:
        raise Unusable.of("CAARRDATANotThreeFields", "CAA record doesn't have 3 fields", value)
    flags, tag, rest = fields
    if not tag.isascii() or not tag.isalnum() or len(tag) > 255:
        raise Unusable.of("CAARRDATAIllegalTag", "CAA tag must be alphanumeric", value)
    said = strings(rest)
    return _number(flags, 255, "CAARRDATAIllegalFlags", value, 1) + bytes((len(tag),)) + tag.encode() + b"".join(said)


def _by_library(kind: str, value: str) -> bytes:
    try:
        said = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), value, relativize=False)
        return said.to_wire()
    except (dns.exception.DNSException, ValueError, TypeError, OverflowError, struct.error):
        raise Unusable.of(f"{kind}RRDATAInvalid", f"Value is not a valid {kind} record", value) from None


_BY_TYPE: dict[str, Callable[[str, str], bytes]] = {
    "A": _address,
    "AAAA": _address,
    "CNAME": _host,
    "NS": _host,
    "PTR": _host,
    "TXT": _text,
    "SPF": _text,
    "MX": _mail,
    "SRV": _service,
    "SOA": _authority,
    "CAA": _certification,
}
