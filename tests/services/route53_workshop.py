"""Hosted zones, records and queries for the tests of Route 53."""

from __future__ import annotations

from typing import Any

import dns.edns
import dns.message
import dns.rcode
import dns.rdatatype

from kumoniwa.gate.address import EDGE, GLOBAL
from kumoniwa.services.route53.checking import Observation
from kumoniwa.services.route53.edge import Edge
from kumoniwa.services.route53.probe import REFUSED

UP, DOWN = Observation(True, "Success: HTTP Status Code 200, OK"), Observation(False, REFUSED)


class Endpoints:
    """Stands in for the network in virtual time: endpoints that are up unless a test says otherwise, by address or name."""

    def __init__(self) -> None:
        self.down: dict[str, Any] = {}
        self.seen: list[str] = []

    async def probe(self, config: dict[str, Any], check_id: str) -> Observation:
        name = config.get("IPAddress") or config["FullyQualifiedDomainName"]
        self.seen.append(name)
        return self.down.get(name, UP)


class Names:
    """One cloud's Route 53: its control plane by boto3, its name servers by packets."""

    def __init__(self, cloud) -> None:
        self.cloud = cloud
        for name in (GLOBAL, EDGE):
            cloud.region(name)
        self.client = cloud.client("route53")
        self.count = 0
        self.endpoints = Endpoints()
        self.edge.prober = self.endpoints

    @property
    def edge(self) -> Edge:
        """The data plane. It reads its store, and so must be asked within the loop."""

        async def found() -> Edge:
            return Edge.of(self.cloud.regions[EDGE])

        return self.cloud.run(found())

    def restart_edge(self, *, kill: bool = True) -> None:
        self.cloud.restart(EDGE, kill=kill)
        self.edge.prober = self.endpoints

    def zone(self, name: str = "shop.example") -> str:
        self.count += 1
        made = self.client.create_hosted_zone(Name=name, CallerReference=f"zone-{self.count}")
        return made["HostedZone"]["Id"].rpartition("/")[2]

    def change(self, zone: str, *changes: tuple[str, dict], comment: str | None = None) -> dict:
        batch: dict[str, Any] = {"Changes": [{"Action": action, "ResourceRecordSet": record} for action, record in changes]}
        if comment is not None:
            batch["Comment"] = comment
        return self.client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)["ChangeInfo"]

    def create(self, zone: str, *records: dict) -> None:
        """Make record sets and wait until the name servers have them."""
        self.arrived(self.change(zone, *(("CREATE", record) for record in records)))

    def arrived(self, info: dict) -> None:
        for _ in range(100):
            if self.client.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "INSYNC":
                return
            self.cloud.sleep(0.01)
        raise AssertionError("the change never arrived")

    def check(self, **config: Any) -> str:
        self.count += 1
        config = {"Type": "HTTP", "RequestInterval": 10, "FailureThreshold": 3, **config}
        made = self.client.create_health_check(CallerReference=f"check-{self.count}", HealthCheckConfig=config)
        self.cloud.sleep(0.1)
        return made["HealthCheck"]["Id"]

    # Queries --------------------------------------------------------------------------------------------

    def packet(self, packet: bytes, source: str = "127.0.0.1", is_tcp: bool = False) -> bytes | None:
        async def answer() -> bytes | None:
            return Edge.of(self.cloud.regions[EDGE]).answer(packet, source, is_tcp)

        return self.cloud.run(answer())

    def ask(self, name: str, kind: str = "A", subnet: str = "", source: str = "127.0.0.1", **options: Any) -> dns.message.Message:
        query = dns.message.make_query(name, kind, **options)
        if subnet:
            address, _, bits = subnet.partition("/")
            query.use_edns(0, 0, 1232, options=[dns.edns.ECSOption(address, int(bits))])
        return dns.message.from_wire(self.packet(query.to_wire(), source))

    def values(self, name: str, kind: str = "A", **options: Any) -> list[str]:
        """What a name answers, sorted."""
        reply = self.ask(name, kind, **options)
        wanted = dns.rdatatype.from_text(kind)
        return sorted(str(datum) for each in reply.answer if each.rdtype == wanted for datum in each)

    def distribution(self, name: str, count: int = 400, **options: Any) -> dict[str, int]:
        """How often each first value comes."""
        found: dict[str, int] = {}
        for _ in range(count):
            reply = self.ask(name, **options)
            value = str(reply.answer[-1][0])
            found[value] = found.get(value, 0) + 1
        return found


def a(name: str, *values: str, ttl: int = 60, kind: str = "A", **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": value} for value in values], **more}


def alias(name: str, target: str, zone: str, *, evaluate: bool = True, kind: str = "A", **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "AliasTarget": {"DNSName": target, "HostedZoneId": zone, "EvaluateTargetHealth": evaluate}, **more}
