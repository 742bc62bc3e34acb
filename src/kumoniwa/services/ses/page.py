"""Lists that no model of AWS's says how to cut: page by page, by the names of what is listed."""

from __future__ import annotations

from collections.abc import Iterable


def cut(names: Iterable[str], token: str | None, size: int | None, *, usual: int) -> tuple[list[str], dict[str, str]]:
    """The names of one page in their order, and the token of the next one if there is one."""
    rest = sorted(name for name in names if name > (token or ""))
    page = rest[: max(1, size or usual)]
    return page, {"NextToken": page[-1]} if len(page) < len(rest) else {}
