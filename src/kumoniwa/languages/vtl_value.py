"""What Velocity's templates handle: Java's strings, numbers, lists and maps, with the methods templates call on them.

Python's own values stand for them; null is ``None``. A ``JsonList`` is a list that came out of JSON, which Java's JSON
library prints as JSON, while a list of the template's own prints as ``[a, b]``. A ``Thing`` is what a host lends to
templates, such as ``$input``. Whatever grows is counted against a ``Budget``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from kumoniwa.languages import backtracking

STEPS_MAX = 200_000
"""Directives and turns of loops in one rendering."""
CHARACTERS_MAX = 32 << 20
"""Text made in one rendering, the output and all strings together."""
VALUE_CHARACTERS_MAX = 10 << 20
INTEGER_MAX = 1 << 4096


class TemplateError(Exception):
    """The template cannot be read or rendered; Velocity would fail, too."""


class JsonList(list):
    """An array of a JSON document."""


class Silent(dict):
    """A map that prints as nothing, as ``$context`` does."""


class Thing:
    """Something a host lends. Unknown members and methods have no value."""

    def member(self, name: str) -> Any:
        return None

    def call(self, name: str, arguments: list[Any]) -> Any:
        return None

    def text(self) -> str:
        return ""


class Entry(Thing):
    """One entry of a map."""

    def __init__(self, key: Any, value: Any) -> None:
        self.key, self.value = key, value

    def member(self, name: str) -> Any:
        return {"key": self.key, "value": self.value}.get(name)

    def call(self, name: str, arguments: list[Any]) -> Any:
        return {"getKey": self.key, "getValue": self.value}.get(name)

    def text(self) -> str:
        return f"{text(self.key)}={text(self.value)}"


class Budget:
    """How much one rendering may still do."""

    __slots__ = ("steps", "characters")

    def __init__(self) -> None:
        self.steps, self.characters = STEPS_MAX, CHARACTERS_MAX

    def step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise TemplateError("The template does too much.")

    def spend(self, characters: int) -> None:
        self.characters -= characters
        if self.characters < 0 or characters > VALUE_CHARACTERS_MAX:
            raise TemplateError("The template makes too much text.")


def of_json(value: Any) -> Any:
    """A parsed JSON document as a template sees it."""
    if isinstance(value, list):
        return JsonList(map(of_json, value))
    if isinstance(value, dict):
        return {name: of_json(part) for name, part in value.items()}
    return value


def text(value: Any) -> str:
    """Java's ``toString``; null is empty, as API Gateway prints it."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, JsonList):
        return json(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_inner, value)) + "]"
    if isinstance(value, dict):
        if isinstance(value, Silent):
            return ""
        return "{" + ", ".join(f"{_inner(key)}={_inner(part)}" for key, part in value.items()) + "}"
    return value.text() if isinstance(value, Thing) else str(value)


def _inner(value: Any) -> str:
    return "null" if value is None else text(value)


def json(value: Any) -> str:
    """The value as JSON."""
    return orjson.dumps(value, default=text, option=orjson.OPT_NON_STR_KEYS).decode()


def number(value: float) -> str:
    """Java's ``Double.toString``: plain from a thousandth to ten million, scientific elsewhere."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        plain = format(Decimal(repr(value)), "f")
        return plain if "." in plain else f"{plain}.0"
    digits = Decimal(repr(value)).normalize().as_tuple()
    shown = "".join(map(str, digits.digits))
    exponent = digits.exponent + len(shown) - 1
    return f"{'-' if value < 0 else ''}{shown[0]}.{shown[1:] or '0'}E{exponent}"


def is_true(value: Any) -> bool:
    """Velocity 1.7's truth: everything but ``false`` and null, the empty string too."""
    return value is not False and value is not None


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_same(left: Any, right: Any) -> bool:
    if is_number(left) and is_number(right):
        return left == right
    if left is None or right is None:
        return left is right
    if type(left) is type(right):
        return left == right
    return text(left) == text(right)


