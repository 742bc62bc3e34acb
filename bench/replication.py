"""What replication costs: CPU that a global table adds to a put on the writer, and how fast a replica applies.

Regions are objects in this process, and CPU time is read around them; between them lies nothing, so links cost nothing here. The tables
take turns, and figures are the least of all rounds: whatever else the machine does can only add to them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import tempfile
import time
from collections import deque
from typing import Any

import msgspec

from kumoniwa.cloud.region import Region
from kumoniwa.gate.settings import Settings
from kumoniwa.services.dynamodb import log
from kumoniwa.wire.message import Request, Response

PUTS, ROUNDS = 10_000, 12
BODY = "x" * 200
NAMES = ("us-east-1", "eu-west-1", "ap-northeast-1")


class Peers:
    """A way between regions without a link. ``swallowed`` collects messages instead of handing them on."""

    def __init__(self) -> None:
        self.regions: dict[str, Region] = {}
        self.swallowed: deque[Any] | None = None

    def of(self, name: str) -> Line:
        return Line(self, name)


class Line:
    def __init__(self, peers: Peers, origin: str) -> None:
        self.peers, self.origin = peers, origin

    async def exchange(self, region: str, service: str, message: Any, within_s: float = 5.0) -> Any:
        body = msgspec.msgpack.encode(message)
        if self.peers.swallowed is not None and message["what"] == "changes":
            self.peers.swallowed.append((region, self.origin, body))
            return {"is_known": True, "at": time.time()}
        return await self.peers.regions[region].heard(self.origin, service, msgspec.msgpack.decode(body))

    def used(self, key_id: str, use: Any) -> None: ...


async def ask(region: Region, operation: str, **params: Any) -> dict:
    """One request in AWS's wire form."""
    done: asyncio.Future = asyncio.get_running_loop().create_future()
    headers = {
        "host": "localhost", "x-amz-target": f"DynamoDB_20120810.{operation}", "content-type": "application/x-amz-json-1.0",
        "x-amz-date": "20300101T000000Z", "authorization": f"AWS4-HMAC-SHA256 Credential=test/20300101/{region.name}/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
    }  # fmt: skip
    region.answer(Request("POST", "/", "", headers, json.dumps(params).encode()), done.set_result)
    response: Response = await done
    if response.status != 200:
        raise RuntimeError(response.body)
    return json.loads(response.body)


async def make(region: Region, name: str) -> None:
    await ask(
        region, "CreateTable", TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )  # fmt: skip


async def puts(region: Region, table: str, count: int) -> float:
    """CPU microseconds of one put, with eight at a time."""
    waiting = iter(range(count))

    async def client() -> None:
        for number in waiting:
            await ask(region, "PutItem", TableName=table, Item={"id": {"S": f"{number:08}"}, "body": {"S": BODY}})

    began = time.process_time()
    await asyncio.gather(*[client() for _ in range(8)])
    return (time.process_time() - began) / count * 1e6


async def main() -> None:
    peers = Peers()
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            region = peers.regions[name] = Region(name, Settings(seal=b"k" * 32), f"{folder}/{name}", peers=peers.of(name))
            await region.open()
        writer = peers.regions[NAMES[0]]
        costs = {}
        for table, names in (("alone", ()), ("pair", NAMES[1:2]), ("three", NAMES[1:])):
            await make(writer, table)
            for name in names:
                await ask(writer, "UpdateTable", TableName=table, ReplicaUpdates=[{"Create": {"RegionName": name}}])
                while (await ask(writer, "DescribeTable", TableName=table))["Table"]["TableStatus"] != "ACTIVE":
                    await asyncio.sleep(0.05)
            await puts(writer, table, 2_000)
            costs[table] = []
        # As a region's process does at its start.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        peers.swallowed = deque(maxlen=1_000)
        for _ in range(ROUNDS):
            for table, spent in costs.items():
                took = await puts(writer, table, PUTS)
                began = time.process_time()
                while _backlog(writer):
                    await asyncio.sleep(0.1)
                spent.append(took + (time.process_time() - began) / PUTS * 1e6)
        least = {table: min(spent) for table, spent in costs.items()}
        print(f"put, table with a stream      {least['alone']:7.1f} µs CPU")
        for table, what in (("pair", "one replica more  "), ("three", "two replicas more ")):
            more = least[table] - least["alone"]
            print(f"put, with {what}  {least[table]:7.1f} µs CPU  (+{more:.1f}, until every change was carried)")
        batches = [(o, msgspec.msgpack.decode(b)) for r, o, b in peers.swallowed if r == NAMES[1]][-200:]
        replica, count = peers.regions[NAMES[1]], sum(len(page) for _, m in batches for page in m["pages"])
        began = time.process_time()
        for origin, message in batches:
            await replica.heard(origin, "dynamodb", message)
        spent = time.process_time() - began
        print(f"a replica applies             {count / spent:7.0f} items/s of one core ({spent / count * 1e6:.1f} µs each, {count} items)")
        for region in peers.regions.values():
            await region.close()


def _backlog(region: Region) -> bool:
    """Whether a replica does not have all pages yet."""
    [call] = region.calls("dynamodb", "dynamodb.amazonaws.com")
    rows = region.store.rows(call.account)
    return any(seq < log.of(call, tbl).last for tbl, seq in rows.all("select tbl, seq from dynamodb_cursor"))


if __name__ == "__main__":
    asyncio.run(main())
