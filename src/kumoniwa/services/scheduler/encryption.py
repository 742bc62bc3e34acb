"""Schedules whose input is encrypted under a key of KMS.

Who makes a schedule, changes it or looks at it uses the key through Scheduler (``kms:ViaService``); when it fires, its role does so itself.
What else a schedule says is not encrypted under the customer's key, as on AWS.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/encryption-rest.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate.key_chain import OPEN, Chain, Lock
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.scheduler.errors import ValidationException


@contextmanager
def _in_words_of_scheduler() -> Iterator[None]:
    """AWS names no errors of KMS here: who may not use a key is denied, and a key that cannot be used is not valid."""
    try:
        yield
    except AwsError as error:
        if error.code == "AccessDeniedException" or (error.status or 400) >= 500:
            raise
        raise ValidationException(error.text, hint=error.hint) from None


def lock(speaker: Call, schedule: str, key: str, *, is_role: bool = False) -> Lock:
    """The input of a schedule, which its ARN names, for whoever speaks."""
    if not key:
        return OPEN
    return Lock(Chain(schedule, key, {"aws:scheduler:schedule:arn": schedule}, _in_words_of_scheduler, is_direct=is_role), speaker)


async def proving(call: Call, key: str, act: Callable[[], Any]) -> Any:
    """Do what names a key, atomically, once the caller was seen to know a key that encrypts."""
    with _in_words_of_scheduler():
        await data_keys.described(call, key)
    return await data_keys.opening(call, act)
