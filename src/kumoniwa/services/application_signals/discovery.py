"""Whether an account has Application Signals look at its services at all, and the role with which it reads their metrics.

https://docs.aws.amazon.com/applicationsignals/latest/APIReference/API_StartDiscovery.html
"""

from __future__ import annotations

from kumoniwa.gate.linked_role import LinkedRole
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.application_signals.errors import AccessDeniedException

ROLE = LinkedRole("application-signals.cloudwatch.amazonaws.com", "AWSServiceRoleForCloudWatchApplicationSignals")
_KEY = "discovery"


class Discovery(Record):
    """Shelved under one key, for good: nothing ends it."""

    since: float


def is_on(call: Call) -> bool:
    return _KEY in call.shelf(Discovery)


async def StartDiscovery(call: Call) -> dict:
    """Services are discovered from here on; asked again it changes nothing."""
    await ROLE.ensure(call, AccessDeniedException)
    if not is_on(call):
        call.shelf(Discovery)[_KEY] = Discovery(since=call.now())
    return {}