def computed(sign: str, left: Any, right: Any, budget: Budget) -> Any:
    """Arithmetic; null where Java has no answer."""
    if sign == "+" and (isinstance(left, str) or isinstance(right, str)):
        joined = text(left) + text(right)
        budget.spend(len(joined))
        return joined
    if not (is_number(left) and is_number(right)):
        return None
    try:
        if sign in "/%":
            if not right:
                return None
            if isinstance(left, int) and isinstance(right, int):
                quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
                return quotient if sign == "/" else left - quotient * right
            return left / right if sign == "/" else math.fmod(left, right)
        answer = left + right if sign == "+" else left - right if sign == "-" else left * right
    except (OverflowError, ValueError):
        raise TemplateError("The number is too large.")
    if isinstance(answer, int) and abs(answer) > INTEGER_MAX:
        raise TemplateError("The number is too large.")
    return answer


# Methods -------------------------------------------------------------------------------------------------


def _expression(pattern: Any) -> backtracking.Expression:
    try:
        return backtracking.compiled(text(pattern))
    except backtracking.InvalidPattern as error:
        raise TemplateError(f"Invalid regular expression: {error}")


def _replacement(template: str, found: backtracking.Match) -> str:
    """Java's replacement text: ``$1`` is a group, a backslash takes the next character as it is."""
    if "$" not in template and "\\" not in template:
        return template
    parts, at = [], 0
    while at < len(template):
        sign, following = template[at], template[at + 1 : at + 2]
        if sign == "\\" and following:
            parts.append(following)
            at += 2
        elif sign == "$":
            if not (following.isdecimal() and int(following) < len(found.groups)):
                raise TemplateError("Illegal group reference")
            parts.append(found.groups[int(following)] or "")
            at += 2
        else:
            parts.append(sign)
            at += 1
    return "".join(parts)


def _replace(subject: str, pattern: Any, by: Any, budget: Budget, count: int | None = None) -> str:
    by, parts, at = text(by), [], 0
    for found in _expression(pattern).found(subject):
        new = _replacement(by, found)
        budget.spend(len(new))
        parts += (subject[at : found.start], new)
        at = found.end
        if count is not None:
            break
    return "".join(parts) + subject[at:]


def _split(subject: str, pattern: Any, limit: int = 0) -> list[str]:
    parts, at = [], 0
    for found in _expression(pattern).found(subject):
        if limit > 0 and len(parts) == limit - 1:
            break
        if found.end == 0 or (found.start == found.end == len(subject)):
            continue
        parts.append(subject[at : found.start])
        at = found.end
    parts.append(subject[at:])
    while limit == 0 and len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def _plainly(subject: str, old: Any, new: Any, budget: Budget) -> str:
    old, new = text(old), text(new)
    budget.spend(len(subject) + subject.count(old) * len(new))
    return subject.replace(old, new)


def _substring(subject: str, first: Any, last: Any = None) -> str:
    last = len(subject) if last is None else _integer(last)
    if not 0 <= _integer(first) <= last <= len(subject):
        raise TemplateError("String index out of range")
    return subject[first:last]


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TemplateError("An integer is wanted.")
    return value


def _hash(subject: str) -> int:
    found = 0
    for character in subject:
        found = (found * 31 + ord(character)) & 0xFFFFFFFF
    return found - (1 << 32) if found >= 1 << 31 else found


def _parsed(read: Callable[[str], Any]) -> Callable:
    def method(_: Any, budget: Budget, given: Any) -> Any:
        try:
            if len(text(given)) > 400:
                raise ValueError
            return read(text(given).strip() if read is float else text(given))
        except ValueError:
            raise TemplateError(f'For input string: "{text(given)[:100]}"')

    return method


def _compared(left: Any, right: Any) -> int:
    if type(left) is not type(right) and not (is_number(left) and is_number(right)):
        raise TemplateError("Values of two kinds cannot be compared.")
    return (left > right) - (left < right)


