"""Hosted zones, change batches and their refusals, as Route 53 words them."""

from __future__ import annotations

import json
import shutil

import pytest
from refusals import refused
from route53_workshop import Names, a, alias

from kumoniwa.gate.address import EDGE, GLOBAL


@pytest.fixture
def names(make_cloud) -> Names:
    return Names(make_cloud("us-east-1", GLOBAL, EDGE))


# Zones ---------------------------------------------------------------------------------------------------------


def test_a_zone_is_made_with_four_name_servers_and_its_two_records(names):
    made = names.client.create_hosted_zone(Name="Shop.Example", CallerReference="one", HostedZoneConfig={"Comment": "the shop"})
    zone = made["HostedZone"]
    assert zone["Name"] == "shop.example." and zone["ResourceRecordSetCount"] == 2
    assert zone["Config"] == {"Comment": "the shop", "PrivateZone": False}
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["Location"] == f"https://route53.amazonaws.com/2013-04-01{zone['Id']}"
    servers = made["DelegationSet"]["NameServers"]
    assert len(servers) == 4 and {server.rpartition(".")[2] for server in servers} == {"com", "net", "org", "uk"}
    records = names.client.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    assert [(r["Type"], r["TTL"]) for r in records] == [("NS", 172800), ("SOA", 900)]
    assert records[1]["ResourceRecords"][0]["Value"] == f"{servers[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"


def test_a_caller_reference_makes_one_zone(names):
    names.client.create_hosted_zone(Name="shop.example", CallerReference="one")
    # https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html
    assert refused(names.client.create_hosted_zone, Name="other.example", CallerReference="one") == (
        "HostedZoneAlreadyExists",
        "A hosted zone has already been created with the specified caller reference.",
    )


def test_a_private_zone_is_refused_by_name(names):
    code, text = refused(
        names.client.create_hosted_zone, Name="x.example", CallerReference="v", VPC={"VPCRegion": "us-east-1", "VPCId": "vpc-1"}
    )
    assert code == "NotImplemented" and "route53:CreateHostedZone(VPC)" in text
    code, text = refused(names.client.create_hosted_zone, Name="x.example", CallerReference="v", HostedZoneConfig={"PrivateZone": True})
    assert code == "InvalidInput" and "VPCId" in text


def test_a_zone_is_deleted_when_only_its_own_records_are_left(names):
    zone = names.zone()
    names.create(zone, a("www.shop.example", "192.0.2.1"))
    assert refused(names.client.delete_hosted_zone, Id=zone)[0] == "HostedZoneNotEmpty"
    names.change(zone, ("DELETE", a("www.shop.example", "192.0.2.1")))
    names.arrived(names.client.delete_hosted_zone(Id=zone)["ChangeInfo"])
    assert refused(names.client.get_hosted_zone, Id=zone) == ("NoSuchHostedZone", f"No hosted zone found with ID: {zone}")
    assert names.ask("shop.example", "SOA").rcode() == 5  # REFUSED: nobody's zone


def test_zones_are_listed_by_name_with_labels_reversed(names):
    for name in ("b.example", "a.b.example", "a.example", "z.net"):
        names.zone(name)
    found = names.client.list_hosted_zones_by_name(MaxItems="3")
    assert [zone["Name"] for zone in found["HostedZones"]] == ["a.example.", "b.example.", "a.b.example."]
    assert found["IsTruncated"] and found["NextDNSName"] == "z.net."
    rest = names.client.list_hosted_zones_by_name(DNSName=found["NextDNSName"], HostedZoneId=found["NextHostedZoneId"])
    assert [zone["Name"] for zone in rest["HostedZones"]] == ["z.net."]
    assert names.client.get_hosted_zone_count()["HostedZoneCount"] == 4


def test_zones_are_paged_by_marker(names):
    for number in range(5):
        names.zone(f"z{number}.example")
    pages = names.client.get_paginator("list_hosted_zones").paginate(PaginationConfig={"PageSize": 2})
    assert sorted(zone["Name"] for page in pages for zone in page["HostedZones"]) == [f"z{number}.example." for number in range(5)]


