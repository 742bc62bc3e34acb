"""Where clients of load balancers come in: from a host name to a listener, a rule, an action, a target.

The listener of port 80 is what comes in plain, that of 443 what comes in TLS. Where a balancer has none for a client, its connection ends:
on AWS nobody would listen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from kumoniwa.gate import firewall, firewall_guard
from kumoniwa.gate.address import BALANCER_PORT, PUBLIC_KEYS, Address
from kumoniwa.gate.firewall_record import Source
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName
from kumoniwa.gate.viewer import HEADER
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.elbv2 import (
    accesslog,
    attribute,
    bill,
    figures,
    forwarding,
    function,
    identity_key,
    listener,
    live,
    network,
    rule,
    sign_in,
    stickiness,
)
from kumoniwa.services.elbv2.authentication import CONFIGS
from kumoniwa.services.elbv2.balancer import SERVICE, LoadBalancer
from kumoniwa.services.elbv2.condition import Fits, compiled
from kumoniwa.services.elbv2.listener_record import PUBLIC, Listener
from kumoniwa.services.elbv2.page import SERVER, Refused, page
from kumoniwa.services.elbv2.rule_record import FORWARD, Rule
from kumoniwa.services.elbv2.target_group import TargetGroup
from kumoniwa.services.elbv2.visit import Visit
from kumoniwa.wire.message import SEVERED, Disconnected, Request, Response

TAKES_STREAM = True
SILENCE_S = 60.0
FORWARDED_MAX = 30
LINE_BYTES_MAX = 16 << 10
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html#http-header-quotas"""
SEEN_BYTES_MAX = 64 << 10
"""No web ACL looks further into a body."""


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    if address.name == PUBLIC_KEYS:
        return identity_key.shown(home, request.path)
    if address.door == BALANCER_PORT:
        account = address.name.split(":")[4]
        call = home.call("elbv2", account, principals.service(SERVICE, account))
        return await come(call, call.shelf(Listener).get(address.name), request, request_id)
    named = home.store.shelf(SHARED, HostName).get(address.name)
    if named is None:
        # On AWS there is no address behind such a name.
        hint = {"x-kumoniwa-hint": f"There is no load balancer in {home.name} that is called {address.name}."}
        return Response(404, b"", hint)
    call = home.call("elbv2", named.account, principals.service(SERVICE, named.account))
    wanted = "HTTPS" if request.is_tls else "HTTP"
    heard = next((each for each in listener.of_balancer(call, named.target) if each.is_public and each.protocol == wanted), None)
    return await come(call, heard, request, request_id)


async def come(call: Call, heard: Listener | None, request: Request, request_id: str) -> Response:
    """What a listener answers a request."""
    balancer = call.shelf(LoadBalancer).get(heard.balancer) if heard is not None else None
    if balancer is None or call.now() < balancer.active_at:
        return SEVERED
    visit = Visit(call.home, call.account, balancer, heard, request)
    if HEADER in request.headers and not await network.lets_in(call, balancer.place.groups, visit.client, heard.port):
        # Who is kept out by a security group hears nothing until he has waited long enough.
        await asyncio.sleep(SILENCE_S)
        return SEVERED
    try:
        response = await _answered(call, visit, request_id)
    except Refused as refused:
        visit.error = refused.error
        if refused.status == 460:
            _ended(visit, 460, 0)
            return SEVERED
        response = page(refused.status)
    _lay(visit, response)
    if isinstance(response.body, bytes):
        _ended(visit, response.status, _size(response) + len(response.body))
    elif hasattr(response.body, "__aiter__"):
        response.body = _counted(visit, response, response.body)
    return response


def _lay(visit: Visit, response: Response) -> None:
    """What the listener and the balancer put into every answer."""
    held = visit.listener.attributes
    if held.get(attribute.SERVER) == "false":
        response.headers = {name: value for name, value in response.headers.items() if name.lower() != "server"}
    for key, header in attribute.ANSWERED.items():
        if held.get(key):
            response.headers = {name: value for name, value in response.headers.items() if name.lower() != header.lower()} | {header: held[key]}
    if visit.cookies:
        name = next((each for each in response.headers if each.lower() == "set-cookie"), "Set-Cookie")
        before = response.headers.get(name)
        kept = before if isinstance(before, list) else [before] if before is not None else []
        response.headers[name] = [*kept, *visit.cookies]


def _size(response: Response) -> int:
    values = [(name, each) for name, value in response.headers.items() for each in (value if isinstance(value, list) else [value])]
    return sum(len(name) + len(str(value)) + 4 for name, value in values)


async def _counted(visit: Visit, response: Response, source: Any) -> AsyncIterator[bytes]:
    sent = _size(response)
    try:
        async for piece in source:
            sent += len(piece)
            yield piece
    finally:
        await source.aclose()
        _ended(visit, response.status, sent)


def _ended(visit: Visit, status: int, sent_bytes: int) -> None:
    figures.count(visit, status, sent_bytes)
    bill.passed(visit, sent_bytes)
    accesslog.write(visit, status, sent_bytes)


# Admission ----------------------------------------------------------------------------------------------------------