Method = Callable[..., Any]
STRING: dict[str, Method] = {
    "length": lambda s, b: len(s),
    "isEmpty": lambda s, b: not s,
    "isBlank": lambda s, b: not s.strip(),
    "substring": lambda s, b, *ends: _substring(s, *ends),
    "indexOf": lambda s, b, part, start=0: s.find(text(part), max(_integer(start), 0)),
    "lastIndexOf": lambda s, b, part: s.rfind(text(part)),
    "contains": lambda s, b, part: text(part) in s,
    "startsWith": lambda s, b, part: s.startswith(text(part)),
    "endsWith": lambda s, b, part: s.endswith(text(part)),
    "replace": lambda s, b, old, new: _plainly(s, old, new, b),
    "replaceAll": lambda s, b, pattern, by: _replace(s, pattern, by, b),
    "replaceFirst": lambda s, b, pattern, by: _replace(s, pattern, by, b, 1),
    "matches": lambda s, b, pattern: _expression(pattern).is_whole(s),
    "split": lambda s, b, pattern, limit=0: _split(s, pattern, _integer(limit)),
    "toLowerCase": lambda s, b: s.lower(),
    "toUpperCase": lambda s, b: s.upper(),
    "trim": lambda s, b: s.strip(),
    "strip": lambda s, b: s.strip(),
    "concat": lambda s, b, more: computed("+", s, text(more), b),
    "charAt": lambda s, b, at: _substring(s, at, _integer(at) + 1),
    "equals": lambda s, b, other: type(other) is str and s == other,
    "equalsIgnoreCase": lambda s, b, other: type(other) is str and s.lower() == other.lower(),
    "compareTo": lambda s, b, other: _compared(s, other),
    "hashCode": lambda s, b: _hash(s),
    "toString": lambda s, b: s,
}
NUMBER: dict[str, Method] = {
    "intValue": lambda n, b: int(n),
    "longValue": lambda n, b: int(n),
    "doubleValue": lambda n, b: float(n),
    "floatValue": lambda n, b: float(n),
    "compareTo": lambda n, b, other: _compared(n, other),
    "equals": lambda n, b, other: type(n) is type(other) and n == other,
    "toString": lambda n, b, *given: text(given[0] if given else n),
    "valueOf": lambda n, b, given: _parsed(type(n))(n, b, given),
    "parseInt": _parsed(int),
    "parseLong": _parsed(int),
    "parseDouble": _parsed(float),
}
BOOLEAN: dict[str, Method] = {
    "toString": lambda v, b: text(v),
    "booleanValue": lambda v, b: v,
    "equals": lambda v, b, other: v is other,
    "parseBoolean": lambda v, b, given: text(given).lower() == "true",
}


def _at(held: list, index: Any) -> int:
    if not 0 <= _integer(index) < len(held):
        raise TemplateError(f"Index: {index}, Size: {len(held)}")
    return index


def _add(held: list, budget: Budget, *given: Any) -> Any:
    if len(given) == 2:
        if not 0 <= _integer(given[0]) <= len(held):
            raise TemplateError(f"Index: {given[0]}, Size: {len(held)}")
        held.insert(*given)
        return None
    held.append(given[0])
    return True


def _add_all(held: list, budget: Budget, more: Any) -> bool:
    if not isinstance(more, list):
        raise TemplateError("A list is wanted.")
    budget.spend(len(more) + 1)
    held.extend(list(more))
    return bool(more)


def _set(held: list, budget: Budget, index: Any, value: Any) -> Any:
    before, held[index] = held[_at(held, index)], value
    return before


def _taken(held: list, budget: Budget, what: Any) -> Any:
    if isinstance(what, int) and not isinstance(what, bool):
        return held.pop(_at(held, what))
    if what in held:
        held.remove(what)
        return True
    return False


def _part(held: list, first: Any, last: Any) -> list:
    if not 0 <= _integer(first) <= _integer(last) <= len(held):
        raise TemplateError("Index out of range")
    return held[first:last]


def _forget(held: Any, budget: Budget) -> None:
    held.clear()