def test_a_reusable_delegation_set_gives_zones_the_same_servers(names):
    made = names.client.create_reusable_delegation_set(CallerReference="set")["DelegationSet"]
    zone = names.client.create_hosted_zone(Name="a.example", CallerReference="a", DelegationSetId=made["Id"])
    assert zone["DelegationSet"]["NameServers"] == made["NameServers"] and zone["DelegationSet"]["Id"] == made["Id"]
    code, _ = refused(names.client.create_hosted_zone, Name="x.a.example", CallerReference="x", DelegationSetId=made["Id"])
    assert code == "ConflictingDomainExists"
    assert refused(names.client.delete_reusable_delegation_set, Id=made["Id"])[0] == "DelegationSetInUse"
    limit = names.client.get_reusable_delegation_set_limit(Type="MAX_ZONES_BY_REUSABLE_DELEGATION_SET", DelegationSetId=made["Id"])
    assert (limit["Count"], limit["Limit"]["Value"]) == (1, 100)


def test_tags_are_kept_with_zones_and_checks(names):
    zone, check = names.zone(), names.check(IPAddress="127.0.0.1", Port=8080)
    for kind, resource in (("hostedzone", zone), ("healthcheck", check)):
        names.client.change_tags_for_resource(ResourceType=kind, ResourceId=resource, AddTags=[{"Key": "team", "Value": "shop"}, {"Key": "x"}])
        names.client.change_tags_for_resource(ResourceType=kind, ResourceId=resource, RemoveTagKeys=["x"])
        found = names.client.list_tags_for_resource(ResourceType=kind, ResourceId=resource)["ResourceTagSet"]
        assert found == {"ResourceType": kind, "ResourceId": resource, "Tags": [{"Key": "team", "Value": "shop"}]}
    both = names.client.list_tags_for_resources(ResourceType="hostedzone", ResourceIds=[zone])["ResourceTagSets"]
    assert [each["ResourceId"] for each in both] == [zone]
    assert refused(names.client.list_tags_for_resource, ResourceType="hostedzone", ResourceId="Z404")[0] == "NoSuchHostedZone"


def test_a_zone_is_its_account_s_and_its_names_are_everybody_s(names):
    names.create(names.zone(), a("www.shop.example", "192.0.2.1"))
    mine = names.client.list_hosted_zones()["HostedZones"][0]["Id"]
    names.client = names.cloud.client("route53", key="222222222222")
    assert names.client.list_hosted_zones()["HostedZones"] == []
    assert refused(names.client.get_hosted_zone, Id=mine)[0] == "NoSuchHostedZone"
    names.cloud.sleep(1)
    names.create(names.zone(), a("www.shop.example", "192.0.2.2"))
    names.create(names.zone("other.example"), a("www.other.example", "192.0.2.3"))
    assert names.values("www.shop.example") == ["192.0.2.1"] and names.values("www.other.example") == ["192.0.2.3"]


def test_limits_are_told(names):
    zone = names.zone()
    assert names.client.get_dnssec(HostedZoneId=zone)["Status"] == {"ServeSignature": "NOT_SIGNING"}
    assert names.client.get_account_limit(Type="MAX_HOSTED_ZONES_BY_OWNER")["Count"] == 1
    assert names.client.get_hosted_zone_limit(Type="MAX_RRSETS_BY_ZONE", HostedZoneId=zone)["Limit"]["Value"] == 10_000


# Change batches ------------------------------------------------------------------------------------------------


def test_a_change_is_pending_until_the_name_servers_have_it(names):
    zone = names.zone()
    names.cloud.kill(EDGE)
    info = names.change(zone, ("CREATE", a("www.shop.example", "192.0.2.1")), comment="first")
    assert info["Status"] == "PENDING" and info["Comment"] == "first"
    names.cloud.sleep(60)
    assert names.client.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "PENDING"
    names.cloud.region(EDGE)
    names.cloud.sleep(5)
    assert names.client.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "INSYNC"
    assert names.values("www.shop.example") == ["192.0.2.1"]
    assert refused(names.client.get_change, Id="C404") == ("NoSuchChange", "Could not find resource with ID: C404")


