"""A DynamoDB attribute value in memory: the JSON that DynamoDB speaks, checked and made canonical once.

``{"S": "x"}`` stays a dict with one key, and binary stays base64 text from the wire to the store and back.
After ``check_item`` numbers have AWS's one spelling and sets are sorted, so two values are equal in
DynamoDB exactly when their dicts are equal in Python, and an item's JSON is what GetItem answers.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from decimal import Decimal
from typing import Any

from kumoniwa.kernel.errors import SerializationException, ValidationException

Value = dict[str, Any]
Item = dict[str, Value]

NESTING_LEVELS_MAX = 32
"""An attribute's own value is level 1. Source: measured by nubo-db/dynamodb-conformance, nesting depth."""
ITEM_BYTES_MAX = 400 * 1024

INVALID = "One or more parameter values were invalid: "
_EMPTY = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
_SEVERAL = (
    "Supplied AttributeValue has more than one datatypes set, "
    "must contain exactly one of the supported datatypes"
)
_TOO_DEEP = (
    "Nesting Levels have exceeded supported limits: "
    "Attributes in the item have nested levels beyond supported limit"
)
_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")


EMPTY_NAME = f"{INVALID}Empty attribute name"
"""What it says is from scylladb/scylladb, test_limit_attribute_length_nonkey_empty; what stands before it is as in like refusals."""
OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"


class TooPrecise(ValidationException):
    code = "ValidationException"
    message = "Attempting to store more than 38 significant digits in a Number"


def number_text(text: str) -> str:
    """AWS's spelling of a number: no exponent, no needless zeros, no ``-0``.

    At most 38 significant digits and a magnitude of 1E-130 to 9.99…E+125. Source: "Data types", developer
    guide.
    """
    if text.isdigit() and text.isascii() and len(text) <= 38 and (text[0] != "0" or text == "0"):
        return text
    found = _NUMBER.fullmatch(text)
    if not found or not (found[2] or found[3]):
        what = f": {text}" if text else ""
        raise ValidationException("The parameter cannot be converted to a numeric value" + what)
    sign, whole, fraction = found[1], found[2], found[3] or ""
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return "0"
    exponent = found[4] or "0"
    # Beyond nine digits of exponent the verdict is certain, and Python need not convert them.
    shift = int(exponent) if len(exponent) < 10 else (-(10**9) if exponent[0] == "-" else 10**9)
    point = len(digits) - len(fraction) + shift
    digits = digits.rstrip("0")
    if point > 126:
        raise ValidationException(OVERFLOW)
    if point < -129:
        raise ValidationException(
            "Number underflow. Attempting to store a number with magnitude smaller than supported range"
        )
    if len(digits) > 38:
        raise TooPrecise
    if point <= 0:
        plain = "0." + "0" * -point + digits
    elif point >= len(digits):
        plain = digits + "0" * (point - len(digits))
    else:
        plain = digits[:point] + "." + digits[point:]
    return "-" + plain if sign == "-" else plain


def number_bytes(text: str) -> int:
    """Bytes that AWS charges for a canonical number: one, one more if negative, and one for every two
    significant digits, counted separately on both sides of the point.

    Source: measured by nubo-db/dynamodb-conformance (numberByteSize, eu-west-2, 2026-08-18); the guide only
    says "approximately".
    """
    size = 1
    if text[0] == "-":
        size, text = 2, text[1:]
    whole, _, fraction = text.partition(".")
    if fraction:
        digits = fraction if whole != "0" else fraction.lstrip("0")
        return size + (len(whole.lstrip("0")) + 1) // 2 + (len(digits) + 1) // 2
    return size + (len(whole.strip("0")) + 1) // 2


def text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _refuse_type(content: Any, wanted: str) -> SerializationException:
    if isinstance(content, dict):
        return SerializationException("Start of structure or map found where not expected")
    if isinstance(content, list):
        return SerializationException(f"Unrecognized collection type class java.{wanted if '.' in wanted else f'lang.{wanted}'}")
    seen = {True: "TRUE_VALUE", False: "FALSE_VALUE"}.get(content) if isinstance(content, bool) else None
    if seen is None:
        seen = {int: "NUMBER_VALUE", float: "DECIMAL_VALUE", str: "STRING_VALUE"}.get(
            type(content), "NULL_VALUE"
        )
    return SerializationException(f"{seen} cannot be converted to {wanted}")


