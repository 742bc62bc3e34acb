"""Packets that are almost queries, or not at all, and batches of odd changes: the name servers always answer in the DNS's own form or
not at all, and a batch is taken whole or refused in AWS's words.

A case is made from one number. Run a single one with ``KUMONIWA_FUZZ_CASE=<number>``.
"""

import os
import random

import dns.edns
import dns.exception
import dns.message
import dns.rdatatype
import orjson
import pytest

from kumoniwa.gate.address import EDGE, GLOBAL
from kumoniwa.services.route53.edge import Edge

CASES_SHORT, CASES_LONG = 2_000, 200_000
BATCHES_SHORT, BATCHES_LONG = 150, 5_000
NAMES = ["www.shop.example", "geo.shop.example", "many.shop.example", "x.y.shop.example", "shop.example", "alias.shop.example", "loop.shop.example",
         "example", ".", "*.shop.example", "a" * 63 + ".shop.example", "d-1.execute-api.us-east-1.amazonaws.com", "nobody.test"]  # fmt: skip
KINDS = ["A", "AAAA", "ANY", "NS", "SOA", "TXT", "CNAME", "MX", "DS", "HTTPS", "AXFR", "TYPE65280", "OPT"]
PLACES = ["192.0.2.0/24", "198.51.100.7/32", "8.8.8.8/0", "2001:db8:1::/48", "0.0.0.0/1"]


def query(choose: random.Random) -> bytes:
    message = dns.message.make_query(choose.choice(NAMES), choose.choice(KINDS))
    message.id = choose.randrange(65536)
    options = []
    if choose.random() < 0.4:
        address, _, bits = choose.choice(PLACES).partition("/")
        options.append(dns.edns.ECSOption(address, int(bits)))
    if choose.random() < 0.2:
        options.append(dns.edns.GenericOption(choose.choice([10, 8, 65001]), choose.randbytes(choose.randrange(12))))
    if choose.random() < 0.6:
        message.use_edns(choose.choice([0, 0, 0, 1]), 0, choose.choice([0, 512, 1232, 65535]), options=options)
    return message.to_wire()


def damaged(packet: bytes, choose: random.Random) -> bytes:
    for _ in range(choose.choice((0, 0, 1, 1, 2, 5))):
        at, how = choose.randrange(len(packet) + 1), choose.randrange(4)
        if how == 0:
            packet = packet[:at]
        elif how == 1:
            packet = packet[:at] + choose.randbytes(choose.randrange(1, 9)) + packet[at:]
        elif how == 2 and packet:
            at = min(at, len(packet) - 1)
            packet = packet[:at] + bytes((packet[at] ^ 1 << choose.randrange(8),)) + packet[at + 1 :]
        else:
            packet = packet[:at] + b"\xc0" + bytes((choose.randrange(256),)) + packet[at + 2 :]
    return packet


def record(choose: random.Random) -> dict:
    """A record set of AWS's shape, most often with odd values in it."""
    if choose.random() < 0.3:
        name = f"{choose.choice('abc')}{choose.randrange(9)}.shop.example"
        return {"Name": name, "Type": "A", "TTL": 60, "SetIdentifier": choose.choice("ab"), "Weight": choose.randrange(3), "ResourceRecords": [{"Value": "192.0.2.1"}]}
    kind = choose.choice(["A", "A", "A", "CNAME", "TXT", "MX", "NS", "SOA", "SRV", "CAA", "HTTPS", "SPF"])
    values = {"A": ["192.0.2.1", "192.0.2.2", "1.2.3", "", "::1"], "CNAME": ["www.shop.example", "a..b", "\\052.x", "\\999", "x" * 300]}
    said = {"Name": choose.choice([*NAMES, "a..b.shop.example", "\\052.shop.example", "ü.shop.example", "-.shop.example", ""]), "Type": kind}
    if choose.random() < 0.8:
        pool = values.get(kind, ['"x"', "10 mail", "0 0 0 .", '0 issue "x"', "1 . alpn=h2", "x", "a b 1 2 3 4 5", '"' + "y" * 300 + '"'])
        said |= {"TTL": choose.choice([0, 60, 2**31 - 1]), "ResourceRecords": [{"Value": choose.choice(pool)} for _ in range(choose.choice((1, 1, 2)))]}
    if choose.random() < 0.3:
        target = {"DNSName": choose.choice(NAMES), "HostedZoneId": choose.choice(["@", "Z1UJRXOUMOOFQ8", "Z404"]), "EvaluateTargetHealth": True}
        said |= {"AliasTarget": target}
        if choose.random() < 0.8:
            said.pop("TTL", None), said.pop("ResourceRecords", None)
    if choose.random() < 0.5:
        said["SetIdentifier"] = choose.choice("abc")
        routing = [
            {"Weight": choose.choice([0, 1, 255])}, {"Region": choose.choice(["us-east-1", "eu-west-1"])}, {"Failover": choose.choice(["PRIMARY", "SECONDARY"])},
            {"GeoLocation": choose.choice([{"CountryCode": "US"}, {"CountryCode": "*"}, {"ContinentCode": "XX"}, {}, {"CountryCode": "US", "ContinentCode": "NA"}])},
            {"MultiValueAnswer": choose.random() < 0.9}, {},
            {"GeoProximityLocation": choose.choice([{"AWSRegion": "us-east-1", "Bias": 9}, {"Coordinates": {"Latitude": "x", "Longitude": "1"}}, {}])},
            {"CidrRoutingConfig": {"CollectionId": "0" * 8 + "-0000-0000-0000-" + "0" * 12, "LocationName": "x"}},
        ]  # fmt: skip
        said |= choose.choice(routing)
    return said


