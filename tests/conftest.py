"""Regions on virtual time, spoken to by real botocore clients without a socket.

``cloud.client("sqs")`` is an ordinary boto3 client whose requests go straight into a region of this test's cloud.
``cloud.sleep(30)`` moves the clock. For calls in parallel, ``cloud.start(client.receive_message, …)`` gives a task
and ``cloud.wait(task)`` its result.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import shutil
import socket
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import botocore.auth
import botocore.crt.auth
import botocore.exceptions
import botocore.session
import hypothesis
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from kept_processes import KeptNursery, KeptWorkshop, forget, kept
from websocket_client import WebSocketClient

from kumoniwa.cloud import catalogue
from kumoniwa.cloud.anycast import nearest
from kumoniwa.cloud.faults import Injected, overlays
from kumoniwa.cloud.links import Links
from kumoniwa.cloud.region import Region
from kumoniwa.engines import lake
from kumoniwa.engines.lambda_runtime import runtimes
from kumoniwa.engines.vpc_network import network
from kumoniwa.gate.address import EDGE, GLOBAL, is_led, locate
from kumoniwa.gate.private_network import Network
from kumoniwa.gate.settings import Settings
from kumoniwa.gate.usage import LastUse
from kumoniwa.kernel.clock import VIRTUAL_EPOCH_S, VirtualLoop
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.fault import Fault, FaultRefused
from kumoniwa.links.peers import Peers
from kumoniwa.services.cloudformation import template
from kumoniwa.services.config import pack
from kumoniwa.services.rds import hosting, mariadb, postgres
from kumoniwa.wire.http import Connection
from kumoniwa.wire.message import File, Request, Response

os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(Path(__file__).parents[1] / ".pytest_tmp"))
"""Where functions of a test may leave what it looks at: they have a /tmp of their own."""
Path(os.environ["PYTEST_DEBUG_TEMPROOT"]).mkdir(exist_ok=True)
_SESSION = botocore.session.Session()
# What botocore does for each call anew takes longer than many calls themselves: it describes itself, and has awscrt sign, as it does
# where that is installed, in twice the time of its own signers, which most people use.
_CONFIG = {"retries": {"max_attempts": 0}, "user_agent": f"Boto3/{botocore.__version__}"}
botocore.auth.AUTH_TYPE_MAPS |= {
    "v4": botocore.auth.SigV4Auth, "v4-query": botocore.auth.SigV4QueryAuth,
    "s3v4": botocore.auth.S3SigV4Auth, "s3v4-query": botocore.auth.S3SigV4QueryAuth,
}  # fmt: skip
runtimes.Nursery = KeptNursery
template.Workshop = pack.Workshop = KeptWorkshop
postgres.Golden = kept(postgres.Golden)
mariadb.Golden = kept(mariadb.Golden)

# Timing decides no test: a busy machine is slow at making examples too. Nor does luck: ``make fuzz`` seeks what nobody has met yet.
_PATIENT = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("any machine", derandomize=True, **_PATIENT)
hypothesis.settings.register_profile("by chance", derandomize=False, **_PATIENT)
hypothesis.settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Databases are asked of where they can run. Where they cannot, as for root without user namespaces, RDS refuses itself by name. So does
    Lambda a function in a VPC where there are no network namespaces."""
    for marker, engine in (("database", postgres.Postgres), ("mariadb", mariadb.MariaDb)):
        wanted = [item for item in items if item.get_closest_marker(marker)]
        if wanted:
            try:
                engine().version()
            except NotImplementedHere as error:
                for item in wanted:
                    item.add_marker(pytest.mark.skip(reason=error.text))
    within = [item for item in items if item.get_closest_marker("network")]
    if within and (why := network.refusal()) is not None:
        for item in within:
            item.add_marker(pytest.mark.skip(reason=f"nothing can be put into a network {why}"))


