"""The life of a request, on one screen.

route → identity → read → faults → authorize → check → *the operation* → commit → trail → paging → write

An ``ask`` from inside enters the same passage after the bytes. Faults stand before authorization, because a broken
service does not check your permissions; authorization before validation, because AWS denies before it explains. What an atomic operation wrote is undone if it raises, and no reply
leaves before what it acknowledges is committed.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from types import CoroutineType
from typing import Any

from kumoniwa.aws import actions
from kumoniwa.gate import (
    canonical_request,
    edge,
    federation,
    firewall,
    identity,
    mfa,
    multi_region,
    names,
    organization,
    public_access,
    reserved_tags,
    signature,
    signature_payload,
    tag_changes,
    trails,
    vended_logs,
)
from kumoniwa.gate.address import is_led
from kumoniwa.gate.authorize import Authorizer
from kumoniwa.gate.data_key import Shut, opening
from kumoniwa.gate.faults import Severed, door_fault, gate_fault, suffered
from kumoniwa.gate.ledger import Ledger
from kumoniwa.gate.network_way import Ways
from kumoniwa.gate.once import remember, remembered, repeated
from kumoniwa.gate.route import NoRoute, Route, Routes
from kumoniwa.gate.trail import CHANGED, Trail, without_secrets
from kumoniwa.gate.usage import Usage
from kumoniwa.kernel.call import Afterwards, Call
from kumoniwa.kernel.errors import AwsError, InternalFailure, MustWait, NotImplementedHere
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import pack, unpack
from kumoniwa.store.shelf import shelf_name
from kumoniwa.wire.http import Reply
from kumoniwa.wire.message import SEVERED, BodyTooLarge, Disconnected, Request, Response

BODY_BYTES_MAX = 96 << 20
"""What an operation that does not stream may be sent: Lambda's 50 MB package in base64, with room."""


_SHARED_KINDS = (
    identity.Credential, identity.Identity, identity.Document, names.BucketName, mfa.MfaDevice, federation.TokenIssuer, federation.WebProvider,
    federation.SamlProvider, trails.Trail, edge.EdgeResource, edge.EdgeName, firewall.Part,
    organization.Member, organization.ControlPolicy, organization.RootAccess, public_access.PublicAccess, vended_logs.Wanted,
    multi_region.MultiRegionPoint,
)  # fmt: skip
REPLICATED = {shelf_name(kind): kind for kind in _SHARED_KINDS}
_TOLD = {
    shelf_name(identity.Identity): "iam", shelf_name(organization.Member): "organizations",
    shelf_name(organization.ControlPolicy): "organizations", shelf_name(public_access.PublicAccess): "s3",
}  # fmt: skip
"""Shelves whose changes are told in every region as those of a service. What lies there is named by an ARN or by its account."""


FORM = "application/x-www-form-urlencoded"


class RequestEntityTooLarge(AwsError):
    code = "RequestEntityTooLargeException"
    status = 413


class NoDataPlane(AwsError):
    code = "NotFoundException"
    status = 404


class ServiceUnavailable(AwsError):
    status = 503
    message = "The service is unavailable."


def _prove(request: Request, claim: signature.Claim | None, secret: str | None) -> None:
    """See that an S3 body is what was signed; from here on it is the payload alone, without its framing.

    The signature of a key that nobody issued proves nothing, and no more does the hash that it covers.
    """
    declared = request.headers.get("x-amz-content-sha256", canonical_request.UNSIGNED)
    if declared not in canonical_request.STREAMING:
        is_empty = declared == canonical_request.EMPTY_SHA256 and not request.body and request.stream is None
        if secret is None or declared == canonical_request.UNSIGNED or is_empty:
            return
    proof = signature_payload.of(request, claim, secret)
    if request.stream is not None:
        request.stream = signature_payload.ProvenStream(request, proof)
    else:
        request.body = proof.feed(request.body)
        proof.finish()
        request.trailers = proof.trailers


async def _once_open(shut: Shut, call: Call, operation: Callable[[], Any]) -> Any:
    """What an atomic operation answers when the keys are open that it found shut."""
    await shut.opening()
    result = await opening(call, operation)
    return result.act() if type(result) is Afterwards else result


async def _held_whole(request: Request, most: int = BODY_BYTES_MAX) -> None:
    """Take in a body that is still arriving. Raises RequestEntityTooLarge, Disconnected."""
    try:
        request.body = await request.stream.whole(most)
    except BodyTooLarge:
        raise RequestEntityTooLarge(f"Request must be smaller than {most} bytes.") from None


