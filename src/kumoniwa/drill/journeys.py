"""What a journey does when its time has come: one call by one door, and one honest line in the history.

``ok`` means that the system did what was asked and said so; ``fail`` that it surely did not; ``info`` that nobody can tell: a
time-out or a reset after the request had left, or a server's error in answer to a write.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from kumoniwa.aws.regions import loopback, region_at
from kumoniwa.drill.aws_call import Aws, Refusal
from kumoniwa.drill.format.plan import Journey
from kumoniwa.drill.history import Op
from kumoniwa.drill.resolver import Resolver, Unresolved
from kumoniwa.drill.web import NotSent, Unknown, Web
from kumoniwa.gate.address import locate
from kumoniwa.wire.message import Request as HttpRequest

ABSENT = 404


@dataclass
class Client:
    """One simulated user: a name, a resolver, connections of its own."""

    name: str
    web: Web
    resolver: Resolver


@dataclass(frozen=True)
class Cloud:
    """Where the cloud under test is reached."""

    host: str
    port: int
    dns_port: int


@dataclass(frozen=True)
class Ask:
    """One act of a journey: which key, with which value if it writes, due when."""

    id: str
    key: str
    value: Any
    due: float
    phase: str = ""


class Reached:
    """What a call came to: the outcome, what was read, who answered."""

    def __init__(self, out: str, value: Any = None, status: int | None = None, code: str = "", served_by: str = "", trace: str = "") -> None:
        self.out, self.value, self.status, self.code, self.served_by, self.trace = out, value, status, code, served_by, trace


class Door:
    """One way into the system, for one journey. ``entry_region`` is where the last call of a client went."""

    def __init__(self, journey: Journey, cloud: Cloud) -> None:
        self.journey, self.cloud = journey, cloud
        self.writes = journey.kind in ("write", "send")

    async def act(self, client: Client, ask: Ask, now: Any) -> Op:
        """Do it. ``now`` reads the clock that ``due`` was written by."""
        began = now()
        region = ""
        try:
            region = await self.where(client)
            reached = await self.call(client, ask)
        except NotSent as error:
            reached = Reached("fail", code=str(error))
        except Unresolved as error:
            reached = Reached("fail", code=str(error))
        except Unknown as error:
            reached = Reached("info" if self.writes or self.journey.kind == "receive" else "fail", code=str(error))
        except Refusal as error:
            reached = Reached("info" if self.writes and error.status >= 500 else "fail", status=error.status, code=error.code)
        served_by = reached.served_by or (region if reached.out == "ok" else "")
        return Op(
            id=ask.id, client=client.name, journey=self.journey.name, f={"send": "send", "receive": "recv"}.get(self.journey.kind, self.journey.kind),
            key=ask.key, value=ask.value if self.writes else reached.value, due=ask.due, t0=began, t1=now(), out=reached.out,
            status=reached.status, code=reached.code, entry_region=region, served_by=served_by, trace=reached.trace, phase=ask.phase,
        )  # fmt: skip

    async def where(self, client: Client) -> str:
        """The region this client reaches now."""
        raise NotImplementedError

    async def call(self, client: Client, ask: Ask) -> Reached:
        raise NotImplementedError


def filled(template: Any, key: str, value: Any) -> Any:
    """A body or path with ``{key}`` and ``{value}`` put in."""
    if isinstance(template, dict):
        return {name: filled(one, key, value) for name, one in template.items()}
    if isinstance(template, list):
        return [filled(one, key, value) for one in template]
    if isinstance(template, str):
        return value if template == "{value}" else template.replace("{key}", key).replace("{value}", str(value))
    return template


class WebDoor(Door):
    """HTTP. ``dns://`` and names are resolved by the cloud's DNS server; AWS's own host names lead to the cloud's port."""

    def __init__(self, journey: Journey, cloud: Cloud) -> None:
        super().__init__(journey, cloud)
        parts = urlsplit(journey.entry)
        self.name, self.base = parts.hostname or "", parts.path.rstrip("/")
        self.host = parts.netloc
        self.fixed: tuple[str, int] | None = None
        region = locate(HttpRequest("GET", "/", "", {"host": self.host})).region
        if parts.scheme != "dns" and (self.name == "localhost" or self.name.startswith("127.")):
            self.fixed = (self.name if self.name != "localhost" else "127.0.0.1", parts.port or 80)
        elif parts.scheme != "dns" and self.name.endswith((".amazonaws.com", ".on.aws", ".localhost")) and region is not None:
            self.fixed = (loopback(region), cloud.port)
        self.addresses: dict[str, tuple[str, int]] = {}

    async def where(self, client: Client) -> str:
        if self.fixed is not None:
            address = self.fixed
        else:
            address = (await client.resolver.address(self.name, ignores_ttl=self.journey.ttl == "ignore"), self.cloud.port)
        self.addresses[client.name] = address
        return region_at(address[0]) or ""

    async def call(self, client: Client, ask: Ask) -> Reached:
        one = self.journey
        method = one.method or ("POST" if self.writes else "GET")
        path = one.path or ("" if self.writes else "/{key}")
        target = quote(self.base + filled(path, ask.key, ask.value), safe="/%?=&:@!$'()*+,;~-._") or "/"
        headers = {"host": self.host, "accept": "application/json", **dict(one.headers)}
        body = b""
        if self.writes:
            template = one.body if one.body is not None else {one.key: "{key}", one.value: "{value}"}
            content = filled(template, ask.key, ask.value)
            body = content.encode() if isinstance(content, str) else orjson.dumps(content)
            headers.setdefault("content-type", "application/json")
        answer = await client.web.ask(self.addresses[client.name], method, target, headers, body, one.timeout_s)
        said = _json(answer.body)
        served_by = str(said.get(one.served_by, "")) if one.served_by else ""
        trace = answer.headers.get("x-amzn-trace-id", "") or answer.headers.get("x-amzn-requestid", "")
        told = {"status": answer.status, "served_by": served_by, "trace": trace}
        if 200 <= answer.status < 300:
            return Reached("ok", None if self.writes else said.get(one.value), **told)
        if not self.writes and answer.status == ABSENT:
            return Reached("ok", None, **told)  # the service works, and says that nothing is there
        code = f"HTTP {answer.status}"
        return Reached("info" if self.writes and answer.status >= 500 else "fail", code=code, **told)


