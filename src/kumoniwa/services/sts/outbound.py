"""Tokens that tell services outside of AWS who is calling, signed with keys that the account publishes.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson

from kumoniwa.engines import cipher, key_material
from kumoniwa.gate import organization
from kumoniwa.gate.federation import ISSUER_KEYS, TokenIssuer, issuer_name
from kumoniwa.gate.identity import SHARED, Identity, unseal
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.languages import json_web_token

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

DURATION_S_DEFAULT = 300
CLAIMS_BYTES_MAX = 16 << 10
"""AWS does not tell its limit; ours is what HTTP servers commonly take of headers, in which tokens travel."""
NAMESPACE = "https://sts.amazonaws.com/"


class InvalidParameterValue(AwsError):
    status = 400


class OutboundWebIdentityFederationDisabledException(AwsError):
    status = 403
    message = (
        "The outbound web identity federation feature is not enabled for this account. To use this feature, you must first enable it "
        "through the Amazon Web Services Management Console or API."
    )


class SessionDurationEscalationException(AwsError):
    status = 403
    message = "The requested token duration would extend the session beyond its original expiration time."


class JWTPayloadSizeExceededException(AwsError):
    status = 400
    message = "The requested token payload size exceeds the maximum allowed size. Reduce the number of request tags included in the request."


def keys(params: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html"""
    told = {
        "sts:identitytokenaudience": params.get("Audience"), "sts:signingalgorithm": params.get("SigningAlgorithm"),
        "sts:durationseconds": params.get("DurationSeconds", DURATION_S_DEFAULT),
    }  # fmt: skip
    return {key: value for key, value in told.items() if value is not None}


def opened(home: Any, issuer: TokenIssuer) -> dict[str, bytes]:
    """The private keys of an issuer, by the algorithm of the tokens."""
    unsealed = [cipher.unseal(home.settings.seal, sealed, TokenIssuer.PURPOSE) or b"" for sealed in issuer.keys]
    return dict(zip(ISSUER_KEYS, unsealed, strict=True))


def GetWebIdentityToken(
    call: Call, *, Audience: list[str], SigningAlgorithm: str, DurationSeconds: int | None = None, Tags: list[dict] | None = None
) -> dict:
    if SigningAlgorithm not in ISSUER_KEYS:
        raise ValidationError(
            f"1 validation error detected: Value '{SigningAlgorithm}' at 'signingAlgorithm' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(ISSUER_KEYS)}]"
        )
    if len({tag["Key"].lower() for tag in Tags or ()}) != len(Tags or ()):
        raise InvalidParameterValue("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    issuer = call.home.store.shelf(SHARED, TokenIssuer).get(issuer_name(call.principal.account))
    if issuer is None or not issuer.is_enabled:
        raise OutboundWebIdentityFederationDisabledException
    now, duration = int(call.now()), DurationSeconds or DURATION_S_DEFAULT
    if _session_ends(call) < now + duration:
        raise SessionDurationEscalationException
    claims = orjson.dumps({
        "aud": Audience[0] if len(Audience) == 1 else Audience, "sub": _subject(call), NAMESPACE: _of_aws(call, Tags),
        "iss": issuer.url, "exp": now + duration, "iat": now, "jti": call.new_id(),
    })  # fmt: skip
    if len(claims) > CLAIMS_BYTES_MAX:
        raise JWTPayloadSizeExceededException
    key, secret = ISSUER_KEYS[SigningAlgorithm], opened(call.home, issuer)[SigningAlgorithm]
    token = json_web_token.written(
        key.name, SigningAlgorithm, claims, lambda body: key_material.sign(secret, key.algorithm, body, is_digest=False)
    )
    return {"WebIdentityToken": token, "Expiration": float(now + duration)}


def _session_ends(call: Call) -> float:
    """When the caller's own keys end, which a token about them must not outlive."""
    request = call.request
    if request is None:
        return float("inf")
    token = request.headers.get("x-amz-security-token") or dict(parse_qsl(request.query)).get("X-Amz-Security-Token")
    session = unseal(call.home.settings.seal, token) if token else None
    return session.expires if session is not None else float("inf")


def _subject(call: Call) -> str:
    """The role for its sessions: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html"""
    principal = call.principal
    return principal.source_arn if principal.kind == "role" else principal.arn


def _of_aws(call: Call, tags: list[dict] | None) -> dict[str, Any]:
    principal = call.principal
    member = organization.member(call.home, principal.account)
    holder = call.home.store.shelf(SHARED, Identity).get(principal.source_arn or principal.arn)
    claims = {
        "aws_account": principal.account, "source_region": call.region,
        "org_id": member.organization if member is not None else "", "ou_path": member.path if member is not None else "",
        "principal_tags": {**(holder.tags if holder is not None else {}), **principal.tags},
        "source_identity": principal.context.get("aws:SourceIdentity", ""),
        "request_tags": {tag["Key"]: tag["Value"] for tag in tags or ()},
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value}
