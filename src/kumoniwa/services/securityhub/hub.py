"""The hub: whether an account uses Security Hub in a region, and how it makes findings of controls."""

from __future__ import annotations

from kumoniwa.gate.linked_role import LinkedRole
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.securityhub.errors import InvalidAccessException

SERVICE = "securityhub.amazonaws.com"
ROLE = LinkedRole(SERVICE, "AWSServiceRoleForSecurityHub")
SECURITY_CONTROL, STANDARD_CONTROL = "SECURITY_CONTROL", "STANDARD_CONTROL"
WORK = ("securityhub", "work")
ONE = "default"


class Hub(Record):
    """That an account uses Security Hub; shelved by ``default``."""

    subscribed: float
    generator: str = SECURITY_CONTROL
    is_auto_enabling: bool = True
    tags: dict[str, str] = {}


def arn_of(call: Call) -> str:
    return call.arn("hub/default")


def held(call: Call) -> Hub | None:
    return call.shelf(Hub).get(ONE)


def existing(call: Call) -> Hub:
    """Recorded: tools for Security Hub look for this text."""
    hub = held(call)
    if hub is None:
        raise InvalidAccessException(f"Account {call.account} is not subscribed to AWS Security Hub")
    return hub


class Woken:
    """How often the work of an account was woken in this life of its region."""

    def __init__(self) -> None:
        self.times = 0


def wake(call: Call) -> None:
    """Standards or controls are to be looked into, once what this call wrote is safe."""
    call.memory(Woken).times += 1
    call.after_commit(lambda: call.home.wake(WORK))
