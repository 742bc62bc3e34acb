"""What the console asks of a region's mailbox."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.services.ses import mailbox


async def hear(home: Any, origin: str, message: dict[str, Any]) -> Any:
    """``{"ask": "list" | "mail" | "forget", "account": …, "id": …}``; without an account the mails of all."""
    accounts = [message["account"]] if message.get("account") else [each for each in home.store.accounts() if each.isdigit()]
    calls = [home.call("ses", account, principals.service("ses.amazonaws.com", account)) for account in accounts]
    if message["ask"] == "mail":
        found = [(call, mail) for call in calls if (mail := mailbox.find(call, message["id"])) is not None]
        return mailbox.whole(*found[0]) if found else None
    if message["ask"] == "forget":
        for call in calls:
            mailbox.forget(call, message.get("id"))
        return None
    return [mailbox.summary(call, mail) for call in calls for mail in mailbox.newest(call)]