def _json(body: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


class AwsDoor(Door):
    """A service of one region, called as AWS's clients call it: ``table://REGION/NAME`` and its like."""

    def __init__(self, journey: Journey, cloud: Cloud) -> None:
        super().__init__(journey, cloud)
        parts = urlsplit(journey.entry)
        self.region, self.name = parts.netloc, parts.path.strip("/")
        self.callers: dict[str, Aws] = {}

    async def where(self, client: Client) -> str:
        return self.region

    def aws(self, client: Client) -> Aws:
        if client.name not in self.callers:
            self.callers[client.name] = Aws(client.web, self.cloud.port)
        return self.callers[client.name]


class TableDoor(AwsDoor):
    async def call(self, client: Client, ask: Ask) -> Reached:
        one, aws = self.journey, self.aws(client)
        if self.writes:
            more = filled(one.body, ask.key, ask.value) if isinstance(one.body, dict) else {}
            item = {name: {"S": str(text)} for name, text in {one.key: ask.key, one.value: ask.value, **more}.items()}
            await aws.call(self.region, "dynamodb:PutItem", {"TableName": self.name, "Item": item}, one.timeout_s)
            return Reached("ok", status=200)
        params = {"TableName": self.name, "Key": {one.key: {"S": ask.key}}, "ConsistentRead": one.consistency == "strong"}
        item = (await aws.call(self.region, "dynamodb:GetItem", params, one.timeout_s)).get("Item", {})
        return Reached("ok", plain(item.get(one.value)), status=200)


def plain(attribute: dict[str, Any] | None) -> Any:
    """A DynamoDB attribute as the value a client wrote: its text or number; other types as they are."""
    if attribute is None:
        return None
    ((kind, value),) = attribute.items()
    return value if kind in ("S", "N") else attribute


class FunctionDoor(AwsDoor):
    async def call(self, client: Client, ask: Ask) -> Reached:
        one = self.journey
        template = one.body if one.body is not None else {"f": one.kind, one.key: "{key}", **({one.value: "{value}"} if self.writes else {})}
        answer = await self.aws(client).invoke(self.region, self.name, orjson.dumps(filled(template, ask.key, ask.value)), one.timeout_s)
        if answer.status >= 300 or "x-amz-function-error" in answer.headers:
            code = answer.headers.get("x-amz-function-error", f"HTTP {answer.status}")
            return Reached("info" if self.writes and (answer.status < 300 or answer.status >= 500) else "fail", status=answer.status, code=code)
        return Reached("ok", None if self.writes else _json(answer.body).get(one.value), status=answer.status)


class QueueDoor(AwsDoor):
    """Sends carry the unique value as their body; a receive takes what is there and deletes it."""

    def __init__(self, journey: Journey, cloud: Cloud) -> None:
        super().__init__(journey, cloud)
        self.url = ""

    async def _queue(self, client: Client) -> str:
        if not self.url:
            found = await self.aws(client).call(self.region, "sqs:GetQueueUrl", {"QueueName": self.name}, self.journey.timeout_s)
            self.url = found["QueueUrl"]
        return self.url

    async def call(self, client: Client, ask: Ask) -> Reached:
        url = await self._queue(client)
        params = {"QueueUrl": url, "MessageBody": str(ask.value)}
        if self.name.endswith(".fifo"):
            params |= {"MessageGroupId": ask.key, "MessageDeduplicationId": str(ask.value)}
        await self.aws(client).call(self.region, "sqs:SendMessage", params, self.journey.timeout_s)
        return Reached("ok", status=200)

    async def receive(self, client: Client, timeout_s: float, most: int = 10) -> list[tuple[str, str]]:
        """(group, body) of up to ten messages, which are then deleted."""
        aws, url = self.aws(client), await self._queue(client)
        asked = {"QueueUrl": url, "MaxNumberOfMessages": most, "WaitTimeSeconds": 0, "MessageSystemAttributeNames": ["All"]}
        messages = (await aws.call(self.region, "sqs:ReceiveMessage", asked, timeout_s)).get("Messages", [])
        if messages:
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
            await aws.call(self.region, "sqs:DeleteMessageBatch", {"QueueUrl": url, "Entries": entries}, timeout_s)
        return [(message.get("Attributes", {}).get("MessageGroupId", ""), message["Body"]) for message in messages]


DOORS = {"table": TableDoor, "queue": QueueDoor, "function": FunctionDoor}


def door(journey: Journey, cloud: Cloud) -> Door:
    """The way in that the journey's entry names."""
    return DOORS.get(urlsplit(journey.entry).scheme, WebDoor)(journey, cloud)


def strong(journey: Journey) -> Journey:
    """The same journey asking for the truth."""
    return replace(journey, consistency="strong")
