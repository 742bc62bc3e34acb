"""What an account publishes as an issuer of tokens: where its keys are, and the keys.

It stands under the issuer's own host name, ``UUID.tokens.sts.global.api.aws``, and under ``UUID.tokens.sts.localhost``.
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.engines import key_material
from kumoniwa.gate.address import Address
from kumoniwa.gate.federation import ISSUER_KEYS, TokenIssuer
from kumoniwa.gate.identity import SHARED
from kumoniwa.languages import json_web_token
from kumoniwa.services.sts import outbound
from kumoniwa.wire.message import Request, Response

WELL_KNOWN = "/.well-known/"


def _said(body: dict[str, Any], status: int = 200) -> Response:
    return Response(status, orjson.dumps(body), {"Content-Type": "application/json"})


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    issuer = home.store.shelf(SHARED, TokenIssuer).get(address.name)
    if issuer is None or request.path not in (f"{WELL_KNOWN}openid-configuration", f"{WELL_KNOWN}jwks.json"):
        return _said({"message": "Not Found"}, 404)
    if request.method not in ("GET", "HEAD"):
        return _said({"message": "Method Not Allowed"}, 405)
    if request.path.endswith("jwks.json"):
        keys = outbound.opened(home, issuer)
        return _said({
            "keys": [
                json_web_token.published(key_material.public(secret), ISSUER_KEYS[algorithm].name, algorithm)
                for algorithm, secret in keys.items()
            ]
        })  # fmt: skip
    return _said({
        "issuer": issuer.url, "jwks_uri": f"{'https' if request.is_tls else 'http'}://{request.host}{WELL_KNOWN}jwks.json",
        "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ISSUER_KEYS), "scopes_supported": ["openid"],
        "claims_supported": ["aud", "exp", "iat", "iss", "jti", "sub", outbound.NAMESPACE],
    })  # fmt: skip
