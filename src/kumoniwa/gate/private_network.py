"""What services say to each other of private networks: who listens there, and that something about it has changed.

Who is to be reached at an address of a VPC says so by a hook of its service, ``listening_of(call) -> [Listening]``. Whether somebody reaches it is
EC2's judgement, which ``judged`` asks for; where a connection goes then is on this machine.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.operation import load

NETWORK, CHANGED = "network", "changed"
"""The fact ``(NETWORK, CHANGED, account, None)`` on the region's bus: who listens in networks of the account is not what it was."""


class Listening(NamedTuple):
    """A server at an address of a VPC."""

    name: str
    """Of the host, as its clients know it."""
    address: str
    port: int
    """Where it listens in its network, and what security groups and network lists are asked about."""
    told: int
    """The port that its clients are told, where this machine had another one for it."""
    host: str
    """Where it really listens, on this machine, and at which port."""
    at: int


class Network(NamedTuple):
    """Where a request comes from that was made in a VPC."""

    account: str
    region: str
    interface: str
    public_ip: str = ""
    """The address by which it is seen outside; empty if nothing leads out of it but endpoints."""


class Way(NamedTuple):
    """How a request comes from a private network to AWS."""

    keys: dict[str, Any]
    """The condition keys that tell of it."""
    source: str
    """The address from which it is seen to come."""
    endpoint: str = ""
    """The endpoint through which it came, and its policy."""
    policy: str = ""


def changed(call: Call) -> None:
    call.after_commit(lambda: call.home.tell((NETWORK, CHANGED, call.account, None)))


def listening(call: Call) -> list[Listening]:
    """All of an account in a region."""
    services = [load(name) for name in call.home.used_services]
    return [each for service in services if service.listening_of is not None for each in service.listening_of(call)]


async def judged(call: Call, interface: str, **where: Any) -> dict[str, Any]:
    """EC2's verdict on a packet from a network interface, to an ``address`` and ``port`` or to a ``service`` of AWS."""
    return await call.home.heard("", "ec2", {"account": call.account, "interface": interface, **where})
