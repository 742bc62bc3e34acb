"""What goes on behind the calls: aws-global publishes, aws-edge answers DNS and probes endpoints."""

from __future__ import annotations

import asyncio
import heapq
import sys
from typing import Any, NamedTuple

import msgspec

from kumoniwa.gate.address import EDGE, GLOBAL
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import pack
from kumoniwa.services.route53 import alarmed, balanced, checking, resolver
from kumoniwa.services.route53.collection import CidrCollection
from kumoniwa.services.route53.edge import Edge
from kumoniwa.services.route53.healthcheck import ON_ALARM, HealthCheck
from kumoniwa.services.route53.probe import Prober
from kumoniwa.services.route53.publication import OUTBOX, Published
from kumoniwa.services.route53.recordset import RECORDS
from kumoniwa.services.route53.server import NameServer
from kumoniwa.services.route53.zone import HostedZone

AGAIN_AFTER_S = 0.25
"""How long a publication that could not be delivered rests."""
COMPARED_EVERY_S = 5.0
"""How often aws-edge is asked how far it has come though there is nothing new: it may have lost its disk."""
LISTEN_AGAIN_AFTER_S = 1.0
BATCH_ROWS = 100
PIECE_ENTRIES = 500
IDLE_S = 3600.0

REST_MIN_S = 0.001
"""Less than that is now: the time of day as a float tells no shorter rests apart."""


async def run(home: Any) -> None:
    if home.name == GLOBAL:
        await _publish(home)
    elif home.name == EDGE:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_serve(home))
            tasks.create_task(_probe(home))
            tasks.create_task(_ask_alarms(home))
            tasks.create_task(_ask_balancers(home))


# aws-global -------------------------------------------------------------------------------------------------


async def _publish(home: Any) -> None:
    """Carry every account's outbox to aws-edge, as often as it takes."""
    while True:
        try:
            for account in _accounts(home):
                await _catch_up(home, account)
        except AwsError:
            wake_at = home.clock.now() + AGAIN_AFTER_S  # aws-edge is dead or cut off
        else:
            # Looked up last: of what came while something was sent, nobody was there to be woken.
            wake_at = min([home.clock.now() + COMPARED_EVERY_S, *(at for account in _accounts(home) for _, at, _ in _outbox(home, account, 1))])
        await home.wait(("route53", "outbox"), wake_at)


def _accounts(home: Any) -> list[str]:
    return [account for account in home.store.accounts() if account.isdigit()]


def _outbox(home: Any, account: str, count: int) -> list[tuple[int, float, bytes]]:
    """The first rows that wait: number, when it is due, content."""
    rows = home.store.rows(account)
    rows.use(OUTBOX)
    return rows.all("select seq, due, body from route53_outbox order by seq limit ?", count)


async def _catch_up(home: Any, account: str) -> None:
    """Send what is due, and everything if aws-edge knows less than it was given."""
    while True:
        last = home.store.shelf(account, Published).get("seq", Published(seq=0)).seq
        if not last:
            return
        found = _outbox(home, account, BATCH_ROWS)
        due = [(seq, body) for seq, at, body in found if at <= home.clock.now()]
        given = due[-1][0] if due else found[0][0] - 1 if found else last
        received = await home.exchange(EDGE, "route53", {"account": account, "rows": due})
        if received < given:
            received = await _send_anew(home, account)
        home.store.rows(account).run("delete from route53_outbox where seq <= ?", received)
        if not due:
            return


async def _send_anew(home: Any, account: str) -> int:
    """Everything that an account has, for an aws-edge that lost its disk; answers how far that is. Only the last piece says so."""
    last = home.store.shelf(account, Published)["seq"].seq
    entries: list[tuple] = []
    for name, kind in (("zone", HostedZone), ("check", HealthCheck), ("cidr", CidrCollection)):
        entries += [(name, key, pack(record)) for key, record in home.store.shelf(account, kind).items()]
    rows = home.store.rows(account)
    rows.use(RECORDS)
    entries += [("record", list(key), body) for *key, body in rows.all("select zone, place, type, set_id, body from route53_record")]
    pieces = [entries[at : at + PIECE_ENTRIES] for at in range(0, len(entries), PIECE_ENTRIES)] or [[]]
    for number, piece in enumerate(pieces):
        seq = last if number == len(pieces) - 1 else 0
        message = {"account": account, "anew": "first" if not number else "more", "rows": [(seq, msgspec.msgpack.encode(piece))]}
        await home.exchange(EDGE, "route53", message)
    return last