def _check_string(value: Value, content: Any, level: int) -> int:
    if type(content) is not str:
        raise _refuse_type(content, "String")
    return text_bytes(content)


def _check_number(value: Value, content: Any, level: int) -> int:
    if type(content) is not str:
        raise _refuse_type(content, "String")
    value["N"] = text = number_text(content)
    return number_bytes(text)


def _binary(content: Any) -> tuple[str, bytes]:
    """Base64 text in its canonical form, and the bytes. Calls from inside the house may hand us bytes."""
    if type(content) is bytes:
        return b64encode(content).decode(), content
    if isinstance(content, dict | list):
        raise _refuse_type(content, "nio.ByteBuffer")
    if type(content) is not str:
        raise SerializationException("only base-64-encoded strings are convertible to bytes")
    if len(content) % 4:
        raise SerializationException(
            f"Base64 encoded length is expected a multiple of 4 bytes but found: {len(content)}"
        )
    try:
        body = b64decode(content, validate=True)
    except (Base64Error, ValueError):
        raise SerializationException("Invalid Base64 character detected") from None
    canonical = b64encode(body).decode()
    if canonical != content:
        # Bits that mean nothing are set: recorded by architect/dynalite, test/helpers.js, with AWS's own spelling.
        raise SerializationException("Invalid last non-pad Base64 character dectected")
    return canonical, body


def _check_binary(value: Value, content: Any, level: int) -> int:
    value["B"], body = _binary(content)
    return len(body)


def _check_boolean(value: Value, content: Any, level: int) -> int:
    if type(content) is not bool:
        value["BOOL"] = _boolean(content)
    return 1


def _boolean(content: Any) -> bool:
    """AWS reads these words as truth values too. Source: mhart/dynalite, which recorded it from AWS."""
    if isinstance(content, str):
        word = content.upper()
        if word in ("TRUE", "1", "YES"):
            return True
        if word in ("FALSE", "0", "NO"):
            return False
        raise SerializationException("Unexpected token received from parser")
    raise _refuse_type(content, "Boolean")


def _check_null(value: Value, content: Any, level: int) -> int:
    if content is not True and not (_boolean(content) if type(content) is not bool else content):
        raise ValidationException(INVALID + "Null attribute value types must have the value of true")
    value["NULL"] = True
    return 1


def _members(content: Any, kind: str) -> list:
    if type(content) is not list:
        if isinstance(content, dict):
            raise SerializationException("Start of structure or map found where not expected")
        raise SerializationException("Unexpected field type")
    if not content:
        empty = {"SS": "An string set  may not be empty", "NS": "An number set  may not be empty"}
        raise ValidationException(INVALID + empty.get(kind, "Binary sets should not be empty"))
    return content


def _check_strings(value: Value, content: Any, level: int) -> int:
    size = 0
    for member in _members(content, "SS"):
        if type(member) is not str:
            raise _refuse_type(member, "String")
        size += text_bytes(member)
    if len(set(content)) != len(content):
        raise ValidationException(f"{INVALID}Input collection [{', '.join(content)}] contains duplicates.")
    value["SS"] = sorted(content)
    return size


def _check_numbers(value: Value, content: Any, level: int) -> int:
    texts = []
    for member in _members(content, "NS"):
        if type(member) is not str:
            raise _refuse_type(member, "String")
        texts.append(number_text(member))
    if len(set(texts)) != len(texts):
        raise ValidationException("Input collection contains duplicates")
    value["NS"] = sorted(texts, key=Decimal)
    return sum(map(number_bytes, texts))


def _check_binaries(value: Value, content: Any, level: int) -> int:
    bodies = {}
    for member in _members(content, "BS"):
        text, body = _binary(member)
        bodies[body] = text
    if len(bodies) != len(content):
        shown = ", ".join(_binary(member)[0] for member in content)
        raise ValidationException(f"{INVALID}Input collection [{shown}]of type BS contains duplicates.")
    value["BS"] = [bodies[body] for body in sorted(bodies)]
    return sum(map(len, bodies))


def _check_list(value: Value, content: Any, level: int) -> int:
    if type(content) is dict:
        raise SerializationException("Start of structure or map found where not expected")
    if type(content) is not list:
        raise SerializationException("Unexpected field type")
    if level >= NESTING_LEVELS_MAX and content:
        raise ValidationException(_TOO_DEEP)
    return 3 + sum([1 + check_value(member, level + 1) for member in content])


_VALUE = "com.amazonaws.dynamodb.v20120810.AttributeValue"


