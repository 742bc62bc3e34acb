"""What the console asks of a region's mailbox, and letters that other services of the region put there.

A service that writes letters of its own, as SNS does to addresses that subscribe, is no customer of SES: no identity, no sandbox and no
quota stand between. It says ``await home.heard("", "ses", {"post": {…}})``.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.ses import mailbox, verification
from kumoniwa.services.ses import message as messages


async def hear(home: Any, origin: str, message: dict[str, Any]) -> Any:
    """``{"post": letter}`` or ``{"ask": "list" | "forget" | a kind of ``READINGS``, "account": …, "id": …, "part": …}``; without an account those of all."""
    if (letter := message.get("post")) is not None:
        call = home.call("ses", letter["account"], principals.service("ses.amazonaws.com", letter["account"]))
        return call.atomically(lambda: _post(call, letter))
    calls = [call for call in home.calls("ses", "ses.amazonaws.com") if message.get("account") in (None, call.account)]
    what = message["ask"]
    if what == "list":
        return [mailbox.summary(call, mail) for call in calls for mail in mailbox.newest(call)]
    if what == "forget":
        for call in calls:
            mailbox.forget(call)
        return None
    read = READINGS[what]
    return next((read(call, mail, message) for call in calls if (mail := mailbox.find(call, message["id"])) is not None), None)


def _post(call: Call, letter: dict[str, Any]) -> str:
    """``{"account", "from", "to", "subject", "text", "token"}``: a letter, kept once for each token. Answers its id."""
    id_ = messages.id_of(call, letter["token"])
    if mailbox.find(call, id_) is None:
        verification.post(call, letter["from"], letter["to"], letter["subject"], letter["text"], id_)
    return id_


READINGS = {
    "mail": lambda call, mail, message: mailbox.whole(call, mail),
    "raw": lambda call, mail, message: mail.raw,
    "html": lambda call, mail, message: mailbox.page(mail),
    "attachment": lambda call, mail, message: mailbox.attachment(mail, message["part"]),
}
