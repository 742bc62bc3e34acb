"""Which operation of a REST service a method and a path mean.

The model's URI templates become one tree per service; literal segments go before labels, greedy labels come last, and
of the operations that share a path the one is meant whose query literals and required query names and headers fit best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from kumoniwa.wire.query import fields

if TYPE_CHECKING:
    from kumoniwa.aws.models import Service, Target


MATCHES_REMEMBERED = 2_048
REMEMBERED_CHARACTERS_MAX = 1_024


class Match(NamedTuple):
    operation: str
    labels: dict[str, str]
    """By the label's name in the URI template, percent-decoded. Shared between equal requests: read it, do not change it."""


class _Route(NamedTuple):
    operation: str
    query: tuple[tuple[str, str | None], ...]
    """What the query string must hold: ``?uploads`` a name, ``?list-type=2`` a name with a value."""
    names: tuple[str, ...]
    target: Target

    def is_asked(self, given: dict[str, str]) -> bool:
        for name, value in self.query:
            if name not in given or (value is not None and given[name] != value):
                return False
        return True

    def lacks(self, given: dict[str, str], headers: frozenset[str]) -> int:
        """How many of the things it requires are absent."""
        missing = 0
        for name in self.target.required_query:
            missing += name not in given
        for name in self.target.required_headers:
            missing += name not in headers
        return missing

    def rank(self) -> tuple:
        """The more a route asks for, the earlier it is tried."""
        asked = sum(1 if value is None else 2 for _, value in self.query)
        required = len(self.target.required_query) + len(self.target.required_headers)
        return -asked, -required, self.target.is_deprecated


class _Asked(NamedTuple):
    method: str
    query: dict[str, str]
    headers: frozenset[str]


class _Node:
    __slots__ = ("literals", "label", "greedy", "routes", "plain")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.label: _Node | None = None
        self.greedy: _Node | None = None
        self.routes: dict[str, list[_Route]] = {}
        self.plain: dict[str, list[_Route]] = {}
        """Those of ``routes`` that ask for nothing in the query: all that a request without one can mean."""

    def candidates(self, asked: _Asked) -> Sequence[_Route]:
        return (self.routes if asked.query else self.plain).get(asked.method, ())


class Routes:
    """The routes of one service."""

    def __init__(self, service: Service) -> None:
        self.root = _Node()
        for target in service.targets:
            self._add(target)
        self._sort(self.root)
        self.telling = frozenset(name for target in service.targets for name in target.required_headers)
        """The headers whose presence tells operations apart."""
        self._remembered = lru_cache(MATCHES_REMEMBERED)(self._match)

    def _add(self, target: Target) -> None:
        path, _, query = target.uri.partition("?")
        node, names = self.root, []
        for segment in path.strip("/").split("/") if path.strip("/") else ():
            if segment.startswith("{"):
                name = segment.strip("{}")
                names.append(name.rstrip("+"))
                place = "greedy" if name.endswith("+") else "label"
                if getattr(node, place) is None:
                    setattr(node, place, _Node())
                node = getattr(node, place)
            else:
                node = node.literals.setdefault(segment, _Node())
        wanted = tuple(
            (name, value if "=" in field else None)
            for field in query.split("&")
            if field
            for name, value in fields(field)
        )
        node.routes.setdefault(target.method, []).append(
            _Route(target.operation, wanted, tuple(names), target)
        )

    def _sort(self, node: _Node) -> None:
        for method, routes in node.routes.items():
            routes.sort(key=_Route.rank)
            node.plain[method] = [route for route in routes if not route.query]
        below = [*node.literals.values(), node.label, node.greedy]
        for each in below:
            if each is not None:
                self._sort(each)

    def match(
        self, method: str, path: str, query: str = "", headers: Mapping[str, str] | None = None
    ) -> Match | None:
        """The operation meant and its labels, or None. ``path`` and ``query`` as sent, still percent-encoded;
        ``headers`` with lower-case names."""
        match = self._remembered if len(path) + len(query) <= REMEMBERED_CHARACTERS_MAX else self._match
        return match(method, path, query, self.telling.intersection(headers or ()))

    def _match(self, method: str, path: str, query: str, headers: frozenset[str]) -> Match | None:
        segments = path[1:].split("/") if len(path) > 1 else []
        asked = _Asked(method, dict(fields(query)) if query else {}, headers)
        found = self._find(self.root, segments, 0, asked, [])
        if found is None and segments and segments[-1] == "":
            # A slash too many at the end names the same thing, unless a label wanted it.
            found = self._find(self.root, segments[:-1], 0, asked, [])
        if found is None:
            return None
        route, values = found
        if "%" in path:
            values = [unquote(value) for value in values]
        return Match(route.operation, dict(zip(route.names, values)))

    def _find(
        self, node: _Node, segments: list[str], at: int, asked: _Asked, values: list[str]
    ) -> tuple[_Route, list[str]] | None:
        if at == len(segments):
            return _chosen(node.candidates(asked), asked, values)
        segment = segments[at]
        below = node.literals.get(segment) or (
            node.literals.get(unquote(segment)) if "%" in segment else None
        )
        if below is not None:
            found = self._find(below, segments, at + 1, asked, values)
            if found is not None:
                return found
        if node.label is not None and segment:
            found = self._find(node.label, segments, at + 1, asked, [*values, segment])
            if found is not None:
                return found
        return self._find_greedy(node.greedy, segments, at, asked, values) if node.greedy else None

    def _find_greedy(
        self, node: _Node, segments: list[str], at: int, asked: _Asked, values: list[str]
    ) -> tuple[_Route, list[str]] | None:
        """A greedy label takes everything, or as much as the literals behind it allow."""
        last = len(segments)
        if node.literals or node.label:
            for end in range(last - 1, at, -1):
                found = self._find(node, segments, end, asked, [*values, "/".join(segments[at:end])])
                if found is not None:
                    return found
        whole = "/".join(segments[at:])
        return _chosen(node.candidates(asked), asked, [*values, whole]) if whole else None


def _chosen(routes: Sequence[_Route], asked: _Asked, values: list[str]) -> tuple[_Route, list[str]] | None:
    """The first route that lacks nothing; if each lacks something, the one that lacks least, so that its reader can say
    what is missing."""
    if len(routes) == 1 and not routes[0].query:
        return routes[0], values
    best, lacking = None, 1000
    for route in routes:
        if route.is_asked(asked.query):
            lacks = route.lacks(asked.query, asked.headers)
            if lacks < lacking:
                best, lacking = route, lacks
                if not lacks:
                    break
    return (best, values) if best is not None else None


@cache
def routes(service: Service) -> Routes:
    """The service's routes, compiled when first asked for."""
    return Routes(service)
