"""Passwords that nobody guesses.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
"""

from __future__ import annotations

import secrets
import string

from kumoniwa.kernel.call import Call
from kumoniwa.services.secretsmanager.errors import InvalidParameterException, InvalidRequestException

LENGTH, LENGTH_MAX = 32, 4_096


def GetRandomPassword(
    call: Call, *, PasswordLength: int | None = None, ExcludeCharacters: str | None = None, ExcludeNumbers: bool | None = None,
    ExcludePunctuation: bool | None = None, ExcludeUppercase: bool | None = None, ExcludeLowercase: bool | None = None,
    IncludeSpace: bool | None = None, RequireEachIncludedType: bool | None = None,
) -> dict:  # fmt: skip
    length = LENGTH if PasswordLength is None else PasswordLength
    if not 1 <= length <= LENGTH_MAX:
        raise InvalidParameterException(f"The password length must be between 1 and {LENGTH_MAX} characters.")
    offered = [
        (ExcludeLowercase, string.ascii_lowercase), (ExcludeUppercase, string.ascii_uppercase), (ExcludeNumbers, string.digits),
        (ExcludePunctuation, string.punctuation), (not IncludeSpace, " "),
    ]  # fmt: skip
    excluded = set(ExcludeCharacters or "")
    kinds = [[each for each in kind if each not in excluded] for is_out, kind in offered if not is_out]
    kinds = [kind for kind in kinds if kind]
    if not kinds:
        raise InvalidRequestException("No characters are left of which to make a password.")
    chosen: list[str] = []
    if RequireEachIncludedType in (None, True):
        if length < len(kinds):
            raise InvalidParameterException("The password length is too short based on the required types.")
        chosen = [secrets.choice(kind) for kind in kinds]
    every = [each for kind in kinds for each in kind]
    chosen += [secrets.choice(every) for _ in range(length - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return {"RandomPassword": "".join(chosen)}