def test_at_real_pace_a_change_takes_half_a_minute(make_cloud):
    names = Names(make_cloud("us-east-1", GLOBAL, EDGE, pace="real"))
    zone = names.zone()
    info = names.change(zone, ("CREATE", a("www.shop.example", "192.0.2.1")))
    names.cloud.sleep(25)
    assert names.client.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "PENDING"
    names.cloud.sleep(10)
    assert names.client.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "INSYNC"


def test_a_batch_is_all_or_nothing_and_says_all_that_is_wrong(names):
    zone = names.zone()
    names.create(zone, a("old.shop.example", "192.0.2.1"))
    code, text = refused(
        names.change, zone,
        ("CREATE", a("new.shop.example", "192.0.2.1")),
        ("CREATE", a("old.shop.example", "192.0.2.2")),
        ("CREATE", a("www.other.example", "192.0.2.2")),
        ("DELETE", a("gone.shop.example", "192.0.2.2")),
        ("DELETE", a("old.shop.example", "192.0.2.9")),
    )  # fmt: skip
    assert code == "InvalidChangeBatch"
    assert text == (
        "[Tried to create resource record set [name='old.shop.example.', type='A'] but it already exists, "
        "RRSet with DNS name www.other.example. is not permitted in zone shop.example., "
        "Tried to delete resource record set [name='gone.shop.example.', type='A'] but it was not found, "
        "Tried to delete resource record set [name='old.shop.example.', type='A'] but the values provided do not match the current values]"
    )
    assert names.client.get_hosted_zone(Id=zone)["HostedZone"]["ResourceRecordSetCount"] == 3


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"Name": "www.shop.example", "Type": "A"}, "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none in Change with [Action=CREATE, Name=www.shop.example, Type=A, SetIdentifier=null]"),
        (a("www.shop.example", "192.0.2.1", Weight=1), "Missing field 'SetIdentifier' in Change with [Action=CREATE, Name=www.shop.example, Type=A, SetIdentifier=null]"),
        (a("www.shop.example", "192.0.2.1", SetIdentifier="s"), "Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer, GeoProximityLocation, or CidrRoutingConfig], but found none in Change with [Action=CREATE, Name=www.shop.example, Type=A, SetIdentifier=s]"),
    ],
)  # fmt: skip
def test_a_change_of_the_wrong_shape_is_invalid_input(names, record, text):
    assert refused(names.change, names.zone(), ("CREATE", record)) == ("InvalidInput", f"Invalid request: {text}")


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (a("www.shop.example", "1.2.3"), "[Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '1.2.3'']"),
        (a("www.shop.example", "1.2.3.4", kind="AAAA"), "[Invalid Resource Record: 'FATAL problem: AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address) encountered with '1.2.3.4'']"),
        (a("www.shop.example", "plain", kind="TXT"), "[Invalid Resource Record: 'FATAL problem: InvalidCharacterString (Value should be enclosed in quotation marks) encountered with 'plain'']"),
        (a("www.shop.example", "one two", kind="MX"), None),
        (a("www.shop.example", "192.0.2.1", "192.0.2.1"), "[Duplicate Resource Record: '192.0.2.1']"),
        (a("shop.example", "other.example", kind="CNAME"), "[RRSet of type CNAME with DNS name shop.example. is not permitted at apex in zone shop.example.]"),
        (a("a" * 64 + ".shop.example", "192.0.2.1"), f"[FATAL problem: DomainLabelTooLong (Domain label is too long) encountered with '{'a' * 64}']"),
        (alias("www.shop.example", "api.shop.example", "Z00000000000000"), "[Tried to create an alias that targets api.shop.example., type A in zone Z00000000000000, but the alias target name does not lie within the target zone]"),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_is_refused(names, record, text):
    code, said = refused(names.change, names.zone(), ("CREATE", record))
    assert code == "InvalidChangeBatch" and (text is None or said == text)