LIST: dict[str, Method] = {
    "size": lambda v, b: len(v),
    "length": lambda v, b: len(v),
    "isEmpty": lambda v, b: not v,
    "get": lambda v, b, index: v[_at(v, index)],
    "set": _set,
    "add": _add,
    "addAll": _add_all,
    "remove": _taken,
    "clear": _forget,
    "contains": lambda v, b, what: what in v,
    "containsAll": lambda v, b, what: isinstance(what, list) and all(one in v for one in what),
    "indexOf": lambda v, b, what: v.index(what) if what in v else -1,
    "subList": lambda v, b, first, last: _part(v, first, last),
    "iterator": lambda v, b: v,
    "toArray": lambda v, b: list(v),
    "equals": lambda v, b, other: v == other,
    "toString": lambda v, b: text(v),
}


def _put(held: dict, budget: Budget, key: Any, value: Any) -> Any:
    before = held.get(key)
    held[key] = value
    return before


def _put_all(held: dict, budget: Budget, more: Any) -> None:
    if not isinstance(more, dict):
        raise TemplateError("A map is wanted.")
    budget.spend(len(more) + 1)
    held.update(more)


MAP: dict[str, Method] = {
    "size": lambda v, b: len(v),
    "isEmpty": lambda v, b: not v,
    "get": lambda v, b, key: v.get(key),
    "getOrDefault": lambda v, b, key, other: v.get(key, other),
    "put": _put,
    "putAll": _put_all,
    "putIfAbsent": lambda v, b, key, value: v.get(key) if v.get(key) is not None else _put(v, b, key, value),
    "remove": lambda v, b, key: v.pop(key, None),
    "clear": _forget,
    "containsKey": lambda v, b, key: key in v,
    "containsValue": lambda v, b, value: value in v.values(),
    "keySet": lambda v, b: list(v),
    "values": lambda v, b: list(v.values()),
    "entrySet": lambda v, b: [Entry(key, value) for key, value in v.items()],
    "equals": lambda v, b, other: v == other,
    "toString": lambda v, b: text(v),
}


def _methods(value: Any) -> dict[str, Method]:
    if isinstance(value, str):
        return STRING
    if isinstance(value, dict):
        return MAP
    if isinstance(value, list):
        return LIST
    return BOOLEAN if isinstance(value, bool) else NUMBER if is_number(value) else {}


def called(value: Any, name: str, arguments: list[Any], budget: Budget) -> Any:
    """A method's answer; null for a method the value does not have. Raises TemplateError."""
    budget.step()
    if isinstance(value, Thing):
        answer = value.call(name, arguments)
    else:
        method = _methods(value).get(name)
        if method is None:
            return None
        if isinstance(value, (list, dict)):
            budget.spend(len(value) // 16)
        try:
            answer = method(value, budget, *arguments)
        except (TypeError, KeyError, IndexError, OverflowError, ValueError):
            raise TemplateError(f"{name} cannot be called so.")
        except backtracking.TooMuchWork:
            raise TemplateError("The regular expression tries too much.")
    if isinstance(answer, (str, list)):
        budget.spend(len(answer))
    return answer


def member(value: Any, name: str) -> Any:
    """What ``$value.name`` means."""
    if isinstance(value, dict):
        return value.get(name)
    return value.member(name) if isinstance(value, Thing) else None


def indexed(value: Any, index: Any) -> Any:
    """What ``$value[index]`` means. Raises TemplateError for a place outside a list."""
    if isinstance(value, dict):
        return value.get(index) if not isinstance(index, (list, dict)) else None
    if isinstance(value, list):
        if isinstance(index, int) and not isinstance(index, bool):
            at = index + len(value) if index < 0 else index
            return value[_at(value, at)]
        return None
    return value.member(text(index)) if isinstance(value, Thing) else None


def assigned(value: Any, index: Any, given: Any) -> None:
    """``#set($value[index] = …)`` and ``#set($value.name = …)``."""
    if isinstance(value, dict) and not isinstance(index, (list, dict)):
        value[index] = given
    elif isinstance(value, list) and isinstance(index, int) and not isinstance(index, bool):
        value[_at(value, index)] = given
