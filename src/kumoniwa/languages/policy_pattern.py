"""Texts with ``*``, ``?`` and ``${variables}``, as policies write them.

A pattern is compiled into a plain comparison where it is one, else into a regular expression that never backtracks
over a ``*`` it has passed, so that no policy can make a decision slow. Characters that must be taken literally although
they look special (``${*}``, ``${?}``, whatever a variable brought in) travel as two Unicode noncharacters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

Match = Callable[[str], bool]
Context = Mapping[str, Any]

_STAR, _MARK = "\ufdd0", "\ufdd1"
_HIDE = str.maketrans({"*": _STAR, "?": _MARK})
_SHOW = str.maketrans({_STAR: "*", _MARK: "?"})

# The name of a key, then perhaps a default in single quotes, which may not hold a quote itself.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
_VARIABLE = re.compile(r"\$\{([^{}',]{1,256})(?:,\s{0,8}'([^']{0,1024})'\s{0,8})?\}")


def literal(text: str) -> str:
    """``text`` as a pattern that matches only itself."""
    return text.translate(_HIDE)


def plain(pattern: str) -> str:
    """The text a pattern stands for where wildcards mean nothing, as in StringEquals."""
    return pattern.translate(_SHOW)


def variables(text: str) -> frozenset[str]:
    """The context keys, in lower case, that ``text`` names."""
    return frozenset(key.strip().lower() for key, _ in _VARIABLE.findall(text) if key not in ("*", "?", "$"))


def values(context: Context, key: str) -> tuple[str, ...]:
    """What the request says of one key: no value, one, or many. A callable is asked once and its answer kept."""
    value = context.get(key)
    if callable(value):
        value = value()
        context[key] = value  # type: ignore[index]
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(item if isinstance(item, str) else str(item) for item in value)
    return (str(value),)


def resolve(text: str, context: Context) -> str | None:
    """``text`` with its variables replaced by what they hold, taken literally. None if one has no single value:
    AWS then lets the text match nothing."""
    is_known = True

    def replacement(found: re.Match[str]) -> str:
        nonlocal is_known
        key, default = found[1], found[2]
        if key in ("*", "?", "$"):
            return literal(key)
        held = values(context, key.strip().lower())
        if len(held) == 1:
            return literal(held[0])
        if default is None or len(held) > 1:
            is_known = False
            return ""
        return literal(default)

    resolved = _VARIABLE.sub(replacement, text)
    return resolved if is_known else None


def _expression(pattern: str, anything: str) -> str:
    """The regular expression of one stretch of text. ``anything`` is the class of characters a wildcard stands for.

    Between two stars the leftmost place is as good as any other, therefore every such stretch is an atomic group.
    """
    first, *rest = (
        "".join(anything if mark == "?" else re.escape(plain(mark)) for mark in piece)
        for piece in pattern.split("*")
    )
    if not rest:
        return first
    *middle, last = rest
    inner = "".join(f"(?>{anything}*?{piece})" for piece in middle if piece)
    return f"(?>{first}{inner}){anything}*{last}"


@lru_cache(maxsize=8192)
def glob(pattern: str) -> Match:
    """Matches the whole text; ``*`` stands for any characters and ``?`` for one."""
    if "?" not in pattern:
        head, star, tail = pattern.partition("*")
        if not star:
            return plain(pattern).__eq__
        if not tail:
            head = plain(head)
            return (lambda text: text.startswith(head)) if head else (lambda text: True)
    found = re.compile(_expression(pattern, "."), re.DOTALL).fullmatch
    return lambda text: found(text) is not None


@lru_cache(maxsize=8192)
def arn(pattern: str) -> Match:
    """Matches an ARN part by part: a wildcard stays within its colons, except in the last part, and parts left out at
    the end are ``*``. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html"""
    if pattern == "*":
        return lambda text: True
    parts = pattern.split(":", 5)
    parts += ["*"] * (6 - len(parts))
    if not any(mark in part for part in parts[:5] for mark in "*?"):
        return glob(":".join(parts))
    ahead = "".join(f"(?>{_expression(part, '[^:]')}:)" for part in parts[:5])
    found = re.compile(ahead + _expression(parts[5], "."), re.DOTALL).fullmatch
    return lambda text: found(text) is not None


def either(matches: Iterable[Match]) -> Match:
    """True if any of them is."""
    options = tuple(matches)
    if len(options) == 1:
        return options[0]
    return lambda text: any(matches_it(text) for matches_it in options)