def test_a_canonical_name_stands_alone(names):
    zone = names.zone()
    names.create(zone, a("one.shop.example", "192.0.2.1"), a("two.shop.example", "one.shop.example", kind="CNAME"))
    assert refused(names.change, zone, ("CREATE", a("one.shop.example", "two.shop.example", kind="CNAME")))[1] == (
        "[RRSet of type CNAME with DNS name one.shop.example. is not permitted as it conflicts with other records "
        "with the same DNS name in zone shop.example.]"
    )
    # With two spaces: https://github.com/kubernetes-sigs/external-dns/issues/1517
    assert refused(names.change, zone, ("CREATE", a("two.shop.example", '"x"', kind="TXT")))[1] == (
        "[RRSet of type TXT with DNS name two.shop.example. is not permitted because a conflicting RRSet of type  CNAME "
        "with the same DNS name already exists in zone shop.example.]"
    )


def test_the_records_of_the_zone_itself_stay(names):
    zone = names.zone()
    ns, soa = names.client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert refused(names.change, zone, ("DELETE", ns))[1] == "[A HostedZone must contain at least one NS record for the zone itself.]"
    assert refused(names.change, zone, ("DELETE", soa))[1] == "[A HostedZone must contain exactly one SOA record.]"
    names.change(zone, ("UPSERT", {**soa, "TTL": 60}))
    assert names.client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"][1]["TTL"] == 60


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        ({"Weight": 1}, {}, "RRSet with DNS name www.shop.example., type A cannot be created as other RRSets exist with the same name and type."),
        ({"Region": "us-east-1"}, {"Weight": 1}, "RRSet with DNS name www.shop.example., type A, SetIdentifier two cannot be created as a non-weighted set exists with the same name and type."),
        ({"Weight": 1}, {"Region": "eu-west-2"}, "RRSet with DNS name www.shop.example., type A, SetIdentifier two, and Region Name=eu-west-2 cannot be created because a non-latency RRSet with the same name and type already exists."),
        ({"Region": "us-east-1"}, {"GeoLocation": {"ContinentCode": "NA"}}, "RRSet with DNS name www.shop.example., type A, SetIdentifier two, and routing to [continent = (NA, North America)] cannot be created because a non-GEO RRSet with the same name and type already exists"),
        ({"Weight": 1}, {"MultiValueAnswer": True}, "RRSet with DNS name www.shop.example., type A, SetIdentifier two cannot be created because a non multivalue answer rrset exists with the same name and type."),
    ],
)  # fmt: skip
def test_policies_do_not_mix(names, first, second, text):
    # Sources of the texts stand in services/route53/policy.py.
    zone = names.zone()
    names.create(zone, a("www.shop.example", "192.0.2.1", SetIdentifier="one", **first))
    more = {"SetIdentifier": "two", **second} if second else {}
    assert refused(names.change, zone, ("CREATE", a("www.shop.example", "192.0.2.2", **more)))[1] == f"[{text}]"


def test_weighted_records_share_their_ttl(names):
    zone = names.zone()
    names.create(zone, a("www.shop.example", "192.0.2.1", ttl=60, SetIdentifier="one", Weight=1))
    # https://github.com/aws/aws-sdk-go-v2/issues/518
    assert refused(names.change, zone, ("CREATE", a("www.shop.example", "192.0.2.2", ttl=30, SetIdentifier="two", Weight=1)))[1] == (
        "[RRSet with DNS name www.shop.example. and type A, SetIdentifier two cannot be created as weighted sets must contain the same TTL.]"
    )


def test_an_alias_names_what_another_change_of_the_batch_makes(names):
    zone = names.zone()
    names.create(zone, alias("shop.example", "www.shop.example", zone), a("www.shop.example", "192.0.2.7"))
    assert names.values("shop.example") == ["192.0.2.7"]
    assert refused(names.change, zone, ("CREATE", alias("x.shop.example", "y.shop.example", zone)))[1] == (
        f"[Tried to create an alias that targets y.shop.example., type A in zone {zone}, but that target was not found]"
    )


