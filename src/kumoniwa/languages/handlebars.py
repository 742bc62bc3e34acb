"""The templates of SES mails: Handlebars as far as AWS documents it for them. Pure functions.

``{{name}}`` and ``{{a.b.[0]}}``, ``{{#if}}``, ``{{#unless}}``, ``{{#each}}`` and ``{{#with}}`` with ``{{else}}``, ``{{this}}``, ``../``,
``{{@index}}`` and its like, comments, ``~`` that takes blanks away, and inline partials. Nothing is escaped for HTML: SES does not.
https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-advanced.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

DEPTH_MAX = 64
PIECES_MAX = 100_000
"""Partials that call themselves, or each other twice, end here."""

_TAG = re.compile(r"\{\{\{(?P<triple>~?.*?~?)\}\}\}|\{\{(?P<long>~?!--.*?--~?)\}\}|\{\{(?P<tag>~?[^{].*?~?)\}\}", re.DOTALL)
_SEGMENT = re.compile(r"\[([^\]]*)\]|([^./\[\]\s]+)")
_WORD = re.compile(r'"([^"]*)"|\'([^\']*)\'|(\S+)')
_PATH = re.compile(r"(?:\.\./)*(?:@?(?:\[[^\]]*\]|[^\s.\[\](){}\"'=|#/]+)(?:[./](?:\[[^\]]*\]|[^\s.\[\](){}\"'=|#/]+))*|\.|\.\.)")
_BLOCKS = frozenset({"if", "unless", "each", "with"})


class TemplateError(ValueError):
    """The template is none."""


class MissingAttribute(KeyError):
    """The data have nothing of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Value(NamedTuple):
    path: str


class Block(NamedTuple):
    kind: str
    argument: str
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]


class Inline(NamedTuple):
    name: str
    body: tuple[Node, ...]


class Partial(NamedTuple):
    name: str
    argument: str


Node = str | Value | Block | Inline | Partial


# Reading -------------------------------------------------------------------------------------------


class _Token(NamedTuple):
    is_tag: bool
    text: str


def _tokens(source: str) -> Iterator[_Token]:
    """Text and tags in turn; a ``~`` has already taken its blanks away."""
    parts: list[tuple[bool, str]] = []
    at = 0
    for found in _TAG.finditer(source):
        parts += [(False, source[at : found.start()]), (True, found[0])]
        at = found.end()
    parts.append((False, source[at:]))
    strips = [(part, "~" in part[:4], part.rstrip("}").endswith("~")) if is_tag else (part, False, False) for is_tag, part in parts]
    for n, (is_tag, part) in enumerate(parts):
        if not is_tag:
            text = part
            if n and strips[n - 1][2]:
                text = text.lstrip()
            if n + 1 < len(parts) and strips[n + 1][1]:
                text = text.rstrip()
            yield _Token(False, text)
        else:
            yield _Token(True, part.strip("{}").strip("~").strip())


@lru_cache(maxsize=256)
def parse(source: str) -> tuple[Node, ...]:
    """Raises TemplateError."""
    tokens = list(_tokens(source))
    nodes, at, ended_by = _parsed(tokens, 0, 0)
    if ended_by:
        raise TemplateError(f"found '{{{{{ended_by}}}}}' with no block to end")
    return nodes


def _parsed(tokens: list[_Token], at: int, depth: int) -> tuple[tuple[Node, ...], int, str]:
    """The nodes up to what ends their block, where that is, and what it says."""
    if depth > DEPTH_MAX:
        raise TemplateError("blocks are nested too deep")
    nodes: list[Node] = []
    while at < len(tokens):
        is_tag, text = tokens[at]
        at += 1
        if not is_tag:
            if text:
                nodes.append(text)
        elif text.startswith("!"):
            continue
        elif text.startswith(("/", "else", "^")) and (text[0] == "/" or text.split()[0] in ("else", "^")):
            return tuple(nodes), at, text
        elif text.startswith("#"):
            node, at = _block(tokens, at, text[1:].strip(), depth)
            nodes.append(node)
        elif text.startswith(">"):
            name, _, argument = text[1:].strip().partition(" ")
            nodes.append(Partial(_name(name), argument.strip()))
        else:
            nodes.append(Value(_path(text.lstrip("&").strip())))
    return tuple(nodes), at, ""


def _name(text: str) -> str:
    found = _WORD.match(text)
    if found is None:
        raise TemplateError("a partial needs a name")
    return found[1] or found[2] or found[3] or ""


def _path(text: str) -> str:
    if _PATH.fullmatch(text) is None:
        raise TemplateError(f"'{text}' is no attribute")
    return text


