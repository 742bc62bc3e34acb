"""AWS's own schema of a resource type: values brought to the type it names, and what breaks it, in CloudFormation's words.

The schemas are cfn-lint's packaged data, read as files, one type at a time; cfn-lint itself is never imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from kumoniwa.kernel.errors import ValidationError

DEPTH_MAX = 64
MESSAGES_MAX = 20
# AWS wrote the patterns, users write the values: a long value is not worth a regex engine's worst case.
PATTERN_VALUE_CHARACTERS_MAX = 2048


@lru_cache(maxsize=1)
def _folder() -> Path | None:
    found = find_spec("cfnlint")
    return Path(found.origin).parent / "data" / "schemas" if found and found.origin else None


@lru_cache(maxsize=1)
def _file_names() -> dict[str, str]:
    folder = _folder()
    return orjson.loads((folder / "providers" / "us-east-1.json").read_bytes()) if folder else {}


def type_names() -> list[str]:
    """Every resource type AWS publishes a schema for."""
    return sorted(_file_names())


@lru_cache(maxsize=128)
def schema(type_name: str) -> dict[str, Any] | None:
    """The schema of a type, or None for a type AWS does not publish one for."""
    folder = _folder()
    if folder is None:
        raise ValidationError(
            "Kumoniwa cannot check resource properties without cfn-lint.",
            hint="pip install 'kumoniwa[deploy]'",
        )
    file_name = _file_names().get(type_name)
    return orjson.loads((folder / "resources" / f"{file_name}.json").read_bytes()) if file_name else None


def is_mapping(type_name: str, name: str) -> bool:
    """Whether a property of a type is an object and no list."""
    root = schema(type_name) or {}
    return "object" in _kinds(_resolved(root.get("properties", {}).get(name, {}), root))


@lru_cache(maxsize=1024)
def has_system_tags(type_name: str) -> bool:
    """Whether CloudFormation tags resources of a type with the stack that they belong to. A schema that does not say means yes:
    https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-tagging"""
    found = schema(type_name)
    if found is None:
        return False
    tagging = found.get("tagging", {})
    return tagging.get("taggable", True) and tagging.get("cloudFormationSystemTags", True)


def _resolved(node: Any, root: dict[str, Any]) -> dict[str, Any]:
    for _ in range(DEPTH_MAX):
        reference = node.get("$ref") if isinstance(node, dict) else None
        if not isinstance(reference, str):
            break
        node = root
        for part in reference.removeprefix("#/").split("/"):
            node = node.get(part, {})
    return node if isinstance(node, dict) else {}


def _kinds(node: dict[str, Any]) -> tuple[str, ...]:
    kind = node.get("type", ())
    return (kind,) if isinstance(kind, str) else tuple(kind)


_INTEGER = re.compile(r"[-+]?[0-9]{1,18}\Z")
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")


def _brought(value: Any, kinds: tuple[str, ...]) -> Any:
    """CloudFormation carries every scalar as text and gives it the type that the schema names."""
    if isinstance(value, str):
        if "string" in kinds:
            return value
        if "boolean" in kinds and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if "integer" in kinds and _INTEGER.match(value):
            return int(value)
        if "number" in kinds and _NUMBER.match(value):
            return float(value) if not _INTEGER.match(value) else int(value)
        return value
    if isinstance(value, bool):
        return ("true" if value else "false") if "string" in kinds and "boolean" not in kinds else value
    if isinstance(value, int | float) and "string" in kinds and not {"integer", "number"} & set(kinds):
        return str(value)
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return int(value)
    return value


def conform(type_name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Properties with every scalar in the type that the schema names ("5" → 5 for an integer)."""
    root = schema(type_name)
    return _conform(properties, root, root, 0) if root else properties


def _conform(value: Any, node: Any, root: dict[str, Any], depth: int) -> Any:
    node = _resolved(node, root)
    if depth > DEPTH_MAX or not node:
        return value
    kinds = _kinds(node)
    if isinstance(value, dict):
        if "string" in kinds and "object" in kinds:
            return (
                value  # a free document (a policy, an OpenAPI body): what was written stays as it was written
            )
        declared, patterns = node.get("properties", {}), node.get("patternProperties", {})
        other = node.get("additionalProperties")
        found = {}
        for key, member in value.items():
            inner = declared.get(key) or next(
                (patterns[each] for each in patterns if _pattern_holds(each, key)), other
            )
            found[key] = _conform(member, inner, root, depth + 1) if isinstance(inner, dict) else member
        return found
    if isinstance(value, list):
        items = node.get("items")
        return (
            [_conform(member, items, root, depth + 1) for member in value]
            if isinstance(items, dict)
            else value
        )
    if kinds == ("array",) and isinstance(value, str | int):
        return value
    return _brought(value, kinds) if kinds else value


