"""DryRun: whether a request would have succeeded. It is carried out, and undone before anybody has seen it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError


class DryRunOperation(AwsError):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html"""

    status = 412
    message = "Request would have succeeded, but DryRun flag is set."


def may_be_dry(operation: Callable[..., dict | None]) -> Callable[..., dict | None]:
    """The same atomic operation with a parameter DryRun. An operation that waits declares its own, and looks at it before it changes anything."""
    said = inspect.signature(operation)

    @functools.wraps(operation)
    def tried(call: Call, *, DryRun: bool | None = None, **params: Any) -> dict | None:
        answer = operation(call, **params)
        if DryRun:
            # What an atomic operation wrote is undone if it raises.
            raise DryRunOperation
        return answer

    dry = inspect.Parameter("DryRun", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="bool | None")
    tried.__signature__ = said.replace(parameters=[*said.parameters.values(), dry])  # type: ignore[attr-defined]
    return tried
