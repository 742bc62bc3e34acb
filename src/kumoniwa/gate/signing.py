"""Signing a request that a service sends to the world outside, with temporary keys of the role in which it asks."""

from __future__ import annotations

import time
from hashlib import sha256

from kumoniwa.gate import identity
from kumoniwa.gate.canonical_request import signing_key, spelled
from kumoniwa.gate.signature import ALGORITHM, Claim
from kumoniwa.kernel.call import Home
from kumoniwa.kernel.principal import Principal
from kumoniwa.wire.message import Request

KEYS_GOOD_S = 900.0


def headers(home: Home, principal: Principal, request: Request, region: str, service: str) -> dict[str, str]:
    """The headers that sign ``request`` by Signature Version 4; its own must contain ``host``."""
    session, token = identity.issue(home, principal, KEYS_GOOD_S)
    return signed(session.key_id, session.secret, token, request, region, service, home.clock.now())


def signed(key_id: str, secret: str, token: str | None, request: Request, region: str, service: str, now: float) -> dict[str, str]:
    """The same with any key; ``token`` belongs to temporary ones."""
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    digest = sha256(request.body).hexdigest()
    added = {"x-amz-date": at, **({"x-amz-security-token": token} if token else {}), "x-amz-content-sha256": digest}
    covered = {"host": request.headers["host"], **added}
    names = ";".join(sorted(covered))
    claim = Claim(
        access_key=key_id, date=at[:8], region=region, service=service, signed_headers=names, signature="", at=at,
        session_token=token,
    )  # fmt: skip
    family = "s3" if service == "s3" else "rest-json"
    told = Request(request.method, request.path, request.query, covered, request.body)
    to_sign = f"{ALGORITHM}\n{at}\n{claim.scope}\n{sha256(spelled(told, claim, family).encode('latin-1', 'replace')).hexdigest()}"
    signature = signing_key(secret, claim.date, region, service).sign(to_sign.encode())
    credential = f"{key_id}/{claim.scope}"
    return {
        "authorization": f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}",
        **added,
    }
