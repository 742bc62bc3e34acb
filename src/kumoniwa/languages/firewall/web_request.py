"""A web request as rules see it: its parts, taken apart when a rule first asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

HEADERS_MAX, HEADERS_BYTES_MAX = 200, 8192
"""What is looked at of headers, and as much of cookies:
https://docs.aws.amazon.com/waf/latest/developerguide/waf-oversize-request-components.html"""

Pairs = list[tuple[bytes, bytes]]


class Detail(NamedTuple):
    """What gave an attack away."""

    condition: str
    """``SQL_INJECTION`` or ``XSS``."""
    field: str
    """The kind of ``FieldToMatch``."""
    name: str
    """Of the header or argument, where it is one."""
    tokens: list[str]
    sensitivity: str = ""


class WebRequest:
    __slots__ = (
        "method", "path", "query", "headers", "body", "body_max", "address", "now", "labels", "limits", "details", "transformed",
        "oversize", "_arguments",
        "_cookies",
    )  # fmt: skip

    def __init__(
        self, method: str, path: str, query: str, headers: Sequence[tuple[str, str]], body: bytes, *, body_max: int, address: str, now: float
    ) -> None:
        """``headers`` are in the order and with the values in which they were sent, their names in any case; ``now`` in epoch seconds."""
        self.method, self.path, self.query = (text.encode("latin-1", "replace") for text in (method, path, query))
        self.headers: Pairs = [(name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers]
        self.body, self.body_max, self.address, self.now = body, body_max, address, now
        self.labels: list[str] = []
        """What rules have said of the request so far, in full."""
        self.limits: list[dict[str, Any]] = []
        """Of the rate-based rules that have held it to be too much: as logs tell them."""
        self.details: list[Detail] = []
        """What gave an attack away to the statement of the rule that looks at the request now."""
        self.oversize: list[str] = []
        """Parts that rules looked at and that are larger than what is looked at, as logs call them."""
        self.transformed: dict[str, list[bytes] | bool] = {}
        """Parts as rules have unwrapped them so far, by part and transformations."""
        self._arguments: Pairs | None = None
        self._cookies: Pairs | None = None

    def exceeds(self, part: str) -> None:
        """A part is larger than what is looked at of it."""
        if part not in self.oversize:
            self.oversize.append(part)

    def header(self, name: bytes) -> bytes | None:
        """Lines of one name are one value."""
        found = [value for key, value in self.headers if key == name]
        return b",".join(found) if found else None

    @property
    def arguments(self) -> Pairs:
        """As they were sent: to decode them is a matter of transformations. Names are not case sensitive."""
        if self._arguments is None:
            parts = [part.partition(b"=") for part in self.query.split(b"&") if part]
            self._arguments = [(name.lower(), value) for name, _, value in parts]
        return self._arguments

    @property
    def cookies(self) -> Pairs:
        if self._cookies is None:
            parts = [part.strip().partition(b"=") for line in self.headers if line[0] == b"cookie" for part in line[1].split(b";")]
            self._cookies = [(name, value) for name, _, value in parts if name]
        return self._cookies
