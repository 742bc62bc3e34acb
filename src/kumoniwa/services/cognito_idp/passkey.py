"""Passkeys: keys on people's devices, with which they sign in instead of with a password.

A pool has them made for its relying party, a domain; a browser uses one on pages of that domain alone. Whoever is signed in has a credential
made for a challenge, and signs in later by having it sign another.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.engines import passkey
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.languages.json_web_token import base64url
from kumoniwa.services.cognito_idp import client as clients
from kumoniwa.services.cognito_idp import ticket, token
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.client import USER_AUTH
from kumoniwa.services.cognito_idp.errors import (
    InvalidParameterException,
    LimitExceededException,
    NotAuthorizedException,
    ResourceNotFoundException,
    WebAuthnChallengeNotFoundException,
    WebAuthnClientMismatchException,
    WebAuthnConfigurationMissingException,
    WebAuthnCredentialNotSupportedException,
    WebAuthnNotEnabledException,
    WebAuthnOriginNotAllowedException,
    WebAuthnRelyingPartyMismatchException,
)
from kumoniwa.services.cognito_idp.place import domain_of
from kumoniwa.services.cognito_idp.pool import BOTH_FACTORS, BY_PASSKEY, UserPool
from kumoniwa.services.cognito_idp.user import Passkey, User

if TYPE_CHECKING:
    from kumoniwa.services.cognito_idp.proof import Attempt

ALGORITHMS = (passkey.ES256, passkey.RS256)
""""Amazon Cognito recognizes passkeys created using either of two asymmetric cryptographic algorithms, ES256(-7) and RS256(-257)." """
HELD_MAX = 20
""""Each user can register up to 20 passkeys." """
CHALLENGE_BYTES = 16
REGISTRATION_S = 60.0
"""As long as a browser is told to take. How long AWS waits is not documented."""
ROAMING, NAMELESS = "Roaming passkey", "Passkey"
_REGISTRATION = "passkey"


def party_of(call: Call, pool: UserPool) -> str:
    """For which domain passkeys are made: the one that is said, else the pool's own; empty if there is none. A page that this machine shows
    has another name than Amazon's, so that a pool whose people shall use theirs there must say it."""
    domain = domain_of(call.home, pool.id)
    own = f"{domain}.auth.{call.region}.amazoncognito.com" if domain else ""
    return (pool.web_authn or {}).get("RelyingPartyId") or own


def is_verification_required(pool: UserPool) -> bool:
    """Whether people must show their device who they are. WebAuthnFactorConfigurationType: where passkeys count for both factors, "your user pool
    requires passkey authenticators to perform user verification"."""
    told = pool.web_authn or {}
    return told.get("UserVerification") == "required" or told.get("FactorConfiguration") == BOTH_FACTORS


def counts_for_both(pool: UserPool, user: User) -> bool:
    """Whether a passkey is all that is asked of somebody of whom two factors are."""
    return (pool.web_authn or {}).get("FactorConfiguration") == BOTH_FACTORS and user.is_passkey_enabled


def usable(call: Call, pool: UserPool, user: User) -> list[Passkey]:
    """A user's passkeys, the oldest first. "If you change your RP ID, your users must register again with the new RP ID." """
    party, shelf = party_of(call, pool), call.shelf(Passkey)
    return [each for id_ in user.passkeys if (each := shelf[users.passkey_key(pool.id, id_)]).party == party]


def _challenge() -> str:
    return base64url(os.urandom(CHALLENGE_BYTES))


def _verification(pool: UserPool) -> str:
    return "required" if is_verification_required(pool) else "preferred"


def _named(held: list[Passkey]) -> list[dict[str, str]]:
    return [{"id": each.id, "type": "public-key"} for each in held]


# While somebody signs in -----------------------------------------------------------------------------


