"""SNS's filter policies: which of a topic's messages does a subscription want.

The language is the one of event patterns, as an older reader knows it, with narrower bounds. It is asked about a message's attributes
or, by the other scope, about its body, if that is a JSON object.
https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson

from kumoniwa.languages.event_pattern import Condition, Dialect, Flat, InvalidPattern, Pattern, Reader, flat
from kumoniwa.languages.json_tokens import InvalidJson

KEYS_MAX = 5
COMPLEXITY_MAX = 150
BYTES_MAX = 262_144
NUMBER_DIGITS = 5
"""Numbers are compared to so many digits after the decimal point."""
# https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html

ATTRIBUTES, BODY = "MessageAttributes", "MessageBody"
"""The scopes."""

SNS = Dialect(
    {"prefix": "prefix match pattern must be a string", "wildcard": "wildcard match pattern must be a string"},
    is_plain=True,
)
_TOO_COMPLEX = "Filter policy is too complex"


class NestedPolicy(ValueError):
    """A policy about attributes, which lie flat, that asks for something inside something."""


@lru_cache(maxsize=4096)
def compile(text: str, scope: str) -> Pattern:
    """Raises InvalidPattern with AWS's reason, or NestedPolicy. A policy without keys wants everything."""
    try:
        said = orjson.loads(text)
        reader = Reader(text, SNS)
    except (InvalidJson, orjson.JSONDecodeError):
        raise InvalidPattern(unreadable(text)) from None
    if said == {}:
        return Pattern([{}])
    reader.tokens = [token._replace(value=_rounded(token.value)) if token.kind == "number" else token for token in reader.tokens]
    alternatives = reader.pattern()
    if isinstance(said, dict) and scope == ATTRIBUTES and any(isinstance(value, dict) for value in said.values()):
        raise NestedPolicy
    if len(set(_keys(said))) > KEYS_MAX:
        raise InvalidPattern(f"Filter policy can not have more than {KEYS_MAX} keys")
    if _complexity(alternatives) > COMPLEXITY_MAX or len(text.encode()) > BYTES_MAX:
        raise InvalidPattern(_TOO_COMPLEX)
    return Pattern(alternatives)


def _rounded(value: Any) -> Any:
    return round(value, NUMBER_DIGITS) if type(value) is float else value


def unreadable(text: str) -> str:
    """Why a text is no JSON, in the words of the parser that stands before the policy's reader (recorded: test_validate_set_sub_attributes)."""
    try:
        Reader(text, SNS)
    except InvalidJson as error:
        line, column = text.count("\n", 0, error.at) + 1, error.at - (text.rfind("\n", 0, error.at) + 1) + 1
        where = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
        return f"failed to parse JSON. {error.reason}\n at [Source: {where}; line: {line}, column: {column}]"
    return "failed to parse JSON."


def _keys(policy: dict[str, Any]) -> Iterator[str]:
    """The outermost keys. An alternative's are those of the policy."""
    for name, value in policy.items():
        if name == "$or" and isinstance(value, list) and len(value) > 1 and all(isinstance(each, dict) for each in value):
            for each in value:
                yield from _keys(each)
        else:
            yield name


def _complexity(alternatives: list[dict[str, Condition]]) -> int:
    """How many combinations of values a policy names (recorded: test_policy_complexity, test_policy_complexity_with_or)."""
    return sum(math.prod(condition.weight for condition in each.values()) for each in alternatives)


# Messages ------------------------------------------------------------------------------------------


def attributes_laid_flat(attributes: dict[str, dict[str, Any]]) -> Flat:
    """A message's attributes as a policy is asked about them. Binary ones are nobody's business, and an array stands for its elements."""
    found: Flat = {}
    for name, said in attributes.items():
        kind, text = said["DataType"], said.get("StringValue", "")
        if kind == "String.Array":
            values = _elements(text)
        elif kind.startswith("Number"):
            values = [_rounded(float(text))]
        elif kind.startswith("String"):
            values = [text]
        else:
            continue
        if values:
            found[name] = [(value, ((1, index),)) for index, value in enumerate(values)] if len(values) > 1 else [(values[0], ())]
    return found


def _elements(text: str) -> list[Any]:
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    return [_rounded(each) for each in (said if isinstance(said, list) else [said]) if not isinstance(each, (dict, list))]


def body_laid_flat(body: str) -> Flat | None:
    """A message's body as a policy is asked about it. None: it is no JSON object, and no policy wants it."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict):
        return None
    return {path: [(_rounded(value), membership) for value, membership in values] for path, values in flat(said).items()}
