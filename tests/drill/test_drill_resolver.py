"""Names are resolved by real DNS queries and kept for their TTL. The server here is one on loopback that answers what it is told."""

import asyncio
from random import Random

import dns.message
import dns.rcode
import dns.rrset
import pytest

from kumoniwa.drill.resolver import Resolver, Unresolved


class Zone(asyncio.DatagramProtocol):
    """``records`` is name to (TTL, type, value)s, or a response code."""

    def __init__(self, records):
        self.records, self.asked = records, []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, sender):
        query = dns.message.from_wire(data)
        name = str(query.question[0].name).rstrip(".")
        self.asked.append(name)
        reply = dns.message.make_response(query)
        said = self.records.get(name, dns.rcode.NXDOMAIN)
        if isinstance(said, int):
            reply.set_rcode(said)
        else:
            for owner, ttl, kind, value in said:
                reply.answer.append(dns.rrset.from_text(owner + ".", ttl, "IN", kind, value))
        self.transport.sendto(reply.to_wire(), sender)


def resolving(records, story):
    """Run ``story(resolver, zone, answers)`` against a server of these records."""

    async def run():
        loop = asyncio.get_running_loop()
        transport, zone = await loop.create_datagram_endpoint(lambda: Zone(records), local_addr=("127.0.0.1", 0))
        answers = []
        resolver = Resolver(transport.get_extra_info("sockname"), Random(1), lambda *said: answers.append(said))
        try:
            await story(resolver, zone, answers)
        finally:
            transport.close()

    asyncio.run(run())


def test_an_answer_is_kept_for_its_ttl():
    async def story(resolver, zone, answers):
        assert await resolver.address("a.example") == "127.1.1.1"
        assert await resolver.address("a.example") == "127.1.1.1"
        assert len(zone.asked) == 1
        assert answers == [("a.example", ["127.1.1.1"], 60)]

    resolving({"a.example": [("a.example", 60, "A", "127.1.1.1")]}, story)


def test_a_ttl_of_nought_is_asked_for_again_unless_the_client_ignores_ttls():
    async def story(resolver, zone, answers):
        await resolver.address("a.example")
        await resolver.address("a.example", ignores_ttl=True)
        assert len(zone.asked) == 1
        await resolver.address("a.example")
        assert len(zone.asked) == 2

    resolving({"a.example": [("a.example", 0, "A", "127.1.1.1")]}, story)


def test_a_chain_of_aliases_is_followed_and_lives_as_long_as_its_shortest_link():
    async def story(resolver, zone, answers):
        assert await resolver.address("a.example") == "127.1.2.1"
        assert answers == [("a.example", ["127.1.2.1"], 5)]
        assert zone.asked == ["a.example", "c.example"]

    resolving(
        {
            "a.example": [("a.example", 60, "CNAME", "b.example."), ("b.example", 5, "CNAME", "c.example.")],
            "c.example": [("c.example", 30, "A", "127.1.2.1")],
        },
        story,
    )


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (dns.rcode.SERVFAIL, "dns SERVFAIL"),
        (dns.rcode.NXDOMAIN, "dns NXDOMAIN"),
        ([], "dns no address"),
        ([("a.example", 60, "CNAME", "a.example.")], "dns chain too long"),
    ],
)
def test_a_name_without_an_address_says_why(said, why):
    async def story(resolver, zone, answers):
        with pytest.raises(Unresolved) as unresolved:
            await resolver.address("a.example")
        assert str(unresolved.value) == why
        assert answers == []

    resolving({"a.example": said}, story)


def test_requests_that_come_together_ask_once():
    async def story(resolver, zone, answers):
        found = await asyncio.gather(*(resolver.address("a.example") for _ in range(5)))
        assert set(found) <= {"127.1.1.1", "127.1.2.1"}
        assert len(zone.asked) == 1

    resolving({"a.example": [("a.example", 60, "A", "127.1.1.1"), ("a.example", 60, "A", "127.1.2.1")]}, story)