def ask(attempt: Attempt, user: User) -> dict[str, Any]:
    """A challenge, and what a browser is to be told of it: as amazon's amplify-js has recorded it (``passkeyCredentialRequestOptions``)."""
    call, pool, challenge = attempt.call, attempt.pool, _challenge()
    options = {
        "hints": [], "attestation": "none", "attestationFormats": [], "challenge": challenge, "timeout": attempt.client.session_s * 1_000,
        "rpId": party_of(call, pool), "allowCredentials": _named(usable(call, pool, user)), "userVerification": _verification(pool),
    }  # fmt: skip
    return attempt.challenge(BY_PASSKEY, user, {"CREDENTIAL_REQUEST_OPTIONS": orjson.dumps(options).decode()}, {"passkey": challenge})


def check_shown(call: Call, pool: UserPool, user: User, challenge: str, told: str) -> None:
    """Raise NotAuthorizedException unless one of the user's passkeys has signed the challenge. The words are those of a wrong password: with
    which AWS refuses a passkey no record is at hand. A signature counter that does not go on tells that a second device has the key."""
    held = {each.id: each for each in usable(call, pool, user)}
    try:
        shown = passkey.shown(
            orjson.loads(told), party_of(call, pool), challenge, {id_: each.public_key for id_, each in held.items()},
            is_verification_required=is_verification_required(pool),
        )  # fmt: skip
    except (orjson.JSONDecodeError, passkey.Unreadable) as error:
        raise InvalidParameterException("Invalid CREDENTIAL.", hint=f"It is no AuthenticationResponseJSON: {error}.") from None
    except passkey.ForeignOrigin as error:
        raise NotAuthorizedException(hint=f"{error} is no page of the relying party {party_of(call, pool)}.") from None
    except passkey.ForeignParty:
        raise NotAuthorizedException(hint="The passkey was asked for another relying party.") from None
    except (passkey.Unsupported, passkey.Unproven) as error:
        raise NotAuthorizedException(hint=f"The passkey proves nothing: {error}.") from None
    known = held[shown.id]
    if shown.user_handle and shown.user_handle != user.sub.encode():
        raise NotAuthorizedException(hint="The passkey is somebody else's.")
    if (known.counter or shown.counter) and shown.counter <= known.counter:
        raise NotAuthorizedException(hint="The passkey's signature counter has not gone on.")
    call.shelf(Passkey)[users.passkey_key(pool.id, known.id)] = changed(known, counter=shown.counter)


# Told of by people -----------------------------------------------------------------------------------


def _bearer(call: Call, access_token: str) -> tuple[UserPool, User, str]:
    """Who registers a passkey, and by which client. The text of a client by which nobody signs in with one is reported by
    https://github.com/non-97/storage-browser-for-s3-sample-app; with which error is not."""
    pool, user, claims = token.bearer(call, access_token)
    if BY_PASSKEY not in pool.first_factors:
        raise WebAuthnNotEnabledException
    if USER_AUTH not in clients.named(call, claims["client_id"], pool.id).flows:
        raise InvalidParameterException("USER_AUTH flow is not enabled for the client")
    return pool, user, claims["client_id"]


def _check_room(user: User) -> None:
    if len(user.passkeys) >= HELD_MAX:
        raise LimitExceededException(f"A user can register up to {HELD_MAX} passkeys.")


def _open_id(user: User, challenge: str) -> str:
    return f"passkey {user.pool}/{user.name}/{challenge}"


def StartWebAuthnRegistration(call: Call, *, AccessToken: str) -> dict:
    """The answer is that of the example in AWS's command line interface."""
    pool, user, client = _bearer(call, AccessToken)
    party = party_of(call, pool)
    if not party:
        raise WebAuthnConfigurationMissingException
    _check_room(user)
    challenge = _challenge()
    ticket.issue(call, _REGISTRATION, {"client": client}, REGISTRATION_S, _open_id(user, challenge))
    options = {
        "authenticatorSelection": {"requireResidentKey": True, "residentKey": "required", "userVerification": _verification(pool)},
        "challenge": challenge,
        "excludeCredentials": _named(usable(call, pool, user)),
        "pubKeyCredParams": [{"alg": each, "type": "public-key"} for each in ALGORITHMS],
        "rp": {"id": party, "name": party},
        "timeout": int(REGISTRATION_S * 1_000),
        "user": {"displayName": user.name, "id": base64url(user.sub.encode()), "name": user.name},
    }
    return {"CredentialCreationOptions": options}


