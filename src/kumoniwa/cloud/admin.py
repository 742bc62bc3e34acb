"""The admin door, ``/_kumoniwa/…``: health, reset, and the life and death of regions.

It answers only requests that name this machine as their host and come from no other site: a web page in the user's
browser must not be able to reach it.
"""

from __future__ import annotations

import asyncio
import re
import sys
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qs

import orjson

from kumoniwa import __version__
from kumoniwa.aws.regions import is_region, loopback
from kumoniwa.cloud.catalogue import offered
from kumoniwa.cloud.fleet import Fleet, NoSuchRegion
from kumoniwa.cloud.mail import Mail
from kumoniwa.cloud.tls import Certificates
from kumoniwa.gate.address import EDGE
from kumoniwa.gate.ledger import HOUR_S
from kumoniwa.kernel.clock import monotonic
from kumoniwa.kernel.fault import FaultRefused
from kumoniwa.wire.http import Reply
from kumoniwa.wire.message import Request, Response

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::\d+)?")


MEASURED_BYTES_MAX = 1 << 30
RESOLVED_WITHIN_S = 5.0
"""As long as a resolver would wait for a name server."""

Page = Callable[[str], Response | None]
"""The page at a path, ``""`` for the first; None if there is none."""


def _said(request: Request) -> dict[str, Any]:
    """The JSON object in a request. Raises FaultRefused."""
    try:
        said = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError as error:
        raise FaultRefused(f"The body is no JSON: {error}.") from None
    if not isinstance(said, dict):
        raise FaultRefused("The body must be a JSON object.")
    return said