def _block(tokens: list[_Token], at: int, said: str, depth: int) -> tuple[Node, int]:
    if said.startswith("*"):
        kind, _, name = said[1:].strip().partition(" ")
        body, at, ended_by = _parsed(tokens, at, depth + 1)
        if kind != "inline" or ended_by.lstrip("/").strip() != "inline":
            raise TemplateError(f"'{kind}' has no end")
        return Inline(_name(name.strip()), body), at
    kind, _, argument = said.partition(" ")
    if kind not in _BLOCKS:
        raise TemplateError(f"could not find helper: '{kind}'")
    argument = _path(argument.strip())
    body, at, ended_by = _parsed(tokens, at, depth + 1)
    otherwise: tuple[Node, ...] = ()
    if not ended_by.startswith("/") and ended_by:
        chained = ended_by.removeprefix("else").removeprefix("^").strip()
        if chained:
            node, at = _block(tokens, at, chained, depth + 1)
            return Block(kind, argument, body, (node,)), at
        otherwise, at, ended_by = _parsed(tokens, at, depth + 1)
    if ended_by.lstrip("/").strip() != kind:
        raise TemplateError(f"'{{{{#{kind}}}}}' is not ended")
    return Block(kind, argument, body, otherwise), at


# Writing -------------------------------------------------------------------------------------------


class _Frame(NamedTuple):
    """Where we stand: what ``this`` is, what is around it, and the ``@`` values of a loop."""

    this: Any
    above: _Frame | None
    special: dict[str, Any]


def render(source: str, data: Any) -> str:
    """Raises TemplateError or MissingAttribute."""
    pieces: list[str] = []
    _render(parse(source), _Frame(data, None, {"root": data}), {}, pieces, 0)
    return "".join(pieces)


def _render(nodes: tuple[Node, ...], frame: _Frame, partials: dict[str, tuple[Node, ...]], pieces: list[str], depth: int) -> None:
    pieces.append("")  # so that what says nothing counts too
    if depth > DEPTH_MAX or len(pieces) > PIECES_MAX:
        raise TemplateError("the template does not come to an end")
    partials = {**partials, **{node.name: node.body for node in nodes if isinstance(node, Inline)}}
    for node in nodes:
        if isinstance(node, str):
            pieces.append(node)
        elif isinstance(node, Value):
            value = _found(frame, node.path)
            if value is _ABSENT:
                raise MissingAttribute(node.path)
            pieces.append(_shown(value))
        elif isinstance(node, Partial):
            body = partials.get(node.name)
            if body is None:
                raise TemplateError(f"the partial '{node.name}' could not be found")
            inner = _Frame(_found(frame, node.argument), frame, frame.special) if node.argument else frame
            _render(body, inner, partials, pieces, depth + 1)
        elif isinstance(node, Block):
            _render_block(node, frame, partials, pieces, depth + 1)


def _render_block(node: Block, frame: _Frame, partials: dict[str, tuple[Node, ...]], pieces: list[str], depth: int) -> None:
    value = _found(frame, node.argument)
    if node.kind in ("if", "unless"):
        # A condition opens no place of its own: ``this`` is what it was.
        _render(node.body if _is_true(value) == (node.kind == "if") else node.otherwise, frame, partials, pieces, depth)
    elif not _is_true(value):
        _render(node.otherwise, frame, partials, pieces, depth)
    elif node.kind == "with":
        _render(node.body, _Frame(value, frame, frame.special), partials, pieces, depth)
    elif isinstance(value, (list, dict)):
        pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
        for n, (key, each) in enumerate(pairs):
            special = {**frame.special, "index": n, "key": key, "first": n == 0, "last": n == len(pairs) - 1}
            _render(node.body, _Frame(each, frame, special), partials, pieces, depth)
    else:
        _render(node.body, _Frame(value, frame, frame.special), partials, pieces, depth)


_ABSENT = object()


def _found(frame: _Frame, path: str) -> Any:
    """What a path leads to. A name that is not in its own place is looked for in those around it."""
    while path.startswith("../"):
        frame, path = frame.above or frame, path[3:]
    if path in (".", "this"):
        return frame.this
    if path == "..":
        return (frame.above or frame).this
    segments = [inner or plain for inner, plain in _SEGMENT.findall(path)]
    if path.startswith("@"):
        value: Any = frame.special.get(segments[0][1:], _ABSENT)
        return _walked(value, segments[1:])
    if segments[0] == "this":
        return _walked(frame.this, segments[1:])
    place: _Frame | None = frame
    while place is not None:
        value = _walked(place.this, segments[:1])
        if value is not _ABSENT:
            return _walked(value, segments[1:])
        place = place.above
    return _ABSENT


def _walked(value: Any, segments: list[str]) -> Any:
    for segment in segments:
        if isinstance(value, dict):
            value = value.get(segment, _ABSENT)
        elif isinstance(value, list) and segment.isdecimal() and int(segment) < len(value):
            value = value[int(segment)]
        elif isinstance(value, (list, str)) and segment in ("length", "size"):
            value = len(value)
        else:
            return _ABSENT
    return value


def _is_true(value: Any) -> bool:
    return value is not _ABSENT and value is not None and value is not False and value != "" and value != 0 and value != []


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_shown(each)}" for key, each in value.items()) + "}"
    return str(value)
