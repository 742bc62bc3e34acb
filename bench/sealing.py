"""What encryption under a key of KMS costs a table of DynamoDB: CPU of a put, a get and a query, and what it takes to open a table
again in another life of the region, for tables without and with a key.

    python bench/sealing.py [--items 50000]

The region is an object in this process, and CPU time is read around the operations.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import tempfile
import time
from typing import Any

from replication import Peers, ask

from kumoniwa.cloud.region import Region
from kumoniwa.gate.settings import Settings
from kumoniwa.kernel import principal as principals

NAME = "us-east-1"
OPERATIONS = 10_000


def item(n: int) -> dict[str, Any]:
    return {"p": {"S": f"p{n % 97}"}, "s": {"S": f"{n:08}"}, "text": {"S": "x" * 300}}


def key(n: int) -> dict[str, Any]:
    return {name: item(n)[name] for name in "ps"}


def opened(folder: str, settings: Settings) -> Region:
    peers = Peers()
    region = peers.regions[NAME] = Region(NAME, settings, folder, peers=peers.of(NAME))
    return region


async def made(region: Region, name: str, **more: Any) -> None:
    schema = [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}]
    definitions = [{"AttributeName": n, "AttributeType": "S"} for n in "ps"]
    await ask(region, "CreateTable", TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=schema, AttributeDefinitions=definitions, **more)


async def worked(region: Region, name: str) -> None:
    numbers = itertools.count()
    query = {"KeyConditionExpression": "p = :p", "ExpressionAttributeValues": {":p": {"S": "p5"}}, "Limit": 20}
    for what, asked in (
        ("PutItem", lambda: {"Item": item(next(numbers))}),
        ("GetItem", lambda: {"Key": key(next(numbers) % OPERATIONS)}),
        ("Query", lambda: query),
    ):
        await ask(region, what, TableName=name, **asked())
        began = time.process_time()
        for _ in range(OPERATIONS):
            await ask(region, what, TableName=name, **asked())
        print(f"{name:6} {what:8} {1e6 * (time.process_time() - began) / OPERATIONS:6.1f} µs of CPU", flush=True)


async def main(items: int) -> None:
    folder, settings = tempfile.mkdtemp(), Settings(seal=os.urandom(32))
    region = opened(folder, settings)
    root = principals.root("000000000000")
    arn = (await region.ask(root, "kms:CreateKey", {}))["KeyMetadata"]["Arn"]
    await made(region, "plain")
    await made(region, "sealed", SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": arn})
    for name in ("plain", "sealed", "plain", "sealed"):
        await worked(region, name)
    for name in ("plain", "sealed"):
        for n in range(items):
            await ask(region, "PutItem", TableName=name, Item=item(n))
    for name in ("plain", "sealed"):
        await region.close()
        region = opened(folder, settings)
        began = time.process_time()
        await ask(region, "GetItem", TableName=name, Key=key(1))
        print(f"{name:6} first get of a new life, {items} items: {time.process_time() - began:.3f} s of CPU", flush=True)
    await region.close()


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--items", type=int, default=50_000)
    asyncio.run(main(asked.parse_args().items))
