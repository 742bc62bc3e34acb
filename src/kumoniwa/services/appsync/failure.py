"""What goes wrong while a field is resolved, and how a caller is told: AppSync's shape of an error beside the data."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.appsync.selection import fields


class Failure(Exception):
    """A field's error. ``data`` and ``info`` are what the customer's logic adds to it."""

    def __init__(self, message: str, kind: str | None = None, data: Any = None, info: Any = None) -> None:
        super().__init__(message)
        self.message, self.kind, self.data, self.info = message, kind, data, info

    @classmethod
    def said(cls, error: dict[str, Any]) -> Failure:
        """What ``util.error`` and its kin said."""
        if error.get("unauthorized"):
            return Unauthorized()
        return cls(error["message"], error.get("type"), error.get("data"), error.get("errorInfo"))

    def told(self) -> dict[str, Any]:
        """As the customer's logic sees it: ``ctx.error``."""
        return {"message": self.message, "type": self.kind} | (
            {"data": self.data} if self.data is not None else {}
        )

    def shown(self, path: list[Any], nodes: Any, fragments: dict[str, Any]) -> dict[str, Any]:
        """As the caller sees it, who asked for the field with these nodes of the query."""
        return {
            "path": path,
            "data": selected(self.data, nodes, fragments),
            "errorType": self.kind,
            "errorInfo": self.info,
            "locations": locations(nodes),
            "message": self.message,
        }


class Unauthorized(Failure):
    """The caller may not have this field. Which one is said where that is known."""

    def __init__(self, field: str = "", kind: str = "") -> None:
        text = f"Not Authorized to access {field} on type {kind}" if field else "Unauthorized"
        super().__init__(text, "Unauthorized")


def selected(data: Any, nodes: Any, fragments: dict[str, Any]) -> Any:
    """What of an error's data the caller asked for; all of it where the field has no fields.
    https://docs.aws.amazon.com/appsync/latest/devguide/utility-helpers-in-util.html: util.error"""
    if isinstance(data, list):
        return [selected(each, nodes, fragments) for each in data]
    below: dict[str, list[Any]] = {}
    for node in fields(nodes, fragments):
        below.setdefault(node.name.value, []).append(node)
    if not below or not isinstance(data, dict):
        return data
    return {name: selected(data[name], found, fragments) for name, found in below.items() if name in data}


def locations(nodes: Any) -> list[dict[str, Any]]:
    """Where a field stands in the query."""
    found = []
    for node in nodes or ():
        if node.loc is not None:
            line = node.loc.start_token.line
            found.append({"line": line, "column": node.loc.start_token.column, "sourceName": None})
    return found