def _not_a_map(content: Any) -> SerializationException:
    if type(content) is list:
        return SerializationException(f"Unrecognized collection type java.util.Map<java.lang.String, {_VALUE}>")
    return SerializationException("Unexpected field type")


def _check_map(value: Value, content: Any, level: int) -> int:
    if type(content) is not dict:
        raise _not_a_map(content)
    if level >= NESTING_LEVELS_MAX and content:
        raise ValidationException(_TOO_DEEP)
    return 3 + len(content) + check_item(content, level + 1)


_CHECKS = {
    "S": _check_string,
    "N": _check_number,
    "B": _check_binary,
    "BOOL": _check_boolean,
    "NULL": _check_null,
    "M": _check_map,
    "L": _check_list,
    "SS": _check_strings,
    "NS": _check_numbers,
    "BS": _check_binaries,
}
KINDS = frozenset(_CHECKS)


def check_value(value: Any, level: int = 1) -> int:
    """Bytes of an attribute value as AWS counts them; the value is made canonical in place, or refused."""
    if type(value) is not dict:
        if type(value) is list:
            raise SerializationException(f"Unrecognized collection type class {_VALUE}")
        raise SerializationException("Unexpected value type in payload")
    if len(value) == 1:
        for kind, content in value.items():
            check = _CHECKS.get(kind)
            if check is not None and content is not None:
                return check(value, content, level)
    return _check_unusual(value, level)


def _check_unusual(value: Value, level: int) -> int:
    """A value with no member, several, nulls or members that AWS does not know (it ignores the last two)."""
    for kind in [kind for kind, content in value.items() if content is None or kind not in _CHECKS]:
        del value[kind]
    if not value:
        raise ValidationException(_EMPTY)
    sizes = [_CHECKS[kind](value, content, level) for kind, content in list(value.items())]
    if len(sizes) > 1:
        raise ValidationException(_SEVERAL)
    return sizes[0]


def check_item(item: Any, level: int = 1) -> int:
    """Bytes of an item (names and values) as AWS counts them; its values are made canonical in place, or
    refused.

    Source: "DynamoDB item sizes and formats", developer guide.
    """
    if type(item) is not dict:
        raise _not_a_map(item)
    size = 0
    for name, value in item.items():
        if not name and level == 1:
            raise ValidationException(EMPTY_NAME)
        size += len(name) if name.isascii() else text_bytes(name)
        # Strings are most of what is stored: they pay no call.
        if type(value) is dict and len(value) == 1 and type(text := value.get("S")) is str:
            size += len(text) if text.isascii() else text_bytes(text)
        else:
            size += check_value(value, level)
    return size


def item_bytes(item: Item) -> int:
    """Bytes of an item that is canonical already (for one that was never checked, use ``check_item``)."""
    return sum([text_bytes(name) + value_bytes(value) for name, value in item.items()])


def value_bytes(value: Value) -> int:
    [(kind, content)] = value.items()
    if kind == "S":
        return text_bytes(content)
    if kind == "N":
        return number_bytes(content)
    if kind == "M":
        return 3 + len(content) + item_bytes(content)
    if kind == "L":
        return 3 + sum([1 + value_bytes(member) for member in content])
    if kind == "SS":
        return sum(map(text_bytes, content))
    if kind == "NS":
        return sum(map(number_bytes, content))
    if kind == "B":
        return len(b64decode(content))
    if kind == "BS":
        return sum([len(b64decode(member)) for member in content])
    return 1


def nesting_levels(value: Value) -> int:
    """Levels of a canonical value, its own counted."""
    [(kind, content)] = value.items()
    inner = content.values() if kind == "M" else content if kind == "L" else ()
    return 1 + max(map(nesting_levels, inner), default=0)


def check_nesting(item: Item) -> None:
    """After an update: values that were legal apart may have been put into one another."""
    for value in item.values():
        if ("M" in value or "L" in value) and nesting_levels(value) > NESTING_LEVELS_MAX:
            raise ValidationException(_TOO_DEEP)


def kind_of(value: Value) -> str:
    for kind in value:
        return kind
    raise ValidationException(_EMPTY)


def sortable(kind: str, content: str) -> Any:
    """What Python orders as DynamoDB orders the content of an S, N or B (Python's ``str`` orders as UTF-8
    does).
    """
    if kind == "N":
        return Decimal(content)
    return b64decode(content) if kind == "B" else content
