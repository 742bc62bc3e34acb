"""The least policy that allows what was seen: each action on the resources it touched, and nothing else.

What a next run names anew (streams of logs, executions of a state machine, objects of a bucket) is allowed by what holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

VERSION = "2012-10-17"

_NAMED_ANEW = (
    (re.compile(r"(arn:[^:]+:logs:[^:]*:[^:]*:log-group:[^:]+):log-stream:.*"), r"\1:*"),
    (re.compile(r"(arn:[^:]+:states:[^:]*:[^:]*:(?:execution|express):[^:]+):.*"), r"\1:*"),
)


def lasting(arn: str) -> str:
    """The resource as a policy names it that holds for the next run, too."""
    for pattern, held in _NAMED_ANEW:
        arn = pattern.sub(held, arn)
    return arn


def proposed(seen: Iterable[tuple[str, str]]) -> dict[str, Any] | None:
    """A policy document of ``(action, resource)``: one statement for all actions on the same resources. None if nothing was seen."""
    touched: dict[str, set[str]] = {}
    for action, arn in seen:
        touched.setdefault(action, set()).add(lasting(arn))
    together: dict[tuple[str, ...], list[str]] = {}
    for action, arns in sorted(touched.items()):
        together.setdefault(tuple(sorted(arns)), []).append(action)
    statements = [{"Effect": "Allow", "Action": actions, "Resource": list(arns)} for arns, actions in together.items()]
    return {"Version": VERSION, "Statement": statements} if statements else None
