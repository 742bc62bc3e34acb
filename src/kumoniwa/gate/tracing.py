"""The part that AWS's own services have in traces: the header that names one, and the segments which they send of their part.

A request's header says which trace it belongs to, who called and whether it is sampled. A service that traces makes a ``Part`` of it,
hands on a header of its own, and sends its segment when it is done. What cannot be sent is lost, and no request with it, as on AWS.
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from kumoniwa.gate import sampling
from kumoniwa.gate.sampling import Asked
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal


class Header(NamedTuple):
    """``Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1``"""

    root: str = ""
    parent: str = ""
    sampled: str = ""
    """``1``, ``0`` or ``?``; empty where it is not said."""
    rest: tuple[str, ...] = ()
    """What else is said, which is handed on as it is."""

    def spelled(self) -> str:
        said = (("Root", self.root), ("Parent", self.parent), ("Sampled", self.sampled))
        return ";".join([*(f"{name}={value}" for name, value in said if value), *self.rest])


def read(text: str) -> Header:
    members = dict(part.strip().split("=", 1) for part in text.split(";") if "=" in part)
    root, parent, sampled = (members.pop(name, "") for name in ("Root", "Parent", "Sampled"))
    return Header(root, parent, sampled, tuple(f"{name}={value}" for name, value in members.items()))


def new_root(call: Call) -> str:
    return f"1-{int(call.now()):08x}-{call.ids.hex(24)}"


def new_id(call: Call) -> str:
    return call.ids.hex(16)


class Calling(NamedTuple):
    """A subsegment that has begun."""

    id: str
    began: float


class Part:
    """A service's part of one sampled request. ``id`` is its segment's."""

    __slots__ = ("call", "header", "id", "began", "calls")

    def __init__(self, call: Call, header: Header) -> None:
        self.call = call
        self.calls: list[dict[str, Any]] = []
        """Subsegments, in the order in which they ended."""
        self.header = header if header.root else header._replace(root=new_root(call))
        self.id, self.began = new_id(call), call.now()

    def handed_on(self, parent: str = "") -> str:
        """The header for whom the service calls, as the subsegment ``parent`` or as the segment itself."""
        return self.header._replace(parent=parent or self.id, sampled="1").spelled()

    def calling(self) -> Calling:
        return Calling(new_id(self.call), self.call.now())

    def called(self, doing: Calling, **said: Any) -> None:
        """A call to somebody else that ends now."""
        self.calls.append({"id": doing.id, "start_time": doing.began, "end_time": self.call.now(), **said})

    def segment(self, name: str, origin: str, resource_arn: str, **more: Any) -> dict[str, Any]:
        """The segment, ending now."""
        said = {"id": self.id, "trace_id": self.header.root, "name": name, "start_time": self.began, "end_time": self.call.now()}
        said |= {"origin": origin, "resource_arn": resource_arn, "parent_id": self.header.parent} | more
        return {member: value for member, value in said.items() if value not in (None, "", {}, [], False)}

    def tell(self, *documents: dict[str, Any], sender: Principal | None = None) -> None:
        tell(self.call, *documents, sender=sender)


def tell(call: Call, *documents: dict[str, Any], sender: Principal | None = None) -> None:
    """Send segments soon, as ``sender`` or in the name of the account: services that trace have a role of their own for it."""
    who = sender or principals.root(call.account, partition=call.home.partition)
    call.home.spawn(_sent(call, who, [orjson.dumps(each).decode() for each in documents]))


async def _sent(call: Call, sender: Principal, documents: list[str]) -> None:
    try:
        await call.home.ask(sender, "xray:PutTraceSegments", {"TraceSegmentDocuments": documents}, region=None, once=None)
    except AwsError:
        return


def begun(call: Call, said: str, asked: Asked) -> Part | None:
    """The service's part of a request that came with this header; None if it is not sampled."""
    header = read(said)
    if header.sampled == "1" or (header.sampled != "0" and sampling.draws(call, asked)):
        return Part(call, header)
    return None


def outcome(status: int) -> dict[str, bool]:
    """How an answer's status shows in a segment."""
    if 400 <= status < 500:
        return {"error": True} | ({"throttle": True} if status == 429 else {})
    return {"fault": True} if status >= 500 else {}
