"""What every operation has in common: the account has its default network when it is first looked at, whoever waits for changes hears of them, and
with DryRun it is carried out and undone before anybody has seen it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ec2 import default_network

_READING = ("Describe", "Get")


class DryRunOperation(AwsError):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html"""

    status = 412
    message = "Request would have succeeded, but DryRun flag is set."


def may_be_dry(operation: Callable[..., dict | None]) -> Callable[..., dict | None]:
    """The same atomic operation with a parameter DryRun. An operation that waits declares its own, and looks at it before it changes anything."""
    tried = without_dry_run(operation)
    said = inspect.signature(operation)

    @functools.wraps(operation)
    def dry(call: Call, *, DryRun: bool | None = None, **params: Any) -> dict | None:
        answer = tried(call, **params)
        if DryRun:
            # What an atomic operation wrote is undone if it raises.
            raise DryRunOperation
        return answer

    parameter = inspect.Parameter("DryRun", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="bool | None")
    dry.__signature__ = said.replace(parameters=[*said.parameters.values(), parameter])  # type: ignore[attr-defined]
    return dry


def without_dry_run(operation: Callable[..., dict | None]) -> Callable[..., dict | None]:
    """The same for the few operations that have no such parameter."""

    @functools.wraps(operation)
    def tried(call: Call, **params: Any) -> dict | None:
        default_network.ensure(call)
        answer = operation(call, **params)
        if not operation.__name__.startswith(_READING):
            call.wake("network")
        return answer

    return tried
