"""The account: its quotas, its way out of the sandbox, and the addresses it does not send to."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ses import account, mailbox, page, suppression
from kumoniwa.services.ses import address as addresses
from kumoniwa.services.ses.suppression import Suppressed
from kumoniwa.services.sesv2.errors import ConflictException, NotFoundException, in_own_words


def GetAccount(call: Call) -> dict:
    held, (daily, rate), review = account.of(call), account.quota(call), account.review(call)
    reply: dict[str, Any] = {
        "DedicatedIpAutoWarmupEnabled": False,
        "EnforcementStatus": "HEALTHY",
        "ProductionAccessEnabled": review == "GRANTED",
        "SendQuota": {"Max24HourSend": daily, "MaxSendRate": rate, "SentLast24Hours": float(mailbox.sent_today(call))},
        "SendingEnabled": held.is_sending,
        "SuppressionAttributes": {"SuppressedReasons": list(held.suppressed_reasons)},
    }
    if held.details:
        reply["Details"] = held.details | ({"ReviewDetails": {"Status": review}} if review else {})
    return reply


def PutAccountDetails(
    call: Call, *, MailType: str, WebsiteURL: str, ContactLanguage: str | None = None, UseCaseDescription: str | None = None,
    AdditionalContactEmailAddresses: list[str] | None = None, ProductionAccessEnabled: bool | None = None,
) -> dict:  # fmt: skip
    """With production access a review begins, which on AWS takes people a day; see ``services/ses/account``."""
    if account.review(call) == "PENDING":
        raise ConflictException("Your request for production access is under review.")
    said = {
        "MailType": MailType, "WebsiteURL": WebsiteURL, "ContactLanguage": ContactLanguage, "UseCaseDescription": UseCaseDescription,
        "AdditionalContactEmailAddresses": AdditionalContactEmailAddresses,
    }  # fmt: skip
    asked = account.of(call).asked or (call.now() if ProductionAccessEnabled else None)
    account.change(call, details={name: value for name, value in said.items() if value is not None}, asked=asked)
    return {}


def PutAccountSendingAttributes(call: Call, *, SendingEnabled: bool | None = None) -> dict:
    account.change(call, is_sending=bool(SendingEnabled))
    return {}


# Suppression ---------------------------------------------------------------------------------------


def PutAccountSuppressionAttributes(call: Call, *, SuppressedReasons: list[str] | None = None) -> dict:
    account.change(call, suppressed_reasons=tuple(SuppressedReasons or ()))
    return {}


def PutSuppressedDestination(call: Call, *, EmailAddress: str, Reason: str) -> dict:
    with in_own_words():
        addresses.parse(EmailAddress)
    suppression.put(call, EmailAddress, Reason)
    return {}


def _existing(call: Call, address: str) -> Suppressed:
    held = suppression.find(call, address)
    if held is None:
        raise NotFoundException(f"Email address {address} does not exist on your suppression list.")
    return held


def _told(held: Suppressed) -> dict[str, Any]:
    return {"EmailAddress": held.address, "Reason": held.reason, "LastUpdateTime": held.at}


def GetSuppressedDestination(call: Call, *, EmailAddress: str) -> dict:
    return {"SuppressedDestination": _told(_existing(call, EmailAddress))}


def DeleteSuppressedDestination(call: Call, *, EmailAddress: str) -> dict:
    suppression.drop(call, _existing(call, EmailAddress).address)
    return {}


def ListSuppressedDestinations(
    call: Call, *, Reasons: list[str] | None = None, StartDate: float | None = None, EndDate: float | None = None,
    NextToken: str | None = None, PageSize: int | None = None,
) -> dict:  # fmt: skip
    wanted = [
        key
        for key, held in call.shelf(Suppressed).items()
        if (not Reasons or held.reason in Reasons)
        and (StartDate is None or held.at >= StartDate)
        and (EndDate is None or held.at <= EndDate)
    ]
    keys, more = page.cut(wanted, NextToken, PageSize, usual=1000)
    return {"SuppressedDestinationSummaries": [_told(_existing(call, key)) for key in keys], **more}