def CompleteWebAuthnRegistration(call: Call, *, AccessToken: str, Credential: dict[str, Any]) -> dict:
    """A challenge is good for one credential. Whatever is refused leaves it as it was."""
    pool, user, client = _bearer(call, AccessToken)
    party = party_of(call, pool)
    try:
        challenge = passkey.challenge_in(Credential)
        said = ticket.redeem(call, _REGISTRATION, _open_id(user, challenge))
        if said is None:
            raise WebAuthnChallengeNotFoundException
        if said["client"] != client:
            raise WebAuthnClientMismatchException
        made = passkey.registered(Credential, party, challenge, ALGORITHMS, is_verification_required=is_verification_required(pool))
    except passkey.ForeignOrigin as error:
        raise WebAuthnOriginNotAllowedException(hint=f"{error} is no page of the relying party {party}.") from None
    except passkey.ForeignParty:
        raise WebAuthnRelyingPartyMismatchException from None
    except passkey.Unsupported as error:
        raise WebAuthnCredentialNotSupportedException(hint=f"Refused because {error}.") from None
    except (passkey.Unreadable, passkey.Unproven) as error:
        raise InvalidParameterException("Invalid Credential.", hint=f"It is no RegistrationResponseJSON for this challenge: {error}.") from None
    shelf, key = call.shelf(Passkey), users.passkey_key(pool.id, made.id)
    if key in shelf:
        raise InvalidParameterException("The passkey is registered already.")
    _check_room(user)
    shelf[key] = Passkey(
        pool=pool.id, user=user.name, id=made.id, created=call.now(), party=party, public_key=made.public_key, counter=made.counter,
        attachment=made.attachment, transports=made.transports,
    )  # fmt: skip
    users.put(call, changed(user, passkeys=(*user.passkeys, made.id)))
    return {}


def _shown(each: Passkey) -> dict[str, Any]:
    """As AWS's command line interface shows it in its example. It calls devices that it knows by names of their own, which is not done here."""
    return {
        "CredentialId": each.id, "FriendlyCredentialName": ROAMING if each.attachment == "cross-platform" else NAMELESS,
        "RelyingPartyId": each.party, **({"AuthenticatorAttachment": each.attachment} if each.attachment else {}),
        "AuthenticatorTransports": list(each.transports), "CreatedAt": each.created,
    }  # fmt: skip


def ListWebAuthnCredentials(call: Call, *, AccessToken: str, NextToken: str | None = None, MaxResults: int | None = None) -> dict:
    pool, user, _ = token.bearer(call, AccessToken)
    ids = list(user.passkeys)
    if NextToken is not None:
        if NextToken not in ids:
            raise InvalidParameterException("Invalid pagination token.")
        ids = ids[ids.index(NextToken) + 1 :]
    page = ids[: MaxResults or HELD_MAX]
    more = {"NextToken": page[-1]} if len(page) < len(ids) else {}
    return {"Credentials": [_shown(call.shelf(Passkey)[users.passkey_key(pool.id, id_)]) for id_ in page], **more}


def DeleteWebAuthnCredential(call: Call, *, AccessToken: str, CredentialId: str) -> dict:
    pool, user, _ = token.bearer(call, AccessToken)
    if CredentialId not in user.passkeys:
        raise ResourceNotFoundException("The passkey does not exist.")
    del call.shelf(Passkey)[users.passkey_key(pool.id, CredentialId)]
    users.put(call, changed(user, passkeys=tuple(id_ for id_ in user.passkeys if id_ != CredentialId)))
    return {}
