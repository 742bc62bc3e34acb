"""Whatever links and regions do meanwhile, a strong table's items behave as if there were one of each.

Clients in three regions write, read and compare-and-set while links are cut and regions killed; the history they saw is then
searched for an order that a single register could have answered in (Wing and Gong, "Testing and Verifying Concurrent Objects", 1993).
"""

import random
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

REGIONS = ("us-east-1", "us-east-2", "us-west-2")
TABLE = "accounts"
NEVER = float("inf")
FAILED = ("ReplicatedWriteConflictException",)
"""Answers that promise that nothing was done. Any other error leaves that open."""


@dataclass
class Op:
    kind: str
    began: float
    ended: float = NEVER
    value: int | None = None
    expected: int | None = None
    seen: Any = None
    is_certain: bool = False


def is_linearizable(ops: list[Op]) -> bool:
    """Whether the operations on one register have an order that keeps to real time and to a register's answers."""
    ops = sorted(ops, key=lambda op: op.began)
    certain = frozenset(i for i, op in enumerate(ops) if op.is_certain)
    tried: set[tuple[frozenset[int], int | None]] = set()
    waiting: list[tuple[frozenset[int], int | None]] = [(frozenset(), None)]
    while waiting:
        done, state = waiting.pop()
        if certain <= done:
            return True
        if (done, state) in tried:
            continue
        tried.add((done, state))
        left = [i for i in range(len(ops)) if i not in done]
        deadline = min((ops[i].ended for i in left if ops[i].is_certain), default=NEVER)
        for i in left:
            if ops[i].began <= deadline and (after := _applied(ops[i], state)) is not None:
                waiting.append((done | {i}, after[0]))
    return False


def _applied(op: Op, state: int | None) -> tuple[int | None] | None:
    """The register's state after an operation, as a tuple; None if it could not have been answered so."""
    if op.kind == "read":
        return (state,) if op.seen == state else None
    if op.kind == "write":
        return (op.value,)
    if op.seen is False:
        return (state,) if state != op.expected else None
    return (op.value,) if state == op.expected else (None if op.is_certain else (state,))


def test_the_search_knows_good_histories_from_bad_ones():
    def op(kind, began, ended, **more):
        return Op(kind, began, ended, is_certain=True, **more)

    good = [op("write", 0, 1, value=1), op("write", 0, 5, value=2), op("read", 2, 3, seen=1), op("read", 4, 6, seen=2)]
    assert is_linearizable(good)
    assert not is_linearizable([*good, op("read", 7, 8, seen=1)])
    assert not is_linearizable([op("write", 0, 1, value=1), op("read", 2, 3, seen=None)])
    maybe = Op("write", 0, value=3)
    assert is_linearizable([maybe, op("read", 5, 6, seen=3)]) and is_linearizable([maybe, op("read", 5, 6, seen=None)])
    assert not is_linearizable([maybe, op("read", 5, 6, seen=3), op("read", 7, 8, seen=None)])


