"""Codes in mails and text messages: made, sent, and compared once they come back. Only a digest of a code is kept.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-settings-message-customizations.html
"""

from __future__ import annotations

import hmac
import re
from typing import Any
from urllib.parse import urlencode

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import delivery, place, sender, trigger
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.client import UserPoolClient
from kumoniwa.services.cognito_idp.errors import (
    CodeMismatchException,
    ExpiredCodeException,
    InvalidParameterException,
    LimitExceededException,
    UserNotFoundException,
)
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.user import Code, User

LASTS_S = {"signup": 86_400.0, "password": 3_600.0, "attribute": 86_400.0, "mfa": 180.0, "signin": 900.0}
"""https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html, validity of codes. One to sign in with ends with its session, which lasts no
longer than this."""
FAILURES_MAX = 5
PLACE = "{####}"
_LINK = re.compile(r"\{##(.*?)##\}")
_WORDS = {
    "signup": "Your confirmation code is {####}", "attribute": "Your confirmation code is {####}", "password": "Your password reset code is {####}.",
    "mfa": "Your authentication code is {####}. ", "signin": "Your authentication code is {####}. ",
}  # fmt: skip
"""Where the pool says nothing else."""


def details(address: str, attribute: str = "email") -> dict[str, str]:
    """Where a code went, without saying it: ``a***@e***``, or the last four digits of a number
    (https://github.com/amazon-archives/amazon-cognito-identity-js/issues/236)."""
    if attribute == "phone_number":
        number = address.removeprefix("+")
        return {"Destination": f"+{'*' * max(0, len(number) - 4)}{number[-4:]}", "DeliveryMedium": "SMS", "AttributeName": attribute}
    local, _, host = address.partition("@")
    return {"Destination": f"{local[:1]}***@{host[:1]}***", "DeliveryMedium": "EMAIL", "AttributeName": attribute}


def of_nobody(client: UserPoolClient, name: str) -> dict[str, str]:
    """Where a code for a name that nobody has would have gone, for clients that do not tell who is there. Raises UserNotFoundException."""
    if not client.hides_users:
        raise UserNotFoundException("Username/client id combination not found.")
    return details(name if "@" in name else f"{name}@{name}")


def _purpose(what: str, attribute: str) -> str:
    return what if what != "attribute" else f"attribute {attribute}"


async def send(
    call: Call, pool: UserPool, user: User, what: str, source: str, client_id: str, metadata: dict[str, str] | None = None,
    attribute: str = "email", value: str = "",
) -> tuple[User, dict[str, str]]:  # fmt: skip
    """Send a code for ``signup``, ``password``, ``mfa``, ``signin`` or ``attribute`` to an address of the user's, or to ``value``, which is to become one,
    and keep its digest."""
    address = value or user.attributes.get(attribute, "")
    secret = f"{call.ids.random.randrange(1_000_000):06d}"
    purpose = _purpose(what, attribute)
    code = Code(
        digest=place.digest(call.home, user.pool, user.sub, purpose, secret), until=call.now() + LASTS_S[what], value=address, attribute=attribute
    )
    user = changed(user, codes=user.codes | {purpose: code})
    if sender.is_there(pool, attribute):
        await sender.carry(call, pool, user, attribute, source, client_id, metadata, secret)
        return users.put(call, user), details(address, attribute)
    asked = await trigger.asked(
        call, pool, "CustomMessage", source, user.name, client_id,
        {"userAttributes": trigger.described(user), "codeParameter": PLACE, "linkParameter": "{##Click Here##}", "usernameParameter": None},
        {"smsMessage": None, "emailMessage": None, "emailSubject": None}, metadata or {},
    )  # fmt: skip
    if attribute == "phone_number":
        words = str(asked.get("smsMessage") or _text(pool, what))
        await delivery.text(call, pool.settings, pools.arn_of(call, pool.id), address, words.replace(PLACE, secret).replace("{username}", user.name))
    else:
        subject, words = _letter(pool, what)
        words = _filled(call, pool, user, client_id, str(asked.get("emailMessage") or words), secret)
        await delivery.mail(call, pool.settings, pools.arn_of(call, pool.id), address, str(asked.get("emailSubject") or subject), words)
    return users.put(call, user), details(address, attribute)


def _text(pool: UserPool, what: str) -> str:
    if what in ("mfa", "signin"):
        return pool.settings.get("SmsAuthenticationMessage") or _WORDS[what]
    return pool.settings.get("SmsVerificationMessage") or _WORDS[what]


def _letter(pool: UserPool, what: str) -> tuple[str, str]:
    """The subject and the text of a mail."""
    settings: dict[str, Any] = pool.settings
    template = settings.get("VerificationMessageTemplate") or {}
    if what in ("mfa", "signin"):
        told = pool.email_mfa or {}
        return told.get("Subject") or "Your authentication code", told.get("Message") or _WORDS[what]
    if what == "signup" and template.get("DefaultEmailOption") == "CONFIRM_WITH_LINK":
        text = template.get("EmailMessageByLink") or "Please click the link below to verify your email address. {##Verify Email##} "
        return template.get("EmailSubjectByLink") or "Your verification link", text
    subject = settings.get("EmailVerificationSubject") or template.get("EmailSubject") or "Your verification code"
    return subject, settings.get("EmailVerificationMessage") or template.get("EmailMessage") or _WORDS[what]


def _filled(call: Call, pool: UserPool, user: User, client_id: str, text: str, secret: str) -> str:
    text = text.replace(PLACE, secret).replace("{username}", user.name)
    if not _LINK.search(text):
        return text
    name = place.domain_of(call.home, pool.id)
    if name is None:
        raise InvalidParameterException("A domain must be configured for the user pool to verify by link.")
    query = urlencode({"client_id": client_id, "user_name": user.name, "confirmation_code": secret})
    port = re.search(r":\d+$", call.home.settings.endpoint)
    link = f"http://{name}.auth.{call.region}.localhost{port[0] if port else ''}/confirmUser?{query}"
    return _LINK.sub(lambda found: f"{found[1]} {link}", text)


def redeem(call: Call, user: User, what: str, told: str, attribute: str = "email") -> tuple[User, Code]:
    """The user without the code, which was right. Raises what AWS answers to one that was not, and keeps that it was tried: not for an
    operation that is undone when it raises."""
    purpose = _purpose(what, attribute)
    code = user.codes.get(purpose)
    if code is None or code.until <= call.now():
        raise ExpiredCodeException
    if code.failures >= FAILURES_MAX:
        raise LimitExceededException
    if not hmac.compare_digest(code.digest, place.digest(call.home, user.pool, user.sub, purpose, told)):
        users.put(call, changed(user, codes=user.codes | {purpose: changed(code, failures=code.failures + 1)}))
        raise CodeMismatchException
    return changed(user, codes={name: kept for name, kept in user.codes.items() if name != purpose}), code