# aws-edge ---------------------------------------------------------------------------------------------------


async def _serve(home: Any) -> None:
    """Listen where the cloud says its name servers do; for as long as the region lives."""
    host, _, port = home.settings.dns.rpartition(":")
    tries = 0
    while port and "dns" not in home.engines:
        try:
            home.engines["dns"] = await NameServer.listen(Edge.of(home).answer, host, int(port))
        except OSError as error:
            tries += 1
            if tries == 1:
                print(f"kumoniwa: the name servers cannot listen on {host}:{port} ({error.strerror}) and wait for it", file=sys.stderr)
            await asyncio.sleep(LISTEN_AGAIN_AFTER_S)


async def _ask_alarms(home: Any) -> None:
    verdicts = Edge.of(home).verdicts
    while True:
        await alarmed.ask_all(home, verdicts)
        has_any = any(watched.check.config["Type"] == ON_ALARM for watched in verdicts.watched.values())
        await home.wait(("route53", "alarms"), home.clock.now() + (alarmed.ASKED_EVERY_S if has_any else IDLE_S))


async def _ask_balancers(home: Any) -> None:
    balancers = Edge.of(home).balancers
    while True:
        await balancers.ask_all()
        await home.wait(balanced.KEY, home.clock.now() + (balanced.ASKED_EVERY_S if balancers.known else IDLE_S))


class Plan(NamedTuple):
    """One version of one check, probed from one region."""

    check_id: str
    region: str
    version: int


async def _probe(home: Any) -> None:
    """Send every checker on its way when its time has come. Intervals are counted by the loop's time, which nobody skews."""
    edge, loop = Edge.of(home), asyncio.get_running_loop()
    if edge.prober is None:
        edge.prober = Prober(lambda name: resolver.address(edge, name))
    home.listen(lambda fact: home.wake(("route53", "checks")) if fact[0] == "faults" else None)
    due: list[tuple[float, Plan]] = []
    planned: set[Plan] = set()
    plans = -1
    while True:
        if plans != edge.verdicts.plans:
            plans = edge.verdicts.plans
            for plan in _plans(edge.verdicts) - planned:
                planned.add(plan)
                interval_s = edge.verdicts.watched[plan.check_id].check.config["RequestInterval"]
                heapq.heappush(due, (loop.time() + checking.first_probe_in(plan.check_id, plan.region, interval_s, home.clock.now()), plan))
        while due and due[0][0] <= loop.time() + REST_MIN_S:
            at, plan = heapq.heappop(due)
            watched = edge.verdicts.watched.get(plan.check_id)
            if watched is None or watched.check.version != plan.version:
                planned.discard(plan)
                continue
            home.spawn(_observe(edge, watched, plan.region))
            interval_s = watched.check.config["RequestInterval"]
            # What a paused process has missed it does not make up for.
            missed = max(0, (loop.time() - at) // interval_s)
            heapq.heappush(due, (at + (missed + 1) * interval_s, plan))
        edge.verdicts.refresh()
        rest_s = due[0][0] - loop.time() if due else IDLE_S
        if period := edge.verdicts.flap_period():
            rest_s = min(rest_s, period - home.clock.now() % period)
        await home.wait(("route53", "checks"), home.clock.now() + max(rest_s, REST_MIN_S))


def _plans(verdicts: checking.Verdicts) -> set[Plan]:
    return {
        Plan(check_id, region, watched.check.version)
        for check_id, watched in verdicts.watched.items() if watched.is_probed for region in watched.regions()
    }  # fmt: skip


async def _observe(edge: Edge, watched: checking.Watched, region: str) -> None:
    seen = await edge.prober.probe(watched.check.config, watched.check.id)
    edge.verdicts.observe(watched, region, seen)
