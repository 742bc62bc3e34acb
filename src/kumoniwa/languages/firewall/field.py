"""The part of a request that a statement looks at, ``FieldToMatch``: every value it finds there, or what is said of one too large to look at.

https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-fields-list.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from kumoniwa.languages.firewall import transformation
from kumoniwa.languages.firewall.web_request import HEADERS_BYTES_MAX, HEADERS_MAX, Pairs, WebRequest

Read = Callable[[WebRequest], "list[bytes] | bool"]
"""Values, or the outcome of the statement itself."""
NESTED_MAX = 500


def compiled(field: dict[str, Any], transformations: list[dict[str, Any]]) -> Read:
    """The values of a part, transformed. Many rules look at the same: it is made once for each request."""
    ((kind, settings),) = field.items()
    read, transform = _READERS[kind](settings), transformation.compiled(transformations)
    if transform is None:
        return read
    identity = repr((field, sorted((each["Priority"], each["Type"]) for each in transformations)))

    def transformed(request: WebRequest) -> list[bytes] | bool:
        known = request.transformed.get(identity)
        if known is None:
            found = read(request)
            known = request.transformed[identity] = found if isinstance(found, bool) else [transform(value) for value in found]
        return known

    return transformed


def _header(settings: dict[str, Any]) -> Read:
    name = settings["Name"].lower().encode()

    def read(request: WebRequest) -> list[bytes]:
        value = request.header(name)
        return [] if value is None else [value]

    return read


def _argument(settings: dict[str, Any]) -> Read:
    name = settings["Name"].lower().encode()
    return lambda request: [value for key, value in request.arguments if key == name]


def _cut(pairs: Pairs) -> tuple[Pairs, bool]:
    """The first of them, and whether that is not all: AWS looks at 200, or at 8 KB."""
    size = 0
    for count, (name, value) in enumerate(pairs):
        size += len(name) + len(value)
        if count == HEADERS_MAX or size > HEADERS_BYTES_MAX:
            return pairs[:count], True
    return pairs, False


def _oversized(handling: str | None) -> bool | None:
    """What a statement says of a part that is too large: None if it looks at what there is."""
    return {"MATCH": True, "NO_MATCH": False}.get(handling or "CONTINUE")


def _scoped(pairs: Pairs, scope: str) -> list[bytes]:
    return [text for name, value in pairs for text in ((name,) if scope == "KEY" else (value,) if scope == "VALUE" else (name, value))]


def _chosen(settings: dict[str, Any], included: str, excluded: str, fold: Callable[[str], str]) -> Callable[[bytes], bool]:
    pattern = settings["MatchPattern"]
    names = frozenset(fold(name).encode() for name in pattern.get(included) or pattern.get(excluded) or ())
    if "All" in pattern:
        return lambda name: True
    return (lambda name: name in names) if included in pattern else (lambda name: name not in names)


def _map(
    part: str, pairs_of: Callable[[WebRequest], Pairs], included: str, excluded: str, fold: Callable[[str], str]
) -> Callable[[dict[str, Any]], Read]:
    def prepared(settings: dict[str, Any]) -> Read:
        is_chosen, scope = _chosen(settings, included, excluded, fold), settings["MatchScope"]
        too_large = _oversized(settings["OversizeHandling"])

        def read(request: WebRequest) -> list[bytes] | bool:
            pairs, is_cut = _cut(pairs_of(request))
            if is_cut:
                request.exceeds(part)
                if too_large is not None:
                    return too_large
            return _scoped([pair for pair in pairs if is_chosen(pair[0])], scope)

        return read

    return prepared


def _header_order(settings: dict[str, Any]) -> Read:
    too_large = _oversized(settings["OversizeHandling"])

    def read(request: WebRequest) -> list[bytes] | bool:
        pairs, is_cut = _cut(request.headers)
        if is_cut:
            request.exceeds("REQUEST_HEADERS")
        return too_large if is_cut and too_large is not None else [b":".join(name for name, _ in pairs)]

    return read


def _body(settings: dict[str, Any]) -> Read:
    too_large = _oversized(settings.get("OversizeHandling"))

    def read(request: WebRequest) -> list[bytes] | bool:
        if len(request.body) > request.body_max:
            request.exceeds("REQUEST_BODY")
            return [request.body[: request.body_max]] if too_large is None else too_large
        return [request.body]

    return read


# JSON ----------------------------------------------------------------------------------------------------------

Leaf = tuple[tuple[str, ...], bool, bytes]
"""A path, whether this is a key, and its text."""


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[Leaf]:
    waiting: list[tuple[Any, tuple[str, ...]]] = [(value, path)]
    while waiting:
        value, path = waiting.pop(0)
        if isinstance(value, list):
            waiting = [(each, (*path, str(at))) for at, each in enumerate(value)] + waiting
        elif isinstance(value, _Members):
            for key, _ in value:
                yield (*path, key), True, key.encode("utf-8", "surrogatepass")
            waiting = [(each, (*path, key)) for key, each in value] + waiting
        else:
            yield path, False, value.encode("utf-8", "surrogatepass") if isinstance(value, str) else json.dumps(value).encode()


class _Members(tuple):
    """An object with all of its keys, even those that stand there twice."""


def _parsed(body: bytes) -> Any:
    """Raises ValueError for what is no JSON."""
    try:
        return json.loads(body, object_pairs_hook=_Members)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _up_to_flaw(body: bytes) -> list[bytes]:
    """What can be read of JSON that is broken, up to where it breaks: its keys and values as they come."""
    text, found, at = body.decode("utf-8", "replace"), [], 0
    decoder = json.JSONDecoder()
    while at < len(text):
        if text[at] in " \t\r\n{}[],:":
            at += 1
            continue
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            break
        found.append(value.encode() if isinstance(value, str) else json.dumps(value).encode())
    return found


def _pointer(text: str) -> tuple[str, ...]:
    """https://www.rfc-editor.org/rfc/rfc6901"""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def _json_body(settings: dict[str, Any]) -> Read:
    too_large, scope = _oversized(settings.get("OversizeHandling")), settings["MatchScope"]
    fallback = settings.get("InvalidFallbackBehavior")
    paths = [_pointer(path) for path in settings["MatchPattern"].get("IncludedPaths") or ()]

    def is_wanted(leaf: Leaf) -> bool:
        path, is_key, _ = leaf
        if scope != "ALL" and is_key != (scope == "KEY"):
            return False
        return not paths or any(path[: len(each)] == each for each in paths)

    def read(request: WebRequest) -> list[bytes] | bool:
        body = request.body
        if len(body) > request.body_max:
            request.exceeds("REQUEST_JSON_BODY")
            if too_large is not None:
                return too_large
            body = body[: request.body_max]
        try:
            value = _parsed(body)
        except ValueError:
            if fallback == "EVALUATE_AS_STRING":
                return [body]
            return _up_to_flaw(body) if fallback is None else fallback == "MATCH"
        return [leaf[2] for leaf in _leaves(value, ()) if is_wanted(leaf)]

    return read


_READERS: dict[str, Callable[[dict[str, Any]], Read]] = {
    "SingleHeader": _header,
    "SingleQueryArgument": _argument,
    "AllQueryArguments": lambda settings: lambda request: [value for _, value in request.arguments],
    "UriPath": lambda settings: lambda request: [request.path],
    "QueryString": lambda settings: lambda request: [request.query],
    "Method": lambda settings: lambda request: [request.method],
    "Body": _body,
    "JsonBody": _json_body,
    "Headers": _map("REQUEST_HEADERS", lambda request: request.headers, "IncludedHeaders", "ExcludedHeaders", str.lower),
    "Cookies": _map("REQUEST_COOKIES", lambda request: request.cookies, "IncludedCookies", "ExcludedCookies", str),
    "HeaderOrder": _header_order,
}
"""By kind. Fingerprints of TLS handshakes and fragments, which no client sends, are not here."""
KINDS = frozenset(_READERS)
