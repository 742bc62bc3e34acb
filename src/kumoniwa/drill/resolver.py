"""Names resolved as users resolve them: a real DNS query to the cloud's server, kept for as long as the record's TTL.

Each client of a drill has a resolver of its own, so that after a failover some still hold the old answer, as in the world.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

ANSWERED_WITHIN_S = 2.0
CHAIN_MAX = 8
"""Aliases that are followed, as resolvers do, before they take it for a circle."""


class Unresolved(Exception):
    """No address: SERVFAIL, NXDOMAIN, no answer."""


class Resolver:
    """One client's view of the names. ``on_answer(name, addresses, ttl_s)`` is told of every fresh answer."""

    def __init__(self, server: tuple[str, int], dice: Random, on_answer: Callable[[str, list[str], float], None]) -> None:
        self.server, self.dice, self.on_answer = server, dice, on_answer
        self.kept: dict[str, tuple[list[str], float]] = {}
        self.asking: dict[str, asyncio.Task] = {}

    async def address(self, name: str, *, ignores_ttl: bool = False) -> str:
        """One address of the name. ``ignores_ttl`` is the client whose runtime caches answers for ever."""
        loop = asyncio.get_running_loop()
        addresses, until = self.kept.get(name, ([], 0.0))
        if not addresses or (loop.time() >= until and not ignores_ttl):
            if name not in self.asking:
                task = self.asking[name] = loop.create_task(self._ask(name))
                task.add_done_callback(lambda _: self.asking.pop(name, None))
            addresses = await asyncio.shield(self.asking[name])
        return self.dice.choice(addresses)

    async def _ask(self, name: str) -> list[str]:
        addresses, ttl_s = await self._followed(name)
        self.kept[name] = addresses, asyncio.get_running_loop().time() + ttl_s
        self.on_answer(name, addresses, ttl_s)
        return addresses

    async def _followed(self, name: str) -> tuple[list[str], float]:
        """The addresses at the end of the chain of aliases; the whole lives as long as its shortest link."""
        asked, ttls = dns.name.from_text(name), []
        for _ in range(CHAIN_MAX):
            answer = await self._query(asked)
            ttls += [rrset.ttl for rrset in answer]
            addresses = [record.address for rrset in answer if rrset.rdtype == dns.rdatatype.A for record in rrset]
            if addresses:
                return addresses, min(ttls)
            aliases = {rrset.name: rrset[0].target for rrset in answer if rrset.rdtype == dns.rdatatype.CNAME}
            if asked not in aliases:
                raise Unresolved("dns no address")
            while asked in aliases:
                asked = aliases.pop(asked)
        raise Unresolved("dns chain too long")

    async def _query(self, name: dns.name.Name) -> list[dns.rrset.RRset]:
        query = dns.message.make_query(name, dns.rdatatype.A, use_edns=0)
        host, port = self.server
        try:
            reply, _ = await dns.asyncquery.udp_with_fallback(query, host, ANSWERED_WITHIN_S, port)
        except (dns.exception.Timeout, OSError) as error:
            raise Unresolved(f"dns {'timeout' if isinstance(error, dns.exception.Timeout) else error}")
        if reply.rcode() != dns.rcode.NOERROR:
            raise Unresolved(f"dns {dns.rcode.to_text(reply.rcode())}")
        return reply.answer
