"""Setting and reading stack policies. What they mean is `deploy.protection`."""

from __future__ import annotations

from kumoniwa.deploy import protection
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import fetched, request
from kumoniwa.services.cloudformation.stack import Stack


async def sent(call: Call, body: str | None, url: str | None, name: str = "StackPolicy") -> str | None:
    """The policy that a request means by ``StackPolicyBody`` and ``StackPolicyURL``, or None."""
    if body is not None and url is not None:
        raise ValidationError(f"You cannot specify both {name}URL and {name}Body")
    text = body if url is None else await fetched.text(call, url, f"{name}URL")
    if text is not None:
        protection.check(text)
    return text


def GetStackPolicy(call: Call, *, StackName: str) -> dict:
    """While an update is under way with a policy of its own, that one."""
    stack = request.named(call, StackName, "Stack: {} does not exist")
    text = stack.policy_of_update or stack.policy
    return {"StackPolicyBody": text} if text else {}


async def SetStackPolicy(
    call: Call, *, StackName: str, StackPolicyBody: str | None = None, StackPolicyURL: str | None = None
) -> None:
    request.named(call, StackName, "Stack: {} does not exist")
    text = await sent(call, StackPolicyBody, StackPolicyURL)
    if text is None:
        raise ValidationError("Either StackPolicyBody or StackPolicyURL must be specified.")
    stack = request.named(call, StackName, "Stack: {} does not exist")
    call.shelf(Stack)[stack.name] = changed(stack, policy=text)