def test_an_alias_to_an_endpoint_needs_aws_own_zone(names):
    zone = names.zone()
    target = "d-abcdef.execute-api.us-east-1.amazonaws.com"
    code, text = refused(names.change, zone, ("CREATE", alias("x.shop.example", target, "Z2OJLYMUO9EFXC")))
    assert code == "InvalidChangeBatch" and text.endswith("but the alias target name does not lie within the target zone]")
    code, text = refused(names.change, zone, ("CREATE", alias("x.shop.example", "lb-1.elb.us-east-1.amazonaws.com", "Z35SXDOTRQ7X7K")))
    assert code == "NotImplemented" and "lb-1.elb.us-east-1.amazonaws.com" in text
    names.create(zone, alias("x.shop.example", target, "Z1UJRXOUMOOFQ8"))
    assert len(names.values("x.shop.example")) == 1
    names.create(zone, alias("y.shop.example", "dualstack.web-1123.us-east-1.elb.localhost", "Z35SXDOTRQ7X7K"))
    assert names.values("y.shop.example") == names.values("x.shop.example")


def test_records_are_listed_with_labels_reversed_and_escapes_shown(names):
    zone = names.zone()
    names.create(
        zone, a("b.shop.example", "192.0.2.1"), a("a.b.shop.example", "192.0.2.1"), a("*.shop.example", "192.0.2.1"),
        a("a.shop.example", '"x"', kind="TXT"), a("a.shop.example", "192.0.2.1"),
    )  # fmt: skip
    found = names.client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert [(r["Name"], r["Type"]) for r in found] == [
        ("shop.example.", "NS"), ("shop.example.", "SOA"), ("\\052.shop.example.", "A"), ("a.shop.example.", "A"), ("a.shop.example.", "TXT"),
        ("b.shop.example.", "A"), ("a.b.shop.example.", "A"),
    ]  # fmt: skip
    first = names.client.list_resource_record_sets(HostedZoneId=zone, MaxItems="4")
    assert first["IsTruncated"] and (first["NextRecordName"], first["NextRecordType"]) == ("a.shop.example.", "TXT")
    pages = names.client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone, PaginationConfig={"PageSize": 2})
    assert [r["Name"] for page in pages for r in page["ResourceRecordSets"]] == [r["Name"] for r in found]
    assert refused(names.client.list_resource_record_sets, HostedZoneId=zone, StartRecordType="A")[0] == "InvalidInput"


def test_a_batch_has_its_limits(names):
    zone = names.zone()
    many = [("UPSERT", a(f"n{number}.shop.example", "192.0.2.1")) for number in range(501)]
    assert refused(names.change, zone, *many)[0] == "InvalidChangeBatch"
    names.change(zone, *many[:500])
    long = [("CREATE", a(f"t{number}.shop.example", '"' + "x" * 250 + '"', kind="TXT")) for number in range(130)]
    assert refused(names.change, zone, *long)[1] == "Number of characters limit of 32000 exceeded."


def test_nothing_acknowledged_is_lost_when_both_planes_are_killed(names):
    zone = names.zone()
    names.create(zone, a("www.shop.example", "192.0.2.1"))
    info = names.change(zone, ("UPSERT", a("www.shop.example", "192.0.2.2")))
    names.cloud.restart(GLOBAL, kill=True)
    names.cloud.restart(EDGE, kill=True)
    names.arrived(info)
    assert names.values("www.shop.example") == ["192.0.2.2"]


def test_an_edge_that_lost_its_disk_is_given_everything_again(names):
    zone = names.zone()
    check = names.check(IPAddress="127.0.0.1", Port=8080)
    names.create(zone, *(a(f"n{number}.shop.example", "192.0.2.1") for number in range(600)))
    names.cloud.kill(EDGE)
    shutil.rmtree(f"{names.cloud.folder}/{EDGE}")
    names.cloud.region(EDGE)
    names.cloud.sleep(10)
    assert names.values("n599.shop.example") == ["192.0.2.1"]
    assert names.edge.verdicts.is_healthy(check) and check in names.edge.verdicts.watched


