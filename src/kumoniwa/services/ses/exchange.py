"""What the console asks of a region's mailbox."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.services.ses import mailbox


async def hear(home: Any, origin: str, message: dict[str, Any]) -> Any:
    """``{"ask": "list" | "forget" | a kind of ``READINGS``, "account": …, "id": …, "part": …}``; without an account those of all."""
    accounts = [each for each in home.store.accounts() if each.isdigit() and message.get("account") in (None, each)]
    calls = [home.call("ses", account, principals.service("ses.amazonaws.com", account)) for account in accounts]
    what = message["ask"]
    if what == "list":
        return [mailbox.summary(call, mail) for call in calls for mail in mailbox.newest(call)]
    if what == "forget":
        for call in calls:
            mailbox.forget(call)
        return None
    read = READINGS[what]
    return next((read(call, mail, message) for call in calls if (mail := mailbox.find(call, message["id"])) is not None), None)


READINGS = {
    "mail": lambda call, mail, message: mailbox.whole(call, mail),
    "raw": lambda call, mail, message: mail.raw,
    "html": lambda call, mail, message: mailbox.page(mail),
    "attachment": lambda call, mail, message: mailbox.attachment(mail, message["part"]),
}
