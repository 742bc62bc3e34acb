"""The name servers of a real cloud: asked over sockets and by the resolver door, with either half of Route 53 dead."""

import socket

import dns.edns
import dns.exception
import dns.message
import dns.query
import pytest

from cloud.conftest import eventually
from kumoniwa.aws.regions import loopback

API = "d-abcdef.execute-api.eu-west-1.amazonaws.com"


@pytest.fixture(scope="module")
def zone(shared):
    client = shared.client("route53")
    made = client.create_hosted_zone(Name="shop.example", CallerReference="names")["HostedZone"]["Id"]

    def geo(value, code):
        return {"Name": "www.shop.example", "Type": "A", "TTL": 7, "SetIdentifier": code, "GeoLocation": {"CountryCode": code},
                "ResourceRecords": [{"Value": value}]}  # fmt: skip

    target = {"DNSName": API, "HostedZoneId": "ZLY8HYME6SFDD", "EvaluateTargetHealth": True}
    records = [geo("192.0.2.1", "US"), geo("192.0.2.2", "DE"), {"Name": "api.shop.example", "Type": "A", "AliasTarget": target}]
    changes = [{"Action": "CREATE", "ResourceRecordSet": each} for each in records]
    info = client.change_resource_record_sets(HostedZoneId=made, ChangeBatch={"Changes": changes})["ChangeInfo"]
    assert eventually(lambda: client.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "INSYNC")
    return made


def ask(cloud, name, subnet="", over=dns.query.udp):
    query = dns.message.make_query(name, "A")
    if subnet:
        query.use_edns(0, 0, 1232, options=[dns.edns.ECSOption(subnet, 24)])
    reply = over(query, "127.0.0.1", port=cloud.admin("GET", "health")[1]["dns_port"], timeout=5)
    return [str(datum) for each in reply.answer for datum in each]


def resolved(cloud, query):
    status, body = cloud.admin("GET", f"resolve?{query}")
    assert status == 200, body
    return body


def test_names_are_answered_over_udp_and_tcp(shared, zone):
    assert ask(shared, "www.shop.example", "192.0.2.0") == ["192.0.2.1"]
    assert ask(shared, "www.shop.example", "198.51.100.0", dns.query.tcp) == ["192.0.2.2"]
    assert ask(shared, "api.shop.example") == [loopback("eu-west-1")]


def test_the_resolver_door_tells_how_it_came_to_its_answer(shared, zone):
    found = resolved(shared, "name=www.shop.example&subnet=198.51.100.0/24")
    assert (found["code"], found["addresses"], found["ttl"], found["port"]) == ("NOERROR", ["192.0.2.2"], 7, shared.port)
    assert found["chain"] == [
        {"name": "www.shop.example.", "type": "A", "set_id": "DE", "policy": "GeoLocation", "healthy": True, "check": None}
    ]
    assert resolved(shared, "name=www.shop.example&type=a&region=us-east-1")["addresses"] == ["192.0.2.1"]
    assert resolved(shared, "name=www.shop.example&region=eu-central-1")["addresses"] == ["192.0.2.2"]
    assert resolved(shared, "name=nothing.shop.example")["code"] == "NXDOMAIN"
    for wrong in ("name=", "name=a..b", "name=www.shop.example&subnet=x", "name=x.example&what=1", "name=x.example&region=mars-1",
                  "name=x.example&region=us-east-1&subnet=192.0.2.0/24"):  # fmt: skip
        assert shared.admin("GET", f"resolve?{wrong}")[0] == 400


def test_a_resolved_address_is_where_the_region_answers(shared, zone):
    assert shared.admin("POST", "regions/eu-west-1/start")[0] == 200
    found = resolved(shared, "name=api.shop.example")
    with socket.create_connection((found["addresses"][0], found["port"]), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: api.shop.example\r\nConnection: close\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 ")


def test_what_name_servers_answer_is_on_the_bill(shared, zone):
    def asked() -> float:
        lines = shared.admin("GET", "cost")[1]["lines"]
        return sum(line["quantity"] for line in lines if (line["region"], line["usage"]) == ("aws-edge", "route53:standard_queries"))

    before = asked()
    for _ in range(3):
        ask(shared, "nothing.shop.example")
    assert asked() == before + 3


def test_names_outlive_the_control_plane(shared, zone):
    shared.region("aws-global", "kill")
    try:
        assert ask(shared, "www.shop.example", "192.0.2.0") == ["192.0.2.1"]
        shared.region("aws-edge", "restart")
        assert eventually(lambda: resolved(shared, "name=www.shop.example&subnet=192.0.2.0/24")["addresses"] == ["192.0.2.1"])
        assert ask(shared, "www.shop.example", "192.0.2.0") == ["192.0.2.1"]
    finally:
        shared.region("aws-global", "restart")


def test_without_the_data_plane_nobody_resolves_and_changes_wait(shared, zone):
    client = shared.client("route53")
    record = {"Name": "new.shop.example", "Type": "A", "TTL": 5, "ResourceRecords": [{"Value": "192.0.2.3"}]}
    shared.region("aws-edge", "kill")
    try:
        assert shared.admin("GET", "resolve?name=www.shop.example")[0] == 504
        with pytest.raises((dns.exception.Timeout, ConnectionRefusedError, OSError)):
            ask(shared, "www.shop.example")
        change = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        info = client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)["ChangeInfo"]
        assert client.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "PENDING"
    finally:
        shared.region("aws-edge", "restart")
    assert eventually(lambda: client.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "INSYNC")
    assert ask(shared, "new.shop.example") == ["192.0.2.3"]


def test_name_servers_fail_and_heal_by_the_admin_door(shared, zone):
    status, body = shared.admin("POST", "faults", {"fault": "dns.fail", "target": {"record": "www.shop.example"}, "mode": "SERVFAIL"})
    assert status == 201, body
    assert resolved(shared, "name=www.shop.example")["code"] == "SERVFAIL"
    assert shared.admin("DELETE", f"faults/{body['id']}")[1]["healed"]
    assert resolved(shared, "name=www.shop.example")["code"] == "NOERROR"
