"""The key with which a region's load balancers of an account sign what they tell targets of users, and where targets find its public half.

    GET https://public-keys.auth.elb.REGION.amazonaws.com/KEY
"""

from __future__ import annotations

import base64
from typing import Any

import orjson

from kumoniwa.engines import cipher
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.record import Record
from kumoniwa.wire.message import Response

_PURPOSE = b"identity key of load balancers"
_ALGORITHM = "ECDSA_SHA_256"


class IdentityKey(Record):
    """Shelved by its id among what belongs to no account: who fetches it names none."""

    secret: bytes
    """Under the cloud's seal."""


def _key(home: Any) -> tuple[str, bytes]:
    """The region's, made when it is first wanted."""
    from kumoniwa.engines import key_material  # noqa: PLC0415 - heavy, and few balancers sign anything

    shelf = home.store.shelf(SHARED, IdentityKey)
    held = next(iter(shelf.values()), None)
    if held is None:
        secret = key_material.make("ECC_NIST_P256")
        held = shelf[home.ids.uuid()] = IdentityKey(secret=cipher.seal(home.settings.seal, secret, _PURPOSE))
    id_ = next(id_ for id_, each in shelf.items() if each is held)
    return id_, cipher.unseal(home.settings.seal, held.secret, _PURPOSE) or b""


def _part(body: dict[str, Any] | bytes) -> str:
    """AWS keeps the padding, which the standard drops.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html#user-claims-encoding"""
    return base64.urlsafe_b64encode(body if isinstance(body, bytes) else orjson.dumps(body)).decode()


def told(home: Any, signer: str, client: str, issuer: str, claims: dict[str, Any], until: float) -> str:
    """A token of the user's claims, signed with ES256."""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature  # noqa: PLC0415

    from kumoniwa.engines import key_material  # noqa: PLC0415

    id_, secret = _key(home)
    head = {"typ": "JWT", "kid": id_, "alg": "ES256", "iss": issuer, "client": client, "signer": signer, "exp": int(until)}
    text = f"{_part(head)}.{_part({**claims, 'exp': int(until), 'iss': issuer})}"
    one, other = decode_dss_signature(key_material.sign(secret, _ALGORITHM, text.encode(), is_digest=False))
    return f"{text}.{_part(one.to_bytes(32, 'big') + other.to_bytes(32, 'big'))}"


def shown(home: Any, path: str) -> Response:
    held = home.store.shelf(SHARED, IdentityKey).get(path.strip("/"))
    if held is None:
        return Response(404, b"")
    from kumoniwa.engines import key_material  # noqa: PLC0415

    _, secret = _key(home)
    lines = base64.encodebytes(key_material.public(secret)).decode().replace("\n", "")
    rows = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    return Response(200, f"-----BEGIN PUBLIC KEY-----\n{rows}\n-----END PUBLIC KEY-----\n".encode(), {"Content-Type": "text/plain"})
