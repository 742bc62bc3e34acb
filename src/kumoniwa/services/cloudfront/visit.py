"""One viewer's request on its way through an edge location: admitted, changed by a function, answered from the cache or the origin,
changed again, and cut to what was asked for.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote

from kumoniwa.gate import firewall_guard
from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.gate.firewall_record import Source
from kumoniwa.gate.viewer import HEADER, address_of
from kumoniwa.services.cloudfront import (
    answer,
    behavior,
    bill,
    cache,
    compression,
    held,
    origin,
    policy,
    script,
    signed,
    viewer,
)
from kumoniwa.services.cloudfront.answer import METHOD, SCRIPT
from kumoniwa.services.cloudfront.cache import Cache, Copy, Headers
from kumoniwa.wire.message import Request

DROPPED = origin.HOP_BY_HOP | {"host", "accept-encoding", "x-forwarded-proto", "via", "x-amz-cf-id"}
"""What of a viewer's request no origin sees as it was."""
OF_COPIES = ("range", "if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range")


class Told(NamedTuple):
    """What the viewer is told."""

    status: int
    headers: Headers
    body: Any
    result: str
    """What X-Cache begins with."""
    age_s: float | None = None
    length: str | None = None
    """Of a body that is not here in memory."""


class Visit:
    def __init__(self, home: Any, distribution: EdgeResource, request: Request, id: str) -> None:
        self.home, self.distribution, self.request, self.id = home, distribution, request, id
        self.config, self.account = distribution.config, distribution.account
        self.method, self.path, self.headers = request.method, request.path, dict(request.headers)
        self.query = script.query_of(request.query)
        self.is_tls, self.address = request.is_tls, address_of(request)
        self.told_of_viewer = viewer.headers(home, request)
        self._tell_of_viewer()
        self.behavior = behavior.chosen(self.config, self.path)
        self.cache = home.memory.get(("cloudfront", Cache))
        if self.cache is None:
            self.cache = home.memory["cloudfront", Cache] = Cache()
        self.cache.obey(home, distribution.id, self.config["DefaultRootObject"])

    def _tell_of_viewer(self) -> None:
        """Whatever a viewer says in CloudFront's name, CloudFront says it."""
        said = {name: value for name, value in self.headers.items() if not name.startswith(viewer.PREFIX) and name != HEADER}
        self.headers = said | self.told_of_viewer

    # The whole way -------------------------------------------------------------------------------------------

    async def told(self) -> Told:
        blocked = self._blocked()
        if blocked is not None:
            return await self._own_error(blocked)
        refused = self._refused()
        if refused is not None:
            return refused
        changed = await self._run("viewer-request", None)
        if changed is not None:
            return changed
        if self.path == "/" and self.config["DefaultRootObject"]:
            self.path = f"/{self.config['DefaultRootObject']}"
        told = await self._content(self.method, self.path, self.behavior)
        told = await self._own_error(told)
        headers = list(told.headers)
        if (id := self.behavior.get("ResponseHeadersPolicyId")) is not None:
            said = policy.config_of(self.home, self.account, policy.RESPONSE.kind.name, id)
            answer.add_policy(headers, said, self.headers, self.method)
        told = told._replace(headers=headers)
        if told.status < 400:
            # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-functions-restrictions-all.html
            told = await self._run("viewer-response", told) or told
        return self._cut(told)

    def _page(self, status: int, text: str, result: str = "Error") -> Told:
        return Told(status, *answer.error_page(status, text, self.id), result)

    def _blocked(self) -> Told | None:
        """What is answered instead to who comes from a country that is shut out, or to what the distribution's web ACL blocks. Of whom
        nobody knows where he is, he is let in.
        https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/georestrictions.html"""
        said, country = self.config["Restrictions"]["GeoRestriction"], self.told_of_viewer.get("cloudfront-viewer-country")
        is_listed = country in (said.get("Items") or ())
        if country is not None and said["RestrictionType"] != "none" and is_listed != (said["RestrictionType"] == "whitelist"):
            return self._page(403, answer.COUNTRY)
        arn = self.config["WebACLId"]
        if not arn:
            return None
        met = firewall_guard.guard(self.home, self.account, arn).meet(self.request, Source("CLOUDFRONT", "CF", self.distribution.id), self.id)
        if not met.is_blocked:
            met.mark(self.request)
            self.headers = dict(self.request.headers)
            self._tell_of_viewer()
            return None
        response = met.response()
        if response is None:
            return self._page(403, answer.BLOCKED)
        return Told(response.status, list(response.headers.items()), response.body, "Error")

    # Admission -------------------------------------------------------------------------------------------------

    def _refused(self) -> Told | None:
        demand = self.behavior["ViewerProtocolPolicy"]
        if not self.is_tls and demand == "redirect-to-https":
            query = f"?{self.request.query}" if self.request.query else ""
            # AWS's names have no port; here one port speaks both.
            where = f"https://{self.request.host}{self.request.path}{query}"
            return Told(301, [("Server", "CloudFront"), ("Location", where)], b"", "Redirect")
        if not self.is_tls and demand == "https-only":
            return self._page(403, "Bad request.")
        if self.method not in self.behavior["AllowedMethods"]["Items"]:
            return self._page(403, METHOD)
        groups = self.behavior["TrustedKeyGroups"]
        if groups["Enabled"]:
            cookies = dict(script.cookies_of(self.headers.get("cookie", "")))
            said = {name: unquote(value) for name, value in self.query}
            try:
                signed.admit(self.home, self.account, groups.get("Items") or (), said, cookies, self._urls(), self.address, self.home.clock.now())
            except signed.Unsigned as error:
                return Told(403, *answer.refusal(error.code, error.text), "Error")
            self.query = [(name, value) for name, value in self.query if name not in signed.PARAMETERS]
        return None

    def _urls(self) -> list[str]:
        """All that a signer may have written for this request: AWS's names have no port, and TLS may have ended before us."""
        parts = [part for part in self.request.query.split("&") if part.partition("=")[0] not in signed.PARAMETERS]
        rest = self.request.path + (f"?{'&'.join(parts)}" if any(parts) else "")
        hosts = {self.request.host, self.request.host.partition(":")[0], self.distribution.more["domain"]}
        return [f"{scheme}://{host}{rest}" for host in sorted(hosts) for scheme in ("https", "http")]

    # Functions --------------------------------------------------------------------------------------------------

    async def _run(self, event_type: str, told: Told | None) -> Told | None:
        """What the function at this place makes of the request (then None, unless it answers itself) or of the response."""
        arn = next(
            (each["FunctionARN"] for each in self.behavior["FunctionAssociations"].get("Items") or () if each["EventType"] == event_type),
            None,
        )
        live = held.shelf(self.home).get(key_of("function-live", arn)) if arn is not None else None
        if live is None:
            return None
        bill.ran(self.home, self.account, arn)
        outcome = await script.run(self.home, live, self._event(event_type, told))
        value = outcome.value
        if value is None:
            return self._page(503, SCRIPT + outcome.error, "FunctionExecutionError")
        try:
            if told is not None:
                return told._replace(status=_status(value.get("statusCode", told.status)), headers=_response_headers(value))
            if "statusCode" in value:
                body = value.get("body", "")
                data = str(body.get("data", "") if isinstance(body, dict) else body).encode()
                return Told(_status(value["statusCode"]), _response_headers(value), data, "FunctionGeneratedResponse")
            self._take(value)
        except ValueError as error:
            return self._page(503, SCRIPT + str(error), "FunctionExecutionError")
        return None

    def _event(self, event_type: str, told: Told | None) -> dict[str, Any]:
        rules = behavior.rules(self.home, self.account, self.behavior)
        headers = {
            name: {"value": value}
            for name, value in self.headers.items()
            if name != "cookie" and (not name.startswith(viewer.PREFIX) or rules.sent.headers(name))
        }
        event = {
            "version": "1.0",
            "context": {
                "distributionDomainName": self.distribution.more["domain"], "distributionId": self.distribution.id,
                "eventType": event_type, "requestId": self.id,
            },
            "viewer": {"ip": self.address},
            "request": {
                "method": self.method, "uri": self.path, "querystring": script.spread(self.query), "headers": headers,
                "cookies": script.spread(script.cookies_of(self.headers.get("cookie", ""))),
            },
        }  # fmt: skip
        if told is not None:
            lines = [(name.lower(), value) for name, value in told.headers if name.lower() != "set-cookie"]
            event["response"] = {
                "statusCode": told.status,
                "statusDescription": "",
                "headers": script.spread(lines),
                "cookies": _cookies(told.headers),
            }
        return event

    def _take(self, value: dict[str, Any]) -> None:
        """The request as the function left it. Raises ValueError for what is none."""
        uri = value.get("uri")
        if not isinstance(uri, str) or not uri.startswith("/"):
            raise ValueError("a request needs a uri that begins with /")
        self.path = uri.partition("?")[0]
        self.query = script.gathered(value.get("querystring"))
        host = self.headers.get("host", "")
        self.headers = {name.lower(): text for name, text in script.gathered(value.get("headers"))} | {"host": host}
        self._tell_of_viewer()
        if cookies := script.gathered(value.get("cookies")):
            self.headers["cookie"] = "; ".join(f"{name}={text}" for name, text in cookies)

    # Content ----------------------------------------------------------------------------------------------------

    async def _content(self, method: str, path: str, chosen: dict[str, Any]) -> Told:
        """A path's content out of the cache or from its origin."""
        rules = behavior.rules(self.home, self.account, chosen)
        may_keep = rules.is_cached and (method in ("GET", "HEAD") or method in chosen["AllowedMethods"]["CachedMethods"]["Items"])
        asked = self._asked(rules, "GET" if method == "HEAD" and may_keep else method, path, may_keep)
        if not may_keep:
            return await self._fetched(chosen, asked)
        codings = self._codings(rules)
        key, address = self._key(rules, chosen, asked.method, path, codings)
        copy, now = self.cache.find(key), self.home.clock.now()
        if copy is not None and now < copy.fresh_until:
            return _of_copy(copy, "Hit" if copy.status < 400 else "Error", now)
        refreshing = self._refreshed(key, address, copy, rules, chosen, asked, codings)
        if copy is not None and copy.status < 400 and now < copy.expires + (cache.stale_s(copy.headers, "stale-while-revalidate", rules) or 0.0):
            if key in self.cache.refreshing:
                refreshing.close()
            else:
                self.home.spawn(self._behind(key, refreshing))
            return _of_copy(copy, "Hit", now)
        return await refreshing

    async def _behind(self, key: tuple, refreshing: Coroutine[Any, Any, Told]) -> None:
        """Fetch a copy again that is shown meanwhile, once at a time."""
        self.cache.refreshing.add(key)
        try:
            await refreshing
        finally:
            self.cache.refreshing.discard(key)

    async def _refreshed(
        self, key: tuple, address: str, copy: Copy | None, rules: behavior.Rules, chosen: dict[str, Any], asked: origin.Asked,
        codings: tuple[str, ...],
    ) -> Told:  # fmt: skip
        """What the origin says now, and the cache from then on."""
        if copy is not None and copy.status < 400:
            asked.headers.update(_validators(copy))
        struck = cache.invalidated(self.home, self.distribution.id)
        told = await self._fetched(chosen, asked)
        now = self.home.clock.now()
        if copy is not None and copy.status < 400:
            if told.status == 304:
                self._renew(copy, told.headers, rules, now)
                return _of_copy(copy, "RefreshHit", now)
            allowed_s = cache.stale_s(copy.headers, "stale-if-error", rules)
            if told.status in (500, 502, 503, 504) and (allowed_s is None or now < copy.expires + allowed_s):
                # An origin that fails does not take away what was good, unless it said itself for how long that is so.
                # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
                copy.fresh_until = now + self._error_lifetime_s(told, rules, now)
                return _of_copy(copy, "RefreshHit", now)
        body = await origin.taken(told.body)
        if not isinstance(body, bytes):
            return told._replace(body=body)
        headers = told.headers
        if chosen["Compress"] and codings and told.status == 200:
            headers, body = await compression.compressed(headers, body, codings[0])
        lifetime_s = self._error_lifetime_s(told, rules, now)
        if told.status in cache.KEPT:
            lifetime_s = cache.lifetime_s(headers, rules, now)
        # What was asked for before an invalidation and came after it may be what was invalidated.
        if lifetime_s > 0 and struck is cache.invalidated(self.home, self.distribution.id):
            self.cache.keep(key, Copy(self.distribution.id, address, told.status, headers, body, now, now + lifetime_s))
        else:
            self.cache.drop(key)
        return told._replace(headers=headers, body=body, length=None)

    def _renew(self, copy: Copy, headers: Headers, rules: behavior.Rules, now: float) -> None:
        """A copy of which the origin says that it is still good."""
        said = {name.lower() for name, _ in headers if name.lower() in ("cache-control", "expires", "date")}
        copy.headers = [each for each in copy.headers if each[0].lower() not in said] + [each for each in headers if each[0].lower() in said]
        copy.stored = now
        copy.fresh_until = copy.expires = now + cache.lifetime_s(copy.headers, rules, now)

    def _error_lifetime_s(self, told: Told, rules: behavior.Rules, now: float) -> float:
        said = self._error_rule(told.status)
        return cache.error_lifetime_s(told.status, told.headers, rules, None if said is None else said.get("ErrorCachingMinTTL"), now)

    def _key(self, rules: behavior.Rules, chosen: dict[str, Any], method: str, path: str, codings: tuple[str, ...]) -> tuple[tuple, str]:
        """What a copy is kept under, and what invalidations call it."""
        query = "&".join(_spelled(pair) for pair in self.query if rules.key.queries(pair[0]))
        headers = tuple(sorted((name, value) for name, value in self.headers.items() if name not in DROPPED - {"host"} and rules.key.headers(name)))
        cookies = tuple(pair for pair in script.cookies_of(self.headers.get("cookie", "")) if rules.key.cookies(pair[0]))
        address = f"{path}?{query}" if query else path
        return (self.distribution.id, chosen.get("PathPattern"), method, address, headers, cookies, codings), address

    def _codings(self, rules: behavior.Rules) -> tuple[str, ...]:
        """How the answer to this viewer may be packed."""
        return compression.accepted(self.headers.get("accept-encoding", ""), rules.codings)

    def _forwarded(self) -> str:
        before = self.request.headers.get("x-forwarded-for")
        return f"{before}, {self.address}" if before else self.address

    def _asked(self, rules: behavior.Rules, method: str, path: str, may_keep: bool) -> origin.Asked:
        headers = {name: value for name, value in self.headers.items() if name not in DROPPED and name != "cookie" and rules.sent.headers(name)}
        for name in OF_COPIES:
            headers.pop(name, None)
            if not may_keep and name in self.headers:
                headers[name] = self.headers[name]
        if self.request.body and "content-type" in self.headers:
            headers["content-type"] = self.headers["content-type"]
        if method not in ("GET", "HEAD", "OPTIONS") and "authorization" in self.headers:
            # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html
            headers["authorization"] = self.headers["authorization"]
        if rules.sent.headers("host"):
            headers["host"] = self.headers["host"]
        if may_keep and (codings := self._codings(rules)):
            headers["accept-encoding"] = ",".join(codings)
        elif not may_keep and rules.sent.headers("accept-encoding") and "accept-encoding" in self.headers:
            headers["accept-encoding"] = self.headers["accept-encoding"]
        headers.setdefault("user-agent", "Amazon CloudFront")
        cookies = [pair for pair in script.cookies_of(self.headers.get("cookie", "")) if rules.sent.cookies(pair[0])]
        if cookies:
            headers["cookie"] = "; ".join(_spelled(pair) for pair in cookies)
        via = f"1.1 {self.distribution.more['domain']} (CloudFront)"
        before = self.request.headers.get("via")
        headers |= {"via": f"{before}, {via}" if before else via, "x-amz-cf-id": self.id, "x-forwarded-for": self._forwarded()}
        query = "&".join(_spelled(pair) for pair in self.query if rules.sent.queries(pair[0]))
        return origin.Asked(method, path, query, headers, self.request.body, self.is_tls)

    async def _fetched(self, chosen: dict[str, Any], asked: origin.Asked) -> Told:
        """The answer of the behavior's origin; of the next one of its group where the first fails as the group says."""
        origins = {each["Id"]: each for each in self.config["Origins"]["Items"]}
        group = next((each for each in self.config["OriginGroups"].get("Items") or () if each["Id"] == chosen["TargetOriginId"]), None)
        if group is None or asked.method not in ("GET", "HEAD", "OPTIONS"):
            first = group["Members"]["Items"][0]["OriginId"] if group is not None else chosen["TargetOriginId"]
            return await self._fetched_from(origins[first], asked)
        criteria = group["FailoverCriteria"]["StatusCodes"]["Items"]
        for member in group["Members"]["Items"]:
            told = await self._fetched_from(origins[member["OriginId"]], asked)
            if told.status not in criteria:
                break
        return told

    async def _fetched_from(self, source: dict[str, Any], asked: origin.Asked) -> Told:
        try:
            found = await origin.fetch(self.home, self.distribution, source, asked)
        except origin.Unanswered as error:
            return self._page(error.status, str(error))
        return Told(found.status, found.headers, found.body, "Error" if found.status >= 400 else "Miss", None, found.length)

    # Afterwards ---------------------------------------------------------------------------------------------------

    def _error_rule(self, status: int) -> dict[str, Any] | None:
        rules: Iterable[dict[str, Any]] = self.config["CustomErrorResponses"].get("Items") or ()
        return next((each for each in rules if each["ErrorCode"] == status), None)

    async def _own_error(self, told: Told) -> Told:
        """The distribution's own page about an error, if it has one that can be got."""
        rule = self._error_rule(told.status)
        if rule is None or not rule.get("ResponsePagePath"):
            return told
        path = rule["ResponsePagePath"]
        page = await self._content("GET", path, behavior.chosen(self.config, path))
        if page.status != 200:
            return told
        return page._replace(status=int(rule["ResponseCode"]), result="Error", age_s=None)

    def _cut(self, told: Told) -> Told:
        """What of an answer the viewer has not yet, or asked for."""
        if (
            told.status != 200
            or self.method not in ("GET", "HEAD")
            or not isinstance(told.body, bytes)
            or (self.method == "HEAD" and told.length is not None)
        ):
            return told
        if answer.is_known(self.headers, told.headers):
            return told._replace(status=304, body=b"")
        found = answer.part(self.headers, told.headers, len(told.body))
        if found is None:
            return told._replace(headers=[("Accept-Ranges", "bytes"), *(each for each in told.headers if each[0].lower() != "accept-ranges")])
        first, last = found
        if first < 0:
            page = self._page(416, "The requested range is not there.")
            return page._replace(headers=[*page.headers, ("Content-Range", f"bytes */{len(told.body)}")])
        headers = [*told.headers, ("Content-Range", f"bytes {first}-{last}/{len(told.body)}")]
        return told._replace(status=206, headers=headers, body=told.body[first : last + 1], length=None)


