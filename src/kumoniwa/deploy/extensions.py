"""The transform AWS::LanguageExtensions: ``Fn::ForEach`` unrolled before anything else is read.

May: repeat fragments, within bounds. ``Fn::Length``, ``Fn::ToJsonString`` and defaults in ``Fn::FindInMap`` need no
unrolling; they live with the other intrinsics.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy import intrinsics
from kumoniwa.deploy.macros import TransformFailed

TRANSFORM = "AWS::LanguageExtensions"
# AWS's limit is the template's size after the transform; a count of nodes bounds it before it can hurt.
NODES_MAX = 500_000


class _Unroller:
    def __init__(self, scope: intrinsics.Scope) -> None:
        self.scope = scope
        self.nodes = 0

    def unroll(self, value: Any, names: dict[str, str], depth: int = 0) -> Any:
        self.nodes += 1
        if self.nodes > NODES_MAX or depth > 200:
            raise TransformFailed(f"Transform {TRANSFORM} failed with: the template grew beyond its limits.")
        if isinstance(value, str):
            return _replaced(value, names)
        if isinstance(value, list):
            return [self.unroll(member, names, depth + 1) for member in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and isinstance(value.get("Ref"), str) and value["Ref"] in names:
            return names[value["Ref"]]
        found: dict[str, Any] = {}
        for key, member in value.items():
            if key.startswith("Fn::ForEach::"):
                entries = self.each(key, member, names, depth)
            else:
                entries = {_replaced(key, names): self.unroll(member, names, depth + 1)}
            if twice := [name for name in entries if name in found]:
                raise TransformFailed(f"Transform {TRANSFORM} failed with: duplicate key {twice[0]}")
            found.update(entries)
        return found

    def each(self, key: str, argument: Any, names: dict[str, str], depth: int) -> dict[str, Any]:
        message = f"Transform {TRANSFORM} failed with: {key} layout is incorrect"
        if not isinstance(argument, list) or len(argument) != 3:
            raise TransformFailed(message)
        name, collection, fragment = argument
        if not isinstance(name, str) or not isinstance(fragment, dict):
            raise TransformFailed(message)
        members = intrinsics.evaluate(self.unroll(collection, names, depth + 1), self.scope)
        if not isinstance(members, list) or not all(isinstance(member, str | int) for member in members):
            raise TransformFailed(f"{message}: its collection must be a list of strings")
        found: dict[str, Any] = {}
        for member in members:
            unrolled = self.unroll(fragment, {**names, name: str(member)}, depth + 1)
            if twice := [entry for entry in unrolled if entry in found]:
                raise TransformFailed(f"Transform {TRANSFORM} failed with: duplicate key {twice[0]}")
            found.update(unrolled)
        return found


def _replaced(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace("${" + name + "}", value)
        text = text.replace("&{" + name + "}", "".join(letter for letter in value if letter.isalnum()))
    return text


def transform(body: dict[str, Any], scope: intrinsics.Scope) -> dict[str, Any]:
    """A template without ``Fn::ForEach``. ``scope`` gives the values of parameters and mappings."""
    return _Unroller(scope).unroll(body, {})
