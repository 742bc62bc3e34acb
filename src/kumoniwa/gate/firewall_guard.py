"""Web ACLs where they stand guard: before stages of APIs, GraphQL APIs, user pools, and at every edge location.

Whoever serves the world asks for the ``Guard`` of what was called, which is compiled once for each change, and has it ``meet`` the request
before anything else does. A cloud starts without this module: rules, and what they know of attacks, are long to load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kumoniwa.engines import automaton
from kumoniwa.gate import firewall_record as records
from kumoniwa.gate.firewall import Part, logging_key, shelf
from kumoniwa.gate.place import named
from kumoniwa.gate.viewer import HEADER, address_of
from kumoniwa.kernel.record import Record
from kumoniwa.languages.firewall.rule import Ruleset, Verdict
from kumoniwa.languages.firewall.web_request import WebRequest
from kumoniwa.wire.message import Request, Response

KIB = 1024
BODY_BYTES_MAX = 16 * KIB
BODY_BYTES = {"KB_16": 16 * KIB, "KB_32": 32 * KIB, "KB_48": 48 * KIB, "KB_64": 64 * KIB}
GRAPHQL_BODY_BYTES_MAX = 8 * KIB
SMALL_BODIES = ("APPSYNC", "APPLICATION_LOAD_BALANCER")
"""https://docs.aws.amazon.com/waf/latest/developerguide/waf-oversize-request-components.html"""
MEDIA_TYPES = {"TEXT_PLAIN": "text/plain", "TEXT_HTML": "text/html", "APPLICATION_JSON": "application/json"}


class _World:
    """What the rules of one web ACL refer to; remembers what it was asked for."""

    def __init__(self, home: Any, account: str) -> None:
        self.home, self.account = home, account
        self.used: list[tuple[Any, str, Record | None]] = []

    def part(self, arn: str) -> Part:
        held = shelf(self.home, self.account, arn)
        self.used.append((held, arn, held[arn]))
        return held[arn]

    def addresses(self, arn: str) -> Iterable[str]:
        return self.part(arn).document["Addresses"]

    def patterns(self, arn: str) -> Iterable[str]:
        return [each["RegexString"] for each in self.part(arn).document["RegularExpressionList"]]

    def group(self, arn: str) -> dict[str, Any]:
        return self.part(arn).document

    def searcher(self, pattern: str) -> Callable[[bytes], Any]:
        return automaton.searcher(pattern)

    def place(self, address: str) -> tuple[str, str]:
        return named(self.home, address)


class Guard:
    """One web ACL, compiled, and what it remembers of the requests it met."""

    def __init__(self, home: Any, account: str, arn: str, before: Guard | None) -> None:
        world = _World(home, account)
        self.home, self.account, self.arn = home, account, arn
        self.part = world.part(arn)
        self.ruleset = Ruleset(self.part.document, world, before.ruleset.rates if before is not None else {})
        held, key = shelf(home, account, arn), logging_key(arn)
        world.used.append((held, key, held.get(key)))
        self.used = world.used
        self.samples = before.samples if before is not None else records.Samples()
        logging = held.get(key)
        self.log = records.Log(home, account, self.part, logging.document) if logging is not None else None
        limits = (self.part.document.get("AssociationConfig") or {}).get("RequestBody") or {}
        self.body_bytes_max = {kind: BODY_BYTES[each["DefaultSizeInspectionLimit"]] for kind, each in limits.items()}

    @property
    def is_current(self) -> bool:
        return all(held.get(key) is part for held, key, part in self.used)

    def meet(self, request: Request, source: records.Source, request_id: str, *, hides_body: bool = False) -> Meeting:
        """Judge a request. ``hides_body`` where AWS shows rules none."""
        self.home.gate.ledger.use(self.account, "waf:requests", self.part.name)
        now = self.home.clock.now()
        most = self.body_bytes_max.get(source.kind, GRAPHQL_BODY_BYTES_MAX if source.kind in SMALL_BODIES else BODY_BYTES_MAX)
        lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.lines] if request.lines else request.headers.items()
        address = address_of(request)
        seen = WebRequest(
            request.method, request.path, request.query, [line for line in lines if line[0].lower() != HEADER],
            b"" if hides_body else request.body, body_max=most, address=address, now=now,
        )  # fmt: skip
        verdict = self.ruleset.judge(seen)
        met = records.Met(seen, verdict, source, request_id, named(self.home, address)[0])
        records.measure(self.home, self.account, self.part, verdict, seen.labels)
        self.samples.keep(met, self.part)
        if self.log is not None:
            self.log.write(met)
        # Samples show none, and would hold them all.
        seen.body = b""
        seen.transformed.clear()
        return Meeting(verdict)


class Meeting:
    """How a request fared."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict, self.is_blocked = verdict, verdict.action == "Block"

    def response(self) -> Response | None:
        """What the owner wants to be answered to what is blocked; None for what the service answers by itself."""
        said = self.verdict.response
        if said is None:
            return None
        body = self.verdict.bodies.get(said.get("CustomResponseBodyKey", ""))
        headers = {each["Name"]: each["Value"] for each in said.get("ResponseHeaders") or ()}
        if body is not None:
            headers.setdefault("Content-Type", MEDIA_TYPES[body["ContentType"]])
        return Response(said["ResponseCode"], body["Content"].encode() if body is not None else b"", headers)

    def mark(self, request: Request) -> None:
        """Put the headers into a request that rules insert."""
        for name, value in self.verdict.inserted:
            request.headers[name.lower()] = value
            if request.lines is not None:
                request.lines = [line for line in request.lines if line[0].lower() != name.lower().encode()]
                request.lines.append((name.encode("latin-1"), value.encode("latin-1")))


def guard(home: Any, account: str, web_acl: str) -> Guard:
    """The guard that a web ACL is, compiled if something in it has changed."""
    held = known(home, web_acl)
    if held is None or not held.is_current:
        held = home.memory["firewall", web_acl] = Guard(home, account, web_acl, held)
    return held


def forget(home: Any, web_acl: str) -> None:
    home.memory.pop(("firewall", web_acl), None)


def known(home: Any, web_acl: str) -> Guard | None:
    """The guard as it is remembered here, for who asks what it has seen."""
    return home.memory.get(("firewall", web_acl))


def guard_of(associations: Any, home: Any, account: str, resource: str) -> Guard | None:
    """The guard of a resource of this region, whose account's ``associations`` are at hand."""
    held = associations.get(resource)
    return guard(home, account, held.web_acl) if held is not None else None
