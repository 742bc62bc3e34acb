"""The SMS sandbox: every account begins in it, and sends text messages to those numbers only that were proven to be somebody's.

On AWS people let an account out who look at what it is for; here whoever runs the cloud does, with
``POST /_aws/sns/<region>/sandbox`` (see ``door``).
https://docs.aws.amazon.com/sns/latest/dg/sns-sms-sandbox.html
https://docs.aws.amazon.com/sns/latest/dg/sns-sms-sandbox-verifying-phone-numbers.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.sns import delivery, http, phone
from kumoniwa.services.sns import subscription as subscriptions
from kumoniwa.services.sns.errors import ResourceNotFoundException
from kumoniwa.services.sns.message import Message
from kumoniwa.services.sns.phone import Destination

DESTINATIONS_MAX = 10
CODES_PER_DAY_MAX = 5
DAY_S = 86_400.0
WORDS = {
    "en": "Your verification code is {code}.",
    "es": "Su código de verificación es {code}.",
    "de": "Ihr Bestätigungscode lautet {code}.",
    "fr": "Votre code de vérification est {code}.",
    "it": "Il tuo codice di verifica è {code}.",
    "ja": "確認コードは {code} です。",
    "pt": "Seu código de verificação é {code}.",
    "kr": "인증 코드는 {code}입니다.",
    "zh-CN": "您的验证码是 {code}。",
    "zh-TW": "您的驗證碼是 {code}。",
}
"""By the language, or by the tag where the country matters."""


class OptedOutException(AwsError):
    message = "The phone number has opted out of receiving SMS messages."


class UserErrorException(AwsError): ...


class ThrottledException(AwsError):
    message = "A verification code can be sent to the same phone number up to five times in 24 hours."


class VerificationException(AwsError):
    message = "The verification code is invalid."


def CreateSMSSandboxPhoneNumber(call: Call, *, PhoneNumber: str, LanguageCode: str = "en-US") -> dict:
    """Sends a code to the number, and again if it is asked again. The limits are AWS's; no source states its texts."""
    digits, now = phone.digits_of(PhoneNumber), call.now()
    if phone.is_opted_out(call, PhoneNumber):
        raise OptedOutException
    known = call.shelf(Destination)
    held = known.get(digits)
    if held is not None and held.is_verified:
        raise UserErrorException("The phone number is already verified.")
    if held is None and len(known) >= DESTINATIONS_MAX:
        raise UserErrorException(f"An account can have up to {DESTINATIONS_MAX} destination phone numbers in the SMS sandbox.")
    sent = tuple(at for at in held.sent if at > now - DAY_S) if held is not None else ()
    if len(sent) >= CODES_PER_DAY_MAX:
        raise ThrottledException
    code = f"{call.ids.random.randrange(1_000_000):06d}"
    added, tried = (held.added, held.tried) if held is not None else (now, now)
    known[digits] = Destination(code=code, added=added, sent=(*sent, now), tried=tried)
    words = WORDS.get(LanguageCode) or WORDS[LanguageCode.partition("-")[0]]
    message = Message(id=call.new_id(), topic="", text=words.format(code=code), published=now)
    invitation = http.Invitation("OneTimePassword", message.id, "", "1")
    delivery.promise(call, message, subscriptions.of_none(call, "sms", f"+{digits}"), invitation=invitation)
    return {}


def _known(call: Call, number: str) -> Destination:
    found = call.shelf(Destination).get(phone.digits_of(number))
    if found is None:
        raise ResourceNotFoundException("The phone number does not exist in the SMS sandbox.")
    return found


async def VerifySMSSandboxPhoneNumber(call: Call, *, PhoneNumber: str, OneTimePassword: str) -> dict:
    """That it was tried is kept also where it was tried in vain."""
    is_right = call.atomically(lambda: _tried(call, PhoneNumber, OneTimePassword))
    if not is_right:
        raise VerificationException(Status="INVALID_CODE")
    return {}


def _tried(call: Call, number: str, code: str) -> bool:
    held = _known(call, number)
    is_right = held.is_verified or held.code == code
    call.shelf(Destination)[phone.digits_of(number)] = changed(held, tried=call.now(), is_verified=is_right)
    return is_right


def DeleteSMSSandboxPhoneNumber(call: Call, *, PhoneNumber: str) -> dict:
    if _known(call, PhoneNumber).tried + DAY_S > call.now():
        raise UserErrorException("A phone number can be deleted 24 hours after it was verified, or its verification was last attempted.")
    del call.shelf(Destination)[phone.digits_of(PhoneNumber)]
    return {}


def ListSMSSandboxPhoneNumbers(call: Call) -> dict:
    found = sorted(call.shelf(Destination).items(), key=lambda each: each[1].added)
    return {"PhoneNumbers": [{"PhoneNumber": f"+{digits}", "Status": "Verified" if held.is_verified else "Pending"} for digits, held in found]}


def GetSMSSandboxAccountStatus(call: Call) -> dict:
    return {"IsInSandbox": phone.is_in_sandbox(call)}


def ListOriginationNumbers(call: Call) -> dict:
    """Numbers are bought from AWS End User Messaging, which is not here: nobody has one."""
    return {"PhoneNumbers": []}