def violations(type_name: str, properties: dict[str, Any]) -> list[str]:
    """What the properties break, such as ``#: required key [Code] not found``. Empty if nothing."""
    root = schema(type_name)
    if not root:
        return []
    read_only = [path.removeprefix("/properties/") for path in root.get("readOnlyProperties", ())]
    found = [f"#: extraneous key [{name}] is not permitted" for name in read_only if name in properties]
    for message in _violations(properties, root, root, "#", 0):
        found.append(message)
        if len(found) >= MESSAGES_MAX:
            break
    return found


_NAMES = {
    dict: "JSONObject",
    list: "JSONArray",
    str: "String",
    bool: "Boolean",
    int: "Integer",
    float: "Double",
}
_KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}
_TITLES = {
    "object": "JSONObject",
    "array": "JSONArray",
    "string": "String",
    "boolean": "Boolean",
    "integer": "Integer",
    "number": "Number",
}


def _is_kind(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS.get(kind, object))


def _violations(value: Any, node: Any, root: dict[str, Any], path: str, depth: int) -> Iterator[str]:
    node = _resolved(node, root)
    if depth > DEPTH_MAX or not node:
        return
    kinds = _kinds(node)
    if kinds and not any(_is_kind(value, kind) for kind in kinds):
        yield f"{path}: expected type: {_TITLES.get(kinds[0], kinds[0])}, found: {_NAMES.get(type(value), 'null')}"
        return
    if "enum" in node and value not in node["enum"]:
        yield f"{path}: {value} is not a valid enum value"
    if isinstance(value, dict):
        yield from _object_violations(value, node, root, path, depth)
    elif isinstance(value, list):
        yield from _array_violations(value, node, root, path, depth)
    elif isinstance(value, str):
        yield from _text_violations(value, node, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if "minimum" in node and value < node["minimum"]:
            yield f"{path}: {value} is not greater or equal to {node['minimum']}"
        if "maximum" in node and value > node["maximum"]:
            yield f"{path}: {value} is not less or equal to {node['maximum']}"


def _object_violations(value: dict, node: dict, root: dict, path: str, depth: int) -> Iterator[str]:
    for key in node.get("required", ()):
        if key not in value:
            yield f"{path}: required key [{key}] not found"
    declared, patterns = node.get("properties", {}), node.get("patternProperties", {})
    for key, member in value.items():
        inner = declared.get(key) or next((patterns[each] for each in patterns if _pattern_holds(each, key)), None)
        if inner is not None:
            yield from _violations(member, inner, root, f"{path}/{key}", depth + 1)
        elif node.get("additionalProperties") is False and (declared or patterns):
            yield f"{path}: extraneous key [{key}] is not permitted"


def _array_violations(value: list, node: dict, root: dict, path: str, depth: int) -> Iterator[str]:
    if len(value) < node.get("minItems", 0):
        yield f"{path}: expected minimum item count: {node['minItems']}, found: {len(value)}"
    if "maxItems" in node and len(value) > node["maxItems"]:
        yield f"{path}: expected maximum item count: {node['maxItems']}, found: {len(value)}"
    items = node.get("items")
    if isinstance(items, dict):
        for index, member in enumerate(value):
            yield from _violations(member, items, root, f"{path}/{index}", depth + 1)


def _text_violations(value: str, node: dict, path: str) -> Iterator[str]:
    if "{{resolve:" in value:
        return  # what a secret says is not known before it is sent
    if len(value) < node.get("minLength", 0):
        yield f"{path}: expected minLength: {node['minLength']}, actual: {len(value)}"
    if "maxLength" in node and len(value) > node["maxLength"]:
        yield f"{path}: expected maxLength: {node['maxLength']}, actual: {len(value)}"
    pattern = node.get("pattern")
    if pattern and len(value) <= PATTERN_VALUE_CHARACTERS_MAX and not _pattern_holds(pattern, value):
        yield f"{path}: string [{value}] does not match pattern {pattern}"


def _pattern_holds(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True  # written for another engine: the service itself will judge
