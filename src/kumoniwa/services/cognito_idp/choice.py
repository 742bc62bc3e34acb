"""Choice-based sign-in: by which first factors somebody may sign in, one of which he names or chooses.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import client as clients
from kumoniwa.services.cognito_idp import code as codes
from kumoniwa.services.cognito_idp import factor, passkey, token
from kumoniwa.services.cognito_idp.errors import FeatureUnavailableInTierException, InvalidParameterException
from kumoniwa.services.cognito_idp.pool import BY_CODE, BY_PASSKEY, UserPool
from kumoniwa.services.cognito_idp.proof import Attempt
from kumoniwa.services.cognito_idp.user import CONFIRMED, MUST_CHANGE, UNCONFIRMED, User

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


def _has_passkey(call: Call, pool: UserPool, user: User) -> bool:
    return BY_PASSKEY in pool.first_factors and bool(passkey.usable(call, pool, user))


def _is_barred(pool: UserPool, user: User, kind: str) -> bool:
    """Whether somebody must say his password for all that he has another way: he must change it, or a second factor is asked of him. "If MFA is
    optional in your user pool, users who have activated MFA can't sign in with a passwordless first factor." A passkey may count for both."""
    if user.status == MUST_CHANGE:
        return True
    is_asked = bool(factor.asked_for(pool, user)) or factor.must_set_up(pool)
    return is_asked and not (kind == BY_PASSKEY and passkey.counts_for_both(pool, user))


def _passwordless(call: Call, pool: UserPool, user: User) -> list[str]:
    return [*_ways(pool, user.attributes), *([BY_PASSKEY] if _has_passkey(call, pool, user) else [])]


def available(call: Call, pool: UserPool, user: User | None) -> list[str]:
    """Among what somebody may choose. A name that nobody has is like somebody who has no passkey and can be reached in every way that the pool
    knows. A password stands for itself and for SRP."""
    if user is None:
        return [*(kind for kind in BY_CODE if kind in pool.first_factors and _is_sent(pool, kind)), *AT_ONCE]
    ways = [kind for kind in _passwordless(call, pool, user) if not _is_barred(pool, user, kind)]
    return [*ways, *(AT_ONCE if user.verifier else ())]


def check_not_barred(call: Call, pool: UserPool, user: User | None, kind: str | None) -> None:
    """Who prefers a way that he has and may not go is refused, and not offered others. The text is what https://github.com/dmeiser/kernelworx
    was told of passkeys beside a second factor; an ASP.NET sample of codes, while a password must be changed, tells it with this error, and
    https://github.com/radubc/dolphin_web_admin calls the error NotAuthorizedException."""
    if user is not None and kind in _passwordless(call, pool, user) and _is_barred(pool, user, kind):
        raise InvalidParameterException("Password Challenge is Required to SignIn")


def check_reachable(pool: UserPool, attributes: dict[str, str]) -> None:
    """Somebody without a password must have an address for a code. AdminCreateUser's page asks for it; the text is ours."""
    if not _ways(pool, attributes):
        needed = " or ".join(sorted(BY_CODE[kind] for kind in pool.first_factors if kind in BY_CODE))
        raise InvalidParameterException(f"A user without a password needs an attribute for one-time passwords: {needed}.")


def offer(attempt: Attempt, user: User | None) -> dict[str, Any]:
    kinds = available(attempt.call, attempt.pool, user)
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
    kinds += [BY_PASSKEY] if _has_passkey(call, pool, user) else []
    kinds += ["SOFTWARE_TOKEN"] if user.totp and user.is_totp_enabled else []
    return {"Username": user.name, **second, "ConfiguredUserAuthFactors": kinds}


def _is_second(user: User, attribute: str) -> bool:
    return bool(user.attributes.get(attribute)) and (user.is_sms_enabled if attribute == "phone_number" else user.is_email_enabled)
