"""The chains of ``kill_chains.py`` in their short form: most on virtual time, where the region is killed in the midst of calls, as it
answers, and between them, and one on real processes, by the command itself."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from chain import NOTE_IN_FILE, Chain, Sender, Stage, make_function, tally, with_note
from chain_buses import Events, Pipe, Schedules
from chain_doors import Orders, Workflows
from chain_topics import Notices, Ordered, OrderedPoison, Poison

from kumoniwa.services.lambda_.sandbox import of

KILLS, AFTERWARDS = 6, 2
"""In calls, and when all is sent. One more falls between two calls."""
BATCH_MAX = 3
TURNS_MAX = 12
"""Calls of these chains are answered within so many turns of the loop, but for the functions of an API."""


class VirtualStage:
    """Regions of one loop. Functions note in a file, because there is no socket by which they could call anybody."""

    def __init__(self, cloud, folder) -> None:
        self.cloud, self.file = cloud, folder / "noted"

    def function(self, name: str, source: str, timeout_s: int) -> str:
        return make_function(self.cloud, name, with_note(NOTE_IN_FILE, source), Timeout=timeout_s, Environment={"Variables": {"NOTED": str(self.file)}})

    def noted(self) -> dict[str, list[str]]:
        rows: dict[str, list[str]] = {}
        for line in self.file.read_text().splitlines() if self.file.exists() else ():
            row, text = json.loads(line)
            rows.setdefault(row, []).append(text)
        return rows

    def now(self) -> float:
        return self.cloud.now()

    def http(self, host: str) -> Callable[[str, str, str], tuple[int, bytes]]:
        def speak(method: str, path: str, body: str) -> tuple[int, bytes]:
            status, _, content = self.cloud.http(method, path, host=host, headers={"Content-Type": "application/json"}, body=body.encode())
            return status, content

        return speak

    def rest(self, seconds: float) -> None:
        """Let time pass, and functions that run meanwhile come to their end."""
        self.cloud.sleep(seconds)
        for _ in range(600):
            if "lambda" not in self.cloud.region().engines or not any(of(self.cloud.region()).running.values()):
                break
            self.cloud.sleep(0.1)


def through_kills(chain: Chain, stage: Stage, seed: int) -> list[Sender]:
    chance = random.Random(seed)
    chain.begin()
    chain.batch = min(chain.batch, BATCH_MAX)
    senders = [Sender(chain, number, chain.messages_short // chain.senders) for number in range(chain.senders)]
    calls = sum(-(-sender.share // chain.batch) for sender in senders)
    midst, between = set(chance.sample(range(calls), KILLS)), chance.randrange(calls)
    step = 0
    while busy := [sender for sender in senders if sender.next < sender.share]:
        if step in midst:
            chance.choice((stage.cloud.kill_at_answer, lambda: stage.cloud.kill_in_midst(chance.randrange(TURNS_MAX))))()
        chance.choice(busy).tries()
        if step == between:
            stage.cloud.sleep(chance.uniform(0, 0.2))
            stage.cloud.restart(kill=True)
        step += 1
    for _ in range(AFTERWARDS):
        stage.cloud.sleep(chance.uniform(0, 2))
        stage.cloud.restart(kill=True)
    return senders


@pytest.mark.parametrize("kind", [Notices, Ordered, Poison, OrderedPoison, Orders, Workflows, Events, Schedules, Pipe], ids=lambda kind: kind.name)
def test_what_was_acknowledged_arrives_whatever_is_killed(cloud, tmp_path, kind):
    stage = VirtualStage(cloud, tmp_path)
    chain = kind(stage)
    senders = through_kills(chain, stage, seed=1)
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    for _ in range(60):
        if acknowledged <= set(chain.arrived()):
            break
        stage.rest(1)
    assert len(acknowledged) == sum(sender.share for sender in senders)
    row = tally(chain, senders, KILLS + 1 + AFTERWARDS, 0.0)
    assert (row.lost, row.findings) == (0, [])


def test_the_command_kills_real_processes_and_says_what_arrived():
    command = [sys.executable, str(Path(__file__).with_name("kill_chains.py")), "notices", "--messages", "600", "--kills", "3", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    head, row = (line.split() for line in done.stdout.splitlines()[-2:])
    shown = dict(zip(head, row))
    assert int(shown["sent"]) >= 600 and row[-1] == "holds"
    assert [shown[name] for name in ("acknowledged", "arrived", "lost", "kills")] == ["600", "600", "0", "3"]
