"""How many questions a second one core of the name servers answers: CPU time of the edge's own work, and over a real UDP socket.

    python bench/name_servers.py [--seconds 3]

A zone with simple, weighted, geolocation, latency and failover names is asked by clients of many subnets (a /24 each, by EDNS client
subnet). *Repeated* asks the same 1,000 questions over and over, as resolvers do once a time to live is over; *first* asks each only
once, so that every answer is decided and written anew. Server CPU is measured, not the load generator's.
"""

import argparse
import asyncio
import os
import random
import socket
import sys
import tempfile
import time

import dns.edns
import dns.message
import orjson

from kumoniwa.cloud.region import Region
from kumoniwa.gate.address import EDGE
from kumoniwa.gate.settings import Settings
from kumoniwa.kernel.record import pack
from kumoniwa.services.route53 import name as names
from kumoniwa.services.route53.edge import Edge
from kumoniwa.services.route53.server import NameServer
from kumoniwa.services.route53.zone import HostedZone

QUESTIONS = 1_000
WINDOW = 64


def record(name, value, **more):
    return {"Name": f"{name}.bench.example.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": value}], **more}


def zone():
    """Published entries: a zone and its record sets."""
    held = HostedZone(id="ZBENCH", name="bench.example.", caller_reference="b", created=0.0, servers=("ns-1.awsdns-00.com",))
    records = [
        {"Name": "bench.example.", "Type": "SOA", "TTL": 900, "ResourceRecords": [{"Value": "ns-1.awsdns-00.com. a.b. 1 7200 900 1209600 86400"}]},
        *(record(f"www{n}", f"192.0.2.{n}") for n in range(100)),
        *(record("weighted", f"192.0.2.{n}", SetIdentifier=str(n), Weight=n) for n in range(4)),
        *(record("geo", f"192.0.2.{n}", SetIdentifier=code, GeoLocation={"CountryCode": code}) for n, code in enumerate(("US", "DE", "*"))),
        *(record("near", f"192.0.2.{n}", SetIdentifier=region, Region=region) for n, region in enumerate(("us-east-1", "eu-west-1", "ap-northeast-1"))),
        *(record("api", f"192.0.2.{n}", SetIdentifier=role, Failover=role) for n, role in enumerate(("PRIMARY", "SECONDARY"))),
    ]
    entries = [["zone", held.id, pack(held)]]
    for each in records:
        key = [held.id, names.order(names.parse(each["Name"])), each["Type"], each.get("SetIdentifier", "")]
        entries.append(["record", key, orjson.dumps(each)])
    return entries


def query(number, dice):
    name = dice.choice(["weighted", "geo", "near", "api", f"www{dice.randrange(100)}"])
    message = dns.message.make_query(f"{name}.bench.example", "A")
    address = dice.choice(["192.0.2.0", "198.51.100.0", "203.0.113.0", f"10.{number >> 8 & 255}.{number & 255}.0"])
    message.use_edns(0, 0, 1232, options=[dns.edns.ECSOption(address, 24)])
    return message.to_wire()


async def edge(folder):
    region = Region(EDGE, Settings(seal=b"k" * 32), folder, seed=1)
    await region.open()
    made = Edge.of(region)
    made.receive("000000000000", 1, zone())
    await region.store.journal.settled()
    return region, made


def rate(made, packets, seconds):
    """Answers a second of CPU."""
    began, count = time.process_time(), 0
    while time.process_time() - began < seconds:
        for packet in packets:
            if made.answer(packet, "127.0.0.1") is None:
                sys.exit("a query was not answered")
        count += len(packets)
    return count / (time.process_time() - began)


def first_rate(made, packets):
    began = time.process_time()
    for packet in packets:
        made.answer(packet, "127.0.0.1")
    return len(packets) / (time.process_time() - began)


def load(port, packets, seconds):
    """Keep a window of questions under way from one socket, in a process of its own."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.connect(("127.0.0.1", port))
    line.settimeout(1.0)
    at = 0
    for _ in range(WINDOW):
        line.send(packets[at % len(packets)])
        at += 1
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            reply = line.recv(4096)
        except TimeoutError:
            continue
        if not reply[2] & 0x80:
            sys.exit("that was no answer")
        line.send(packets[at % len(packets)])
        at += 1


async def over_udp(made, packets, seconds):
    """Answers a second of the server's CPU, sockets included, and of the clock; the load comes from a forked child."""
    answered = 0

    def counted(packet, source, is_tcp):
        nonlocal answered
        answered += 1
        return made.answer(packet, source, is_tcp)

    server = await NameServer.listen(counted, "127.0.0.1", 0)
    child = os.fork()
    if not child:
        load(server.port, packets, seconds + 1)
        os._exit(0)
    await asyncio.sleep(0.3)
    began, before = time.process_time(), answered
    await asyncio.sleep(seconds)
    spent, done = time.process_time() - began, answered - before
    await server.close()
    os.waitpid(child, 0)
    return done / spent, done / seconds


async def measure(seconds):
    dice = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        region, made = await edge(folder)
        packets = [query(number, dice) for number in range(QUESTIONS)]
        fresh = first_rate(made, [query(number, dice) for number in range(10_000, 14_000)])
        repeated = rate(made, packets, seconds)
        per_cpu, per_s = await over_udp(made, packets, seconds)
        print(f"repeated questions, no socket      {repeated:>9,.0f} answers per CPU second")
        print(f"repeated questions, UDP            {per_cpu:>9,.0f} answers per CPU second ({per_s:,.0f} a second seen)")
        print(f"every question for the first time  {fresh:>9,.0f} answers per CPU second")
        await region.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    asyncio.run(measure(parser.parse_args().seconds))
