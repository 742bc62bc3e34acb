"""A sample mapping template for a model: what carries a payload into the model's structure, for its owner to edit.

The form is AWS's own, comments and odd spaces included, as its console shows it.
"""

from __future__ import annotations

from typing import Any

DEPTH_MAX = 20
HEAD = "#set($inputRoot = $input.path('$'))\n"
LOOP = "##TODO: Update this foreach loop to reference array from input json"


def template(schema: dict[str, Any], models: dict[str, Any]) -> str:
    """``models`` are the API's schemas by name, for references between them."""
    return HEAD + _written(schema, models, "$inputRoot", "", 0)


def _resolved(schema: Any, models: dict[str, Any]) -> dict[str, Any]:
    for _ in range(DEPTH_MAX):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str):
            break
        schema = models.get(reference.rpartition("/")[2], {})
    return schema if isinstance(schema, dict) else {}


def _written(schema: Any, models: dict[str, Any], place: str, indent: str, depth: int) -> str:
    schema = _resolved(schema, models)
    if depth > DEPTH_MAX:
        return "{}"
    if schema.get("type") == "array":
        item = _written(schema.get("items", {}), models, "$elem", indent + " ", depth + 1)
        return (
            f"[\n{indent}{LOOP}\n{indent}#foreach($elem in {place})\n{indent} {item} \n"
            f"{indent}#if($foreach.hasNext),#end\n{indent}#end\n{indent}]"
        )
    properties = schema.get("properties")
    if isinstance(properties, dict):
        inner = indent + "  "
        members = [
            f'{inner}"{name}" : {_written(part, models, f"{place}.{name}", inner, depth + 1)}'
            for name, part in properties.items()
        ]
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if schema.get("type") == "object":
        return "{ }"
    return f'"{place}"' if schema.get("type", "string") == "string" else place