class Admin:
    def __init__(
        self, fleet: Fleet, hosts: tuple[str, ...], on_down: Callable[[], None], page: Page, certificates: Certificates
    ) -> None:
        self.fleet, self.hosts, self.on_down, self.page = fleet, (*LOOPBACK, *hosts), on_down, page
        self.certificates = certificates
        self.mail = Mail(fleet)
        self.began = monotonic()
        self._tasks: set[asyncio.Task] = set()

    def __call__(self, request: Request, reply: Reply) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(request, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Request, reply: Reply) -> None:
        try:
            status, body = await self._do(request)
        except NoSuchRegion as error:
            status, body = 404, {"message": f"There is no region {error} in this cloud."}
        except FaultRefused as error:
            status, body = 400, {"message": str(error)}
        except KeyError as error:
            status, body = 404, {"message": f"There is no fault {error} in this cloud."}
        except Exception as error:
            traceback.print_exception(error, file=sys.stderr)
            status, body = 500, {"message": f"The admin door failed: {error!r}. Its log says more."}
        if isinstance(body, Response):
            reply(body)
        elif isinstance(body, AsyncIterator):
            reply(Response(status, body, {"Content-Type": "application/x-ndjson"}))
        else:
            reply(Response(status, orjson.dumps(body, default=float) + b"\n", {"Content-Type": "application/json"}))

    async def _do(self, request: Request) -> tuple[int, Any]:
        origin = request.headers.get("origin")
        if not self._is_ours(request.host) or (origin is not None and not self._is_ours(origin.partition("://")[2])):
            return 403, {"message": "The admin door answers this machine only: use http://localhost or http://127.0.0.1."}
        path, asked = request.path.rstrip("/").removeprefix("/_kumoniwa"), parse_qs(request.query)
        match [request.method, *path.split("/")[1:]]:
            case ["GET", "health"]:
                return 200, self._health()
            case ["GET", "ca.pem"]:
                return 200, Response(200, self.certificates.authority, {"Content-Type": "application/x-pem-file"})
            case ["GET", "gaps"]:
                return 200, await self._gaps()
            case ["GET", "observed"]:
                return 200, await self._observed(asked.get("who", [""])[0])
            case ["GET", "cost"]:
                return await self._cost({name: values[0] for name, values in asked.items()})
            case ["GET", "events"]:
                return 200, self.fleet.events.since(int(asked.get("since", ["0"])[0]))
            case ["POST", "events"]:
                return 201, self._tell(_said(request))
            case ["GET", "report", name]:
                member = self.fleet.member(name)
                return 200, await self.fleet.ask(member, "report") or {"message": f"{name} is {member.state} and tells nothing."}
            case ["GET", "resolve"]:
                return await self._resolve({name: values[0] for name, values in asked.items()})
            case ["GET", "links"]:
                return 200, {"links": await self._links()}
            case ["POST", "links", "measure"]:
                return await self._measure(_said(request))
            case ["GET", "faults"]:
                return 200, {"faults": self.fleet.faults.listed()}
            case ["GET", "faults", "catalogue"]:
                return 200, offered()
            case ["POST", "faults"]:
                return 201, await self.fleet.faults.start(_said(request))
            case ["POST", "faults", id_, "renew"]:
                return 200, self.fleet.faults.renew(id_, _said(request))
            case ["DELETE", "faults"]:
                return 200, await self.fleet.faults.heal()
            case ["DELETE", "faults", id_]:
                return 200, await self.fleet.faults.heal(id_)
            case ["GET" | "DELETE" as method, "mail"]:
                return await self.mail.all(method, {name: values[0] for name, values in asked.items()})
            case ["GET", "mail", name, id_, *part]:
                return await self.mail.one(self.fleet.member(name), id_, part)
            case ["POST", "reset"]:
                return await self._reset(asked.get("account", [None])[0])
            case ["POST", "down"]:
                asyncio.get_running_loop().call_later(0.02, self.on_down)
                return 200, {"status": "going down"}
            case ["POST", "regions", name, "kill" | "pause" | "resume" | "restart" | "start" as what]:
                return await self._region(name, what)
        if request.method in ("GET", "HEAD") and (page := self.page(path)) is not None:
            return 200, page
        return 404, {"message": f"The admin door has no {request.method} {request.path}."}

    def _tell(self, said: dict[str, Any]) -> dict[str, Any]:
        """What somebody who drives this cloud wants its watchers to see."""
        if said.get("kind") != "drill":
            raise FaultRefused('Only {"kind": "drill", …} can be told from outside.')
        self.fleet.events.add(**said)
        return {"n": self.fleet.events.number}

    def _is_ours(self, host: str) -> bool:
        found = _HOST.fullmatch(host.lower())
        name = found[1] if found else ""
        return name in self.hosts or name.endswith(".localhost")

    async def _reset(self, account: str | None) -> tuple[int, Any]:
        if account is not None and not re.fullmatch("[0-9]{12}", account):
            return 400, {"message": "An account has twelve digits."}
        await self.fleet.reset(account)
        return 200, {"status": "empty"}

    async def _region(self, name: str, what: str) -> tuple[int, Any]:
        if what == "start":
            member = self.fleet.needed(name)
            if member.is_up:
                await self.fleet.ask(member, "report")
        else:
            done = getattr(self.fleet, what)(name)
            if asyncio.iscoroutine(done):
                await done
        return 200, {"region": name, "state": self.fleet.member(name).state}

    def _health(self) -> dict[str, Any]:
        members = sorted(self.fleet.members.values(), key=lambda m: m.name)
        return {
            "status": "ok",
            "version": __version__,
            "t": monotonic(),
            "uptime_s": round(monotonic() - self.began, 3),
            "port": int(self.fleet.settings.endpoint.rpartition(":")[2]),
            "dns_port": int(self.fleet.settings.dns.rpartition(":")[2]),
            "xray": self.fleet.settings.xray,
            "regions": {
                m.name: {"state": m.state, "pid": m.pid or None, "address": m.address, "connections": len(m.connections)}
                for m in members
                if m.state != "idle"
            },
        }

    async def _resolve(self, asked: dict[str, str]) -> tuple[int, Any]:
        """What the name servers answer a client, with the records and health checks that led there."""
        place = asked.get("region")
        if not asked.get("name") or asked.keys() - {"name", "type", "subnet", "region"} or {"subnet", "region"} <= asked.keys():
            return 400, {"message": "Resolving takes name=api.shop.example, and may take type=A, and subnet=192.0.2.0/24 or region=eu-west-1."}
        if place is not None and not is_region(place):
            return 400, {"message": f"AWS has no region {place}."}
        subnet = asked.get("subnet", "") if place is None else f"{loopback(place)}/32"
        edge = self.fleet.needed(EDGE)
        message = {"ask": "resolve", "name": asked["name"], "type": asked.get("type", "A").upper(), "subnet": subnet}
        said = await self.fleet.ask(edge, "service", "route53", message, within_s=RESOLVED_WITHIN_S)
        if said is None:
            return 504, {"message": f"{EDGE} is {edge.state}: no name server answers."}
        return (400, {"message": said["wrong"]}) if "wrong" in said else (200, said)

    async def _links(self) -> list[dict[str, Any]]:
        """Every line between the regions in use, with what has passed it as its end tells."""
        running = [m for m in self.fleet.members.values() if m.state == "running"]
        reports = await asyncio.gather(*(self.fleet.ask(m, "report") for m in running))
        traffic = {m.name: (report or {}).get("traffic", {}) for m, report in zip(running, reports)}
        none = {"bytes": 0, "messages": 0, "queued_bytes": 0}
        used = [m.name for m in self.fleet.members.values() if m.state != "idle"]
        return [line | traffic.get(line["to"], {}).get(line["from"], none) for line in self.fleet.links.told(used)]

    async def _measure(self, asked: dict[str, Any]) -> tuple[int, Any]:
        source, destination = asked.get("from"), asked.get("to")
        count, size_bytes = asked.get("count", 5), asked.get("bytes", 0)
        if not isinstance(source, str) or not isinstance(destination, str) or source == destination:
            return 400, {"message": 'Measuring takes {"from": "us-east-1", "to": "eu-west-1"}, and may take count and bytes.'}
        if not isinstance(count, int) or not isinstance(size_bytes, int) or not 1 <= count <= 1000 or not 0 <= size_bytes <= MEASURED_BYTES_MAX:
            return 400, {"message": f"count is 1 to 1000, bytes 0 to {MEASURED_BYTES_MAX}."}
        measured = await self.fleet.measure(source, destination, count, size_bytes)
        return 200, measured or {"unreachable": f"{source} did not answer."}

    async def _gaps(self) -> dict[str, int]:
        """What clients asked for and was refused (or ignored, under --lenient), most asked first."""
        running = [m for m in self.fleet.members.values() if m.state == "running"]
        total: Counter[str] = Counter()
        for report in await asyncio.gather(*(self.fleet.ask(m, "report") for m in running)):
            total.update((report or {}).get("gaps", {}))
        return dict(total.most_common())

    async def _cost(self, asked: dict[str, str]) -> tuple[int, Any]:
        """What was used since an hour, or a month of it costs, by AWS's list prices; and which regions could not tell."""
        if asked.keys() - {"since", "times", "by", "account"} or {"since", "times"} <= asked.keys() or asked.get("by", "resource") != "resource":
            return 400, {"message": "The cost takes since=EPOCH_SECONDS or times=N for a month, and may take by=resource and account=000000000000."}
        if any(not asked.get(name, "0").isascii() or not asked.get(name, "0").isdigit() for name in ("since", "times")):
            return 400, {"message": "since and times are whole numbers."}
        from kumoniwa.cloud.bill import Standing, Used, bill, monthly  # noqa: PLC0415 - a start needs no prices

        members = [m for m in self.fleet.members.values() if m.state != "idle"]
        told = await asyncio.gather(*(self.fleet.ask(m, "used") for m in members))
        used = [Used(m.name, *each) for m, said in zip(members, told) if said for each in said["used"]]
        standing = [Standing(m.name, *each) for m, said in zip(members, told) if said for each in said["standing"]]
        if "account" in asked:
            used, standing = ([each for each in all_ if each.account == asked["account"]] for all_ in (used, standing))
        is_by_resource = "by" in asked
        if "times" in asked:
            found = monthly(used, standing, int(asked["times"]), by_resource=is_by_resource)
        else:
            found = bill(used, int(asked.get("since", "0")) // HOUR_S, by_resource=is_by_resource)
        return 200, {**found, "silent": {m.name: m.state for m, said in zip(members, told) if said is None}}

    async def _observed(self, name: str) -> dict[str, Any]:
        """What a role or user was seen to ask for in any region, in the order of first times."""
        running = [m for m in self.fleet.members.values() if m.state == "running"]
        told = await asyncio.gather(*(self.fleet.ask(m, "observed", name) for m in running))
        observed = [{"region": m.name, **each} for m, seen in zip(running, told) for each in seen or ()]
        return {"iam": self.fleet.settings.iam, "observed": sorted(observed, key=itemgetter("first"))}
