"""The hooks of SnapStart, under the name by which AWS's Python runtimes carry them: what functions register, the runtime calls.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html. A function that packages AWS's own library
of this name gets that one; both answer the same two questions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["register_after_restore", "register_before_snapshot"]

_BEFORE_SNAPSHOT: list[tuple[Callable, tuple, dict[str, Any]]] = []
_AFTER_RESTORE: list[tuple[Callable, tuple, dict[str, Any]]] = []


def register_before_snapshot(func: Callable, *args: Any, **kwargs: Any) -> Callable:
    """Have ``func`` called before the snapshot is taken, the last one registered first. Also a decorator."""
    _BEFORE_SNAPSHOT.append((func, args, kwargs))
    return func


def register_after_restore(func: Callable, *args: Any, **kwargs: Any) -> Callable:
    """Have ``func`` called in every environment restored from the snapshot, the first one registered first. Also a decorator."""
    _AFTER_RESTORE.append((func, args, kwargs))
    return func


def get_before_snapshot() -> list[tuple[Callable, tuple, dict[str, Any]]]:
    return _BEFORE_SNAPSHOT


def get_after_restore() -> list[tuple[Callable, tuple, dict[str, Any]]]:
    return _AFTER_RESTORE
