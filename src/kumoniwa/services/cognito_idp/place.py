"""Where a pool is found by those who name no account: by its own id, by a client's id, by the name of its domain.

Also what is kept shut on the disk: ``shut`` seals under the cloud's key whatever would open something in the wrong hands.
"""

from __future__ import annotations

import hmac
from typing import Any

from kumoniwa.engines import cipher
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.record import Record

_DOMAIN = "domain/"


class Place(Record):
    """Whose a pool is; shelved by the name it is found by."""

    account: str
    pool: str


def places(home: Any):
    return home.store.shelf(SHARED, Place)


def key_of(domain: str) -> str:
    """By which a domain's place is found."""
    return f"{_DOMAIN}{domain}"


def domain_of(home: Any, pool: str) -> str | None:
    """Under which name a pool shows its hosted pages, if it does."""
    return next((key.removeprefix(_DOMAIN) for key, place in places(home).items() if place.pool == pool and key.startswith(_DOMAIN)), None)


def shut(home: Any, body: bytes, purpose: str) -> bytes:
    return cipher.seal(home.settings.seal, body, f"cognito {purpose}".encode())


def opened(home: Any, sealed: bytes, purpose: str) -> bytes | None:
    return cipher.unseal(home.settings.seal, sealed, f"cognito {purpose}".encode())


def digest(home: Any, *words: str) -> bytes:
    """What is kept of a short code: nobody without the cloud's key can try all of them."""
    return hmac.digest(home.settings.seal, "\0".join(words).encode(), "sha256")
