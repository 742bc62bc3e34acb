"""Batches of two record sets: both stand or none, and the name servers come to answer what was acknowledged."""

import time

import dns.exception
import dns.message
import dns.query
from worker import REGION, Worker

ARRIVED_WITHIN_S = 60
SLOTS = 500
"""Names of a zone that are written again and again: a zone holds 10,000 record sets."""


class Registrar(Worker):
    def prepare(self) -> None:
        self.route53, self.may_hold = self.client("route53"), {}
        self.zone = f"w{self.number}.example"
        made = self.route53.create_hosted_zone(Name=self.zone, CallerReference=self.zone)
        self.id = made["HostedZone"]["Id"].rpartition("/")[2]

    def act(self, name: str) -> None:
        slot, value = f"s{int(name.partition('-')[2]) % SLOTS}", f"192.0.2.{self.random.randrange(256)}"
        # Until it is acknowledged the slot may hold either.
        self.may_hold[slot] = self.may_hold.get(slot, {None}) | {value}
        records = [
            {"Name": f"{side}-{slot}.{self.zone}", "Type": "A", "TTL": 5, "ResourceRecords": [{"Value": value}]} for side in ("left", "right")
        ]
        changes = [{"Action": "UPSERT", "ResourceRecordSet": record} for record in records]
        self.route53.change_resource_record_sets(HostedZoneId=self.id, ChangeBatch={"Changes": changes})
        self.may_hold[slot] = {value}


def begin(cloud) -> list[Worker]:
    return [Registrar(cloud, 60)]


def _answered(cloud, name: str) -> str:
    port = cloud.admin("GET", "health")[1]["dns_port"]
    try:
        reply = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", port=port, timeout=2)
    except (dns.exception.Timeout, OSError):
        return ""
    return str(reply.answer[0][0]) if reply.answer else ""


def check(cloud, workers: list[Registrar]) -> None:
    for worker in workers:
        pages = cloud.client("route53", REGION).get_paginator("list_resource_record_sets").paginate(HostedZoneId=worker.id)
        found = {r["Name"].partition(".")[0]: r["ResourceRecords"][0]["Value"] for page in pages for r in page["ResourceRecordSets"] if r["Type"] == "A"}
        sides = {side: {name[len(side) :]: value for name, value in found.items() if name.startswith(side)} for side in ("left-", "right-")}
        assert sides["left-"] == sides["right-"], "half a batch"
        held = {slot: sides["left-"].get(slot) for slot in worker.may_hold}
        lost = [slot for slot, value in held.items() if value not in worker.may_hold[slot]]
        assert not lost, f"acknowledged record sets are gone: {sorted(lost)[:5]}"
        until = time.monotonic() + ARRIVED_WITHIN_S
        for slot, value in list(held.items())[:50]:
            while value is not None and _answered(cloud, f"left-{slot}.{worker.zone}") != value:
                assert time.monotonic() < until, f"the name servers never answered {slot}"
                time.sleep(0.1)
