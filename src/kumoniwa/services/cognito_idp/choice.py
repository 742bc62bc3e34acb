"""Choice-based sign-in: by which first factors somebody may sign in, one of which he names or chooses.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import client as clients
from kumoniwa.services.cognito_idp import code as codes
from kumoniwa.services.cognito_idp import factor, token
from kumoniwa.services.cognito_idp.errors import FeatureUnavailableInTierException, InvalidParameterException
from kumoniwa.services.cognito_idp.pool import BY_CODE, UserPool
from kumoniwa.services.cognito_idp.proof import Attempt
from kumoniwa.services.cognito_idp.user import CONFIRMED, UNCONFIRMED, User

SELECT, PASSWORD, SRP = "SELECT_CHALLENGE", "PASSWORD", "PASSWORD_SRP"
AT_ONCE = (PASSWORD, SRP)
"""What may be answered without having been selected: the page shows both with the session of ``SELECT_CHALLENGE``."""
SIGN_IN = "signin"


def check_tier(pool: UserPool) -> None:
    """InitiateAuth's page: "your user pool must be in the Essentials tier or higher". Of the text no record is at hand."""
    if pool.settings.get("UserPoolTier") == "LITE":
        raise FeatureUnavailableInTierException("The following feature is not available for the LITE pricing tier configured: Choice-Based Sign-In")


def _ways(pool: UserPool, attributes: dict[str, str]) -> list[str]:
    """By which of a pool's codes somebody with these attributes can be reached."""
    return [kind for kind, attribute in BY_CODE.items() if kind in pool.first_factors and attributes.get(attribute) and _is_sent(pool, kind)]


def _is_sent(pool: UserPool, kind: str) -> bool:
    return BY_CODE[kind] != "phone_number" or bool(pool.settings.get("SmsConfiguration"))


def available(pool: UserPool, user: User | None) -> list[str]:
    """Among what somebody may choose; for a name that nobody has, whatever the pool knows. "If MFA is optional in your user pool, users who have
    activated MFA can't sign in with a passwordless first factor." A password stands for itself and for SRP."""
    if user is None:
        return [*(kind for kind in BY_CODE if kind in pool.first_factors and _is_sent(pool, kind)), *AT_ONCE]
    by_code = _ways(pool, user.attributes) if not factor.asked_for(pool, user) else []
    return [*by_code, *(AT_ONCE if user.verifier else ())]


def check_reachable(pool: UserPool, attributes: dict[str, str]) -> None:
    """Somebody without a password must have an address for a code. AdminCreateUser's page asks for it; the text is ours."""
    if not _ways(pool, attributes):
        needed = " or ".join(sorted(BY_CODE[kind] for kind in pool.first_factors if kind in BY_CODE))
        raise InvalidParameterException(f"A user without a password needs an attribute for one-time passwords: {needed}.")


def offer(attempt: Attempt, user: User | None) -> dict[str, Any]:
    kinds = available(attempt.pool, user)
    return attempt.challenge(SELECT, user, {}, {"kinds": kinds}) | {"AvailableChallenges": kinds}


async def send(attempt: Attempt, user: User | None, kind: str) -> dict[str, Any]:
    """A code goes to the user, and the challenge asks for it. Who is nobody is told as much, and nothing is sent."""
    if user is None:
        name, attribute = attempt.name, BY_CODE[kind]
        address = name if attribute == "phone_number" or "@" in name else f"{name}@{name}"
        sent = codes.details(address, attribute)
    else:
        _, sent = await codes.send(
            attempt.call, attempt.pool, user, SIGN_IN, "CustomMessage_Authentication", attempt.client.id, attempt.metadata, BY_CODE[kind]
        )
    shown = {"CODE_DELIVERY_DELIVERY_MEDIUM": sent["DeliveryMedium"], "CODE_DELIVERY_DESTINATION": sent["Destination"]}
    return attempt.challenge(kind, user, shown, {"is_first": True})


def met(call: Call, user: User, code: str) -> tuple[User, bool]:
    """The user, whose code was right, and whether it is this that confirmed him: "your user pool marks the user's unverified email address or phone
    number attribute as verified. The user status also changed from UNCONFIRMED to CONFIRMED". Not kept yet."""
    user = factor.proven_by(call, user, SIGN_IN, code)
    if user.status != UNCONFIRMED:
        return user, False
    return changed(user, status=CONFIRMED, codes={name: kept for name, kept in user.codes.items() if name != "signup"}), True


def GetUserAuthFactors(call: Call, *, AccessToken: str) -> dict:
    pool, user, claims = token.bearer(call, AccessToken)
    clients.named(call, claims["client_id"], pool.id)
    second = factor.told(user)
    kinds = [PASSWORD] if user.verifier else []
    kinds += [kind for kind, attribute in BY_CODE.items() if kind in _ways(pool, user.attributes) or _is_second(user, attribute)]
    kinds += ["SOFTWARE_TOKEN"] if user.totp and user.is_totp_enabled else []
    return {"Username": user.name, **second, "ConfiguredUserAuthFactors": kinds}


def _is_second(user: User, attribute: str) -> bool:
    return bool(user.attributes.get(attribute)) and (user.is_sms_enabled if attribute == "phone_number" else user.is_email_enabled)
