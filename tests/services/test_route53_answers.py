"""What the name servers answer: the rules of the DNS, and each routing policy as a client in a place of its own sees it."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest
from route53_workshop import DOWN, Names, a, alias

from kumoniwa.aws.regions import loopback
from kumoniwa.gate.address import EDGE, GLOBAL

AMERICAN, GERMAN, JAPANESE, NOBODY = "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "8.8.8.0/24"


@pytest.fixture
def names(make_cloud) -> Names:
    return Names(make_cloud("us-east-1", GLOBAL, EDGE))


@pytest.fixture
def zone(names) -> str:
    return names.zone()


# The DNS -------------------------------------------------------------------------------------------------------


def test_a_name_is_answered_with_authority_in_any_case(names, zone):
    names.create(zone, a("www.shop.example", "192.0.2.1", "192.0.2.2", ttl=30))
    reply = names.ask("WWW.shop.Example")
    assert reply.flags & dns.flags.AA and reply.flags & dns.flags.QR and not reply.flags & dns.flags.RA
    assert reply.answer[0].ttl == 30
    assert names.values("www.shop.example") == ["192.0.2.1", "192.0.2.2"]


def test_values_come_in_any_order(names, zone):
    names.create(zone, a("www.shop.example", "192.0.2.1", "192.0.2.2"))
    assert {str(names.ask("www.shop.example").answer[0][0]) for _ in range(50)} == {"192.0.2.1", "192.0.2.2"}


def test_what_is_not_there_is_denied_with_the_zone_s_soa(names, zone):
    names.create(zone, a("a.b.shop.example", "192.0.2.1"))
    missing, empty, between = (names.ask(name, kind) for name, kind in (("x.shop.example", "A"), ("a.b.shop.example", "AAAA"), ("b.shop.example", "A")))
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert empty.rcode() == between.rcode() == dns.rcode.NOERROR and not empty.answer and not between.answer
    # The smaller of the SOA's TTL (900) and its minimum (86400): RFC 2308.
    assert [(each.authority[0].rdtype.name, each.authority[0].ttl) for each in (missing, empty, between)] == [("SOA", 900)] * 3


def test_the_name_servers_speak_for_our_zones_only(names, zone):
    assert names.ask("www.elsewhere.test").rcode() == dns.rcode.REFUSED


def test_a_wildcard_answers_for_names_that_do_not_exist(names, zone):
    names.create(zone, a("*.shop.example", "192.0.2.1"), a("real.shop.example", '"x"', kind="TXT"), a("a.sub.shop.example", "192.0.2.2"))
    assert names.values("any.thing.shop.example") == ["192.0.2.1"]
    assert names.values("real.shop.example") == [] and names.values("sub.shop.example") == []
    assert names.ask("b.sub.shop.example").rcode() == dns.rcode.NXDOMAIN  # sub exists, and has no wildcard: RFC 4592


def test_a_canonical_name_is_followed_as_far_as_we_know(names, zone):
    names.create(
        zone, a("one.shop.example", "two.shop.example", kind="CNAME"), a("two.shop.example", "three.other.example", kind="CNAME"),
        a("out.shop.example", "www.elsewhere.test", kind="CNAME"), a("loop.shop.example", "loop.shop.example", kind="CNAME"),
    )  # fmt: skip
    names.create(names.zone("other.example"), a("three.other.example", "192.0.2.3"))
    reply = names.ask("one.shop.example")
    assert [each.rdtype.name for each in reply.answer] == ["CNAME", "CNAME", "A"] and str(reply.answer[2][0]) == "192.0.2.3"
    assert [each.rdtype.name for each in names.ask("out.shop.example").answer] == ["CNAME"]
    assert names.ask("loop.shop.example").rcode() == dns.rcode.NOERROR
    assert [each.rdtype.name for each in names.ask("one.shop.example", "CNAME").answer] == ["CNAME"]


def test_a_delegated_name_is_referred_with_glue(names, zone):
    names.create(zone, a("sub.shop.example", "ns1.sub.shop.example", kind="NS"), a("ns1.sub.shop.example", "192.0.2.53"))
    reply = names.ask("deep.sub.shop.example")
    assert not reply.flags & dns.flags.AA and not reply.answer
    assert str(reply.authority[0][0]) == "ns1.sub.shop.example." and str(reply.additional[0][0]) == "192.0.2.53"


def test_the_closest_zone_answers_and_of_two_the_older(names, zone):
    names.create(zone, a("www.shop.example", "192.0.2.1"))
    names.cloud.sleep(1)
    names.create(names.zone("shop.example"), a("www.shop.example", "192.0.2.2"))
    names.create(names.zone("sub.shop.example"), a("www.sub.shop.example", "192.0.2.3"))
    assert names.values("www.shop.example") == ["192.0.2.1"]
    assert names.values("www.sub.shop.example") == ["192.0.2.3"]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("AAAA", "2001:db8::1", "2001:db8::1"),
        ("MX", "10 mail.shop.example", "10 mail.shop.example."),
        ("TXT", '"one" "t\\167o"', '"one" "two"'),
        ("SRV", "1 2 443 www.shop.example", "1 2 443 www.shop.example."),
        ("CAA", '0 issue "ca.example"', '0 issue "ca.example"'),
        ("PTR", "www.shop.example", "www.shop.example."),
        ("NAPTR", '100 50 "s" "http" "" www.shop.example.', '100 50 "s" "http" "" www.shop.example.'),
        ("HTTPS", "1 . alpn=h2", '1 . alpn="h2"'),
        ("DS", "1 8 1 2BB183AF5F22588179A53B0A98631FAD1A292118", "1 8 1 2bb183af5f22588179a53b0a98631fad1a292118"),
    ],
)
def test_every_type_goes_to_the_wire(names, zone, kind, value, shown):
    names.create(zone, a("www.shop.example", value, kind=kind))
    assert names.values("www.shop.example", kind) == [shown]


def test_whoever_asks_for_everything_gets_little(names, zone):
    names.create(zone, a("www.shop.example", "192.0.2.1"))
    reply = names.ask("www.shop.example", "ANY")
    assert [str(each[0]) for each in reply.answer] == ['"RFC8482" ""']


def test_a_large_answer_is_cut_over_udp_and_whole_over_tcp(names, zone):
    names.create(zone, a("big.shop.example", *(f"192.0.2.{n}" for n in range(200))))
    query = dns.message.make_query("big.shop.example", "A").to_wire()
    cut = names.packet(query)
    assert len(cut) <= 512 and dns.message.from_wire(cut).flags & dns.flags.TC
    whole = dns.message.from_wire(names.packet(query, is_tcp=True))
    assert not whole.flags & dns.flags.TC and len(whole.answer[0]) == 200
    wide = names.ask("big.shop.example", use_edns=0, payload=4096)
    assert not wide.flags & dns.flags.TC and len(wide.answer[0]) == 200


def test_what_is_no_query_is_told_so(names, zone):
    transfer = dns.message.make_query("shop.example", "AXFR").to_wire()
    notify = dns.message.make_query("shop.example", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    newer = dns.message.make_query("shop.example", "SOA", use_edns=1)
    assert dns.message.from_wire(names.packet(transfer)).rcode() == dns.rcode.REFUSED
    assert dns.message.from_wire(names.packet(notify.to_wire())).rcode() == dns.rcode.NOTIMP
    assert dns.message.from_wire(names.packet(newer.to_wire())).rcode() == dns.rcode.BADVERS
    assert names.packet(b"\x12\x34") is None
    assert names.packet(b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\x3fwww")[3] & 0x0F == dns.rcode.FORMERR
    assert names.packet(names.packet(notify.to_wire())) is None  # an answer is not answered


# Routing -------------------------------------------------------------------------------------------------------


def test_weights_are_chances_and_zero_is_never(names, zone):
    names.create(
        zone,
        *(a("www.shop.example", f"192.0.2.{n}", SetIdentifier=f"w{n}", Weight=weight) for n, weight in enumerate((3, 1, 0), 1)),
    )
    found = names.distribution("www.shop.example", 800)
    assert found.keys() == {"192.0.2.1", "192.0.2.2"}
    assert 500 < found["192.0.2.1"] < 700  # three in four of 800, by the seeded dice


def test_if_all_weights_are_zero_all_are_equal(names, zone):
    names.create(zone, *(a("www.shop.example", f"192.0.2.{n}", SetIdentifier=f"w{n}", Weight=0) for n in (1, 2)))
    found = names.distribution("www.shop.example", 400)
    assert 150 < found["192.0.2.1"] < 250


def test_an_unhealthy_weight_is_out_and_zero_steps_in_last(names, zone):
    checks = [names.check(IPAddress=f"127.0.0.{n}", Port=80) for n in (1, 2, 3)]
    names.create(zone, *(
        a("www.shop.example", f"192.0.2.{n}", SetIdentifier=f"w{n}", Weight=weight, HealthCheckId=check)
        for n, (weight, check) in enumerate(zip((1, 1, 0), checks), 1)
    ))  # fmt: skip
    names.endpoints.down["127.0.0.1"] = DOWN
    names.cloud.sleep(40)
    assert names.distribution("www.shop.example", 50) == {"192.0.2.2": 50}
    names.endpoints.down["127.0.0.2"] = DOWN
    names.cloud.sleep(40)
    assert names.distribution("www.shop.example", 50) == {"192.0.2.3": 50}
    # When none is healthy all are taken to be: the zero is out again.
    names.endpoints.down["127.0.0.3"] = DOWN
    names.cloud.sleep(40)
    assert names.distribution("www.shop.example", 50).keys() == {"192.0.2.1", "192.0.2.2"}


def test_failover_goes_to_the_secondary_and_back(names, zone):
    check = names.check(IPAddress="127.0.0.1", Port=80)
    names.create(
        zone, a("api.shop.example", "192.0.2.1", SetIdentifier="p", Failover="PRIMARY", HealthCheckId=check),
        a("api.shop.example", "192.0.2.2", SetIdentifier="s", Failover="SECONDARY"),
    )  # fmt: skip
    assert names.values("api.shop.example") == ["192.0.2.1"]
    names.endpoints.down["127.0.0.1"] = DOWN
    names.cloud.sleep(31)
    assert names.values("api.shop.example") == ["192.0.2.2"]
    names.endpoints.down.clear()
    names.cloud.sleep(31)
    assert names.values("api.shop.example") == ["192.0.2.1"]


def test_watchers_see_that_a_name_is_answered_otherwise(names, zone):
    check = names.check(IPAddress="127.0.0.1", Port=80)
    names.create(
        zone, a("api.shop.example", "192.0.2.1", SetIdentifier="p", Failover="PRIMARY", HealthCheckId=check),
        a("api.shop.example", "192.0.2.2", SetIdentifier="s", Failover="SECONDARY"),
    )  # fmt: skip
    names.values("api.shop.example")
    names.endpoints.down["127.0.0.1"] = DOWN
    names.cloud.sleep(31)
    names.values("api.shop.example")
    names.values("api.shop.example")
    seen = [event for event in names.cloud.events if event["kind"] in ("health", "dns")]
    assert [event["kind"] for event in seen] == ["health", "dns"]
    assert (seen[1]["name"], seen[1]["answered"], seen[1]["answers"]) == ("api.shop.example.", ["192.0.2.1"], ["192.0.2.2"])


def test_with_both_down_the_primary_answers(names, zone):
    checks = [names.check(IPAddress=f"127.0.0.{n}", Port=80) for n in (1, 2)]
    names.create(
        zone, a("api.shop.example", "192.0.2.1", SetIdentifier="p", Failover="PRIMARY", HealthCheckId=checks[0]),
        a("api.shop.example", "192.0.2.2", SetIdentifier="s", Failover="SECONDARY", HealthCheckId=checks[1]),
    )  # fmt: skip
    names.endpoints.down |= {"127.0.0.1": DOWN, "127.0.0.2": DOWN}
    names.cloud.sleep(40)
    assert names.values("api.shop.example") == ["192.0.2.1"]


def test_geolocation_prefers_the_smallest_place_that_holds_the_client(names, zone):
    def at(n, **location):
        return a("www.shop.example", f"192.0.2.{n}", SetIdentifier=f"g{n}", GeoLocation=location)

    names.create(zone, at(1, CountryCode="US", SubdivisionCode="VA"), at(2, CountryCode="US"), at(3, ContinentCode="EU"))
    assert names.values("www.shop.example", subnet=AMERICAN) == ["192.0.2.1"]
    assert names.values("www.shop.example", subnet=GERMAN) == ["192.0.2.3"]
    assert names.values("www.shop.example", source=loopback("us-west-2")) == ["192.0.2.2"]
    for stranger in (JAPANESE, NOBODY):
        reply = names.ask("www.shop.example", subnet=stranger)
        assert reply.rcode() == dns.rcode.NOERROR and not reply.answer and reply.authority
    names.create(zone, at(4, CountryCode="*"))
    assert names.values("www.shop.example", subnet=JAPANESE) == names.values("www.shop.example", subnet=NOBODY) == ["192.0.2.4"]


def test_an_unhealthy_place_gives_way_to_the_one_around_it(names, zone):
    check = names.check(IPAddress="127.0.0.1", Port=80)
    names.create(
        zone, a("www.shop.example", "192.0.2.1", SetIdentifier="de", GeoLocation={"CountryCode": "DE"}, HealthCheckId=check),
        a("www.shop.example", "192.0.2.2", SetIdentifier="eu", GeoLocation={"ContinentCode": "EU"}),
    )  # fmt: skip
    names.endpoints.down["127.0.0.1"] = DOWN
    names.cloud.sleep(40)
    assert names.values("www.shop.example", subnet=GERMAN) == ["192.0.2.2"]


def test_latency_follows_the_measured_round_trips(names, zone):
    names.create(zone, *(a("www.shop.example", f"192.0.2.{n}", SetIdentifier=region, Region=region) for n, region in enumerate(("us-east-1", "eu-west-1", "ap-northeast-1"), 1)))
    assert names.values("www.shop.example", subnet=AMERICAN) == ["192.0.2.1"]
    assert names.values("www.shop.example", subnet=GERMAN) == ["192.0.2.2"]
    assert names.values("www.shop.example", subnet=JAPANESE) == ["192.0.2.3"]
    # A client of unknown place is taken to be at the cloud's own region, us-east-1.
    assert names.values("www.shop.example", subnet=NOBODY) == ["192.0.2.1"]


def test_geoproximity_is_distance_bent_by_a_bias(names, zone):
    def near(n, bias, **place):
        return a("www.shop.example", f"192.0.2.{n}", SetIdentifier=f"p{n}", GeoProximityLocation={**place, "Bias": bias})

    paris = {"Coordinates": {"Latitude": "48.85", "Longitude": "2.35"}}
    names.create(zone, near(1, 0, AWSRegion="us-east-1"), near(2, 0, **paris))
    assert names.values("www.shop.example", subnet=GERMAN) == ["192.0.2.2"]
    assert names.values("www.shop.example", subnet=AMERICAN) == ["192.0.2.1"]
    # Frankfurt to Virginia is about 6,550 km, to Paris 470: with -95 the latter counts as 9,500.
    names.arrived(names.change(zone, ("UPSERT", near(2, -95, **paris))))
    assert names.values("www.shop.example", subnet=GERMAN) == ["192.0.2.1"]


def test_multivalue_answers_up_to_eight_healthy_records(names, zone):
    check = names.check(IPAddress="127.0.0.1", Port=80)
    names.create(zone, *(
        a("www.shop.example", f"192.0.2.{n}", SetIdentifier=f"m{n}", MultiValueAnswer=True, **({"HealthCheckId": check} if n == 1 else {}))
        for n in range(1, 11)
    ))  # fmt: skip
    seen = [set(names.values("www.shop.example")) for _ in range(60)]
    assert all(len(each) == 8 for each in seen) and len(set().union(*seen)) == 10
    names.endpoints.down["127.0.0.1"] = DOWN
    names.cloud.sleep(40)
    assert not any("192.0.2.1" in names.values("www.shop.example") for _ in range(30))


def test_blocks_of_a_collection_route_by_the_client_s_subnet(names, zone):
    made = names.client.create_cidr_collection(Name="offices", CallerReference="c")["Collection"]
    names.client.change_cidr_collection(Id=made["Id"], Changes=[
        {"LocationName": "tokyo", "Action": "PUT", "CidrList": ["203.0.113.0/24"]},
        {"LocationName": "asia", "Action": "PUT", "CidrList": ["203.0.0.0/16"]},
    ])  # fmt: skip
    assert names.client.list_cidr_collections()["CidrCollections"][0]["Version"] == 2
    names.create(zone, *(
        a("www.shop.example", f"192.0.2.{n}", SetIdentifier=location, CidrRoutingConfig={"CollectionId": made["Id"], "LocationName": location})
        for n, location in enumerate(("tokyo", "asia", "*"), 1)
    ))  # fmt: skip
    assert names.values("www.shop.example", subnet=JAPANESE) == ["192.0.2.1"]
    assert names.values("www.shop.example", subnet="203.0.99.0/24") == ["192.0.2.2"]
    assert names.values("www.shop.example", subnet=NOBODY) == ["192.0.2.3"]


def test_an_alias_is_followed_through_other_policies(names, zone):
    checks = [names.check(IPAddress=f"127.0.0.{n}", Port=80) for n in (1, 2)]
    names.create(
        zone,
        *(a("us.shop.example", f"192.0.2.{n}", SetIdentifier=f"u{n}", Weight=1, HealthCheckId=check) for n, check in enumerate(checks, 1)),
        a("eu.shop.example", "192.0.2.9", ttl=5),
        alias("www.shop.example", "us.shop.example", zone, SetIdentifier="us", Region="us-east-1"),
        alias("www.shop.example", "eu.shop.example", zone, SetIdentifier="eu", Region="eu-west-1"),
    )
    assert names.distribution("www.shop.example", 50, subnet=AMERICAN).keys() == {"192.0.2.1", "192.0.2.2"}
    reply = names.ask("www.shop.example", subnet=GERMAN)
    # The answer bears the asked name and the target's time to live.
    assert str(reply.answer[0].name) == "www.shop.example." and reply.answer[0].ttl == 5
    names.endpoints.down |= {"127.0.0.1": DOWN, "127.0.0.2": DOWN}
    names.cloud.sleep(40)
    assert names.values("www.shop.example", subnet=AMERICAN) == ["192.0.2.9"]


def test_aliases_that_lead_in_circles_answer_nothing_and_soon(names, zone):
    names.create(zone, *(
        alias(f"{one}.shop.example", f"{other}.shop.example", zone, SetIdentifier=str(n), Weight=1)
        for one, other in ("ab", "ba", "cc") for n in range(5)
    ))  # fmt: skip
    for name in "abc":
        reply = names.ask(f"{name}.shop.example")
        assert reply.rcode() == dns.rcode.NOERROR and not reply.answer


def test_an_alias_that_does_not_evaluate_its_target_stays(names, zone):
    check = names.check(IPAddress="127.0.0.1", Port=80)
    names.create(
        zone, a("us.shop.example", "192.0.2.1", SetIdentifier="u", Weight=1, HealthCheckId=check), a("eu.shop.example", "192.0.2.9"),
        alias("www.shop.example", "us.shop.example", zone, evaluate=False, SetIdentifier="p", Failover="PRIMARY"),
        alias("www.shop.example", "eu.shop.example", zone, SetIdentifier="s", Failover="SECONDARY"),
    )  # fmt: skip
    names.endpoints.down["127.0.0.1"] = DOWN
    names.cloud.sleep(40)
    assert names.values("www.shop.example") == ["192.0.2.1"]


def test_an_alias_to_an_endpoint_answers_the_region_s_address(names, zone):
    names.create(
        zone, alias("api.shop.example", "d-abcdef.execute-api.eu-west-1.amazonaws.com", "ZLY8HYME6SFDD"),
        alias("site.shop.example", "s3-website-us-east-1.amazonaws.com", "Z3AQBSTGFJSTF"),
        a("q.shop.example", "sqs.us-west-2.amazonaws.com", kind="CNAME"),
    )  # fmt: skip
    assert names.values("api.shop.example") == [loopback("eu-west-1")]
    assert names.values("site.shop.example") == [loopback("us-east-1")]
    assert names.values("q.shop.example") == [loopback("us-west-2")]
    assert names.values("d-abcdef.execute-api.eu-west-1.amazonaws.com") == [loopback("eu-west-1")]


# The client's subnet -------------------------------------------------------------------------------------------


def scope(reply) -> tuple[str, int, int]:
    (option,) = [option for option in reply.options if option.otype == dns.edns.OptionType.ECS]
    return option.address, option.srclen, option.scopelen


def test_the_answer_says_for_how_much_of_the_subnet_it_holds(names, zone):
    names.create(
        zone, a("plain.shop.example", "192.0.2.1"), a("geo.shop.example", "192.0.2.1", SetIdentifier="us", GeoLocation={"CountryCode": "US"}),
    )  # fmt: skip
    assert scope(names.ask("plain.shop.example", subnet="192.0.2.0/28")) == ("192.0.2.0", 28, 0)
    assert scope(names.ask("geo.shop.example", subnet="192.0.2.0/28")) == ("192.0.2.0", 28, 24)
    assert scope(names.ask("geo.shop.example", subnet="8.8.0.0/20")) == ("8.8.0.0", 20, 20)
    assert names.values("geo.shop.example", subnet="2001:db8:1::/56") == ["192.0.2.1"]
    assert not names.ask("geo.shop.example").options


def test_a_resolver_that_hides_its_client_is_nobody(names, zone):
    names.create(zone, a("geo.shop.example", "192.0.2.1", SetIdentifier="us", GeoLocation={"CountryCode": "US"}))
    assert names.values("geo.shop.example", subnet="0.0.0.0/0", source=loopback("us-east-1")) == []
    assert names.values("geo.shop.example", source=loopback("us-east-1")) == ["192.0.2.1"]


def test_where_clients_are_may_be_said_in_a_file(make_cloud, tmp_path):
    table = tmp_path / "places.csv"
    table.write_text("# subnet,country,state,region\n8.8.8.0/24,FR,,\n9.9.9.0/24,US,CA,us-west-1\n")
    names = Names(make_cloud("us-east-1", GLOBAL, EDGE, places=str(table)))
    zone = names.zone()
    names.create(zone, *(a("www.shop.example", f"192.0.2.{n}", SetIdentifier=code, GeoLocation={"CountryCode": code}) for n, code in enumerate(("FR", "US"), 1)))
    assert names.values("www.shop.example", subnet="8.8.8.0/24") == ["192.0.2.1"]
    assert names.values("www.shop.example", subnet="9.9.9.0/24") == ["192.0.2.2"]
    assert names.values("www.shop.example", subnet=AMERICAN) == []


# TestDNSAnswer -------------------------------------------------------------------------------------------------


def test_test_dns_answer_asks_the_name_servers(names, zone):
    names.create(
        zone, a("www.shop.example", "192.0.2.1", SetIdentifier="us", GeoLocation={"CountryCode": "US"}),
        a("www.shop.example", "192.0.2.2", SetIdentifier="de", GeoLocation={"CountryCode": "DE"}),
    )  # fmt: skip

    def tested(name="www.shop.example", **more):
        return names.client.test_dns_answer(HostedZoneId=zone, RecordName=name, RecordType="A", **more)

    first = tested()
    # Unless told, it asks from us-east-1: https://docs.aws.amazon.com/Route53/latest/APIReference/API_TestDNSAnswer.html
    assert (first["RecordData"], first["ResponseCode"], first["Protocol"]) == (["192.0.2.1"], "NOERROR", "UDP")
    assert first["Nameserver"] in names.client.get_hosted_zone(Id=zone)["DelegationSet"]["NameServers"]
    assert tested(ResolverIP="198.51.100.7")["RecordData"] == ["192.0.2.2"]
    assert tested(EDNS0ClientSubnetIP="198.51.100.0", EDNS0ClientSubnetMask="24")["RecordData"] == ["192.0.2.2"]
    assert tested(EDNS0ClientSubnetIP="8.8.8.0")["RecordData"] == []
    assert tested("nothing.shop.example")["ResponseCode"] == "NXDOMAIN"


def test_locations_are_those_of_route_53(names):
    assert names.client.get_geo_location(CountryCode="US", SubdivisionCode="CA")["GeoLocationDetails"] == {
        "CountryCode": "US", "CountryName": "United States", "SubdivisionCode": "CA", "SubdivisionName": "California",
    }  # fmt: skip
    with pytest.raises(names.client.exceptions.NoSuchGeoLocation):
        names.client.get_geo_location(CountryCode="XX")
    first = names.client.list_geo_locations(MaxItems="1")
    assert first["GeoLocationDetailsList"] == [{"CountryCode": "*", "CountryName": "Default"}] and first["NextContinentCode"] == "AF"


# Failure -------------------------------------------------------------------------------------------------------


def test_names_resolve_while_the_control_plane_is_dead(names, zone):
    names.create(zone, a("www.shop.example", "192.0.2.1"))
    names.cloud.kill(GLOBAL)
    assert names.values("www.shop.example") == ["192.0.2.1"]
    names.restart_edge()
    assert names.values("www.shop.example") == ["192.0.2.1"]


def test_name_servers_can_be_made_to_fail(names, zone):
    names.create(zone, a("www.shop.example", "192.0.2.1"), a("other.shop.example", "192.0.2.1"))
    fault = names.cloud.fault("dns.fail", {"record": "www.shop.example"}, mode="SERVFAIL")
    assert names.ask("www.shop.example").rcode() == dns.rcode.SERVFAIL
    assert names.values("other.shop.example") == ["192.0.2.1"]
    names.cloud.heal(fault)
    assert names.values("www.shop.example") == ["192.0.2.1"]
    names.cloud.fault("dns.fail", {"resolver": "127.0.0.9"}, mode="timeout")
    query = dns.message.make_query("www.shop.example", "A").to_wire()
    assert names.packet(query, source="127.0.0.9") is None and names.packet(query) is not None


def test_stale_servers_go_on_with_what_they_said(names, zone):
    names.create(zone, a("www.shop.example", "192.0.2.1"))
    assert names.values("www.shop.example") == ["192.0.2.1"]
    fault = names.cloud.fault("dns.fail", {"record": "*"}, mode="stale")
    names.arrived(names.change(zone, ("UPSERT", a("www.shop.example", "192.0.2.2"))))
    assert names.values("www.shop.example") == ["192.0.2.1"]
    names.cloud.heal(fault)
    assert names.values("www.shop.example") == ["192.0.2.2"]
