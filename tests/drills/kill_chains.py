"""Kills a region ten times while messages go through chains of services, and counts what arrived. Exits non-zero if a claim fails.

    python tests/drills/kill_chains.py                    # every chain, each in a cloud of its own
    python tests/drills/kill_chains.py notices orders --short
    python tests/drills/kill_chains.py --seed 7           # the same moments again, as far as a machine's load allows

A kill is ``kumoniwa region kill``: SIGKILL to the region's process and all its functions. Then it is started on what lies on the disk. Nine of
ten kills fall at random while messages are sent, the last one while the rest of them is on its way.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chain import NOTE_IN_TABLE, TABLE, Chain, Sender, Tally, make_function, tally, with_note
from chain_buses import Events, Pipe, Schedules
from chain_doors import Orders, Stream, Workflows
from chain_topics import Notices, Ordered, OrderedPoison, Poison
from cloud.conftest import Up
from worker import REGION, UNANSWERED, Plain

from kumoniwa.cli.main import main as command

CHAINS = {chain.name: chain for chain in (Notices, Ordered, Poison, OrderedPoison, Orders, Stream, Workflows, Events, Schedules, Pipe)}
KILLS, KILLS_SHORT = 10, 3
SHORTER = 25
DARK_S_MAX = 0.5
ANSWERED_WITHIN_S = 30.0
SENT_WITHIN_S = 900.0
LOOK_S = 0.25


class RealStage:
    """A cloud of processes. Functions note in a table."""

    def __init__(self, cloud: Up) -> None:
        self.cloud = cloud
        cloud.client("dynamodb", REGION).create_table(
            TableName=TABLE, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )  # fmt: skip

    def function(self, name: str, source: str, timeout_s: int) -> str:
        return make_function(self.cloud, name, with_note(NOTE_IN_TABLE, source), Timeout=timeout_s)

    def noted(self) -> dict[str, list[str]]:
        pages = self.cloud.client("dynamodb", REGION, retries=3).get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True)
        return {item["id"]["S"]: [text["S"] for text in item["seen"]["L"]] for page in pages for item in page["Items"]}

    def now(self) -> float:
        return time.time()

    def http(self, host: str) -> Callable[[str, str, str], tuple[int, bytes]]:
        plain = Plain(self.cloud)
        return lambda method, path, body: plain.send(method, path, {"Host": host, "Content-Type": "application/json"}, body)


class Killer:
    """Kills the region at moments that chance gives it, and counts how long it was dark."""

    def __init__(self, cloud: Up, chance: random.Random) -> None:
        self.cloud, self.chance, self.kills, self.dark_s = cloud, chance, 0, 0.0

    def command(self, what: str) -> None:
        """``kumoniwa region …`` without the time that a new process takes to begin, in which the senders would be done."""
        with contextlib.redirect_stdout(io.StringIO()):
            assert command(["region", what, REGION, "--endpoint", f"http://127.0.0.1:{self.cloud.port}"]) == 0

    def kill(self) -> None:
        self.command("kill")
        began = time.monotonic()
        time.sleep(self.chance.uniform(0, DARK_S_MAX))
        self.command("restart")
        while time.monotonic() - began < ANSWERED_WITHIN_S:
            try:
                self.cloud.client("sts", REGION).get_caller_identity()
                break
            except UNANSWERED:
                time.sleep(0.01)
        self.dark_s += time.monotonic() - began
        self.kills += 1


def show(chain: Chain, senders: list[Sender], killer: Killer, what: str) -> None:
    done, wanted = sum(len(sender.acknowledged) for sender in senders), sum(sender.share for sender in senders)
    line = f"{chain.name}: {done:,} of {wanted:,} acknowledged, {killer.kills} kills, {killer.dark_s:.1f} s dark{what}"
    end = "" if sys.stdout.isatty() else "\n"
    print(f"\r{line:<100}" if sys.stdout.isatty() else f"  {line}", end=end, flush=True)


def send_through_kills(chain: Chain, senders: list[Sender], killer: Killer, kills: int) -> None:
    """Each kill but the last has its share of the messages, and falls when chance says how many of them were acknowledged."""
    wanted, before = sum(sender.share for sender in senders), kills - 1
    ends = time.monotonic() + SENT_WITHIN_S
    for kill in range(before):
        for sender in senders:
            sender.may_send = -(-sender.share * (kill + 1) // before)
        moment = (kill + killer.chance.uniform(0, 0.8)) * wanted / before
        if not kill:
            for sender in senders:
                sender.start()
        while sum(len(sender.acknowledged) for sender in senders) < moment and any(sender.is_alive() for sender in senders) and time.monotonic() < ends:
            time.sleep(0.001)
        time.sleep(killer.chance.uniform(0, 0.01))
        killer.kill()
        show(chain, senders, killer, "")
    for sender in senders:
        sender.join(max(0.0, ends - time.monotonic()))
    time.sleep(killer.chance.uniform(0, 0.2))
    killer.kill()
    show(chain, senders, killer, ", all sent")


def through(kind: type[Chain], messages: int, kills: int, seed: int) -> Tally:
    """One chain in a cloud of its own."""
    with tempfile.TemporaryDirectory(prefix="kumoniwa-kills-") as folder:
        cloud = Up("--data", folder)
        try:
            chain = kind(RealStage(cloud))
            chain.begin()
            senders = [Sender(chain, number, messages // chain.senders) for number in range(chain.senders)]
            killer = Killer(cloud, random.Random(seed))
            send_through_kills(chain, senders, killer, kills)
            began, acknowledged = time.monotonic(), set().union(*(sender.acknowledged for sender in senders))
            while not acknowledged <= set(chain.arrived()) and time.monotonic() - began < chain.settles_within_s:
                time.sleep(LOOK_S)
            row = tally(chain, senders, killer.kills, killer.dark_s)
            show(chain, senders, killer, f", all arrived {time.monotonic() - began:.1f} s later" if not row.lost else f", {row.lost} lost")
            findings = row.findings
            if not all(len(sender.acknowledged) == sender.share for sender in senders):
                findings.append("not everything was acknowledged")
            if not any(sender.unanswered for sender in senders):
                findings.append("no kill met a call")
        finally:
            cloud.stop()
        if "Traceback" in cloud.said:
            findings.append(cloud.said)
        if sys.stdout.isatty():
            print()
        return row


HEAD = ("chain", "sent", "acknowledged", "arrived", "duplicates", "lost", "kills", "s dark")


def table(rows: list[Tally]) -> str:
    lines = [f"{HEAD[0]:<16}" + "".join(f"{word:>14}" for word in HEAD[1:])]
    for row in rows:
        counts = (row.sent, row.acknowledged, row.arrived, row.duplicates, row.lost, row.kills)
        words = "".join(f"{count:>14,}" for count in counts) + f"{row.dark_s:>14.1f}"
        lines.append(f"{row.chain:<16}{words}  {'holds' if row.holds else 'FAILED'}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chains", nargs="*", default=list(CHAINS), metavar="CHAIN", help=f"of {', '.join(CHAINS)}; all when none is named")
    parser.add_argument("--messages", type=int, help="how many of each chain (default: what the chain says; 10,000 of notices)")
    parser.add_argument("--kills", type=int)
    parser.add_argument("--short", action="store_true", help=f"{KILLS_SHORT} kills, one of {SHORTER} messages")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    asked = parser.parse_args()
    if unknown := set(asked.chains) - set(CHAINS):
        parser.error(f"there is no chain {', '.join(sorted(unknown))}")
    kills = asked.kills or (KILLS_SHORT if asked.short else KILLS)
    rows = []
    for name in asked.chains:
        kind = CHAINS[name]
        messages = asked.messages or (max(kind.messages // SHORTER, kind.messages_short) if asked.short else kind.messages)
        print(f"{name}: {kind.says}", flush=True)
        rows.append(through(kind, messages, kills, asked.seed))
        for finding in rows[-1].findings:
            print(f"FAILED  {finding}", flush=True)
    print(f"\nseed {asked.seed}\n{table(rows)}")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
