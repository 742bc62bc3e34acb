"""What keeps a version from being taken away: until when, how strictly, and whether a hold stands. Pure rules."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record

MODES = ("GOVERNANCE", "COMPLIANCE")
DAY_S = 86_400


class ObjectProtected(AwsError):
    code = "AccessDenied"
    status = 403
    message = "Access Denied because object protected by object lock."


class Lock(Record):
    mode: str = ""
    """``GOVERNANCE``, ``COMPLIANCE``, or empty for a version without a retention."""
    until: float = 0.0
    hold: str = ""
    """``ON``, ``OFF``, or empty where nobody ever said."""

    def retains(self, now: float) -> bool:
        return bool(self.mode) and now < self.until

    def holds(self, now: float) -> bool:
        """Whether it keeps its version from being taken away, one way or the other."""
        return self.hold == "ON" or self.retains(now)

    @property
    def told(self) -> dict[str, Any]:
        """As answers about the version say it."""
        told: dict[str, Any] = {}
        if self.mode:
            told |= {"ObjectLockMode": self.mode, "ObjectLockRetainUntilDate": self.until}
        return told | {"ObjectLockLegalHoldStatus": self.hold} if self.hold else told


UNLOCKED = Lock()


def with_default(lock: Lock, configured: dict[str, Any], now: float) -> Lock:
    """The lock of a version that comes to be now, in a bucket that is configured like this."""
    default = configured.get("Rule", {}).get("DefaultRetention")
    if default is None or lock.mode:
        return lock
    days = default["Days"] if "Days" in default else default["Years"] * 365
    return Lock(mode=default["Mode"], until=float(int(now + days * DAY_S)), hold=lock.hold)