def test_a_batch_may_replace_a_record_set_and_not_change_it_twice(names):
    zone, record = names.zone(), a("www.shop.example", "192.0.2.1")
    names.create(zone, record)
    names.change(zone, ("DELETE", record), ("CREATE", a("www.shop.example", "192.0.2.2")))
    # https://github.com/kubernetes-sigs/external-dns/issues/4241
    assert refused(names.change, zone, ("UPSERT", a("www.shop.example", "192.0.2.3")), ("UPSERT", a("www.shop.example", "192.0.2.4")))[1] == (
        "[The request contains an invalid set of changes for a resource record set 'A www.shop.example.']"
    )


def test_a_name_is_what_route_53_can_host(names):
    zone = names.zone()
    # Of an unsupported character the character is told: getmoto/moto, test_list_resource_record_set_invalid_start_record_name
    assert refused(names.change, zone, ("CREATE", a("i d.shop.example", "192.0.2.1")))[1] == (
        "[FATAL problem: UnsupportedCharacter (Value contains unsupported characters) encountered with ' ']"
    )
    names.create(zone, a("i\\134td.shop.example", "192.0.2.1"), a("国.shop.example", "192.0.2.2"))
    found = [record["Name"] for record in names.client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]]
    assert found[2:] == ["\\345\\233\\275.shop.example.", "i\\134td.shop.example."]


def test_an_id_with_its_prefix_is_nobody_s_where_a_bare_one_is_asked_for(names):
    # Verified against AWS by getmoto/moto, test_hosted_zone_id_in_change_tags
    zone = names.zone()
    code, _ = refused(
        names.client.change_tags_for_resource, ResourceType="hostedzone", ResourceId=f"/hostedzone/{zone}", AddTags=[{"Key": "a", "Value": "b"}]
    )
    assert code == "NoSuchHostedZone"


def test_a_page_has_a_hundred_record_sets_unless_asked_for_more(names):
    # Recorded from AWS: localstack/localstack, tests/aws/services/route53, "MaxItems": "100"
    zone = names.zone()
    names.create(zone, *(a(f"n{number}.shop.example", "192.0.2.1") for number in range(150)))
    first = names.client.list_resource_record_sets(HostedZoneId=zone)
    assert first["MaxItems"] == "100" and len(first["ResourceRecordSets"]) == 100
    assert len(names.client.list_resource_record_sets(HostedZoneId=zone, MaxItems="1000")["ResourceRecordSets"]) == 152


# Who may --------------------------------------------------------------------------------------------------------


def test_a_policy_may_allow_single_names_types_and_actions(names):
    # https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html
    zone = names.zone()
    iam = names.cloud.client("iam")
    iam.create_user(UserName="acme")
    condition = {"ForAllValues:StringEquals": {
        "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["_acme-challenge.shop.example"],
        "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"],
        "route53:ChangeResourceRecordSetsActions": ["CREATE", "UPSERT"],
    }}  # fmt: skip
    statement = {"Effect": "Allow", "Action": "route53:ChangeResourceRecordSets", "Resource": f"arn:aws:route53:::hostedzone/{zone}", "Condition": condition}
    iam.put_user_policy(UserName="acme", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    key = iam.create_access_key(UserName="acme")["AccessKey"]
    names.client = names.cloud.client("route53", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    challenge = a("_ACME-challenge.shop.example.", '"x"', kind="TXT")
    names.change(zone, ("UPSERT", challenge))
    for change in (("DELETE", challenge), ("UPSERT", a("_acme-challenge.shop.example", "192.0.2.1")), ("UPSERT", a("www.shop.example", '"x"', kind="TXT"))):
        code, text = refused(names.change, zone, change)
        assert code == "AccessDenied" and f"arn:aws:route53:::hostedzone/{zone}" in text
    assert refused(names.client.get_hosted_zone, Id=zone)[0] == "AccessDenied"