def _reply_before(witness: Callable[[Response], None], reply: Reply, response: Response) -> None:
    witness(response)
    reply(response)


class Gate:
    """The one entrance of a region. ``gaps`` counts what clients asked for and we do not implement."""

    def __init__(self, home) -> None:
        self.home = home
        self.settings = home.settings
        self.routes = Routes(home)
        self.authorizer = Authorizer(home)
        self.trail = Trail(home)
        self.usage = Usage(home)
        self.ledger = Ledger(home)
        self.ways = Ways(home)
        self.gaps: Counter[str] = Counter()
        self.on_hint: Callable[[str, str, str], None] = lambda *_: None
        """Told of what was refused with which code, and how to repair it."""

    # From the wire ----------------------------------------------------------------------------

    def answer(self, request: Request, reply: Reply) -> None:
        """Serve one HTTP request; ``reply`` is called once, when its answer may leave."""
        if request.network is not None and request.way is None:
            self.home.spawn(self._come_out(request, reply))
            return
        if request.stream is not None and request.method == "POST" and request.headers.get("content-type", "").startswith(FORM):
            self.home.spawn(self._gathered(request, reply))
            return
        request_id = self.home.ids.request_id()
        route = None
        try:
            route = self.routes.find(request)
            if "origin" in request.headers and route.door is None and route.service.headers_of is not None:
                reply = partial(self._reply_across, route, request, reply)
            if route.door is None and route.service.witness_of is not None:
                witness = route.service.witness_of(self.home, route, request, request_id)
                if witness is not None:
                    reply = partial(_reply_before, witness, reply)
            if route.door is not None:
                self._later(self._through_door(route, request, request_id), route, request, request_id, reply)
            elif request.stream is not None and not route.takes_stream:
                self._later(self._collected(route, request, request_id), route, request, request_id, reply)
            else:
                result = self._admit(route, request, request_id)
                if type(result) is CoroutineType:
                    self._later(result, route, request, request_id, reply)
                else:
                    self._deliver(self._written(route, result, request_id), reply)
        except Exception as error:
            self._deliver(self._refusal(error, route, request, request_id), reply)

    async def _come_out(self, request: Request, reply: Reply) -> None:
        """Serve what was asked in a private network, if that has a way here. If it has none nobody hears it, and nobody answers."""
        request.way = await self.ways.of(request)
        if request.way is not None:
            self.answer(request, reply)

    async def _gathered(self, request: Request, reply: Reply) -> None:
        """A form says in its body what it wants, however long it is."""
        try:
            await _held_whole(request)
        except RequestEntityTooLarge as error:
            reply(self._refusal(error, None, request, self.home.ids.request_id()))
        except Disconnected:
            reply(Response(400))
        else:
            request.stream = None
            self.answer(request, reply)

    def _admit(self, route: Route, request: Request, request_id: str):
        """Identity, read, and the way inside. Answers the result or a coroutine of it."""
        claim = signature.claim(request, route.family)
        if claim is None:
            principal, secret = identity.ANONYMOUS, None
        else:
            principal, secret = identity.identify(self.home, claim.access_key, claim.session_token, route.family)
            if request.address is not None and is_led(request.address):
                # The one name under which a client may have meant another region than the one that was asked.
                signature.check_region(claim, "s3", self.home.name)
            elif request.address is not None and request.address.endpoint is not None:
                signature.check_region(claim, route.family, request.address.endpoint)
            if secret is not None:
                signature.verify(request, claim, secret, self.home.clock.now(), route.family)
                if principal.key_id not in self.usage.noted:
                    self._note_use(principal, actions.prefix(route.service.name))
            elif route.family == "s3" and claim.is_presigned:
                # No secret is needed to see that a URL is no good any more.
                signature.check_time(claim, "s3", self.home.clock.now())
        if route.family == "s3":
            _prove(request, claim, secret)
        params = route.codec.read(request, request.labels)
        if route.service.params_of is not None:
            params = route.service.params_of(route.name, request, params)
        call = Call(self.home, principal.account, principal, route.service.name, route.name, request_id, request)
        return self._enter(call, route, params)

    def _note_use(self, principal: Principal, service: str) -> None:
        """Sessions of a role are its uses; those of a user are not the uses of the key that opened them."""
        if principal.kind == "role":
            self.usage.note(principal.user_id.partition(":")[0], service)
            self.usage.is_new(principal.key_id)
        elif "aws:TokenIssueTime" not in principal.context:
            self.usage.note(principal.key_id, service)

    async def _collected(self, route: Route, request: Request, request_id: str):
        await _held_whole(request, route.service.body_bytes_max or BODY_BYTES_MAX)
        request.stream = None
        result = self._admit(route, request, request_id)
        return await result if type(result) is CoroutineType else result

    async def _through_door(self, route: Route, request: Request, request_id: str) -> Response:
        if request.stream is not None and not route.takes_stream:
            await _held_whole(request)
        if self.home.faults and (fault := door_fault(self.home, route)) is not None:
            return await suffered(self.home, route.service, fault, lambda: route.door(self.home, request, route.address, request_id))
        return await route.door(self.home, request, route.address, request_id)

    # From inside ------------------------------------------------------------------------------

    async def ask(
        self, principal: Principal, operation: str, params: dict[str, Any], once: str | None = None, *, settles: bool = True, trace: str = ""
    ) -> dict:
        """One AWS call by a service, as ``principal``, whose answer comes when it is committed. Raises the AwsError that AWS would answer.

        With a token ``once``, an answer already given to the same token and operation is given again and nothing is done twice.
        """
        try:
            result = self._asked(principal, operation, params, once, trace, may_wait=True)
            if type(result) is CoroutineType:
                result = await result
        except Exception as error:
            raise self._told_inside(error)
        if settles:
            await self.home.store.journal.settled()
        return result or {}

    def ask_at_once(self, principal: Principal, operation: str, params: dict[str, Any], trace: str = "") -> dict:
        """One AWS call by a service that is answered in this turn of the loop and kept with whatever else is written in it.
        Raises MustWait where the answer would take longer; nothing was done then."""
        if self.home.store.journal.scope:
            raise RuntimeError(f"{operation} is asked in an atomic step, which could not be undone without it")
        try:
            return self._asked(principal, operation, params, None, trace, may_wait=False) or {}
        except Exception as error:
            raise self._told_inside(error)

    def _asked(self, principal: Principal, operation: str, params: dict[str, Any], once: str | None, trace: str, *, may_wait: bool):
        service, _, name = operation.partition(":")
        route = self.routes.named(service, name)
        call = Call(self.home, principal.account, principal, route.service.name, name, self.home.ids.request_id())
        call.once, call.within = once, trace
        return self._enter(call, route, params, may_wait=may_wait)

    def _told_inside(self, error: Exception) -> AwsError:
        """What a service hears of an error that met whom it asked."""
        if isinstance(error, NotImplementedHere):
            self.gaps[error.what] += 1
        if isinstance(error, AwsError):
            return error
        return ServiceUnavailable() if isinstance(error, Severed) else self._defect(error)

    async def relay(self, principal: Principal, request: Request) -> tuple[Response, Route | None, dict | None]:
        """One request in AWS's own wire form that a service makes as ``principal``: what the wire would have answered,
        and the operation with its result (None if it was refused)."""
        request_id, route, result = self.home.ids.request_id(), None, None
        try:
            route = self.routes.find(request)
            if route.door is not None:
                raise NotImplementedHere("data planes behind integrations of apigateway")
            params = route.codec.read(request, request.labels)
            call = Call(self.home, principal.account, principal, route.service.name, route.name, request_id, request)
            result = self._enter(call, route, params)
            if type(result) is CoroutineType:
                result = await result
            response = self._written(route, result, request_id)
        except Exception as error:
            response, result = self._refusal(error, route, request, request_id), None
        await self.home.store.journal.settled()
        return response, route, result

    async def visit(self, principal: Principal | None, request: Request) -> Response:
        """One request that a service makes to a data plane of this region, such as an API's stage: as ``principal``, or unsigned."""
        request_id, route = self.home.ids.request_id(), None
        try:
            route = self.routes.find(request)
            if route.door is None:
                raise NoDataPlane(request.host)
            request.speaker = principal
            response = await self._through_door(route, request, request_id)
        except Exception as error:
            response = self._refusal(error, route, request, request_id)
        await self.home.store.journal.settled()
        return response

    def report(self) -> dict[str, dict[str, int]]:
        """How often each operation was asked for, over any protocol or from inside, and how often refused with which code."""
        calls, refusals = Counter(), Counter()
        for route in self.routes.by_name.values():
            calls[f"{route.service.name}:{route.name}"] += route.calls
            for code, count in route.refusals.items():
                refusals[f"{route.service.name}:{route.name} {code}"] += count
        return {"calls": dict(calls), "refusals": dict(refusals)}

    # Both -------------------------------------------------------------------------------------

    def _enter(self, call: Call, route: Route, params: dict[str, Any], *, is_hurt: bool = False, may_wait: bool = True):
        """Authorize, check, and run the operation. Answers its result, or a coroutine of it; MustWait is raised instead if nobody may wait."""
        route.calls += not is_hurt
        if self.home.faults and not is_hurt and (fault := gate_fault(call, route)) is not None:
            if not may_wait:
                raise MustWait
            return suffered(self.home, call.service, fault, lambda: self._enter(call, route, params, is_hurt=True))
        try:
            self.authorizer.admit(call, route, params)
            if call.once is not None and (done := remembered(call, route.name)) is not None:
                return done
            if route.tags:
                route.check(reserved_tags.checkable(call.principal, params, route.tags))
                reserved_tags.guard(call.principal, route.service, route.name, route.protocol, params, route.tags)
            else:
                route.check(params)
            if route.token is not None and (done := repeated(call, route.name, route.token, params)) is not None:
                if route.is_recorded or self.trail.asks_for_data:
                    self.trail.told(call, route, params, done, None)
                return done
        except AwsError as error:
            self._refused(call, route, params, error)
            raise
        if not params.keys() <= route.handler.members:
            self._mind_the_gap(route, params)
        if route.pager is not None:
            params, page = route.pager.open(params)
        if route.handler.renames:
            params = {route.handler.renames.get(name, name): value for name, value in params.items()}
        if route.retags:
            call.retagging = tag_changes.before(call, route, params)
        if route.handler.is_async:
            if not may_wait:
                raise MustWait
            answer = route.handler.function(call, **params)
            return self._interleaved(call, route, params, answer, page if route.pager is not None else None)
        journal = self.home.store.journal
        journal.begin_call()
        try:
            result = route.handler.function(call, **params)
        except Shut as shut:
            journal.undo_call()
            if not may_wait:
                raise MustWait from None
            again = _once_open(shut, call, partial(route.handler.function, call, **params))
            return self._interleaved(call, route, params, again, page if route.pager is not None else None)
        except BaseException as error:
            journal.undo_call()
            self._refused(call, route, params, error)
            raise
        if type(result) is CoroutineType:
            if not may_wait:
                result.close()
                journal.undo_call()
                raise MustWait
            journal.end_call()
            return self._interleaved(call, route, params, result, page if route.pager is not None else None)
        journal.end_call()
        if type(result) is Afterwards:
            try:
                result = result.act()
            except BaseException as error:
                self._refused(call, route, params, error)
                raise
        return self._leave(call, route, params, result, page if route.pager is not None else None)

    async def _interleaved(self, call: Call, route: Route, params: dict[str, Any], answer: Coroutine, page):
        try:
            result = await answer
        except Exception as error:
            self._refused(call, route, params, error)
            raise
        return self._leave(call, route, params, result, page)

    def _refused(self, call: Call, route: Route, params: dict[str, Any], error: BaseException) -> None:
        """Record a refusal, and see that those who watch are told nothing that the caller said in confidence."""
        if self.home.is_watched and isinstance(error, AwsError):
            error.told = without_secrets(error.text, params, route.model.input)
        if route.is_recorded or self.trail.asks_for_data:
            self.trail.told(call, route, params, None, error)

    def _leave(self, call: Call, route: Route, params: dict[str, Any], result: dict | None, page) -> dict | None:
        if route.is_recorded or self.trail.asks_for_data:
            self.trail.told(call, route, params, result, None)
        if call.once is not None and not route.is_read_only:
            remember(call, route.name, result)
        service = route.service
        if call.retagging is not None:
            tag_changes.tell(call, service, call.retagging)
        if service.uses_of is not None:
            self.ledger.charge(call, service, route.name, params, result)
        if service.standing_of is not None and not route.is_read_only:
            self.ledger.touch(call.account, service.name, is_managed=route.is_recorded)
        return route.pager.close(result, page) if page is not None else result

    def _mind_the_gap(self, route: Route, params: dict[str, Any]) -> None:
        """A parameter the client sent and no signature declares: refused by name, or under --lenient recorded and ignored."""
        for name in sorted(params.keys() - route.handler.members - route.paging_members):
            what = f"{route.service.name}:{route.name}({name})"
            if not self.settings.is_lenient:
                raise NotImplementedHere(what)
            self.gaps[what] += 1
            del params[name]

    # Back to the wire -------------------------------------------------------------------------

    def _written(self, route: Route, result: dict | None, request_id: str) -> Response:
        response = route.codec.write(result, request_id)
        route.mark(response, request_id)
        if self.home.is_watched:
            self.home.note("call", service=route.service.name, operation=route.name, status=response.status, id=request_id)
        return response

    def _deliver(self, response: Response, reply: Reply) -> None:
        """Let a response leave as soon as everything it may have seen or done is committed."""
        journal = self.home.store.journal
        if journal.is_dirty:
            journal.after_commit(lambda: reply(response))
        else:
            reply(response)

    def _reply_across(self, route: Route, request: Request, reply: Reply, response: Response) -> None:
        """Answer a page of another origin with the headers by which the service lets it read the answer."""
        response.headers.update(route.service.headers_of(self.home, request))
        reply(response)

    def _later(self, coroutine, route: Route, request: Request, request_id: str, reply: Reply) -> None:
        async def finish() -> None:
            try:
                result = await coroutine
                response = result if isinstance(result, Response) else self._written(route, result, request_id)
            except Disconnected:
                response = Response(400)
            except Severed:
                response = SEVERED
            except asyncio.CancelledError:
                # The cloud was emptied, or the region ends, while this call was under way.
                reply(self._refusal(ServiceUnavailable(), route, request, request_id))
                raise
            except Exception as error:
                response = self._refusal(error, route, request, request_id)
            self._deliver(response, reply)

        self.home.spawn(finish())

    def _defect(self, error: Exception) -> InternalFailure:
        """Our own mistake: told to whoever runs the cloud, and to the caller as AWS tells it."""
        print("".join(traceback.format_exception(error)), file=sys.stderr)
        return InternalFailure()

    def _refusal(self, error: Exception, route: Route | None, request: Request | None, request_id: str) -> Response:
        if isinstance(error, Severed):
            error = ServiceUnavailable()
        if not isinstance(error, AwsError):
            error = self._defect(error)
        if isinstance(error, NotImplementedHere):
            self.gaps[error.what] += 1
        if isinstance(route, Route):
            route.refusals[error.code] += 1
        refusing = route or NoRoute(request, self.routes.protocol_of(request))
        response = refusing.refuse(error, request_id, request)
        refusing.mark(response, request_id)
        if self.home.is_watched:
            named = {"service": route.service.name, "operation": route.name} if isinstance(route, Route) else {}
            self.home.note("call", **named, status=response.status, code=error.code, text=error.told or error.text, hint=error.hint, id=request_id)
        if error.headers:
            response.headers.update(error.headers)
        if error.hint:
            response.headers["x-kumoniwa-hint"] = error.hint
            self.on_hint(f"{route.service.name}:{route.name}" if isinstance(route, Route) else "A request", error.code, error.hint)
        return response

    # Identities are IAM's, replicated ---------------------------------------------------------------

    def replica(self) -> list[tuple[str, str, bytes]]:
        """Everything a region must know of identities: (shelf, key, body). Only ``aws-global`` is asked."""
        shelves = [self.home.store.shelf(identity.SHARED, kind) for kind in REPLICATED.values()]
        return [(shelf.name, key, pack(record)) for shelf in shelves for key, record in shelf.items()]

    def replicate_all(self, replica: list[tuple[str, str, bytes]]) -> None:
        """Replace what this region knew of identities."""
        known = {(name, key) for name, key, _ in replica}
        gone = [(n, key, None) for n, kind in REPLICATED.items() for key in self.home.store.shelf(identity.SHARED, kind)]
        self.replicate([entry for entry in gone if entry[:2] not in known])
        self.replicate(replica)

    def replicate(self, changes: list[tuple[str, str, bytes | None]]) -> None:
        """Follow changes that ``aws-global`` committed."""
        told = [(key.split(":")[4] if ":" in key else key, _TOLD[name]) for name, key, _ in changes if name in _TOLD]
        for account, service in dict.fromkeys(told):
            self.home.tell((CHANGED, "", account, service))
        for name, key, body in changes:
            kind = REPLICATED.get(name)
            if kind is None:
                continue
            shelf = self.home.store.shelf(identity.SHARED, kind)
            if body is not None:
                shelf[key] = unpack(body, kind)
            elif key in shelf:
                del shelf[key]
        self.authorizer.forget()
