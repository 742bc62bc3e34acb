"""A template's text, read into plain dictionaries.

May: parse YAML or JSON, expand the short forms (``!Ref``), refuse what could explode, remember lines.
May not: know a section, a parameter or a resource type.

YAML is read as a stream of events with a stack of our own, so depth is bounded by us and not by the interpreter,
and an alias (the seed of every YAML bomb) is refused when it is met, in AWS's words.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import orjson
import yaml

from kumoniwa.kernel.errors import ValidationError

TEMPLATE_BYTES_MAX = 1_000_000
DEPTH_MAX = 100
# Lines are kept down to a property's first level: deeper ones would cost more than a message gains.
LINE_DEPTH_MAX = 5

SHORT_FORMS = frozenset(
    [
        "And",
        "Base64",
        "Cidr",
        "Contains",
        "EachMemberEquals",
        "EachMemberIn",
        "Equals",
        "FindInMap",
        "GetAtt",
        "GetAZs",
        "GetStackOutput",
        "If",
        "ImportValue",
        "Join",
        "Length",
        "Not",
        "Or",
        "RefAll",
        "Select",
        "Split",
        "Sub",
        "ToJsonString",
        "Transform",
        "ValueOf",
        "ValueOfAll",
    ]
)

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
# YAML 1.1, as CloudFormation reads it.
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}


@dataclass(frozen=True, slots=True)
class Template:
    """``lines`` maps a path such as ``("Resources", "Queue", "Properties")`` to its line, counted from 1 (YAML only)."""

    body: dict[str, Any]
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)

    def where(self, *path: str) -> str:
        """``"line 12"`` for the nearest known ancestor of a path, or nothing."""
        for length in range(len(path), 0, -1):
            if line := self.lines.get(path[:length]):
                return f"line {line}"
        return ""


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    # 012345678901 is an account id far more often than an octal number: digits after a zero stay text.
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text) and isfinite(number := float(text)):
        return number
    # What no machine number holds is what was written; CloudFormation passes numbers on as text anyway.
    return text


def _place(mark: Any) -> str:
    return f"(line {mark.line + 1}, column {mark.column + 1})"


def _expanded(tag: str | None, value: Any, mark: Any) -> Any:
    if not tag or not tag.startswith("!") or tag == "!":
        return value
    name = tag[1:]
    if name in ("Ref", "Condition"):
        return {name: value}
    if name not in SHORT_FORMS:
        raise ValidationError(
            f"Template format error: YAML not well-formed. Unknown tag {tag} {_place(mark)}"
        )
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{name}": value}


class _Open:
    """A mapping or sequence that is being filled."""

    __slots__ = ("key", "mark", "path", "tag", "value")

    def __init__(self, value: Any, tag: str | None, mark: Any, path: tuple[str, ...] | None) -> None:
        self.value, self.tag, self.mark, self.path = value, tag, mark, path
        self.key: str | None = None


class _Reader:
    """Builds one document from YAML events."""

    def __init__(self) -> None:
        self.open: list[_Open] = []
        self.lines: dict[tuple[str, ...], int] = {}
        self.root: Any = None

    def put(self, value: Any, mark: Any) -> None:
        if not self.open:
            self.root = value
            return
        top = self.open[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            return
        if top.key is None:
            if not isinstance(value, str):
                raise ValidationError(f"Template format error: YAML not well-formed. {_place(mark)}")
            if value in top.value:
                raise ValidationError(f"Template format error: Duplicate key {value} {_place(mark)}")
            top.key = value
            if top.path is not None and len(top.path) < LINE_DEPTH_MAX:
                self.lines[(*top.path, value)] = mark.line + 1
            return
        top.value[top.key] = value
        top.key = None

    def child_path(self) -> tuple[str, ...] | None:
        if not self.open:
            return ()
        top = self.open[-1]
        return (*top.path, top.key) if top.path is not None and top.key is not None else None

    def read(self, text: str) -> None:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            mark = event.start_mark
            if isinstance(event, yaml.AliasEvent):
                raise ValidationError(
                    "Template error: YAML aliases are not allowed in CloudFormation templates"
                )
            if isinstance(event, yaml.ScalarEvent):
                is_key = self.open and isinstance(self.open[-1].value, dict) and self.open[-1].key is None
                value = event.value if is_key or event.style or event.tag else _scalar(event.value)
                self.put(_expanded(event.tag, value, mark), mark)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if len(self.open) >= DEPTH_MAX:
                    raise ValidationError("Template format error: Template is nested too deeply.")
                value = {} if isinstance(event, yaml.MappingStartEvent) else []
                self.open.append(_Open(value, event.tag, mark, self.child_path()))
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                done = self.open.pop()
                self.put(_expanded(done.tag, done.value, done.mark), done.mark)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValidationError(f"Template format error: Duplicate key {twice}")
    return found


def _depth_is_bounded(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return True
    return False


def _read_json(text: str) -> Template:
    try:
        body = json.loads(text, object_pairs_hook=_pairs, parse_int=_scalar, parse_float=_scalar)
    except json.JSONDecodeError as error:
        raise ValidationError(
            f"Template format error: JSON not well-formed. (line {error.lineno}, column {error.colno})"
        ) from None
    except (RecursionError, ValueError):
        raise ValidationError("Template format error: JSON not well-formed.") from None
    if not _depth_is_bounded(body):
        raise ValidationError("Template format error: Template is nested too deeply.")
    return Template(body)


def read(text: str) -> Template:
    """Read YAML or JSON, a whole template or a part of one. Raises ``ValidationError`` with CloudFormation's message."""
    if len(text.encode("utf-8", "surrogatepass")) > TEMPLATE_BYTES_MAX:
        raise ValidationError("Template may not exceed 1000000 bytes in size.")
    template = _read_json(text) if text.lstrip().startswith("{") else _read_yaml(text)
    try:
        orjson.dumps(template.body)
    except TypeError:
        # An escape can write half a character, which is no text that anybody could be sent.
        raise ValidationError("Template format error: unsupported structure.") from None
    return template


def _read_yaml(text: str) -> Template:
    reader = _Reader()
    try:
        reader.read(text)
    except yaml.MarkedYAMLError as error:
        place = f" {_place(error.problem_mark)}" if error.problem_mark else ""
        raise ValidationError(f"Template format error: YAML not well-formed.{place}") from None
    except (yaml.YAMLError, UnicodeError):
        raise ValidationError("Template format error: YAML not well-formed.") from None
    return Template(reader.root, reader.lines)


def parse(text: str) -> Template:
    """Read a template."""
    template = read(text)
    if not isinstance(template.body, dict):
        raise ValidationError("Template format error: unsupported structure.")
    return template
