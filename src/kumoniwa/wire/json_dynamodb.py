"""How DynamoDB says that a body is not what its model's types allow: in other words than AWS's other JSON services.

Source: recorded from AWS by architect/dynalite (test/helpers.js, ``assertType``, and test/connection.js); ``NUMBER_VALUE cannot be converted
to String`` is also in reports of 2023 (localstack/localstack, issue 9412). What is no JSON at all is refused without a word. What lies within an
AttributeValue the service itself looks at.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws.models import Shape
from kumoniwa.kernel.errors import SerializationException

SERVICES = frozenset({"dynamodb", "dynamodbstreams"})
_TOKENS = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE"}
_CLASSES = {
    "string": "String", "integer": "Integer", "long": "Long", "boolean": "Boolean", "timestamp": "Date", "double": "Double", "float": "Float",
}  # fmt: skip
_MODEL = "com.amazonaws.dynamodb.v20120810."
_TYPE = "sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl"
_CAST = (
    f"class {_TYPE} cannot be cast to class java.lang.Class ({_TYPE} and java.lang.Class are in module java.base of loader 'bootstrap')"
)
_MAP_OR_STRUCTURE = "Start of structure or map found where not expected"


def refusal(value: Any, shape: Shape) -> SerializationException:
    """What is said of a body that could not be read as this shape."""
    return SerializationException(_wrong(value, shape, None) or "")


def _wrong(value: Any, shape: Shape, holder: Shape | None) -> str | None:
    """What is wrong with a value or within it; None if nothing is. ``holder`` is the list or map that it is an element of, if it is."""
    if value is None or shape.is_document:
        return None
    if shape.type == "structure":
        if isinstance(value, dict):
            members = shape.members
            return _first(_wrong(item, members[name].shape, None) for name, item in value.items() if name in members)
        if isinstance(value, list):
            return f"Unrecognized collection type class {_MODEL}{shape.name}"
        return "Unexpected field type" if holder is None else "Unexpected value type in payload"
    if shape.type == "list":
        if isinstance(value, list):
            return _first(_wrong(item, shape.element.shape, shape) for item in value)
        if isinstance(value, dict):
            return _MAP_OR_STRUCTURE
        return "Unexpected field type" if holder is None else _CAST
    if shape.type == "map":
        if isinstance(value, dict):
            return _first(_wrong(item, shape.value.shape, shape) for item in value.values())
        if isinstance(value, list):
            return f"Unrecognized collection type java.util.Map<java.lang.String, {_named(shape.value.shape)}>"
        return "Unexpected field type" if holder is None else _CAST
    return _wrong_scalar(value, shape.type)


def _named(shape: Shape) -> str:
    if shape.type == "list":
        return f"java.util.List<{_named(shape.element.shape)}>"
    return "java.lang.String" if shape.type == "string" else _MODEL + shape.name


def _first(complaints: Any) -> str | None:
    return next((each for each in complaints if each is not None), None)


def _wrong_scalar(value: Any, kind: str) -> str | None:
    if isinstance(value, dict):
        return _MAP_OR_STRUCTURE
    name = _CLASSES.get(kind, "String")
    if isinstance(value, list):
        return f"Unrecognized collection type class java.lang.{name}"
    if isinstance(value, bool):
        return None if kind == "boolean" else f"{'TRUE' if value else 'FALSE'}_VALUE cannot be converted to {name}"
    if isinstance(value, str):
        if kind == "boolean":
            return "Unexpected token received from parser"
        return None if kind in ("string", "blob") else f"STRING_VALUE cannot be converted to {name}"
    if kind in ("string", "boolean"):
        return f"{_TOKENS[type(value)]} cannot be converted to {name}"
    return None
