"""Signals from outside for resources whose creation policy waits for them."""

from __future__ import annotations

import json

from kumoniwa.deploy import signal
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.services.cloudformation import answer, event, request
from kumoniwa.services.cloudformation import stack as stacks


def SignalResource(call: Call, *, StackName: str, LogicalResourceId: str, UniqueId: str, Status: str) -> None:
    """Heard while the resource waits; whoever signals twice under one id is heard once."""
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    standing = stacks.resources_of(call, stack).get(LogicalResourceId)
    if standing is None:
        raise ValidationError(f"Resource {LogicalResourceId} does not exist for stack {stack.name}")
    if not stack.is_busy or standing.doing != "create":
        raise ValidationError(
            f"Resource {LogicalResourceId} is in {standing.status} state and can not be signaled."
        )
    said = {"Status": Status, "UniqueId": UniqueId}
    answer.put(call, signal.place(standing.token), json.dumps(said).encode())
    event.happened(
        call, stack, LogicalResourceId, standing.type, standing.physical_id, standing.status,
        f"Received {Status} signal with UniqueId {UniqueId}", standing.reached,
    )  # fmt: skip
