"""What goes wrong while a field is resolved, and how a caller is told: AppSync's shape of an error beside the data."""

from __future__ import annotations

from typing import Any


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

    def shown(self, path: list[Any] | None, locations: list[dict[str, Any]] | None) -> dict[str, Any]:
        """As the caller sees it."""
        return {
            "path": path,
            "data": self.data,
            "errorType": self.kind,
            "errorInfo": self.info,
            "locations": locations,
            "message": self.message,
        }


class Unauthorized(Failure):
    """The caller may not have this field. Which one is said where that is known."""

    def __init__(self, field: str = "", kind: str = "") -> None:
        text = f"Not Authorized to access {field} on type {kind}" if field else "Unauthorized"
        super().__init__(text, "Unauthorized")


def locations(nodes: Any) -> list[dict[str, Any]]:
    """Where a field stands in the query."""
    found = []
    for node in nodes or ():
        if node.loc is not None:
            line = node.loc.start_token.line
            found.append({"line": line, "column": node.loc.start_token.column, "sourceName": None})
    return found
