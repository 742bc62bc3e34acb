"""Codes in the mail: made, sent, and compared once they come back.

Only a digest of a code is kept. The mail goes out as Cognito's own, from no customer's identity, and lies in the region's mailbox.
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-settings-message-customizations.html
"""

from __future__ import annotations

import hmac
import re
from urllib.parse import urlencode

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import domain, place, trigger
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.errors import (
    CodeMismatchException,
    ExpiredCodeException,
    InvalidParameterException,
    LimitExceededException,
)
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.user import Code, User

SENDER, VERIFIER = "no-reply@verificationemail.com", "no-reply@verificationemail.com"
LASTS_S = {"signup": 86_400.0, "password": 3_600.0, "attribute": 86_400.0}
"""https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html, validity of codes"""
FAILURES_MAX = 5
PLACE = "{####}"
_LINK = re.compile(r"\{##(.*?)##\}")


def details(address: str, attribute: str = "email") -> dict[str, str]:
    """Where a code went, without saying it: ``a***@e***``."""
    local, _, host = address.partition("@")
    return {"Destination": f"{local[:1]}***@{host[:1]}***", "DeliveryMedium": "EMAIL", "AttributeName": attribute}


def address_of(user: User, attribute: str = "email") -> str:
    if attribute == "phone_number":
        raise NotImplementedHere("SMS of cognito-idp")
    return user.attributes.get(attribute, "")


def _purpose(what: str, attribute: str) -> str:
    return what if what != "attribute" else f"attribute {attribute}"


async def send(
    call: Call, pool: UserPool, user: User, what: str, source: str, client_id: str, metadata: dict[str, str] | None = None,
    attribute: str = "email", value: str = "",
) -> tuple[User, dict[str, str]]:  # fmt: skip
    """Send a code for ``signup``, ``password`` or ``attribute`` and keep its digest."""
    address = value or address_of(user, attribute)
    secret = f"{call.ids.random.randrange(1_000_000):06d}"
    purpose = _purpose(what, attribute)
    user = changed(user, codes=user.codes | {
        purpose: Code(digest=place.digest(call.home, user.pool, user.sub, purpose, secret), until=call.now() + LASTS_S[what], value=address),
    })  # fmt: skip
    subject, text = _written(call, pool, user, what, client_id, secret)
    asked = await trigger.asked(
        call, pool, "CustomMessage", source, user.name, client_id,
        {"userAttributes": trigger.described(user), "codeParameter": PLACE, "linkParameter": "{##Click Here##}", "usernameParameter": None},
        {"smsMessage": None, "emailMessage": None, "emailSubject": None}, metadata or {},
    )  # fmt: skip
    if asked.get("emailMessage"):
        text = _filled(call, pool, user, client_id, str(asked["emailMessage"]), secret)
    await mail(call, pool, address, str(asked.get("emailSubject") or subject), text)
    return users.put(call, user), details(address, attribute)


def _written(call: Call, pool: UserPool, user: User, what: str, client_id: str, secret: str) -> tuple[str, str]:
    template, settings = pool.settings.get("VerificationMessageTemplate") or {}, pool.settings
    if what == "signup" and template.get("DefaultEmailOption") == "CONFIRM_WITH_LINK":
        subject = template.get("EmailSubjectByLink") or "Your verification link"
        text = template.get("EmailMessageByLink") or "Please click the link below to verify your email address. {##Verify Email##} "
    else:
        subject = settings.get("EmailVerificationSubject") or template.get("EmailSubject") or "Your verification code"
        words = "Your password reset code is {####}." if what == "password" else "Your confirmation code is {####}"
        text = settings.get("EmailVerificationMessage") or template.get("EmailMessage") or words
    return subject, _filled(call, pool, user, client_id, text, secret)


def _filled(call: Call, pool: UserPool, user: User, client_id: str, text: str, secret: str) -> str:
    text = text.replace(PLACE, secret).replace("{username}", user.name)
    if not _LINK.search(text):
        return text
    name = domain.of_pool(call, pool.id)
    if name is None:
        raise InvalidParameterException("A domain must be configured for the user pool to verify by link.")
    query = urlencode({"client_id": client_id, "user_name": user.name, "confirmation_code": secret})
    port = re.search(r":\d+$", call.home.settings.endpoint)
    link = f"http://{name}.auth.{call.region}.localhost{port[0] if port else ''}/confirmUser?{query}"
    return _LINK.sub(lambda found: f"{found[1]} {link}", text)


async def mail(call: Call, pool: UserPool, address: str, subject: str, text: str) -> None:
    letter = {
        "account": call.account, "from": (pool.settings.get("EmailConfiguration") or {}).get("From") or SENDER, "to": address, "subject": subject,
        "text": text, "token": call.new_id(),
    }  # fmt: skip
    await call.home.heard("", "ses", {"post": letter})


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
