"""Pages of rows: a token is the key after which the next page begins, so that a page costs what is on it, however long the list."""

from __future__ import annotations

import base64
import binascii

from kumoniwa.services.glue.errors import InvalidInputException

LOOKED_AT_MAX = 4_000
"""So many rows one call looks at for those that match; AWS, too, answers pages that are empty and have a token:
https://github.com/boto/boto3/issues/4504."""


def token(key: str) -> str:
    return base64.urlsafe_b64encode(b"1" + key.encode()).decode()


def after(said: str | None) -> str:
    """The key of a token; an empty one where there is none. Raises InvalidInputException."""
    if not said:
        return ""
    try:
        held = base64.b64decode(said, altchars=b"-_", validate=True)
        if held[:1] == b"1":
            return held[1:].decode()
    except (binascii.Error, ValueError):
        pass
    raise InvalidInputException("Invalid NextToken")  # our words