async def _answered(call: Call, visit: Visit, request_id: str) -> Response:
    request = visit.request
    if request.method == "TRACE":
        raise Refused(405)
    if len(request.path) + len(request.query) > LINE_BYTES_MAX:
        raise Refused(414)
    if any(len(value) > LINE_BYTES_MAX for value in request.headers.values()):
        raise Refused(400)
    if request.headers.get("x-forwarded-for", "").count(",") >= FORWARDED_MAX:
        raise Refused(463)
    blocked = await _blocked(call, visit, request_id)
    if blocked is not None:
        return blocked
    if request.path == sign_in.BACK and visit.is_secure:
        state = sign_in.state_of(visit)
        held = call.shelf(Rule).get(state["rule"])
        if held is None or held.actions[0]["Type"] not in CONFIGS:
            raise Refused(401, "AuthInvalidStateParam")
        visit.priority = held.priority
        visit.done.append("authenticate")
        return await sign_in.came_back(call, visit, held, held.actions[0], state)
    chosen = next(held for held, fits in call.shelf(Rule).derived(_rules, call, visit.listener.arn) if fits(visit))
    visit.priority = chosen.priority
    *first, said = chosen.actions
    for each in first:
        visit.done.append("authenticate")
        response = await sign_in.met(call, visit, chosen, each)
        if response is not None:
            return response
    if said["Type"] == FORWARD:
        return await _forwarded(call, visit, said["ForwardConfig"])
    visit.done.append(said["Type"])
    return _redirected(visit, said["RedirectConfig"]) if said["Type"] == "redirect" else _fixed(said["FixedResponseConfig"])


def _rules(call: Call, arn: str) -> list[tuple[Rule, Fits]]:
    return [(each, compiled(each.conditions)) for each in rule.of_listener(call, arn)]


async def _blocked(call: Call, visit: Visit, request_id: str) -> Response | None:
    arn = firewall.guarding(call, visit.balancer.arn)
    if arn is None:
        return None
    visit.done.append("waf")
    request, stream = visit.request, visit.request.stream
    if stream is not None:
        request.body = await _beginning(stream)
    met = firewall_guard.guard(call.home, call.account, arn).meet(request, Source("APPLICATION_LOAD_BALANCER", "ALB", visit.balancer.id), request_id)
    if stream is not None:
        request.body = b""
    if not met.is_blocked:
        met.mark(request)
        return None
    return met.response() or page(403)


async def _beginning(stream: Any) -> bytes:
    """As much of a body as rules look at; it is still there for whoever reads it next."""
    pieces, size = [], 0
    try:
        async for piece in stream:
            pieces.append(piece)
            size += len(piece)
            if size >= SEEN_BYTES_MAX:
                break
    except Disconnected:
        raise Refused(460) from None
    stream.pieces.extendleft(reversed(pieces))
    stream.held_bytes += size
    return b"".join(pieces)[:SEEN_BYTES_MAX]


# Actions ------------------------------------------------------------------------------------------------------------


def _redirected(visit: Visit, config: dict[str, str]) -> Response:
    """At the cloud's one port stand the listeners of 80 and 443: who spoke of that port is sent there again."""
    request, protocol = visit.request, visit.listener.protocol
    known = {"#{protocol}": protocol, "#{host}": visit.host, "#{port}": str(visit.listener.port), "#{path}": request.path[1:], "#{query}": request.query}

    def filled(text: str) -> str:
        for name, value in known.items():
            text = text.replace(name, value)
        return text

    to, port = filled(config["Protocol"]), filled(config["Port"])
    if visit.asked_port and visit.listener.is_public and port == str(PUBLIC[to]):
        port = visit.asked_port
    query = filled(config["Query"])
    visit.redirected_to = f"{to.lower()}://{filled(config['Host'])}:{port}{filled(config['Path'])}{f'?{query}' if query else ''}"
    return page(int(config["StatusCode"].removeprefix("HTTP_")), {"Location": visit.redirected_to})


def _fixed(config: dict[str, str]) -> Response:
    body, headers = config.get("MessageBody", "").encode(), {"Server": SERVER}
    if body or config.get("ContentType"):
        headers["Content-Type"] = f"{config.get('ContentType') or 'text/plain'}; charset=utf-8"
    return Response(int(config["StatusCode"]), body, headers)


def _group(call: Call, visit: Visit, config: dict[str, Any]) -> TargetGroup:
    """The target group of a request: the one with which the client stays, or by chance, as the weights say."""
    weighted = {each["TargetGroupArn"]: each["Weight"] for each in config["TargetGroups"]}
    sticky = config["TargetGroupStickinessConfig"]
    arn = stickiness.held_group(visit, weighted) if sticky["Enabled"] else None
    if arn is None:
        if not any(weighted.values()):
            raise Refused(503)
        arn = visit.home.ids.random.choices(list(weighted), list(weighted.values()))[0]
    if sticky["Enabled"] and len(weighted) > 1:
        stickiness.keep_group(visit, arn, sticky["DurationSeconds"])
    return call.shelf(TargetGroup)[arn]


async def _forwarded(call: Call, visit: Visit, config: dict[str, Any]) -> Response:
    visit.done.append(FORWARD)
    group = visit.group = _group(call, visit, config)
    among = live.able(call.home, call.account, group)
    if not among:
        raise Refused(503)
    target = stickiness.held_target(visit, group, among) or live.picked(call.home, call.account, group, among)
    visit.target, visit.asked_at = target, call.now()
    health = live.live(call.home, call.account).of(group, target)
    health.busy += 1
    is_passing = False
    try:
        if group.kind == "lambda":
            response = await function.asked(visit, call, group, target)
        else:
            response = await forwarding.asked(visit, group, target, partial(_unburdened, health), partial(_ended, visit, 101))
            is_passing = not isinstance(response.body, bytes)
    finally:
        if not is_passing:
            _unburdened(health)
    visit.heard_at, visit.target_status = call.now(), response.status
    given = next((value for name, value in response.headers.items() if name.lower() == "set-cookie"), ())
    stickiness.keep_target(visit, group, target, given if isinstance(given, list) else [given] if given else [])
    return response


def _unburdened(health: live.Health) -> None:
    health.busy -= 1