def pytest_collection_finish() -> None:
    """Thousands of collected tests live as long as the run: looking through them for garbage again and again is a fifth of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 20)


def pytest_sessionfinish() -> None:
    forget()


class _Parts:
    """A response body in the form botocore reads."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, *_: Any, **__: Any):
        yield self.body

    def read(self, amount: int | None = None) -> bytes:
        amount = len(self.body) if amount is None else amount
        part, self.body = self.body[:amount], self.body[amount:]
        return part

    def close(self) -> None: ...


class _Door:
    """Where a client's requests go: into the cloud that has it now."""

    def __init__(self) -> None:
        self.cloud: Cloud | None = None

    def send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        return self.cloud._send(request)


_IDLE: dict[tuple, list[tuple[Any, _Door]]] = {}
"""Clients of clouds that are gone, for the next: to make one takes longer than most tests' calls."""


class _Started(BaseException):
    """Carries a captured request out of botocore."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        self.request = request


class Cloud:
    """Some regions in one virtual loop."""

    def __init__(self, folder: str, *, links: str = "none", **settings: Any) -> None:
        self.folder = folder
        self.loop = VirtualLoop()
        self.links = Links(links)
        self.peers: dict[str, Peers] = {}
        self.dark: set[str] = set()
        self.faults: dict[str, Injected] = {}
        self.events: list[dict[str, Any]] = []
        """What regions noted, in order: ``{"kind": "apply", "region": …}``."""
        self.settings = Settings(seal=b"k" * 32, **settings)
        self.here = self.settings.region
        """The region at whose address requests come in, for those that name none."""
        self.regions: dict[str, Region] = {}
        self.seeds = itertools.count(1)
        self._capturing = False
        self._meetings: list[asyncio.Task] = []
        """Lines that are being made, or were."""
        self._end_next: Callable[[Request], Coroutine[Any, Any, tuple[Response, bytes] | None]] | None = None
        self._clients: dict[tuple, tuple[Any, _Door]] = {}
        self._sockets: list[WebSocketClient] = []
        self._doors: dict[socket.socket, tuple[str, Callable[[], None]]] = {}
        """What is accepted from in private networks: the region whose they are, and how to end it."""

    # Regions ----------------------------------------------------------------------------------

    def region(self, name: str = "us-east-1") -> Region:
        if name not in self.regions:
            peers = self.peers[name] = _Peers(self, name)
            region = peers.region = Region(name, self.settings, f"{self.folder}/{name}", peers=peers, outside=self, seed=next(self.seeds))
            region.is_watched = True
            self.regions[name] = region
            self.dark.discard(name)
            self.run(region.open())
            region.suffer(self._faults_of(name))
            self.run(self._introduce(*(self.regions.values() if name == GLOBAL else [region])))
        return self.regions[name]

    async def _introduce(self, *regions: Region) -> None:
        """Let regions follow ``aws-global``, if there is one."""
        home = self.regions.get(GLOBAL)
        for region in regions:
            if home is not None and home is not region:
                region.gate.replicate_all(home.gate.replica())
                home.followers.append(partial(self._follow, region.name))
            await region.store.journal.settled()

    def _follow(self, name: str, changes: list) -> None:
        if name in self.regions:
            self.regions[name].gate.replicate(changes)

    def restart(self, name: str = "us-east-1", *, kill: bool = False) -> Region:
        """End a region (without goodbye if ``kill``) and open it again on its data."""
        if kill:
            self.kill(name)
        else:
            self._end_region(name, lambda region: self.run(region.close()))
        return self.region(name)

    def kill(self, name: str) -> None:
        """End a region without goodbye. It is dark until ``restart`` or ``region`` opens it again."""
        self.dark.add(name)
        self._end_region(name, self._drop)

    def _drop(self, region: Region) -> None:
        self.run(region.end_tasks())
        if "lambda" in region.engines:
            region.engines["lambda"].runtimes.nursery.close()
        if "workshop" in region.engines:
            self.run(region.engines["workshop"].close())
        if hosting.ENGINE in region.engines:
            self.run(region.engines[hosting.ENGINE].kill())
        if lake.ENGINE in region.engines:
            self.run(region.engines[lake.ENGINE].close())
        region.spawn = self._never  # what hears of its children's ends begins nothing more: a process would be gone
        self.run(region.end_tasks())
        if self.loop._default_executor is not None:  # and so would its threads, which would write on beside those of the next life
            self.loop._default_executor.shutdown()
            self.loop._default_executor = None
        region.store.journal.open.clear()  # what was not committed is gone
        for rows in region.store._accounts.values():
            rows.connection.close()

    def _never(self, coroutine: Coroutine) -> asyncio.Future:
        coroutine.close()
        return self.loop.create_future()

    def _end_region(self, name: str, end: Callable[[Region], None]) -> None:
        region = self.regions.pop(name)
        self._part(name)
        for owner, close in list(self._doors.values()):
            if owner == name:
                close()
        end(region)
        self.run(_gathered(tuple(self._meetings)))
        self._meetings.clear()
        self._part(name)  # what was made meanwhile
        for peer in self.peers.pop(name).by_name.values():
            peer.line.close()  # what was under way to it finds nobody

    def kill_in_midst(self, turns: int) -> None:
        """Kill the region and open it again in the midst of the next call, after so many turns of the loop. Who calls hears nothing, unless
        he was answered by then."""
        self._end_next = partial(self._cut, turns)

    def kill_at_answer(self) -> None:
        """Kill the region the moment it answers the next call, and open it again: what is not on the disk by then is gone."""
        self._end_next = self._last_words

    async def _cut(self, turns: int, request: Request) -> tuple[Response, bytes] | None:
        """What a call is answered in the turns that are left to it; None if it is not."""
        answer = self.loop.create_task(self.deliver(request))
        for _ in range(turns):
            await asyncio.sleep(0)
        if answer.done():
            return answer.result()
        answer.cancel()
        return None

    async def _last_words(self, request: Request) -> tuple[Response, bytes]:
        """The answer of a region that ends with it: what lies on its disk that moment is what the next life finds."""
        folder, done = Path(self.folder) / self.here, self.loop.create_future()

        def reply(response: Response) -> None:
            shutil.copytree(folder, f"{folder}-then", ignore=_of_this_life)
            done.set_result(response)

        request.address = locate(request)
        self.regions[self.here].answer(request, reply)
        response = await done
        return response, await _body(response)

    def _part(self, name: str) -> None:
        """End the lines of a region; what it had sent is under way."""
        for peer in self.peers[name].by_name.values():
            peer.transport.abort()

    # Links and faults -------------------------------------------------------------------------

    def bring_together(self, one: str, other: str) -> None:
        """Give two regions a line, as the fleet does; a dark region says nothing."""
        if other in self.regions:
            ends = socket.socketpair()
            for (name, far), end in zip(((one, other), (other, one)), ends):
                self.peers[name].conditions[far] = self.links.conditions(far, name)
                self._meetings.append(self.loop.create_task(self.peers[name].meet(far, end)))
        elif other not in self.dark:
            self.peers[one].unreachable(other)

    def fault(self, name: str, target: dict | None = None, **params: Any) -> str:
        """Inject a fault of links or of a region; answers its id."""
        return self.run(self.inject("start", {"fault": name, "target": target or {}, **params}))["id"]

    def heal(self, id_: str | None = None) -> None:
        """End a fault, or all."""
        for each in [id_] if id_ else list(self.faults):
            self.run(self.inject("heal", {"id": each}))

    async def inject(self, what: str, asked: dict[str, Any]) -> dict[str, Any]:
        """What the fleet does for the admin door and for services, without processes."""
        if what == "start":
            name, kind, target, params = catalogue.read(asked)
            fault = Injected(len(self.faults) + 1, name, kind, target, params)
            if kind.where == "fleet":
                raise FaultRefused(f"{name} is for processes: use cloud.kill")
            self.faults[fault.id] = fault
            if kind.where == "link":
                self.links.overlays += overlays(fault)
            if "duration" in asked:
                self.loop.call_later(asked["duration"], self._end, fault)
        else:
            self._end(fault := self.faults[asked["id"]])
        self._suffer()
        return fault.told()

    def _end(self, fault: Injected) -> None:
        fault.state = "healed"
        self.links.overlays = [overlay for overlay in self.links.overlays if overlay.fault != fault.id]
        self._suffer()

    def _suffer(self) -> None:
        for name, region in self.regions.items():
            region.suffer(self._faults_of(name))
            for other in self.regions:
                if other != name:
                    self.peers[name].become(other, self.links.conditions(other, name))

    def _faults_of(self, name: str) -> list[Fault]:
        return [
            Fault(id=f.id, kind=f.name, target=f.target, params=f.params)
            for f in self.faults.values()
            if f.state == "active" and f.kind.where in ("region", "edge") and f.target.get("region", name) in (name, [name])
        ]

    def stand_at(self, address: str, is_there: bool) -> None:
        """There is no door that would listen."""

    def noted(self, kind: str, facts: dict[str, Any]) -> None:
        self.events.append({"kind": kind, **facts})

    def close(self) -> None:
        for client in self._sockets:
            client.vanish()
        for name, made in self._clients.items():
            if name[0] != "s3":  # S3's remember where buckets are.
                _IDLE.setdefault(name, []).append(made)
        for name in list(self.regions):
            self._end_region(name, lambda region: self.run(region.close()))
        self.run(asyncio.sleep(0))
        left = asyncio.all_tasks(self.loop)
        assert not left, f"outlived the cloud: {left}"
        self.loop.close()

    # Time -------------------------------------------------------------------------------------

    def run(self, coroutine: Coroutine) -> Any:
        return self.loop.run_until_complete(coroutine)

    def sleep(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def sleep_and_settle(self, seconds: float) -> None:
        """And then until no process or thread works any more at what was begun by then, which takes real time."""
        self.sleep(seconds)
        while self.loop._skipping.holds:
            self.sleep(0.1)
            if not self.loop._skipping.holds:
                self.sleep(0.1)

    @contextlib.contextmanager
    def real_time(self) -> Iterator[None]:
        """Have a second last a second: what other programs date stands as far from now as they say."""
        self.loop._skipping.holds += 1
        try:
            yield
        finally:
            self.loop._skipping.holds -= 1

    def sleep_dark(self, seconds: float) -> None:
        """Weeks and months, in no time: the regions are down meanwhile, and make up for what was due when they are up again."""
        names = list(self.regions)
        for name in names:
            self.kill(name)
        self.sleep(seconds)
        for name in names:
            self.region(name)

    def now(self) -> float:
        return VIRTUAL_EPOCH_S + self.loop.time()

    # Calls ------------------------------------------------------------------------------------

    def client(self, service: str, region: str = "us-east-1", key: str = "test", secret: str = "test", token: str | None = None, **config):
        """A boto3 client whose requests go straight into ``region``."""
        name = (service, region, key, secret, token, tuple(sorted(config.items())))
        if name not in self._clients:
            client, door = self._clients[name] = _IDLE[name].pop() if _IDLE.get(name) else self._made(*name[:5], config)
            door.cloud = self
        return self._clients[name][0]

    def own_client(self, service: str, region: str = "us-east-1", key: str = "test", secret: str = "test", token: str | None = None, **config):
        """The same for a test that hangs its own handlers on the client: nobody else gets it, before or after."""
        client, door = self._made(service, region, key, secret, token, config)
        door.cloud = self
        return client

    def _made(self, service: str, region: str, key: str, secret: str, token: str | None, config: dict[str, Any]) -> tuple[Any, _Door]:
        client = _SESSION.create_client(
            service,
            region_name=region,
            endpoint_url="http://localhost:4566",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(**_CONFIG, **({"s3": {"addressing_style": "path"}} if service == "s3" else {}), **config),
        )
        door = _Door()
        client.meta.events.register("before-send", door.send)
        return client, door

    def _send(self, request: AWSPreparedRequest) -> AWSResponse:
        if self._capturing:
            raise _Started(request)
        response, body = self._answer(_plain(request))
        return AWSResponse(request.url, response.status, _Headers(response.headers), _Parts(body))

    def _answer(self, request: Request) -> tuple[Response, bytes]:
        if self._end_next is None:
            return self.run(self.deliver(request))
        end, self._end_next = self._end_next, None
        answer = self.run(end(request))
        self.kill(self.here)
        folder = Path(self.folder) / self.here
        if (then := Path(f"{folder}-then")).exists():
            shutil.rmtree(folder)
            then.rename(folder)
        self.region(self.here)
        if answer is None:
            raise botocore.exceptions.ConnectionClosedError(endpoint_url="http://localhost:4566")
        return answer

    async def deliver(self, request: Request) -> tuple[Response, bytes]:
        """Hand a request to the region it names; answers the response and its body."""
        request.address = locate(request)
        asked = await self._led(request.address.name) if is_led(request.address) else request.address.region
        region = self.regions.get(asked or self.here)
        if region is None:
            self.loop.call_soon(lambda: None)
            raise AssertionError(f"open the region first: cloud.region({request.address.region!r})")
        done = self.loop.create_future()
        region.answer(request, done.set_result)
        response = await done
        return response, await _body(response)

    async def _led(self, alias: str) -> str | None:
        """The region that the edge leads a request to, as the door does."""
        active = await self.regions[EDGE].heard("", "s3control", {"do": "where", "alias": alias})
        return nearest(active, self.here, self.links, self.regions.__contains__) if active else None

    def let_in(self, listener: socket.socket, network: Network) -> Callable[[], None]:
        """Answer who comes to a socket in a private network, as the door does."""

        def answer(request: Request, reply: Callable[[Response], None]) -> None:
            request.address = locate(request)
            name = (request.address.region if network.public_ip else network.region) or self.here
            if name in self.regions:
                self.regions[name].answer(request, reply)

        def accept() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                connection.setblocking(False)
                self._accepting = self.loop.create_task(
                    self.loop.connect_accepted_socket(lambda: Connection(answer, network=network), connection)
                )

        listener.setblocking(False)
        self.loop.add_reader(listener, accept)

        def close() -> None:
            if self._doors.pop(listener, None) is not None:
                self.loop.remove_reader(listener)
                listener.close()

        self._doors[listener] = network.region, close
        return close

    def start(self, method: Any, **params: Any) -> asyncio.Task:
        """Begin a call without waiting for it: ``cloud.start(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)``."""
        self._capturing = True
        try:
            method(**params)
        except _Started as started:
            request = started.request
        finally:
            self._capturing = False
        client = method.__self__
        operation = client.meta.method_to_api_mapping[method.__name__]
        model = client.meta.service_model.operation_model(operation)

        async def finish() -> dict:
            response, body = await self.deliver(_plain(request))
            parser = _SESSION.get_component("response_parser_factory").create_parser(client.meta.service_model.resolved_protocol)
            parsed = parser.parse(
                {"status_code": response.status, "headers": _Headers(response.headers), "body": body}, model.output_shape
            )
            if response.status >= 300:
                code = parsed.get("Error", {}).get("Code")
                raise client.exceptions.from_code(code)(parsed, operation)
            return parsed

        return self.loop.create_task(finish())

    def wait(self, *tasks: asyncio.Task) -> Any:
        results = self.run(_gathered(tasks))
        return results[0] if len(tasks) == 1 else results

    def http(self, method: str, path: str, *, host: str = "localhost:4566", headers: dict | None = None, body: bytes = b""):
        """One plain HTTP request; answers (status, headers, body)."""
        path, _, query = path.partition("?")
        length = {"content-length": str(len(body))} if body or method in ("PUT", "POST") else {}
        request = Request(method, path, query, {"host": host, **length, **{k.lower(): v for k, v in (headers or {}).items()}}, body)
        response, content = self._answer(request)
        return response.status, response.headers, content


    def websocket(self, path: str, *, region: str = "us-east-1", **more: Any) -> WebSocketClient:
        """A WebSocket's client, connected or refused: real sockets, virtual time. ``host``, ``headers`` and ``subprotocols``
        are as the client sends them."""
        client = self.run(WebSocketClient.connect(self, self.regions[region], path, **more))
        self._sockets.append(client)
        return client


def _of_this_life(folder: str, names: list[str]) -> list[str]:
    """What processes that live make of a region's store: SQLite's index of its log, and where functions run."""
    return [name for name in names if name.endswith("-shm") or (name == "lambda" and not folder.endswith(".blobs"))]


async def _gathered(tasks: tuple) -> list:
    return await asyncio.gather(*tasks)


class _Peers(Peers):
    """A region's lines in one loop: real sockets, virtual time."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        super().__init__(None, lambda other: cloud.bring_together(name, other))
        self.cloud = cloud

    def used(self, key_id: str, use: LastUse) -> None:
        if GLOBAL in self.cloud.regions:
            self.cloud.regions[GLOBAL].gate.usage.keep(key_id, use)


