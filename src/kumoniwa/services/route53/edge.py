"""The data plane's state in aws-edge: published zones, checks and collections, and the answers that follow from them.

It is rebuilt from its own rows whenever the process starts, and needs the control plane for nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from kumoniwa.aws import links
from kumoniwa.gate.place import NOBODY, Client, Places
from kumoniwa.kernel.record import Record, unpack
from kumoniwa.services.route53 import bill
from kumoniwa.services.route53 import name as names
from kumoniwa.services.route53 import packet as packets
from kumoniwa.services.route53.answer import SERVFAIL, Decision, Reply, decide
from kumoniwa.services.route53.balanced import Balancers
from kumoniwa.services.route53.catalog import Catalog, Zone
from kumoniwa.services.route53.checking import Verdicts
from kumoniwa.services.route53.collection import CidrCollection
from kumoniwa.services.route53.healthcheck import HealthCheck
from kumoniwa.services.route53.recordset import RECORDS
from kumoniwa.services.route53.routing import Surroundings
from kumoniwa.services.route53.zone import HostedZone

QUERIES_REMEMBERED_MAX = 16_384
DECISIONS_REMEMBERED_MAX = 16_384


class Received(Record):
    """How far an account's publications have arrived."""

    seq: int


class Edge:
    """One for each aws-edge. Found with ``Edge.of(home)``."""

    def __init__(self, home: Any) -> None:
        self.home = home
        self.places = Places(home.settings.places)
        self.catalog = Catalog(self._bodies)
        self.collections: dict[str, CidrCollection] = {}
        self.verdicts = Verdicts(home, self.forget)
        self.balancers = Balancers(home, self.forget)
        self.prober: Any = None
        """Whoever reaches endpoints: ``probe.Prober`` unless a test put another here."""
        self._clients: dict[str, Client] = {}
        self._written: dict[tuple, packets.Written] = {}
        self._decided: dict[tuple, Decision] = {}
        self._remembered: dict[tuple, Decision] = {}
        """The last decision for each question, which resolvers that ignore the time to live go on giving."""
        for account in home.store.accounts():
            if account.isdigit():
                for zone in home.store.shelf(account, HostedZone).values():
                    self.catalog.put(account, zone)
                # A calculated check follows its children, and so comes after them.
                for check in sorted(home.store.shelf(account, HealthCheck).values(), key=lambda check: check.config["Type"] == "CALCULATED"):
                    self.verdicts.put(account, check)
                for collection in home.store.shelf(account, CidrCollection).values():
                    self.collections[collection.id] = collection

    @classmethod
    def of(cls, home: Any) -> Edge:
        found = home.memory.get(("route53", cls))
        if found is None:
            found = home.memory["route53", cls] = cls(home)
        return found

    def _bodies(self, account: str, zone_id: str) -> Iterator[bytes]:
        rows = self._rows(account)
        return (body for (body,) in rows.all("select body from route53_record where zone = ? order by place, type, set_id", zone_id))

    def _rows(self, account: str):
        rows = self.home.store.rows(account)
        rows.use(RECORDS)
        return rows

    # What the control plane publishes ------------------------------------------------------------------

    def received(self, account: str) -> int:
        return self.home.store.shelf(account, Received).get("seq", Received(seq=0)).seq

    def receive(self, account: str, seq: int, entries: list) -> None:
        """Take one publication over. Repeated, it changes nothing."""
        for kind, key, body in entries:
            getattr(self, f"_receive_{kind}")(account, key, body)
        self.home.store.shelf(account, Received)["seq"] = Received(seq=seq)
        self.forget()

    def empty(self, account: str) -> None:
        """Forget what an account published, because all of it comes again."""
        for kind in (HostedZone, HealthCheck, CidrCollection):
            for key in list(self.home.store.shelf(account, kind)):
                getattr(self, f"_receive_{_NAMES[kind]}")(account, key, None)
        self.forget()

    def _receive_zone(self, account: str, key: str, body: bytes | None) -> None:
        shelf = self.home.store.shelf(account, HostedZone)
        if body is None:
            shelf.pop(key, None)
            self._rows(account).run("delete from route53_record where zone = ?", key)
            self.catalog.drop(key)
            return
        shelf[key] = unpack(body, HostedZone)
        self.catalog.put(account, shelf[key])

    def _receive_record(self, account: str, key: list[str], body: bytes | None) -> None:
        rows = self._rows(account)
        if body is None:
            rows.run("delete from route53_record where zone = ? and place = ? and type = ? and set_id = ?", *key)
        else:
            rows.run("insert or replace into route53_record values (?, ?, ?, ?, ?)", *key, body)
        self.catalog.stale(key[0])

    def _receive_check(self, account: str, key: str, body: bytes | None) -> None:
        shelf = self.home.store.shelf(account, HealthCheck)
        if body is None:
            shelf.pop(key, None)
            self.verdicts.drop(key)
            return
        shelf[key] = unpack(body, HealthCheck)
        self.verdicts.put(account, shelf[key])

    def _receive_cidr(self, account: str, key: str, body: bytes | None) -> None:
        shelf = self.home.store.shelf(account, CidrCollection)
        if body is None:
            shelf.pop(key, None)
            self.collections.pop(key, None)
            return
        self.collections[key] = shelf[key] = unpack(body, CidrCollection)

    def forget(self) -> None:
        """Something changed: what was decided before may not hold any more."""
        self._written.clear()
        self._decided.clear()

    # Answers -------------------------------------------------------------------------------------------

    def client(self, address: str) -> Client:
        """Who asks from a source address."""
        found = self._clients.get(address)
        if found is None:
            if len(self._clients) >= QUERIES_REMEMBERED_MAX:
                self._clients.clear()
            found = self._clients[address] = self.places.client(ipaddress.ip_address(address))
        return found

    def surroundings(self, zone: Zone) -> Surroundings:
        return Surroundings(zone.group, self.verdicts.is_healthy, links.rtt_ms, self._blocks, self.home.settings.region, self.balancers.is_healthy)

    def _blocks(self, collection_id: str) -> dict[str, tuple[str, ...]]:
        found = self.collections.get(collection_id)
        return found.locations if found is not None else {}

    def decide(self, name: names.Name, kind: str, client: Client, zone_id: str = "") -> Decision:
        """What may be said to a client; from one zone alone if it is named. Answers SERVFAIL for a zone that has not arrived."""
        zone = self.catalog.zone(zone_id) if zone_id else None
        if zone_id and zone is None:
            return Decision((Reply(1.0, SERVFAIL, False),), 0)
        question = (name, kind, zone_id, client)
        found = self._decided.get(question)
        if found is None:
            if len(self._decided) >= DECISIONS_REMEMBERED_MAX:
                self._decided.clear()
            found = self._decided[question] = decide(
                self.catalog, self.surroundings, name, kind, client, self.home.settings.region, zone
            )
            self._note(question, found)
        if len(self._remembered) >= DECISIONS_REMEMBERED_MAX:
            self._remembered.clear()
        self._remembered[question] = found
        return found

    def _note(self, question: tuple, found: Decision) -> None:
        """Let watchers see that a name is answered otherwise than the last time somebody asked."""
        before = self._remembered.get(question)
        if before is not None and (was := _answers(before)) != (now := _answers(found)):
            self.home.note("dns", name=names.shown(question[0]), type=question[1], answers=now, answered=was)

    def stale(self, name: names.Name, kind: str, client: Client) -> Decision:
        """What was said last, whatever has become of it."""
        return self._remembered.get((name, kind, "", client)) or self.decide(name, kind, client)

    def answer(self, packet: bytes, source: str, is_tcp: bool = False) -> bytes | None:
        """The reply to one packet, or None where there is none to give."""
        if not self.home.faults:
            written = self._written.get((packet[2:], source, is_tcp))
            if written is not None:
                return packet[:2] + self._rolled(written)
        try:
            asked = packets.read(packet)
        except packets.Unanswerable as refused:
            return refused.reply
        client = self._who(asked, source)
        decision = self._decided_for(asked, client, source)
        if decision is None:
            return None
        written = packets.Written(asked, decision, is_tcp)
        zone = self.catalog.over(asked.name)
        written.uses = tuple(bill.query(zone, reply) for reply, _ in written.replies)
        if not self.home.faults:
            if len(self._written) >= QUERIES_REMEMBERED_MAX:
                self._written.clear()
            self._written[packet[2:], source, is_tcp] = written
        return packet[:2] + self._rolled(written)

    def _rolled(self, written: packets.Written) -> bytes:
        at = written.roll(self.home.ids.random)
        use = written.uses[at]
        if use is not None:
            self.home.gate.ledger.use(*use)
        return written.wire(at)

    def _who(self, asked: packets.Asked, source: str) -> Client:
        if asked.subnet is None:
            return self.client(source)
        address, bits = asked.subnet
        return self.places.client(address, bits) if bits else NOBODY

    def _decided_for(self, asked: packets.Asked, client: Client, source: str) -> Decision | None:
        fault = self.failing(asked.name, source)
        if fault == "timeout":
            return None
        if fault == "SERVFAIL":
            return Decision((Reply(1.0, SERVFAIL, False),), 0)
        if fault == "stale":
            return self.stale(asked.name, asked.kind, client)
        return self.decide(asked.name, asked.kind, client)

    def failing(self, name: names.Name, resolver: str) -> str:
        """The mode in which name servers fail for a name, by somebody's wish; empty if they do not."""
        if not self.home.faults:
            return ""
        shown = names.shown(name)
        fault = self.home.faults.hit("dns.fail", record=(shown, shown[:-1]), resolver=resolver)
        return fault.params.get("mode", "SERVFAIL") if fault is not None else ""


def _answers(decision: Decision) -> list[str]:
    """Every value that may be answered."""
    return sorted({value for reply in decision.replies for each in reply.answer for value in each.values})


_NAMES = {HostedZone: "zone", HealthCheck: "check", CidrCollection: "cidr"}