def batch(choose: random.Random, zone: str) -> list[dict]:
    changes = [{"Action": choose.choice(["CREATE", "UPSERT", "DELETE"]), "ResourceRecordSet": record(choose)} for _ in range(choose.choice((1, 1, 2, 5)))]
    text = orjson.dumps(changes).decode().replace('"@"', f'"{zone}"')
    return orjson.loads(text)


def seeded(cloud) -> tuple:
    client = cloud.client("route53", parameter_validation=False)
    zone = client.create_hosted_zone(Name="shop.example", CallerReference="fuzz")["HostedZone"]["Id"].rpartition("/")[2]
    records = [
        {"Name": "www.shop.example", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}, {"Value": "192.0.2.2"}]},
        {"Name": "geo.shop.example", "Type": "A", "TTL": 60, "SetIdentifier": "us", "GeoLocation": {"CountryCode": "US"}, "ResourceRecords": [{"Value": "192.0.2.1"}]},
        {"Name": "many.shop.example", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": f"192.0.2.{n}"} for n in range(200)]},
        {"Name": "loop.shop.example", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "loop.shop.example"}]},
        {"Name": "*.y.shop.example", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"x"'}]},
        {"Name": "alias.shop.example", "Type": "A", "AliasTarget": {"DNSName": "www.shop.example", "HostedZoneId": zone, "EvaluateTargetHealth": True}},
    ]  # fmt: skip
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": each} for each in records]})
    cloud.sleep(1)
    return client, zone


def attack_with_packets(cloud, cases: int) -> int:
    seeded(cloud)
    answered, single = 0, os.environ.get("KUMONIWA_FUZZ_CASE")

    async def run() -> int:
        nonlocal answered
        edge = Edge.of(cloud.regions[EDGE])
        for number in [int(single)] if single else range(cases):
            choose = random.Random(number)
            packet = damaged(query(choose), choose)
            reply = edge.answer(packet, choose.choice(["127.0.0.1", "127.1.2.1", "::1"]), choose.random() < 0.2)
            if reply is None:
                continue
            answered += 1
            assert reply[:2] == packet[:2] and reply[2] & 0x80, number
            try:
                dns.message.from_wire(reply)
            except dns.exception.DNSException as error:
                raise AssertionError(f"case {number}: {error!r}")
        return answered

    return cloud.run(run())


def attack_with_batches(cloud, cases: int) -> tuple[int, int]:
    client, zone = seeded(cloud)
    taken = refused = 0
    for number in range(cases):
        choose = random.Random(number)
        before = client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        try:
            client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": batch(choose, zone)})
            taken += 1
        except client.exceptions.ClientError as error:
            refused += 1
            said = error.response["Error"]
            assert said["Code"] in ("InvalidChangeBatch", "InvalidInput", "NoSuchCidrCollectionException", "NotImplemented"), (number, said)
            after = client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
            assert before == after, number
        cloud.sleep(0.1)

        async def ask(number: int = number) -> None:
            edge, choose = Edge.of(cloud.regions[EDGE]), random.Random(number)
            for _ in range(5):
                edge.answer(query(choose), "127.0.0.1")

        cloud.run(ask())
    return taken, refused


def test_a_damaged_packet_never_harms_the_name_servers(make_cloud):
    assert attack_with_packets(make_cloud(GLOBAL, EDGE), CASES_SHORT) > CASES_SHORT / 2


def test_an_odd_batch_is_taken_whole_or_refused(make_cloud):
    taken, refused = attack_with_batches(make_cloud(GLOBAL, EDGE), BATCHES_SHORT)
    assert taken > 5 and refused > BATCHES_SHORT / 4


@pytest.mark.slow
def test_many_damaged_packets(make_cloud):
    assert attack_with_packets(make_cloud(GLOBAL, EDGE), CASES_LONG)


@pytest.mark.slow
def test_many_odd_batches(make_cloud):
    assert attack_with_batches(make_cloud(GLOBAL, EDGE), BATCHES_LONG)
