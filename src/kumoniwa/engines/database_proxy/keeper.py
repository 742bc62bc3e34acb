"""The process of one proxy: its endpoints, its clients and its sessions, in an event loop of their own.

It is told its configuration and answers by lines of JSON at its stdin, and tells at its stdout whether it listens, how its target is, what it
logs, and what it must ask its region: whether a token of IAM is good, and what secrets say now. The end of stdin is the region's.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from kumoniwa.engines.database_proxy.client import Client
from kumoniwa.engines.database_proxy.figures import Figures
from kumoniwa.engines.database_proxy.pool import Pool
from kumoniwa.engines.database_proxy.proxy import LINE_BYTES_MAX
from kumoniwa.engines.database_proxy.session import Session
from kumoniwa.engines.lambda_runtime.frames import die_with_parent
from kumoniwa.engines.postgresql.front import tls_context

BACKLOG = 512
ANSWERED_WITHIN_S = 30.0


class Wire(NamedTuple):
    """What is a protocol's own."""

    client: Callable[[Endpoint], asyncio.BaseProtocol]
    """What speaks to one, as soon as there is one."""
    session: type[Session]
    port: int
    """Where all proxies listen that speak it."""
    tls_most: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED


class Endpoint:
    """Where clients come in; its name is the log's."""

    server: asyncio.Server

    def __init__(self, proxy: Proxy, name: str, address: str) -> None:
        self.proxy, self.name, self.address = proxy, name, address


class Proxy:
    context: ssl.SSLContext

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.config: dict[str, Any] = {}
        self.users: dict[str, dict[str, str]] = {}
        self.clients: set[Client] = set()
        self.endpoints: dict[str, Endpoint] = {}
        self.told: dict[Any, Any] = {}
        """What databases told, by who connected how."""
        self.figures = Figures()
        self.salt = os.urandom(16)
        self.pool = Pool(wire.session, self.figures, self.say, self.log, self._password)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._count = 0

    def say(self, **facts: Any) -> None:
        try:
            sys.stdout.write(json.dumps(facts) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            os._exit(0)  # the region is gone, and so are we

    def log(self, level: str, words: str) -> None:
        """What pins and what is refused always, all else where the proxy logs in detail."""
        if level == "WARN" or self.config["is_debug"]:
            self.say(log=[level, words])

    def requested(self, client: Client) -> None:
        self.figures.count("QueryRequests")
        self.figures.count("QueryRequestsTLS" if client.is_encrypted else "QueryRequestsNoTLS")

    # What only the region knows ---------------------------------------------------------------

    async def _ask(self, **what: Any) -> Any:
        self._count += 1
        number = self._count
        self._asked[number] = asyncio.get_running_loop().create_future()
        self.say(ask=number, **what)
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                return await self._asked[number]
        except TimeoutError:
            return None
        finally:
            del self._asked[number]

    async def judged(self, token: str, user: str, endpoint: Endpoint) -> bool:
        return bool(await self._ask(token=token, user=user, endpoint=endpoint.name))

    async def latest(self, user: str) -> dict[str, str] | None:
        """What secrets say of a user now."""
        await self._ask(secrets=True)
        return self.users.get(user)

    async def _password(self, user: str) -> str | None:
        found = await self.latest(user)
        return found["password"] if found is not None else None

    # Its configuration ------------------------------------------------------------------------

    async def configure(self, config: dict[str, Any]) -> None:
        before, self.config = self.config, config
        if config["certificate"] != before.get("certificate"):
            self.context = tls_context(config["certificate"].encode())
            self.context.maximum_version = self.wire.tls_most
        self.users = config["users"]
        passwords = {name: user["password"] for name, user in self.users.items()}
        if config["folder"] != before.get("folder") or config["pool"]["init"] != before.get("pool", {}).get("init"):
            self.told.clear()
        self.pool.configure(config["folder"], config["barred"], config["pool"], passwords)
        for name in [name for name in self.endpoints if config["endpoints"].get(name) != self.endpoints[name].address]:
            self._shut(self.endpoints.pop(name))
        failed = []
        for name, address in config["endpoints"].items():
            if name not in self.endpoints:
                try:
                    self.endpoints[name] = await self._listen(name, address)
                except OSError as error:
                    failed.append([name, str(error)])
        if config["idle_client_s"] != before.get("idle_client_s"):
            for client in self.clients:
                client.reconsider()
        self.say(listens=sorted(self.endpoints), failed=failed)

    async def _listen(self, name: str, address: str) -> Endpoint:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((address, self.wire.port))
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
        endpoint = Endpoint(self, name, address)
        endpoint.server = await asyncio.get_running_loop().create_server(lambda: self.wire.client(endpoint), sock=listening, backlog=BACKLOG)
        return endpoint

    def _shut(self, endpoint: Endpoint) -> None:
        endpoint.server.close()
        for client in [each for each in self.clients if each.endpoint is endpoint]:
            client.transport.close()

    # Its life ---------------------------------------------------------------------------------

    def _figures(self) -> dict[str, Any]:
        sessions, clients = self.pool.sessions, [each for each in self.clients if each.is_in]
        lent = [each for each in sessions if each.client is not None]
        now = {
            "ClientConnections": len(clients), "ClientConnectionsTLS": sum(each.is_encrypted for each in clients),
            "ClientConnectionsNoTLS": sum(not each.is_encrypted for each in clients), "DatabaseConnections": len(sessions),
            "DatabaseConnectionsCurrentlyBorrowed": len(lent),
            "DatabaseConnectionsCurrentlyInTransaction": sum(each.is_in_transaction for each in lent),
            "DatabaseConnectionsCurrentlySessionPinned": sum(each.client.pinned is not None for each in lent),
            "DatabaseConnectionsWithTLS": 0, "MaxDatabaseConnectionsAllowed": self.pool.most if self.pool.connections_max else 0,
        }  # fmt: skip
        return {"now": now, **self.figures.taken()}

    async def run(self) -> None:
        reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            wish = json.loads(line)
            if "config" in wish:
                await self.configure(wish["config"])
            elif "look" in wish:
                self.pool.look_now()
            elif "figures" in wish:
                self.say(answer=wish["figures"], figures=self._figures())
            elif (asked := self._asked.get(wish["answer"])) is not None and not asked.done():
                asked.set_result(wish["said"])


def serve(wire: Wire) -> None:
    """Be the proxy of the process whose number is our argument."""
    die_with_parent(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's is for the cloud, which says what to do
    asyncio.run(Proxy(wire).run())
