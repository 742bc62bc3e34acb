"""Ports of their own, at which listeners hear that are neither 80 nor 443.

They are opened at the address that every name on this machine stands for, at the region's own and at the balancer's. Somebody else may have one already: then
there is no such listener. What the region hears there it hears itself, so that a region that was killed is not silent there but gone.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import sys
from functools import partial
from typing import Any

from kumoniwa.aws import endpoints, regions
from kumoniwa.gate import certificate as certificates
from kumoniwa.gate.address import BALANCER_PORT, Address
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.elbv2 import hosts
from kumoniwa.services.elbv2.balancer import LoadBalancer
from kumoniwa.services.elbv2.errors import InvalidConfigurationRequestException
from kumoniwa.services.elbv2.listener_record import Listener
from kumoniwa.services.elbv2.security_policy import POLICIES
from kumoniwa.wire.http import Connection, listen
from kumoniwa.wire.message import Session
from kumoniwa.wire.secure import ASKED, Terms, context_of
from kumoniwa.wire.secure import opened as opened_in_tls

AGAIN_S = 5.0
"""How often a port is tried that was somebody else's when the region began."""
ACCEPTED_AT_ONCE = 64


class Ports:
    """What a region hears by itself, by the listeners' ARNs."""

    def __init__(self) -> None:
        self.tasks: dict[str, tuple[int, asyncio.Task]] = {}
        self.contexts: dict[str, tuple[tuple, ssl.SSLContext]] = {}
        """By the ARN of a certificate: how it is shown, for as long as it is what it was."""


def ports(home: Any) -> Ports:
    held = home.memory.get(("elbv2", Ports))
    if held is None:
        held = home.memory["elbv2", Ports] = Ports()
    return held


def _sockets(home: Any, balancer: LoadBalancer, port: int) -> list[socket.socket]:
    """Raises OSError. Where addresses of the region's and the balancer's own are not to be had at all (it is Linux that gives them), the one that
    all names stand for is enough."""
    found: list[socket.socket] = []
    try:
        for address in dict.fromkeys((regions.LOOPBACK, regions.loopback(home.name), endpoints.address_of(balancer.host) or regions.LOOPBACK)):
            try:
                found.append(listen(address, port))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
    except OSError:
        for each in found:
            each.close()
        raise
    return found


async def opened(call: Call, listener: Any) -> None:
    """See that a listener is heard. Raises InvalidConfigurationRequest, in words of ours, if its port is not to be had."""
    held = ports(call.home).tasks.get(listener.arn)
    if held is not None and (listener.is_public or held[0] != listener.port):
        if not listener.is_public:
            _begin(call, listener, _asked_for(call, listener))
        held[1].cancel()
    elif held is None and not listener.is_public:
        _begin(call, listener, _asked_for(call, listener))


def _asked_for(call: Call, listener: Listener) -> list[socket.socket]:
    try:
        return _sockets(call.home, call.shelf(LoadBalancer)[listener.balancer], listener.port)
    except OSError as error:
        raise InvalidConfigurationRequestException(f"Port {listener.port} of this machine cannot be listened at: {error.strerror}") from None


def _begin(call: Call, listener: Any, sockets: list[socket.socket]) -> None:
    task = call.home.spawn(_heard(call.home, call.account, listener.arn, sockets))
    ports(call.home).tasks[listener.arn] = listener.port, task


async def closed(call: Call, listener: Any) -> None:
    """Nobody is heard there any more."""
    _, task = ports(call.home).tasks.pop(listener.arn, (0, None))
    if task is not None:
        task.cancel()


async def run(region: Any) -> None:
    """Hear again at the ports that the life before had."""
    for call in region.calls("elbv2", hosts.PRINCIPAL):
        for each in list(call.shelf(Listener).values()):
            if not each.is_public and each.arn not in ports(region).tasks:
                region.spawn(_again(call, each))


async def _again(call: Call, listener: Listener) -> None:
    while (now := call.shelf(Listener).get(listener.arn)) is not None and now.port == listener.port:
        try:
            sockets = _sockets(call.home, call.shelf(LoadBalancer)[listener.balancer], listener.port)
        except OSError as error:
            print(f"kumoniwa: {listener.arn} has no port {listener.port} in {call.region}: {error.strerror}", file=sys.stderr)
            await asyncio.sleep(AGAIN_S)
        else:
            _begin(call, listener, sockets)
            return


# Heard --------------------------------------------------------------------------------------------------------------


async def _heard(home: Any, account: str, arn: str, sockets: list[socket.socket]) -> None:
    """Take connections in until the listener, or the region, ends; those that are open go on."""
    loop = asyncio.get_running_loop()
    try:
        for each in sockets:
            loop.add_reader(each.fileno(), _accept, home, account, arn, each)
        await loop.create_future()
    finally:
        for each in sockets:
            loop.remove_reader(each.fileno())
            each.close()


def _accept(home: Any, account: str, arn: str, listener: socket.socket) -> None:
    for _ in range(ACCEPTED_AT_ONCE):
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        home.spawn(_taken(home, account, arn, connection))


async def _taken(home: Any, account: str, arn: str, connection: socket.socket) -> None:
    call = home.call("elbv2", account, principals.service(hosts.PRINCIPAL, account))
    listener = call.shelf(Listener).get(arn)
    if listener is None:
        connection.close()
    elif listener.protocol == "HTTPS":
        await opened_in_tls(connection, await _context(call, listener), partial(_secured, home, arn))
    else:
        await _adopted(home, arn, connection, None)


def _secured(home: Any, arn: str, plain: socket.socket, certificate: bytes | None, session: Session | None) -> None:
    home.spawn(_adopted(home, arn, plain, session))


async def _adopted(home: Any, arn: str, connection: socket.socket, session: Session | None) -> None:
    def answer(request: Any, reply: Any) -> None:
        request.address = Address(region=home.name, door=BALANCER_PORT, name=arn, path=request.path)
        home.answer(request, reply)

    await asyncio.get_running_loop().connect_accepted_socket(
        lambda: Connection(answer, is_tls=session is not None, session=session), connection
    )


# Certificates -------------------------------------------------------------------------------------------------------


async def _context(call: Call, listener: Any) -> ssl.SSLContext:
    """How TLS is spoken with who asks for no name; who does is shown the certificate for it."""
    policy = POLICIES[listener.policy]
    terms = Terms(policy.versions, policy.ciphers, speaks_http_2=False)
    held = [(arn, found) for arn in listener.every_certificate if (found := certificates.held(call, arn)) is not None]
    contexts = {arn: await _shown(call, arn, found, terms) for arn, found in held}

    def asked(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        setattr(connection, ASKED, name)
        arn = hosts.chosen(held, name.lower()) if name else None
        if arn is not None:
            connection.context = contexts[arn]

    first = contexts[listener.certificate]
    first.sni_callback = asked
    return first


async def _shown(call: Call, arn: str, found: Any, terms: Terms) -> ssl.SSLContext:
    known, stamp = ports(call.home).contexts, (terms, found.body, found.chain)
    if arn not in known or known[arn][0] != stamp:
        bundle = await call.home.heard("", "acm", {"account": call.account, "certificate": arn, "bundle": True})
        known[arn] = stamp, context_of(bundle, None, terms)
    return known[arn][1]
