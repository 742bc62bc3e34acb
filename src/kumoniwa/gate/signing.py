"""Signing a request that a service sends to the world outside, with temporary keys of the role in which it asks."""

from __future__ import annotations

import time
from hashlib import sha256

from kumoniwa.gate import identity
from kumoniwa.gate.signature import ALGORITHM, Claim, canonical_request, signing_key
from kumoniwa.kernel.call import Home
from kumoniwa.kernel.principal import Principal
from kumoniwa.wire.message import Request

KEYS_GOOD_S = 900.0


def headers(home: Home, principal: Principal, request: Request, region: str, service: str) -> dict[str, str]:
    """The headers that sign ``request`` by Signature Version 4; its own must contain ``host``."""
    session, token = identity.issue(home, principal, KEYS_GOOD_S)
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(home.clock.now()))
    digest = sha256(request.body).hexdigest()
    added = {"x-amz-date": at, "x-amz-security-token": token, "x-amz-content-sha256": digest}
    signed = {"host": request.headers["host"], **added}
    names = ";".join(sorted(signed))
    claim = Claim(
        access_key=session.key_id, date=at[:8], region=region, service=service, signed_headers=names, signature="", at=at,
        session_token=token,
    )  # fmt: skip
    family = "s3" if service == "s3" else "rest-json"
    told = Request(request.method, request.path, request.query, signed, request.body)
    to_sign = f"{ALGORITHM}\n{at}\n{claim.scope}\n{sha256(canonical_request(told, claim, family).encode('latin-1', 'replace')).hexdigest()}"
    signature = signing_key(session.secret, claim.date, region, service).sign(to_sign.encode())
    credential = f"{session.key_id}/{claim.scope}"
    return {
        "authorization": f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}",
        **added,
    }