def _spelled(pair: tuple[str, str]) -> str:
    return f"{pair[0]}={pair[1]}"


def _of_copy(copy: Copy, result: str, now: float) -> Told:
    return Told(copy.status, list(copy.headers), copy.body, result, max(0.0, now - copy.stored))


def _validators(copy: Copy) -> dict[str, str]:
    tag, modified = copy.header("etag"), copy.header("last-modified")
    return ({"if-none-match": tag} if tag else {}) | ({"if-modified-since": modified} if modified else {})


def _status(said: Any) -> int:
    if isinstance(said, bool) or not isinstance(said, int) or not 100 <= said <= 599:
        raise ValueError("statusCode must be a number of HTTP's")
    return said


def _response_headers(value: dict[str, Any]) -> Headers:
    lines = [(name, text) for name, text in script.gathered(value.get("headers")) if name.lower() not in origin.HOP_BY_HOP]
    return lines + [("Set-Cookie", line) for line in script.set_cookies(value.get("cookies"))]


def _cookies(headers: Headers) -> dict[str, Any]:
    found = {}
    for name, value in headers:
        if name.lower() == "set-cookie":
            pair, _, attributes = value.partition(";")
            cookie, _, text = pair.partition("=")
            found[cookie.strip()] = {"value": text} | ({"attributes": attributes.strip()} if attributes else {})
    return found
