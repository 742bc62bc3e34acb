"""DNS packets: what a query asks, and the bytes of each reply, by dnspython.

A decision is written down once for each reply it may roll, and the roll is all that is left to do when the same query comes again.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from kumoniwa.gate.place import Address
from kumoniwa.services.route53 import name as names
from kumoniwa.services.route53 import value
from kumoniwa.services.route53.answer import Decision, Reply, Set

PLAIN_UDP_BYTES_MAX = 512
UDP_BYTES_MAX = 4096
TCP_BYTES_MAX = 65535
ROTATIONS_MAX = 16
HEADER_BYTES = 12

BadQuery = dns.exception.DNSException


class Asked(NamedTuple):
    """One query, read."""

    message: dns.message.QueryMessage
    name: names.Name
    kind: str
    subnet: tuple[Address, int] | None
    """The client's network, if the resolver tells it (RFC 7871)."""


class Unanswerable(Exception):
    """A packet that is answered with nothing but a code, or with nothing."""

    def __init__(self, reply: bytes | None) -> None:
        self.reply = reply


def read(packet: bytes) -> Asked:
    """What a packet asks. Raises Unanswerable for everything that is no question for a name server."""
    if len(packet) < HEADER_BYTES or packet[2] & 0x80:
        raise Unanswerable(None)  # too short to answer, or an answer itself
    try:
        message = dns.message.from_wire(packet, ignore_trailing=False)
    except dns.message.BadEDNS:
        raise Unanswerable(_bare(packet, dns.rcode.FORMERR)) from None
    except (BadQuery, ValueError, IndexError, UnicodeError):
        raise Unanswerable(_bare(packet, dns.rcode.FORMERR)) from None
    if message.opcode() != dns.opcode.QUERY:
        raise Unanswerable(_bare(packet, dns.rcode.NOTIMP))
    if len(message.question) != 1:
        raise Unanswerable(_bare(packet, dns.rcode.FORMERR))
    question = message.question[0]
    if message.edns > 0:
        raise Unanswerable(_coded(message, dns.rcode.BADVERS))
    kind = dns.rdatatype.to_text(question.rdtype)
    if question.rdclass != dns.rdataclass.IN or kind in ("AXFR", "IXFR"):
        raise Unanswerable(_coded(message, dns.rcode.REFUSED))
    labels = tuple(label.lower() for label in question.name.labels if label)
    return Asked(message, labels, kind, _subnet(message))


def _bare(packet: bytes, code: int) -> bytes:
    """The head of a packet that could not be read any further."""
    flags = 0x8000 | (packet[2] & 0x79) << 8 | code
    return packet[:2] + flags.to_bytes(2, "big") + bytes(8)


def _coded(message: dns.message.QueryMessage, code: int) -> bytes:
    reply = dns.message.make_response(message)
    reply.set_rcode(code)
    return reply.to_wire()


def _subnet(message: dns.message.QueryMessage) -> tuple[Address, int] | None:
    for option in message.options:
        if option.otype == dns.edns.OptionType.ECS:
            address = ipaddress.ip_address(option.address)
            if option.scopelen or option.srclen > address.max_prefixlen:
                raise Unanswerable(_coded(message, dns.rcode.FORMERR))
            # A resolver that says zero bits does not want its own address to be used either.
            return address, option.srclen
    return None


class Written:
    """A decision on the wire: bytes without the two that repeat the query's number, and how often each comes."""

    __slots__ = ("bounds", "replies", "wires", "uses", "_asked", "_scope", "_limit")

    def __init__(self, asked: Asked, decision: Decision, is_tcp: bool) -> None:
        spread = [(reply, turn, reply.chance / turns) for reply in decision.replies for turns in (_turns(reply),) for turn in range(turns)]
        total = sum(chance for _, _, chance in spread)
        self.bounds = list(accumulate(chance / total for _, _, chance in spread))
        self.replies = [(reply, turn) for reply, turn, _ in spread]
        self.wires: list[bytes | None] = [None] * len(spread)
        self.uses: tuple[Any, ...] = (None,) * len(spread)
        """What each reply is billed for."""
        self._asked, self._scope = asked, decision.scope
        plain = PLAIN_UDP_BYTES_MAX if asked.message.edns < 0 else max(PLAIN_UDP_BYTES_MAX, min(asked.message.payload, UDP_BYTES_MAX))
        self._limit = TCP_BYTES_MAX if is_tcp else plain

    def roll(self, dice: Random) -> int:
        """Which reply comes now."""
        return 0 if len(self.bounds) == 1 else min(bisect(self.bounds, dice.random()), len(self.bounds) - 1)

    def wire(self, at: int) -> bytes:
        wire = self.wires[at]
        if wire is None:
            reply, turn = self.replies[at]
            wire = self.wires[at] = _wire(self._asked, reply, turn, self._scope, self._limit)
        return wire


def _turns(reply: Reply) -> int:
    """In how many orders the last set's values are given: Route 53 gives them in a random one."""
    return min(max(1, len(reply.answer[-1].values)), ROTATIONS_MAX) if reply.answer else 1


def _wire(asked: Asked, reply: Reply, turn: int, scope: int, limit: int) -> bytes:
    message = dns.message.make_response(asked.message, recursion_available=False)
    message.set_rcode(reply.code)
    if reply.is_authoritative:
        message.flags |= dns.flags.AA
    answer = reply.answer
    if turn:
        last = answer[-1]
        answer = (*answer[:-1], last._replace(values=last.values[turn:] + last.values[:turn]))
    message.answer = [_rrset(each) for each in answer]
    message.authority = [_rrset(each) for each in reply.authority]
    message.additional = [_rrset(each) for each in reply.additional]
    if asked.message.edns >= 0:
        options = []
        if asked.subnet is not None:
            address, bits = asked.subnet
            said = (1 if address.version == 4 else 2).to_bytes(2, "big") + bytes((bits, scope)) + address.packed[: -(-bits // 8)]
            options.append(dns.edns.GenericOption(dns.edns.OptionType.ECS, said))
        message.use_edns(0, 0, UDP_BYTES_MAX, options=options)
    return message.to_wire(max_size=limit, prefer_truncation=True, want_shuffle=False)[2:]


@lru_cache(maxsize=8192)
def _rrset(each: Set) -> dns.rrset.RRset:
    kind = dns.rdatatype.from_text(each.type)
    data = []
    for text in each.values:
        wire = value.wire(each.type, text)
        data.append(dns.rdata.from_wire(dns.rdataclass.IN, kind, wire, 0, len(wire)))
    found = dns.rrset.RRset(dns.name.Name((*each.owner, b"")), dns.rdataclass.IN, kind)
    found.update_ttl(each.ttl)
    for datum in data:
        found.add(datum, each.ttl)
    return found
