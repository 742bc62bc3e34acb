"""The servers of a region: those that run, by the ids of their instances."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import Any

from kumoniwa.aws import regions
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import Clock
from kumoniwa.services.rds.engine import Engine

ENGINE = "databases"
LOOPBACK = "127.0.0.1"
CERTIFICATE_S = 397 * 86_400.0
DAY_S = 86_400.0


class Servers:
    def __init__(self, home: Any) -> None:
        self.home = home
        self.goldens: dict[str, Any] = {}
        """What first data is made by, by engine."""
        self.by_id: dict[str, Any] = {}
        self.proxies: dict[str, Any] = {}
        """The processes of proxies, by their ids."""
        self.relays: dict[str, Any] = {}
        """The ways of replicas to sources in other regions, by the ids of the replicas; and the connections on such ways, by theirs."""
        self.streams: dict[str, Any] = {}

    def golden(self, engine: Engine) -> Any:
        if engine.name not in self.goldens:
            self.goldens[engine.name] = engine.golden(self.home.store.folder, self.home.settings.seal)
        return self.goldens[engine.name]

    def close_ways(self) -> None:
        for relay in self.relays.values():
            relay.close()
        for stream in list(self.streams.values()):
            stream.end()

    async def close(self) -> None:
        self.close_ways()
        ends = [golden.close() for golden in self.goldens.values()] + [proxy.stop() for proxy in self.proxies.values()]
        await asyncio.gather(*ends, *(server.stop() for server in self.by_id.values()))

    async def kill(self) -> None:
        """What the end of the region's process does to them."""
        self.close_ways()
        ends = [golden.close() for golden in self.goldens.values()] + [proxy.stop() for proxy in self.proxies.values()]
        await asyncio.gather(*ends, *(server.kill() for server in self.by_id.values()))

    def addresses(self) -> list[str]:
        """Where clients come in: at the address that every name on this machine stands for, and at the region's own."""
        own = regions.loopback(self.home.name)
        return [LOOPBACK, own] if own != LOOPBACK else [LOOPBACK]

    def certificate(self, *names: str) -> bytes:
        """A key and a certificate of the cloud's authority, for as long as the server runs."""
        from kumoniwa.engines import certificates  # noqa: PLC0415 - heavy, and only databases need it here

        now = Clock().now()  # TLS is judged by clients, whose clock no fault sets
        pair = certificates.authority(self.home.settings.seal, now)
        key, certificate = certificates.with_key(pair, "EC_prime256v1", [*names, "localhost", *self.addresses()], now - DAY_S, now + CERTIFICATE_S)
        return key + certificate


def servers(home: Any) -> Servers:
    found = home.engines.get(ENGINE)
    if found is None:
        found = home.engines[ENGINE] = Servers(home)
    return found


def folder_of(call: Call, id_: str) -> str:
    return os.path.join(call.blobs.folder, "instances", id_)


def snapshot_folder(call: Call, id_: str) -> str:
    return os.path.join(call.blobs.folder, "snapshots", id_)


def gone(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