class _Headers(dict):
    """Header names without regard to case, as botocore expects them."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())


def _plain(request: AWSPreparedRequest) -> Request:
    scheme, _, rest = request.url.partition("://")
    host, _, target = rest.partition("/")
    path, _, query = ("/" + target).partition("?")
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name.lower()] = value.decode() if isinstance(value, bytes) else str(value)
    headers.setdefault("host", host)
    return Request(request.method, path, query, headers, body.encode() if isinstance(body, str) else bytes(body), is_tls=scheme == "https")


async def _body(response: Response) -> bytes:
    body = response.body
    if isinstance(body, File):
        with open(body.path, "rb") as file:
            file.seek(body.offset)
            return file.read(body.length)
    if isinstance(body, tuple):
        return b"".join([await _body(Response(200, file)) for file in body])
    if isinstance(body, bytes):
        return body
    if body is None:
        raise botocore.exceptions.ConnectionClosedError(endpoint_url="http://localhost:4566")
    return b"".join([piece async for piece in body])


@pytest.fixture
def make_cloud(tmp_path, monkeypatch):
    """A maker of clouds with settings of their own: ``make_cloud(iam="audit")``."""
    made = []

    def make(*regions: str, **settings: Any) -> Cloud:
        cloud = Cloud(str(tmp_path / f"cloud{len(made)}"), **settings)
        made.append(cloud)
        # Clients sign with the cloud's time: a region refuses a signature of another day.
        for signer in (botocore.auth, botocore.crt.auth):
            monkeypatch.setattr(signer, "get_current_datetime", lambda remove_tzinfo=True: datetime.fromtimestamp(cloud.now(), UTC))
        for name in regions or ("us-east-1", GLOBAL):
            cloud.region(name)
        return cloud

    yield make
    for cloud in made:
        cloud.close()


@pytest.fixture(scope="module")
def lasting_cloud(tmp_path_factory):
    """One region, us-east-1, for all tests of a module: for those that leave nothing behind."""
    cloud = Cloud(str(tmp_path_factory.mktemp("cloud")))
    cloud.region("us-east-1")
    yield cloud
    cloud.close()


@pytest.fixture
def cloud(make_cloud) -> Cloud:
    """One region, us-east-1, and aws-global."""
    return make_cloud("us-east-1", GLOBAL)
