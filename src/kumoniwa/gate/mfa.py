"""A second factor: virtual devices that show another six digits every thirty seconds (RFC 6238).

IAM writes ``MfaDevice`` records in ``aws-global`` and every region holds a replica, since STS checks codes in each of them.
A code opens once in a region, and so do no earlier ones.
"""

from __future__ import annotations

import base64
import hmac
import struct
from collections.abc import Iterable
from typing import Any

from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.record import Record

STEP_S = 30
DRIFT_STEPS_MAX = 1
"""How far a code may be from the device's own time: RFC 6238 recommends one step for what takes its time to arrive."""


class MfaDevice(Record):
    """A device that is enabled; shelved by its serial number."""

    account: str
    user_id: str
    seed: str
    """The shared secret in base 32."""
    ahead_steps: int = 0
    """By how much the device's clock differs from ours."""


class LastCode(Record):
    """The time step of the last code that opened anything here; shelved by serial number."""

    step: int


def code_at(seed: str, step: int) -> str:
    """The six digits a device shows in a time step (RFC 4226 over SHA-1, which is what authenticator apps speak)."""
    key = base64.b32decode(seed + "=" * (-len(seed) % 8))
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def step_of(now: float) -> int:
    return int(now // STEP_S)


def _shown_at(seed: str, code: str, steps: Iterable[int]) -> int | None:
    return next((step for step in steps if hmac.compare_digest(code_at(seed, step), code)), None)


def accepted(device: MfaDevice, code: str, now: float) -> int | None:
    """The step in which the device shows ``code``, None if it does not now."""
    middle = step_of(now) + device.ahead_steps
    return (
        _shown_at(device.seed, code, range(middle - DRIFT_STEPS_MAX, middle + DRIFT_STEPS_MAX + 1))
        if code.isascii()
        else None
    )


def unused_step(home: Any, serial: str, device: MfaDevice, code: str) -> int | None:
    """The step of a code that has opened nothing in this region, nor has one after it; None for any other."""
    step = accepted(device, code, home.clock.now())
    last = home.store.shelf(SHARED, LastCode).get(serial)
    return step if step is not None and (last is None or step > last.step) else None


def use_up(home: Any, serial: str, step: int) -> None:
    home.store.shelf(SHARED, LastCode)[serial] = LastCode(step=step)


def ahead(seed: str, first: str, second: str, now: float, reach_steps: int) -> int | None:
    """By how many steps a device that shows two codes one after the other is ahead of us; None if it never does within reach."""
    middle = step_of(now)
    for step in sorted(
        range(middle - reach_steps, middle + reach_steps + 1), key=lambda step: abs(step - middle)
    ):
        if step >= 0 and code_at(seed, step) == first and code_at(seed, step + 1) == second:
            # The person typed the second code just now, or has typed it a moment ago.
            return 0 if abs(step + 1 - middle) <= DRIFT_STEPS_MAX else step + 1 - middle
    return None
