"""Schedules whose input is encrypted under a key of KMS.

Who makes a schedule, changes it or looks at it uses the key through Scheduler (``kms:ViaService``); when it fires, its role does so itself.
What else a schedule says is not encrypted under the customer's key, as on AWS.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/encryption-rest.html
"""

from __future__ import annotations

from functools import partial

from kumoniwa.gate.key_chain import OPEN, Chain, Lock, refused_as
from kumoniwa.kernel.call import Call
from kumoniwa.services.scheduler.errors import ValidationException

_in_words_of_scheduler = partial(refused_as, ValidationException, "AccessDeniedException")


def lock(speaker: Call, schedule: str, key: str, *, is_role: bool = False) -> Lock:
    """The input of a schedule, which its ARN names, for whoever speaks."""
    if not key:
        return OPEN
    return Lock(Chain(schedule, key, {"aws:scheduler:schedule:arn": schedule}, _in_words_of_scheduler, is_direct=is_role), speaker)