class World:
    """Clients, one for each region and item, each with one call under way at most."""

    def __init__(self, cloud, seed: int, keys: int) -> None:
        self.cloud, self.dice = cloud, random.Random(seed)
        self.history: dict[str, list[Op]] = {f"k{n}": [] for n in range(keys)}
        self.under_way: dict[tuple[str, str], tuple[Op, Any]] = {}
        self.values = iter(range(1, 1_000_000))

    def begin(self) -> None:
        for region in self.cloud.regions:
            for key, ops in self.history.items():
                if region in REGIONS and (region, key) not in self.under_way and self.dice.random() < 0.5:
                    self._begin(region, key, ops)

    def _begin(self, region: str, key: str, ops: list[Op]) -> None:
        client, now = self.cloud.client("dynamodb", region), self.cloud.loop.time()
        kind = self.dice.choice(("write", "read", "read", "cas"))
        op = Op(kind, now, value=None if kind == "read" else next(self.values))
        wanted: dict[str, Any] = {"TableName": TABLE}
        if kind == "read":
            task = self.cloud.start(client.get_item, **wanted, Key={"id": {"S": key}}, ConsistentRead=True)
        else:
            wanted["Item"] = {"id": {"S": key}, "v": {"N": str(op.value)}}
            if kind == "cas":
                op.expected = next((o.value for o in reversed(ops) if o.kind != "read"), 0)
                wanted |= {"ConditionExpression": "v = :v", "ExpressionAttributeValues": {":v": {"N": str(op.expected)}}}
            task = self.cloud.start(client.put_item, **wanted)
        ops.append(op)
        self.under_way[region, key] = (op, task)

        def ended(_: Any) -> None:
            op.ended = self.cloud.loop.time()

        task.add_done_callback(ended)

    def collect(self) -> None:
        for at, (op, task) in list(self.under_way.items()):
            if task.done():
                del self.under_way[at]
                self._judge(at[1], op, task)

    def _judge(self, key: str, op: Op, task: Any) -> None:
        error = task.exception()
        if error is None:
            op.is_certain = True
            item = task.result().get("Item")
            op.seen = int(item["v"]["N"]) if item else None if op.kind == "read" else True
        elif isinstance(error, ClientError) and error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            op.is_certain, op.seen = True, False
        elif op.kind == "read" or isinstance(error, ClientError) and error.response["Error"]["Code"] in FAILED:
            self.history[key].remove(op)
        else:
            op.ended = NEVER

    def abandon(self, region: str) -> None:
        """The region was killed: what its clients had asked for is neither done nor undone."""
        for at, (op, _) in list(self.under_way.items()):
            if at[0] == region:
                del self.under_way[at]
                op.ended = NEVER
                if op.kind == "read":
                    self.history[at[1]].remove(op)


def trouble(world: World) -> None:
    """Cut a link, kill a region, isolate one, or mend everything; one trouble at a time, so that two regions can go on."""
    cloud, dice = world.cloud, world.dice
    if cloud.dark or any(f.state == "active" for f in cloud.faults.values()):
        cloud.heal()
        for region in list(cloud.dark):
            cloud.region(region)
        return
    what, region = dice.choice(("cut", "kill", "isolate", "delay")), dice.choice(REGIONS)
    other = dice.choice([r for r in REGIONS if r != region])
    if what == "kill":
        world.abandon(region)
        cloud.kill(region)
    elif what == "isolate":
        cloud.fault("region.isolate", {"region": region})
    elif what == "delay":
        cloud.fault("link.delay", {"link": f"{region}->{other}"}, rtt_add=dice.choice((50, 400)))
    else:
        cloud.fault("link.cut", {"from": region, "to": other}, direction=dice.choice(("one", "both")))


@pytest.mark.parametrize("witness", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_strong_tables_are_linearizable(make_cloud, seed, witness):
    cloud = make_cloud(*REGIONS, links="aws-p50")
    client = cloud.client("dynamodb", REGIONS[0])
    client.create_table(
        TableName=TABLE, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    members = REGIONS[1:2] if witness else REGIONS[1:]
    more = {"GlobalTableWitnessUpdates": [{"Create": {"RegionName": REGIONS[2]}}]} if witness else {}
    client.update_table(
        TableName=TABLE, MultiRegionConsistency="STRONG", ReplicaUpdates=[{"Create": {"RegionName": r}} for r in members], **more
    )
    cloud.sleep(3)
    world = World(cloud, seed, keys=2)
    speaking = {r: cloud.regions[r] for r in (REGIONS[0], *members)}
    for step in range(120):
        cloud.regions, whole = {r: g for r, g in cloud.regions.items() if r in speaking}, cloud.regions
        world.begin()
        cloud.regions = whole
        cloud.sleep(world.dice.choice((0.004, 0.015, 0.04, 0.2)))
        if step % 12 == 5:
            trouble(world)
        world.collect()
    cloud.heal()
    for region in list(cloud.dark):
        cloud.region(region)
    cloud.sleep(8)
    world.collect()
    for key, ops in world.history.items():
        now = cloud.loop.time()
        seen = {
            (lambda item: int(item["v"]["N"]) if item else None)(
                cloud.client("dynamodb", r).get_item(TableName=TABLE, Key={"id": {"S": key}}, ConsistentRead=True).get("Item")
            )
            for r in speaking
        }
        assert len(seen) == 1
        ops.append(Op("read", now, cloud.loop.time(), seen=seen.pop(), is_certain=True))
        assert sum(op.is_certain for op in ops) > 20
        assert is_linearizable(ops), [op for op in ops]
